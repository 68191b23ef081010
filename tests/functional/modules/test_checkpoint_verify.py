# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_verify: the facts of checkpoint_schema_info, and when a round trip follows. test_roundtrip.py tests the round trip itself."""

from __future__ import annotations

import socket

import pytest
from assertions import assert_refused, assert_succeeded
from databases import TABLES
from events import until
from generations import sqlite_file

pytestmark = pytest.mark.newest

DRIFT = "DROP INDEX checkpoints_thread_id_idx"


@pytest.fixture
def ready(database):
    """Set up by the owner, granted to the application."""
    database.setup()
    database.grant()
    return database


def inserted(database):
    """The tables that received rows, from the server's statistics, which a session updates when it ends."""
    sessions = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND usename = %s"
    until(lambda: not database.execute(sessions, [database.app.name]))
    query = "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND pg_stat_get_tuples_inserted(oid) > 0"
    return {row[0] for row in database.execute(query, [list(TABLES)])}


def facts(outcome):
    """The facts that both modules return."""
    return {name: outcome[name] for name in ("library", "versions", "migrations", "postgres", "sqlite", "parity", "orphans")}


@pytest.mark.parametrize("reference", ["file", "schema", "library"])
def test_it_returns_the_facts_and_makes_a_round_trip(ready, call_module, tmp_path, reference):
    args = ready.login(ready.app)
    if reference != "library":
        args["sqlite_path"] = str(sqlite_file(tmp_path / "checkpoints.sqlite"))
    if reference == "schema":
        args["sqlite_schema"] = assert_succeeded(call_module("checkpoint_schema_info", args), ready)["sqlite"]
        del args["sqlite_path"]
    info = assert_succeeded(call_module("checkpoint_schema_info", args), ready)
    done = assert_succeeded(call_module("checkpoint_verify", args), ready)
    assert facts(done) == facts(info)
    thread = "stateops.langgraph.checkpoint_verify/%s/%s"
    assert done["roundtrip"] == {"thread_id": thread % (socket.gethostname(), done["role"]), "stale_rows_removed": 0}
    assert done["changed"] is False
    assert [ready.execute("SELECT count(*) FROM %s" % table)[0][0] for table in TABLES] == [0, 0, 0]


@pytest.mark.parametrize(
    "when,drift,check,wrote",
    [
        ("always", False, False, True),
        ("always", True, False, True),
        ("always", False, True, False),
        ("in_parity", False, False, True),
        ("in_parity", True, False, False),
        ("never", False, False, False),
    ],
)
def test_when_a_checkpoint_is_written(ready, call_module, when, drift, check, wrote):
    if drift:
        ready.execute(DRIFT)
    done = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app, roundtrip=when), check=check, diff=check), ready)
    assert done["parity"]["in_parity"] is not drift
    assert (done["roundtrip"] is not None) is wrote
    assert inserted(ready) == (set(TABLES) if wrote else set())


def test_drift_with_assert_parity_fails_before_anything_is_written(ready, call_module):
    ready.execute(DRIFT)
    outcome = call_module("checkpoint_verify", ready.login(ready.app, assert_parity=True))
    assert_refused(outcome, "checkpoints_thread_id_idx", databases=[ready])
    assert outcome["parity"]["in_parity"] is False
    assert inserted(ready) == set()


def test_a_failed_round_trip_still_returns_the_facts(ready, call_module):
    expected = facts(assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready))
    ready.execute('REVOKE DELETE ON checkpoint_writes FROM "%s"' % ready.app.name)
    outcome = call_module("checkpoint_verify", ready.login(ready.app))
    assert_refused(outcome, "DELETE", "checkpoint_writes", ready.app.name, databases=[ready])
    assert facts(outcome) == expected
    assert "roundtrip" not in outcome


def test_an_error_before_the_first_write_still_returns_the_facts(ready, call_module):
    thread = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)["roundtrip"]["thread_id"]
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{}')", [thread])
    ready.execute("ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY; CREATE POLICY fails ON checkpoints USING (1 / length(checkpoint_ns) = 1)")
    outcome = call_module("checkpoint_verify", ready.login(ready.app))
    assert_refused(outcome, "^PostgreSQL reports an error: division by zero", databases=[ready])
    assert facts(outcome)["parity"]["in_parity"] is False


def test_stale_rows_are_removed_and_reported(ready, call_module):
    thread = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)["roundtrip"]["thread_id"]
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{}')", [thread])
    done = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    assert done["changed"] is True and done["roundtrip"]["stale_rows_removed"] == 1
    assert assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)["changed"] is False


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_behind_a_pooler(ready, pooler, call_module, mode):
    bouncer = pooler(ready, mode)
    outcome = call_module("checkpoint_verify", ready.login(ready.app, login_port=bouncer.port))
    assert assert_succeeded(outcome, ready)["roundtrip"]["stale_rows_removed"] == 0


def test_through_a_session_role(ready, call_module):
    member = ready.role("member_" + ready.name)
    ready.execute('GRANT "%s" TO "%s"' % (ready.app.name, member.name))
    done = assert_succeeded(call_module("checkpoint_verify", ready.login(member, session_role=ready.app.name)), ready)
    assert done["parity"]["in_parity"] is True and done["roundtrip"] is not None


def test_a_missing_database_fails_only_outside_check_mode(database, call_module):
    for absent in ({"login_db": "not_there"}, {"schema": "not_there"}):
        assert_refused(call_module("checkpoint_verify", database.login(**absent)), "not_there", databases=[database])
        outcome = assert_succeeded(call_module("checkpoint_verify", database.login(**absent), check=True), database)
        assert outcome["changed"] is False and "not_there" in outcome["msg"]


@pytest.mark.parametrize("table, right", [("checkpoint_writes", "INSERT"), ("checkpoints", "UPDATE"), ("checkpoint_blobs", "SELECT")])
def test_a_missing_privilege_fails_even_if_nothing_is_written(ready, call_module, table, right):
    args = ready.login(ready.app, roundtrip="never", count_orphans=False)
    assert_succeeded(call_module("checkpoint_verify", args), ready)
    ready.execute('REVOKE %s ON %s FROM "%s"' % (right, table, ready.app.name))
    outcome = call_module("checkpoint_verify", args)
    assert_refused(outcome, 'GRANT %s ON "public"."%s" TO "%s"' % (right, table, ready.app.name), databases=[ready])
    assert outcome["parity"]["in_parity"] is True
    # A privilege that provision.yml would grant later is not an error in its check mode.
    assert_succeeded(call_module("checkpoint_verify", args, check=True), ready)
    assert inserted(ready) == set()
