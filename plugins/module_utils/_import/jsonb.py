# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What JSONB gives back as it was: its numbers are decimals, its keys are sorted, and its text has no NUL."""

from __future__ import annotations

import decimal
import functools
import json
import math
import re

from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import orjson, ormsgpack

# Text that JSONB refuses or changes, or that only looks like it: then it is looked at closely.
DOUBTFUL = re.compile(r"NaN|Infinity|[\[:, \n]-?\d[\d.]*[eE]|[\[:, \n]-0", re.ASCII)
ENCODE = json.JSONEncoder(ensure_ascii=False).encode
# Longer text is stored once a version instead of once a checkpoint, and longer metadata is not remembered.
SHORT = 1000
SCALARS = frozenset(range(0x00, 0x80)) | frozenset(range(0xE0, 0x100)) | frozenset((0xC0, 0xC2, 0xC3)) | frozenset(range(0xCA, 0xD4))
TEXTS = frozenset(range(0xA0, 0xC0)) | frozenset((0xD9, 0xDA))


def dump(value, floats=True):
    """The JSON text, as bytes, from which JSONB gives back this value. floats: whether there may be any. Raises Unreadable."""
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


def _quick(value):
    """What orjson makes of a value without floats; None where it has to be looked at closely."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return None
    return None if b"\\u" in text else text


def _write(value):
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Unreadable("a key that is no text, which JSONB cannot hold")
        return "{%s}" % ", ".join("%s: %s" % (_write(key), _write(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(map(_write, value))
    if isinstance(value, str) and "\0" in value:
        raise Unreadable("text with NUL, which JSONB cannot hold")
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def number(value):
    """A float with a point and without an exponent: JSONB makes an integer of 1e22."""
    if not math.isfinite(value):
        raise Unreadable("the number %r, which JSONB cannot hold" % value)
    if value == 0 and math.copysign(1, value) < 0:
        raise Unreadable("the number -0.0, which JSONB cannot hold")
    text = repr(value)
    if "e" in text:
        text = format(decimal.Decimal(text), "f")
    return text if "." in text else text + ".0"


def inline(kind, raw):
    """(whether JSONB holds a channel's value as it is, the value): None, bool, numbers and short text, as put() does it."""
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


def plain(kind, raw):
    """The value of a channel that has no version, so no blob can hold it, if JSONB does. Raises Unreadable."""
    if kind == "json" and b'"lc"' in raw:
        raise Unreadable("an object to be constructed")
    try:
        value = ormsgpack.unpackb(raw) if kind == "msgpack" else json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    if repr(json.loads(dump([value]))) != repr([value]) or not _sorted(value):
        raise Unreadable("JSONB would change it")
    return value


def _sorted(value):
    """Whether the keys of every object stand as JSONB sorts them."""
    if isinstance(value, dict):
        keys = [(len(key.encode("utf-8")), key.encode("utf-8")) for key in value]
        return keys == sorted(keys) and all(map(_sorted, value.values()))
    return all(map(_sorted, value)) if isinstance(value, list) else True


def _untouched(raw):
    """Whether JSONB gives a checkpoint's metadata back as it stands there, and nothing is to be left out of it."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        return False
    return isinstance(value, dict) and "writes" not in value and b"\\u" not in raw and not DOUBTFUL.search(raw.decode("utf-8"))


def metadata(raw):
    """The JSON text of a checkpoint's metadata. `writes` is left out, as put() does."""
    if raw is None:
        return b"{}"
    return _remembered(raw) if len(raw) < SHORT else _metadata(raw)


def _metadata(raw):
    if _untouched(raw):
        return raw
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("its metadata is no JSON: %s" % error) from None
    if not isinstance(value, dict):
        raise Unreadable("its metadata is no JSON object")
    value.pop("writes", None)
    try:
        return dump(value)
    except Unreadable as reason:
        raise Unreadable("its metadata holds %s" % reason) from None


# Most of a file's checkpoints share a few, such as those of a first step.
_remembered = functools.lru_cache(maxsize=256)(_metadata)
