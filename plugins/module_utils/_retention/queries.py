# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL of retention. It runs with search_path pg_catalog and reads by the primary keys.

No query joins two sets of rows of a thread: PostgreSQL would plan it from the average thread, and long threads are the ones to prune. LIMIT keeps
a subquery from becoming such a join, and from hashing a whole table. ORDER BY makes it use the primary key, also if the statistics
are outdated. The last column has BETWEEN for this reason: PostgreSQL ignores the order of a column that has one value.
"""

from __future__ import annotations


def version_6(identifier: str) -> str:
    """Whether an id has the form of a version 6 UUID. The digits of the newest id are checked later.

    A regular expression would take ten times as long, and LIKE with another collation than C twice as long.
    """
    return '({0} COLLATE "C" LIKE \'________-____-6___-____-____________\' AND {0} = lower({0} COLLATE "C"))'.format(identifier)


def _last_thread(condition: str) -> str:
    """The last thread that fulfils a condition, with the last namespace that has a checkpoint, and the newest checkpoint there."""
    return """
  LEFT JOIN LATERAL (SELECT x.thread_id, x.checkpoint_ns, x.checkpoint_id FROM {checkpoints} x WHERE %(condition)s
                     ORDER BY x.thread_id DESC, x.checkpoint_ns DESC, x.checkpoint_id DESC LIMIT 1) AS c ON true
  LEFT JOIN LATERAL (SELECT x.thread_id FROM {checkpoint_blobs} x WHERE %(condition)s ORDER BY x.thread_id DESC LIMIT 1) AS b ON true
  LEFT JOIN LATERAL (SELECT x.thread_id FROM {checkpoint_writes} x WHERE %(condition)s ORDER BY x.thread_id DESC LIMIT 1) AS w ON true
""" % {"condition": condition}


# The threads from the last id to the first, with what AGES returns for a thread without subgraphs. For a thread with another namespace than '', AGES has to
# be read. Each step is one access to each primary key, however many rows a thread has. greatest() ignores NULL. LIMIT ends the recursion.
THREADS = (
    """
WITH RECURSIVE t AS (
  (SELECT greatest(c.thread_id, b.thread_id, w.thread_id) AS thread_id, c.thread_id AS saved, c.checkpoint_ns, c.checkpoint_id FROM (SELECT) AS one """
    + _last_thread("{before}")
    + """)
  UNION ALL
  SELECT greatest(c.thread_id, b.thread_id, w.thread_id), c.thread_id, c.checkpoint_ns, c.checkpoint_id FROM t """
    + _last_thread("x.thread_id < t.thread_id")
    + """ WHERE t.thread_id IS NOT NULL
)
SELECT t.thread_id, n.found::int AS found, CASE WHEN n.found THEN t.checkpoint_id END AS newest, n.found AND NOT """
    + version_6("t.checkpoint_id")
    + """ AS other, n.found AND t.checkpoint_ns <> '' AS more
FROM t CROSS JOIN LATERAL (SELECT t.saved IS NOT DISTINCT FROM t.thread_id AS found) AS n WHERE t.thread_id IS NOT NULL LIMIT %(limit)s
"""
)
# Ids are sent in binary format (%b), because psycopg takes five times as long to write an array as text.
ASKED = "unnest(%(ids)b::text[]) WITH ORDINALITY AS a(thread_id, place)"
PRESENT = (
    "SELECT a.thread_id FROM "
    + ASKED
    + """
WHERE (SELECT true FROM {checkpoints} x WHERE x.thread_id = a.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_writes} x WHERE x.thread_id = a.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_blobs} x WHERE x.thread_id = a.thread_id LIMIT 1)
ORDER BY a.place
"""
)
# The namespaces of thread a that have a checkpoint, and the newest checkpoint of each: the one that get_tuple() returns. Each step is one access to the
# primary key, from the last namespace to the first, which is the graph's own ('') in nearly all threads.
NAMESPACES = """
  WITH RECURSIVE n(checkpoint_ns, checkpoint_id) AS (
    (SELECT c.checkpoint_ns, c.checkpoint_id FROM {checkpoints} c WHERE c.thread_id = a.thread_id
     ORDER BY c.checkpoint_ns DESC, c.checkpoint_id DESC LIMIT 1)
    UNION ALL
    SELECT p.checkpoint_ns, p.checkpoint_id FROM n CROSS JOIN LATERAL (
      SELECT c.checkpoint_ns, c.checkpoint_id FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.checkpoint_ns < n.checkpoint_ns
      ORDER BY c.checkpoint_ns DESC, c.checkpoint_id DESC LIMIT 1
    ) AS p WHERE n.checkpoint_ns <> ''
  )
  SELECT n.checkpoint_ns, n.checkpoint_id FROM n
