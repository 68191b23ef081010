# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading real SQLite files. The functional tests compare files that upstream's saver creates."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3

import pytest
from schema_examples import postgres

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import SQLITE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.schema import read, read_file

ROWS = 3


def ddl(table):
    """CREATE TABLE for a table of the contract."""
    lines = []
    for column in SQLITE[table].columns:
        default = " DEFAULT %s" % column.default if column.default is not None else ""
        lines.append("%s %s%s%s" % (column.name, column.type, "" if column.nullable else " NOT NULL", default))
    return "CREATE TABLE %s (%s, PRIMARY KEY (%s))" % (table, ", ".join(lines), ", ".join(SQLITE[table].primary_key.columns))


def make(path, statements=(), wal=False):
    """An open file with both tables and some rows, after additional statements."""
    connection = sqlite3.connect(str(path), isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode = wal")
    for statement in [ddl(table) for table in sorted(SQLITE)] + list(statements):
        connection.execute(statement)
    for number in range(ROWS):
        connection.execute("INSERT INTO checkpoints (thread_id, checkpoint_id) VALUES ('t', ?)", (str(number),))
    return connection


def rows(connection, _schema):
    return connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoints.sqlite"


def schema_after(path, *statements):
    make(path, statements).close()
    schema, more = read_file(str(path))
    assert more is None
    return schema


def test_the_contracts_tables(path):
    schema = schema_after(path)
    assert (schema.engine, schema.name, schema.exists) == ("sqlite", str(path), True)
    assert [table.name for table in schema.tables] == ["checkpoints", "writes"]
    for table in schema.tables:
        assert table.columns == SQLITE[table.name].columns
        assert table.primary_key.columns == SQLITE[table.name].primary_key.columns
        assert (table.kind, table.indexes, table.attachments, table.owner) == ("table", (), (), "")
    assert compare(schema, postgres()).in_parity
    assert Schema.from_dict(schema.to_dict()) == schema


def test_everything_that_a_known_table_can_have(path):
    schema = schema_after(
        path,
        "DROP TABLE writes",
        "CREATE TABLE writes (task_id TEXT, idx TEXT, size INT GENERATED ALWAYS AS (length(idx)) VIRTUAL, kept INT AS (1) STORED, anything,"
        " thread TEXT UNIQUE REFERENCES threads ON DELETE CASCADE, FOREIGN KEY (idx, task_id) REFERENCES steps (a, b),"
        " PRIMARY KEY (idx, task_id)) WITHOUT ROWID",
        'CREATE UNIQUE INDEX "it\'s ""recent""; %" ON writes (thread, lower(idx)) WHERE idx > \'\'',
        "CREATE TRIGGER watch AFTER INSERT ON writes BEGIN SELECT 1; END",
        "CREATE TRIGGER another AFTER DELETE ON WRITES BEGIN SELECT 1; END",
    )
    assert schema.table("writes").describe() == [
        "table writes",
        "  task_id TEXT not null",
        "  idx TEXT not null",
        "  size INT generated virtual",
        "  kept INT generated stored",
        "  anything (no type)",
        "  thread TEXT",
        "  constraint  primary key (idx, task_id)",
        "  constraint  FOREIGN KEY (idx, task_id) REFERENCES steps",
        "  constraint  FOREIGN KEY (thread) REFERENCES threads",
        '  unique index it\'s "recent"; % btree (thread, (expression)) where (partial)',
        "  unique index sqlite_autoindex_writes_1 btree (thread)",
        "  trigger another",
        "  trigger watch",
    ]
    foreign = [item for item in schema.table("writes").constraints if item.kind == "foreign key"]
    assert [(item.columns, item.on_delete) for item in foreign] == [(("idx", "task_id"), "no action"), (("thread",), "cascade")]


OTHERS = {
    'it\'s "odd"; %': ("table", 'CREATE TABLE "it\'s ""odd""; %" (a TEXT PRIMARY KEY)'),
    "latest": ("view", "CREATE VIEW latest AS SELECT thread_id FROM checkpoints"),
    "unresolved": ("view", "CREATE VIEW unresolved AS SELECT * FROM dropped"),
    "words": ("virtual table", "CREATE VIRTUAL TABLE words USING fts5(body)"),
}


def test_other_tables_are_read_by_name(path):
    """SQLite itself cannot list the columns of a view that reads a missing table."""
    schema = schema_after(path, *(statement for _kind, statement in OTHERS.values()))
    for name, (kind, _statement) in OTHERS.items():
        assert schema.table(name).describe() == ["%s %s" % (kind, name)]
    assert not [table.name for table in schema.tables if table.name.startswith("sqlite_")]
    assert compare(schema, postgres()).in_parity, "none of these objects is LangGraph's"
    with contextlib.closing(sqlite3.connect(str(path))) as connection, pytest.raises(sqlite3.Error):
        connection.execute("PRAGMA table_xinfo(unresolved)").fetchall()


def queries(path, others):
    """The number of statements that are executed to read a file with this many other tables, each with a trigger."""
    path = path.with_name("%d.sqlite" % others)
    tables = ["CREATE TABLE t%d (a)" % number for number in range(others)]
    triggers = ["CREATE TRIGGER g%d AFTER INSERT ON t%d BEGIN SELECT 1; END" % (number, number) for number in range(others)]
    make(path, ["BEGIN", *tables, *triggers, "COMMIT"]).close()
    with contextlib.closing(sqlite3.connect(str(path))) as connection:
        seen = []
        connection.set_trace_callback(seen.append)
        assert len(read(connection, "").tables) == 2 + others
    return len(seen)


def test_thousands_of_other_tables_need_no_further_query(path):
    assert queries(path, 0) == queries(path, 2000)


@pytest.mark.parametrize("name", ["a b.sqlite", "what?.sqlite", "50%41.sqlite", "#1.sqlite", "it's.sqlite", "ü.sqlite", "x&mode=rwc"])
def test_names_that_a_uri_would_misread(tmp_path, name):
    assert schema_after(tmp_path / name).name.endswith(name)
    assert sorted(os.listdir(str(tmp_path))) == [name]


def test_reading_the_schema_has_a_time_limit(path, monkeypatch):
    make(path).close()
    for name, value in (("SECONDS", 0.0), ("STEPS", 1)):
        monkeypatch.setattr("ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.schema.%s" % name, value)
    assert "interrupted. Reading its schema took too long" in rejected(path)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(str(folder))) if not name.endswith("-shm")}


