# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The advisory lock that serializes runs: its queries and its waiting times. The functional tests use real locks."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock


def holder(**changes):
    row = {"pid": 17, "name": "langgraph_owner", "application": "stateops.langgraph.checkpoint_schema", "state": "active", "age": 7, "first": True}
    return dict(row, **changes)


class Session:
    """The part of a connection that advisory_lock() uses. others: for each query, the holders that it finds; the last list is repeated. No server is used,
    so that the tests check waiting times without waiting."""

    def __init__(self, *others, got=True):
        self.others = list(others)
        self.got = got
        self.closed = self.breaks = False
        self.asked = []

    def execute(self, query, parameters):
        word = next(name for name in ("try_advisory_lock", "advisory_unlock", "pg_locks") if name in query)
        self.asked.append((word, parameters))
        if word == "advisory_unlock" and self.breaks:
            raise OSError("gone")
        return self

    def fetchone(self):
        return {"got": self.got}

    def fetchall(self):
        return self.others.pop(0) if len(self.others) > 1 else self.others[0]

    def count(self, word):
        return len([name for name, _parameters in self.asked if name == word])


class Clock:
    """A clock that advances only when sleep() is called."""

    def __init__(self):
        self.now = 100.0
        self.naps = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0, "sleeping for zero seconds would be a busy loop"
        self.naps.append(seconds)
        self.now += seconds


def locked(session, seconds, clock, name="public"):
    return advisory_lock(session, name, seconds, clock, clock.sleep)


def test_a_free_lock_is_acquired_at_once_and_released():
    session, clock = Session([]), Clock()
    with locked(session, 300, clock) as waited:
        assert waited is False and session.count("advisory_unlock") == 0
    assert [name for name, _parameters in session.asked] == ["try_advisory_lock", "pg_locks", "advisory_unlock"]
    assert session.asked[0][1] == session.asked[2][1] and clock.naps == []


@pytest.mark.parametrize("first, announcements", [(True, 2), (False, 1)])
def test_the_attempts_to_acquire_a_lock_become_less_frequent(first, announcements):
    """If the other run has the lower pid, this one withdraws until the lock is free. Otherwise the two could withdraw again and again."""
    session, clock = Session(*[[holder(first=first)]] * 20, []), Clock()
    with locked(session, 300, clock) as waited:
        assert waited is True
        assert session.count("advisory_unlock") == announcements - 1
    assert session.count("try_advisory_lock") == session.count("advisory_unlock") == announcements
    assert clock.naps == sorted(clock.naps) and clock.naps[0] == 0.05 and clock.naps[-1] == 1.0


@pytest.mark.parametrize("seconds", [0, 0.01, 2, 300])
def test_the_error_names_the_holder_of_a_lock_that_is_not_released(seconds):
    session, clock = Session([holder()]), Clock()
    with pytest.raises(ModuleError) as found, locked(session, seconds, clock, "agents"):
        pytest.fail("the lock was not acquired, so this must not run")
    assert found.value.message == (
        "Could not acquire the lock on agents within %s seconds: another run holds it (pid 17, user langgraph_owner, "
        'application "stateops.langgraph.checkpoint_schema", active, last statement 7 s ago). Nothing was written. '
        "Wait for that run, raise lock_wait, or end that session: SELECT pg_terminate_backend(17)." % seconds
    )
    assert found.value.changed is False
    assert sum(clock.naps) == pytest.approx(seconds), "the run must wait exactly this long"
    assert session.count("advisory_unlock") == session.count("try_advisory_lock")


def test_a_holder_with_little_information():
    words = r"\(pid 1, user u, application unnamed, its age is hidden from this role: GRANT pg_read_all_stats shows it\)"
    session = Session([holder(pid=1, name="u", application="", state=None, age=None)])
    with pytest.raises(ModuleError, match=words), locked(session, 0, Clock()):
        pytest.fail("the lock was not acquired, so this must not run")


def test_a_random_key_that_another_session_has():
    """Another session cannot predict the next key, so the run draws another one."""
    session, clock = Session([], got=False), Clock()
    with pytest.raises(ModuleError, match="another run holds it. Nothing"), locked(session, 1, clock):
        pytest.fail("the lock was not acquired, so this must not run")
    keys = [parameters for name, parameters in session.asked if name == "try_advisory_lock"]
    assert len(set(keys)) == len(keys) > 2 and session.count("advisory_unlock") == 0


def test_the_lock_is_always_released_and_the_first_error_is_reported():
    for breaks in (False, True):
        session = Session([])
        session.breaks = breaks
        with pytest.raises(ValueError, match="first"), locked(session, 1, Clock()):
            raise ValueError("first")
        assert session.count("advisory_unlock") == 1


def test_a_closed_connection_has_released_its_lock():
    session = Session([])
    with locked(session, 1, Clock()):
        session.closed = True
    assert session.count("advisory_unlock") == 0


def test_each_schema_has_its_own_lock_and_the_keys_fit():
    keys = set()
    for schema in ("public", "langgraph", "a", "", "é", "x" * 63):
        session = Session([])
        with locked(session, 1, Clock(), schema):
            keys.add(session.asked[0][1])
            assert session.asked[1][1]["group"] == session.asked[0][1][0] % 2**32
    assert len({first for first, _second in keys}) == 6
    assert all(-(2**31) <= part < 2**31 for key in keys for part in key)
