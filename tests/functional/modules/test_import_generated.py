# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints that Hypothesis generates: one saver writes them, the module imports them, and the result of the other saver is compared."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid

import pytest
from assertions import assert_succeeded
from differential import assert_same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_runs import KINDS, run
from langgraph.checkpoint.sqlite import SqliteSaver
from scope import ALL, EVERYWHERE
from sqlite_threads import Colour, Level, put

pytestmark = pytest.mark.newest

EXAMPLES = 400 if EVERYWHERE else 25 if ALL else 10
# Text in SQLite ends at a NUL, and neither SQLite nor MessagePack accepts a key with a lone surrogate: names and ids contain neither.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
TEXTS = st.text(max_size=30) | st.sampled_from(["", "\0", "\ud800", "NaN", "\\u0000", "-0", "1e22", "x" * 1001, "{", "\U0001f600"])
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats() | st.sampled_from([0.0, -0.0, 1e22, 1e-7, 5e-324, 2**53 + 1.0])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | st.binary(max_size=20)
OBJECTS = st.sampled_from([Colour.RED, Level.HIGH, uuid.UUID(int=7), decimal.Decimal("1.10"), {1, 2}, datetime.date(2026, 1, 2), bytearray(b"a"), (1, (2,))])
VALUES = st.recursive(SCALARS | OBJECTS, lambda i: st.lists(i, max_size=4) | st.dictionaries(NAMES | st.integers(-(2**31), 2**31), i, max_size=4), max_leaves=8)
PLAIN = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | NAMES
METADATA = st.dictionaries(NAMES, st.recursive(PLAIN, lambda i: st.lists(i, max_size=3) | st.dictionaries(NAMES, i, max_size=3), max_leaves=5), max_size=3)
WRITES = st.lists(st.tuples(NAMES, st.sampled_from(["", "~1", "~__pregel_pull, a"]), st.lists(st.tuples(NAMES, VALUES), max_size=3)), max_size=3)
# Versions of a channel: as the savers number them, as old releases did, and other values.
VERSIONS = st.sampled_from([lambda n: "%032d.0.%d" % (n, n * 7), lambda n: n, float, lambda n: n + 0.5, lambda n: n * 1e17])
CHECKPOINTS = st.lists(
    st.fixed_dictionaries(
        {"values": st.dictionaries(NAMES, VALUES, max_size=5), "metadata": METADATA, "writes": WRITES, "space": st.sampled_from(["", "sub:1"])}
    ),
    min_size=1, max_size=4,
)  # fmt: skip
THREADS = st.lists(st.tuples(CHECKPOINTS, VERSIONS, st.booleans()), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def compared():
    """The counts of all examples, printed at the end."""
    total = [0, 0, 0, 0]
    yield total
    print("generated: %d checkpoints, %d channel values, %d pending writes the same; %d checkpoints rejected" % tuple(total))


def test_generated_checkpoints(ready, call_module, path, compared):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(THREADS)
    def generated(threads):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        ready.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
        written = write(path, threads)
        predicted = run(call_module, ready, path, check=True, on_unreadable="skip")
        done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
        assert [predicted[kind] for kind in KINDS] == [done[kind] for kind in KINDS]
        assert done["verified"]["differences"] == 0
        refused = {(each["thread_id"], each["checkpoint_ns"], each["checkpoint_id"]) for each in done["rejected"]["sample"]}
        for key in refused:
            assert may_be_rejected(*written[key]), (key, done["rejected"]["sample"])
        counts = assert_same(path, ready, but=refused)
        for place, number in enumerate((*counts, len(refused))):
            compared[place] += number
        again = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
        assert not again["changed"]

    generated()
    assert compared[0] > EXAMPLES and compared[1] > EXAMPLES and compared[2] > EXAMPLES / 2


def write(path, threads):
    """Write the threads with the saver. Returns {key: (checkpoint, whether its versions are passed with it)}."""
    written = {}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number, (checkpoints, numbering, versioned) in enumerate(threads):
            parents = {}
            for step, each in enumerate(checkpoints):
                versions = {name: numbering(step + 1) for name in each["values"]} if versioned else {}
                space, thread = each["space"], "thread %d" % number
                parents[space] = put(saver, thread, each["values"], versions, "%04d" % step, parents.get(space), each["metadata"], space, each["writes"])
                written[thread, space, parents[space]] = each, versioned
    return written


def may_be_rejected(each, versioned):
    """Values without a version, names that PostgresSaver cannot read back, and metadata that JSONB changes may be rejected. Versioned plain data may not."""
    names = [*each["values"], *(task for task, _path, _some in each["writes"]), *(channel for _task, _path, some in each["writes"] for channel, _value in some)]
    return not versioned or any("\\" in name for name in names) or "-0.0" in json.dumps(each["metadata"])
