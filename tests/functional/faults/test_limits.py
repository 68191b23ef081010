# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that no setting of the server ends, settings of the role that would end a run, and sessions that block a run without holding a lock."""

from __future__ import annotations

import contextlib
import threading
import time
import zlib

import pytest
from assertions import assert_refused, assert_succeeded
from events import on_ddl, until
from fault_points import STARTS, locks, schema_error, wait_for_end
from interceptor import Interceptor
from scope import usual

UPGRADE = STARTS[1]


@pytest.fixture
def database(stoppable_server):
    made = UPGRADE.make(stoppable_server)
    yield made
    made.drop()


@pytest.mark.extended
def test_a_server_that_stops_responding(database, collection, fault_table):
    """The server has received the statement, keeps the connection open, and sends no response."""
    over = threading.Event()

    def stop_responding(when, _number, text):
        if when == "after" and "CREATE INDEX" in text:
            over.wait(60)

    with Interceptor(database.server, stop_responding) as between:
        begin = time.monotonic()
        outcome = collection.start(database, between.port, statement_timeout=1, lock_timeout=1).finish()
        spent = time.monotonic() - begin
        over.set()
    assert spent < 50, "the run ended after %.0f s" % spent
    assert_refused(outcome, "no answer within", "Run again", databases=[database], changed=True)
    wait_for_end(database)
    assert not locks(database)
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database)
    fault_table.record("a server that stops responding", collection.name, True, message=outcome["msg"])


def test_upstream_and_a_server_that_stops_responding(database, upstream, fault_table):
    over = threading.Event()

    def stop_responding(when, _number, text):
        if when == "after" and "CREATE INDEX" in text:
            over.wait(60)

    with Interceptor(database.server, stop_responding) as between:
        first = upstream.start(database, between.port).finish(20)
        over.set()
    wait_for_end(database, 30)
    second = upstream.start(database).finish()
    wrong = schema_error(database)
    fault_table.record("a server that stops responding", upstream.name, not (wrong or second.failed or first.rc == -9), message=first.get("msg", ""))


def test_a_statement_that_waits_in_the_queue(database, collection):
    """The statement holds no lock yet, and blocks every session that waits behind it."""
    with database.connect(database.owner, autocommit=False) as reader:
        reader.execute("SELECT count(*) FROM checkpoints")

        def alter():
            with contextlib.suppress(Exception), database.connect(database.owner, application_name="the stuck one") as session:
                session.execute("ALTER TABLE checkpoints ADD COLUMN note text")

        thread = threading.Thread(target=alter)
        thread.start()
        until(lambda: database.execute("SELECT pid FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"))
        outcome = collection.start(database, lock_timeout=2).finish()
        assert_refused(outcome, "the stuck one", r"waits for pid %d\b" % reader.info.backend_pid, databases=[database])
        assert database.recorded() == 4
        reader.rollback()
    thread.join()


@pytest.mark.parametrize("mode", usual(["SHARE", "EXCLUSIVE"]))
def test_a_migrations_table_that_is_locked_against_writes(database, collection, mode):
    """Otherwise an index would be created first, and its version could not be recorded."""
    with database.connect(database.owner, autocommit=False, application_name="the auditor") as session:
        session.execute("LOCK TABLE checkpoint_migrations IN %s MODE" % mode)
        outcome = collection.start(database, lock_timeout=2).finish()
        assert_refused(outcome, "the auditor", r"\bpid %d\b" % session.info.backend_pid, "checkpoint_migrations", databases=[database])
        session.rollback()
    assert not {name for name in database.indexes() if name.endswith("_thread_id_idx")}


@pytest.mark.parametrize("who, words", [("owner", "last statement \\d+ s ago"), (None, "pg_read_all_stats")])
def test_who_holds_the_lock_and_since_when(database, collection, who, words):
    with database.connect(who and database.owner, application_name="another run") as session:
        session.execute("SELECT pg_advisory_lock(%s::bigint::bit(32)::int, 1)", (zlib.crc32(b"stateops.langgraph schema public"),))
        outcome = collection.start(database, lock_wait=1).finish()
        ended = r"pg_terminate_backend\(%d\)" % session.info.backend_pid
        assert_refused(outcome, r"\bpid %d\b" % session.info.backend_pid, "another run", words, ended, databases=[database])


@pytest.mark.parametrize("setting, value", usual([("statement_timeout", "200ms"), ("transaction_timeout", "400ms"), ("idle_session_timeout", "300ms")], 2))
def test_time_limits_set_for_the_role(database, collection, setting, value):
    if setting == "transaction_timeout" and database.server.version < 17:
        pytest.skip("transaction_timeout came with 17")
    on_ddl(database, "PERFORM pg_sleep(0.6);", "'CREATE INDEX'")
    database.execute("ALTER ROLE \"%s\" SET %s = '%s'" % (database.owner.name, setting, value))
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database)


def test_tables_that_cannot_be_read_after_they_were_dropped(stoppable_server, collection):
    """The COMMIT succeeded. If reading the state afterwards fails, the message must still report the change."""
    database = STARTS[0].make(stoppable_server)
    database.setup()
    sessions = []

    def lock_again(when, _number, text):
        if text.startswith("DROP TABLE"):
            sessions[:] = [None]
        elif when == "before" and sessions == [None] and "ISOLATION LEVEL" in text:
            sessions[0] = database.connect(database.owner)
            sessions[0].execute("CREATE TABLE checkpoints (thread_id text PRIMARY KEY)")
            sessions[0].autocommit = False
            sessions[0].execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")

    try:
        with Interceptor(stoppable_server, lock_again) as between:
            outcome = collection.start(database, between.port, state="absent").finish()
        assert_refused(outcome, "were dropped", databases=[database], changed=True)
    finally:
        for session in filter(None, sessions):
            session.close()
        database.drop()
