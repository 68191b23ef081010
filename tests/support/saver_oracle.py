# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle: makes every call of PostgresSaver in a changed database, and compares the answers with those from an unchanged database.

Everything runs in one transaction, which the caller rolls back, so that hundreds of changes take seconds.
"""

from __future__ import annotations

import random

import psycopg
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import TASKS
from psycopg.rows import dict_row

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import SAFE_PATH

TABLES = ("checkpoint_blobs", "checkpoint_writes", "checkpoints")
# As LangGraph creates them: version 6 UUIDs. In the collations of some languages, the first one sorts after the second one.
IDS = ("1f0aa000-0000-6000-8000-000000000001", "1f0b0000-0000-6000-8000-000000000002", "1f0b0000-0000-6000-8000-00000000000f")
TEXT = "Zürich € 漢字 😀 'quoted' \"twice\" 100% {x} \t\n"
# Random, so that PostgreSQL cannot compress it below the size of an index entry. VAST does not fit into a page without TOAST.
LARGE = random.Random(1).randbytes(4500).hex()
VAST = random.Random(2).randbytes(60000)
VALUES = {
    "text": LARGE,
    "empty": "",
    "none": None,
    "yes": True,
    "whole": 2**63,
    "part": -0.5,
    "more": TEXT,
    "list": [LARGE, 1, None],
    "bytes": VAST,
    "map": {"k": TEXT},
}
METADATA = {"source": "loop", "step": 1, "parents": {}, "note": LARGE, "who": LARGE, "tenant": TEXT, "channel_values": LARGE, "nested": {"a": [LARGE]}}
# Ids that differ only in case, long ones, and those with other scripts.
THREADS = ("A thread of its own", "A THREAD OF ITS OWN", "t" * 1500, TEXT, "0")
NAMESPACES = ("", "child:%s" % IDS[0], "CHILD:%s" % IDS[0], "a|ü:1", "n" * 200)
LONG = "x" * 200
SUMMARIZE = "SELECT brin_summarize_new_values(c.oid) FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE m.amname = 'brin'"
# Marks an answer that is an error.
FAILED = "! "


class LongNames(JsonPlusSerializer):
    """An application's own serializer, whose types have long names."""

    def dumps_typed(self, obj):
        return LONG, super().dumps_typed(obj)[1]

    def loads_typed(self, data):
        return super().loads_typed(("msgpack" if data[0] == LONG else data[0], data[1]))


class TransactionalSaver(PostgresSaver):
    """The real saver. CONCURRENTLY is not possible in a transaction."""

    MIGRATIONS = [migration.replace("CONCURRENTLY", "") for migration in PostgresSaver.MIGRATIONS]


def config(thread=THREADS[0], namespace="", name=None):
    return {"configurable": dict({"thread_id": thread, "checkpoint_ns": namespace}, **({"checkpoint_id": name} if name else {}))}


def checkpoint(name, values, number=1, **fields):
    versions = {channel: "%032d.%016d" % (number, number) for channel in values}
    return dict(empty_checkpoint(), id=name, ts="2026-01-01T00:00:00+00:00", channel_values=dict(values), channel_versions=versions, **fields)


