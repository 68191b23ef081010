# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""compare(): drift in PostgreSQL, drift in SQLite, and differences that are not drift."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_mutations import mutations
from schema_examples import ALL, TASK_PATH, library, postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import MIGRATIONS_TABLE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import DRIFT, LITERALLY, Finding, Parity, compare
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import RULES

MUTATIONS = list(mutations())
PAIR = compare(sqlite(), postgres())


def alter(table, **fields):
    """The SQLite schema with one table changed."""
    return sqlite().with_table(sqlite().table(table)._replace(**fields))


def column(table, name, **fields):
    """The SQLite schema with one column changed."""
    old = sqlite().table(table)
    return sqlite().with_table(old.with_column(old.column(name)._replace(**fields)))


def without(table, name):
    """The SQLite schema without one column."""
    return alter(table, columns=tuple(column for column in sqlite().table(table).columns if column.name != name))


def findings_of(parity, *verdicts):
    return {(finding.verdict, finding.table, finding.object) for finding in parity.findings if not verdicts or finding.verdict in verdicts}


def test_upstreams_own_pair_is_in_parity():
    assert PAIR.in_parity and PAIR.drift == [] and PAIR.explain() == ""
    assert findings_of(PAIR, "equivalent") == {
        ("equivalent", "checkpoints", "checkpoint"),
        ("equivalent", "checkpoints", "metadata"),
        ("equivalent", "checkpoint_writes", "checkpoint_writes"),
        ("equivalent", "checkpoint_writes", "blob"),
        ("equivalent", "checkpoint_writes", "task_path"),
    }
    assert findings_of(PAIR, "expected") == {
        ("expected", "checkpoints", "checkpoints_thread_id_idx"),
        ("expected", "checkpoint_writes", "checkpoint_writes_thread_id_idx"),
        ("expected", "checkpoint_blobs", "checkpoint_blobs"),
        ("expected", "checkpoint_blobs", "checkpoint_blobs_thread_id_idx"),
        ("expected", MIGRATIONS_TABLE, MIGRATIONS_TABLE),
    }
    assert PAIR.summary() == "PostgreSQL is in parity with checkpoints.sqlite (compatible): 17 identical, 5 equivalent, 5 expected, 0 drift"


def test_every_column_of_sqlite_is_compared():
    for table, counterpart in (("checkpoints", "checkpoints"), ("writes", "checkpoint_writes")):
        names = {finding.sqlite.split()[0] for finding in PAIR.findings if finding.table == counterpart}
        assert {found.name for found in sqlite().table(table).columns} <= names


def test_no_finding_is_repeated():
    places = [(finding.table, finding.object) for finding in PAIR.findings]
    assert len(places) == len(set(places))


def test_at_level_exact_the_pair_differs_and_each_difference_has_its_reason():
    parity = compare(sqlite(), postgres(), "exact")
    assert not parity.in_parity
    reasons = {"%s.%s" % (finding.table, finding.object): finding.reason for finding in parity.drift}
    assert set(reasons) == {"%s.%s" % place[1:] for place in findings_of(PAIR, "equivalent", "expected")}
    for place, words in {
        "checkpoints.checkpoint": ["stores it as JSON", "only PostgreSQL requires one"],
        "checkpoints.metadata": ["stores it as JSON", "only PostgreSQL requires one", "the defaults differ"],
        "checkpoint_writes.checkpoint_writes": ["name for SQLite's writes"],
        "checkpoint_writes.blob": ["call it blob", "the same bytes", "only PostgreSQL requires one"],
        "checkpoint_writes.task_path": ["added the column at the end"],
        "checkpoints.checkpoints_thread_id_idx": ["to delete and list threads"],
        "checkpoint_blobs.checkpoint_blobs": ["stores channel values here"],
        "checkpoint_migrations.checkpoint_migrations": ["record their migrations here"],
    }.items():
        assert reasons[place].startswith(LITERALLY)
        assert [word for word in words if word not in reasons[place]] == [], place
        assert len(reasons[place]) > len(LITERALLY) + 10
    identical = [finding for finding in parity.findings if finding.verdict == "identical"]
    assert identical == [finding for finding in PAIR.findings if finding.verdict == "identical"]
    assert "NOT in parity with checkpoints.sqlite (exact)" in parity.summary()


@pytest.mark.parametrize("level", ["compatible", "exact"])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_change_to_postgresql_is_found(mutation, level):
    parity = compare(sqlite(), mutation.schema, level)
    verdict = "expected" if mutation.severity == "info" and level == "compatible" else "drift"
    reason = RULES[mutation.rule].explanation
    reason = LITERALLY + reason if level == "exact" and mutation.severity == "info" else reason
    (finding,) = [
        finding
        for finding in parity.findings
        if (finding.verdict, finding.table, finding.object, finding.reason) == (verdict, mutation.table, mutation.object, reason)
    ]
    assert all(each.reason not in ("", LITERALLY) for each in parity.findings if each.verdict != "identical")
    assert finding.sqlite and ", expected " in finding.postgres
    if level == "compatible":
        assert parity.in_parity == (mutation.severity == "info")
        assert len(parity.drift) == (mutation.severity != "info")
    if level == "compatible":
        assert elsewhere(parity, mutation) == elsewhere(PAIR, mutation)


