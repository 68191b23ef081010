# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest threads and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import hashed
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.queries import SIZES_OF
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import OutOfTime
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import EXACT, OUT_OF_TIME, SAMPLE, method_of

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import TimedThreads

# How many are shown.
SHOWN = 10
# Characters of the name of a channel.
LONGEST = 200
PARTS = tuple(
    "SELECT x.thread_id, %s AS checkpoints, {scale_%s} AS rows, ({size_%d}) * {scale_%s} AS bytes FROM {%s} x {sample_%s}"
    % ("{scale_%s}" % table if number == 0 else "0.0", table, number, table, table, table)
    for number, table in enumerate(SIZES_OF)
)
THREADS = (
    "SELECT t.thread_id, sum(t.checkpoints)::int8 AS checkpoints, sum(t.rows)::int8 AS rows, sum(t.bytes)::int8 AS bytes FROM ("
    + " UNION ALL ".join(PARTS)
    + ") AS t GROUP BY t.thread_id ORDER BY bytes DESC, t.thread_id LIMIT %(limit)s"
)
CHANNELS = (
    "SELECT left(t.channel, %(longest)s) AS channel, sum(t.rows)::int8 AS rows, sum(t.bytes)::int8 AS bytes FROM ("
    + " UNION ALL ".join(
        "SELECT x.channel, {scale_%s} AS rows, ({size_%d}) * {scale_%s} AS bytes FROM {%s} x {sample_%s}" % (table, number, table, table, table)
        for number, table in enumerate(SIZES_OF)
        if number
    )
    + ") AS t GROUP BY t.channel ORDER BY bytes DESC, t.channel LIMIT %(limit)s"
)


def largest_threads(threads: TimedThreads, pages: dict[str, int], show_threads: bool) -> dict[str, Any]:
    """What a module returns as largest_threads. In a sample, large threads have the most rows; those found are then measured, as far as time permits."""
    try:
        rows, percents = threads.sampled(THREADS, {table: pages[table] for table in SIZES_OF}, {"limit": SHOWN})
    except OutOfTime:
        return dict(method_of(None, None, OUT_OF_TIME), threads=None)
    read = [percent for percent in percents.values() if percent is not None]
    found = []
    for row in rows:
        measured = dict(row, method=SAMPLE if read else EXACT)
        if read:
            try:
                sizes = threads.sizes([row["thread_id"]])[row["thread_id"]]
                measured = {"checkpoints": sizes.rows[0], "rows": sum(sizes.rows), "bytes": sum(sizes[1::2]), "method": EXACT}
            except OutOfTime:
                pass
        thread = row["thread_id"] if show_threads else hashed(row["thread_id"])
        found.append({"thread": thread, **{key: measured[key] for key in ("checkpoints", "rows", "bytes", "method")}})
    found.sort(key=lambda each: -each["bytes"])
    return dict(method_of(SAMPLE, min(read)) if read else method_of(EXACT), threads=found)


def largest_channels(threads: TimedThreads, pages: dict[str, int]) -> dict[str, Any]:
    """What a module returns as largest_channels."""
    try:
        tables = [table for number, table in enumerate(SIZES_OF) if number]
        rows, percents = threads.sampled(CHANNELS, {table: pages[table] for table in tables}, {"limit": SHOWN, "longest": LONGEST})
    except OutOfTime:
        return dict(method_of(None, None, OUT_OF_TIME), channels=None)
    read = [percent for percent in percents.values() if percent is not None]
    return dict(method_of(SAMPLE, min(read)) if read else method_of(EXACT), channels=rows)
