# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows without their checkpoint, which no foreign key watches over, counted in bounded time."""

from __future__ import annotations

import sqlite3
import time
import uuid

from ansible_collections.stateops.langgraph.plugins.module_utils._errors import one_line

try:
    import psycopg
    from psycopg import sql
except ImportError:  # the module has not entered the virtualenv yet; _virtualenv.py sees to it
    psycopg = sql = None

# A table of more pages (8 KiB) is sampled instead of read whole.
PAGES = 16384
# Orphaned checkpoint ids that are told apart by age; more are only counted as being more.
IDS = 10000
# The Gregorian epoch of UUIDs, in seconds before the Unix epoch (RFC 9562, 5.1).
GREGORIAN = 12219292800

SIZE = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int AS pages"

WRITES = """
SELECT w.checkpoint_id AS id, count(*) AS rows
FROM {writes} w {sample}
WHERE NOT EXISTS (SELECT FROM {checkpoints} c WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
GROUP BY 1 LIMIT {limit}
"""

BLOBS = """
WITH seen AS MATERIALIZED (SELECT thread_id, checkpoint_ns, channel, version FROM {blobs} b {sample}),
named AS MATERIALIZED (
    SELECT c.thread_id, c.checkpoint_ns, v.key AS channel, v.value AS version
    FROM {checkpoints} c CROSS JOIN LATERAL jsonb_each_text(
        CASE WHEN jsonb_typeof(c.checkpoint -> 'channel_versions') = 'object' THEN c.checkpoint -> 'channel_versions' ELSE '{{}}' END) AS v
    WHERE {everything} OR c.thread_id IN (SELECT thread_id FROM seen)
)
SELECT count(*) AS rows FROM seen s
WHERE NOT EXISTS (SELECT FROM named n
                  WHERE n.thread_id = s.thread_id AND n.checkpoint_ns = s.checkpoint_ns AND n.channel = s.channel AND n.version = s.version)
"""

SQLITE_WRITES = """
SELECT w.checkpoint_id, count(*) FROM writes w
WHERE NOT EXISTS (SELECT 1 FROM checkpoints c
                  WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
GROUP BY 1 LIMIT ?
"""


def postgres_orphans(connection, schema, grace):
    """{'writes', 'blobs'} of a PostgreSQL Schema whose tables are there. Call it inside snapshot().

    Where the rows may not be read, the count is None and the reason stands beside it: that is not the same as none.
    """
    places = {name: sql.Identifier(schema.name, "checkpoint_%s" % name) for name in ("writes", "blobs")}
    places["checkpoints"] = sql.Identifier(schema.name, "checkpoints")
    return {"writes": _told(connection, places, _writes, grace), "blobs": _told(connection, places, _blobs)}


def _told(connection, places, count, *arguments):
    try:
        with connection.transaction():
            return count(connection, places, *arguments)
    except psycopg.Error as error:  # a table of another shape is the comparison's business
        if connection.closed or connection.broken:
            raise
        return {"count": None, "reason": one_line(error)}


def _writes(connection, places, grace):
    percent, clause = _sample(connection, places["writes"])
    query = sql.SQL(WRITES).format(sample=clause, limit=sql.Literal(IDS + 1), **places)
    counts = by_age(((row["id"], row["rows"]) for row in connection.execute(query)), grace)
    counts["sampled_percent"] = percent
    return counts


def _blobs(connection, places):
    percent, clause = _sample(connection, places["blobs"])
    query = sql.SQL(BLOBS).format(sample=clause, everything=sql.Literal(percent is None), **places)
    return {"count": connection.execute(query).fetchone()["rows"], "sampled_percent": percent}


def _sample(connection, place):
    """(percent, clause) for a table; None and an empty clause where it is small enough to read whole."""
    pages = connection.execute(SIZE, (place.as_string(connection),)).fetchone()["pages"]
    if pages <= PAGES:
        return None, sql.SQL("")
    percent = 100.0 * PAGES / pages
    return percent, sql.SQL("TABLESAMPLE SYSTEM ({}) REPEATABLE (1)").format(sql.Literal(percent))


def sqlite_orphans(connection, grace):
    """The orphaned writes of an open SQLite file whose tables are there; None where they have another shape."""
    try:
        return by_age(connection.execute(SQLITE_WRITES, (IDS + 1,)), grace)
    except sqlite3.OperationalError as error:
        if "no such column" not in str(error):
            raise
        return None


def by_age(pairs, grace, now=None):
    """Pairs (checkpoint id, rows) as counts.

    count: rows older than the grace period, in seconds. young: rows within it. age_unknown: rows whose id is no version 6 UUID.
    limited: whether there are more than were looked at.
    """
    now = time.time() if now is None else now
    counts = {"count": 0, "young": 0, "age_unknown": 0, "limited": False}
    for number, (identifier, rows) in enumerate(pairs):
        if number >= IDS:
            counts["limited"] = True
            break
        born = birth(identifier)
        if born is None:
            counts["age_unknown"] += rows
        elif now - born < grace:
            counts["young"] += rows
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
