# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a database, decided from one Reading of it. Pure: check mode reports a plan, a real run carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import LockRequirements
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import LEDGER, POSTGRES, TABLES, thread_index

# Why setup() itself will run an entry of MIGRATIONS; what the ledger has is run as a repair, which records nothing.
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Repair:
    """Something that setup() passes over. before: statements that clear the way. migration: the entry to run again, or None."""

    violation: object
    before: tuple = ()
    migration: object = None

    def to_dict(self):
        """As the module returns it."""
        statements = list(self.before)
        if self.migration is not None:
            statements.append(self.migration.sql.strip())
        return {"table": self.violation.table, "object": self.violation.object, "found": self.violation.found, "statements": statements}


@dataclass(frozen=True)
class Plan:
    """What to do, and what it leads to.

    pending: entries of MIGRATIONS that the ledger or the catalog lacks, each with its reason. missing: the steps that the catalog lacks.
    repairs: what setup() passes over. foreign: tables that another role owns. adopting: whether they are taken over.
    violations: everything found. after: the DatabaseState that carrying it out leads to.
    """

    pending: tuple
    missing: frozenset
    repairs: tuple
    foreign: tuple
    adopting: bool
    violations: tuple
    after: object

    @property
    def empty(self):
        """Whether there is nothing to do."""
        return not self.pending and not self.repairs and not self.adopting

    @property
    def refusing(self):
        """The violations that only a person may decide about."""
        return [violation for violation in self.violations if violation.severity == "block"]

    @property
    def building(self):
        """Indexes of the contract that another session is making right now."""
        return [violation.object for violation in self.violations if violation.rule is rules.INDEX_BUILDING and violation.step]

    def pending_list(self):
        """As modules return it."""
        return [{"version": migration.version, "sql": migration.sql.strip(), "reason": reason} for migration, reason in self.pending]


def make_plan(reading, library, adopt=False):
    """The Plan for a DatabaseState under the installed Library."""
    violations = tuple(check_schema(replace(reading.schema, elsewhere=()), library.steps))
    gone = {violation.table for violation in violations if violation.rule is rules.TABLE_MISSING}
    recorded = -1 if reading.version is None else reading.version
    to_come = {migration.step.key for migration in library.migrations if migration.version > recorded and migration.step}
    lacking = {violation.step for violation in violations if violation.severity == "repair"}
    # setup() asks for an index by its name alone, so it makes its own beside one that serves as well.
    lacking |= {violation.step for violation in violations if violation.rule is rules.INDEX_COVERED and violation.step in to_come}
    missing = frozenset(step.key for step in library.steps if step.table in gone or step.key in lacking)
    pending, repairs = [], []
    for migration in library.migrations:
        if migration.version > recorded:
            pending.append((migration, NOT_RECORDED))
        elif migration.step is not None and migration.step.key in missing:
            pending.append((migration, "recorded, but %s is missing or not usable" % migration.step.object))
    behind = {migration.step.key: migration for migration, reason in pending if reason != NOT_RECORDED and migration.step}
    for violation in violations:
        if violation.severity == "repair" and violation.rule is not rules.TABLE_MISSING:
            migration = behind.pop(violation.step, None)
            before = (violation.statement,) if violation.statement else ()
            if before or migration:
                repairs.append(Repair(violation, before, migration))
    for violation in violations:
        if violation.rule is rules.TABLE_MISSING:
            for key in [key for key in behind if key[1] == violation.table]:
                repairs.append(Repair(violation, (), behind.pop(key)))
    # A table comes before what stands on it.
    repairs.sort(key=lambda repair: repair.migration.version if repair.migration else -1)
    foreign = tuple(table for table in reading.schema.tables if table.name in TABLES and table.owner != reading.server.role)
    adopting = bool(adopt and foreign)
    if adopting:
        violations = tuple(violation for violation in violations if violation.rule is not rules.OWNER_DIFFERS)
    plan = Plan(tuple(pending), missing, tuple(repairs), foreign, adopting, violations, None)
    return replace(plan, after=_predict(reading, library, plan))


def _predict(reading, library, plan):
    """The DatabaseState that follows."""
    schema = reading.schema
    if plan.adopting:
        for table in plan.foreign:
            schema = schema.with_table(replace(table, owner=reading.server.role))
    for step in library.steps:
        if step.key not in plan.missing:
            continue
        if step.kind == "table":
            schema = schema.with_table(_created(step.table, reading.server.role))
        else:
            table = schema.table(step.table)
            schema = schema.with_table(_stepped(table, step)) if table else schema
    for repair in plan.repairs:
        table = schema.table(repair.violation.table)
        if repair.violation.rule is rules.INDEX_REMAINS or (repair.violation.rule is rules.INDEX_INVALID and repair.violation.step not in plan.missing):
            schema = schema.with_table(table.without_index(repair.violation.object))
        elif repair.violation.rule is rules.COLUMN_DEFAULT:
            default = POSTGRES[table.name].column(repair.violation.object).default
            schema = schema.with_table(table.with_column(replace(table.column(repair.violation.object), default=default)))
    recorded = set(reading.recorded or ()).union(migration.version for migration, reason in plan.pending if reason == NOT_RECORDED)
    return replace(reading, schema=schema, recorded=tuple(sorted(recorded)) or None)


def _created(name, owner):
    """A table as CREATE TABLE leaves it, before later steps."""
    table = replace(POSTGRES[name], owner=owner)
    if name == "checkpoint_writes":
        table = replace(table, columns=tuple(column for column in table.columns if column.name != "task_path"))
    if name == "checkpoint_blobs":
        table = table.with_column(replace(table.column("blob"), nullable=False))
    return table


def _stepped(table, step):
    if step.kind == "index":
        return table.with_index(thread_index(table.name))
    if step.kind == "nullable":
        return table.with_column(replace(table.column(step.object), nullable=True)) if table.column(step.object) else table
    return table.with_column(POSTGRES[table.name].column(step.object))


def lock_requirements(plan):
    """The Needs of a Plan."""
    exclusive, shared, snapshots = set(), set(), False
    for _kind, table, _object in plan.missing:
        if _kind == "index":
            shared.add(table)
            snapshots = True
        elif _kind in ("column", "nullable"):
            exclusive.add(table)
    for repair in plan.repairs:
        if repair.before:
            exclusive.add(repair.violation.table)
            snapshots = snapshots or repair.violation.rule.name.startswith("index")
    if plan.adopting:
        exclusive.update(table.name for table in plan.foreign)
    written = (LEDGER,) if any(reason == NOT_RECORDED for _migration, reason in plan.pending) else ()
    return LockRequirements(tuple(sorted(exclusive)), tuple(sorted(shared - exclusive)), snapshots, written=written)
