# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a snapshot of a file into the tables: batches of whole threads, each in one transaction. Progress is read from the target tables."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter
from ansible_collections.stateops.langgraph.plugins.module_utils._import.batch import Batch
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import shown
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import COPIED_TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._import.verify import Verifier
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import CheckpointRows, Converter
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import Source
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import ImportTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool

ATTEMPTS = 5


class Outcome(NamedTuple):
    """The outcome of a batch. stats: of what is committed. verifier: None if nothing is compared. failure: a ModuleError, or None."""

    stats: ImportStats
    verifier: Verifier | None
    failure: ModuleError | None


class Importer:
    """An import: its source, its target and its options. stats: of what is committed. remaining: threads that are not imported yet."""

    def __init__(
        self,
        source: Source,
        target: ImportTarget,
        cipher: Any = None,
        check: bool = False,
        threads: Sequence[str] = (),
        exclude_threads: Sequence[str] = (),
        batch_size: int = 0,
        time_limit: float = 0,
        on_conflict: str = "skip",
        on_unreadable: str = "fail",
        verify: str = "none",
    ) -> None:
        self.source, self.target, self.cipher, self.check = source, target, cipher, check
        self.chosen, self.batch_size, self.time_limit = ThreadFilter(threads, exclude_threads), batch_size, time_limit
        self.on_conflict, self.on_unreadable, self.verify = on_conflict, on_unreadable, "none" if check else verify
        self.stats, self.verifier, self.remaining = ImportStats(), self._verifier(), 0
        # When the time is up, and whether a batch was started.
        self.end: float | None = None
        self.begun = False
        # The workers that convert the parts of a long thread, while this process writes it.
        self.converters: WorkerPool | None = None
        # {thread: why it cannot be read}, {key: why PostgreSQL rejected its rows}
        self.failed_threads: dict[bytes, str] = {}
        self.rejected_rows: dict[Key, str] = {}

    def run(self, pool: WorkerPool | None = None) -> None:
        """Import the threads until the time is up. self.stats counts what is committed, also if this raises ModuleError.

        pool: the WorkerPool that imports the batches, or None.
        """
        self.end = time.monotonic() + self.time_limit if self.time_limit else None
        self.source.check_text()
        self.remaining = self.source.count(self.chosen)
        self.batch_size = self.batch_size or self.source.default_batch_size(pool.size if pool else 1)
        if pool is None:
            self._collect(self._results(self._timely(self._batches())))
            return
        long_thread = self.source.long_thread(self.chosen)
        self._collect(pool.results(self._timely(self._batches(long_thread))))
        if long_thread is not None:
            # The workers have no other work now.
            self.converters = pool
            self._collect(self._results(self._timely([[long_thread]])))

    def _collect(self, results: Iterable[tuple[list[bytes], Outcome]]) -> None:
        """Count the results of batches. Raises ModuleError at the end if one of them failed."""
        failure = None
        for batch, outcome in results:
            self.stats.merge(outcome.stats)
            self.remaining -= len(batch)
            if self.verifier is not None and outcome.verifier is not None:
                self.verifier.merge(outcome.verifier)
            failure = failure or outcome.failure
        if failure is not None:
            raise failure

    def _results(self, batches: Iterable[list[bytes]]) -> Iterator[tuple[list[bytes], Outcome]]:
        """The same as WorkerPool.results(), in this process."""
        for batch in batches:
            outcome = self.one(batch)
            yield batch, outcome
            if outcome.failure is not None:
                return

    def one(self, batch: list[bytes]) -> Outcome:
        """Import a batch; returns its Outcome."""
        stats, verifier, failure = ImportStats(), self._verifier(), None
        try:
            stats = self._batch(batch)
            if verifier is not None:
                verifier.batch(self, batch, stats)
        except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the stats of what is committed are returned
            failure = self.module_error(error)
        return Outcome(stats, verifier, failure)

    def module_error(self, error: Exception) -> ModuleError:
        """The ModuleError for any error."""
        if isinstance(error, sqlite3.Error):
            return damaged(self.source.path, error)
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return ModuleError(lock_holders(self.target.connection, self.target.schema, LockRequirements(written=COPIED_TABLES)))
        return error if isinstance(error, ModuleError) else ModuleError(unexpected(error))

    def _verifier(self) -> Verifier | None:
        return None if self.verify == "none" else Verifier(self.verify == "full")

    def convert(self, converter: Converter, key: Key, row: tuple[Any, ...] | None) -> CheckpointRows:
        """The CheckpointRows of a key. row: None if only pending writes are imported. Raises Unreadable."""
        if self.rejected_rows and key in self.rejected_rows:
            raise Unreadable("PostgreSQL reports an error: %s" % self.rejected_rows[key])
        if row is None:
            return converter.without_checkpoint(key)
        try:
            converted = converter.convert(row)
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None
        converted.alone = converted.parent is not None and not self.source.has_parent(key)
        if converted.sends and not converted.alone and not (converted.parent and self.source.has_sends(key[0], key[1], converted.parent)):
            raise Unreadable("its pending_sends are not among the pending writes of its parent, and JSONB cannot hold them")
        return converted

    def _timely(self, batches: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
        """The batches until the time is up. The first one is always imported, so that repeated runs make progress."""
        for batch in batches:
            if self.begun and self.end is not None and time.monotonic() >= self.end:
                return
            self.begun = True
            yield batch

    def _batches(self, omitted: bytes | None = None) -> Iterator[list[bytes]]:
        batch: list[bytes] = []
        size = 0
        for thread, checkpoints in self.source.threads(self.chosen):
            if thread == omitted:
                continue
            batch.append(thread)
            size += checkpoints
            if size >= self.batch_size:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _batch(self, threads: list[bytes]) -> ImportStats:
        """Import and commit a batch; returns its stats. It is repeated if one of its threads or rows turns out to be unreadable."""
        careful, attempts = False, 0
        while True:
            batch = Batch(self, [thread for thread in threads if thread not in self.failed_threads], careful)
            try:
                with self.target.connection.transaction():
                    stats = batch.run()
                    self._count_omitted(batch.threads, stats)
            except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
                attempts += 1  # the application wrote the same rows at the same time
                if attempts == ATTEMPTS:
                    raise
                continue
            except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex):
                if careful and not self.rejected_rows:
                    raise
                careful = True
                continue
            except sqlite3.Error as error:
                if careful:
                    self._give_up_thread(batch, error)
                careful = True
                continue
            for thread in threads:
                if thread in self.failed_threads:
                    stats.reject((thread,), self.failed_threads[thread])
                    stats.add("threads", "read")
                    stats.add("threads", "rejected")
            return stats

    def _count_omitted(self, threads: Sequence[bytes], stats: ImportStats) -> None:
        """Add the number of checkpoints that an import of the newest state omits, and the threads that it imports whole."""
        stats.add("checkpoints", "omitted", self.source.omitted(threads, stats.counts["checkpoints"]["read"]))
        stats.add_whole_threads(self.source.whole_threads(threads))

    def _give_up_thread(self, batch: Batch, error: sqlite3.Error) -> None:
        """Reject the current thread, which has a damaged page, or raise ModuleError if on_unreadable demands it."""
        failure = damaged(self.source.path, error)
        thread = batch.current_thread
        if self.on_unreadable == "fail" or thread is None:
            where = "" if thread is None else "Thread %s: " % shown(thread)
            raise ModuleError(where + failure.message) from None
        self.failed_threads[thread] = one_line(error)
