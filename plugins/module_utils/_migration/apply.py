# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a plan under a lock and timeouts, then reports the actual state."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import saver
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import NOT_RECORDED, lock_requirements, make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import adoption, plan_for
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import current_state, read_state, read_state_after_reconnect, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders, wait_for
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql, table_name
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements, advisory_lock, retry_with_short_lock_timeout
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import Session, configure_session, schema_path
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import MIGRATIONS_TABLE, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import Plan
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import Limits, MigrationTarget
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

# Seconds after which the server checks again whether its client still exists, so that it does not build an index for a killed run.
CLIENT_CHECK = 1
# Classes of errors that may not occur again: connection, conflict, resources, locks and limits, operator intervention.
TRANSIENT = ("08", "40", "53", "55", "57")
# The errors that occur if the application calls setup() at the same time. The next run then finds nothing to do.
RACES = ("23505", "42P07", "42701")
# lock_timeout for dropping INVALID indexes after a failure.
CLEANUP_LOCK_TIMEOUT = "500ms"


def converge(connection: Connection, target: MigrationTarget, limits: Limits, reconnect: Callable[[], Connection]) -> tuple[DatabaseState, Plan, DatabaseState]:
    """Migrate the target; returns (before, plan, after). before is read under the lock, so it includes the changes of an earlier run.

    connection: its role is session_role. reconnect: opens another connection, to read the state after a lost connection. Raises ModuleError.
    """
    timeouts = {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout}
    configure_session(connection, timeouts)
    with contextlib.suppress(psycopg.Error):  # some platforms do not support this setting
        connection.execute("SELECT set_config('client_connection_check_interval', %s, false)", ("%ds" % CLIENT_CHECK,))
    with advisory_lock(connection, "schema %s" % target.schema, limits.lock_wait, schema=target.schema):
        before = _wait_for_index_builds(connection, target, limits)
        plan = plan_for(connection, target, before)
        if plan.empty:
            return before, plan, before
        session = Session.of(connection)
        postgres_saver = saver(connection)  # imported before the first write, since the installation may be broken
        wait_for(connection, target.schema, lock_requirements(plan), limits.patience)
        connection.lock_within = limits.lock_timeout
        try:
            _apply(connection, postgres_saver, target, before, plan)
            after = read_state(connection, target)
        except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the message reports the state
            raise _failure(connection, target, before, error, lambda: read_state_after_reconnect(target, reconnect, session)) from None
        _check_result(target, before, after)
        return before, plan, after


def _wait_for_index_builds(connection: Connection, target: MigrationTarget, limits: Limits) -> DatabaseState:
    """The DatabaseState once no other session builds one of the expected indexes. Raises ModuleError if one takes too long."""
    deadline = time.monotonic() + limits.patience
    while True:
        state = read_state(connection, target)
        building = make_plan(state, target.required_library).building
        if not building:
            return state
        if time.monotonic() >= deadline:
            raise ModuleError("Another session is building %s. Nothing was written. Run again when the index is complete." % ", ".join(building))
        time.sleep(0.5)


def _apply(connection: Connection, postgres_saver: Any, target: MigrationTarget, before: DatabaseState, plan: Plan) -> None:
    """Change the owners, then repair in the order of migrations, then run setup()."""
    if plan.adopting:
        _adopt(connection, target, plan)
    with schema_path(connection, target.schema):
        for repair in plan.repairs:
            for statement in repair.before:
                connection.execute(statement)
            if repair.migration is not None:
                connection.execute(repair.migration.sql)
        if any(reason == NOT_RECORDED for _migration, reason in plan.pending):
            _record_finished(connection, target, before, plan)
            postgres_saver.setup()


def _adopt(connection: Connection, target: MigrationTarget, plan: Plan) -> None:
    """Change the owners as the login role, which has the privileges, then continue as the current role."""
    owner = plan.after.server.role

    def change_owners() -> None:
        with connection.transaction():
            for statement in adoption(target.schema, plan.foreign, owner):
                connection.execute(statement)

    connection.execute("SET ROLE NONE")
    retry_with_short_lock_timeout(connection, change_owners, connection.lock_within or 0)
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))


