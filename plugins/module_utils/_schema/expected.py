# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared mapping between LangGraph's SQLite and PostgreSQL schemas, and the effect of each migration.

Used by check_postgresql.py and check_columns.py (PostgreSQL), check_sqlite.py (SQLite) and parity.py (comparison of both).
Source: the savers of langgraph-checkpoint-sqlite 0.x to 3.1.2 and langgraph-checkpoint-postgres 1.0.1 to 3.2.0.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Constraint, Index, Table

MIGRATIONS_TABLE = "checkpoint_migrations"
DATA_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
TABLES = (MIGRATIONS_TABLE,) + DATA_TABLES

# Pairs of a SQLite table and the PostgreSQL table that contains the same rows.
COUNTERPARTS = (("checkpoints", "checkpoints"), ("writes", "checkpoint_writes"))


def _texts(*names: str, nullable: bool = False, kind: str = "text", empty: str = "''::text") -> tuple[Column, ...]:
    """Text columns. The default of checkpoint_ns and task_path is the empty string."""
    return tuple(Column(name, kind, nullable, empty if name in ("checkpoint_ns", "task_path") else None) for name in names)


def _table(name: str, columns: tuple[Column, ...], key: tuple[str, ...]) -> Table:
    index = Index(name="%s_pkey" % name, columns=key, unique=True)
    constraint = Constraint(name=index.name, kind="primary key", columns=key, definition="PRIMARY KEY (%s)" % ", ".join(key))
    return Table(name=name, columns=columns, constraints=(constraint,), indexes=(index,))


# The tables that PostgresSaver.setup() of the newest library creates.
POSTGRES = {
    table.name: table
    for table in (
        _table(MIGRATIONS_TABLE, (Column("v", "integer", nullable=False),), ("v",)),
        _table(
            "checkpoints",
            (
                *_texts("thread_id", "checkpoint_ns", "checkpoint_id"),
                *_texts("parent_checkpoint_id", "type", nullable=True),
                Column("checkpoint", "jsonb", nullable=False),
                Column("metadata", "jsonb", nullable=False, default="'{}'::jsonb"),
            ),
            ("thread_id", "checkpoint_ns", "checkpoint_id"),
        ),
        _table(
            "checkpoint_blobs",
            (
                *_texts("thread_id", "checkpoint_ns", "channel", "version", "type"),
                Column("blob", "bytea"),
            ),
            ("thread_id", "checkpoint_ns", "channel", "version"),
        ),
        _table(
            "checkpoint_writes",
            (
                *_texts("thread_id", "checkpoint_ns", "checkpoint_id", "task_id"),
                Column("idx", "integer", nullable=False),
                *_texts("channel"),
                *_texts("type", nullable=True),
                Column("blob", "bytea", nullable=False),
                *_texts("task_path"),
            ),
            ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"),
        ),
    )
}


class Step(NamedTuple):
    """One effect that a migration has on the catalog.

    pattern: matches the statement in the library's MIGRATIONS independently of its number, because upstream renumbered them twice.
    kind, table, object: the effect. since: the first langgraph-checkpoint-postgres that has it.
    """

    kind: str
    table: str
    object: str
    pattern: str
    since: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The name of the step in plans and findings."""
        return (self.kind, self.table, self.object)


STEPS = (
    tuple(Step("table", table, table, r"create table (if not exists )?%s\b" % table, "1.0.1") for table in TABLES)
    + (Step("nullable", "checkpoint_blobs", "blob", r"alter table checkpoint_blobs alter column blob drop not null", "1.0.2"),)
    + tuple(
        Step("index", table, "%s_thread_id_idx" % table, r"create index (concurrently )?(if not exists )?%s_thread_id_idx\b" % table, "2.0.8")
        for table in DATA_TABLES
    )
    + (Step("column", "checkpoint_writes", "task_path", r"alter table checkpoint_writes add column (if not exists )?task_path\b", "2.0.12"),)
)

# Statements without an effect: an empty entry (2.0.8, 2.0.9) and the placeholder that replaced it later.
NO_EFFECT = r"^(select 1)?;?$"


def step_of(statement: str) -> Step | None:
    """The Step that a migration's SQL performs, or None if it has no effect. Raises KeyError if the contract does not contain it."""
    text = " ".join(statement.split()).lower().strip()
    if re.match(NO_EFFECT, text):
        return None
    for step in STEPS:
        if re.search(step.pattern, text):
            return step
    raise KeyError(text)


