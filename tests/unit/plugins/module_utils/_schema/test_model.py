# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas as plain data: the round trip through JSON, and the descriptions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_examples import postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._core import sql
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import POSTGRES, SQLITE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare

CONTRACT = list(POSTGRES.values()) + list(SQLITE.values())
# Names are words of the contract, so that random schemas resemble those that the rules check, or any other text.
WORDS = sorted(
    {table.name for table in CONTRACT}
    | {column.name for table in CONTRACT for column in table.columns}
    | {index.name for table in postgres().tables for index in table.indexes}
    | {"public", "thread_ts", "checkpoints_pkey_ccnew", 'say "hi"', ""}
)
NAMES = st.sampled_from(WORDS) | st.text(max_size=5)
TYPES = st.sampled_from(sorted({column.type for table in CONTRACT for column in table.columns} | {"uuid", ""}))
COLUMNS = st.builds(
    Column,
    name=NAMES,
    type=TYPES,
    nullable=st.booleans(),
    default=st.none() | st.sampled_from(["''::text", "''", "'{}'::jsonb", "now()"]),
    generated=st.sampled_from(["", "stored", "identity always"]),
    collation=st.sampled_from(["", "C"]),
    deterministic=st.booleans(),
)
CONSTRAINTS = st.builds(
    Constraint,
    name=NAMES,
    kind=st.sampled_from(["primary key", "unique", "check", "foreign key", "exclusion", "trigger"]),
    columns=st.lists(NAMES, max_size=3).map(tuple),
    definition=st.sampled_from(["", "CHECK (true)"]),
    deferrable=st.booleans(),
    enforced=st.booleans(),
    on_delete=st.sampled_from(["", "cascade", "restrict"]),
    incoming=st.sampled_from(["", "public.notes"]),
)
INDEXES = st.builds(
    Index,
    name=NAMES,
    columns=st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    unique=st.booleans(),
    method=st.sampled_from(["btree", "hash"]),
    predicate=st.sampled_from(["", "true"]),
    valid=st.booleans(),
    ready=st.booleans(),
    building=st.booleans(),
    definition=st.sampled_from(["", "CREATE INDEX"]),
)
ATTACHMENTS = st.builds(
    Attachment,
    name=NAMES,
    kind=st.sampled_from(["trigger", "rule", "policy", "child", "parent"]),
    definition=st.just(""),
    enabled=st.booleans(),
)


def some(items):
    return st.lists(items, max_size=3, unique_by=lambda item: item.name).map(tuple)


WHOLE = st.sampled_from(CONTRACT)
RANDOM = st.builds(
    Table,
    name=NAMES,
    kind=st.sampled_from(["table", "view", "partitioned table", "virtual table"]),
    persistence=st.sampled_from(["permanent", "unlogged", "temporary"]),
    owner=NAMES,
    row_security=st.booleans(),
    columns=some(COLUMNS),
    constraints=some(CONSTRAINTS),
    indexes=some(INDEXES),
    attachments=some(ATTACHMENTS),
)
# A table of the contract with random additions.
NEAR = st.builds(
    lambda table, columns, constraints, indexes: table._replace(
        columns=table.columns[1:] + columns, constraints=table.constraints + constraints, indexes=table.indexes + indexes
    ),
    WHOLE,
    some(COLUMNS),
    some(CONSTRAINTS),
    some(INDEXES),
)
SCHEMAS = st.builds(
    Schema,
    engine=st.sampled_from(["postgresql", "sqlite"]),
    name=NAMES,
    tables=st.lists(WHOLE | RANDOM | NEAR, max_size=4, unique_by=lambda table: table.name).map(tuple),
    elsewhere=st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple),
    exists=st.booleans(),
    creators=st.lists(NAMES, max_size=2).map(tuple),
    overloads=st.lists(NAMES, max_size=2).map(tuple),
    settings=st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=2).map(tuple),
    denied=st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(SCHEMAS)
def test_the_round_trip_through_json(schema):
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, SCHEMAS, st.sampled_from(["compatible", "exact"]))
def test_any_two_schemas_and_their_dicts_have_the_same_comparison(left, right, level):
    parity = compare(left, right, level)
    again = compare(Schema.from_dict(left.to_dict()), Schema.from_dict(right.to_dict()), level)
    assert parity == again
    json.dumps(parity.to_dict())
    assert parity.summary() and bool(parity.explain()) == (not parity.in_parity)


@pytest.mark.parametrize("schema", [postgres(), sqlite()], ids=lambda schema: schema.engine)
def test_to_dict_is_plain_data_without_tuples(schema):
    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(plain(item) for item in value)
        return value is None or type(value) in (str, bool)

    assert plain(schema.to_dict())
    names = ["creators", "database", "denied", "elsewhere", "encoding", "engine", "exists", "name", "overloads", "settings", "tables"]
    assert sorted(schema.to_dict()) == names


