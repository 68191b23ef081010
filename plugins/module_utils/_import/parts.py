# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a part of a long thread for another process, which writes all parts in order. It accesses the SQLite file only."""

from __future__ import annotations

import contextlib
import marshal
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import ABSENT, BLOB, Converter, version_text
from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import COLUMNS, add_rows, blob_row
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Part
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.writes import write_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Change, CheckpointRows
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key

# The limit for the rows of a part. A part with more rows is returned in several pieces.
LIMIT = 4 << 20


class ConvertedPart(NamedTuple):
    """The rows of a part in COPY's binary format, and the values that may have to be written as blobs.

    read, written: the numbers of checkpoints and of pending writes. rejected: (key, reason, number of pending writes) of what cannot be imported.
    changes: a list of (namespace, checkpoint id, [Change of each channel]), marshalled. rest: the part that is left, or None.
    """

    rows: bytes
    writes: bytes
    read: tuple[int, int]
    written: tuple[int, int]
    rejected: list[tuple[Key, str, int]]
    changes: bytes
    rest: Part | None


def convert_part(importer: Importer, part: Part) -> Any:
    """The ConvertedPart; a sqlite3.Error or a ModuleError if it cannot be converted."""
    try:
        return _PartConverter(importer).convert(part)
    except sqlite3.Error as error:
        return error
    except Exception as error:  # pylint: disable=broad-exception-caught  # the process that writes reports it
        return importer.module_error(error)


class _PartConverter:
    """Converts the checkpoints of a part, and finds the channels whose version or value differs from that of the previous checkpoint."""

    def __init__(self, importer: Importer) -> None:
        self.importer, self.converter = importer, Converter(importer.cipher)
        self.namespace: bytes | None = None
        # {channel: (version, mark)} of the latest checkpoint with the channel.
        self.previous: dict[str, tuple[str, int]] = {}

    def convert(self, part: Part) -> ConvertedPart:
        source, size = self.importer.source, 0
        pieces: tuple[list[bytes], ...] = tuple([] for _table in COLUMNS)
        checkpoints = pending = lost = 0
        rest = None
        rejected: list[tuple[Key, str, int]] = []
        changes: list[tuple[bytes, bytes, list[Change]]] = []
        if part.after is not None:
            # The process that writes knows the values of the previous checkpoint, so they are not sent again.
            key = (part.thread, *part.after)
            with contextlib.suppress(Unreadable):
                self._changes(self._converted(key, source.row(key), source.writes(key)))
        for key, row, writes in source.part(part):
            checkpoints += row is not None
            pending += len(writes)
            try:
                converted = self._converted(key, row, writes)
            except Unreadable as reason:
                rejected.append((key, str(reason), len(writes)))
                lost += row is not None
                continue
            size += add_rows(pieces, converted, {}, converted.writes, row is not None)
            found = self._changes(converted)
            if found:
                changes.append((*key[1:], found))
                size += sum(len(change[3]) for change in found)
            if size > LIMIT:
                rest = Part(part.thread, key[1:], part.upto)
                break
        rows, _blobs, written = map(b"".join, pieces)
        kept = checkpoints - lost, pending - sum(number for _key, _reason, number in rejected)
        # Marshalling is faster than pickling, and is possible because all processes are forks of one interpreter.
        return ConvertedPart(rows, written, (checkpoints, pending), kept, rejected, marshal.dumps(changes), rest)

    def _converted(self, key: Key, row: tuple[Any, ...] | None, writes: Iterable[tuple[Any, ...]]) -> CheckpointRows:
        converted = self.importer.convert(self.converter, key, row)
        converted.writes = [write_row(each) for each in writes]
        return converted

    def _changes(self, converted: CheckpointRows) -> list[Change]:
        (thread, namespace, _identifier), previous = converted.key, self.previous
        if namespace != self.namespace:
            self.namespace = namespace
            previous.clear()
        changes = []
        for channel, version in converted.versions.items():
            if not isinstance(version, str):
                version = version_text(version) or ""
            mark = converted.marks.get(channel, ABSENT)
            if previous.get(channel) != (version, mark):
                previous[channel] = version, mark
                row = blob_row(thread, namespace, channel, version, *converted.blobs[channel, version]) if mark & BLOB else b""
                changes.append((channel, version, mark, row))
        return changes
