# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One checkpoint there and back, through the saver that the application uses."""

from __future__ import annotations

import contextlib
import socket
import uuid

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import saver
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READING, configure_session, snapshot, take_role
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES

THREAD = "stateops.langgraph.checkpoint_verify/"
# Seconds: for a lock on a table, for a statement, and for another run from this host.
LOCK_TIMEOUT, STATEMENT_TIMEOUT, WAIT = 15, 60, 60
# Checkpoints and writes are replaced when they come again, blobs never are.
RIGHTS = {table: ("SELECT", "INSERT", "UPDATE", "DELETE") for table in DATA_TABLES}
RIGHTS["checkpoint_blobs"] = ("SELECT", "INSERT", "DELETE")

CATALOG = """
SELECT current_user AS role, current_database() AS database, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       n.oid IS NOT NULL AS schema_exists, n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS usage,
       ARRAY(SELECT c.relname::text FROM pg_class c
             WHERE c.relnamespace = n.oid AND c.relname = ANY(%(tables)s) AND c.relkind = 'r') AS tables,
       ARRAY(SELECT c.relname || ' ' || r FROM pg_class c CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r
             WHERE c.relnamespace = n.oid AND c.relname = ANY(%(tables)s) AND c.relkind = 'r' AND has_table_privilege(c.oid, r)) AS rights,
       (SELECT x.nspname FROM unnest(current_schemas(true)) WITH ORDINALITY AS p(name, place) JOIN pg_namespace x ON x.nspname = p.name
        JOIN pg_class c ON c.relnamespace = x.oid AND c.relname = 'checkpoints' ORDER BY p.place LIMIT 1) AS reached
FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = %(schema)s
"""


def prove(connection, params, application):
    """(thread_id, rows swept) of one checkpoint there and back, as session_role where there is one. Raises ModuleError."""
    pooler = pooler_mode(connection, params, application)
    if pooler == "transaction" and params["session_role"]:
        raise ModuleError("session_role does not hold behind a pooler in transaction mode. Log in as that role, or connect to the server itself.")
    take_role(connection, params["session_role"])
    _find_way(connection, params["schema"], pooler)
    return _roundtrip(connection, pooler)


