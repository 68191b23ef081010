# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as published releases of the libraries leave them: the recorded statements of those releases are executed again.

recordings/README.md describes how the recordings were made.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import sqlite3
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parent / "recordings"
RECORDED_ROW = re.compile(r"INSERT INTO checkpoint_migrations \(v\) VALUES \((\d+|%s)\)")
SQLITE = {
    "task_path": "3.1.2",
    "task_path, added": "1.0.0-by-3.1.2",
    "no task_path": "3.1.1",
    "no task_path, 2.0": "2.0.11",
    "no task_path, 1.0": "1.0.0",
    "thread_ts": "0.1.19",
    "thread_ts, no writes": "0.0.69",
    "thread_ts, no metadata": "0.0.30",
}


def _order(release):
    return [int(part) for part in release.split(".")]


# Oldest first: each release of langgraph-checkpoint-postgres that changed the behavior of setup().
POSTGRES = sorted((path.stem for path in (RECORDINGS / "postgres").glob("*.json")), key=_order)


@functools.lru_cache(maxsize=None)
def recording(release):
    """The recording of this release, written by tests/tools/generations.py."""
    return json.loads((RECORDINGS / "postgres" / ("%s.json" % release)).read_text())


SHALLOW = [release for release in POSTGRES if "ShallowPostgresSaver" in recording(release)["savers"]]


def sent(release, saver="PostgresSaver"):
    """(statement, parameters, the name of its error) of each statement that setup() sent to an empty database."""
    return [("\n".join(each["sql"]), each.get("parameters"), each.get("error")) for each in recording(release)["savers"][saver]["statements"]]


def recorded_versions(release, saver="PostgresSaver"):
    """The versions that the release wrote to the migrations table."""
    return recording(release)["savers"][saver]["migrations"]


def statements(release, saver="PostgresSaver"):
    """MIGRATIONS of a release: the statement before each INSERT into its migrations table."""
    entries = sent(release, saver)
    return [entries[place - 1][0] for place, entry in enumerate(entries) if RECORDED_ROW.match(entry[0])]


def replay(connection, entries):
    """Execute recorded statements again. A statement that failed during the recording must fail now."""
    import psycopg

    for statement, parameters, error in entries:
        try:
            connection.execute(statement, parameters)
        except psycopg.Error as found:
            assert type(found).__name__ == error, "%s: %s" % (statement, found)
        else:
            assert error is None, "%s did not fail with %s" % (statement, error)


def migrate(database, *releases, role=None, schema=None, steps=None, saver="PostgresSaver"):
    """Run setup() of these releases, one after the other. steps: how many statements of each release are executed (default: all)."""
    before = None
    with database.connect(role or database.owner, autocommit=True, **({"options": "-c search_path=" + schema} if schema else {})) as connection:
        for release in releases:
            entries = sent(release, saver)
            if before is not None:
                entries = _over(connection, release, before, entries)
            replay(connection, entries[:steps])
            before = release


def _over(connection, release, before, entries):
    """setup() continues after the highest recorded version, so that version must be the one that the recording started from."""
    (found,) = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()
    assert found == max(recorded_versions(before)), "%s was recorded over version %s, found version %s" % (release, max(recorded_versions(before)), found)
    over = recording(release)["over"][before]
    again = [entries[place][:2] + (None,) for place in over["sent"]]
    again[-1] = again[-1][:2] + (over["error"],)
    return again


def shallow(database, role=None, release=SHALLOW[-1]):
    """Create the tables of ShallowPostgresSaver."""
    migrate(database, release, role=role, saver="ShallowPostgresSaver")


def recorded_file(generation="task_path"):
    """A SQLite file that a release of that generation wrote. Do not open it in place."""
    return RECORDINGS / "sqlite" / ("%s.sqlite" % SQLITE[generation])


def sqlite_file(path, generation="task_path", close=True):
    """A copy of that file, or, if close is false, the open connection of the current SqliteSaver on a new file."""
    if close:
        shutil.copyfile(recorded_file(generation), path)
        return path
    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(path)
    SqliteSaver(connection).setup()
    connection.commit()
    return connection
