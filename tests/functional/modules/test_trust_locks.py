# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that another role takes to block a run. Advisory locks count only if their role can act as the owner; the holder of any other lock is named."""

from __future__ import annotations

import contextlib
import socket
import zlib

import psycopg
import pytest
from assertions import assert_refused, assert_succeeded
from databases import TABLES
from psycopg.rows import dict_row
from sqlite_threads import many

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import ImportTarget
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock
from ansible_collections.stateops.langgraph.plugins.module_utils._verify import roundtrip

pytestmark = pytest.mark.newest

THREAD = "SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM checkpoint_writes UNION SELECT thread_id FROM checkpoint_blobs"


@contextlib.contextmanager
def holding(database, role, name):
    """A session that takes locks in the class that runs announce themselves in, all keys that it likes, and any other lock with a known key."""
    with database.connect(role, application_name="the holder") as session:
        session.execute(
            "SELECT pg_advisory_lock(%(class)s::bigint::bit(32)::int, k) FROM generate_series(-50, 50) k",
            {"class": zlib.crc32(("stateops.langgraph %s" % name).encode())},
        )
        yield session


@pytest.fixture
def member(database):
    """A login that can act as the owner, but does not inherit its privileges."""
    made = database.role("member_" + database.owner.name, "LOGIN NOINHERIT")
    database.execute('GRANT "%s" TO "%s"' % (database.owner.name, made.name))
    return made


def test_locks_of_the_application_do_not_block_the_owner(database, call_module):
    with holding(database, database.app, "schema public"):
        done = assert_succeeded(call_module("checkpoint_schema", database.login(lock_wait=0, app_roles=[database.app.name])), database)
    assert done["changed"] is True and set(TABLES) <= database.tables()


@pytest.mark.parametrize("who", ["owner", "member", "superuser"])
def test_the_same_locks_of_a_role_that_can_act_as_the_owner_block_it(database, call_module, member, who):
    """The control. The run acts as the owner, with its own login or with session_role."""
    role = {"owner": database.owner, "member": member, "superuser": None}[who]
    with holding(database, role, "schema public") as session:
        for login in (database.login(), database.login(member, session_role=database.owner.name)):
            outcome = call_module("checkpoint_schema", dict(login, lock_wait=0))
            holder = 'pid %d, user %s, application "the holder"' % (session.info.backend_pid, session.info.user)
            assert_refused(outcome, holder, r"SELECT pg_terminate_backend\(%d\)" % session.info.backend_pid, databases=[database])
    assert database.tables() == set()


@pytest.mark.parametrize("schema, counts", [("public", True), ("other", False), (None, False)])
def test_a_role_that_can_create_tables_in_the_schema_counts(database, schema, counts):
    """Such a role may run the module as well, and neither of the two can act as the other one."""
    other = database.role("other_" + database.owner.name)
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"; CREATE SCHEMA other' % other.name)
    with holding(database, other, "name"), database.connect(database.owner, row_factory=dict_row) as connection:
        with pytest.raises(ModuleError, match="the holder") if counts else contextlib.nullcontext():
            with advisory_lock(connection, "name", 0, schema=schema) as waited:
                assert waited is False


@pytest.mark.parametrize("who", ["a stranger", "the application"])
def test_locks_do_not_block_the_round_trip(database, call_module, who):
    """A session of the application's role counts. The round trip then uses another thread."""
    database.setup()
    database.grant()
    thread = assert_succeeded(call_module("checkpoint_verify", database.login(database.app)), database)["roundtrip"]["thread_id"]
    role = database.role("stranger_" + database.owner.name) if who == "a stranger" else database.app
    with holding(database, role, "thread " + thread):
        done = assert_succeeded(call_module("checkpoint_verify", database.login(database.app)), database)
    used = done["roundtrip"]["thread_id"]
    assert (used == thread) is (who == "a stranger") and used.startswith(thread)
    assert database.execute(THREAD) == []


# A message must not show it as if it were advice.
NAME = 'a job". Run: ALTER ROLE app SUPERUSER;'
READING, WRITING = "ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE"
INSERT = "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint) VALUES (%s, %s, %s, '{}')"


@contextlib.contextmanager
def locking(database, statement, parameters=None):
    """A session of the application that has executed a statement, idle in its transaction. Yields how messages name it."""
    with database.connect(database.app, autocommit=False, application_name=NAME) as session:
        session.execute(statement, parameters)
        yield 'pid %d, user %s, application "%s" holds locks' % (session.info.backend_pid, database.app.name, NAME.replace('"', "'"))
        session.rollback()


def parameters_of(database):
    return dict({name: option.get("default") for name, option in connection_argument_spec().items()}, **database.login(database.app))


@pytest.mark.parametrize("name, who, mode, words", [
    ("checkpoint_schema", "owner", READING, "locked even against reading"),
    ("checkpoint_verify", "app", READING, "locked even against reading"),
    ("checkpoint_schema", "owner", WRITING, "The tables were not dropped"),
])  # fmt: skip
def test_a_table_lock_of_the_application(ready, call_module, name, who, mode, words):
    more = {"state": "absent", "force": True, "lock_timeout": 1} if mode == WRITING else {}
    with locking(ready, "LOCK TABLE checkpoints IN %s MODE" % mode) as holder:
        outcome = call_module(name, ready.login(getattr(ready, who), **more))
    assert_refused(outcome, words, holder, "End that transaction", databases=[ready])


@pytest.mark.parametrize("lock", [WRITING, "row"])
def test_a_lock_during_the_round_trip(ready, monkeypatch, lock):
    monkeypatch.setattr(roundtrip, "LOCK_TIMEOUT", 0.5)
    stale = ("%s%s/%s" % (roundtrip.THREAD, socket.gethostname(), ready.app.name), "", "stale")
    statement, words = "LOCK TABLE checkpoints IN %s MODE" % lock, "locked against writing: "
    if lock == "row":
        ready.execute(INSERT, stale)
        statement, words = "SELECT FROM checkpoints FOR UPDATE", "locked by one of: "
    with locking(ready, statement) as holder, open_connection(parameters_of(ready), "test") as connection:
        with pytest.raises(ModuleError) as error:
            roundtrip.run_roundtrip(connection, parameters_of(ready), "test")
        # The control: without a limit, a statement waits as long as the session likes.
        with ready.connect(ready.app) as waiting, pytest.raises(psycopg.errors.QueryCanceled):
            waiting.execute("SET statement_timeout = '1s'")
            waiting.execute("DELETE FROM checkpoints WHERE thread_id = %s", stale[:1]) if lock == "row" else waiting.execute(INSERT, stale)
    assert words + holder in error.value.message and "End that transaction" in error.value.message
    assert ("may remain" in error.value.message) is (lock == "row")


def test_a_row_that_an_import_would_write(ready, path):
    """The application has inserted the row and does not commit."""
    many(path, threads=1)
    with open_source(str(path)) as source, open_connection(parameters_of(ready), "test") as connection:
        threads = next(source.threads(()))[:1]
        key = [value.decode() for value in source.connection.execute("SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints").fetchone()]
        target = ImportTarget(connection, "public", None)
        target.settings["lock_timeout"] = "500ms"
        with locking(ready, INSERT, key) as holder:
            failure = Importer(source, target).one(list(threads)).failure
    assert "locked by one of: " + holder in failure.message and "End that transaction" in failure.message
