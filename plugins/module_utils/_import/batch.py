# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to carry some threads over: what is there already, what has to be written, and what cannot be."""

from __future__ import annotations

import concurrent.futures
import itertools

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._import.compare import row_differs, same_blob, write_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Converter, write_row
from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import add_rows
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import describe, is_text, text, texts
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import spans, windows
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import COPIED_TABLES, DELETE_BLOB, DELETE_CHECKPOINT, DELETE_WRITE
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg

# Bytes, about, that are sent while the next ones are cut: a batch of small rows has to be some of these, or nothing overlaps.
CHUNK = 512 << 10
UNITS = 1000
NOTHING = frozenset()


class Sender:
    """Sends one chunk while the next one is cut."""

    def __init__(self, target):
        self.target, self.pending = target, None
        self.pool = concurrent.futures.ThreadPoolExecutor(1)

    def send(self, rows):
        self.wait()
        self.pending = self.pool.submit(self.target.copy, rows)

    def wait(self):
        """To be called before anybody else uses the connection."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_error):
        try:
            if kind is None:
                self.wait()
        finally:
            self.pool.shutdown()


class Batch:
    """One attempt at some threads. careful: one thread and one row at a time, so that one which cannot be read or written is told by name."""

    def __init__(self, job, threads, careful):
        self.job, self.threads, self.careful = job, threads, careful
        self.source, self.target = job.source, job.target
        self.cutter, self.stats = Converter(job.cipher), ImportStats()
        # done: the blobs of the batch that were looked after already, by their places.
        self.done, self.sender, self.under_way = set(), None, None
        # Units that are to be held against the tables, and what is to be sent; with the bytes of each.
        self.units, self.weight = [], 0
        self.pieces, self.size = tuple([] for _table in COPIED_TABLES), 0

    def run(self):
        """The Tally of it; written by the caller's transaction."""
        self.target.begin()
        known = self.target.known([text(thread) for thread in self.threads if is_text(thread)])
        with Sender(self.target) as self.sender:
            for there, threads in itertools.groupby(self.threads, lambda thread: is_text(thread) and text(thread) in known):
                threads = list(threads)
                found = spans(threads, apart=self.careful or bool(self.job.patterns))
                if there:
                    self._beside(threads, found)
                else:
                    for first, last in found:
                        self._whole(first, last)
            self._settle()
            self._send()
            self.sender.wait()
        self.stats.end(self.threads)
        self.source.insist()
        return self.stats

    def _whole(self, first, last):
        """Threads of which nothing is there."""
        self.under_way, done = first, self.done
        checkpoints = pending = 0
        for key, row, writes in self.source.whole(first, last):
            self.under_way = key[0]
            checkpoints += row is not None
            pending += len(writes)
            unit = self._unit(key, row, writes, len(writes))
            if unit is None:
                continue
            if self.cutter.forgotten:
                self._settle_later(unit)
            else:
                self._keep(unit, {pair: unit.blobs[pair] for pair, place in unit.places.items() if place not in done}, unit.writes, row is not None)
        self.stats.add("checkpoints", "read", checkpoints)
        self.stats.add("writes", "read", pending)

    def _beside(self, threads, found):
        """Threads of which something is there: of what is there the keys alone are read."""
        self.sender.wait()
        with self.target.existing([text(thread) for thread in threads]) as existing:
            for window in windows(self.source, found, self):
                self.sender.wait()
                self._window(window, *existing.of(key for key, _row, _writes in window))
            self.sender.wait()

    def _window(self, outlines, there, writes):
        skip = self.job.on_conflict == "skip"
        for key, has_row, pairs in outlines:
            self.under_way = key[0]
            self.stats.add("checkpoints", "read", int(bool(has_row)))
            self.stats.add("writes", "read", len(pairs))
            stands, mine = key in there, writes.get(key, NOTHING)
            if stands and skip and mine.issuperset(pairs):
                self.stats.add("checkpoints", "existing")
                self.stats.add("writes", "existing", len(pairs))
                continue
            row = self.source.row(key) if has_row and not (stands and skip) else None
            unit = self._unit(key, row, self.source.writes(key) if pairs else (), len(pairs))
            if unit is not None:
                unit.exists, unit.written = stands, mine
                self._settle_later(unit)

    def _unit(self, key, row, writes, number):
        """The Unit of a checkpoint, or None where it was refused."""
        try:
            unit = self.job.unit(self.cutter, key, row)
            unit.writes = [write_row(each) for each in writes]
        except Unreadable as reason:
            self._refuse(key, str(reason), number)
            return None
        return unit

    def _refuse(self, key, reason, writes):
        if self.job.on_unreadable == "fail":
            raise ModuleError("%s cannot be imported: %s. on_unreadable=skip goes on with the others." % (describe(key), reason))
        self.stats.reject(key, reason, writes)

    def _settle_later(self, unit):
        self.units.append(unit)
        self.weight += unit.weight()
        if self.weight > CHUNK or len(self.units) >= UNITS or self.careful:
            self._settle()

    def _settle(self):
        """Keep of the units what does not stand in the tables yet."""
        units, self.units, self.weight = self.units, [], 0
        if not units:
            return
        self._send()
        self.sender.wait()
        names, replacing = [texts(unit.key) for unit in units], self.job.on_conflict != "skip"
        blobs = self.target.blobs([name[:2] + pair for name, unit in zip(names, units) for pair in unit.blobs])
        writes = self.target.writes(names) if replacing else {}
        bodies = self.target.bodies(names) if replacing else {}
        for name, unit in zip(names, units):
            try:
                mine = writes.get(name, {}) if replacing else {(text(task), number) for task, number in unit.written}
                self._decide(unit, name, blobs, mine, bodies.get(name))
            except Unreadable as reason:
                self._refuse(unit.key, str(reason), len(unit.writes))

    def _decide(self, unit, name, blobs, writes, body):
        """Keep what is to be written of a CheckpointRows. Raises Unreadable, or ModuleError where on_conflict says so."""
        policy = self.job.on_conflict
        fresh, old = {}, []
        for pair, place in unit.places.items():
            found, value = blobs.get(name[:2] + pair), unit.blobs[pair]
            if place in self.done:
                continue
            if found is not None and not same_blob(self.cutter, found, value):
                if policy == "skip":
                    raise Unreadable("PostgreSQL has another value of channel %s under version %s" % pair)
                old.append(name[:2] + pair)
            if found is None or old and old[-1] == name[:2] + pair:
                fresh[pair] = value
        changed = [row for row in unit.writes if (text(row[0]), row[1]) in writes and policy != "skip" and write_differs(row, writes[text(row[0]), row[1]])]
        new = [row for row in unit.writes if (text(row[0]), row[1]) not in writes]
        body_differs = body is not None and unit.checkpoint is not None and row_differs(unit, body)
        if policy == "fail" and (old or changed or body_differs):
            raise ModuleError("%s stands in PostgreSQL with other content. on_conflict=skip leaves it, replace overwrites it." % describe(unit.key))
        if not self.job.check:
            self.target.remove(DELETE_BLOB, old)
            self.target.remove(DELETE_WRITE, [name + (text(row[0]), row[1]) for row in changed])
            self.target.remove(DELETE_CHECKPOINT, [name] if body_differs else [])
        self._keep(unit, fresh, new + changed, unit.checkpoint is not None and (not unit.exists or body_differs))

    def _keep(self, unit, blobs, writes, with_row):
        """Count a CheckpointRows, and hand on its rows."""
        counts, before = self.stats.counts, len(self.done)
        self.done.update(unit.places.values())
        new = len(self.done) - before
        if new:
            counts["blobs"]["read"] += new
            counts["blobs"]["written"] += len(blobs)
            counts["blobs"]["existing"] += new - len(blobs)
        if with_row:
            counts["checkpoints"]["written"] += 1
        elif unit.exists:
            counts["checkpoints"]["existing"] += 1
        counts["writes"]["written"] += len(writes)
        counts["writes"]["existing"] += len(unit.writes) - len(writes)
        if with_row or blobs or writes:
            self.size += add_rows(self.pieces, unit, blobs, writes, with_row)
            self.stats.written_threads.add(unit.key[0])
            if self.size > CHUNK or self.careful:
                self._send(unit.key)

    def _send(self, key=None):
        rows = [b"".join(pieces) for pieces in self.pieces]
        self.pieces, self.size = tuple([] for _table in COPIED_TABLES), 0
        self.stats.bytes += sum(map(len, rows))
        if self.job.check or not any(rows):
            return
        if not self.careful:
            self.sender.send(rows)
            return
        try:
            with self.target.connection.transaction():
                self.target.copy(rows)
        except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
            self.job.rejected_rows[key] = one_line(error)
            raise
