# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import or its server is killed, or the disk is full: each thread is imported completely or not at all, and the next run completes it."""

from __future__ import annotations

import random
import signal
import time

import pytest
from assertions import assert_refused, assert_succeeded
from databases import TABLES, Database
from differential import assert_same
from events import until
from import_runs import run
from langgraph.checkpoint.sqlite import SqliteSaver
from scope import EVERYWHERE, usual
from small_disk import fill
from sqlite_threads import put

KILLS, STOPS = (50, 20) if EVERYWHERE else (3, 2)
THREADS = 200


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Threads with three checkpoints each and a pending write, in rows that no compression reduces."""
    path = tmp_path_factory.mktemp("file") / "checkpoints.sqlite"
    draw = random.Random(0)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in range(THREADS):
            for number in range(3):
                put(saver, "thread %03d" % thread, {"a": [draw.randbytes(20000), number]}, {"a": number}, writes=[("t", "~1", [("a", number)])])
    return path


def prepared(server, space=None):
    made = Database.create(server)
    if space:
        server.execute('ALTER DATABASE "%s" SET TABLESPACE %s' % (made.name, space))
    made.setup()
    made.grant()
    return made


def assert_whole(database):
    """Each thread is complete or missing; returns the number of threads. One statement, because the last commit of a killed client may still be under way."""
    [(whole, threads, writes, blobs)] = database.execute(
        "SELECT coalesce(bool_and(rows = 3), true), count(*), (SELECT count(*) FROM checkpoint_writes), (SELECT count(*) FROM checkpoint_blobs)"
        " FROM (SELECT count(*) AS rows FROM checkpoints GROUP BY thread_id) AS threads"
    )
    assert whole and writes == blobs == 3 * threads, (whole, threads, writes, blobs)
    return threads


def test_killed_anywhere(stoppable_server, start_module, call_module, path):
    database = prepared(stoppable_server)
    draw, seen = random.Random(0), []
    for _number in range(KILLS):
        running = start_module("checkpoint_import", database.login(database.app, sqlite_path=str(path), batch_size=20))
        wanted = draw.randrange(0, THREADS - 20)
        until(lambda: running.process.poll() is not None or database.execute("SELECT count(*) FROM checkpoints")[0][0] >= 3 * wanted)
        time.sleep(draw.uniform(0, 0.02))
        running.process.send_signal(signal.SIGKILL)
        running.process.communicate()
        seen.append(assert_whole(database))
        if seen[-1] > THREADS - 40:
            database.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    print("killed after so many of %d threads: %s" % (THREADS, seen))
    assert set(seen) - {0, THREADS}, "no run was killed in the middle"
    assert_succeeded(run(call_module, database, path), database)
    assert assert_whole(database) == THREADS
    assert_same(path, database)
    database.drop()


def test_killed_in_one_long_thread(stoppable_server, start_module, call_module, tmp_path):
    """The thread is one transaction: a reader sees nothing of it or all of it."""
    database, path, draw = prepared(stoppable_server), tmp_path / "checkpoints.sqlite", random.Random(2)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number in range(2000):
            put(saver, "long", {"a": [draw.randbytes(5000), number]}, {"a": number}, identifier="%06d" % number, writes=[("t", "~1", [("a", number)])])
    begin = time.monotonic()
    assert_succeeded(run(call_module, database, path, verify="none"), database)
    duration = time.monotonic() - begin
    seen = []
    for _number in range(KILLS):
        database.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
        running = start_module("checkpoint_import", database.login(database.app, sqlite_path=str(path)))
        until(lambda: running.process.poll() is not None or sessions(database))
        time.sleep(draw.uniform(0, duration))
        running.process.send_signal(signal.SIGKILL)
        running.process.communicate()
        # The server may still commit what it received.
        until(lambda: not sessions(database))
        seen.append(tuple(database.execute("SELECT count(*) FROM %s" % table)[0][0] for table in TABLES))
    print("killed after so many rows: %s" % seen)
    assert set(seen) <= {(0, 0, 0), (2000, 2000, 2000)} and (0, 0, 0) in seen
    assert_succeeded(run(call_module, database, path), database)
    assert_same(path, database)
    database.drop()


def sessions(database):
    """How many sessions the application has."""
    return database.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = '%s'" % database.app.name)[0][0]


def test_the_server_is_killed(stoppable_server, start_module, call_module, path):
    database = prepared(stoppable_server)
    draw, seen = random.Random(1), set()
    for _number in range(STOPS):
        running = start_module("checkpoint_import", database.login(database.app, sqlite_path=str(path), batch_size=20))
        wanted = draw.randrange(1, THREADS - 40)
        until(lambda: running.process.poll() is not None or database.execute("SELECT count(*) FROM checkpoints")[0][0] >= 3 * wanted)
        stoppable_server.stop(signal.SIGQUIT)
        outcome = running.finish()
        stoppable_server.restart()
        there = assert_whole(database)
        seen.add(there)
        if there < THREADS:
            # The rows that the message reports as written exist. The last commit may have succeeded without a response, or the run may not have started.
            written = outcome.get("checkpoints", {"written": 0})["written"]
            assert_refused(outcome, "connection|server|terminat", databases=[database], changed=bool(written))
            assert written <= 3 * there
        else:
            database.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    print("killed after so many of %d threads: %s" % (THREADS, sorted(seen)))
    assert seen - {0, THREADS}, "no run was interrupted in the middle"
    assert_succeeded(run(call_module, database, path), database)
    assert assert_whole(database) == THREADS
    assert_same(path, database)
    database.drop()


@pytest.mark.parametrize("left", usual([3000, 300, 8000]))
def test_the_disk_is_full(stoppable_server, disk, call_module, path, left):
    """Space for a few rows, for some batches, and for half of the rows."""
    stoppable_server.execute("CREATE TABLESPACE small LOCATION '%s'" % disk)
    database = prepared(stoppable_server, "small")
    database.execute("CHECKPOINT")
    ballast = fill(disk, left)
    outcome = run(call_module, database, path, batch_size=20)
    there = assert_whole(database)
    assert_refused(outcome, "No space left|could not extend|disk", databases=[database], changed=there > 0)
    assert outcome["checkpoints"]["written"] == 3 * there < 3 * THREADS
    ballast.unlink()
    assert_succeeded(run(call_module, database, path), database)
    assert assert_whole(database) == THREADS
    assert_same(path, database)
    database.drop()
    stoppable_server.execute("DROP TABLESPACE small")
