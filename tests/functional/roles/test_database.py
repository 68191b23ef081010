# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role database through ansible-playbook, on real servers. The tests read the results with their own queries."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import ansible
import psycopg
import pytest
import yaml
from assertions import assert_succeeded
from clear_text_server import ClearTextServer
from databases import MIGRATIONS_TABLE, TABLES, Role
from planted import SAME, SAME_OPERATORS, plant, ran_as
from psycopg import errors, sql
from scope import usual
from servers import Server

ROLE = "stateops.langgraph.database"
DML = {"SELECT", "INSERT", "UPDATE", "DELETE"}
EXACT = {**{table: DML for table in TABLES}, MIGRATIONS_TABLE: {"SELECT"}}


class Deployment:
    """The role's variables for a separate database, the runs of the role, and the state afterwards."""

    def __init__(self, server, run_tasks, call_module, schema="langgraph"):
        mark = secrets.token_hex(3)
        self.server = server
        self.run_tasks = run_tasks
        self.call_module = call_module
        self.name = "Data %s" % mark
        self.schema = schema
        self.owner = Role("Owner %s" % mark, "owner-pass-" + secrets.token_hex(8))
        self.app = Role("app.%s" % mark, "app-päss'\"$-" + secrets.token_hex(8))
        self.extra = []
        self.vars = {
            "database_manage_server": False,
            "database_login_host": server.host,
            "database_login_port": server.port,
            "database_login_user": server.user,
            "database_login_password": server.password,
            "database_name": self.name,
            "database_schema": schema,
            "database_owner_user": self.owner.name,
            "database_owner_password": self.owner.password,
            "database_app_user": self.app.name,
            "database_app_password": self.app.password,
        }

    def role(self, name, attributes="LOGIN"):
        role = Role("%s %s" % (name, secrets.token_hex(3)), "pass-" + secrets.token_hex(8))
        self.server.execute(sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(sql.Identifier(role.name), sql.SQL(attributes), sql.Literal(role.password)))
        self.extra.append(role.name)
        return role

    def drop(self):
        with self.server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))
            for role in [self.owner.name, self.app.name, *reversed(self.extra)]:
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            for role in [self.owner.name, self.app.name, *reversed(self.extra)]:
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def run(self, *flags, tasks_from="main", fails=False, python=None, after=(), forked=True, environment=None, **changes):
        include = {"name": ROLE, "tasks_from": tasks_from}
        play = {"vars": {**self.vars, **changes, "ansible_python_interpreter": python or self._python}, "environment": environment or {}}
        task = {"name": "Run", "block": [{"name": "Include", "ansible.builtin.include_role": include}], "always": list(after)}
        outcome = self.run_tasks([task], *flags, play=play, forked=forked)
        assert (outcome.rc != 0) == fails, outcome.output[-6000:]
        if fails and not after:
            outcome.update([task["result"] for task in outcome.tasks if task["kind"] == "failed"][-1])
        assert "Traceback" not in outcome.output
        for secret in (self.owner.password, self.app.password, self.server.password, *(str(v) for k, v in changes.items() if k.endswith("password") and v)):
            assert secret not in outcome.everything, "a password was shown"
        assert not re.search(r"SCRAM-SHA-256\$\d+:", outcome.everything), "a verifier was shown"
        outcome.changes = int(re.search(r"changed=(\d+)", outcome.output).group(1))
        return outcome

    def grant(self):
        """The privileges of the application, as checkpoint_schema grants them to app_roles."""
        login = {"login_host": self.server.host, "login_port": self.server.port, "login_db": self.name, "schema": self.schema}
        login.update(login_user=self.owner.name, login_password=self.owner.password, app_roles=[self.app.name])
        return assert_succeeded(self.call_module("checkpoint_schema", login))["grants"]

    def connect(self, role=None, **kwargs):
        if role is None:
            return self.server.connect(self.name, **kwargs)
        return self.server.connect(self.name, user=role.name, password=role.password, **kwargs)

    def execute(self, statement, params=None, role=None, **names):
        with self.connect(role) as connection:
            query = sql.SQL(statement).format(**{key: sql.Identifier(value) for key, value in names.items()}) if names else statement
            cursor = connection.execute(query, params)
            return cursor.fetchall() if cursor.description else []

    def refused(self, statement, role=None, **names):
        with pytest.raises(errors.InsufficientPrivilege):
            self.execute(statement, role=role or self.app, **names)

    def setup(self, role=None):
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row

        with self.connect(role or self.owner, row_factory=dict_row, prepare_threshold=0) as connection:
            PostgresSaver(connection).setup()

    def use(self, role=None):
        """The operations of an application: put, read, delete."""
        from langgraph.checkpoint.base import empty_checkpoint
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row

        with self.connect(role or self.app, row_factory=dict_row, prepare_threshold=0) as connection:
            saver = PostgresSaver(connection)
            config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
            stored = saver.put(config, {**empty_checkpoint(), "channel_values": {"c": ["x"]}, "channel_versions": {"c": "1"}}, {}, {"c": "1"})
            saver.put_writes(stored, [("c", ["y"])], "task")
            assert saver.get_tuple(config).checkpoint["channel_values"] == {"c": ["x"]}
            saver.delete_thread("t")

    def held(self, grantee=None):
        """{table: the privileges granted on it}, by default to the application. A grantee of `None` is PUBLIC."""
        rows = self.execute(
            """SELECT c.relname, a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
               WHERE n.nspname = %s AND coalesce(r.rolname, 'PUBLIC') = %s""",
            [self.schema, grantee or self.app.name],
        )
        found = {}
        for table, privilege in rows:
            found.setdefault(table, set()).add(privilege)
        return found

    def effective(self):
        """The same as PostgreSQL evaluates it, however the role got the privilege."""
        kinds = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"] + (["MAINTAIN"] if self.server.version >= 17 else [])
        rows = self.execute(
            """SELECT c.relname, array_agg(kind) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(%s::text[]) kind
               WHERE n.nspname = %s AND c.relkind = 'r' AND has_table_privilege(%s, c.oid, kind) GROUP BY 1""",
            [kinds, self.schema, self.app.name],
        )
        return {table: set(privileges) for table, privileges in rows}

    def owners(self):
        rows = self.execute(
            "SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'i')",
            [self.schema],
        )
        return {name for (name,) in rows}

    def public(self):
        """The privileges of PUBLIC on the database and its schemas."""
        rows = self.execute(
            "SELECT a.privilege_type FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
            " WHERE d.datname = current_database() AND a.grantee = 0"
            " UNION ALL SELECT a.privilege_type || ' on ' || n.nspname FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
            " WHERE n.nspname !~ '^pg_|^information_schema$' AND a.grantee = 0"
        )
        return {privilege for (privilege,) in rows}

    def state(self):
        """Everything that a run could have changed: roles without their salts, and this database's catalog."""
        roles = self.server.execute("SELECT rolname, rolsuper, rolcanlogin, rolpassword FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1")
        databases = self.server.execute("SELECT datname, datdba, datacl::text FROM pg_database ORDER BY 1")
        members = self.server.execute("SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members ORDER BY 1, 2")
        inside = []
        if any(name == self.name for name, *_rest in databases):
            inside = self.execute(
                """SELECT n.nspname, c.relname, c.relowner, c.relacl::text, n.nspowner, n.nspacl::text
                   FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE n.nspname !~ '^pg_' ORDER BY 1, 2"""
            ) + self.execute("SELECT setrole, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2")
        return roles, databases, members, inside


