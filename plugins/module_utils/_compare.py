# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what stands in PostgreSQL is what a checkpoint of the file is read from. On bytes; nothing is revived."""

from __future__ import annotations

import json

from ansible_collections.stateops.langgraph.plugins.module_utils._source import text


def canonical(document):
    """JSON as the saver's json.loads() gives it: 1, 1.0 and true are three things, the order of keys is none."""
    return json.dumps(json.loads(document), sort_keys=True)


def differs(unit, body):
    """Whether a row (parent, checkpoint, metadata) reads otherwise than a Unit."""
    parent, checkpoint, metadata = body
    mine = unit.parent.decode("utf-8") if unit.parent is not None else None
    return mine != parent or canonical(unit.checkpoint) != canonical(checkpoint) or canonical(unit.metadata) != canonical(metadata)


def same_blob(cutter, found, value):
    """Whether a blob (type, bytes) is a Unit's, whatever the encryption made of it."""
    kind, raw = found
    raw = b"" if raw is None else bytes(raw)
    if (kind, raw) == tuple(value):
        return True
    return "+" in kind and cutter.opened(kind, raw) == cutter.opened(*value)


def write_differs(row, found):
    """Whether a pending write stands in PostgreSQL with other content."""
    return (text(row[2]), text(row[3]), text(row[4]), bytes(row[5])) != (found[0], found[1], found[2], bytes(found[3]))
