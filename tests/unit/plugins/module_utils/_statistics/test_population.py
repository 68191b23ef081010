# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The histogram, the extrapolation from a sample to all threads, and random samples of a stream."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import first_identifier
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import ThreadAge, ThreadDetails
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.growth import Days
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.population import AGES, Population, Reservoir, bucket, nothing_known

DAY = 86400
NOW = 1.7e9


def identifier(days):
    return first_identifier(NOW - days * DAY)[:19] + "8000-000000000000"


def details(thread, **more):
    return ThreadDetails(
        thread, **{**dict.fromkeys(("other", "waiting", "unfinished", "delta", "unreadable"), False), "matched": True, "newest": None, "written": None, **more}
    )


def population(number, total=None):
    made = Population(NOW, identifier(30))
    for each in range(number):
        made.add(ThreadAge("t%d" % each, 1, identifier(each + 0.5), False), details("t%d" % each, waiting=each % 2 == 0))
    made.total = number if total is None else total
    return made


@pytest.mark.parametrize("days, place", [(-5, 0), (0, 0), (1, 0), (1.01, 1), (7, 1), (8, 2), (90, 3), (365, 5), (366, 6), (9999, 6)])
def test_the_limits_of_the_histogram(days, place):
    assert bucket(days * DAY) == place


def test_all_threads():
    found = population(60).to_dict()
    assert found["threads"] == {"value": 60, "method": "exact", "sampled_percent": None, "reason": None}
    assert found["waiting"]["value"] == 30 and found["ages"]["oldest"] < found["waiting"]["oldest"] < "2023-09-18"
    assert [each["threads"] for each in found["ages"]["histogram"]] == [1, 6, 23, 30, 0, 0, 0]
    assert [each["over_days"] for each in found["ages"]["histogram"]] == [0, *AGES] and found["ages"]["histogram"][-1]["up_to_days"] is None


def test_a_sample_is_extrapolated():
    found = population(60, total=6000).to_dict()
    assert found["threads"] == {"value": 6000, "method": "sample", "sampled_percent": 1.0, "reason": None}
    assert found["waiting"]["value"] == 3000 and [each["threads"] for each in found["ages"]["histogram"]][:4] == [100, 600, 2300, 3000]
    assert found["ages"]["no_checkpoint"] is None


def test_which_threads_are_recent():
    """Those with a checkpoint since the first day, and those whose age is unknown."""
    made = Population(NOW, identifier(30))
    for thread, age in (
        ("new", ThreadAge("new", 1, identifier(29), False)),
        ("old", ThreadAge("old", 1, identifier(31), False)),
        ("other", ThreadAge("other", 1, "zzz", True)),
        ("none", ThreadAge("none", 0, None, False)),
    ):
        made.add(age, details(thread))
    assert made.recent.items == ["new", "other"] and made.sample.total == 4
    assert (made.unknown, made.without_checkpoint, sum(made.buckets)) == (1, 1, 2)


def test_nothing_known_has_the_same_keys():
    found, known = nothing_known(), population(3).to_dict()
    assert set(found) == set(known) and all(set(found[name]) == set(known[name]) for name in known)


def test_a_reservoir_is_a_random_sample():
    counts = [0] * 1000
    for start in range(300):
        made = Reservoir(100)
        for each in range(1000):
            made.add((each + start * 7) % 1000)
        assert made.total == 1000 and len(set(made.items)) == 100
        for each in made.items:
            counts[each] += 1
    # The random numbers are the same for each rotation of the input, so each item is chosen about as often as any other.
    assert 5 < min(counts) and max(counts) < 70
    assert sorted(made.shuffled()) == sorted(made.items) and made.shuffled() != sorted(made.items) and made.shuffled() == made.shuffled()


def test_the_days_are_those_of_utc():
    days = Days(1.7e9, 3)  # 2023-11-14T22:13:20Z
    assert [start % DAY for start in days.starts] == [0, 0, 0] and days.starts[-1] <= 1.7e9 < days.starts[-1] + DAY
    assert days.identifiers == sorted(days.identifiers) and len(days.identifiers) == 4
