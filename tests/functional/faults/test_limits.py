# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no setting of the server's ends, what a role's own settings would end, and whom a run waits for without their holding anything."""

from __future__ import annotations

import contextlib
import threading
import time
import zlib

import pytest
from assertions import assert_refused, assert_succeeded
from events import on_ddl, until
from fault_points import STARTS, alone, locks, whole
from interceptor import Interceptor
from scope import usual

UPGRADE = STARTS[1]


@pytest.fixture
def database(victim):
    made = UPGRADE.make(victim)
    yield made
    made.drop()


@pytest.mark.extended
def test_a_server_that_falls_silent(database, collection, ledger):
    """It has taken the statement, keeps the connection, and answers no more."""
    over = threading.Event()

    def fall_silent(when, _number, text):
        if when == "after" and "CREATE INDEX" in text:
            over.wait(60)

    with Interceptor(database.server, fall_silent) as between:
        begin = time.monotonic()
        outcome = collection.start(database, between.port, statement_timeout=1, lock_timeout=1).finish()
        spent = time.monotonic() - begin
        over.set()
    assert spent < 50, "it ended after %.0f s" % spent
    assert_refused(outcome, "no answer within", "Run again", databases=[database], changed=True)
    alone(database)
    assert not locks(database)
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not whole(database)
    ledger.record("a server that falls silent", collection.name, True, message=outcome["msg"])


def test_upstream_and_a_server_that_falls_silent(database, upstream, ledger):
    over = threading.Event()

    def fall_silent(when, _number, text):
        if when == "after" and "CREATE INDEX" in text:
            over.wait(60)

    with Interceptor(database.server, fall_silent) as between:
        first = upstream.start(database, between.port).finish(20)
        over.set()
    alone(database, 30)
    second = upstream.start(database).finish()
    wrong = whole(database)
    ledger.record("a server that falls silent", upstream.name, not (wrong or second.failed or first.rc == -9), message=first.get("msg", ""))


def test_a_statement_that_waits_in_the_queue(database, collection):
    """It holds nothing yet, and shuts out everybody who comes behind it."""
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
def test_a_ledger_that_is_shut_against_writing(database, collection, mode):
    """An index would be built first, and its entry could not be made."""
    with database.connect(database.owner, autocommit=False, application_name="the auditor") as session:
        session.execute("LOCK TABLE checkpoint_migrations IN %s MODE" % mode)
        outcome = collection.start(database, lock_timeout=2).finish()
        assert_refused(outcome, "the auditor", r"\bpid %d\b" % session.info.backend_pid, "checkpoint_migrations", databases=[database])
        session.rollback()
    assert not {name for name in database.indexes() if name.endswith("_thread_id_idx")}


@pytest.mark.parametrize("who, words", [("owner", "last statement \\d+ s ago"), ("app", "pg_read_all_stats")])
def test_who_holds_the_lock_and_since_when(database, collection, who, words):
    with database.connect(getattr(database, who), application_name="another run") as session:
        session.execute("SELECT pg_advisory_lock(%s, %s)", (0x4C474350, zlib.crc32(b"schema public") - 2**31))
        outcome = collection.start(database, lock_wait=1).finish()
        assert_refused(outcome, r"\bpid %d\b" % session.info.backend_pid, "another run", words, databases=[database])


@pytest.mark.parametrize("setting, value", usual([("statement_timeout", "200ms"), ("transaction_timeout", "400ms"), ("idle_session_timeout", "300ms")], 2))
def test_limits_of_the_roles_own(database, collection, setting, value):
    if setting == "transaction_timeout" and database.server.version < 17:
        pytest.skip("transaction_timeout came with 17")
    on_ddl(database, "PERFORM pg_sleep(0.6);", "'CREATE INDEX'")
    database.execute("ALTER ROLE \"%s\" SET %s = '%s'" % (database.owner.name, setting, value))
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not whole(database)


def test_dropped_and_then_not_to_be_read(victim, collection):
    """The COMMIT was seen; what comes after it must not make it undone."""
    database = STARTS[0].make(victim)
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
        with Interceptor(victim, lock_again) as between:
            outcome = collection.start(database, between.port, state="absent").finish()
        assert_refused(outcome, "were dropped", databases=[database], changed=True)
    finally:
        for session in filter(None, sessions):
            session.close()
        database.drop()
