# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role checkpointer through ansible-playbook, on several hosts. All of them are this machine."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from assertions import assert_no_secret
from plays import needs_ssh, run
from scope import usual
from servers import os_user, workspace
from sites import COMPARE, ROUNDTRIP, SETUP, Site, once_answered, sudo_of
from virtualenvs import make_venv, site_packages

pytestmark = pytest.mark.newest

READ = "Read the contents of the virtualenv"
PIP = "Install the packages"
# The arguments that never reach a host.
ON_THE_CONTROLLER = {"ansible.builtin." + name for name in ("assert", "debug", "fail", "include_tasks", "set_fact", "set_stats", "validate_argument_spec")}
RESTART = {"name": "Restart the application", "ansible.builtin.debug": {"msg": "restarted"}, "listen": "stateops.langgraph packages changed"}


def _base():
    """A Python that other users can run as well. They cannot run one below root's home."""
    for python in ("/usr/bin/python3", sys.executable):
        probe = [python, "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]
        if subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return python
    raise AssertionError("no Python of 3.10 or newer with ensurepip was found")


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    return Site(tmp_path, database, target_venv, runner)


def test_a_converged_run_is_two_tasks_and_changes_nothing(site):
    """No task logs in as the owner: the address and the password of that login are not needed."""
    site.variables["checkpointer_owner_password"] = "not the password"
    done = site.play().unchanged()
    remote = [each for each in done.tasks if each["kind"] == "ok" and each["host"] == "app2" and each["action"] not in ON_THE_CONTROLLER]
    assert [each["task"].split(" : ")[-1] for each in remote] == [READ, ROUNDTRIP]
    assert done.hosts(SETUP) == []
    (verified,) = done.of(ROUNDTRIP, "app3")
    assert verified["parity"]["in_parity"] is True and verified["roundtrip"]["stale_rows_removed"] == 0


# After each statement, something is pending for setup in a database that is otherwise in parity.
PENDING = {
    "a missing index": "DROP INDEX checkpoints_thread_id_idx",
    "a migration that is not recorded": "DELETE FROM checkpoint_migrations WHERE v = 9",
    "a missing privilege": 'REVOKE DELETE ON checkpoint_writes FROM "{app}"',
    "a migrations table that the application may not read": 'REVOKE SELECT ON checkpoint_migrations FROM "{app}"',
    "an excess privilege": 'GRANT TRUNCATE ON checkpoint_writes TO "{app}"',
    "a privilege of every role": "GRANT SELECT ON checkpoints TO PUBLIC",
    "later tables open to the application": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT ON TABLES TO "{app}"',
}


@pytest.mark.parametrize("pending", usual(sorted(PENDING), 2))
def test_what_is_pending_is_set_up_once_and_verified_again(site, database, pending):
    database.execute(PENDING[pending].format(app=database.app.name, owner=database.owner.name))
    plan = site.play("--check").passed()
    assert plan.hosts(SETUP) == ["app1"] and plan.of(SETUP)[0]["changed"] is True
    done = site.play().passed()
    assert done.hosts(SETUP) == ["app1"] and done.of(SETUP)[0]["changed"] is True
    assert done.hosts(ROUNDTRIP) == sorted(["app1", "app2", "app3"] * 2)
    before, after = done.of(ROUNDTRIP, "app2")
    assert before.get("setup_pending", before.get("msg")) and after["setup_pending"] == [] and after["roundtrip"]
    assert site.play().unchanged().hosts(SETUP) == []


def test_one_host_that_cannot_tell_is_enough_for_a_setup(site, database):
    """The first host has verified that nothing is pending. The setup runs there, and finds nothing either."""
    site.hosts["app2"]["checkpointer_app_credentials"] = {"user": database.app.name, "password": "not the password"}
    done = site.play().stopped("password authentication failed")
    assert done.hosts(SETUP) == ["app1"] and done.of(SETUP)[0]["changed"] is False
    assert {host: counts["failed"] for host, counts in done.recap.items()} == {"app1": 0, "app2": 1, "app3": 0}


def test_another_owner_than_the_inventory_names_leaves_it_to_setup(site, database):
    """The credentials determine the login. Without the owner's name, every run logs in as the owner."""
    site.variables.update(
        checkpointer_owner_credentials={"user": database.owner.name, "password": database.owner.password}, checkpointer_owner_user="somebody_else"
    )
    done = site.play("--limit", "app1").unchanged()
    assert done.hosts(SETUP) == ["app1"] and done.hosts(ROUNDTRIP) == ["app1"]


@pytest.mark.extended
def test_the_modules_run_in_the_virtualenv_itself(site):
    done = site.play("--limit", "app1", "--tags", "setup").passed()
    assert "%s/bin/python" % site.hosts["app1"]["checkpointer_virtualenv"] in done.output
    # The verification did not run a second time.
    assert "respawn" not in json.dumps(done.of(SETUP))


@pytest.mark.parametrize(
    "tag, ran",
    [("install", [READ]), ("setup", [READ, SETUP]), ("verify", [READ, ROUNDTRIP])],
)
def test_each_tag_alone(site, tag, ran):
    done = site.play("--limit", "app1", "--tags", tag).unchanged()
    assert [each for each in (READ, PIP, SETUP, COMPARE, ROUNDTRIP) if done.hosts(each)] == ran


@pytest.mark.parametrize("part, ran", [("install", [READ]), ("setup", [READ, SETUP]), ("verify", [READ, ROUNDTRIP])])
@pytest.mark.extended
def test_each_part_alone(site, part, ran):
    tasks = [{"ansible.builtin.include_role": {"name": "stateops.langgraph.checkpointer", "tasks_from": part}}]
    done = site.play("--limit", "app1", play={"roles": [], "tasks": tasks}).unchanged()
    assert [each for each in (READ, PIP, SETUP, COMPARE, ROUNDTRIP) if done.hosts(each)] == ran


@pytest.mark.extended
def test_one_after_the_other(site):
    done = site.play(play={"serial": 1}).unchanged()
    assert done.hosts(SETUP) == [] and done.hosts(ROUNDTRIP) == ["app1", "app2", "app3"]


@pytest.mark.extended
def test_free_strategy(site, database):
    database.execute("DROP TABLE checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations")
    done = site.play("--tags", "setup", play={"strategy": "ansible.builtin.free"}).passed()
    assert done.hosts(SETUP) == ["app1", "app2", "app3"]
    assert [result["changed"] for result in done.of(SETUP)].count(True) == 1
    assert database.recorded() == 9 and all(database.indexes().values())


@needs_ssh
def test_a_first_host_that_fails_leaves_the_work_to_the_next(site, database):
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    site.hosts["app1"]["ansible_connection"] = "ssh"
    site.hosts["app1"].update(ansible_host="127.0.0.1", ansible_port=1)
    done = site.play().stopped("UNREACHABLE", rc=4)
    assert done.hosts(SETUP) == ["app2"]
    assert done.hosts(ROUNDTRIP) == ["app2", "app2", "app3", "app3"]
    assert done.recap["app3"]["failed"] == 0


def test_drift_fails_without_a_round_trip(site, database):
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    plays = [
        {
            "hosts": "app1",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.include_role": {"name": "stateops.langgraph.checkpointer", "tasks_from": "verify"}}],
        }
    ]
    done = run(site.folder, plays, site.inventory())
    done.stopped("checkpoints_thread_id_idx")
    assert done.of(ROUNDTRIP)[0]["roundtrip"] is None
    assert_no_secret(done, database)


def test_a_round_trip_that_fails_is_told_once_the_facts_are_kept(site, database):
    database.execute('REVOKE DELETE ON checkpoint_writes FROM "%s"' % database.app.name)
    reports = site.folder / "reports"
    done = site.play("--limit", "app1", "--tags", "verify", "-e", "checkpointer_report_dir=%s" % reports)
    done.stopped("lacks DELETE on checkpoint_writes")
    assert done.hosts("Require a successful verification") == ["app1"]
    assert (reports / "app1.json").exists()
    assert done.of(ROUNDTRIP)[0]["parity"]["in_parity"] is True


@pytest.mark.parametrize("words", [("user", "password"), ("username", "password")])
def test_credentials_are_evaluated_once(site, database, words):
    """Each task that logs in evaluates them once: the owner's if something is pending, the application's for each verification."""
    owner, site.variables["checkpointer_owner_credentials"] = once_answered(site, database.owner, words)
    app, site.variables["checkpointer_app_credentials"] = once_answered(site, database.app, words)
    site.play("--limit", "app1").unchanged()
    assert (owner.exists(), app.read_text()) == (False, "x\n")


def test_the_owners_are_evaluated_once_for_all_hosts(site, database):
    owner, site.variables["checkpointer_owner_credentials"] = once_answered(site, database.owner)
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    site.play().passed()
    assert owner.read_text() == "x\n"


def test_a_sqlite_file_that_is_not_there_is_told(site):
    site.variables["checkpointer_sqlite_path"] = str(site.folder / "gone.sqlite")
    site.play("--limit", "app1", "--tags", "verify").stopped("gone.sqlite")


@pytest.mark.parametrize("owner", ["", pytest.param("nobody-yet", marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand files over"))])
def test_check_mode_on_a_bare_host(site, database, target_venv, owner):
    """Neither the virtualenv nor, if it is to belong to another account, its owner exists yet."""
    folder = site.folder / "srv" / "venv"
    site.hosts = {"app1": {"checkpointer_virtualenv": str(folder), "checkpointer_virtualenv_owner": owner}}
    site.variables.update(checkpointer_manage_packages=True, checkpointer_python=str(target_venv / "bin" / "python"))
    done = site.play("--check", "--diff").passed()
    assert done.recap["app1"]["changed"] > 0
    assert done.of(SETUP)[0]["changed"] is True
    assert "check mode does not resolve dependencies" in done.output
    assert not folder.parent.exists()


def bare(site, folder, **more):
    site.hosts = {"app1": {"checkpointer_virtualenv": str(folder)}}
    site.variables.update(checkpointer_manage_packages=True, checkpointer_python=_base(), ansible_python_interpreter=_base(), **more)
    return site


@pytest.fixture
def public():
    """A directory that other users can enter, unlike those of pytest."""
    path = workspace()
    yield path
    shutil.rmtree(path)


def test_something_else_than_a_virtualenv_is_refused(site):
    folder = site.folder / "data"
    folder.mkdir()
    (folder / "precious").write_text("")
    bare(site, folder).play("--tags", "install").stopped("a directory that contains something other than a virtualenv")
    assert os.listdir(folder) == ["precious"]


def test_a_virtualenv_without_pip_and_without_ensurepip_is_refused(site):
    folder = make_venv(site.folder / "uv")
    with open(folder / "pyvenv.cfg", "a", encoding="utf-8") as config:
        config.write("uv = 0.9.1\n")
    # Like Debian's Python without the package python3-venv.
    (site_packages(folder) / "hide.pth").write_text("import sys; sys.modules['ensurepip'] = None\n")
    bare(site, folder).play("--tags", "install").stopped("has no pip (uv created it)", "uv venv --seed", "python3-venv")


def test_a_python_that_is_too_old_is_refused(site):
    """Such a Python is not available everywhere, so this one reports the version 3.9."""
    folder = make_venv(site.folder / "old")
    (site_packages(folder) / "old.pth").write_text("import sys; sys.version_info = (3, 9, 18, 'final', 0)\n")
    bare(site, folder).play("--tags", "install").stopped("has Python 3.9.18, expected 3.10 or newer")


def test_a_python_that_is_not_there_is_refused(site):
    bare(site, site.folder / "new")
    site.variables["checkpointer_python"] = "/opt/gone/python"
    site.play("--tags", "install").stopped("this host lacks", "/opt/gone/python")
    assert not (site.folder / "new").exists()


def test_a_login_in_the_indexs_address_is_refused(site):
    bare(site, site.folder / "new", checkpointer_pip_index_url="https://me:token@example.org/simple")
    site.play("--tags", "install").stopped("checkpointer_pip_index_url contains credentials")
    assert not (site.folder / "new").exists()


@pytest.mark.parametrize(
    "name, value",
    [
        ("checkpointer_pip_extra_args", "--extra-index-url https://me:t0ken@example.org/simple"),
        ("checkpointer_pip_extra_args", "--extra-index-url=https://t0ken@example.org/simple"),
        ("checkpointer_extra_packages", ["tool @ git+https://t0ken@example.org/tool.git"]),
        ("checkpointer_extra_packages", ["tool @ git+ssh://git:t0ken@example.org/tool.git"]),
        ("checkpointer_pip_extra_args", "--quiet --proxy me:t0ken@proxy.example.org:3128"),
        ("checkpointer_wheels_dir", "https://me:t0ken@example.org/wheels"),
    ],
)
def test_a_login_in_another_address_is_refused(site, name, value):
    done = bare(site, site.folder / "new", **{name: value}).play("--tags", "install").stopped(name + " contains credentials", "netrc")
    assert "t0ken" not in done.everything
    assert not (site.folder / "new").exists()


@pytest.mark.extended
def test_an_address_and_a_proxy_without_a_login_are_used_and_shown(site):
    """The control of the test above."""
    changes = {"checkpointer_wheels_dir": "http://127.0.0.1:1/wh33ls", "checkpointer_pip_extra_args": "--retries 0 --proxy 127.0.0.1:1 --progress-bar off"}
    done = bare(site, site.folder / "new", **changes).play("--tags", "install")
    assert done.rc == 2 and (site.folder / "new").exists()
    assert "wh33ls" in done.everything and "--proxy 127.0.0.1:1" in done.everything


@pytest.mark.parametrize("mode", usual([0o755, "rwxr-xr-x", 0o711, "0999", "17555", "4755", "2755", "0757"], 2))
def test_a_mode_that_a_virtualenv_must_not_have_is_refused(site, mode):
    """0o711 is 457, all of them octal digits."""
    for flags in ([], ["--check"]):
        bare(site, site.folder / "new", checkpointer_virtualenv_mode=mode).play("--tags", "install", *flags).stopped(
            "checkpointer_virtualenv_mode is %s, expected three or four octal digits in quotes" % mode
        )
        assert not (site.folder / "new").exists()


@pytest.mark.extended
def test_a_mode_in_three_digits_is_the_same_as_in_four(site):
    site.variables.update(checkpointer_manage_packages=True, checkpointer_virtualenv_mode="755")
    site.play("--limit", "app1", "--tags", "install").unchanged()
    site.play("--limit", "app1", "--tags", "install", "--check").unchanged()


def test_booleans_that_came_as_text(site, database):
    """The values that -e name=false sets."""
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    flags = ["checkpointer_manage_packages=false", "checkpointer_roundtrip=false", "checkpointer_assert_parity=false", "checkpointer_adopt=false"]
    flags = [part for flag in flags for part in ("-e", flag)]
    done = site.play("--limit", "app1", "--tags", "verify", *flags).unchanged()
    (verified,) = done.of(COMPARE)
    assert verified["parity"]["in_parity"] is False and verified["roundtrip"] is None
    site.hosts["app1"]["checkpointer_virtualenv"] = str(site.folder / "gone")
    site.play("--limit", "app1", "--tags", "install", *flags).stopped("checkpointer_manage_packages is false")
    assert not (site.folder / "gone").exists()


def test_a_host_without_its_packages_leaves_the_work_to_the_next(site):
    site.hosts["app1"]["checkpointer_virtualenv"] = str(site.folder / "gone")
    site.hosts["app2"]["checkpointer_extra_packages"] = ["not-of-this-world==1.0"]
    done = site.play("--skip-tags", "verify").stopped("gone does not exist", "does not have not-of-this-world==1.0")
    assert done.hosts(SETUP) == ["app3"]
    assert {host: counts["failed"] for host, counts in done.recap.items()} == {"app1": 1, "app2": 1, "app3": 0}


def test_an_owner_without_a_password_and_credentials_of_another_shape(site, database):
    """This server requires a password, so its message proves that the login reached it."""
    site.variables["checkpointer_owner_credentials"] = {"user": database.owner.name}
    site.play("--limit", "app1", "--tags", "setup").stopped("no password supplied")
    for role in ("owner", "app"):
        login = getattr(database, role)
        for wrong in (
            login.password,
            {"password": login.password},
            {"user": login.name, "password": [login.password]},
            {"user": login.name, "password": 12345},
        ):
            variables = {**site.variables, "checkpointer_%s_credentials" % role: wrong}
            plays = [{"hosts": "app1", "gather_facts": False, "vars": variables, "roles": ["stateops.langgraph.checkpointer"]}]
            done = run(site.folder, plays, site.inventory(), "--tags", {"owner": "setup", "app": "verify"}[role])
            done.stopped("checkpointer_%s_credentials has the wrong type or lacks a key" % role)
            assert_no_secret(done, database)


@pytest.mark.extended
def test_the_report_on_a_difference(site, database):
    """Two findings about one table are both shown with their names. The connection string contains the client's certificate."""
    database.execute("ALTER TABLE checkpoint_writes SET UNLOGGED")
    site.variables.update(checkpointer_assert_parity=False, checkpointer_roundtrip=False)
    tasks = [{"ansible.builtin.import_role": {"name": "stateops.langgraph.checkpointer", "tasks_from": part}} for part in ("verify", "report")]
    report = site.play("--limit", "app1", play={"roles": [], "tasks": tasks}).of("Report the state of all hosts")[0]["msg"]
    assert "checkpoint_writes      writes " in report and "checkpoints            checkpoints " in report and "checkpoint_blobs       (none) " in report
    # Only the report uses these values. No server here accepts them.
    tasks[1]["vars"] = {"checkpointer_ssl_cert": "/etc/app.crt", "checkpointer_ssl_key": "/etc/app.key"}
    report = site.play("--limit", "app1", play={"roles": [], "tasks": tasks}).of("Report the state of all hosts")[0]["msg"]
    assert "sslcert=%2Fetc%2Fapp.crt&sslkey=%2Fetc%2Fapp.key" in report


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand files over")
def test_an_owner_who_is_not_there_is_refused(site):
    bare(site, site.folder / "new", checkpointer_virtualenv_owner="nobody-of-this-name")
    site.play("--tags", "install").stopped("nobody-of-this-name", "no such user on this host")
    assert not (site.folder / "new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand files over")
def test_what_another_user_made_is_not_handed_on(site, public):
    folder = public / "theirs"
    subprocess.run([_base(), "-m", "venv", "--without-pip", str(folder)], check=True)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(folder)], check=True)
    bare(site, folder, checkpointer_virtualenv_owner="root")
    site.play("--tags", "install").stopped("belongs to %s, expected root" % os_user().pw_name)


@pytest.fixture(scope="session")
def wheels():
    """The packages of the requirements file and older ones. They are downloaded once, so the installations use no index."""
    folder = workspace()
    pins = ["-r", str(Path(__file__).resolve().parents[3] / "roles" / "checkpointer" / "files" / "requirements.txt")]
    older = ["langgraph-checkpoint-postgres==3.0.1", "langgraph-checkpoint-sqlite==3.0.0", "langgraph-checkpoint==3.0.1"]
    subprocess.run([_base(), "-m", "venv", str(folder / "venv")], check=True)
    for more in (pins, ["--no-deps", *older]):
        subprocess.run(
            [str(folder / "venv" / "bin" / "python"), "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "-d", str(folder / "wheels"), *more],
            check=True,
        )
    yield folder / "wheels"
    shutil.rmtree(folder)


@pytest.mark.extended
def test_install_upgrade_and_flavour(site, database, wheels, public):
    """The life cycle of one virtualenv, for each user who runs the role, without an index and with any umask."""
    owner = os_user().pw_name
    folder = public / "opt" / "langgraph"
    bare(site, folder, checkpointer_wheels_dir=str(wheels), checkpointer_virtualenv_owner=owner)
    if os.geteuid() == 0:
        site.variables.update(sudo_of(site.folder), ansible_become_user="root")
    older = {
        "checkpointer_langgraph_checkpoint_postgres_version": "3.0.1",
        "checkpointer_langgraph_checkpoint_sqlite_version": "3.0.0",
        "checkpointer_langgraph_checkpoint_version": "3.0.1",
    }
    play = {"handlers": [RESTART]}

    site.variables.update(older)
    first = site.play("--tags", "install", play=play, umask=0o077).passed()
    assert not first.hosts("Restart the application"), "there was no application yet"
    assert "--no-index" in first.of(PIP)[0]["cmd"]
    uid = pwd.getpwnam(owner).pw_uid
    for base, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            found = os.lstat(os.path.join(base, name))
            assert found.st_uid == uid, (base, name)
            assert found.st_mode & 0o022 == 0 or os.path.islink(os.path.join(base, name)), (base, name)
            assert found.st_mode & 0o004, "%s/%s cannot be read by others" % (base, name)
    again = site.play("--tags", "install", play=play).unchanged()
    assert not again.hosts(PIP)

    for name in older:
        del site.variables[name]
    planned = site.play("--check", "--tags", "install", play=play).passed()
    assert "langgraph-checkpoint-postgres==3.2.0" in planned.output
    assert planned.hosts("Restart the application") == ["app1"]
    upgraded = site.play("--tags", "install", play=play).passed()
    assert upgraded.hosts("Restart the application") == upgraded.hosts("Report that the application must restart") == ["app1"]
    assert "langgraph-checkpoint-postgres 3.0.1" in upgraded.of("Report the packages that changed")[0]["msg"]["before"]
    site.play(play=play).unchanged()

    if os.geteuid() == 0:
        # An account other than root can change the virtualenv, so the owner's work runs in a virtualenv of root's with the same pins.
        operator = site.folder / "operator"
        site.variables["checkpointer_operator_virtualenv"] = str(operator)
        database.execute("DROP INDEX checkpoints_thread_id_idx")
        planned = site.play("--check", play=play).passed()
        assert planned.of(SETUP)[0]["changed"] is True and not operator.exists()
        done = site.play(play=play).passed()
        assert done.of(SETUP)[0]["changed"] is True and operator.stat().st_uid == 0 and not done.hosts("Restart the application")
        site.play(play=play).unchanged()
        site.play("--tags", "setup", play=play).unchanged()

    site.variables["checkpointer_psycopg_flavour"] = "pure"
    pure = site.play("--tags", "install", play=play)
    if "this host lacks libpq" in pure.output:
        pytest.skip("there is no libpq for the pure flavour of psycopg: apt-get install libpq5")
    pure.passed()
    assert "psycopg-binary" not in pure.of(READ)[-1]["packages"]
    site.play(play=play).unchanged()
    shown = subprocess.run([str(folder / "bin" / "python"), "-c", "import psycopg; print(psycopg.pq.__impl__)"], stdout=subprocess.PIPE, text=True, check=True)
    assert shown.stdout.strip() == "python"

    (folder / "lib").chmod(0o777)
    planned = site.play("--check", "--tags", "install", play=play).passed()
    assert planned.recap["app1"]["changed"] == 1
    site.play("--tags", "install", play=play).passed()
    assert (folder / "lib").stat().st_mode & 0o022 == 0


@pytest.mark.extended
def test_pip_comes_into_a_virtualenv_that_was_made_without(site, wheels):
    folder = site.folder / "uv"
    # The version of the Python for which the wheels were downloaded.
    subprocess.run([_base(), "-m", "venv", "--without-pip", str(folder)], check=True)
    bare(site, folder, checkpointer_wheels_dir=str(wheels))
    done = site.play("--tags", "install").passed()
    assert done.of(READ)[-1]["has_pip"] is True
    site.play().unchanged()
