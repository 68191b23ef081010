-- The state of the server: the current role, the roles of owner, application and retention, and whether the database exists.
WITH me AS (
  SELECT oid, rolname, rolsuper, rolcreatedb, rolcreaterole, rolinherit, current_setting('server_version_num')::int AS version
  FROM pg_roles WHERE rolname = current_user
), parties AS (
  SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin, r.rolname = %(owner)s AS is_owner,
         array_remove(ARRAY[
           CASE WHEN NOT r.rolcanlogin THEN 'LOGIN' END,
           CASE WHEN r.rolcreatedb THEN 'NOCREATEDB' END,
           CASE WHEN r.rolcreaterole THEN 'NOCREATEROLE' END,
           CASE WHEN r.rolreplication THEN 'NOREPLICATION' END,
           CASE WHEN r.rolbypassrls THEN 'NOBYPASSRLS' END], NULL) AS flags
  FROM pg_roles r WHERE r.rolname IN (SELECT json_array_elements_text(%(roles)s::json))
)
SELECT
  me.version AS version,
  current_setting('server_version') AS version_text,
  pg_is_in_recovery() AS standby,
  me.rolname::text AS me,
  me.rolsuper AS superuser,
  me.rolcreatedb AS createdb,
  me.rolcreaterole AS createrole,
  me.rolinherit AS inherit,
  coalesce(current_setting('scram_iterations', true)::int, 4096) AS iterations,
  nullif(current_setting('stateops.verifiers', true), '')::json AS verifiers,
  (SELECT coalesce(json_object_agg(name, setting), '{}') FROM pg_settings
   WHERE name IN ('config_file', 'hba_file', 'listen_addresses')) AS settings,
  (SELECT coalesce(json_object_agg(p.rolname, json_build_object('superuser', p.rolsuper, 'flags', p.flags)), '{}') FROM parties p) AS roles,
  (SELECT json_build_object('owner', r.rolname, 'connectable', d.datallowconn)
   FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = %(database)s) AS database,
  -- Since PostgreSQL 16, the creator of a role can grant it but neither inherits its privileges nor can SET ROLE to it.
  -- Membership is therefore not sufficient: both options are checked and granted.
  CASE WHEN me.rolsuper THEN NULL
       WHEN coalesce((SELECT pg_has_role(me.oid, p.oid, 'USAGE')
                             AND pg_has_role(me.oid, p.oid, CASE WHEN me.version >= 160000 THEN 'SET' ELSE 'MEMBER' END)
                      FROM parties p WHERE p.is_owner), false) THEN NULL
       ELSE format('GRANT %%I TO %%I', %(owner)s, me.rolname) || CASE WHEN me.version >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END
  END AS membership,
  -- Roles that another role created: since PostgreSQL 16, CREATEROLE alone does not allow changing them.
  (SELECT coalesce(json_agg(p.rolname ORDER BY p.rolname), '[]') FROM parties p
   WHERE NOT me.rolsuper AND me.version >= 160000 AND NOT pg_has_role(me.oid, p.oid, 'MEMBER WITH ADMIN OPTION')) AS unruled
FROM me
