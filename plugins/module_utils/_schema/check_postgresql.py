# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a PostgreSQL schema against the contract. Pure functions from a Schema to violations."""

from __future__ import annotations

import re
from typing import AbstractSet, Iterable, Iterator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_columns import check_columns_of, check_roles
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    DATA_TABLES,
    LARGE,
    MIGRATIONS_TABLE,
    NARROWING,
    POSTGRES,
    STEPS,
    TABLES,
    Step,
    thread_index,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import keeps_size, never_fails
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import INFO, Rule, Violation

# The names that REINDEX CONCURRENTLY gives to copies, with a number if the name already exists.
REMAINS = re.compile(r"^(.+)_cc(new|old)\d*$")
SHALLOW_KEY = ("thread_id", "checkpoint_ns")
# Constraints that PostgreSQL enforces with an index of the same name.
WITH_INDEX = ("primary key", "unique", "exclusion")
NOT_NULL = re.compile(r'^CHECK \(\("?(.+?)"? IS NOT NULL\)\)( NOT VALID)?$')


def check_schema(schema: Schema, steps: Iterable[Step] | None = None) -> list[Violation]:
    """The violations of a PostgreSQL Schema, in the order of the contract.

    steps: the Steps that the installed library takes (an older library has fewer); by default all.
    """
    keys = {step.key for step in (STEPS if steps is None else steps)}
    violations: list[Violation] = list(_schema(schema))
    tables: list[Table] = []
    for name in TABLES:
        key = ("table", name, name)
        table = schema.table(name)
        if table is None:
            if key in keys:
                violations.append(Violation(rules.TABLE_MISSING, name, name, "nothing", "a table", step=key))
            continue
        tables.append(table)
        violations.extend(_table(schema, table, keys))
    if len({table.owner for table in tables}) > 1:
        text = ", ".join("%s by %s" % (table.name, table.owner) for table in tables)
        violations.append(Violation(rules.OWNER_DIFFERS, tables[0].name, "owner", text, "one owner for all tables"))
    return violations


def _schema(schema: Schema) -> Iterator[Violation]:
    """The violations of the database, of the application's roles, and of the schema: what other roles can create in it, and what they created."""
    place = "schema %s" % schema.name
    if schema.encoding != "UTF8":
        database, found = "database %s" % schema.database, "encoding %s" % schema.encoding
        expected = "encoding UTF8; create another database with ENCODING 'UTF8' TEMPLATE template0, and restore a dump of the tables in it"
        yield Violation(rules.DATABASE_ENCODING, database, database, found, expected)
    yield from check_roles(schema)
    if schema.creators:
        statements = " ".join("REVOKE CREATE ON SCHEMA %s FROM %s;" % (quote(schema.name), name) for name in schema.creators)
        found = "CREATE for %s" % ", ".join(schema.creators)
        yield Violation(rules.SCHEMA_CREATE, place, place, found, "CREATE for the owner only", statement=statements)
    for name in schema.overloads:
        yield Violation(rules.SCHEMA_OVERLOAD, place, name, "an object of another role", "none", statement="DROP %s;" % name)


def _table(schema: Schema, table: Table, steps: AbstractSet[tuple[str, str, str]]) -> list[Violation]:
    """The violations of one existing table."""
    if table.kind != "table":
        rule = rules.TABLE_PARTITIONED if table.kind == "partitioned table" else rules.TABLE_KIND
        article = "an" if table.kind[0] in "aeiou" else "a"
        return [Violation(rule, table.name, table.name, "%s %s" % (article, table.kind), "a table")]
    key = table.primary_key
    if table.name == "checkpoints" and key and key.columns == SHALLOW_KEY and table.column("checkpoint_id") is None:
        expected = "a primary key that includes checkpoint_id, as PostgresSaver creates it; use another schema or database"
        return [Violation(rules.TABLE_SHALLOW, table.name, table.name, "the shallow saver's table, one row per thread", expected)]
    contract = POSTGRES[table.name]
    if not any(table.column(name) for name in contract.key_columns):
        found = "columns (%s)" % ", ".join(column.name for column in table.columns)
        return [Violation(rules.TABLE_SHAPE, table.name, table.name, found, "columns (%s)" % ", ".join(column.name for column in contract.columns))]
    violations: list[Violation] = []
    place = qualified(schema.name, table.name)
    if table.persistence != "permanent":
        statement = "ALTER TABLE %s SET LOGGED;" % place if table.persistence == "unlogged" else ""
        violations.append(Violation(rules.TABLE_UNLOGGED, table.name, table.name, "%s table" % table.persistence, "a permanent table", statement=statement))
    for name, other in schema.elsewhere:
        if name == table.name:
            rule, found = (rules.TABLE_ELSEWHERE, "%s.%s" % (other, name)) if other else (rules.TABLE_NOT_ON_PATH, "nothing")
            violations.append(Violation(rule, table.name, table.name, "the unqualified name finds %s" % found, "it finds %s.%s" % (schema.name, name)))
    if table.row_security:
        statement = "ALTER TABLE %s DISABLE ROW LEVEL SECURITY;" % place
        violations.append(Violation(rules.ROW_SECURITY, table.name, table.name, "row security on", "row security off", statement=statement))
    violations.extend(check_columns_of(place, table, steps))
    violations.extend(_key(schema.name, place, table))
    violations.extend(_constraints(place, table))
    violations.extend(_indexes(schema, table, steps))
    violations.extend(_attachments(place, table))
    return violations


