# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a PostgreSQL schema with a SQLite schema: can it store the same rows? Pure functions from two Schemas to findings."""

from __future__ import annotations

import textwrap
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Iterable, Iterator, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_columns import bare
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_sqlite import affinity, canonical, check_sqlite
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Schema, Table

IDENTICAL, EQUIVALENT, EXPECTED, DRIFT = "identical", "equivalent", "expected", "drift"
VERDICTS = (IDENTICAL, EQUIVALENT, EXPECTED, DRIFT)
COMPATIBLE, EXACT = "compatible", "exact"
LITERALLY = "literally different: "
# The explanation's table: the width of each column, and the maximum number of findings.
WIDTHS = (40, 17, 33)
LISTED = 20


class Finding(NamedTuple):
    """One comparison. table: PostgreSQL's name, or SQLite's if PostgreSQL has no such table. sqlite, postgres: what each side has, in words."""

    verdict: str
    table: str
    object: str
    sqlite: str
    postgres: str
    reason: str


class Parity(NamedTuple):
    """The result of a comparison. reference: the name of the SQLite schema that PostgreSQL was compared with."""

    level: str
    reference: str
    findings: tuple[Finding, ...]

    @property
    def drift(self) -> list[Finding]:
        """The findings that are drift."""
        return [finding for finding in self.findings if finding.verdict == DRIFT]

    @property
    def in_parity(self) -> bool:
        """Whether there is no drift."""
        return not self.drift

    def summary(self) -> str:
        """The verdict in one sentence."""
        counts = ", ".join("%d %s" % (len([f for f in self.findings if f.verdict == verdict]), verdict) for verdict in VERDICTS)
        return "PostgreSQL is %s with %s (%s): %s" % ("in parity" if self.in_parity else "NOT in parity", self.reference, self.level, counts)

    def explain(self) -> str:
        """The drift and its reasons as a table for a terminal with 100 columns; empty if there is no drift."""
        if self.in_parity:
            return ""
        lines = _row("TABLE.OBJECT", "SQLITE", "POSTGRESQL")
        # The name of a package remains on one line.
        reason = textwrap.TextWrapper(sum(WIDTHS) - 4, initial_indent="    why: ", subsequent_indent="         ", break_on_hyphens=False)
        for finding in self.drift[:LISTED]:
            lines += _row(_place(finding), finding.sqlite, finding.postgres)
            lines += reason.wrap(_shown(finding.reason))
        if len(self.drift) > LISTED:
            lines.append("and %d more, in findings" % (len(self.drift) - LISTED))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The return value parity of checkpoint_schema_info."""
        return {
            "in_parity": self.in_parity,
            "level": self.level,
            "reference": self.reference,
            "findings": [finding._asdict() for finding in self.findings],
            "summary": self.summary(),
            "explanation": self.explain(),
        }


def _place(finding: Finding) -> str:
    return finding.table if finding.object == finding.table else "%s.%s" % (finding.table, finding.object)


def _shown(text: str) -> str:
    """The text without control characters, which could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _row(*cells: str) -> list[str]:
    """The lines of one row, with each cell wrapped within its column."""
    wrapped = [textwrap.wrap(_shown(cell), width - 2) for cell, width in zip(cells, WIDTHS)]
    lines = ["".join(part.ljust(width) for part, width in zip(parts, WIDTHS)) for parts in zip_longest(*wrapped, fillvalue="")]
    return [line.rstrip() for line in lines]


def compare(sqlite: Schema, postgres: Schema, level: str = COMPATIBLE, steps: Iterable[contract.Step] | None = None) -> Parity:
    """The Parity of two Schemas. steps: the Steps that the installed library takes; by default all."""
    sqlite = canonical(sqlite)
    findings = list(_drift_in_sqlite(sqlite))
    findings.extend(_drift_in_postgres(sqlite, postgres, steps))
    wrong = {(finding.table, finding.object) for finding in findings if finding.verdict == DRIFT}
    for name, counterpart in contract.COUNTERPARTS:
        left, right = sqlite.table(name), postgres.table(counterpart)
        if left is None or right is None or (counterpart, counterpart) in wrong or (name, name) in wrong:
            continue
        findings.extend(finding for finding in _tables(left, right) if (finding.table, finding.object) not in wrong)
    findings.extend(finding for finding in _only_postgres(postgres) if (finding.table, finding.object) not in wrong)
    if level == EXACT:
        findings = [_literal(finding) for finding in findings]
    findings.sort(key=lambda finding: (_order(finding.table), finding.table, finding.object) + finding)
    return Parity(level, sqlite.name, tuple(findings))


def _order(table: str) -> int:
    names = [counterpart for _name, counterpart in contract.COUNTERPARTS] + list(contract.ONLY_POSTGRES)
    return names.index(table) if table in names else len(names)


def _literal(finding: Finding) -> Finding:
    """The finding at level exact, where every difference is drift."""
    if finding.verdict in (IDENTICAL, DRIFT):
        return finding
    return finding._replace(verdict=DRIFT, reason=LITERALLY + finding.reason)


