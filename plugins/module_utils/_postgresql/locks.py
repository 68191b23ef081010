# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes ACCESS EXCLUSIVE in short attempts: a waiting session blocks every session behind it, so each attempt gives up quickly.

Also the advisory lock that serialises runs.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

Result = TypeVar("Result")

# Seconds between two attempts, in which the sessions that queued behind the first one proceed.
PAUSE = 0.5
# An autovacuum yields to a session that has waited for deadlock_timeout, so an attempt lasts longer than that.
# Its names are qualified, as the statements of setup() run in such attempts, with the schema in search_path.
SHORTEN_LOCK_TIMEOUT = """
SELECT pg_catalog.set_config('lock_timeout', pg_catalog.concat(least(%s, 500 OPERATOR(pg_catalog.+) (
    1000 OPERATOR(pg_catalog.*) extract(epoch FROM pg_catalog.current_setting('deadlock_timeout')::pg_catalog.interval)))::pg_catalog.int4, 'ms'), false)
"""
SET_LOCK_TIMEOUT = "SELECT pg_catalog.set_config('lock_timeout', %s, false)"
# The first half of the advisory lock's key: "LGCP". The second half is derived from the name.
LOCK_CLASS = 0x4C474350
# Seconds between two lock attempts: the first and the longest pause.
ADVISORY_LOCK_POLL = (0.05, 1.0)


def retry_with_short_lock_timeout(
    connection: Connection,
    work: Callable[[], Result],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Call work() with a short lock_timeout until it gets its lock; returns its result. Raises LockNotAvailable when the time is up.

    connection: in autocommit mode, outside a transaction. work: takes its lock first, and can be called again.
    seconds: for all attempts together, 0 for no limit. lock_timeout is set to this value afterwards.
    """
    deadline = clock() + (seconds or float("inf"))
    try:
        while True:
            # At least 1 ms: lock_timeout = 0 means no limit.
            remaining = max(1, int(min(deadline - clock(), 3600) * 1000))
            connection.execute(SHORTEN_LOCK_TIMEOUT, (remaining,))
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
def advisory_lock(
    connection: Connection,
    name: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    advice: str = "raise lock_wait",
) -> Iterator[bool]:
    """Hold the advisory lock for a schema or a thread, so that only one run works on it. Yields whether another run held the lock first.

    The lock is polled, since CREATE INDEX CONCURRENTLY in the other run would wait for a session that waits for it.
    seconds: how long to wait. Raises ModuleError that names the holder.
    """
    key = (LOCK_CLASS, zlib.crc32(name.encode("utf-8")) - 2**31)
    deadline = clock() + seconds
    pause, waited = ADVISORY_LOCK_POLL[0], False
    while not fetch_row(connection, "SELECT pg_try_advisory_lock(%s, %s) AS got", key)["got"]:
        waited = True
        if clock() >= deadline:
            raise ModuleError(
                "Could not acquire the lock on %s within %s seconds: another run holds it (%s). Nothing was written. "
                "Wait for that run, %s, or end that session." % (name, seconds, _describe_holder(connection, key), advice)
            )
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, ADVISORY_LOCK_POLL[1])
    try:
        yield waited
    finally:
        if not connection.closed:
            with contextlib.suppress(Exception):  # the end of the session releases it as well; report the first error
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _describe_holder(connection: Connection, key: tuple[int, int]) -> str:
    row = connection.execute(
        "SELECT l.pid, s.usename AS name, s.application_name AS application, s.state,"
        " extract(epoch FROM clock_timestamp() - s.query_start)::int AS age FROM pg_locks l LEFT JOIN pg_stat_activity s ON s.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = (%s::bigint & 4294967295)::oid"
        " AND l.objid = (%s::bigint & 4294967295)::oid"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        key,
    ).fetchone()
    if row is None:
        return "that run has just ended"
    session = "pid %s, user %s, application %s" % (row["pid"], row["name"], row["application"] or "unnamed")
    if row["age"] is None:
        return session + ", its age is hidden from this role: GRANT pg_read_all_stats shows it"
    return "%s, %s, last statement %d s ago" % (session, row["state"], row["age"])
