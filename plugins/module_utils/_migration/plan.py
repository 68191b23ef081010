# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides from a DatabaseState what has to be done. It accesses no database: check mode reports the plan, a real run applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import MIGRATIONS_TABLE, POSTGRES, TABLES, thread_index

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library, Migration
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import Step
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Table
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import Violation

# The reason for migrations that setup() runs. Migrations that are recorded run as repairs, which record nothing.
NOT_RECORDED = "not recorded"


class Repair(NamedTuple):
    """The repair of a violation that setup() ignores. before: statements to run first. migration: the migration to run again, or None."""

    violation: Violation
    before: tuple[str, ...] = ()
    migration: Migration | None = None

    def to_dict(self) -> dict[str, Any]:
        """The repair as the module returns it."""
        statements = list(self.before)
        if self.migration is not None:
            statements.append(self.migration.sql.strip())
        return {"table": self.violation.table, "object": self.violation.object, "found": self.violation.found, "statements": statements}


class Plan(NamedTuple):
    """What to do, and the result.

    pending: migrations that are missing in the migrations table or in the catalog, each with its reason. missing: keys of steps that are missing in
    the catalog. repairs: violations that setup() ignores. foreign: tables that another role owns. adopting: whether to take ownership of them.
    violations: all violations. after: the DatabaseState that applying the plan leads to.
    """

    pending: tuple[tuple[Migration, str], ...]
    missing: frozenset[tuple[str, str, str]]
    repairs: tuple[Repair, ...]
    foreign: tuple[Table, ...]
    adopting: bool
    violations: tuple[Violation, ...]
    after: DatabaseState

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.pending and not self.repairs and not self.adopting

    @property
    def blocking(self) -> list[Violation]:
        """The violations that the module does not repair."""
        return [violation for violation in self.violations if violation.severity == "block"]

    @property
    def building(self) -> list[str]:
        """The expected indexes that another session is building."""
        return [violation.object for violation in self.violations if violation.rule is rules.INDEX_BUILDING and violation.step]

    def pending_list(self) -> list[dict[str, Any]]:
        """The pending migrations as modules return them."""
        return [{"version": migration.version, "sql": migration.sql.strip(), "reason": reason} for migration, reason in self.pending]


def make_plan(state: DatabaseState, library: Library, adopt: bool = False) -> Plan:
    """The Plan for a DatabaseState with the installed Library."""
    violations = tuple(check_schema(state.schema.without_roles(), library.steps))
    missing_tables = {violation.table for violation in violations if violation.rule is rules.TABLE_MISSING}
    recorded = -1 if state.version is None else state.version
    unrecorded = {migration.step.key for migration in library.migrations if migration.version > recorded and migration.step}
    missing_steps = {violation.step for violation in violations if violation.severity == "repair"}
    # setup() looks for an index by name only, so it creates its own beside an equivalent one.
    missing_steps |= {violation.step for violation in violations if violation.rule is rules.INDEX_COVERED and violation.step in unrecorded}
    missing = frozenset(step.key for step in library.steps if step.table in missing_tables or step.key in missing_steps)
    pending: list[tuple[Migration, str]] = []
    repairs: list[Repair] = []
    for migration in library.migrations:
        if migration.version > recorded:
            pending.append((migration, NOT_RECORDED))
        elif migration.step is not None and migration.step.key in missing:
            pending.append((migration, "recorded, but %s is missing or not usable" % migration.step.object))
    again: dict[tuple[str, ...], Migration] = {migration.step.key: migration for migration, reason in pending if reason != NOT_RECORDED and migration.step}
    for violation in violations:
        if violation.severity == "repair" and violation.rule is not rules.TABLE_MISSING:
            repeated = again.pop(violation.step, None)
            before = (violation.statement,) if violation.statement else ()
            if before or repeated:
                repairs.append(Repair(violation, before, repeated))
    for violation in violations:
        if violation.rule is rules.TABLE_MISSING:
            for key in [key for key in again if key[1] == violation.table]:
                repairs.append(Repair(violation, (), again.pop(key)))
    # A table is created before its columns and indexes are changed.
    repairs.sort(key=lambda repair: repair.migration.version if repair.migration else -1)
    foreign = tuple(table for table in state.schema.tables if table.name in TABLES and table.owner != state.server.role)
    adopting = bool(adopt and foreign)
    if adopting:
        violations = tuple(violation for violation in violations if violation.rule is not rules.OWNER_DIFFERS)
    plan = Plan(tuple(pending), missing, tuple(repairs), foreign, adopting, violations, after=state)
    return plan._replace(after=_predict(state, library, plan))


def _predict(state: DatabaseState, library: Library, plan: Plan) -> DatabaseState:
    """The DatabaseState after the plan is applied."""
    schema = state.schema
    if plan.adopting:
        for foreign in plan.foreign:
            schema = schema.with_table(foreign._replace(owner=state.server.role))
    for step in library.steps:
        if step.key not in plan.missing:
            continue
        if step.kind == "table":
            schema = schema.with_table(_created(step.table, state.server.role))
        else:
            table = schema.table(step.table)
            schema = schema.with_table(_with_step(table, step)) if table else schema
    for repair in plan.repairs:
        table = schema.table(repair.violation.table)
        if table is None:
            continue
        if repair.violation.rule is rules.INDEX_REMAINS or (repair.violation.rule is rules.INDEX_INVALID and repair.violation.step not in plan.missing):
            schema = schema.with_table(table.without_index(repair.violation.object))
        elif repair.violation.rule is rules.COLUMN_DEFAULT:
            column, expected = table.column(repair.violation.object), POSTGRES[table.name].column(repair.violation.object)
            if column is not None and expected is not None:
                schema = schema.with_table(table.with_column(column._replace(default=expected.default)))
    recorded = set(state.recorded or ()).union(migration.version for migration, reason in plan.pending if reason == NOT_RECORDED)
    return state._replace(schema=schema, recorded=tuple(sorted(recorded)) or None)


def _created(name: str, owner: str) -> Table:
    """A table as CREATE TABLE creates it, before later steps."""
    table = POSTGRES[name]._replace(owner=owner)
    if name == "checkpoint_writes":
        table = table._replace(columns=tuple(column for column in table.columns if column.name != "task_path"))
    blob = table.column("blob")
    if name == "checkpoint_blobs" and blob is not None:
        table = table.with_column(blob._replace(nullable=False))
    return table


def _with_step(table: Table, step: Step) -> Table:
    """The table after a step."""
    if step.kind == "index":
        return table.with_index(thread_index(table.name))
    if step.kind == "nullable":
        column = table.column(step.object)
        return table.with_column(column._replace(nullable=True)) if column else table
    added = POSTGRES[table.name].column(step.object)
    return table.with_column(added) if added else table


def lock_requirements(plan: Plan) -> LockRequirements:
    """The LockRequirements of a Plan."""
    exclusive: set[str] = set()
    shared: set[str] = set()
    snapshots = False
    for kind, table, _object in plan.missing:
        if kind == "index":
            shared.add(table)
            snapshots = True
        elif kind in ("column", "nullable"):
            exclusive.add(table)
    for repair in plan.repairs:
        if repair.before:
            exclusive.add(repair.violation.table)
            snapshots = snapshots or repair.violation.rule.name.startswith("index")
    if plan.adopting:
        exclusive.update(table.name for table in plan.foreign)
    written = (MIGRATIONS_TABLE,) if any(reason == NOT_RECORDED for _migration, reason in plan.pending) else ()
    return LockRequirements(tuple(sorted(exclusive)), tuple(sorted(shared - exclusive)), snapshots, written=written)
