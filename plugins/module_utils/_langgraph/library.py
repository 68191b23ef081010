# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to LangGraph: its version, its MIGRATIONS, its setup(), and the lock around it."""

from __future__ import annotations

import ast
import contextlib
import sys
import time
import zlib
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import step_of
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import NotYet, Refusal, one_line

try:
    from importlib import metadata
except ImportError:  # Python 3.7 and older never get here; the virtualenv is checked first
    metadata = None

DISTRIBUTION = "langgraph-checkpoint-postgres"
SOURCE = "langgraph/checkpoint/postgres/base.py"
# What else the tables and the way to them depend on.
BESIDE = ("langgraph-checkpoint", "langgraph-checkpoint-sqlite", "psycopg")
# The first half of the advisory lock's key: "LGCP". The second is the schema's name.
LOCK_CLASS = 0x4C474350
POLL = (0.05, 1.0)


@dataclass(frozen=True)
class Migration:
    """One entry of MIGRATIONS. version: its place, as the ledger records it. step: its Step, or None. known: the contract has it."""

    version: int
    sql: str
    step: object = None
    known: bool = True

    @property
    def repeatable(self):
        """Whether running it on a database that has its effect does no harm."""
        text = " ".join(self.sql.split()).lower()
        return self.step is None or "if not exists" in text or self.step.kind == "nullable"


@dataclass(frozen=True)
class Library:
    """The installed langgraph-checkpoint-postgres."""

    version: str
    migrations: tuple

    @property
    def newest(self):
        """The version that a fully migrated ledger records."""
        return len(self.migrations) - 1

    @property
    def steps(self):
        """The contract's Steps that this library takes."""
        return tuple(migration.step for migration in self.migrations if migration.step is not None)

    @property
    def unknown(self):
        """The numbers of migrations that the contract does not know."""
        return [migration.version for migration in self.migrations if not migration.known]

    def to_dict(self):
        """As modules return it."""
        return {"name": DISTRIBUTION, "version": self.version}


def library():
    """The installed Library. Raises NotYet where there is none, Refusal where it is too old."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise NotYet(
            "The library %s is not installed in %s. Install it: %s -m pip install %s" % (DISTRIBUTION, sys.prefix, sys.executable, DISTRIBUTION)
        ) from None
    statements = _statements(distribution)
    if not statements:
        raise Refusal("%s %s has no list of migrations; 1.0.1 or newer is needed. Upgrade it." % (DISTRIBUTION, distribution.version))
    migrations = []
    for version, statement in enumerate(statements):
        try:
            migrations.append(Migration(version, statement, step_of(statement)))
        except KeyError:
            migrations.append(Migration(version, statement, None, known=False))
    return Library(distribution.version, tuple(migrations))


def versions_beside():
    """Distributions beside the library to their versions, None for one that is not installed."""
    found = {}
    for name in BESIDE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _statements(distribution):
    """MIGRATIONS. It is a list of strings in the source: reading it there saves the import of LangGraph, ten times as long."""
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        with open(str(distribution.locate_file(SOURCE)), encoding="utf-8") as file:
            for node in ast.parse(file.read()).body:
                if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == ["MIGRATIONS"]:
                    statements = ast.literal_eval(node.value)
                    if all(isinstance(statement, str) for statement in statements):
                        return list(statements)
    return list(getattr(_saver_class(), "MIGRATIONS", ()))


def saver(connection):
    """LangGraph's PostgresSaver on a connection that is in autocommit mode with rows as dicts. Raises Refusal where it does not import."""
    return _saver_class()(connection)


def _saver_class():
    try:
        from langgraph.checkpoint.postgres import PostgresSaver
    except ImportError as error:
        raise Refusal(
            "%s in %s does not import: %s. Install it again: %s -m pip install --force-reinstall %s"
            % (DISTRIBUTION, sys.prefix, one_line(error), sys.executable, DISTRIBUTION)
        ) from None
    return PostgresSaver


@contextlib.contextmanager
def exclusive(connection, name, seconds, clock=time.monotonic, sleep=time.sleep, advice="raise lock_wait"):
    """Hold the lock that keeps two runs on one thing apart; polled, since CREATE INDEX CONCURRENTLY waits for a blocked waiter.

    name: the schema or the thread. seconds: how long another run may keep it. Yields whether it was waited for. Raises Refusal naming the holder.
    """
    key = (LOCK_CLASS, zlib.crc32(name.encode("utf-8")) - 2**31)
    deadline = clock() + seconds
    pause, waited = POLL[0], False
    while not connection.execute("SELECT pg_try_advisory_lock(%s, %s) AS got", key).fetchone()["got"]:
        waited = True
        if clock() >= deadline:
            raise Refusal(
                "The lock on %s was not to be had within %s seconds: another run holds it (%s). Nothing was written. "
                "Wait for it, %s, or end that session." % (name, seconds, _holder(connection, key), advice)
            )
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, POLL[1])
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
