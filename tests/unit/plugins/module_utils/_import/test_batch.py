# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""batch.py: each blob is sent once, even if a thread has more values than are remembered.

Lists replace the tables, because no option sets the number of remembered values, and an import of hundreds of thousands of values takes minutes.
"""

from __future__ import annotations

import contextlib
import itertools
import struct
import types

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from ansible_collections.stateops.langgraph.plugins.module_utils._import import batch, importer, seen, source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source


def split_rows(joined):
    """The bytes of each row in COPY's binary format."""
    start = place = 0
    while place < len(joined):
        start, (fields,) = place, struct.unpack_from("!h", joined, place)
        place += 2
        for _field in range(fields):
            (size,) = struct.unpack_from("!i", joined, place)
            place += 4 + max(size, 0)
        yield joined[start:place]
    assert place == len(joined)


class Tables:
    """Stores copied rows. No other rows exist."""

    def __init__(self):
        self.rows, self.connection = ([], [], []), self

    transaction = contextlib.nullcontext

    def begin(self):
        pass

    def known(self, _threads):
        return set()

    def remove(self, _query, keys):
        assert not keys

    def copy(self, rows):
        for written, some in zip(self.rows, rows):
            written += split_rows(some)


@pytest.fixture
def path(tmp_path):
    """Two threads. The checkpoints of a thread share one blob, and each has an inline value with its own version."""
    path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("first", "second"):
            for number in range(9):
                checkpoint = dict(empty_checkpoint(), channel_values={"kept": [1], "step": number}, id="%s-%d" % (thread, number))
                checkpoint["channel_versions"] = {"kept": "of-" + thread, "step": "%s-step-%d" % (thread, number)}
                saver.put({"configurable": {"thread_id": thread, "checkpoint_ns": ""}}, checkpoint, {}, {})
    return str(path)


@pytest.mark.parametrize("remembered", [300000, 12, 8, 3])
@pytest.mark.parametrize("check", [False, True])
def test_each_blob_once(path, monkeypatch, remembered, check):
    monkeypatch.setattr(seen, "REMEMBERED", remembered)
    tables = Tables()
    with open_source(path) as source:
        run = Importer(source, tables, check=check, batch_size=100)
        run.run()
    assert run.stats.counts["blobs"] == {"read": 2, "written": 2, "existing": 0, "rejected": 0}
    assert run.stats.counts["checkpoints"]["written"] == 18
    assert [len(rows) for rows in tables.rows] == ([0, 0, 0] if check else [18, 2, 0])


def test_one_batch_is_imported_even_if_the_time_is_up(path, monkeypatch):
    """Otherwise a caller that repeats the run until nothing remains would never finish."""
    clock = itertools.count(0, 10)
    monkeypatch.setattr(importer.time, "monotonic", lambda: next(clock))
    with open_source(path) as source:
        run = Importer(source, Tables(), batch_size=1, time_limit=1)
        run.run()
    assert (run.stats.counts["threads"]["read"], run.remaining) == (1, 1)


def test_windows_have_a_limited_size(monkeypatch):
    """The size of a window includes the pending writes of its checkpoints. No checkpoint is left out."""
    outlines = [(("t", "", str(number)), True, [("task", index) for index in range(number % 4)]) for number in range(50)]

    class Source:
        def outline(self, _first, _last):
            return iter(outlines)

    monkeypatch.setattr(source, "WINDOW", 10)
    found = list(source.windows(Source(), [("t", "t")], type("Reader", (), {})()))
    assert [outline for window in found for outline in window] == outlines
    sizes = [sum(1 + len(pairs) for _key, _row, pairs in window) for window in found]
    assert all(10 <= size < 14 for size in sizes[:-1]) and len(sizes) > 5


@pytest.mark.parametrize("checkpoints, mebibytes, expected", [
    (0, 0, 1000),
    (10, 1, 1000),
    (100000, 150, 5000),
    (20000000, 20000, 5000),
    # A sixteenth of the checkpoints with two workers.
    (40000, 40, 2500),
    # The number of checkpoints in 16 MiB of the file.
    (200000, 1600, 2000),
    (1728, 970, 1000),
])  # fmt: skip
def test_default_batch_size(monkeypatch, checkpoints, mebibytes, expected):
    monkeypatch.setattr(source, "size", lambda _path: mebibytes << 20)
    connection = types.SimpleNamespace(execute=lambda _query: types.SimpleNamespace(fetchone=lambda: (checkpoints,)))
    assert source.Source.default_batch_size(types.SimpleNamespace(connection=connection, path=""), 2) == expected


@pytest.mark.parametrize("given, batches", [(0, 1), (9, 2), (1, 2), (100, 1)])
def test_the_number_of_batches(path, given, batches):
    tables, known = Tables(), []
    tables.known = lambda threads: known.append(threads) or set()
    with open_source(path) as source:
        Importer(source, tables, batch_size=given).run()
    assert len(known) == batches and sorted(sum(known, [])) == ["first", "second"]


def test_pending_writes_without_a_value_are_sent_like_others(path, monkeypatch):
    """LangGraph stores one for a task without a result. A thousand of them also fill a chunk."""
    monkeypatch.setattr(batch, "CHUNK", 3000)
    with SqliteSaver.from_conn_string(path) as saver:
        for number in range(9):
            config = {"configurable": {"thread_id": "first", "checkpoint_ns": "", "checkpoint_id": "first-%d" % number}}
            saver.put_writes(config, [("channel %d" % each, None) for each in range(30)], "task")
    sent = []
    tables = Tables()
    tables.copy = lambda rows: sent.append(sum(map(len, rows)))
    with open_source(path) as source:
        Importer(source, tables, batch_size=100).run()
    assert len(sent) > 9 and max(sent) < 20000
