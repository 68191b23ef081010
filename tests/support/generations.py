# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as published releases of the libraries left them: what those releases were seen to send, sent again.

recordings/README.md says how the recordings came to be.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import sqlite3
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parent / "recordings"
LEDGER_ROW = re.compile(r"INSERT INTO checkpoint_migrations \(v\) VALUES \((\d+|%s)\)")
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


# Oldest first: each release of langgraph-checkpoint-postgres that changed what setup() does.
POSTGRES = sorted((path.stem for path in (RECORDINGS / "postgres").glob("*.json")), key=_order)


@functools.lru_cache(maxsize=None)
def recording(release):
    """What generations.py in tests/tools saw this release do."""
    return json.loads((RECORDINGS / "postgres" / ("%s.json" % release)).read_text())


SHALLOW = [release for release in POSTGRES if "ShallowPostgresSaver" in recording(release)["savers"]]


def sent(release, saver="PostgresSaver"):
    """(statement, parameters, the name of its error) of each that setup() sent to an empty database."""
    return [("\n".join(each["sql"]), each.get("parameters"), each.get("error")) for each in recording(release)["savers"][saver]["statements"]]


def ledger(release, saver="PostgresSaver"):
    """The numbers that the release recorded."""
    return recording(release)["savers"][saver]["ledger"]


def statements(release, saver="PostgresSaver"):
    """MIGRATIONS of a release: what came before each row of its ledger."""
    entries = sent(release, saver)
    return [entries[place - 1][0] for place, entry in enumerate(entries) if LEDGER_ROW.match(entry[0])]


def replay(connection, entries):
    """Send recorded statements again; one that failed then fails now."""
    import psycopg

    for statement, parameters, error in entries:
        try:
            connection.execute(statement, parameters)
        except psycopg.Error as found:
            assert type(found).__name__ == error, "%s: %s" % (statement, found)
        else:
            assert error is None, "%s did not fail with %s" % (statement, error)


def migrate(database, *releases, role=None, schema=None, steps=None, saver="PostgresSaver"):
    """What setup() of these releases, one after the other, makes of a database. steps: how many statements of the first were sent."""
    before = None
    with database.connect(role or database.owner, autocommit=True, **({"options": "-c search_path=" + schema} if schema else {})) as connection:
        for release in releases:
            entries = sent(release, saver)
            if before is not None:
                entries = _over(connection, release, before, entries)
            replay(connection, entries[:steps])
            before = release


def _over(connection, release, before, entries):
    """setup() goes on behind the highest number that it finds, so that number has to be the one that the recording began with."""
    (found,) = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()
    assert found == max(ledger(before)), "%s was recorded over version %s, here is %s" % (release, max(ledger(before)), found)
    over = recording(release)["over"][before]
    again = [entries[place][:2] + (None,) for place in over["sent"]]
    again[-1] = again[-1][:2] + (over["error"],)
    return again


def shallow(database, role=None, release=SHALLOW[-1]):
    """What ShallowPostgresSaver makes."""
    migrate(database, release, role=role, saver="ShallowPostgresSaver")


def recorded_file(generation="task_path"):
    """A SQLite file that a release of that generation wrote; it must not be opened where it lies."""
    return RECORDINGS / "sqlite" / ("%s.sqlite" % SQLITE[generation])


def sqlite_file(path, generation="task_path", close=True):
    """A copy of that file, or, not closed, the open connection of today's SqliteSaver on a new one."""
    if close:
        shutil.copyfile(recorded_file(generation), path)
        return path
    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(path)
    SqliteSaver(connection).setup()
    connection.commit()
    return connection
