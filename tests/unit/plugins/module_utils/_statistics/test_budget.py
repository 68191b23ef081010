# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of a run, the sizes of samples, and the parts in which threads are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import CHUNKS, SHORTEST, Budget, OutOfTime, attempts, chunks


class Session:
    """Records the limit of each statement."""

    def __init__(self):
        self.limits = []

    def execute(self, query, parameters):
        if "statement_timeout" in query:
            self.limits.append(int(parameters[0]) / 1000)
        return self

    def fetchall(self):
        return []


@pytest.fixture
def budget():
    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    made = Budget(Session(), 60, 10, Clock())
    return made


def test_a_statement_is_limited_to_the_time_that_is_left(budget):
    budget.until(0.5)
    budget.rows("SELECT 1", {})
    budget.clock.now += 25
    budget.rows("SELECT 1", {})
    budget.rows("SELECT 1", {}, part=0.5)
    budget.clock.now += 4.9
    budget.rows("SELECT 1", {})
    assert budget.connection.limits == [10, 5, 2.5, SHORTEST]
    budget.clock.now += 0.2
    with pytest.raises(OutOfTime):
        budget.rows("SELECT 1", {})
    # The next group can also use the time that the previous group has left.
    budget.until(1.0)
    budget.rows("SELECT 1", {})
    assert budget.connection.limits[-1] == 10 and len(budget.connection.limits) == 5


def test_no_statement_timeout(budget):
    unlimited = Budget(Session(), 60, 0, budget.clock)
    unlimited.rows("SELECT 1", {})
    assert unlimited.connection.limits == [60]


@pytest.mark.parametrize(
    "pages, expected",
    [
        (0, [None]),
        (64, [None]),
        (65, [None, 6400 / 65]),
        (1024, [None, 25.0, 6.25]),
        (16384, [None, 6.25, 1.5625, 0.390625]),
        (16385, [102400 / 16385, 25600 / 16385, 6400 / 16385]),
        (1024000, [0.1, 0.025, 0.00625]),
    ],
)
def test_attempts(pages, expected):
    found = [each["t"] for each in attempts({"t": pages})]
    assert found == pytest.approx(expected) if None not in expected else (found[0] is None and found[1:] == pytest.approx(expected[1:]))


def test_several_tables_are_sampled_together():
    found = list(attempts({"small": 10, "large": 102400}))
    assert found == [{"small": None, "large": 1.0}, {"small": None, "large": 0.25}, {"small": None, "large": 0.0625}]


@given(st.integers(0, 3000))
def test_chunks(number):
    ids = [str(each) for each in range(number)]
    parts = list(chunks(ids))
    assert [each for part in parts for each in part] == ids
    assert all(len(part) <= CHUNKS[1] for part in parts) and (not parts or len(parts[0]) <= CHUNKS[0])
