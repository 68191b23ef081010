# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""policy.py: how the options of a policy are read, and why it keeps a thread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import first_identifier
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import (
    REASONS,
    Policy,
    ThreadAge,
    ThreadDetails,
    policy_argument_spec,
    seconds_of,
)

NOW = 1.7e9
DAY = 86400


def policy(**options):
    defaults = {name: option.get("default") for name, option in policy_argument_spec().items()}
    return Policy.of(dict(defaults, **options))


def age(days, thread="t", **more):
    return ThreadAge(thread, **dict({"found": True, "newest": first_identifier(NOW - days * DAY)[:19] + "8000-000000000000", "other": False}, **more))


def details(**more):
    nothing = dict.fromkeys(("other", "waiting", "unfinished", "delta", "unreadable"), False)
    return ThreadDetails("t", **{**nothing, "matched": True, "newest": first_identifier(NOW - 40 * DAY), "written": None, **more})


@pytest.mark.parametrize("text, seconds", [("30d", 30 * DAY), ("1s", 1), ("90 m", 5400), (" 2w ", 14 * DAY), ("12h", 43200)])
def test_durations(text, seconds):
    assert seconds_of("older_than", text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "0d", "30D", "1d 2h", "1mo", "٣d" * 20, "9999999999d", "30d; DROP"])
def test_other_texts_are_refused(text):
    with pytest.raises(ModuleError, match="older_than is .*30d"):
        seconds_of("older_than", text)


def test_what_selects():
    assert policy(older_than="1d").selects and policy(threads=["a"]).selects and policy(metadata={"a": None}).selects
    assert not policy().selects and not policy(exclude_threads=["a"], keep="latest", waiting="delete").selects


@pytest.mark.parametrize("option", ["threads", "metadata"])
def test_an_empty_value_is_refused(option):
    with pytest.raises(ModuleError, match="%s is empty" % option):
        policy(**{option: [] if option == "threads" else {}, "older_than": "1d"})


def test_only_ids_without_patterns_are_listed():
    assert policy(threads=["b", "a", "b"]).ids == ("a", "b")
    assert policy(threads=["a", "b*"]).ids is None and policy(older_than="1d").ids is None


def test_the_age():
    """Threads that are exactly as old as the limit, and those with ids from the future, are kept."""
    chosen = policy(older_than="30d")
    assert chosen.kept_by_age(age(30.001), NOW) is None
    assert {chosen.kept_by_age(each, NOW) for each in (age(30), age(29.999), age(-5))} == {"recent"}
    assert {chosen.kept_by_age(each, NOW) for each in (age(40, other=True), age(40, newest=None, other=True))} == {"age_unknown"}
    assert chosen.kept_by_age(age(0, found=False, newest=None), NOW) == "no_checkpoint"
    assert policy(threads=["t"]).kept_by_age(age(0, other=True), NOW) is None
    assert age(40, other=True).time is None and age(40).time == pytest.approx(NOW - 40 * DAY)


def test_threads_without_a_checkpoint():
    gone = age(0, found=False, newest=None)
    assert policy(threads=["t"]).kept_by_age(gone, NOW) is None
    for options in ({"keep": "latest"}, {"older_than": "1d"}, {"metadata": {"a": 1}}):
        assert policy(threads=["t"], **options).kept_by_age(gone, NOW) == "no_checkpoint"


def test_excluded_threads_are_excluded_from_everything():
    assert policy(threads=["t"], exclude_threads=["t"]).kept_by_age(age(100), NOW) == "excluded"
    assert policy(older_than="1d", exclude_threads=["?"]).kept_by_age(age(100), NOW) == "excluded"


@pytest.mark.parametrize(
    "options, found, reason",
    [
        ({}, {}, None),
        ({}, {"matched": False, "waiting": True}, "other_metadata"),
        ({}, {"other": True}, "age_unknown"),
        ({}, {"written": first_identifier(NOW)}, "recent"),
        ({}, {"written": first_identifier(NOW - 40 * DAY)}, None),
        ({}, {"newest": first_identifier(NOW)}, "recent"),
        ({}, {"newest": None}, "no_checkpoint"),
        ({}, {"newest": None, "written": first_identifier(NOW)}, "recent"),
        ({}, {"waiting": True, "unfinished": False}, "waiting"),
        ({}, {"unfinished": True}, "unfinished"),
        ({"waiting": "delete"}, {"waiting": True, "unfinished": True}, None),
        ({}, {"delta": True, "unreadable": True}, None),
        ({"keep": "latest"}, {"delta": True}, "delta_channel"),
        ({"keep": "latest"}, {"unreadable": True, "delta": True}, "unreadable"),
        ({"keep": "latest"}, {"waiting": True}, None),
        ({"older_than": None, "threads": ["t"]}, {"other": True, "newest": None, "written": first_identifier(NOW)}, None),
    ],
)
def test_details(options, found, reason):
    assert policy(**dict({"older_than": "30d"}, **options)).kept_by_details(details(**dict({"matched": True}, **found)), NOW) == reason
    assert reason is None or reason in REASONS


@given(st.integers(1, 10**6), st.floats(0, 4e9))
def test_the_cutoff_is_as_old_as_the_option_says(seconds, now):
    assert policy(older_than="%ds" % seconds).cutoff(now) == first_identifier(now - seconds)
