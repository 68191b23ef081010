-- What the server listens on, what it would after a restart with `wanted` in our file (nothing: without our setting),
-- and which place stands in the way. The view reads the files as they are now, not as they were at the start.
WITH current AS (
  SELECT setting, boot_val, source, sourcefile, source IN ('command line', 'environment variable', 'override') AS fixed
  FROM pg_settings WHERE name = 'listen_addresses'
), entries AS (
  SELECT seqno, sourcefile, sourceline, setting, sourcefile = %(file)s AS ours FROM pg_file_settings WHERE name = 'listen_addresses'
), ours AS (
  SELECT max(seqno) AS seqno FROM entries WHERE ours
), rival AS (
  -- The last one wins: where ours is not written yet, its place is known from the files' names.
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
            -- What others changed is theirs to bring into effect.
            WHEN c.sourcefile IS DISTINCT FROM %(file)s THEN c.setting
            ELSE coalesce((SELECT setting FROM entries WHERE NOT ours ORDER BY seqno DESC LIMIT 1), c.boot_val) END AS next
FROM current c, ours
