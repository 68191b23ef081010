# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Schema of a SQLite file that an application may have open, without changing the file."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import SQLITE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import check_header, connect, damaged, logged, logs, state
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.rights import rights_of_owner

# Seconds for reading the schema, and how many of SQLite's instructions pass between two checks of the time.
SECONDS, STEPS = 60.0, 10000
OBJECTS = """
SELECT type, name, tbl_name, sql FROM sqlite_master
WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
"""


def read_file(path: str, more: Callable[[sqlite3.Connection, Schema], Any] | None = None) -> tuple[Schema, Any]:
    """The Schema of a SQLite file and the result of more(connection, schema), read in one transaction. Raises ModuleError with the file's name.

    A file without logs is read as immutable, so that SQLite creates no -wal and -shm. If a process writes to the file in the meantime,
    the file is read again in the normal mode.
    """
    with rights_of_owner(path):
        return _read_file(path, more)


def _read_file(path: str, more: Callable[[sqlite3.Connection, Schema], Any] | None) -> tuple[Schema, Any]:
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


def _read_through(path: str, modes: list[str], more: Callable[[sqlite3.Connection, Schema], Any] | None) -> tuple[Schema, Any]:
    with contextlib.closing(connect(path, modes)) as connection:
        end = time.monotonic() + SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        connection.execute("BEGIN")
        schema = read(connection, path)
        connection.set_progress_handler(None, STEPS)
        return schema, more(connection, schema) if more else None


def reference() -> Schema:
    """The Schema that setup() of the installed langgraph-checkpoint-sqlite creates, from a database in memory."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        SqliteSaver(connection).setup()
        return read(connection, "langgraph-checkpoint-sqlite")


def read(connection: sqlite3.Connection, name: str) -> Schema:
    """The Schema of an open SQLite database. Of tables that a checkpointer does not have, only name and kind are read.

    An application can have thousands of other tables, virtual tables whose module is not available, and views that cannot be resolved.
    """
    rows = connection.execute(OBJECTS).fetchall()
    # A trigger names its table as it was spelled in CREATE TRIGGER.
    triggers: dict[str, list[Attachment]] = {}
    for kind, trigger, owner, text in rows:
        if kind == "trigger":
            triggers.setdefault(owner.lower(), []).append(Attachment(name=trigger, kind="trigger", definition=text or ""))
    tables = []
    for kind, table, _owner, text in rows:
        if kind == "trigger":
            continue
        if (text or "").lower().startswith("create virtual"):
            kind = "virtual table"
        if kind == "table" and table.lower() in SQLITE:
            tables.append(_details(connection, table, tuple(triggers.get(table.lower(), ()))))
        else:
            tables.append(Table(name=table, kind=kind))
    return Schema(engine="sqlite", name=name, tables=tuple(tables))


def _details(connection: sqlite3.Connection, table: str, triggers: tuple[Attachment, ...]) -> Table:
    columns, key = _columns(connection, table)
    return Table(
        name=table,
        kind="table",
        columns=columns,
        constraints=key + _foreign_keys(connection, table),
        indexes=_indexes(connection, table),
        attachments=triggers,
    )


def _pragma(connection: sqlite3.Connection, pragma: str, argument: str) -> list[Any]:
    return connection.execute("SELECT * FROM pragma_%s(?)" % pragma, (argument,)).fetchall()


def _columns(connection: sqlite3.Connection, table: str) -> tuple[tuple[Column, ...], tuple[Constraint, ...]]:
    """The columns of a table, and its primary key, if any."""
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


def _collations(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """{column: collation} for the primary key's columns whose collation is not BINARY."""
    found = {}
    for _seq, index, _unique, origin, _partial in _pragma(connection, "index_list", table):
        if origin == "pk":
            for _place, _cid, name, _descending, collation, key in _pragma(connection, "index_xinfo", index):
                if key and collation.upper() != "BINARY":
                    found[name] = collation
    return found


def _foreign_keys(connection: sqlite3.Connection, table: str) -> tuple[Constraint, ...]:
    keys: dict[tuple[int, str, str], list[tuple[str, str]]] = {}
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


def _indexes(connection: sqlite3.Connection, table: str) -> tuple[Index, ...]:
    found = []
    for _seq, name, unique, origin, partial in _pragma(connection, "index_list", table):
        if origin == "pk":
            continue
        columns = tuple(row[2] or "(expression)" for row in _pragma(connection, "index_info", name))
        found.append(Index(name=name, columns=columns, unique=bool(unique), predicate="(partial)" if partial else ""))
    return tuple(sorted(found, key=lambda index: index.name))
