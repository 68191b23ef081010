# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of each table, its rows, and when it was last vacuumed and analyzed: from the catalog, which every role can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql, table_name
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import text_of
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import MIGRATIONS_TABLE, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import OutOfTime
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import ESTIMATE, EXACT, SAMPLE, figure, missing
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import COUNTED_WHOLE

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.budget import TimedThreads

SIZES = """
SELECT c.relname AS name, c.relpages, c.reltuples::float8 AS tuples, coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int AS pages,
  coalesce(pg_table_size(c.oid), 0) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS heap,
  coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS toast, coalesce(pg_indexes_size(c.oid), 0) AS indexes,
  s.n_live_tup AS live, s.n_dead_tup AS dead,
  extract(epoch FROM s.last_vacuum)::float8 AS vacuum, extract(epoch FROM s.last_autovacuum)::float8 AS autovacuum,
  extract(epoch FROM s.last_analyze)::float8 AS analyze, extract(epoch FROM s.last_autoanalyze)::float8 AS autoanalyze
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s::text[]) AND c.relkind = 'r'
"""
COUNT = "SELECT count(*) AS rows FROM {%s} x {sample_%s}"
# It has few rows, and a role that may read only the other tables cannot count them.
MIGRATIONS = "SELECT count(*) AS rows FROM {}"


def read_sizes(threads: TimedThreads, schema: str) -> dict[str, dict[str, Any]]:
    """{table: its row of SIZES}. A table that does not exist is left out. Raises OutOfTime."""
    return {row["name"]: row for row in threads.budget.rows(SIZES, {"schema": schema, "tables": list(TABLES)})}


def tables(threads: TimedThreads, schema: str, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """{table: its figures as a module returns them}. found: of read_sizes()."""
    return {name: _table(threads, schema, found[name]) for name in TABLES if name in found}


def _table(threads: TimedThreads, schema: str, row: dict[str, Any]) -> dict[str, Any]:
    live, dead = row["live"] or 0, row["dead"] or 0
    return {
        "rows": _rows(threads, schema, row),
        "bytes": {
            "heap": row["heap"],
            "toast": row["toast"],
            "indexes": row["indexes"],
            "total": row["heap"] + row["toast"] + row["indexes"],
        },
        "dead_rows": figure(dead, ESTIMATE),
        "dead_percent": round(100.0 * dead / (live + dead), 1) if live + dead else 0.0,
        "last_vacuum": _last(row["vacuum"], row["autovacuum"]),
        "last_analyze": _last(row["analyze"], row["autoanalyze"]),
    }


def _last(manual: float | None, automatic: float | None) -> dict[str, Any] | None:
    """The later of two times, or None if both are unknown."""
    times = [time for time in (manual, automatic) if time is not None]
    return {"at": text_of(max(times)), "automatic": automatic == max(times)} if times else None


def _rows(threads: TimedThreads, schema: str, row: dict[str, Any]) -> dict[str, Any]:
    """The number of rows: counted if the table is small, otherwise the planner's estimate, or a sample if there is none."""
    name, pages = row["name"], row["pages"]
    analyzed = row["tuples"] >= 0 and row["relpages"] > 0
    estimate = figure(row["tuples"] / row["relpages"] * pages, ESTIMATE) if analyzed else missing()
    if name == MIGRATIONS_TABLE:
        try:
            counted = threads.budget.rows(sql.SQL(MIGRATIONS).format(table_name(schema, name)), {})
            return figure(counted[0]["rows"], EXACT)
        except psycopg.errors.InsufficientPrivilege:
            return estimate if analyzed else missing("this role may not read the table, and the table was never analyzed")
        except OutOfTime:
            return estimate
    if pages > COUNTED_WHOLE and analyzed:
        return estimate
    try:
        counted, percents = threads.sampled(COUNT % (name, name), {name: pages}, {})
    except OutOfTime:
        return estimate
    percent = percents[name]
    return figure(counted[0]["rows"], EXACT) if percent is None else figure(counted[0]["rows"] * 100.0 / percent, SAMPLE, percent)
