# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL that reads PostgreSQL's catalog. It uses pg_catalog only: information_schema hides constraints from roles that do not own the table.

The queries run with search_path = pg_catalog, so PostgreSQL prints the name of an object with its schema, unless it is in pg_catalog.
"""

from __future__ import annotations

# Trusted are the owner of the schema, the owners of the tables, and their members. If the tables do not exist or are adopted, the current role
# will be their owner. Superusers need no privilege. creators: grantees of CREATE as which another role can act. overloads: routines and operators of
# another role with a name of pg_catalog; unless they belong to an extension: PostgreSQL may call them for a name that LangGraph does not qualify.
# parties: the application's roles. Without app_roles, that is the current role if it can write checkpoints. settings: their values in a new session of
# the role. now is the value of this login, so another role gets it only if no setting of this login hides the server's.
SERVER = """
WITH home AS (
    SELECT n.oid, n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl FROM pg_namespace n WHERE n.nspname = %(schema)s
), owners AS (
    SELECT DISTINCT c.relowner AS oid FROM pg_class c JOIN home h ON h.oid = c.relnamespace
    WHERE c.relname = ANY(%(names)s) AND c.relkind = 'r' AND NOT %(adopt)s
), trusted AS (
    SELECT nspowner AS oid FROM home UNION SELECT oid FROM owners
    UNION SELECT oid FROM pg_roles WHERE rolname = current_user AND NOT EXISTS (SELECT FROM owners)
), others AS (
    SELECT r.oid, r.rolcanlogin FROM pg_roles r WHERE NOT r.rolsuper AND NOT EXISTS (SELECT FROM trusted t WHERE pg_has_role(r.oid, t.oid, 'MEMBER'))
), parties AS (
    SELECT r.oid, r.rolname, %(roles)s::text[] = '{}' AS own FROM pg_roles r
    WHERE r.rolname = ANY(%(roles)s::text[])
       OR %(roles)s::text[] = '{}' AND r.rolname = current_user AND NOT r.rolsuper AND EXISTS (
           SELECT FROM pg_class c JOIN home h ON h.oid = c.relnamespace
           WHERE c.relname = 'checkpoints' AND c.relkind = 'r' AND has_table_privilege(c.oid, 'INSERT'))
), configured AS (
    SELECT d.setrole, d.setdatabase, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
    FROM pg_db_role_setting d CROSS JOIN unnest(d.setconfig) AS c
    WHERE d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
), effective AS (
    SELECT p.rolname, w.name, CASE WHEN p.own THEN w.now ELSE coalesce(
               (SELECT c.value FROM configured c WHERE c.name = w.name AND c.setrole IN (0, p.oid) ORDER BY c.setrole = 0, c.setdatabase = 0 LIMIT 1),
               CASE WHEN EXISTS (SELECT FROM configured c JOIN pg_roles r ON r.rolname = session_user WHERE c.name = w.name AND c.setrole IN (0, r.oid))
               THEN w.initial ELSE w.now END) END AS value
    FROM parties p CROSS JOIN (VALUES
        ('client_encoding', getdatabaseencoding()::text, %(client_encoding)s::text),
        ('default_transaction_read_only', 'off', current_setting('default_transaction_read_only'))) AS w(name, initial, now)
)
SELECT current_user AS role, session_user AS login, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       current_database() AS database, getdatabaseencoding()::text AS encoding,
       ARRAY(SELECT p.oid::bigint FROM parties p) AS parties,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(e.rolname, e.name, CASE e.name
                   WHEN 'client_encoding' THEN pg_encoding_to_char(pg_char_to_encoding(e.value))
                   ELSE CASE WHEN e.value::boolean THEN 'on' ELSE 'off' END END) ORDER BY e.rolname, e.name), '[]')
        FROM effective e) AS settings,
       n.oid IS NOT NULL AS schema_exists,
       n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS schema_usage,
       n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'CREATE') AS schema_create,
       ARRAY(SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
             FROM home h, aclexplode(h.acl) a
             WHERE a.privilege_type = 'CREATE' AND (
                 a.grantee = 0 OR EXISTS (SELECT FROM others o WHERE o.rolcanlogin AND pg_has_role(o.oid, a.grantee, 'MEMBER')))
             ORDER BY 1) AS creators,
       ARRAY(SELECT 'ROUTINE ' || p.oid::regprocedure::text
             FROM home h JOIN pg_proc p ON p.pronamespace = h.oid JOIN others o ON o.oid = p.proowner
             WHERE EXISTS (SELECT FROM pg_proc b WHERE b.proname = p.proname AND b.pronamespace = 'pg_catalog'::regnamespace)
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
             UNION ALL
             SELECT 'OPERATOR ' || p.oid::regoperator::text
             FROM home h JOIN pg_operator p ON p.oprnamespace = h.oid JOIN others o ON o.oid = p.oprowner
             WHERE EXISTS (SELECT FROM pg_operator b WHERE b.oprname = p.oprname AND b.oprnamespace = 'pg_catalog'::regnamespace)
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass AND d.objid = p.oid AND d.deptype = 'e')
             ORDER BY 1) AS overloads
