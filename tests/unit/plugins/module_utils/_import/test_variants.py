# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""variants.py: which serialized forms have the same value, for values that LangGraph's serializer wrote and for damaged ones."""

from __future__ import annotations

import collections
import datetime
import decimal
import itertools
import json
import uuid

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlite_threads import put

from ansible_collections.stateops.langgraph.plugins.module_utils._import import convert
from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Converter
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.variants import VariantCounts, same_value

DUMP = JsonPlusSerializer().dumps_typed


def constructed(name, *arguments, **keywords):
    """An object in the JSON form that langgraph-checkpoint wrote before 1.0.10."""
    found = {"lc": 2, "type": "constructor", "id": ["some", "module", name]}
    if arguments:
        found["args"] = list(arguments)
    if keywords:
        found["kwargs"] = keywords
    return found


def as_json(value):
    return "json", json.dumps(value).encode()


def of_set(*members, kind="set"):
    """A set whose members were written in this order."""
    return "msgpack", ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("builtins", kind, members))))


NUMBER, MOMENT = uuid.UUID(int=7), datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("first, second", [
    (of_set("a", "b", 1), of_set(1, "b", "a")),
    (of_set("a", "b", kind="frozenset"), of_set("b", "a", kind="frozenset")),
    (of_set(), of_set()),
    (DUMP({"tags": {"a", "b"}, "n": [1]}), as_json({"n": [1], "tags": constructed("set", ["b", "a"])})),
    (DUMP({frozenset({"a"}), frozenset({"b"})}), as_json(constructed("set", [constructed("frozenset", ["b"]), constructed("frozenset", ["a"])]))),
    (DUMP([1, 2.5, None, True, "x"]), as_json([1, 2.5, None, True, "x"])),
    (DUMP((1, 2)), as_json([1, 2])),
    (DUMP({1: "one"}), as_json({"1": "one"})),
    (DUMP(NUMBER), as_json(constructed("UUID", NUMBER.hex))),
    (DUMP(MOMENT), as_json(dict(constructed("datetime", MOMENT.isoformat()), method="fromisoformat"))),
    (DUMP(decimal.Decimal("1.50")), as_json(constructed("Decimal", "1.50"))),
    (DUMP(collections.deque([1, 2])), as_json(constructed("deque", [1, 2]))),
    (DUMP([HumanMessage("hi", id="1")]), as_json([dict(constructed("HumanMessage", content="hi", type="human", id="1"), lc=1)])),
    (DUMP(AIMessage("hi")), as_json(dict(constructed("AIMessage", content="hi", type="ai", example=False, removed=None), lc=1))),
    (("msgpack+", ormsgpack.packb([1])), ("msgpack", ormsgpack.packb([1]))),
    (("pickle", b"x"), ("pickle", b"x")),
])  # fmt: skip
def test_the_same_value(first, second):
    assert [same_value(*pair) for pair in itertools.permutations((first, second))] == [True, True]


@pytest.mark.parametrize("first, second", [
    (of_set("a"), of_set("a", "b")),
    (of_set(1), of_set(True)),
    (of_set("a"), of_set("a", kind="frozenset")),
    (of_set("a"), DUMP(["a"])),
    (DUMP(1), DUMP(1.0)), (DUMP(1), DUMP(True)), (DUMP("1"), DUMP(1)), (DUMP(None), DUMP([])), (DUMP(b"a"), DUMP("a")),
    (DUMP([1, 2]), DUMP([2, 1])), (DUMP([1]), DUMP([1, 2])),
    (DUMP({"a": 1}), DUMP({"b": 1})), (DUMP({"a": 1}), DUMP({"a": 1, "b": None})), (DUMP({"a": [{"b": 1}]}), DUMP({"a": [{"b": 2}]})),
    (DUMP(collections.deque([1, 2])), DUMP(collections.deque([2, 1]))),
    (DUMP(HumanMessage("hi", id="1")), DUMP(HumanMessage("hi", id="2"))),
    (DUMP(HumanMessage("hi", id="1")), DUMP(AIMessage("hi", id="1"))),
    (DUMP(HumanMessage("hi", name="x")), as_json(dict(constructed("HumanMessage", content="hi", type="human"), lc=1))),
    (DUMP(NUMBER), DUMP(NUMBER.hex)),
    (("pickle", b"x"), ("pickle", b"y")),
    (("json", b"{"), ("json", b"{")), (("msgpack", b"\xc1"), ("msgpack", b"\xc1")), (("msgpack", b""), ("msgpack", b"")),
    (as_json({"lc": 1, "type": "constructor"}), as_json({"lc": 1, "type": "constructor"})),
    (("json", b"[" * 100000), ("json", b"[" * 100000)),
    (("msgpack", b"\x91" * 1000 + b"\x01"), ("msgpack", b"\x91" * 1000 + b"\x02")),
])  # fmt: skip
def test_another_value_or_one_that_cannot_be_compared(first, second):
    assert [same_value(*pair) for pair in itertools.permutations((first, second))] == [False, False]


def test_no_object_is_created():
    harmful = as_json({"lc": 2, "type": "constructor", "id": ["os", "abort"]})
    assert same_value(harmful, ("msgpack", ormsgpack.packb(ormsgpack.Ext(1, ormsgpack.packb(("os", "abort", ()))))))


def test_a_checkpoint_is_parsed_once_for_all_its_channels(tmp_path, monkeypatch):
    """Otherwise a small file with many channels would take hours."""
    path, channels = str(tmp_path / "checkpoints.sqlite"), ["channel %d" % number for number in range(300)]
    with SqliteSaver.from_conn_string(path) as saver:
        for number in range(4):
            put(saver, "thread", {channel: [number] for channel in channels}, identifier="id %d" % number)
    counts, converter, parsed = VariantCounts(), Converter(), []
    parse = convert.parse_msgpack
    with open_source(path) as source:
        for _key, row, _writes in source.whole(b"thread", b"thread"):
            converted = converter.convert(row)
            converter.accept(converted)
            monkeypatch.setattr(convert, "parse_msgpack", lambda raw, *others: parsed.append(raw) or parse(raw, *others))
            counts.count(converted, converter, source)
            monkeypatch.undo()
    assert (counts.total, counts.different, [each["channel"] for each in counts.sample]) == (300, 300, channels[:100])
    # The three later checkpoints, and the first one once for each of them, because it is compared with each.
    assert len(parsed) == 6
