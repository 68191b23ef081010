# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The privileges of roles: exactly what a saver or a deletion needs, granted by the owner and read back from the catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Tuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READ_TIMEOUT, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, MIGRATIONS_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import MigrationTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

# {role: {table: privileges}}
Wanted = Dict[str, Dict[str, Tuple[str, ...]]]

# A saver updates a checkpoint that is stored twice and a pending write that replaces another. Only the owner writes the migrations table.
PRIVILEGES = {**{table: ("SELECT", "INSERT", "UPDATE", "DELETE") for table in DATA_TABLES}, MIGRATIONS_TABLE: ("SELECT",)}
# What checkpoint_prune needs. keep=latest locks rows, which needs UPDATE of any column, and changes only this one. With UPDATE of the table, the role
# could write the states of all threads.
DELETION = {**{table: ("SELECT", "DELETE") for table in DATA_TABLES}, MIGRATIONS_TABLE: ()}
TRIMMING = {**DELETION, "checkpoints": ("SELECT", "UPDATE (parent_checkpoint_id)", "DELETE")}
LOCK_TIMEOUT = "10s"

# Step 10, the privileges on tables that are created later, and step 21, CREATE on the schema, come before setup() creates a table.
CREATE = 21
EARLY = (10, CREATE)
QUERY = """
WITH me AS (
  SELECT oid, rolname, rolsuper, current_setting('server_version_num')::int AS version FROM pg_roles WHERE rolname = coalesce(%(owner)s, current_user)
), party AS (
  SELECT (SELECT oid FROM me) AS owner, (SELECT oid FROM pg_roles WHERE rolname = %(app)s) AS app
), target AS (
  SELECT n.oid, n.nspname, n.nspowner, me.rolsuper OR pg_has_role(me.oid, n.nspowner, 'USAGE') AS mine,
         coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
  FROM pg_namespace n, me WHERE n.nspname = %(schema)s
), reach AS (
  SELECT r.oid, r.rolname FROM pg_roles r, party WHERE pg_has_role(party.app, r.oid, 'MEMBER')
), wanted AS (
  SELECT key AS name, ARRAY(SELECT json_array_elements_text(value)) AS privileges, format('%%I.%%I', %(schema)s, key) AS qualified,
         key = ANY (%(coming)s) AS coming
  FROM json_each(%(wanted)s::json)
), known AS (
  SELECT w.*, c.oid, CASE WHEN w.coming THEN party.owner ELSE c.relowner END AS relowner, c.relowner AS former,
         w.coming OR me.rolsuper OR pg_has_role(me.oid, c.relowner, 'USAGE') AS mine, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
  FROM wanted w CROSS JOIN me CROSS JOIN party JOIN target t ON true
  JOIN pg_class c ON c.relnamespace = t.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')
), held AS (
  -- ALTER TABLE OWNER gives the privileges of the former owner to the new one.
  SELECT k.name, a.grantee, a.grantor, a.privilege_type, a.is_grantable, a.privilege_type = ANY (k.privileges) AS wanted
  FROM known k, party, aclexplode(k.acl) a
  WHERE k.relowner IS DISTINCT FROM party.app AND a.grantee IN (0, party.app) AND a.grantee IS DISTINCT FROM k.former
  UNION ALL
  SELECT k.name, a.grantee, a.grantor, CASE WHEN f.wanted THEN f.form ELSE a.privilege_type || ' of a column' END, a.is_grantable, f.wanted
  FROM known k JOIN pg_attribute c ON c.attrelid = k.oid CROSS JOIN party CROSS JOIN LATERAL aclexplode(c.attacl) a
  CROSS JOIN LATERAL (SELECT w.form, w.form = ANY (k.privileges) AS wanted
                      FROM (SELECT format('%%s (%%I)', a.privilege_type, c.attname) AS form) AS w) AS f
  WHERE k.relowner IS DISTINCT FROM party.app AND a.grantee IN (0, party.app) AND a.grantee IS DISTINCT FROM k.former
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
), steps (step, allowed, required, "table", statement, reason) AS (
  SELECT 10, true, true, NULL::text,
         format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I%%s REVOKE ALL ON TABLES FROM %%s', me.rolname,
                CASE WHEN l.defaclnamespace = 0 THEN '' ELSE format(' IN SCHEMA %%I', %(schema)s) END,
                CASE WHEN l.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('every table that %%s creates later is open to %%s', me.rolname, CASE WHEN l.grantee = 0 THEN 'PUBLIC' ELSE %(app)s END)
  FROM later l, me
  UNION ALL
  SELECT 20, t.mine, true, NULL, format('GRANT USAGE ON SCHEMA %%I TO %%I', t.nspname, %(app)s),
         format('%%s has no USAGE on schema %%s', %(app)s, t.nspname)
  FROM target t, party WHERE NOT has_schema_privilege(party.app, t.oid, 'USAGE')
  UNION ALL
  SELECT 21, t.mine, true, NULL,
         format('REVOKE CREATE ON SCHEMA %%I FROM %%s', t.nspname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('%%s has CREATE on schema %%s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE %(app)s END, t.nspname)
  FROM target t, party, aclexplode(t.acl) a WHERE a.privilege_type = 'CREATE' AND a.grantee IN (0, party.app) AND t.nspowner IS DISTINCT FROM party.app
  UNION ALL
  SELECT 30, k.mine, true, k.name, format('REVOKE ALL ON TABLE %%s FROM %%s', k.qualified, CASE WHEN e.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(%(app)s) END),
         format('%%s has %%s on %%s, granted by %%s', CASE WHEN e.grantee = 0 THEN 'PUBLIC' ELSE %(app)s END, e.privileges, k.qualified, e.grantors)
  FROM known k JOIN excess e ON e.name = k.name
  UNION ALL
  SELECT 31, k.mine, true, k.name, format('GRANT %%s ON TABLE %%s TO %%I', array_to_string(k.privileges, ', '), k.qualified, %(app)s),
         format('%%s needs %%s on %%s', %(app)s, array_to_string(k.privileges, ', '), k.qualified)
  FROM known k, party WHERE k.relowner IS DISTINCT FROM party.app AND cardinality(k.privileges) > 0
    AND (EXISTS (SELECT FROM excess e WHERE e.name = k.name AND e.grantee <> 0)
         OR EXISTS (SELECT unnest(k.privileges) EXCEPT SELECT h.privilege_type FROM held h WHERE h.name = k.name AND h.grantee <> 0))
  UNION ALL
  SELECT 31, true, true, w.name, format('GRANT %%s ON TABLE %%s TO %%I', array_to_string(w.privileges, ', '), w.qualified, %(app)s),
         format('%%s needs %%s on %%s', %(app)s, array_to_string(w.privileges, ', '), w.qualified)
  FROM wanted w WHERE w.coming AND cardinality(w.privileges) > 0 AND NOT EXISTS (SELECT FROM known k WHERE k.name = w.name)
  UNION ALL
  -- Privileges that the role has through a membership.
  SELECT 40, false, true, k.name, format('REVOKE %%I FROM %%I', r.rolname, %(app)s),
         format('%%s has %%s on %%s as a member of %%s', %(app)s, string_agg(p.kind, ', ' ORDER BY p.kind), k.qualified, r.rolname)
  FROM known k, kinds p, reach r, party
  WHERE r.oid <> party.app AND NOT p.kind = ANY (k.privileges)
    AND CASE WHEN r.oid = k.relowner THEN true
             WHEN EXISTS (SELECT FROM excess e WHERE e.name = k.name AND e.grantee = 0) THEN false
             ELSE has_table_privilege(r.oid, k.oid, p.kind) END
  GROUP BY k.name, k.qualified, r.rolname
)
SELECT (SELECT oid IS NOT NULL FROM (SELECT app AS oid FROM party) p) AS exists,
       (SELECT coalesce(json_agg(row_to_json(s) ORDER BY s.step, s.statement), '[]') FROM steps s) AS steps
"""


