# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that waits for ACCESS EXCLUSIVE blocks all sessions behind it. While a migration waits, the application must still get through."""

from __future__ import annotations

import threading

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import LateBlocker
from events import until
from fault_points import STARTS, schema_error, wait_for_end
from interceptor import Interceptor

QUEUED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
# Much longer than the tests wait for a reader.
LONG = 60


@pytest.fixture
def database(stoppable_server):
    made = STARTS[1].make(stoppable_server)
    made.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % made.app.name)
    yield made
    made.drop()


def open_read(database):
    """A session that has read and keeps its transaction open: only ACCESS EXCLUSIVE conflicts with it."""
    session = database.connect(autocommit=False)
    session.execute("SELECT count(*) FROM checkpoint_writes")
    return session


def query_behind(database):
    """An event that is set when a query that waits behind the queue returns."""
    answered = threading.Event()

    def ask():
        database.execute("SELECT count(*) FROM checkpoint_writes", role=database.app)
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    return answered


def waits(database):
    return database.execute(QUEUED)[0][0] > 0


def test_the_application_gets_through(database, collection, fault_table):
    """The blocker stays, and the run continues to wait. When the blocker ends, the run completes."""
    late = LateBlocker(r"ADD COLUMN IF NOT EXISTS task_path", lambda: open_read(database))
    with late.stack, Interceptor(database.server, late) as between:
        run = collection.start(database, between.port, lock_timeout=LONG)
        assert late.inside.wait(30)
        for _time in range(3):
            until(lambda: waits(database))
            assert query_behind(database).wait(15), "a reader waits behind the migration"
        assert run.process.poll() is None
        late.session.rollback()
        assert assert_succeeded(run.finish(), database)["changed"] is True
    assert not schema_error(database)
    fault_table.record("the application behind a waiting ALTER TABLE", collection.name, True, message="three readers got through while it waited")


def test_upstream_keeps_it_waiting(database, upstream, fault_table):
    """Recorded. It also proves that the readers in the other test would have waited."""
    late = LateBlocker(r"ADD COLUMN IF NOT EXISTS task_path", lambda: open_read(database))
    with late.stack, Interceptor(database.server, late) as between:
        run = upstream.start(database, between.port)
        assert late.inside.wait(30)
        until(lambda: waits(database))
        through = query_behind(database).wait(10)
        late.session.rollback()
        run.finish()
    fault_table.record("the application behind a waiting ALTER TABLE", upstream.name, through, message="a reader waited as long as it did")


def test_the_complete_limit_is_used(database, collection):
    """The short attempts end at the limit of the option. CREATE INDEX, which blocks nobody, gets the complete limit at once."""
    late = LateBlocker(r"ADD COLUMN IF NOT EXISTS task_path", lambda: open_read(database))
    with late.stack, Interceptor(database.server, late) as between:
        outcome = collection.start(database, between.port, lock_timeout=4).finish()
        assert_refused(outcome, "lock timeout", "task_path", databases=[database], changed=True)
        texts = between.statements
    tries = [number for number, text in enumerate(texts) if "ADD COLUMN" in text]
    assert 1 < len(tries) < 5
    asked = [number for number, text in enumerate(texts) if "deadlock_timeout" in text]
    indexes = [number for number, text in enumerate(texts) if "CREATE INDEX" in text]
    # blob DROP NOT NULL is recorded already, so the first short attempt is the one for task_path. Its timeout does not apply to an index.
    assert min(asked) > max(indexes)
    wait_for_end(database)
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database)


def test_the_application_gets_through_during_an_adoption_and_a_removal(database, collection):
    """Each of them takes its locks in a transaction that is started again."""
    other = database.role("heir_" + database.name)
    database.execute('GRANT "%s" TO "%s"; GRANT CREATE ON SCHEMA public TO "%s"' % (database.owner.name, other.name, other.name))
    login = {"login_user": other.name, "login_password": other.password, "adopt": True}
    for pattern, options in ((r"OWNER TO", login), (r"LOCK TABLE", dict(login, state="absent", force=True))):
        late = LateBlocker(pattern, lambda: open_read(database))
        with late.stack, Interceptor(database.server, late) as between:
            run = collection.start(database, between.port, lock_timeout=LONG, **options)
            assert late.inside.wait(30)
            until(lambda: waits(database))
            assert query_behind(database).wait(15), "a reader waits behind %s" % pattern
            late.session.rollback()
            assert assert_succeeded(run.finish(), database)["changed"] is True
