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
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_indexes import check_indexes, check_key, fault_of, uniqueness
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    ALWAYS_WRITTEN,
    MIGRATIONS_TABLE,
    POSTGRES,
    STEPS,
    TABLES,
    Step,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import never_fails
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Constraint, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import INFO, Rule, Violation

SHALLOW_KEY = ("thread_id", "checkpoint_ns")
DELETE_RULE = re.compile(r"\sON DELETE TO\s")
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
    violations.extend(check_key(schema.name, place, table))
    violations.extend(_constraints(place, table))
    violations.extend(check_indexes(schema, table, steps))
    violations.extend(_attachments(place, table))
    return violations


def _constraints(place: str, table: Table) -> Iterator[Violation]:
    for item in table.constraints:
        rule = _incoming(table, item) if item.incoming else _constraint(table, item)
        if rule:
            statement = ""
            if rule is rules.NOT_NULL_NOT_VALID:
                statement = "ALTER TABLE %s VALIDATE CONSTRAINT %s;" % (place, quote(item.name))
            elif rule.severity != INFO:
                source = ".".join(quote(part) for part in item.incoming.split(".", 1)) if item.incoming else place
                statement = "ALTER TABLE %s DROP CONSTRAINT %s;" % (source, quote(item.name))
            yield Violation(rule, table.name, item.name, item.describe(), "no such constraint", statement=statement)


def _incoming(table: Table, item: Constraint) -> Rule:
    """The rule that applies to a foreign key of another table that references this one."""
    if not item.enforced:
        return rules.CHECK_NOT_ENFORCED
    # SET DEFAULT fails unless a row with the default values exists. Nothing deletes recorded versions.
    harmless = item.on_delete in ("cascade", "set null") or table.name == MIGRATIONS_TABLE
    return rules.FOREIGN_KEY_INCOMING_CASCADING if harmless else rules.FOREIGN_KEY_INCOMING


def _constraint(table: Table, item: Constraint) -> Rule | None:
    """The rule that applies to a constraint of the table, or None. A constraint trigger is reported as a trigger."""
    contract = POSTGRES[table.name]
    key = set(contract.key_columns)
    if item.kind == "unique":
        if item.deferrable and set(item.columns) == key and table.name != MIGRATIONS_TABLE:
            return rules.UNIQUE_DEFERRABLE
        index = table.find_index(item.name)
        return (index and fault_of(table, index)) or uniqueness(table, item.columns, item.definition)
    if item.kind == "check" and item.enforced:
        match = NOT_NULL.match(item.definition)
        column = contract.column(match.group(1)) if match else None
        required = column is not None and (not column.nullable or (table.name, column.name) in ALWAYS_WRITTEN)
        return rules.CHECK_IMPLIED if required else rules.CHECK
    if item.kind == "not null":
        column = contract.column(item.columns[0]) if item.columns else None
        return rules.NOT_NULL_NOT_VALID if column is not None and not column.nullable else None
    if item.kind == "foreign key" and "MATCH FULL" not in item.definition:
        columns = [column for column in table.columns if column.name in item.columns and contract.column(column.name) is None]
        if any(column.empty for column in columns):
            return rules.FOREIGN_KEY_EMPTY
    if item.kind in ("check", "foreign key"):
        return rules.FOREIGN_KEY if item.enforced else rules.CHECK_NOT_ENFORCED
    return rules.EXCLUSION if item.kind == "exclusion" else None


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
        rule = rules.PUBLICATION if item.enabled and table.name != MIGRATIONS_TABLE else rules.PUBLICATION_HARMLESS
        identity = "ALTER TABLE %s REPLICA IDENTITY DEFAULT;" % place
        statement = "" if rule.severity == INFO else "ALTER PUBLICATION %s DROP TABLE %s;" % (quote(item.name), place) if item.definition else identity
    elif item.kind == "update rule":
        # Savers neither update the migrations table nor use ON CONFLICT on it.
        rule = rules.RULE_IDLE if table.name == MIGRATIONS_TABLE else rules.RULE_FOR_UPDATES
        statement = "" if rule is rules.RULE_IDLE else "DROP RULE %s ON %s;" % (quote(item.name), place)
    elif item.kind in ("trigger", "rule"):
        active, idle = (rules.TRIGGER, rules.TRIGGER_IDLE) if item.kind == "trigger" else (rules.RULE, rules.RULE_IDLE)
        # setup() neither updates nor deletes recorded versions.
        unused = table.name == MIGRATIONS_TABLE and item.kind == "rule" and DELETE_RULE.search(item.definition) is not None
        rule = active if item.enabled and not unused else idle
        statement = "" if rule is idle else "DROP %s %s ON %s;" % (item.kind.upper(), quote(item.name), place)
    elif item.kind == "statistics" and not never_fails(item.definition):
        rule, statement = rules.STATISTICS, "DROP STATISTICS %s;" % item.name
    elif item.kind == "policy" and not table.row_security:  # otherwise row security itself is the violation
        rule = rules.POLICY
    return rule, statement
