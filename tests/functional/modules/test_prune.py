# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune: random histories of real graphs through every policy, compared through the saver."""

from __future__ import annotations

import pytest
from aged_threads import TABLES, random_threads, sizes, states
from prune_runs import pruned
from scope import ALL, usual

pytestmark = pytest.mark.newest


POLICIES = [
    {"older_than": "30d"},
    {"older_than": "30d", "waiting": "delete"},
    {"threads": ["a-*"], "exclude_threads": ["*-sends-*"], "waiting": "delete"},
    {"metadata": {"tenant": "b"}, "older_than": "1d"},
    {"older_than": "30d", "keep": "latest"},
    {"threads": ["*"], "keep": "latest"},
    {"metadata": {"tenant": "a"}, "keep": "latest"},
]


@pytest.mark.parametrize("seed", usual(range(6)))
def test_kept_threads_are_what_they_were(ready, call_module, seed):
    compared = [0, 0, 0]
    threads = {thread: thread.split("-")[1] for thread in random_threads(ready, seed, actions=5, ages=(10, 40))}
    ready.execute("CREATE SCHEMA copy")
    for table in TABLES:
        ready.execute("CREATE TABLE copy.%s AS TABLE %s" % (table, table))
    before = states(ready, threads)
    for policy in POLICIES if ALL else POLICIES[::2]:
        for table in TABLES:
            ready.execute("TRUNCATE %s" % table)
            ready.execute("INSERT INTO %s TABLE copy.%s" % (table, table))
        done = pruned(call_module, ready, force=True, show_threads=True, **policy)
        left = {thread: shape for thread, shape in threads.items() if any(sizes(ready, thread))}
        assert set(done["deleted_threads"]["sample"]) == set(threads) - set(left)
        after = states(ready, left)
        for thread in left:
            state, tuples = after[thread]
            assert state == before[thread][0], (policy, thread)
            # The namespaces of finished calls of a subgraph go with keep=latest.
            assert all(tuples[space] == before[thread][1][space] for space in tuples), (policy, thread)
            assert set(tuples) == set(before[thread][1]) or (policy.get("keep") == "latest" and "" in tuples)
            compared[0] += 1
            compared[1] += len(tuples)
            compared[2] += sum(len(each["writes"]) for each in tuples.values())
    print("compared: %d states, %d checkpoints, %d pending writes, no difference" % tuple(compared))
    assert compared[0] > 20 and compared[2] > 20
