# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures at a limit, figures above it, and missing figures."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import figure, missing
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.limits import Limits

DAY = 86400
NOW = 1.7e9


def facts(**more):
    table = {"dead_percent": 10.0, "dead_rows": figure(5000, "estimate")}
    tables = {name: dict(table) for name in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")}
    made = {"bytes": 1024**3, "tables": tables, "waiting": dict(figure(5, "exact"), oldest=None), "ages": {"histogram": [], "reason": None, "age_unknown": 0}}
    return dict(made, **more)


def exceeded(given, oldest=NOW - 90 * DAY, **more):
    return Limits.of(given).exceeded(facts(**more), NOW, oldest)


@pytest.mark.parametrize(
    "given, found, allowed",
    [
        ({"bytes": "1GB"}, None, None),
        ({"bytes": "1023MB"}, "1073741824", str(1023 * 1024**2)),
        ({"oldest_age": "90d"}, None, None),
        ({"oldest_age": "89d"}, "90d", "89d"),
        ({"dead_percent": 10}, None, None),
        ({"waiting_threads": 5}, None, None),
        ({"waiting_threads": 0}, "5", "0"),
        ({}, None, None),
    ],
)
def test_a_limit(given, found, allowed):
    entries = exceeded(given)
    assert [(each["found"], each["allowed"]) for each in entries] == ([(found, allowed)] if found else [])
    assert all(each["message"].count(".") >= 1 for each in entries)


def test_each_table_has_its_own_dead_rows():
    entries = exceeded({"dead_percent": 9.5})
    assert [each["found"] for each in entries] == ["10.0"] * 3 and "checkpoint_blobs" in entries[1]["message"]
    few = {"dead_percent": 50.0, "dead_rows": figure(999, "estimate")}
    assert exceeded({"dead_percent": 9.5}, tables=dict.fromkeys(("checkpoints", "checkpoint_blobs", "checkpoint_writes"), few)) == []


def test_no_thread_has_no_age():
    assert exceeded({"oldest_age": "1s"}, oldest=None) == []
    assert exceeded({"oldest_age": "1h"}, oldest=NOW - 7200)[0]["found"] == "7200s"


def test_a_figure_from_a_sample_says_so():
    (entry,) = exceeded({"waiting_threads": 5}, waiting=dict(figure(80, "sample", 2.5), oldest=None))
    assert entry["message"].startswith("About 80 threads wait")


def test_a_figure_that_is_not_known_exceeds_every_limit():
    (entry,) = exceeded({"waiting_threads": 10**6}, waiting=dict(missing(), oldest=None))
    assert entry["found"] is None and "could not be checked" in entry["message"]
    (entry,) = exceeded({"oldest_age": "999d"}, ages={"histogram": None, "reason": "no time"})
    assert entry["found"] is None and "no time" in entry["message"]
    (entry,) = exceeded({"oldest_age": "999d"}, oldest=None, ages={"histogram": [], "age_unknown": 3})
    assert entry["found"] is None and "no id of a checkpoint shows when" in entry["message"] and "time_limit" not in entry["message"]


@pytest.mark.parametrize("given", [{"bytes": "x"}, {"bytes": ""}, {"oldest_age": "90"}, {"dead_percent": -1}, {"dead_percent": 100.1}, {"waiting_threads": -1}])
def test_other_values_are_refused(given):
    with pytest.raises(ModuleError, match="limits.%s is" % next(iter(given))):
        Limits.of(given)
