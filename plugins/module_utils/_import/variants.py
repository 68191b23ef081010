# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares two serialised forms of a channel's value by structure. It creates no objects of the application.

SqliteSaver serialises every channel again for each checkpoint. The bytes of an unchanged value then differ if it contains a set, or if another release of
the libraries wrote it: https://github.com/langchain-ai/langgraph/blob/main/libs/checkpoint/langgraph/checkpoint/serde/jsonplus.py
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import shown
from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import ormsgpack

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows, Converter
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key, Pair
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import Source

SHOWN = 100
# MessagePack's extension codes for (module, class, positional arguments or one argument or keyword arguments, method), for arrays, and for snapshots.
ONE_ARGUMENT, ARGUMENTS, KEYWORDS, METHOD, PYDANTIC_1, PYDANTIC_2 = range(6)
UNORDERED = ("set", "frozenset")


class _Object(NamedTuple):
    """What an object would be constructed from. name: its class without the module, since classes move between releases."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def same_value(first: tuple[str, bytes], second: tuple[str, bytes]) -> bool:
    """Whether two values (type, bytes) have the same structure and the same primitive values. False if one cannot be read or compared."""
    try:
        return _same(_structure(*first), _structure(*second))
    except (ValueError, TypeError, LookupError, RecursionError):
        return False


def _structure(kind: str, raw: bytes) -> Any:
    kind = kind.rstrip("+")
    if kind == "msgpack":
        return _unpacked(raw)
    if kind == "json":
        return _with_objects(json.loads(raw))
    return _Object(kind, (raw,), {})


def _unpacked(raw: bytes) -> Any:
    return ormsgpack.unpackb(raw, ext_hook=_extension, option=ormsgpack.OPT_NON_STR_KEYS)


def _extension(code: int, data: bytes) -> _Object:
    content = _unpacked(data)
    if code in (ONE_ARGUMENT, METHOD):
        return _Object(content[1], (content[2],), {})
    if code == ARGUMENTS:
        return _Object(content[1], tuple(content[2]), {})
    if code in (KEYWORDS, PYDANTIC_1, PYDANTIC_2):
        return _Object(content[1], (), content[2])
    return _Object("extension %d" % code, (content,), {})


def _with_objects(value: Any) -> Any:
    """A decoded JSON text, in which the dictionaries that represent objects are replaced."""
    if isinstance(value, list):
        return [_with_objects(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "lc" in value and value.get("type") == "constructor":
        return _Object(value["id"][-1], tuple(map(_with_objects, value.get("args") or ())), _with_objects(value.get("kwargs") or {}))
    return {key: _with_objects(each) for key, each in value.items()}


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, _Object) and isinstance(second, _Object):
        return first.name == second.name and _same_arguments(first, second) and _same_fields(first.keywords, second.keywords)
    if isinstance(first, dict) and isinstance(second, dict):
        # JSON has only text as keys.
        one, other = ({str(key): value for key, value in each.items()} for each in (first, second))
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and not isinstance(first, _Object) and not isinstance(second, _Object):
        return len(first) == len(second) and all(map(_same, first, second))
    return type(first) is type(second) and first == second


def _same_arguments(first: _Object, second: _Object) -> bool:
    if first.name not in UNORDERED:
        return _same(first.arguments, second.arguments)
    one, other = (sorted(list(each.arguments[0]) if each.arguments else [], key=_text) for each in (first, second))
    return _same(one, other)


def _same_fields(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """A field that only one side has must be empty: releases add fields, and earlier ones wrote only the fields that were set."""
    return all(_same(first[name], second[name]) if name in first and name in second else not first.get(name, second.get(name)) for name in first | second)


def _text(value: Any) -> str:
    """A text by which the members of a set are sorted. The order of a dictionary's keys does not matter."""
    if isinstance(value, dict):
        return repr(sorted((str(key), _text(each)) for key, each in value.items()))
    if isinstance(value, _Object):
        members = sorted(map(_text, value.arguments[0])) if value.name in UNORDERED and value.arguments else [_text(each) for each in value.arguments]
        return repr((value.name, members, _text({name: each for name, each in value.keywords.items() if each})))
    if isinstance(value, (list, tuple)):
        return repr([_text(each) for each in value])
    return repr(value)


class VariantCounts:
    """Counts the versions of channels that have several serialised forms. different: the number of those whose forms also differ in their value.

    sample: the first ones. threads: the first threads with different values.
    """

    def __init__(self) -> None:
        self.total = self.different = 0
        self.sample: list[dict[str, Any]] = []
        self.threads: list[str] = []

    def count(self, converted: CheckpointRows, converter: Converter, source: Source) -> None:
        """Count the values of a checkpoint that differ from the first one of their version, each form once."""
        thread, namespace, _identifier = converted.key
        new = [pair for pair in converted.variants if converter.first_time(*pair, converted.marks.get(pair[0]))]
        if not new:
            return
        # A checkpoint may have thousands of channels, so each checkpoint is parsed once, not once for each channel.
        values, same = converter.values(source.row(converted.key)), {}
        for holder, pairs in itertools.groupby(sorted(new, key=converted.variants.__getitem__), key=converted.variants.__getitem__):
            first = converter.values(source.row((thread, namespace, holder)))
            for pair in pairs:
                same[pair] = pair[0] in first and pair[0] in values and same_value(first[pair[0]], values[pair[0]])
        for pair in new:
            self.add(converted.key, pair, converter, same[pair])

    def add(self, key: Key, pair: Pair, converter: Converter, same: bool) -> None:
        """Count a form of a channel and version, unless another one with the same result was counted."""
        self.total += converter.first_time(*pair, "counted")
        if converter.first_time(*pair, same):
            self.different += not same
            names = tuple(map(shown, key[:2] + pair))
            if len(self.sample) < SHOWN:
                self.sample.append(dict(zip(("thread_id", "checkpoint_ns", "channel", "version"), names), different=not same))
            if not same and names[0] not in self.threads and len(self.threads) < SHOWN:
                self.threads.append(names[0])

    def merge(self, other: VariantCounts) -> None:
        """Add other counts."""
        self.total += other.total
        self.different += other.different
        self.sample += other.sample[: SHOWN - len(self.sample)]
        self.threads += [thread for thread in other.threads if thread not in self.threads][: SHOWN - len(self.threads)]

    def to_dict(self) -> dict[str, Any]:
        return {"total": self.total, "different": self.different, "sample": self.sample}
