# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows in the binary format of PostgreSQL's COPY."""

from __future__ import annotations

import functools
import struct

COLUMNS = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "checkpoint", "metadata"),
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "channel", "type", "blob"),
}
HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"
# Bytes of a row beside its values, about: many pending writes have an empty one.
ROW = 150
INT, INDEX = struct.Struct("!i"), struct.Struct("!ii")
# JSONB as COPY's binary format has it: its length, and the version of that format.
JSONB = struct.Struct("!ib")


def _field(value):
    return b"\xff\xff\xff\xff" if value is None else INT.pack(len(value)) + value


# A thread has few of them, and few namespaces; most tasks write to more than one channel.
_known_field = functools.lru_cache(maxsize=1000)(_field)


@functools.lru_cache(maxsize=1000)
def _start(columns, thread, space):
    """How a row of so many columns begins."""
    return b"\0%c" % columns + _field(thread) + _field(space)


def add_rows(pieces, unit, blobs, writes, with_row=True):
    """Append a CheckpointRows's rows, with those of its blobs and writes that are to be written, in COPY's binary format.

    pieces: a list of bytes for each table of COLUMNS. Returns about how many bytes came to them.
    """
    (thread, space, identifier), (rows, values, pending), pack, size = unit.key, pieces, INT.pack, ROW * (1 + len(blobs) + len(writes))
    identifier = _field(identifier)
    if with_row:
        body, meta = unit.checkpoint, unit.metadata
        size += len(body) + len(meta)
        rows += _start(6, thread, space), identifier, _field(unit.parent), JSONB.pack(len(body) + 1, 1), body, JSONB.pack(len(meta) + 1, 1), meta
    if blobs:
        start = _start(6, thread, space)
        for (channel, version), (kind, value) in blobs.items():
            size += len(value)
            values += start, _named(channel), _field(version.encode("utf-8")), _named(kind), pack(len(value)), value
    if writes:
        start = _start(9, thread, space) + identifier
        for task, number, path, channel, kind, value in writes:
            size += len(value)
            pending += (
                start, _known_field(task), _known_field(path), INDEX.pack(4, number), _known_field(channel), _known_field(kind), pack(len(value)), value
            )  # fmt: skip
    return size


@functools.lru_cache(maxsize=1000)
def _named(text):
    return _field(text.encode("utf-8"))
