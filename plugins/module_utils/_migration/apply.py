# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying a plan out on a live database: alone, within limits, and with a truthful word about what stands afterwards."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import saver
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import NOT_RECORDED, lock_requirements, make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import adoption, preflight_errors
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import current_state, read_state, read_state_after_reconnect, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import wait_for
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock, retry_with_short_lock_timeout
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import Session, configure_session
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import LEDGER

# How often the server looks whether its client is still there: a killed run must not leave it building on.
CLIENT_CHECK = 1
# Classes of errors that another try may well not meet: connection, conflict, resources, locks and limits, operator.
PASSING = ("08", "40", "53", "55", "57")
# What an application's own setup() beside this one makes of it: the next run finds the work done.
RACES = ("23505", "42P07", "42701")
CLEANING_PATIENCE = "500ms"


def plan_for(connection, target, reading):
    """The Plan for a DatabaseState. Raises ModuleError where something speaks against carrying it out."""
    plan = make_plan(reading, target.library, target.adopt)
    found = preflight_errors(reading, target.library, plan, _may_give_away(connection, reading.server, plan) if plan.adopting else None)
    if found:
        raise ModuleError("%s Nothing was written." % " ".join(found))
    return plan


def _may_give_away(connection, server, plan):
    """The foreign tables that the login role, with its own rights, can give to the acting role."""
    rows = connection.execute(
        "SELECT t.name FROM unnest(%s::text[], %s::text[]) AS t(name, owner)"
        " WHERE pg_has_role(session_user, t.owner, 'USAGE') AND pg_has_role(session_user, %s, 'MEMBER')",
        ([table.name for table in plan.foreign], [table.owner for table in plan.foreign], server.role),
    )
    return {row["name"] for row in rows}


def converge(connection, target, limits, reconnect):
    """Bring the target up to date; returns (before, plan, after). before was read under the lock, so another run's work is not ours.

    connection: has taken session_role. reconnect: makes another connection, to read what stands after a lost one. Raises ModuleError.
    """
    timeouts = {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout}
    configure_session(connection, target.schema, timeouts)
    with contextlib.suppress(psycopg.Error):  # not every platform's server can do it
        connection.execute("SELECT set_config('client_connection_check_interval', %s, false)", ("%ds" % CLIENT_CHECK,))
    with advisory_lock(connection, "schema %s" % target.schema, limits.lock_wait):
        before = _await_builders(connection, target, limits)
        plan = plan_for(connection, target, before)
        if plan.empty:
            return before, plan, before
        session = Session.of(connection)
        postgres_saver = saver(connection)  # imported before the first write, since an installation may be broken
        wait_for(connection, target.schema, lock_requirements(plan), limits.patience)
        connection.lock_within = limits.lock_timeout
        try:
            _carry_out(connection, postgres_saver, target, before, plan)
            after = read_state(connection, target)
        except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, what stands has to be told
            raise _failure(connection, target, before, error, lambda: read_state_after_reconnect(target, reconnect, session)) from None
        _prove(target, before, after)
        return before, plan, after


def _await_builders(connection, target, limits):
    """The DatabaseState once no other session builds one of the contract's indexes; raises ModuleError where one goes on."""
    deadline = time.monotonic() + limits.patience
    while True:
        reading = read_state(connection, target)
        building = make_plan(reading, target.library).building
        if not building:
            return reading
        if time.monotonic() >= deadline:
            raise ModuleError("Another session is building %s right now. Nothing was written. Run again when it is done." % ", ".join(building))
        time.sleep(0.5)


def _carry_out(connection, postgres_saver, target, before, plan):
    """Adoption, repairs in the order of migrations, then setup()."""
    if plan.adopting:
        _adopt(connection, target, plan)
    for repair in plan.repairs:
        for statement in repair.before:
            connection.execute(statement)
        if repair.migration is not None:
            connection.execute(repair.migration.sql)
    if any(reason == NOT_RECORDED for _migration, reason in plan.pending):
        _record_finished(connection, target, before, plan)
        postgres_saver.setup()


def _adopt(connection, target, plan):
    """As the login role, which has the rights; then as the acting role again."""
    owner = plan.after.server.role

    def give():
        with connection.transaction():
            for statement in adoption(target.schema, plan.foreign, owner):
                connection.execute(statement)

    connection.execute("SET ROLE NONE")
    retry_with_short_lock_timeout(connection, give, connection.lock_within)
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))


def _record_finished(connection, target, before, plan):
    """Some libraries (2.0.12 to 3.0.0) add task_path without IF NOT EXISTS and fail where it is there.

    Entries up to such a one are run where their effect is missing and recorded, so that setup() begins behind it.
    """
    last = max(
        (
            migration.version
            for migration, reason in plan.pending
            if reason == NOT_RECORDED and not migration.repeatable and migration.step.key not in plan.missing
        ),
        default=None,
    )
    if last is None:
        return
    ledger = sql.Identifier(target.schema, LEDGER)
    for migration, reason in plan.pending:
        if reason != NOT_RECORDED or migration.version > last:
            continue
        if migration.step is None or migration.step.key in plan.missing:
            connection.execute(migration.sql)
        if migration.version not in (before.recorded or ()):
            connection.execute(sql.SQL("INSERT INTO {} (v) VALUES (%s)").format(ledger), (migration.version,))


def _prove(target, before, after):
    """The catalog, not setup()'s silence, says whether it worked."""
    plan = make_plan(after, target.library, target.adopt)
    wrong = [sentence(violation.describe()) for violation in plan.violations if violation.drift]
    if not wrong and not plan.empty:
        wrong = ["Version %d is still pending." % migration.version for migration, _reason in plan.pending]
    if wrong:
        raise ModuleError(
            "setup() returned, but the schema is not what %s %s needs: %s" % ("langgraph-checkpoint-postgres", target.library.version, " ".join(wrong)),
            changed=state_differs(before, after),
            **current_state(target, before, after),
        )


def _failure(connection, target, before, error, again):
    """The ModuleError for a run that stopped after its first write: what stands now, and whether that is new. again: reads that anew."""
    text, note = one_line(error), ""
    passing = not isinstance(error, psycopg.Error) or (error.sqlstate or "08")[:2] in PASSING or error.sqlstate in RACES
    advice = "Run again: it carries on." if passing else "Remove the cause and run again: it carries on."
    try:
        if lost(connection):
            after, note = again()
        else:
            _remove_remains(connection, target)
            after = read_state(connection, target)
    except (ModuleError, psycopg.Error, OSError) as second:
        return ModuleError(
            "The run stopped: %s What stands now could not be read (%s); something may have been written. %s"
            % (sentence(text), one_line(second).rstrip("."), advice),
            changed=True,
        )
    plan = make_plan(after, target.library, target.adopt)
    left = sorted({violation.object for violation in plan.violations if violation.drift})
    version = "no version" if after.version is None else "version %d" % after.version
    return ModuleError(
        "The run stopped: %s The ledger records %s of %d; %s. %s%s"
        % (sentence(text), version, target.library.newest, "still missing or not usable: %s" % ", ".join(left) if left else "nothing is missing", note, advice),
        changed=state_differs(before, after),
        **current_state(target, before, after),
    )


def _remove_remains(connection, target):
    """Best effort: an INVALID index that this run left costs each write until the next run removes it."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (CLEANING_PATIENCE,))
    for violation in make_plan(read_state(connection, target), target.library).violations:
        if violation.rule in (rules.INDEX_INVALID, rules.INDEX_REMAINS):
            with contextlib.suppress(psycopg.Error):
                connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(target.schema, violation.object)))