@pytest.fixture
def deploy(server, run_tasks, call_module, target_venv):
    made = []

    def make(**kwargs):
        made.append(Deployment(server, run_tasks, call_module, **kwargs))
        made[-1]._python = str(target_venv / "bin" / "python")
        return made[-1]

    yield make
    for each in made:
        each.drop()


def existing(deployment):
    """A typical database of an application: the application's role created it, connects to it and called setup()."""
    former = deployment.role("former")
    deployment.server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(deployment.name), sql.Identifier(former.name)))
    return former


# The Molecule scenario default tests this on PostgreSQL 15.
@pytest.mark.newest
def test_from_nothing_to_a_working_application(deploy):
    it = deploy(schema="my schema")
    before = it.state()
    predicted = it.run("--check", "--diff")
    assert it.state() == before
    offset = it.server.log.stat().st_size
    done = it.run("--diff", forked=False)
    assert done.changes == predicted.changes == 3
    assert it.run().changes == 0
    assert it.run("--check").changes == 0

    assert it.public() == set()
    stranger = it.role("stranger")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        it.connect(stranger)
    for statement in ("CREATE TABLE t ()", "CREATE TEMP TABLE t ()", "SELECT lo_create(0)", "SELECT lo_from_bytea(0, 'x')", "CREATE SCHEMA s"):
        it.refused(statement)
    it.refused("CREATE TABLE public.t ()")
    it.refused("SET ROLE {owner}", owner=it.owner.name)
    assert it.execute("SHOW search_path", role=it.app) == it.execute("SHOW search_path", role=it.owner) == [('"my schema"',)]

    it.setup()
    assert it.owners() == {it.owner.name}
    assert it.held() == {}
    assert it.grant()
    assert it.held() == it.effective() == EXACT
    assert it.run().changes == 0
    it.use()
    for statement in ("INSERT INTO checkpoint_migrations VALUES (99)", "TRUNCATE checkpoints", "DROP TABLE checkpoints", "ALTER TABLE checkpoints ADD x int"):
        with pytest.raises(errors.InsufficientPrivilege):
            it.execute(statement, role=it.app)

    it.execute("CREATE TABLE later ()", role=it.owner)
    it.refused("SELECT * FROM later")
    log = it.server.log.read_bytes()[offset:].decode()
    assert "CREATE USER" in log
    assert it.owner.password not in log and it.app.password not in log and "app-p" not in log


