# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit on this side for each statement: no setting of a server ends the wait for one that is silent, or that waits for its own standby."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import retry_with_short_lock_timeout

# Seconds beyond the server's own limit, which is to come first, and then for the server to take back what it does.
SLACK = 15
GRACE = 5


@functools.lru_cache(maxsize=None)
def limited_connection():
    """A psycopg.Connection with a limit for each statement; made when psycopg can be imported.

    answer_within: seconds in which execute() of its cursors ends, 0 for no limit. Beyond it psycopg.OperationalError is raised.
    lock_within: seconds for an ALTER TABLE outside a transaction to get its lock, in short attempts; None if it waits as any statement.
    """

    class LimitedCursor(psycopg.Cursor):
        def execute(self, query, *args, **kwargs):
            """As psycopg's."""

            def attempt():
                with _within(self.connection, self.connection.answer_within):
                    return super(LimitedCursor, self).execute(query, *args, **kwargs)

            seconds = self.connection.lock_within
            if seconds is None or not _takes_access_exclusive(query) or self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                return attempt()
            return retry_with_short_lock_timeout(self.connection, attempt, seconds)

    class LimitedConnection(psycopg.Connection):
        answer_within = 0
        lock_within = None

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.cursor_factory = LimitedCursor

    return LimitedConnection


def _takes_access_exclusive(query):
    """Whether a statement waits for ACCESS EXCLUSIVE; those of setup() are text."""
    return isinstance(query, str) and query.lstrip().upper().startswith("ALTER TABLE")


@contextlib.contextmanager
def _within(connection, seconds):
    if not seconds:
        yield
        return
    late, done = threading.Event(), threading.Event()

    def end():
        late.set()
        with contextlib.suppress(Exception):  # a server that is silent does not answer this either
            connection.cancel_safe(timeout=GRACE)
        if not done.wait(GRACE):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end_of_it:
                end_of_it.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        done.set()
        timer.cancel()
        if late.is_set():
            raise psycopg.OperationalError("the server gave no answer within %d seconds" % seconds) from None
