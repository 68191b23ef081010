# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema on databases that it may change to the current schema: empty, converged, in another schema, by another role."""

from __future__ import annotations

import pytest
from assertions import assert_succeeded
from complete_schema import ALL, INDEXES, assert_complete, expected_versions
from events import on_ddl
from servers import wait_for_replay


def test_an_empty_database_is_set_up_as_predicted(database, check_and_apply):
    done = check_and_apply.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)
    versions = expected_versions()
    assert done["library"] == {"name": "langgraph-checkpoint-postgres", "version": done["library"]["version"]}
    assert done["migrations"]["before"] is None
    assert done["migrations"]["after"] == versions[-1]
    assert [entry["version"] for entry in done["migrations"]["applied"]] == versions
    assert all("CREATE" in entry["sql"] or entry["sql"].strip() for entry in done["migrations"]["applied"])
    assert [entry["version"] for entry in done["migrations"]["pending"]] == versions
    assert done["repaired"] == []
    assert {table["name"] for table in done["schema"]["tables"]} == ALL
    assert set(database.owners().values()) == {database.owner.name}


def test_the_diff_shows_the_changes(database, call_module):
    plan = call_module("checkpoint_schema", database.login(), check=True, diff=True)
    diff = plan["diff"][0] if isinstance(plan["diff"], list) else plan["diff"]
    for name in ALL | INDEXES | {"task_path"}:
        assert name not in diff["before"]
        assert name in diff["after"]


def test_it_creates_exactly_what_setup_creates(database, server, check_and_apply):
    from databases import Database

    check_and_apply.apply(database, database.login())
    other = Database.create(server)
    try:
        other.setup()
        ours, theirs = database.snapshot(), other.snapshot()
        for part in ("columns", "constraints", "indexes"):
            assert ours[part] == theirs[part]
        # The fields that LangGraph determines: everything except object ids and the name of the owner.
        assert [(r[0], r[1], r[3], r[5], r[7], r[8]) for r in ours["relations"]] == [(r[0], r[1], r[3], r[5], r[7], r[8]) for r in theirs["relations"]]
    finally:
        other.drop()


def test_a_schema_that_an_application_set_up_is_not_changed(database, check_and_apply):
    database.setup()
    assert_complete(database)
    result = check_and_apply.unchanged(database, database.login())
    assert result["migrations"]["before"] == result["migrations"]["after"] == expected_versions()[-1]


def test_a_converged_database_needs_only_select(database, check_and_apply):
    database.setup()
    reader = database.role("reader_" + database.name)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % reader.name)
    check_and_apply.unchanged(database, database.login(reader))
    database.grant()
    check_and_apply.unchanged(database, database.login(database.app))


def test_data_survives(database, check_and_apply):
    database.setup()
    database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    database.execute("INSERT INTO checkpoint_writes VALUES ('t', '', 'c', 'task', 0, 'channel', 'msgpack', '\\x01')")
    check_and_apply.apply(database, database.login())
    assert database.execute("SELECT thread_id, blob, task_path FROM checkpoint_writes") == [("t", b"\x01", "")]


def test_session_role_owns_the_new_tables(database, check_and_apply):
    group = database.role("group_" + database.name, "NOLOGIN")
    member = database.role("member_" + database.name)
    database.execute('GRANT "%s" TO "%s"' % (group.name, member.name))
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % group.name)
    check_and_apply.apply(database, database.login(member, session_role=group.name))
    assert set(database.owners().values()) == {group.name}


@pytest.mark.parametrize("schema", ["agents", "Agents", "select", "my schema", 'quo"ted', "tab$le", "état", "a,b", "%s", "back\\slash", "it's"])
@pytest.mark.newest
def test_any_schema_name_works(database, check_and_apply, schema):
    quoted = '"%s"' % schema.replace('"', '""')
    database.execute("CREATE SCHEMA " + quoted, role=database.owner)
    done = check_and_apply.apply(database, database.login(schema=schema))
    assert done["changed"] is True
    assert database.tables(schema) == ALL
    assert database.tables("public") == set()


@pytest.mark.newest
def test_two_schemas_of_one_database_are_independent(database, check_and_apply):
    database.setup()
    database.execute("CREATE SCHEMA agents", role=database.owner)
    done = check_and_apply.apply(database, database.login(schema="agents"))
    assert done["changed"] is True
    assert database.tables("agents") == ALL
    assert done["schema"]["name"] == "agents"
    check_and_apply.unchanged(database, database.login())


@pytest.mark.newest
def test_other_objects_are_ignored(database, check_and_apply):
    database.execute("CREATE TABLE checkpoints_archive (id int); CREATE TABLE writes (id int); CREATE VIEW checkpoint AS SELECT 1", role=database.owner)
    check_and_apply.apply(database, database.login())
    assert_complete(database)


@pytest.mark.newest
def test_a_connection_through_the_socket(database, check_and_apply):
    login = database.login()
    del login["login_host"]
    check_and_apply.apply(database, dict(login, login_unix_socket=database.server.socket_dir))
    assert_complete(database)


@pytest.mark.newest
def test_several_hosts_and_the_one_that_can_write(standby_pair, replicated, call_module):
    primary, standby = standby_pair
    wait_for_replay(primary, standby)
    args = replicated.login(
        login_host="127.0.0.1,127.0.0.1", connect_params={"port": "%d,%d" % (standby.port, primary.port), "target_session_attrs": "read-write"}
    )
    done = assert_succeeded(call_module("checkpoint_schema", args), replicated)
    assert done["changed"] is True
    assert_complete(replicated)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_with_a_private_certificate_authority(tls_server, call_module, mode):
    from databases import Database

    database = Database.create(tls_server)
    try:
        args = database.login(ssl_mode=mode, ca_cert=str(tls_server.ca))
        assert_succeeded(call_module("checkpoint_schema", args), database)
        assert_complete(database)
    finally:
        database.drop()


@pytest.mark.newest
def test_behind_a_pooler_in_session_mode(database, pooler, check_and_apply):
    bouncer = pooler(database, "session")
    check_and_apply.apply(database, database.login(login_port=bouncer.port))
    assert_complete(database)
    database.execute("CREATE SCHEMA agents", role=database.owner)
    check_and_apply.apply(database, database.login(login_port=bouncer.port, schema="agents"))
    assert database.tables("agents") == ALL


@pytest.mark.newest
def test_the_search_path_of_the_role_is_ignored(database, check_and_apply):
    database.execute("CREATE SCHEMA elsewhere", role=database.owner)
    database.execute('ALTER ROLE "%s" IN DATABASE "%s" SET search_path = elsewhere' % (database.owner.name, database.name))
    check_and_apply.apply(database, database.login(schema="public"))
    assert database.tables("public") == ALL
    assert database.tables("elsewhere") == set()


@pytest.mark.newest
def test_settings_of_the_role_do_not_end_a_run(database, check_and_apply):
    """An event trigger makes the creation of each table exceed the role's own limit."""
    on_ddl(database, "PERFORM pg_sleep(0.6);", "'CREATE TABLE'")
    database.execute('ALTER ROLE "%s" SET statement_timeout = 500' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET default_transaction_isolation = serializable' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET client_min_messages = debug1' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET standard_conforming_strings = on' % database.owner.name)
    check_and_apply.apply(database, database.login())
    assert_complete(database)


@pytest.mark.newest
def test_another_client_encoding_makes_no_difference(database, check_and_apply):
    database.execute('ALTER ROLE "%s" SET client_encoding = latin1' % database.owner.name)
    check_and_apply.apply(database, database.login())
    assert_complete(database)
