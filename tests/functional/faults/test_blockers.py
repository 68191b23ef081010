# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocking sessions. If one exists before the run, nothing is written. If one appears later, the run ends within its limits."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import APPLICATION, HUNG, LateBlocker, locked, old_snapshot, open_write
from databases import MIGRATIONS_TABLE, TABLES
from events import until
from fault_points import STARTS, locks, schema_error, wait_for_end
from interceptor import Interceptor
from scope import usual

UPGRADE = STARTS[1]
# The time limit of the module in seconds.
PATIENCE = 2


BLOCKERS = {"a writer idle in transaction": open_write, "an old REPEATABLE READ snapshot": old_snapshot}
BLOCKERS.update(("ACCESS EXCLUSIVE on %s" % table, locked(table)) for table in (*TABLES, MIGRATIONS_TABLE))


@pytest.fixture
def database(stoppable_server):
    made = UPGRADE.make(stoppable_server)
    made.execute('GRANT ALL ON ALL TABLES IN SCHEMA public TO "%s"' % made.app.name)
    yield made
    made.drop()


@pytest.mark.parametrize("what", usual(BLOCKERS, 3))
def test_blocked_from_the_start(database, collection, fault_table, what):
    before = database.snapshot()
    with BLOCKERS[what](database, database.owner) as session:
        run = collection.start(database, lock_timeout=PATIENCE, statement_timeout=PATIENCE + 3)
        outcome = run.finish()
        ages = [r"transaction \d+ s old", r"last statement \d+ s ago"]
        assert_refused(outcome, r"\bpid %d\b" % session.info.backend_pid, database.owner.name, APPLICATION, *ages, databases=[database])
    assert database.snapshot() == before
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database)
    fault_table.record("blocked by: %s" % what, collection.name, True, message=outcome["msg"])


@pytest.mark.parametrize("what", usual(BLOCKERS))
def test_blocked_by_a_session_whose_statements_are_hidden(database, collection, what):
    with BLOCKERS[what](database, database.app) as session:
        outcome = collection.start(database, lock_timeout=PATIENCE, statement_timeout=PATIENCE + 3).finish()
        assert_refused(outcome, r"\bpid %d\b" % session.info.backend_pid, database.app.name, APPLICATION, "pg_read_all_stats", databases=[database])


@pytest.mark.parametrize("what", list(BLOCKERS))
def test_upstream_blocked_from_the_start(database, upstream, fault_table, what):
    with BLOCKERS[what](database, database.owner):
        first = upstream.start(database).finish(HUNG)
        # The server process of the killed client continues as long as it is blocked, and its index has the name already.
    with contextlib.suppress(AssertionError):
        wait_for_end(database, 5)
    second = upstream.start(database).finish(HUNG)
    wrong = schema_error(database)
    message = "%s; then %s" % (first.get("msg", "done"), wrong or second.get("msg", "complete"))
    fault_table.record("blocked by: %s" % what, upstream.name, not wrong and not second.failed, message=message)


# The statement of the upgrade that is blocked, and the session that blocks it.
LATE = {
    "a writer before CREATE INDEX": (r"CREATE INDEX CONCURRENTLY .*checkpoints_thread", open_write),
    "a snapshot before CREATE INDEX": (r"CREATE INDEX CONCURRENTLY .*checkpoints_thread", old_snapshot),
    "a lock before CREATE INDEX": (r"CREATE INDEX CONCURRENTLY .*blobs_thread", locked("checkpoint_blobs")),
    "a lock before ALTER TABLE": (r"ADD COLUMN IF NOT EXISTS task_path", locked("checkpoint_writes")),
    "a lock before the INSERT into the migrations table": (r"INSERT INTO checkpoint_migrations", locked(MIGRATIONS_TABLE)),
}


@pytest.mark.parametrize("what", usual(LATE, 2))
def test_blocked_during_the_run(database, collection, fault_table, what):
    pattern, blocker = LATE[what]
    before = database.snapshot()
    late = LateBlocker(pattern, lambda: blocker(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        begin = time.monotonic()
        outcome = collection.start(database, between.port, lock_timeout=PATIENCE, statement_timeout=PATIENCE).finish()
        spent = time.monotonic() - begin
        assert late.session is not None
    assert spent < 30, "the run ended after %.1f s" % spent
    assert_refused(outcome, "Run again", databases=[database], changed=True)
    # If the blocker also locks out readers, the message says that the state is unknown.
    assert database.snapshot() != before or "something may have been written" in outcome["msg"]
    wait_for_end(database)
    left = [name for name, valid in database.indexes().items() if not valid]
    assert all(name in outcome["msg"] for name in left), "not in the message: %s" % left
    # A snapshot does not prevent the removal of the invalid index.
    assert not left or blocker is not old_snapshot, "the index could have been removed: %s" % left
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database) and not locks(database)
    fault_table.record("blocked later by: %s" % what, collection.name, True, message=outcome["msg"])


@pytest.mark.parametrize("what", list(LATE))
def test_upstream_blocked_during_the_run(database, upstream, fault_table, what):
    pattern, blocker = LATE[what]
    late = LateBlocker(pattern, lambda: blocker(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        first = upstream.start(database, between.port).finish(HUNG)
    with contextlib.suppress(AssertionError):
        wait_for_end(database, 5)
    second = upstream.start(database).finish(HUNG)
    wrong = schema_error(database)
    message = "%s; then %s" % (first.get("msg", "done"), wrong or second.get("msg", "complete"))
    fault_table.record("blocked later by: %s" % what, upstream.name, not wrong and not second.failed, message=message)


def killed_while_building(contender, database):
    """Seconds until the server process of a killed run has ended while its index is still blocked. None if it did not end."""
    late = LateBlocker(r"CREATE INDEX CONCURRENTLY", lambda: open_write(database, database.app))

    def building():
        return database.server.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename = %s AND query ~ 'CREATE INDEX' AND wait_event_type = 'Lock'",
            [database.name, database.owner.name],
        )

    with late.stack, Interceptor(database.server, late) as between:
        run = contender.start(database, between.port)
        until(building, 30)
        run.process.send_signal(signal.SIGKILL)
        run.process.communicate()
        begin = time.monotonic()
        try:
            until(lambda: not building(), 10)
        except AssertionError:
            return None
        return time.monotonic() - begin


def test_killed_while_its_index_is_built(database, collection, fault_table):
    seconds = killed_while_building(collection, database)
    assert seconds is not None, "the server process continues to build the index"
    wait_for_end(database)
    assert not locks(database)
    assert not all(database.indexes().values()), "no INVALID index was left, so this proves nothing"
    done = assert_succeeded(collection.start(database).finish(), database)
    assert done["changed"] is True and not schema_error(database)
    fault_table.record("killed while its index is built", collection.name, True, message="the server process was gone in %.1f s" % seconds)


def test_upstream_killed_while_its_index_is_built(database, upstream, fault_table):
    seconds = killed_while_building(upstream, database)
    wait_for_end(database, 30)
    second = upstream.start(database).finish()
    wrong = schema_error(database)
    stayed = "the server process continued" if seconds is None else "gone in %.1f s" % seconds
    message = "%s; then %s" % (stayed, wrong or second.get("msg", "complete"))
    fault_table.record("killed while its index is built", upstream.name, not wrong and not second.failed, message=message)
