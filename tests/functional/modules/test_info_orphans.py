# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema_info counts rows without their checkpoint: the referential integrity that a foreign key must not enforce."""

from __future__ import annotations

import sqlite3

import pytest
from assertions import assert_refused, assert_succeeded
from databases import TABLES
from sqlite_threads import saved

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql import session
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema
from ansible_collections.stateops.langgraph.plugins.module_utils._verify import orphans as counting

pytestmark = pytest.mark.newest


@pytest.fixture
def ready(database):
    database.setup()
    database.grant()
    return database


def orphans(call_module, database, **options):
    done = assert_succeeded(call_module("checkpoint_schema_info", database.login(database.app, **options)), database)
    # Short-lived orphans are normal: they are counted, and they are not drift.
    assert done["parity"]["in_parity"] is True
    return done["orphans"]


def identifier(seconds_ago):
    """The id of a checkpoint, a version 6 UUID, from this many seconds ago."""
    import time
    import uuid

    ticks = int((time.time() - seconds_ago) * 1e7) + 0x01B21DD213814000
    return str(uuid.UUID(int=((ticks >> 12) << 80) | (6 << 76) | ((ticks & 0xFFF) << 64) | (2 << 62) | 0x123456789ABC))


def write(database, checkpoint_id, thread="t", task="task"):
    database.execute("INSERT INTO checkpoint_writes VALUES (%s, '', %s, %s, 0, 'c', 'msgpack', '')", [thread, checkpoint_id, task])


def test_empty_tables_have_no_orphans(ready, call_module):
    found = orphans(call_module, ready)
    assert found["writes"]["count"] == found["writes"]["recent"] == found["writes"]["age_unknown"] == 0
    assert found["blobs"]["count"] == 0
    assert found["sqlite_writes"] is None


def test_the_ids_are_like_those_of_the_library(ready, call_module):
    """The ids that this file creates have the same form as the library's."""
    from langgraph.checkpoint.base import empty_checkpoint

    assert identifier(0)[:8] == empty_checkpoint()["id"][:8]
    assert identifier(0)[14] == empty_checkpoint()["id"][14] == "6"


def test_real_checkpoints_have_no_orphans(ready, call_module):
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
    assert (found["writes"]["count"], found["writes"]["recent"], found["blobs"]["count"]) == (0, 0, 0)
    ready.execute("DELETE FROM checkpoints")
    found = orphans(call_module, ready, orphan_grace=0)
    assert (found["writes"]["count"], found["blobs"]["count"]) == (1, 1)


def test_recent_old_and_undated_writes_are_counted_separately(ready, call_module):
    write(ready, identifier(10))
    write(ready, identifier(1000))
    write(ready, identifier(1000), task="another")
    write(ready, "no-uuid")
    write(ready, "1ef4f797-8335-4428-8001-8a1503f9b875")
    found = orphans(call_module, ready, orphan_grace=300)["writes"]
    assert (found["count"], found["recent"], found["age_unknown"]) == (2, 1, 2)
    found = orphans(call_module, ready, orphan_grace=5)["writes"]
    assert (found["count"], found["recent"]) == (3, 0)
    found = orphans(call_module, ready)["writes"]
    assert (found["count"], found["recent"]) == (0, 3)


def test_the_same_id_in_another_thread_or_namespace_is_another_checkpoint(ready, call_module):
    ours = identifier(1000)
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint) VALUES ('t', 'sub', %s, '{}')", [ours])
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('other', %s, '{}')", [ours])
    write(ready, ours)
    assert orphans(call_module, ready, orphan_grace=300)["writes"]["count"] == 1


def test_blobs_that_an_older_checkpoint_names_are_not_orphans(ready, call_module):
    for number, versions in enumerate(('{"a": "1"}', '{"a": "2", "b": "1"}')):
        ready.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', %s, jsonb_build_object('channel_versions', %s::jsonb))",
            [str(number), versions],
        )
    for channel, version in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")):
        ready.execute("INSERT INTO checkpoint_blobs VALUES ('t', '', %s, %s, 'msgpack', '')", [channel, version])
    ready.execute("INSERT INTO checkpoint_blobs VALUES ('another', '', 'a', '1', 'msgpack', '')")
    assert orphans(call_module, ready)["blobs"]["count"] == 3


def test_a_malformed_checkpoint_does_not_end_the_count(ready, call_module):
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
    assert orphans(call_module, ready, sqlite_path=str(path))["sqlite_writes"]["recent"] == 2


def test_counting_can_be_disabled(ready, call_module, tmp_path):
    write(ready, identifier(1000))
    path = saved(tmp_path / "state.sqlite")
    found = orphans(call_module, ready, sqlite_path=str(path), count_orphans=False)
    assert found == {"writes": None, "blobs": None, "sqlite_writes": None}


@pytest.fixture
def lost(ready):
    """Three hundred writes and as many blobs without a checkpoint, each on its own page, and a checkpoint with its rows."""
    old = identifier(1000)
    with ready.connect() as connection:
        for column in ("checkpoint_writes ALTER blob", "checkpoint_blobs ALTER blob"):
            connection.execute("ALTER TABLE %s SET STORAGE PLAIN" % column)
        connection.execute('INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (\'kept\', %s, \'{"channel_versions": {"c": "1"}}\')', [old])
        connection.execute("INSERT INTO checkpoint_blobs VALUES ('kept', '', 'c', '1', 'msgpack', '')")
        filled = "decode(repeat('00', 5000), 'hex')"
        connection.execute(
            "INSERT INTO checkpoint_writes SELECT 't' || i, '', %%s, 'task', 0, 'c', 'msgpack', %s FROM generate_series(1, 300) i" % filled, [old]
        )
        connection.execute("INSERT INTO checkpoint_blobs SELECT 't' || i, '', 'c', '1', 'msgpack', %s FROM generate_series(1, 300) i" % filled)
    return ready


