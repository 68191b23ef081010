-- The current listen_addresses, the value after a restart with `wanted` in our file (empty: without our setting),
-- and the place that overrides ours. The view pg_file_settings reads the current files, not the files at startup.
WITH current AS (
  SELECT setting, boot_val, source, sourcefile, source IN ('command line', 'environment variable', 'override') AS fixed
  FROM pg_settings WHERE name = 'listen_addresses'
), entries AS (
  SELECT seqno, sourcefile, sourceline, setting, sourcefile = %(file)s AS ours FROM pg_file_settings WHERE name = 'listen_addresses'
), ours AS (
  SELECT max(seqno) AS seqno FROM entries WHERE ours
), rival AS (
  -- The last entry takes precedence. If our file is not written yet, its position follows from the names of the files.
  SELECT e.sourcefile, e.sourceline, e.setting FROM entries e, ours
  WHERE NOT e.ours AND CASE WHEN ours.seqno IS NOT NULL THEN e.seqno > ours.seqno
                            ELSE e.sourcefile ~ '/postgresql\.auto\.conf$'
                              OR (e.sourcefile COLLATE "C" > %(file)s AND regexp_replace(e.sourcefile, '[^/]*$', '') = regexp_replace(%(file)s, '[^/]*$', '')) END
  ORDER BY e.seqno DESC LIMIT 1
)
SELECT c.setting,
       ours.seqno IS NOT NULL AS included,
       CASE WHEN %(wanted)s = '' THEN NULL
            WHEN c.fixed THEN 'the server''s ' || c.source
            ELSE (SELECT format('%%s, line %%s', sourcefile, sourceline) FROM rival) END AS obstacle,
       CASE WHEN c.fixed THEN c.setting
            WHEN %(wanted)s <> '' THEN %(wanted)s
            -- A restart for settings in other files is the administrator's decision.
            WHEN c.sourcefile IS DISTINCT FROM %(file)s THEN c.setting
            ELSE coalesce((SELECT setting FROM entries WHERE NOT ours ORDER BY seqno DESC LIMIT 1), c.boot_val) END AS next
FROM current c, ours
