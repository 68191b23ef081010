# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""provision.yml and verify.yml: what they do over several hosts, and that neither ends in green without having done it."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from assertions import assert_no_secret
from databases import MIGRATIONS_TABLE, TABLES
from plays import PLAYBOOKS, needs_ssh, run
from scope import ALL, some, usual
from servers import workspace
from sites import COMPARE, ROUNDTRIP, SETUP, once_answered

pytestmark = pytest.mark.newest

PROVISION = PLAYBOOKS / "provision.yml"
VERIFY = PLAYBOOKS / "verify.yml"
BOTH = pytest.mark.parametrize("playbook", [PROVISION, VERIFY], ids=["provision", "verify"])
REPORT = "Report the state of all hosts"
LOCAL = {"ansible_connection": "local"}


def guarded(tmp_path, playbook, inventory, *flags, env=None):
    """A run that must end before it changes or connects to anything."""
    done = run(tmp_path, playbook, inventory, *flags, env=env, verbosity=None)
    assert not [each for each in done.tasks if "stateops.langgraph" in each["task"]], done.output
    return done


@BOTH
@pytest.mark.parametrize("flags", usual([[], ["--tags", "verify"], ["--tags", "setup"], ["--check"]]), ids=" ".join)
def test_a_given_inventory_without_hosts(tmp_path, playbook, flags):
    empty = tmp_path / "hosts.ini"
    empty.write_text("[langgraph_app]\n[langgraph_db]\n")
    guarded(tmp_path, playbook, empty, *flags).stopped("The inventory contains no host: %s" % empty)
    guarded(tmp_path, playbook, None, *flags, env={"ANSIBLE_INVENTORY": str(empty)}).stopped("The inventory contains no host")


@BOTH
def test_a_given_inventory_that_does_not_exist(tmp_path, playbook):
    guarded(tmp_path, playbook, tmp_path / "gone.ini").stopped("The inventory contains no host")


@BOTH
@pytest.mark.parametrize("name", usual(["awx_job_id", "tower_job_id"]))
def test_a_job_without_hosts(tmp_path, playbook, name):
    guarded(tmp_path, playbook, None, "-e", name + "=7").stopped("The inventory contains no host")


@BOTH
@pytest.mark.parametrize("flags", usual([[], ["--tags", "install"], ["--tags", "verify"], ["--limit", "web1"]]), ids=" ".join)
def test_a_misspelt_group(tmp_path, playbook, flags):
    inventory = {"langgraph_apps": {"hosts": {"web1": LOCAL}}, "langgraph_db": {"hosts": {"db1": LOCAL}}}
    guarded(tmp_path, playbook, inventory, *flags).stopped("The group langgraph_app contains no host", "langgraph_apps, langgraph_db")


@BOTH
def test_a_limit_with_no_inventory(tmp_path, playbook):
    guarded(tmp_path, playbook, None, "--limit", "app1").stopped("there is nothing to limit", rc=4)


@pytest.mark.parametrize("playbook, groups", [(PROVISION, "langgraph_db or langgraph_app"), (VERIFY, "langgraph_app")], ids=["provision", "verify"])
def test_a_limit_that_leaves_no_host(tmp_path, playbook, groups):
    inventory = {"langgraph_app": {"hosts": {"app1": LOCAL}}, "other": {"hosts": {"mail1": LOCAL}}}
    guarded(tmp_path, playbook, inventory, "--limit", "mail1").stopped("--limit mail1 leaves no host of %s to run" % groups, "Choose from: app1")
    guarded(tmp_path, playbook, inventory, "--limit", "app9").stopped("no hosts to target", rc=1)


# This address cannot be reached, so that a missing check does not lead to the PostgreSQL server of the test machine.
AWAY = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
APP = {"langgraph_app": {"hosts": {"app1": AWAY}}}
PAIR = {**APP, "langgraph_db": {"hosts": {"db1": AWAY}}}


