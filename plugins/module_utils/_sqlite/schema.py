# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to read one Schema from a SQLite file that an application may have open, without changing it."""

from __future__ import annotations

import contextlib
import sqlite3

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import check_header, connect, damaged, logged, logs, state


def read_file(path, more=None):
    """(Schema, more(connection, schema)) of a SQLite file, in one read transaction. Raises ModuleError naming the file.

    A file without a log of any kind is read as immutable, which leaves no -wal and -shm behind; should a writer come meanwhile,
    it is read again as a live one.
    """
    check_header(path)
    try:
        if not logs(path):
            before = state(path)
            try:
                found = _read_through(path, ["mode=ro&immutable=1"], more)
                if state(path) == before:
                    return found
            except sqlite3.Error:
                if state(path) == before:
                    raise
        return _read_through(path, ["mode=ro"] if logged(path) else ["mode=ro", "mode=ro&immutable=1"], more)
    except (OSError, sqlite3.Error) as error:
        raise damaged(path, error) from None


def _read_through(path, modes, more):
    with contextlib.closing(connect(path, modes)) as connection:
        connection.execute("BEGIN")
        schema = read(connection, path)
        return schema, more(connection, schema) if more else None


def reference():
    """The Schema that the installed langgraph-checkpoint-sqlite creates: made in memory by its own setup()."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        SqliteSaver(connection).setup()
        return read(connection, "langgraph-checkpoint-sqlite")


def read(connection, name):
    """The Schema of every table of an open SQLite database."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").fetchall()
    tables = []
    for kind, table, _owner, text in sorted(rows, key=lambda row: row[1]):
        if kind not in ("table", "view"):
            continue
        triggers = tuple(
            Attachment(name=row[1], kind="trigger", definition=row[3] or "") for row in sorted(rows, key=str) if row[0] == "trigger" and row[2] == table
        )
        if (text or "").lower().startswith("create virtual"):
            kind = "virtual table"
        columns, key = _columns(connection, table)
        tables.append(
            Table(
                name=table,
                kind=kind,
                columns=columns,
                constraints=key + _foreign_keys(connection, table),
                indexes=_indexes(connection, table),
                attachments=triggers,
            )
        )
    return Schema(engine="sqlite", name=name, tables=tuple(tables))


def _pragma(connection, pragma, argument):
    return connection.execute("SELECT * FROM pragma_%s(?)" % pragma, (argument,)).fetchall()


def _columns(connection, table):
    columns, key = [], []
    collations = _collations(connection, table)
    for _cid, name, kind, notnull, default, place, hidden in _pragma(connection, "table_xinfo", table):
        columns.append(
            Column(
                name=name,
                type=kind.upper(),
                nullable=not notnull,
                default=default,
                generated={2: "virtual", 3: "stored"}.get(hidden, ""),
                collation=collations.get(name, ""),
            )
        )
        if place:
            key.append((place, name))
    names = tuple(name for _place, name in sorted(key))
    constraint = Constraint(name="", kind="primary key", columns=names, definition="PRIMARY KEY (%s)" % ", ".join(names))
    return tuple(columns), (constraint,) if names else ()


def _collations(connection, table):
    """{column: collation} of the primary key's columns that are not compared byte by byte."""
    found = {}
    for _seq, index, _unique, origin, _partial in _pragma(connection, "index_list", table):
        if origin == "pk":
            for _place, _cid, name, _descending, collation, key in _pragma(connection, "index_xinfo", index):
                if key and collation.upper() != "BINARY":
                    found[name] = collation
    return found


def _foreign_keys(connection, table):
    keys = {}
    for number, _seq, target, source, column, _update, on_delete, _match in _pragma(connection, "foreign_key_list", table):
        keys.setdefault((number, target, on_delete), []).append((source, column))
    return tuple(
        Constraint(
            name="",
            kind="foreign key",
            columns=tuple(source for source, _column in pairs),
            definition="FOREIGN KEY (%s) REFERENCES %s" % (", ".join(source for source, _column in pairs), target),
            on_delete=on_delete.lower(),
        )
        for (_number, target, on_delete), pairs in sorted(keys.items())
    )


def _indexes(connection, table):
    found = []
    for _seq, name, unique, origin, partial in _pragma(connection, "index_list", table):
        if origin == "pk":
            continue
        columns = tuple(row[2] or "(expression)" for row in _pragma(connection, "index_info", name))
        found.append(Index(name=name, columns=columns, unique=bool(unique), predicate="(partial)" if partial else ""))
    return tuple(sorted(found, key=lambda index: index.name))
