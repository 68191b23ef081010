# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as older releases of the libraries left them.

The statements are the installed library's own, picked and numbered as each release had them; two of them differ by a few words.
"""

from __future__ import annotations

import sqlite3

TABLES = [0, 1, 2, 3]
BLOBS = 2
NULLABLE = 4
INDEXES = [6, 7, 8]
TASK_PATH = 9

# Release to the entries of its MIGRATIONS, as positions in today's list; None is an empty string.
POSTGRES = {
    "1.0.1": TABLES,
    "2.0.7": TABLES + [NULLABLE],
    "2.0.8": TABLES + [NULLABLE, None] + INDEXES,
    "2.0.11": TABLES + [NULLABLE] + INDEXES,
    "2.0.12": TABLES + [NULLABLE] + INDEXES + [TASK_PATH],
    "2.0.13": TABLES + [NULLABLE, 5] + INDEXES + [TASK_PATH],
}


def statements(release):
    """MIGRATIONS of a release."""
    from langgraph.checkpoint.postgres.base import MIGRATIONS

    found = ["" if entry is None else MIGRATIONS[entry] for entry in POSTGRES[release]]
    if NULLABLE not in POSTGRES[release]:
        found[BLOBS] = found[BLOBS].replace("blob BYTEA", "blob BYTEA NOT NULL")
    if TASK_PATH in POSTGRES[release]:
        found[-1] = found[-1].replace("IF NOT EXISTS ", "")
    return found


def migrate(database, *releases, role=None, schema=None):
    """What setup() of these releases, one after the other, makes of a database."""
    import psycopg

    with psycopg.connect(database.conninfo(role, schema), autocommit=True) as connection:
        for release in releases:
            entries = statements(release)
            connection.execute(entries[0])
            newest = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()[0]
            for number in range(0 if newest is None else newest + 1, len(entries)):
                connection.execute(entries[number])
                connection.execute("INSERT INTO checkpoint_migrations (v) VALUES (%s)", (number,))


def shallow(database, role=None):
    """What ShallowPostgresSaver makes."""
    import warnings

    from langgraph.checkpoint.postgres.shallow import ShallowPostgresSaver

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ShallowPostgresSaver.from_conn_string(database.conninfo(role)) as saver:
            saver.setup()


def sqlite_file(path, generation="task_path", close=True):
    """A SQLite file of a generation: task_path (today's), no task_path (1.0.0 to 3.1.1), thread_ts (before 1.0)."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(path)
    if generation == "thread_ts":
        connection.executescript(
            "CREATE TABLE checkpoints (thread_id TEXT NOT NULL, thread_ts TEXT NOT NULL, parent_ts TEXT, checkpoint BLOB, metadata BLOB,"
            " PRIMARY KEY (thread_id, thread_ts));"
            "CREATE TABLE writes (thread_id TEXT NOT NULL, thread_ts TEXT NOT NULL, task_id TEXT NOT NULL, idx INTEGER NOT NULL,"
            " channel TEXT NOT NULL, value BLOB, PRIMARY KEY (thread_id, thread_ts, task_id, idx));"
        )
    else:
        SqliteSaver(connection).setup()
        if generation == "no task_path":
            connection.execute("ALTER TABLE writes DROP COLUMN task_path")
    connection.commit()
    if not close:
        return connection
    connection.close()
    return path
