# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify.py: a row that is missing after its batch was committed is reported by its key.

A fake replaces the tables, because no server loses a row between two statements, and tables with triggers are rejected earlier.
"""

from __future__ import annotations

import contextlib

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from ansible_collections.stateops.langgraph.plugins.module_utils._import.existing import ExistingKeys
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source

KEYS = [(thread, b"", b"%d" % number) for thread in (b"first", b"second") for number in range(3)]
ROWS = [row for key in KEYS for row in ((*key, None, None), (*key, b"task", 0), (*key, b"task", 1))]


class FakeTarget:
    """Accepts all rows, and contains only the given ones."""

    transaction = contextlib.nullcontext

    def __init__(self, rows):
        self.rows, self.connection = rows, self

    def begin(self):
        pass

    def known(self, _threads):
        return set()

    def copy(self, rows):
        pass

    @contextlib.contextmanager
    def existing(self, threads):
        parts = iter([[row for row in self.rows if row[0].decode() in threads]])
        yield ExistingKeys(lambda: next(parts, []))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread, _namespace, identifier in KEYS:
            config = {"configurable": {"thread_id": thread.decode(), "checkpoint_ns": ""}}
            config = saver.put(config, dict(empty_checkpoint(), id=identifier.decode()), {}, {})
            saver.put_writes(config, [("a", 1), ("b", 2)], "task")
    return str(path)


@pytest.mark.parametrize("lost", [None, *range(len(ROWS))])
@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_missing_row_is_reported(path, lost, batch_size):
    with open_source(path) as source:
        importer = Importer(source, FakeTarget([row for number, row in enumerate(ROWS) if number != lost]), batch_size=batch_size, verify="counts")
        importer.run()
    found = importer.verifier.to_dict()
    assert (found["checkpoints"], found["writes"]) == (6, 12)
    if lost is None:
        assert found["differences"] == 0
        return
    thread, _namespace, identifier, task, index = ROWS[lost]
    what = "the checkpoint is missing" if task is None else "pending write %d of task task is missing" % index
    assert found["sample"] == ["Checkpoint %s of thread %s: %s" % (identifier.decode(), thread.decode(), what)]
