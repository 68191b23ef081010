# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's side against the contract. Pure: a Schema in, breaches out."""

from __future__ import annotations

import re

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_columns import column_breaches
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    DATA_TABLES,
    LARGE,
    LEDGER,
    NARROWING,
    POSTGRES,
    STEPS,
    TABLES,
    thread_index,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import total, whole
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import REPORT, RULES, Breach

# REINDEX CONCURRENTLY names its copies so; a number follows where the name was taken.
REMAINS = re.compile(r"^(.+)_cc(new|old)\d*$")
SHALLOW_KEY = ("thread_id", "checkpoint_ns")
# Constraints that PostgreSQL keeps by an index of the same name.
WITH_INDEX = ("primary key", "unique", "exclusion")
NOT_NULL = re.compile(r'^CHECK \(\("?(.+?)"? IS NOT NULL\)\)( NOT VALID)?$')


def examine(schema, steps=None):
    """The breaches of a PostgreSQL Schema, in the order of the contract.

    steps: the Steps that the installed library takes (an older one knows fewer); all by default.
    """
    steps = {step.key for step in (STEPS if steps is None else steps)}
    breaches = []
    for name in TABLES:
        key = ("table", name, name)
        table = schema.table(name)
        if table is None:
            if key in steps:
                breaches.append(Breach("table missing", name, name, "nothing", "a table", step=key))
            continue
        breaches.extend(_table(schema, table, steps))
    there = [schema.table(name) for name in TABLES if schema.table(name)]
    if len({table.owner for table in there}) > 1:
        text = ", ".join("%s by %s" % (table.name, table.owner) for table in there)
        breaches.append(Breach("owner differs", there[0].name, "owner", text, "one owner for all tables"))
    return breaches


def _table(schema, table, steps):
    """The breaches of one table that is there."""
    if table.kind != "table":
        rule = "table partitioned" if table.kind == "partitioned table" else "table kind"
        article = "an" if table.kind[0] in "aeiou" else "a"
        return [Breach(rule, table.name, table.name, "%s %s" % (article, table.kind), "a table")]
    key = table.primary_key
    if table.name == "checkpoints" and key and key.columns == SHALLOW_KEY and table.column("checkpoint_id") is None:
        expected = "a primary key with checkpoint_id, as PostgresSaver makes it; use another schema or database"
        return [Breach("table shallow", table.name, table.name, "the shallow saver's table, one row a thread", expected)]
    contract = POSTGRES[table.name]
    if not any(table.column(name) for name in contract.primary_key.columns):
        found = "columns (%s)" % ", ".join(column.name for column in table.columns)
        return [Breach("table shape", table.name, table.name, found, "columns (%s)" % ", ".join(column.name for column in contract.columns))]
    breaches = []
    place = qualified(schema.name, table.name)
    if table.persistence != "permanent":
        statement = "ALTER TABLE %s SET LOGGED;" % place if table.persistence == "unlogged" else ""
        breaches.append(Breach("table unlogged", table.name, table.name, "%s table" % table.persistence, "a permanent table", statement=statement))
    for name, other in schema.elsewhere:
        if name == table.name:
            rule, found = ("table elsewhere", "%s.%s" % (other, name)) if other else ("table not on path", "nothing")
            breaches.append(Breach(rule, table.name, table.name, "the bare name finds %s" % found, "it finds %s.%s" % (schema.name, name)))
    if table.row_security:
        statement = "ALTER TABLE %s DISABLE ROW LEVEL SECURITY;" % place
        breaches.append(Breach("row security", table.name, table.name, "row security on", "row security off", statement=statement))
    breaches.extend(column_breaches(place, table, steps))
    breaches.extend(_key(schema.name, place, table))
    breaches.extend(_constraints(place, table))
    breaches.extend(_indexes(schema, table, steps))
    breaches.extend(_attachments(place, table))
    return breaches


