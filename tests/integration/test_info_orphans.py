# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema_info counts rows without their checkpoint: the referential integrity that no foreign key may watch over."""

from __future__ import annotations

import sqlite3

import pytest
from assertions import assert_succeeded
from test_info_sqlite import saved

pytestmark = pytest.mark.newest


@pytest.fixture
def ready(database):
    database.setup()
    database.grant()
    return database


def orphans(call_module, database, **options):
    done = assert_succeeded(call_module("checkpoint_schema_info", database.login(database.app, **options)), database)
    # Short-lived orphans are normal: they are counted, and no drift.
    assert done["parity"]["in_parity"] is True
    return done["orphans"]


def identifier(seconds_ago):
    """A checkpoint's id, a version 6 UUID, of so long ago."""
    import time
    import uuid

    ticks = int((time.time() - seconds_ago) * 1e7) + 0x01B21DD213814000
    return str(uuid.UUID(int=((ticks >> 12) << 80) | (6 << 76) | ((ticks & 0xFFF) << 64) | (2 << 62) | 0x123456789ABC))


def write(database, checkpoint_id, thread="t", task="task"):
    database.execute("INSERT INTO checkpoint_writes VALUES (%s, '', %s, %s, 0, 'c', 'msgpack', '')", [thread, checkpoint_id, task])


def test_nothing_there_is_a_zero(ready, call_module):
    found = orphans(call_module, ready)
    assert found["writes"]["count"] == found["writes"]["young"] == found["writes"]["age_unknown"] == 0
    assert found["blobs"]["count"] == 0
    assert found["sqlite_writes"] is None


def test_ids_of_the_library_are_told_by_age(ready, call_module):
    """The id that this file makes up is of the kind that the library makes."""
    from langgraph.checkpoint.base import empty_checkpoint

    assert identifier(0)[:8] == empty_checkpoint()["id"][:8]
    assert identifier(0)[14] == empty_checkpoint()["id"][14] == "6"


def test_what_real_checkpoints_leave_is_no_orphan(ready, call_module):
    from langgraph.checkpoint.base import empty_checkpoint

    with ready.saver() as saver:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": ["hello"], "count": 1}
        checkpoint["channel_versions"] = {"messages": "1", "count": "1"}
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        stored = saver.put(config, checkpoint, {"source": "input", "step": -1}, {"messages": "1", "count": "1"})
        saver.put_writes(stored, [("messages", ["more"])], "task")
    assert ready.execute("SELECT count(*) FROM checkpoint_blobs") == [(1,)]
    found = orphans(call_module, ready, orphan_grace=0)
    assert (found["writes"]["count"], found["writes"]["young"], found["blobs"]["count"]) == (0, 0, 0)
    ready.execute("DELETE FROM checkpoints")
    found = orphans(call_module, ready, orphan_grace=0)
    assert (found["writes"]["count"], found["blobs"]["count"]) == (1, 1)


def test_young_old_and_ageless_writes_are_told_apart(ready, call_module):
    write(ready, identifier(10))
    write(ready, identifier(1000))
    write(ready, identifier(1000), task="another")
    write(ready, "no-uuid")
    write(ready, "1ef4f797-8335-4428-8001-8a1503f9b875")
    found = orphans(call_module, ready, orphan_grace=300)["writes"]
    assert (found["count"], found["young"], found["age_unknown"]) == (2, 1, 2)
    found = orphans(call_module, ready, orphan_grace=5)["writes"]
    assert (found["count"], found["young"]) == (3, 0)
    found = orphans(call_module, ready)["writes"]
    assert (found["count"], found["young"]) == (0, 3)


def test_the_same_id_in_another_thread_or_namespace_is_no_checkpoint_of_theirs(ready, call_module):
    ours = identifier(1000)
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint) VALUES ('t', 'sub', %s, '{}')", [ours])
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('other', %s, '{}')", [ours])
    write(ready, ours)
    assert orphans(call_module, ready, orphan_grace=300)["writes"]["count"] == 1


def test_blobs_that_an_older_checkpoint_names_are_none(ready, call_module):
    for number, versions in enumerate(('{"a": "1"}', '{"a": "2", "b": "1"}')):
        ready.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', %s, jsonb_build_object('channel_versions', %s::jsonb))",
            [str(number), versions],
        )
    for channel, version in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")):
        ready.execute("INSERT INTO checkpoint_blobs VALUES ('t', '', %s, %s, 'msgpack', '')", [channel, version])
    ready.execute("INSERT INTO checkpoint_blobs VALUES ('another', '', 'a', '1', 'msgpack', '')")
    assert orphans(call_module, ready)["blobs"]["count"] == 3


def test_a_checkpoint_of_a_strange_shape_does_not_end_it(ready, call_module):
    for number, body in enumerate(("{}", '{"channel_versions": null}', "[]", '"text"', '{"channel_versions": [1]}', '{"channel_versions": {"a": 1}}')):
        ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', %s, %s)", [str(number), body])
    ready.execute("INSERT INTO checkpoint_blobs VALUES ('t', '', 'a', '1', 'msgpack', '')")
    assert orphans(call_module, ready)["blobs"]["count"] == 0


def test_orphans_of_the_sqlite_file(ready, call_module, tmp_path):
    path = saved(tmp_path / "state.sqlite", threads=3)
    found = orphans(call_module, ready, sqlite_path=str(path), orphan_grace=0)
    assert found["sqlite_writes"]["count"] == 0
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM checkpoints WHERE thread_id <> 'thread-0'")
    connection.close()
    found = orphans(call_module, ready, sqlite_path=str(path), orphan_grace=0)
    assert found["sqlite_writes"]["count"] == 2
    assert orphans(call_module, ready, sqlite_path=str(path))["sqlite_writes"]["young"] == 2
