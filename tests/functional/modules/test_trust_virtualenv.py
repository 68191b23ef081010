# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtualenvs of root's that run code of the application's account, and virtualenvs of root's that look similar and do not."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import sys

import pytest
from runner import ROOT
from servers import os_user, workspace

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import enter

pytestmark = [pytest.mark.newest, pytest.mark.skipif(os.geteuid() != 0, reason="root must enter the virtualenv")]
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def srv():
    """A directory of root's with one of the application's account in it: `srv/agent`."""
    path = workspace()
    os.chown(path, 0, 0)
    (path / "agent").mkdir()
    os.chown(path / "agent", os_user().pw_uid, os_user().pw_gid)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def python(srv):
    """A Python that is not installed in /usr, as uv and pyenv install it: the standard library of this one, by links, below srv/python."""
    base = srv / "python"
    (base / "bin").mkdir(parents=True)
    version = "python%d.%d" % sys.version_info[:2]
    shutil.copy(os.path.realpath(sys.executable), base / "bin" / version)
    library = base / "lib" / version
    library.mkdir(parents=True)
    for each in os.listdir(os.path.dirname(os.__file__)):
        if each != "site-packages":
            (library / each).symlink_to(os.path.join(os.path.dirname(os.__file__), each))
    return base / "bin" / version


def make(path, *flags, python=SYSTEM_PYTHON):
    subprocess.run([str(python), "-m", "venv", "--without-pip", *flags, str(path)], check=True)
    (found,) = path.glob("lib/python3*/site-packages")
    return found


def harmful(path, seen):
    """Code of the application's account, which writes the user that runs it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("import os; open(%r, 'a').write('%%d\\n' %% os.geteuid())\n" % str(seen))
    return path


def file_in_the_cache(srv, seen, _python):
    """uv links files from its cache. If the cache is the application's, its account can write to them in directories of root's."""
    module = harmful(srv / "agent" / "cache" / "psycopg.py", seen)
    site = make(srv / "venv")
    (site / "psycopg").mkdir()
    os.link(module, site / "psycopg" / "__init__.py")
    os.chown(module, os_user().pw_uid, -1)


def directory_that_appears(srv, seen, _python):
    """A .pth file names a directory that does not exist. The application's account creates it after the check."""
    (make(srv / "venv") / "project.pth").write_text("%s\n" % (srv / "agent" / "project"))
    return lambda: harmful(srv / "agent" / "project" / "psycopg.py", seen)


def standard_library(srv, seen, python):
    """With --copies bin/python is a file of root's. The standard library stays where it was."""
    make(srv / "venv", "--copies", python=python)
    harmful(python.parent.parent / "lib" / python.name / "psycopg.py", seen)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(srv / "python")], check=True)


@pytest.mark.parametrize("attack", [file_in_the_cache, directory_that_appears, standard_library])
def test_root_does_not_run_code_of_the_application(call_module, srv, python, attack):
    seen = srv / "seen"
    later = attack(srv, seen, python)
    done = call_module("virtualenv_info", {"path": str(srv / "venv")})
    assert "takes code from %s" % srv in done["problem"] and "belongs to %s" % os_user().pw_name in done["problem"], done["problem"]
    done = call_module("checkpoint_schema_info", {"virtualenv": str(srv / "venv"), "login_db": "none"})
    assert done.failed and "as root would run code that other accounts can write" in done["msg"], done
    assert not seen.exists()
    # The control: root enters the virtualenv without the check.
    if later:
        later()
    subprocess.run([str(srv / "venv" / "bin" / "python"), "-c", "import psycopg"], check=True)
    assert seen.read_text() == "0\n"


def test_virtualenvs_that_only_root_can_change(call_module, srv, python):
    """Virtualenvs of a Python outside of /usr, with links, copies and the system's packages, a project of root's, and a link of root's on the path."""
    (srv / "python-current").symlink_to("python")
    make(srv / "link", python=srv / "python-current" / "bin" / python.name)
    make(srv / "copies", "--copies", python=python)
    make(srv / "system", "--system-site-packages")
    (srv / "project").mkdir()
    site = make(srv / "editable")
    (site / "__editable__.project-1.pth").write_text("%s\n%s\n" % (srv / "project", srv / "removed"))
    (srv / "by-link").symlink_to(srv / "editable")
    for name in ("link", "copies", "system", "editable", "by-link"):
        done = call_module("virtualenv_info", {"path": str(srv / name)})
        assert (done["problem"], done["exists"], done["account"]) == ("", True, "root"), name


# What the application's account does instead of Python: it opens the terminal of the process that started it, and prints without end.
PYTHON = """#!{python}
import contextlib
import os
import pty
with open({seen!r}, "a") as seen:
    try:
        os.open("/dev/tty", os.O_RDWR)
        seen.write("a terminal ")
    except OSError:
        pass
    try:
        written = 0
        while written < 1 << 25:
            written += os.write(1, b"x" * 65536)
    except OSError:
        pass
    seen.write("%d\\n" % written)
"""
READ = """
import os, sys
sys.path.insert(0, {root!r})
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import contents
print(len(contents.read({venv!r}, [])["problem"]))
"""


def on_a_terminal(*command):
    """Run a command that has a terminal, as a module has one that Ansible runs through sudo without pipelining."""
    process, terminal = pty.fork()
    if not process:
        os.execv(command[0], command)
    with contextlib.suppress(OSError):  # at the end of the process
        while os.read(terminal, 1 << 20):
            pass
    assert os.waitpid(process, 0)[1] == 0
    os.close(terminal)


def test_the_applications_python_has_neither_roots_terminal_nor_roots_memory(srv):
    venv, seen = srv / "agent" / "venv", srv / "seen"
    make(venv)
    seen.touch()
    seen.chmod(0o666)
    python = venv / "bin" / "python"
    python.unlink()
    python.write_text(PYTHON.format(python=SYSTEM_PYTHON, seen=str(seen)))
    python.chmod(0o755)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(venv)], check=True)
    on_a_terminal(sys.executable, "-c", READ.format(root=str(ROOT / "collections"), venv=str(venv)))
    assert 0 < int(seen.read_text()) <= 8 << 20
    seen.write_text("")
    on_a_terminal(shutil.which("setpriv"), "--reuid=%d" % os_user().pw_uid, "--clear-groups", str(python))
    assert seen.read_text() == "a terminal %d\n" % (1 << 25), "the control: without the limits"


def message_as(uid, venv):
    """The error with which a module that runs as this user rejects the virtualenv, or an empty string."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            enter._python(str(venv))
        except ModuleError as error:
            os.write(writer, error.message.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(process, 0)
    return text


THIRD = 4242


def test_a_third_account_does_not_run_the_applications_code(srv):
    """Neither root nor the owner: the account of a deployment tool, for example."""
    venv, seen = srv / "agent" / "venv", srv / "seen"
    harmful(make(venv) / "application.pth", seen)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(venv)], check=True)
    seen.touch()
    seen.chmod(0o666)
    for folder in (srv, srv / "agent"):
        folder.chmod(0o755)
    assert "belongs to user %d, but the task runs as user %d" % (os_user().pw_uid, THIRD) in message_as(THIRD, venv)
    assert seen.read_text() == ""
    assert message_as(os_user().pw_uid, venv) == ""
    assert set(seen.read_text().split()) == {str(os_user().pw_uid)}, "the owner enters its own virtualenv"
    subprocess.run([str(venv / "bin" / "python"), "-I", "-c", ""], check=True, user=THIRD, group=THIRD, extra_groups=[], cwd="/")
    assert str(THIRD) in seen.read_text().split(), "the control: the virtualenv's Python without the check"
