# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes ACCESS EXCLUSIVE in short attempts: a waiting session blocks every session behind it, so each attempt gives up quickly.

Also the advisory lock that serialises runs.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, quoted
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

Result = TypeVar("Result")

# Seconds between two attempts. In this time, the sessions that queued behind the first attempt proceed.
PAUSE = 0.5
# An autovacuum yields to a session that has waited for deadlock_timeout, so an attempt lasts longer than that.
# Its names are qualified, as the statements of setup() run in such attempts, with the schema in search_path.
SHORTEN_LOCK_TIMEOUT = """
SELECT pg_catalog.set_config('lock_timeout', pg_catalog.concat(least(%s, 500 OPERATOR(pg_catalog.+) (
    1000 OPERATOR(pg_catalog.*) extract(epoch FROM pg_catalog.current_setting('deadlock_timeout')::pg_catalog.interval)))::pg_catalog.int4, 'ms'), false)
"""
SET_LOCK_TIMEOUT = "SELECT pg_catalog.set_config('lock_timeout', %s, false)"
# The other sessions that have announced themselves, and whether their pid is lower. A session counts if its login role can act as this session's role
# or as the owner of the schema, or can create tables in the schema; and if its role is not known yet.
HOLDERS = """
SELECT l.pid, s.usename AS name, s.application_name AS application, s.state, extract(epoch FROM clock_timestamp() - s.query_start)::int AS age,
       l.pid < pg_backend_pid() AS first
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid = l.pid LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = %(group)s::bigint::oid AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND (s.usesysid IS NULL OR pg_has_role(s.usesysid, current_user, 'MEMBER') OR pg_has_role(s.usesysid, n.nspowner, 'MEMBER')
       OR has_schema_privilege(s.usesysid, n.oid, 'CREATE'))
ORDER BY l.pid
"""
# Seconds between two lock attempts: the first and the longest pause.
ADVISORY_LOCK_POLL = (0.05, 1.0)


class LockRequirements(NamedTuple):
    """The locks that a plan needs.

    exclusive: tables that it locks against reading. shared: tables that it locks against writing. read, written: tables that it reads or writes.
    snapshots: whether it waits for old snapshots, as CREATE and DROP INDEX CONCURRENTLY do.
    """

    exclusive: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    snapshots: bool = False
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


@contextlib.contextmanager
def report_lock_holders(connection: Connection, schema: str, tables: Sequence[str]) -> Iterator[None]:
    """For a block that only reads: if it does not get a lock in time, raise ModuleError that names the holders."""
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        # Only a failure needs the code that finds the holders.
        from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders

        raise ModuleError(lock_holders(connection, schema, LockRequirements(read=tuple(tables)))) from None


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
    schema: str | None = None,
) -> Iterator[bool]:
    """Be the only run that works on a schema or a thread. Yields whether another run was first. connection: in autocommit mode.

    Every role can take every advisory lock, so a lock with a known key could be used to block a run. Instead, a run announces itself with a lock that
    has a random key in the class of the name, and proceeds if no session whose role counts has announced itself. Of two runs that announce
    themselves at the same time, both see the other one, and the one with the higher pid withdraws.

    The lock is polled, since CREATE INDEX CONCURRENTLY in the other run would wait for a session that waits for it.
    seconds: how long to wait. Raises ModuleError that names the holder. schema: sessions that could create its tables count, whatever their role.
    """
    group = zlib.crc32(("stateops.langgraph %s" % name).encode("utf-8"))
    deadline = clock() + seconds
    pause, waited = ADVISORY_LOCK_POLL[0], False
    announced: tuple[int, int] | None = None
    others: list[dict[str, Any]] = []
    try:
        while True:
            # While another run holds the lock, a waiting run does not announce itself: each would see the other waiting ones instead of a free lock.
            tries = announced is None and not others
            if tries:
                key = (group - 2**32 if group >= 2**31 else group, int.from_bytes(os.urandom(4), "big") - 2**31)
                announced = key if fetch_row(connection, "SELECT pg_try_advisory_lock(%s, %s) AS got", key)["got"] else None
            others = connection.execute(HOLDERS, {"group": group, "schema": schema}).fetchall()
            if announced and not others:
                break
            waited = True
            if clock() >= deadline:
                raise ModuleError(
                    "Could not acquire the lock on %s within %s seconds: another run holds it%s. Nothing was written. "
                    "Wait for that run, %s, or end that session%s."
                    % (name, seconds, _describe(others), advice, ": SELECT pg_terminate_backend(%d)" % others[0]["pid"] if others else "")
                )
            if announced and any(other["first"] for other in others):
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", announced)
                announced = None
            if not others and not tries:
                continue
            sleep(min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.5, ADVISORY_LOCK_POLL[1])
        yield waited
    finally:
        if announced and not connection.closed:
            with contextlib.suppress(Exception):  # the end of the session releases it as well; report the first error
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", announced)


def _describe(others: list[dict[str, Any]]) -> str:
    if not others:
        return ""
    row = others[0]
    session = " (pid %s, user %s, application %s" % (row["pid"], row["name"], quoted(row["application"]) if row["application"] else "unnamed")
    if row["age"] is None:
        return session + ", its age is hidden from this role: GRANT pg_read_all_stats shows it)"
    return "%s, %s, last statement %d s ago)" % (session, row["state"], row["age"])
