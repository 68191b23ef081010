# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that would block a migration, found before its first write, and sessions that block readers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, quoted
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

# Seconds between two queries for blockers.
POLL = 0.2
# How many blockers a message names.
NAMED = 5

# backend_xmin is visible to every role; state and times only to the session's own role and to members of pg_read_all_stats.
# A session that waits for ACCESS EXCLUSIVE blocks every later session, so its request counts as a lock.
# pid is NULL for the locks of a prepared transaction. usesysid is NULL for autovacuum, which yields to a waiting session unless it prevents
# wraparound. Its query is hidden from most roles, so the age of the table shows whether it prevents wraparound.
# Nobody waits for the snapshot of a VACUUM. CREATE INDEX CONCURRENTLY does not wait for another one whose index has neither an expression nor
# a predicate. The name of that index is hidden as well, so the INVALID indexes of its table are examined instead.
SESSIONS = """
WITH held AS (
    SELECT l.pid, l.virtualtransaction AS holder,
           string_agg(DISTINCT c.relname || ' (' || l.mode || CASE WHEN l.granted THEN ')' ELSE ', waited for)' END, ', ') AS locks,
           bool_or(age(c.relfrozenxid) > least(current_setting('autovacuum_freeze_max_age')::int, o.xids)
                   OR mxid_age(c.relminmxid) > least(current_setting('autovacuum_multixact_freeze_max_age')::int, o.mxids)) AS wraparound
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT max(option_value::int) FILTER (WHERE option_name = 'autovacuum_freeze_max_age') AS xids,
               max(option_value::int) FILTER (WHERE option_name = 'autovacuum_multixact_freeze_max_age') AS mxids
        FROM pg_options_to_table(c.reloptions)
        WHERE option_name IN ('autovacuum_freeze_max_age', 'autovacuum_multixact_freeze_max_age')
    ) o
    WHERE l.locktype = 'relation' AND (l.granted OR l.mode = 'AccessExclusiveLock')
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND n.nspname = %(schema)s
      AND (c.relname = ANY(%(exclusive)s)
           OR c.relname = ANY(%(shared)s) AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
           OR c.relname = ANY(%(written)s) AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
           OR c.relname = ANY(%(read)s) AND l.mode = 'AccessExclusiveLock')
    GROUP BY l.pid, l.virtualtransaction
), looking AS (
    SELECT s.pid, v.virtualtransaction AS holder
    FROM pg_stat_activity s JOIN pg_locks v ON v.pid = s.pid AND v.locktype = 'virtualxid' AND v.granted
    WHERE %(snapshots)s AND s.datname = current_database() AND s.backend_xmin IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.pid = s.pid)
      AND NOT (EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.pid = s.pid)
               AND (SELECT count(*) > 0 AND bool_and(i.indexprs IS NULL AND i.indpred IS NULL)
                    FROM pg_locks l JOIN pg_index i ON i.indrelid = l.relation
                    WHERE l.pid = s.pid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND NOT i.indisvalid))
), found AS (
    SELECT pid, holder, locks, wraparound FROM held
    UNION ALL
    SELECT pid, holder, NULL, false FROM looking l WHERE NOT EXISTS (SELECT FROM held h WHERE h.pid = l.pid)
)
SELECT f.pid, f.holder, f.locks, pg_blocking_pids(f.pid) AS behind, coalesce(s.usename, p.owner) AS name, s.application_name AS application, p.gid,
       s.usesysid IS NULL AND f.wraparound AS vacuum,
       s.state, extract(epoch FROM clock_timestamp() - coalesce(s.xact_start, p.prepared))::int AS age,
       extract(epoch FROM clock_timestamp() - s.query_start)::int AS statement_age
FROM found f
LEFT JOIN pg_stat_activity s ON s.pid = f.pid
LEFT JOIN pg_locks x ON f.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = f.holder
LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE f.pid IS DISTINCT FROM pg_backend_pid() AND (f.pid IS NULL OR s.usesysid IS NOT NULL OR f.wraparound)
ORDER BY age DESC NULLS LAST, f.pid
"""


def wait_for(
    connection: Connection,
    schema: str,
    needed: LockRequirements,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the sessions that block the plan now have ended their transactions. Raises ModuleError that names the remaining ones.

    It does not wait for sessions that come later, because a busy server always has some.
    """
    first = None
    deadline = clock() + seconds
    while True:
        rows = _blocking_sessions(connection, schema, needed)
        if first is None:
            first = {(row["pid"], row["holder"]) for row in rows}
        remaining = [row for row in rows if (row["pid"], row["holder"]) in first]
        if not remaining:
            return
        if clock() >= deadline:
            raise ModuleError(
                "Still blocked after %s seconds by: %s. Nothing was written. End their transactions, or run again when they have ended."
                % (seconds, _describe_sessions(remaining))
            )
        sleep(min(POLL, max(0.0, deadline - clock())))


def lock_holders(connection: Connection, schema: str, needed: LockRequirements) -> str:
    """Who held a lock that a statement did not get in time, and what to do. connection: in autocommit mode, outside a transaction."""
    attempts = [("A table in schema %s is locked even against reading: %s.", LockRequirements(read=needed.read + needed.written + needed.exclusive))]
    attempts.append(("A table in schema %s is locked against writing: %s.", LockRequirements(written=needed.written)))
    # A session that changed or locked a row also holds a lock on the table, which alone blocks nobody.
    attempts.append(("A row or a table in schema %s is locked by one of: %s.", LockRequirements(needed.written + needed.exclusive, snapshots=needed.snapshots)))
    with snapshot(connection):
        for text, locks in attempts:
            rows = _blocking_sessions(connection, schema, locks)
            if rows:
                return "%s End that transaction, or run again when it has ended." % (text % (schema, _describe_sessions(rows)))
    return "A table in schema %s was locked, and the session that held the lock has just ended. Run again." % schema


def _blocking_sessions(connection: Connection, schema: str, needed: LockRequirements) -> list[dict[str, Any]]:
    return connection.execute(
        SESSIONS,
        {
            "schema": schema,
            "exclusive": list(needed.exclusive),
            "shared": list(needed.shared),
            "read": list(needed.read),
            "written": list(needed.written),
            "snapshots": needed.snapshots,
        },
    ).fetchall()


def _describe_sessions(rows: Sequence[dict[str, Any]]) -> str:
    """The first few sessions in words."""
    return "; ".join(_describe_session(row) for row in rows[:NAMED]) + (" and %d more" % (len(rows) - NAMED) if len(rows) > NAMED else "")


def _describe_session(row: dict[str, Any]) -> str:
    """A session in words."""
    if row["pid"] is None:
        session = "the prepared transaction %s of user %s (ROLLBACK PREPARED ends it)" % (quoted(row["gid"] or row["holder"]), row["name"] or "unknown")
    elif row["vacuum"]:
        session = "pid %d, an autovacuum to prevent wraparound, which does not yield," % row["pid"]
    else:
        session = "pid %d, user %s, application %s" % (row["pid"], row["name"], quoted(row["application"]) if row["application"] else "unnamed")
    action = "holds locks on %s" % row["locks"] if row["locks"] else "keeps an old snapshot"
    if row["behind"]:
        action += " and waits for pid %s" % ", ".join(str(pid) for pid in row["behind"])
    if row["age"] is None:
        return "%s %s (its age is hidden from this role: GRANT pg_read_all_stats shows it)" % (session, action)
    age = "transaction %d s old" % row["age"]
    if row["statement_age"] is not None:
        age += ", %s, last statement %d s ago" % (row["state"], row["statement_age"])
    return "%s %s (%s)" % (session, action, age)