@pytest.mark.newest
def test_a_role_that_only_deletes(deploy):
    """The role can connect and delete. It has no other privilege of the application."""
    it = deploy()
    it.run()
    it.setup()
    it.grant()
    role = Role("Retention %s" % secrets.token_hex(3), "retention-pass-" + secrets.token_hex(8))
    it.extra.append(role.name)
    asked = {"database_retention_user": role.name, "database_retention_password": role.password}
    predicted = it.run("--check", **asked)
    with pytest.raises(psycopg.OperationalError):
        it.connect(role)
    done = it.run(**asked)
    # The role, and CONNECT.
    assert predicted.changes == done.changes == 2 and it.run(**asked).changes == 0
    assert it.held(role.name) == {}
    it.refused("SELECT FROM {schema}.checkpoints", role, schema=it.schema)
    login = {"login_host": it.server.host, "login_port": it.server.port, "login_db": it.name, "schema": it.schema}
    owner = dict(login, login_user=it.owner.name, login_password=it.owner.password, app_roles=[it.app.name], retention_roles=[role.name])
    assert_succeeded(it.call_module("checkpoint_schema", owner))
    assert it.held(role.name) == {table: {"SELECT", "DELETE"} for table in TABLES} and it.held() == EXACT
    it.execute("DELETE FROM {schema}.checkpoints", role=role, schema=it.schema)
    for statement in ("CREATE TEMP TABLE t ()", "UPDATE {schema}.checkpoints SET type = ''", "INSERT INTO {schema}.checkpoint_writes (thread_id) VALUES ('')"):
        it.refused(statement, role, schema=it.schema)
    assert it.run(**asked).changes == 0
    for wrong in (it.app.name, it.owner.name, "50%"):
        assert "database_retention_user" in it.run(fails=True, database_retention_user=wrong)["msg"]


@pytest.mark.extended
def test_one_databases_roles_are_strangers_to_another(deploy):
    one, other = deploy(), deploy()
    one.run()
    other.run()
    for role in (one.owner, one.app):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            other.connect(role)


@pytest.mark.extended
def test_without_superuser(deploy):
    it = deploy()
    admin = it.role("admin", "LOGIN CREATEROLE CREATEDB")
    it.vars.update(database_login_user=admin.name, database_login_password=admin.password)
    predicted = it.run("--check")
    done = it.run("--diff")
    assert done.changes == predicted.changes == 4
    assert "may create large objects" in done.output and "REVOKE EXECUTE ON FUNCTION" in done.output
    offset = it.server.log.stat().st_size
    again = it.run()
    assert again.changes == 0
    assert "may create large objects" in again.output
    assert it.run("--check").changes == 0
    assert "password authentication failed" not in it.server.log.read_bytes()[offset:].decode()
    assert it.public() == set()
    it.setup()
    it.grant()
    assert it.held() == it.effective() == EXACT
    assert it.run().changes == 0 and it.grant() == []
    it.use()

    fresh = Role(it.app.name, "another-" + secrets.token_hex(8))
    assert it.run("--check", database_app_password=fresh.password).changes == 1
    it.use()
    assert it.run(database_app_password=fresh.password).changes == 1
    it.use(fresh)
    assert it.run(database_app_password=fresh.password).changes == 0
    with pytest.raises(psycopg.OperationalError):
        it.connect(it.app)


def test_without_superuser_a_role_of_somebody_else_is_refused(deploy):
    it = deploy()
    admin = it.role("admin", "LOGIN CREATEROLE CREATEDB")
    it.server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(it.owner.name)))
    if it.server.version < 16:
        pytest.skip("before 16, CREATEROLE is power over every role but a superuser")
    before = it.state()
    refused = it.run(fails=True, database_login_user=admin.name, database_login_password=admin.password)
    assert "a role that another role created" in refused["msg"] and "GRANT" in refused["msg"]
    assert it.state() == before


@pytest.mark.parametrize("missing, say", usual([("CREATEROLE", "CREATEROLE"), ("CREATEDB", "CREATEDB")]))
@pytest.mark.newest
def test_an_administrator_without_the_right_is_refused(deploy, missing, say):
    it = deploy()
    admin = it.role("admin", "LOGIN " + ("CREATEDB" if missing == "CREATEROLE" else "CREATEROLE"))
    before = it.state()
    refused = it.run(fails=True, database_login_user=admin.name, database_login_password=admin.password)
    assert 'ALTER ROLE "%s" %s' % (admin.name, say) in refused["msg"]
    assert it.state() == before


