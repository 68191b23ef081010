-- The state of the server and of the exporter's role. `verifiers` is null if the administrator may not read them.
WITH me AS (
  SELECT oid, rolname, rolsuper FROM pg_roles WHERE rolname = current_user
)
SELECT
  me.rolname::text AS me,
  me.rolsuper AS superuser,
  pg_is_in_recovery() AS standby,
  coalesce(current_setting('scram_iterations', true)::int, 4096) AS iterations,
  nullif(current_setting('stateops.verifiers', true), '')::json AS verifiers,
  (SELECT json_build_object(
     'superuser', r.rolsuper,
     'connections', r.rolconnlimit,
     'flags', array_remove(ARRAY[
       CASE WHEN NOT r.rolcanlogin THEN 'LOGIN' END,
       CASE WHEN r.rolcreatedb THEN 'NOCREATEDB' END,
       CASE WHEN r.rolcreaterole THEN 'NOCREATEROLE' END,
       CASE WHEN r.rolreplication THEN 'NOREPLICATION' END,
       CASE WHEN r.rolbypassrls THEN 'NOBYPASSRLS' END], NULL))
   FROM pg_roles r WHERE r.rolname = %(user)s) AS role,
  -- The tables that must exist before their columns can be granted.
  (SELECT coalesce(json_agg(t.name ORDER BY t.name), '[]') FROM json_array_elements_text(%(tables)s::json) AS t(name)
   WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = %(schema)s AND c.relname = t.name AND c.relkind IN ('r', 'p'))) AS missing,
  -- The owner of objects could read all of them, and more than the columns that are granted.
  (SELECT coalesce(json_agg(c.relname::text ORDER BY c.relname), '[]') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_roles r ON r.oid = c.relowner
   WHERE r.rolname = %(user)s AND n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) AS owned
FROM me
