# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema with concurrent runs, with blocking sessions, and when it is interrupted."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest
from assertions import assert_refused, assert_succeeded
from complete_schema import assert_complete
from databases import TABLES
from events import no_more, on_ddl, until
from generations import migrate
from scope import usual

PREPARED = "left-prepared"


def advisory_locks(database):
    return database.execute(
        "SELECT classid::bigint, objid::bigint, objsubid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


@contextlib.contextmanager
def holding(database, lock):
    """Another session holds the lock that a run was seen to take."""

    def signed(number):
        return number - 2**32 if number >= 2**31 else number

    classid, objid, objsubid = lock
    with database.connect(database.owner, application_name="the other run") as other:
        if objsubid == 2:
            other.execute("SELECT pg_advisory_lock(%s, %s)", (signed(classid), signed(objid)))
        else:
            whole = (classid << 32) + objid
            other.execute("SELECT pg_advisory_lock(%s)", (whole - 2**64 if whole >= 2**63 else whole,))
        yield other


@pytest.fixture
def lock(database, start_module):
    """The advisory lock that a run on this database takes, read from pg_locks."""
    on_ddl(database, "PERFORM pg_sleep(0.1);")
    run = start_module("checkpoint_schema", database.login())
    seen = until(lambda: advisory_locks(database))
    assert_succeeded(run.finish(), database)
    no_more(database)
    assert advisory_locks(database) == []
    assert len(seen) == 1
    database.execute("DROP TABLE checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations")
    return seen[0]


def test_eight_at_once_on_an_empty_database(database, start_module):
    runs = [start_module("checkpoint_schema", database.login()) for _number in range(8)]
    results = [assert_succeeded(run.finish(), database) for run in runs]
    assert sorted(result["changed"] for result in results) == [False] * 7 + [True]
    assert_complete(database)


@pytest.mark.newest
def test_several_schemas_at_once(database, start_module):
    names = ["a", "b", "c", "d"]
    for name in names:
        database.execute("CREATE SCHEMA " + name, role=database.owner)
    runs = [start_module("checkpoint_schema", database.login(schema=name)) for name in names]
    assert all(assert_succeeded(run.finish(), database)["changed"] for run in runs)
    for name in names:
        assert_complete(database, name)


@pytest.mark.newest
def test_a_lock_that_is_not_acquired_in_time(database, call_module, lock):
    before = database.snapshot()
    with holding(database, lock) as other:
        outcome = call_module("checkpoint_schema", database.login(lock_wait=1))
        assert_refused(outcome, "lock", "lock_wait", str(other.info.backend_pid), "the other run", databases=[database])
        assert database.snapshot() == before
        # Check mode needs no lock.
        assert assert_succeeded(call_module("checkpoint_schema", database.login(lock_wait=1), check=True), database)["changed"] is True


@pytest.mark.newest
def test_a_lock_that_is_acquired_in_time(database, start_module, lock):
    with holding(database, lock):
        run = start_module("checkpoint_schema", database.login(lock_wait=30))
        time.sleep(1.5)
        assert run.process.poll() is None
        assert database.tables() == set()
    assert assert_succeeded(run.finish(), database)["changed"] is True


@pytest.mark.newest
def test_a_converged_database_needs_no_lock(database, check_and_apply, lock):
    database.setup()
    with holding(database, lock):
        check_and_apply.unchanged(database, database.login(lock_wait=0))


@contextlib.contextmanager
def blocking(database, how, role=None):
    """A session that CREATE INDEX CONCURRENTLY would wait for."""
    with database.connect(role, autocommit=False, application_name="blocker") as session:
        if how == "an open write":
            session.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('held', 'c', '{}')")
        elif how == "an old snapshot":
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            session.execute("SELECT count(*) FROM pg_class")
        elif how == "a prepared transaction":
            session.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('held', 'c', '{}')")
            session.execute("PREPARE TRANSACTION '%s'" % PREPARED)
        try:
            yield session
        finally:
            if how == "a prepared transaction":
                database.execute("ROLLBACK PREPARED '%s'" % PREPARED)
            else:
                session.rollback()


@pytest.mark.newest
@pytest.mark.parametrize(
    "how, who",
    usual([(how, who) for who in ("owner", "app", "superuser") for how in ("an open write", "an old snapshot", "a prepared transaction")], 3),
)
def test_a_blocking_session_is_named_before_anything_is_written(database, check_and_apply, how, who):
    migrate(database, "1.0.2")
    database.execute('GRANT INSERT ON checkpoints TO "%s"' % database.app.name)
    role = {"owner": database.owner, "app": database.app, "superuser": None}[who]
    with blocking(database, how, role) as session:
        pattern = PREPARED if how == "a prepared transaction" else r"\b%d\b" % session.info.backend_pid
        check_and_apply.rejected(database, database.login(statement_timeout=5, lock_timeout=2), pattern, "transaction|session", check=False)
    check_and_apply.apply(database, database.login())


@pytest.mark.newest
def test_an_old_snapshot_blocks_new_tables_too(database, check_and_apply):
    with blocking(database, "an old snapshot", database.owner) as session:
        check_and_apply.rejected(database, database.login(statement_timeout=5, lock_timeout=2), str(session.info.backend_pid), check=False)


@pytest.mark.newest
def test_sessions_that_block_nothing(database, server, check_and_apply):
    """An idle session, an open transaction that did nothing, one that only read, and one in another database."""
    from databases import Database

    migrate(database, "1.0.2")
    other = Database.create(server)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(database.connect(database.owner))
            stack.enter_context(database.connect(database.owner, autocommit=False)).execute("SET LOCAL work_mem = '1MB'")
            stack.enter_context(blocking(other, "an old snapshot", other.owner))
            assert_succeeded(check_and_apply.call("checkpoint_schema", database.login(statement_timeout=20)), database)
        assert_complete(database)
    finally:
        other.drop()


@contextlib.contextmanager
def building(database):
    """An index that another session is building, blocked by an open write."""

    def build():
        with database.connect(database.owner) as builder:
            builder.execute("CREATE INDEX CONCURRENTLY checkpoints_thread_id_idx ON checkpoints (thread_id)")

    database.execute("DROP INDEX checkpoints_thread_id_idx")
    with blocking(database, "an open write"):
        thread = threading.Thread(target=build)
        thread.start()
        until(lambda: "checkpoints_thread_id_idx" in database.indexes())
        yield
    thread.join()


@pytest.mark.newest
def test_an_index_that_another_session_is_building_is_not_changed(database, call_module, check_and_apply):
    database.setup()
    with building(database):
        for check in (True, False):
            done = assert_succeeded(call_module("checkpoint_schema", database.login(), check=check), database)
            assert done["changed"] is False and done["repaired"] == []
            assert "checkpoints_thread_id_idx" in str(done["warnings"])
    assert_complete(database)
    check_and_apply.unchanged(database, database.login())


@pytest.mark.newest
def test_another_change_while_an_index_is_being_built(database, check_and_apply):
    database.setup()
    database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    with building(database):
        args = database.login(lock_timeout=2, lock_wait=2)
        check_and_apply.rejected(database, args, "checkpoints_thread_id_idx", "building", check=False)
    check_and_apply.apply(database, database.login())


@pytest.mark.newest
@pytest.mark.parametrize("start", usual(["2.0.13", "2.0.10"]))
def test_a_reader_blocks_a_new_column(database, call_module, check_and_apply, start):
    """An open SELECT blocks ALTER TABLE. Applications must not wait behind it for long."""
    migrate(database, start)
    if start == "2.0.13":
        database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    before = database.snapshot()
    with database.connect(database.owner, autocommit=False) as reader:
        reader.execute("SELECT count(*) FROM checkpoint_writes")
        begin = time.monotonic()
        outcome = call_module("checkpoint_schema", database.login(lock_timeout=1))
        assert time.monotonic() - begin < 10
        after = database.snapshot()
        reader.rollback()
    assert_refused(outcome, "lock", "checkpoint_writes|session|process|transaction", databases=[database], changed=after != before)
    check_and_apply.apply(database, database.login())


@pytest.mark.newest
def test_a_failure_half_way_reports_the_current_state(database, call_module, check_and_apply):
    on_ddl(database, "RAISE EXCEPTION 'no indexes today';", "'CREATE INDEX'")
    outcome = call_module("checkpoint_schema", database.login())
    left = ["task_path", *(table + "_thread_id_idx" for table in TABLES)]
    assert_refused(outcome, "no indexes today", "records version 5 of 9; still missing", *left, databases=[database], changed=True)
    assert database.recorded() == outcome["migrations"]["after"] == 5
    assert [entry["version"] for entry in outcome["migrations"]["applied"]] == list(range(6))
    no_more(database)
    done = check_and_apply.apply(database, database.login())
    assert [entry["version"] for entry in done["migrations"]["applied"]] == [6, 7, 8, 9]


@pytest.mark.newest
def test_a_failure_at_the_first_write_changed_nothing(database, call_module):
    on_ddl(database, "RAISE EXCEPTION 'no tables today';", "'CREATE TABLE'")
    before = database.snapshot()
    assert_refused(call_module("checkpoint_schema", database.login()), "no tables today", databases=[database])
    assert database.snapshot() == before


@pytest.mark.newest
def test_a_schema_that_ends_up_wrong_is_a_failure(database, call_module):
    """Some services enable row-level security for each new table, and setup() reports no error."""
    body = "IF to_regclass('public.checkpoints') IS NOT NULL THEN ALTER TABLE public.checkpoints ENABLE ROW LEVEL SECURITY; END IF;"
    on_ddl(database, body, "'CREATE TABLE'", "ddl_command_end")
    outcome = call_module("checkpoint_schema", database.login())
    assert_refused(outcome, "checkpoints", "row", databases=[database], changed=True)


@pytest.mark.newest
def test_a_statement_that_takes_too_long(database, call_module, check_and_apply):
    on_ddl(database, "PERFORM pg_sleep(5);", "'CREATE INDEX'")
    outcome = call_module("checkpoint_schema", database.login(statement_timeout=1))
    assert_refused(outcome, "statement_timeout|timeout", databases=[database], changed=True)
    no_more(database)
    check_and_apply.apply(database, database.login())
    assert_complete(database)


@pytest.mark.newest
def test_a_session_that_another_one_ends(database, start_module, check_and_apply):
    on_ddl(database, "PERFORM pg_sleep(5);", "'CREATE INDEX'")
    run = start_module("checkpoint_schema", database.login())
    pid = until(lambda: working(database))[0][0]
    database.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert_refused(run.finish(), "connection|terminat", databases=[database], changed=True)
    until(lambda: not working(database))
    no_more(database)
    check_and_apply.apply(database, database.login())


def working(database):
    return database.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = %s AND state = 'active' AND query ~ 'INDEX'",
        [database.owner.name],
    )


def test_a_killed_run_leaves_no_server_process_behind(database, start_module, check_and_apply):
    """Otherwise it would continue and hold the lock until the statement ends."""
    on_ddl(database, "PERFORM pg_sleep(120);", "'CREATE INDEX'")
    run = start_module("checkpoint_schema", database.login())
    until(lambda: working(database))
    run.process.send_signal(signal.SIGKILL)
    run.process.communicate()
    until(lambda: not working(database), 20)
    no_more(database)
    check_and_apply.apply(database, database.login())
    assert_complete(database)