@pytest.mark.newest
def test_all_unmet_requirements_are_told_together(deploy):
    it = deploy()
    admin = it.role("admin", "LOGIN")
    it.server.execute(sql.SQL("CREATE DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(it.name)))
    login = {"database_login_user": admin.name, "database_login_password": admin.password, "database_manage_server": True, "database_become_user": ""}
    lines = it.run(tasks_from="administer", fails=True, **login)["msg"].splitlines()
    assert len(lines) == 3
    assert lines[0].endswith('A superuser may run: ALTER ROLE "%s" CREATEROLE' % admin.name)
    assert lines[1] == "The database %s does not allow connections (datallowconn is off). Choose another database_name." % it.name
    assert lines[2].startswith("%s has no permission to read the location of the server's configuration" % admin.name)


@pytest.mark.newest
@pytest.mark.extended
def test_passwords(deploy):
    it = deploy()

    def verifier(name):
        return it.server.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [name])[0][0]

    offset = it.server.log.stat().st_size
    it.run(database_owner_password="", database_app_password="")
    assert verifier(it.owner.name) is None and verifier(it.app.name) is None
    assert it.run(database_owner_password="", database_app_password="").changes == 0

    assert it.run("--check").changes == 1
    assert verifier(it.app.name) is None
    assert it.run().changes == 1
    first = verifier(it.app.name)
    assert first.startswith("SCRAM-SHA-256$")
    it.connect(it.app).close()
    it.connect(it.owner).close()
    assert it.run().changes == 0
    assert verifier(it.app.name) == first

    fresh = Role(it.app.name, "fresh-" + secrets.token_hex(8))
    owner = verifier(it.owner.name)
    assert it.run(database_app_password=fresh.password).changes == 1
    it.connect(fresh).close()
    assert verifier(it.owner.name) == owner
    assert it.run(database_app_password="").changes == 0
    it.connect(fresh).close()

    it.server.execute(sql.SQL("SET password_encryption = md5; ALTER ROLE {} PASSWORD 'old-one'").format(sql.Identifier(it.app.name)))
    offset_after = it.server.log.stat().st_size
    assert verifier(it.app.name).startswith("md5")
    assert it.run(database_app_password="old-one").changes == 1
    assert verifier(it.app.name).startswith("SCRAM-SHA-256$")
    it.connect(Role(it.app.name, "old-one")).close()

    # A user who has a verifier instead of the password can set the verifier.
    assert it.run(database_app_password=first).changes == 1
    it.connect(it.app).close()
    assert it.run().changes == 0
    text = it.server.log.read_bytes()[offset:].decode()
    for secret in (it.owner.password, "app-p", fresh.password):
        assert secret not in text
    assert "old-one" not in it.server.log.read_bytes()[offset_after:].decode()


@pytest.mark.newest
def test_roles_lose_attributes_that_they_should_not_have(deploy):
    it = deploy()
    for role in (it.owner, it.app):
        it.server.execute(sql.SQL("CREATE ROLE {} NOLOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT").format(sql.Identifier(role.name)))
    assert it.run("--check").changes == it.run().changes == 3
    rows = it.server.execute(
        "SELECT rolcanlogin, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = ANY (%s)", [[it.owner.name, it.app.name]]
    )
    assert rows == [(True, False, False, False, False)] * 2
    assert it.run().changes == 0


@pytest.mark.extended
def test_schema_public_of_our_own_database_and_an_owner_that_does_not_inherit(deploy):
    it = deploy(schema="public")
    it.server.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(it.owner.name)))
    it.run()
    assert it.run().changes == 0
    it.setup()
    assert it.grant()
    assert it.held() == it.effective() == EXACT
    it.use()
    assert it.execute("SHOW search_path", role=it.app) == [('"$user", public',)]
    it.refused("CREATE TABLE t ()")
    assert it.run().changes == 0 and it.grant() == []


def test_tables_that_the_application_made_are_refused_then_adopted(deploy):
    it = deploy(schema="public")
    former = existing(it)
    it.setup(former)
    before = it.state()
    refused = it.run(fails=True, database_owner_user=it.owner.name)
    assert "belongs to %s" % former.name in refused["msg"].replace('"', "") and "database_adopt: true" in refused["msg"]
    for table in (*TABLES, MIGRATIONS_TABLE):
        assert 'ALTER TABLE public.%s OWNER TO "%s"' % (table, it.owner.name) in refused["msg"]
    # A person copies the statements from this message.
    assert "\\n" not in refused["msg"] and "\nALTER TABLE public.checkpoints OWNER" in refused["msg"]
    assert it.state() == before

    elsewhere = it.run(fails=True, database_schema="langgraph")
    assert "exist in schema public" in elsewhere["msg"] and "database_schema: public and database_adopt: true" in elsewhere["msg"]
    assert it.state() == before

    predicted = it.run("--check", "--diff", database_adopt=True)
    assert it.state() == before
    done = it.run("--diff", database_adopt=True)
    assert done.changes == predicted.changes == 2
    assert it.owners() == {it.owner.name}
    # The application has its privileges as soon as the tables are adopted.
    it.use()
    it.setup()
    assert "CONNECT" in it.public() and "REVOKE ALL ON DATABASE" in done.output
    assert it.run(database_adopt=True).changes == it.run().changes == 0
    it.grant()
    assert it.held() == it.effective() == EXACT

    it.run(database_revoke_public="always")
    assert it.public() == set()
    it.use()
    assert it.run(database_revoke_public="always").changes == 0


@pytest.mark.extended
def test_a_refused_run_does_not_touch_the_applications_role(deploy):
    """The role that created the tables remains the application's role, and its password would be set."""
    it = deploy(schema="public")
    it.app = existing(it)
    it.setup(it.app)
    before = it.state()
    other = "other-" + secrets.token_hex(8)
    refused = it.run(fails=True, database_app_user=it.app.name, database_app_password=other)
    assert "database_adopt: true" in refused["msg"] and 'ALTER TABLE public.checkpoints OWNER TO "%s"' % it.owner.name in refused["msg"]
    elsewhere = it.run(fails=True, database_schema="langgraph", database_app_user=it.app.name, database_app_password=other)
    assert "database_schema: public and database_adopt: true" in elsewhere["msg"]
    assert it.state() == before
    it.connect(it.app).close()


