# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema refuses schemas that only a person may decide about, and writes nothing."""

from __future__ import annotations

import pytest
from generations import migrate, shallow

pytestmark = pytest.mark.newest


def test_ahead_and_unusable(database, ways):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10), (11); ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    ways.refuse(database, database.login(), r"\b11\b", r"\b9\b", "upgrade|newer|install", "task_path")


def test_ahead_with_a_column_that_must_be_given(database, ways):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10); ALTER TABLE checkpoints ADD COLUMN tenant text NOT NULL")
    ways.refuse(database, database.login(), r"\b10\b", "tenant", "checkpoints")


def test_a_shallow_savers_schema(database, ways):
    shallow(database)
    ways.refuse(database, database.login(), "shallow", "checkpoint_id|checkpoints", "schema|database|migrat|drop|copy")


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


DAMAGES = {
    "no primary key": ("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey", ["checkpoints", "key"]),
    "a key of other columns": (
        "ALTER TABLE checkpoint_writes DROP CONSTRAINT checkpoint_writes_pkey, ADD PRIMARY KEY (thread_id, checkpoint_id)",
        ["checkpoint_writes", "key"],
    ),
    "a key that ON CONFLICT cannot use": (
        "ALTER TABLE checkpoint_blobs DROP CONSTRAINT checkpoint_blobs_pkey,"
        " ADD PRIMARY KEY (thread_id, checkpoint_ns, channel, version) DEFERRABLE",
        ["checkpoint_blobs", "deferrable|key"],
    ),
    "json for jsonb": ("ALTER TABLE checkpoints ALTER checkpoint TYPE json USING checkpoint::text::json", ["checkpoints", "checkpoint", "jsonb?"]),
    "uuid for text": ("ALTER TABLE checkpoint_writes ALTER task_id TYPE uuid USING task_id::uuid", ["checkpoint_writes", "task_id", "uuid", "text"]),
    "a lost column": ("ALTER TABLE checkpoints DROP COLUMN parent_checkpoint_id", ["checkpoints", "parent_checkpoint_id"]),
    "a renamed column": ("ALTER TABLE checkpoint_writes RENAME blob TO value", ["checkpoint_writes", "blob"]),
    "a column that must be given": ("ALTER TABLE checkpoints ADD COLUMN tenant int NOT NULL", ["checkpoints", "tenant"]),
    "type that must be given": ("ALTER TABLE checkpoints ALTER type SET NOT NULL", ["checkpoints", "type"]),
    "a foreign key": (
        "ALTER TABLE checkpoint_writes ADD CONSTRAINT to_checkpoints FOREIGN KEY (thread_id, checkpoint_ns, checkpoint_id) REFERENCES checkpoints",
        ["checkpoint_writes", "foreign key", "to_checkpoints"],
    ),
    "a foreign key not valid": (
        "ALTER TABLE checkpoint_writes ADD CONSTRAINT later FOREIGN KEY (thread_id, checkpoint_ns, checkpoint_id)"
        " REFERENCES checkpoints ON DELETE CASCADE NOT VALID",
        ["checkpoint_writes", "foreign key", "later"],
    ),
    "a check": ("ALTER TABLE checkpoints ADD CONSTRAINT short CHECK (length(thread_id) < 10)", ["checkpoints", "short"]),
    "a unique index": ("CREATE UNIQUE INDEX one_each ON checkpoints (thread_id)", ["checkpoints", "one_each"]),
    "an index of the right name on another column": (
        "DROP INDEX checkpoints_thread_id_idx; CREATE INDEX checkpoints_thread_id_idx ON checkpoints (checkpoint_id)",
        ["checkpoints_thread_id_idx", "checkpoint_id"],
    ),
    "an index of the right name on another table": (
        "DROP INDEX checkpoints_thread_id_idx; CREATE INDEX checkpoints_thread_id_idx ON checkpoint_blobs (thread_id)",
        ["checkpoints_thread_id_idx"],
    ),
    "an unlogged table": ("ALTER TABLE checkpoint_blobs SET UNLOGGED", ["checkpoint_blobs", "unlogged"]),
    "row security": ("ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY", ["checkpoints", "row"]),
    "a trigger": (
        "CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER eater BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION eat()",
        ["checkpoints", "eater"],
    ),
    "a rule": ("CREATE RULE deaf AS ON INSERT TO checkpoint_writes DO INSTEAD NOTHING", ["checkpoint_writes", "deaf"]),
    "a generated column": (
        "ALTER TABLE checkpoints DROP COLUMN type; ALTER TABLE checkpoints ADD COLUMN type text GENERATED ALWAYS AS (thread_id) STORED",
        ["checkpoints", "type"],
    ),
    "a partitioned table": (
        "DROP TABLE checkpoint_blobs; CREATE TABLE checkpoint_blobs (thread_id text NOT NULL, checkpoint_ns text NOT NULL DEFAULT '',"
        " channel text NOT NULL, version text NOT NULL, type text NOT NULL, blob bytea,"
        " PRIMARY KEY (thread_id, checkpoint_ns, channel, version)) PARTITION BY HASH (thread_id)",
        ["checkpoint_blobs", "partition"],
    ),
}


@pytest.mark.parametrize("what", list(DAMAGES))
def test_damage_that_a_person_must_decide_about(database, ways, what):
    database.setup()
    statement, patterns = DAMAGES[what]
    database.execute(statement, role=database.owner)
    ways.refuse(database, database.login(), *patterns)


def test_damage_is_found_before_an_upgrade_writes(database, ways):
    """A pending migration is no reason to start writing where another part is broken."""
    migrate(database, "1.0.2")
    database.execute("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey")
    ways.refuse(database, database.login(), "checkpoints", "key")


def test_every_damage_is_named_at_once(database, ways):
    database.setup()
    database.execute("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey; ALTER TABLE checkpoint_writes DROP COLUMN channel")
    ways.refuse(database, database.login(), "checkpoints", "key", "checkpoint_writes", "channel")
