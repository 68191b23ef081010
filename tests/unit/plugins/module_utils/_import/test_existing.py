# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""existing.py: which of the requested keys exist, however many other keys exist."""

from __future__ import annotations

import random

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._import.existing import ExistingKeys

KEYS = sorted((thread, namespace, b"%d" % number) for thread in (b"a", b"b") for namespace in (b"", b"x") for number in range(9))
ROWS = sorted([(*key, None, None) for key in KEYS[::2]] + [(*key, b"task", index) for key in KEYS[::3] for index in range(3)], key=lambda row: row[:3])


def fetch_by(size):
    """A function that returns the next rows, and [] after the last one."""
    rows = iter(ROWS)
    return lambda: [row for _number, row in zip(range(size), rows)]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_requested_keys(size, seed):
    """The keys are requested in windows of any length. Some of them exist, some do not, and other keys are in between."""
    draw = random.Random(seed)
    requested = sorted(draw.sample(KEYS, 20) + [(b"b", b"x", b"none"), (b"c", b"", b"none")])
    existing = ExistingKeys(fetch_by(size))
    while requested:
        number = draw.randrange(1, 6)
        window, requested = requested[:number], requested[number:]
        checkpoints, writes = existing.of(iter(window))
        assert checkpoints == {row[:3] for row in ROWS if row[:3] in window and row[3] is None}
        assert writes == {key: {row[3:] for row in ROWS if row[:3] == key and row[3]} for key in KEYS[::3] if key in window}


def test_keys_that_are_not_text_are_not_found():
    existing = ExistingKeys(fetch_by(3))
    assert existing.of([]) == existing.of([(b"a", b"", 7), (b"a", None, b"")]) == (set(), {})
    assert existing.of([KEYS[0], (b"a", b"x", 7), KEYS[-1]])[0] == {KEYS[0]}
