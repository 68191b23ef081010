-- The state of the database, and the remaining steps. Each row of `plan` is one of three kinds:
-- may: the role runs the statement; not may but essential: a person must run it first; neither: it is only reported.
-- The query runs again after the statements. The plan must then contain no row of the first two kinds: success is read from the catalog.
WITH me AS (
  SELECT oid, rolname, rolsuper, rolcreaterole, current_setting('server_version_num')::int AS version
  FROM pg_roles WHERE rolname = current_user
), party AS (
  SELECT (SELECT oid FROM pg_roles WHERE rolname = %(owner)s) AS owner,
         (SELECT oid FROM pg_roles WHERE rolname = %(app)s) AS app,
         (SELECT oid FROM pg_roles WHERE rolname = %(retention)s) AS retention
), db AS (
  SELECT d.oid, d.datname, d.datdba, r.rolname AS dba, pg_encoding_to_char(d.encoding) AS encoding,
         coalesce(d.datacl, acldefault('d', d.datdba)) AS acl,
         d.datdba IS NOT DISTINCT FROM party.owner AS ours,
         me.rolsuper OR pg_has_role(me.oid, d.datdba, 'USAGE') OR (%(joins)s AND d.datdba IS NOT DISTINCT FROM party.owner) AS mine,
         %(revoke_public)s = 'always' OR (%(revoke_public)s = 'ours' AND d.datdba IS NOT DISTINCT FROM party.owner) AS closing
  FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba, party, me
  WHERE d.datname = current_database()
), named AS (
  SELECT c.oid, n.nspname, c.relname, c.relowner, r.rolname AS relowner_name, n.nspname = %(schema)s AS target,
         c.relname = %(migrations_table)s AS is_migrations_table
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
  WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
    AND (c.relname = %(migrations_table)s OR c.relname IN (SELECT json_array_elements_text(%(tables)s::json)))
), standing AS (
  -- A schema contains LangGraph's tables if it has the migrations table and at least one of the data tables.
  SELECT nspname, target FROM named GROUP BY nspname, target HAVING bool_or(is_migrations_table) AND NOT bool_and(is_migrations_table)
), space AS (
  SELECT s.*, %(revoke_public)s = 'always' OR (%(revoke_public)s = 'ours' AND s.ours) AS closing,
         me.rolsuper OR pg_has_role(me.oid, s.nspowner, 'USAGE') OR (%(joins)s AND s.ours) AS mine,
         -- A schema that contains other objects keeps its owner, who may still create objects there.
         %(adopt)s AND s.target AND NOT s.ours AND s.nspname <> 'public'
           AND EXISTS (SELECT FROM standing t WHERE t.target)
           AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = s.oid AND c.relkind NOT IN ('i', 'I', 't')
                           AND c.oid NOT IN (SELECT oid FROM named)) AS moving
  FROM me, (
    SELECT n.oid, n.nspname, n.nspowner, r.rolname AS nspdba, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl,
           n.nspname = %(schema)s AS target,
           coalesce(n.nspowner = party.owner, false) OR (r.rolname = 'pg_database_owner' AND db.ours) AS ours
    FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner, party, db
    WHERE n.nspname IN (%(schema)s, 'public')
  ) s
), target AS (
  SELECT * FROM space WHERE target
), db_acl AS (
  SELECT a.* FROM db, aclexplode(db.acl) a
), space_acl AS (
  SELECT s.nspname, s.target, a.* FROM space s, aclexplode(s.acl) a
), reach AS (
  -- Every role whose privileges the application can use, by inheritance or by SET ROLE.
  SELECT r.oid, r.rolname FROM pg_roles r, party WHERE party.app IS NOT NULL AND pg_has_role(party.app, r.oid, 'MEMBER')
), foreigners AS (
  SELECT n.*, EXISTS (SELECT FROM standing s WHERE s.target) AS known,
         me.rolsuper OR pg_has_role(me.oid, n.relowner, 'USAGE') AS mine
  FROM named n, party, me WHERE n.target AND n.relowner IS DISTINCT FROM party.owner
), paths AS (
  SELECT role, name, wanted,
         (SELECT setting FROM pg_db_role_setting s, unnest(s.setconfig) setting, db
          WHERE s.setdatabase = db.oid AND s.setrole = role AND setting LIKE 'search_path=%%') AS current
  FROM party, LATERAL (VALUES (party.owner, %(owner)s, json_build_array(%(schema)s)), (party.app, %(app)s, %(search_path)s::json)) v (role, name, path),
  LATERAL (SELECT string_agg(quote_ident(part), ', ' ORDER BY place) AS wanted
           FROM json_array_elements_text(v.path) WITH ORDINALITY p (part, place)) w
), later AS (
  SELECT d.defaclnamespace, a.grantee FROM pg_default_acl d, party, aclexplode(d.defaclacl) a
  WHERE d.defaclrole = party.owner AND d.defaclobjtype = 'r' AND a.grantee IN (0, party.app)
    AND (d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT oid FROM target))
), blobs AS (
  SELECT a.grantee, string_agg(DISTINCT 'pg_catalog.' || p.oid::regprocedure::text, ', ') AS functions
  FROM pg_proc p, party, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (p.proname LIKE 'lo\_%%' OR p.proname IN ('loread', 'lowrite'))
    AND a.grantee IN (0, party.app)
  GROUP BY a.grantee
), plan (step, may, essential, statement, reason) AS (
  SELECT 5, false, true, NULL::text,
         format('LangGraph''s tables exist in schema %%I (owner %%I), but not in schema %%I, the value of database_schema. '
                'Set database_schema: %%I%%s to manage the existing tables, or database_allow_elsewhere: true to create new tables.',
                s.nspname, (SELECT min(n.relowner_name) FROM named n WHERE n.nspname = s.nspname), %(schema)s, s.nspname,
                CASE WHEN EXISTS (SELECT FROM named n WHERE n.nspname = s.nspname AND n.relowner IS DISTINCT FROM party.owner)
                     THEN ' and database_adopt: true' ELSE '' END)
  FROM standing s, party
  -- An application that called setup() itself created its tables in one of these. Other schemas may belong to other deployments.
  WHERE NOT %(allow_elsewhere)s AND NOT s.target AND s.nspname IN ('public', %(owner)s, %(app)s) AND NOT EXISTS (SELECT FROM standing t WHERE t.target)
  UNION ALL
  SELECT 6, false, true, CASE WHEN f.known THEN format('ALTER TABLE %%I.%%I OWNER TO %%I', f.nspname, f.relname, %(owner)s) END,
         CASE WHEN f.known
              THEN format('Table %%I.%%I belongs to %%I, expected %%I. Set database_adopt: true to move it.', f.nspname, f.relname, f.relowner_name, %(owner)s)
              ELSE format('Table %%I.%%I exists, belongs to %%I, and its schema has no %%I, so it is not LangGraph''s. Choose another database_schema.',
                          f.nspname, f.relname, f.relowner_name, %(migrations_table)s) END
  FROM foreigners f WHERE NOT (%(adopt)s AND f.known)
  UNION ALL
  SELECT 10, me.rolsuper OR db.mine OR has_database_privilege(me.oid, db.oid, 'CREATE'), true,
         format('CREATE SCHEMA %%I AUTHORIZATION %%I', %(schema)s, %(owner)s), format('Schema %%I does not exist.', %(schema)s)
  FROM me, db WHERE NOT EXISTS (SELECT FROM target)
  UNION ALL
  SELECT 11, t.mine AND (me.rolsuper OR has_database_privilege(me.oid, db.oid, 'CREATE')), true,
         format('ALTER SCHEMA %%I OWNER TO %%I', t.nspname, %(owner)s), format('Schema %%I belongs to %%I.', t.nspname, t.nspdba)
  FROM target t, me, db WHERE t.moving
  UNION ALL
  SELECT 20, db.mine, true, format('GRANT CONNECT ON DATABASE %%I TO %%I', db.datname, who.name), format('%%s lacks CONNECT on the database.', who.name)
  FROM party, db, LATERAL (VALUES (party.owner, %(owner)s), (party.app, %(app)s), (party.retention, %(retention)s)) who (role, name)
  WHERE who.name <> '' AND who.role IS DISTINCT FROM db.datdba
    AND NOT EXISTS (SELECT FROM db_acl a WHERE a.grantee = who.role AND a.privilege_type = 'CONNECT')
    AND (db.closing OR NOT coalesce(has_database_privilege(who.role, db.oid, 'CONNECT'), false))
  UNION ALL
  SELECT 18, db.mine, true, format('REVOKE ALL ON DATABASE %%I FROM %%I', db.datname, %(app)s),
         format('%%s was granted more than CONNECT on the database.', %(app)s)
  FROM db, party WHERE db.datdba IS DISTINCT FROM party.app
    AND EXISTS (SELECT FROM db_acl a WHERE a.grantee = party.app AND (a.privilege_type <> 'CONNECT' OR a.is_grantable))
  UNION ALL
  SELECT 19, db.mine, true, format('GRANT CONNECT ON DATABASE %%I TO %%I', db.datname, %(app)s), format('%%s lacks CONNECT on the database.', %(app)s)
  FROM db, party WHERE db.datdba IS DISTINCT FROM party.app
    AND EXISTS (SELECT FROM db_acl a WHERE a.grantee = party.app AND a.privilege_type = 'CONNECT')
    AND EXISTS (SELECT FROM db_acl a WHERE a.grantee = party.app AND (a.privilege_type <> 'CONNECT' OR a.is_grantable))
  UNION ALL
  SELECT 21, db.mine AND db.closing, false, format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', db.datname),
         format('PUBLIC, and therefore %%s, has %%s on the database, which belongs to %%s.', %(app)s,
                (SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) FROM db_acl a WHERE a.grantee = 0), db.dba)
  FROM db WHERE EXISTS (SELECT FROM db_acl a WHERE a.grantee = 0 AND (db.closing OR a.privilege_type <> 'CONNECT'))
  UNION ALL
  SELECT 22, false, false, CASE WHEN r.oid = party.app THEN format('ALTER DATABASE %%I OWNER TO %%I', db.datname, %(owner)s) ELSE format('REVOKE %%I FROM %%I', r.rolname, %(app)s) END,
         format('%%s can do anything with the database %%s.', %(app)s, CASE WHEN r.oid = party.app THEN 'as its owner' ELSE 'as a member of ' || r.rolname END)
  FROM db, party, reach r WHERE r.oid = db.datdba AND r.oid IS DISTINCT FROM party.owner
  UNION ALL
  SELECT 30, t.mine, true, format('GRANT USAGE, CREATE ON SCHEMA %%I TO %%I', t.nspname, %(owner)s),
         format('%%s lacks USAGE or CREATE on schema %%I.', %(owner)s, t.nspname)
  FROM target t, party
  WHERE NOT t.moving AND t.nspowner IS DISTINCT FROM party.owner AND NOT coalesce(
    pg_has_role(party.owner, t.nspowner, 'USAGE')
    OR (SELECT count(*) = 2 FROM space_acl a WHERE a.target AND a.grantee = party.owner)
    OR (NOT t.closing AND has_schema_privilege(party.owner, t.oid, 'CREATE') AND has_schema_privilege(party.owner, t.oid, 'USAGE')), false)
  UNION ALL
  SELECT 31, t.mine, true, format('REVOKE ALL ON SCHEMA %%I FROM %%I', t.nspname, %(app)s),
         format('%%s was granted more than USAGE on schema %%I.', %(app)s, t.nspname)
  FROM target t, party WHERE t.nspowner IS DISTINCT FROM party.app
    AND EXISTS (SELECT FROM space_acl a WHERE a.target AND a.grantee = party.app AND (a.privilege_type <> 'USAGE' OR a.is_grantable))
  UNION ALL
  SELECT 32, coalesce(t.mine, true), true, format('GRANT USAGE ON SCHEMA %%I TO %%I', %(schema)s, %(app)s),
         format('%%s lacks USAGE on schema %%I.', %(app)s, %(schema)s)
  FROM party LEFT JOIN target t ON true
  WHERE t.nspowner IS NULL OR (t.nspowner IS DISTINCT FROM party.app AND (
    EXISTS (SELECT FROM space_acl a WHERE a.target AND a.grantee = party.app AND (a.privilege_type <> 'USAGE' OR a.is_grantable))
    OR (NOT EXISTS (SELECT FROM space_acl a WHERE a.target AND a.grantee = party.app AND a.privilege_type = 'USAGE')
        AND (t.closing OR NOT coalesce(has_schema_privilege(party.app, t.oid, 'USAGE'), false)))))
  UNION ALL
  SELECT 33, s.mine AND s.closing, false, format('REVOKE ALL ON SCHEMA %%I FROM PUBLIC', s.nspname),
         format('PUBLIC, and therefore %%s, has %%s on schema %%I, which belongs to %%s.', %(app)s,
                (SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) FROM space_acl a WHERE a.grantee = 0 AND a.nspname = s.nspname),
                s.nspname, s.nspdba)
  FROM space s WHERE EXISTS (SELECT FROM space_acl a WHERE a.nspname = s.nspname AND a.grantee = 0 AND (s.closing OR a.privilege_type = 'CREATE'))
  UNION ALL
  SELECT 34, false, false, CASE WHEN r.oid = party.app THEN format('ALTER SCHEMA %%I OWNER TO %%I', t.nspname, %(owner)s) ELSE format('REVOKE %%I FROM %%I', r.rolname, %(app)s) END,
         format('%%s can do anything in schema %%I %%s.', %(app)s, t.nspname, CASE WHEN r.oid = party.app THEN 'as its owner' ELSE 'as a member of ' || r.rolname END)
  FROM target t, party, reach r WHERE r.oid = t.nspowner AND r.oid IS DISTINCT FROM party.owner AND r.rolname <> 'pg_database_owner'
  UNION ALL
  SELECT 35, false, true, format('REVOKE %%I FROM %%I', r.rolname, %(app)s),
         format('%%s is a member of %%s, so it has all privileges of the owner of the tables.', %(app)s, r.rolname)
  FROM party, reach r WHERE r.oid = party.owner
  UNION ALL
  -- As checkpoint_verify judges it: superusers and members of the owner are trusted, and so is a group that no other role with LOGIN is a member of.
  SELECT 36, false, false, format('REVOKE CREATE ON SCHEMA %%I FROM %%I', t.nspname, g.rolname),
         format('%%s may create objects in schema %%I, and is neither the owner of the schema nor %%s.', g.rolname, t.nspname, %(owner)s)
  FROM target t, party, pg_roles g
  WHERE g.oid IN (SELECT a.grantee FROM space_acl a WHERE a.target AND a.privilege_type = 'CREATE')
    AND g.oid IS DISTINCT FROM party.app
    AND EXISTS (SELECT FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, g.oid, 'MEMBER')
                AND NOT coalesce(pg_has_role(r.oid, party.owner, 'MEMBER'), false) AND NOT pg_has_role(r.oid, t.nspowner, 'MEMBER'))
  UNION ALL
  SELECT 40, f.mine, true, format('ALTER TABLE %%I.%%I OWNER TO %%I', f.nspname, f.relname, %(owner)s),
         format('Table %%I.%%I belongs to %%I.', f.nspname, f.relname, f.relowner_name)
  FROM foreigners f WHERE %(adopt)s AND f.known
  UNION ALL
  -- The grants run in the same transaction as the change of owner, so that a running application never loses access.
  SELECT 41, f.mine, true, format('GRANT %%s ON TABLE %%I.%%I TO %%I', CASE WHEN f.is_migrations_table THEN 'SELECT' ELSE 'SELECT, INSERT, UPDATE, DELETE' END,
                                  f.nspname, f.relname, %(app)s), format('Table %%I.%%I is adopted.', f.nspname, f.relname)
  FROM foreigners f WHERE %(adopt)s AND f.known
  UNION ALL
  SELECT 50, me.rolsuper OR me.oid = p.role OR (me.rolcreaterole AND (me.version < 160000 OR p.role IS NULL OR pg_has_role(me.oid, p.role, 'MEMBER WITH ADMIN OPTION'))), true,
         CASE WHEN p.wanted = 'public' THEN format('ALTER ROLE %%I IN DATABASE %%I RESET search_path', p.name, db.datname)
              ELSE format('ALTER ROLE %%I IN DATABASE %%I SET search_path TO %%s', p.name, db.datname, p.wanted) END,
         format('The search path of %%s in this database is %%s, expected %%s.', p.name, coalesce(substr(p.current, 13), 'the default'), p.wanted)
  FROM paths p, me, db
  WHERE CASE WHEN p.wanted = 'public' THEN p.current NOT IN ('search_path=public', 'search_path="$user", public')
             ELSE p.current IS DISTINCT FROM 'search_path=' || p.wanted END
  UNION ALL
  SELECT 60, me.rolsuper AND db.closing, false,
         format('REVOKE EXECUTE ON FUNCTION %%s FROM %%s', b.functions, CASE WHEN b.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('%%s may create large objects: %%s has EXECUTE on the functions.', %(app)s, CASE WHEN b.grantee = 0 THEN 'PUBLIC' ELSE 'the role' END)
  FROM blobs b, me, db
  UNION ALL
  SELECT 70, me.rolsuper OR pg_has_role(me.oid, party.owner, 'USAGE'), true,
         format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I%%s REVOKE ALL ON TABLES FROM %%s', %(owner)s,
                CASE WHEN l.defaclnamespace = 0 THEN '' ELSE format(' IN SCHEMA %%I', %(schema)s) END,
                CASE WHEN l.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('Default privileges would grant every later table of %%s to %%s.', %(owner)s, %(app)s)
  FROM (SELECT DISTINCT * FROM later) l, me, party
  UNION ALL
  SELECT 90, false, false, NULL, format('The database encoding is %%s, expected UTF8.', db.encoding) FROM db WHERE db.encoding <> 'UTF8'
)
SELECT (SELECT db.dba FROM db)::text AS database_owner,
       (SELECT t.nspdba FROM target t)::text AS schema_owner,
       (SELECT coalesce(json_agg(DISTINCT f.relowner_name), '[]') FROM foreigners f) AS former_owners,
       (SELECT coalesce(json_agg(row_to_json(p) ORDER BY p.step, p.statement), '[]') FROM plan p) AS plan
