# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows without their checkpoint: what interrupted runs and deletions by hand leave behind. No saver reads them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import first_identifier
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row
from ansible_collections.stateops.langgraph.plugins.module_utils._retention import queries
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import PolicyCounts, Sizes
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.deletion import retry
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import NO_CHECKPOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads

# A saver stores the blobs of a checkpoint shortly before the checkpoint. A blob is deleted only if it is older than a run that has lasted this many seconds.
REST = 10
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"


class TooYoung(Exception):
    """There are blobs to delete, and the run is younger than REST."""


class Orphans:
    """Finds and deletes the orphans of the threads that a policy considers. grace: seconds. removed: the rows of what is committed."""

    def __init__(self, threads: Threads, policy: Policy, grace: float, check: bool, sleep: Callable[[float], None] = time.sleep) -> None:
        self.threads, self.policy, self.check, self.sleep = threads, policy, check, sleep
        self.cutoff = first_identifier(threads.now - grace)
        # The blobs have no time, so their thread has to be idle.
        self.idle = policy._replace(older_than=grace, keep="latest")
        self.removed = Sizes()
        self.rested = False
        self.recent = self.age_unknown = 0
        self.complete = True

    def page(self, ids: Sequence[str]) -> Sizes:
        """Delete the orphans of some threads in one transaction; returns their rows."""
        try:
            return retry(lambda: self._page(ids), self.sleep)
        except TooYoung:
            self.sleep(REST - self._age())
            self.rested = True
            return retry(lambda: self._page(ids), self.sleep)

    def _page(self, ids: Sequence[str]) -> Sizes:
        ids = [thread for thread in ids if thread in self.policy.chosen]
        if self.policy.metadata:
            ids = [each.thread for each in self.threads.details(ids, self.policy) if each.matched]
        if not ids:
            return Sizes()
        with self.threads.connection.transaction():
            gone = self._predicted(ids)
            ids = [thread for thread in ids if (thread, None) not in gone]
            writes = self.threads.rows(queries.ORPHANED_WRITES, {"ids": ids, "cutoff": self.cutoff})
            writes = [row for row in writes if (row["thread_id"], row["checkpoint_ns"]) not in gone]
            old = [row for row in writes if row["timed"] and row["old"]]
            blobs = self.threads.rows(queries.ORPHANED_BLOBS, {"ids": self._idle(ids), "horizon": self.threads.horizon})
            blobs = [row for row in blobs if (row["thread_id"], row["checkpoint_ns"]) not in gone]
            keys = dict(zip("abcd", ([row[name] for row in blobs] for name in ("thread_id", "checkpoint_ns", "channel", "version"))))
            sizes = [row["bytes"] for row in self.threads.rows(queries.BLOB_SIZES, keys)] if blobs else []
            if blobs and not self.check and not self.rested and self._age() < REST:
                raise TooYoung
            if not self.check and old:
                columns = zip("abc", ([row[name] for row in old] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")))
                self.threads.rows_deleted(queries.DELETE_WRITES, dict(columns))
            if not self.check and blobs:
                self.threads.rows_deleted(queries.DELETE_BLOBS, keys)
        self.recent += sum(row["rows"] for row in writes if row["timed"] and not row["old"])
        self.age_unknown += sum(row["rows"] for row in writes if not row["timed"])
        found = Sizes(rows_1=len(sizes), bytes_1=sum(sizes), rows_2=sum(row["rows"] for row in old), bytes_2=sum(row["bytes"] for row in old))
        self.removed = self.removed.plus(found)
        return found

    def _predicted(self, ids: Sequence[str]) -> set[tuple[str, str | None]]:
        """In check mode, what the policy would already have removed: (thread, None) for whole threads, (thread, namespace) with keep=latest."""
        if not self.check or not self.policy.selects:
            return set()
        selected = self.threads.select(ids, self.policy, PolicyCounts()).ids
        return {(thread, None) for thread in selected} if self.policy.keep == "none" else set(self.threads.older_calls(selected))

    def _idle(self, ids: Sequence[str]) -> list[str]:
        """The threads without a checkpoint or pending write within the grace period, whose checkpoints can be read. They may have no checkpoint."""
        ages = [age.thread for age in self.threads.ages(ids) if not age.found or not self.idle.kept_by_age(age, self.threads.now)]
        kept = {each.thread: self.idle.kept_by_details(each, self.threads.now) for each in self.threads.details(ages, self.idle)}
        return [thread for thread, reason in kept.items() if reason in (None, NO_CHECKPOINT)]

    def _age(self) -> float:
        """The seconds since the run began, on the server's clock."""
        return fetch_row(self.threads.connection, NOW)["now"] - self.threads.now

    def to_dict(self) -> dict[str, Any]:
        """As a module returns them."""
        return dict(self.removed.to_dict(), recent=self.recent, age_unknown=self.age_unknown, complete=self.complete)
