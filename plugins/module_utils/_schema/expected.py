# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared mapping between LangGraph's SQLite and PostgreSQL schemas, and what each migration leaves behind.

Data, read by check_postgresql.py and check_columns.py (PostgreSQL), check_sqlite.py (SQLite) and parity.py (the two against each other).
Source: the savers of langgraph-checkpoint-sqlite 0.x to 3.1.2 and langgraph-checkpoint-postgres 1.0.1 to 3.2.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column, Constraint, Index, Table

LEDGER = "checkpoint_migrations"
DATA_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
TABLES = (LEDGER,) + DATA_TABLES

# SQLite's table and the PostgreSQL table that holds the same rows.
COUNTERPARTS = (("checkpoints", "checkpoints"), ("writes", "checkpoint_writes"))


def _texts(*names, nullable=False, kind="text", empty="''::text"):
    """Columns of text; of those that have a default it is the empty string."""
    return tuple(Column(name, kind, nullable, empty if name in ("checkpoint_ns", "task_path") else None) for name in names)


def _table(name, columns, key):
    index = Index(name="%s_pkey" % name, columns=key, unique=True)
    constraint = Constraint(name=index.name, kind="primary key", columns=key, definition="PRIMARY KEY (%s)" % ", ".join(key))
    return Table(name=name, columns=columns, constraints=(constraint,), indexes=(index,))


# What PostgresSaver.setup() of the newest library leaves behind.
POSTGRES = {
    table.name: table
    for table in (
        _table(LEDGER, (Column("v", "integer", nullable=False),), ("v",)),
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


@dataclass(frozen=True)
class Step:
    """One effect that a migration has on the catalog.

    pattern: how to know the statement in a library's MIGRATIONS, whatever its number there (numbers moved twice).
    kind, table, object: the effect. since: the first langgraph-checkpoint-postgres that has it.
    """

    kind: str
    table: str
    object: str
    pattern: str
    since: str

    @property
    def key(self):
        """How plans and findings name the step."""
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

# Statements that change nothing: an empty entry (2.0.8, 2.0.9) and the placeholder that took its number later.
NO_EFFECT = r"^(select 1)?;?$"


def step_of(statement):
    """The Step that a migration's SQL takes, None where it has no effect; raises KeyError where it is not known."""
    text = " ".join(statement.split()).lower().strip()
    if re.match(NO_EFFECT, text):
        return None
    for step in STEPS:
        if re.search(step.pattern, text):
            return step
    raise KeyError(text)


def thread_index(table):
    """The secondary index that setup() makes on a table."""
    return Index(name="%s_thread_id_idx" % table, columns=("thread_id",))


# (type, the type that the contract has) in PostgreSQL that come to the same. Operator classes that serve a comparison for equality as well.
EQUIVALENT_TYPES = {("character varying", "text"), ("bigint", "integer")}
CLASSES = ("text_pattern_ops", "varchar_pattern_ops", "bpchar_pattern_ops")
# Types whose values can be of any size, and the index methods that keep no whole value in an entry.
LARGE = ("jsonb", "bytea")
NARROWING = ("gin", "hash", "bloom")
# (table, column) by which savers sort.
SORTED = {("checkpoints", "checkpoint_id")}
# (table, column) that no saver writes, so that its default counts.
UNWRITTEN = {("checkpoints", "type")}

# SQLite's side, as SqliteSaver of the newest library makes it.
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

# (SQLite table, column) absent from files of an older saver, whose rule is "sqlite column missing, older".
SQLITE_OPTIONAL = {("writes", "task_path")}

# (SQLite table, its column) -> PostgreSQL's name for it, where the two differ.
RENAMED = {("writes", "value"): "blob"}

# (SQLite type, PostgreSQL type) of different names that hold the same values, and why.
TYPES = {
    ("BLOB", "bytea"): "the same bytes",
    ("BLOB", "jsonb"): "SQLite keeps the serialised value whole; PostgreSQL keeps it as JSON, with larger channel values in checkpoint_blobs",
}
ONLY_POSTGRES = {
    "checkpoint_blobs": "PostgreSQL keeps channel values here that SQLite keeps inside its checkpoint column",
    LEDGER: "PostgreSQL's savers record their migrations here; SQLite's have none",
}
NOT_NULL_IN_POSTGRES = "every saver writes a value, and PostgreSQL insists on it"
NOT_NULL_IN_SQLITE = "SQLite insists on a value where PostgreSQL does not; what SQLite holds fits"
OWN_DEFAULT = "each side has a default of its own, or none; the savers of today name every value"
POSITION = "added later by a migration, hence last; savers name their columns"
TABLE_NAME = "PostgreSQL's name for SQLite's %s"
KEY_ORDER = "the same columns in another order, so the same rows count as one"
SAME_AFFINITY = "declared in other words; SQLite stores the same values"
SECONDARY_INDEX = "PostgreSQL's savers add it for deleting and listing threads; SQLite's have none"
