# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: what each release has to do on the database of each other release, and whether the plan predicts the result."""

from __future__ import annotations

import pytest
from model_mutations import mutations
from schema_examples import (
    ALL,
    INDEXES,
    NULLABLE,
    OWNER,
    RELEASES,
    TASK_PATH,
    database,
    database_state,
    empty,
    library,
    postgres,
)

from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import adoption
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, MIGRATIONS_TABLE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Index, Schema, Table

NAMES = sorted(RELEASES)
MUTATIONS = [mutation for mutation in mutations() if mutation.severity == "repair"]


def pending(plan):
    return [(migration.version, reason) for migration, reason in plan.pending]


def numbers(plan):
    return [migration.version for migration, _reason in plan.pending]


def without(schema, *names):
    return schema._replace(tables=tuple(table for table in schema.tables if table.name not in names))


@pytest.mark.parametrize("release", NAMES)
def test_a_release_has_nothing_to_do_on_its_own_database(release):
    plan = make_plan(database(release), library(release))
    assert plan.empty and plan.after == database(release)


@pytest.mark.parametrize("release", NAMES)
def test_an_empty_database_gets_everything(release):
    plan = make_plan(empty(), library(release))
    statements, features = RELEASES[release]
    assert pending(plan) == [(version, "not recorded") for version in range(len(statements))]
    assert plan.repairs == () and plan.foreign == ()
    assert plan.after.schema == postgres(features) and plan.after.recorded == tuple(range(len(statements)))


@pytest.mark.parametrize("new", NAMES)
@pytest.mark.parametrize("old", NAMES)
def test_any_release_on_the_database_of_any_other(old, new):
    before, installed = database(old), library(new)
    plan = make_plan(before, installed)
    features = RELEASES[old][1] | RELEASES[new][1]
    assert plan.after.schema == postgres(features)
    assert plan.after.recorded == tuple(range(max(len(RELEASES[old][0]), len(RELEASES[new][0]))))
    assert make_plan(plan.after, installed).empty
    assert plan.empty == (plan.after == before)
    unrecorded = [version for version, reason in pending(plan) if reason == "not recorded"]
    assert unrecorded == list(range(len(RELEASES[old][0]), len(RELEASES[new][0])))


@pytest.mark.parametrize(
    "old, new, expected, repaired",
    [
        ("1.0.1", "3.2.0", [4, 5, 6, 7, 8, 9], []),
        ("1.0.2", "3.2.0", [5, 6, 7, 8, 9], []),
        ("2.0.8", "3.2.0", [9], []),
        ("2.0.10", "3.2.0", [8, 9], []),
        ("2.0.12", "2.0.13", [9], []),
        # The same number has two meanings: 8 is an index in 2.0.8, and task_path in 2.0.12.
        ("2.0.8", "2.0.12", [8], ["task_path"]),
        ("2.0.10", "2.0.12", [8], []),
        ("2.0.10", "2.0.8", [8], []),
        ("3.2.0", "1.0.2", [], []),
        ("3.2.0", "1.0.1", [], []),
    ],
)
def test_what_is_pending(old, new, expected, repaired):
    plan = make_plan(database(old), library(new))
    assert numbers(plan) == expected
    assert [repair.violation.object for repair in plan.repairs] == repaired


def test_a_recorded_migration_without_its_effect_is_pending():
    plan = make_plan(database("2.0.8"), library("2.0.12"))
    assert pending(plan) == [(8, "recorded, but task_path is missing or not usable")]
    (repair,) = plan.repairs
    assert repair.to_dict() == {
        "table": "checkpoint_writes",
        "object": "task_path",
        "found": "no column",
        "statements": [library("2.0.12").migrations[8].sql],
    }
    assert plan.pending_list() == [{"version": 8, "sql": library("2.0.12").migrations[8].sql, "reason": pending(plan)[0][1]}]


@pytest.mark.parametrize("recorded", [(9,), tuple(range(10)), (0, 1, 2, 3, 4, 5, 6, 8, 9), (41,)])
def test_the_catalog_decides_not_the_migrations_table(recorded):
    plan = make_plan(database_state(postgres(frozenset()), recorded), library())
    assert numbers(plan) == [4, 6, 7, 8, 9]
    assert {reason.split(",")[0] for _version, reason in pending(plan)} == {"recorded"}
    assert [repair.migration.version for repair in plan.repairs] == [4, 6, 7, 8, 9]
    assert plan.after.schema == postgres()
    assert plan.after.recorded == recorded, "a repair records nothing"
    assert make_plan(plan.after, library()).empty


