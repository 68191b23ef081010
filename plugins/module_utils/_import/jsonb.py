# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes JSON text that JSONB returns unchanged. JSONB stores numbers as decimals, sorts keys, and does not support NUL in text."""

from __future__ import annotations

import decimal
import functools
import json
import math
import re
from typing import Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import orjson, ormsgpack

# Text that JSONB may reject or change. If it matches, the value is examined in detail.
DOUBTFUL = re.compile(r"NaN|Infinity|[\[:, \n]-?\d[\d.]*[eE]|[\[:, \n]-0", re.ASCII)
ENCODE = json.JSONEncoder(ensure_ascii=False).encode
# Longer text is stored once per version instead of once per checkpoint, and longer metadata is not cached.
SHORT = 1000
# The first bytes of numbers, bool and None, and of text in MessagePack.
SCALARS = frozenset(range(0x00, 0x80)) | frozenset(range(0xE0, 0x100)) | frozenset((0xC0, 0xC2, 0xC3)) | frozenset(range(0xCA, 0xD4))
TEXTS = frozenset(range(0xA0, 0xC0)) | frozenset((0xD9, 0xDA))


def dump(value: Any, floats: bool = True) -> bytes:
    """The JSON text, as bytes, that JSONB returns as this value. floats: whether the value may contain floats. Raises Unreadable."""
    try:
        quick = None if floats else _quick(value)
        if quick is not None:
            return quick
        text = ENCODE(value)
        if "\\u" in text or floats and DOUBTFUL.search(text):
            text = _write(value)
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable("text with a lone surrogate, which JSONB cannot hold") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise Unreadable("a value that JSONB cannot hold: %s" % error) from None


def _quick(value: Any) -> bytes | None:
    """The JSON text by orjson of a value without floats, or None if the value has to be examined in detail."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return None
    return None if b"\\u" in text else text


def _write(value: Any) -> str:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Unreadable("a key that is not text, which JSONB cannot hold")
        return "{%s}" % ", ".join("%s: %s" % (_write(key), _write(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(map(_write, value))
    if isinstance(value, str) and "\0" in value:
        raise Unreadable("text with NUL, which JSONB cannot hold")
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A float with a decimal point and without an exponent: JSONB returns 1e22 as an integer."""
    if not math.isfinite(value):
        raise Unreadable("the number %r, which JSONB cannot hold" % value)
    if value == 0 and math.copysign(1, value) < 0:
        raise Unreadable("the number -0.0, which JSONB cannot hold")
    text = repr(value)
    if "e" in text:
        text = format(decimal.Decimal(text), "f")
    return text if "." in text else text + ".0"


def inline(kind: str, raw: bytes) -> tuple[bool, Any]:
    """(whether a channel's value is stored in JSONB, the value). Like put(): None, bool, numbers, and here only short text."""
    if kind == "msgpack":
        if raw[0] not in SCALARS and (raw[0] not in TEXTS or len(raw) > SHORT):
            return False, None
        try:
            value = ormsgpack.unpackb(raw)
        except ValueError:
            return False, None
    else:
        if raw[:1] in b"[{" or len(raw) > SHORT:
            return False, None
        value = json.loads(raw)
    if isinstance(value, (str, float)):
        try:
            dump([value], isinstance(value, float))
        except Unreadable:
            return False, None
    return True, value


def plain(kind: str, raw: bytes) -> Any:
    """The value of a channel that cannot be stored as a blob, since it has no version. Raises Unreadable if JSONB cannot hold the value."""
    if kind == "json" and b'"lc"' in raw:
        raise Unreadable("it is an object that would have to be constructed")
    try:
        value = ormsgpack.unpackb(raw) if kind == "msgpack" else json.loads(raw)
        unchanged = repr(json.loads(dump([value]))) == repr([value]) and _sorted(value)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    if not unchanged:
        raise Unreadable("JSONB would change it")
    return value


def _sorted(value: Any) -> bool:
    """Whether the keys of every object have the order of JSONB."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            keys = [(len(key.encode("utf-8")), key.encode("utf-8")) for key in item]
            if keys != sorted(keys):
                return False
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return True


def _unchanged(raw: bytes) -> bool:
    """Whether JSONB returns a checkpoint's metadata unchanged, and it contains nothing that has to be removed."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        return False
    return isinstance(value, dict) and "writes" not in value and b"\\u" not in raw and not DOUBTFUL.search(raw.decode("utf-8"))


def metadata(raw: bytes | None) -> bytes:
    """The JSON text of a checkpoint's metadata, without `writes`, which put() removes as well."""
    if raw is None:
        return b"{}"
    return _remembered(raw) if len(raw) < SHORT else _metadata(raw)


def _metadata(raw: bytes) -> bytes:
    if _unchanged(raw):
        return raw
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("its metadata is not JSON: %s" % error) from None
    if not isinstance(value, dict):
        raise Unreadable("its metadata is not a JSON object")
    value.pop("writes", None)
    try:
        return dump(value)
    except Unreadable as reason:
        raise Unreadable("its metadata contains %s" % reason) from None


# Most checkpoints in a file have the same metadata as others, such as those of a first step.
_remembered = functools.lru_cache(maxsize=256)(_metadata)