def thread_index(table: str) -> Index:
    """The secondary index that setup() creates on a table."""
    return Index(name="%s_thread_id_idx" % table, columns=("thread_id",))


# Pairs of a PostgreSQL type and the contract's type that is equivalent for the saver.
EQUIVALENT_TYPES = {("character varying", "text"), ("bigint", "integer")}
# Each (table, column, type) whose type works for this column only: versions are small, and the saver converts idx from text.
EQUIVALENT_FOR = {(MIGRATIONS_TABLE, "v", "smallint"), ("checkpoint_writes", "idx", "numeric")}
# Operator classes that support comparisons for equality as well as the default one does.
CLASSES = ("text_pattern_ops", "varchar_pattern_ops", "bpchar_pattern_ops")
# Types whose values can have any size, and the index methods that do not store a complete value in an entry.
LARGE = ("jsonb", "bytea")
NARROWING = ("gin", "hash", "bloom")
# Each (table, column) that savers sort by.
SORTED = {("checkpoints", "checkpoint_id")}
# Each (table, column) that savers do not write, so that PostgreSQL evaluates its default.
UNWRITTEN = {("checkpoints", "type")}
# Each (table, column) that no statement of the saver compares with a value.
UNCOMPARED = UNWRITTEN | {("checkpoint_blobs", "type"), ("checkpoint_writes", "type"), ("checkpoint_writes", "task_path")}
# Each (table, column) that may contain NULL, but to which savers write a value.
ALWAYS_WRITTEN = {("checkpoint_writes", "type")}
# Each (table, column) that older savers do not write, so that their INSERT needs the default.
WRITTEN_LATER = {("checkpoint_writes", "task_path")}

# The tables that SqliteSaver of the newest library creates.
SQLITE = {
    "checkpoints": Table(
        name="checkpoints",
        columns=(
            *_texts("thread_id", "checkpoint_ns", "checkpoint_id", kind="TEXT", empty="''"),
            *_texts("parent_checkpoint_id", "type", nullable=True, kind="TEXT"),
            *(Column(name, "BLOB") for name in ("checkpoint", "metadata")),
        ),
        constraints=(Constraint("", "primary key", ("thread_id", "checkpoint_ns", "checkpoint_id")),),
    ),
    "writes": Table(
        name="writes",
        columns=(
            *_texts("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "task_path", kind="TEXT", empty="''"),
            Column("idx", "INTEGER", nullable=False),
            *_texts("channel", kind="TEXT"),
            *_texts("type", nullable=True, kind="TEXT"),
            Column("value", "BLOB"),
        ),
        constraints=(Constraint("", "primary key", ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx")),),
    ),
}

# Each (SQLite table, column) that older savers did not create. The rule is "sqlite column missing, older".
SQLITE_OPTIONAL = {("writes", "task_path")}

# (SQLite table, column) to the name of the column in PostgreSQL, if the names differ.
RENAMED = {("writes", "value"): "blob"}

# (SQLite type, PostgreSQL type) that have different names and store the same values, to the reason.
TYPES = {
    ("BLOB", "bytea"): "the same bytes",
    ("BLOB", "jsonb"): "SQLite stores the serialized value in one piece; PostgreSQL stores it as JSON, with larger channel values in checkpoint_blobs",
}
ONLY_POSTGRES = {
    "checkpoint_blobs": "PostgreSQL stores channel values here that SQLite stores in its checkpoint column",
    MIGRATIONS_TABLE: "PostgreSQL's savers record their migrations here; SQLite's savers have no migrations",
}
NOT_NULL_IN_POSTGRES = "every saver writes a value, but only PostgreSQL requires one"
NOT_NULL_IN_SQLITE = "SQLite requires a value and PostgreSQL does not, so all values from SQLite are accepted"
OWN_DEFAULT = "the defaults differ; current savers write a value to every column"
POSITION = "a migration added the column at the end; savers refer to columns by name"
TABLE_NAME = "PostgreSQL's name for SQLite's %s"
KEY_ORDER = "the same columns in a different order; they identify the same rows"
SAME_AFFINITY = "the type is declared differently; SQLite stores the same values"
SECONDARY_INDEX = "PostgreSQL's savers create it to delete and list threads; SQLite's savers do not"
