# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads of a SQLite checkpoint file, from one snapshot that nothing of ours alters. Texts are bytes, as they lie there."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import sqlite3

from ansible_collections.stateops.langgraph.plugins.module_utils._errors import Refusal, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite import _advice, _connect, _filled, _look, _state

KEYS = "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = CAST(? AS TEXT) ORDER BY checkpoint_ns, checkpoint_id"
ROW = """
SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
"""
WRITE_KEYS = """
SELECT task_id, idx FROM writes WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
"""
WRITES = """
SELECT task_id, idx, %s, channel, type, value FROM writes
WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT) ORDER BY task_id, idx
"""
ALONE = """
SELECT DISTINCT checkpoint_ns, checkpoint_id FROM writes w WHERE thread_id = CAST(? AS TEXT) AND NOT EXISTS (
    SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
ORDER BY 1, 2
"""
SENT = """
SELECT 1 FROM writes WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
AND channel = '__pregel_tasks' LIMIT 1
"""
WINDOW = 500
# KiB
CACHE = 16384


class Source:
    """An open snapshot of a file."""

    def __init__(self, path, connection, before):
        self.path, self.connection, self.before = path, connection, before
        names = {name.lower() for (name,) in connection.execute("SELECT name FROM pragma_table_info('writes')")}
        self.connection.text_factory = bytes
        self.writes_sql = WRITES % ("task_path" if "task_path" in names else "''")

    def threads(self, patterns):
        """The ids of the threads, as bytes and in order, that one of the patterns fits; of all where there are none."""
        found = self.connection.execute("SELECT thread_id FROM checkpoints GROUP BY 1 UNION SELECT thread_id FROM writes GROUP BY 1 ORDER BY 1")
        ids = [thread for (thread,) in found]
        if not patterns:
            return ids
        return [thread for thread in ids if any(fnmatch.fnmatchcase(text(thread), pattern) for pattern in patterns)]

    def keys(self, thread):
        """The (namespace, id) of a thread's checkpoints, parents first; read from the index alone."""
        return self.connection.execute(KEYS, (thread,))

    def size(self, thread):
        """How many checkpoints a thread has."""
        return self.connection.execute("SELECT count(*) FROM checkpoints WHERE thread_id = CAST(? AS TEXT)", (thread,)).fetchone()[0]

    def row(self, key):
        return self.connection.execute(ROW, key).fetchone()

    def writes(self, key):
        return self.connection.execute(self.writes_sql, key).fetchall()

    def write_keys(self, key):
        return self.connection.execute(WRITE_KEYS, key).fetchall()

    def alone(self, thread):
        """The (namespace, id) of a thread's pending writes whose checkpoint is not there."""
        return self.connection.execute(ALONE, (thread,)).fetchall()

    def has_sends(self, thread, space, parent):
        return self.connection.execute(SENT, (thread, space, parent)).fetchone() is not None

    def insist(self):
        """Raise Refusal where a file that was read without a lock was written meanwhile."""
        if self.before is not None and _state(self.path) != self.before:
            raise Refusal("The SQLite file %s was written while it was read, and its folder allows no lock. Run again as the application's user." % self.path)


@contextlib.contextmanager
def open_source(path):
    """The Source of a file, in one read transaction. Raises Refusal naming the file."""
    _look(path)
    try:
        before = _state(path)
        logged = _filled(path + "-wal") or _filled(path + "-journal")
        connection, unlocked = None, False
        with contextlib.suppress(sqlite3.Error):
            connection = _connect(path, ["mode=ro"])
        if connection is None:
            connection, unlocked = _connect(path, ["mode=ro"] if logged else ["mode=ro&immutable=1"]), True
    except (OSError, sqlite3.Error) as error:
        raise damaged(path, error) from None
    with contextlib.closing(connection):
        try:
            connection.execute("PRAGMA cache_size = -%d" % CACHE)
            connection.execute("BEGIN")
            source = Source(path, connection, before if unlocked else None)
        except sqlite3.Error as error:
            raise damaged(path, error) from None
        yield source


def damaged(path, error):
    """The Refusal for what SQLite says of a file."""
    return Refusal("Cannot read the SQLite file %s: %s. %s" % (path, one_line(error), _advice(path, str(error))))


def windows(source, threads, reader=None):
    """The keys of threads in lists, each with whether it has a checkpoint. reader: is told by under_way which thread is read."""

    def keys():
        for thread in threads:
            if reader is not None:
                reader.under_way = thread
            for key in source.keys(thread).fetchall():
                yield (thread,) + key, True
            for key in source.alone(thread):
                yield (thread,) + key, False

    found = keys()
    while True:
        window = list(itertools.islice(found, WINDOW))
        if not window:
            return
        yield window


def text(raw):
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def texts(key):
    return tuple(map(text, key))


def legible(raw):
    """Whether PostgreSQL may hold it at all."""
    try:
        return isinstance(raw, bytes) and "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def describe(key):
    names = texts(key)
    return "Checkpoint %s of thread %s%s" % (names[2], names[0], ", namespace %s" % names[1] if names[1] else "")
