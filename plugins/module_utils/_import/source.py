# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the threads of a SQLite checkpoint file from one snapshot. The file is not changed. Text is read as bytes."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import operator
import sqlite3
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Part, describe, sort_key
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import check_header, connect, damaged, logged, size, state
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.rights import rights_of_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key, Place

    # (key, the row or whether there is one, its pending writes or their keys)
    Outline = tuple[Key, Any, list[Any]]

# A range of threads.
ORDER = "ORDER BY thread_id, checkpoint_ns, checkpoint_id"
SPAN = "WHERE thread_id BETWEEN CAST(? AS TEXT) AND CAST(? AS TEXT) " + ORDER
# A range of the keys of one thread. Without the plus signs, SQLite would use the index for checkpoint_ns only, and read the whole namespace for each range.
PLACE = "(checkpoint_ns, checkpoint_id) %s (+CAST(? AS TEXT), +CAST(? AS TEXT))"
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
COUNTS = "SELECT thread_id, count(*) FROM checkpoints GROUP BY 1"
SENT = """
SELECT 1 FROM writes WHERE thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)
AND channel = '__pregel_tasks' LIMIT 1
"""
# The fewest and the most checkpoints of a batch, and the bytes of a batch, which count if checkpoints are large.
FEWEST, MOST, BATCH = 1000, 5000, 16 << 20
# SQLite's cache in KiB.
CACHE = 16384
# A row whose key contains a BLOB. It would be read as bytes, like text.
BINARY = """
SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints WHERE 'blob' IN (typeof(thread_id), typeof(checkpoint_ns), typeof(checkpoint_id))
UNION ALL
SELECT thread_id, checkpoint_ns, checkpoint_id FROM writes
WHERE 'blob' IN (typeof(thread_id), typeof(checkpoint_ns), typeof(checkpoint_id), typeof(task_id)) LIMIT 1
"""
# Checkpoints and pending writes in memory at once.
WINDOW = 5000
# Batches for each worker.
PARTS = 8
# Approximate bytes of a thread that several workers convert, of one part of it, and the fewest checkpoints of a part.
LONG, PART, FEWEST_OF_PART = 8 << 20, 1 << 20, 16
# If checkpoints have more bytes on average, one process converts them faster than PostgreSQL stores them, and parts would take too much memory.
LARGE = 1 << 20


