# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the application's account tries on the host, and the role checkpointer as root. Each test has a control without the protection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from servers import os_user, workspace
from sites import ROUNDTRIP, Site, sudo_of
from virtualenvs import site_packages

pytestmark = [pytest.mark.newest, pytest.mark.skipif(os.geteuid() != 0, reason="the role must run as root")]
# The control: the role as it would be if it took root for the account that controls every path.
WITHOUT_THE_CHECK = ("-e", json.dumps({"__checkpointer_in_control": "root", "__checkpointer_as_account": False, "__checkpointer_not_in_control": False}))


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    found = Site(tmp_path, database, target_venv, runner)
    found.variables.update(
        **sudo_of(tmp_path),
        checkpointer_manage_packages=True,
        ansible_python_interpreter="/usr/bin/python3",
        checkpointer_python="/usr/bin/python3",
    )
    return found


@pytest.fixture
def srv():
    """A directory of root's with one of the application's account in it: `srv/agent`."""
    path = workspace()
    os.chown(path, 0, 0)
    path.chmod(0o755)
    (path / "agent").mkdir()
    os.chown(path / "agent", os_user().pw_uid, os_user().pw_gid)
    yield path
    shutil.rmtree(path)


def owner(path):
    return path.stat().st_uid


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_a_link_to_a_directory_of_root(site, srv, protected):
    """The application's account replaces its virtualenv by a link. With the check, the link's target keeps its owner."""
    target = srv / "target"
    target.mkdir()
    target.chmod(0o700)
    (srv / "agent" / "venv").symlink_to(target)
    os.chown(srv / "agent" / "venv", os_user().pw_uid, os_user().pw_gid, follow_symlinks=False)
    site.hosts = {"app1": {"checkpointer_virtualenv": str(srv / "agent" / "venv"), "checkpointer_virtualenv_owner": os_user().pw_name}}
    done = site.play("--tags", "install", *([] if protected else WITHOUT_THE_CHECK))
    assert done.rc != 0
    assert (owner(target) == 0 and target.stat().st_mode & 0o777 == 0o700) is protected, done.output[-3000:]


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_a_virtualenv_in_the_applications_directory_without_an_owner(site, srv, protected):
    """The directory could be exchanged while root works in it. So the account that owns the directory does the work."""
    seen = srv / "seen"
    seen.touch()
    seen.chmod(0o666)
    python = srv / "python3"
    python.write_text('#!/bin/sh\ncase "$1 $2" in "-m venv") id -u >> %s; exit 1;; esac\nexec /usr/bin/python3 "$@"\n' % seen)
    python.chmod(0o755)
    site.hosts = {"app1": {"checkpointer_virtualenv": str(srv / "agent" / "venv"), "checkpointer_python": str(python)}}
    more = [] if protected else [*WITHOUT_THE_CHECK, "-e", "__checkpointer_owner_wanted=root"]
    done = site.play("--tags", "install", *more)
    assert done.rc != 0
    assert set(seen.read_text().split()) == {str(os_user().pw_uid) if protected else "0"}, done.output[-3000:]


def test_an_editable_install_of_the_applications_directory(site, srv):
    """A .pth file of root's names a directory of the application's, whose psycopg would run as root."""
    venv = srv / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python3*/site-packages")
    seen = srv / "seen"
    seen.touch()
    seen.chmod(0o666)
    source = srv / "agent" / "source"
    (source / "psycopg").mkdir(parents=True)
    (source / "psycopg" / "__init__.py").write_text("import os; open(%r, 'a').write('%%d\\n' %% os.geteuid())\n" % str(seen))
    (packages / "project.pth").write_text("%s\n" % source)
    subprocess.run(["chown", "-R", os_user().pw_name, str(source)], check=True)
    subprocess.run([str(venv / "bin" / "python"), "-c", "import psycopg"], check=True)
    assert seen.read_text() == "0\n", "the control shows no harm"
    seen.write_text("")
    site.hosts = {"app1": {"checkpointer_virtualenv": str(venv)}}
    site.play("--tags", "install").stopped("takes code from", str(srv / "agent"))
    for tag in ("setup", "verify"):
        assert site.play("--tags", tag).rc != 0
    assert seen.read_text() == ""


def test_an_owner_who_does_not_control_the_path_is_rejected(site, srv):
    site.hosts = {"app1": {"checkpointer_virtualenv": str(srv / "agent" / "venv"), "checkpointer_virtualenv_owner": "root"}}
    site.play("--tags", "install").stopped("%s can replace" % os_user().pw_name, "set checkpointer_virtualenv_owner to %s" % os_user().pw_name)
    assert list((srv / "agent").iterdir()) == []


def test_a_path_that_every_account_can_create_is_rejected(site, srv):
    (srv / "agent").chmod(0o1777)
    os.chown(srv / "agent", 0, 0)
    site.hosts = {"app1": {"checkpointer_virtualenv": str(srv / "agent" / "venv")}}
    site.play("--tags", "install").stopped("accounts other than root can write to %s" % (srv / "agent"))
    assert list((srv / "agent").iterdir()) == []


WIRETAP = """\
import psycopg
_connect = psycopg.Connection.connect.__func__
psycopg.Connection.connect = classmethod(
    lambda cls, conninfo="", **kwargs: (open({seen!r}, "a").write(repr(kwargs) + chr(10)), _connect(cls, conninfo, **kwargs))[1]
)
"""


