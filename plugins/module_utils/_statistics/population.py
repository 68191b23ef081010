# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads: how many there are, their ages, and which of them wait for an answer. All of them if there is time, otherwise a random sample."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import text_of
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import UNITS, Policy
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import OutOfTime, chunks
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import EXACT, SAMPLE, figure, method_of, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import ThreadAge, ThreadDetails
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import TimedThreads

# A policy that selects all threads, and one whose details include the DeltaChannel.
EVERY = Policy(None, ThreadFilter([], []), None, {}, "none", "keep")
EVERY_DELTA = EVERY._replace(keep="latest")
# The limits of the histogram, in days.
AGES = (1, 7, 30, 90, 180, 365)
# Threads of which later figures are computed.
RESERVOIR = 5000
# The threads whose first checkpoint is in some pages of the table. Each thread has the same probability, however many checkpoints it has.
FIRST_ROWS = """
SELECT x.thread_id FROM {checkpoints} x {sample_checkpoints}
WHERE (SELECT f.checkpoint_ns = x.checkpoint_ns AND f.checkpoint_id = x.checkpoint_id FROM {checkpoints} f WHERE f.thread_id = x.thread_id
       ORDER BY f.checkpoint_ns, f.checkpoint_id LIMIT 1)
"""


class Reservoir:
    """A random sample of what is added, the same in each run. total: how many were added."""

    def __init__(self, size: int = RESERVOIR) -> None:
        self.size, self.total, self.items = size, 0, []  # type: int, int, list[str]
        # The sequence must be repeatable, and protects no secret.
        self.random = random.Random(1)

    def add(self, item: str) -> None:
        """Add an item, which may replace another one."""
        self.total += 1
        if len(self.items) < self.size:
            self.items.append(item)
            return
        place = self.random.randrange(self.total)
        if place < self.size:
            self.items[place] = item

    def shuffled(self) -> list[str]:
        """The items in random order, so that any number of the first ones is a random sample."""
        return random.Random(1).sample(self.items, len(self.items))


class Population:
    """The counts of the examined threads, and the numbers for all threads that are derived from them.

    total: the number of all threads. examined: the number of threads that the other numbers refer to. first: the first id of the days that growth shows.
    sample: threads of any age. recent: threads that have a checkpoint since `first`, or may have one.
    """

    def __init__(self, now: float, first: str) -> None:
        self.now, self.first = now, first
        self.total = self.examined = self.namespaces = self.waiting = self.unfinished = self.unknown = self.without_checkpoint = 0
        self.buckets = [0] * (len(AGES) + 1)
        self.oldest: float | None = None
        self.oldest_waiting: float | None = None
        self.sample, self.recent = Reservoir(), Reservoir()

    def add(self, age: ThreadAge, details: ThreadDetails) -> None:
        """Count a thread."""
        self.examined += 1
        self.sample.add(age.thread)
        self.namespaces += age.found
        time = age.time
        if not age.found:
            self.without_checkpoint += 1
        elif time is None:
            self.unknown += 1
        else:
            self.buckets[bucket(self.now - time)] += 1
            self.oldest = _earlier(self.oldest, time)
        if age.found and (time is None or (age.newest or "") >= self.first):
            self.recent.add(age.thread)
        self.unfinished += details.unfinished
        if details.waiting:
            self.waiting += 1
            if time is not None:
                self.oldest_waiting = _earlier(self.oldest_waiting, time)

    @property
    def percent(self) -> float | None:
        """The percentage of the threads that were examined, or None for all."""
        return None if self.examined >= self.total else 100.0 * self.examined / self.total

    @property
    def method(self) -> str:
        """How the numbers were obtained."""
        return EXACT if self.percent is None else SAMPLE

    def scaled(self, number: int) -> float:
        """A number of the examined threads, extrapolated to all threads."""
        return number if self.percent is None else number * self.total / self.examined

    def figure(self, number: int) -> dict[str, Any]:
        """The extrapolated number as a figure."""
        return figure(self.scaled(number), self.method, self.percent)

    def to_dict(self) -> dict[str, Any]:
        """As a module returns it, without the figures that other functions compute."""
        limits = [None, *AGES, None]
        histogram = [
            {"over_days": over or 0, "up_to_days": up_to, "threads": int(round(self.scaled(number)))}
            for over, up_to, number in zip(limits, limits[1:], self.buckets)
        ]
        return {
            "threads": self.figure(self.total if self.percent is None else self.examined),
            "namespaces": self.figure(self.namespaces),
            "waiting": dict(self.figure(self.waiting), oldest=_text(self.oldest_waiting)),
            "unfinished": self.figure(self.unfinished),
            "ages": dict(
                method_of(self.method, self.percent),
                histogram=histogram,
                age_unknown=int(round(self.scaled(self.unknown))),
                no_checkpoint=self.without_checkpoint if self.percent is None else None,
                oldest=_text(self.oldest),
            ),
        }


def nothing_known() -> dict[str, Any]:
    """The figures of a Population that could not be read."""
    without_value = {key: value for key, value in missing().items() if key != "value"}
    return {
        "threads": missing(),
        "namespaces": missing(),
        "waiting": dict(missing(), oldest=None),
        "unfinished": missing(),
        "ages": dict(without_value, histogram=None, age_unknown=None, no_checkpoint=None, oldest=None),
    }


def survey(threads: TimedThreads, pages: int, first: str, shares: tuple[float, float]) -> Population:
    """The Population of all threads, or of a sample if the time is too short. pages: the size of the table of checkpoints. Raises OutOfTime.

    shares: the shares of the time after which the attempt to read all threads ends, and after which the sample ends.
    """
    threads.budget.until(shares[0])
    population = Population(threads.now, first)
    try:
        for ages in threads.pages(EVERY):
            _add(threads, population, ages)
        population.total = population.examined
        return population
    except OutOfTime:
        threads.budget.until(shares[1])
    rows, percents = threads.sampled(FIRST_ROWS, {"checkpoints": pages}, {})
    percent = percents["checkpoints"]
    population, ids = Population(threads.now, first), [row["thread_id"] for row in rows]
    population.total = int(round(len(ids) * (1.0 if percent is None else 100.0 / percent)))
    random.Random(1).shuffle(ids)
    try:
        for part in chunks(ids):
            _add(threads, population, threads.ages(part))
    except OutOfTime:
        if not population.examined:
            raise
    if not population.examined:
        raise OutOfTime
    return population


def _add(threads: TimedThreads, population: Population, ages: Sequence[ThreadAge]) -> None:
    found = {details.thread: details for details in threads.details([age.thread for age in ages], EVERY)}
    for age in ages:
        population.add(age, found[age.thread])


def delta_channels(threads: TimedThreads, population: Population) -> dict[str, Any]:
    """The number of threads whose graph has a DeltaChannel, as a figure. All checkpoints of a thread have to be read, so many threads are sampled."""
    examined = number = 0
    try:
        for part in chunks(population.sample.shuffled()):
            number += sum(each.delta for each in threads.details(part, EVERY_DELTA))
            examined += len(part)
    except OutOfTime:
        if not examined:
            return missing()
    if examined >= population.total:
        return figure(number, EXACT)
    return figure(number * population.total / examined, SAMPLE, 100.0 * examined / population.total)


def bucket(seconds: float) -> int:
    """The place of an age in the histogram. A limit belongs to the lower of its two buckets."""
    return sum(seconds > limit * UNITS["d"] for limit in AGES)


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)


def _text(time: float | None) -> str | None:
    return None if time is None else text_of(time)