def test_a_file_in_use_is_read_with_its_wal_and_not_changed(path):
    with contextlib.closing(make(path, wal=True)) as connection:
        before = contents(path.parent)
        assert len(before) == 2 and before[path.name + "-wal"]
        schema, count = read_file(str(path), rows)
        assert len(schema.tables) == 2 and count == ROWS
        assert contents(path.parent) == before
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM checkpoints")
        assert read_file(str(path), rows)[1] == ROWS


def test_the_wal_of_a_crashed_process_is_read(path, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    with contextlib.closing(make(path, wal=True)):
        for name in (path.name, path.name + "-wal"):
            shutil.copy(str(tmp_path / name), str(copy / name))
    before = contents(copy)
    assert len(read_file(str(copy / path.name))[0].tables) == 2
    assert contents(copy) == before


def test_a_copy_of_only_the_main_file_is_distinguished_from_an_empty_file(path, tmp_path):
    alone = tmp_path / "alone.sqlite"
    with contextlib.closing(make(path, wal=True)):
        shutil.copy(str(path), str(alone))
    schema, _more = read_file(str(alone))
    assert schema.tables == ()
    assert "-wal" in compare(schema, postgres()).drift[0].reason


@pytest.mark.parametrize("wal", [False, True])
def test_a_file_that_no_process_has_open_is_not_changed(path, wal):
    make(path, wal=wal).close()
    before, modified = path.read_bytes(), path.stat().st_mtime_ns
    assert read_file(str(path), rows)[1] == ROWS
    assert os.listdir(str(path.parent)) == [path.name]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, modified)


