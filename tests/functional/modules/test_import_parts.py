# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import of a long thread, which several workers convert in parts: the result and the rows are those of one process.

A thread is long if it has megabytes, so the module runs with lower limits here.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import conversation
import pytest
import runner
from assertions import assert_refused, assert_succeeded
from differential import assert_same
from generations import RECORDINGS
from import_runs import at_work, block_writes, run, waiting
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, Send
from scope import usual
from sqlite_threads import graph, many, put

pytestmark = pytest.mark.newest

# Runs before the module: sets the limits, and writes a line for each part that is received.
PATCH = """
from ansible_collections.stateops.langgraph.plugins.module_utils._import import parts, source, workers
source.LONG, source.PART, source.FEWEST_OF_PART, parts.LIMIT = 0, 0, %d, %d
convert = workers.WorkerPool.convert
def counted(*args):
    for part in convert(*args):
        with open(%r, "a") as file:
            file.write("part\\n")
        yield part
workers.WorkerPool.convert = counted
runpy.run_module("""
ROWS = {
    "checkpoints": "SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint::text, metadata::text",
    "checkpoint_blobs": "SELECT thread_id, checkpoint_ns, channel, version, type, blob",
    "checkpoint_writes": "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, blob",
}


@pytest.fixture
def parts(monkeypatch, tmp_path):
    """parts(checkpoints, limit) sets the size of a part, and the limit in bytes of its rows. parts.received() is the number of parts since then."""
    received, module = tmp_path / "parts", runner.MODULE

    def limits(checkpoints, limit):
        received.write_text("")
        monkeypatch.setattr(runner, "MODULE", module.replace("runpy.run_module(", PATCH % (checkpoints, limit, str(received))))

    limits.received = lambda: len(received.read_text().splitlines())
    return limits