@pytest.mark.parametrize(
    "inventory, flags, said",
    usual(
        [
            (PAIR, ["--limit", "db1", "--tags", "verify"], "--limit db1 leaves no host of langgraph_app to run verify on"),
            (PAIR, ["--limit", "db1", "--tags", "install,setup,verify"], "--limit db1 leaves no host of langgraph_app"),
            (PAIR, ["--limit", "db1", "--skip-tags", "database"], "--limit db1 leaves no host of langgraph_app"),
            (PAIR, ["--limit", "app1", "--tags", "database"], "--limit app1 leaves no host of langgraph_db"),
            (PAIR, ["--limit", "app1", "--skip-tags", "install,setup,verify"], "--limit app1 leaves no host of langgraph_db"),
            (APP, ["--tags", "database"], "The group langgraph_db contains no host, and only database is selected"),
            (APP, ["--skip-tags", "install,setup,verify"], "The group langgraph_db contains no host, and only database is selected"),
            (PAIR, ["--tags", "always"], "selects none of this playbook's parts"),
            (PAIR, ["--tags", "monitoring"], "The group langgraph_monitoring contains no host, and only monitoring is selected"),
            ({**PAIR, "langgraph_monitoring": {"hosts": {"db1": AWAY}}}, ["--limit", "app1", "--tags", "monitoring"], "leaves no host of langgraph_monitoring"),
            (None, ["--tags", "monitoring"], "The embedded server on this machine has no part monitoring"),
        ],
        3,
    ),
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_parts_that_no_host_is_left_for(tmp_path, inventory, flags, said):
    guarded(tmp_path, PROVISION, inventory, *flags).stopped(said)


@BOTH
@pytest.mark.parametrize("skipped", usual(["tagged", "always", "verify,always"]))
def test_skipping_the_guards(tmp_path, playbook, skipped):
    for inventory in (PAIR, None):
        guarded(tmp_path, playbook, inventory, "--skip-tags", skipped).stopped("skips the tasks that reject a run without work", rc=4)


@BOTH
@pytest.mark.parametrize("flags", usual([["--tags", "verifiy"], ["--skip-tags", "verify,install,setup,database"], ["--skip-tags", "all"]]), ids=" ".join)
def test_tags_that_select_nothing(tmp_path, playbook, flags):
    guarded(tmp_path, playbook, {"langgraph_app": {"hosts": {"app1": LOCAL}}}, *flags).stopped("selects none of this playbook's parts", "verify")


@needs_ssh
@BOTH
def test_hosts_that_cannot_be_reached(tmp_path, playbook):
    away = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
    run(tmp_path, playbook, {"langgraph_app": {"hosts": {"app1": away, "app2": away}}}, verbosity=None).stopped("UNREACHABLE", rc=4)


@pytest.fixture
def site(tmp_path, server, target_venv, runner, database):
    """Two application hosts, one database host, and names that are not in use yet."""
    hosts = {name: {"checkpointer_virtualenv": str(target_venv)} for name in ("app1", "app2")}

    class Site:
        folder = tmp_path
        name = database.name + "_new"
        variables = {
            **LOCAL,
            "ansible_python_interpreter": runner.python,
            "ansible_remote_tmp": str(tmp_path / "remote"),
            # All hosts are one machine, and all accounts one user.
            "ansible_become": False,
            "checkpointer_manage_packages": False,
            "database_manage_server": False,
            "database_login_host": server.host,
            "database_login_port": server.port,
            "database_login_user": server.user,
            "database_login_password": server.password,
            "database_name": name,
            "database_owner_user": database.owner.name,
            "database_owner_password": database.owner.password,
            "database_app_user": database.app.name,
            "database_app_password": database.app.password,
        }
        groups = {"langgraph_app": {"hosts": hosts}, "langgraph_db": {"hosts": {"db1": {}}}}

        def run(self, playbook, *flags, **kwargs):
            done = run(tmp_path, playbook, {"all": {"vars": self.variables, "children": self.groups}}, *flags, **kwargs)
            assert_no_secret(done, database)
            return done

    yield Site()
    # The database that a run created. The fixture of another database drops that one.
    server.execute('DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % Site.name)


def test_from_nothing_to_a_verified_schema(site, server, database):
    site.run(PROVISION, "--check").passed()
    assert not server.execute("SELECT 1 FROM pg_database WHERE datname = '%s'" % site.name)
    first = site.run(PROVISION).passed()
    assert first.hosts(SETUP) == ["app1"] and first.hosts(ROUNDTRIP) == ["app1", "app1", "app2", "app2"]
    assert len(first.of(REPORT, kind="ok")) == 1
    for part in (
        "checkpoint_writes      writes ",
        "checkpoints_thread_id_idx ",
        "app2: PostgreSQL is in parity with",
        "postgresql://%s@%s:%s/%s" % (database.app.name, server.host, server.port, site.name),
    ):
        assert part in first.of(REPORT)[0]["msg"], first.of(REPORT)
    site.run(PROVISION).unchanged()
    checked = site.run(VERIFY).unchanged()
    assert checked.hosts(COMPARE) == ["app1", "app2"] and not checked.hosts(SETUP) and not checked.hosts(ROUNDTRIP)


@pytest.mark.extended
def test_a_part_of_the_hosts_at_a_time(site, database):
    site.run(PROVISION).passed()
    rolling = site.run(PROVISION, "-e", "langgraph_serial=1").unchanged()
    assert rolling.hosts(SETUP) == [] and len(rolling.of(REPORT, kind="ok")) == 1
    only = site.run(PROVISION, "--limit", "db1").unchanged()
    assert set(only.recap) == {"db1"}
    site.run(VERIFY, "--limit", "db1").stopped("leaves no host of langgraph_app")

    owner, site.variables["checkpointer_owner_credentials"] = once_answered(site, database.owner)
    database.server.execute("DROP INDEX langgraph.checkpoints_thread_id_idx", dbname=site.name)
    assert site.run(PROVISION).passed().hosts(SETUP) == ["app1"]
    assert owner.read_text() == "x\n", "the credentials were evaluated more than once"
    app, site.variables["checkpointer_app_credentials"] = once_answered(site, database.app)
    site.run(PROVISION, "--limit", "app1").unchanged()
    assert (owner.read_text(), app.read_text()) == ("x\n", "x\n"), "the owner logged in, or the credentials were evaluated more than once"
    app.unlink()
    site.run(VERIFY, "--limit", "app1").unchanged()
    assert app.read_text() == "x\n"


@pytest.fixture
def standing(site, database):
    """The same hosts with a database that the test has set up itself, which takes less time than a run of provision.yml."""
    database.setup()
    database.grant()
    site.name = database.name
    site.variables.update(database_name=database.name, database_schema="public")
    return site


def test_verify_names_the_host_that_drifts_and_looks_at_every_other(standing):
    site = standing
    for name, variables in site.groups["langgraph_app"]["hosts"].items():
        variables["monitoring_textfile_directory"] = str(site.folder / name)
        (site.folder / name).mkdir()
    site.groups["langgraph_app"]["hosts"]["app1"]["checkpointer_sqlite_path"] = str(site.folder / "gone.sqlite")
    for flags in (["--check"], []):
        done = site.run(VERIFY, *flags).stopped("gone.sqlite")
        assert done.recap["app1"]["failed"] == 1 and done.recap["app2"]["failed"] == 0
        assert done.of(COMPARE, "app2")[0]["parity"]["in_parity"] is True
        # The success of app2 is recorded, but not in check mode.
        assert [path.parent.name for path in site.folder.glob("app?/*.prom")] == ([] if flags else ["app2"])


@pytest.mark.extended
def test_each_tag_alone(site):
    site.run(PROVISION).passed()
    for tag in ("database", "install", "setup", "verify"):
        done = site.run(PROVISION, "--tags", tag).unchanged()
        ran = {part: done.hosts(part) for part in (SETUP, ROUNDTRIP)}
        assert ran == {SETUP: ["app1"] if tag == "setup" else [], ROUNDTRIP: ["app1", "app2"] if tag == "verify" else []}
        # Except for the check of its arguments, which runs with every tag.
        assert (done.recap["db1"]["ok"] > 3) is (tag == "database"), done.recap


def apart(site, **variables):
    """Each role has its own variables, and their values differ between the roles."""
    shared = [name for name in site.variables if name.startswith("database_")]
    site.groups["langgraph_db"]["vars"] = {name: site.variables.pop(name) for name in shared}
    database = site.groups["langgraph_db"]["vars"]
    site.variables.update(
        checkpointer_login_host=database["database_login_host"],
        checkpointer_login_port=database["database_login_port"],
        checkpointer_login_db=site.name,
        checkpointer_owner_credentials={"user": database["database_owner_user"], "password": database["database_owner_password"]},
        checkpointer_app_credentials={"username": database["database_app_user"], "password": database["database_app_password"]},
        # The roles that get the privileges. The credentials may be a lookup that creates another login each time.
        checkpointer_app_user=database["database_app_user"],
        **variables,
    )
    return database


@pytest.mark.extended
def test_the_privileges_follow_the_checkpointers_own_names(site):
    apart(site, checkpointer_schema="memory", checkpointer_connect_params={"application_name": "provision"})["database_schema"] = "memory"
    first = site.run(PROVISION).passed()
    assert any("GRANT SELECT" in statement and "memory" in statement for statement in first.of(SETUP)[0]["grants"])
    site.run(PROVISION).unchanged()


@pytest.mark.extended
def test_an_owner_that_its_login_takes_on(site, database):
    login = database.role(database.owner.name.replace("owner", "deployer"))
    apart(site, checkpointer_session_role=database.owner.name)
    site.variables["checkpointer_owner_credentials"] = {"user": login.name, "password": login.password}
    site.run(PROVISION, "--tags", "database").passed()
    database.server.execute('GRANT "%s" TO "%s"' % (database.owner.name, login.name))
    database.server.execute('GRANT CONNECT ON DATABASE "%s" TO "%s"' % (site.name, login.name))
    site.run(PROVISION).passed()
    owners = database.server.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'langgraph'", dbname=site.name)
    assert owners == [(database.owner.name,)]
    site.run(PROVISION).unchanged()


@pytest.mark.parametrize("role", ["owner", "app"])
@pytest.mark.extended
def test_credentials_of_another_shape(site, database, role):
    site.run(PROVISION, "--tags", "database,install").passed()
    password = getattr(database, role).password
    for wrong in (password, [password], {"password": password}):
        site.variables["checkpointer_%s_credentials" % role] = wrong
        site.run(PROVISION, "--limit", "app1", "--tags", "setup,verify").stopped("checkpointer_%s_credentials has the wrong type or lacks a key" % role)


@pytest.mark.extended
def test_credentials_from_the_command_line(site, database):
    site.run(PROVISION).passed()
    app, credentials = once_answered(site, database.app)
    site.run(PROVISION, "--limit", "app1", "-e", json.dumps({"checkpointer_app_credentials": credentials})).unchanged()
    database.server.execute("DROP INDEX langgraph.checkpoints_thread_id_idx", dbname=site.name)
    owner, credentials = once_answered(site, database.owner)
    site.run(PROVISION, "--limit", "app1", "-e", json.dumps({"checkpointer_owner_credentials": credentials})).passed()
    assert (owner.read_text(), app.read_text()) == ("x\n", "x\n"), "the credentials were evaluated more than once"


@pytest.mark.extended
def test_the_applications_bare_names_lead_to_the_tables(site, database):
    site.run(PROVISION).passed()
    server = database.server
    server.execute('ALTER ROLE "%s" IN DATABASE "%s" RESET search_path' % (database.app.name, site.name))
    statement = 'ALTER ROLE "%s" IN DATABASE "%s" SET search_path TO "langgraph"' % (database.app.name, site.name)
    for flags in ([], ["--check"]):
        done = site.run(VERIFY, *flags).stopped(statement, "checkpoint_blobs")
        assert (done.recap["app1"]["failed"], done.recap["app2"]["failed"]) == (1, 1)
    site.run(VERIFY, "-e", "checkpointer_require_search_path=false").unchanged()
    site.run(PROVISION, "--check").passed()
    server.execute(statement)
    site.run(VERIFY).unchanged()


@pytest.mark.extended
def test_check_mode_where_the_tables_are_still_to_move(site, database):
    site.run(PROVISION).passed()
    for table in (*TABLES, MIGRATIONS_TABLE):
        database.server.execute('ALTER TABLE langgraph.%s OWNER TO "%s"' % (table, database.app.name), dbname=site.name)
    site.run(PROVISION, "--check", "-e", "database_adopt=false").stopped("OWNER TO")
    site.variables["database_adopt"] = True
    planned = site.run(PROVISION, "--check").passed()
    assert "cannot predict the further changes" in planned.of("Report what check mode cannot read yet", kind="ok")[0]["msg"]
    assert planned.of(SETUP)[0]["changed"] is True
    # If the part is omitted, nothing adopts the tables before this one.
    site.run(PROVISION, "--check", "--limit", "app1", "--tags", "setup").stopped("OWNER TO")
    site.run(PROVISION).passed()
    site.run(PROVISION).unchanged()
    site.run(PROVISION, "--check").unchanged()


DRIFTS = {
    "pending migrations": (
        "DELETE FROM checkpoint_migrations WHERE v > 8; ALTER TABLE checkpoint_writes DROP COLUMN task_path",
        "task_path",
    ),
    "an INVALID index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoint_blobs_thread_id_idx'::regclass",
        "checkpoint_blobs_thread_id_idx",
    ),
    "a missing table": ("DROP TABLE checkpoint_writes", "checkpoint_writes"),
}


def test_verify_ends_in_an_error_on_drift_and_without_one_where_there_is_none(standing, database):
    site = standing
    for statement, name in some(*DRIFTS.values()):
        for flags in some([], ["--check"]):
            site.run(VERIFY, *flags).unchanged()
        database.execute(statement)
        for flags in some([], ["--check"]):
            done = site.run(VERIFY, *flags).stopped(name, "NOT in parity")
            assert {host: counts["failed"] for host, counts in done.recap.items() if host != "db1"} == {"app1": 1, "app2": 1}
        # A run of provision.yml repairs the same drift, and no drift remains.
        site.run(PROVISION).passed()
    site.variables["checkpointer_login_port"] = 1
    for flags in some([], ["--check"]):
        site.run(VERIFY, *flags).stopped("Cannot connect to database", "port 1")


def test_verify_of_what_was_never_provisioned_fails_in_check_mode_too(site):
    for flags in ([], ["--check"]):
        site.run(VERIFY, *flags).stopped(site.name)


@pytest.fixture(scope="module")
def embedded():
    """Without an inventory, the run uses this machine and the embedded server."""
    folder = workspace()
    # An account that owns a directory above the virtualenv could replace it.
    os.chown(folder, os.geteuid(), os.getegid())
    folder.chmod(0o755)
    root = ["-e", "embedded_postgres_root=%s/root" % folder]

    def play(playbook, *flags):
        return run(folder, playbook, None, *root, *flags, verbosity=None)

    play.root = folder / "root"
    yield play
    play(PLAYBOOKS / "embedded_postgres.yml", "-e", "embedded_postgres_state=stopped").passed()
    shutil.rmtree(folder)


def test_the_server_that_comes_along(embedded):
    if ALL:
        embedded(VERIFY).stopped("is not running; the verification needs a running server")
        embedded(PROVISION, "--check").passed()
        assert not embedded.root.exists()
    first = embedded(PROVISION).passed()
    report = first.of(REPORT)[0]["msg"]
    assert str(embedded.root / "data") in report
    assert "postgresql://langgraph_app@/langgraph?host=%s" % str(embedded.root / "run").replace("/", "%2F") in report
    embedded(PROVISION).unchanged()
    for tag in ("database", "install", "setup", "verify") if ALL else ():
        embedded(PROVISION, "--tags", tag).unchanged()
    checked = embedded(VERIFY).unchanged()
    assert "localhost: PostgreSQL is in parity" in checked.of(REPORT)[0]["msg"]
    if ALL:
        embedded(VERIFY, "--check").unchanged()
