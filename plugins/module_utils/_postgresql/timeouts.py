# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit on this side for each statement: no setting of a server ends the wait for one that is silent, or that waits for its own standby."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import retry_with_short_lock_timeout

# Seconds beyond the server's own limit, which is to come first, and then for the server to take back what it does.
SLACK = 15
GRACE = 5


def patient_cursor():
    """A cursor class whose execute() ends within the seconds that its connection's `answer_within` names; none or 0 for no limit.

    Where the connection has `lock_within`, each ALTER TABLE outside a transaction has its lock retry_with_short_lock_timeout() within so many seconds.
    """

    class PatientCursor(psycopg.Cursor):
        """Raises psycopg.OperationalError where the limit was passed, whatever the server answered then."""

        def execute(self, query, *args, **kwargs):
            """As psycopg's."""

            def attempt():
                with _within(self.connection, getattr(self.connection, "answer_within", 0)):
                    return super(PatientCursor, self).execute(query, *args, **kwargs)

            seconds = getattr(self.connection, "lock_within", None)
            if seconds is None or not _shuts_everybody_out(query) or self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                return attempt()
            return retry_with_short_lock_timeout(self.connection, attempt, seconds)

    return PatientCursor


def _shuts_everybody_out(query):
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