def graphs(path):
    """Namespaces of a subgraph, sends and answered interrupts."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        app, config = graph(saver), {"configurable": {"thread_id": "graph"}}
        for turn in range(3):
            app.invoke({"messages": [("user", "hello %d" % turn)], "label": ""}, config)
            app.invoke(Command(resume="this"), config)


def continued(path):
    """Begun with langgraph 0.2.14, and continued by two processes that order the members of a set differently."""
    shutil.copy(RECORDINGS / "threads" / "0.2.14.sqlite", path)
    for seed in ("1", "2"):
        subprocess.run([sys.executable, conversation.__file__, str(path), "3"], check=True, env=dict(os.environ, PYTHONHASHSEED=seed))


def odd(path):
    """Values that return to an earlier version, rows that cannot be read, sends of old checkpoints, and pending writes without a checkpoint."""
    send = Send("node", {"a": [1]})
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for space in ("", "inner", "inner:2"):
            for number in range(11):
                values = {"a": [number // 3], "b": {"x": [space, number % 2]}, "c": number, "f": ["same"], **({} if number % 4 else {"d": [1]})}
                versions = {"a": "%04d" % (number // 3), "b": str(number % 5), "c": number / 2, "d": 1, "e": "1", "f": "1"}
                sends = {"pending_sends": [send], "v": 1} if number == 3 or number == 7 and space != "inner:2" else {}
                writes = [("task", "~1", [("__pregel_tasks", send), ("a", number)])] if number in (2, 5) else [("task", "", [("b", None)])]
                put(saver, "odd", values, versions, "id %02d" % number, "id %02d" % (number - 1), space=space, writes=writes, **sends)
    with sqlite3.connect(path) as connection:
        # A part may begin after each of these, and the next checkpoint has the first readable value of channel a.
        connection.execute("UPDATE checkpoints SET checkpoint = x'00' WHERE checkpoint_id IN ('id 06', 'id 09') AND checkpoint_ns = 'inner'")
        connection.execute("UPDATE writes SET type = NULL WHERE checkpoint_id = 'id 09' AND checkpoint_ns = ''")
        for place in (("inner", ""), ("inner", "id 04b"), ("inner", "zz"), ("last", "a"), ("last", "b")):
            connection.execute(
                "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value)"
                " VALUES ('odd', ?, ?, 't', 0, 'a', 'msgpack', x'01')",
                place,
            )


def rows(database):
    return {table: sorted(database.execute("%s FROM %s" % (query, table)), key=repr) for table, query in ROWS.items()}


@pytest.mark.parametrize("checkpoints, limit", usual([(2, 2000), (1, 4 << 20), (3, 1)]))
@pytest.mark.parametrize("write", [graphs, continued, odd])
def test_the_result_is_that_of_one_process(ready, call_module, path, parts, write, checkpoints, limit):
    write(path)
    outcomes, tables = [], []
    for workers in (1, 2, 3):
        parts(checkpoints, limit)
        predicted = assert_succeeded(run(call_module, ready, path, check=True, workers=workers, on_unreadable="skip"), ready)
        done = assert_succeeded(run(call_module, ready, path, workers=workers, on_unreadable="skip"), ready)
        assert not parts.received() if workers == 1 else parts.received() > 8
        assert {**predicted, "verified": None, "seconds": 0, "rows_per_second": 0} == {**done, "verified": None, "seconds": 0, "rows_per_second": 0}
        outcomes.append({**done, "seconds": 0, "rows_per_second": 0, "invocation": None})
        tables.append(rows(ready))
        ready.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert tables[0] == tables[1] == tables[2] and all(tables[0].values())
    if write is odd:
        assert outcomes[0]["rejected"]["total"] == 5 and outcomes[0]["variants"]["different"]
    else:
        assert bool(outcomes[0]["variants"]["total"]) is (write is continued)


def test_a_failure_is_that_of_one_process(ready, call_module, path, parts):
    odd(path)
    parts(2, 2000)
    messages = [run(call_module, ready, path, workers=workers)["msg"] for workers in (1, 2)]
    assert parts.received() and messages[0] == messages[1]
    assert_refused(run(call_module, ready, path, workers=2), "Checkpoint id 07 of thread odd", "on_unreadable=skip", databases=[ready])
    assert ready.execute("SELECT count(*) FROM checkpoints") == [(0,)]


def test_a_page_of_garbage(ready, call_module, path, parts):
    """A worker finds it. The thread is then read again, one row at a time, and is named or skipped as a whole."""
    many(path, threads=1)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number in range(30):
            put(saver, "long", {"a": ["x" * 3000, number]}, {"a": number}, identifier="id %02d" % number)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = file.execute("PRAGMA page_size").fetchone()[0]
        body = file.execute("SELECT checkpoint FROM checkpoints WHERE checkpoint_id = 'id 17'").fetchone()[0]
    with open(path, "r+b") as raw:
        raw.seek(raw.read().index(body[:200]) // size * size)
        raw.write(b"\xff" * size)
    parts(3, 4 << 20)
    assert_refused(run(call_module, ready, path, workers=2), "Thread long", "malformed", "damaged", databases=[ready], changed=True)
    assert parts.received() and ready.execute("SELECT DISTINCT thread_id FROM checkpoints") == [("thread 000",)]
    done = assert_succeeded(run(call_module, ready, path, workers=2, on_unreadable="skip", verify="counts"), ready)
    assert [each["thread_id"] for each in done["rejected"]["sample"]] == ["long"] and done["threads"]["existing"] == 1


def test_a_worker_that_is_killed(ready, start_module, call_module, path, parts):
    """Nothing of the thread is written, and the next run imports it."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number in range(200):
            put(saver, "long", {"a": ["x" * 30000, number]}, {"a": number}, identifier="id %03d" % number)
    parts(3, 4 << 20)
    with block_writes(ready):
        running = start_module("checkpoint_import", ready.login(ready.app, sqlite_path=str(path), workers=2))
        waiting(ready, 1)
        os.kill(at_work(running)[1][0], signal.SIGKILL)
    assert_refused(running.finish(), "ended from outside", "run again", databases=[ready])
    assert ready.execute("SELECT count(*) FROM checkpoints") == [(0,)]
    assert_succeeded(run(call_module, ready, path, workers=2), ready)
    assert_same(path, ready)