"""
AGES = (
    """
SELECT a.thread_id, m.found, m.newest, m.other
FROM """
    + ASKED
    + """ CROSS JOIN LATERAL (
  SELECT count(*) AS found, NOT coalesce(bool_and("""
    + version_6("s.checkpoint_id")
    + """), true) AS other, max(s.checkpoint_id COLLATE "C") AS newest
  FROM ("""
    + NAMESPACES
    + """) AS s
) AS m
ORDER BY a.place
"""
)
# The counters that PostgresSaver keeps for a DeltaChannel, the sign of LangGraph.js, and a snapshot: an inline true with a blob.
# A thread that update_state() of langgraph 1.2.0 began shows none of them: the channel has a version, but no value, and no step ran since.
DELTA = """
    (SELECT true FROM {checkpoints} c WHERE c.thread_id = a.thread_id
            AND (c.metadata ? 'counters_since_delta_snapshot' OR c.metadata ? 'delta_writes_versioned') LIMIT 1) IS TRUE
    OR EXISTS (
      SELECT FROM {checkpoints} c
      CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(c.checkpoint -> 'channel_values') WHEN 'object' THEN c.checkpoint -> 'channel_values' END) AS v
      CROSS JOIN LATERAL (SELECT FROM {checkpoint_blobs} b WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = v.key
                          AND b.version BETWEEN c.checkpoint -> 'channel_versions' ->> v.key AND c.checkpoint -> 'channel_versions' ->> v.key
                          ORDER BY b.version LIMIT 1) AS b
      WHERE c.thread_id = a.thread_id AND v.value = 'true'::jsonb)
    OR EXISTS (
      SELECT FROM ("""
DELTA += (
    NAMESPACES
    + """) AS s
      CROSS JOIN LATERAL (SELECT * FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.checkpoint_ns = s.checkpoint_ns
                          AND c.checkpoint_id BETWEEN s.checkpoint_id AND s.checkpoint_id ORDER BY c.checkpoint_id LIMIT 1) AS c
      CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(c.checkpoint -> 'channel_versions') WHEN 'object' THEN c.checkpoint -> 'channel_versions' END) AS v
      WHERE c.metadata ->> 'source' IS DISTINCT FROM 'loop' AND v.key NOT IN ('__start__', '__pregel_tasks') AND NOT starts_with(v.key, 'branch:')
        AND NOT coalesce(c.checkpoint -> 'channel_values' ? v.key, false)
        AND (SELECT true FROM {checkpoint_blobs} b WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = v.key
                        AND b.version BETWEEN v.value AND v.value ORDER BY b.version LIMIT 1) IS NOT TRUE
        AND (SELECT true FROM {checkpoints} l WHERE l.thread_id = c.thread_id AND l.checkpoint_ns = c.checkpoint_ns
                        AND l.metadata ->> 'source' = 'loop' ORDER BY l.checkpoint_id LIMIT 1) IS NOT TRUE)
"""
)
UNREADABLE = """
    (SELECT true FROM {checkpoints} c WHERE c.thread_id = a.thread_id
            AND (coalesce(jsonb_typeof(c.checkpoint -> 'channel_versions') <> 'object', false)
                 OR coalesce(jsonb_typeof(c.checkpoint -> 'channel_values') <> 'object', false)
                 OR coalesce(c.checkpoint ->> 'v', '') !~ '^[0-9]{{1,9}}$') LIMIT 1) IS TRUE
"""
# The sizes of values as they are stored. A value that TOAST stores is not read. The parent is not counted, because prune() of the library sets it to NULL.
SIZES_OF = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint", "metadata"),
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type", "blob"),
}
SIZE = {table: " + ".join("coalesce(pg_column_size(x.%s), 0)" % column for column in columns) for table, columns in SIZES_OF.items()}
# The rows of a table that belong to thread a, and their bytes.
MEASURED = {table: "count(*) AS rows_%d, coalesce(sum(%s), 0)::int8 AS bytes_%d" % (number, SIZE[table], number) for number, table in enumerate(SIZES_OF)}
# An interrupt is a pending write of the newest checkpoint. A breakpoint (interrupt_before, interrupt_after) leaves only the signs of a next step:
# a trigger channel or an input that no node has read, or a pending send. After the sends, their list is stored as empty (in msgpack or JSON).
# If a node failed, the thread does not wait for anybody.
DETAILS = (
    """
