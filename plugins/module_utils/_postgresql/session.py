# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets up a session: role, settings and snapshot; and finds the session of a lost connection, which may still be running."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import quote
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.timeouts import SLACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

# The server detects a client that has disappeared, so that no session keeps its locks.
SERVER_SIDE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3", "tcp_user_timeout": "60000"}
# Limits of a role or a database that could interrupt a run, which sets its own.
LIFTED = ("idle_session_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
# Seconds for a statement until configure_session() sets the limits of the run.
READ_TIMEOUT = 60
# Seconds for which a statement that only reads waits for a lock.
READ_LOCK_TIMEOUT = 3
# No other role can create objects in pg_catalog. Temporary objects are found last, since PostgreSQL would otherwise search them first.
SAFE_PATH = "pg_catalog, pg_temp"
SET = "SELECT pg_catalog.set_config(%s, %s, false)"
UTF8 = "UTF8"
LIMITS = "SELECT s.name, s.setting FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.text[])"
# All names are qualified: this statement runs with the search_path of the login. settings that the server does not have are left out.
SET_SESSION = """
SELECT pg_catalog.set_config(s.name, w.value, false)
FROM ROWS FROM (pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[])) AS w(name, value)
JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) w.name
"""
# OFFSET 0: the path is read before it is set.
SET_TRANSACTION = """
SELECT b.path, ARRAY(SELECT pg_catalog.set_config(w.name, w.value, true)
                     FROM ROWS FROM (pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[])) AS w(name, value)) AS done
FROM (SELECT pg_catalog.current_schemas(true)::pg_catalog.text[] AS path OFFSET 0) AS b
"""
# SET LOCAL comes first, in the same message: the setting may be a limit that would end this query as well. A limit that is reset while the query runs
# does not apply to it. All names are qualified.
SETTINGS = """
SET LOCAL statement_timeout = 0;
SELECT s.*, session_user AS role, pg_catalog.current_database() AS database
FROM (SELECT pg_catalog.set_config('statement_timeout', NULL, true) AS done OFFSET 0) AS r
CROSS JOIN LATERAL (SELECT name, setting, unit, source FROM pg_catalog.pg_settings WHERE r.done IS NOT NULL OFFSET 0) AS s
"""
# The sources in pg_settings: where a setting was made, and what to run.
SOURCES = {
    "user": "for role {role}. Run: ALTER ROLE {quoted_role} RESET {name};",
    "database user": "for role {role} in database {database}. Run: ALTER ROLE {quoted_role} IN DATABASE {quoted_database} RESET {name};",
    "database": "for database {database}. Run: ALTER DATABASE {quoted_database} RESET {name};",
    "global": "for all roles. Run: ALTER ROLE ALL RESET {name};",
    "configuration file": "in the configuration of the server. Run: ALTER ROLE {quoted_role} SET {name} = 0;",
    "command line": "on the command line of the server. Run: ALTER ROLE {quoted_role} SET {name} = 0;",
    "client": "by this client. Remove it from the options in connect_params, or from PGOPTIONS.",
}
# The minor releases that can reject views and foreign tables. Otherwise, a table's owner could replace it by one of these between two statements.
RESTRICTS_RELATIONS = {15: 150008, 16: 160004}


class Session(NamedTuple):
    """pid: the process id on the server, which a pooler may hide. since: its start, as process ids are reused; None if session_role may not see it."""

    pid: int
    since: datetime | None

    @classmethod
    def of(cls, connection: Connection) -> Session:
        """The session of a connection."""
        row = fetch_row(connection, "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        return cls(row["pid"], row["backend_start"])

    def still_running(self, other: Connection) -> bool:
        """Whether the session still exists. other: another connection with the same login."""
        query = "SELECT FROM pg_stat_activity WHERE pid = %s AND usename = session_user AND backend_start = coalesce(%s, backend_start)"
        return other.execute(query, (self.pid, self.since)).fetchone() is not None


def take_role(connection: Connection, role: str | None, local: bool = False) -> None:
    """SET ROLE to session_role, if it is given. local: for this transaction only. Raises ModuleError."""
    if not role:
        return
    try:
        connection.execute(sql.SQL("SET {} ROLE {}").format(sql.SQL("LOCAL" if local else "SESSION"), sql.Identifier(role)))
    except psycopg.Error as error:
        user = connection.info.user
        absent = isinstance(error, psycopg.errors.InvalidParameterValue)
        advice = "Create it, or check session_role." if absent else "Run: GRANT %s TO %s;" % (quote(role), quote(user))
        raise (PrerequisiteMissing if absent else ModuleError)("Cannot take session_role %s as %s: %s. %s" % (role, user, one_line(error), advice)) from None


def secure_session(connection: Connection) -> None:
    """Set search_path to pg_catalog for the session. Not behind a pooler in transaction mode, where other clients would get this setting."""
    connection.execute(SET, ("search_path", SAFE_PATH))


def set_encoding(connection: Connection, encoding: str) -> None:
    """Set client_encoding for the session."""
    if connection.info.parameter_status("client_encoding") != encoding:
        connection.execute(SET, ("client_encoding", encoding))


@contextlib.contextmanager
def schema_path(connection: Connection, schema: str) -> Iterator[None]:
    """For LangGraph's statements, which name no schema: search_path is the schema inside this block, and pg_catalog again after it."""
    connection.execute(SET, ("search_path", "%s, pg_temp" % quote(schema)))
    try:
        yield
    finally:
        with contextlib.suppress(psycopg.Error):  # the connection was lost; report the first error
            connection.execute(SET, ("search_path", SAFE_PATH))


def configure_session(connection: Connection, timeouts: Mapping[str, float], keep: bool = False) -> None:
    """Set search_path to pg_catalog and time limits for the session, and read them back.

    timeouts: {setting: seconds}, 0 for no limit. keep: whether lower limits of the login apply. Raises ModuleError if a setting was not kept.
    """
    wanted = {name: str(int(seconds * 1000)) for name, seconds in timeouts.items()}
    if keep:
        for row in connection.execute(LIMITS, (list(wanted),)).fetchall():
            wanted[row["name"]] = str(min(int(row["setting"]) or math.inf, int(wanted[row["name"]])))
    wanted["search_path"] = SAFE_PATH
    settings = {**SERVER_SIDE, **({} if keep else dict.fromkeys(LIFTED, "0")), **wanted}
    connection.execute(SET_SESSION, (list(settings), list(settings.values())))
    seconds = timeouts.get("statement_timeout", 0)
    connection.answer_within = seconds + SLACK if seconds else 0
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(wanted),)).fetchall()
    found = {row["name"]: row["setting"] for row in rows}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ModuleError(
                "The setting %s is %s after it was set to %s: a connection pooler does not keep settings. Connect to the server itself."
                % (name, found.get(name), value)
            )


