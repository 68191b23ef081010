# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both savers give for the same threads, held against each other; objects stay the bytes that they are stored as."""

from __future__ import annotations

import contextlib
import sqlite3

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver


def raw_serde():
    """Revives nothing: an object of MessagePack is its code and its payload's bytes, of JSON its dict, and pickles are not opened."""

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
    """A text that differs where two values do, in type, sign or order; -0.0 and NaN as well."""
    return repr(value)


def loose(value):
    """As exact(), but for the order of keys, which no JSONB keeps."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%r: %s" % (key, loose(item)) for key, item in sorted(value.items()))
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(loose, value))
    return repr(value)


def told(found):
    """A CheckpointTuple as texts: its own part, each channel, each pending write in order."""
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
    """{(thread, namespace, id): what SqliteSaver gives}, from a copy, since the saver writes to what it opens."""
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as memory:
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as file:
            file.backup(memory)
        return _all(SqliteSaver(memory, serde=serde or raw_serde()).list(None))


def of_database(database, serde=None, **kwargs):
    """The same of PostgresSaver."""
    with database.saver(**kwargs) as saver:
        saver.serde = serde or raw_serde()
        return _all(saver.list(None))


def _all(found):
    return {tuple(each.config["configurable"][name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")): told(each) for each in found}


def assert_same(path, database, serde=None, but=()):
    """Nothing differs but for the keys that were refused; returns how many (checkpoints, channel values, pending writes) that was said of."""
    mine, theirs = of_file(path, serde), of_database(database, serde)
    mine = {key: value for key, value in mine.items() if key not in but}
    assert set(mine) == set(theirs), "missing: %s; more: %s" % (sorted(set(mine) - set(theirs))[:3], sorted(set(theirs) - set(mine))[:3])
    for key, told_ in mine.items():
        for part, value in told_.items():
            if part == "channels":
                more = set(theirs[key][part]) - set(value)
                # PostgresSaver shows a delta channel's snapshot wherever its version is named, whoever wrote it.
                assert all(theirs[key][part][name].startswith("('extension', 7, ") for name in more), (key, more)
                for name in value:
                    assert theirs[key][part].get(name) == value[name], (key, name, value[name][:200], theirs[key][part].get(name, "")[:200])
            else:
                assert theirs[key][part] == value, (key, part, value, theirs[key][part])
    counts = len(mine), sum(len(each["channels"]) for each in mine.values()), sum(len(each["writes"]) for each in mine.values())
    print("compared: %d checkpoints, %d channel values, %d pending writes, no difference" % counts)
    return counts
