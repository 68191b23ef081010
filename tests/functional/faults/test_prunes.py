# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune or its server is killed: each thread is as it was or as it should be, nothing else is touched, and the next run finishes."""

from __future__ import annotations

import random
import signal
import time

import pytest
from aged_threads import TABLES
from assertions import assert_refused, assert_succeeded
from databases import Database
from events import until
from scope import EVERYWHERE, usual

KILLS, STOPS = (50, 20) if EVERYWHERE else (3, 2)
THREADS, LENGTH = 120, 4
# Version 6 UUIDs of the year 2021. Each checkpoint names its own blob and the first one.
FILL = (
    """
INSERT INTO checkpoints (thread_id, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT kind || ' ' || t, id(n), CASE WHEN n > 1 THEN id(n - 1) END,
       jsonb_build_object('v', 4, 'id', id(n), 'channel_versions', jsonb_build_object('a', n::text, 'shared', '1')), '{"source": "loop"}'
FROM unnest('{old,kept}'::text[]) AS kind, generate_series(1, %(threads)s) AS t, generate_series(1, %(length)s) AS n""",
    """
INSERT INTO checkpoint_blobs SELECT thread_id, '', v.key, v.value, 'bytes', decode(repeat(md5(thread_id), 20), 'hex')
FROM checkpoints, jsonb_each_text(checkpoint -> 'channel_versions') AS v ON CONFLICT DO NOTHING""",
    "INSERT INTO checkpoint_writes SELECT thread_id, '', checkpoint_id, 't', 0, 'a', 'bytes', 'x', '' FROM checkpoints",
)
IDENTIFIER = """
CREATE FUNCTION id(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '1ebfffff-' || lpad(to_hex(n), 4, '0') || '-6000-8000-000000000000' $$
"""


def prepared(server):
    made = Database.create(server)
    made.setup()
    made.grant()
    made.execute(IDENTIFIER)
    fill(made)
    return made


def fill(database):
    database.execute("TRUNCATE %s" % ", ".join(TABLES))
    for statement in FILL:
        database.execute(statement, {"threads": THREADS, "length": LENGTH} if "%(" in statement else None)


def content(database):
    """{thread: {(table, row as text)}}"""
    found = {}
    for table in TABLES:
        for thread, row in database.execute("SELECT thread_id, t::text FROM %s t" % table):
            found.setdefault(thread, set()).add((table, row))
    return found


def trimmed(rows):
    """The rows of a thread of which keep=latest keeps the newest checkpoint, which has no parent then."""
    newest = "1ebfffff-%04x-6000-8000-000000000000" % LENGTH
    parent = ',%s,,,"{' % newest
    kept = {(table, row) for table, row in rows if table != "checkpoint_blobs" and newest in row.split(",")[2:3]}
    kept |= {(table, row) for table, row in rows if table == "checkpoint_blobs" and row.split(",")[2:4] in (["a", str(LENGTH)], ["shared", "1"])}
    return {(table, row.replace(',%s,%s,,"{' % (newest, newest.replace("-%04x-" % LENGTH, "-%04x-" % (LENGTH - 1))), parent)) for table, row in kept}


def expected(before, keep):
    """{thread: its rows after a complete run}"""
    return {thread: rows if thread.startswith("kept") else set() if keep == "none" else trimmed(rows) for thread, rows in before.items()}


def assert_each_is_whole(before, wanted, database):
    """Each thread is as it was, or as it should be; returns the number of the latter. One snapshot for all tables is not needed: nothing runs."""
    now = content(database)
    assert set(now) <= set(before)
    finished = 0
    for thread, rows in before.items():
        found = now.get(thread, set())
        assert found in (rows, wanted[thread]), thread
        finished += found == wanted[thread] != rows
    return finished


def options(database, keep):
    return database.login(database.app, older_than="30d", exclude_threads=["kept*"], keep=keep, force=True, batch_size=3, pause=0)


@pytest.mark.parametrize("keep", usual(["none", "latest"]))
def test_killed_anywhere(stoppable_server, start_module, call_module, keep):
    database, draw, seen = prepared(stoppable_server), random.Random(0), []
    before = content(database)
    wanted = expected(before, keep)
    full = len(before) * LENGTH // 2
    for _number in range(KILLS):
        running = start_module("checkpoint_prune", options(database, keep))
        left = draw.randrange(full // 4 if keep == "latest" else 0, full)
        count = "SELECT count(*) FROM checkpoints WHERE thread_id LIKE 'old%'"
        until(lambda: running.process.poll() is not None or database.execute(count)[0][0] <= left)
        time.sleep(draw.uniform(0, 0.02))
        running.process.send_signal(signal.SIGKILL)
        running.process.communicate()
        # The server may still commit what it received.
        until(lambda: not database.execute("SELECT FROM pg_stat_activity WHERE usename = '%s'" % database.app.name))
        seen.append(assert_each_is_whole(before, wanted, database))
        if seen[-1] > THREADS - 20:
            fill(database)
    print("killed after so many of %d threads: %s" % (THREADS, seen))
    assert set(seen) - {0, THREADS}, "no run was killed in the middle"
    assert_succeeded(call_module("checkpoint_prune", options(database, keep)), database)
    assert assert_each_is_whole(before, wanted, database) == THREADS
    again = assert_succeeded(call_module("checkpoint_prune", options(database, keep)), database)
    assert not again["changed"]
    database.drop()


@pytest.mark.parametrize("keep", usual(["none", "latest"]))
def test_the_server_is_killed(stoppable_server, start_module, call_module, keep):
    database, draw, seen = prepared(stoppable_server), random.Random(1), []
    before = content(database)
    wanted = expected(before, keep)
    for _number in range(STOPS):
        fill(database)
        running = start_module("checkpoint_prune", options(database, keep))
        left = draw.randrange(THREADS * LENGTH // 3, THREADS * LENGTH)
        count = "SELECT count(*) FROM checkpoints WHERE thread_id LIKE 'old%'"
        until(lambda: running.process.poll() is not None or database.execute(count)[0][0] <= left)
        stoppable_server.stop(signal.SIGQUIT)
        outcome = running.finish()
        stoppable_server.restart()
        seen.append(assert_each_is_whole(before, wanted, database))
        if seen[-1] < THREADS:
            # The last commit may have succeeded without a response.
            assert_refused(outcome, "connection|server|terminat", databases=[database], changed=True)
            done = outcome["threads"]["deleted"] + outcome["threads"]["trimmed"]
            assert done <= seen[-1] <= done + 3
    print("killed after so many of %d threads: %s" % (THREADS, seen))
    assert set(seen) - {0, THREADS}, "no run was interrupted in the middle"
    assert_succeeded(call_module("checkpoint_prune", options(database, keep)), database)
    assert assert_each_is_whole(before, wanted, database) == THREADS
    database.drop()