FROM (SELECT 1) AS one LEFT JOIN home n ON true
"""

# Each table creates a type with its name, so another type with that name prevents its creation.
RELATIONS = """
SELECT c.oid::bigint AS oid, c.relname AS name, n.nspname AS schema, c.relkind::text AS kind, c.relpersistence::text AS persistence,
       pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity AS row_security,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AND NOT row_security_active(c.oid) AS readable,
       has_table_privilege(session_user, c.oid, 'SELECT') AND has_schema_privilege(session_user, n.oid, 'USAGE') AND (
           NOT c.relrowsecurity
           OR pg_has_role(session_user, c.relowner, 'USAGE') AND NOT c.relforcerowsecurity
           OR (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user)) AS login_readable, o.relname AS indexed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class o ON o.oid = i.indrelid
WHERE c.relname = ANY(%(names)s) AND (n.nspname = %(schema)s OR n.nspname = ANY(%(path)s))
UNION ALL
SELECT - t.oid::bigint, t.typname, n.nspname, 'T', 'p', pg_get_userbyid(t.typowner), false, false, false, NULL
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typname = ANY(%(names)s) AND n.nspname = %(schema)s AND t.typrelid = 0
"""

# A domain has its own NOT NULL and its own default, and a domain of a domain inherits the constraints. typdefault is not read for a domain: its
# text may omit the schema of a function. nameable: whether the role may use the collation in a query. An identity column needs no right on its sequence.
# sequence_end: a billion rows, at 100 a second, are four months.
COLUMNS = """
WITH RECURSIVE domains AS (
    SELECT a.atttypid AS column_type, t.oid, t.typbasetype, t.typtypmod FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY(%(oids)s) AND t.typtype = 'd'
    UNION
    SELECT d.column_type, t.oid, t.typbasetype, t.typtypmod FROM domains d JOIN pg_type t ON t.oid = d.typbasetype WHERE t.typtype = 'd'
)
SELECT a.attrelid AS oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       NOT (a.attnotnull OR t.typnotnull OR EXISTS (
           SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND pg_get_constraintdef(k.oid) ~* 'VALUE IS NOT NULL')) AS nullable,
       coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0), CASE WHEN t.typtype <> 'd' THEN t.typdefault END) AS expression,
       a.attgenerated::text AS generated, a.attidentity::text AS identity,
       CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation,
       coalesce(l.collisdeterministic, true) AS deterministic, n.nspname AS collation_schema, l.collname AS collation_name,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS nameable,
       (SELECT format_type(b.typbasetype, b.typtypmod) FROM domains b
        WHERE b.column_type = t.oid AND NOT EXISTS (SELECT FROM domains c WHERE c.column_type = t.oid AND c.oid = b.typbasetype)
          AND EXISTS (SELECT FROM domains c JOIN pg_constraint k ON k.contypid = c.oid AND k.contype = 'c' WHERE c.column_type = t.oid)) AS domain_of,
       CASE WHEN a.attstorage = 'p' AND t.typlen = -1 THEN 'plain' ELSE '' END AS storage,
       q.oid::regclass::text AS sequence,
       CASE WHEN q.remaining < 1000000000 AND NOT (q.seqcycle AND q.seqmax <= q.most) THEN 'soon' WHEN q.seqcycle THEN 'cycles' ELSE '' END AS sequence_end,
       ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.oid = ANY(%(parties)s) AND a.attidentity = ''
             AND NOT has_sequence_privilege(r.oid, q.oid, 'USAGE, UPDATE') ORDER BY 1) AS denied
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
LEFT JOIN LATERAL (
    SELECT s.seqrelid AS oid, s.seqmax, s.seqcycle, m.most, CASE
               WHEN s.seqincrement > 0 THEN (least(s.seqmax, m.most) - v.last) / s.seqincrement
               ELSE (greatest(s.seqmin, - m.most - 1) - v.last) / s.seqincrement END AS remaining
    FROM (SELECT p.refobjid FROM pg_depend p WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
          UNION ALL
          SELECT p.refobjid FROM pg_depend p
          WHERE d.oid IS NULL AND p.classid = 'pg_type'::regclass AND p.objid = t.oid AND p.refclassid = 'pg_class'::regclass
          UNION ALL
          SELECT p.objid FROM pg_depend p WHERE a.attidentity <> '' AND p.classid = 'pg_class'::regclass
          AND p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i') AS u(oid)
    JOIN pg_sequence s ON s.seqrelid = u.oid
    CROSS JOIN LATERAL (SELECT CASE coalesce(nullif(t.typbasetype, 0), t.oid)
                            WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END::numeric AS most) AS m
    CROSS JOIN LATERAL (SELECT coalesce(CASE WHEN has_sequence_privilege(s.seqrelid, 'USAGE, SELECT') THEN pg_sequence_last_value(s.seqrelid) END,
                                        s.seqstart)::numeric AS last) AS v
    LIMIT 1) AS q ON true
WHERE a.attrelid = ANY(%(oids)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# Whether a collation sorts hexadecimal digits, which ids consist of, in the order of their bytes. Danish, for example, sorts aa after z.
ORDERED = """
SELECT array_agg(a || b ORDER BY a || b COLLATE {collation}) = array_agg(a || b ORDER BY a || b COLLATE "C") AS ordered
FROM unnest(string_to_array('0123456789abcdef', NULL)) AS a, unnest(string_to_array('0123456789abcdef', NULL)) AS b
"""

# conenforced exists since PostgreSQL 18. NOT NULL constraints ('n') are read with the columns, except those that are NOT VALID.
CONSTRAINT_ROWS = """
SELECT k.conrelid AS oid, k.confrelid AS target, k.conname AS name, k.contype::text AS kind, k.condeferrable AS deferrable,
       coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced,
       CASE WHEN k.confdeltype = 'n' AND EXISTS (
           SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY(coalesce(k.confdelsetcols, k.conkey)) AND a.attnotnull)
       THEN 'N' ELSE k.confdeltype::text END AS on_delete,
       pg_get_constraintdef(k.oid) AS definition,
       n.nspname AS schema, c.relname AS relation,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.place) AS columns
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (k.conrelid = ANY(%(oids)s) OR k.confrelid = ANY(%(oids)s)) AND (k.contype <> 'n' OR NOT k.convalidated)
ORDER BY k.conname, k.conrelid
"""

# A session that builds an index CONCURRENTLY holds SHARE UPDATE EXCLUSIVE on its table, as VACUUM does. In pg_stat_progress_create_index
# every role sees the process ids, and nothing else.
INDEXES = """
SELECT i.indrelid AS oid, c.relname AS name, i.indisunique AS unique, m.amname AS method, i.indisvalid AS valid, i.indisready AS ready,
       coalesce(pg_get_expr(i.indpred, i.indrelid, true), '') AS predicate, pg_get_indexdef(i.indexrelid) AS definition,
       keys.columns, CASE WHEN keys.usual THEN '' ELSE keys.variant END AS variant,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k::int, true) FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS k ORDER BY k) AS included,
       NOT i.indisvalid AND EXISTS (
           SELECT FROM pg_locks l JOIN pg_stat_progress_create_index b ON b.pid = l.pid
           WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.granted AND l.pid <> pg_backend_pid()) AS building
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
CROSS JOIN LATERAL (
    SELECT array_agg(name || CASE WHEN alike THEN '' ELSE class END ORDER BY k) AS columns, bool_and((class = '' OR NOT alike) AND direction = '') AS usual,
           string_agg(name || class || direction, ', ' ORDER BY k) AS variant
    FROM (SELECT k, pg_get_indexdef(i.indexrelid, k::int, true)
                    || CASE WHEN a.attcollation IS NOT NULL AND i.indcollation[k - 1] <> a.attcollation
                       THEN CASE WHEN l.collisdeterministic THEN ' collate other' ELSE ' collate vague' END ELSE '' END AS name,
                 CASE WHEN o.opcdefault THEN '' ELSE ' ' || o.opcname END AS class, o.opcname::text = ANY(%(alike)s) AS alike,
                 CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END
                 || CASE i.indoption[k - 1] & 3 WHEN 1 THEN ' NULLS LAST' WHEN 2 THEN ' NULLS FIRST' ELSE '' END AS direction
          FROM generate_series(1, i.indnkeyatts) AS k JOIN pg_opclass o ON o.oid = i.indclass[k - 1]
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attcollation <> 0
          LEFT JOIN pg_collation l ON l.oid = i.indcollation[k - 1]) AS each) AS keys
WHERE i.indrelid = ANY(%(oids)s)
ORDER BY c.relname
"""

# enabled, for triggers and rules: whether they act on an ordinary session's INSERT, UPDATE or DELETE. The arguments of a trigger are not
# read, because the trigger of a webhook has the webhook's token there. A publication of updates or deletions rejects them if it cannot identify the rows:
# without a replica identity, or with a column list or a filter that does not cover it.
ATTACHMENTS = """
SELECT tgrelid AS oid, tgname AS name, 'trigger' AS kind,
       CASE WHEN tgnargs = 0 THEN pg_get_triggerdef(oid)
            ELSE split_part(pg_get_triggerdef(oid), ' EXECUTE FUNCTION ', 1) || ' EXECUTE FUNCTION ' || tgfoid::regproc || '(...)' END AS definition,
       tgenabled IN ('O', 'A') AND tgtype & 28 <> 0 AS enabled
FROM pg_trigger WHERE tgrelid = ANY(%(oids)s) AND NOT tgisinternal
UNION ALL
SELECT ev_class, rulename, CASE ev_type WHEN '2' THEN 'update rule' ELSE 'rule' END, pg_get_ruledef(oid), ev_enabled IN ('O', 'A')
FROM pg_rewrite WHERE ev_class = ANY(%(oids)s) AND rulename <> '_RETURN'
UNION ALL
SELECT polrelid, polname, 'policy', '', true FROM pg_policy WHERE polrelid = ANY(%(oids)s)
UNION ALL
SELECT s.stxrelid, format('%%I.%%I', n.nspname, s.stxname), 'statistics', array_to_string(pg_get_statisticsobjdef_expressions(s.oid), ', '), true
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = ANY(%(oids)s) AND s.stxexprs IS NOT NULL
UNION ALL
SELECT h.inhparent, h.inhrelid::regclass::text, 'child', '', true
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent WHERE h.inhparent = ANY(%(oids)s) AND c.relkind = 'r'
UNION ALL
SELECT inhrelid, inhparent::regclass::text, CASE WHEN c.relispartition THEN 'partition of' ELSE 'parent' END,
       coalesce(pg_get_expr(c.relpartbound, c.oid), ''), true
FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhrelid = ANY(%(oids)s)
UNION ALL
SELECT c.oid, p.pubname, 'publication', CASE WHEN r.prattrs IS NULL AND r.prqual IS NULL THEN '' ELSE 'FOR TABLE' END,
       (p.pubupdate OR p.pubdelete) AND CASE c.relreplident
           WHEN 'n' THEN true
           WHEN 'f' THEN r.prattrs IS NOT NULL
           ELSE i.indexrelid IS NULL
                OR r.prattrs IS NOT NULL AND NOT i.indkey::int2[] <@ r.prattrs::int2[]
                OR NOT ARRAY(SELECT m[1]::int2 FROM regexp_matches(r.prqual::text, ':varattno ([0-9]+)', 'g') AS m) <@ i.indkey::int2[]
       END
FROM pg_class c
LEFT JOIN pg_index i ON i.indrelid = c.oid AND (c.relreplident = 'd' AND i.indisprimary AND i.indimmediate OR c.relreplident = 'i' AND i.indisreplident)
CROSS JOIN pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
WHERE c.oid = ANY(%(oids)s) AND c.relkind = 'r' AND (
    p.puballtables AND c.relpersistence = 'p' OR r.oid IS NOT NULL
    OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace))
ORDER BY 3, 2
"""
