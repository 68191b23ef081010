# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who would keep a migration waiting, found before its first write; and who keeps even a reader out."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg

POLL = 0.2
NAMED = 5

# backend_xmin is visible to every role; state and times only to the role itself and to members of pg_read_all_stats.
# Whoever waits for ACCESS EXCLUSIVE already keeps all others waiting behind it.
# pid is NULL for the locks of a prepared transaction, usesysid for autovacuum, which gives way unless it prevents wraparound: what it is about
# is hidden from most roles, and the age of its table is not. Nobody waits for the snapshot of a VACUUM, nor CREATE INDEX CONCURRENTLY for that
# of another one whose index has no expression and no predicate; which index that is, is hidden as well, and its table's unfinished ones are not.
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


@dataclass(frozen=True)
class LockRequirements:
    """What a plan needs of others. exclusive: tables that nobody may use. shared: tables that nobody may write.

    snapshots: whether old snapshots must go, as CREATE and DROP INDEX CONCURRENTLY wait for them. read: tables that nobody may shut.
    written: tables that nobody may shut against writing.
    """

    exclusive: tuple = ()
    shared: tuple = ()
    snapshots: bool = False
    read: tuple = ()
    written: tuple = ()


def wait_for(connection, schema, needed, seconds, clock=time.monotonic, sleep=time.sleep):
    """Come back once those who were in the way at first have gone; raises ModuleError naming those who stay.

    Short transactions come and go on a busy server, so only the ones seen first are waited for, at most so many seconds.
    """
    first = None
    deadline = clock() + seconds
    while True:
        rows = _in_the_way(connection, schema, needed)
        if first is None:
            first = {(row["pid"], row["holder"]) for row in rows}
        staying = [row for row in rows if (row["pid"], row["holder"]) in first]
        if not staying:
            return
        if clock() >= deadline:
            raise ModuleError(
                "Other sessions are in the way, and stayed for %s seconds: %s. Nothing was written. End their transactions, or run again when they are done."
                % (seconds, _names(staying))
            )
        sleep(min(POLL, max(0.0, deadline - clock())))


@contextlib.contextmanager
def report_lock_holders(connection, schema, tables):
    """A block that only reads: where a lock is not had in time there, the ModuleError names who holds it."""
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        rows = _in_the_way(connection, schema, LockRequirements(read=tuple(tables)))
        who = _names(rows) if rows else "who held it has just gone"
        raise ModuleError(
            "A table of schema %s is locked even against reading: %s. End that transaction, or run again when it is done." % (schema, who)
        ) from None


def _in_the_way(connection, schema, needed):
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


def _names(rows):
    """The first few sessions in words."""
    return "; ".join(_name(row) for row in rows[:NAMED]) + (" and %d more" % (len(rows) - NAMED) if len(rows) > NAMED else "")


def _name(row):
    """A session in words."""
    if row["pid"] is None:
        who = "the prepared transaction '%s' of user %s (ROLLBACK PREPARED ends it)" % (row["gid"] or row["holder"], row["name"] or "unknown")
    elif row["vacuum"]:
        who = "pid %d, an autovacuum against wraparound, which gives way to nobody," % row["pid"]
    else:
        who = "pid %d, user %s, application %s" % (row["pid"], row["name"], row["application"] or "unnamed")
    what = "holds locks on %s" % row["locks"] if row["locks"] else "keeps an old snapshot"
    if row["behind"]:
        what += " and waits for pid %s" % ", ".join(str(pid) for pid in row["behind"])
    if row["age"] is None:
        return "%s %s (since when is hidden from this role: GRANT pg_read_all_stats shows it)" % (who, what)
    age = "transaction %d s old" % row["age"]
    if row["statement_age"] is not None:
        age += ", %s, last statement %d s ago" % (row["state"], row["statement_age"])
    return "%s %s (%s)" % (who, what, age)
