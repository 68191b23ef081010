# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the comparison for any contract: random contracts, and pairs of schemas that meet them or do not."""

from __future__ import annotations

import json
from contextlib import contextmanager
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from schema_examples import ALL, postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import check_columns, check_indexes, check_postgresql, check_sqlite
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare

# Without the column that only some releases have: it is not required if no step of the library creates it.
COLUMNS = sorted({column.name for table in contract.POSTGRES.values() for column in table.columns} - {"task_path"})
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations")
TYPES = {"TEXT": "text", "INTEGER": "integer", "BLOB": "bytea"}
DEFAULTS = {"TEXT": ("''", "'x'"), "INTEGER": ("0", "7"), "BLOB": (None,)}
# Other declared types with the same affinity in SQLite.
WORDS = {"TEXT": ("TEXT", "VARCHAR(9)", "clob"), "INTEGER": ("INTEGER", "BIGINT", "int"), "BLOB": ("BLOB", "")}


@st.composite
def contracts(draw):
    """(SQLite tables, PostgreSQL tables, table names, column names) that a contract could declare."""
    files, tables, pairs, renamed = {}, {}, [], {}
    for name in draw(st.lists(st.sampled_from(TABLES), min_size=1, unique=True)):
        old = "t_" + name if draw(st.booleans()) else name
        chosen = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6, unique=True))
        key = tuple(draw(st.permutations(chosen))[: draw(st.integers(1, len(chosen)))])
        left, right = [], []
        for column in chosen:
            kind = draw(st.sampled_from(["INTEGER", "TEXT"] if column in key else sorted(TYPES)))
            nullable = column not in key and draw(st.booleans())
            default = draw(st.none() | st.sampled_from(DEFAULTS[kind]))
            other = column
            if column not in key and draw(st.booleans()):
                other = "old_" + column
                renamed[old, other] = column
            left.append(Column(other, kind, nullable, default))
            right.append(Column(column, TYPES[kind], nullable, default and "%s::%s" % (default, TYPES[kind])))
        files[old] = Table(old, columns=tuple(left), constraints=(Constraint("", "primary key", key),))
        pkey = "%s_pkey" % name
        constraint = Constraint(pkey, "primary key", key)
        tables[name] = Table(name, columns=tuple(right), constraints=(constraint,), indexes=(Index(pkey, key, unique=True),))
        pairs.append((old, name))
    return files, tables, tuple(pairs), renamed


@contextmanager
def declared(files, tables, pairs, renamed):
    """Replace the contract temporarily in every file that uses it."""
    changes = {
        "SQLITE": files,
        "POSTGRES": tables,
        "TABLES": tuple(tables),
        "DATA_TABLES": tuple(name for name in contract.DATA_TABLES if name in tables),
        "COUNTERPARTS": pairs,
        "RENAMED": renamed,
        "ONLY_POSTGRES": {},
        "STEPS": (),
        "MIGRATIONS_TABLE": "",
        "UNWRITTEN": set(),
        "ALWAYS_WRITTEN": set(),
    }
    patches = [
        mock.patch.object(module, name, value)
        for module in (contract, check_columns, check_indexes, check_postgresql, check_sqlite)
        for name, value in changes.items()
        if hasattr(module, name)
    ]
    for patch in patches:
        patch.start()
    try:
        yield Schema("sqlite", "file", tuple(files.values())), Schema("postgresql", "public", tuple(tables.values()))
    finally:
        for patch in patches:
            patch.stop()


def travelled(schema):
    return Schema.from_dict(json.loads(json.dumps(schema.to_dict())))


@settings(max_examples=100, deadline=None)
@given(contracts())
def test_a_schema_and_its_counterpart_are_in_parity(made):
    with declared(*made) as (left, right):
        parity = compare(left, right)
        assert parity.in_parity, parity.explain()
        assert {finding.verdict for finding in parity.findings} <= {"identical", "equivalent"}
        assert compare(travelled(left), travelled(right)) == parity
        # At level exact, only different names and columns of type bytea are drift.
        exact = compare(left, right, "exact").drift
        renamed = {name for (_table, _old), name in made[3].items()} | {name for old, name in made[2] if old != name}
        kinds = {column.name for table in right.tables for column in table.columns if column.type == "bytea"}
        assert {finding.object for finding in exact} <= renamed | kinds