def _drift_in_postgres(sqlite: Schema, postgres: Schema, steps: Iterable[contract.Step] | None) -> Iterator[Finding]:
    """A finding for each violation in PostgreSQL, with the corresponding object in SQLite."""
    names = {counterpart: name for name, counterpart in contract.COUNTERPARTS}
    back = {(counterpart, new): old for (name, old), new in contract.RENAMED.items() for n, counterpart in contract.COUNTERPARTS if n == name}
    for violation in check_schema(postgres, steps):
        table = sqlite.table(names.get(violation.table, ""))
        column = table.column(back.get((violation.table, violation.object), violation.object)) if table else None
        if violation.object == violation.table:
            counterpart = "table %s" % table.name if table else "nothing"
        elif violation.object == "primary key":
            counterpart = "(%s)" % ", ".join(table.key_columns) if table and table.primary_key else "nothing"
        else:
            counterpart = column.describe() if column else "nothing"
        found = "%s, expected %s" % (violation.found, violation.expected)
        yield Finding(DRIFT if violation.drift else EXPECTED, violation.table, violation.object, counterpart, found, violation.reason)


def _drift_in_sqlite(sqlite: Schema) -> Iterator[Finding]:
    """A finding for each violation in a SQLite file, with the corresponding object in PostgreSQL."""
    for violation in check_sqlite(sqlite):
        yield Finding(DRIFT if violation.drift else EXPECTED, violation.table, violation.object, violation.found, violation.expected, violation.reason)


def _tables(left: Table, right: Table) -> Iterator[Finding]:
    """The comparison of a table that exists on both sides, object by object."""
    name = right.name
    if left.name == right.name:
        yield Finding(IDENTICAL, name, name, left.name, right.name, "")
    else:
        yield Finding(EQUIVALENT, name, name, left.name, right.name, contract.TABLE_NAME % left.name)
    # Compare positions only among the columns that both tables have.
    shared = [contract.RENAMED.get((left.name, column.name), column.name) for column in left.columns]
    places = [column.name for column in right.columns if column.name in shared]
    in_place = _in_place([column for column in shared if column in places], places)
    for column in left.columns:
        other = right.column(contract.RENAMED.get((left.name, column.name), column.name))
        if other is not None:
            finding = _column(name, column, other, other.name in in_place)
            if finding.verdict == IDENTICAL or finding.reason:  # otherwise the type differs, which a violation reports
                yield finding
    if left.primary_key and right.primary_key:
        same = left.key_columns == right.key_columns
        keys = ["(%s)" % ", ".join(table.key_columns) for table in (left, right)]
        yield Finding(IDENTICAL if same else EQUIVALENT, name, "primary key", keys[0], keys[1], "" if same else contract.KEY_ORDER)
    if not any(item.kind == "foreign key" for item in left.constraints + right.constraints):
        yield Finding(IDENTICAL, name, "foreign keys", "none", "none", rules.NO_FOREIGN_KEY)
    index = right.find_index(contract.thread_index(name).name)
    if index is not None:
        yield Finding(EXPECTED, name, index.name, "nothing", index.describe(), contract.SECONDARY_INDEX)


def _in_place(left: list[str], right: list[str]) -> set[str]:
    """The names whose position is the same on both sides."""
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return {name for block in blocks for name in left[block.a : block.a + block.size]}


def _column(table: str, column: Column, other: Column, in_place: bool) -> Finding:
    """The comparison of one column: identical, or equivalent with the reasons."""
    reasons = []
    if column.name != other.name:
        reasons.append("PostgreSQL's savers call it %s" % other.name)
    kind = affinity(column.type)
    if column.type != kind:
        reasons.append(contract.SAME_AFFINITY)
    if kind.lower() != other.type:
        reasons.append(contract.TYPES.get((kind, other.type), ""))
    if column.nullable and not other.nullable:
        reasons.append(contract.NOT_NULL_IN_POSTGRES)
    elif other.nullable and not column.nullable:
        reasons.append(contract.NOT_NULL_IN_SQLITE)
    if bare(column.default) != bare(other.default):
        reasons.append(contract.OWN_DEFAULT)
    if not in_place:
        reasons.append(contract.POSITION)
    verdict = EQUIVALENT if reasons else IDENTICAL
    return Finding(verdict, table, other.name, column.describe(), other.describe(), "; ".join(reason for reason in reasons if reason))


def _only_postgres(postgres: Schema) -> Iterator[Finding]:
    """Findings for the tables that exist only in PostgreSQL."""
    for name, reason in contract.ONLY_POSTGRES.items():
        table = postgres.table(name)
        if table is not None:
            yield Finding(EXPECTED, name, name, "nothing", name, reason)
            index = table.find_index(contract.thread_index(name).name)
            if index is not None:
                yield Finding(EXPECTED, name, index.name, "nothing", index.describe(), contract.SECONDARY_INDEX)
