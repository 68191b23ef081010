# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema rejects schemas that need a decision of a person, and writes nothing."""

from __future__ import annotations

import pytest
from generations import migrate, shallow

pytestmark = pytest.mark.newest


def test_ahead_with_a_column_that_must_be_given(database, check_and_apply):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10); ALTER TABLE checkpoints ADD COLUMN tenant text NOT NULL")
    check_and_apply.rejected(database, database.login(), r"\b10\b", "tenant", "checkpoints")


def test_a_shallow_schema_after_setup(database, check_and_apply):
    shallow(database)
    database.setup()
    assert database.recorded() == 9
    check_and_apply.rejected(database, database.login(), "shallow")


SHAPES = {
    "a view": ("CREATE VIEW checkpoints AS SELECT 1 AS thread_id", ["checkpoints", "view"]),
    "a materialized view": ("CREATE MATERIALIZED VIEW checkpoint_blobs AS SELECT 1 AS thread_id", ["checkpoint_blobs", "view"]),
    "a sequence": ("CREATE SEQUENCE checkpoint_writes", ["checkpoint_writes", "sequence"]),
    "a composite type": ("CREATE TYPE checkpoints AS (a int)", ["checkpoints", "type"]),
    "an index of that name": ("CREATE TABLE mine (id int); CREATE INDEX checkpoints ON mine (id)", ["checkpoints", "index"]),
    "a table of the user": ("CREATE TABLE checkpoints (id int PRIMARY KEY, name text)", ["checkpoints", "thread_id"]),
    "a migrations table with other columns": ("CREATE TABLE checkpoint_migrations (version text PRIMARY KEY)", ["checkpoint_migrations", r"\bv\b"]),
    "an empty table without columns": ("CREATE TABLE checkpoint_writes ()", ["checkpoint_writes"]),
}


@pytest.mark.parametrize("what", list(SHAPES))
def test_names_taken_by_something_else(database, check_and_apply, what):
    statement, patterns = SHAPES[what]
    database.execute(statement, role=database.owner)
    check_and_apply.rejected(database, database.login(), *patterns)


def test_drift_is_found_before_an_upgrade_writes(database, check_and_apply):
    """If another part of the schema is broken, a pending migration must not be applied."""
    migrate(database, "1.0.2")
    database.execute("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey")
    check_and_apply.rejected(database, database.login(), "checkpoints", "key")


# test_verdict.py tests each change separately, without the module.
CHANGES = {
    "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey": ["checkpoints", "key"],
    "ALTER TABLE checkpoints ADD COLUMN tenant int NOT NULL": ["tenant"],
    "ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY": ["row"],
    "ALTER TABLE checkpoints ADD CONSTRAINT short CHECK (length(thread_id) < 10)": ["short"],
    "ALTER TABLE checkpoint_writes DROP COLUMN channel": ["checkpoint_writes", "channel"],
    "ALTER TABLE checkpoint_writes ALTER task_id TYPE uuid USING task_id::uuid": ["task_id", "uuid", "text"],
    "CREATE RULE deaf AS ON INSERT TO checkpoint_writes DO INSTEAD NOTHING": ["deaf"],
    "ALTER TABLE checkpoint_blobs SET UNLOGGED": ["checkpoint_blobs", "unlogged"],
    "CREATE UNIQUE INDEX one_each ON checkpoint_blobs (thread_id)": ["one_each"],
}


def test_every_drift_is_named_at_once(database, check_and_apply):
    database.setup()
    database.execute("; ".join(CHANGES), role=database.owner)
    check_and_apply.rejected(database, database.login(), *(pattern for patterns in CHANGES.values() for pattern in patterns))
