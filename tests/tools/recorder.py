# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a release of LangGraph's savers in a virtualenv that contains it. generations.py starts it.

It reads one JSON document from standard input and writes one to standard output.
{"runs": [[saver, conninfo], ...]}: setup() of that saver on each database. The result is {"runs": [{"statements": [...], "error": ...}, ...]}.
{"sqlite": path}: SqliteSaver stores two checkpoints and pending writes in that file. {}: nothing is run.
Every result has "installed", and "savers": the PostgreSQL savers of this release.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import sys
import warnings
from importlib import metadata

SAVERS = {"PostgresSaver": "langgraph.checkpoint.postgres", "ShallowPostgresSaver": "langgraph.checkpoint.postgres.shallow"}
# This id contains the time at which it was created.
ID = "1ef4f797-8335-6428-8001-8a1503f9b875"


def saver_class(name):
    """The class of a saver, or None if the release does not have it."""
    try:
        return getattr(importlib.import_module(SAVERS[name]), name)
    except ImportError:
        return None


def record(name, conninfo):
    """The statements of one setup(), in order, and the error that ended it. An error that setup() itself caught is recorded with its statement."""
    import psycopg

    sent = []
    execute = psycopg.Cursor.execute

    def recorded(self, query, params=None, **more):
        entry = {"sql": query}
        if params is not None:
            entry["parameters"] = list(params)
        sent.append(entry)
        try:
            return execute(self, query, params, **more)
        except psycopg.Error as error:
            entry["error"] = type(error).__name__
            raise

    psycopg.Cursor.execute = recorded
    try:
        with saver_class(name).from_conn_string(conninfo) as saver:
            saver.setup()
        return {"statements": sent, "error": None}
    except psycopg.Error as error:
        return {"statements": sent, "error": type(error).__name__}
    finally:
        psycopg.Cursor.execute = execute


def fill(path):
    """Store two checkpoints of one thread, the second with pending writes, as the run of a graph does."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    found = SqliteSaver.from_conn_string(path)
    with found if hasattr(found, "__enter__") else contextlib.closing(found.conn) as entered:
        saver = entered if hasattr(entered, "put") else found
        old = "thread_ts" in inspect.getsource(type(saver))
        name = "thread_ts" if old else "checkpoint_id"
        config = {"configurable": {"thread_id": "thread-1"}}
        if not old:
            config["configurable"]["checkpoint_ns"] = ""
        for number, ident in enumerate(("1ef4f797-8333-6e5c-8000-4b6e5f2f0e21", ID)):
            checkpoint = {
                "v": 1,
                "id": ident,
                "ts": "2024-07-31T20:14:19.80455%d+00:00" % number,
                "channel_values": {"messages": ["hello"] * (number + 1), "count": number},
                "channel_versions": {"messages": number + 1, "count": number + 1},
                "versions_seen": {},
                "pending_sends": [],
            }
            if old:
                # The first releases store the time in thread_ts. Later ones store the id.
                checkpoint["current_tasks"] = {}
            arguments = [config, checkpoint, {"source": "loop", "step": number, "writes": None, "score": None}, checkpoint["channel_versions"]]
            config = saver.put(*arguments[: len(inspect.signature(saver.put).parameters)])
        assert config["configurable"][name], config
        if table_there(saver.conn, "writes"):
            saver.put_writes(config, [("messages", ["world"]), ("count", 2)], "task-1")
        saver.conn.commit()


def table_there(connection, name):
    return connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0] == 1


def main():
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    answer = {
        "installed": {item.metadata["Name"].lower(): item.version for item in metadata.distributions()},
        "savers": [name for name in SAVERS if saver_class(name)],
        "runs": [record(*run) for run in asked.get("runs", ())],
    }
    if "sqlite" in asked:
        fill(asked["sqlite"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
