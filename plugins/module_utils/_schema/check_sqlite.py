# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite's side against the contract. Pure: a Schema in, violations out, by the names that PostgreSQL has for the same things."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import COUNTERPARTS, RENAMED, SQLITE, SQLITE_OPTIONAL
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import Violation


def canonical(schema):
    """The schema with the savers' own spelling of their names, since SQLite's names do not care about case."""
    return replace(schema, tables=tuple(_canonical(table) if table.name.lower() in SQLITE else table for table in schema.tables))


def _canonical(table):
    known = {column.name for column in SQLITE[table.name.lower()].columns} | {"thread_ts"}

    def spelled(name):
        return name.lower() if name.lower() in known else name

    return replace(
        table,
        name=table.name.lower(),
        columns=tuple(replace(column, name=spelled(column.name)) for column in table.columns),
        constraints=tuple(replace(item, columns=tuple(spelled(name) for name in item.columns)) for item in table.constraints),
    )


def affinity(kind):
    """What SQLite makes of a declared type (its documentation, Datatypes 3.1)."""
    for words, name in ((("INT",), "INTEGER"), (("CHAR", "CLOB", "TEXT"), "TEXT"), (("BLOB",), "BLOB"), (("REAL", "FLOA", "DOUB"), "REAL")):
        if any(word in kind.upper() for word in words):
            return name
    return "NUMERIC" if kind else "BLOB"


def check_sqlite(schema):
    """The violations of a SQLite Schema with canonical names, in the order of the contract."""
    there = [table for table in schema.tables if table.name in SQLITE]
    for name, expected in SQLITE.items():
        table = schema.table(name)
        counterpart = dict(COUNTERPARTS)[name]
        if table is None:
            # The oldest of those with thread_ts have no writes.
            rule = rules.SQLITE_TABLES_MISSING if not there else rules.SQLITE_TABLE_THREAD_TS if any(map(_before_1_0, there)) else rules.SQLITE_TABLE_MISSING
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


def _before_1_0(table):
    return table.column("thread_ts") is not None and table.column("checkpoint_id") is None


def _columns(table, expected, counterpart):
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


def _key(table, expected, counterpart):
    found, right = table.primary_key, set(expected.primary_key.columns)
    columns = set(found.columns) if found else set()
    rule = None
    if not columns:
        rule = rules.SQLITE_KEY_MISSING
    elif columns - right:
        rule = rules.SQLITE_KEY_WIDER
    elif right - columns:
        rule = rules.SQLITE_KEY_NARROWER
    if rule:
        told = "(%s)" % ", ".join(found.columns) if found else "none"
        yield Violation(rule, counterpart, "primary key", told, "(%s)" % ", ".join(expected.primary_key.columns))
    for column in table.columns:
        if column.name in columns & right and column.collation:
            name = RENAMED.get((table.name, column.name), column.name)
            yield Violation(rules.SQLITE_KEY_COLLATION, counterpart, name, column.describe(), expected.column(column.name).describe())


def _attached(table, counterpart):
    for item in table.constraints:
        if item.kind == "foreign key":
            yield Violation(rules.SQLITE_FOREIGN_KEY, counterpart, "foreign keys", item.definition, "none")
    for item in table.indexes:
        yield Violation(rules.SQLITE_INDEX, counterpart, item.name, item.describe(), "nothing")
    for item in table.attachments:
        yield Violation(rules.SQLITE_TRIGGER, counterpart, item.name, item.describe(), "nothing")
