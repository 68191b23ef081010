# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checkpoint tables hold of given keys, and how rows come into them. SELECT, INSERT and, to replace, DELETE are all it needs."""

from __future__ import annotations

import contextlib

from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import COLUMNS, HEADER, TRAILER
from ansible_collections.stateops.langgraph.plugins.module_utils._import.existing import ExistingKeys
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import take_role

COPIED_TABLES = tuple(COLUMNS)
# In all that follows lists are sent in binary (%b): as text psycopg takes nine times as long to write them.
# Nobody chose, and the server was built with something faster than its default. A setting of a role, a database or the server stays.
UNDECIDED = "SELECT count(*) FROM pg_settings WHERE name = 'default_toast_compression' AND source = 'default' AND setting <> 'lz4' AND 'lz4' = ANY (enumvals)"
# A thread counts as there by its first row in any of the tables. Not by EXISTS, of which the server may make one hash of a whole table.
ANY = """
SELECT t.thread_id FROM unnest(%(threads)b::text[]) AS t(thread_id)
WHERE (SELECT true FROM {checkpoints} x WHERE x.thread_id = t.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_writes} x WHERE x.thread_id = t.thread_id LIMIT 1)
   OR (SELECT true FROM {checkpoint_blobs} x WHERE x.thread_id = t.thread_id LIMIT 1)
"""
# In the order of a SQLite file, whatever the database's collation and encoding are.
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
ASKED_KEYS = "unnest(%(threads)b::text[], %(spaces)b::text[], %(ids)b::text[]) AS k(thread_id, checkpoint_ns, checkpoint_id)"
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
FROM unnest(%(threads)b::text[], %(spaces)b::text[], %(channels)b::text[], %(versions)b::text[]) AS k(thread_id, checkpoint_ns, channel, version)
JOIN {checkpoint_blobs} b USING (thread_id, checkpoint_ns, channel, version)
"""
DELETE_CHECKPOINT = "DELETE FROM {checkpoints} WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s"
DELETE_WRITE = "DELETE FROM {checkpoint_writes} WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND task_id = %s AND idx = %s"
DELETE_BLOB = "DELETE FROM {checkpoint_blobs} WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s"


class ImportTarget:
    """The three tables of a schema over one connection; every call stands in a transaction of the caller's."""

    def __init__(self, connection, schema, role, compression="server"):
        self.connection, self.role = connection, role
        self.places = {table: sql.Identifier(schema, table) for table in COPIED_TABLES}
        self.settings = {"row_security": "off", "lock_timeout": "30s"}
        if compression == "auto" and self._all(UNDECIDED, ())[0][0]:
            self.settings["default_toast_compression"] = "lz4"
        self.copies = {
            table: sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(self.places[table], sql.SQL(", ").join(map(sql.Identifier, columns)))
            for table, columns in COLUMNS.items()
        }

    def begin(self):
        """To be called first in each transaction: nothing of it outlives it, so it holds behind every pooler."""
        take_role(self.connection, self.role, local=True)
        names_and_values = [list(self.settings), list(self.settings.values())]
        self.connection.execute("SELECT set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS s(name, value)", names_and_values)

    def _all(self, query, parameters):
        with self.connection.cursor(row_factory=psycopg.rows.tuple_row, binary=True) as cursor:
            return cursor.execute(sql.SQL(query).format(**self.places), parameters).fetchall()

    def known(self, threads):
        """Those of the threads that have a row in any table."""
        with self._by_index():
            return {thread for (thread,) in self._all(ANY, {"threads": threads})}

    @contextlib.contextmanager
    def _by_index(self):
        """What is planned meanwhile reads no table from its beginning, whatever the server knows of its rows, or does not know yet."""
        self.connection.execute("SET LOCAL enable_seqscan = off")
        yield
        self.connection.execute("SET LOCAL enable_seqscan TO DEFAULT")

    @contextlib.contextmanager
    def existing(self, threads):
        """The ExistingKeys of threads, as it is now. Nobody else may use the connection while it is asked."""
        with self._by_index():
            self.connection.execute(sql.SQL(EXISTING).format(**self.places), {"threads": threads})
        yield ExistingKeys(lambda: self._all(FETCH, ()))
        self.connection.execute("CLOSE existing")

    def bodies(self, keys):
        """{key: (parent, checkpoint, metadata)}, the two documents as bytes."""
        return {row[:3]: row[3:] for row in self._all(BODIES, _columns(keys))}

    def writes(self, keys):
        """{key: {(task_id, idx): (task_path, channel, type, blob)}}"""
        found = {}
        for row in self._all(WHOLE_WRITES, _columns(keys)):
            found.setdefault(row[:3], {})[row[3], row[5]] = (row[4],) + row[6:]
        return found

    def blobs(self, places):
        """{(thread, namespace, channel, version): (type, blob)} of those that are there."""
        if not places:
            return {}
        columns = dict(zip(("threads", "spaces", "channels", "versions"), map(list, zip(*places))))
        return {row[:4]: row[4:] for row in self._all(BLOBS, columns)}

    def copy(self, rows):
        """Write rows in COPY's binary format, joined for each of COPIED_TABLES."""
        for table, some in zip(COPIED_TABLES, rows):
            if some:
                with self.connection.cursor() as cursor, cursor.copy(self.copies[table]) as copy:
                    copy.write(HEADER + some + TRAILER)

    def remove(self, query, keys):
        """DELETE_CHECKPOINT, DELETE_WRITE or DELETE_BLOB for each key."""
        if keys:
            with self.connection.cursor() as cursor:
                cursor.executemany(sql.SQL(query).format(**self.places), keys)


def _columns(keys):
    columns = list(map(list, zip(*keys))) or [[], [], []]
    return dict(zip(("threads", "spaces", "ids"), columns))
