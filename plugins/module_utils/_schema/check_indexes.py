# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the keys and the indexes of PostgreSQL tables against the contract. Pure functions."""

from __future__ import annotations

import re
from typing import AbstractSet, Iterator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    DATA_TABLES,
    LARGE,
    MIGRATIONS_TABLE,
    NARROWING,
    POSTGRES,
    thread_index,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import keeps_size, never_fails
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import INFO, Rule, Violation

# The names that REINDEX CONCURRENTLY gives to copies, with a number if the name already exists.
REMAINS = re.compile(r"^(.+)_cc(new|old)\d*$")
# Constraints that PostgreSQL enforces with an index of the same name.
WITH_INDEX = ("primary key", "unique", "exclusion")
# The suffix that catalog_queries.py appends to an index column with another collation that distinguishes the same values.
COLLATED = " collate other"
# Defaults that produce a different value for each row.
NEW_VALUE = re.compile(r"(nextval\('[^']*'::regclass\)|(gen_random_uuid|uuidv4|uuidv7)\(\))(::(text|character varying))?$")


def check_key(schema: str, place: str, table: Table) -> Iterator[Violation]:
    """The violations in the primary key of one table. place: its name in statements."""
    expected = POSTGRES[table.name].key_columns
    found = table.primary_key
    columns = ", ".join(expected)
    if table.name == MIGRATIONS_TABLE:
        index = table.find_index(found.name) if found else None
        if found is None or found.columns != expected or found.deferrable or index is not None and not index.usable:
            text = index.describe() if index else found.describe() if found else "none"
            yield Violation(rules.KEY_UNNEEDED, table.name, "primary key", text, "(%s)" % columns)
        return
    own = found.name if found else None
    other = next((index for index in table.indexes if index.name != own and _identifies(table, index, expected)), None)
    if found is None or other is not None and sorted(found.columns) != sorted(expected):
        statement = "ALTER TABLE %s ADD PRIMARY KEY (%s);" % (place, columns)
        missing = rules.KEY_MISSING if other is None else _order(table, other.columns)
        text = "none" if other is None else "the unique index %s (%s) instead" % (other.name, ", ".join(other.columns))
        yield Violation(missing, table.name, "primary key", text, "(%s)" % columns, statement="" if missing.severity == INFO or found else statement)
        return
    again = "ALTER TABLE %s DROP CONSTRAINT %s, ADD PRIMARY KEY (%s);" % (place, quote(found.name), columns)
    if found.columns != expected:
        mismatch = _order(table, found.columns) if sorted(found.columns) == sorted(expected) else rules.KEY_COLUMNS
        statement = "" if mismatch.severity == INFO else again
        yield Violation(mismatch, table.name, "primary key", "(%s)" % ", ".join(found.columns), "(%s)" % columns, statement=statement)
    index = table.find_index(found.name)
    if index is not None and not index.usable:
        statement = "REINDEX INDEX CONCURRENTLY %s;" % qualified(schema, found.name)
        yield Violation(rules.KEY_INVALID, table.name, "primary key", "its index %s is INVALID" % found.name, "a VALID index", statement=statement)
    elif index is not None:
        rule = fault_of(table, index)
        if rule or index.variant or index.included:
            yield Violation(rule or rules.INDEX_VARIANT, table.name, "primary key", index.describe(), "(%s)" % columns, statement=again if rule else "")
    if found.deferrable:
        yield Violation(rules.KEY_DEFERRABLE, table.name, "primary key", "deferrable", "not deferrable", statement=again)


def _identifies(table: Table, index: Index, expected: tuple[str, ...]) -> bool:
    """Whether ON CONFLICT with these columns can use the index, which then replaces the key."""
    deferrable = any(item.name == index.name and item.deferrable for item in table.constraints)
    plain = index.unique and index.usable and not index.predicate and not deferrable
    return plain and sorted(map(_bare, index.columns)) == sorted(expected) and fault_of(table, index) is None


def _bare(name: str) -> str:
    """The column of an index without a collation that treats the same values as equal."""
    return name[: -len(COLLATED)] if name.endswith(COLLATED) else name


def _order(table: Table, columns: tuple[str, ...]) -> Rule:
    """The rule that applies to a key or its substitute with the expected columns in this order."""
    if columns == POSTGRES[table.name].key_columns:
        return rules.KEY_COVERED
    return rules.KEY_ORDER_EQUAL if table.name == "checkpoint_blobs" else rules.KEY_ORDER


def check_indexes(schema: Schema, table: Table, steps: AbstractSet[tuple[str, str, str]]) -> Iterator[Violation]:
    """The violations in the indexes of one table. steps: the keys of the Steps that the library takes."""
    known = {item.name for item in table.constraints if item.kind in WITH_INDEX and not item.incoming}
    if table.name in DATA_TABLES:
        expected = thread_index(table.name)
        known.add(expected.name)
        yield from _thread_index(schema, table, expected, steps)
    for index in table.indexes:
        if index.name not in known:
            yield _extra_index(schema, table, index, known)


