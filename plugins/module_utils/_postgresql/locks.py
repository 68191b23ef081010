# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACCESS EXCLUSIVE without a queue: whoever waits for that lock keeps everybody else waiting behind it, so it is asked for a moment at a time."""

from __future__ import annotations

import time

try:
    from psycopg.errors import LockNotAvailable
except ImportError:  # the module has not entered the virtualenv yet; _virtualenv.py sees to it
    LockNotAvailable = None

# Seconds in which those who queued behind an attempt get through.
PAUSE = 0.5
# An autovacuum gives way to whoever has waited for deadlock_timeout, so an attempt has to outlast that.
ATTEMPT = """
SELECT set_config('lock_timeout', least(%s, 500 + 1000 * extract(epoch FROM current_setting('deadlock_timeout')::interval))::int || 'ms', false)
"""
WHOLE = "SELECT set_config('lock_timeout', %s, false)"


def briefly(connection, work, seconds, clock=time.monotonic, sleep=time.sleep):
    """What work() returns, once one of its short attempts has had its lock.

    connection: in autocommit mode, outside a transaction. work: takes its lock first, and begins anew each time.
    seconds: for all attempts together, 0 for no limit; lock_timeout reads that again afterwards. Raises LockNotAvailable.
    """
    deadline = clock() + (seconds or float("inf"))
    try:
        while True:
            # Microseconds would be cut to 0, which is no limit at all.
            left = max(1, int(min(deadline - clock(), 3600) * 1000))
            connection.execute(ATTEMPT, (left,))
            try:
                return work()
            except LockNotAvailable:
                if clock() + PAUSE >= deadline:
                    raise
            sleep(PAUSE)
    finally:
        if not (connection.closed or connection.broken):
            connection.execute(WHOLE, ("%dms" % (seconds * 1000),))
