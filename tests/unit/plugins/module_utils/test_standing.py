# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""_standing.py: each key is given once, at the first question that reaches as far as it."""

from __future__ import annotations

import random

import pytest
from ansible_collections.stateops.langgraph.plugins.module_utils._standing import Standing

KEYS = sorted((thread, space, b"%d" % number) for thread in (b"a", b"b") for space in (b"", b"x") for number in range(9))
ROWS = sorted([(*key, None, None) for key in KEYS[::2]] + [(*key, b"task", index) for key in KEYS[::3] for index in range(3)], key=lambda row: row[:3])


def fetched(size):
    """Rows by so many, then none, however often it is asked."""
    rows = iter(ROWS)
    return lambda: [row for _number, row in zip(range(size), rows)]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_each_key_once_and_in_time(size, seed):
    questions = sorted(random.Random(seed).sample(KEYS, 6)) + [KEYS[-1], KEYS[-1]]
    standing, before = Standing(fetched(size)), ()
    for last in questions:
        there, writes = standing.upto(last)
        assert there == {row[:3] for row in ROWS if before < row[:3] <= last and row[3] is None}
        assert writes == {key: {row[3:] for row in ROWS if row[:3] == key and row[3]} for key in KEYS[::3] if before < key <= last}
        before = last


def test_nothing_is_taken_for_nothing():
    standing = Standing(fetched(3))
    assert standing.upto(()) == (set(), {})
    assert standing.upto(KEYS[-1])[0] == set(KEYS[::2])
