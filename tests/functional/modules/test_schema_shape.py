# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema refuses schemas that only a person may decide about, and writes nothing."""

from __future__ import annotations

import pytest
from generations import migrate, shallow

pytestmark = pytest.mark.newest


def test_ahead_with_a_column_that_must_be_given(database, ways):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10); ALTER TABLE checkpoints ADD COLUMN tenant text NOT NULL")
    ways.refuse(database, database.login(), r"\b10\b", "tenant", "checkpoints")


def test_a_shallow_schema_that_setup_ran_over(database, ways):
    shallow(database)
    database.setup()
    assert database.recorded() == 9
    ways.refuse(database, database.login(), "shallow")


SHAPES = {
    "a view": ("CREATE VIEW checkpoints AS SELECT 1 AS thread_id", ["checkpoints", "view"]),
    "a materialized view": ("CREATE MATERIALIZED VIEW checkpoint_blobs AS SELECT 1 AS thread_id", ["checkpoint_blobs", "view"]),
    "a sequence": ("CREATE SEQUENCE checkpoint_writes", ["checkpoint_writes", "sequence"]),
    "a composite type": ("CREATE TYPE checkpoints AS (a int)", ["checkpoints", "type"]),
    "an index of that name": ("CREATE TABLE mine (id int); CREATE INDEX checkpoints ON mine (id)", ["checkpoints", "index"]),
    "somebody's own table": ("CREATE TABLE checkpoints (id int PRIMARY KEY, name text)", ["checkpoints", "thread_id"]),
    "a ledger of another shape": ("CREATE TABLE checkpoint_migrations (version text PRIMARY KEY)", ["checkpoint_migrations", r"\bv\b"]),
    "an empty table without columns": ("CREATE TABLE checkpoint_writes ()", ["checkpoint_writes"]),
}


@pytest.mark.parametrize("what", list(SHAPES))
def test_names_taken_by_something_else(database, ways, what):
    statement, patterns = SHAPES[what]
    database.execute(statement, role=database.owner)
    ways.refuse(database, database.login(), *patterns)


def test_damage_is_found_before_an_upgrade_writes(database, ways):
    """A pending migration is no reason to start writing where another part is broken."""
    migrate(database, "1.0.2")
    database.execute("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey")
    ways.refuse(database, database.login(), "checkpoints", "key")


# test_verdict.py tries each damage alone, without the module.
DAMAGES = {
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


def test_every_damage_is_named_at_once(database, ways):
    database.setup()
    database.execute("; ".join(DAMAGES), role=database.owner)
    ways.refuse(database, database.login(), *(pattern for patterns in DAMAGES.values() for pattern in patterns))
