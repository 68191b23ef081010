# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of the contract, and the recognition of the statements of each release."""

from __future__ import annotations

import re

import pytest
from schema_examples import RELEASES, create, index

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules

KEYS = {
    "checkpoint_migrations": ("v",),
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id"),
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version"),
    "checkpoint_writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"),
}


def keys(release):
    steps = [contract.step_of(statement) for statement in RELEASES[release][0]]
    return [step.key if step else None for step in steps]


TABLES = [("table", table, table) for table in ("checkpoint_migrations", "checkpoints", "checkpoint_blobs", "checkpoint_writes")]
BLOB = [("nullable", "checkpoint_blobs", "blob")]
INDEXES = [("index", table, table + "_thread_id_idx") for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")]
PATH = [("column", "checkpoint_writes", "task_path")]


@pytest.mark.parametrize(
    "release, expected",
    [
        ("1.0.1", TABLES),
        ("1.0.2", TABLES + BLOB),
        ("2.0.8", TABLES + BLOB + [None] + INDEXES),
        ("2.0.10", TABLES + BLOB + INDEXES),
        ("2.0.12", TABLES + BLOB + INDEXES + PATH),
        ("2.0.13", TABLES + BLOB + [None] + INDEXES + PATH),
        ("3.2.0", TABLES + BLOB + [None] + INDEXES + PATH),
    ],
)
def test_statements_of_each_release_are_recognised(release, expected):
    assert keys(release) == expected


def variants(statement):
    """The same statement in different spellings."""
    yield statement
    yield statement.replace("IF NOT EXISTS ", "")
    yield statement.replace("CONCURRENTLY ", "")
    yield statement.replace("IF NOT EXISTS ", "").replace("CONCURRENTLY ", "")
    yield statement.upper()
    yield statement.lower()
    yield "\n\n  %s  \n" % statement.replace(" ", "\n\t")
    yield statement.rstrip().rstrip(";")


@pytest.mark.parametrize("statement", sorted({s for statements, _features in RELEASES.values() for s in statements}))
def test_wording_does_not_matter(statement):
    expected = contract.step_of(statement)
    assert [contract.step_of(variant) for variant in variants(statement)] == [expected] * 8


@pytest.mark.parametrize("statement", ["", " ", "\n", ";", "SELECT 1", "select 1;", " Select  1 ; ".replace(" ;", ";"), "\n    SELECT 1;\n"])
def test_statements_without_effect(statement):
    assert contract.step_of(statement) is None


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1, pg_sleep(1);",
        "SELECT 12;",
        create("checkpoints").replace("checkpoints", "checkpoints_archive"),
        create("checkpoints").replace("checkpoints", "store"),
        "CREATE TABLE IF NOT EXISTS checkpoint_migrations_v2 (v INTEGER PRIMARY KEY);",
        index("checkpoints").replace("checkpoints_thread_id_idx", "checkpoints_thread_id_idx2"),
        index("checkpoints").replace("checkpoints_thread_id_idx", "checkpoints_checkpoint_id_idx"),
        "ALTER TABLE checkpoint_blobs ALTER COLUMN type DROP NOT NULL;",
        "ALTER TABLE checkpoint_blobs ALTER COLUMN blob SET NOT NULL;",
        "ALTER TABLE checkpoint_writes ADD COLUMN task_path_hash TEXT;",
        "ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS priority INTEGER;",
        "DROP TABLE checkpoints;",
        "DROP INDEX CONCURRENTLY checkpoints_thread_id_idx;",
    ],
)
def test_an_unknown_statement_is_a_key_error(statement):
    with pytest.raises(KeyError):
        contract.step_of(statement)


def test_the_keys_are_those_of_the_savers_on_conflict_clauses():
    assert {name: table.primary_key.columns for name, table in contract.POSTGRES.items()} == KEYS
    assert {name: table.find_index(name + "_pkey").columns for name, table in contract.POSTGRES.items()} == KEYS
    counterparts = dict(contract.COUNTERPARTS)
    assert {name: table.primary_key.columns for name, table in contract.SQLITE.items()} == {
        name: KEYS[counterpart] for name, counterpart in counterparts.items()
    }


def test_key_columns_are_not_null():
    for table in list(contract.POSTGRES.values()) + list(contract.SQLITE.values()):
        for name in table.primary_key.columns:
            assert not table.column(name).nullable, (table.name, name)


def test_every_name_refers_to_an_object():
    assert set(contract.POSTGRES) == set(contract.TABLES) == {contract.MIGRATIONS_TABLE} | set(contract.DATA_TABLES)
    assert set(contract.POSTGRES) == {counterpart for _name, counterpart in contract.COUNTERPARTS} | set(contract.ONLY_POSTGRES)
    assert set(contract.SQLITE) == {name for name, _counterpart in contract.COUNTERPARTS}
    for table, column in list(contract.SQLITE_OPTIONAL) + list(contract.RENAMED):
        assert contract.SQLITE[table].column(column) is not None
    for step in contract.STEPS:
        table = contract.POSTGRES[step.table]
        there = {"table": table.name, "index": contract.thread_index(table.name).name}.get(step.kind, step.object)
        assert step.object == there and (step.kind in ("table", "index") or table.column(step.object))


def test_each_column_of_sqlite_has_one_of_postgresql_that_can_hold_it():
    for name, counterpart in contract.COUNTERPARTS:
        for column in contract.SQLITE[name].columns:
            other = contract.POSTGRES[counterpart].column(contract.RENAMED.get((name, column.name), column.name))
            assert column.type.lower() == other.type or (column.type, other.type) in contract.TYPES, (name, column.name)


def test_rules_have_a_severity_a_reason_and_a_version():
    for name, rule in rules.RULES.items():
        assert rule.severity in (rules.REPAIR, rules.BLOCK, rules.INFO), name
        assert rule.reason and not rule.reason.endswith("."), name
        assert rule.explanation.startswith(rule.reason), name
        if rule.since:
            assert re.match(r"^\d+\.\d+\.\d+$", rule.since), name
            assert rule.explanation.endswith("(since %s %s)" % (rule.library, rule.since)), name


def first(key):
    """The first release whose setup() performs the step."""
    return next(release for release in RELEASES if key in keys(release))


@pytest.mark.parametrize("step", contract.STEPS, ids=lambda step: step.object)
def test_each_step_has_its_first_release(step):
    assert step.since == first(step.key)


def test_the_rules_of_a_step_are_as_old_as_the_step():
    assert {name: rule.since for name, rule in rules.RULES.items() if rule.since} == {
        "column missing, addable": first(PATH[0]),
        "column not null, older": first(BLOB[0]),
        "index missing": first(INDEXES[0]),
        "index invalid": first(INDEXES[0]),
        "index name taken": first(INDEXES[0]),
        "index covered": first(INDEXES[0]),
        "index differs": first(INDEXES[0]),
        # Read from files that the releases of langgraph-checkpoint-sqlite created.
        "sqlite column missing, older": "3.1.2",
    }


def test_steps_are_distinct():
    assert len({step.key for step in contract.STEPS}) == len(contract.STEPS)
    assert len({step.pattern for step in contract.STEPS}) == len(contract.STEPS)
