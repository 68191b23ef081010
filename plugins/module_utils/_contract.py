# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared mapping between LangGraph's SQLite and PostgreSQL schemas, and what each migration leaves behind.

Data, read by _examination.py and _columns.py (PostgreSQL against the contract) and _parity.py (the two sides against each other).
Source: the savers of langgraph-checkpoint-sqlite 0.x to 3.1.2 and langgraph-checkpoint-postgres 1.0.1 to 3.2.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import Column, Constraint, Index, Table

LEDGER = "checkpoint_migrations"
DATA_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
TABLES = (LEDGER,) + DATA_TABLES

# SQLite's table and the PostgreSQL table that holds the same rows.
COUNTERPARTS = (("checkpoints", "checkpoints"), ("writes", "checkpoint_writes"))

MEND, REFUSE, REPORT = "mend", "refuse", "report"


def _text(name, nullable=False, default=None):
    return Column(name=name, type="text", nullable=nullable, default=default)


def _table(name, columns, key):
    index = Index(name="%s_pkey" % name, columns=key, unique=True)
    constraint = Constraint(name=index.name, kind="primary key", columns=key, definition="PRIMARY KEY (%s)" % ", ".join(key))
    return Table(name=name, columns=columns, constraints=(constraint,), indexes=(index,))


EMPTY = "''::text"

