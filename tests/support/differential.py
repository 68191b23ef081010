# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what both savers return for the same threads. Stored objects are compared as bytes and not created."""

from __future__ import annotations

import contextlib
import sqlite3

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver


def raw_serde():
    """A serializer that creates no objects: it returns a MessagePack extension as its code and payload, a JSON object as a dict, and a pickle as bytes."""

    class Raw(JsonPlusSerializer):
        def loads_typed(self, data):
            import json

            kind, raw = data
            if kind == "json":
                return json.loads(raw)
            if kind not in ("null", "bytes", "bytearray", "msgpack"):
                return kind, bytes(raw)
            return super().loads_typed((kind, bytes(raw)))

    return Raw(__unpack_ext_hook__=lambda code, data: ("extension", code, bytes(data)))


def exact(value):
    """A text that differs if two values differ in type, sign (even that of zero) or order. It is the same for two NaN."""
    return repr(value)


def loose(value):
    """Like exact(), but regardless of the order of keys, which JSONB does not keep."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%r: %s" % (key, loose(item)) for key, item in sorted(value.items()))
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(loose, value))
    return repr(value)


def as_texts(found):
    """A CheckpointTuple as texts: the checkpoint, each channel, each pending write in order."""
    checkpoint = dict(found.checkpoint)
    channels = {name: exact(value) for name, value in (checkpoint.pop("channel_values") or {}).items()}
    metadata = {name: value for name, value in found.metadata.items() if name != "writes"}
    return {
        "config": loose(found.config["configurable"]),
        "parent": loose(found.parent_config and found.parent_config["configurable"]),
        "checkpoint": loose(checkpoint),
        "metadata": loose(metadata),
        "channels": channels,
        "writes": [exact(tuple(write)) for write in found.pending_writes],
    }


def of_file(path, serde=None):
    """{(thread, namespace, id): what SqliteSaver returns}. It reads a copy, because the saver writes to the file that it opens."""
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as memory:
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as file:
            file.backup(memory)
        return _all(SqliteSaver(memory, serde=serde or raw_serde()).list(None))


def of_database(database, serde=None, **kwargs):
    """The same from PostgresSaver."""
    with database.saver(**kwargs) as saver:
        saver.serde = serde or raw_serde()
        return _all(saver.list(None))


def _all(found):
    return {tuple(each.config["configurable"][name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")): as_texts(each) for each in found}


def assert_same(path, database, serde=None, but=()):
    """Assert that both savers return the same, except for the keys in `but`. Returns the numbers of compared (checkpoints, channel values, pending writes)."""
    mine, theirs = of_file(path, serde), of_database(database, serde)
    mine = {key: value for key, value in mine.items() if key not in but}
    assert set(mine) == set(theirs), "missing: %s; additional: %s" % (sorted(set(mine) - set(theirs))[:3], sorted(set(theirs) - set(mine))[:3])
    for key, expected in mine.items():
        for part, value in expected.items():
            if part == "channels":
                more = set(theirs[key][part]) - set(value)
                # PostgresSaver returns the snapshot of a delta channel with every checkpoint that names its version, whichever saver wrote it.
                assert all(theirs[key][part][name].startswith("('extension', 7, ") for name in more), (key, more)
                for name in value:
                    assert theirs[key][part].get(name) == value[name], (key, name, value[name][:200], theirs[key][part].get(name, "")[:200])
            else:
                assert theirs[key][part] == value, (key, part, value, theirs[key][part])
    counts = len(mine), sum(len(each["channels"]) for each in mine.values()), sum(len(each["writes"]) for each in mine.values())
    print("compared: %d checkpoints, %d channel values, %d pending writes, no difference" % counts)
    return counts