@pytest.mark.parametrize("recorded", [None, ()])
def test_a_migrations_table_that_is_missing_or_empty(recorded):
    schema = without(postgres(), MIGRATIONS_TABLE) if recorded is None else postgres()
    plan = make_plan(database_state(schema, recorded), library())
    assert pending(plan) == [(version, "not recorded") for version in range(10)]
    assert plan.repairs == () and plan.missing == (frozenset({("table", MIGRATIONS_TABLE, MIGRATIONS_TABLE)}) if recorded is None else frozenset())
    assert plan.after == database("3.2.0")


def test_a_database_ahead_has_nothing_pending():
    ahead = database_state(postgres(), tuple(range(12)))
    assert make_plan(ahead, library()).empty
    assert make_plan(ahead, library("1.0.2")).empty


def test_unknown_migrations_are_pending_by_their_number():
    newer = library(more=["ALTER TABLE checkpoints ADD COLUMN more text;", "SELECT 2;"])
    assert newer.unknown == [10, 11] and newer.newest == 11
    plan = make_plan(database("3.2.0"), newer)
    assert pending(plan) == [(10, "not recorded"), (11, "not recorded")]
    assert plan.after.schema == postgres() and plan.after.recorded == tuple(range(12))


@pytest.mark.parametrize("table", DATA_TABLES)
def test_a_missing_table_is_created_with_its_columns_and_indexes(table):
    plan = make_plan(database_state(without(postgres(), table), tuple(range(10))), library())
    assert {repair.violation.rule.name for repair in plan.repairs} == {"table missing"}
    assert [repair.migration.version for repair in plan.repairs] == numbers(plan)
    assert [migration.step.table for migration, _reason in plan.pending] == [table] * len(plan.pending)
    assert len(plan.pending) == {"checkpoints": 2, "checkpoint_blobs": 3, "checkpoint_writes": 3}[table]
    assert plan.after == database("3.2.0")


@pytest.mark.parametrize("release", ["2.0.13", "3.2.0"])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_repairs_lead_to_the_expected_schema(mutation, release):
    migrations = mutation.schema.table(MIGRATIONS_TABLE)
    plan = make_plan(database_state(mutation.schema, tuple(range(10)) if migrations else None), library(release))
    assert not plan.empty and not plan.blocking
    assert plan.repairs or not migrations
    assert plan.after.schema == postgres() and plan.after.recorded == tuple(range(10))
    assert make_plan(plan.after, library(release)).empty


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_an_upgrade_includes_repairs(mutation):
    """With the migrations table of 1.0.2 and any broken schema, setup() and the repairs together lead to the current schema."""
    migrations = mutation.schema.table(MIGRATIONS_TABLE)
    before = database_state(mutation.schema, tuple(range(5)) if migrations else None)
    plan = make_plan(before, library())
    assert plan.after == database("3.2.0")


def test_a_repair_with_two_statements():
    current = postgres().table("checkpoints")
    invalid = current.with_index(current.find_index("checkpoints_thread_id_idx")._replace(valid=False))
    plan = make_plan(database_state(postgres().with_table(invalid), tuple(range(10))), library())
    (repair,) = plan.repairs
    drop, create = repair.to_dict()["statements"]
    assert drop == 'DROP INDEX CONCURRENTLY "public"."checkpoints_thread_id_idx";'
    assert create == library().migrations[6].sql.strip() and create.startswith("CREATE INDEX CONCURRENTLY")


def test_an_invalid_index_that_an_older_library_does_not_create_is_only_dropped():
    current = postgres(ALL - {INDEXES}).table("checkpoints")
    invalid = postgres(ALL - {INDEXES}).with_table(current.with_index(Index("checkpoints_thread_id_idx", ("thread_id",), valid=False)))
    plan = make_plan(database_state(invalid, tuple(range(5))), library("1.0.2"))
    assert [repair.to_dict()["statements"] for repair in plan.repairs] == [['DROP INDEX CONCURRENTLY "public"."checkpoints_thread_id_idx";']]
    assert plan.after.schema == postgres(ALL - {INDEXES})
    assert make_plan(plan.after, library("1.0.2")).empty


