# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema on databases that it may bring to today's schema: empty, converged, in another schema, by another role."""

from __future__ import annotations

import pytest
from assertions import assert_succeeded
from complete_schema import ALL, INDEXES, assert_complete, expected_versions
from events import on_ddl
from servers import wait_for_replay


def test_an_empty_database_is_set_up_as_predicted(database, ways):
    done = ways.apply(database, database.login())
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


def test_the_diff_shows_what_comes(database, call_module):
    plan = call_module("checkpoint_schema", database.login(), check=True, diff=True)
    diff = plan["diff"][0] if isinstance(plan["diff"], list) else plan["diff"]
    for name in ALL | INDEXES | {"task_path"}:
        assert name not in diff["before"]
        assert name in diff["after"]


def test_it_makes_exactly_what_setup_makes(database, server, ways):
    from databases import Database

    ways.apply(database, database.login())
    other = Database.create(server)
    try:
        other.setup()
        ours, theirs = database.snapshot(), other.snapshot()
        for part in ("columns", "constraints", "indexes"):
            assert ours[part] == theirs[part]
        # The fields that LangGraph decides: everything but object ids and the owner's name.
        assert [(r[0], r[1], r[3], r[5], r[7], r[8]) for r in ours["relations"]] == [(r[0], r[1], r[3], r[5], r[7], r[8]) for r in theirs["relations"]]
    finally:
        other.drop()


def test_what_an_application_set_up_is_left_alone(database, ways):
    database.setup()
    assert_complete(database)
    result = ways.unchanged(database, database.login())
    assert result["migrations"]["before"] == result["migrations"]["after"] == expected_versions()[-1]


def test_a_converged_database_needs_only_select(database, ways):
    database.setup()
    reader = database.role("reader_" + database.name)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % reader.name)
    ways.unchanged(database, database.login(reader))
    database.grant()
    ways.unchanged(database, database.login(database.app))


def test_data_survives(database, ways):
    database.setup()
    database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    database.execute("INSERT INTO checkpoint_writes VALUES ('t', '', 'c', 'task', 0, 'channel', 'msgpack', '\\x01')")
    ways.apply(database, database.login())
    assert database.execute("SELECT thread_id, blob, task_path FROM checkpoint_writes") == [("t", b"\x01", "")]


def test_session_role_owns_what_is_made(database, ways):
    group = database.role("group_" + database.name, "NOLOGIN")
    member = database.role("member_" + database.name)
    database.execute('GRANT "%s" TO "%s"' % (group.name, member.name))
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % group.name)
    ways.apply(database, database.login(member, session_role=group.name))
    assert set(database.owners().values()) == {group.name}


@pytest.mark.parametrize("schema", ["agents", "Agents", "select", "my schema", 'quo"ted', "tab$le", "état", "a,b", "%s", "back\\slash", "it's"])
@pytest.mark.newest
def test_any_schema_name_works(database, ways, schema):
    quoted = '"%s"' % schema.replace('"', '""')
    database.execute("CREATE SCHEMA " + quoted, role=database.owner)
    done = ways.apply(database, database.login(schema=schema))
    assert done["changed"] is True
    assert database.tables(schema) == ALL
    assert database.tables("public") == set()


@pytest.mark.newest
def test_two_schemas_of_one_database_do_not_mix(database, ways):
    database.setup()
    database.execute("CREATE SCHEMA agents", role=database.owner)
    done = ways.apply(database, database.login(schema="agents"))
    assert done["changed"] is True
    assert database.tables("agents") == ALL
    assert done["schema"]["name"] == "agents"
    ways.unchanged(database, database.login())


@pytest.mark.newest
def test_other_objects_are_no_concern_of_ours(database, ways):
    database.execute("CREATE TABLE checkpoints_archive (id int); CREATE TABLE writes (id int); CREATE VIEW checkpoint AS SELECT 1", role=database.owner)
    ways.apply(database, database.login())
    assert_complete(database)


@pytest.mark.newest
def test_it_goes_in_through_the_socket(database, ways):
    login = database.login()
    del login["login_host"]
    ways.apply(database, dict(login, login_unix_socket=database.server.socket_dir))
    assert_complete(database)


@pytest.mark.newest
def test_several_hosts_and_the_one_that_can_write(standby_pair, call_module):
    from databases import Database

    primary, standby = standby_pair
    database = Database.create(primary)
    try:
        wait_for_replay(primary, standby)
        args = database.login(
            login_host="127.0.0.1,127.0.0.1", connect_params={"port": "%d,%d" % (standby.port, primary.port), "target_session_attrs": "read-write"}
        )
        done = assert_succeeded(call_module("checkpoint_schema", args), database)
        assert done["changed"] is True
        assert_complete(database)
    finally:
        database.drop()


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_with_an_authority_of_our_own(tls_server, call_module, mode):
    from databases import Database

    database = Database.create(tls_server)
    try:
        args = database.login(ssl_mode=mode, ca_cert=str(tls_server.ca))
        assert_succeeded(call_module("checkpoint_schema", args), database)
        assert_complete(database)
    finally:
        database.drop()


@pytest.mark.newest
def test_behind_a_pooler_in_session_mode(database, pooler, ways):
    bouncer = pooler(database, "session")
    ways.apply(database, database.login(login_port=bouncer.port))
    assert_complete(database)
    database.execute("CREATE SCHEMA agents", role=database.owner)
    ways.apply(database, database.login(login_port=bouncer.port, schema="agents"))
    assert database.tables("agents") == ALL


@pytest.mark.newest
def test_a_search_path_of_the_role_does_not_lead_astray(database, ways):
    database.execute("CREATE SCHEMA elsewhere", role=database.owner)
    database.execute('ALTER ROLE "%s" IN DATABASE "%s" SET search_path = elsewhere' % (database.owner.name, database.name))
    ways.apply(database, database.login(schema="public"))
    assert database.tables("public") == ALL
    assert database.tables("elsewhere") == set()


@pytest.mark.newest
def test_settings_of_the_role_do_not_end_it(database, ways):
    """An event trigger makes each table take longer than the role's own limit."""
    on_ddl(database, "PERFORM pg_sleep(0.6);", "'CREATE TABLE'")
    database.execute('ALTER ROLE "%s" SET statement_timeout = 500' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET default_transaction_isolation = serializable' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET client_min_messages = debug1' % database.owner.name)
    database.execute('ALTER ROLE "%s" SET standard_conforming_strings = on' % database.owner.name)
    ways.apply(database, database.login())
    assert_complete(database)


@pytest.mark.newest
def test_another_encoding_of_the_client_does_not_matter(database, ways):
    database.execute('ALTER ROLE "%s" SET client_encoding = latin1' % database.owner.name)
    ways.apply(database, database.login())
    assert_complete(database)
