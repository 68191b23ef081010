# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import with problems: damaged files, files in use, concurrent writes on both sides; and the differences that the verification finds."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time

import pytest
from assertions import assert_refused, assert_succeeded
from differential import assert_same
from events import until
from import_runs import KINDS, run
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Send
from sqlite_threads import graph, many, put, write_graphs

from ansible_collections.stateops.langgraph.plugins.module_utils._import import keys
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats

pytestmark = pytest.mark.newest


@pytest.mark.parametrize("damage, found", [
    ("UPDATE checkpoint_blobs SET blob = set_byte(blob, 5, get_byte(blob, 5) # 1) WHERE ctid = (SELECT min(ctid) FROM checkpoint_blobs)", "another value"),
    ("UPDATE checkpoint_writes SET blob = set_byte(blob, 0, get_byte(blob, 0) # 1) WHERE ctid = (SELECT min(ctid) FROM checkpoint_writes)", "different"),
    ("DELETE FROM checkpoint_writes WHERE ctid = (SELECT min(ctid) FROM checkpoint_writes)", "missing"),
    ("UPDATE checkpoint_writes SET task_path = '~9' WHERE ctid = (SELECT min(ctid) FROM checkpoint_writes)", "different content"),
    ("UPDATE checkpoints SET parent_checkpoint_id = 'x' WHERE ctid = (SELECT min(ctid) FROM checkpoints)", "parent"),
    ("UPDATE checkpoints SET metadata = jsonb_set(metadata, '{step}', '1.0') WHERE ctid = (SELECT min(ctid) FROM checkpoints)", "metadata"),
    ("UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{ts}', '\"x\"') WHERE ctid = (SELECT min(ctid) FROM checkpoints)", "content"),
    ("DELETE FROM checkpoint_blobs WHERE ctid = (SELECT min(ctid) FROM checkpoint_blobs)", "missing"),
])  # fmt: skip
def test_verification_finds(ready, call_module, path, damage, found):
    """A run that has nothing to write also verifies."""
    many(path, threads=3)
    assert_succeeded(run(call_module, ready, path), ready)
    ready.execute(damage)
    # A missing pending write would be imported again.
    outcome = run(call_module, ready, path)
    if "DELETE FROM checkpoint_writes" in damage:
        assert_succeeded(outcome, ready)
        assert outcome["writes"]["written"] == 1
        return
    assert_refused(outcome, found, "1 difference|difference", databases=[ready])
    repaired = run(call_module, ready, path, on_conflict="replace")
    if "DELETE" not in damage:
        assert_succeeded(repaired, ready)
        assert repaired["changed"] is True
        assert_same(path, ready)


def test_a_file_in_use_is_read_with_its_wal_and_not_changed(ready, call_module, path):
    with sqlite3.connect(path, check_same_thread=False) as connection:
        saver = SqliteSaver(connection)
        put(saver, "a", {"x": [1]})
        before = {each: hashlib.sha256(each.read_bytes()).hexdigest() for each in (path, path.with_name(path.name + "-wal"))}
        done = assert_succeeded(run(call_module, ready, path), ready)
        assert done["checkpoints"]["written"] == 1
        assert {each: hashlib.sha256(each.read_bytes()).hexdigest() for each in before} == before
        put(saver, "a", {"x": [2]}, {"x": 2})
        put(saver, "b", {"x": [2]})
        done = assert_succeeded(run(call_module, ready, path), ready)
        assert done["checkpoints"] == {"read": 3, "written": 2, "existing": 1, "rejected": 0, "omitted": 0}
    assert_same(path, ready)


NO_ROWS = {"checkpoints": 0, "checkpoint_blobs": 0, "checkpoint_writes": 0}