def _thread_index(schema: Schema, table: Table, expected: Index, steps: AbstractSet[tuple[str, str, str]]) -> Iterator[Violation]:
    step = ("index", table.name, expected.name)
    found = table.find_index(expected.name)
    if found is None and step in steps:
        other = min((index.name for index in table.indexes if _serves(index, expected)), default=None)
        taken = schema.table(expected.name)
        if taken:
            text = "the name is used by another %s" % taken.kind
            yield Violation(rules.INDEX_NAME_TAKEN, table.name, expected.name, text, expected.describe(), step=step)
        elif other:
            yield Violation(rules.INDEX_COVERED, table.name, expected.name, "index %s instead" % other, expected.describe(), step=step)
        else:
            yield Violation(rules.INDEX_MISSING, table.name, expected.name, "no index", expected.describe(), step=step)
    elif found is not None:
        drop = "DROP INDEX CONCURRENTLY %s;" % qualified(schema.name, found.name)
        usable = found.columns[:1] == expected.columns and (found.method == "btree" or found.method == "hash" and len(found.columns) == 1)
        if not usable or found.unique or found.predicate:
            yield Violation(rules.INDEX_DIFFERS, table.name, found.name, found.describe(), expected.describe(), step=step, statement=drop)
        elif found.building:
            yield Violation(rules.INDEX_BUILDING, table.name, found.name, "being built", "a VALID index", step=step)
        elif not found.usable:
            yield Violation(rules.INDEX_INVALID, table.name, found.name, "INVALID", "a VALID index", step=step, statement=drop)
        elif found.variant or found.included or (found.columns, found.method) != (expected.columns, expected.method):
            rule = fault_of(table, found)
            yield Violation(rule or rules.INDEX_VARIANT, table.name, found.name, found.describe(), expected.describe(), statement=drop if rule else "")


def _serves(index: Index, expected: Index) -> bool:
    return index.usable and index.method == "btree" and not index.predicate and index.columns == expected.columns and not index.unique


def _extra_index(schema: Schema, table: Table, index: Index, known: AbstractSet[str]) -> Violation:
    match = REMAINS.match(index.name)
    drop = "DROP INDEX CONCURRENTLY %s;" % qualified(schema.name, index.name)
    if index.building and not (index.unique and index.ready):
        return Violation(rules.INDEX_BUILDING, table.name, index.name, "being built", "no such index")
    if match and match.group(1) in known and not index.usable:
        return Violation(rules.INDEX_REMAINS, table.name, index.name, "an INVALID copy of %s" % match.group(1), "no such index", statement=drop)
    # An INVALID index still rejects rows if it is ready.
    fault = fault_of(table, index) if index.ready else None
    if index.unique and index.ready:
        rule = fault or uniqueness(table, index.columns, index.definition)
    else:
        rule = fault or (rules.INDEX_EXTRA if index.usable else rules.INDEX_EXTRA_INVALID)
    statement = "" if rule.severity == INFO else drop
    return Violation(rule, table.name, index.name, index.describe(), "no such index", statement=statement)


def uniqueness(table: Table, columns: tuple[str, ...], definition: str) -> Rule:
    """The rule that applies to a unique constraint or index over these columns, whose entries always fit."""
    contract = POSTGRES[table.name]
    if set(contract.key_columns) <= set(map(_bare, columns)):
        return rules.UNIQUE_IMPLIED
    for column in table.columns:
        if contract.column(column.name) is None and {column.name, quote(column.name)} & set(columns):
            always_null = column.empty and "NULLS NOT DISTINCT" not in definition
            numbered = column.generated.startswith("identity") or NEW_VALUE.match(column.default or "")
            if always_null or numbered and column.sequence_end != "cycles":
                return rules.UNIQUE_DISTINCT
    return rules.UNIQUE


def fault_of(table: Table, index: Index) -> Rule | None:
    """The rule that applies if an index can reject rows for a reason other than a duplicate, or None."""
    large = [column.name for column in POSTGRES[table.name].columns if column.type in LARGE]
    # Values that PostgreSQL computes from these columns can be as large.
    large += [column.name for column in table.columns if column.generated == "stored" and any(keeps_size(column.default or "", name) for name in large)]
    if index.method not in NARROWING and any(keeps_size(text, name) for text in index.columns + index.included for name in large):
        return rules.INDEX_WIDE
    # The names as PostgreSQL prints them. It quotes a name that looks like an expression.
    names = {quote(column.name) for column in table.columns} | {column.name for column in table.columns if column.name.isidentifier()}
    parts = [text for text in map(_bare, index.columns) if text not in names] + [index.predicate]
    return None if all(never_fails(text) for text in parts) else rules.INDEX_COMPUTED
