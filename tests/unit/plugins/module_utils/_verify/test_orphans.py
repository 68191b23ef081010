# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of orphaned rows, from version 6 UUIDs, and counting in SQLite. Counting in PostgreSQL needs a server."""

from __future__ import annotations

import sqlite3
import uuid

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import GREGORIAN
from ansible_collections.stateops.langgraph.plugins.module_utils._verify import orphans
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import IDS, by_age, sqlite_orphans

VECTOR = "1EC9414C-232A-6B00-B3C8-9F6BDECED846"
NOW = 1646557742.0


def version_6(seconds, node=0x9F6BDECED846):
    """A version 6 UUID for a time: the timestamp of version 1 with its parts in order."""
    ticks = int(round((seconds + GREGORIAN) * 10**7))
    high, middle, low = ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0xFFF
    return str(uuid.UUID(int=high << 96 | middle << 80 | 6 << 76 | low << 64 | 0x8 << 60 | 0x3C8 << 48 | node))


def counted(pairs, grace=3600):
    return by_age(pairs, grace, NOW)


def test_rows_are_counted_by_the_age_of_their_checkpoint():
    pairs = [(version_6(NOW - 10), 3), (version_6(NOW - 4000), 5), (VECTOR, 7), (str(uuid.uuid4()), 11), ("", 13)]
    assert counted(pairs) == {"count": 12, "recent": 3, "age_unknown": 24, "limited": False}
    assert counted([]) == {"count": 0, "recent": 0, "age_unknown": 0, "limited": False}


@pytest.mark.parametrize(
    "age, grace, kind",
    [(3600, 3600, "count"), (3599, 3600, "recent"), (3601, 3600, "count"), (0, 0, "count"), (1, 0, "count"), (-60, 0, "recent"), (-60, 3600, "recent")],
)
def test_the_limit_of_the_grace_period(age, grace, kind):
    counts = counted([(version_6(NOW - age), 1)], grace)
    assert counts[kind] == 1 and sum(counts[name] for name in ("count", "recent", "age_unknown")) == 1


def test_the_number_of_ids_is_limited():
    assert counted(("x", 1) for _number in range(IDS)) == {"count": 0, "recent": 0, "age_unknown": IDS, "limited": False}
    assert counted(("x", 1) for _number in range(IDS + 1)) == {"count": 0, "recent": 0, "age_unknown": IDS, "limited": True}
    endless = iter(lambda: ("x", 1), None)
    assert counted(endless)["limited"] is True


def test_now_is_the_current_time_by_default():
    assert by_age([(VECTOR, 1)], 3600)["count"] == 1


@pytest.fixture
def file():
    """Two thousand pending writes without their checkpoint, and as many with it."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id))")
    key = "thread_id, checkpoint_ns, checkpoint_id, task_id, idx"
    connection.execute("CREATE TABLE writes (%s, PRIMARY KEY (%s))" % (key, key))
    for number in range(2000):
        connection.execute("INSERT INTO checkpoints VALUES ('kept', '', ?)", (str(number),))
        connection.execute("INSERT INTO writes VALUES ('kept', '', ?, 't', 0), ('lost', '', ?, 't', 0)", (str(number), str(number)))
    yield connection
    connection.close()


def test_writes_without_their_checkpoint_are_counted_in_sqlite(file):
    assert sqlite_orphans(file, 0) == {"count": 0, "recent": 0, "age_unknown": 2000, "limited": False}


def test_counting_in_sqlite_is_time_limited_and_reports_it(file, monkeypatch):
    monkeypatch.setattr(orphans, "SECONDS", -1)
    monkeypatch.setattr(orphans, "SEARCH_STEPS", 2000)
    found = sqlite_orphans(file, 0)
    assert found["limited"] is True and found["age_unknown"] < 2000
    # The next statement is not limited.
    assert file.execute("SELECT count(*) FROM writes WHERE thread_id = 'kept' AND idx = 0").fetchone() == (2000,)


def test_sqlite_returns_groups_without_a_sort(file):
    """With a sort, no group would be known when the time is up."""
    plan = " ".join(str(row) for row in file.execute("EXPLAIN QUERY PLAN " + orphans.SQLITE_WRITES))
    assert "USING COVERING INDEX" in plan and "TEMP B-TREE" not in plan