def calls(saver, execute):
    """(name, call) of each call that an application can make. execute: runs a statement as the owner of the tables."""

    def put(where, name, values, number=1, metadata=None, **fields):
        made = checkpoint(name, values, number, **fields)
        return saver.put(where, made, METADATA if metadata is None else metadata, made["channel_versions"])

    yield "put", lambda: put(config(), IDS[0], VALUES)
    yield "put again", lambda: put(config(), IDS[0], VALUES, metadata=dict(METADATA, step=2))
    yield "get", lambda: saver.get_tuple(config())
    yield "put a second one", lambda: put(config(name=IDS[0]), IDS[1], {"list": [2], "text": "b", "none": None}, 2, {"source": "input"})
    yield "put nothing", lambda: saver.put(config(name=IDS[1]), checkpoint(IDS[2], {}), {}, {})
    yield "get the newest", lambda: saver.get_tuple(config())
    writes = [("list", [LARGE]), ("bytes", VAST), ("none", None), ("text", TEXT)]
    for again in ("", " again"):
        yield "put writes" + again, lambda: saver.put_writes(config(name=IDS[2]), writes, "task", "~path, ü")
        yield "put special writes" + again, lambda: saver.put_writes(config(name=IDS[2]), [("__error__", "no" + again), ("__interrupt__", [1])], "task")
    yield "put writes of another task", lambda: saver.put_writes(config(name=IDS[2]), [("list", [1])], "task 2")
    yield "put many writes", lambda: saver.put_writes(config(name=IDS[1]), [("c%d" % number, number) for number in range(120)], "many")
    yield "put a write without its checkpoint", lambda: saver.put_writes(config(name="none"), [("c", 1)], "early")
    yield "get with writes", lambda: saver.get_tuple(config())
    yield "get by id", lambda: saver.get_tuple(config(name=IDS[1]))
    yield "get none", lambda: (saver.get_tuple(config(name="none")), saver.get_tuple(config("none")))
    yield "put sends", lambda: saver.put_writes(config(name=IDS[0]), [(TASKS, {"send": 1})], "task", "~a")
    yield "put an old checkpoint", lambda: put(config(namespace="old", name=IDS[0]), IDS[1], {"list": [1]}, 3, v=2)
    yield "get an old checkpoint", lambda: saver.get_tuple(config(namespace="old"))
    long = TransactionalSaver(saver.conn, serde=LongNames())
    made = dict(checkpoint(LONG, {LONG: [1]}), channel_versions={LONG: LONG})
    yield "put long names", lambda: long.put(config("long", name=LONG), made, {}, {LONG: LONG})
    yield "put writes with long names", lambda: long.put_writes(config("long", name=LONG), [(LONG, [1])], LONG, LONG)
    yield "get long names", lambda: long.get_tuple(config("long"))
    yield "delete long names", lambda: long.delete_thread("long")
    for number, thread in enumerate(THREADS):
        for namespace in NAMESPACES[:1] if number else NAMESPACES[1:]:
            yield "put in %.9s, %s" % (thread, namespace), lambda thread=thread, namespace=namespace: put(config(thread, namespace), IDS[0], {"größe": [TEXT]})
    yield "put writes in long threads", lambda: saver.put_writes(config(THREADS[2], NAMESPACES[-1], IDS[0]), [("c", 1)], "task")
    # Ids, channels, versions and tasks that differ only in case.
    for name in ("id-X", "id-x"):
        cased = dict(checkpoint(name, {"List": [1], "list": [2]}), channel_versions={"List": name, "list": name})
        cased_config = config("case", name=None if name == "id-X" else "id-X")
        yield "put " + name, lambda cased=cased, where=cased_config: saver.put(where, cased, {"source": "loop"}, cased["channel_versions"])
        for task in ("task", "TASK"):
            yield "put writes of %s to %s" % (task, name), lambda name=name, task=task: saver.put_writes(config("case", name=name), [("c", task)], task)
    yield "get ids in two cases", lambda: [saver.get_tuple(config("case", name=name)) for name in (None, "id-X", "id-x")]
    for namespace in NAMESPACES[1:3]:
        yield "put writes in " + namespace, lambda namespace=namespace: saver.put_writes(config(namespace=namespace, name=IDS[0]), [("c", namespace)], "task")
    yield "get writes in two cases", lambda: [saver.get_tuple(config(namespace=namespace)) for namespace in NAMESPACES]
    yield "put sends in two cases", lambda: saver.put_writes(config(name=IDS[0]), [(TASKS.upper(), {"send": 2})], "other", "~b")
    yield "get sends in two cases", lambda: saver.get_tuple(config(namespace="old"))
    yield "list", lambda: list(saver.list(config()))
    yield "list everything", lambda: len(list(saver.list(None, limit=100)))
    yield (
        "list by metadata",
        lambda: [ordered(saver.list(None, filter=found)) for found in ({"step": 2}, {"note": LARGE}, {"nested": {"a": [LARGE]}}, {"x": 1})],
    )
    yield "list before", lambda: list(saver.list(config(), before=config(name=IDS[1]), limit=1))
    yield "list each thread", lambda: [[each.config for each in saver.list(config(thread))] for thread in THREADS]
    yield "get the history of a delta channel", lambda: saver.get_delta_channel_history(config=config(), channels=["list"])
    yield "analyze", lambda: execute("ANALYZE checkpoints; ANALYZE checkpoint_blobs; ANALYZE checkpoint_writes; ANALYZE checkpoint_migrations")
    yield "summarize", lambda: execute(SUMMARIZE)  # as VACUUM does
    yield "prune", lambda: saver.prune([THREADS[0], "case"], strategy="keep_latest")
    yield "get what was kept", lambda: (saver.get_tuple(config()), saver.get_tuple(config("case")), [count(saver, table) for table in TABLES])
    yield "delete", lambda: [saver.delete_thread(thread) for thread in (THREADS[0], "case")]
    yield "list the others", lambda: ordered(saver.list(None))
    yield "prune everything", lambda: saver.prune(list(THREADS[1:]), strategy="delete")
    yield "nothing remains", lambda: [count(saver, table) for table in TABLES]
    yield "check constraints", lambda: execute("SET CONSTRAINTS ALL IMMEDIATE")


