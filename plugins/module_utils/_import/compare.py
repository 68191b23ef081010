# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares rows in PostgreSQL with the rows that a checkpoint in the file is converted to. It compares bytes and creates no objects."""

from __future__ import annotations

import functools
import json
import sys
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import text
from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import orjson
from ansible_collections.stateops.langgraph.plugins.module_utils._import.variants import same_value

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows, Converter

# Maps digits to 0 and delimiters to ":", so that a search finds integers that orjson would convert to float. This is faster than an expression.
NUMBER_SHAPE = bytes.maketrans(b"0123456789-[, \t\n\r", b"0" * 10 + b":" * 7)
LONG = b":" + b"0" * 18
# Longer documents would use too much memory.
REMEMBERED_LENGTH = 1000


def same_document(expected: bytes, found: bytes) -> bool:
    """Whether json.loads(), which the saver uses, returns the same for two JSON texts: 1, 1.0 and true differ, the order of keys does not count."""
    if expected == found:
        return True
    quick = _quick(expected), _quick(found)
    return quick[0] == quick[1] if all(quick) else _canonical(expected) == _canonical(found)


def same_metadata(expected: bytes, found: bytes) -> bool:
    """Like same_document(), with a cache: most checkpoints have the same metadata as many others."""
    return _remembered(expected, found) if len(expected) + len(found) < REMEMBERED_LENGTH else same_document(expected, found)


_remembered = functools.lru_cache(maxsize=256)(same_document)


def _quick(document: bytes) -> bytes | None:
    """The canonical form by orjson, or None if json may read the document differently."""
    try:
        return None if LONG in (b":" + document).translate(NUMBER_SHAPE) else orjson.dumps(orjson.loads(document), option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # nested too deeply, or a lone surrogate
        return None


def _canonical(document: bytes) -> str:
    limit = sys.getrecursionlimit()
    # orjson accepted the document with up to 1024 levels, and json counts each level as a call.
    sys.setrecursionlimit(limit + 2048)
    try:
        return json.dumps(json.loads(document), sort_keys=True)
    finally:
        sys.setrecursionlimit(limit)


def parent_differs(converted: CheckpointRows, parent: str | None) -> bool:
    """Whether the parent in PostgreSQL is not the expected one. If it is imported without its parent, an earlier import may have written the parent."""
    expected = None if converted.parent is None else text(converted.parent)
    return parent != expected and not (converted.alone and parent is None)


def row_differs(converted: CheckpointRows, body: tuple[str | None, bytes, bytes]) -> bool:
    """Whether a row (parent, checkpoint, metadata) in PostgreSQL differs from a converted checkpoint."""
    parent, checkpoint, metadata = body
    return parent_differs(converted, parent) or not same_document(converted.checkpoint, checkpoint) or not same_metadata(converted.metadata, metadata)


def same_blob(converter: Converter, found: tuple[str, Any], value: tuple[str, bytes]) -> bool:
    """Whether a blob (type, bytes) in PostgreSQL has the expected value. Encrypted values are compared after decryption."""
    kind, raw = found
    raw = b"" if raw is None else bytes(raw)
    if (kind, raw) == tuple(value):
        return True
    return "+" in kind and converter.decrypted(kind, raw) == converter.decrypted(*value)


def same_content(converter: Converter, found: tuple[str, Any], value: tuple[str, bytes]) -> bool:
    """Whether a blob in PostgreSQL has the expected structure and primitive values, although it was serialised in another form."""
    kind, raw = found
    return raw is not None and same_value(converter.decrypted(kind, bytes(raw)), converter.decrypted(*value))


def write_differs(row: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    """Whether a pending write in PostgreSQL has different content."""
    return (text(row[2]), text(row[3]), text(row[4]), bytes(row[5])) != (found[0], found[1], found[2], bytes(found[3]))