class Source:
    """An open snapshot of a file.

    before: the state of the file if it is read without a lock, else None. beside: a connection without a snapshot, which sees the changes of writers.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, before: tuple[Any, ...] | None) -> None:
        self.path, self.connection, self.before = path, connection, before
        self.beside: sqlite3.Connection | None = None
        self.begin()
        names = {name.lower() for (name,) in connection.execute("SELECT name FROM pragma_table_info('writes')")}
        self.connection.text_factory = bytes
        task_path = "task_path" if "task_path" in names else "''"
        self.writes_sql, self.all_writes_sql = WRITES % task_path, ALL_WRITES % task_path

    def threads(self, chosen: ThreadFilter) -> Iterator[tuple[Any, int]]:
        """(id as bytes, number of checkpoints) of each chosen thread, in order."""
        query, parts = "SELECT thread_id, %s FROM %s GROUP BY 1 ORDER BY 1", (("count(*)", "checkpoints"), ("0", "writes"))
        found = (self.connection.execute(query % part) for part in parts)
        for thread, counts in itertools.groupby(heapq.merge(*found, key=sort_key), key=operator.itemgetter(0)):
            if not chosen or thread in chosen:
                yield thread, sum(count for _thread, count in counts)

    def count(self, chosen: ThreadFilter) -> int:
        """The number of chosen threads."""
        if chosen:
            return sum(1 for _thread in self.threads(chosen))
        return self.connection.execute("SELECT count(*) FROM (SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM writes)").fetchone()[0]

    def default_batch_size(self, workers: int) -> int:
        """The number of checkpoints in a batch: more if they are small, but few enough that each worker gets batches."""
        found = self.connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        return max(FEWEST, min(MOST, found // (PARTS * workers), BATCH * found // max(1, size(self.path))))

    def long_thread(self, chosen: ThreadFilter) -> bytes | None:
        """The thread with more than half of the chosen checkpoints if it is long, else None. One worker would import it while the others are idle."""
        found = total = most = 0
        longest = None
        for thread, number in self.connection.execute(COUNTS):
            found += number
            if not chosen or thread in chosen:
                total += number
                if number > most:
                    most, longest = number, thread
        return longest if 2 * most > total and most * size(self.path) >= LONG * found and size(self.path) <= LARGE * found else None

    def parts(self, thread: bytes) -> Iterator[Part]:
        """The parts of a thread, in order."""
        found = self.connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        number = max(FEWEST_OF_PART, PART * found // max(1, size(self.path)))
        after: Place | None = None
        while True:
            where, parameters = _where(thread, after, None)
            upto = self.connection.execute(
                "SELECT checkpoint_ns, checkpoint_id FROM checkpoints %s LIMIT 1 OFFSET ?" % where, (*parameters, number - 1)
            ).fetchone()
            yield Part(thread, after, upto)
            if upto is None:
                return
            after = upto

    def check_text(self) -> None:
        """Raise ModuleError if text is not UTF-8, or if a key contains a BLOB, which would be taken for text."""
        encoding = self.connection.execute("PRAGMA encoding").fetchone()[0].decode("ascii")
        if encoding != "UTF-8":
            advice = "Convert a copy of the file: sqlite3 FILE .dump | sqlite3 NEW."
            raise ModuleError("The SQLite file %s stores text as %s; SqliteSaver uses UTF-8. %s" % (self.path, encoding, advice))
        found = self.connection.execute(BINARY).fetchone()
        if found is not None:
            raise ModuleError("%s has a BLOB in its key; SqliteSaver writes text. Correct or delete the row in a copy of the file." % describe(found))

    def whole(self, first: bytes, last: bytes) -> Iterator[Outline]:
        """(key, row or None, pending writes) of all checkpoints in the threads from first to last, parents first, in one pass."""
        rows = ((row[:3], row) for row in self.connection.execute(ROWS, (first, last)))
        return _merged(rows, self.connection.execute(self.all_writes_sql, (first, last)))

    def part(self, part: Part) -> Iterator[Outline]:
        """Like whole(), for a part of a thread."""
        where, parameters = _where(*part)
        rows = ((row[:3], row) for row in self.connection.execute(ROWS.replace(SPAN, where), parameters))
        return _merged(rows, self.connection.execute(self.all_writes_sql.replace(SPAN, where), parameters))

    def outline(self, first: bytes, last: bytes) -> Iterator[Outline]:
        """(key, True or None, (task, index) of its pending writes): like whole(), but read from the indexes only."""
        keys = ((key, True) for key in self.connection.execute(KEYS, (first, last)))
        return _merged(keys, self.connection.execute(WRITE_KEYS, (first, last)))

    def has_parent(self, key: Key) -> bool:
        """Whether a checkpoint is imported with the reference to its parent."""
        return True

    def whole_threads(self, threads: Sequence[bytes]) -> list[bytes]:
        """The threads that are returned whole although only the newest state was requested."""
        return []

    def omitted(self, threads: Sequence[bytes], read: int) -> int:
        """The number of checkpoints of these threads that are not returned. read: the number of returned checkpoints."""
        return 0

    def row(self, key: Key) -> tuple[Any, ...] | None:
        return self.connection.execute(ROW, key).fetchone()

    def writes(self, key: Key) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.writes_sql, key).fetchall()

    def has_sends(self, thread: bytes, namespace: bytes, parent: bytes) -> bool:
        return self.connection.execute(SENT, (thread, namespace, parent)).fetchone() is not None

    def begin(self) -> None:
        """Take a snapshot of the current file."""
        self.end()
        self.connection.execute("BEGIN")
        # A query that SQLite cannot answer from its cache; otherwise it would take no lock.
        self.connection.execute("SELECT rowid FROM sqlite_master LIMIT 1").fetchone()

    def end(self) -> None:
        """Release the snapshot."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def version(self) -> Any:
        """A value that changes if another process writes to the file, even if the snapshot does not include the change."""
        if self.before is not None:
            return state(self.path)
        if self.beside is None:
            self.beside = connect(self.path, ["mode=ro"])
        return self.beside.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        for connection in filter(None, (self.beside, self.connection)):
            connection.close()

    def check_unchanged(self) -> None:
        """Raise ModuleError if a file that is read without a lock was changed."""
        if self.before is not None and state(self.path) != self.before:
            raise ModuleError(
                "The SQLite file %s was written while it was read, and this user cannot lock it. Run again as the application's user." % self.path
            )


