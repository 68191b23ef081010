-- The statements that bring the privileges and settings of the exporter's role to what its queries need, in order. The query runs again
-- after the statements and must then return none.
WITH me AS (
  SELECT oid, rolname FROM pg_roles WHERE rolname = %(user)s
), relation AS (
  SELECT c.oid, c.relname, n.nspname, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND c.relname IN (SELECT json_array_elements_text(%(tables)s::json))
), wanted AS (
  SELECT w.key AS relname, json_array_elements_text(w.value) AS attname FROM json_each(%(columns)s::json) AS w(key, value)
), granted AS (
  -- Without the privileges of roles that the role is a member of: those are revoked below.
  SELECT r.oid, a.attname, x.privilege_type, x.is_grantable FROM relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attacl IS NOT NULL, me, aclexplode(a.attacl) x WHERE x.grantee = me.oid
), excess AS (
  -- A privilege on a table includes its columns, and revoking it revokes those on its columns as well.
  SELECT r.oid, r.nspname, r.relname FROM relation r
  WHERE EXISTS (SELECT FROM me, aclexplode(r.relacl) x WHERE x.grantee = me.oid)
     OR EXISTS (SELECT FROM granted g WHERE g.oid = r.oid
                AND (g.privilege_type <> 'SELECT' OR g.is_grantable
                     OR NOT EXISTS (SELECT FROM wanted w WHERE w.relname = r.relname AND w.attname = g.attname)))
), plan (step, statement) AS (
  SELECT 1, format('GRANT CONNECT ON DATABASE %%I TO %%I', current_database(), %(user)s)
  WHERE NOT coalesce((SELECT has_database_privilege(me.oid, d.oid, 'CONNECT') FROM me, pg_database d WHERE d.datname = current_database()), false)
  UNION ALL
  SELECT 2, format('GRANT USAGE ON SCHEMA %%I TO %%I', n.nspname, %(user)s) FROM pg_namespace n
  WHERE n.nspname = %(schema)s AND NOT coalesce((SELECT has_schema_privilege(me.oid, n.oid, 'USAGE') FROM me), false)
  UNION ALL
  SELECT 3, format('REVOKE CREATE ON SCHEMA %%I FROM %%I', n.nspname, %(user)s) FROM pg_namespace n, me, aclexplode(n.nspacl) x
  WHERE n.nspname = %(schema)s AND x.grantee = me.oid AND x.privilege_type = 'CREATE'
  UNION ALL
  SELECT 4, format('REVOKE %%I FROM %%I', g.rolname, %(user)s) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid, me
  WHERE m.member = me.oid AND NOT (g.rolname = 'pg_monitor' AND %(server_metrics)s)
  UNION ALL
  SELECT 5, format('GRANT pg_monitor TO %%I', %(user)s)
  WHERE %(server_metrics)s AND NOT EXISTS (SELECT FROM pg_auth_members m, me WHERE m.member = me.oid AND m.roleid = 'pg_monitor'::regrole)
  UNION ALL
  SELECT 6, format('REVOKE ALL ON TABLE %%I.%%I FROM %%I', e.nspname, e.relname, %(user)s) FROM excess e
  UNION ALL
  SELECT 7, format('GRANT SELECT (%%s) ON TABLE %%I.%%I TO %%I', string_agg(quote_ident(w.attname), ', ' ORDER BY w.attname), r.nspname, r.relname, %(user)s)
  FROM relation r JOIN wanted w ON w.relname = r.relname
  WHERE r.oid IN (SELECT oid FROM excess) OR NOT EXISTS (SELECT FROM granted g WHERE g.oid = r.oid AND g.attname = w.attname AND g.privilege_type = 'SELECT')
  GROUP BY r.nspname, r.relname
  UNION ALL
  SELECT 8, format('ALTER ROLE %%I IN DATABASE %%I SET %%I TO %%L', %(user)s, current_database(), s.key, s.value)
  FROM json_each_text(%(settings)s::json) s
  WHERE NOT EXISTS (
    SELECT FROM me JOIN pg_db_role_setting d ON d.setrole = me.oid JOIN pg_database b ON b.oid = d.setdatabase, unnest(d.setconfig) AS c(setting)
    WHERE b.datname = current_database() AND c.setting = s.key || '=' || s.value)
)
SELECT coalesce(json_agg(statement ORDER BY step, statement), '[]') AS statements FROM plan
