# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the columns of PostgreSQL tables against the contract, and what the application's roles need to use them. Pure functions."""

from __future__ import annotations

import re
from typing import AbstractSet, Iterator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import quote
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    ALWAYS_WRITTEN,
    EQUIVALENT_FOR,
    EQUIVALENT_TYPES,
    LARGE,
    MIGRATIONS_TABLE,
    POSTGRES,
    UNCOMPARED,
    UNWRITTEN,
    WRITTEN_LATER,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import may_be_null, never_fails
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import Violation


def check_columns_of(place: str, table: Table, steps: AbstractSet[tuple[str, str, str]]) -> Iterator[Violation]:
    """The violations in the columns of one table. place: its name in statements. steps: the keys of the Steps that the library takes."""
    contract = POSTGRES[table.name]
    renamed = _renamed(table, contract)
    for expected in contract.columns:
        column = table.column(expected.name)
        step = ("column", table.name, expected.name)
        addable = expected.name == "task_path" and table.name == "checkpoint_writes"
        if column is not None:
            yield from _column(place, table.name, column, expected, steps)
        elif (table.name, expected.name) in UNWRITTEN:
            yield Violation(rules.COLUMN_UNUSED, table.name, expected.name, "no column", expected.describe())
        elif not addable:
            statement = ""
            if expected.name in renamed:
                statement = "ALTER TABLE %s RENAME COLUMN %s TO %s;" % (place, quote(renamed[expected.name]), quote(expected.name))
            elif expected.nullable or expected.default is not None:
                statement = "ALTER TABLE %s ADD COLUMN %s;" % (place, expected.describe())
            yield Violation(rules.COLUMN_MISSING, table.name, expected.name, "no column", expected.describe(), statement=statement)
        elif step in steps:
            yield Violation(rules.COLUMN_MISSING_ADDABLE, table.name, expected.name, "no column", expected.describe(), step=step)
    columns = [column._replace(nullable=column.nullable and (table.name, column.name) not in ALWAYS_WRITTEN) for column in table.columns]
    for found in table.columns:
        if contract.column(found.name) is None:
            computed = found.generated in ("stored", "virtual")
            required = not found.nullable and (may_be_null(found.default or "", columns) if computed else not found.default and not found.generated)
            in_key = table.primary_key is not None and found.name in table.primary_key.columns
            droppable = required and not in_key and found.name not in renamed.values()
            statement = "%s DROP NOT NULL;" % alter_column(place, found.name) if droppable else ""
            rule = rules.COLUMN_EXTRA_REQUIRED if required else rules.COLUMN_EXTRA
            # PostgreSQL computes a virtual column only when it is read, and savers do not read this column.
            if found.domain_of:
                rule, statement = rules.COLUMN_DOMAIN, "%s TYPE %s;" % (alter_column(place, found.name), found.domain_of)
            elif not required and found.default is not None and found.generated != "virtual" and not never_fails(found.default, found.type):
                rule = rules.COLUMN_EXTRA_COMPUTED
                drops = ["EXPRESSION" if found.generated else "DEFAULT"] + ([] if found.nullable or in_key else ["NOT NULL"])
                statement = "ALTER TABLE %s %s;" % (place, ", ".join("ALTER COLUMN %s DROP %s" % (quote(found.name), what) for what in drops))
            elif not required and found.sequence_end == "soon" and table.name != MIGRATIONS_TABLE:
                rule = rules.SEQUENCE_END
                kind = "" if found.generated else "%s TYPE bigint; " % alter_column(place, found.name) if found.type in ("integer", "smallint") else ""
                statement = "%sALTER SEQUENCE %s AS bigint NO MAXVALUE;" % (kind, found.sequence)
            yield Violation(rule, table.name, found.name, found.describe(), "no such column", statement=statement)


def check_roles(schema: Schema) -> Iterator[Violation]:
    """The violations in the settings and the rights of the application's roles."""
    for role, name, value in schema.settings:
        rule, expected = {"client_encoding": (rules.ROLE_ENCODING, "UTF8")}.get(name, (rules.ROLE_READ_ONLY, "off"))
        if value != expected:
            database = " IN DATABASE %s" % quote(schema.database) if schema.database else ""
            statement = "ALTER ROLE %s%s SET %s TO '%s';" % (quote(role), database, name, expected)
            yield Violation(rule, "role %s" % role, name, value, expected, statement=statement)
    for role, table, name, sequence in schema.denied:
        if (table, name) in UNWRITTEN or (table in POSTGRES and POSTGRES[table].column(name) is None):
            statement = "GRANT USAGE ON SEQUENCE %s TO %s;" % (sequence, quote(role))
            found = "no right of %s on sequence %s" % (role, sequence)
            yield Violation(rules.SEQUENCE_DENIED, table, name, found, "USAGE", statement=statement)


def alter_column(place: str, name: str) -> str:
    """The beginning of a statement that alters a column."""
    return "ALTER TABLE %s ALTER COLUMN %s" % (place, quote(name))


def bare(default: str | None) -> str:
    """A default without the type cast that PostgreSQL appends."""
    return re.sub(r"::[a-z ]+$", "", default or "")


