# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune compared with a loop of list() and delete_thread(), and how much it slows a running application."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
import uuid
from pathlib import Path
from statistics import median
from typing import NamedTuple

# Imported through host.py, which adds the tests' helpers to the path.
from host import SCHEMA, VIRTUALENV, Database, make_runner
from imports import environment, run_module, watched
from tables import fill

LENGTH = 20
# One second after the newest checkpoint that tables.py generates. The checkpoints are one second apart.
NEWEST = 1750000000
# The time limit in seconds for the run with the default pause, which deletes only some of the threads while the application works.
RESTED = 60


class Pruning(NamedTuple):
    """ours, loop: seconds to delete half of the threads. again: seconds of a run with nothing to do. memory: MiB.

    alone, rested, beside: seconds of each turn of the application: alone, during a run with the default pause, and during a run without a pause.
    """

    ours: float
    loop: float
    again: float
    memory: float
    alone: list
    rested: list
    beside: list


def measure_pruning(database, threads):
    """Measure a Pruning of this many threads."""
    fill(database, SCHEMA, threads * LENGTH)
    half = NEWEST - threads * LENGTH // 2
    database.execute("VACUUM")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        runner = make_runner(scratch)

        def prune(where, **more):
            args = where.login(database.app, schema=SCHEMA, older_than="%ds" % (time.time() - half), limit_percent=60, **more)
            took, result = run_module(runner, scratch, "checkpoint_prune", args)
            return took, result["threads"]["deleted"]

        # The module runs before and after the loop, because the speed of a shared machine changes. Like the loop, it runs without pauses.
        with _copy(database) as copy:
            before, deleted = prune(copy, pause=0)
            again, more = prune(copy, pause=0)
        with _copy(database) as copy:
            loop = _loop(copy, scratch, half)
            _took, left = prune(copy, pause=0)
        with _copy(database) as copy:
            after, same = prune(copy, pause=0)
        database.execute("CHECKPOINT")
        with _Application(database) as application:
            time.sleep(20)
            begin = len(application.turns)
            _took, first = prune(database, time_limit=RESTED)
            middle = len(application.turns)
            _took, beside = prune(database, pause=0)
            end = len(application.turns)
    if (same, first + beside, more, left) != (deleted, deleted, 0, 0) or not threads * 0.4 < deleted <= threads // 2:
        raise SystemExit(
            "checkpoint_prune deleted an unexpected number of threads: %d, %d and %d, then %d, after the loop %d" % (deleted, same, first + beside, more, left)
        )
    alone, rested, beside = application.turns[:begin], application.turns[begin:middle], application.turns[middle:end]
    return Pruning((before.seconds + after.seconds) / 2, loop, again.seconds, before.memory, alone, rested, beside)


@contextlib.contextmanager
def _copy(database):
    """A copy of the database, for one of the methods."""
    copy = Database(database.server, database.name + "_copy", database.owner, database.app)
    database.server.execute('CREATE DATABASE "%s" TEMPLATE "%s" STRATEGY file_copy' % (copy.name, database.name))
    try:
        copy.execute("CHECKPOINT")
        yield copy
    finally:
        database.server.execute('DROP DATABASE "%s" WITH (FORCE)' % copy.name)


def _loop(database, scratch, cutoff):
    """The seconds that by_deletion.py takes with the names of all threads."""
    given = scratch / "threads"
    given.write_text("".join("%s\n" % row for row in database.execute("SELECT DISTINCT thread_id FROM %s.checkpoints" % SCHEMA)))
    ticks = "%015x" % ((cutoff + 12219292800) * 10**7)
    first = "%s-%s-6%s" % (ticks[:8], ticks[8:12], ticks[12:])
    program = str(Path(__file__).parent / "by_deletion.py")
    took, _output = watched([str(VIRTUALENV / "bin" / "python"), program, first], given, scratch, environment(database))
    return took.seconds


class _Application(threading.Thread):
    """Reads and writes a checkpoint of its own thread, up to ten times a second. turns: the seconds of each turn."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self.database, self.turns, self.over = database, [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        self.join()

    def run(self):
        from langgraph.checkpoint.base import empty_checkpoint

        config = {"configurable": {"thread_id": str(uuid.uuid4()), "checkpoint_ns": ""}}
        with self.database.saver(schema=SCHEMA) as saver:
            while not self.over.wait(0.1):
                begin = time.perf_counter()
                saver.get_tuple(config)
                checkpoint = empty_checkpoint()
                checkpoint["channel_values"] = {"messages": ["hello"] * 20}
                checkpoint["channel_versions"] = {"messages": str(len(self.turns))}
                stored = saver.put(config, checkpoint, {"source": "loop", "step": 1}, checkpoint["channel_versions"])
                saver.put_writes(stored, [("messages", ["more"])], "task")
                self.turns.append(time.perf_counter() - begin)


def percentile(values, percent):
    """The value that is higher than this percentage of the values."""
    return sorted(values)[int(len(values) * percent / 100)]


def slower(beside, alone):
    """The ratio of the application's times during a run to its times alone: (of the medians, of the 95th percentiles)."""
    return median(beside) / median(alone), percentile(beside, 95) / percentile(alone, 95)
