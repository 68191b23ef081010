# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons not to carry out a plan."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules


def preflight_errors(reading, library, plan, login_may=None):
    """Why the plan must not be carried out: a list of sentences, empty where nothing speaks against it.

    login_may: tables whose ownership the login role can give away, asked of the server; None where it was not asked.
    """
    server, schema = reading.server, reading.schema
    found = []
    if reading.hidden:
        found.append(reading.hidden_ledger())
        if plan.foreign:
            found.append(_foreign(schema, plan, server))
        return found
    if reading.version is not None and reading.version > library.newest and any(violation.drift for violation in plan.violations):
        found.append(
            "The database is ahead: its ledger records version %d, and %s %s knows up to %d and cannot use it as it stands. Install a newer library."
            % (reading.version, "langgraph-checkpoint-postgres", library.version, library.newest)
        )
        found.extend(sentence(violation.describe()) for violation in plan.violations if violation.drift)
        return found
    if plan.refusing:
        found.extend(sentence(violation.describe()) for violation in plan.refusing)
        if not all(violation.statement or violation.rule is rules.OWNER_DIFFERS for violation in plan.refusing):
            found.append("Put it right by hand, or name another schema or database.")
        if any(violation.rule is rules.OWNER_DIFFERS for violation in plan.refusing):
            found.append("Set adopt, or run: %s" % " ".join(adoption(schema.name, plan.foreign, server.role)))
        return found
    if plan.empty:
        return found
    if server.standby:
        found.append("The server is a hot standby, which takes no writes. Connect to the primary.")
    elif server.read_only:
        found.append("The server or the role has default_transaction_read_only on. Connect to a server that takes writes, or turn it off.")
    if not schema.exists:
        found.append(
            "Schema %s does not exist in database %s. Run: CREATE SCHEMA %s AUTHORIZATION %s;"
            % (schema.name, server.database, quote(schema.name), quote(server.role))
        )
    elif not server.schema_usage or not server.schema_create:
        lacking = ", ".join(right for right, has in (("USAGE", server.schema_usage), ("CREATE", server.schema_create)) if not has)
        found.append(
            "Role %s has no permission to make tables in schema %s. Run: GRANT %s ON SCHEMA %s TO %s;"
            % (server.role, schema.name, lacking, quote(schema.name), quote(server.role))
        )
    if plan.foreign and not plan.adopting:
        found.append(_foreign(schema, plan, server))
    elif plan.adopting and login_may is not None:
        stuck = [table for table in plan.foreign if table.name not in login_may]
        if stuck:
            found.append(
                "%s may not give away %s. Somebody who may (their owner who is a member of %s, or a superuser) must run: %s"
                % (
                    server.login,
                    ", ".join(table.name for table in stuck),
                    server.role,
                    " ".join(adoption(schema.name, stuck, server.role)),
                )
            )
    return found


def _foreign(schema, plan, server):
    return "%s in schema %s: owned by %s, not by %s, who would change them. %sog in as or take (session_role) their owner, or run: %s" % (
        ", ".join(table.name for table in plan.foreign),
        schema.name,
        ", ".join(sorted({table.owner for table in plan.foreign})),
        server.role,
        "L" if plan.adopting else "Set adopt, l",
        " ".join(adoption(schema.name, plan.foreign, server.role)),
    )


def adoption(schema, tables, role):
    """The statements that give tables to a role; their indexes follow."""
    return ["ALTER TABLE %s OWNER TO %s;" % (qualified(schema, table.name), quote(role)) for table in tables]