@pytest.mark.newest
@pytest.mark.extended
def test_an_administrator_without_its_membership_gets_it_back(deploy):
    """Before that, it cannot read the database, which only the owner can access."""
    it = deploy()
    admin = it.role("admin", "LOGIN CREATEROLE CREATEDB")
    it.vars.update(database_login_user=admin.name, database_login_password=admin.password)
    it.run()
    it.server.execute(sql.SQL("REVOKE {owner} FROM {admin} GRANTED BY {admin}").format(owner=sql.Identifier(it.owner.name), admin=sql.Identifier(admin.name)))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        it.connect(admin)
    assert it.run().changes == 1
    assert it.run().changes == 0


@pytest.mark.newest
def test_no_verifier_outlives_its_use(deploy):
    it = deploy()
    show = [{"name": "Show everything", "ansible.builtin.debug": {"msg": "{{ hostvars[inventory_hostname].__database_server_reading | default('gone') }}"}}]
    it.run()
    # run() itself searches all output for verifiers.
    outcome = it.run(after=show)
    assert outcome.changes == 0 and "version_text" in outcome["msg"]["query_result"][0]
    it.execute("CREATE TABLE langgraph.checkpoints ()")
    outcome = it.run(after=show, fails=True)
    assert "version_text" in outcome["msg"]["query_result"][0]


@pytest.mark.newest
def test_the_facts_tell_other_plays_what_the_run_does(deploy):
    it = deploy()
    show = [{"name": "Show", "ansible.builtin.debug": {"msg": "{{ [database_provisioned, database_adopts, database_not_enforced | default('not set')] }}"}}]
    assert it.run("--check", after=show, database_login_port=1)["msg"] == [True, False, "not set"]
    assert it.run(after=show, database_adopt="yes")["msg"] == [True, True, []]
    mighty = it.role("mighty", "LOGIN SUPERUSER")
    assert it.run(after=show, fails=True, database_app_user=mighty.name)["msg"] == [True, False, "not set"]


@pytest.fixture
def managed(deploy, server):
    """A separate server whose files the role may write, and which only the test starts."""
    its_own = Server(server.binaries).initialise()
    with (its_own.data / "postgresql.conf").open("a") as conf:
        conf.write("include_dir = 'conf.d'\n")
    its_own.settings.pop("listen_addresses")
    (its_own.data / "conf.d").mkdir()
    os.chmod(its_own.data / "conf.d", 0o755)
    its_own.start()
    it = deploy()
    it.server, it.ours = its_own, its_own.data / "conf.d" / "langgraph.conf"
    it.vars.update(
        database_manage_server=True,
        database_become_user="",
        database_login_host=its_own.host,
        database_login_port=its_own.port,
        database_login_password=its_own.password,
        database_server_service="no-such-service-%s" % secrets.token_hex(3),
    )
    yield it
    it.server = server
    its_own.remove()


def restart(it):
    it.server.stop(signal.SIGINT)
    it.server.hba = (it.server.data / "pg_hba.conf").read_text().splitlines()
    it.server.start()


def listening(it):
    return it.server.execute("SHOW listen_addresses")[0][0]


# The Molecule scenarios test PostgreSQL 15 and 17 with the same rules.
@pytest.mark.newest
@pytest.mark.extended
def test_addresses_are_in_effect_or_the_run_fails(managed):
    it = managed
    run = functools.partial(it.run, tasks_from="administer")
    run()
    assert run().changes == 0
    hba = it.server.data / "pg_hba.conf"
    mode = (hba.stat().st_mode, hba.stat().st_uid)
    open_to_all = {"database_listen_addresses": ["*"], "database_hba_entries": ["192.0.2.0/24"]}
    # No service manager runs this server, so a failure shows what the role requested from it.
    assert "A restart is required" in run("--check", fails=True, **open_to_all).output
    assert not it.ours.read_text().count("listen_addresses")
    for _once_and_again in range(2):
        failed = run(fails=True, **open_to_all)
        assert it.vars["database_server_service"] in failed["msg"] and "A restart is required" in failed.output
    assert (hba.stat().st_mode, hba.stat().st_uid) == mode and not list(it.server.data.glob("pg_hba.conf.*"))
    restart(it)
    assert listening(it) == "*"
    assert run(**open_to_all).changes == 0
    assert run("--check", **open_to_all).changes == 0

    # The setting is reverted. The server listens on the address until it is restarted, whatever its file contains.
    assert "expected localhost" in run("--check", fails=True).output
    for _once_and_again in range(2):
        failed = run(fails=True)
        assert it.vars["database_server_service"] in failed["msg"] and "expected localhost" in failed.output
    restart(it)
    assert listening(it) == "localhost"
    assert run().changes == 0

    it.server.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
    written = it.ours.read_text()
    for flags in ((), ("--check",)):
        refused = run(*flags, fails=True, database_listen_addresses=["*"])
        assert "postgresql.auto.conf, line" in refused["msg"] and "ALTER SYSTEM RESET" in refused["msg"]
    assert it.ours.read_text() == written
    # Another setting determines the value, so a restart by the role would have no effect.
    assert run().changes == 0
    restart(it)
    assert run().changes == 0
    assert "postgresql.auto.conf" in run(fails=True, database_listen_addresses=["*"])["msg"]
    it.server.execute("ALTER SYSTEM RESET listen_addresses")

    conf = it.server.data / "postgresql.conf"
    conf.write_text(conf.read_text() + "listen_addresses = 'localhost'\n")
    refused = run(fails=True, database_listen_addresses=["*"])
    assert "/postgresql.conf, line" in refused["msg"]