class GrantStep(NamedTuple):
    """One statement that is missing.

    step: its place in the order. allowed: whether the acting role may execute it. required: whether the run fails if it may not.
    table: the table that it concerns, or None.
    """

    step: int
    allowed: bool
    required: bool
    table: str | None
    statement: str
    reason: str


def wanted_privileges(params: dict[str, Any]) -> Wanted:
    """The roles in app_roles and retention_roles, with their privileges on each table. Raises ModuleError."""
    twice = sorted(set(params["app_roles"]) & set(params["retention_roles"]))
    if twice:
        raise ModuleError("%s: in app_roles and in retention_roles; a role can be in only one of them. Remove it from the other." % ", ".join(twice))
    deletion = TRIMMING if params["retention_keep"] == "latest" else DELETION
    return {**dict.fromkeys(params["app_roles"], PRIVILEGES), **dict.fromkeys(params["retention_roles"], deletion)}


def read_grants(
    connection: Connection, schema: str, roles: Wanted, *, session_role: str | None = None, owner: str | None = None, coming: Iterable[str] = ()
) -> list[GrantStep]:
    """The steps for all roles. roles: the result of wanted_privileges(). Raises PrerequisiteMissing if a role does not exist.

    owner: the role that would execute the steps; None for session_role or the role that logged in. coming: the tables that are created or adopted first,
    as if they existed.
    """
    steps: dict[str, GrantStep] = {}
    with snapshot(connection, session_role, READ_TIMEOUT):
        for role, privileges in roles.items():
            names = {"app": role, "owner": owner, "schema": schema, "wanted": json.dumps(privileges), "coming": list(coming)}
            (row,) = connection.execute(QUERY, names).fetchall()
            if not row["exists"]:
                raise PrerequisiteMissing("Role %s does not exist. Create it first with the Ansible role stateops.langgraph.database." % role)
            steps.update((found["statement"], GrantStep(**found)) for found in row["steps"])
    return sorted(steps.values(), key=lambda step: (step.step, step.statement))


