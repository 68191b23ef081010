# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a SQLite file that an application may have open, and checks it before and while it is read. The file is never written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import urllib.parse

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.rights import unreadable

MAGIC = b"SQLite format 3\x00"
# Seconds that a reader waits for a writer's lock. Readers wait only if the file uses a rollback journal.
PATIENCE = 5.0
COMPANIONS = ("-journal", "-wal", "-shm")


def check_header(path: str) -> None:
    """Raise ModuleError, with a clearer message than SQLite's, if the file is not a SQLite database, or if its -journal, -wal or -shm would block SQLite."""
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ModuleError("%s is not a regular file; sqlite_path must name the application's checkpoint file." % path)
            header = file.read(100)
    except IsADirectoryError:
        raise ModuleError("%s is not a regular file; sqlite_path must name the application's checkpoint file." % path) from None
    except OSError as error:
        raise unreadable(path, error) from None
    _check_companions(path)
    if not header:
        raise ModuleError("The SQLite file %s is empty (0 bytes): no application has written to it yet. Correct sqlite_path, or omit it." % path)
    if not header.startswith(MAGIC):
        raise ModuleError("%s is not a SQLite database: it does not begin with SQLite's header. Correct sqlite_path." % path)
    if len(header) < 100:
        raise ModuleError("The SQLite file %s is truncated: its header is incomplete. Make a complete copy of the original file." % path)
    if not filled(companion(path, "-wal")):
        _reject_truncated(path, header, found.st_size)


def companion(path: str, suffix: str) -> str:
    """The path of a -journal, -wal or -shm. SQLite puts it beside the file that a link leads to."""
    return os.path.realpath(path) + suffix


def _check_companions(path: str) -> None:
    for suffix in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(companion(path, suffix)).st_mode):
                text = "%s is not a regular file; SQLite itself creates its %s as a regular file. Remove it, or correct sqlite_path."
                raise ModuleError(text % (companion(path, suffix), suffix))


def _reject_truncated(path: str, header: bytes, found: int) -> None:
    """Raise ModuleError if a file without a write-ahead log has fewer pages than its header states (SQLite file format, section 1.3)."""
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    pages = int.from_bytes(header[28:32], "big")
    counted = header[24:28] == header[92:96]  # otherwise an old SQLite wrote the file and did not maintain the number
    if counted and found < page * pages:
        raise ModuleError(
            "The SQLite file %s is truncated: it has %d bytes, but its header states %d pages of %d bytes. Make a complete copy of the original file."
            % (path, found, pages, page)
        )


def connect(path: str, modes: list[str]) -> sqlite3.Connection:
    """A read-only connection, in the first of the modes (parameters of the URI) that works."""
    for mode in modes:
        uri = "file:%s?%s" % (urllib.parse.quote(os.path.realpath(path)), mode)
        connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = on")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.Error as error:
            connection.close()
            if mode == modes[-1] or "unable to open" not in str(error) and "readonly" not in str(error):
                raise
    raise ValueError("modes is empty")


def logs(path: str) -> bool:
    """Whether the file has a write-ahead log or a rollback journal, even an empty one."""
    return any(os.path.exists(companion(path, suffix)) for suffix in ("-wal", "-journal"))


def filled(path: str) -> bool:
    """Whether the file exists and is not empty."""
    return os.path.exists(path) and os.path.getsize(path) > 0


def logged(path: str) -> bool:
    """Whether a log of the file contains data. Reading the file as immutable would ignore that data without an error."""
    return filled(companion(path, "-wal")) or filled(companion(path, "-journal"))


def size(path: str) -> int:
    """The size of the file and its write-ahead log in bytes; 0 if neither exists."""
    found = 0
    for each in (path, companion(path, "-wal")):
        with contextlib.suppress(OSError):
            found += os.path.getsize(each)
    return found


def state(path: str) -> tuple[bool, int, int, int]:
    """Properties of the file of which at least one changes when a process writes to it."""
    found = os.stat(path)
    return logs(path), found.st_ino, found.st_size, found.st_mtime_ns


def damaged(path: str, error: Exception) -> ModuleError:
    """The ModuleError for an error of SQLite or of the operating system."""
    return ModuleError("Cannot read the SQLite file %s: %s. %s" % (path, one_line(error), _advice(path, str(error))))


def _advice(path: str, text: str) -> str:
    if "locked" in text:
        return "A writer has locked it: run again when the writer has finished."
    if "readonly" in text and filled(companion(path, "-journal")):
        return "A writer crashed and left a -journal: open the file once with the application, which rolls the transaction back."
    if "unable to open" in text or "readonly" in text:
        return "The user must be able to read its directory, -wal and -shm: run the task as the application's user."
    if "interrupted" in text:
        return "Reading its schema took too long: does the file contain an unusual number of tables, views or triggers?"
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: make a complete copy of the original file with its -wal."
    return "Check the file."