def broken(change):
    data = sqlite().to_dict()
    change(data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "schema",
        {},
        {"engine": "sqlite", "name": "x"},
        {"engine": "sqlite", "name": "x", "tables": 5},
        {"engine": "sqlite", "name": "x", "tables": {"checkpoints": {}}},
        {"engine": "sqlite", "name": "x", "tables": ["checkpoints"]},
        {"engine": "sqlite", "tables": []},
        {"engine": 1, "name": "x", "tables": []},
        {"engine": "sqlite", "name": None, "tables": []},
        {"engine": "sqlite", "name": "x", "tables": [], "exists": "yes"},
        {"engine": "sqlite", "name": "x", "tables": [], "elsewhere": [1]},
        {"engine": "sqlite", "name": "x", "tables": [], "elsewhere": [["a"]]},
        {"engine": "sqlite", "name": "x", "tables": [], "elsewhere": [["a", 1]]},
        broken(lambda data: data["tables"][0].pop("columns")),
        broken(lambda data: data["tables"][0].pop("name")),
        broken(lambda data: data["tables"][0].update(name=["checkpoints"])),
        broken(lambda data: data["tables"][0].update(colour="red")),
        broken(lambda data: data["tables"][0].update(indexes=None)),
        broken(lambda data: data["tables"][0]["columns"].append("thread_id")),
        broken(lambda data: data["tables"][0]["columns"][0].pop("type")),
        broken(lambda data: data["tables"][0]["columns"][0].update(type=None)),
        broken(lambda data: data["tables"][0]["columns"][0].update(nullable="False")),
        broken(lambda data: data["tables"][0]["columns"][0].update(default=5)),
        broken(lambda data: data["tables"][0]["constraints"][0].update(columns=None)),
        broken(lambda data: data["tables"][0]["constraints"][0].update(columns=[1])),
        broken(lambda data: data["tables"][0]["indexes"].append({"name": "x", "columns": [None]})),
    ],
)
def test_an_invalid_schema_is_a_value_error(data):
    with pytest.raises(ValueError, match="this is not a schema that checkpoint_schema_info returned: "):
        Schema.from_dict(data)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["engine", "name", "tables", "columns", "constraints", "indexes", "attachments", "type"]), inner)
        ),
        max_leaves=20,
    )
)
def test_any_data_is_a_schema_or_a_value_error(data):
    try:
        schema = Schema.from_dict(data)
    except ValueError:
        return
    assert compare(schema, postgres()).summary()


def test_names_are_quoted():
    assert sql.quote("user") == '"user"'
    assert sql.quote('a"; DROP TABLE b; --') == '"a""; DROP TABLE b; --"'
    assert sql.qualified("my.schema", "t") == '"my.schema"."t"'


@pytest.mark.parametrize(
    "item, text",
    [
        (Column("a", "text"), "a text"),
        (Column("a", ""), "a (no type)"),
        (Column("a", "text", nullable=False, default="''::text"), "a text not null default ''::text"),
        (Column("a", "text", default="b", generated="stored", collation="C"), "a text collate C generated stored"),
        (Constraint("k", "primary key", ("a", "b")), "constraint k primary key (a, b)"),
        (Constraint("k", "primary key", ("a",), deferrable=True), "constraint k primary key (a) deferrable"),
        (Constraint("k", "check", definition="CHECK (a > 1)"), "constraint k CHECK (a > 1)"),
        (Constraint("k", "trigger"), "constraint k trigger"),
        (Constraint("k", "foreign key", definition="FOREIGN KEY (a)", incoming="s.t"), "constraint k FOREIGN KEY (a) on s.t"),
        (Index("i", ("a", "lower(b)")), "index i btree (a, lower(b))"),
        (Index("i", ("a",), unique=True, predicate="a > 1"), "unique index i btree (a) where a > 1"),
        (Index("i", ("a",), valid=False), "index i btree (a) INVALID"),
        (Index("i", ("a",), ready=False), "index i btree (a) INVALID"),
        (Index("i", ("a",), valid=False, building=True), "index i btree (a) BUILDING"),
        (Attachment("x", "trigger"), "trigger x"),
        (Attachment("x", "rule", enabled=False), "rule x (idle)"),
    ],
)
def test_descriptions(item, text):
    assert item.describe() == text


def test_a_schema_describes_itself_line_by_line():
    table = Table("t", "table", "unlogged", "me", True, (Column("a", "text"),), (Constraint("k", "check"),), (Index("i", ("a",)),), (Attachment("x", "rule"),))
    lines = ["unlogged table t owned by me", "  a text", "  constraint k check", "  index i btree (a)", "  rule x", "  row security", "table u"]
    assert Schema("postgresql", "s", (table, Table("u"))).describe() == "".join(line + "\n" for line in lines)
    assert Schema("postgresql", "s").describe() == ""


def test_a_changed_copy_keeps_the_rest():
    table = Table("t", columns=(Column("a", "text"), Column("b", "text")), indexes=(Index("j", ("a",)),))
    assert [column.describe() for column in table.with_column(Column("a", "uuid")).columns] == ["a uuid", "b text"]
    assert [column.name for column in table.with_column(Column("c", "text")).columns] == ["a", "b", "c"]
    assert [index.name for index in table.with_index(Index("i", ("b",))).indexes] == ["i", "j"]
    assert table.with_index(Index("j", ("b",))).indexes == (Index("j", ("b",)),)
    assert table.without_index("j").indexes == () and table.without_index("k") == table
    schema = Schema("postgresql", "s", (table,))
    assert [other.name for other in schema.with_table(Table("a")).tables] == ["a", "t"]
    assert schema.with_table(Table("t")).tables == (Table("t"),)
    assert schema.table("t") is table and schema.table("a") is None


def test_a_constraint_of_another_table_is_not_the_primary_key():
    table = Table("t", constraints=(Constraint("k", "primary key", ("a",), incoming="s.t"),))
    assert table.primary_key is None
