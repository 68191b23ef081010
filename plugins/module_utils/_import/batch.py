# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to import some threads: finds what exists already, writes the rest, and rejects what cannot be imported."""

from __future__ import annotations

import contextlib
import itertools
import marshal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._import.compare import row_differs, same_blob, same_content, write_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import NOTHING, CheckpointRows, Converter
from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import add_rows
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import describe, is_text, text, texts
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import spans, windows
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import COPIED_TABLES, DELETE_BLOB, DELETE_CHECKPOINT, DELETE_WRITE
from ansible_collections.stateops.langgraph.plugins.module_utils._import.writes import write_row
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Blobs
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.existing import WriteKeys
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key, TextKey
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.parts import ConvertedPart
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import ImportTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool

# Approximate bytes that are sent while the next chunk is converted. It has to be a fraction of a batch; otherwise the two do not overlap.
CHUNK = 512 << 10
# How many converted checkpoints are compared at once.
MAX_CHECKPOINTS = 1000


class Sender:
    """Sends one chunk while the next one is converted."""

    def __init__(self, target: ImportTarget) -> None:
        self.target = target
        self.pending: Future[None] | None = None
        self.pool = ThreadPoolExecutor(1)

    def send(self, rows: Sequence[bytes]) -> None:
        self.wait()
        self.pending = self.pool.submit(self.target.copy, rows)

    def wait(self) -> None:
        """Wait until the chunk is sent. Call this before any other use of the connection."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self.pool.shutdown()


class Batch:
    """One attempt to import some threads.

    careful: one thread and one row at a time, so that a row that cannot be read or written is reported by its key.
    """

    sender: Sender

    def __init__(self, importer: Importer, threads: Sequence[bytes], careful: bool) -> None:
        self.importer, self.threads, self.careful = importer, threads, careful
        self.source, self.target = importer.source, importer.target
        self.converter, self.stats = Converter(importer.cipher), ImportStats()
        self.current_thread: Any = None
        # Converted checkpoints that have to be compared with the tables, and their approximate bytes.
        self.converted: list[CheckpointRows] = []
        self.weight = 0
        # Pieces of rows that have to be sent, for each table, and their approximate bytes.
        self.pieces: tuple[list[bytes], ...] = tuple([] for _table in COPIED_TABLES)
        self.size = 0

    def run(self) -> ImportStats:
        """Import the threads in the caller's transaction; returns the stats."""
        self.target.begin()
        known = self.target.known([text(thread) for thread in self.threads if is_text(thread)])
        with Sender(self.target) as self.sender:
            for exists, group in itertools.groupby(self.threads, lambda thread: is_text(thread) and text(thread) in known):
                threads = list(group)
                found = spans(threads, apart=self.careful or bool(self.importer.chosen))
                if exists:
                    self._existing_threads(threads, found)
                elif self.importer.converters is not None and not self.careful:
                    self._long_thread(threads[0], self.importer.converters)
                else:
                    for first, last in found:
                        self._new_threads(first, last)
            self._compare()
            self._send()
            self.sender.wait()
        self.stats.end(self.threads)
        self.source.check_unchanged()
        return self.stats

    def _new_threads(self, first: bytes, last: bytes) -> None:
        """Import threads that have no rows in the tables."""
        self.current_thread = first
        checkpoints = pending = 0
        for key, row, writes in self.source.whole(first, last):
            self.current_thread = key[0]
            checkpoints += row is not None
            pending += len(writes)
            converted = self._convert(key, row, writes, len(writes))
            if converted is not None:
                self._keep(converted, {pair: converted.blobs[pair] for pair in converted.new}, converted.writes, row is not None)
        self.stats.add("checkpoints", "read", checkpoints)
        self.stats.add("writes", "read", pending)

    def _long_thread(self, thread: bytes, converters: WorkerPool) -> None:
        """Like _new_threads(), for one thread that the workers convert in parts."""
        self.current_thread = thread
        with contextlib.closing(converters.convert(self.source, thread)) as parts:
            for part in parts:
                for rejected in part.rejected:
                    self._reject(*rejected)
                self._add_part(thread, part)

    def _add_part(self, thread: bytes, part: ConvertedPart) -> None:
        blobs: list[bytes] = []
        for namespace, identifier, changes in marshal.loads(part.changes):
            key = thread, namespace, identifier
            rows, variants = self.converter.accept_changes(key, changes)
            blobs += rows
            if variants:
                converted = CheckpointRows(key, None, None, None, {}, {}, {channel: mark for channel, _version, mark, _row in changes if mark}, False)
                converted.variants = variants
                self.stats.variants.count(converted, self.converter, self.source)
        for kind, read, written in zip(("checkpoints", "writes", "blobs"), (*part.read, len(blobs)), (*part.written, len(blobs))):
            self.stats.add(kind, "read", read)
            self.stats.add(kind, "written", written)
        if any(part.written):
            self.stats.written_threads.add(thread)
        for pieces, more in zip(self.pieces, ([part.rows], blobs, [part.writes])):
            pieces += more
        self.size += len(part.rows) + len(part.writes) + sum(map(len, blobs))
        if self.size > CHUNK:
            self._send()

    def _existing_threads(self, threads: Sequence[bytes], found: Iterable[tuple[bytes, bytes]]) -> None:
        """Import threads that have rows in the tables. Of rows that exist, only the keys are read."""
        self.sender.wait()
        with self.target.existing([text(thread) for thread in threads]) as existing:
            for window in windows(self.source, found, self):
                self.sender.wait()
                self._window(window, *existing.of(key for key, _row, _writes in window))
            self.sender.wait()

    def _window(self, outlines: Iterable[tuple[Key, Any, Sequence[Any]]], existing: set[Key], writes: WriteKeys) -> None:
        skip = self.importer.on_conflict == "skip"
        for key, has_row, pairs in outlines:
            self.current_thread = key[0]
            self.stats.add("checkpoints", "read", int(bool(has_row)))
            self.stats.add("writes", "read", len(pairs))
            exists = key in existing
            written = writes.get(key, NOTHING)
            if exists and skip and written.issuperset(pairs):
                self.stats.add("checkpoints", "existing")
                self.stats.add("writes", "existing", len(pairs))
                continue
            row = self.source.row(key) if has_row and not (exists and skip) else None
            converted = self._convert(key, row, self.source.writes(key) if pairs else (), len(pairs))
            if converted is not None:
                converted.exists, converted.written = exists, written
                self._compare_later(converted)

    def _convert(self, key: Key, row: tuple[Any, ...] | None, writes: Iterable[tuple[Any, ...]], number: int) -> CheckpointRows | None:
        """The converted checkpoint, or None if it was rejected. number: how many pending writes it has."""
        try:
            converted = self.importer.convert(self.converter, key, row)
            converted.writes = [write_row(each) for each in writes]
        except Unreadable as reason:
            self._reject(key, str(reason), number)
            return None
        self.converter.accept(converted)
        if converted.variants:
            self.stats.variants.count(converted, self.converter, self.source)
        return converted

    def _reject(self, key: Key, reason: str, writes: int) -> None:
        if self.importer.on_unreadable == "fail":
            raise ModuleError("%s cannot be imported: %s. Set on_unreadable=skip to import the others." % (describe(key), reason))
        self.stats.reject(key, reason, writes)

    def _compare_later(self, converted: CheckpointRows) -> None:
        self.converted.append(converted)
        self.weight += converted.weight()
        if self.weight > CHUNK or len(self.converted) >= MAX_CHECKPOINTS or self.careful:
            self._compare()

    def _compare(self) -> None:
        """Compare the collected checkpoints with the tables, and keep the rows that have to be written."""
        waiting, self.converted, self.weight = self.converted, [], 0
        if not waiting:
            return
        self._send()
        self.sender.wait()
        names, replacing = [texts(converted.key) for converted in waiting], self.importer.on_conflict != "skip"
        blobs = self.target.blobs([name[:2] + pair for name, converted in zip(names, waiting) for pair in converted.new])
        writes = self.target.writes(names) if replacing else {}
        bodies = self.target.bodies(names) if replacing else {}
        for name, converted in zip(names, waiting):
            written = writes.get(name, {}) if replacing else {(text(task), number): () for task, number in converted.written}
            self._decide(converted, name, blobs, written, bodies.get(name))

    def _decide(self, converted: CheckpointRows, name: TextKey, blobs: dict[TextKey, Any], writes: dict[tuple[str, int], Any], body: Any) -> None:
        """Keep the rows of a converted checkpoint that have to be written. Raises ModuleError if on_conflict demands it."""
        policy = self.importer.on_conflict
        new_blobs: Blobs = {}
        old: list[TextKey] = []
        for pair in converted.new:
            found, value = blobs.get(name[:2] + pair), converted.blobs[pair]
            if found is None:
                new_blobs[pair] = value
            elif not same_blob(self.converter, found, value):
                same = same_content(self.converter, found, value)
                # An older checkpoint, which is not read, may have the value in another form.
                if policy == "skip" or converted.alone and same:
                    self.stats.variants.add(converted.key, pair, self.converter, same)
                else:
                    old.append(name[:2] + pair)
                    new_blobs[pair] = value
        changed = []
        if policy != "skip":
            changed = [row for row in converted.writes if (text(row[0]), row[1]) in writes and write_differs(row, writes[text(row[0]), row[1]])]
        new = [row for row in converted.writes if (text(row[0]), row[1]) not in writes]
        body_differs = body is not None and converted.checkpoint is not None and row_differs(converted, body)
        if policy == "fail" and (old or changed or body_differs):
            raise ModuleError(
                "%s exists in PostgreSQL with different content. Set on_conflict=skip to keep it, or on_conflict=replace to overwrite it."
                % describe(converted.key)
            )
        if body_differs and body[0] is not None:
            # The older checkpoints were imported as well.
            converted.alone = False
        if not self.importer.check:
            self.target.remove(DELETE_BLOB, old)
            self.target.remove(DELETE_WRITE, [name + (text(row[0]), row[1]) for row in changed])
            self.target.remove(DELETE_CHECKPOINT, [name] if body_differs else [])
        self._keep(converted, new_blobs, new + changed, converted.checkpoint is not None and (not converted.exists or body_differs))

    def _keep(self, converted: CheckpointRows, blobs: Blobs, writes: Sequence[tuple[Any, ...]], with_row: bool) -> None:
        """Count a converted checkpoint, and collect its rows that have to be written."""
        counts, new = self.stats.counts, len(converted.new)
        if new:
            counts["blobs"]["read"] += new
            counts["blobs"]["written"] += len(blobs)
            counts["blobs"]["existing"] += new - len(blobs)
        if with_row:
            counts["checkpoints"]["written"] += 1
        elif converted.exists:
            counts["checkpoints"]["existing"] += 1
        counts["writes"]["written"] += len(writes)
        counts["writes"]["existing"] += len(converted.writes) - len(writes)
        if with_row or blobs or writes:
            self.size += add_rows(self.pieces, converted, blobs, writes, with_row)
            self.stats.written_threads.add(converted.key[0])
            if self.size > CHUNK or self.careful:
                self._send(converted.key)

    def _send(self, key: Key | None = None) -> None:
        rows = [b"".join(pieces) for pieces in self.pieces]
        self.pieces, self.size = tuple([] for _table in COPIED_TABLES), 0
        self.stats.bytes += sum(map(len, rows))
        if self.importer.check or not any(rows):
            return
        if not self.careful:
            self.sender.send(rows)
            return
        try:
            with self.target.connection.transaction():
                self.target.copy(rows)
        except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex) as error:
            if key is not None:
                self.importer.rejected_rows[key] = one_line(error)
            raise