def insist_on_grants(steps: list[GrantStep]) -> None:
    """Raise ModuleError, before anything is written, if the acting role may not execute a required step."""
    stuck = [step for step in steps if step.required and not step.allowed]
    if stuck:
        raise ModuleError(
            "The privileges of a role differ from what it needs: %s. As the owner of these objects or as a superuser,"
            " run: %s Nothing was written." % ("; ".join(sorted({step.reason for step in stuck})), " ".join("%s;" % step.statement for step in stuck))
        )


def report_optional(steps: list[GrantStep], warn: Callable[[str], None]) -> None:
    """Warn of each step that the acting role may not execute and that is not required."""
    for step in steps:
        if not step.allowed and not step.required:
            warn("%s. As the owner of that object or as a superuser, run: %s;" % (step.reason, step.statement))


def closed_by(steps: list[GrantStep], schema: Schema) -> Schema:
    """The schema after the steps that revoke CREATE on it."""
    done = [step.statement for step in steps if step.step == CREATE and step.allowed]
    return schema._replace(creators=tuple(name for name in schema.creators if not any(statement.endswith(" FROM %s" % name) for statement in done)))


def revoke_early(connection: Connection, steps: list[GrantStep]) -> list[str]:
    """Revoke CREATE on the schema, and the privileges on tables that are created later. Returns the statements."""
    return _execute(connection, [step for step in steps if step.step in EARLY])


def converge_grants(connection: Connection, target: MigrationTarget, roles: Wanted, lock_wait: float) -> list[str]:
    """Execute the steps in one transaction and read the catalog again; returns the statements. Call take_role() first. Raises ModuleError."""
    with advisory_lock(connection, "schema %s" % target.schema, lock_wait, schema=target.schema):
        done = _execute(connection, read_grants(connection, target.schema, roles))
        left = [step for step in read_grants(connection, target.schema, roles) if step.allowed or step.required] if done else []
    if left:
        raise ModuleError(
            "PostgreSQL accepted the statements, but its catalog does not show their effect: %s. As the grantor or as a superuser, run: %s"
            % ("; ".join(step.reason for step in left), " ".join("%s;" % step.statement for step in left)),
            changed=True,
        )
    return done


def _execute(connection: Connection, steps: list[GrantStep]) -> list[str]:
    statements = [step.statement for step in steps if step.allowed]
    if not statements:
        return []
    committing = False
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
            for statement in statements:
                connection.execute(statement)
            committing = True
    except psycopg.Error as error:
        # The server may have committed before the connection was lost.
        if committing and lost(connection):
            raise ModuleError(
                "The connection was lost while the privileges were committed: %s. Whether these statements took effect is unknown: %s. "
                "Run again when the server is available: the next run reads the privileges and grants what is missing."
                % (one_line(error), "; ".join(statements)),
                changed=True,
            ) from None
        raise ModuleError("The privileges were not granted: %s. None of these statements took effect: %s" % (one_line(error), "; ".join(statements))) from None
    return statements
