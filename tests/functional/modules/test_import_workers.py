# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import with several processes: the same result, from one state of the file, whatever happens to one of the processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading

import pytest
from assertions import assert_refused, assert_succeeded
from differential import assert_same
from events import until
from import_runs import KINDS, at_work, block_writes, imported, run, waiting
from langgraph.checkpoint.sqlite import SqliteSaver
from scope import usual
from sqlite_threads import many, put, write_graphs

pytestmark = pytest.mark.newest

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stateops.langgraph.checkpoint_import'"

PENDING = "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value) VALUES (?, '', 'c', 't', ?, 'a', 'msgpack', ?)"


@pytest.mark.parametrize("workers, batch_size", usual([(5, 7), (2, 1), (3, 100000)]))
def test_the_result_is_that_of_one_process(ready, call_module, path, workers, batch_size):
    write_graphs(path, threads=12)
    done = imported(call_module, ready, path, workers=workers, batch_size=batch_size)
    assert "warnings" not in done
    ready.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    alone = imported(call_module, ready, path, workers=1, batch_size=batch_size)
    for name in (*KINDS, "bytes", "remaining", "verified", "rejected"):
        assert done[name] == alone[name], name


def test_a_large_file_has_two_workers_and_a_small_one_none(ready, start_module, path):
    many(path, threads=3)
    for size, sessions, working in (("small", 1, 1), ("large", 3, 2)):
        if size == "large":
            with SqliteSaver.from_conn_string(str(path)) as saver:
                put(saver, "large", {"a": ["x" * (5 << 20)]})
        with block_writes(ready):
            running = start_module("checkpoint_import", ready.login(ready.app, sqlite_path=str(path), batch_size=1))
            waiting(ready, working)
            assert len(ready.execute(SESSIONS)) == sessions
        assert_succeeded(running.finish(), ready)
        ready.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")


@pytest.mark.parametrize("limit, absent", [(3, 1), (2, 2), (1, 3)])
def test_too_few_connections(ready, call_module, path, limit, absent):
    write_graphs(path, threads=4)
    ready.execute('ALTER ROLE "%s" CONNECTION LIMIT %d' % (ready.app.name, limit))
    try:
        done = assert_succeeded(run(call_module, ready, path, workers=3, batch_size=1), ready)
    finally:
        ready.execute('ALTER ROLE "%s" CONNECTION LIMIT -1' % ready.app.name)
    assert "Of 3 workers %d cannot start" % absent in str(done["warnings"]) and "too many connections" in str(done["warnings"])
    assert_same(path, ready)


@pytest.mark.parametrize("journal", usual(["wal", "delete"]))
def test_all_workers_see_one_state_of_a_file_that_is_written_to(ready, call_module, path, journal):
    """Each transaction of the writer adds one pending write to every thread: the number must be the same in all threads."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in range(8):
            put(saver, "thread %d" % thread, {"a": [thread]}, identifier="c")
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode = %s" % journal).fetchone() == (journal,)
    over, written = threading.Event(), []

    def write():
        with sqlite3.connect(path, timeout=30) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            while not over.wait(0.001):
                connection.executemany(PENDING, [("thread %d" % thread, len(written), b"\x01") for thread in range(8)])
                connection.commit()
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: written)
        seen = []
        for _number in range(10):
            assert_succeeded(run(call_module, ready, path, workers=4, batch_size=1, verify="none"), ready)
            counts = ready.execute("SELECT count(*) FROM checkpoint_writes GROUP BY thread_id")
            assert len(counts) == 8 and len(set(counts)) == 1, counts
            seen += counts[0]
    finally:
        over.set()
        writer.join()
    assert sorted(set(seen)) == seen, "nothing was written between the runs"


def test_a_pooler_with_too_few_server_connections(ready, call_module, path, pooler):
    """The pooler accepts all connections, and has a server connection for the module and for one worker."""
    write_graphs(path, threads=4)
    host = pooler(ready, "session", default_pool_size=2)
    args = dict(ready.login(ready.app, sqlite_path=str(path), batch_size=1, workers=3), login_host=host.host, login_port=host.port, connect_timeout=2)
    done = assert_succeeded(call_module("checkpoint_import", args), ready)
    assert "Of 3 workers 2 cannot start" in str(done["warnings"]) and "no answer within 2 seconds" in str(done["warnings"])
    assert_same(path, ready)


def killed(database, start_module, path, chosen):
    """An import of which one process was killed while each of its two workers had a batch. chosen: selects the process from at_work()."""
    with block_writes(database):
        running = start_module("checkpoint_import", database.login(database.app, sqlite_path=str(path), batch_size=10, workers=2))
        waiting(database, 2)
        os.kill(chosen(*at_work(running)), signal.SIGKILL)
    return running


def test_a_worker_that_is_killed(ready, start_module, call_module, path):
    many(path, threads=60)
    outcome = killed(ready, start_module, path, lambda _module, workers: workers[0]).finish()
    there = ready.execute("SELECT count(*) FROM checkpoints")[0][0]
    assert_refused(outcome, "ended from outside", "run again", databases=[ready], changed=True)
    assert outcome["checkpoints"]["written"] == there > 0
    assert_succeeded(run(call_module, ready, path, workers=2), ready)
    assert_same(path, ready)


def test_the_module_is_killed(ready, start_module, call_module, path):
    """Its processes end by themselves: no row is written after the current batches."""
    many(path, threads=60)
    killed(ready, start_module, path, lambda module, _workers: module).process.communicate()
    until(lambda: not ready.execute(SESSIONS))
    assert ready.execute("SELECT count(*) FROM checkpoints")[0][0] <= 2 * 12
    assert_succeeded(run(call_module, ready, path, workers=2), ready)
    assert_same(path, ready)


def test_an_error_in_one_worker_ends_all(ready, call_module, path):
    many(path, threads=40)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checkpoints SET checkpoint = x'00' WHERE thread_id = 'thread 010'")
    outcome = run(call_module, ready, path, workers=3, batch_size=1)
    there = ready.execute("SELECT count(*) FROM checkpoints")[0][0]
    assert_refused(outcome, "thread 010", "on_unreadable=skip", databases=[ready], changed=True)
    assert outcome["checkpoints"]["written"] == there
    # Only batches that were running when the error occurred may end after it.
    assert ready.execute("SELECT max(thread_id) FROM checkpoints")[0][0] < "thread 016"
    done = assert_succeeded(run(call_module, ready, path, workers=3, batch_size=1, on_unreadable="skip"), ready)
    assert done["threads"]["rejected"] == 1 and done["rejected"]["total"] == 3


@pytest.mark.parametrize("workers", [-1, 65])
def test_invalid_numbers_of_workers(ready, call_module, path, workers):
    many(path, threads=1)
    assert_refused(run(call_module, ready, path, workers=workers), "workers from 0 to 64", databases=[ready])