@pytest.mark.newest
@pytest.mark.extended
def test_the_application_goes_on_with_its_own_role(deploy):
    it = deploy(schema="public")
    former = existing(it)
    it.setup(former)
    it.app = former
    it.vars.update(database_app_user=former.name, database_app_password="", database_adopt=True)
    done = it.run()
    it.use()
    it.grant()
    assert it.held() == it.effective() == EXACT
    # It still owns the database. Its administrator decides about that.
    assert 'ALTER DATABASE "%s" OWNER TO' % it.name in done.output
    assert it.run().changes == 0 and it.grant() == []


@pytest.mark.newest
@pytest.mark.extended
def test_a_schema_of_the_tables_own_is_adopted_with_them(deploy):
    it = deploy(schema="my schema")
    former = existing(it)
    it.execute('CREATE SCHEMA "my schema"', role=former)
    it.execute(sql.SQL('ALTER ROLE {} SET search_path TO "my schema"').format(sql.Identifier(former.name)).as_string())
    it.setup(former)
    assert "ALTER TABLE" in it.run(fails=True)["msg"]
    it.run(database_adopt=True)
    assert it.owners() == {it.owner.name}
    assert it.execute("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'my schema'") == [('"%s"' % it.owner.name,)]
    it.use()
    it.setup()
    assert it.run(database_adopt=True).changes == 0


@pytest.mark.newest
@pytest.mark.extended
def test_a_schema_that_holds_more_keeps_its_owner(deploy):
    it = deploy(schema="shared")
    former = existing(it)
    it.execute("CREATE SCHEMA shared; CREATE TABLE shared.other ()", role=former)
    it.execute(sql.SQL("ALTER ROLE {} SET search_path TO shared").format(sql.Identifier(former.name)).as_string())
    it.setup(former)
    it.run(database_adopt=True)
    assert it.owners() == {it.owner.name, former.name}
    assert it.execute("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'shared'") == [('"%s"' % former.name,)]
    it.setup()
    it.use()
    it.execute("CREATE TABLE shared.more ()", role=former)
    assert it.run(database_adopt=True).changes == 0


@pytest.mark.newest
def test_tables_of_these_names_that_are_not_langgraphs_are_never_adopted(deploy):
    it = deploy(schema="public")
    former = existing(it)
    it.execute("CREATE TABLE checkpoints (race int)", role=former)
    refused = it.run(fails=True, database_adopt=True)
    assert "not LangGraph's" in refused["msg"] and "ALTER TABLE" not in refused["msg"]
    assert it.owners() == {former.name}


@pytest.mark.newest
@pytest.mark.extended
def test_a_new_start_beside_old_tables_is_possible_when_asked_for(deploy):
    it = deploy()
    former = existing(it)
    it.setup(former)
    assert "database_allow_elsewhere: true" in it.run(fails=True)["msg"]
    it.run(database_allow_elsewhere=True)
    it.setup()
    assert it.owners() == {it.owner.name}
    assert it.run().changes == 0


@pytest.mark.newest
@pytest.mark.extended
def test_adoption_does_not_wait_for_an_open_transaction(deploy):
    it = deploy(schema="public")
    former = existing(it)
    it.setup(former)
    with it.connect(former, autocommit=False) as holder:
        holder.execute("SELECT count(*) FROM checkpoints")
        refused = it.run(fails=True, database_adopt=True)
        holder.rollback()
    assert "none of these changes was made" in refused["msg"] and "lock timeout" in refused["msg"]
    assert it.owners() == {former.name}
    assert it.run(database_adopt=True).changes == 1


def test_excess_on_the_database_is_taken_back(deploy):
    it = deploy()
    it.run()
    it.setup()
    it.grant()
    it.execute("GRANT TEMP, CREATE ON DATABASE {name} TO {app}; GRANT CREATE ON SCHEMA langgraph TO {app}", name=it.name, app=it.app.name)
    it.execute(
        "GRANT CREATE ON SCHEMA langgraph TO PUBLIC; GRANT TEMP ON DATABASE {name} TO PUBLIC; GRANT EXECUTE ON FUNCTION lo_create(oid) TO {app}",
        name=it.name,
        app=it.app.name,
    )
    assert it.run("--check").changes == it.run().changes == 1
    for statement in ("CREATE TABLE t ()", "CREATE TEMP TABLE t ()", "CREATE SCHEMA s", "SELECT lo_create(0)"):
        it.refused(statement)
    it.use()
    assert it.run().changes == 0 and it.grant() == []
    it.execute("GRANT {owner} TO {app}", app=it.app.name, owner=it.owner.name)
    assert 'REVOKE "%s" FROM "%s"' % (it.owner.name, it.app.name) in it.run(fails=True)["msg"]


