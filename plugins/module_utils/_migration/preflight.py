# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a state, unless there are preflight errors: reasons not to apply it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import Plan
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import MigrationTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState, Server
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema, Table


def plan_for(connection: Connection, target: MigrationTarget, state: DatabaseState) -> Plan:
    """The Plan for a DatabaseState. Raises ModuleError if there are preflight errors."""
    library = target.required_library
    plan = make_plan(state, library, target.adopt)
    errors = preflight_errors(state, library, plan, _adoptable(connection, state.server, plan) if plan.adopting else None)
    if errors:
        raise ModuleError("%s Nothing was written." % " ".join(errors))
    return plan


def _adoptable(connection: Connection, server: Server, plan: Plan) -> set[str]:
    """The tables of other roles whose owner the login role can change to the current role."""
    rows = connection.execute(
        "SELECT t.name FROM unnest(%s::text[], %s::text[]) AS t(name, owner)"
        " WHERE pg_has_role(session_user, t.owner, 'USAGE') AND pg_has_role(session_user, %s, 'MEMBER')",
        ([table.name for table in plan.foreign], [table.owner for table in plan.foreign], server.role),
    )
    return {row["name"] for row in rows}


def preflight_errors(state: DatabaseState, library: Library, plan: Plan, adoptable: Collection[str] | None = None) -> list[str]:
    """Why the plan must not be applied: a list of sentences, empty if there is no reason.

    adoptable: the tables whose owner the login role can change, as the server reports; None if it was not queried.
    """
    server, schema = state.server, state.schema
    found: list[str] = []
    if state.hidden:
        found.append(state.hidden_migrations_table())
        if plan.foreign:
            found.append(_foreign(schema, plan, server))
        return found
    if state.version is not None and state.version > library.newest and any(violation.drift for violation in plan.violations):
        found.append(
            "The database is ahead: its migrations table records version %d, %s %s supports up to %d, and the schema has drift. Install a newer library."
            % (state.version, "langgraph-checkpoint-postgres", library.version, library.newest)
        )
        found.extend(sentence(violation.describe()) for violation in plan.violations if violation.drift)
        return found
    if plan.blocking:
        found.extend(sentence(violation.describe()) for violation in plan.blocking)
        if not all(violation.statement or violation.rule is rules.OWNER_DIFFERS for violation in plan.blocking):
            found.append("Correct it manually, or name another schema or database.")
        if any(violation.rule is rules.OWNER_DIFFERS for violation in plan.blocking):
            found.append("Set adopt, or run: %s" % " ".join(adoption(schema.name, plan.foreign, server.role)))
        return found
    if plan.empty:
        return found
    if server.standby:
        found.append("The server is a hot standby, which does not accept writes. Connect to the primary.")
    elif server.read_only:
        found.append("default_transaction_read_only is on for the server or the role. Connect to a server that accepts writes, or turn the setting off.")
    if not schema.exists:
        found.append(
            "Schema %s does not exist in database %s. Run: CREATE SCHEMA %s AUTHORIZATION %s;"
            % (schema.name, server.database, quote(schema.name), quote(server.role))
        )
    elif not server.schema_usage or not server.schema_create:
        missing = ", ".join(privilege for privilege, granted in (("USAGE", server.schema_usage), ("CREATE", server.schema_create)) if not granted)
        found.append(
            "Role %s has no permission to create tables in schema %s. Run: GRANT %s ON SCHEMA %s TO %s;"
            % (server.role, schema.name, missing, quote(schema.name), quote(server.role))
        )
    if plan.foreign and not plan.adopting:
        found.append(_foreign(schema, plan, server))
    elif plan.adopting and adoptable is not None:
        remaining = [table for table in plan.foreign if table.name not in adoptable]
        if remaining:
            found.append(
                "%s cannot change the owner of %s. As a superuser, or as their owner who is a member of %s, run: %s"
                % (
                    server.login,
                    ", ".join(table.name for table in remaining),
                    server.role,
                    " ".join(adoption(schema.name, remaining, server.role)),
                )
            )
    return found


def _foreign(schema: Schema, plan: Plan, server: Server) -> str:
    return "%s in schema %s: owned by %s, not by %s, the role that would change them. %sog in as the owner, give the owner as session_role, or run: %s" % (
        ", ".join(table.name for table in plan.foreign),
        schema.name,
        ", ".join(sorted({table.owner for table in plan.foreign})),
        server.role,
        "L" if plan.adopting else "Set adopt, l",
        " ".join(adoption(schema.name, plan.foreign, server.role)),
    )


def adoption(schema: str, tables: Iterable[Table], role: str) -> list[str]:
    """The statements that make a role the owner of tables and their indexes."""
    return ["ALTER TABLE %s OWNER TO %s;" % (qualified(schema, table.name), quote(role)) for table in tables]