def counted(database, grace=60):
    """postgres_orphans() in this process, so that its limits can be changed."""
    params = dict(
        database.login(database.app),
        ssl_mode="prefer",
        ca_cert=None,
        ssl_cert=None,
        ssl_key=None,
        connect_params={},
        connect_timeout=10,
        login_unix_socket="",
        schema="public",
    )
    with open_connection(params, "test") as connection, session.snapshot(connection, None, 60):
        return counting.postgres_orphans(connection, Schema("postgresql", "public", ()), grace)


def test_a_small_table_is_counted_completely(lost):
    found = counted(lost)
    assert (found["writes"]["count"], found["writes"]["sampled_percent"]) == (300, None)
    assert found["blobs"] == {"count": 300, "sampled_percent": None}


def test_a_large_table_is_sampled_and_the_count_says_so(lost, monkeypatch):
    monkeypatch.setattr(counting, "COUNTED_WHOLE", 100)
    monkeypatch.setattr(counting, "SAMPLES", (50,))
    found = counted(lost)
    for part in (found["writes"], found["blobs"]):
        assert 10 < part["sampled_percent"] < 20 and 0 < part["count"] < 150, found
    assert counted(lost) == found


def test_what_is_not_counted_in_time_is_sampled(lost, monkeypatch):
    monkeypatch.setattr(counting, "SAMPLES", (50,))
    monkeypatch.setattr(counting, "SECONDS", 0.5)
    whole = counting._sample

    slow = counting.sql.SQL("CROSS JOIN (SELECT pg_sleep(30)) AS slow")
    monkeypatch.setattr(counting, "_sample", lambda percent: slow if percent is None else whole(percent))
    found = counted(lost)
    assert 10 < found["writes"]["sampled_percent"] < 20 and 0 < found["writes"]["count"] < 150
    assert 10 < found["blobs"]["sampled_percent"] < 20 and 0 < found["blobs"]["count"] < 150


def test_a_sample_that_is_not_counted_in_time_has_no_count(lost, monkeypatch):
    monkeypatch.setattr(counting, "SECONDS", 0.2)
    monkeypatch.setattr(counting, "_sample", lambda percent: counting.sql.SQL("CROSS JOIN (SELECT pg_sleep(30)) AS slow"))
    found = counted(lost)
    assert found["writes"] == found["blobs"] == {"count": None, "reason": "neither the table nor a sample of it was counted within 0.2 s"}


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_a_policy_hides_are_not_counted(ready, call_module, table):
    """If checkpoints were hidden, every write would be an orphan. If writes were hidden, none would be."""
    write(ready, identifier(10000))
    ready.execute("INSERT INTO checkpoint_blobs VALUES ('t', '', 'c', '1', 'msgpack', '')")
    ready.execute("ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % table)
    ready.execute("CREATE POLICY own ON %s FOR ALL TO PUBLIC USING (thread_id = 'mine')" % table)
    done = assert_succeeded(call_module("checkpoint_schema_info", ready.login(ready.app)), ready)
    concerned = {"checkpoints": {"writes", "blobs"}, "checkpoint_writes": {"writes"}, "checkpoint_blobs": {"blobs"}}[table]
    for part in ("writes", "blobs"):
        found = done["orphans"][part]
        assert found["count"] == (None if part in concerned else 1), done["orphans"]
        assert ("row-level security" in found.get("reason", "")) is (part in concerned)
    # No policy applies to the owner.
    done = assert_succeeded(call_module("checkpoint_schema_info", ready.login()), ready)
    assert (done["orphans"]["writes"]["count"], done["orphans"]["blobs"]["count"]) == (1, 1)


def test_an_id_from_the_future_is_recent(ready, call_module):
    write(ready, identifier(-7200))
    found = orphans(call_module, ready, orphan_grace=0)["writes"]
    assert (found["count"], found["recent"]) == (0, 1)


def test_a_file_alone_needs_neither_server_nor_virtualenv(ready, call_module, bare_venv, tmp_path):
    path = saved(tmp_path / "state.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM checkpoints")
    connection.close()
    alone = assert_succeeded(call_module("checkpoint_schema_info", {"sqlite_path": str(path), "orphan_grace": 0}, python=bare_venv / "bin" / "python"))
    assert set(alone) - {"invocation"} == {"changed", "sqlite", "orphans"}
    assert alone["orphans"]["sqlite_writes"]["count"] == 3
    there = assert_succeeded(call_module("checkpoint_schema_info", ready.login(sqlite_schema=alone["sqlite"])), ready)
    assert there["sqlite"] == alone["sqlite"] and there["parity"]["in_parity"] is True and there["parity"]["reference"] == str(path)


def test_without_a_database_the_file_is_required(call_module, tmp_path):
    path = str(saved(tmp_path / "state.sqlite"))
    assert_refused(call_module("checkpoint_schema_info", {"sqlite_path": path, "assert_parity": True}), "login_db")
    assert_refused(call_module("checkpoint_schema_info", {"sqlite_schema": {}}), "login_db")
    assert_refused(call_module("checkpoint_schema_info", {}), "login_db", "sqlite_path")
    assert_refused(call_module("checkpoint_schema_info", {"sqlite_path": ""}), "login_db", "sqlite_path is empty")
    assert_refused(call_module("checkpoint_schema_info", {"sqlite_path": path, "orphan_grace": -1}), "orphan_grace")