def only_tables(connection: Connection) -> dict[str, str]:
    """The setting with which the server rejects views and foreign tables, if it has it."""
    version = connection.info.server_version
    return {"restrict_nonsystem_relation_kind": "view, foreign-table"} if version >= RESTRICTS_RELATIONS.get(version // 10000, 170000) else {}


@contextlib.contextmanager
def snapshot(connection: Connection, role: str | None = None, seconds: float = 0) -> Iterator[tuple[str, ...]]:
    """A read-only transaction with one snapshot of the database. Its settings end with the transaction.

    Its search_path is pg_catalog, so that no statement calls a function or operator of another role. Yields the schemas of the session's own search_path.
    role: SET LOCAL ROLE first, which also works behind a pooler in transaction mode. seconds: a limit for each statement, 0 for none.
    A statement waits READ_LOCK_TIMEOUT seconds for a lock: only ACCESS EXCLUSIVE blocks a reader, and its holder is reported.
    row_security is off, so that a query whose rows a policy hides fails. quote_all_identifiers is off, since it changes the names of types.
    """
    settings = {
        "search_path": SAFE_PATH,
        "row_security": "off",
        "quote_all_identifiers": "off",
        "statement_timeout": str(int(seconds * 1000)),
        "lock_timeout": "%ds" % READ_LOCK_TIMEOUT,
    }
    settings.update(only_tables(connection))
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        take_role(connection, role, local=True)
        yield tuple(fetch_row(connection, SET_TRANSACTION, (list(settings), list(settings.values())))["path"])


def where_set(connection: Connection, setting: str, longest: float = 0) -> str:
    """The value of a setting, where it was set and what to run, or an empty text if this session set it or nobody did.

    connection: in autocommit mode, outside a transaction. longest: for a time limit, in seconds; a longer one is ignored.
    """
    cursor = connection.execute(SETTINGS)
    cursor.nextset()
    row = next((row for row in cursor if row["name"] == setting), None)
    if row is None or row["source"] not in SOURCES or (longest and not 0 < int(row["setting"]) <= longest * 1000):
        return ""
    place = SOURCES[row["source"]].format(**row, quoted_role=quote(row["role"]), quoted_database=quote(row["database"]))
    return "%s = %s%s is set %s" % (setting, row["setting"], row["unit"] or "", place)
