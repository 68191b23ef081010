# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drops the tables that setup() creates, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import read_state, read_state_after_reconnect, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements, advisory_lock, retry_with_short_lock_timeout
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import Session, configure_session
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, POSTGRES, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import Limits, MigrationTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Table

DEPENDENTS = """
SELECT DISTINCT 'view ' || r.ev_class::regclass::text AS name
FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY(%(names)s) AND r.ev_class <> d.refobjid
ORDER BY 1
"""


def removal(connection: Connection, target: MigrationTarget, state: DatabaseState, force: bool) -> DatabaseState:
    """The DatabaseState without the tables. Raises ModuleError if setup() did not create them, this role may not drop them, or they contain rows."""
    tables = [table for table in state.schema.tables if table.name in TABLES]
    if not tables:
        return state
    unknown = [
        violation
        for violation in check_schema(state.schema._replace(elsewhere=()))
        if violation.rule in (rules.TABLE_KIND, rules.TABLE_PARTITIONED, rules.TABLE_SHALLOW, rules.TABLE_SHAPE) or violation.rule is rules.COLUMN_MISSING
    ]
    if unknown:
        raise ModuleError(
            "These are not the tables that setup() creates: %s. Nothing was dropped. Check the option schema." % "; ".join(item.describe() for item in unknown)
        )
    server = state.server
    if server.standby or server.read_only:
        raise ModuleError("The server does not accept writes (%s). Connect to the primary." % ("hot standby" if server.standby else "read-only"))
    rows = connection.execute("SELECT o AS name FROM unnest(%s::text[]) AS o WHERE NOT pg_has_role(o, 'USAGE')", ([table.owner for table in tables],))
    owners = {row["name"] for row in rows}
    foreign = [table for table in tables if table.owner in owners]
    if foreign:
        raise ModuleError(
            "%s: owned by %s, so %s cannot drop it. Nothing was dropped. Log in as the owner, or give the owner as session_role."
            % (", ".join(table.name for table in foreign), ", ".join(sorted({table.owner for table in foreign})), server.role)
        )
    _check_dependents(connection, target, tables)
    if not force:
        _check_empty(connection, target, tables)
    kept = tuple(table for table in state.schema.tables if table.name not in TABLES)
    return state._replace(schema=state.schema._replace(tables=kept), recorded=None)


def _check_dependents(connection: Connection, target: MigrationTarget, tables: Sequence[Table]) -> None:
    """Raise ModuleError if other objects depend on the tables. DROP without CASCADE would fail, so check mode has to fail as well."""
    found = ["constraint %s of %s" % (item.name, item.incoming) for table in tables for item in table.constraints if item.incoming]
    found += [row["name"] for row in connection.execute(DEPENDENTS, {"schema": target.schema, "names": [table.name for table in tables]})]
    if found:
        raise ModuleError("%s: depends on the tables. Nothing was dropped. Drop it first, or keep the tables." % ", ".join(found))


def _check_empty(connection: Connection, target: MigrationTarget, tables: Sequence[Table]) -> None:
    """Raise ModuleError if the tables contain rows, or if that cannot be read."""
    connection.execute("SELECT set_config('row_security', 'off', false)")  # otherwise hidden rows would not count
    query = sql.SQL("SELECT EXISTS (SELECT FROM {}) AS has")
    try:
        full = [
            table.name
            for table in tables
            if table.name in DATA_TABLES and fetch_row(connection, query.format(sql.Identifier(target.schema, table.name)))["has"]
        ]
    except psycopg.errors.InsufficientPrivilege as error:
        raise ModuleError(
            "This role cannot read whether the tables are empty: %s. Nothing was dropped. Set force to drop them anyway." % one_line(error)
        ) from None
    if full:
        raise ModuleError("%s in schema %s: not empty. Nothing was dropped. Set force to drop the data as well." % (", ".join(full), target.schema))


def remove(
    connection: Connection, target: MigrationTarget, limits: Limits, force: bool, reconnect: Callable[[], Connection]
) -> tuple[DatabaseState, DatabaseState]:
    """Drop the tables in one transaction; returns (before, after). reconnect: as for converge()."""
    configure_session(connection, {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout})
    with advisory_lock(connection, "schema %s" % target.schema, limits.lock_wait, schema=target.schema):
        before = read_state(connection, target)
        tables = [table for table in before.schema.tables if table.name in POSTGRES]
        if not tables:
            return before, before
        removal(connection, target, before, force)
        names = sql.SQL(", ").join(sql.Identifier(target.schema, table.name) for table in tables)
        session = Session.of(connection)

        def drop() -> None:
            with connection.transaction():
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
                if not force:  # check again, now that no other session can write
                    _check_empty(connection, target, tables)
                connection.execute(sql.SQL("DROP TABLE {}").format(names))

        try:
            retry_with_short_lock_timeout(connection, drop, limits.lock_timeout)
        except psycopg.Error as error:
            if lost(connection):
                raise _lost(before, error, lambda: read_state_after_reconnect(target, reconnect, session)) from None
            if isinstance(error, psycopg.errors.LockNotAvailable):
                holders = lock_holders(connection, target.schema, LockRequirements(exclusive=tuple(table.name for table in tables)))
                raise ModuleError("The tables were not dropped. %s" % holders) from None
            detail = getattr(getattr(error, "diag", None), "message_detail", None) or ""
            text = " ".join([one_line(error), *detail.split()]).rstrip(".")
            raise ModuleError("The tables were not dropped: %s. Nothing was changed. Remove the cause and run again." % text) from None
        try:
            return before, read_state(connection, target)
        except (ModuleError, psycopg.Error) as error:
            raise ModuleError(
                "The tables were dropped, but the current state could not be read (%s). Run again." % one_line(error).rstrip("."), changed=True
            ) from None


def _lost(before: DatabaseState, error: Exception, reread: Callable[[], tuple[DatabaseState, str]]) -> ModuleError:
    """The ModuleError for a connection that was lost, possibly during COMMIT. reread: reads the state over a new connection."""
    text = one_line(error).rstrip(".")
    try:
        after, note = reread()
    except (ModuleError, psycopg.Error, OSError) as second:
        text = "The connection was lost: %s. Whether the tables were dropped could not be read (%s). Run again." % (text, one_line(second).rstrip("."))
        return ModuleError(text, changed=True)
    changed = state_differs(before, after)
    result = "The tables were dropped." if changed else "The tables still exist. %sRun again." % note
    return ModuleError("The connection was lost: %s. %s" % (text, result), changed=changed)
