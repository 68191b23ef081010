# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a batch is committed: compares the rows in PostgreSQL with the file, by the columns that the savers read."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.compare import (
    parent_differs,
    same_blob,
    same_content,
    same_document,
    same_metadata,
    write_differs,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Converter, is_delta, version_text
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import describe, is_text, text, texts
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import spans, windows
from ansible_collections.stateops.langgraph.plugins.module_utils._import.variants import VariantCounts
from ansible_collections.stateops.langgraph.plugins.module_utils._import.writes import write_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key, Pair
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats

SHOWN = 20
CHUNK = 8 << 20
# How many checkpoints are compared at once. If the server has no statistics yet, each query may read a whole thread, so there are few queries.
MAX_CHECKPOINTS = 2000


class Verifier:
    """Counts what was compared, and the differences. full: whether to compare each row, not only whether it exists."""

    def __init__(self, full: bool) -> None:
        self.full = full
        self.counts = {"checkpoints": 0, "writes": 0, "blobs": 0}
        self.differences = 0
        self.sample: list[str] = []
        self.variants = VariantCounts()
        # Values in PostgreSQL that a checkpoint of the file does not have, unless a later one has them: {place: the key of the checkpoint}.
        self.unexpected: dict[tuple[str, ...], Key] = {}
        self.current_thread: Any = None

    def to_dict(self) -> dict[str, Any]:
        return dict(self.counts, how="full" if self.full else "counts", differences=self.differences, sample=self.sample, variants=self.variants.to_dict())

    def merge(self, other: Verifier) -> None:
        """Add the counts of another Verifier."""
        for kind, number in other.counts.items():
            self.counts[kind] += number
        self.differences += other.differences
        self.sample += other.sample[: SHOWN - len(self.sample)]
        self.variants.merge(other.variants)

    def batch(self, importer: Importer, threads: Sequence[bytes], stats: ImportStats) -> None:
        """Compare the threads of a committed batch, except rejected rows."""
        chosen = [thread for thread in threads if (thread,) not in stats.keys and is_text(thread) and (self.full or thread in stats.written_threads)]
        if not chosen:
            return
        with importer.target.connection.transaction():
            importer.target.begin()
            # Threads in between that were not chosen are not read again.
            found = spans(chosen, apart=bool(importer.chosen) or len(chosen) < len(threads))
            if self.full:
                self._whole(importer, found, stats.keys)
            else:
                self._counts(importer, chosen, found, stats.keys)

    def _differ(self, key: Key, what: str) -> None:
        self.differences += 1
        if len(self.sample) < SHOWN:
            self.sample.append("%s: %s" % (describe(key), what))

    def _counts(self, importer: Importer, threads: Sequence[bytes], found: Iterable[tuple[bytes, bytes]], rejected: Collection[Any]) -> None:
        with importer.target.existing([text(thread) for thread in threads]) as existing:
            for window in windows(importer.source, found, self):
                checkpoints, writes = existing.of(key for key, _row, _writes in window)
                for key, has_row, pairs in window:
                    if key not in rejected:
                        self._presence(key, key in checkpoints, has_row, pairs, writes.get(key, ()))

    def _presence(self, key: Key, exists: bool, has_row: Any, pairs: Sequence[tuple[bytes, int]], written: Collection[tuple[bytes, int]]) -> None:
        if has_row and not exists:
            self._differ(key, "the checkpoint is missing")
        self.counts["checkpoints"] += int(bool(has_row))
        self.counts["writes"] += len(pairs)
        for task, number in pairs:
            if (task, number) not in written:
                self._differ(key, "pending write %s of task %s is missing" % (number, text(task)))

    def _whole(self, importer: Importer, found: Iterable[tuple[bytes, bytes]], rejected: Collection[Any]) -> None:
        converter, size = Converter(importer.cipher), 0
        self.unexpected = {}
        waiting: list[CheckpointRows] = []
        for key, row, writes in itertools.chain.from_iterable(importer.source.whole(first, last) for first, last in found):
            if key in rejected:
                continue
            try:
                converted = importer.convert(converter, key, row)
                converted.writes = [write_row(each) for each in writes]
            except Unreadable as reason:
                self._differ(key, str(reason))
                continue
            converter.accept(converted)
            if converted.variants:
                self.variants.count(converted, converter, importer.source)
            waiting.append(converted)
            size += converted.weight()
            if size > CHUNK or len(waiting) >= MAX_CHECKPOINTS:
                self._compare(importer, converter, waiting)
                waiting, size = [], 0
        if waiting:
            self._compare(importer, converter, waiting)
        for (_thread, _namespace, *pair), key in self.unexpected.items():
            self._differ(key, "channel %s has a value under version %s" % tuple(pair))

    def _compare(self, importer: Importer, converter: Converter, waiting: Sequence[CheckpointRows]) -> None:
        names = [texts(converted.key) for converted in waiting]
        bodies, writes = importer.target.bodies(names), importer.target.writes(names)
        named = [_named(converted) for converted in waiting]
        blobs = importer.target.blobs(sorted({name[:2] + pair for name, pairs in zip(names, named) for pair in pairs}))
        for converted, name, pairs in zip(waiting, names, named):
            if converted.checkpoint is not None:
                self._row(converted, bodies.get(name))
            for pair in converted.new:
                self.unexpected.pop(name[:2] + pair, None)
            for pair in pairs:
                self._blob(converter, converted, pair, blobs.get(name[:2] + pair))
            self._writes(converted, writes.get(name, {}))

    def _row(self, converted: CheckpointRows, body: Any) -> None:
        self.counts["checkpoints"] += 1
        if body is None:
            self._differ(converted.key, "the checkpoint is missing")
            return
        parent, checkpoint, metadata = body
        if parent_differs(converted, parent):
            self._differ(converted.key, "its parent differs" if parent is not None else "it has no parent, as after an import with history=latest")
        if not same_document(converted.checkpoint, checkpoint):
            self._differ(converted.key, "the checkpoint has different content")
        if not same_metadata(converted.metadata, metadata):
            self._differ(converted.key, "its metadata has different content")

    def _blob(self, converter: Converter, converted: CheckpointRows, pair: Pair, found: Any) -> None:
        expected = converted.blobs.get(pair)
        self.counts["blobs"] += int(expected is not None)
        if expected is None:
            if found is None or found[0] == "empty":
                return
            # PostgresSaver also reads a delta channel's snapshot at each checkpoint that names its version.
            kind, raw = converter.decrypted(found[0], bytes(found[1]))
            if not is_delta(kind.rstrip("+"), raw) and pair not in converted.variants:
                self.unexpected.setdefault(texts(converted.key[:2]) + pair, converted.key)
        elif found is None:
            self._differ(converted.key, "the value of channel %s under version %s is missing" % pair)
        elif pair not in converted.variants and not same_blob(converter, found, expected) and not same_content(converter, found, expected):
            self._differ(converted.key, "channel %s has another value under version %s" % pair)

    def _writes(self, converted: CheckpointRows, found: dict[tuple[str, int], Any]) -> None:
        for row in converted.writes:
            self.counts["writes"] += 1
            place = text(row[0]), row[1]
            if place not in found:
                self._differ(converted.key, "pending write %d of task %s is missing" % (row[1], place[0]))
            elif write_differs(row, found[place]):
                self._differ(converted.key, "pending write %d of task %s has different content" % (row[1], place[0]))


def _named(converted: CheckpointRows) -> list[Pair]:
    """The (channel, version) of the blobs that PostgresSaver would read."""
    pairs = [(channel, version_text(version)) for channel, version in converted.versions.items()]
    return [(channel, version) for channel, version in pairs if version is not None]