def read_in_sequence(ready):
    """{table: rows} that the application's sessions read with sequential scans. A session reports its statistics before it ends."""
    until(lambda: ready.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = '%s'" % ready.app.name) == [(0,)])
    found = dict(ready.execute("SELECT relname, seq_tup_read FROM pg_stat_user_tables"))
    return {table: found[table] for table in NO_ROWS}


def test_no_table_is_scanned_for_a_batch(ready, call_module, path):
    """Otherwise the time grows with the square of the number of threads, until the server has statistics."""
    many(path)
    for written in (300, 0):
        done = assert_succeeded(run(call_module, ready, path, verify="counts", batch_size=30, workers=1), ready)
        assert done["threads"]["written"] == written
    assert read_in_sequence(ready) == NO_ROWS


def test_no_table_is_scanned_for_a_new_thread(ready, call_module, path):
    """With a few long threads, the server assumes that every page has rows of each thread, and would scan for another thread from the beginning."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("first", "second"):
            identifier = put(saver, thread, {"a": [1]})
            config = {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": identifier}}
            for task in range(300):
                saver.put_writes(config, [("channel", number) for number in range(10)], str(task))
    assert_succeeded(run(call_module, ready, path), ready)
    ready.execute("VACUUM ANALYZE")
    many(path, threads=50)
    read_in_sequence(ready)
    ready.execute("SELECT pg_stat_reset()")
    assert_succeeded(run(call_module, ready, path, threads=["thread *"], verify="counts", workers=1), ready)
    assert read_in_sequence(ready) == NO_ROWS


def test_pending_writes_that_came_later(ready, call_module, path):
    """Pending writes of a checkpoint that already exists with other pending writes."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        identifier = put(saver, "a", {"a": [1]}, writes=[("first", "~1", [("a", 1), ("b", 2)])])
        assert_succeeded(run(call_module, ready, path), ready)
        config = {"configurable": {"thread_id": "a", "checkpoint_ns": "", "checkpoint_id": identifier}}
        saver.put_writes(config, [("a", 3)], "second", "~2")
    predicted = run(call_module, ready, path, check=True)
    done = assert_succeeded(run(call_module, ready, path), ready)
    assert predicted["writes"] == done["writes"] == {"read": 3, "written": 1, "existing": 2, "rejected": 0}
    assert_same(path, ready)


def test_newer_rows_of_the_application(ready, call_module, path):
    write_graphs(path, threads=1)
    assert_succeeded(run(call_module, ready, path), ready)
    from langgraph.types import Command

    with ready.saver() as saver:
        graph(saver).invoke(Command(resume="in PostgreSQL"), {"configurable": {"thread_id": "thread 0"}})
    rows = {table: ready.execute("SELECT t::text FROM %s t ORDER BY 1" % table) for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")}
    for policy in ("skip", "fail", "replace"):
        done = assert_succeeded(run(call_module, ready, path, on_conflict=policy), ready)
        assert done["changed"] is False
    assert rows == {table: ready.execute("SELECT t::text FROM %s t ORDER BY 1" % table) for table in rows}


def test_a_deadlock_with_the_application(ready, start_module, path):
    """The import is the last to wait, so the server cancels it. It must try again."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "t", {"x": [1]}, identifier="1", writes=[("task", "", [("x", 1)])])
    key = "('t', '', '1'"
    with ready.connect(ready.app) as application, ready.connect() as barrier:
        with application.transaction():
            application.execute("INSERT INTO checkpoint_writes VALUES %s, 'task', 0, 'x', 'msgpack', '')" % key)
            with barrier.transaction():
                barrier.execute("LOCK TABLE checkpoint_blobs IN SHARE MODE")
                running = start_module("checkpoint_import", ready.login(ready.app, sqlite_path=str(path), verify="none"))
                blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                until(lambda: ready.execute(blocked) == [(1,)])
                row = "INSERT INTO checkpoints VALUES %s, NULL, NULL, '{}', '{}')" % key
                second = threading.Thread(target=application.execute, args=(row,))
                second.start()
                until(lambda: ready.execute(blocked) == [(2,)])
                # After deadlock_timeout: a session that already waits does not check again.
                time.sleep(1.5)
            second.join()
        done = assert_succeeded(running.finish(), ready)
    # The application's rows, which are not changed.
    assert done["changed"] is False and done["checkpoints"]["existing"] == done["writes"]["existing"] == 1


def test_conflicts(ready, call_module, path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "t", {"x": [1]}, identifier="1", writes=[("task", "", [("x", 1)])])
    assert_succeeded(run(call_module, ready, path), ready)
    ready.execute("UPDATE checkpoints SET metadata = '{}'")
    done = assert_succeeded(run(call_module, ready, path, verify="counts"), ready)
    assert done["changed"] is False and ready.execute("SELECT metadata FROM checkpoints") == [({},)]
    assert_refused(run(call_module, ready, path, on_conflict="fail"), "different content", "replace", databases=[ready])
    plan = assert_succeeded(run(call_module, ready, path, check=True, on_conflict="replace"), ready)
    done = assert_succeeded(run(call_module, ready, path, on_conflict="replace"), ready)
    assert [plan[kind] for kind in KINDS] == [done[kind] for kind in KINDS]
    assert done["checkpoints"]["written"] == 1 and done["writes"]["written"] == 0
    assert_same(path, ready)


def test_patterns_and_remaining_threads(ready, call_module, path):
    many(path, threads=20)
    done = assert_succeeded(run(call_module, ready, path, threads=["thread 00[0-3]", "thread 019"]), ready)
    assert done["threads"]["written"] == 5
    left, runs = 1, 0
    while left:
        done = assert_succeeded(run(call_module, ready, path, batch_size=1, verify="full", time_limit=1), ready)
        left, runs = done["remaining"], runs + 1
        assert runs < 20
    assert_same(path, ready)


def test_excluded_threads(ready, call_module, path):
    """Threads that were deleted in PostgreSQL do not come back. They count neither as read nor as remaining, and threads between them are not skipped."""
    many(path, threads=12)
    excluded = {"threads": ["thread 00*", "thread 010"], "exclude_threads": ["thread 003", "thread 00[67]", "thread 011"]}
    wanted = ["thread %03d" % number for number in (0, 1, 2, 4, 5, 8, 9, 10)]
    for options in ({"workers": 1}, {"workers": 2, "batch_size": 1}):
        plan = assert_succeeded(run(call_module, ready, path, check=True, **excluded, **options), ready)
        done = assert_succeeded(run(call_module, ready, path, **excluded, **options), ready)
        assert [plan[kind] for kind in KINDS] == [done[kind] for kind in KINDS]
        assert done["threads"]["read"] == done["threads"]["written"] == 8 and done["remaining"] == 0
        assert [row[0] for row in ready.execute("SELECT DISTINCT thread_id FROM checkpoints ORDER BY 1")] == wanted
        assert done["verified"]["checkpoints"] == 24
        again = assert_succeeded(run(call_module, ready, path, **excluded, **options), ready)
        assert not again["changed"]
        ready.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    # A control: without the option, the same run imports the threads.
    assert_succeeded(run(call_module, ready, path), ready)
    with ready.saver() as saver:
        for thread in ("thread 003", "thread 006"):
            saver.delete_thread(thread)
    done = assert_succeeded(run(call_module, ready, path, exclude_threads=["thread 003", "thread 006"]), ready)
    assert not done["changed"] and done["threads"]["read"] == 10
    assert_succeeded(run(call_module, ready, path, exclude_threads=["thread 006"]), ready)
    assert {row[0] for row in ready.execute("SELECT DISTINCT thread_id FROM checkpoints")} == {"thread %03d" % number for number in range(12)} - {"thread 006"}


def test_a_page_of_garbage(ready, call_module, path):
    """The thread whose row was on the page is named or skipped. All other threads are imported."""
    many(path, threads=60)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = file.execute("PRAGMA page_size").fetchone()[0]
        body = file.execute("SELECT checkpoint FROM checkpoints WHERE thread_id = 'thread 030' LIMIT 1").fetchone()[0]
    with open(path, "r+b") as raw:
        page = raw.read().index(body[:200]) // size
        raw.seek(page * size)
        raw.write(b"\xff" * size)
    # Threads that are read in one pass are also distinguished.
    assert_refused(run(call_module, ready, path), "thread 030", "malformed", databases=[ready])
    assert_refused(run(call_module, ready, path, batch_size=1), "thread 030", "checkpoints.sqlite", "malformed", "damaged", databases=[ready], changed=True)
    assert ready.execute("SELECT count(DISTINCT thread_id) FROM checkpoints") == [(30,)]
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip", verify="counts"), ready)
    # A page may contain rows of two threads.
    lost = {each["thread_id"] for each in done["rejected"]["sample"]}
    assert "thread 030" in lost and len(lost) <= 2 and done["threads"]["rejected"] == len(lost)
    assert ready.execute("SELECT count(*), count(DISTINCT thread_id) FROM checkpoints") == [(180 - 3 * len(lost), 60 - len(lost))]
    again = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    assert not again["changed"]


def test_through_a_pooler(ready, call_module, path, pooler):
    """Each transaction may use another session."""
    many(path, threads=30)
    host = pooler(ready, "transaction")
    args = dict(ready.login(ready.app, sqlite_path=str(path), batch_size=10, verify="full"), login_host=host.host, login_port=host.port)
    done = assert_succeeded(call_module("checkpoint_import", args), ready)
    assert done["checkpoints"]["written"] == 90 and done["verified"]["differences"] == 0
    assert_same(path, ready)


def test_sends_of_old_checkpoints(ready, call_module, path):
    """PostgresSaver reads the sends from the pending writes of the parent. If these are missing, the sends would be lost."""
    send = Send("node", {"a": [1]})
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "kept", {"a": [1]}, identifier="1", writes=[("task", "", [("__pregel_tasks", send)])])
        put(saver, "kept", {"a": [1]}, identifier="2", parent="1", pending_sends=[send], v=1)
        put(saver, "lost", {"a": [1]}, identifier="1")
        put(saver, "lost", {"a": [1]}, identifier="2", parent="1", pending_sends=[send], v=1)
        put(saver, "none", {"a": [1]}, identifier="2", pending_sends=[], v=1)
    assert_refused(run(call_module, ready, path), "thread lost", "pending_sends", databases=[ready])
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    assert [(each["thread_id"], each["checkpoint_id"]) for each in done["rejected"]["sample"]] == [("lost", "2")]
    with ready.saver() as saver:
        found = saver.get_tuple({"configurable": {"thread_id": "kept", "checkpoint_ns": "", "checkpoint_id": "2"}})
        assert found.checkpoint["channel_values"] == {"a": [1], "__pregel_tasks": [send]}
        assert found.checkpoint["pending_sends"] == []


def test_identifiers_of_any_length(ready, call_module, path, monkeypatch):
    """The application can write them to its file. They do not fill the output of the run."""
    many(path, threads=1)
    with sqlite3.connect(path) as connection:
        for name in range(3):
            connection.execute("INSERT INTO checkpoints VALUES (?, '', 'x', NULL, 'msgpack', x'c1', x'7b7d')", ("%d" % name + "long" * 250_000,))
    assert_refused(run(call_module, ready, path), "Checkpoint x of thread 0longlong", "cannot be imported", databases=[ready])
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    assert done["rejected"]["total"] == 3 and len(str(done)) < 20_000
    # The control: without the limit, the result contains them.
    monkeypatch.setattr(keys, "LETTERS", 10_000_000)
    stats = ImportStats()
    stats.reject((b"long" * 250_000,), "reason")
    assert len(stats.rejected[0]["thread_id"]) == 1_000_000
