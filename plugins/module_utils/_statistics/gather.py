# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all figures in a bounded time: the cheap ones first, and each group until its share of the time is over."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import text_of
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import SHORTEST, Budget, OutOfTime, TimedThreads
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import OUT_OF_TIME, missing
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.growth import Days, growth, no_growth
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.largest import largest_channels, largest_threads
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.population import delta_channels, nothing_known, survey
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.prediction import predicted
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.tables import read_sizes, tables
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import ATTEMPTS, SECONDS, postgres_orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

Result = TypeVar("Result")

# Violations because of which the queries would fail or read rows other than LangGraph's. Other violations that prevent a migration do not matter here.
UNREADABLE = (rules.TABLE_KIND, rules.TABLE_SHAPE, rules.TABLE_SHALLOW, rules.TABLE_PARTITIONED, rules.TABLE_INHERITED) + (
    rules.COLUMN_MISSING,
    rules.COLUMN_TYPE,
    rules.COLUMN_COLLATION,
    rules.ROW_SECURITY,
)
# The shares of the time after which each group ends. The time that a group does not use is left for the next ones.
TABLES, LARGEST, ALL_THREADS, SOME_THREADS, GROWTH, DELTA, ORPHANS, PREDICTION, PREDICTION_SAMPLE = 0.1, 0.25, 0.45, 0.55, 0.65, 0.7, 0.8, 0.95, 1.0
# Queries on threads read by the primary keys, as in a deletion. The queries on samples are planned without these settings.
BY_KEYS = ("enable_seqscan", "enable_bitmapscan", "enable_sort")
SET = "SELECT set_config(s.name, %(value)s, false) FROM unnest(%(names)s::text[]) AS s(name)"


class Facts:
    """The facts of a run. now: on the server's clock. oldest: the time of the newest checkpoint of the oldest thread, or None. figures: as returned."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.oldest: float | None = None
        self.figures: dict[str, Any] = {}


def gather(connection: Connection, schema: Schema, params: Mapping[str, Any], policy: Policy, budget: Budget | None = None) -> Facts:
    """The Facts. connection: read-only, with search_path pg_catalog. policy: one that selects nothing is not predicted."""
    budget = budget or Budget(connection, params["time_limit"], params["statement_timeout"])
    threads = TimedThreads(connection, schema.name, budget)
    facts, days = Facts(threads.now), Days(threads.now, params["days"])
    try:
        rows = read_sizes(threads, schema.name)
    except OutOfTime:
        message = "The sizes of the tables were not read within %s seconds. Raise time_limit, or run again when the server has less to do."
        raise ModuleError(message % budget.seconds) from None
    pages = {name: row["pages"] for name, row in rows.items()}
    budget.until(TABLES)
    sizes = tables(threads, schema.name, rows)
    found = facts.figures
    found.update(at=text_of(threads.now), bytes=sum(each["bytes"]["total"] for each in sizes.values()), tables=sizes)
    budget.until(LARGEST)
    found["largest_threads"] = largest_threads(threads, pages, params["show_threads"])
    found["largest_channels"] = largest_channels(threads, pages)
    _read_by_keys(connection, True)
    population = _in_time(lambda: survey(threads, pages["checkpoints"], days.identifiers[0], (ALL_THREADS, SOME_THREADS)))
    found.update(nothing_known() if population is None else population.to_dict())
    found["checkpoints"] = sizes["checkpoints"]["rows"]
    facts.oldest = None if population is None else population.oldest
    budget.until(GROWTH)
    found["growth"] = no_growth() if population is None else growth(threads, population, days)
    budget.until(DELTA)
    found["delta_channel"] = missing() if population is None else delta_channels(threads, population)
    _read_by_keys(connection, False)
    budget.until(ORPHANS)
    found["orphans"] = _orphans(connection, schema, params["orphan_grace"], budget)
    _read_by_keys(connection, True)
    shares = (PREDICTION, PREDICTION_SAMPLE)
    found["retention"] = predicted(threads, policy, population, shares, params["show_threads"]) if policy.selects else None
    return facts


def _in_time(read: Callable[[], Result]) -> Result | None:
    """The result of read(), or None if the time was over."""
    try:
        return read()
    except OutOfTime:
        return None


def _read_by_keys(connection: Connection, only: bool) -> None:
    """Whether PostgreSQL plans queries by the keys only. If the limit of the last statement ends this one, only the plans differ."""
    with contextlib.suppress(psycopg.errors.QueryCanceled):
        connection.execute(SET, {"names": list(BY_KEYS), "value": "off" if only else "on"})


def _orphans(connection: Connection, schema: Schema, grace: float, budget: Budget) -> dict[str, Any]:
    """The orphans, as checkpoint_schema_info returns them."""
    try:
        # Its limits end with the transaction.
        with connection.transaction():
            return postgres_orphans(connection, schema, grace, min(SECONDS, max(SHORTEST, budget.left / ATTEMPTS)))
    except psycopg.errors.QueryCanceled:
        return {"writes": {"count": None, "reason": OUT_OF_TIME}, "blobs": {"count": None, "reason": OUT_OF_TIME}}
