# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills LangGraph's tables with as many rows as an application writes in some years. The server generates the rows.

The rows are stored as an application stores them: oldest first, with a thousand threads active at the same time and four checkpoints in each turn of a thread.
The ids of threads are UUIDs, whose order does not depend on the age of the threads.
"""

from __future__ import annotations

# Each thread has twenty checkpoints.
THREAD = "md5('thread ' || (number - 1) / 20000 * 1000 + (number - 1) / 4 % 1000)::uuid::text"
# Version 6 UUIDs, one per second.
IDENTIFIER = """
CREATE FUNCTION identifier(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(time, 1, 8) || '-' || substr(time, 9, 4) || '-6' || substr(time, 13) || '-8000-' || lpad(to_hex(number), 12, '0')
    FROM (SELECT lpad(to_hex(((1750000000 - number)::numeric * 10000000 + 122192928000000000)::bigint), 15, '0') AS time) AS ticks
$$
"""
ROWS = (
    """
    INSERT INTO {schema}.checkpoints (thread_id, checkpoint_id, checkpoint, metadata)
    SELECT {thread}, identifier(number), jsonb_build_object(
        'v', 4, 'id', identifier(number), 'ts', '2026-01-01T00:00:00+00:00', 'channel_values', jsonb_build_object('step', number),
        'channel_versions', jsonb_object_agg(channel, lpad(number::text, 32, '0') || '.0.' || place),
        'versions_seen', jsonb_build_object('__input__', jsonb_build_object(), 'agent', jsonb_build_object('messages', number))),
        '{{"step": 1, "source": "loop", "parents": {{}}}}'
    FROM generate_series(1, {rows}) AS number, unnest('{{messages,__start__,step,branch:to:agent}}'::text[]) WITH ORDINALITY AS channels(channel, place)
    GROUP BY number ORDER BY number DESC
    """,
    """
    INSERT INTO {schema}.checkpoint_blobs
    SELECT {thread}, '', 'messages', lpad(number::text, 32, '0') || '.0.1', 'bytes', decode(repeat(md5(number::text), 6), 'hex')
    FROM generate_series(1, {rows}) AS number ORDER BY number DESC
    """,
    """
    INSERT INTO {schema}.checkpoint_writes
    SELECT {thread}, '', identifier(number), md5(number::text), 0, 'messages', 'bytes', decode(repeat(md5(number::text), 3), 'hex'), ''
    FROM generate_series(1, {rows}) AS number ORDER BY number DESC
    """,
    "ANALYZE",
)


def fill(database, schema, rows):
    """Insert this many checkpoints, with one blob and one pending write each. None of the rows is an orphan."""
    database.execute(IDENTIFIER)
    for statement in ROWS:
        database.execute(statement.format(schema=schema, rows=rows, thread=THREAD))
