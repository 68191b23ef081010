# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on both sides and whether it agrees: the facts that more than one module returns."""

from __future__ import annotations

import platform

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import DISTRIBUTION, library, versions_beside
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READING, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.schema import read_file, reference
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import postgres_orphans, sqlite_orphans
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter, require


def prepare(params):
    """Enter the virtualenv, and make sure of what the facts need there; returns the Library. Raises ModuleError, or PrerequisiteMissing."""
    enter(params["virtualenv"], params)
    if not params["sqlite_path"] and params["sqlite_schema"] is None:
        require("langgraph.checkpoint.sqlite", params["virtualenv"])
    return library()


def gather(params, connection, known, warn):
    """The facts as a module returns them, from one snapshot of PostgreSQL. warn: is called with each warning. Raises ModuleError, with the facts where they are not in parity, or PrerequisiteMissing."""
    reading, orphans, server = _postgres_side(connection, params)
    if reading.hidden:
        raise ModuleError(reading.hidden_ledger())
    sqlite, orphans["sqlite_writes"] = sqlite_side(params)
    parity = compare(sqlite, reading.schema, params["parity_level"], known.steps)
    results = {
        "changed": False,
        "role": reading.server.role,
        "library": known.to_dict(),
        "versions": dict(versions_beside(), **{"postgresql": server, DISTRIBUTION: known.version, "python": platform.python_version()}),
        "migrations": {
            "recorded": reading.version,
            "expected": known.newest,
            "pending": make_plan(reading, known).pending_list(),
        },
        "postgres": reading.schema.to_dict(),
        "sqlite": sqlite.to_dict(),
        "parity": parity.to_dict(),
        "orphans": orphans,
    }
    if known.unknown:
        warn("langgraph-checkpoint-postgres %s brings migrations that this collection does not know; what they leave was not checked." % known.version)
    if reading.version is not None and reading.version > known.newest:
        warn("The ledger records version %s, and langgraph-checkpoint-postgres %s knows up to %s." % (reading.version, known.version, known.newest))
    if params["assert_parity"] and not parity.in_parity:
        advice = "checkpoint_schema mends what loses nothing, and names the statements for the rest."
        raise ModuleError("%s\n\n%s\n\n%s" % (parity.summary(), parity.explain(), advice), **results)
    return results


def _postgres_side(connection, params):
    """(the DatabaseState, the orphans) of PostgreSQL, from one snapshot, and the server's version."""
    with report_lock_holders(connection, params["schema"], TABLES), snapshot(connection, params["session_role"], READING):
        reading = read(connection, params["schema"])
        version = connection.info.parameter_status("server_version")
        if not reading.schema.exists:
            raise PrerequisiteMissing(
                "Schema %s does not exist in database %s. Check the option schema, or create it." % (params["schema"], reading.server.database)
            )
        if params["count_orphans"] and _whole(reading.schema):
            return reading, postgres_orphans(connection, reading.schema, params["orphan_grace"]), version
        return reading, {"writes": None, "blobs": None}, version


def _whole(schema):
    """Whether the tables that orphans are counted in are all there, in today's shape."""
    tables = [schema.table(name) for name in DATA_TABLES]
    return all(table and table.kind == "table" and table.column("thread_id") for table in tables) and bool(schema.table("checkpoints").column("checkpoint_id"))


def sqlite_side(params):
    """(the SQLite Schema to compare with, its orphaned writes or None). Raises ModuleError."""
    if params["sqlite_path"]:

        def count(connection, schema):
            if not params["count_orphans"]:
                return None
            tables = [schema.table(name) for name in ("checkpoints", "writes")]
            whole = all(table and table.kind == "table" and table.column("checkpoint_id") for table in tables)
            return sqlite_orphans(connection, params["orphan_grace"]) if whole else None

        return read_file(params["sqlite_path"], count)
    if params["sqlite_schema"] is not None:
        try:
            schema = Schema.from_dict(params["sqlite_schema"])
        except ValueError as error:
            raise ModuleError("sqlite_schema does not fit: %s. Give the value sqlite of an earlier checkpoint_schema_info." % error) from None
        if schema.engine != "sqlite":
            raise ModuleError("sqlite_schema is a schema of %s. Give the value sqlite of an earlier checkpoint_schema_info." % schema.engine)
        return schema, None
    return reference(), None