def _key(schema, place, table):
    expected = POSTGRES[table.name].primary_key
    found = table.primary_key
    columns = ", ".join(expected.columns)
    if found is None:
        statement = "ALTER TABLE %s ADD PRIMARY KEY (%s);" % (place, columns)
        yield Breach("key missing", table.name, "primary key", "none", "(%s)" % columns, statement=statement)
        return
    again = "ALTER TABLE %s DROP CONSTRAINT %s, ADD PRIMARY KEY (%s);" % (place, quote(found.name), columns)
    if found.columns != expected.columns:
        rule = "key order" if sorted(found.columns) == sorted(expected.columns) else "key columns"
        yield Breach(rule, table.name, "primary key", "(%s)" % ", ".join(found.columns), "(%s)" % columns, statement=again)
    index = table.index(found.name)
    if index is not None and not index.usable:
        statement = "REINDEX INDEX CONCURRENTLY %s;" % qualified(schema, found.name)
        yield Breach("key invalid", table.name, "primary key", "its index %s is INVALID" % found.name, "a VALID index", statement=statement)
    elif index is not None:
        rule = _fault(table, index)
        if rule or index.variant or index.included:
            yield Breach(rule or "index variant", table.name, "primary key", index.describe(), "(%s)" % columns, statement=again if rule else "")
    if found.deferrable:
        yield Breach("key deferrable", table.name, "primary key", "deferrable", "not deferrable", statement=again)


def _constraints(place, table):
    for item in table.constraints:
        rule = _incoming(item) if item.incoming else _constraint(table, item)
        if rule:
            statement = ""
            if rule == "not null, not valid":
                statement = "ALTER TABLE %s VALIDATE CONSTRAINT %s;" % (place, quote(item.name))
            elif RULES[rule].action != REPORT:
                source = ".".join(quote(part) for part in item.incoming.split(".", 1)) if item.incoming else place
                statement = "ALTER TABLE %s DROP CONSTRAINT %s;" % (source, quote(item.name))
            yield Breach(rule, table.name, item.name, item.describe(), "no such constraint", statement=statement)


def _incoming(item):
    if not item.enforced:
        return "check, not enforced"
    # SET DEFAULT asks for a checkpoint of the default's name.
    return "foreign key, incoming, cascading" if item.on_delete in ("cascade", "set null") else "foreign key, incoming"


def _constraint(table, item):
    """The rule that a constraint of the table's own breaks, or None: a constraint trigger is told as a trigger."""
    contract = POSTGRES[table.name]
    key = set(contract.primary_key.columns)
    if item.kind == "unique":
        if item.deferrable and set(item.columns) == key:
            return "unique, deferrable"
        index = table.index(item.name)
        return (index and _fault(table, index)) or ("unique, implied" if key <= set(item.columns) else "unique")
    if item.kind == "check" and item.enforced:
        match = NOT_NULL.match(item.definition)
        column = contract.column(match.group(1)) if match else None
        return "check, implied" if column is not None and not column.nullable else "check"
    if item.kind == "not null":
        column = contract.column(item.columns[0]) if item.columns else None
        return "not null, not valid" if column is not None and not column.nullable else None
    if item.kind in ("check", "foreign key"):
        return item.kind if item.enforced else "check, not enforced"
    return "exclusion" if item.kind == "exclusion" else None


def _fault(table, index):
    """The rule by which an index refuses rows that are not even alike, or None."""
    large = [column.name for column in POSTGRES[table.name].columns if column.type in LARGE]
    if index.method not in NARROWING and any(whole(text, name) for text in index.columns + index.included for name in large):
        return "index wide"
    names = {column.name for column in table.columns}
    parts = [text for text in index.columns if text.strip('"') not in names] + [index.predicate]
    return None if all(total(text) for text in parts) else "index computed"


