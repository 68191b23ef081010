# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune compared with a loop of list() and delete_thread(), and what an application at work notices of it."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from pathlib import Path
from statistics import median
from typing import NamedTuple

# Imported through host.py, which adds the tests' helpers to the path.
from host import SCHEMA, VIRTUALENV, make_runner
from imports import environment, run_module, watched
from tables import fill

LENGTH = 20
# The time of the newest checkpoint that tables.py generates; each older one is a second older.
NEWEST = 1750000000


class Pruning(NamedTuple):
    """ours, loop: seconds to delete half of the threads, extrapolated. share: the share of the threads that the loop examined.

    again: seconds of a run with nothing to do. memory: MiB. alone, beside: seconds of each turn of the application.
    """

    ours: float
    loop: float
    share: float
    again: float
    memory: float
    alone: list
    beside: list


def measure_pruning(database, threads, patience):
    """The Pruning of this many threads. patience: the approximate limit of the loop in seconds."""
    fill(database, SCHEMA, threads * LENGTH)
    database.execute("CHECKPOINT")
    half, quarter = NEWEST - threads * LENGTH // 2, NEWEST - threads * LENGTH // 4
    # Threads with higher numbers are older. In each list, every second thread is old.
    first, second = (
        ["thread-%d" % number for pair in zip(range(1, threads // 4), range(old + 1, threads)) for number in pair] for old in (threads // 2, threads // 4)
    )
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        database.execute("VACUUM")
        # The first ones show how long the loop takes. It examines a twelfth of all threads at most, so that nearly all are left.
        each = _loop(database, scratch, first[:200], half) / 200
        size = max(100, min(threads // 25, round(patience / each / 2) // 2 * 2))
        # The loop runs before and after the module, because the speed of a shared disk changes.
        seconds = _loop(database, scratch, first[200 : 200 + size], half)
        database.execute("CHECKPOINT")
        runner = make_runner(scratch)

        def prune(before):
            args = database.login(database.app, schema=SCHEMA, older_than="%ds" % (time.time() - before), limit_percent=60)
            took, result = run_module(runner, scratch, "checkpoint_prune", args)
            return took, result["threads"]["deleted"]

        # What the loop has left of the older half alone, the next quarter with the application beside it.
        took, deleted = prune(half)
        database.execute("CHECKPOINT")
        seconds += _loop(database, scratch, second[200 : 200 + size], quarter)
        database.execute("CHECKPOINT")
        with _Application(database) as application:
            time.sleep(5)
            begin = len(application.turns)
            _took, more = prune(quarter)
            end = len(application.turns)
        again, left = prune(quarter)
    if left or not deleted > threads // 5 or not more:
        raise SystemExit("checkpoint_prune did not do its work: it deleted %d, %d and %d threads" % (deleted, more, left))
    ours = took.seconds * (threads / 2) / deleted
    return Pruning(
        ours, seconds * threads / (2 * size), 2 * size / threads, again.seconds, took.memory, application.turns[:begin], application.turns[begin:end]
    )


def _loop(database, scratch, names, cutoff):
    given = scratch / "threads"
    given.write_text("".join(name + "\n" for name in names))
    ticks = "%015x" % ((cutoff + 12219292800) * 10**7)
    first = "%s-%s-6%s" % (ticks[:8], ticks[8:12], ticks[12:])
    program = str(Path(__file__).parent / "by_deletion.py")
    took, _output = watched([str(VIRTUALENV / "bin" / "python"), program, first], given, scratch, environment(database))
    return took.seconds


class _Application(threading.Thread):
    """Reads and writes a checkpoint of its own thread, ten times a second. turns: the seconds of each time."""

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
    """The value below which this share of the values is."""
    return sorted(values)[int(len(values) * percent / 100)]


def slower(pruning):
    """How much longer a turn of the application takes beside the run: (median, 95th percentile)."""
    return median(pruning.beside) / median(pruning.alone), percentile(pruning.beside, 95) / percentile(pruning.alone, 95)
