# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dropping what setup() makes, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import read_state, read_state_after_reconnect, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock, retry_with_short_lock_timeout
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import Session, configure_session
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, POSTGRES, TABLES

DEPENDENTS = """
SELECT DISTINCT 'view ' || r.ev_class::regclass::text AS name
FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY(%(names)s) AND r.ev_class <> d.refobjid
ORDER BY 1
"""


def removal(connection, target, reading, force):
    """The DatabaseState without the tables. Raises ModuleError where they are not setup()'s, not ours, or not empty."""
    tables = [table for table in reading.schema.tables if table.name in TABLES]
    if not tables:
        return reading
    strange = [
        violation
        for violation in check_schema(replace(reading.schema, elsewhere=()))
        if violation.rule in (rules.TABLE_KIND, rules.TABLE_PARTITIONED, rules.TABLE_SHALLOW, rules.TABLE_SHAPE) or violation.rule is rules.COLUMN_MISSING
    ]
    if strange:
        raise ModuleError(
            "These are not the tables that setup() makes, so they stay: %s. Nothing was dropped." % "; ".join(item.describe() for item in strange)
        )
    server = reading.server
    if server.standby or server.read_only:
        raise ModuleError("The server takes no writes here (%s). Connect to the primary." % ("hot standby" if server.standby else "read-only"))
    rows = connection.execute("SELECT o AS name FROM unnest(%s::text[]) AS o WHERE NOT pg_has_role(o, 'USAGE')", ([table.owner for table in tables],))
    owners = {row["name"] for row in rows}
    foreign = [table for table in tables if table.owner in owners]
    if foreign:
        raise ModuleError(
            "%s: owned by %s, so %s cannot drop it. Log in as or take (session_role) their owner. Nothing was dropped."
            % (", ".join(table.name for table in foreign), ", ".join(sorted({table.owner for table in foreign})), server.role)
        )
    _refuse_depended(connection, target, tables)
    if not force:
        _refuse_full(connection, target, tables)
    left = tuple(table for table in reading.schema.tables if table.name not in TABLES)
    return replace(reading, schema=replace(reading.schema, tables=left), recorded=None)


def _refuse_depended(connection, target, tables):
    """What would go with the tables, or stop them: DROP without CASCADE refuses, so check mode has to."""
    found = ["constraint %s of %s" % (item.name, item.incoming) for table in tables for item in table.constraints if item.incoming]
    found += [row["name"] for row in connection.execute(DEPENDENTS, {"schema": target.schema, "names": [table.name for table in tables]})]
    if found:
        raise ModuleError("%s: depends on the tables. Nothing was dropped. Drop it first, or leave the tables." % ", ".join(found))


def _refuse_full(connection, target, tables):
    connection.execute("SELECT set_config('row_security', 'off', false)")  # rows that are hidden are rows all the same
    query = sql.SQL("SELECT EXISTS (SELECT FROM {}) AS has")
    try:
        full = [
            table.name
            for table in tables
            if table.name in DATA_TABLES and connection.execute(query.format(sql.Identifier(target.schema, table.name))).fetchone()["has"]
        ]
    except psycopg.errors.InsufficientPrivilege as error:
        raise ModuleError(
            "Whether the tables are empty cannot be seen: %s. Nothing was dropped. Set force to drop them all the same." % one_line(error)
        ) from None
    if full:
        raise ModuleError("%s in schema %s: not empty. Set force to drop the data as well. Nothing was dropped." % (", ".join(full), target.schema))


def remove(connection, target, limits, force, reconnect):
    """Drop the tables in one transaction; returns (before, after). reconnect: as for converge()."""
    configure_session(connection, target.schema, {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout})
    with advisory_lock(connection, "schema %s" % target.schema, limits.lock_wait):
        before = read_state(connection, target)
        tables = [table for table in before.schema.tables if table.name in POSTGRES]
        if not tables:
            return before, before
        removal(connection, target, before, force)
        names = sql.SQL(", ").join(sql.Identifier(target.schema, table.name) for table in tables)
        session = Session.of(connection)

        def drop():
            with connection.transaction():
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
                if not force:  # again, now that nobody else can write
                    _refuse_full(connection, target, tables)
                connection.execute(sql.SQL("DROP TABLE {}").format(names))

        try:
            retry_with_short_lock_timeout(connection, drop, limits.lock_timeout)
        except psycopg.Error as error:
            if lost(connection):
                raise _lost(before, error, lambda: read_state_after_reconnect(target, reconnect, session)) from None
            detail = getattr(getattr(error, "diag", None), "message_detail", None) or ""
            raise ModuleError("The tables were not dropped: %s. Nothing was changed." % one_line("%s %s" % (error, detail)).rstrip(".")) from None
        try:
            return before, read_state(connection, target)
        except (ModuleError, psycopg.Error) as error:
            raise ModuleError("The tables were dropped. What stands now could not be read (%s)." % one_line(error).rstrip("."), changed=True) from None


def _lost(before, error, again):
    """The ModuleError for a connection that ended on the way, perhaps with the very COMMIT. again: reads what stands."""
    text = one_line(error).rstrip(".")
    try:
        after, note = again()
    except (ModuleError, psycopg.Error, OSError) as second:
        text = "The connection was lost: %s. Whether the tables are gone could not be read (%s). Run again." % (text, one_line(second).rstrip("."))
        return ModuleError(text, changed=True)
    changed = state_differs(before, after)
    stands = "The tables are gone." if changed else "The tables are still there. %sRun again." % note
    return ModuleError("The connection was lost: %s. %s" % (text, stands), changed=changed)
