# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance of the server, and work on other tables: sessions that CREATE INDEX CONCURRENTLY waits for are named, other sessions are not reported."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import HUNG
from events import until
from fault_points import STARTS, schema_error, wait_for_end
from psycopg.errors import LockNotAvailable
from scope import usual

WORKERS = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'autovacuum worker' AND query ~ 'checkpoints .*wraparound'"
# The minimum value of autovacuum_freeze_max_age for a table.
AGE = 100000


@pytest.fixture
def database(stoppable_server):
    made = STARTS[1].make(stoppable_server)
    yield made
    made.drop()


@contextlib.contextmanager
def wraparound(database):
    """A real autovacuum to prevent wraparound: the table is older than its limit, and the worker is slow."""
    server = database.server
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) SELECT 'w', n::text, '{}' FROM generate_series(1, 60000) n")
    database.execute("ALTER TABLE checkpoints SET (autovacuum_freeze_max_age = %d, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)" % AGE)
    # Each subtransaction that writes consumes a transaction ID.
    database.execute(
        "CREATE TABLE spent (n int); DO $$ BEGIN FOR n IN 1..%d LOOP"
        " BEGIN INSERT INTO spent VALUES (n); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$" % (AGE + 1000)
    )
    server.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    server.execute("ALTER SYSTEM SET autovacuum = on")
    server.execute("SELECT pg_reload_conf()")
    try:
        yield until(lambda: server.execute(WORKERS, [database.name]), 60)[0][0]
    finally:
        for setting in ("autovacuum_naptime", "autovacuum"):
            server.execute("ALTER SYSTEM RESET %s" % setting)
        server.execute("SELECT pg_reload_conf()")
        database.execute("ALTER TABLE checkpoints RESET (autovacuum_freeze_max_age, autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit)")


def test_an_autovacuum_against_wraparound(database, collection, fault_table):
    """This autovacuum does not yield. The owner's role cannot see its statement, but the message names it."""
    before = database.recorded()
    with wraparound(database) as pid:
        outcome = collection.start(database, lock_timeout=2).finish()
        assert_refused(outcome, r"\bpid %d\b" % pid, "wraparound", "checkpoints", databases=[database])
        assert database.recorded() == before
        # PostgreSQL itself would wait for it without success.
        with database.connect(database.owner) as session, pytest.raises(Exception, match="lock timeout"):
            session.execute("SET lock_timeout = '3s'")
            session.execute("CREATE INDEX CONCURRENTLY mine ON checkpoints (type)")
        database.server.execute("SELECT pg_terminate_backend(%s)", [pid])
    fault_table.record("blocked by: an autovacuum against wraparound", collection.name, True, message=outcome["msg"])


def test_upstream_and_an_autovacuum_against_wraparound(database, upstream, fault_table):
    with wraparound(database) as pid:
        first = upstream.start(database).finish(HUNG)
        # The server process of the killed client continues to wait.
        database.server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s OR usename = %s", [pid, database.owner.name])
    wait_for_end(database, 30)
    second = upstream.start(database).finish()
    wrong = schema_error(database)
    message = "%s; then %s" % (first.get("msg", "done"), wrong or second.get("msg", "complete"))
    fault_table.record("blocked by: an autovacuum against wraparound", upstream.name, not (wrong or second.failed or first.failed), message=message)


ELSEWHERE = {
    "an index of a plain column": ("CREATE INDEX CONCURRENTLY ON elsewhere (n)", False),
    "an index with a predicate": ("CREATE INDEX CONCURRENTLY ON elsewhere (n) WHERE n > 0", True),
    "an index of an expression": ("CREATE INDEX CONCURRENTLY ON elsewhere ((n + 1))", True),
}


@contextlib.contextmanager
def building_elsewhere(database, statement):
    """An index on another table is being built, with an open snapshot, while the block runs."""
    database.execute("CREATE TABLE elsewhere AS SELECT n FROM generate_series(1, 600000) n", role=database.owner)
    with database.connect(database.owner) as builder:
        pid = builder.info.backend_pid

        def build():
            with contextlib.suppress(Exception):
                builder.execute(statement)

        thread = threading.Thread(target=build)
        thread.start()
        try:
            holding = "SELECT pid FROM pg_stat_activity WHERE pid = %s AND backend_xmin IS NOT NULL"
            until(lambda: database.execute(holding, [pid]) and not os.kill(pid, signal.SIGSTOP) and database.execute(holding, [pid]))
            yield pid
        finally:
            os.kill(pid, signal.SIGCONT)
            database.server.execute("SELECT pg_terminate_backend(%s)", [pid])
            thread.join()


@pytest.mark.parametrize("what", usual(ELSEWHERE))
def test_an_index_elsewhere(database, collection, what):
    """Compared with PostgreSQL itself: whether CREATE INDEX CONCURRENTLY on a third table waits for that session."""
    statement, waits = ELSEWHERE[what]
    database.execute("CREATE TABLE third (n int)", role=database.owner)
    with building_elsewhere(database, statement) as pid:
        with database.connect(database.owner) as session, contextlib.suppress(LockNotAvailable):
            session.execute("SET lock_timeout = '2s'")
            session.execute("CREATE INDEX CONCURRENTLY third_n ON third (n)")
        assert database.indexes()["third_n"] is not waits
        outcome = collection.start(database, lock_timeout=2).finish()
        if waits:
            assert_refused(outcome, r"\bpid %d\b" % pid, "old snapshot", databases=[database])
        else:
            assert assert_succeeded(outcome, database)["changed"] is True
    database.execute("DROP TABLE elsewhere")
    assert waits or not schema_error(database)


def test_a_vacuum_elsewhere(database, collection):
    """No session waits for the snapshot of a VACUUM."""
    database.execute("CREATE TABLE elsewhere AS SELECT n FROM generate_series(1, 200000) n; DELETE FROM elsewhere WHERE n % 2 = 0", role=database.owner)

    def vacuum():
        with contextlib.suppress(Exception), database.connect(database.owner) as session:
            session.execute("SET vacuum_cost_delay = 100")
            session.execute("SET vacuum_cost_limit = 1")
            session.execute("VACUUM elsewhere")

    thread = threading.Thread(target=vacuum)
    thread.start()
    running = "SELECT pid FROM pg_stat_progress_vacuum WHERE datname = current_database()"
    pid = until(lambda: database.execute(running))[0][0]
    done = assert_succeeded(collection.start(database, lock_timeout=2).finish(), database)
    assert done["changed"] is True and not schema_error(database)
    assert database.execute(running), "the VACUUM had ended before, so this proves nothing"
    database.server.execute("SELECT pg_terminate_backend(%s)", [pid])
    thread.join()
