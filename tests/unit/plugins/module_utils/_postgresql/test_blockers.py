# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which locks a plan needs, and how blockers are described."""

from __future__ import annotations

import pytest
from schema_examples import (
    ALL,
    INDEXES,
    NULLABLE,
    TASK_PATH,
    database,
    database_state,
    empty,
    library,
    postgres,
)

from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import lock_requirements, make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import _describe_session
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, MIGRATIONS_TABLE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Index

EVERYTHING = tuple(range(10))


def needed(schema, recorded=EVERYTHING, **options):
    return lock_requirements(make_plan(database_state(schema, recorded), library(), **options))


def alter(name, **fields):
    return postgres().with_table(postgres().table(name)._replace(**fields))


def test_an_empty_plan_needs_no_locks():
    assert lock_requirements(make_plan(database("3.2.0"), library())) == LockRequirements()


def test_an_empty_database_is_blocked_by_old_snapshots_only():
    found = lock_requirements(make_plan(empty(), library()))
    assert found.snapshots, "CREATE INDEX CONCURRENTLY waits for them, also on an empty table"
    assert set(found.exclusive) | set(found.shared) == set(DATA_TABLES)


@pytest.mark.parametrize(
    "missing, expected",
    [
        (INDEXES, LockRequirements((), tuple(sorted(DATA_TABLES)), True)),
        (NULLABLE, LockRequirements(("checkpoint_blobs",), (), False)),
        (TASK_PATH, LockRequirements(("checkpoint_writes",), (), False)),
    ],
)
@pytest.mark.parametrize("recorded", [EVERYTHING, (0, 1, 2, 3)])
def test_what_each_step_needs(missing, expected, recorded):
    # The migrations table is written if a migration is not recorded. A lock on it would stop the run after its first index.
    written = () if recorded == EVERYTHING else (MIGRATIONS_TABLE,)
    assert needed(postgres(ALL - {missing}), recorded) == expected._replace(written=written)


def test_an_exclusive_lock_replaces_a_shared_one():
    assert needed(postgres(frozenset()), (0, 1, 2, 3)) == LockRequirements(
        ("checkpoint_blobs", "checkpoint_writes"), ("checkpoints",), True, written=(MIGRATIONS_TABLE,)
    )


def test_dropping_an_invalid_index_needs_an_exclusive_lock():
    current = postgres().table("checkpoints")
    for name in ("checkpoints_thread_id_idx", "checkpoints_thread_id_idx_ccnew"):
        broken = postgres().with_table(current.with_index(Index(name, ("thread_id",), valid=False)))
        assert needed(broken) == LockRequirements(("checkpoints",), (), True), name


def test_setting_a_default_needs_an_exclusive_lock():
    columns = tuple(column._replace(default=None) for column in postgres().table("checkpoint_writes").columns)
    assert needed(alter("checkpoint_writes", columns=columns)) == LockRequirements(("checkpoint_writes",), (), False)


def test_an_adoption_locks_each_table():
    assert needed(postgres(owner="app"), adopt=True) == LockRequirements(tuple(sorted((MIGRATIONS_TABLE,) + DATA_TABLES)), (), False)
    assert needed(postgres(owner="app")) == LockRequirements()


ROW = {
    "pid": 4711,
    "holder": "3/17",
    "locks": "checkpoints (RowExclusiveLock)",
    "name": "langgraph_app",
    "application": "agent",
    "gid": None,
    "state": "idle in transaction",
    "age": 90,
    "statement_age": 75,
    "behind": [],
    "vacuum": False,
}


@pytest.mark.parametrize(
    "changes, text",
    [
        (
            {},
            'pid 4711, user langgraph_app, application "agent" holds locks on checkpoints (RowExclusiveLock) '
            "(transaction 90 s old, idle in transaction, last statement 75 s ago)",
        ),
        (
            {"application": "", "locks": None},
            "pid 4711, user langgraph_app, application unnamed keeps an old snapshot (transaction 90 s old, idle in transaction, last statement 75 s ago)",
        ),
        (
            {"statement_age": None, "state": None, "locks": None},
            'pid 4711, user langgraph_app, application "agent" keeps an old snapshot (transaction 90 s old)',
        ),
        (
            {"age": None, "statement_age": None, "locks": None},
            'pid 4711, user langgraph_app, application "agent" keeps an old snapshot (its age is hidden from this role: GRANT pg_read_all_stats shows it)',
        ),
        (
            {"pid": None, "gid": "batch-7", "holder": "-1/742", "statement_age": None, "state": None, "application": None},
            'the prepared transaction "batch-7" of user langgraph_app (ROLLBACK PREPARED ends it) '
            "holds locks on checkpoints (RowExclusiveLock) (transaction 90 s old)",
        ),
        (
            {"locks": "checkpoints (AccessExclusiveLock, waited for)", "behind": [12, 13], "age": 5, "statement_age": 5, "state": "active"},
            'pid 4711, user langgraph_app, application "agent" holds locks on checkpoints (AccessExclusiveLock, waited for) and waits for pid 12, 13 '
            "(transaction 5 s old, active, last statement 5 s ago)",
        ),
        (
            {"age": 0, "statement_age": 0},
            'pid 4711, user langgraph_app, application "agent" holds locks on checkpoints (RowExclusiveLock) '
            "(transaction 0 s old, idle in transaction, last statement 0 s ago)",
        ),
    ],
)
def test_the_description_of_a_session(changes, text):
    assert _describe_session(dict(ROW, **changes)) == text
