# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of a connection, to be found again when the connection is lost: it may still be at work."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import quote
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.timeouts import SLACK

# The server's side of it: a client that has vanished must not leave a session that holds the lock.
SERVER_SIDE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3", "tcp_user_timeout": "60000"}
# Limits of a role or a database that would end a run in the middle: it has its own.
LIFTED = ("idle_session_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
# Seconds for an answer before configure_session() has set the limits of the run.
READING = 60
SHUT = 3


@dataclass(frozen=True)
class Session:
    """pid: the server process, whatever a pooler calls it. since: when it began, as a pid is used again; None where session_role may not see that."""

    pid: int
    since: object

    @classmethod
    def of(cls, connection):
        """The one behind a connection."""
        row = connection.execute("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
        return cls(row["pid"], row["backend_start"])

    def lingers(self, other):
        """Whether it is still there, seen from another connection of the same login."""
        query = "SELECT FROM pg_stat_activity WHERE pid = %s AND usename = session_user AND backend_start = coalesce(%s, backend_start)"
        return other.execute(query, (self.pid, self.since)).fetchone() is not None


def take_role(connection, role, local=False):
    """SET ROLE, as session_role asks; local: for this transaction only. Raises ModuleError."""
    if not role:
        return
    try:
        connection.execute(sql.SQL("SET {} ROLE {}").format(sql.SQL("LOCAL" if local else "SESSION"), sql.Identifier(role)))
    except psycopg.Error as error:
        user = connection.info.user
        absent = isinstance(error, psycopg.errors.InvalidParameterValue)
        advice = "Create it, or check session_role." if absent else "Run: GRANT %s TO %s;" % (quote(role), quote(user))
        raise (PrerequisiteMissing if absent else ModuleError)("Cannot take session_role %s as %s: %s. %s" % (role, user, one_line(error), advice)) from None


def configure_session(connection, schema, timeouts):
    """Set search_path and time limits for the session, and read them back.

    timeouts: {setting: seconds}, 0 for none. Raises ModuleError where one did not stick.
    """
    wanted = {name: str(int(seconds * 1000)) for name, seconds in timeouts.items()}
    wanted["search_path"] = sql.Identifier(schema).as_string(connection)
    connection.execute(
        "SELECT set_config(s.name, w.value, false) FROM unnest(%s::text[], %s::text[]) AS w(name, value) JOIN pg_settings s USING (name)",
        (list(SERVER_SIDE) + list(LIFTED), list(SERVER_SIDE.values()) + ["0"] * len(LIFTED)),
    )
    for name, value in wanted.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    seconds = timeouts.get("statement_timeout", 0)
    connection.answer_within = seconds + SLACK if seconds else 0
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(wanted),)).fetchall()
    found = {row["name"]: row["setting"] for row in rows}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ModuleError(
                "The setting %s reads %s after it was set to %s: a pooler stands between here and the server. Connect to the server itself."
                % (name, found.get(name), value)
            )


@contextlib.contextmanager
def snapshot(connection, role=None, seconds=0):
    """One read-only transaction that sees one state of the database; nothing of it outlives the transaction.

    role: SET LOCAL ROLE first (works behind a transaction pooler as well). seconds: a limit for each statement, 0 for none.
    A reader waits SHUT seconds for a lock: only ACCESS EXCLUSIVE keeps it out, and whoever holds that for longer is worth a word.
    row_security is off: an error is better than rows that are hidden without a word.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        take_role(connection, role, local=True)
        connection.execute(
            "SELECT set_config('row_security', 'off', true), set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            (str(int(seconds * 1000)), "%ds" % SHUT),
        )
        yield