SELECT a.thread_id,
  %(metadata)s::jsonb IS NULL
  OR (SELECT true FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.metadata @> %(metadata)s::jsonb LIMIT 1) IS TRUE AS matched,
  coalesce(i.other, false) OR coalesce(j.other, false) AS other, i.newest, j.written,
  coalesce(h.waiting, false) AS waiting, coalesce(h.unfinished AND NOT h.waiting AND NOT h.failed, false) AS unfinished,
  {delta} AS delta, {unreadable} AS unreadable {sizes}
FROM """
    + ASKED
    + """
CROSS JOIN LATERAL (
  SELECT NOT bool_and("""
    + version_6("x.checkpoint_id")
    + """) AS other, max(x.checkpoint_id COLLATE "C") AS newest {measured_0} FROM {checkpoints} x WHERE x.thread_id = a.thread_id AND %(timed)s
) AS i
CROSS JOIN LATERAL (
  SELECT NOT bool_and("""
    + version_6("x.checkpoint_id")
    + """) AS other, max(x.checkpoint_id COLLATE "C") AS written {measured_2} FROM {checkpoint_writes} x WHERE x.thread_id = a.thread_id AND %(timed)s
) AS j
{blobs}
-- The channel of sends is an empty list, in msgpack or in JSON, after its tasks have run.
LEFT JOIN LATERAL (
  SELECT
    (SELECT true FROM {checkpoint_writes} w WHERE w.thread_id = a.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = c.checkpoint_id
            AND w.channel = '__interrupt__' LIMIT 1) IS TRUE AS waiting,
    (SELECT true FROM {checkpoint_writes} w WHERE w.thread_id = a.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = c.checkpoint_id
            AND w.channel = '__error__' LIMIT 1) IS TRUE AS failed,
    EXISTS (SELECT FROM jsonb_each(CASE jsonb_typeof(c.checkpoint -> 'channel_values') WHEN 'object' THEN c.checkpoint -> 'channel_values' END) AS v
            WHERE v.key = '__start__' OR starts_with(v.key, 'branch:') OR starts_with(v.key, 'start:'))
    OR EXISTS (SELECT FROM unnest('{{__start__,__pregel_tasks}}'::text[]) AS v(key) CROSS JOIN LATERAL (
                 SELECT FROM {checkpoint_blobs} b WHERE b.thread_id = a.thread_id AND b.checkpoint_ns = '' AND b.channel = v.key
                 AND b.version = c.checkpoint -> 'channel_versions' ->> v.key AND b.type <> 'empty'
                 AND (v.key = '__start__' OR b.blob NOT IN (decode('90', 'hex'), decode('5b5d', 'hex'))) LIMIT 1) AS b)
    OR (SELECT true FROM {checkpoint_writes} w WHERE w.thread_id = a.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = c.parent_checkpoint_id
               AND w.channel = '__pregel_tasks' AND c.checkpoint ->> 'v' IN ('1', '2', '3') LIMIT 1) IS TRUE AS unfinished
  FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.checkpoint_ns = '' ORDER BY c.checkpoint_id DESC LIMIT 1
) AS h ON true
ORDER BY a.place
"""
)
# The places of DETAILS that also return what SIZES returns, so that both are read in one snapshot.
WITH_SIZES = {
    "sizes": ", i.rows_0, i.bytes_0, k.rows_1, k.bytes_1, j.rows_2, j.bytes_2",
    "measured_0": ", " + MEASURED["checkpoints"],
    "measured_2": ", " + MEASURED["checkpoint_writes"],
    "blobs": "CROSS JOIN LATERAL (SELECT %s FROM {checkpoint_blobs} x WHERE x.thread_id = a.thread_id) AS k" % MEASURED["checkpoint_blobs"],
}
SIZES = (
    "SELECT a.thread_id, t0.*, t1.*, t2.* FROM "
    + ASKED
    + "".join(
        " CROSS JOIN LATERAL (SELECT %s FROM {%s} x WHERE x.thread_id = a.thread_id) AS t%d" % (MEASURED[table], table, number)
        for number, table in enumerate(SIZES_OF)
    )
    + " ORDER BY a.place"
)
# The caller compares the numbers of rows with those that were read before.
DELETE_THREADS = tuple("DELETE FROM {%s} x WHERE x.thread_id = ANY (%%(ids)b::text[])" % table for table in SIZES_OF)
# Deleted threads to which a run wrote that had started before. The first checkpoint of a new thread has no parent; that of such a run names a deleted one.
# Without a checkpoint of the graph itself, the rows belong to a checkpoint that is older than the deletion.
LATE = (
    """