def _key(schema: str, place: str, table: Table) -> Iterator[Violation]:
    expected = POSTGRES[table.name].key_columns
    found = table.primary_key
    columns = ", ".join(expected)
    if found is None:
        statement = "ALTER TABLE %s ADD PRIMARY KEY (%s);" % (place, columns)
        yield Violation(rules.KEY_MISSING, table.name, "primary key", "none", "(%s)" % columns, statement=statement)
        return
    again = "ALTER TABLE %s DROP CONSTRAINT %s, ADD PRIMARY KEY (%s);" % (place, quote(found.name), columns)
    if found.columns != expected:
        mismatch = rules.KEY_ORDER if sorted(found.columns) == sorted(expected) else rules.KEY_COLUMNS
        yield Violation(mismatch, table.name, "primary key", "(%s)" % ", ".join(found.columns), "(%s)" % columns, statement=again)
    index = table.index(found.name)
    if index is not None and not index.usable:
        statement = "REINDEX INDEX CONCURRENTLY %s;" % qualified(schema, found.name)
        yield Violation(rules.KEY_INVALID, table.name, "primary key", "its index %s is INVALID" % found.name, "a VALID index", statement=statement)
    elif index is not None:
        rule = _fault(table, index)
        if rule or index.variant or index.included:
            yield Violation(rule or rules.INDEX_VARIANT, table.name, "primary key", index.describe(), "(%s)" % columns, statement=again if rule else "")
    if found.deferrable:
        yield Violation(rules.KEY_DEFERRABLE, table.name, "primary key", "deferrable", "not deferrable", statement=again)


def _constraints(place: str, table: Table) -> Iterator[Violation]:
    for item in table.constraints:
        rule = _incoming(item) if item.incoming else _constraint(table, item)
        if rule:
            statement = ""
            if rule is rules.NOT_NULL_NOT_VALID:
                statement = "ALTER TABLE %s VALIDATE CONSTRAINT %s;" % (place, quote(item.name))
            elif rule.severity != INFO:
                source = ".".join(quote(part) for part in item.incoming.split(".", 1)) if item.incoming else place
                statement = "ALTER TABLE %s DROP CONSTRAINT %s;" % (source, quote(item.name))
            yield Violation(rule, table.name, item.name, item.describe(), "no such constraint", statement=statement)


def _incoming(item: Constraint) -> Rule:
    """The rule that applies to a foreign key of another table that references this one."""
    if not item.enforced:
        return rules.CHECK_NOT_ENFORCED
    # SET DEFAULT fails unless a row with the default values exists.
    return rules.FOREIGN_KEY_INCOMING_CASCADING if item.on_delete in ("cascade", "set null") else rules.FOREIGN_KEY_INCOMING


def _constraint(table: Table, item: Constraint) -> Rule | None:
    """The rule that applies to a constraint of the table, or None. A constraint trigger is reported as a trigger."""
    contract = POSTGRES[table.name]
    key = set(contract.key_columns)
    if item.kind == "unique":
        if item.deferrable and set(item.columns) == key:
            return rules.UNIQUE_DEFERRABLE
        index = table.index(item.name)
        return (index and _fault(table, index)) or (rules.UNIQUE_IMPLIED if key <= set(item.columns) else rules.UNIQUE)
    if item.kind == "check" and item.enforced:
        match = NOT_NULL.match(item.definition)
        column = contract.column(match.group(1)) if match else None
        return rules.CHECK_IMPLIED if column is not None and not column.nullable else rules.CHECK
    if item.kind == "not null":
        column = contract.column(item.columns[0]) if item.columns else None
        return rules.NOT_NULL_NOT_VALID if column is not None and not column.nullable else None
    if item.kind in ("check", "foreign key"):
        return rules.FOREIGN_KEY if item.enforced else rules.CHECK_NOT_ENFORCED
    return rules.EXCLUSION if item.kind == "exclusion" else None