def _indexes(schema, table, steps):
    expected = thread_index(table.name) if table.name in DATA_TABLES else None
    step = ("index", table.name, expected.name) if expected else ()
    found = table.index(expected.name) if expected else None
    known = {expected.name} if expected else set()
    backing = {item.name for item in table.constraints if item.kind in WITH_INDEX and not item.incoming}
    if found is None and step in steps:
        other = min((index.name for index in table.indexes if _serves(index, expected)), default=None)
        taken = schema.table(expected.name)
        if taken:
            found = "the name is taken by another %s" % taken.kind
            yield Breach("index name taken", table.name, expected.name, found, expected.describe(), step=step)
        elif other:
            yield Breach("index covered", table.name, expected.name, "index %s instead" % other, expected.describe(), step=step)
        else:
            yield Breach("index missing", table.name, expected.name, "no index", expected.describe(), step=step)
    elif found is not None:
        drop = "DROP INDEX CONCURRENTLY %s;" % qualified(schema.name, found.name)
        if found.columns != expected.columns or found.unique or found.method != expected.method or found.predicate:
            yield Breach("index differs", table.name, found.name, found.describe(), expected.describe(), step=step, statement=drop)
        elif found.building:
            yield Breach("index building", table.name, found.name, "being built", "a VALID index", step=step)
        elif not found.usable:
            yield Breach("index invalid", table.name, found.name, "INVALID", "a VALID index", step=step, statement=drop)
        elif found.variant or found.included:
            rule = _fault(table, found)
            yield Breach(rule or "index variant", table.name, found.name, found.describe(), expected.describe(), statement=drop if rule else "")
    for index in table.indexes:
        if index.name in known or index.name in backing:
            continue
        yield _extra_index(schema, table, index, known | backing)


def _serves(index, expected):
    return index.usable and index.method == "btree" and not index.predicate and index.columns == expected.columns and not index.unique


def _extra_index(schema, table, index, ours):
    match = REMAINS.match(index.name)
    drop = "DROP INDEX CONCURRENTLY %s;" % qualified(schema.name, index.name)
    if index.building and not (index.unique and index.ready):
        return Breach("index building", table.name, index.name, "being built", "no such index")
    if match and match.group(1) in ours and not index.usable:
        return Breach("index remains", table.name, index.name, "an INVALID copy of %s" % match.group(1), "no such index", statement=drop)
    # An INVALID index that is ready still refuses rows.
    fault = _fault(table, index) if index.ready else None
    if index.unique and index.ready:
        rule = "unique, implied" if set(POSTGRES[table.name].primary_key.columns) <= set(index.columns) and not fault else "unique"
    else:
        rule = fault or ("index extra" if index.usable else "index extra invalid")
    statement = "" if RULES[rule].action == REPORT else drop
    return Breach(rule, table.name, index.name, index.describe(), "no such index", statement=statement)


def _attachments(place, table):
    for item in table.attachments:
        rule, statement = item.kind, ""
        if item.kind == "child":
            rule, statement = "table inherited", "ALTER TABLE %s NO INHERIT %s;" % (item.name, place)
        elif item.kind == "parent":
            rule = "table parent"
        elif item.kind == "partition of":
            rule, statement = "table partition", "ALTER TABLE %s DETACH PARTITION %s;" % (item.name, place)
        elif item.kind == "publication":
            rule = item.kind if item.enabled else "publication harmless"
            identity = "ALTER TABLE %s REPLICA IDENTITY DEFAULT;" % place
            statement = "" if not item.enabled else "ALTER PUBLICATION %s DROP TABLE %s;" % (quote(item.name), place) if item.definition else identity
        elif item.kind == "update rule":
            # Nobody inserts into the ledger ON CONFLICT.
            rule = "rule idle" if table.name == LEDGER and not item.enabled else "rule for updates"
            statement = "" if rule == "rule idle" else "DROP RULE %s ON %s;" % (quote(item.name), place)
        elif item.kind in ("trigger", "rule"):
            rule = item.kind if item.enabled else "%s idle" % item.kind
            statement = "DROP %s %s ON %s;" % (item.kind.upper(), quote(item.name), place) if item.enabled else ""
        elif item.kind == "policy" and table.row_security:
            continue  # row security itself is the finding
        yield Breach(rule, table.name, item.name, "%s %s" % (item.kind, item.name), "none", statement=statement)
