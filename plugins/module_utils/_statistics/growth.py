# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints and bytes of each of the last days, by the time in the ids. Only the rows of these days are read, in the order of the primary keys."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import first_identifier
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import UNITS
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.queries import ASKED, NAMESPACES, version_6
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import OutOfTime, chunks
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import EXACT, OUT_OF_TIME, SAMPLE, method_of

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import TimedThreads
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.population import Population

DAY = UNITS["d"]
# A channel value has no time. It counts for the first checkpoint that names it. So each namespace is read from the last checkpoint before the first day:
# the values that this checkpoint names are older. A pending write counts for its checkpoint.
GROWTH = (
    """
WITH spaces AS MATERIALIZED (
  SELECT a.thread_id, s.checkpoint_ns, coalesce((
    SELECT c.checkpoint_id FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.checkpoint_ns = s.checkpoint_ns AND c.checkpoint_id < %(first)s
    ORDER BY c.checkpoint_id DESC LIMIT 1), %(first)s) AS start
  FROM """
    + ASKED
    + " CROSS JOIN LATERAL ("
    + NAMESPACES
    + """) AS s WHERE s.checkpoint_id >= %(first)s
), found AS MATERIALIZED (
  SELECT p.thread_id, p.checkpoint_ns, x.day, x.bytes, x.versions
  FROM spaces p CROSS JOIN LATERAL (
    SELECT width_bucket(x.checkpoint_id COLLATE "C", %(days)s::text[]) AS day, {size_0} AS bytes, x.checkpoint -> 'channel_versions' AS versions
    FROM {checkpoints} x WHERE x.thread_id = p.thread_id AND x.checkpoint_ns = p.checkpoint_ns AND x.checkpoint_id >= p.start AND """
    + version_6("x.checkpoint_id")
    + """ ORDER BY x.checkpoint_id OFFSET 0
  ) AS x
)
SELECT d.day, sum(d.checkpoints)::int8 AS checkpoints, sum(d.bytes)::int8 AS bytes FROM (
  SELECT f.day, 1 AS checkpoints, f.bytes FROM found f
  UNION ALL
  SELECT w.day, 0, w.bytes FROM spaces p CROSS JOIN LATERAL (
    SELECT width_bucket(x.checkpoint_id COLLATE "C", %(days)s::text[]) AS day, {size_2} AS bytes
    FROM {checkpoint_writes} x WHERE x.thread_id = p.thread_id AND x.checkpoint_ns = p.checkpoint_ns AND x.checkpoint_id >= %(first)s AND """
    + version_6("x.checkpoint_id")
    + """ ORDER BY x.checkpoint_id OFFSET 0
  ) AS w
  UNION ALL
  SELECT n.day, 0, b.bytes FROM (
    SELECT f.thread_id, f.checkpoint_ns, v.key, v.value, min(f.day) AS day
    FROM found f CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(f.versions) WHEN 'object' THEN f.versions END) AS v GROUP BY 1, 2, 3, 4
  ) AS n CROSS JOIN LATERAL (
    SELECT {size_1} AS bytes FROM {checkpoint_blobs} x WHERE x.thread_id = n.thread_id AND x.checkpoint_ns = n.checkpoint_ns AND x.channel = n.key
    AND x.version BETWEEN n.value AND n.value ORDER BY x.version LIMIT 1
  ) AS b WHERE n.day > 0
) AS d WHERE d.day BETWEEN 1 AND %(number)s GROUP BY d.day
"""
)


class Days:
    """The last days in UTC, including the current one. number: how many. now: seconds since 1970."""

    def __init__(self, now: float, number: int) -> None:
        self.starts = [(math.floor(now / DAY) - number + 1 + place) * DAY for place in range(number)]
        # The first id of each day, and the first one after the last day.
        self.identifiers = [first_identifier(start) for start in self.starts] + [first_identifier(self.starts[-1] + DAY)]


def growth(threads: TimedThreads, population: Population, days: Days) -> dict[str, Any]:
    """What a module returns as growth. Only threads with a checkpoint in these days are read."""
    number, examined = len(days.starts), 0
    checkpoints, bytes_ = [0] * number, [0] * number
    parameters = {"first": days.identifiers[0], "days": days.identifiers, "number": number}
    try:
        for part in chunks(population.recent.shuffled()):
            for row in threads.rows(GROWTH, dict(parameters, ids=list(part))):
                checkpoints[row["day"] - 1] += row["checkpoints"]
                bytes_[row["day"] - 1] += row["bytes"]
            examined += len(part)
    except OutOfTime:
        if not examined:
            return no_growth()
    total = population.scaled(population.recent.total)
    scale = total / examined if examined else 1.0
    exact = population.percent is None and examined == population.recent.total
    return dict(
        method_of(EXACT) if exact else method_of(SAMPLE, 100.0 / scale if examined else population.percent),
        days=[
            {
                "day": datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%d"),
                "checkpoints": int(round(checkpoints[place] * scale)),
                "bytes": int(round(bytes_[place] * scale)),
            }
            for place, start in enumerate(days.starts)
        ],
    )


def no_growth() -> dict[str, Any]:
    """The result if nothing was read in time."""
    return dict(method_of(None, None, OUT_OF_TIME), days=None)
