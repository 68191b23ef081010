# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, roles and schemas with every kind of name that PostgreSQL allows: they work, and no name is executed as SQL."""

from __future__ import annotations

import secrets

import pytest
from assertions import assert_succeeded
from databases import MIGRATIONS_TABLE, TABLES, Role
from plays import PLAYBOOKS, run
from psycopg import sql
from sites import WatchedSite

pytestmark = pytest.mark.newest

NAMES = ["Upper Case", 'quo"ted', "it's", "semi; DROP TABLE canary; --", '"); DROP TABLE canary; --', "per%cent %s", "back\\slash", "état"]

PREPARE = "CREATE TABLE canary (); ALTER TABLE canary OWNER TO {owner}; CREATE SCHEMA {schema} AUTHORIZATION {owner}"
FOUND = "SELECT relname, relowner = {owner}::regrole FROM pg_class WHERE relnamespace = {schema}::regnamespace AND relkind = 'r'"
GRANT = "GRANT USAGE ON SCHEMA {schema} TO {app}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app}"


@pytest.fixture
def named(server):
    """`named(name)`: a login for a database, an owner, an application and a schema whose names are derived from this one."""
    made = []

    def make(name):
        mark = " " + secrets.token_hex(3)
        owner, app = (Role("%s %s%s" % (name, kind, mark), "pw-" + secrets.token_hex(8)) for kind in ("owner", "app"))
        database = name + mark
        for role in (owner, app):
            server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role.name), sql.Literal(role.password)))
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner.name)))
        made.append((database, [owner, app]))
        return database, owner, app

    yield make
    for database, roles in made:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
        for role in roles:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role.name)))


@pytest.mark.parametrize("name", NAMES)
def test_any_name_works_and_none_is_executed_as_sql(named, server, call_module, name):
    database, owner, app = named(name)
    schema = sql.Identifier(name)

    def execute(statement, **names):
        with server.connect(database) as connection:
            cursor = connection.execute(sql.SQL(statement).format(**names))
            return cursor.fetchall() if cursor.description else []

    execute(PREPARE, schema=schema, owner=sql.Identifier(owner.name))
    login = {"login_host": server.host, "login_port": server.port, "login_db": database, "schema": name}
    own = dict(login, login_user=owner.name, login_password=owner.password)
    plan = assert_succeeded(call_module("checkpoint_schema", own, check=True, diff=True))
    done = assert_succeeded(call_module("checkpoint_schema", own, diff=True))
    assert plan["changed"] is done["changed"] is True and plan["diff"] == done["diff"]
    found = execute(FOUND, schema=sql.Literal(schema.as_string()), owner=sql.Literal(sql.Identifier(owner.name).as_string()))
    assert dict(found) == dict.fromkeys((*TABLES, MIGRATIONS_TABLE), True)
    execute(GRANT, schema=schema, app=sql.Identifier(app.name))
    theirs = dict(login, login_user=app.name, login_password=app.password)
    assert assert_succeeded(call_module("checkpoint_schema_info", theirs))["parity"]["in_parity"] is True
    assert_succeeded(call_module("checkpoint_verify", theirs))
    assert assert_succeeded(call_module("checkpoint_schema", dict(own, state="absent", force=True)))["changed"] is True
    assert execute("SELECT relname FROM pg_class WHERE relname = 'canary'") == [("canary",)]


@pytest.mark.extended
def test_through_the_playbooks(tmp_path, database, runner):
    """All names at once, in both playbooks. A second run finds the same objects."""
    mark = secrets.token_hex(3)
    server = database.server
    name, schema = "Data; DROP TABLE canary; -- it's %s", "Sche ma; SELECT 1; --%%s it's"
    owner, app = (Role("%s' OR 1=1; -- %s" % (kind, mark), "pw-%s" % secrets.token_hex(8)) for kind in ("Owner", "App"))
    site = WatchedSite(tmp_path, database, runner.python)
    site.name = name % mark
    names = {"database_name": site.name, "database_schema": schema, "database_owner_user": owner.name, "database_app_user": app.name}
    inventory = site.inventory(**names, database_owner_password=owner.password, database_app_password=app.password)
    server.execute("CREATE TABLE IF NOT EXISTS canary ()")
    try:
        run(tmp_path, PLAYBOOKS / "provision.yml", inventory).passed()
        run(tmp_path, PLAYBOOKS / "provision.yml", inventory).unchanged()
        run(tmp_path, PLAYBOOKS / "verify.yml", inventory).unchanged()
        with server.connect(site.name) as connection:
            found = connection.execute(
                "SELECT c.relname, n.nspname, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relname = ANY(%s)",
                [[*TABLES, MIGRATIONS_TABLE]],
            ).fetchall()
        assert sorted(found) == sorted((table, schema, owner.name) for table in (*TABLES, MIGRATIONS_TABLE))
        assert server.execute("SELECT relname FROM pg_class WHERE relname = 'canary'") == [("canary",)]
    finally:
        server.execute("DROP TABLE canary")
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(site.name)))
        for role in (owner, app):
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role.name)))
