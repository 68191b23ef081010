# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time limits on the client's side. No setting of the server ends the wait for a server that does not respond, or that waits for its standby."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, cast

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import retry_with_short_lock_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

# Seconds beyond the server's own limit, which should end the statement first; and then seconds for the server to cancel the statement.
SLACK = 15
GRACE = 5


@functools.lru_cache(maxsize=None)
def limited_connection() -> type[Connection]:
    """A subclass of psycopg.Connection with a time limit for each statement. It is defined on demand, since psycopg may not be importable.

    answer_within: seconds for execute() of its cursors, 0 for no limit. After this time psycopg.OperationalError is raised.
    lock_within: seconds for an ALTER TABLE outside a transaction to get its lock, in short attempts; None if it waits like any other statement.
    """

    class LimitedCursor(psycopg.Cursor):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            """As in psycopg."""

            connection = cast("Connection", self.connection)

            def attempt() -> Any:
                with _within(connection, connection.answer_within):
                    return super(LimitedCursor, self).execute(query, *args, **kwargs)

            seconds = connection.lock_within
            if seconds is None or not _takes_access_exclusive(query) or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                return attempt()
            return retry_with_short_lock_timeout(connection, attempt, seconds)

    class LimitedConnection(psycopg.Connection):
        answer_within: float = 0
        lock_within: float | None = None
        own_encoding: str = ""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cursor_factory = LimitedCursor

    return cast("type[Connection]", LimitedConnection)


def _takes_access_exclusive(query: object) -> bool:
    """Whether a statement takes ACCESS EXCLUSIVE. The statements of setup() are strings."""
    return isinstance(query, str) and query.lstrip().upper().startswith("ALTER TABLE")


@contextlib.contextmanager
def _within(connection: Connection, seconds: float) -> Iterator[None]:
    """Cancel the statement after this time, and close the connection if that does not end it. Raises psycopg.OperationalError."""
    if not seconds:
        yield
        return
    late, done = threading.Event(), threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(Exception):  # a server that does not respond does not respond to this either
            connection.cancel_safe(timeout=GRACE)
        if not done.wait(GRACE):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)

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