def _renamed(table: Table, contract: Table) -> dict[str, str]:
    """{expected name: actual name} if exactly one column is missing and exactly one additional column has its type; otherwise empty."""
    missing = [column for column in contract.columns if table.column(column.name) is None]
    extra = [column for column in table.columns if contract.column(column.name) is None]
    if len(missing) == 1 and len(extra) == 1 and missing[0].type == extra[0].type:
        return {missing[0].name: extra[0].name}
    return {}


def _column(place: str, table: str, found: Column, expected: Column, steps: AbstractSet[tuple[str, str, str]]) -> Iterator[Violation]:
    alter = alter_column(place, found.name)
    unwritten = (table, found.name) in UNWRITTEN
    if (found.type, expected.type) in EQUIVALENT_TYPES or (table, found.name, found.type) in EQUIVALENT_FOR:
        yield Violation(rules.COLUMN_TYPE_ALIKE, table, found.name, found.type, expected.type)
    elif found.type != expected.type and unwritten:
        rule = rules.COLUMN_DOMAIN if found.domain_of else rules.COLUMN_UNUSED
        yield Violation(rule, table, found.name, found.type, expected.type, statement="%s TYPE %s;" % (alter, found.domain_of) if found.domain_of else "")
    elif found.type != expected.type:
        cast = "ALTER COLUMN %s TYPE %s USING %s::%s" % (quote(found.name), expected.type, quote(found.name), expected.type)
        # PostgreSQL cannot cast every default to the new type.
        drop = "ALTER COLUMN %s DROP DEFAULT, " % quote(found.name) if found.default is not None else ""
        put = ", ALTER COLUMN %s SET DEFAULT %s" % (quote(found.name), expected.default) if expected.default is not None else ""
        statement = "ALTER TABLE %s %s%s%s;" % (place, drop, cast, put)
        yield Violation(rules.COLUMN_TYPE, table, found.name, found.type, expected.type, statement=statement)
    if found.generated == "identity by default":
        yield Violation(rules.COLUMN_DEFAULT_EXTRA, table, found.name, "generated %s" % found.generated, "no default")
    elif found.generated:
        statement = {"stored": "%s DROP EXPRESSION;" % alter, "virtual": ""}.get(found.generated, "%s DROP IDENTITY;" % alter)
        yield Violation(rules.COLUMN_GENERATED, table, found.name, "generated %s" % found.generated, "an ordinary column", statement=statement)
    if not found.deterministic and (table, found.name) not in UNCOMPARED:
        text = "collation %s" % (found.collation or "default")
        statement = '%s TYPE %s COLLATE "default";' % (alter, expected.type)
        yield Violation(rules.COLUMN_COLLATION, table, found.name, text, "a deterministic collation", statement=statement)
    elif not found.ordered:
        statement = '%s TYPE %s COLLATE "C";' % (alter, expected.type)
        text = "collation %s" % found.collation if found.collation else "the database's default collation"
        yield Violation(rules.COLUMN_COLLATION_ORDER, table, found.name, text, "a collation that sorts ids by their bytes", statement=statement)
    elif found.collation:
        yield Violation(rules.COLUMN_COLLATION_OTHER, table, found.name, "collation %s" % found.collation, "the default collation")
    if found.storage and expected.type in LARGE:
        yield Violation(rules.COLUMN_STORAGE, table, found.name, "storage %s" % found.storage, "storage extended", statement="%s SET STORAGE EXTENDED;" % alter)
    if found.nullable and not expected.nullable:
        yield Violation(rules.COLUMN_NULLABLE, table, found.name, "NULL allowed", "NOT NULL", statement="%s SET NOT NULL;" % alter)
    if expected.nullable and not found.nullable:
        step = ("nullable", table, found.name)
        if table == "checkpoint_blobs" and found.name == "blob":
            if step in steps:
                yield Violation(rules.COLUMN_NOT_NULL_OLDER, table, found.name, "NOT NULL", "NULL allowed", step=step)
        elif (table, found.name) in ALWAYS_WRITTEN:
            yield Violation(rules.COLUMN_NOT_NULL_WRITTEN, table, found.name, "NOT NULL", "NULL allowed")
        else:
            yield Violation(rules.COLUMN_NOT_NULL, table, found.name, "NOT NULL", "NULL allowed", statement="%s DROP NOT NULL;" % alter)
    if bare(found.default) != bare(expected.default) and not found.generated:
        if expected.default is None:
            fails = unwritten and not never_fails(found.default or "")
            rule, statement = (rules.COLUMN_EXTRA_COMPUTED, "%s DROP DEFAULT;" % alter) if fails else (rules.COLUMN_DEFAULT_EXTRA, "")
            yield Violation(rule, table, found.name, "default %s" % found.default, "no default", statement=statement)
        else:
            text = "no default" if found.default is None else "default %s" % found.default
            needed = (table, found.name) in WRITTEN_LATER
            statement = "%s SET DEFAULT %s;" % (alter, expected.default) if needed else ""
            rule = rules.COLUMN_DEFAULT if needed else rules.COLUMN_DEFAULT_UNUSED
            yield Violation(rule, table, found.name, text, "default %s" % expected.default, statement=statement)
