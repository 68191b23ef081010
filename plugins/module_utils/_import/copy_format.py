# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encodes rows in the binary format of PostgreSQL's COPY."""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Pair

COLUMNS = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "checkpoint", "metadata"),
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "channel", "type", "blob"),
}
HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"
# Approximate bytes of a row without its values: many pending writes have an empty value.
ROW = 150
INT, INDEX = struct.Struct("!i"), struct.Struct("!ii")
# The beginning of a JSONB value: its length, and the version of the format.
JSONB = struct.Struct("!ib")


def _field(value: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if value is None else INT.pack(len(value)) + value


# A thread has few channels, types and paths, and most tasks write to more than one channel.
_known_field = functools.lru_cache(maxsize=1000)(_field)


@functools.lru_cache(maxsize=1000)
def _start(columns: int, thread: bytes, namespace: bytes) -> bytes:
    """The beginning of a row with this number of columns."""
    return b"\0%c" % columns + _field(thread) + _field(namespace)


def add_rows(
    pieces: tuple[list[bytes], ...],
    converted: CheckpointRows,
    blobs: Mapping[Pair, tuple[str, bytes]],
    writes: Sequence[tuple[Any, ...]],
    with_row: bool = True,
) -> int:
    """Append the rows of a converted checkpoint, and of those blobs and pending writes that have to be written, in COPY's binary format.

    pieces: a list of bytes for each table in COLUMNS. Returns the approximate number of bytes that were added.
    """
    (thread, namespace, identifier), (rows, values, pending), pack = converted.key, pieces, INT.pack
    size = ROW * (1 + len(blobs) + len(writes))
    identifier = _field(identifier)
    if with_row:
        body, meta = converted.checkpoint, converted.metadata
        parent = None if converted.alone else converted.parent
        size += len(body) + len(meta)
        rows += _start(6, thread, namespace), identifier, _field(parent), JSONB.pack(len(body) + 1, 1), body, JSONB.pack(len(meta) + 1, 1), meta
    for (channel, version), (kind, value) in blobs.items():
        size += len(value)
        values += _blob(thread, namespace, channel, version, kind, value)
    if writes:
        start = _start(9, thread, namespace) + identifier
        for task, number, path, channel, kind, value in writes:
            size += len(value)
            pending += (
                start, _known_field(task), _known_field(path), INDEX.pack(4, number), _known_field(channel), _known_field(kind), pack(len(value)), value
            )  # fmt: skip
    return size


def blob_row(thread: bytes, namespace: bytes, channel: str, version: str, kind: str, value: bytes) -> bytes:
    """The row of one blob in COPY's binary format."""
    return b"".join(_blob(thread, namespace, channel, version, kind, value))


def _blob(thread: bytes, namespace: bytes, channel: str, version: str, kind: str, value: bytes) -> tuple[bytes, ...]:
    return _start(6, thread, namespace), _named(channel), _field(version.encode("utf-8")), _named(kind), INT.pack(len(value)), value


@functools.lru_cache(maxsize=1000)
def _named(text: str) -> bytes:
    return _field(text.encode("utf-8"))