def test_setup_creates_its_own_index_beside_an_equivalent_one():
    old = postgres(frozenset((NULLABLE,)))
    covered = old.with_table(old.table("checkpoints").with_index(Index("mine", ("thread_id",))))
    plan = make_plan(database_state(covered, tuple(range(5))), library())
    expected = postgres().with_table(postgres().table("checkpoints").with_index(Index("mine", ("thread_id",))))
    assert plan.after.schema == expected, "IF NOT EXISTS looks for the name only"
    gone = expected.with_table(expected.table("checkpoints").without_index("checkpoints_thread_id_idx"))
    assert make_plan(database_state(gone, tuple(range(10))), library()).empty, "once the migration is recorded, the other index suffices"


def test_repairs_have_the_order_of_the_migrations():
    schema = without(postgres(frozenset()), "checkpoint_blobs")
    writes = schema.table("checkpoint_writes").with_column(Column("task_path", "text", nullable=False))
    schema = schema.with_table(writes)
    plan = make_plan(database_state(schema, tuple(range(10))), library())
    order = [repair.migration.version if repair.migration else None for repair in plan.repairs]
    assert order == [None, 2, 4, 6, 7, 8]
    assert plan.after.schema == postgres()


def test_an_index_that_another_session_builds_is_not_pending():
    current = postgres().table("checkpoints")
    building = current.with_index(current.find_index("checkpoints_thread_id_idx")._replace(valid=False, building=True))
    plan = make_plan(database_state(postgres().with_table(building), tuple(range(10))), library())
    assert plan.empty and plan.building == ["checkpoints_thread_id_idx"]
    extra = make_plan(database_state(postgres().with_table(current.with_index(Index("x", ("type",), valid=False, building=True))), tuple(range(10))), library())
    assert extra.building == []


def test_the_search_path_does_not_matter_since_setup_has_its_own():
    schema = postgres()._replace(elsewhere=(("checkpoints", "other"), ("checkpoint_blobs", "")))
    plan = make_plan(database_state(schema, tuple(range(10))), library())
    assert plan.empty and plan.violations == ()


def test_tables_of_another_role_are_adopted_only_on_request():
    theirs = postgres(owner="app").with_table(Table("notes", owner="third"))
    before = database_state(theirs, tuple(range(10)))
    plan = make_plan(before, library())
    assert plan.empty and [table.name for table in plan.foreign] == sorted([MIGRATIONS_TABLE, *DATA_TABLES])
    adopting = make_plan(before, library(), adopt=True)
    assert adopting.adopting and not adopting.empty and adopting.pending == ()
    assert {table.name: table.owner for table in adopting.after.schema.tables} == dict.fromkeys(
        [MIGRATIONS_TABLE, *DATA_TABLES],
        OWNER,
    ) | {"notes": "third"}
    assert make_plan(adopting.after, library(), adopt=True).empty


def test_adopting_resolves_different_owners():
    mixed = postgres().with_table(postgres().table("checkpoints")._replace(owner="app"))
    before = database_state(mixed, tuple(range(10)))
    assert [violation.rule.name for violation in make_plan(before, library()).blocking] == ["owner differs"]
    plan = make_plan(before, library(), adopt=True)
    assert plan.blocking == [] and plan.after == database("3.2.0")


def test_adopting_ones_own_tables_is_an_empty_plan():
    assert make_plan(database("3.2.0"), library(), adopt=True).empty
    assert make_plan(empty(), library(), adopt=True).adopting is False


def test_adopting_and_upgrading_at_once():
    before = database("1.0.1")._replace(schema=postgres(frozenset(), owner="app"))
    plan = make_plan(before, library(), adopt=True)
    assert plan.adopting and plan.after == database("3.2.0")


def test_the_statements_of_an_adoption():
    tables = (Table("checkpoints"), Table('odd "one"'))
    assert adoption("my schema", tables, "the owner") == [
        'ALTER TABLE "my schema"."checkpoints" OWNER TO "the owner";',
        'ALTER TABLE "my schema"."odd ""one""" OWNER TO "the owner";',
    ]


def test_new_tables_belong_to_the_current_role():
    plan = make_plan(database_state(Schema("postgresql", "public"), role="migrator"), library())
    assert {table.owner for table in plan.after.schema.tables} == {"migrator"}
    assert TASK_PATH in ALL and plan.after.schema == postgres(owner="migrator")
