# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and compares the database state before and after a change."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READ_TIMEOUT, secure_session, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import Session

# Seconds to wait for a lost server to return and for a lost session to end.
RECONNECT_TIMEOUT = 15
STILL_RUNNING = "The lost session (pid %d) is still running, so this state may change. "


class Limits(NamedTuple):
    """Seconds. lock_wait: to wait for another run. lock_timeout, statement_timeout: as the settings of PostgreSQL; 0 for no limit."""

    lock_wait: float
    lock_timeout: float
    statement_timeout: float

    @property
    def patience(self) -> float:
        """The seconds to wait for sessions that block the run."""
        return self.lock_timeout or self.lock_wait


class MigrationTarget(NamedTuple):
    """The schema to migrate. library: None with state=absent. adopt: whether to take ownership of tables of other roles. role: session_role, or None."""

    schema: str
    library: Library | None
    adopt: bool = False
    role: str | None = None

    @property
    def required_library(self) -> Library:
        """The library, which every target has except with state=absent."""
        if self.library is None:
            raise ValueError("a target without a library")
        return self.library


def read_state(connection: Connection, target: MigrationTarget, seconds: float = READ_TIMEOUT) -> DatabaseState:
    """The DatabaseState of the target, read in its own transaction. seconds: a limit for each statement."""
    with report_lock_holders(connection, target.schema, TABLES), snapshot(connection, target.role, seconds) as path:
        return read(connection, target.schema, path, adopt=target.adopt)


def read_state_after_reconnect(target: MigrationTarget, reconnect: Callable[[], Connection], session: Session) -> tuple[DatabaseState, str]:
    """(the DatabaseState, a note on it or "") after a lost connection, once the server accepts connections again. Raises ModuleError, psycopg.Error.

    A standby may lack the latest changes, so the state is not read from a standby that is not promoted in time. session: the lost session.
    """
    deadline = time.monotonic() + RECONNECT_TIMEOUT
    while True:
        late = time.monotonic() >= deadline
        try:
            with contextlib.closing(reconnect()) as other:
                secure_session(other)
                still_running = session.still_running(other)
                if not still_running or late:
                    state = read_state(other, target)
                    if not state.server.standby:
                        return state, STILL_RUNNING % session.pid if still_running else ""
                    raise ModuleError("only a standby accepts connections, and it may lack the latest changes")
        except (ModuleError, psycopg.Error):
            if late:
                raise
        time.sleep(0.5)


def state_differs(before: DatabaseState, after: DatabaseState) -> bool:
    """Whether the schema or the recorded versions differ. What an unqualified name resolves to depends on the session, so it is not compared."""
    same = before.schema.without_roles() == after.schema.without_roles()
    return not same or before.recorded != after.recorded


def applied(library: Library, before: DatabaseState, after: DatabaseState) -> list[dict[str, Any]]:
    """The migrations that were recorded in between."""
    new = set(after.recorded or ()) - set(before.recorded or ())
    return [{"version": migration.version, "sql": migration.sql.strip()} for migration in library.migrations if migration.version in new]


def current_state(target: MigrationTarget, before: DatabaseState, after: DatabaseState) -> dict[str, Any]:
    """The results of a failed run: the current state, and what was applied."""
    library = target.required_library
    return {
        "library": library.to_dict(),
        "migrations": {"before": before.version, "after": after.version, "applied": applied(library, before, after)},
        "schema": after.schema.to_dict(),
    }