def elsewhere(parity, mutation):
    """The other findings after a change. If a whole table is drift, its parts are not compared."""
    whole = mutation.whole or (mutation.object == mutation.table and mutation.severity == "block")
    found = {(verdict, table, item) for verdict, table, item in findings_of(parity) if table != mutation.table or not whole}
    return {place for place in found if place[1:] != (mutation.table, mutation.object) and place[2] != "foreign keys"}


def test_an_older_library_needs_less():
    assert not compare(sqlite(), postgres(ALL - {TASK_PATH})).in_parity
    assert compare(sqlite(), postgres(ALL - {TASK_PATH}), steps=library("2.0.10").steps).in_parity


KEY = Constraint("", "primary key", ("thread_id",))
REORDERED = Constraint("", "primary key", ("checkpoint_id", "checkpoint_ns", "thread_id"))
FOREIGN = Constraint("", "foreign key", ("thread_id",), definition="FOREIGN KEY (thread_id) REFERENCES threads")
FURTHER = sqlite().table("writes").columns + (Column("note", "TEXT"),)
OLD_KEY = (KEY._replace(columns=("thread_id", "thread_ts")),)
OLD = {"columns": (Column("thread_id", "TEXT"), Column("thread_ts", "TEXT"), Column("parent_ts", "TEXT")), "constraints": OLD_KEY}
COLUMNS = sqlite().table("checkpoints").columns
NONE = Schema("sqlite", "checkpoints.sqlite")


def test_the_earliest_files_have_no_writes():
    found = compare(NONE._replace(tables=(alter("checkpoints", **OLD).table("checkpoints"),)), postgres()).drift
    assert {finding.table for finding in found} == {"checkpoints", "checkpoint_writes"}
    assert {finding.reason for finding in found} == {RULES["sqlite table thread_ts"].explanation}


@pytest.mark.parametrize(
    "schema, table, item, part",
    [
        (sqlite()._replace(tables=(sqlite().table("checkpoints"),)), "checkpoint_writes", "checkpoint_writes", "creates this table"),
        (sqlite()._replace(tables=(sqlite().table("writes"),)), "checkpoints", "checkpoints", "creates this table"),
        (alter("writes", kind="view"), "checkpoint_writes", "checkpoint_writes", "SqliteSaver creates a table"),
        (alter("checkpoints", kind="virtual table"), "checkpoints", "checkpoints", "SqliteSaver creates a table"),
        (alter("checkpoints", **OLD), "checkpoints", "checkpoints", RULES["sqlite table thread_ts"].explanation),
        (alter("writes", **OLD), "checkpoint_writes", "checkpoint_writes", RULES["sqlite table thread_ts"].explanation),
        (without("checkpoints", "metadata"), "checkpoints", "metadata", "every SqliteSaver creates this column"),
        (without("writes", "value"), "checkpoint_writes", "blob", "every SqliteSaver creates this column"),
        (without("writes", "task_id"), "checkpoint_writes", "task_id", "every SqliteSaver creates this column"),
        (column("checkpoints", "checkpoint", type="TEXT"), "checkpoints", "checkpoint", "declares a different type"),
        (column("checkpoints", "thread_id", type="INTEGER"), "checkpoints", "thread_id", "declares a different type"),
        (column("writes", "idx", type="TEXT"), "checkpoint_writes", "idx", "declares a different type"),
        (column("writes", "value", generated="stored"), "checkpoint_writes", "blob", "writes to this column"),
        (alter("writes", columns=FURTHER), "checkpoint_writes", "note", "its values would be lost"),
        (alter("checkpoints", columns=COLUMNS + (Column("blob", "BLOB"),)), "checkpoints", "blob", "would be lost"),
        (alter("checkpoints", constraints=()), "checkpoints", "primary key", "several rows in this file"),
        (alter("writes", constraints=(KEY,)), "checkpoint_writes", "primary key", "replace each other in this file"),
    ],
)
def test_a_change_to_sqlite_is_drift(schema, table, item, part):
    parity = compare(schema, postgres())
    (finding,) = parity.drift
    assert (finding.table, finding.object) == (table, item)
    assert part in finding.reason
    explanation = parity.explain()
    assert (table if table == item else "%s.%s" % (table, item)) in explanation
    # A cell is wrapped within its column, so its text spans several lines.
    for word in " ".join([finding.sqlite, finding.postgres, finding.reason]).split():
        assert word in explanation


def test_a_long_list_of_drift_is_shortened_in_a_terminal():
    evil = "no\x1b[2Jname\n" + "x" * 200
    many = Parity("compatible", "x", tuple(Finding(DRIFT, evil, "i%d" % number, "nothing", "an index " * 30, "why " * 60) for number in range(99)))
    lines = many.explain().split("\n")
    # The callback adds an indentation of eight.
    assert max(map(len, lines)) <= 90
    assert all(line.isprintable() for line in lines)
    assert sum("why:" in line for line in lines) == 20 and lines[-1] == "and 79 more, in findings"


