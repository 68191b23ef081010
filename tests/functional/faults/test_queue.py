# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever waits for ACCESS EXCLUSIVE keeps everybody else waiting behind it: the application gets through while a migration waits."""

from __future__ import annotations

import threading

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import Late
from events import until
from fault_points import STARTS, alone, whole
from interceptor import Interceptor

QUEUED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
# Far beyond what the tests wait for a reader.
LONG = 60


@pytest.fixture
def database(victim):
    made = STARTS[1].make(victim)
    made.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % made.app.name)
    yield made
    made.drop()


def reading(database):
    """Somebody who has read, and keeps the transaction open: only ACCESS EXCLUSIVE is in its way."""
    session = database.connect(autocommit=False)
    session.execute("SELECT count(*) FROM checkpoint_writes")
    return session


def behind(database):
    """Whether somebody who comes behind the queue gets an answer."""
    answered = threading.Event()

    def ask():
        database.execute("SELECT count(*) FROM checkpoint_writes", role=database.app)
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    return answered


def waits(database):
    return database.execute(QUEUED)[0][0] > 0


def test_the_application_gets_through(database, collection, ledger):
    """The blocker stays all the while, and the run waits on; then it goes, and the run is done."""
    late = Late(r"ADD COLUMN IF NOT EXISTS task_path", lambda: reading(database))
    with late.stack, Interceptor(database.server, late) as between:
        run = collection.start(database, between.port, lock_timeout=LONG)
        assert late.inside.wait(30)
        for _time in range(3):
            until(lambda: waits(database))
            assert behind(database).wait(15), "a reader waits behind the migration"
        assert run.process.poll() is None
        late.session.rollback()
        assert assert_succeeded(run.finish(), database)["changed"] is True
    assert not whole(database)
    ledger.record("the application behind a waiting ALTER TABLE", collection.name, True, message="three readers got through while it waited")


def test_upstream_keeps_it_waiting(database, upstream, ledger):
    """Recorded, and the proof that the readers of the other test would have waited."""
    late = Late(r"ADD COLUMN IF NOT EXISTS task_path", lambda: reading(database))
    with late.stack, Interceptor(database.server, late) as between:
        run = upstream.start(database, between.port)
        assert late.inside.wait(30)
        until(lambda: waits(database))
        through = behind(database).wait(10)
        late.session.rollback()
        run.finish()
    ledger.record("the application behind a waiting ALTER TABLE", upstream.name, through, message="a reader waited as long as it did")


def test_the_whole_limit_is_kept(database, collection):
    """Short attempts end where the option says, and an index, which shuts nobody out, has the whole of it at once."""
    late = Late(r"ADD COLUMN IF NOT EXISTS task_path", lambda: reading(database))
    with late.stack, Interceptor(database.server, late) as between:
        outcome = collection.start(database, between.port, lock_timeout=4).finish()
        assert_refused(outcome, "lock timeout", "task_path", databases=[database], changed=True)
        texts = between.statements
    tries = [number for number, text in enumerate(texts) if "ADD COLUMN" in text]
    assert 1 < len(tries) < 5
    asked = [number for number, text in enumerate(texts) if "deadlock_timeout" in text]
    indexes = [number for number, text in enumerate(texts) if "CREATE INDEX" in text]
    # blob DROP NOT NULL was recorded, so the first attempt is that of task_path, and what it set does not reach an index.
    assert min(asked) > max(indexes)
    alone(database)
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not whole(database)


def test_an_adoption_and_a_removal_let_it_through_as_well(database, collection):
    """Each of them takes its locks in a transaction, which begins anew."""
    other = database.role("heir_" + database.name)
    database.execute('GRANT "%s" TO "%s"; GRANT CREATE ON SCHEMA public TO "%s"' % (database.owner.name, other.name, other.name))
    login = {"login_user": other.name, "login_password": other.password, "adopt": True}
    for pattern, options in ((r"OWNER TO", login), (r"LOCK TABLE", dict(login, state="absent", force=True))):
        late = Late(pattern, lambda: reading(database))
        with late.stack, Interceptor(database.server, late) as between:
            run = collection.start(database, between.port, lock_timeout=LONG, **options)
            assert late.inside.wait(30)
            until(lambda: waits(database))
            assert behind(database).wait(15), "a reader waits behind %s" % pattern
            late.session.rollback()
            assert assert_succeeded(run.finish(), database)["changed"] is True