def _find_way(connection, schema, pooler):
    """Point the connection at the schema, and make sure of every right before the first row. Raises ModuleError."""
    found = connection.execute(CATALOG, {"schema": schema, "tables": list(DATA_TABLES)}).fetchone()
    role = found["role"]
    if found["standby"] or found["read_only"]:
        raise ModuleError("The server takes no writes here (%s). Connect to the primary." % ("hot standby" if found["standby"] else "read-only"))
    _insist(found, schema)
    if pooler != "transaction":
        configure_session(connection, schema, {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": STATEMENT_TIMEOUT})
    elif found["reached"] != schema:
        raise ModuleError(
            "A pooler in transaction mode stands before the server, and role %s finds its tables in %s, not in schema %s. "
            "Set the role's search_path: ALTER ROLE %s IN DATABASE %s SET search_path TO %s;"
            % (role, found["reached"] or "no schema", schema, quote(role), quote(found["database"]), quote(schema))
        )


def insist_on_rights(connection, params):
    """Whether the acting role may do to the tables what a saver does, by the catalog alone. Raises ModuleError with the GRANT."""
    with snapshot(connection, params["session_role"], READING):
        found = connection.execute(CATALOG, {"schema": params["schema"], "tables": list(DATA_TABLES)}).fetchone()
    _insist(found, params["schema"])


def _insist(found, schema):
    role = found["role"]
    if not found["schema_exists"]:
        raise ModuleError("Schema %s does not exist in database %s. Check the option schema, or create it." % (schema, found["database"]))
    if not found["usage"]:
        raise ModuleError("Role %s has no USAGE on schema %s. Run: GRANT USAGE ON SCHEMA %s TO %s;" % (role, schema, quote(schema), quote(role)))
    absent = [table for table in DATA_TABLES if table not in found["tables"]]
    if absent:
        raise ModuleError("%s: no such table in schema %s. Run the module checkpoint_schema first." % (", ".join(absent), schema))
    lacking = {table: [right for right in rights if "%s %s" % (table, right) not in found["rights"]] for table, rights in RIGHTS.items()}
    lacking = {table: rights for table, rights in lacking.items() if rights}
    if lacking:
        raise ModuleError(
            "Role %s lacks %s in schema %s. Run: %s"
            % (
                role,
                "; ".join("%s on %s" % (", ".join(rights), table) for table, rights in lacking.items()),
                schema,
                " ".join("GRANT %s ON %s TO %s;" % (", ".join(rights), qualified(schema, table), quote(role)) for table, rights in lacking.items()),
            )
        )


def _roundtrip(connection, pooler):
    """(thread_id, rows swept). Behind a transaction pooler no lock holds, so the thread is this run's alone."""
    if pooler == "transaction":
        thread = THREAD + str(uuid.uuid4())
        return thread, _there_and_back(connection, thread)
    thread = THREAD + socket.gethostname()
    with advisory_lock(connection, "thread %s" % thread, WAIT, advice="run it again later"):
        return thread, _there_and_back(connection, thread)


def _there_and_back(connection, thread):
    """How many rows of an earlier run were swept. Raises ModuleError."""
    postgres_saver = saver(connection)
    swept = standing = _rows(connection, thread)
    try:
        if swept:
            _delete(connection, postgres_saver, thread)
        standing = 0
        _write_and_read(postgres_saver, thread)
        _delete(connection, postgres_saver, thread)
        left = _rows(connection, thread)
    except (ModuleError, psycopg.Error) as error:
        raise _failure(connection, postgres_saver, thread, error, swept, standing) from None
    if left:
        raise ModuleError("%d rows of thread %s could not be deleted: something in the database brings or keeps them." % (left, thread), changed=True)
    return swept


def _failure(connection, postgres_saver, thread, error, swept, standing):
    """The ModuleError for a round trip that ended on the way. swept: the thread's rows before it. standing: those before its first write."""
    left = None
    with contextlib.suppress(psycopg.Error):
        with contextlib.suppress(psycopg.Error):
            _delete(connection, postgres_saver, thread)
        left = _rows(connection, thread)
    if isinstance(error, ModuleError):
        text = error.message
    elif lost(connection):
        text = "The connection to the server was lost on the round trip: %s Run again when the server answers." % sentence(one_line(error))
    else:
        text = "PostgreSQL refused the round trip: %s The module checkpoint_schema_info tells what differs." % sentence(one_line(error))
    if left is None or left:
        text += " %s rows of thread %s may be left." % ("Some" if left is None else left, thread)
    return ModuleError(text, changed=not left == standing == swept)


def _write_and_read(postgres_saver, thread):
    """put, put_writes, get_tuple, and what came back held against what was sent."""
    from langgraph.checkpoint.base import empty_checkpoint

    sent = empty_checkpoint()
    sent["channel_values"] = {"whole": ["a value", {"kept": "as bytes"}], "small": 1}
    sent["channel_versions"] = {"whole": "1", "small": "1"}
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    metadata = {"source": "input", "step": -1, "parents": {}}
    stored = postgres_saver.put(config, sent, metadata, dict(sent["channel_versions"]))
    write = ("answer", b"pending")
    postgres_saver.put_writes(stored, [write], str(uuid.uuid4()))
    found = postgres_saver.get_tuple(stored)
    if found is None:
        raise ModuleError("The checkpoint that was written to checkpoints did not come back: a trigger, a rule or row security stands in between.")
    if found.checkpoint.get("channel_values") != sent["channel_values"]:
        raise ModuleError("The channel values that were written to checkpoint_blobs did not come back as they were.")
    if [(item[1], item[2]) for item in found.pending_writes or ()] != [write]:
        raise ModuleError("The pending write that was written to checkpoint_writes did not come back as it was.")


def _delete(connection, postgres_saver, thread):
    if hasattr(postgres_saver, "delete_thread"):
        postgres_saver.delete_thread(thread)
        return
    for table in DATA_TABLES:  # savers before 2.0.22 cannot delete
        connection.execute(sql.SQL("DELETE FROM {} WHERE thread_id = %s").format(sql.Identifier(table)), (thread,))


def _rows(connection, thread):
    query = " + ".join("(SELECT count(*) FROM %s WHERE thread_id = %%(thread)s)" % table for table in DATA_TABLES)
    return connection.execute("SELECT %s AS rows" % query, {"thread": thread}).fetchone()["rows"]
