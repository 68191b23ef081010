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
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, ThreadAge
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads

# The threads that are sorted by age at once, and remembered from the check of limit_percent. If there are more, their ages are read again, so that the memory
# does not grow with the tables.
REMEMBERED = 100000


class Limits(NamedTuple):
    """batch_size: threads in a transaction. time_limit, pause: seconds. limit_percent: of all threads, None for no limit. recheck: seconds, 0 for never."""

    batch_size: int
    time_limit: float
    pause: float
    limit_percent: int | None
    recheck: float


def predict(threads: Threads, policy: Policy, sizes: bool = True, pages: Iterable[Sequence[ThreadAge]] | None = None) -> PolicyCounts:
    """What the policy would remove now.

    sizes: whether the rows of deleted threads are counted, which reads them. pages: some threads, or None for all that the policy considers.
    """
    counts = PolicyCounts()
    for page in _by_age(threads, policy, counts, pages):
        selected = _by_details(threads, policy, page, counts, sizes)
        for thread in selected.ids:
            counts.remove(thread, selected.sizes.get(thread, Sizes()), policy.keep == "latest", selected.times.get(thread))
    return counts


def _by_age(threads: Threads, policy: Policy, counts: PolicyCounts, pages: Iterable[Sequence[ThreadAge]] | None = None) -> Iterator[Selected]:
    """The threads that the policy may remove, in pages. The others are counted."""
    if pages is None:
        pages = threads.pages(policy) if policy.selects else ()
    for ages in pages:
        counts.considered += len(ages)
        yield threads.select_by_age(ages, policy, counts)


def _oldest_first(pages: Iterable[Selected]) -> Iterator[list[str]]:
    """The ids of all pages, sorted by age, in lists of about REMEMBERED. The ids without a known age are the last ones.

    Threads of the same time share pages of the tables, so a run that goes by age writes each page about once.
    """
    found: list[tuple[float, str]] = []
    for page in pages:
        found += [(page.times.get(thread, math.inf), thread) for thread in page.ids]
        if len(found) >= REMEMBERED:
            yield _sorted(found)
            found = []
    yield _sorted(found)


def _sorted(found: list[tuple[float, str]]) -> list[str]:
    return [thread for _time, thread in sorted(found)]


def _by_details(threads: Threads, policy: Policy, page: Selected, counts: PolicyCounts, sizes: bool = False) -> Selected:
    """The threads of a page that the policy removes. The others are counted. sizes: whether the rows of whole threads are counted."""
    selected = threads.select_by_details(page, policy, counts, sizes and policy.keep == "none")
    if policy.keep == "none":
        return selected
    # Without this, each later run would call prune() for each thread.
    older = threads.older(selected.ids)
    for thread in selected.ids:
        if thread not in older:
            counts.keep(thread, NOTHING_OLDER, selected.times.get(thread))
    return selected._replace(ids=[thread for thread in selected.ids if thread in older], sizes=older)


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
            found = self._check_limit()
            self._remove(_oldest_first(_by_age(self.threads, self.policy, self.counts)) if found is None else [found])
        if self.orphans is not None:
            self._remove_orphans(self.orphans)
        while self.deleted:
            self.sleep(max(0.0, self.deleted[0][0] - self.clock()))
            self._look_again()

    def _check_limit(self) -> list[str] | None:
        """Raise ModuleError if more threads would be deleted than limit_percent allows; returns the ids that it read, or None to read them again."""
        if self.limits.limit_percent is None or self.policy.keep == "latest":
            return None
        counts, old, found = PolicyCounts(), 0, None
        for number, ids in enumerate(_oldest_first(_by_age(self.threads, self.policy, counts))):
            old += len(ids)
            found = None if number else ids
        # Usually, the ages alone show that the limit is not exceeded.
        if old and not self._within_limit(old, self.limits.limit_percent, counts)[0]:
            self._insist_on_limit(predict(self.threads, self.policy, sizes=False))
        if found is not None:
            self.counts = counts
        return found

    def _within_limit(self, number: int, limit: int, counts: PolicyCounts) -> tuple[bool, int]:
        """(whether this number of threads is within the limit, the number of all threads or a lower bound that decides)."""
        enough = math.ceil(number * 100 / limit) if limit else 2**62
        total = counts.considered if self.policy.chosen.patterns is None else self.threads.number(enough)
        return total >= enough, total

    def _insist_on_limit(self, counts: PolicyCounts) -> None:
        number, limit = counts.deleted.total, self.limits.limit_percent
        if limit is None or not number:
            return
        within, total = self._within_limit(number, limit, counts)
        if not within:
            raise ModuleError(
                "%d of %d threads (%d %%) would be deleted, and limit_percent is %d. Nothing was deleted. Check the options that select threads. "
                "If they are right, raise limit_percent, or set force." % (number, total, number * 100 // max(total, 1), limit)
            )

    def _remove(self, found: Iterable[list[str]]) -> None:
        rest = False
        for ids in found:
            for start in range(0, len(ids), self.limits.batch_size):
                part = Selected(ids[start : start + self.limits.batch_size], {}, {})
                if rest:
                    self.sleep(self.limits.pause)
                    rest = False
                # One batch is deleted in any case, so that repeated runs make progress.
                if self.clock() >= self.deadline and any(self.counts.removed.rows):
                    self._leave(part)
                    continue
                # Deletion.batch() applies the whole policy, and counts the threads that it keeps.
                selected = part if self.policy.keep == "none" else _by_details(self.threads, self.policy, part, self.counts)
                rest = self._batch(selected.ids) and self.limits.pause > 0
                self._look_again()

    def _leave(self, part: Selected) -> None:
        """Count what would have been removed of a batch for which there is no time."""
        left = _by_details(self.threads, self.policy, part, self.counts)
        for thread in left.ids:
            self.counts.remaining += 1
            self.counts.leave(left.times.get(thread))

    def _batch(self, ids: list[str]) -> bool:
        """Remove a batch; returns whether a row was removed."""
        done = self.deletion.batch(ids)
        self.counts.merge(done)
        if self.limits.recheck and self.deletion.deleted:
            now = self.clock()
            self.deleted.append((now + self.limits.recheck, first_identifier(self.threads.now + now - self.began), self.deletion.deleted))
        return any(done.removed.rows)

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
            for ages in self.threads.pages(self.policy):
                if self.clock() >= self.deadline and not first:
                    orphans.complete = False
                    return
                found = orphans.page([age.thread for age in ages])
                first = False
                if any(found.rows) and not self.check:
                    self.sleep(self.limits.pause)
        finally:
            self.threads.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED

    def to_dict(self, show_threads: bool) -> dict[str, Any]:
        """The results, as the module returns them."""
        return dict(
            self.counts.to_dict(show_threads),
            returned_threads=self.returned.to_dict(show_threads),
            orphans=None if self.orphans is None else self.orphans.to_dict(),
        )
