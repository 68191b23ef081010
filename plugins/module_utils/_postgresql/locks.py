# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACCESS EXCLUSIVE without a queue: whoever waits for that lock keeps everybody else waiting behind it, so it is asked for a moment at a time."""

from __future__ import annotations

import contextlib
import time
import zlib

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg

# Seconds in which those who queued behind an attempt get through.
PAUSE = 0.5
# An autovacuum gives way to whoever has waited for deadlock_timeout, so an attempt has to outlast that.
SHORTEN_LOCK_TIMEOUT = """
SELECT set_config('lock_timeout', least(%s, 500 + 1000 * extract(epoch FROM current_setting('deadlock_timeout')::interval))::int || 'ms', false)
"""
SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %s, false)"
# The first half of the advisory lock's key: "LGCP". The second is the schema's name.
LOCK_CLASS = 0x4C474350
ADVISORY_LOCK_POLL = (0.05, 1.0)


def retry_with_short_lock_timeout(connection, work, seconds, clock=time.monotonic, sleep=time.sleep):
    """What work() returns, once one of its short attempts has had its lock.

    connection: in autocommit mode, outside a transaction. work: takes its lock first, and begins anew each time.
    seconds: for all attempts together, 0 for no limit; lock_timeout reads that again afterwards. Raises LockNotAvailable.
    """
    deadline = clock() + (seconds or float("inf"))
    try:
        while True:
            # Microseconds would be cut to 0, which is no limit at all.
            left = max(1, int(min(deadline - clock(), 3600) * 1000))
            connection.execute(SHORTEN_LOCK_TIMEOUT, (left,))
            try:
                return work()
            except psycopg.errors.LockNotAvailable:
                if clock() + PAUSE >= deadline:
                    raise
            sleep(PAUSE)
    finally:
        if not (connection.closed or connection.broken):
            connection.execute(SET_LOCK_TIMEOUT, ("%dms" % (seconds * 1000),))


@contextlib.contextmanager
def advisory_lock(connection, name, seconds, clock=time.monotonic, sleep=time.sleep, advice="raise lock_wait"):
    """Hold the lock that keeps two runs on one thing apart; polled, since CREATE INDEX CONCURRENTLY waits for a blocked waiter.

    name: the schema or the thread. seconds: how long another run may keep it. Yields whether it was waited for. Raises ModuleError naming the holder.
    """
    key = (LOCK_CLASS, zlib.crc32(name.encode("utf-8")) - 2**31)
    deadline = clock() + seconds
    pause, waited = ADVISORY_LOCK_POLL[0], False
    while not connection.execute("SELECT pg_try_advisory_lock(%s, %s) AS got", key).fetchone()["got"]:
        waited = True
        if clock() >= deadline:
            raise ModuleError(
                "The lock on %s was not to be had within %s seconds: another run holds it (%s). Nothing was written. "
                "Wait for it, %s, or end that session." % (name, seconds, _holder(connection, key), advice)
            )
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, ADVISORY_LOCK_POLL[1])
    try:
        yield waited
    finally:
        if not connection.closed:
            with contextlib.suppress(Exception):  # the session's end frees it as well; the first error is the one to tell
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _holder(connection, key):
    row = connection.execute(
        "SELECT l.pid, s.usename AS name, s.application_name AS application, s.state,"
        " extract(epoch FROM clock_timestamp() - s.query_start)::int AS age FROM pg_locks l LEFT JOIN pg_stat_activity s ON s.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = (%s::bigint & 4294967295)::oid"
        " AND l.objid = (%s::bigint & 4294967295)::oid"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        key,
    ).fetchone()
    if row is None:
        return "its holder has just gone"
    who = "pid %s, user %s, application %s" % (row["pid"], row["name"], row["application"] or "unnamed")
    if row["age"] is None:
        return who + ", since when is hidden from this role: GRANT pg_read_all_stats shows it"
    return "%s, %s, last statement %d s ago" % (who, row["state"], row["age"])
