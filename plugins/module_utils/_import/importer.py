# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a file's snapshot into the tables: batches of whole threads, each in one transaction. What stands in the tables is all it goes by."""

from __future__ import annotations

import itertools
import sqlite3
import time
from typing import NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._import.batch import Batch
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import text
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
from ansible_collections.stateops.langgraph.plugins.module_utils._import.verify import Verifier
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import damaged

ATTEMPTS = 5


class Outcome(NamedTuple):
    """Of one batch. stats: of what is committed. verifier: None where nothing is compared. failure: a ModuleError, or None."""

    stats: ImportStats
    verifier: Verifier | None
    failure: ModuleError | None


class Importer:
    """An import under way."""

    def __init__(
        self, source, target, cipher=None, check=False, threads=(), batch_size=0, time_limit=0, on_conflict="skip", on_unreadable="fail", verify="none"
    ):
        self.source, self.target, self.cipher, self.check = source, target, cipher, check
        self.patterns, self.batch_size, self.time_limit = threads, batch_size, time_limit
        self.on_conflict, self.on_unreadable, self.verify = on_conflict, on_unreadable, "none" if check else verify
        self.stats, self.verifier, self.remaining, self.failed_threads, self.rejected_rows = ImportStats(), self._verifier(), 0, {}, {}

    def run(self, crew=None):
        """Import the threads, as far as the time suffices. What is counted in self.stats is committed, also where this raises ModuleError.

        crew: whose processes are given the batches, or None.
        """
        end = time.monotonic() + self.time_limit if self.time_limit else None
        self.source.insist_on_text()
        self.remaining, self.batch_size = self.source.count(self.patterns), self.batch_size or self.source.fitting(crew.size if crew else 1)
        batches, failure = self._timely(end), None
        for batch, outcome in crew.results(batches) if crew else self._results(batches):
            self.stats.merge(outcome.stats)
            self.remaining -= len(batch)
            if outcome.verifier is not None:
                self.verifier.merge(outcome.verifier)
            failure = failure or outcome.failure
        if failure is not None:
            raise failure

    def _results(self, batches):
        """As a crew's."""
        for batch in batches:
            outcome = self.one(batch)
            yield batch, outcome
            if outcome.failure is not None:
                return

    def one(self, batch):
        """The Outcome of a batch."""
        stats, verifier, failure = ImportStats(), self._verifier(), None
        try:
            stats = self._batch(batch)
            if verifier is not None:
                verifier.batch(self, batch, stats)
        except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, what was written stands
            failure = self.refusal(error)
        return Outcome(stats, verifier, failure)

    def refusal(self, error):
        """What to say of any error."""
        if isinstance(error, sqlite3.Error):
            return damaged(self.source.path, error)
        return error if isinstance(error, ModuleError) else ModuleError(unexpected(error))

    def _verifier(self):
        return None if self.verify == "none" else Verifier(self.verify == "full")

    def unit(self, cutter, key, row):
        """The Unit of a key; without a row for writes alone, or where the row is not looked at. Raises Unreadable."""
        if self.rejected_rows and key in self.rejected_rows:
            raise Unreadable("PostgreSQL says: %s" % self.rejected_rows[key])
        if row is None:
            return cutter.bare(key)
        unit = cutter.unit(row)
        if unit.sends and not (unit.parent and self.source.has_sends(key[0], key[1], unit.parent)):
            raise Unreadable("its pending_sends stand in no pending write of its parent, and JSONB cannot hold them")
        return unit

    def _timely(self, end):
        """The batches, as long as there is time; the first in any case, or a caller that comes again would never be done."""
        batches = self._batches()
        yield from itertools.islice(batches, 1)
        yield from itertools.takewhile(lambda _batch: end is None or time.monotonic() < end, batches)

    def _batches(self):
        batch, size = [], 0
        for thread, checkpoints in self.source.threads(self.patterns):
            batch.append(thread)
            size += checkpoints
            if size >= self.batch_size:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _batch(self, threads):
        """The Tally of a batch that was committed; begun anew where one of its threads or rows turned out to be hopeless."""
        careful, attempts = False, 0
        while True:
            batch = Batch(self, [thread for thread in threads if thread not in self.failed_threads], careful)
            try:
                with self.target.connection.transaction():
                    stats = batch.run()
            except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
                attempts += 1  # the application wrote the same rows meanwhile
                if attempts == ATTEMPTS:
                    raise
                continue
            except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded):
                if careful and not self.rejected_rows:
                    raise
                careful = True
                continue
            except sqlite3.Error as error:
                if careful:
                    self._spoil(batch, error)
                careful = True
                continue
            for thread in threads:
                if thread in self.failed_threads:
                    stats.reject((thread,), self.failed_threads[thread])
                    stats.add("threads", "read")
                    stats.add("threads", "rejected")
            return stats

    def _spoil(self, batch, error):
        """A damaged page: the thread under way is given up, if that was asked for."""
        refusal = damaged(self.source.path, error)
        thread = batch.under_way
        if self.on_unreadable == "fail" or thread is None:
            where = "" if thread is None else "Thread %s: " % text(thread)
            raise ModuleError(where + refusal.message) from None
        self.failed_threads[thread] = one_line(error)
