# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""latest.py: the selection is read from the indexes, does not depend on what is remembered, and is the same for both ways to read a file."""

from __future__ import annotations

import functools
import json

import ormsgpack
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Send

from ansible_collections.stateops.langgraph.plugins.module_utils._import import latest
from ansible_collections.stateops.langgraph.plugins.module_utils._import.latest import Inspector, LatestSource, Signs
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source


def put(saver, thread, namespace, identifier, parent=None, metadata=None, **more):
    configurable = {"thread_id": thread, "checkpoint_ns": namespace, **({"checkpoint_id": parent} if parent else {})}
    config = saver.put({"configurable": configurable}, dict(empty_checkpoint(), id=identifier, **more), metadata or {"source": "loop"}, {})
    saver.put_writes(config, [("a", 1), ("b", 2)], "task")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("a", "delta", "z"):
            for namespace in ("", "child", "child:1"):
                for number in range(3):
                    metadata = {"source": "loop", "counters_since_delta_snapshot": {"a": [1, 1]}} if (thread, namespace) == ("delta", "child") else None
                    put(saver, thread, namespace, str(number), str(number - 1) if number else None, metadata)
        saver.put_writes({"configurable": {"thread_id": "only writes", "checkpoint_ns": "", "checkpoint_id": "9"}}, [("a", 1)], "task")
    return str(path)


@pytest.mark.parametrize("remembered", [10000, 1])
def test_the_selection(path, monkeypatch, remembered):
    monkeypatch.setattr(latest, "REMEMBERED", remembered)
    with open_source(path, LatestSource) as source:
        rows = list(source.whole(b"a", b"z"))
        outline = list(source.outline(b"a", b"z"))
        assert source.whole_threads([b"a", b"delta", b"only writes", b"z"]) == [b"delta"]
        assert source.has_parent((b"delta", b"", b"1")) and not source.has_parent((b"a", b"", b"2"))
        assert source.omitted([b"a", b"delta", b"z"], 15) == 12
    kept = [(b"a", b"2"), *((b"delta", b"%d" % number) for number in range(3)), (b"z", b"2")]
    expected = sorted((thread, namespace, identifier) for thread, identifier in kept for namespace in (b"", b"child", b"child:1"))
    expected.insert(12, (b"only writes", b"", b"9"))
    assert [key for key, _row, _writes in rows] == expected
    assert [row and row[:3] for _key, row, _writes in rows] == [None if key[0] == b"only writes" else key for key in expected]
    assert [(key, bool(row), [write[:2] for write in writes]) for key, row, writes in rows] == [(key, bool(row), writes) for key, row, writes in outline]


def test_older_checkpoints_are_read_from_the_index_only(path):
    with open_source(path, LatestSource) as source:
        for query, parameters in ((latest.NAMESPACES, {"first": b"a", "last": b"z"}), (latest.COUNT, (b"a",)), (latest.EXISTS, (b"a", b"", b"2"))):
            plan = [step[-1].decode() for step in source.connection.execute("EXPLAIN QUERY PLAN " + query, parameters)]
            for table in ("checkpoints", "writes"):
                steps = [step for step in plan if table in step.split()]
                assert all("COVERING INDEX" in step for step in steps) and (steps or table == "writes"), plan


LOOP, UPDATE, NO_METADATA = {"source": "loop"}, {"source": "update"}, None
SNAPSHOT = ormsgpack.Ext(7, b"\x91\x01")


@pytest.mark.parametrize("values, versions, metadata, sends, expected", [
    ({"a": [1]}, {"a": 1}, LOOP, [], Signs(False, False, False)),
    ({"a": [1]}, {"a": 1}, UPDATE, [], Signs(False, False, False)),
    ({"a": SNAPSHOT}, {"a": 1}, LOOP, [], Signs(True, False, False)),
    ({"a": [SNAPSHOT]}, {"a": 1}, LOOP, [], Signs(False, False, False)),
    ({}, {"a": 1}, dict(LOOP, counters_since_delta_snapshot={"a": [1, 1]}), [], Signs(True, False, False)),
    ({}, {"a": 1}, dict(LOOP, delta_writes_versioned=True), [], Signs(True, False, False)),
    ({}, {"a": 1}, LOOP, [], Signs(False, False, False)),
    ({}, {"a": 1}, UPDATE, [], Signs(False, True, False)),
    ({}, {"a": 1}, NO_METADATA, [], Signs(False, True, False)),
    ({}, {"branch:to:a": 1, "__start__": 1}, UPDATE, [], Signs(False, False, False)),
    ({"a": 1}, {"a": 1}, LOOP, [ormsgpack.Ext(0, b"x")], Signs(False, False, True)),
    ({"a": 1}, {"a": 1}, LOOP, ["plain"], Signs(False, False, True)),
])  # fmt: skip
def test_signs(values, versions, metadata, sends, expected):
    checkpoint = {"v": 3, "id": "1", "channel_values": values, "channel_versions": versions, "versions_seen": {}, "pending_sends": sends}
    raw, text = ormsgpack.packb(checkpoint), None if metadata is None else json.dumps(metadata).encode()
    assert Inspector().inspect((b"t", b"", b"1", None, b"msgpack", raw, text)) == expected
    assert Inspector().inspect((b"t", b"", b"1", None, b"msgpack", raw[:-3], text)) == Signs(False, False, False)


def test_what_the_newest_checkpoint_needs(tmp_path):
    """It needs the parent that has its sends. It needs the whole thread if only an older checkpoint shows that a channel without a value is a DeltaChannel."""
    path = tmp_path / "checkpoints.sqlite"
    update, counters = {"source": "update"}, {"source": "loop", "counters_since_delta_snapshot": {"a": [1, 1]}}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number, metadata in enumerate((counters, update, update)):
            put(saver, "updated", "", str(number), str(number - 1) if number else None, metadata, channel_versions={"a": number})
        for number, metadata in enumerate((counters, {"source": "loop"}, update)):
            put(saver, "no longer", "", str(number), str(number - 1) if number else None, metadata, channel_versions={"a": number})
        for number in range(3):
            put(saver, "sends", "", str(number), str(number - 1) if number else None, v=3, pending_sends=[Send("node", number)] if number else [])
            config = {"configurable": {"thread_id": "sends", "checkpoint_ns": "", "checkpoint_id": str(number)}}
            saver.put_writes(config, [("__pregel_tasks", Send("node", number))], "other task")
    with open_source(str(path), LatestSource) as source:
        threads = [b"no longer", b"sends", b"updated"]
        assert source.whole_threads(threads) == [b"updated"]
        found = [[key[2] for key, _row, _writes in source.whole(thread, thread)] for thread in threads]
        assert found == [[b"2"], [b"1", b"2"], [b"0", b"1", b"2"]]
        assert [source.has_parent((b"sends", b"", identifier)) for identifier in (b"1", b"2")] == [False, True]


def test_a_loop_of_parents_ends(tmp_path):
    """SqliteSaver replaces a checkpoint that has the same id, so a checkpoint may be its own ancestor."""
    path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for identifier, parent in (("1", "2"), ("2", "1")):
            put(saver, "t", "", identifier, parent, {"source": "update"}, channel_versions={"a": 1})
    with open_source(str(path), functools.partial(LatestSource, cipher=None)) as source:
        assert [key for key, _row, _writes in source.whole(b"t", b"t")] == [(b"t", b"", b"2")]