def _fault(table: Table, index: Index) -> Rule | None:
    """The rule that applies if an index can reject rows for another reason than a duplicate, or None."""
    large = [column.name for column in POSTGRES[table.name].columns if column.type in LARGE]
    # Values that PostgreSQL computes from these columns can be as large.
    large += [column.name for column in table.columns if column.generated == "stored" and any(keeps_size(column.default or "", name) for name in large)]
    if index.method not in NARROWING and any(keeps_size(text, name) for text in index.columns + index.included for name in large):
        return rules.INDEX_WIDE
    # The names as PostgreSQL prints them. It quotes a name that looks like an expression.
    names = {quote(column.name) for column in table.columns} | {column.name for column in table.columns if column.name.isidentifier()}
    parts = [text for text in index.columns if text not in names] + [index.predicate]
    return None if all(never_fails(text) for text in parts) else rules.INDEX_COMPUTED


def _indexes(schema: Schema, table: Table, steps: AbstractSet[tuple[str, str, str]]) -> Iterator[Violation]:
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
    found = table.index(expected.name)
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
        if found.columns != expected.columns or found.unique or found.method != expected.method or found.predicate:
            yield Violation(rules.INDEX_DIFFERS, table.name, found.name, found.describe(), expected.describe(), step=step, statement=drop)
        elif found.building:
            yield Violation(rules.INDEX_BUILDING, table.name, found.name, "being built", "a VALID index", step=step)
        elif not found.usable:
            yield Violation(rules.INDEX_INVALID, table.name, found.name, "INVALID", "a VALID index", step=step, statement=drop)
        elif found.variant or found.included:
            rule = _fault(table, found)
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
    fault = _fault(table, index) if index.ready else None
    if index.unique and index.ready:
        rule = rules.UNIQUE_IMPLIED if set(POSTGRES[table.name].key_columns) <= set(index.columns) and not fault else rules.UNIQUE
    else:
        rule = fault or (rules.INDEX_EXTRA if index.usable else rules.INDEX_EXTRA_INVALID)
    statement = "" if rule.severity == INFO else drop
    return Violation(rule, table.name, index.name, index.describe(), "no such index", statement=statement)


def _attachments(place: str, table: Table) -> Iterator[Violation]:
    for item in table.attachments:
        rule, statement = _attachment(place, table, item)
        if rule is not None:
            yield Violation(rule, table.name, item.name, "%s %s" % (item.kind, item.name), "none", statement=statement)


def _attachment(place: str, table: Table, item: Attachment) -> tuple[Rule | None, str]:
    """The rule that applies to an attachment, or None, and the statement that removes it."""
    rule: Rule | None = None
    statement = ""
    if item.kind == "child":
        rule, statement = rules.TABLE_INHERITED, "ALTER TABLE %s NO INHERIT %s;" % (item.name, place)
    elif item.kind == "parent":
        rule = rules.TABLE_PARENT
    elif item.kind == "partition of":
        rule, statement = rules.TABLE_PARTITION, "ALTER TABLE %s DETACH PARTITION %s;" % (item.name, place)
    elif item.kind == "publication":
        rule = rules.PUBLICATION if item.enabled else rules.PUBLICATION_HARMLESS
        identity = "ALTER TABLE %s REPLICA IDENTITY DEFAULT;" % place
        statement = "" if not item.enabled else "ALTER PUBLICATION %s DROP TABLE %s;" % (quote(item.name), place) if item.definition else identity
    elif item.kind == "update rule":
        # Savers do not use ON CONFLICT on the migrations table.
        rule = rules.RULE_IDLE if table.name == MIGRATIONS_TABLE and not item.enabled else rules.RULE_FOR_UPDATES
        statement = "" if rule is rules.RULE_IDLE else "DROP RULE %s ON %s;" % (quote(item.name), place)
    elif item.kind in ("trigger", "rule"):
        active, idle = (rules.TRIGGER, rules.TRIGGER_IDLE) if item.kind == "trigger" else (rules.RULE, rules.RULE_IDLE)
        rule = active if item.enabled else idle
        statement = "DROP %s %s ON %s;" % (item.kind.upper(), quote(item.name), place) if item.enabled else ""
    elif item.kind == "statistics" and not never_fails(item.definition):
        rule, statement = rules.STATISTICS, "DROP STATISTICS %s;" % item.name
    elif item.kind == "policy" and not table.row_security:  # otherwise row security itself is the violation
        rule = rules.POLICY
    return rule, statement
