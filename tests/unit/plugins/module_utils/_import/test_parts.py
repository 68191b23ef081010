# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""parts.py, and which thread is converted in parts. tests/functional/modules/test_import_parts.py compares the result with that of one process."""

from __future__ import annotations

import contextlib
import itertools
import marshal

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlite_threads import put

from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter
from ansible_collections.stateops.langgraph.plugins.module_utils._import import importer, parts, source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Part
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Three threads. The second one has forty checkpoints of 5 KB each, which is long in these tests."""
    monkeypatch.setattr(source, "LONG", 100_000)
    path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread, number in (("first", 3), ("long", 40), ("other", 30)):
            for step in range(number):
                put(saver, thread, {"kept": ["x" * 5000], "step": [step]}, {"kept": "1", "step": "%02d" % step}, identifier="id %02d" % step)
    return str(path)


@pytest.mark.parametrize("chosen, limit, expected", [
    ((), 100_000, b"long"),
    # The size of a thread is its number of checkpoints times their average size in the file.
    ((), 1_000_000, None),
    # Only the chosen threads count, so another thread has more than half of the checkpoints.
    (("first", "other"), 100_000, b"other"),
    (("first", "other"), 200_000, None),
    (("absent",), 0, None),
])  # fmt: skip
def test_which_thread_is_long(path, monkeypatch, chosen, limit, expected):
    monkeypatch.setattr(source, "LONG", limit)
    with open_source(path) as file:
        assert file.long_thread(ThreadFilter(chosen)) == expected


def test_large_checkpoints_are_not_shared(path, monkeypatch):
    with open_source(path) as file:
        for limit, expected in ((100_000, b"long"), (4000, None)):
            monkeypatch.setattr(source, "LARGE", limit)
            assert file.long_thread(ThreadFilter()) == expected


def test_no_thread_is_long_if_another_one_has_as_many_checkpoints(path):
    with SqliteSaver.from_conn_string(path) as saver:
        for step in range(7):
            put(saver, "other", {"step": [step]}, identifier="more %d" % step)
    with open_source(path) as file:
        assert file.long_thread(ThreadFilter()) is None


@pytest.mark.parametrize("number", [1, 3, 39, 40, 41])
def test_the_parts_are_the_thread(path, monkeypatch, number):
    monkeypatch.setattr(source, "PART", 0)
    monkeypatch.setattr(source, "FEWEST_OF_PART", number)
    with open_source(path) as file:
        found = list(file.parts(b"long"))
        keys = [key[2] for part in found for key, _row, _writes in file.part(part)]
    assert keys == [b"id %02d" % step for step in range(40)]
    assert all(part.after == before.upto for before, part in itertools.pairwise(found))


@pytest.mark.parametrize("table, query", [("checkpoints", source.ROWS), ("writes", source.ALL_WRITES % "''")])
def test_a_part_is_read_by_the_index(path, table, query):
    """If the index were used only for checkpoint_ns, the time would grow with the square of the thread's length."""
    with open_source(path) as file:
        part = Part(b"long", (b"", b"id 10"), (b"", b"id 20"))
        where, parameters = source._where(*part)
        plan = str(file.connection.execute("EXPLAIN QUERY PLAN " + query.replace(source.SPAN, where), parameters).fetchall())
    assert "(checkpoint_ns,checkpoint_id)>(?,?) AND (checkpoint_ns,checkpoint_id)<(?,?)" in plan


def test_values_that_did_not_change_are_not_sent(path):
    """Not even with the first checkpoint of a part."""
    with open_source(path) as file:
        converted = parts.convert_part(Importer(file, None), Part(b"long", (b"", b"id 10"), (b"", b"id 20")))
    assert [[change[0] for change in changes] for _namespace, _identifier, changes in marshal.loads(converted.changes)] == [["step"]] * 10
    assert converted.rest is None and converted.read == converted.written == (10, 0)


def test_a_part_with_too_many_rows_is_returned_in_pieces(path, monkeypatch):
    with open_source(path) as file:
        part = Part(b"long", None, (b"", b"id 20"))
        whole = parts.convert_part(Importer(file, None), part)
        monkeypatch.setattr(parts, "LIMIT", 2000)
        pieces = []
        while part is not None:
            pieces.append(parts.convert_part(Importer(file, None), part))
            part = pieces[-1].rest
    assert len(pieces) > 3 and b"".join(piece.rows for piece in pieces) == whole.rows
    assert [change for piece in pieces for change in marshal.loads(piece.changes)] == marshal.loads(whole.changes)


def test_the_long_thread_is_not_started_when_the_time_is_up(path, monkeypatch):
    """The other threads are imported first, and then the long thread remains."""

    class Pool:
        size = 2
        workers = ["a worker"]

        def results(self, batches):
            for batch in batches:
                yield batch, importer.Outcome(importer.ImportStats(), None, None)

    clock = itertools.count(0, 10)
    monkeypatch.setattr(importer.time, "monotonic", lambda: next(clock))
    with open_source(path) as file:
        run = Importer(file, None, time_limit=1)
        run.run(Pool())
        assert (run.begun, run.remaining, run.converters is not None) == (True, 1, True)


def test_workers_are_idle_after_a_failure(path, monkeypatch):
    """Otherwise the next attempt would get the rows of an earlier part."""
    monkeypatch.setattr(source, "PART", 0)
    monkeypatch.setattr(source, "FEWEST_OF_PART", 3)

    @contextlib.contextmanager
    def opened():
        with open_source(path) as file:
            yield Importer(file, None)

    with WorkerPool(2, opened) as pool:
        pool.start()
        with open_source(path) as file:
            pool.sync_snapshots(file)
            attempt = pool.convert(file, b"long")
            next(attempt)
            attempt.close()
            rows = b"".join(part.rows for part in pool.convert(file, b"long"))
            assert rows == parts.convert_part(Importer(file, None), Part(b"long", None, None)).rows
