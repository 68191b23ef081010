-- What the application holds on LangGraph's tables, and what is left to do. The rows of `plan` are those of database.sql.
WITH me AS (
  SELECT oid, rolname, rolsuper, current_setting('server_version_num')::int AS version FROM pg_roles WHERE rolname = current_user
), party AS (
  SELECT (SELECT oid FROM pg_roles WHERE rolname = %(owner)s) AS owner,
         (SELECT oid FROM pg_roles WHERE rolname = %(app)s) AS app
), target AS (
  SELECT n.oid, n.nspname, n.nspowner, r.rolname AS nspdba, me.rolsuper OR pg_has_role(me.oid, n.nspowner, 'USAGE') AS mine,
         coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
  FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner, me WHERE n.nspname = %(schema)s
), reach AS (
  SELECT r.oid, r.rolname FROM pg_roles r, party WHERE party.app IS NOT NULL AND pg_has_role(party.app, r.oid, 'MEMBER')
), wanted AS (
  SELECT name, privileges FROM (
    SELECT json_array_elements_text(%(tables)s::json), ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
    UNION ALL SELECT %(ledger)s, ARRAY['SELECT']) w (name, privileges)
), known AS (
  SELECT w.name, w.privileges, c.oid, c.relowner, r.rolname AS relowner_name, format('%%I.%%I', %(schema)s, w.name) AS qualified,
         me.rolsuper OR pg_has_role(me.oid, c.relowner, 'USAGE') AS mine, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
  FROM wanted w CROSS JOIN me
  LEFT JOIN target t ON true
  LEFT JOIN pg_class c ON c.relnamespace = t.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')
  LEFT JOIN pg_roles r ON r.oid = c.relowner
), held AS (
  SELECT k.name, a.grantee, a.grantor, a.privilege_type, a.is_grantable, a.privilege_type = ANY (k.privileges) AS wanted
  FROM known k, party, aclexplode(k.acl) a WHERE k.relowner IS DISTINCT FROM party.app AND a.grantee IN (0, party.app)
  UNION ALL
  SELECT k.name, a.grantee, a.grantor, a.privilege_type || ' of a column', a.is_grantable, false
  FROM known k JOIN pg_attribute c ON c.attrelid = k.oid, party, aclexplode(c.attacl) a
  WHERE k.relowner IS DISTINCT FROM party.app AND a.grantee IN (0, party.app)
), excess AS (
  SELECT h.name, h.grantee, string_agg(DISTINCT h.privilege_type || CASE WHEN h.is_grantable THEN ' with grant option' ELSE '' END, ', ') AS privileges,
         string_agg(DISTINCT h.grantor::regrole::text, ', ') AS grantors
  FROM held h WHERE h.grantee = 0 OR NOT h.wanted OR h.is_grantable GROUP BY h.name, h.grantee
), kinds AS (
  SELECT unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
                || CASE WHEN version >= 170000 THEN ARRAY['MAINTAIN'] ELSE ARRAY[]::text[] END) AS kind FROM me
), later AS (
  SELECT DISTINCT d.defaclnamespace, a.grantee FROM pg_default_acl d, party, aclexplode(d.defaclacl) a
  WHERE d.defaclrole = party.owner AND d.defaclobjtype = 'r' AND a.grantee IN (0, party.app)
    AND (d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT oid FROM target))
), plan (step, may, essential, statement, reason) AS (
  SELECT 1, false, true, NULL::text, format('Role %%s does not exist.', %(app)s) FROM party WHERE party.app IS NULL
  UNION ALL
  SELECT 2, false, true, NULL, format('Table %%s does not exist. LangGraph''s setup() makes it: run that first, as %%s.', k.qualified, %(owner)s)
  FROM known k WHERE k.oid IS NULL
  UNION ALL
  SELECT 3, false, true, format('ALTER TABLE %%s OWNER TO %%I', k.qualified, %(owner)s),
         format('Table %%s belongs to %%s, expected %%s. The role with database_adopt: true moves it.', k.qualified, k.relowner_name, %(owner)s)
  FROM known k, party WHERE k.relowner IS DISTINCT FROM party.owner AND k.oid IS NOT NULL
  UNION ALL
  SELECT 10, t.mine, true, format('GRANT USAGE ON SCHEMA %%I TO %%I', t.nspname, %(app)s), format('%%s may not use schema %%I.', %(app)s, t.nspname)
  FROM target t, party WHERE NOT has_schema_privilege(party.app, t.oid, 'USAGE')
  UNION ALL
  SELECT 11, false, t.nspowner = party.owner, format('REVOKE CREATE ON SCHEMA %%I FROM %%s', t.nspname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('%%s may create in schema %%I.', %(app)s, t.nspname)
  FROM target t, party, aclexplode(t.acl) a WHERE a.privilege_type = 'CREATE' AND a.grantee IN (0, party.app) AND t.nspowner IS DISTINCT FROM party.app
  UNION ALL
  SELECT 20, k.mine, true, format('REVOKE ALL ON TABLE %%s FROM %%s', k.qualified, CASE WHEN e.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('%%s holds %%s on %%s, granted by %%s.', CASE WHEN e.grantee = 0 THEN 'PUBLIC' ELSE %(app)s END, e.privileges, k.qualified, e.grantors)
  FROM known k JOIN excess e ON e.name = k.name
  UNION ALL
  SELECT 21, k.mine, true, format('GRANT %%s ON TABLE %%s TO %%I', array_to_string(k.privileges, ', '), k.qualified, %(app)s),
         format('%%s needs %%s on %%s.', %(app)s, array_to_string(k.privileges, ', '), k.qualified)
  FROM known k, party WHERE k.oid IS NOT NULL AND k.relowner IS DISTINCT FROM party.app AND party.app IS NOT NULL
    AND (EXISTS (SELECT FROM excess e WHERE e.name = k.name AND e.grantee <> 0)
         OR EXISTS (SELECT unnest(k.privileges) EXCEPT SELECT h.privilege_type FROM held h WHERE h.name = k.name AND h.grantee <> 0))
  UNION ALL
  -- Rights that reach the application on another way than by a grant to itself or to PUBLIC.
  SELECT 30, false, true, format('REVOKE %%I FROM %%I', r.rolname, %(app)s),
         format('%%s may %%s %%s as a member of %%s.', %(app)s, string_agg(p.kind, ', ' ORDER BY p.kind), k.qualified, r.rolname)
  FROM known k, kinds p, reach r, party
  WHERE k.oid IS NOT NULL AND r.oid <> party.app AND NOT p.kind = ANY (k.privileges)
    AND CASE WHEN r.oid = k.relowner THEN true
             WHEN EXISTS (SELECT FROM excess e WHERE e.name = k.name AND e.grantee = 0) THEN false
             ELSE has_table_privilege(r.oid, k.oid, p.kind) END
  GROUP BY k.qualified, r.rolname
  UNION ALL
  SELECT 40, me.rolsuper OR pg_has_role(me.oid, party.owner, 'USAGE'), true,
         format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I%%s REVOKE ALL ON TABLES FROM %%s', %(owner)s,
                CASE WHEN l.defaclnamespace = 0 THEN '' ELSE format(' IN SCHEMA %%I', %(schema)s) END,
                CASE WHEN l.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('Every table that %%s makes later would be open to %%s.', %(owner)s, %(app)s)
  FROM later l, me, party
)
SELECT (SELECT coalesce(json_agg(row_to_json(p) ORDER BY p.step, p.statement), '[]') FROM plan p) AS plan