@pytest.mark.parametrize(
    "schema, table, item, part",
    [
        (without("writes", "task_path"), "checkpoint_writes", "task_path", "since langgraph-checkpoint-sqlite 3.1.2"),
        (sqlite().with_table(Table("notes")), "notes", "notes", "not "),
        (sqlite().with_table(Table("recent", kind="view")), "recent", "recent", "not "),
        (alter("writes", constraints=sqlite().table("writes").constraints + (FOREIGN,)), "checkpoint_writes", "foreign keys", "none on either engine"),
        (alter("checkpoints", indexes=(Index("mine", ("type",)),)), "checkpoints", "mine", "copied anyway"),
        (alter("checkpoints", attachments=(Attachment("watch", "trigger"),)), "checkpoints", "watch", "copied anyway"),
    ],
)
def test_a_change_to_sqlite_that_is_not_drift(schema, table, item, part):
    parity = compare(schema, postgres())
    assert parity.in_parity
    (finding,) = [finding for finding in parity.findings if (finding.table, finding.object) == (table, item)]
    assert finding.verdict == "expected" and part in finding.reason
    exact = compare(schema, postgres(), "exact")
    assert ("drift", table, item) in findings_of(exact)


@pytest.mark.parametrize(
    "schema, item, part",
    [
        (column("checkpoints", "thread_id", nullable=True), "thread_id", "only PostgreSQL requires one"),
        (column("checkpoints", "thread_id", type="VARCHAR(36)"), "thread_id", "the type is declared differently"),
        (column("checkpoints", "thread_id", type="CLOB"), "thread_id", "the type is declared differently"),
        (alter("checkpoints", constraints=(REORDERED,)), "primary key", "in a different order"),
        (column("checkpoints", "type", nullable=False), "type", "SQLite requires a value"),
        (column("checkpoints", "checkpoint_ns", default=None), "checkpoint_ns", "the defaults differ"),
        (column("checkpoints", "type", default="'x'"), "type", "the defaults differ"),
        (alter("checkpoints", columns=COLUMNS[4:5] + COLUMNS[:4] + COLUMNS[5:]), "type", "refer to columns by name"),
    ],
)
def test_a_change_to_sqlite_that_is_equivalent(schema, item, part):
    parity = compare(schema, postgres())
    (finding,) = [finding for finding in parity.findings if (finding.table, finding.object) == ("checkpoints", item)]
    assert finding.verdict == "equivalent" and part in finding.reason
    changed = findings_of(parity) ^ findings_of(PAIR)
    assert changed == {("equivalent", "checkpoints", item), ("identical", "checkpoints", item)}


def test_two_empty_sides_are_not_in_parity():
    parity = compare(NONE, Schema("postgresql", "public"))
    assert findings_of(parity, "drift") >= {("drift", table, table) for table in ("checkpoints", "checkpoint_writes", "checkpoint_blobs", MIGRATIONS_TABLE)}


def test_the_result_is_plain_data():
    plain = compare(without("writes", "value"), postgres()).to_dict()
    assert plain["in_parity"] is False and plain["level"] == "compatible" and plain["reference"] == "checkpoints.sqlite"
    assert set(plain["findings"][0]) == {"verdict", "table", "object", "sqlite", "postgres", "reason"}
    assert all(isinstance(value, str) for finding in plain["findings"] for value in finding.values())


def shuffled(draw, schema):
    """The same schema with every unordered part in a different order. The order of columns is significant."""
    tables = []
    for table in draw(st.permutations(schema.tables)):
        fields = {name: tuple(draw(st.permutations(getattr(table, name)))) for name in ("constraints", "indexes", "attachments")}
        tables.append(table._replace(**fields))
    return schema._replace(tables=tuple(tables), elsewhere=tuple(draw(st.permutations(schema.elsewhere))))


BUSY = postgres().with_table(
    postgres()
    .table("checkpoints")
    ._replace(
        owner="somebody",
        indexes=tuple(Index(name, ("thread_id",)) for name in ("b", "a", "c")) + postgres().table("checkpoints").indexes[1:],
        attachments=tuple(Attachment(name, kind) for name in ("x", "y") for kind in ("trigger", "rule", "child")),
    )
)
CROWDED = alter(
    "writes",
    constraints=sqlite().table("writes").constraints + (FOREIGN, FOREIGN._replace(definition="FOREIGN KEY (idx) REFERENCES b")),
    indexes=(Index("two", ("idx",)), Index("one", ("idx",))),
).with_table(Table("notes"))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_order_of_objects_is_irrelevant(data):
    left = data.draw(st.sampled_from([sqlite(), CROWDED, NONE]))
    right = data.draw(st.sampled_from([BUSY] + [mutation.schema for mutation in MUTATIONS]))
    level = data.draw(st.sampled_from(["compatible", "exact"]))
    assert compare(shuffled(data.draw, left), shuffled(data.draw, right), level) == compare(left, right, level)
