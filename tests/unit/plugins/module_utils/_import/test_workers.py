# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""workers.py: which workers are stopped, and why.

Fakes replace files and servers, because a test cannot control the speed of a writer or the moment at which a process ends.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Outcome
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool


class Source:
    """A file whose version changes this many times. If the number is negative, begin() ends the process."""

    before = None

    def __init__(self, versions=0):
        self.versions, self.held = versions, False

    def end(self):
        self.held = False

    def begin(self):
        if self.versions < 0:
            os._exit(1)
        self.held = True

    def version(self):
        self.versions = max(0, self.versions - 1)
        return self.versions


class Importer:
    def __init__(self, versions=0):
        self.source = Source(versions)

    def module_error(self, error):
        return ModuleError(str(error))

    def one(self, batch):
        assert self.source.held
        stats = ImportStats()
        stats.add("threads", "read", len(batch))
        return Outcome(stats, None, ModuleError("no") if "bad" in batch else None)


def opened(versions=0):
    @contextlib.contextmanager
    def each():
        yield Importer(versions)

    return each


@contextlib.contextmanager
def synced_pool(source, open_importer=opened(), size=3):
    with WorkerPool(size, open_importer) as pool:
        pool.start()
        pool.sync_snapshots(source)
        yield pool


def test_a_host_that_cannot_start_another_process(monkeypatch):
    left = [os.fork, os.fork]

    def fork():
        if not left:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return left.pop()()

    monkeypatch.setattr(os, "fork", fork)
    with synced_pool(Source(), size=4) as pool:
        assert len(pool.workers) == 2 and "temporarily unavailable" in pool.unavailable[0]
        assert len(list(pool.results([["a"], ["b"], ["c"]]))) == 3


def test_a_file_that_cannot_be_read_to_its_end():
    def batches():
        yield from (["a"], ["b"], ["c"])
        raise sqlite3.DatabaseError("malformed")

    imported = []
    with synced_pool(Source(), size=2) as pool, pytest.raises(sqlite3.DatabaseError):
        for batch, outcome in pool.results(batches()):
            imported += batch
            assert outcome.failure is None
    assert sorted(imported) == ["a", "b", "c"]


def test_each_batch_once():
    batches = [[str(number)] for number in range(50)]
    with synced_pool(Source()) as pool:
        assert not pool.unavailable
        results = list(pool.results(batches))
    assert sorted(batch for batch, _outcome in results) == sorted(batches)
    assert all(outcome.failure is None and outcome.stats.counts["threads"]["read"] == 1 for _batch, outcome in results)
    assert not pool.workers


def test_a_writer_that_pauses_eventually():
    with synced_pool(Source(50)) as pool:
        assert len(pool.workers) == 3 and not pool.unavailable


def test_a_writer_that_never_pauses():
    with synced_pool(Source(100000)) as pool:
        assert not pool.workers
        assert pool.unavailable == ["The file is changed so often that the workers could not take snapshots of the same state."] * 3


def test_the_reason_why_workers_cannot_start_is_reported():
    @contextlib.contextmanager
    def failing():
        raise ModuleError("no connection")
        yield  # pylint: disable=unreachable

    with synced_pool(Source(), failing) as pool:
        assert not pool.workers and pool.unavailable == ["no connection"] * 3


def test_all_workers_end_before_the_first_batch():
    with synced_pool(Source(), opened(-1)) as pool:
        assert not pool.workers and ["ended from outside" in why for why in pool.unavailable] == [True] * 3


@pytest.mark.parametrize("place", [0, 7, 1000])
def test_no_batch_starts_after_a_failure(place):
    batches = [["bad" if number == place else str(number)] for number in range(20000)]
    with synced_pool(Source(), size=2) as pool:
        results = list(pool.results(batches))
    assert [outcome.failure.message for _batch, outcome in results if outcome.failure] == ["no"]
    assert place < len(results) < len(batches)
    # Each batch that started is reported.
    assert sorted(batch for batch, _outcome in results) == sorted(batches[: len(results)])


def test_a_killed_worker_does_not_stop_the_others():
    with synced_pool(Source(), size=2) as pool:
        pipe = next(iter(pool.workers))
        pool.workers[pipe].kill()
        pool.workers[pipe].join()
        results = list(pool.results([[str(number)] for number in range(30)]))
    failures = [outcome.failure for _batch, outcome in results if outcome.failure]
    assert len(failures) == 1 and "ended from outside" in failures[0].message and failures[0].changed
