# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisory locks that another role takes, to block the owner's runs: only sessions of roles that can act as the owner count."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from assertions import assert_refused, assert_succeeded
from databases import TABLES
from psycopg.rows import dict_row

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import advisory_lock

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
            holder = "pid %d, user %s, application the holder" % (session.info.backend_pid, session.info.user)
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