@settings(max_examples=100, deadline=None)
@given(contracts(), st.data())
def test_a_part_that_is_removed_from_either_side_is_missed(made, data):
    with declared(*made) as (left, right):
        side = data.draw(st.sampled_from([left, right]))
        table = data.draw(st.sampled_from(side.tables))
        column = data.draw(st.sampled_from(table.columns))
        key = table.primary_key
        worse = [
            table._replace(columns=tuple(other for other in table.columns if other != column)),
            table.with_column(column._replace(type="REAL" if side is left else "point")),
            table.with_column(column._replace(generated="stored")),
            table._replace(constraints=(), indexes=()),
            table._replace(constraints=(key._replace(columns=key.columns + ("another",)),)),
            table._replace(kind="view"),
        ]
        changed = side.with_table(data.draw(st.sampled_from(worse)))
        gone = side._replace(tables=tuple(other for other in side.tables if other != table))
        pair = (changed, right) if side is left else (left, changed)
        assert not compare(*pair).in_parity
        if side is left:
            assert not compare(gone, right).in_parity
        assert compare(*map(travelled, pair)) == compare(*pair)


@st.composite
def pairs_without_drift(draw):
    """The pair of upstream's schemas with additions that are not drift."""
    left, right = sqlite(), postgres(draw(st.sampled_from([ALL])))
    for table in left.tables:
        columns = tuple(column._replace(type=draw(st.sampled_from(WORDS[column.type]))) for column in table.columns)
        columns = tuple(column for column in columns if column.name != "task_path" or draw(st.booleans()))
        key = table.primary_key
        table = table._replace(
            columns=tuple(draw(st.permutations(columns))),
            constraints=(key._replace(columns=tuple(draw(st.permutations(key.columns)))),),
            indexes=tuple(Index(name, ("type",), unique=draw(st.booleans())) for name in draw(st.sets(st.sampled_from("ab")))),
            attachments=tuple(Attachment(name, "trigger") for name in draw(st.sets(st.sampled_from("ab")))),
        )
        left = left._replace(tables=tuple(table if other.name == table.name else other for other in left.tables))
        if draw(st.booleans()):
            table = table._replace(name=table.name.upper(), columns=tuple(column._replace(name=column.name.title()) for column in table.columns))
            left = left._replace(tables=tuple(table if other.name == table.name.lower() else other for other in left.tables))
    for table in right.tables:
        columns = [
            column._replace(type={"text": "character varying", "integer": "bigint"}.get(column.type, column.type)) if draw(st.booleans()) else column
            for column in table.columns
        ]
        columns += [Column("extra_" + name, "text", default=draw(st.none() | st.just("now()"))) for name in draw(st.sets(st.sampled_from("ab")))]
        extra = tuple(Index("extra_" + name, ("type",)) for name in draw(st.sets(st.sampled_from("ab"))))
        idle = tuple(Attachment(name, kind, enabled=False) for name in draw(st.sets(st.sampled_from("ab"))) for kind in ("trigger", "rule", "publication"))
        table = table._replace(columns=tuple(draw(st.permutations(columns))), indexes=table.indexes + extra, attachments=idle)
        right = right.with_table(table)
    return left, right


@settings(max_examples=100, deadline=None)
@given(pairs_without_drift())
def test_harmless_additions_are_not_drift(pair):
    parity = compare(*pair)
    assert parity.in_parity, parity.explain()
    assert compare(*map(travelled, pair)) == parity


@settings(max_examples=60, deadline=None)
@given(pairs_without_drift(), st.data())
def test_the_order_of_columns_changes_no_verdict(pair, data):
    """The position of a column is reported. It does not change the verdict, or any finding that is not about positions."""

    def shuffled(schema):
        return schema._replace(tables=tuple(table._replace(columns=tuple(data.draw(st.permutations(table.columns)))) for table in schema.tables))

    one, other = compare(*pair), compare(*map(shuffled, pair))
    assert one.in_parity and other.in_parity

    def without_places(parity):
        places = {(each.table, each.object, each.sqlite, each.postgres, each.reason.replace(contract.POSITION, "").rstrip("; ")) for each in parity.findings}
        # A column whose type has a separate finding has a second finding only if its position differs.
        return {each for each in places if each[4] or not any(other[:2] == each[:2] and other[4] for other in places)}

    assert without_places(one) == without_places(other)
