# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two schemas as upstream creates them, and LangGraph's releases, as values for tests."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library, Migration
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState, Server
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, POSTGRES, SQLITE, step_of, thread_index
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

OWNER = "langgraph_owner"
NULLABLE, INDEXES, TASK_PATH = "blob may be NULL", "thread_id indexes", "task_path"
ALL = frozenset((NULLABLE, INDEXES, TASK_PATH))


def postgres(features=ALL, name="public", owner=OWNER):
    """The schema that a release with these features creates. The default is the current release."""
    schema = Schema("postgresql", name)
    for table in POSTGRES.values():
        table = table._replace(owner=owner)
        if INDEXES in features and table.name in DATA_TABLES:
            table = table.with_index(thread_index(table.name))
        if NULLABLE not in features and table.name == "checkpoint_blobs":
            table = table.with_column(table.column("blob")._replace(nullable=False))
        if TASK_PATH not in features and table.name == "checkpoint_writes":
            table = table._replace(columns=tuple(column for column in table.columns if column.name != "task_path"))
        schema = schema.with_table(table)
    return schema


def sqlite(name="checkpoints.sqlite"):
    """The schema of a file that the current SqliteSaver created."""
    return Schema("sqlite", name, tuple(SQLITE[table] for table in sorted(SQLITE)))


def server(**changes):
    """A server on which the owner has all privileges."""
    usual = Server(
        role=OWNER,
        login=OWNER,
        standby=False,
        read_only=False,
        superuser=False,
        database="langgraph",
        schema_exists=True,
        schema_usage=True,
        schema_create=True,
        path=("pg_catalog", "public"),
    )
    return usual._replace(**changes)


def database_state(schema, recorded=None, hidden=False, **changes):
    """A DatabaseState with this schema on that server."""
    return DatabaseState(schema, server(**changes), recorded, hidden)


def empty():
    """A DatabaseState of an empty database."""
    return database_state(Schema("postgresql", "public"))


COLUMNS = {
    "checkpoint_migrations": """
    v INTEGER PRIMARY KEY
""",
    "checkpoints": """
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint JSONB NOT NULL,
    metadata JSONB NOT NULL DEFAULT '{}',
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
""",
    "checkpoint_blobs": """
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    channel TEXT NOT NULL,
    version TEXT NOT NULL,
    type TEXT NOT NULL,
    blob BYTEA,
    PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
""",
    "checkpoint_writes": """
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    blob BYTEA NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
""",
}


def create(table):
    """CREATE TABLE as releases write it. A functional test compares these with the recorded statements."""
    return "CREATE TABLE IF NOT EXISTS %s (%s);" % (table, COLUMNS[table])


def index(table):
    """CREATE INDEX as releases write it, with line breaks around it."""
    return "\n    CREATE INDEX CONCURRENTLY IF NOT EXISTS %s_thread_id_idx ON %s(thread_id);\n    " % (table, table)


CREATES = [create(table) for table in POSTGRES]
CREATES_FIRST = [statement.replace("blob BYTEA,", "blob BYTEA NOT NULL,") for statement in CREATES]
NULL = "ALTER TABLE checkpoint_blobs ALTER COLUMN blob DROP not null;"
INDEXING = [index(table) for table in DATA_TABLES]
ADD = "ALTER TABLE checkpoint_writes ADD COLUMN task_path TEXT NOT NULL DEFAULT '';"
ADD_AGAIN = "ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS task_path TEXT NOT NULL DEFAULT '';"

# {release that changed MIGRATIONS: (its MIGRATIONS, the features of the resulting schema)}.
RELEASES = {
    "1.0.1": (CREATES_FIRST, frozenset()),
    "1.0.2": (CREATES + [NULL], frozenset((NULLABLE,))),
    "2.0.8": (CREATES + [NULL, "\n    "] + INDEXING, frozenset((NULLABLE, INDEXES))),
    "2.0.10": (CREATES + [NULL] + INDEXING, frozenset((NULLABLE, INDEXES))),
    "2.0.12": (CREATES + [NULL] + INDEXING + [ADD], ALL),
    "2.0.13": (CREATES + [NULL, "SELECT 1;"] + INDEXING + [ADD], ALL),
    "3.0.0": (CREATES + [NULL, "SELECT 1;"] + INDEXING + [ADD], ALL),
    "3.0.1": (CREATES + [NULL, "SELECT 1;"] + INDEXING + [ADD_AGAIN], ALL),
    "3.2.0": (CREATES + [NULL, "SELECT 1;"] + INDEXING + [ADD_AGAIN], ALL),
}
NEWEST = "3.2.0"


def library(release=NEWEST, more=()):
    """The Library of a release. more: statements of a later release, which are not in the contract."""
    known = [Migration(version, statement, step_of(statement)) for version, statement in enumerate(RELEASES[release][0])]
    unknown = [Migration(version, statement, None, known=False) for version, statement in enumerate(more, len(known))]
    return Library(release, tuple(known + unknown))


def database(release, **changes):
    """A DatabaseState of a database on which setup() of a release ran."""
    statements, features = RELEASES[release]
    return database_state(postgres(features), tuple(range(len(statements))), **changes)
