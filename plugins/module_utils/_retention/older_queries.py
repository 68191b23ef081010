# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL that predicts what prune() of the library deletes with keep_latest.

These are kept: the newest checkpoint of each namespace, and its parent if the checkpoint is older than version 4 and the parent has pending sends; the pending
writes of both; and the blobs that they name. The namespace of a subgraph's call, which has a colon, is deleted with the root checkpoint that it started from,
if that checkpoint is stored.
"""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.queries import ASKED, NAMESPACES

MARKED = (
    """
WITH heads AS MATERIALIZED (
  SELECT a.thread_id, s.checkpoint_ns, s.checkpoint_id AS head, p.parent, p.root, p.root_saved
  FROM """
    + ASKED
    + " CROSS JOIN LATERAL ("
    + NAMESPACES
    + """) AS s CROSS JOIN LATERAL (
    SELECT
      CASE WHEN (CASE WHEN c.checkpoint ->> 'v' ~ '^[0-9]{{1,9}}$' THEN (c.checkpoint ->> 'v')::int END) < 4 AND (
        SELECT true FROM {checkpoint_writes} w WHERE w.thread_id = a.thread_id AND w.checkpoint_ns = s.checkpoint_ns
        AND w.checkpoint_id BETWEEN c.parent_checkpoint_id AND c.parent_checkpoint_id AND w.channel = '__pregel_tasks'
        ORDER BY w.checkpoint_id LIMIT 1) IS TRUE THEN c.parent_checkpoint_id END AS parent,
      c.metadata -> 'parents' ->> '' AS root,
      (SELECT true FROM {checkpoints} r WHERE r.thread_id = a.thread_id AND r.checkpoint_ns = ''
              AND r.checkpoint_id BETWEEN c.metadata -> 'parents' ->> '' AND c.metadata -> 'parents' ->> ''
              ORDER BY r.checkpoint_id LIMIT 1) IS TRUE AS root_saved
    FROM {checkpoints} c WHERE c.thread_id = a.thread_id AND c.checkpoint_ns = s.checkpoint_ns AND c.checkpoint_id BETWEEN s.checkpoint_id AND s.checkpoint_id
    ORDER BY c.checkpoint_id LIMIT 1
  ) AS p
), marked AS MATERIALIZED (
  SELECT *, strpos(checkpoint_ns, ':') > 0 AND root_saved
    AND root IS DISTINCT FROM max(head) FILTER (WHERE checkpoint_ns = '') OVER w
    AND root IS DISTINCT FROM max(parent) FILTER (WHERE checkpoint_ns = '') OVER w AS call
  FROM heads WINDOW w AS (PARTITION BY thread_id)
)
"""
)
# The namespaces of calls that are deleted.
CALLS = MARKED + "SELECT thread_id, checkpoint_ns FROM marked WHERE call"
OLDER = (
    MARKED
    + """, found AS MATERIALIZED (
  SELECT m.thread_id, m.checkpoint_ns, x.checkpoint_id, x.bytes, x.versions,
    m.call OR (x.checkpoint_id <> m.head AND x.checkpoint_id IS DISTINCT FROM m.parent) AS gone
  FROM marked m CROSS JOIN LATERAL (
    SELECT x.checkpoint_id, {size_0} AS bytes, x.checkpoint -> 'channel_versions' AS versions
    FROM {checkpoints} x WHERE x.thread_id = m.thread_id AND x.checkpoint_ns = m.checkpoint_ns ORDER BY x.checkpoint_id OFFSET 0
  ) AS x
), deleted AS (
  SELECT thread_id, 0 AS part, bytes FROM found WHERE gone
  UNION ALL
  SELECT thread_id, 1, max(bytes) FROM (
    SELECT f.thread_id, f.checkpoint_ns, v.key, v.value, NULL::int AS bytes, f.gone, NOT f.gone AS kept, false AS call
    FROM found f CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(f.versions) WHEN 'object' THEN f.versions END) AS v
    UNION ALL
    SELECT m.thread_id, m.checkpoint_ns, x.channel, x.version, x.bytes, false, false, m.call FROM marked m CROSS JOIN LATERAL (
      SELECT x.channel, x.version, {size_1} AS bytes FROM {checkpoint_blobs} x
      WHERE x.thread_id = m.thread_id AND x.checkpoint_ns = m.checkpoint_ns ORDER BY x.channel OFFSET 0
    ) AS x
  ) AS named GROUP BY thread_id, checkpoint_ns, key, value
  HAVING max(bytes) IS NOT NULL AND (bool_or(call) OR (bool_or(gone) AND NOT bool_or(kept)))
  UNION ALL
  SELECT b.thread_id, 2, unnest(b.sizes) FROM (
    SELECT thread_id, array_agg(bytes) FILTER (WHERE bytes IS NOT NULL) AS sizes FROM (
      SELECT f.thread_id, f.checkpoint_ns, f.checkpoint_id, NULL::int AS bytes, f.gone FROM found f
      UNION ALL
      SELECT m.thread_id, m.checkpoint_ns, x.checkpoint_id, x.bytes, m.call FROM marked m CROSS JOIN LATERAL (
        SELECT x.checkpoint_id, {size_2} AS bytes FROM {checkpoint_writes} x
        WHERE x.thread_id = m.thread_id AND x.checkpoint_ns = m.checkpoint_ns ORDER BY x.checkpoint_id OFFSET 0
      ) AS x
    ) AS written GROUP BY thread_id, checkpoint_ns, checkpoint_id HAVING bool_or(gone)
  ) AS b
)
SELECT d.thread_id, """
    + ", ".join(
        "count(*) FILTER (WHERE d.part = %d) AS rows_%d, coalesce(sum(d.bytes) FILTER (WHERE d.part = %d), 0)::int8 AS bytes_%d" % ((n,) * 4) for n in range(3)
    )
    + " FROM deleted d GROUP BY d.thread_id"
)
