# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a database before and after a change."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READING, snapshot
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import TABLES

# Seconds for a server to come back, and for a lost session to end, so that what stands can be told.
RETURN = 15
LINGERS = "The lost session (pid %d) is still at work, so that may change. "


@dataclass(frozen=True)
class Limits:
    """Seconds. lock_wait: for another run. lock_timeout, statement_timeout: as PostgreSQL's settings; 0 for none."""

    lock_wait: float
    lock_timeout: float
    statement_timeout: float

    @property
    def patience(self):
        """How long to wait for sessions that are in the way."""
        return self.lock_timeout or self.lock_wait


@dataclass(frozen=True)
class MigrationTarget:
    """What to bring up to date. adopt: take over tables of another role. role: session_role, or None."""

    schema: str
    library: object
    adopt: bool = False
    role: str | None = None


def read_state(connection, target, seconds=READING):
    """The Reading of the target, in a transaction of its own. seconds: a limit for each statement."""
    with report_lock_holders(connection, target.schema, TABLES), snapshot(connection, target.role, seconds):
        return read(connection, target.schema)


def read_state_after_reconnect(target, reconnect, session):
    """(the DatabaseState after a lost connection, a note on it or ""), from a server that may take a while to come back. Raises ModuleError, psycopg.Error.

    A standby may lack what the lost server had, so one that is not promoted in that time is no answer. session: what may still be writing.
    """
    deadline = time.monotonic() + RETURN
    while True:
        late = time.monotonic() >= deadline
        try:
            with contextlib.closing(reconnect()) as other:
                lingers = session.lingers(other)
                if not lingers or late:
                    reading = read_state(other, target)
                    if not reading.server.standby:
                        return reading, LINGERS % session.pid if lingers else ""
                    raise ModuleError("only a standby answers, which may not have all of it")
        except (ModuleError, psycopg.Error):
            if late:
                raise
        time.sleep(0.5)


def state_differs(before, after):
    """Whether two Readings show another schema or another ledger. What a bare name finds depends on the session, so it does not count."""
    same = replace(before.schema, elsewhere=()) == replace(after.schema, elsewhere=())
    return not same or before.recorded != after.recorded


def applied(library, before, after):
    """The entries that the ledger has gained."""
    new = set(after.recorded or ()) - set(before.recorded or ())
    return [{"version": migration.version, "sql": migration.sql.strip()} for migration in library.migrations if migration.version in new]


def current_state(target, before, after):
    return {
        "library": target.library.to_dict(),
        "migrations": {"before": before.version, "after": after.version, "applied": applied(target.library, before, after)},
        "schema": after.schema.to_dict(),
    }
