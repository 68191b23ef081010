# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the fault tests: how many points of a run are tested, the initial states of a run, and when a schema is complete."""

from __future__ import annotations

from complete_schema import assert_complete
from databases import TABLES, Database
from events import until
from generations import migrate
from scope import ALL, EVERYWHERE

# `make faults` tests every point. Otherwise, one point out of EVERY is tested, and one out of FEWER for faults that take ten seconds each.
EVERY = 1 if EVERYWHERE else 12 if ALL else 40
FEWER = 1 if EVERYWHERE else 40
OLD = "1.0.2"


class Start:
    """An initial state of a run. If it has tables, they contain rows that must still exist afterwards."""

    def __init__(self, name, release=None):
        self.name = name
        self.release = release

    def make(self, server):
        database = Database.create(server)
        if self.release:
            migrate(database, self.release, role=database.owner)
            for number, table in enumerate(TABLES):
                database.execute(ROWS[table], [str(number)], role=database.owner)
        return database

    def rows(self, database):
        if not self.release:
            return None
        return [database.execute("SELECT thread_id, checkpoint_ns, %s FROM %s ORDER BY 1" % (KEPT[table], table)) for table in TABLES]


ROWS = {
    "checkpoints": "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{\"v\": 1}')",
    "checkpoint_blobs": "INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob) VALUES (%s, 'messages', '1', 'bytes', '\\x00ff')",
    "checkpoint_writes": "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob) VALUES (%s, 'c', 't', 0, 'm', '\\x01')",
}
KEPT = {"checkpoints": "checkpoint", "checkpoint_blobs": "blob", "checkpoint_writes": "blob"}
STARTS = [Start("a first setup"), Start("an upgrade", OLD)]
# The keys that the saver's ON CONFLICT clauses need.
KEYS = {
    "checkpoints": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)",
    "checkpoint_blobs": "PRIMARY KEY (thread_id, checkpoint_ns, channel, version)",
    "checkpoint_writes": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)",
}


def schema_error(database, schema="public"):
    """Why the schema is not complete, or an empty string."""
    try:
        assert_complete(database, schema)
        keys = database.execute(
            "SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " WHERE k.contype = 'p' AND k.connamespace = %s::regnamespace",
            [schema],
        )
        assert KEYS.items() <= dict(keys).items(), "keys: %s" % keys
    except Exception as error:  # pylint: disable=broad-exception-caught  # a missing table is a valid result
        return str(error).split("\n", maxsplit=1)[0] or type(error).__name__
    return ""


def sessions(database):
    """The owner's sessions on that database."""
    return database.server.execute("SELECT pid, query FROM pg_stat_activity WHERE datname = %s AND usename = %s", [database.name, database.owner.name])


def locks(database):
    return database.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


def wait_for_end(database, seconds=15):
    """Wait until the run has no session left on the server."""
    until(lambda: not sessions(database), seconds)