def _record_finished(connection: Connection, target: MigrationTarget, before: DatabaseState, plan: Plan) -> None:
    """Run and record the migrations that setup() could not run again, so that setup() starts after them.

    Some libraries (2.0.12 to 3.0.0) add task_path without IF NOT EXISTS, which fails if the column exists.
    """
    last = max(
        (
            migration.version
            for migration, reason in plan.pending
            if reason == NOT_RECORDED and not migration.repeatable and migration.step is not None and migration.step.key not in plan.missing
        ),
        default=None,
    )
    if last is None:
        return
    migrations_table = table_name(target.schema, MIGRATIONS_TABLE)
    for migration, reason in plan.pending:
        if reason != NOT_RECORDED or migration.version > last:
            continue
        if migration.step is None or migration.step.key in plan.missing:
            connection.execute(migration.sql)
        if migration.version not in (before.recorded or ()):
            connection.execute(sql.SQL("INSERT INTO {} (v) VALUES (%s)").format(migrations_table), (migration.version,))


def _check_result(target: MigrationTarget, before: DatabaseState, after: DatabaseState) -> None:
    """Raise ModuleError if the catalog shows that setup() did not create everything, even though it raised no error."""
    library = target.required_library
    plan = make_plan(after, library, target.adopt)
    wrong = [sentence(violation.describe()) for violation in plan.violations if violation.drift]
    if not wrong and not plan.empty:
        wrong = ["Version %d is still pending." % migration.version for migration, _reason in plan.pending]
    if wrong:
        raise ModuleError(
            "setup() returned, but the schema is not what %s %s needs: %s" % ("langgraph-checkpoint-postgres", library.version, " ".join(wrong)),
            changed=state_differs(before, after),
            **current_state(target, before, after),
        )


def _failure(
    connection: Connection, target: MigrationTarget, before: DatabaseState, error: Exception, reread: Callable[[], tuple[DatabaseState, str]]
) -> ModuleError:
    """The ModuleError for a run that stopped after its first write. It reports the current state. reread: reads it over a new connection."""
    text, note, library = one_line(error), "", target.required_library
    transient = not isinstance(error, psycopg.Error) or (error.sqlstate or "08")[:2] in TRANSIENT or error.sqlstate in RACES
    advice = "Run again to complete the work." if transient else "Remove the cause and run again to complete the work."
    try:
        if lost(connection):
            after, note = reread()
        else:
            if isinstance(error, psycopg.errors.LockNotAvailable):
                text = "%s %s" % (sentence(text), lock_holders(connection, target.schema, LockRequirements(exclusive=TABLES, snapshots=True)))
            _drop_invalid_indexes(connection, target)
            after = read_state(connection, target)
    except (ModuleError, psycopg.Error, OSError) as second:
        return ModuleError(
            "The run stopped: %s The current state could not be read (%s); something may have been written. %s"
            % (sentence(text), one_line(second).rstrip("."), advice),
            changed=True,
        )
    plan = make_plan(after, library, target.adopt)
    missing = sorted({violation.object for violation in plan.violations if violation.drift})
    version = "no version" if after.version is None else "version %d" % after.version
    return ModuleError(
        "The run stopped: %s The migrations table records %s of %d; %s. %s%s"
        % (sentence(text), version, library.newest, "still missing or not usable: %s" % ", ".join(missing) if missing else "nothing is missing", note, advice),
        changed=state_differs(before, after),
        **current_state(target, before, after),
    )


def _drop_invalid_indexes(connection: Connection, target: MigrationTarget) -> None:
    """Drop INVALID indexes that this run left, if that is possible: they slow down each write until the next run drops them."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (CLEANUP_LOCK_TIMEOUT,))
    for violation in make_plan(read_state(connection, target), target.required_library).violations:
        if violation.rule in (rules.INDEX_INVALID, rules.INDEX_REMAINS):
            with contextlib.suppress(psycopg.Error):
                connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(target.schema, violation.object)))
