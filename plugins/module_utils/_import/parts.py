# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a part of a long thread for another process, which writes all parts in order. It accesses the SQLite file only."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import ABSENT, BLOB, Converter, version_text, write_row
from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import COLUMNS, add_rows, blob_row
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Part
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key

    # (namespace, id, {channel: version}, {channel: mark}, {channel: the row of its blob}) of a checkpoint, of those channels that changed.
    Change = tuple[bytes, bytes, dict[str, str], dict[str, int], dict[str, bytes]]

# The limit for the rows of a part. A part with more rows is returned in several pieces.
LIMIT = 4 << 20


class ConvertedPart(NamedTuple):
    """The rows of a part in COPY's binary format, and the values that may have to be written as blobs.

    read, written: the numbers of checkpoints and of pending writes. rejected: (key, reason, number of pending writes) of what cannot be imported.
    rest: the part that is left, or None.
    """

    rows: bytes
    writes: bytes
    read: Sequence[int]
    written: Sequence[int]
    rejected: list[tuple[Key, str, int]]
    changes: list[Change]
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
        read, written, rest = [0, 0], [0, 0], None
        rejected: list[tuple[Key, str, int]] = []
        changes: list[Change] = []
        if part.after is not None:
            # The process that writes knows the values of the previous checkpoint, so they are not sent again.
            key = (part.thread, *part.after)
            with contextlib.suppress(Unreadable):
                self._change(self._converted(key, source.row(key), source.writes(key)))
        for key, row, writes in source.part(part):
            numbers = int(row is not None), len(writes)
            read = [number + more for number, more in zip(read, numbers)]
            try:
                converted = self._converted(key, row, writes)
            except Unreadable as reason:
                rejected.append((key, str(reason), len(writes)))
                continue
            written = [number + more for number, more in zip(written, numbers)]
            size += add_rows(pieces, converted, {}, converted.writes, row is not None)
            change = self._change(converted)
            if change[2]:
                changes.append(change)
                size += sum(map(len, change[4].values()))
            if size > LIMIT:
                rest = Part(part.thread, key[1:], part.upto)
                break
        rows, _blobs, pending = map(b"".join, pieces)
        return ConvertedPart(rows, pending, read, written, rejected, changes, rest)

    def _converted(self, key: Key, row: tuple[Any, ...] | None, writes: Iterable[tuple[Any, ...]]) -> CheckpointRows:
        converted = self.importer.convert(self.converter, key, row)
        converted.writes = [write_row(each) for each in writes]
        return converted

    def _change(self, converted: CheckpointRows) -> Change:
        (thread, namespace, identifier), previous = converted.key, self.previous
        if namespace != self.namespace:
            self.namespace = namespace
            previous.clear()
        versions: dict[str, str] = {}
        marks: dict[str, int] = {}
        blobs: dict[str, bytes] = {}
        for channel, version in converted.versions.items():
            if not isinstance(version, str):
                version = version_text(version) or ""
            mark = converted.marks.get(channel, ABSENT)
            if previous.get(channel) == (version, mark):
                continue
            previous[channel] = version, mark
            versions[channel] = version
            if mark != ABSENT:
                marks[channel] = mark
            if mark & BLOB:
                blobs[channel] = blob_row(thread, namespace, channel, version, *converted.blobs[channel, version])
        return namespace, identifier, versions, marks, blobs
