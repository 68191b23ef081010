# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a batch: whether PostgreSQL now gives what the file gives, by the columns that the savers' own read path goes by."""

from __future__ import annotations

import itertools

from ansible_collections.stateops.langgraph.plugins.module_utils._import.compare import same_blob, same_document, same_metadata, write_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Converter, is_delta, version_text, write_row
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import describe, is_text, text, texts
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import spans, windows

SHOWN = 20
CHUNK = 8 << 20
# Checkpoints that are compared at once. While a large transaction was open the server may have counted no rows at all, and then goes through the
# whole thread for each look; so the looks are few.
UNITS = 2000


class Verifier:
    """full: compare each row, not only whether it is there."""

    def __init__(self, full):
        self.full = full
        self.counts = {"checkpoints": 0, "writes": 0, "blobs": 0}
        self.differences, self.sample, self.under_way = 0, [], None

    def to_dict(self):
        return dict(self.counts, how="full" if self.full else "counts", differences=self.differences, shown=self.sample)

    def merge(self, other):
        """Add what another one found."""
        for kind, number in other.counts.items():
            self.counts[kind] += number
        self.differences += other.differences
        self.sample += other.sample[: SHOWN - len(self.sample)]

    def batch(self, job, threads, stats):
        """Look at the threads of a batch that was committed, but for what was refused."""
        chosen = [thread for thread in threads if (thread,) not in stats.keys and is_text(thread) and (self.full or thread in stats.written_threads)]
        if not chosen:
            return
        with job.target.connection.transaction():
            job.target.begin()
            # Those between them that were left out are not read again.
            found = spans(chosen, apart=bool(job.patterns) or len(chosen) < len(threads))
            if self.full:
                self._whole(job, found, stats.keys)
            else:
                self._counts(job, chosen, found, stats.keys)

    def _differ(self, key, what):
        self.differences += 1
        if len(self.sample) < SHOWN:
            self.sample.append("%s: %s" % (describe(key), what))

    def _counts(self, job, threads, found, refused):
        with job.target.existing([text(thread) for thread in threads]) as existing:
            for window in windows(job.source, found, self):
                there, writes = existing.of(key for key, _row, _writes in window)
                for key, has_row, pairs in window:
                    if key not in refused:
                        self._presence(key, key in there, has_row, pairs, writes.get(key, ()))

    def _presence(self, key, there, has_row, pairs, mine):
        if has_row and not there:
            self._differ(key, "the checkpoint is missing")
        self.counts["checkpoints"] += int(bool(has_row))
        self.counts["writes"] += len(pairs)
        for task, number in pairs:
            if (task, number) not in mine:
                self._differ(key, "pending write %s of task %s is missing" % (number, text(task)))

    def _whole(self, job, found, refused):
        cutter, units, size = Converter(job.cipher), [], 0
        for key, row, writes in itertools.chain.from_iterable(job.source.whole(first, last) for first, last in found):
            if key in refused:
                continue
            try:
                unit = job.unit(cutter, key, row)
                unit.writes = [write_row(each) for each in writes]
            except Unreadable as reason:
                self._differ(key, str(reason))
                continue
            units.append(unit)
            size += unit.weight()
            if size > CHUNK or len(units) >= UNITS:
                self._compare(job, cutter, units)
                units, size = [], 0
        if units:
            self._compare(job, cutter, units)

    def _compare(self, job, cutter, units):
        names = [texts(unit.key) for unit in units]
        bodies, writes = job.target.bodies(names), job.target.writes(names)
        named = [_named(unit) for unit in units]
        blobs = job.target.blobs(sorted({name[:2] + pair for name, pairs in zip(names, named) for pair in pairs}))
        for unit, name, pairs in zip(units, names, named):
            if unit.checkpoint is not None:
                self._row(unit, bodies.get(name))
            for pair in pairs:
                self._blob(cutter, unit, pair, blobs.get(name[:2] + pair))
            self._writes(unit, writes.get(name, {}))

    def _row(self, unit, body):
        self.counts["checkpoints"] += 1
        if body is None:
            self._differ(unit.key, "the checkpoint is missing")
            return
        parent, checkpoint, metadata = body
        if parent != (None if unit.parent is None else text(unit.parent)):
            self._differ(unit.key, "its parent is another one")
        if not same_document(unit.checkpoint, checkpoint):
            self._differ(unit.key, "the checkpoint has other content")
        if not same_metadata(unit.metadata, metadata):
            self._differ(unit.key, "its metadata has other content")

    def _blob(self, cutter, unit, pair, found):
        mine = unit.blobs.get(pair)
        self.counts["blobs"] += int(mine is not None)
        if mine is None:
            # A delta channel's snapshot is read at each checkpoint that names its version, by PostgresSaver's own as well.
            if found is not None and found[0] != "empty" and not is_delta(cutter.opened(found[0], bytes(found[1]))[0].rstrip("+"), cutter.opened(*found)[1]):
                self._differ(unit.key, "channel %s has a value under version %s" % pair)
        elif found is None:
            self._differ(unit.key, "the value of channel %s under version %s is missing" % pair)
        elif not same_blob(cutter, found, mine):
            self._differ(unit.key, "channel %s has another value under version %s" % pair)

    def _writes(self, unit, found):
        for row in unit.writes:
            self.counts["writes"] += 1
            place = text(row[0]), row[1]
            if place not in found:
                self._differ(unit.key, "pending write %d of task %s is missing" % (row[1], place[0]))
            elif write_differs(row, found[place]):
                self._differ(unit.key, "pending write %d of task %s has other content" % (row[1], place[0]))


def _named(unit):
    """The (channel, version) by which PostgresSaver would look for blobs."""
    pairs = [(channel, version_text(version)) for channel, version in unit.versions.items()]
    return [pair for pair in pairs if pair[1] is not None]