def migrations(saver, execute):
    """Every statement of setup() once more, then statements of the same kinds, as a future migration may contain them."""
    yield "setup", saver.setup
    for table in TABLES:
        yield "add a column to " + table, lambda table=table: execute("ALTER TABLE %s ADD COLUMN oracle text NOT NULL DEFAULT ''" % table)
        yield "create an index on " + table, lambda table=table: execute("CREATE INDEX oracle_%s ON %s (thread_id)" % (table, table))
    yield "analyze again", lambda: execute("ANALYZE checkpoint_migrations")
    yield "setup again", saver.setup
    yield "recorded", lambda: [row["v"] for row in execute("SELECT v FROM checkpoint_migrations ORDER BY v").fetchall()]


def ordered(found):
    """Sort checkpoints of several threads, because the saver does not list them in a defined order."""
    return sorted(found, key=lambda each: repr(each.config))


def plain(found):
    """The answer with dictionaries in a defined order, because the plan of a query determines the order of a checkpoint's channels."""
    if isinstance(found, dict):
        return sorted((key, plain(value)) for key, value in found.items())
    return [plain(each) for each in found] if isinstance(found, (list, tuple)) else found


def count(saver, table):
    return saver.conn.execute("SELECT count(*) AS number FROM %s" % table).fetchone()["number"]


class Oracle:
    """connection: a superuser's connection with isolation level REPEATABLE READ, which prune() needs. owner, app: the names of the roles."""

    def __init__(self, connection, owner, app):
        self.connection = connection
        self.owner = owner
        self.app = app
        self.expected = dict(self._answers())

    def difference(self):
        """The first call whose answer differs from the one in an unchanged database, and its error, if any. None if no answer differs."""
        for name, answer in self._answers():
            if answer != self.expected[name]:
                return "%s: %.300s" % (name, answer[len(FAILED) :] if answer.startswith(FAILED) else "another answer")
        return None

    def _answers(self):
        saver = TransactionalSaver(self.connection)
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("SET LOCAL statement_timeout = '5s'")
            self._take(self.app)
            for name, call in calls(saver, self._as_owner):
                yield name, self._answer(call)
            self._take(self.owner)
            for name, call in migrations(saver, self.connection.execute):
                yield name, self._answer(call)

    def _take(self, role):
        self.connection.execute('SET LOCAL ROLE "%s"' % role)

    def _as_owner(self, statement):
        self._take(self.owner)
        self.connection.execute(statement)
        self._take(self.app)

    def _answer(self, call):
        try:
            with self.connection.transaction():
                found = call()
        except (psycopg.Error, TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
            return "%s%s: %s" % (FAILED, type(error).__name__, error)
        return "" if isinstance(found, psycopg.Cursor) else repr(plain(found))


class TrialDatabase:
    """One database for all changes: each change is made in a transaction that is rolled back."""

    def __init__(self, database):
        self.owner, self.app = database.owner.name, database.app.name
        database.setup()
        database.execute("DELETE FROM checkpoint_migrations")  # so that the oracle's setup() runs every migration
        database.grant()
        for kind in ("TABLES", "SEQUENCES"):
            database.execute('ALTER DEFAULT PRIVILEGES FOR ROLE "%s" GRANT ALL ON %s TO "%s"' % (self.owner, kind, self.app))
        self.connection = database.connect(row_factory=dict_row, autocommit=False, prepare_threshold=None)
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.oracle = Oracle(self.connection, self.owner, self.app)
        self.connection.rollback()

    def change(self, statements):
        """Execute statements as the owner, who is temporarily a superuser, so that all objects have the same owner."""
        self.connection.execute('ALTER ROLE "%s" SUPERUSER; SET LOCAL ROLE "%s"' % (self.owner, self.owner))
        self.connection.execute(statements.replace("{app}", '"%s"' % self.app))
        self.connection.execute('SET LOCAL ROLE NONE; ALTER ROLE "%s" NOSUPERUSER' % self.owner)

    def read_schema(self):
        """Read the schema as snapshot() does, but in a transaction with uncommitted changes."""
        with self.connection.transaction(force_rollback=True):
            path = self.connection.execute("SELECT current_schemas(true)::text[] AS path").fetchone()["path"]
            self.connection.execute("SET LOCAL search_path = %s; SET LOCAL quote_all_identifiers = off" % SAFE_PATH)
            return read(self.connection, "public", tuple(path), roles=[self.app]).schema
