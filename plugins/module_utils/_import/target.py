# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads existing rows from the checkpoint tables, and writes new ones. It needs SELECT, INSERT and, to replace rows, DELETE."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import COLUMNS, HEADER, TRAILER
from ansible_collections.stateops.langgraph.plugins.module_utils._import.existing import ExistingKeys
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import SAFE_PATH, SET_TRANSACTION, take_role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import TextKey
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

COPIED_TABLES = tuple(COLUMNS)
# Lists are sent in binary format (%b): psycopg takes nine times as long to format them as text.
# Whether the server supports lz4, and default_toast_compression is set neither for the server nor for the database or the role.
# The query's names are qualified, because it runs with the search_path of the login.
UNDECIDED = (
    "SELECT pg_catalog.count(*) FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'default_toast_compression'"
    " AND source OPERATOR(pg_catalog.=) 'default' AND setting OPERATOR(pg_catalog.<>) 'lz4' AND 'lz4' OPERATOR(pg_catalog.=) ANY (enumvals)"
)
# A thread exists if any of the tables has a row of it. With EXISTS instead of LIMIT 1, the server might hash a whole table.
ANY = """
SELECT t.thread_id FROM unnest(%(threads)b::text[]) AS t(thread_id)
WHERE (SELECT true FROM {checkpoints} x WHERE x.thread_id = t.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_writes} x WHERE x.thread_id = t.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_blobs} x WHERE x.thread_id = t.thread_id LIMIT 1)
"""
# In the order of a SQLite file, independent of the database's collation and encoding.
EXISTING = """
DECLARE existing NO SCROLL CURSOR FOR
SELECT convert_to(thread_id, 'UTF8'), convert_to(checkpoint_ns, 'UTF8'), convert_to(checkpoint_id, 'UTF8'), NULL::bytea, NULL::integer
FROM {checkpoints} WHERE thread_id = ANY (%(threads)b)
UNION ALL
SELECT convert_to(thread_id, 'UTF8'), convert_to(checkpoint_ns, 'UTF8'), convert_to(checkpoint_id, 'UTF8'), convert_to(task_id, 'UTF8'), idx
FROM {checkpoint_writes} WHERE thread_id = ANY (%(threads)b)
ORDER BY 1, 2, 3
"""
FETCH = "FETCH 5000 FROM existing"
ASKED_KEYS = "unnest(%(threads)b::text[], %(namespaces)b::text[], %(ids)b::text[]) AS k(thread_id, checkpoint_ns, checkpoint_id)"
BODIES = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id, c.parent_checkpoint_id, convert_to(c.checkpoint::text, 'UTF8'), convert_to(c.metadata::text, 'UTF8') FROM "
    + ASKED_KEYS
    + " JOIN {checkpoints} c USING (thread_id, checkpoint_ns, checkpoint_id)"
)
WHOLE_WRITES = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id, w.task_id, w.task_path, w.idx, w.channel, w.type, w.blob FROM "
    + ASKED_KEYS
    + " JOIN {checkpoint_writes} w USING (thread_id, checkpoint_ns, checkpoint_id)"
)
BLOBS = """
SELECT thread_id, checkpoint_ns, channel, version, b.type, b.blob
FROM unnest(%(threads)b::text[], %(namespaces)b::text[], %(channels)b::text[], %(versions)b::text[]) AS k(thread_id, checkpoint_ns, channel, version)
JOIN {checkpoint_blobs} b USING (thread_id, checkpoint_ns, channel, version)
"""
DELETE_CHECKPOINT = "DELETE FROM {checkpoints} WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s"
DELETE_WRITE = "DELETE FROM {checkpoint_writes} WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND task_id = %s AND idx = %s"
DELETE_BLOB = "DELETE FROM {checkpoint_blobs} WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s"


