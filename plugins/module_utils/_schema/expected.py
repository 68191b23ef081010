# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared mapping between LangGraph's SQLite and PostgreSQL schemas, and what each migration leaves behind.

Data, read by _examination.py and _columns.py (PostgreSQL), _file_examination.py (SQLite) and _parity.py (the two against each other).
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

MEND, REFUSE, REPORT = "mend", "refuse", "report"


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


@dataclass(frozen=True)
class Rule:
    """What may not be so. action: mend, refuse or report; report is no drift. reason: why, in words.

    since: the first version of the library to make it so, where it is younger than the tables. library: whose version that is.
    """

    action: str
    reason: str
    since: str = ""
    library: str = "langgraph-checkpoint-postgres"

    @property
    def told(self):
        """The reason as findings give it."""
        return "%s (since %s %s)" % (self.reason, self.library, self.since) if self.since else self.reason


NO_FOREIGN_KEY = "none on either engine: LangGraph may store a pending write before its checkpoint"
SEVERAL = "rows that are one in PostgreSQL can be several in this file"
CARRIED = "not LangGraph's: its rows can be carried over all the same"

# By the name that a Breach carries; those of a SQLite file begin with sqlite.
RULES = {
    "table missing": Rule(MEND, "setup() creates it, and every saver reads it"),
    "table kind": Rule(REFUSE, "setup() makes an ordinary table; its indexes and ON CONFLICT clauses do not work on anything else"),
    "table shape": Rule(REFUSE, "this is another application's table; use another schema or database"),
    "table unlogged": Rule(REFUSE, "an unlogged table is emptied by a crash and is not on any standby"),
    "table shallow": Rule(REFUSE, "these are ShallowPostgresSaver's tables: one row a thread, and PostgresSaver cannot read them"),
    "table partitioned": Rule(REFUSE, "CREATE INDEX CONCURRENTLY does not work on a partitioned table"),
    "table partition": Rule(REFUSE, "a partition refuses the rows that belong to another one"),
    "table inherited": Rule(REFUSE, "rows of an inheriting table would be read as rows of this one"),
    "table parent": Rule(REPORT, "it inherits from another table, which then shows its rows; the saver is not affected"),
    "table elsewhere": Rule(REFUSE, "the bare name, which is all that LangGraph uses, finds another table first"),
    "table not on path": Rule(REPORT, "the bare name, which is all that LangGraph uses, is not on this role's search_path"),
    "owner differs": Rule(REFUSE, "tables of different owners cannot be migrated by one role"),
    "column missing": Rule(REFUSE, "the saver names this column in its statements, and its values cannot be made up"),
    "column missing, addable": Rule(MEND, "the saver writes and reads this column; it can be added without a rewrite", "2.0.12"),
    "column type": Rule(REFUSE, "the saver's values do not survive in another type, or its statements do not work on it"),
    "column type alike": Rule(REPORT, "a type that holds the same values, and on which the saver's statements do the same"),
    "column nullable": Rule(REFUSE, "a NULL here is a row that the saver cannot read"),
    "column not null": Rule(REFUSE, "the saver leaves this column NULL, so its INSERT would fail"),
    "column not null, older": Rule(MEND, "an empty channel is stored as NULL, so its INSERT would fail", "1.0.2"),
    "column default": Rule(MEND, "rows written by hand or by older savers rely on it"),
    "column default extra": Rule(REPORT, "savers name this column's value, or nobody reads it"),
    "column generated": Rule(REFUSE, "the saver writes this column itself, which a generated column refuses"),
    "column storage": Rule(REFUSE, "values over 8 kB are refused where they may not leave their row"),
    "column collation": Rule(REFUSE, "under a nondeterministic collation different ids can count as equal"),
    "column collation order": Rule(REFUSE, "the newest checkpoint is the one whose id sorts last, and this collation sorts ids in another order"),
    "column collation other": Rule(REPORT, "another collation than the database's default; it tells the same ids apart"),
    "column extra": Rule(REPORT, "the saver does not know this column and leaves it empty"),
    "column extra, required": Rule(REFUSE, "the saver does not know this column, so its INSERTs would fail"),
    "column extra, computed": Rule(REFUSE, "it is computed for each row, which can fail on a row that the saver writes"),
    "key missing": Rule(REFUSE, "the saver's ON CONFLICT clause needs this key"),
    "key columns": Rule(REFUSE, "the saver's ON CONFLICT clause needs exactly these columns"),
    "key order": Rule(REFUSE, "the newest checkpoint of a thread is found through the key in this order"),
    "key invalid": Rule(REFUSE, "the saver's ON CONFLICT clause does not find a key whose index is INVALID"),
    "key deferrable": Rule(REFUSE, "ON CONFLICT does not accept a deferrable key"),
    "not null, not valid": Rule(REFUSE, "rows from before it may hold a NULL, which the saver cannot read"),
    "unique": Rule(REFUSE, "it refuses rows that the saver may write"),
    "unique, implied": Rule(REPORT, "it holds the primary key's columns, so it refuses nothing more"),
    "unique, deferrable": Rule(REFUSE, "the saver's ON CONFLICT clause names its columns and does not accept a deferrable constraint"),
    "check": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "check, implied": Rule(REPORT, "the column is NOT NULL, so it refuses nothing more"),
    "check, not enforced": Rule(REPORT, "it is not enforced"),
    "exclusion": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "foreign key": Rule(REFUSE, "LangGraph stores pending writes in the background, possibly before their checkpoint: a foreign key loses runs"),
    "foreign key, incoming": Rule(REFUSE, "deleting a thread fails while another table's rows refer to it"),
    "foreign key, incoming, cascading": Rule(REPORT, "another table refers to this one and follows its deletions"),
    "index missing": Rule(MEND, "deleting and listing threads scan the whole table without it", "2.0.8"),
    "index invalid": Rule(MEND, "no query uses an INVALID index, each write pays for it, and setup() passes over it", "2.0.8"),
    "index remains": Rule(MEND, "an interrupted REINDEX left it: no query uses it, each write pays for it"),
    "index name taken": Rule(REFUSE, "setup() passes over a name that is taken, whatever holds it", "2.0.8"),
    "index building": Rule(REPORT, "another session is building it right now"),
    "index covered": Rule(REPORT, "another index serves the same queries", "2.0.8"),
    "index differs": Rule(REFUSE, "setup() passes over an index of this name whatever it holds", "2.0.8"),
    "index variant": Rule(REPORT, "the saver's queries find its rows as well in another order or operator class, or with more columns"),
    "index wide": Rule(REFUSE, "an index entry has room for a few kilobytes, so rows with larger values are refused"),
    "index computed": Rule(REFUSE, "its expression is computed for each row, which can fail on a row that the saver writes"),
    "index extra": Rule(REPORT, "an index that setup() does not make; it costs writes and breaks nothing"),
    "index extra invalid": Rule(REPORT, "an INVALID index that setup() does not make; it costs writes and serves nobody"),
    "trigger": Rule(REFUSE, "a trigger may change or refuse rows that the saver writes"),
    "trigger idle": Rule(REPORT, "it is disabled, or not for what the saver does"),
    "rule": Rule(REFUSE, "a rule rewrites the saver's statements"),
    "rule idle": Rule(REPORT, "it is disabled, or not for what the saver does"),
    "rule for updates": Rule(REFUSE, "PostgreSQL refuses ON CONFLICT on a table that has a rule for updates, also a disabled one"),
    "row security": Rule(REFUSE, "row security hides rows from the saver without a word"),
    "policy": Rule(REPORT, "row security is off, so the policy has no effect"),
    "publication": Rule(REFUSE, "it sends updates or deletions without a replica identity that covers them, so PostgreSQL refuses these"),
    "publication harmless": Rule(REPORT, "it sends the table's changes elsewhere; the saver is not affected"),
    "sqlite table missing": Rule(REFUSE, "every SqliteSaver makes this table"),
    "sqlite tables missing": Rule(
        REFUSE, "the file holds no checkpoints: it is empty, another program's, or the main file alone of a live database whose data is in its -wal"
    ),
    "sqlite table kind": Rule(REFUSE, "SqliteSaver makes a table"),
    "sqlite table thread_ts": Rule(
        REFUSE,
        "this file has thread_ts, the shape from before langgraph-checkpoint-sqlite 1.0. No PostgreSQL saver reads it: "
        "carry its threads over with langgraph 0.1 and langgraph-checkpoint-sqlite 1.0 first",
    ),
    "sqlite table extra": Rule(REPORT, "not the checkpointer's: it stays where it is"),
    "sqlite column missing": Rule(REFUSE, "every SqliteSaver makes this column"),
    "sqlite column missing, older": Rule(REPORT, "an older saver did not store it; it counts as ''", "3.1.2", "langgraph-checkpoint-sqlite"),
    "sqlite column type": Rule(REFUSE, "SqliteSaver declares another type; under this one SQLite may change values as they are stored"),
    "sqlite column generated": Rule(REFUSE, "SqliteSaver writes this column itself"),
    "sqlite column extra": Rule(REFUSE, "no saver has this column, so its values would be lost"),
    "sqlite key missing": Rule(REFUSE, SEVERAL),
    "sqlite key wider": Rule(REFUSE, SEVERAL),
    "sqlite key narrower": Rule(REFUSE, "rows that PostgreSQL keeps apart replace each other in this file"),
    "sqlite key collation": Rule(REFUSE, "ids that are one under this collation are several in PostgreSQL"),
    "sqlite foreign key": Rule(REPORT, NO_FOREIGN_KEY),
    "sqlite index": Rule(REPORT, CARRIED),
    "sqlite trigger": Rule(REPORT, CARRIED),
}

# (type, the type that the contract has) in PostgreSQL that come to the same. Operator classes that serve a comparison for equality as well.
ALIKE = {("character varying", "text"), ("bigint", "integer")}
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
