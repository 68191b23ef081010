# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads both sides and compares them: the facts that several modules return."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import DISTRIBUTION, library, versions_beside
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.pending import setup_pending
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READ_TIMEOUT, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.schema import read_file, reference
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import postgres_orphans, sqlite_orphans
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter, require

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection


def prepare(params: dict[str, Any]) -> Library:
    """Enter the virtualenv, and check that it contains what gather() needs; returns the Library. Raises ModuleError, or PrerequisiteMissing."""
    enter(params["virtualenv"], params)
    if not params["sqlite_path"] and params["sqlite_schema"] is None:
        require("langgraph.checkpoint.sqlite", params["virtualenv"])
    return library()


def gather(params: dict[str, Any], connection: Connection, known: Library, warn: Callable[[str], None]) -> dict[str, Any]:
    """The facts as a module returns them, from one snapshot of PostgreSQL. warn: is called with each warning.

    Raises PrerequisiteMissing or ModuleError. If assert_parity is set and the schemas are not in parity, the ModuleError contains the facts.
    """
    state, orphans, server = _postgres_side(connection, params)
    if state.hidden:
        raise ModuleError(state.hidden_migrations_table())
    plan = make_plan(state, known)
    pending = setup_pending(connection, params, state, plan, warn)
    sqlite, orphans["sqlite_writes"] = sqlite_side(params)
    parity = compare(sqlite, state.schema, params["parity_level"], known.steps)
    results: dict[str, Any] = {
        "changed": False,
        "role": state.server.role,
        "library": known.to_dict(),
        "versions": dict(versions_beside(), **{"postgresql": server, DISTRIBUTION: known.version, "python": platform.python_version()}),
        "migrations": {
            "recorded": state.version,
            "expected": known.newest,
            "pending": plan.pending_list(),
        },
        "setup_pending": pending,
        "postgres": state.schema.to_dict(),
        "sqlite": sqlite.to_dict(),
        "parity": parity.to_dict(),
        "orphans": orphans,
    }
    if known.unknown:
        warn("langgraph-checkpoint-postgres %s has migrations that this collection does not know. Their results were not checked." % known.version)
    if state.version is not None and state.version > known.newest:
        warn("The migrations table records version %s, and langgraph-checkpoint-postgres %s supports up to %s." % (state.version, known.version, known.newest))
    if params["assert_parity"] and not parity.in_parity:
        advice = "Run checkpoint_schema: it repairs what can be repaired without data loss, and reports the statements for the rest."
        raise ModuleError("%s\n\n%s\n\n%s" % (parity.summary(), parity.explain(), advice), **results)
    return results


def _postgres_side(connection: Connection, params: dict[str, Any]) -> tuple[DatabaseState, dict[str, Any], str | None]:
    """(the DatabaseState, the orphans, the server's version) of PostgreSQL, from one snapshot."""
    with report_lock_holders(connection, params["schema"], TABLES), snapshot(connection, params["session_role"], READ_TIMEOUT) as path:
        state = read(connection, params["schema"], path, roles=params["app_roles"] or [])
        version = connection.info.parameter_status("server_version")
        if not state.schema.exists:
            raise PrerequisiteMissing(
                "Schema %s does not exist in database %s. Check the option schema, or create it." % (params["schema"], state.server.database)
            )
        if params["count_orphans"] and _countable(state.schema):
            return state, postgres_orphans(connection, state.schema, params["orphan_grace"]), version
        return state, {"writes": None, "blobs": None}, version


def _countable(schema: Schema) -> bool:
    """Whether all tables in which orphans are counted exist, with the columns that the queries need."""
    tables = [schema.table(name) for name in DATA_TABLES]
    checkpoints = schema.table("checkpoints")
    return all(table and table.kind == "table" and table.column("thread_id") for table in tables) and bool(checkpoints and checkpoints.column("checkpoint_id"))


def sqlite_side(params: dict[str, Any]) -> tuple[Schema, dict[str, Any] | None]:
    """(the SQLite Schema to compare with, its orphaned writes or None). Raises ModuleError."""
    if params["sqlite_path"]:

        def count(connection: sqlite3.Connection, schema: Schema) -> dict[str, Any] | None:
            if not params["count_orphans"]:
                return None
            tables = [schema.table(name) for name in ("checkpoints", "writes")]
            countable = all(table and table.kind == "table" and table.column("checkpoint_id") for table in tables)
            return sqlite_orphans(connection, params["orphan_grace"]) if countable else None

        return read_file(params["sqlite_path"], count)
    if params["sqlite_schema"] is not None:
        try:
            schema = Schema.from_dict(params["sqlite_schema"])
        except ValueError as error:
            raise ModuleError("sqlite_schema is invalid: %s. Give the return value sqlite of checkpoint_schema_info." % error) from None
        if schema.engine != "sqlite":
            raise ModuleError("sqlite_schema is a schema of %s, expected sqlite. Give the return value sqlite of checkpoint_schema_info." % schema.engine)
        return schema, None
    return reference(), None
