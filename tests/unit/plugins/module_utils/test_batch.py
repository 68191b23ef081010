# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""_batch.py: a blob is sent once, also where a thread has more values than are remembered.

The tables are stood in for by a list: how many values are remembered cannot be set from outside, and hundreds of thousands take minutes.
"""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.stateops.langgraph.plugins.module_utils import _rows
from ansible_collections.stateops.langgraph.plugins.module_utils._import import Job
from ansible_collections.stateops.langgraph.plugins.module_utils._source import open_source
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver


class Tables:
    """Takes what is copied; says of a blob that it is there once it was taken."""

    def __init__(self):
        self.rows, self.connection = ([], [], []), self

    transaction = contextlib.nullcontext

    def begin(self):
        pass

    def known(self, _threads):
        return set()

    def write_keys(self, _names):
        return {}

    def remove(self, _query, keys):
        assert not keys

    def copy(self, rows):
        for mine, some in zip(self.rows, rows):
            mine += some

    def blobs(self, places):
        taken = b"".join(self.rows[1])
        return {place: ("msgpack", b"\x91\x01") for place in places if all(part.encode() in taken for part in place if part)}


@pytest.fixture
def path(tmp_path):
    """Threads whose checkpoints share one blob, and have an inline value of a version of its own each."""
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
    monkeypatch.setattr(_rows, "REMEMBERED", remembered)
    tables = Tables()
    with open_source(path) as source:
        job = Job(source, tables, check=check, batch_size=100)
        job.run()
    assert job.tally.counts["blobs"] == {"read": 2, "written": 2, "there": 0, "refused": 0}
    assert job.tally.counts["checkpoints"]["written"] == 18
    assert [len(rows) for rows in tables.rows] == ([0, 0, 0] if check else [18, 2, 0])
