# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads of a SQLite checkpoint file, from one snapshot that nothing of ours alters. Texts are bytes, as they lie there."""

from __future__ import annotations

import contextlib
import fnmatch
import heapq
import itertools
import operator
import sqlite3

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import _place, describe, text
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import check_header, connect, damaged, logged, size, state

# Of the threads from one to another.
SPAN = "WHERE thread_id BETWEEN CAST(? AS TEXT) AND CAST(? AS TEXT) ORDER BY thread_id, checkpoint_ns, checkpoint_id"
KEYS = "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints " + SPAN
ROWS = "SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints " + SPAN
WRITE_KEYS = "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx FROM writes " + SPAN + ", task_id, idx"
ALL_WRITES = "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, %s, channel, type, value FROM writes " + SPAN + ", task_id, idx"
ROW = """
SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
"""
WRITES = """
SELECT task_id, idx, %s, channel, type, value FROM writes
WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT) ORDER BY task_id, idx
"""
SENT = """
SELECT 1 FROM writes WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
AND channel = '__pregel_tasks' LIMIT 1
"""
# Checkpoints of a batch; of a file with large ones no more than are so many bytes.
FEWEST, MOST, BATCH = 1000, 5000, 16 << 20
# KiB
CACHE = 16384
# A row whose key has a BLOB, which comes as bytes like any text.
BINARY = """
SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints WHERE 'blob' IN (typeof(thread_id), typeof(checkpoint_ns), typeof(checkpoint_id))
UNION ALL
SELECT thread_id, checkpoint_ns, checkpoint_id FROM writes
WHERE 'blob' IN (typeof(thread_id), typeof(checkpoint_ns), typeof(checkpoint_id), typeof(task_id)) LIMIT 1
"""
# Checkpoints and pending writes of the file that are held at once.
WINDOW = 5000
# Of each process.
PARTS = 8


