# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to carry some threads over: what is there already, what has to be written, and what cannot be."""

from __future__ import annotations

import concurrent.futures

from ansible_collections.stateops.langgraph.plugins.module_utils._compare import differs, same_blob, write_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._errors import Refusal, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._rows import Cutter, binary_rows, write_row
from ansible_collections.stateops.langgraph.plugins.module_utils._source import describe, legible, text, texts, windows
from ansible_collections.stateops.langgraph.plugins.module_utils._splice import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._tally import Tally
from ansible_collections.stateops.langgraph.plugins.module_utils._target import DELETE_BLOB, DELETE_CHECKPOINT, DELETE_WRITE

try:
    import psycopg
except ImportError:  # the module has not entered the virtualenv yet; _virtualenv.py sees to it
    psycopg = None

CHUNK = 4 << 20
UNITS = 1000


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
    """One attempt at some threads. careful: one row at a time, so that one which PostgreSQL refuses is told by name."""

    def __init__(self, job, threads, careful):
        self.job, self.threads, self.careful = job, threads, careful
        self.source, self.target = job.source, job.target
        self.cutter, self.tally = Cutter(job.cipher), Tally()
        self.done, self.thread, self.sender, self.under_way = set(), None, None, None
        self.units, self.size = [], 0

    def run(self):
        """The Tally of it; written by the caller's transaction."""
        self.target.begin()
        known = self.target.known([text(thread) for thread in self.threads if legible(thread)])
        with Sender(self.target) as self.sender:
            for window in windows(self.source, self.threads, self):
                self._window(window, known)
            self._flush()
            self.sender.wait()
        self.tally.end(self.threads)
        self.source.insist()
        return self.tally

    def _window(self, keys, known):
        names = [texts(key) for key, _has_row in keys if all(map(legible, key)) and text(key[0]) in known]
        if names:
            self._flush()
            self.sender.wait()
        there = self.target.checkpoints(names) if names else set()
        writes = self.target.write_keys(names) if names else {}
        for key, has_row in keys:
            self.under_way = key[0]
            name = texts(key)
            unit = self._unit(key, has_row, name in there, writes.get(name, set()), name[0] in known)
            if unit is not None:
                self.units.append(unit)
                self.size += len(unit.checkpoint or b"") + sum(len(value) for _kind, value in unit.blobs.values()) + sum(len(row[-1]) for row in unit.writes)
                if self.size > CHUNK or len(self.units) >= UNITS or self.careful:
                    self._flush()

    def _unit(self, key, has_row, there, writes, known):
        """What of a checkpoint may have to be written, or None."""
        self.tally.add("checkpoints", "read", int(has_row))
        # The keys alone are read from the index; where nothing is there, everything will be read.
        keys = self.source.write_keys(key) if known else self.source.writes(key)
        self.tally.add("writes", "read", len(keys))
        skip = self.job.on_conflict == "skip"
        if there and skip and all((text(pair[0]), pair[1]) in writes for pair in keys):
            self.tally.add("checkpoints", "there")
            self.tally.add("writes", "there", len(keys))
            return None
        try:
            unit = self.job.unit(self.cutter, key, has_row and not (there and skip))
            if keys:
                unit.writes = [write_row(row) for row in (self.source.writes(key) if known else keys)]
        except Unreadable as reason:
            self._refuse(key, str(reason), len(keys))
            return None
        unit.there, unit.known = there, known
        return unit

    def _refuse(self, key, reason, writes):
        if self.job.on_unreadable == "fail":
            raise Refusal("%s cannot be imported: %s. on_unreadable=skip goes on with the others." % (describe(key), reason))
        self.tally.refuse(key, reason, writes)

    def _flush(self):
        units, self.units, self.size = self.units, [], 0
        blobs, writes, bodies = {}, {}, {}
        old = [unit for unit in units if unit.known or self.cutter.forgotten]
        if old:
            self.sender.wait()
            names, replacing = [texts(unit.key) for unit in old], self.job.on_conflict != "skip"
            blobs = self.target.blobs([texts(unit.key[:2]) + pair for unit in old for pair in unit.blobs])
            writes = self.target.writes(names) if replacing else self.target.write_keys(names)
            bodies = self.target.bodies(names) if replacing else {}
        rows = {"checkpoints": [], "checkpoint_blobs": [], "checkpoint_writes": []}
        for unit in units:
            try:
                mine = self._decide(unit, blobs, writes.get(texts(unit.key), {}), bodies.get(texts(unit.key)))
            except Unreadable as reason:
                self._refuse(unit.key, str(reason), len(unit.writes))
                continue
            for table, some in mine.items():
                rows[table] += some
        self._send(rows, units)

    def _decide(self, unit, blobs, writes, body):
        """The rows to be written for a Unit. Raises Unreadable, or Refusal where on_conflict says so."""
        policy, name = self.job.on_conflict, texts(unit.key)
        if unit.key[0] != self.thread:
            self.thread, self.done = unit.key[0], set()
        fresh, old = {}, []
        for pair, value in unit.blobs.items():
            found = blobs.get(name[:2] + pair)
            if hash(unit.key[:2] + pair) in self.done:
                continue
            if found is not None and not same_blob(self.cutter, found, value):
                if policy == "skip":
                    raise Unreadable("PostgreSQL has another value of channel %s under version %s" % pair)
                old.append(name[:2] + pair)
            if found is None or old and old[-1] == name[:2] + pair:
                fresh[pair] = value
        changed = [row for row in unit.writes if (text(row[0]), row[1]) in writes and policy != "skip" and write_differs(row, writes[text(row[0]), row[1]])]
        new = [row for row in unit.writes if (text(row[0]), row[1]) not in writes]
        body_differs = body is not None and unit.checkpoint is not None and differs(unit, body)
        if policy == "fail" and (old or changed or body_differs):
            raise Refusal("%s stands in PostgreSQL with other content. on_conflict=skip leaves it, replace overwrites it." % describe(unit.key))
        if not self.job.check:
            self.target_removes(DELETE_BLOB, old)
            self.target_removes(DELETE_WRITE, [name + (text(row[0]), row[1]) for row in changed])
            self.target_removes(DELETE_CHECKPOINT, [name] if body_differs else [])
        return self._count(unit, fresh, new + changed, body_differs)

    def target_removes(self, query, keys):
        if keys:
            self.sender.wait()
            self.target.remove(query, keys)

    def _count(self, unit, blobs, writes, replaced):
        with_row = unit.checkpoint is not None and (not unit.there or replaced)
        distinct = [pair for pair in unit.blobs if hash(unit.key[:2] + pair) not in self.done]
        self.done.update(hash(unit.key[:2] + pair) for pair in distinct)
        self.tally.add("blobs", "read", len(distinct))
        self.tally.add("blobs", "written", len(blobs))
        self.tally.add("blobs", "there", len(distinct) - len(blobs))
        self.tally.add("checkpoints", "written", int(with_row))
        self.tally.add("checkpoints", "there", int(unit.there and not with_row))
        self.tally.add("writes", "written", len(writes))
        self.tally.add("writes", "there", len(unit.writes) - len(writes))
        rows = binary_rows(unit, blobs, writes, with_row)
        size = sum(len(row) for some in rows.values() for row in some)
        self.tally.bytes += size
        if size:
            self.tally.touched.add(unit.key[0])
        return rows

    def _send(self, rows, units):
        if self.job.check or not any(rows.values()):
            return
        if not self.careful:
            self.sender.send(rows)
            return
        try:
            with self.target.connection.transaction():
                self.target.copy(rows)
        except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
            self.job.hopeless[units[0].key] = one_line(error)
            raise