def test_other_roles_that_may_create_in_the_schema_are_reported(deploy):
    it = deploy()
    it.run()
    assert "Not enforced" not in it.run().output
    group, member, trusted = it.role("group", "NOLOGIN"), it.role("member"), it.role("trusted", "NOLOGIN")
    it.execute("GRANT CREATE, USAGE ON SCHEMA langgraph TO {a}, {b}; GRANT {b} TO {owner}", a=group.name, b=trusted.name, owner=it.owner.name)
    it.execute("GRANT {a} TO {m}; GRANT CONNECT ON DATABASE {name} TO {m}", a=group.name, m=member.name, name=it.name)
    # The harmful object: a function that the owner could call.
    it.execute("CREATE FUNCTION langgraph.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", role=member)
    done = it.run()
    assert done.changes == 0
    statement = 'REVOKE CREATE ON SCHEMA langgraph FROM "%s"' % group.name
    assert statement in done.output.replace('\\"', '"') and 'FROM "%s"' % trusted.name not in done.output.replace('\\"', '"')
    it.execute("DROP FUNCTION langgraph.f()", role=member)
    it.execute(statement)
    it.refused("CREATE FUNCTION langgraph.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", role=member)
    assert "Not enforced" not in it.run().output


@pytest.mark.newest
def test_the_administrator_does_not_run_what_the_application_planted(deploy):
    it = deploy(schema="public")
    it.run()
    it.execute("GRANT CREATE ON SCHEMA public TO {app}", app=it.app.name)
    plant(it, it.app)
    it.execute("ALTER ROLE {app} IN DATABASE {name} SET work_mem = '1MB'", app=it.app.name, name=it.name)  # a row, which the role's query unnests
    assert it.run().changes == 1
    it.refused("CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert ran_as(it) == set()
    it.execute("SELECT unnest(setconfig) FROM pg_db_role_setting")
    assert ran_as(it) == {it.server.user}, "the control"


@pytest.mark.newest
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_the_modules_that_create_roles_do_not_run_what_the_application_planted(deploy, protected):
    """The administrator's own search_path names the schema with the planted operators before pg_catalog."""
    it = deploy(schema="public")
    it.run()
    it.execute("GRANT CREATE ON SCHEMA public TO {app}", app=it.app.name)
    plant(it, it.app, SAME, SAME_OPERATORS)
    it.execute("ALTER DATABASE {name} SET search_path = public, pg_catalog", name=it.name)
    it.execute("ALTER ROLE {app} CREATEDB", app=it.app.name)
    flags = () if protected else ("-e", '{"__database_catalog_params": {}}')
    it.run(*flags, database_login_db=it.name, database_connect_params={"options": "-c work_mem=2MB"})
    assert (it.server.user in ran_as(it)) is not protected
    assert it.server.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", [it.app.name]) == [(False,)]


@pytest.mark.newest
@pytest.mark.extended
def test_check_mode_on_a_bare_host(deploy, tmp_path):
    it = deploy()
    nowhere = str(tmp_path / "bin" / "python")
    closed = {"database_login_port": 1}
    for how in ({"python": nowhere}, closed):
        predicted = it.run("--check", "--diff", **how)
        assert predicted.changes == 1 and "The reason: " in predicted.output
        failed = it.run(fails=True, **how)
        assert "psycopg" in failed["msg"] and "Expected" in failed["msg"]


@pytest.mark.newest
@pytest.mark.parametrize(
    "changes, say",
    [
        ({"database_owner_user": "same", "database_app_user": "same"}, "must be different roles"),
        ({"database_app_user": "postgres"}, "must be different roles"),
        ({"database_schema": "pg_things"}, "must not start with pg_"),
        ({"database_name": 'a"b'}, "without a double quote"),
        ({"database_schema": 'a"; DROP TABLE b; --'}, "without a double quote"),
        ({"database_owner_user": 'a"b'}, "without a double quote"),
        ({"database_app_user": 'a"b'}, "without a double quote"),
        ({"database_name": "postgresql://admin:hidden@db1/langgraph"}, "is a connection string"),
        ({"database_owner_user": "x" * 64}, "1 to 63"),
        ({"database_name": "abc\n"}, "without control characters"),
        ({"database_owner_user": "abc\x7f"}, "without control characters"),
        ({"database_app_user": "50%"}, "must not contain a percent sign"),
        ({"database_name": "50%"}, "must not contain a percent sign"),
        ({"database_revoke_public": "perhaps"}, "must be one of"),
    ],
)
def test_bad_input_is_refused(deploy, changes, say):
    it = deploy()
    before = it.state()
    refused = it.run(fails=True, **changes)
    assert say in refused["msg"]
    assert "hidden@" not in refused.everything
    assert it.state() == before


MARK = "m4rk-" + secrets.token_hex(8)
LEAKS = {
    "a secret parameter": ({"database_connect_params": {"sslpassword": MARK}}, "must not contain sslpassword"),
    "a list as a password": ({"database_app_password": [MARK]}, "database_app_password must be a string"),
    "a connection string as the administrator": ({"database_login_user": "postgresql://db1/postgres?password=%s" % MARK}, "is a connection string"),
    "the password of the administrator": ({"database_connect_params": {"password": MARK}}, "must not contain password"),
    "a dictionary as a password": ({"database_owner_password": {"value": MARK}}, "database_owner_password must be a string"),
    "a connection string as a socket": ({"database_login_unix_socket": "host=/run password=%s" % MARK}, "is a connection string"),
    "a connection string as a parameter": ({"database_connect_params": {"dbname": "password=%s" % MARK}}, "is a connection string"),
}


@pytest.mark.newest
@pytest.mark.parametrize("what", usual(LEAKS, 3))
def test_a_secret_in_the_wrong_place_is_refused_and_not_shown(deploy, what):
    it = deploy()
    changes, say = LEAKS[what]
    before = it.state()
    refused = it.run(fails=True, **changes)
    assert say in refused["msg"]
    assert MARK not in refused.everything
    assert it.state() == before


class Vaulted(str):
    """Text that ansible-vault encrypted."""


yaml.SafeDumper.add_representer(Vaulted, lambda dumper, value: dumper.represent_scalar("!vault", str(value), style="|"))


@pytest.mark.newest
def test_a_password_from_a_vault_is_a_string(deploy, tmp_path):
    it = deploy()
    (tmp_path / "key").write_text("key")
    program = str(Path(sys.executable).with_name("ansible-vault"))
    command = [program, "encrypt", "--vault-password-file", str(tmp_path / "key"), "--output", "-"]
    done = subprocess.run(command, input=it.app.password, capture_output=True, text=True, check=True)
    # ansible-core 2.18 itself rejects a vaulted value of an option. It accepts a template of one.
    changes = {"vaulted": Vaulted(done.stdout), "database_app_password": "{{ vaulted }}"}
    assert it.run("--vault-password-file", str(tmp_path / "key"), **changes).changes > 0
    it.connect(it.app).close()


@pytest.mark.newest
def test_without_the_checks_the_secret_is_shown_and_a_list_becomes_a_password(deploy):
    """The control of the test above: the tasks of the role without check_names.yml."""
    it = deploy()
    variables = dict(database_become_user="", database_connect_params={"application_name": MARK})
    shown = it.run(tasks_from="administer", **variables).everything
    # Since 2.21 ansible-core does not print the options of this task.
    assert MARK in shown or not ansible.__version__.startswith(("2.18.", "2.19.", "2.20."))
    password = "list-" + secrets.token_hex(8)
    it.run(tasks_from="administer", **dict(variables, database_app_password=[password]))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        it.connect(Role(it.app.name, password))


@pytest.mark.newest
def test_without_the_checks_a_percent_sign_fails_after_the_first_write(deploy):
    """The control for the names that test_bad_input_is_refused rejects."""
    it = deploy()
    before = it.state()
    with contextlib.suppress(AssertionError):  # on ansible-core 2.18 the module of community.postgresql shows a traceback
        it.run(fails=True, tasks_from="administer", database_become_user="", database_name="50%")
    assert it.state() != before


@pytest.mark.newest
@pytest.mark.parametrize("value", [48151623, 4815162342.5])
@pytest.mark.extended
def test_a_password_that_yaml_does_not_read_as_a_string(deploy, value):
    it = deploy()
    refused = it.run(fails=True, database_app_password=value)
    assert "database_app_password must be a string. Put the password in quotes" in refused["msg"]
    it.run(database_app_password=str(value) * 3)
    it.connect(Role(it.app.name, str(value) * 3)).close()


@pytest.mark.newest
def test_a_superuser_is_not_made_the_application(deploy):
    it = deploy()
    mighty = it.role("mighty", "LOGIN SUPERUSER")
    before = it.state()
    refused = it.run(fails=True, database_app_user=mighty.name)
    assert "%s is a superuser" % mighty.name in refused["msg"]
    assert it.state() == before


@pytest.mark.newest
def test_servers_that_will_not_do(deploy, standby_pair, old_server):
    it = deploy()
    for server, say in ((standby_pair[1], "hot standby"), (old_server, "expected 15 or later")):
        refused = it.run(fails=True, database_login_host=server.host, database_login_port=server.port, database_login_password=server.password)
        assert say in refused["msg"]


@pytest.mark.newest
def test_a_wrong_password_of_the_administrator_is_told(deploy):
    it = deploy()
    failed = it.run(fails=True, database_login_password="not-" + secrets.token_hex(8))
    assert "password authentication failed" in failed["msg"]


@pytest.mark.newest
def test_verifiers_are_those_that_the_server_makes(deploy):
    from ansible_collections.stateops.langgraph.plugins.filter.scram_sha_256 import scram_sha_256

    it = deploy()
    role = it.role("made")
    for password in ("simple", "with space", "päss", "\u2168", "a\u00adb", "\u00a0x", "'\"\\$%s", "ȼ\u0627\u0031", "🙂", "x" * 300):
        it.server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role.name), sql.Literal(password)))
        stored = it.server.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role.name])[0][0]
        assert scram_sha_256(password, stored) == stored, password
        assert scram_sha_256(password + "x", stored) != stored
        made = scram_sha_256(password)
        assert made != scram_sha_256(password)
        it.server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role.name), sql.Literal(made)))
        it.server.connect(user=role.name, password=password).close()


@pytest.mark.parametrize("mode", ["auto", "prefer"])
def test_a_server_that_asks_for_the_administrators_password_in_clear_text(deploy, tmp_path, mode):
    """By default it learns nothing. With prefer, which a user has to choose, it learns the password."""
    it = deploy()
    with ClearTextServer() as attacker:
        login = {"database_login_host": "", "database_login_port": attacker.port, "database_connect_params": {"service": "production"}}
        it.run(fails=True, database_ssl_mode=mode, environment=attacker.service(tmp_path), **login)
    assert (it.server.password.encode() in attacker.received) is (mode == "prefer")
