# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite file that an application may have open: what has to be known of it before and while it is read. It is never written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import urllib.parse

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line

MAGIC = b"SQLite format 3\x00"
# Seconds that a reader waits for a writer's lock (only rollback journals make it wait).
PATIENCE = 5.0


def check_header(path):
    """Refuse what is no SQLite database before SQLite words it worse."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise ModuleError("%s is not a regular file; sqlite_path names the checkpoint file of the application." % path)
        with open(path, "rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        raise ModuleError("The SQLite file %s does not exist on this host. Check sqlite_path, or leave it out." % path) from None
    except OSError as error:
        raise ModuleError("Cannot read the SQLite file %s as user %d: %s." % (path, os.geteuid(), error.strerror)) from None
    if not header:
        raise ModuleError("The SQLite file %s is empty (0 bytes): no application has written to it yet. Check sqlite_path, or leave it out." % path)
    if not header.startswith(MAGIC):
        raise ModuleError("%s is not a SQLite database: it does not begin with SQLite's header." % path)
    if len(header) < 100:
        raise ModuleError("The SQLite file %s is truncated: its header is not complete. Take a whole copy of it." % path)
    if not filled(path + "-wal"):
        _refuse_truncated(path, header, found.st_size)


def _refuse_truncated(path, header, size):
    """Without a write-ahead log the file must hold as many pages as its header counts (SQLite file format, 1.3)."""
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    pages = int.from_bytes(header[28:32], "big")
    counted = header[24:28] == header[92:96]  # else the writer was too old to keep the count
    if counted and size < page * pages:
        raise ModuleError(
            "The SQLite file %s is truncated: %d bytes, and its header counts %d pages of %d. Take a whole copy of it." % (path, size, pages, page)
        )


def connect(path, modes):
    """A connection that cannot write, in the first mode that works."""
    for mode in modes:
        uri = "file:%s?%s" % (urllib.parse.quote(os.path.abspath(path)), mode)
        connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = on")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.Error as error:
            connection.close()
            if mode == modes[-1] or "unable to open" not in str(error) and "readonly" not in str(error):
                raise
    return None


def logs(path):
    """Whether a log of any kind lies beside it."""
    return any(os.path.exists(path + suffix) for suffix in ("-wal", "-journal"))


def filled(path):
    """Whether there is such a file, with anything in it."""
    return os.path.exists(path) and os.path.getsize(path) > 0


def logged(path):
    """Whether anything stands in a log, which reading as immutable would pass over without a word."""
    return filled(path + "-wal") or filled(path + "-journal")


def size(path):
    """Bytes of a file with its write-ahead log; 0 where there is none."""
    found = 0
    for each in (path, path + "-wal"):
        with contextlib.suppress(OSError):
            found += os.path.getsize(each)
    return found


def state(path):
    """What differs after somebody wrote to it."""
    found = os.stat(path)
    return logs(path), found.st_ino, found.st_size, found.st_mtime_ns


def damaged(path, error):
    """The ModuleError for what SQLite, or the system, says of a file."""
    return ModuleError("Cannot read the SQLite file %s: %s. %s" % (path, one_line(error), _advice(path, str(error))))


def _advice(path, text):
    if "locked" in text:
        return "A writer holds it: try again when it is done."
    if "readonly" in text and filled(path + "-journal"):
        return "A writer that crashed left its -journal: open the file once with the application, which rolls it back."
    if "unable to open" in text or "readonly" in text:
        return "Its folder, -wal and -shm must be readable by this user: run the task as the application's user."
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: take a whole copy of it, with its -wal."
    return "Check the file."
