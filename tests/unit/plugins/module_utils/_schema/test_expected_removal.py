# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each part of the contract has an effect: if it is removed or weakened, a mutation must have a different result.

The results are compared with those of the complete contract, which the other tests check.
"""

from __future__ import annotations

import re

import pytest
from model_mutations import file_mutations, mutations
from schema_examples import RELEASES, postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql import catalog
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import check_columns, check_indexes, check_postgresql, check_sqlite, expressions, rules
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import Violation

MODULES = (contract, rules, check_columns, check_indexes, check_postgresql, expressions, check_sqlite, catalog)


def samples():
    """(name, SQLite schema, PostgreSQL schema): the unchanged pair, each mutation, and cases that the mutations do not include."""
    yield "upstream", sqlite(), postgres()
    for mutation in mutations():
        yield "%s, %s" % (mutation.name, mutation.rule), sqlite(), mutation.schema
    for mutation in file_mutations():
        yield "file %s, %s" % (mutation.name, mutation.rule), mutation.schema, postgres()
    yield "nothing", Schema("sqlite", "checkpoints.sqlite"), Schema("postgresql", "public")
    for table in contract.DATA_TABLES:
        without = postgres().table(table).without_index("%s_thread_id_idx" % table)
        yield "%s, index covered" % table, sqlite(), postgres().with_table(without.with_index(Index("mine", ("thread_id",))))
        keys = {"constraints": (), "indexes": without.with_index(Index("mine", without.key_columns, unique=True)).indexes}
        yield "%s, key covered" % table, sqlite(), postgres().with_table(without._replace(**keys))
    empty = postgres().table("checkpoints").with_column(Column("extra", "text"))
    reference = (*empty.constraints, Constraint("mine", "foreign key", ("extra",), "FOREIGN KEY (extra) REFERENCES notes(id)"))
    yield "always NULL, foreign key, empty", sqlite(), postgres().with_table(empty._replace(constraints=reference))
    yield "always NULL, unique, distinct", sqlite(), postgres().with_table(empty.with_index(Index("mine", ("extra",), unique=True)))
    for table in sqlite().tables:
        for column in table.columns:
            for change in ({"type": "ANYTHING"}, {"nullable": not column.nullable}, {"default": "'other'"}):
                yield "file %s.%s %s" % (table.name, column.name, change), sqlite().with_table(table.with_column(column._replace(**change))), postgres()
        key = table.primary_key
        reordered = table._replace(constraints=(key._replace(columns=key.columns[::-1]),))
        yield "%s reordered" % table.name, sqlite().with_table(reordered), postgres()
        words = tuple(column._replace(type={"TEXT": "CLOB", "INTEGER": "INT", "BLOB": ""}[column.type]) for column in table.columns)
        yield "%s in other words" % table.name, sqlite().with_table(table._replace(columns=words)), postgres()
    for name in expressions.SAFE_FUNCTIONS:
        yield name, sqlite(), extra(Index("extra", ("%s(type)" % name,)))
    for kind in expressions.SAFE_CASTS:
        yield kind, sqlite(), extra(Index("extra", ("(type)::%s" % kind,)))
    for method in contract.NARROWING:
        yield method, sqlite(), extra(Index("extra", ("metadata",), method=method))


def extra(index):
    return postgres().with_table(postgres().table("checkpoints").with_index(index))


SAMPLES = list(samples())


def outcome(left, right):
    """All findings, or the exception, so that a contract that raises an error is noticed as well."""
    try:
        return compare(left, right)
    except (KeyError, ValueError, AttributeError, TypeError, IndexError, StopIteration) as error:
        return repr(error)


WHOLE = {name: outcome(left, right) for name, left, right in SAMPLES}


def noticed(near=""):
    """A sample whose result has changed, or None. near: text in the names of the samples to try first."""
    ordered = sorted(SAMPLES, key=lambda sample: near not in sample[0]) if near else SAMPLES
    return next((name for name, left, right in ordered if outcome(left, right) != WHOLE[name]), None)


@pytest.fixture
def put(monkeypatch):
    """put(name, value) replaces a name of the contract in every file that imports it."""

    def change(name, value):
        for module in MODULES:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)

    return change


def test_the_complete_contract_has_the_same_result_twice():
    assert noticed() is None
    assert not [name for name, result in WHOLE.items() if isinstance(result, str)]


def constant(name):
    """The name of the constant that contains a rule."""
    return re.sub(r"\W+", "_", name).upper()


@pytest.mark.parametrize("name", list(rules.RULES))
@pytest.mark.parametrize("how", ["removed", "inverted", "without its reason"])
def test_removing_a_rule_is_noticed(monkeypatch, name, how):
    rule = rules.RULES[name]
    if how == "removed":
        monkeypatch.delattr(rules, constant(name))
    elif how == "inverted":
        monkeypatch.setattr(rules, constant(name), rule._replace(severity=rules.BLOCK if rule.severity == rules.INFO else rules.INFO))
    else:
        monkeypatch.setattr(rules, constant(name), rule._replace(reason=""))
    assert noticed(", " + name)


@pytest.mark.parametrize("name", [name for name, rule in rules.RULES.items() if rule.since])
def test_removing_a_version_is_noticed(monkeypatch, name):
    monkeypatch.setattr(rules, constant(name), rules.RULES[name]._replace(since="", library=""))
    assert noticed(", " + name)


def test_repair_and_block_are_different():
    """The verdict is the same for both severities, but checkpoint_schema acts differently."""
    assert {mutation.name for mutation in mutations() if mutation.severity != rules.RULES[mutation.rule].severity} == set()
    assert {rule.severity for rule in rules.RULES.values()} == {rules.REPAIR, rules.BLOCK, rules.INFO}
    assert Violation(rules.TABLE_MISSING, "t", "t", "", "").severity == rules.REPAIR


def changes_of(table):
    """(description, the table with one part removed or replaced)."""
    for column in table.columns:
        yield "no %s" % column.name, table._replace(columns=tuple(other for other in table.columns if other != column))
        yield "%s of another type" % column.name, table.with_column(column._replace(type="point"))
        yield "%s nullable or not" % column.name, table.with_column(column._replace(nullable=not column.nullable))
        default = "'other'" if column.default is None else None
        yield "%s with another default" % column.name, table.with_column(column._replace(default=default))
    yield "one column more", table._replace(columns=table.columns + (Column("more", "text", nullable=False),))
    key = table.primary_key
    if len(key.columns) > 1:
        yield "key in another order", table._replace(constraints=(key._replace(columns=key.columns[::-1]),))
        yield "narrower key", table._replace(constraints=(key._replace(columns=key.columns[:-1]),))
    yield "wider key", table._replace(constraints=(key._replace(columns=key.columns + ("more",)),))


PARTS = [
    (side, name, what, changed) for side in ("POSTGRES", "SQLITE") for name, table in getattr(contract, side).items() for what, changed in changes_of(table)
]


@pytest.mark.parametrize("side, name, what, changed", PARTS, ids=lambda value: value if isinstance(value, str) else "")
def test_removing_a_part_of_a_table_is_noticed(monkeypatch, side, name, what, changed):
    monkeypatch.setitem(getattr(contract, side), name, changed)
    assert noticed(what.split()[0]), what


@pytest.mark.parametrize("name", list(contract.POSTGRES))
def test_removing_a_table_is_noticed(monkeypatch, name):
    monkeypatch.delitem(contract.POSTGRES, name)
    assert noticed()


@pytest.mark.parametrize("step", contract.STEPS, ids=lambda step: " ".join(step.key))
def test_removing_a_step_is_noticed(put, step):
    fewer = tuple(other for other in contract.STEPS if other != step)
    put("STEPS", fewer)
    assert noticed("missing")
    # The pattern has an effect, too: it recognizes the statements of each release.
    unknown = []
    for statements, _features in RELEASES.values():
        for statement in statements:
            try:
                contract.step_of(statement)
            except KeyError as error:
                unknown.append(str(error))
    assert unknown


ENTRIES = (
    "COUNTERPARTS RENAMED TYPES ONLY_POSTGRES SQLITE_OPTIONAL EQUIVALENT_TYPES EQUIVALENT_FOR LARGE NARROWING UNWRITTEN UNCOMPARED ALWAYS_WRITTEN"
    " WRITTEN_LATER DATA_TABLES TABLES"
).split()


@pytest.mark.parametrize(
    "name, item",
    [
        (name, item)
        for name in ENTRIES
        # All processes of pytest must collect the tests in the same order, and the order of a set differs between processes.
        for item in sorted(getattr(contract, name))
    ]
    + [(name, item) for name in ("SAFE_FUNCTIONS", "SAFE_CASTS") for item in sorted(getattr(expressions, name))],
    ids=str,
)
def test_removing_an_entry_is_noticed(put, name, item):
    whole = getattr(contract if hasattr(contract, name) else expressions, name)
    if isinstance(whole, dict):
        put(name, {key: value for key, value in whole.items() if key != item})
    else:
        put(name, type(whole)(entry for entry in whole if entry != item))
    assert noticed(item if isinstance(item, str) else item[-1]), "%s of %s" % (item, name)


WORDS = [
    "NOT_NULL_IN_POSTGRES",
    "NOT_NULL_IN_SQLITE",
    "OWN_DEFAULT",
    "POSITION",
    "TABLE_NAME",
    "KEY_ORDER",
    "SAME_AFFINITY",
    "SECONDARY_INDEX",
    "NO_FOREIGN_KEY",
]


@pytest.mark.parametrize("name", WORDS)
def test_removing_a_reason_is_noticed(put, name):
    put(name, "%s" if "%s" in getattr(contract, name, "") else "")
    assert noticed()


def test_every_name_of_the_contract_is_tested():
    data = {name for name, value in vars(contract).items() if name.isupper() and not callable(value)}
    tried = {"POSTGRES", "SQLITE", "STEPS"} | set(ENTRIES) | set(WORDS)
    assert data - tried == {
        "MIGRATIONS_TABLE",  # a name
        "NO_EFFECT",  # test_expected.py covers it
        "CLASSES",  # for reading the catalog; the functional tests of the catalog cover it
        "SORTED",
    }


def test_every_field_of_the_model_can_make_a_difference():
    """A field that no mutation changes would have no effect."""
    touched = set()
    honest = {"postgresql": postgres(), "sqlite": sqlite()}
    for _name, left, right in SAMPLES:
        for schema in (left, right):
            for table in schema.tables:
                other = honest[schema.engine].table(table.name) or Table("none")
                touched |= {("Table", name) for name in Table._fields if getattr(table, name) != getattr(other, name)}
                for blank, parts in ((Column("", ""), "columns"), (Constraint("", ""), "constraints"), (Index("", ()), "indexes")):
                    known = {part.name: part for part in getattr(other, parts)}
                    for part in getattr(table, parts):
                        usual = known.get(part.name, blank)
                        changed = [name for name in part._fields if getattr(part, name) != getattr(usual, name)]
                        touched |= {(type(part).__name__, name) for name in changed}
    every = {(kind.__name__, name) for kind in (Table, Column, Constraint, Index) for name in kind._fields}
    assert every - touched == {("Index", "definition"), ("Column", "sequence")}  # for messages
