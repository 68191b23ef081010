# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts rows without their checkpoint in bounded time. No foreign key prevents such rows."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import creation_time
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg, sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

# Seconds for one attempt to count. If it takes longer, a smaller sample is counted.
SECONDS = 3
# A table with more pages (usually of 8 KiB) is sampled at the first attempt.
COUNTED_WHOLE = 16384
# Pages of the first sample and of the second one.
SAMPLES = (1024, 64)
# One query for the sizes, and for each table one for the whole table and one for each sample.
ATTEMPTS = 1 + 2 * (1 + len(SAMPLES))
# Orphaned checkpoint ids whose age is examined. If there are more, the result says so.
IDS = 10000
# Steps of SQLite's virtual machine between two checks of the time.
SEARCH_STEPS = 10000

LIMIT = "SELECT set_config('statement_timeout', %s, true)"
# From the catalog, which every role can read.
PAGES = """
SELECT c.relname AS name, pg_relation_size(c.oid) / current_setting('block_size')::int AS pages
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY(%s)
"""

WRITES = """
SELECT w.checkpoint_id AS id, count(*) AS rows
FROM {writes} w {sample}
WHERE NOT EXISTS (SELECT FROM {checkpoints} c WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
GROUP BY 1 LIMIT {limit}
"""

# EXCEPT sorts or hashes, however the planner estimates jsonb_each_text. A join could compare each row with each.
BLOBS = """
WITH seen AS MATERIALIZED (SELECT thread_id, checkpoint_ns, channel, version FROM {blobs} b {sample}),
threads AS (SELECT DISTINCT thread_id, checkpoint_ns FROM seen)
SELECT count(*) AS rows FROM (
    SELECT thread_id, checkpoint_ns, channel, version FROM seen
    EXCEPT
    SELECT c.thread_id, c.checkpoint_ns, v.key, v.value
    FROM threads t JOIN {checkpoints} c ON c.thread_id = t.thread_id AND c.checkpoint_ns = t.checkpoint_ns CROSS JOIN LATERAL jsonb_each_text(
        CASE WHEN jsonb_typeof(c.checkpoint -> 'channel_versions') = 'object' THEN c.checkpoint -> 'channel_versions' ELSE '{{}}' END) AS v
) AS unnamed
"""

# In the order of the primary key, so that SQLite returns each group as soon as it is complete, without a sort.
SQLITE_WRITES = """
SELECT w.checkpoint_id, count(*) FROM writes w
WHERE NOT EXISTS (SELECT 1 FROM checkpoints c
                  WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
GROUP BY w.thread_id, w.checkpoint_ns, w.checkpoint_id
"""


def postgres_orphans(connection: Connection, schema: Schema, grace: float, seconds: float | None = None) -> dict[str, Any]:
    """{'writes', 'blobs'} of a PostgreSQL Schema whose tables exist. Call it last inside snapshot(), since its time limit remains set.

    seconds: for one of at most ATTEMPTS attempts, by default SECONDS.
    A table that is too large to be counted in time is sampled, and sampled_percent says so.
    If the rows may not be read, or if no sample is counted in time, the count is None and reason says why.
    """
    names = ("checkpoint_writes", "checkpoint_blobs")
    seconds = SECONDS if seconds is None else seconds
    try:
        with connection.transaction():
            connection.execute(LIMIT, (str(max(1, int(seconds * 1000))),))
            pages = {row["name"]: row["pages"] or 0 for row in connection.execute(PAGES, (schema.name, list(names)))}
    except psycopg.Error as error:
        return {"writes": _uncounted(connection, error), "blobs": _uncounted(connection, error)}
    places = {name: sql.Identifier(schema.name, name) for name in names + ("checkpoints",)}
    places = {name.replace("checkpoint_", ""): place for name, place in places.items()}
    return {
        "writes": _counted(connection, places, pages[names[0]], seconds, _writes, grace),
        "blobs": _counted(connection, places, pages[names[1]], seconds, _blobs),
    }


