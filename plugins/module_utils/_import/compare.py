# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what stands in PostgreSQL is what a checkpoint of the file is read from. On bytes; nothing is revived."""

from __future__ import annotations

import functools
import json

from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import text
from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import orjson

# Numbers of which orjson would make a float, or text that looks like them, once what is alike is the same: far faster than an expression.
NUMBER_SHAPE = bytes.maketrans(b"0123456789-[, \t\n\r", b"0" * 10 + b":" * 7)
LONG = b":" + b"0" * 18
# Of longer ones too much would be held.
REMEMBERED_LENGTH = 1000


def same_document(mine, theirs):
    """Whether two JSON texts, as bytes, are the same to the saver's json.loads(): 1, 1.0 and true are three things, the order of keys is none."""
    if mine == theirs:
        return True
    quick = _quick(mine), _quick(theirs)
    return quick[0] == quick[1] if all(quick) else _canonical(mine) == _canonical(theirs)


def same_metadata(mine, theirs):
    """As same_document(). Most checkpoints share theirs with many others."""
    return _remembered(mine, theirs) if len(mine) + len(theirs) < REMEMBERED_LENGTH else same_document(mine, theirs)


_remembered = functools.lru_cache(maxsize=256)(same_document)


def _quick(document):
    """Its canonical form by orjson; None where that may be another one than json's."""
    try:
        return None if LONG in (b":" + document).translate(NUMBER_SHAPE) else orjson.dumps(orjson.loads(document), option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # too deep, or half of a character
        return None


def _canonical(document):
    return json.dumps(json.loads(document), sort_keys=True)


def row_differs(unit, body):
    """Whether a row (parent, checkpoint, metadata) reads otherwise than a CheckpointRows."""
    parent, checkpoint, metadata = body
    mine = unit.parent.decode("utf-8") if unit.parent is not None else None
    return mine != parent or not same_document(unit.checkpoint, checkpoint) or not same_metadata(unit.metadata, metadata)


def same_blob(cutter, found, value):
    """Whether a blob (type, bytes) is a CheckpointRows's, whatever the encryption made of it."""
    kind, raw = found
    raw = b"" if raw is None else bytes(raw)
    if (kind, raw) == tuple(value):
        return True
    return "+" in kind and cutter.opened(kind, raw) == cutter.opened(*value)


def write_differs(row, found):
    """Whether a pending write stands in PostgreSQL with other content."""
    return (text(row[2]), text(row[3]), text(row[4]), bytes(row[5])) != (found[0], found[1], found[2], bytes(found[3]))