@pytest.mark.parametrize("wal", [False, True])
@pytest.mark.parametrize("error", [None, sqlite3.DatabaseError("database disk image is malformed")])
def test_a_concurrent_writer_is_noticed(path, wal, error):
    make(path, wal=wal).close()
    seen = []

    def write_in_between(connection, schema):
        seen.append(rows(connection, schema))
        if len(seen) == 1:
            with contextlib.closing(sqlite3.connect(str(path), isolation_level=None)) as writer:
                writer.execute("DELETE FROM checkpoints WHERE checkpoint_id = '0'")
            if error:
                raise error
        return seen[-1]

    assert read_file(str(path), write_in_between)[1] == ROWS - 1
    assert seen == [ROWS, ROWS - 1]


def test_a_half_written_transaction_is_not_read(path, tmp_path):
    crashed = tmp_path / "crashed.sqlite"
    with contextlib.closing(make(path)) as connection:
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("BEGIN")
        for number in range(500):
            connection.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('u', ?, ?)", (str(number), b"x" * 500))
        for suffix in ("", "-journal"):
            shutil.copy(str(path) + suffix, str(crashed) + suffix)
    text = rejected(crashed)
    assert "left a -journal: open the file once with the application" in text
    with contextlib.closing(sqlite3.connect(str(crashed))) as application:
        assert rows(application, None) == ROWS
    assert read_file(str(crashed), rows)[1] == ROWS


def rejected(path):
    with pytest.raises(ModuleError) as found:
        read_file(str(path))
    assert not isinstance(found.value, PrerequisiteMissing) and str(path) in found.value.message
    return found.value.message


def test_paths_that_are_not_a_database(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert "is empty (0 bytes)" in rejected(tmp_path / "empty")
    missing = tmp_path / "missing.sqlite"
    assert "does not exist on this host. Correct sqlite_path" in rejected(missing)
    assert not missing.exists(), "reading must not create the file"
    assert "is not a regular file" in rejected(tmp_path)
    os.mkfifo(str(tmp_path / "pipe"))
    assert "is not a regular file" in rejected(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert "Too many levels" in rejected(tmp_path / "loop")
    (tmp_path / "text").write_bytes(b"thread_id,checkpoint\n" * 50)
    assert "is not a SQLite database" in rejected(tmp_path / "text")
    (tmp_path / "file").write_bytes(b"")
    assert "Not a directory" in rejected(tmp_path / "file" / "x.sqlite")


def test_a_truncated_file_is_rejected(path):
    make(path).close()
    whole = path.read_bytes()
    for size in (16, 99):
        path.write_bytes(whole[:size])
        assert "its header is incomplete" in rejected(path), size
    for size in (100, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        text = rejected(path)
        assert "is truncated: it has %d bytes, but its header states %d pages of 4096" % (size, len(whole) // 4096) in text
    path.write_bytes(whole + b"\0" * 4096)
    assert len(read_file(str(path))[0].tables) == 2, "additional bytes are harmless"


def test_a_file_with_the_largest_page_size(path):
    make(path).close()
    with contextlib.closing(sqlite3.connect(str(path), isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 65536")
        connection.execute("VACUUM")
    assert len(read_file(str(path))[0].tables) == 2
    path.write_bytes(path.read_bytes()[:-1])
    assert "pages of 65536" in rejected(path)


def test_a_damaged_file_is_rejected(path):
    make(path).close()
    damaged = bytearray(path.read_bytes())
    damaged[100:4096] = b"\xff" * 3996
    path.write_bytes(bytes(damaged))
    assert "Cannot read the SQLite file" in rejected(path) and "make a complete copy of the original file" in rejected(path)


def test_a_locked_file_is_rejected_after_a_wait(path, monkeypatch):
    monkeypatch.setattr("ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file.PATIENCE", 0.05)
    with contextlib.closing(make(path)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM checkpoints")
        assert "A writer has locked it: run again when the writer has finished." in rejected(path)


def test_the_reader_cannot_write(path):
    make(path).close()
    with pytest.raises(ModuleError, match="readonly"):
        read_file(str(path), lambda connection, schema: connection.execute("DELETE FROM checkpoints"))
    assert read_file(str(path), rows)[1] == ROWS