def _counted(
    connection: Connection, places: Mapping[str, sql.Identifier], pages: int, seconds: float, count: Callable[..., dict[str, Any]], *arguments: Any
) -> dict[str, Any]:
    """The result of count() for the whole table, or for the first sample that is counted in time. pages: the table's size."""
    for percent in _percentages(pages):
        try:
            with connection.transaction():
                counts = count(connection, places, _sample(percent), *arguments)
                counts["sampled_percent"] = percent
                return counts
        # The limit applies to the statement that returns to the savepoint as well.
        except (psycopg.errors.QueryCanceled, psycopg.errors.InFailedSqlTransaction):
            continue
        except psycopg.Error as error:  # if columns are missing, the comparison of the schemas reports it
            return _uncounted(connection, error)
    return {"count": None, "reason": "neither the table nor a sample of it was counted within %.3g s" % seconds}


def _uncounted(connection: Connection, error: psycopg.Error) -> dict[str, Any]:
    if lost(connection):
        raise error
    return {"count": None, "reason": one_line(error)}


def _percentages(pages: int) -> Iterator[float | None]:
    """The attempts in order: None for the whole table, or the percentage to sample. pages: the table's size."""
    if pages <= COUNTED_WHOLE:
        yield None
    for sample in SAMPLES:
        if sample < pages:
            yield 100.0 * sample / pages


def _sample(percent: float | None) -> sql.Composed:
    # The same pages each time, so that two runs can be compared.
    return sql.SQL("" if percent is None else "TABLESAMPLE SYSTEM ({}) REPEATABLE (1)").format(sql.Literal(percent))


def _writes(connection: Connection, places: Mapping[str, sql.Identifier], sample: sql.Composed, grace: float) -> dict[str, Any]:
    query = sql.SQL(WRITES).format(sample=sample, limit=sql.Literal(IDS + 1), **places)
    return by_age(((row["id"], row["rows"]) for row in connection.execute(query)), grace)


def _blobs(connection: Connection, places: Mapping[str, sql.Identifier], sample: sql.Composed) -> dict[str, Any]:
    return {"count": fetch_row(connection, sql.SQL(BLOBS).format(sample=sample, **places))["rows"]}


def sqlite_orphans(connection: sqlite3.Connection, grace: float) -> dict[str, Any] | None:
    """The orphaned writes in an open SQLite file whose tables exist; None if columns are missing.

    If the time is up, only the rows found until then are counted, and limited is true.
    """
    end = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, SEARCH_STEPS)
    try:
        return by_age(_until_interrupted(connection), grace)
    except sqlite3.OperationalError as error:
        if "no such column" not in str(error):
            raise
        return None
    finally:
        connection.set_progress_handler(None, SEARCH_STEPS)


def _until_interrupted(connection: sqlite3.Connection) -> Iterator[tuple[str, int] | None]:
    """The rows that SQLite returns in time, then None if there may be more."""
    try:
        yield from connection.execute(SQLITE_WRITES)
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        yield None


def by_age(pairs: Iterable[tuple[str, int] | None], grace: float, now: float | None = None) -> dict[str, Any]:
    """Counts from pairs (checkpoint id, rows). A None among the pairs means that the remaining rows were not read.

    count: rows older than the grace period, in seconds. recent: rows within it. age_unknown: rows whose id is not a version 6 UUID.
    An id from the future is recent. limited: whether there may be more rows than were read.
    """
    now = time.time() if now is None else now
    counts: dict[str, Any] = {"count": 0, "recent": 0, "age_unknown": 0, "limited": False}
    for number, pair in enumerate(pairs):
        if pair is None or number >= IDS:
            counts["limited"] = True
            break
        identifier, rows = pair
        created = creation_time(identifier)
        if created is None:
            counts["age_unknown"] += rows
        elif now - created < grace:
            counts["recent"] += rows
        else:
            counts["count"] += rows
    return counts
