# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""counts.py: sums, samples of bounded length, and hashes."""

from __future__ import annotations

import hashlib
import json

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import SHOWN, PolicyCounts, Sizes


def counted(*threads, time=5.0):
    counts = PolicyCounts()
    for thread in threads:
        counts.considered += 1
        counts.remove(thread, Sizes(1, 10, 2, 20, 3, 30), False, time)
    return counts


def test_sums():
    counts = counted("a", "b")
    counts.merge(counted("c"))
    counts.keep("d", "delta_channel", 100.0)
    counts.trim("e", Sizes(1, 1), 50.0)
    counts.trim("f", Sizes(), 70.0)
    found = counts.to_dict(True)
    assert found["rows"] == {"checkpoints": 4, "blobs": 6, "writes": 9} and found["bytes"] == {"checkpoints": 31, "blobs": 60, "writes": 90}
    assert found["threads"] == {"considered": 2, "deleted": 3, "trimmed": 1, "kept": 2, "remaining": 0}
    assert found["kept"]["delta_channel"] == found["kept"]["nothing_older"] == 1 and sum(found["kept"].values()) == 2
    # The time is that of the oldest thread that was not deleted.
    assert found["oldest_left"] == "1970-01-01T00:00:50Z"
    assert found["deleted_threads"]["sample"] == ["a", "b", "c"] and found["delta_threads"] == {"total": 1, "sample": ["d"]}


def test_ids_are_hashed():
    found = counted("alice", "\u00e4").to_dict(False)
    assert found["deleted_threads"]["sample"][0] == "sha256:" + hashlib.sha256(b"alice").hexdigest()
    assert "alice" not in json.dumps(found) and found["oldest_left"] is None


def test_samples_are_bounded():
    """A sample has the first ids, whatever the order in which they were counted, because a real run counts by age, and check mode by id."""
    names = ["id %03d" % number for number in range(SHOWN + 5)]
    for order in (names, names[::-1]):
        counts = counted(*order)
        counts.merge(counted("last", "a"))
        assert counts.to_dict(True)["deleted_threads"] == {"total": SHOWN + 7, "sample": ["a", *names[: SHOWN - 1]]}
