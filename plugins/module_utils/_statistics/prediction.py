# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retention policy would remove: the prediction of _retention, page by page until the time is over, and otherwise for a random sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import PolicyCounts
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.pruner import predict
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import OutOfTime, chunks
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import EXACT, OUT_OF_TIME, SAMPLE, method_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, ThreadAge
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import TimedThreads
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.population import Population

# The share of the time after which the run decides whether to read all threads, and the factor by which they may exceed the time in this estimate.
ENOUGH, UNCERTAIN = 0.1, 1.5
# The keys of PolicyCounts that the result contains. A sample has no lists of threads, which would suggest that they are complete.
NUMBERS = ("threads", "kept", "rows", "bytes")


def predicted(threads: TimedThreads, policy: Policy, population: Population | None, shares: tuple[float, float], show_threads: bool) -> dict[str, Any]:
    """What a module returns as retention. population: None if it could not be read.

    shares: the shares of the time after which the attempt to read all threads ends, and after which the one with a sample ends.
    """
    threads.budget.until(shares[0])
    total = population.total if population is not None and policy.chosen.patterns is None else 0
    counts, _examined, complete = _count(threads, policy, threads.pages(policy), total)
    if complete:
        found = counts.to_dict(show_threads)
        return {**method_of(EXACT), **{key: found[key] for key in (*NUMBERS, "oldest_left", "deleted_threads")}}
    threads.budget.until(shares[1])
    examined = 0
    # A list of ids has no share of all threads, and a few of them take little time.
    if population is not None and policy.ids is None:
        counts, examined, _complete = _count(threads, policy, map(threads.ages, chunks(population.sample.shuffled())))
    nothing = {"oldest_left": None, "deleted_threads": None}
    if population is None or not examined:
        return {**method_of(None, None, OUT_OF_TIME), **dict.fromkeys(NUMBERS), **nothing}
    scale = population.total / examined
    found = counts.to_dict(show_threads)
    return {**method_of(SAMPLE, 100.0 / scale), **{key: _scaled(found[key], scale) for key in NUMBERS}, **nothing}


def _count(threads: TimedThreads, policy: Policy, pages: Iterable[Sequence[ThreadAge]], total: int = 0) -> tuple[PolicyCounts, int, bool]:
    """(the counts of the pages that were read in time, the number of their threads, whether these are all).

    total: the number of all threads. If the first pages show that the time is too short for all of them, the rest is not read. 0 to read all.
    """
    counts, examined = PolicyCounts(), 0
    began, allowed = threads.budget.clock(), threads.budget.left
    try:
        for ages in pages:
            # A page counts as a whole: when the time is over, only some of its threads have been counted.
            part = predict(threads, policy, pages=[[age for age in ages if policy.considers(age.thread)]])
            counts.merge(part)
            counts.considered += part.considered
            examined += len(ages)
            took = threads.budget.clock() - began
            if took > allowed * ENOUGH and took * total > allowed * examined * UNCERTAIN:
                return counts, examined, False
    except OutOfTime:
        return counts, examined, False
    return counts, examined, True


def _scaled(numbers: dict[str, int], scale: float) -> dict[str, int]:
    return {key: int(round(number * scale)) for key, number in numbers.items()}