# What PostgresSaver.setup() of the newest library leaves behind.
POSTGRES = {
    table.name: table
    for table in (
        _table(LEDGER, (Column("v", "integer", nullable=False),), ("v",)),
        _table(
            "checkpoints",
            (
                _text("thread_id"),
                _text("checkpoint_ns", default=EMPTY),
                _text("checkpoint_id"),
                _text("parent_checkpoint_id", nullable=True),
                _text("type", nullable=True),
                Column("checkpoint", "jsonb", nullable=False),
                Column("metadata", "jsonb", nullable=False, default="'{}'::jsonb"),
            ),
            ("thread_id", "checkpoint_ns", "checkpoint_id"),
        ),
        _table(
            "checkpoint_blobs",
            (
                _text("thread_id"),
                _text("checkpoint_ns", default=EMPTY),
                _text("channel"),
                _text("version"),
                _text("type"),
                Column("blob", "bytea"),
            ),
            ("thread_id", "checkpoint_ns", "channel", "version"),
        ),
        _table(
            "checkpoint_writes",
            (
                _text("thread_id"),
                _text("checkpoint_ns", default=EMPTY),
                _text("checkpoint_id"),
                _text("task_id"),
                Column("idx", "integer", nullable=False),
                _text("channel"),
                _text("type", nullable=True),
                Column("blob", "bytea", nullable=False),
                _text("task_path", default=EMPTY),
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
    Step("table", LEDGER, LEDGER, r"create table (if not exists )?checkpoint_migrations\b", "1.0.1"),
    Step("table", "checkpoints", "checkpoints", r"create table (if not exists )?checkpoints\b", "1.0.1"),
    Step("table", "checkpoint_blobs", "checkpoint_blobs", r"create table (if not exists )?checkpoint_blobs\b", "1.0.1"),
    Step("table", "checkpoint_writes", "checkpoint_writes", r"create table (if not exists )?checkpoint_writes\b", "1.0.1"),
    Step("nullable", "checkpoint_blobs", "blob", r"alter table checkpoint_blobs alter column blob drop not null", "1.0.2"),
    Step(
        "index",
        "checkpoints",
        "checkpoints_thread_id_idx",
        r"create index (concurrently )?(if not exists )?checkpoints_thread_id_idx\b",
        "2.0.8",
    ),
    Step(
        "index",
        "checkpoint_blobs",
        "checkpoint_blobs_thread_id_idx",
        r"create index (concurrently )?(if not exists )?checkpoint_blobs_thread_id_idx\b",
        "2.0.8",
    ),
    Step(
        "index",
        "checkpoint_writes",
        "checkpoint_writes_thread_id_idx",
        r"create index (concurrently )?(if not exists )?checkpoint_writes_thread_id_idx\b",
        "2.0.8",
    ),
    Step("column", "checkpoint_writes", "task_path", r"alter table checkpoint_writes add column (if not exists )?task_path\b", "2.0.12"),
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


@dataclass(frozen=True)
class Rule:
    """What may not be so in PostgreSQL. action: mend, refuse or report; report is no drift. reason: why, in words."""

    action: str
    reason: str
    since: str = "1.0.1"


# By the name that a Breach carries.
RULES = {
    "table missing": Rule(MEND, "setup() creates it, and every saver reads it"),
    "table kind": Rule(REFUSE, "setup() makes an ordinary table; its indexes and ON CONFLICT clauses do not work on anything else"),
    "table shape": Rule(REFUSE, "this is another application's table; use another schema or database"),
    "table unlogged": Rule(REFUSE, "an unlogged table is emptied by a crash and is not on any standby"),
    "table shallow": Rule(REFUSE, "these are ShallowPostgresSaver's tables: one row a thread, and PostgresSaver cannot read them"),
    "table partitioned": Rule(REFUSE, "CREATE INDEX CONCURRENTLY does not work on a partitioned table"),
    "table inherited": Rule(REFUSE, "rows of an inheriting table would be read as rows of this one"),
    "table parent": Rule(REPORT, "it inherits from another table, which then shows its rows; the saver is not affected"),
    "table elsewhere": Rule(REFUSE, "the bare name, which is all that LangGraph uses, finds another table first"),
    "table not on path": Rule(REPORT, "the bare name, which is all that LangGraph uses, is not on this role's search_path"),
    "owner differs": Rule(REFUSE, "tables of different owners cannot be migrated by one role"),
    "column missing": Rule(REFUSE, "the saver names this column in its statements, and its values cannot be made up"),
    "column missing, addable": Rule(MEND, "the saver writes and reads this column; it can be added without a rewrite", "2.0.12"),
    "column type": Rule(REFUSE, "the saver's values do not survive in another type"),
    "column nullable": Rule(REFUSE, "a NULL here is a row that the saver cannot read"),
    "column not null": Rule(REFUSE, "the saver leaves this column NULL, so its INSERT would fail"),
    "column not null, older": Rule(MEND, "an empty channel is stored as NULL, so its INSERT would fail", "1.0.2"),
    "column default": Rule(MEND, "rows written by hand or by older savers rely on it"),
    "column default extra": Rule(REPORT, "every saver names its value, so the default is never used"),
    "column generated": Rule(REFUSE, "the saver writes this column itself, which a generated column refuses"),
    "column collation": Rule(REFUSE, "under a nondeterministic collation different ids can count as equal"),
    "column collation other": Rule(REPORT, "another collation than the database's default; ids order alike in each"),
    "column extra": Rule(REPORT, "the saver does not know this column and leaves it empty"),
    "column extra, required": Rule(REFUSE, "the saver does not know this column, so each of its INSERTs would fail"),
    "key missing": Rule(REFUSE, "the saver's ON CONFLICT clause needs this key"),
    "key columns": Rule(REFUSE, "the saver's ON CONFLICT clause needs exactly these columns"),
    "key order": Rule(REFUSE, "the newest checkpoint of a thread is found through the key in this order"),
    "key invalid": Rule(REFUSE, "the saver's ON CONFLICT clause does not find a key whose index is INVALID"),
    "key deferrable": Rule(REFUSE, "ON CONFLICT does not accept a deferrable key"),
    "unique": Rule(REFUSE, "it refuses rows that the saver may write"),
    "unique, implied": Rule(REPORT, "it holds the primary key's columns, so it refuses nothing more"),
    "check": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "check, not enforced": Rule(REPORT, "it is not enforced"),
    "exclusion": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "foreign key": Rule(REFUSE, "LangGraph stores pending writes in the background, possibly before their checkpoint: a foreign key loses runs"),
    "foreign key, incoming": Rule(REFUSE, "deleting a thread fails while another table's rows refer to it"),
    "foreign key, incoming, cascading": Rule(REPORT, "another table refers to this one and follows its deletions"),
    "index missing": Rule(MEND, "deleting and listing threads scan the whole table without it", "2.0.8"),
    "index invalid": Rule(MEND, "no query uses an INVALID index, each write pays for it, and setup() passes over it", "2.0.8"),
    "index remains": Rule(MEND, "an interrupted REINDEX left it: no query uses it, each write pays for it"),
    "index name taken": Rule(REFUSE, "setup() passes over a name that is taken, whatever holds it", "2.0.8"),
    "index building": Rule(REPORT, "another session is building it right now", "2.0.8"),
    "index covered": Rule(REPORT, "another index serves the same queries", "2.0.8"),
    "index differs": Rule(REFUSE, "setup() passes over an index of this name whatever it holds", "2.0.8"),
    "index extra": Rule(REPORT, "an index that setup() does not make; it costs writes and breaks nothing"),
    "index extra invalid": Rule(REPORT, "an INVALID index that setup() does not make; it costs writes and serves nobody"),
    "trigger": Rule(REFUSE, "a trigger may change or refuse rows that the saver writes"),
    "trigger disabled": Rule(REPORT, "it is disabled"),
    "rule": Rule(REFUSE, "a rule rewrites the saver's statements"),
    "rule disabled": Rule(REPORT, "it is disabled"),
    "row security": Rule(REFUSE, "row security hides rows from the saver without a word"),
    "policy": Rule(REPORT, "row security is off, so the policy has no effect"),
}

# SQLite's side: the columns of each table, and those that a generation may lack.
SQLITE = {
    "checkpoints": Table(
        name="checkpoints",
        columns=(
            Column("thread_id", "TEXT", nullable=False),
            Column("checkpoint_ns", "TEXT", nullable=False, default="''"),
            Column("checkpoint_id", "TEXT", nullable=False),
            Column("parent_checkpoint_id", "TEXT"),
            Column("type", "TEXT"),
            Column("checkpoint", "BLOB"),
            Column("metadata", "BLOB"),
        ),
        constraints=(Constraint("", "primary key", ("thread_id", "checkpoint_ns", "checkpoint_id")),),
    ),
    "writes": Table(
        name="writes",
        columns=(
            Column("thread_id", "TEXT", nullable=False),
            Column("checkpoint_ns", "TEXT", nullable=False, default="''"),
            Column("checkpoint_id", "TEXT", nullable=False),
            Column("task_id", "TEXT", nullable=False),
            Column("task_path", "TEXT", nullable=False, default="''"),
            Column("idx", "INTEGER", nullable=False),
            Column("channel", "TEXT", nullable=False),
            Column("type", "TEXT"),
            Column("value", "BLOB"),
        ),
        constraints=(Constraint("", "primary key", ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx")),),
    ),
}

# (SQLite table, column) absent from files of an older saver, and what that means.
SQLITE_OPTIONAL = {
    ("writes", "task_path"): "langgraph-checkpoint-sqlite before 3.1.2 did not store it; it counts as ''",
}
SQLITE_THREAD_TS = (
    "this file has thread_ts, the shape from before langgraph-checkpoint-sqlite 1.0. No PostgreSQL saver reads it: "
    "carry its threads over with langgraph 0.1 and langgraph-checkpoint-sqlite 1.0 first"
)

# (SQLite table, its column) -> PostgreSQL's name for it, where the two differ.
RENAMED = {("writes", "value"): "blob"}

# (SQLite type, PostgreSQL type) that hold the same values, and why.
TYPES = {
    ("TEXT", "text"): "",
    ("INTEGER", "integer"): "",
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
NO_FOREIGN_KEY = "none on either engine: LangGraph may store a pending write before its checkpoint"
SECONDARY_INDEX = "PostgreSQL's savers add it for deleting and listing threads; SQLite's have none"
