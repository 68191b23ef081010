# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a SQLite schema against the contract. Pure functions from a Schema to violations, which use PostgreSQL's names."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import COUNTERPARTS, RENAMED, SQLITE, SQLITE_OPTIONAL
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import Violation


def canonical(schema: Schema) -> Schema:
    """The schema with names spelled as the savers spell them, because names in SQLite are case-insensitive."""
    return schema._replace(tables=tuple(_canonical(table) if table.name.lower() in SQLITE else table for table in schema.tables))


def _canonical(table: Table) -> Table:
    known = {column.name for column in SQLITE[table.name.lower()].columns} | {"thread_ts"}

    def spelled(name: str) -> str:
        return name.lower() if name.lower() in known else name

    return table._replace(
        name=table.name.lower(),
        columns=tuple(column._replace(name=spelled(column.name)) for column in table.columns),
        constraints=tuple(item._replace(columns=tuple(spelled(name) for name in item.columns)) for item in table.constraints),
    )


def affinity(kind: str) -> str:
    """The affinity that SQLite derives from a declared type (SQLite documentation, Datatypes, section 3.1)."""
    for words, name in ((("INT",), "INTEGER"), (("CHAR", "CLOB", "TEXT"), "TEXT"), (("BLOB",), "BLOB"), (("REAL", "FLOA", "DOUB"), "REAL")):
        if any(word in kind.upper() for word in words):
            return name
    return "NUMERIC" if kind else "BLOB"


def check_sqlite(schema: Schema) -> Iterator[Violation]:
    """The violations of a SQLite Schema with canonical names, in the order of the contract."""
    existing = [table for table in schema.tables if table.name in SQLITE]
    for name, expected in SQLITE.items():
        table = schema.table(name)
        counterpart = dict(COUNTERPARTS)[name]
        if table is None:
            # The oldest files with thread_ts have no table writes.
            rule = rules.SQLITE_TABLE_MISSING
            if not existing:
                rule = rules.SQLITE_TABLES_MISSING
            elif any(map(_before_1_0, existing)):
                rule = rules.SQLITE_TABLE_THREAD_TS
            yield Violation(rule, counterpart, counterpart, "no table %s" % name, "table %s" % counterpart)
        elif table.kind != "table":
            yield Violation(rules.SQLITE_TABLE_KIND, counterpart, counterpart, "a %s" % table.kind, "table %s" % counterpart)
        elif _before_1_0(table):
            yield Violation(rules.SQLITE_TABLE_THREAD_TS, counterpart, counterpart, "table %s with thread_ts" % name, "table %s" % counterpart)
        else:
            yield from _columns(table, expected, counterpart)
            yield from _key(table, expected, counterpart)
            yield from _attached(table, counterpart)
    for table in schema.tables:
        if table.name not in SQLITE:
            yield Violation(rules.SQLITE_TABLE_EXTRA, table.name, table.name, "%s %s" % (table.kind, table.name), "nothing")


def _before_1_0(table: Table) -> bool:
    """Whether a release before langgraph-checkpoint-sqlite 1.0 created the table."""
    return table.column("thread_ts") is not None and table.column("checkpoint_id") is None


def _columns(table: Table, expected: Table, counterpart: str) -> Iterator[Violation]:
    for column in expected.columns:
        found = table.column(column.name)
        name = RENAMED.get((table.name, column.name), column.name)
        if found is None:
            rule = rules.SQLITE_COLUMN_MISSING_OLDER if (table.name, column.name) in SQLITE_OPTIONAL else rules.SQLITE_COLUMN_MISSING
            yield Violation(rule, counterpart, name, "no column", "column %s" % name)
        elif found.generated:
            yield Violation(rules.SQLITE_COLUMN_GENERATED, counterpart, name, found.describe(), column.describe())
        elif affinity(found.type) != affinity(column.type):
            yield Violation(rules.SQLITE_COLUMN_TYPE, counterpart, name, found.describe(), column.describe())
    for column in table.columns:
        if expected.column(column.name) is None:
            yield Violation(rules.SQLITE_COLUMN_EXTRA, counterpart, column.name, column.describe(), "no column")


def _key(table: Table, expected: Table, counterpart: str) -> Iterator[Violation]:
    columns, right = set(table.key_columns), set(expected.key_columns)
    rule = None
    if not columns:
        rule = rules.SQLITE_KEY_MISSING
    elif columns - right:
        rule = rules.SQLITE_KEY_WIDER
    elif right - columns:
        rule = rules.SQLITE_KEY_NARROWER
    if rule:
        found = "(%s)" % ", ".join(table.key_columns) if table.primary_key else "none"
        yield Violation(rule, counterpart, "primary key", found, "(%s)" % ", ".join(expected.key_columns))
    for column in table.columns:
        wanted = expected.column(column.name)
        if wanted is not None and column.name in columns & right and column.collation:
            name = RENAMED.get((table.name, column.name), column.name)
            yield Violation(rules.SQLITE_KEY_COLLATION, counterpart, name, column.describe(), wanted.describe())


def _attached(table: Table, counterpart: str) -> Iterator[Violation]:
    for constraint in table.constraints:
        if constraint.kind == "foreign key":
            yield Violation(rules.SQLITE_FOREIGN_KEY, counterpart, "foreign keys", constraint.definition, "none")
    for index in table.indexes:
        yield Violation(rules.SQLITE_INDEX, counterpart, index.name, index.describe(), "nothing")
    for trigger in table.attachments:
        yield Violation(rules.SQLITE_TRIGGER, counterpart, trigger.name, trigger.describe(), "nothing")
