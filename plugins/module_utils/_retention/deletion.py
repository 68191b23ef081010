# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes threads and older checkpoints, each batch in one transaction, so that a run of the application neither waits nor loses what it writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import schema_path
from ansible_collections.stateops.langgraph.plugins.module_utils._retention import queries
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import PolicyCounts, Sizes
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import DELTA_CHANNEL, UNREADABLE, WRITTEN_MEANWHILE
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Selected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads

Result = TypeVar("Result")
ATTEMPTS = 6
# Seconds before the second attempt; each later one waits twice as long.
WAIT = 0.1


def retry(work: Callable[[], Result | None], sleep: Callable[[float], None] = time.sleep) -> Result:
    """The result of work(). It is called again if another session interfered: if it returns None, or PostgreSQL ended its transaction."""
    wait = WAIT
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = work()
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
            if attempt == ATTEMPTS:
                raise
            done = None
        if done is not None:
            return done
        sleep(wait)
        wait *= 2
    raise ModuleError("Other sessions changed the same threads in %d attempts. Run again." % ATTEMPTS)


class Deletion:
    """Carries out a policy on batches of threads. saver: LangGraph's saver on the same connection, for keep=latest, or None."""

    def __init__(self, threads: Threads, policy: Policy, schema: str, saver: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.threads, self.policy, self.schema, self.saver, self.sleep = threads, policy, schema, saver, sleep
        self.connection = threads.connection
        # Independent of the login's default: _delete() has to see what others commit in the meantime.
        self.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        # The threads that the last batch deleted.
        self.deleted: list[str] = []

    def batch(self, ids: Sequence[str]) -> PolicyCounts:
        """Delete the threads in one transaction, or trim each in its own; returns the counts of what is committed. Raises psycopg.Error, ModuleError."""
        counts, self.deleted = PolicyCounts(), []
        if self.policy.keep == "none":
            left = list(ids)
            counts.merge(retry(lambda: self._delete(left, counts), self.sleep))
        else:
            for thread in ids:
                self._trim_thread(thread, counts)
        return counts

    def _delete(self, ids: list[str], counts: PolicyCounts) -> PolicyCounts | None:
        """Delete whole threads in one transaction; returns the counts, or None if it has to be tried again later.

        The policy is applied again, and the rows are counted in the same snapshot. The same number must be deleted, and before the commit none of the threads
        may have a row. Otherwise another session wrote to a thread: everything is rolled back, threads whose number of rows differs are removed from the
        ids and added to the counts as kept, and the others are tried again.
        """
        while True:
            done = PolicyCounts()
            with self.connection.transaction() as transaction:
                selected = self.threads.select_by_details(Selected(ids, {}, {}), self.policy, done, sized=True)
                sizes = {thread: selected.sizes[thread] for thread in selected.ids}
                complete = self._delete_rows(sizes)
                if not complete:
                    raise psycopg.Rollback(transaction)
            if complete:
                # A thread that another session deleted has no rows.
                self.deleted = [thread for thread in selected.ids if any(sizes[thread].rows)]
                for thread in self.deleted:
                    done.deleted.add(thread)
                done.removed = _sum(sizes)
                return done
            written = [thread for thread, size in self.threads.sizes(selected.ids).items() if size.rows != sizes[thread].rows]
            if not written:
                return None
            for thread in written:
                ids.remove(thread)
                counts.keep(thread, WRITTEN_MEANWHILE, selected.times.get(thread))

    def _delete_rows(self, sizes: dict[str, Sizes]) -> bool:
        """Delete all rows of these threads; returns whether their number is the one that was counted, and no row is left."""
        ids = list(sizes)
        if not ids:
            return True
        # By table: RETURNING the threads takes as long as the deletion itself.
        deleted = tuple(self.threads.rows_deleted(query, {"ids": ids}) for query in queries.DELETE_THREADS)
        return deleted == _sum(sizes).rows and not self.threads.present(ids)

    def delete_late_rows(self, ids: Sequence[str], before: str) -> tuple[list[str], Sizes] | None:
        """Delete what a run that was under way wrote to deleted threads; returns (these threads, their rows), or None if it has to be tried again.

        before: the first id after the deletion. A new thread of the same id is kept.
        """
        with self.connection.transaction() as transaction:
            rows = self.threads.rows(queries.LATE, {"ids": list(ids), "before": before})
            sizes = self.threads.sizes([row["thread_id"] for row in rows])
            if self._delete_rows(sizes):
                return list(sizes), _sum(sizes)
            raise psycopg.Rollback(transaction)
        return None

    def _trim_thread(self, thread: str, counts: PolicyCounts) -> None:
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            counts.merge(retry(lambda: self._trim(thread), self.sleep))
        except NotImplementedError:
            # The library's prune() refuses a thread that has a DeltaChannel.
            counts.keep(thread, DELTA_CHANNEL, None)
        except psycopg.DataError:
            counts.keep(thread, UNREADABLE, None)
        finally:
            self.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED

    def _trim(self, thread: str) -> PolicyCounts:
        """Remove the older checkpoints of a thread with the library's own prune(), which reads and deletes in one snapshot; returns the counts."""
        done = PolicyCounts()
        with self.connection.transaction():
            selected = self.threads.select([thread], self.policy, done)
            for each in selected.ids:
                before = self.threads.sizes([each])[each]
                with schema_path(self.connection, self.schema):
                    self.saver.prune([each], strategy="keep_latest")
                removed = before.minus(self.threads.sizes([each])[each])
                done.trim(each, removed, selected.times.get(each))
        return done


def _sum(sizes: dict[str, Sizes]) -> Sizes:
    """The rows of all threads."""
    return Sizes(*map(sum, zip(*sizes.values())))
