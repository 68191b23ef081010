# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a policy: first all threads are counted, then the selected ones are removed in batches, then the orphans."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import first_identifier
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import PolicyCounts, Sample, Sizes
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.deletion import Deletion, retry
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.orphans import Orphans
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import NOTHING_OLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Selected, Threads


class Limits(NamedTuple):
    """batch_size: threads in a transaction. time_limit, pause: seconds. limit_percent: of all threads, None for no limit. recheck: seconds, 0 for never."""

    batch_size: int
    time_limit: float
    pause: float
    limit_percent: int | None
    recheck: float


def predict(threads: Threads, policy: Policy, sizes: bool = True) -> PolicyCounts:
    """What the policy would remove now. sizes: whether the rows of deleted threads are counted, which reads them."""
    counts = PolicyCounts()
    for selected in _selected(threads, policy, counts):
        if policy.keep == "latest":
            for thread in selected.ids:
                counts.remove(thread, selected.older[thread], True, selected.times.get(thread))
        else:
            found = threads.sizes(selected.ids) if sizes else {}
            for thread in selected.ids:
                counts.remove(thread, found.get(thread, Sizes()), False, None)
    return counts


def _selected(threads: Threads, policy: Policy, counts: PolicyCounts) -> Iterator[Selected]:
    """The threads that the policy removes, in pages. The others are counted."""
    if not policy.selects:
        return
    for ids in threads.pages(policy):
        counts.considered += len(ids)
        selected = threads.select(ids, policy, counts)
        if policy.keep == "latest":
            # Without this, each later run would call prune() for each thread.
            older = threads.older(selected.ids)
            for thread in selected.ids:
                if thread not in older:
                    counts.keep(thread, NOTHING_OLDER, selected.times.get(thread))
            selected = selected._replace(ids=[thread for thread in selected.ids if thread in older], older=older)
        yield selected


class Pruner:
    """Carries out a policy. counts: of what is committed. orphans: the Orphans, or None. returned: threads that a late write brought back."""

    def __init__(
        self,
        threads: Threads,
        policy: Policy,
        deletion: Deletion,
        limits: Limits,
        grace: float | None = None,
        check: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.threads, self.policy, self.deletion, self.limits, self.check, self.clock, self.sleep = threads, policy, deletion, limits, check, clock, sleep
        self.counts, self.returned, self.orphans = PolicyCounts(), Sample(), None if grace is None else Orphans(threads, policy, grace, check, sleep)
        self.began = clock()
        self.deadline = self.began + limits.time_limit if limits.time_limit else math.inf
        # (when to look again, the first id of that time, the threads) of deleted batches.
        self.deleted: deque[tuple[float, str, list[str]]] = deque()

    @property
    def changed(self) -> bool:
        """Whether a row was removed, or would be."""
        return any(self.counts.removed.rows) or bool(self.orphans and any(self.orphans.removed.rows))

    def run(self) -> None:
        """Count, then remove. Raises ModuleError, also before the first deletion if limit_percent is exceeded."""
        if self.check:
            self.counts = predict(self.threads, self.policy)
            self._insist_on_limit(self.counts)
        else:
            if self.limits.limit_percent is not None and self.policy.keep == "none":
                self._insist_on_limit(predict(self.threads, self.policy, sizes=False))
            self._remove()
        if self.orphans is not None:
            self._remove_orphans(self.orphans)
        while self.deleted:
            self.sleep(max(0.0, self.deleted[0][0] - self.clock()))
            self._look_again()

    def _insist_on_limit(self, predicted: PolicyCounts) -> None:
        limit, number = self.limits.limit_percent, predicted.deleted.total
        if limit is None or not number:
            return
        # As many as are needed to know whether the limit is exceeded.
        enough = math.ceil(number * 100 / limit) if limit else math.inf
        total = self.threads.number(int(min(enough, 2**62)))
        if total < enough:
            raise ModuleError(
                "%d of %d threads (%d %%) would be deleted, and limit_percent is %d. Nothing was deleted. Check the options that select threads. "
                "If they are right, raise limit_percent, or set force." % (number, total, number * 100 // total, limit)
            )

    def _remove(self) -> None:
        first = True
        for selected in _selected(self.threads, self.policy, self.counts):
            for start in range(0, len(selected.ids), self.limits.batch_size):
                ids = selected.ids[start : start + self.limits.batch_size]
                # The first batch is always processed, so that repeated runs make progress.
                if self.clock() >= self.deadline and not first:
                    self.counts.remaining += len(ids)
                    for thread in ids:
                        self.counts.leave(selected.times.get(thread))
                    continue
                if not first and self.limits.pause:
                    self.sleep(self.limits.pause)
                first = False
                self._batch(ids)
                self._look_again()

    def _batch(self, ids: list[str]) -> None:
        self.counts.merge(self.deletion.batch(ids))
        if self.limits.recheck and self.deletion.deleted:
            now = self.clock()
            self.deleted.append((now + self.limits.recheck, first_identifier(self.threads.now + now - self.began), self.deletion.deleted))

    def _look_again(self) -> None:
        """Delete what was written to deleted threads since then, if it is time to."""
        while self.deleted and self.deleted[0][0] <= self.clock():
            _time, identifier, ids = self.deleted.popleft()
            present = self.threads.present(ids)
            if not present:
                continue
            again, removed = retry(lambda: self.deletion.delete_late_rows(present, identifier), self.sleep)
            for thread in again:
                self.returned.add(thread)
            self.counts.removed = self.counts.removed.plus(removed)

    def _remove_orphans(self, orphans: Orphans) -> None:
        first = True
        self.threads.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            for ids in self.threads.pages(self.policy):
                if self.clock() >= self.deadline and not first:
                    orphans.complete = False
                    return
                found = orphans.page(ids)
                first = False
                if any(found.rows) and not self.check:
                    self.sleep(self.limits.pause)
        finally:
            self.threads.connection.isolation_level = None

    def to_dict(self, show_threads: bool) -> dict[str, Any]:
        """The results, as the module returns them."""
        return dict(
            self.counts.to_dict(show_threads),
            returned_threads=self.returned.to_dict(show_threads),
            orphans=None if self.orphans is None else self.orphans.to_dict(),
        )