@contextlib.contextmanager
def open_source(path: str, kind: Callable[..., Source] | None = None) -> Iterator[Source]:
    """The Source of a file, in one read transaction, with the rights of the file's owner. Raises ModuleError that names the file.

    kind: a subclass of Source, or None.
    """
    with rights_of_owner(path), contextlib.closing(_source(path, kind or Source)) as source:
        yield source


def _source(path: str, kind: Callable[..., Source]) -> Source:
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
        return kind(path, connection, before if unlocked else None)
    except sqlite3.Error as error:
        connection.close()
        raise damaged(path, error) from None


def _merged(rows: Iterable[tuple[Any, Any]], writes: Iterable[tuple[Any, ...]]) -> Iterator[Outline]:
    """(key, row, pending writes) from (key, row) and (thread, namespace, id, write...), both in order. row is None for writes without a checkpoint."""
    grouped = itertools.groupby(writes, key=operator.itemgetter(0, 1, 2))
    end: tuple[Any, Iterator[Any]] = None, iter(())
    place, group = next(grouped, end)
    for key, row in rows:
        while place is not None and place < key:
            yield place, None, [write[3:] for write in group]
            place, group = next(grouped, end)
        if place == key:
            yield key, row, [write[3:] for write in group]
            place, group = next(grouped, end)
        else:
            yield key, row, []
    while place is not None:
        yield place, None, [write[3:] for write in group]
        place, group = next(grouped, end)


def _where(thread: bytes, after: Place | None, upto: Place | None) -> tuple[str, tuple[bytes, ...]]:
    """(WHERE and ORDER BY, the parameters) of a part."""
    limits = [(sign, place) for sign, place in ((">", after), ("<=", upto)) if place is not None]
    where = " AND ".join(["WHERE thread_id = CAST(? AS TEXT)", *(PLACE % sign for sign, _place in limits)])
    return where + " " + ORDER, (thread, *itertools.chain.from_iterable(place for _sign, place in limits))


def spans(threads: list[bytes], apart: bool) -> list[tuple[bytes, bytes]]:
    """(first, last) of ranges of threads that are read in one pass. apart: each thread is a range, since other threads may be in between."""
    if apart or not all(isinstance(thread, bytes) for thread in threads) or threads != sorted(threads):
        return [(thread, thread) for thread in threads]
    return [(threads[0], threads[-1])]


def windows(source: Source, found: Iterable[tuple[bytes, bytes]], reader: Any) -> Iterator[list[Outline]]:
    """The outlines of ranges of threads, in lists of limited size. reader: its current_thread is set to the thread that is read."""

    def outlines() -> Iterator[Outline]:
        for first, last in found:
            reader.current_thread = first
            for outline in source.outline(first, last):
                reader.current_thread = outline[0][0]
                yield outline

    window: list[Outline] = []
    weight = 0
    for outline in outlines():
        window.append(outline)
        weight += 1 + len(outline[2])
        if weight >= WINDOW:
            yield window
            window, weight = [], 0
    if window:
        yield window
