# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true before a row is read or deleted: the tables are LangGraph's, nothing evaluates foreign code, and the role has the privileges."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import WILDCARDS
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READ_TIMEOUT, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads

MISSING = """
SELECT t.name AS table_name, p.name AS privilege
FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS t(name, place) CROSS JOIN unnest(%(privileges)s::text[]) WITH ORDINALITY AS p(name, place)
CROSS JOIN format('%%I.%%I', %(schema)s::text, t.name) AS q(name)
WHERE CASE WHEN p.name <> %(column)s THEN NOT has_table_privilege(q.name, p.name)
           ELSE t.name = 'checkpoints' AND NOT has_column_privilege(q.name, 'parent_checkpoint_id', 'UPDATE') END
ORDER BY t.place, p.place
"""
# What prune() of the library changes with keep_latest. It also needs UPDATE of any column to lock rows.
UPDATE = "UPDATE (parent_checkpoint_id)"


def require_prunable(connection: Connection, schema: str, role: str | None, keep: str) -> None:
    """Raise ModuleError, or PrerequisiteMissing if a table is missing. role: session_role, or None. keep: latest also needs UPDATE of a column."""
    privileges = ["SELECT", "DELETE"] + ([UPDATE] if keep == "latest" else [])
    state = require_tables(connection, schema, role, privileges, lambda rule: rule is not rules.OWNER_DIFFERS)
    if state.server.standby or state.server.read_only:
        raise ModuleError("The server does not accept writes (%s). Connect to the primary." % ("hot standby" if state.server.standby else "read-only"))


def reject_ambiguous_patterns(threads: Threads, params: dict[str, Any]) -> None:
    """Raise ModuleError if a pattern is also the id of a thread: a person may have chosen it, so that its erasure selects the threads of others."""
    for option in ("threads", "exclude_threads"):
        given = params[option] or []
        for found in threads.present([each for each in given if not WILDCARDS.isdisjoint(each)]):
            advice = "write it as %s" % glob.escape(found) if params["show_threads"] else "put each of these characters in brackets, as in [*]"
            raise ModuleError(
                "Entry %d of %s contains *, ? or [, so it is a pattern, and it is also the id of a thread. To select only this thread, %s. "
                "To use the pattern, put another of its characters in brackets. Nothing was deleted." % (given.index(found) + 1, option, advice)
            )


def require_tables(connection: Connection, schema: str, role: str | None, privileges: Sequence[str], prevents: Callable[[rules.Rule], bool]) -> DatabaseState:
    """The DatabaseState, if the work can begin; otherwise raise ModuleError, or PrerequisiteMissing if a table is missing.

    role: session_role, or None. privileges: on the tables. prevents: whether a violation of a rule that blocks a migration prevents the work as well.
    """
    deletes = "DELETE" in privileges
    with report_lock_holders(connection, schema, DATA_TABLES), snapshot(connection, role, READ_TIMEOUT) as path:
        state = read(connection, schema, path)
        found, server = state.schema, state.server
        if not found.exists:
            raise PrerequisiteMissing("Schema %s does not exist in database %s. Check the option schema, or create it." % (schema, server.database))
        if not server.schema_usage:
            raise ModuleError(
                "Role %s has no USAGE on schema %s. Run: GRANT USAGE ON SCHEMA %s TO %s;" % (server.role, schema, quote(schema), quote(server.role))
            )
        absent = [table for table in DATA_TABLES if found.table(table) is None]
        if absent:
            raise PrerequisiteMissing("%s: no such table in schema %s. Run the module checkpoint_schema first." % (", ".join(absent), schema))
        violations = [each for each in check_schema(found) if each.severity == rules.BLOCK and prevents(each.rule)]
        if violations:
            raise ModuleError(
                "The tables are not as LangGraph needs them. %s Nothing was %s."
                % (" ".join(sentence(each.describe()) for each in violations), "deleted" if deletes else "read")
            )
        rows = connection.execute(MISSING, {"tables": list(DATA_TABLES), "privileges": list(privileges), "column": UPDATE, "schema": schema}).fetchall()
    if rows:
        grants = ["GRANT %s ON %s TO %s;" % (row["privilege"], qualified(schema, row["table_name"]), quote(server.role)) for row in rows]
        raise ModuleError("Role %s lacks privileges that the %s needs. Run: %s" % (server.role, "deletion" if deletes else "module", " ".join(grants)))
    return state
