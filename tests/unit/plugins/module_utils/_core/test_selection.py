# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""selection.py: ids and patterns match as with fnmatch.fnmatchcase(), and many of them match quickly."""

from __future__ import annotations

import fnmatch
import time

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter

NAMES = ["a", "A", "ab", "a.b", "a\nb", "a*b", "[a]", "a|b", "a]", "\u00e4", "", "a\\b"]
PATTERNS = ["a", "a?", "a*", "*", "?b", "[a-c]b", "[!a]*", "[a]", "[[]a]", "a.b", "[", "a|b", "a\\b", "\u00e4", "*\u00e4", "", "a*b", "a\nb"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("other", ["no such id", "no such pattern *"])
def test_patterns(pattern, other):
    matching = [name for name in NAMES if fnmatch.fnmatchcase(name, pattern)]
    assert [name for name in NAMES if name.encode() in ThreadFilter([pattern, other])] == matching
    assert [name for name in NAMES if name.encode() not in ThreadFilter((), [other, pattern])] == matching
    assert not any(name.encode() in ThreadFilter([pattern], [pattern]) for name in NAMES)


def test_nothing_is_left_out_by_default():
    assert not ThreadFilter() and b"a" in ThreadFilter()
    assert ThreadFilter(["a"]) and ThreadFilter((), ["a"])


def test_many_ids():
    """If the ids were compiled again for each thread, this would take minutes."""
    chosen = ThreadFilter((), ["thread %d" % number for number in range(20000)] + ["x%d*" % number for number in range(300)])
    started = time.monotonic()
    assert [number for number in range(19990, 20010) if b"thread %d" % number in chosen] == list(range(20000, 20010))
    assert time.monotonic() - started < 1