def application_virtualenv(srv, target_venv, name, code):
    """A virtualenv of the application's account with the libraries and a module that each Python of it imports when it starts."""
    venv = srv / "agent" / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python3*/site-packages")
    if packages.parent.name != site_packages(target_venv).parent.name:
        pytest.skip("the libraries are installed for another version than the system's Python, and other accounts cannot run that Python")
    (packages / "target.pth").write_text("%s\n" % site_packages(target_venv))
    (packages / ("%s.pth" % name)).write_text("import %s\n" % name)
    (packages / ("%s.py" % name)).write_text(code)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(venv)], check=True)
    return venv


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_the_owners_password_in_a_virtualenv_of_the_application(site, database, srv, target_venv, protected):
    """A .pth file of the application's account reads every password that psycopg gets. It reads the application's own, and not the owner's."""
    seen = srv / "seen"
    seen.touch()
    seen.chmod(0o666)
    venv = application_virtualenv(srv, target_venv, "wiretap", WIRETAP.format(seen=str(seen)))
    site.hosts = {"app1": {"checkpointer_virtualenv": str(venv), "checkpointer_operator_virtualenv": str(target_venv)}}
    site.variables.update(checkpointer_manage_packages=False)
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    done = site.play(*([] if protected else ["-e", '{"__checkpointer_setup_by_operator": false}'])).passed()
    assert done.of("Set up the schema that the library needs")[0]["changed"] is True
    assert database.app.password in seen.read_text()
    assert (database.owner.password not in seen.read_text()) is protected


# Replaces the result of checkpoint_verify by one that says that nothing is pending.
NOTHING_PENDING = """\
import builtins, json
_print = builtins.print

def show(*texts, **kwargs):
    try:
        result = json.loads(texts[0])
        result["setup_pending"] = []
    except (IndexError, KeyError, TypeError, ValueError):
        return _print(*texts, **kwargs)
    _print(json.dumps(result), **kwargs)

builtins.print = show
"""


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_a_virtualenv_of_the_application_does_not_hide_what_is_pending(site, database, srv, target_venv, protected):
    """The application keeps a privilege that it must not have, if its own code is asked whether it has one."""
    venv = application_virtualenv(srv, target_venv, "nothing_pending", NOTHING_PENDING)
    site.hosts = {"app1": {"checkpointer_virtualenv": str(venv), "checkpointer_operator_virtualenv": str(target_venv)}}
    database.execute("GRANT TRUNCATE ON checkpoints TO %s" % database.app.name)
    done = site.play(*([] if protected else ["-e", '{"__checkpointer_hosts_verified": ["app1"]}'])).passed()
    assert done.of(ROUNDTRIP)[0]["setup_pending"] == []
    (kept,) = database.execute("SELECT has_table_privilege(%s, 'checkpoints', 'TRUNCATE')", (database.app.name,))
    assert kept == ((not protected),)


def test_an_operator_virtualenv_in_the_applications_directory_is_rejected(site, database, srv):
    venv = srv / "agent" / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(venv)], check=True)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(venv)], check=True)
    site.hosts = {"app1": {"checkpointer_virtualenv": str(venv), "checkpointer_operator_virtualenv": str(srv / "agent" / "operator")}}
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    site.play("--tags", "setup").stopped("Set checkpointer_operator_virtualenv to a path below directories that only root can change")
    assert not (srv / "agent" / "operator").exists()


# Reads, as the application's account, each file in the temporary directories of Ansible.
READER = """\
import glob, os, sys, time
PLACES = ("/tmp/ansible*", "/var/tmp/ansible*", "~root/.ansible/tmp/*")
known = set()
while True:
    for folder in [found for place in PLACES for found in glob.glob(os.path.expanduser(place))]:
        for base, _folders, names in os.walk(folder):
            for name in names:
                try:
                    text = open(os.path.join(base, name), errors="replace").read()
                except OSError:
                    continue
                if hash(text) not in known:
                    known.add(hash(text))
                    open(sys.argv[1] + "/seen", "a").write(text)
    time.sleep(0.005)
"""


@pytest.mark.extended
def test_the_files_of_modules_without_pipelining(site, database, srv, target_venv):
    """The application's account reads the file of the module that runs as this account, and none of root's."""
    (srv / "seen").touch()
    (srv / "seen").chmod(0o666)
    venv = application_virtualenv(srv, target_venv, "nothing", "")
    site.hosts = {"app1": {"checkpointer_virtualenv": str(venv), "checkpointer_operator_virtualenv": str(target_venv)}}
    site.variables.update(checkpointer_manage_packages=False)
    site.variables.pop("ansible_remote_tmp")
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    reader = subprocess.Popen(["/usr/bin/python3", "-c", READER, str(srv)], user=os_user().pw_uid, group=os_user().pw_gid, extra_groups=[], cwd="/")
    try:
        # Not the tests' own connection plugin, which always uses a pipe.
        done = site.play(env={"ANSIBLE_PIPELINING": "False", "ANSIBLE_CONNECTION_PLUGINS": ""}).passed()
    finally:
        reader.kill()
        reader.wait()
    assert done.of("Set up the schema that the library needs")[0]["changed"] is True
    seen = (srv / "seen").read_text(errors="replace")
    assert database.app.password in seen, "the control: the files are there, and they contain passwords"
    assert database.owner.password not in seen
