# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows without their checkpoint, which no foreign key watches over, counted in bounded time."""

from __future__ import annotations

import sqlite3
import time
import uuid

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql

# Seconds for one attempt at counting. A count that takes longer is left for that of a smaller sample.
SECONDS = 3
# A table of more pages (8 KiB, mostly) is sampled at once.
COUNTED_WHOLE = 16384
# Pages of a sample, and of the one after it.
SAMPLES = (1024, 64)
# Orphaned checkpoint ids that are told apart by age; more are only counted as being more.
IDS = 10000
# Steps of SQLite's virtual machine between two looks at the clock.
SEARCH_STEPS = 10000
# The Gregorian epoch of UUIDs, in seconds before the Unix epoch (RFC 9562, 5.1).
GREGORIAN = 12219292800

LIMIT = "SELECT set_config('statement_timeout', %s, true)"
# By the catalog, since a name is resolved with a right to the schema alone.
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

# EXCEPT sorts or hashes, whatever the planner thinks of jsonb_each_text: as a join it may take each row against each.
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

# In the order of the primary key, so that groups come one by one and none waits for a sort.
SQLITE_WRITES = """
SELECT w.checkpoint_id, count(*) FROM writes w
WHERE NOT EXISTS (SELECT 1 FROM checkpoints c
                  WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
GROUP BY w.thread_id, w.checkpoint_ns, w.checkpoint_id
"""


def postgres_orphans(connection, schema, grace):
    """{'writes', 'blobs'} of a PostgreSQL Schema whose tables are there. Call it last inside snapshot(): its time limit stays.

    A table that is too large to be counted in time is sampled, and sampled_percent says so.
    Where the rows may not be read or not even a sample is counted in time, the count is None and the reason stands beside it:
    that is not the same as none.
    """
    names = ("checkpoint_writes", "checkpoint_blobs")
    try:
        with connection.transaction():
            connection.execute(LIMIT, (str(int(SECONDS * 1000)),))
            pages = {row["name"]: row["pages"] or 0 for row in connection.execute(PAGES, (schema.name, list(names)))}
    except psycopg.Error as error:
        return {"writes": _untold(connection, error), "blobs": _untold(connection, error)}
    places = {name: sql.Identifier(schema.name, name) for name in names + ("checkpoints",)}
    places = {name.replace("checkpoint_", ""): place for name, place in places.items()}
    return {
        "writes": _told(connection, places, pages[names[0]], _writes, grace),
        "blobs": _told(connection, places, pages[names[1]], _blobs),
    }


def _told(connection, places, pages, count, *arguments):
    """What count() makes of the table or of the first sample for which the time suffices. pages: the table's size."""
    for percent in _shares(pages):
        try:
            with connection.transaction():
                counts = count(connection, places, _sample(percent), *arguments)
                counts["sampled_percent"] = percent
                return counts
        except psycopg.errors.QueryCanceled:
            continue
        except psycopg.Error as error:  # a table of another shape is the comparison's business
            return _untold(connection, error)
    return {"count": None, "reason": "not counted within %s s, nor was a sample of it" % SECONDS}


def _untold(connection, error):
    if lost(connection):
        raise error
    return {"count": None, "reason": one_line(error)}


def _shares(pages):
    """What to try, one after the other: None for the whole of a table of so many pages, or the percentage to sample."""
    if pages <= COUNTED_WHOLE:
        yield None
    for sample in SAMPLES:
        if sample < pages:
            yield 100.0 * sample / pages


def _sample(percent):
    # The same pages each time, so that two runs can be compared.
    return sql.SQL("" if percent is None else "TABLESAMPLE SYSTEM ({}) REPEATABLE (1)").format(sql.Literal(percent))


def _writes(connection, places, sample, grace):
    query = sql.SQL(WRITES).format(sample=sample, limit=sql.Literal(IDS + 1), **places)
    return by_age(((row["id"], row["rows"]) for row in connection.execute(query)), grace)


def _blobs(connection, places, sample):
    return {"count": connection.execute(sql.SQL(BLOBS).format(sample=sample, **places)).fetchone()["rows"]}


def sqlite_orphans(connection, grace):
    """The orphaned writes of an open SQLite file whose tables are there; None where they have another shape.

    Where the time does not suffice, what was found until then, and limited is true.
    """
    end = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, SEARCH_STEPS)
    try:
        return by_age(_in_time(connection), grace)
    except sqlite3.OperationalError as error:
        if "no such column" not in str(error):
            raise
        return None
    finally:
        connection.set_progress_handler(None, SEARCH_STEPS)


def _in_time(connection):
    """The rows, and None in place of those for which the time did not suffice."""
    try:
        yield from connection.execute(SQLITE_WRITES)
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        yield None


def by_age(pairs, grace, now=None):
    """Pairs (checkpoint id, rows) as counts; None among them stands for rows that were not looked at.

    count: rows older than the grace period, in seconds. recent: rows within it. age_unknown: rows whose id is no version 6 UUID.
    An id from the future is recent. limited: whether there may be more than were looked at.
    """
    now = time.time() if now is None else now
    counts = {"count": 0, "recent": 0, "age_unknown": 0, "limited": False}
    for number, pair in enumerate(pairs):
        if pair is None or number >= IDS:
            counts["limited"] = True
            break
        identifier, rows = pair
        born = birth(identifier)
        if born is None:
            counts["age_unknown"] += rows
        elif now - born < grace:
            counts["recent"] += rows
        else:
            counts["count"] += rows
    return counts


def birth(identifier):
    """When a version 6 UUID was made, in seconds since 1970; None for anything else."""
    try:
        value = uuid.UUID(identifier)
    except (ValueError, AttributeError, TypeError):
        return None
    if value.version != 6:
        return None
    number = value.int
    ticks = ((number >> 96) << 28) | (((number >> 80) & 0xFFFF) << 12) | ((number >> 64) & 0x0FFF)
    return ticks / 1e7 - GREGORIAN
