# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_schema() on schemas with one change each."""

from __future__ import annotations

import pytest
from model_mutations import file_mutations, mutations
from schema_examples import ALL, INDEXES, NULLABLE, TASK_PATH, library, postgres

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_sqlite import canonical, check_sqlite
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, STEPS, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import RULES

MUTATIONS = list(mutations())
FILE_MUTATIONS = list(file_mutations())
# Rules that no single mutation violates: they need a further object, or they are reported once for each table.
COVERED, NONE_THERE = {"index covered", "key covered", "unique, distinct", "foreign key, empty"}, "sqlite tables missing"


def found(schema, steps=None):
    return [(violation.rule.name, violation.severity, violation.table, violation.object) for violation in check_schema(schema, steps)]


def alter(name, **fields):
    return postgres().with_table(postgres().table(name)._replace(**fields))


def test_a_new_schema_has_no_violation():
    assert check_schema(postgres()) == []


def test_there_are_enough_mutations_and_each_changes_the_schema():
    assert len(MUTATIONS) > 400
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert all(mutation.schema != postgres() for mutation in MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_change_is_the_expected_violation(mutation):
    assert found(mutation.schema) == [(mutation.rule, mutation.severity, mutation.table, mutation.object)]
    assert_complete_message(check_schema(mutation.schema)[0], mutation)


@pytest.mark.parametrize("mutation", FILE_MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_change_to_a_file_is_the_expected_violation(mutation):
    (violation,) = check_sqlite(canonical(mutation.schema))
    assert (violation.rule.name, violation.severity, violation.table, violation.object) == (mutation.rule, mutation.severity, mutation.table, mutation.object)
    assert_complete_message(violation, mutation)


def test_a_file_without_any_of_the_tables_and_one_from_before_writes():
    assert [violation.rule.name for violation in check_sqlite(Schema("sqlite", "x"))] == [NONE_THERE] * 2
    old = Table("checkpoints", columns=(Column("thread_id", "TEXT"), Column("thread_ts", "TEXT")))
    assert [violation.rule.name for violation in check_sqlite(Schema("sqlite", "x", (old,)))] == ["sqlite table thread_ts"] * 2


def test_every_rule_has_a_change_that_violates_it():
    assert {mutation.rule for mutation in MUTATIONS + FILE_MUTATIONS} | COVERED | {NONE_THERE} == set(RULES)


def assert_complete_message(violation, mutation):
    text = violation.describe()
    place = violation.table if violation.object == violation.table else "%s.%s" % (violation.table, violation.object)
    assert text.startswith("%s: found %s, expected %s (%s)" % (place, violation.found, violation.expected, RULES[mutation.rule].explanation))
    assert violation.found and violation.expected and violation.found != violation.expected
    assert violation.drift == (mutation.severity != "info")
    assert not violation.statement or violation.statement.endswith(";") and text.endswith(violation.statement)


def test_a_blocking_violation_names_the_statement_that_resolves_it():
    without = {mutation.rule for mutation in MUTATIONS if mutation.severity == "block" and not check_schema(mutation.schema)[0].statement}
    # To correct these, data must be moved or converted, or a person must decide about the rows.
    assert without == {
        "table kind",
        "table partitioned",
        "table shape",
        "table shallow",
        "table elsewhere",
        "table unlogged",  # a temporary one; ALTER TABLE cannot make it permanent
        "owner differs",  # the expected owner is known only to the plan
        "column missing",
        "column generated",
        "index name taken",
        "database encoding",
    }


@pytest.mark.parametrize(
    "schema, statement",
    [
        (alter("checkpoints", persistence="unlogged"), 'ALTER TABLE "public"."checkpoints" SET LOGGED;'),
        (alter("checkpoints", row_security=True), 'ALTER TABLE "public"."checkpoints" DISABLE ROW LEVEL SECURITY;'),
        (
            alter("checkpoints", attachments=(Attachment('say "hi"', "trigger"),)),
            'DROP TRIGGER "say ""hi""" ON "public"."checkpoints";',
        ),
        (alter("checkpoints", attachments=(Attachment("public.late", "child"),)), 'ALTER TABLE public.late NO INHERIT "public"."checkpoints";'),
        (
            alter("checkpoint_writes", constraints=(), indexes=postgres().table("checkpoint_writes").without_index("checkpoint_writes_pkey").indexes),
            'ALTER TABLE "public"."checkpoint_writes" ADD PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx);',
        ),
        (
            alter(
                "checkpoint_blobs",
                constraints=postgres().table("checkpoint_blobs").constraints
                + (Constraint("notes_fk", "foreign key", ("version",), incoming="public.my.notes", on_delete="restrict"),),
            ),
            'ALTER TABLE "public"."my.notes" DROP CONSTRAINT "notes_fk";',
        ),
    ],
)
def test_statements(schema, statement):
    assert [violation.statement for violation in check_schema(schema)] == [statement]


def column(name, **fields):
    """The PostgreSQL schema with one column of checkpoints changed."""
    table = postgres().table("checkpoints")
    return postgres().with_table(table.with_column(table.column(name)._replace(**fields)))


KEY = postgres().table("checkpoints").primary_key
AGAIN = 'DROP CONSTRAINT "checkpoints_pkey", ADD PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id);'


@pytest.mark.parametrize(
    "schema, statement",
    [
        (column("checkpoint", type="json"), 'ALTER COLUMN "checkpoint" TYPE jsonb USING "checkpoint"::jsonb;'),
        (column("type", generated="stored"), 'ALTER COLUMN "type" DROP EXPRESSION;'),
        (column("type", generated="virtual"), None),
        (column("type", generated="identity always"), 'ALTER COLUMN "type" DROP IDENTITY;'),
        (column("thread_id", collation="x", deterministic=False), 'ALTER COLUMN "thread_id" TYPE text COLLATE "default";'),
        (column("thread_id", nullable=True), 'ALTER COLUMN "thread_id" SET NOT NULL;'),
        (column("type", nullable=False), 'ALTER COLUMN "type" DROP NOT NULL;'),
        (column("metadata", default=None), None),
        (alter("checkpoints", constraints=(KEY._replace(columns=KEY.columns[::-1]),)), AGAIN),
        (alter("checkpoints", constraints=(KEY._replace(columns=KEY.columns[:2]),)), AGAIN),
        (alter("checkpoints", constraints=(KEY._replace(deferrable=True),)), AGAIN),
    ],
)
def test_statements_on_a_table(schema, statement):
    (violation,) = check_schema(schema)
    assert violation.statement == ('ALTER TABLE "public"."checkpoints" %s' % statement if statement else "")


@pytest.mark.parametrize(
    "missing, statement",
    [
        ("parent_checkpoint_id", "ADD COLUMN parent_checkpoint_id text;"),
        ("metadata", "ADD COLUMN metadata jsonb not null default '{}'::jsonb;"),
        ("checkpoint_ns", "ADD COLUMN checkpoint_ns text not null default ''::text;"),
        ("checkpoint", None),  # the values are unknown
        ("thread_id", None),
    ],
)
def test_a_missing_column_can_be_added_if_its_values_are_known(missing, statement):
    columns = tuple(found for found in postgres().table("checkpoints").columns if found.name != missing)
    (violation,) = check_schema(alter("checkpoints", columns=columns))
    assert violation.statement == ('ALTER TABLE "public"."checkpoints" %s' % statement if statement else "")


@pytest.mark.parametrize(
    "details, drops",
    [
        ({"default": "(1 / 0)"}, ["DEFAULT"]),
        ({"default": "(1 / 0)", "nullable": False}, ["DEFAULT", "NOT NULL"]),
        ({"default": "(type)::integer", "generated": "stored"}, ["EXPRESSION"]),
    ],
)
def test_an_additional_column_that_cannot_be_computed_is_changed_to_stay_empty(details, drops):
    columns = postgres().table("checkpoints").columns + (Column("extra", "integer", **details),)
    (violation,) = check_schema(alter("checkpoints", columns=columns))
    assert violation.statement == 'ALTER TABLE "public"."checkpoints" %s;' % ", ".join('ALTER COLUMN "extra" DROP %s' % what for what in drops)


def test_a_renamed_column_is_renamed_back():
    columns = postgres().table("checkpoints").columns
    for kind, statement in (("jsonb", 'ALTER TABLE "public"."checkpoints" RENAME COLUMN "state" TO "checkpoint";'), ("text", "")):
        renamed = tuple(found._replace(name="state", type=kind) if found.name == "checkpoint" else found for found in columns)
        lost, gained = check_schema(alter("checkpoints", columns=renamed))
        assert (lost.rule.name, lost.statement) == ("column missing", statement)
        assert gained.rule.name == "column extra, required" and bool(gained.statement) == (kind == "text"), "renaming resolves both"


def test_statements_name_the_schema():
    schema = postgres(name='odd "name"')
    broken = schema.with_table(schema.table("checkpoints")._replace(row_security=True))
    assert check_schema(broken)[0].statement == 'ALTER TABLE "odd ""name"""."checkpoints" DISABLE ROW LEVEL SECURITY;'


@pytest.mark.parametrize("table", DATA_TABLES)
def test_another_index_may_replace_the_thread_index(table):
    name = "%s_thread_id_idx" % table
    without = postgres().table(table).without_index(name)
    covered = postgres().with_table(without.with_index(Index("mine", ("thread_id",))))
    assert found(covered) == [("index covered", "info", table, name), ("index extra", "info", table, "mine")]
    for index in (
        Index("mine", ("checkpoint_ns",)),
        Index("mine", ("thread_id", "checkpoint_ns")),
        Index("mine", ("thread_id",), method="hash"),
        Index("mine", ("thread_id",), predicate="thread_id > ''"),
        Index("mine", ("thread_id",), valid=False),
    ):
        assert ("index missing", "repair", table, name) in found(postgres().with_table(without.with_index(index))), index


def test_only_the_index_of_a_constraint_is_not_reported():
    table = postgres().table("checkpoints")
    constraints = table.constraints + (
        Constraint("checked", "check", ("type",), enforced=False),
        Constraint("notes_fk", "foreign key", ("thread_id",), incoming="public.notes", on_delete="cascade"),
        Constraint("known", "unique", table.primary_key.columns + ("type",)),
    )
    indexed = table._replace(constraints=constraints)
    for constraint in constraints[1:]:
        indexed = indexed.with_index(Index(constraint.name, ("type",), unique=True))
    rules = [(rule, name) for rule, _severity, _table, name in found(postgres().with_table(indexed)) if _severity == "block"]
    assert rules == [("unique", "checked"), ("unique", "notes_fk")]


def test_an_empty_schema_lacks_every_table():
    expected = [("table missing", "repair", table, table) for table in TABLES]
    assert found(Schema("postgresql", "public")) == expected
    assert found(Schema("postgresql", "public", exists=False)) == expected
    assert [violation.step for violation in check_schema(Schema("postgresql", "public"))] == [("table", table, table) for table in TABLES]


def test_other_tables_of_the_schema_are_ignored():
    assert check_schema(postgres().with_table(Table("notes", kind="view", owner="somebody", row_security=True))) == []


def test_owners_are_compared_only_for_tables_of_the_contract():
    schema = postgres().with_table(Table("aaa", owner="third")).with_table(postgres().table("checkpoints")._replace(owner="somebody"))
    (violation,) = check_schema(schema)
    assert (violation.table, violation.object) == ("checkpoint_migrations", "owner")
    assert "checkpoints by somebody" in violation.found and "third" not in violation.found


@pytest.mark.parametrize(
    "release, lacking",
    [
        ("1.0.1", []),
        ("1.0.2", [NULLABLE]),
        ("2.0.8", [NULLABLE, INDEXES]),
        ("2.0.10", [NULLABLE, INDEXES]),
        ("2.0.12", [NULLABLE, INDEXES, TASK_PATH]),
        ("3.2.0", [NULLABLE, INDEXES, TASK_PATH]),
    ],
)
def test_an_older_library_needs_less(release, lacking):
    rules = {NULLABLE: "column not null, older", INDEXES: "index missing", TASK_PATH: "column missing, addable"}
    for feature in ALL:
        violations = check_schema(postgres(ALL - {feature}), library(release).steps)
        assert {violation.rule.name for violation in violations} == ({rules[feature]} if feature in lacking else set()), feature
        assert len(violations) == (3 if feature == INDEXES else 1) * (feature in lacking)


def test_objects_that_an_older_library_does_not_create_are_not_additional():
    assert check_schema(postgres(), library("1.0.1").steps) == []


def test_each_missing_step_is_a_violation_that_it_resolves():
    steps = {violation.step for violation in check_schema(Schema("postgresql", "public"))}
    steps |= {violation.step for violation in check_schema(postgres(features=frozenset()))}
    assert steps == {step.key for step in STEPS}


def test_several_violations_have_the_order_of_the_contract():
    schema = alter("checkpoint_writes", row_security=True)
    schema = schema.with_table(schema.table("checkpoints")._replace(persistence="unlogged", row_security=True))
    assert [(violation.table, violation.rule.name) for violation in check_schema(schema)] == [
        ("checkpoints", "table unlogged"),
        ("checkpoints", "row security"),
        ("checkpoint_writes", "row security"),
    ]
