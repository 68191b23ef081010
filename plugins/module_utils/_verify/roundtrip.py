# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The round trip: writes, reads and deletes one checkpoint through the saver that the application uses."""

from __future__ import annotations

import contextlib
import socket
import uuid
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import saver
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg, sql, table_name
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements, advisory_lock, report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import (
    READ_TIMEOUT,
    UTF8,
    configure_session,
    schema_path,
    set_encoding,
    snapshot,
    take_role,
    where_set,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

# Text of several scripts. The saver sends it as JSON, in which PostgreSQL converts each character to the encoding of the database.
TEXT = "Z\u00fcrich \u20ac \u6f22\u5b57 \U0001f600"
# What the saver raises if PostgreSQL returns bytes in place of text, as with client_encoding SQL_ASCII.
MISREAD = (UnicodeError, TypeError, ValueError, KeyError, AttributeError)
THREAD = "stateops.langgraph.checkpoint_verify/"
# Seconds to wait for a lock on a table, for a statement, and for another run from this host.
LOCK_TIMEOUT, STATEMENT_TIMEOUT, WAIT = 15, 60, 10
# The saver updates checkpoints and writes that exist already, but never blobs.
RIGHTS: dict[str, tuple[str, ...]] = {table: ("SELECT", "INSERT", "UPDATE", "DELETE") for table in DATA_TABLES}
RIGHTS["checkpoint_blobs"] = ("SELECT", "INSERT", "DELETE")

CATALOG = """
SELECT current_user AS role, current_database() AS database, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       n.oid IS NOT NULL AS schema_exists, n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS usage,
       ARRAY(SELECT c.relname::text FROM pg_class c
             WHERE c.relnamespace = n.oid AND c.relname = ANY(%(tables)s) AND c.relkind = 'r') AS tables,
       ARRAY(SELECT c.relname || ' ' || r FROM pg_class c CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r
             WHERE c.relnamespace = n.oid AND c.relname = ANY(%(tables)s) AND c.relkind = 'r' AND has_table_privilege(c.oid, r)) AS rights,
       EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = ANY(%(tables)s) AND pg_has_role(c.relowner, 'USAGE')) AS owner,
       (SELECT x.nspname FROM unnest(%(path)s::text[]) WITH ORDINALITY AS p(name, place) JOIN pg_namespace x ON x.nspname = p.name
        JOIN pg_class c ON c.relnamespace = x.oid AND c.relname = 'checkpoints' ORDER BY p.place LIMIT 1) AS reached
FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = %(schema)s
"""


def run_roundtrip(connection: Connection, params: dict[str, Any], application: str, evaluated: Sequence[str] = ()) -> tuple[str, int]:
    """Write, read and delete one checkpoint as session_role; returns (thread_id, stale rows removed). Raises ModuleError.

    evaluated: objects that PostgreSQL would evaluate and another role may have created. If there are any, superusers and the owner of the tables do not write.
    """
    pooler = pooler_mode(connection, params, application)
    if pooler == "transaction" and params["session_role"]:
        raise ModuleError("session_role has no effect behind a pooler in transaction mode. Log in as that role, or connect to the server itself.")
    take_role(connection, params["session_role"])
    role = _use_schema(connection, params["schema"], pooler, evaluated)
    return _roundtrip(connection, params["schema"], pooler, role)


def _use_schema(connection: Connection, schema: str, pooler: str, evaluated: Sequence[str]) -> str:
    """Set the limits of the session, and check all privileges before the first write; returns the current role. Raises ModuleError."""
    if pooler != "transaction":
        configure_session(connection, {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": STATEMENT_TIMEOUT}, keep=True)
        found = _read_catalog(connection, schema)
    else:
        with snapshot(connection) as path:
            found = _read_catalog(connection, schema, path)
    role = found["role"]
    if found["standby"] or found["read_only"]:
        place = "" if found["standby"] else where_set(connection, "default_transaction_read_only")
        advice = sentence(place) if place else "Connect to the primary."
        raise ModuleError("The server does not accept writes (%s). %s" % ("hot standby" if found["standby"] else "read-only", advice))
    _check_found_privileges(found, schema)
    if evaluated and found["owner"]:
        raise ModuleError(
            "The round trip was not run: as role %s it could run code of another role with the rights of a superuser or of the tables' owner. %s "
            "Correct this, or log in as the application's role." % (role, " ".join(map(sentence, evaluated)))
        )
    if pooler == "transaction" and found["reached"] != schema:
        raise ModuleError(
            "Behind a pooler in transaction mode the role's search_path applies, and role %s finds the tables in %s, not in schema %s. "
            "Run: ALTER ROLE %s IN DATABASE %s SET search_path TO %s;"
            % (role, found["reached"] or "no schema", schema, quote(role), quote(found["database"]), quote(schema))
        )
    return role


def check_privileges(connection: Connection, params: dict[str, Any]) -> None:
    """Check in the catalog that session_role has the privileges that a saver needs. Raises ModuleError with the GRANT statements."""
    with snapshot(connection, params["session_role"], READ_TIMEOUT):
        found = _read_catalog(connection, params["schema"])
    _check_found_privileges(found, params["schema"])


def _read_catalog(connection: Connection, schema: str, path: Sequence[str] = ()) -> dict[str, Any]:
    """The row of CATALOG. path: the schemas in which an unqualified name is searched."""
    return fetch_row(connection, CATALOG, {"schema": schema, "tables": list(DATA_TABLES), "path": list(path)})


def _check_found_privileges(found: dict[str, Any], schema: str) -> None:
    role = found["role"]
    if not found["schema_exists"]:
        raise ModuleError("Schema %s does not exist in database %s. Check the option schema, or create it." % (schema, found["database"]))
    if not found["usage"]:
        raise ModuleError("Role %s has no USAGE on schema %s. Run: GRANT USAGE ON SCHEMA %s TO %s;" % (role, schema, quote(schema), quote(role)))
    absent = [table for table in DATA_TABLES if table not in found["tables"]]
    if absent:
        raise ModuleError("%s: no such table in schema %s. Run the module checkpoint_schema first." % (", ".join(absent), schema))
    missing = {table: [right for right in rights if "%s %s" % (table, right) not in found["rights"]] for table, rights in RIGHTS.items()}
    missing = {table: rights for table, rights in missing.items() if rights}
    if missing:
        raise ModuleError(
            "Role %s lacks %s in schema %s. Run: %s"
            % (
                role,
                "; ".join("%s on %s" % (", ".join(rights), table) for table, rights in missing.items()),
                schema,
                " ".join("GRANT %s ON %s TO %s;" % (", ".join(rights), qualified(schema, table), quote(role)) for table, rights in missing.items()),
            )
        )


def _roundtrip(connection: Connection, schema: str, pooler: str, role: str) -> tuple[str, int]:
    """(thread_id, stale rows removed). Without the advisory lock, which a pooler in transaction mode does not keep, the run uses a new thread."""
    if pooler == "transaction":
        thread = THREAD + str(uuid.uuid4())
        return thread, _write_read_delete(connection, schema, thread)
    # Two roles do not wait for each other.
    thread = "%s%s/%s" % (THREAD, socket.gethostname(), role)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(advisory_lock(connection, "thread %s" % thread, WAIT))
        except ModuleError:
            # Any session of the application can hold the lock.
            thread = "%s/%s" % (thread, uuid.uuid4())
        stack.enter_context(report_lock_holders(connection, schema, DATA_TABLES))
        stack.enter_context(schema_path(connection, schema))
        return thread, _write_read_delete(connection, schema, thread)


def _write_read_delete(connection: Connection, schema: str, thread: str) -> int:
    """The round trip in a thread; returns how many rows of an interrupted run were removed first. Raises ModuleError."""
    postgres_saver = saver(connection)
    stale_rows = kept_rows = _rows(connection, schema, thread)
    try:
        if stale_rows:
            _delete(connection, postgres_saver, schema, thread)
        kept_rows = 0
        set_encoding(connection, connection.own_encoding)
        _write_and_read(postgres_saver, thread)
        set_encoding(connection, UTF8)
        _delete(connection, postgres_saver, schema, thread)
        remaining = _rows(connection, schema, thread)
    except (ModuleError, psycopg.Error, *MISREAD) as error:
        raise _failure(connection, postgres_saver, schema, thread, error, stale_rows, kept_rows) from None
    if remaining:
        raise ModuleError(
            "%d rows of thread %s remain after they were deleted. Check the tables for triggers and rules that keep or create rows." % (remaining, thread),
            changed=True,
        )
    return stale_rows


def _failure(connection: Connection, postgres_saver: Any, schema: str, thread: str, error: Exception, stale_rows: int, kept_rows: int) -> ModuleError:
    """The ModuleError for a round trip that failed. stale_rows: the thread's rows before it. kept_rows: those that were not deleted before the failure."""
    remaining = None
    with contextlib.suppress(psycopg.Error):
        set_encoding(connection, UTF8)
        remaining = _rows(connection, schema, thread)
        if remaining:  # otherwise the statement would wait for a lock once more
            with contextlib.suppress(psycopg.Error):
                _delete(connection, postgres_saver, schema, thread)
            remaining = _rows(connection, schema, thread)
    if isinstance(error, ModuleError):
        text = error.message
    elif isinstance(error, psycopg.errors.LockNotAvailable):
        # Only a failure needs the code that finds the holders.
        from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders

        text = "The round trip failed. %s" % lock_holders(connection, schema, LockRequirements(written=DATA_TABLES))
    elif lost(connection):
        text = "The connection to the server was lost during the round trip: %s Run again when the server is available." % sentence(one_line(error))
    elif isinstance(error, MISREAD):
        text = "The saver cannot use what PostgreSQL returned: %s Run checkpoint_schema_info to see what differs." % sentence(one_line(error))
    else:
        text = "PostgreSQL rejected the round trip: %s Run checkpoint_schema_info to see what differs." % sentence(one_line(error))
    if remaining is None or remaining:
        text += " %s rows of thread %s may remain." % ("Some" if remaining is None else remaining, thread)
    return ModuleError(text, changed=not remaining == kept_rows == stale_rows)


def _write_and_read(postgres_saver: Any, thread: str) -> None:
    """Write a checkpoint and a pending write, read both, and compare. Raises ModuleError."""
    from langgraph.checkpoint.base import empty_checkpoint

    sent = empty_checkpoint()
    sent["channel_values"] = {"whole": ["a value", {"kept": "as bytes"}, TEXT], "small": 1, "text": TEXT}
    sent["channel_versions"] = dict.fromkeys(sent["channel_values"], "1")
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    metadata = {"source": "input", "step": -1, "parents": {}, "text": TEXT}
    stored = postgres_saver.put(config, sent, metadata, dict(sent["channel_versions"]))
    write = ("answer", b"pending")
    postgres_saver.put_writes(stored, [write], str(uuid.uuid4()))
    found = postgres_saver.get_tuple(stored)
    if found is None:
        raise ModuleError("The checkpoint that was written to checkpoints did not come back. Check the table for a trigger, a rule or row security.")
    if found.config["configurable"] != stored["configurable"]:
        raise ModuleError(
            "The ids of the checkpoint came back as %r. Check client_encoding, which must be UTF8 in the application's sessions." % found.config["configurable"]
        )
    if found.checkpoint.get("channel_values") != sent["channel_values"]:
        raise ModuleError("The channel values that were written to checkpoint_blobs did not come back unchanged. Check the table for a trigger or a rule.")
    if [(item[1], item[2]) for item in found.pending_writes or ()] != [write]:
        raise ModuleError("The pending write that was written to checkpoint_writes did not come back unchanged. Check the table for a trigger or a rule.")


def _delete(connection: Connection, postgres_saver: Any, schema: str, thread: str) -> None:
    if hasattr(postgres_saver, "delete_thread"):
        postgres_saver.delete_thread(thread)
        return
    for table in DATA_TABLES:  # savers before 2.0.22 cannot delete
        connection.execute(sql.SQL("DELETE FROM {} WHERE thread_id = %s").format(table_name(schema, table)), (thread,))


def _rows(connection: Connection, schema: str, thread: str) -> int:
    """The rows of the thread. The names are qualified, because the schema is in the search_path."""
    count = sql.SQL("SELECT pg_catalog.count(*) AS rows FROM {} WHERE thread_id OPERATOR(pg_catalog.=) %(thread)s")
    counts = [count.format(table_name(schema, table)) for table in DATA_TABLES]
    query = sql.SQL("SELECT pg_catalog.sum(c.rows)::pg_catalog.int8 AS rows FROM ({}) AS c").format(sql.SQL(" UNION ALL ").join(counts))
    return fetch_row(connection, query, {"thread": thread})["rows"]