class Source:
    """An open snapshot of a file.

    before: its state, where it is read without a lock, else None. beside: a connection without a snapshot, which sees what others write.
    """

    def __init__(self, path, connection, before):
        self.path, self.connection, self.before, self.beside = path, connection, before, None
        self.begin()
        names = {name.lower() for (name,) in connection.execute("SELECT name FROM pragma_table_info('writes')")}
        self.connection.text_factory = bytes
        path = "task_path" if "task_path" in names else "''"
        self.writes_sql, self.all_writes_sql = WRITES % path, ALL_WRITES % path

    def threads(self, patterns):
        """(id as bytes, how many checkpoints) of each thread that one of the patterns fits, in order; of all where there are none. None is kept."""
        query, parts = "SELECT thread_id, %s FROM %s GROUP BY 1 ORDER BY 1", (("count(*)", "checkpoints"), ("0", "writes"))
        found = (self.connection.execute(query % part) for part in parts)
        for thread, counts in itertools.groupby(heapq.merge(*found, key=_place), key=operator.itemgetter(0)):
            if not patterns or any(fnmatch.fnmatchcase(text(thread), pattern) for pattern in patterns):
                yield thread, sum(count for _thread, count in counts)

    def count(self, patterns):
        """How many threads there are of those."""
        if patterns:
            return sum(1 for _thread in self.threads(patterns))
        return self.connection.execute("SELECT count(*) FROM (SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM writes)").fetchone()[0]

    def fitting(self, workers):
        """How many checkpoints make a batch: of small ones more, but so few that all processes have some."""
        found = self.connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        return max(FEWEST, min(MOST, found // (PARTS * workers), BATCH * found // max(1, size(self.path))))

    def insist_on_text(self):
        """Raise ModuleError where text is not UTF-8, or a key is no text but looks like it: nothing would be found by such a key."""
        encoding = self.connection.execute("PRAGMA encoding").fetchone()[0].decode("ascii")
        if encoding != "UTF-8":
            advice = "A file of UTF-8 can be made of it: sqlite3 FILE .dump | sqlite3 NEW."
            raise ModuleError("The SQLite file %s holds its text as %s, which no SqliteSaver does. %s" % (self.path, encoding, advice))
        found = self.connection.execute(BINARY).fetchone()
        if found is not None:
            raise ModuleError("%s has a BLOB in its key, where every SqliteSaver writes text. Mend or delete the row in a copy of the file." % describe(found))

    def whole(self, first, last):
        """(key, row or None, its pending writes) of all that the threads from first to last have, parents first, in one pass over them."""
        rows = ((row[:3], row) for row in self.connection.execute(ROWS, (first, last)))
        return _merged(rows, self.connection.execute(self.all_writes_sql, (first, last)))

    def outline(self, first, last):
        """(key, True or None, the (task, index) of its pending writes): as whole(), read from the indexes alone."""
        keys = ((key, True) for key in self.connection.execute(KEYS, (first, last)))
        return _merged(keys, self.connection.execute(WRITE_KEYS, (first, last)))

    def row(self, key):
        return self.connection.execute(ROW, key).fetchone()

    def writes(self, key):
        return self.connection.execute(self.writes_sql, key).fetchall()

    def has_sends(self, thread, space, parent):
        return self.connection.execute(SENT, (thread, space, parent)).fetchone() is not None

    def begin(self):
        """Take a snapshot of the file as it is now."""
        self.end()
        self.connection.execute("BEGIN")
        # What was read before may be known still, and then nothing is locked.
        self.connection.execute("SELECT rowid FROM sqlite_master LIMIT 1").fetchone()

    def end(self):
        """Let the snapshot go."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def version(self):
        """Changes when anybody writes to the file, also where the snapshot does not show it."""
        if self.before is not None:
            return state(self.path)
        if self.beside is None:
            self.beside = connect(self.path, ["mode=ro"])
        return self.beside.execute("PRAGMA data_version").fetchone()[0]

    def close(self):
        for connection in filter(None, (self.beside, self.connection)):
            connection.close()

    def insist(self):
        """Raise ModuleError where a file that was read without a lock was written meanwhile."""
        if self.before is not None and state(self.path) != self.before:
            raise ModuleError(
                "The SQLite file %s was written while it was read, and its folder allows no lock. Run again as the application's user." % self.path
            )


@contextlib.contextmanager
def open_source(path):
    """The Source of a file, in one read transaction. Raises ModuleError naming the file."""
    check_header(path)
    try:
        before = state(path)
        connection, unlocked = None, False
        with contextlib.suppress(sqlite3.Error):
            connection = connect(path, ["mode=ro"])
        if connection is None:
            connection, unlocked = connect(path, ["mode=ro"] if logged(path) else ["mode=ro&immutable=1"]), True
    except (OSError, sqlite3.Error) as error:
        raise damaged(path, error) from None
    try:
        connection.execute("PRAGMA cache_size = -%d" % CACHE)
        source = Source(path, connection, before if unlocked else None)
    except sqlite3.Error as error:
        connection.close()
        raise damaged(path, error) from None
    with contextlib.closing(source):
        yield source


def _merged(rows, writes):
    """(key, row, pending writes) from (key, row) and (thread, namespace, id, write...), both in order; writes whose checkpoint is not there have no row."""
    grouped = itertools.groupby(writes, key=operator.itemgetter(0, 1, 2))
    place, group = next(grouped, (None, None))
    for key, row in rows:
        while place is not None and place < key:
            yield place, None, [write[3:] for write in group]
            place, group = next(grouped, (None, None))
        if place == key:
            yield key, row, [write[3:] for write in group]
            place, group = next(grouped, (None, None))
        else:
            yield key, row, []
    while place is not None:
        yield place, None, [write[3:] for write in group]
        place, group = next(grouped, (None, None))


def spans(threads, apart):
    """(first, last) of threads, each to be read in one pass. apart: others may lie between them, so each is one of its own."""
    if apart or not all(isinstance(thread, bytes) for thread in threads) or threads != sorted(threads):
        return [(thread, thread) for thread in threads]
    return [(threads[0], threads[-1])]


def windows(source, found, reader):
    """The outlines of spans, in lists. reader: is told by under_way which thread is read."""

    def outlines():
        for first, last in found:
            reader.under_way = first
            for outline in source.outline(first, last):
                reader.under_way = outline[0][0]
                yield outline

    window, weight = [], 0
    for outline in outlines():
        window.append(outline)
        weight += 1 + len(outline[2])
        if weight >= WINDOW:
            yield window
            window, weight = [], 0
    if window:
        yield window