class ImportTarget:
    """The three tables of a schema over one connection. All methods run in a transaction of the caller."""

    def __init__(self, connection: Connection, schema: str, role: str | None, compression: str = "server") -> None:
        self.connection, self.schema, self.role = connection, schema, role
        self.places = {table: sql.Identifier(schema, table) for table in COPIED_TABLES}
        self.settings = {"search_path": SAFE_PATH, "row_security": "off", "lock_timeout": "30s"}
        if compression == "auto" and self._all(UNDECIDED, ())[0][0]:
            self.settings["default_toast_compression"] = "lz4"
        self.copies = {
            table: sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(self.places[table], sql.SQL(", ").join(map(sql.Identifier, columns)))
            for table, columns in COLUMNS.items()
        }

    def begin(self) -> None:
        """Set the role and the settings. Call this first in each transaction: they end with it, so they also work behind any pooler."""
        take_role(self.connection, self.role, local=True)
        self.connection.execute(SET_TRANSACTION, (list(self.settings), list(self.settings.values())))

    def _all(self, query: str, parameters: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor(row_factory=psycopg.rows.tuple_row, binary=True) as cursor:
            return cursor.execute(sql.SQL(query).format(**self.places), parameters).fetchall()

    def known(self, threads: Sequence[str]) -> set[str]:
        """The threads that have a row in any table."""
        with self._by_index():
            return {thread for (thread,) in self._all(ANY, {"threads": threads})}

    @contextlib.contextmanager
    def _by_index(self) -> Iterator[None]:
        """Queries that are planned in this block do not scan whole tables, even if the server's statistics are missing or outdated."""
        self.connection.execute("SET LOCAL enable_seqscan = off")
        yield
        self.connection.execute("SET LOCAL enable_seqscan TO DEFAULT")

    @contextlib.contextmanager
    def existing(self, threads: Sequence[str]) -> Iterator[ExistingKeys]:
        """The ExistingKeys of threads. The connection must not be used otherwise while they are read."""
        with self._by_index():
            self.connection.execute(sql.SQL(EXISTING).format(**self.places), {"threads": threads})
        yield ExistingKeys(lambda: self._all(FETCH, ()))
        self.connection.execute("CLOSE existing")

    def bodies(self, keys: Sequence[TextKey]) -> dict[TextKey, Any]:
        """{key: (parent, checkpoint, metadata)}, with checkpoint and metadata as bytes."""
        return {row[:3]: row[3:] for row in self._all(BODIES, _columns(keys))}

    def writes(self, keys: Sequence[TextKey]) -> dict[TextKey, dict[tuple[str, int], Any]]:
        """{key: {(task_id, idx): (task_path, channel, type, blob)}}"""
        found: dict[TextKey, dict[tuple[str, int], Any]] = {}
        for row in self._all(WHOLE_WRITES, _columns(keys)):
            found.setdefault(row[:3], {})[row[3], row[5]] = (row[4],) + row[6:]
        return found

    def blobs(self, places: Sequence[TextKey]) -> dict[TextKey, Any]:
        """{(thread, namespace, channel, version): (type, blob)} of the blobs that exist."""
        if not places:
            return {}
        columns = dict(zip(("threads", "namespaces", "channels", "versions"), map(list, zip(*places))))
        return {row[:4]: row[4:] for row in self._all(BLOBS, columns)}

    def copy(self, rows: Sequence[bytes]) -> None:
        """Write rows in COPY's binary format. rows: the joined rows for each of COPIED_TABLES."""
        for table, some in zip(COPIED_TABLES, rows):
            if some:
                with self.connection.cursor() as cursor, cursor.copy(self.copies[table]) as copy:
                    copy.write(HEADER + some + TRAILER)

    def remove(self, query: str, keys: Sequence[tuple[Any, ...]]) -> None:
        """Run DELETE_CHECKPOINT, DELETE_WRITE or DELETE_BLOB for each key."""
        if keys:
            with self.connection.cursor() as cursor:
                cursor.executemany(sql.SQL(query).format(**self.places), keys)


def _columns(keys: Sequence[TextKey]) -> dict[str, list[str]]:
    columns: list[list[str]] = list(map(list, zip(*keys))) or [[], [], []]
    return dict(zip(("threads", "namespaces", "ids"), columns))