SELECT a.thread_id FROM """
    + ASKED
    + """
LEFT JOIN LATERAL (
  SELECT CASE c.checkpoint_ns WHEN '' THEN c.parent_checkpoint_id IS NOT NULL
         ELSE coalesce("""
    + version_6("(c.metadata -> 'parents' ->> '')")
    + """ AND (c.metadata -> 'parents' ->> '') COLLATE "C" < %(before)s, false) END AS late
  FROM {checkpoints} c WHERE c.thread_id = a.thread_id ORDER BY c.checkpoint_ns, c.checkpoint_id LIMIT 1
) AS o ON true
WHERE coalesce(o.late, (SELECT bool_and("""
    + version_6("w.checkpoint_id")
    + """ AND w.checkpoint_id COLLATE "C" < %(before)s)
                        FROM {checkpoint_writes} w WHERE w.thread_id = a.thread_id), false)
"""
)
# The transactions that were complete when a run began, for age().
HORIZON = "SELECT extract(epoch FROM clock_timestamp())::float8 AS now, pg_snapshot_xmin(pg_current_snapshot())::xid::text AS horizon"
# Pending writes without a checkpoint, by age. Only these rows are read; the others are found by the keys.
ORPHANED_WRITES = (
    """
SELECT w.thread_id, w.checkpoint_ns, w.checkpoint_id, z.rows, z.bytes, """
    + version_6("w.checkpoint_id")
    + """ AS timed, w.checkpoint_id COLLATE "C" < %(cutoff)s AS old
FROM """
    + ASKED
    + """ CROSS JOIN LATERAL (
  SELECT x.thread_id, x.checkpoint_ns, x.checkpoint_id FROM {checkpoint_writes} x WHERE x.thread_id = a.thread_id GROUP BY 1, 2, 3
) AS w CROSS JOIN LATERAL (
  SELECT count(*) AS rows, sum({size_2})::int8 AS bytes FROM {checkpoint_writes} x
  WHERE x.thread_id = w.thread_id AND x.checkpoint_ns = w.checkpoint_ns AND x.checkpoint_id = w.checkpoint_id
) AS z
WHERE (SELECT true FROM {checkpoints} c WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns
       AND c.checkpoint_id BETWEEN w.checkpoint_id AND w.checkpoint_id ORDER BY c.checkpoint_id LIMIT 1) IS NOT TRUE
"""
)
# Blobs that no checkpoint of their thread and namespace names, and that were stored before the run began.
ORPHANED_BLOBS = (
    """
SELECT a.thread_id, o.checkpoint_ns, o.channel, o.version
FROM """
    + ASKED
    + """ CROSS JOIN LATERAL (
  SELECT x.checkpoint_ns, x.channel, x.version FROM {checkpoint_blobs} x WHERE x.thread_id = a.thread_id AND age(x.xmin) > age(%(horizon)s::text::xid)
  EXCEPT
  SELECT c.checkpoint_ns, v.key, v.value FROM {checkpoints} c
  CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(c.checkpoint -> 'channel_versions') WHEN 'object' THEN c.checkpoint -> 'channel_versions' END) AS v
  WHERE c.thread_id = a.thread_id
) AS o
"""
)
KEYS = "unnest(%(a)b::text[], %(b)b::text[], %(c)b::text[], %(d)b::text[]) AS k(a, b, c, d)"
BLOB_SIZES = (
    "SELECT k.a AS thread_id, {size_1} AS bytes FROM "
    + KEYS
    + " JOIN {checkpoint_blobs} x ON (x.thread_id, x.checkpoint_ns, x.channel, x.version) = (k.a, k.b, k.c, k.d)"
)
DELETE_BLOBS = "DELETE FROM {checkpoint_blobs} x USING " + KEYS + " WHERE (x.thread_id, x.checkpoint_ns, x.channel, x.version) = (k.a, k.b, k.c, k.d)"
DELETE_WRITES = (
    "DELETE FROM {checkpoint_writes} x USING unnest(%(a)b::text[], %(b)b::text[], %(c)b::text[]) AS k(a, b, c)"
    " WHERE (x.thread_id, x.checkpoint_ns, x.checkpoint_id) = (k.a, k.b, k.c)"
)
