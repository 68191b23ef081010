# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The round trip of checkpoint_verify: the application's role has all privileges that a graph needs, and no row remains."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from databases import MIGRATIONS_TABLE, TABLES
from events import until
from servers import wait_for_replay


@pytest.fixture
def ready(database):
    """Set up by the owner, granted to the application."""
    database.setup()
    database.grant()
    return database


def counts(database, schema="public"):
    return {table: database.execute('SELECT count(*) FROM "%s".%s' % (schema, table))[0][0] for table in TABLES}


def rows(database):
    return {table: database.execute("SELECT t::text FROM %s t ORDER BY 1" % table) for table in TABLES}


def fill(database, thread="the application's"):
    """A checkpoint of the application, which no run may change."""
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{}')", [thread])
    database.execute("INSERT INTO checkpoint_blobs VALUES (%s, '', 'c', '1', 'msgpack', '')", [thread])
    database.execute("INSERT INTO checkpoint_writes VALUES (%s, '', 'c', 'task', 0, 'c', 'msgpack', '')", [thread])


def test_the_applications_role_works_and_no_row_remains(ready, call_module):
    fill(ready)
    before = rows(ready)
    done = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    assert done["changed"] is False
    assert rows(ready) == before
    assert done["library"]["name"] == "langgraph-checkpoint-postgres"


@pytest.mark.newest
def test_each_table_was_written(ready, call_module):
    """Counted by triggers, because no row remains."""
    ready.execute("CREATE TABLE seen (relation text, operation text); GRANT INSERT ON seen TO PUBLIC")
    ready.execute(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.seen VALUES (TG_TABLE_NAME, TG_OP); IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END'"
    )
    for table in TABLES:
        ready.execute("CREATE TRIGGER see AFTER INSERT OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION see()" % table)
    assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    seen = set(ready.execute("SELECT * FROM seen"))
    assert seen == {(table, operation) for table in TABLES for operation in ("INSERT", "DELETE")}


@pytest.mark.newest
def test_several_at_once(ready, start_module):
    runs = [start_module("checkpoint_verify", ready.login(ready.app)) for _number in range(6)]
    for run in runs:
        assert_succeeded(run.finish(), ready)
    assert set(counts(ready).values()) == {0}


@pytest.mark.newest
def test_nothing_in_check_mode(ready, call_module):
    before = ready.snapshot()
    done = assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app), check=True, diff=True), ready)
    assert done["changed"] is False
    assert ready.snapshot() == before
    assert_succeeded(call_module("checkpoint_verify", ready.login(login_db="not_there"), check=True), ready)


@pytest.mark.newest
def test_in_another_schema(database, call_module):
    database.execute("CREATE SCHEMA agents", role=database.owner)
    database.setup(schema="agents")
    database.grant(schema="agents")
    assert_succeeded(call_module("checkpoint_verify", database.login(database.app, schema="agents")), database)
    assert set(counts(database, "agents").values()) == {0}


@pytest.mark.newest
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_behind_a_pooler(ready, pooler, call_module, mode):
    """If the application uses a pooler, the round trip works, or the message names the problem."""
    bouncer = pooler(ready, mode)
    outcome = call_module("checkpoint_verify", ready.login(ready.app, login_port=bouncer.port))
    if mode == "session" or not outcome.failed:
        assert_succeeded(outcome, ready)
    else:
        assert_refused(outcome, "pool", databases=[ready])
    assert set(counts(ready).values()) == {0}


@pytest.mark.newest
def test_through_a_session_role(ready, call_module):
    member = ready.role("member_" + ready.name)
    ready.execute('GRANT "%s" TO "%s"' % (ready.app.name, member.name))
    assert_succeeded(call_module("checkpoint_verify", ready.login(member, session_role=ready.app.name)), ready)


NEEDED = [(table, privilege) for table in TABLES for privilege in ("SELECT", "INSERT", "DELETE")]
# Writing a checkpoint twice, or a second interrupt, updates rows. A blob is never updated.
NEEDED += [("checkpoints", "UPDATE"), ("checkpoint_writes", "UPDATE")]


@pytest.mark.newest
@pytest.mark.parametrize("table,privilege", NEEDED)
def test_each_missing_privilege_is_named(ready, call_module, table, privilege):
    ready.execute('REVOKE %s ON %s FROM "%s"' % (privilege, table, ready.app.name))
    outcome = call_module("checkpoint_verify", ready.login(ready.app))
    assert_refused(outcome, r"\b%s\b" % privilege, r"\b%s\b" % table, ready.app.name, databases=[ready])
    if privilege != "DELETE":
        assert set(counts(ready).values()) == {0}, "a row remains"


@pytest.mark.newest
def test_rows_that_could_not_be_deleted_are_removed_by_the_next_run(ready, call_module):
    fill(ready)
    before = rows(ready)
    ready.execute('REVOKE DELETE ON checkpoint_writes FROM "%s"' % ready.app.name)
    assert_refused(call_module("checkpoint_verify", ready.login(ready.app)), "DELETE", databases=[ready])
    ready.grant()
    assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    assert rows(ready) == before


@pytest.mark.newest
def test_rows_of_a_killed_run_are_removed(ready, start_module, call_module):
    """Killed between writing and deleting: a trigger delays the deletion."""
    fill(ready)
    before = rows(ready)
    ready.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN OLD; END';"
        "CREATE TRIGGER wait BEFORE DELETE ON checkpoint_writes FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    run = start_module("checkpoint_verify", ready.login(ready.app))
    held = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = %s AND wait_event = 'PgSleep'"
    pid = until(lambda: ready.execute(held, [ready.app.name]))[0][0]
    run.process.kill()
    run.process.communicate()
    ready.execute("SELECT pg_terminate_backend(%s)", [pid])
    until(lambda: not ready.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]))
    assert rows(ready) != before, "no row remains, so this proves nothing"
    ready.execute("DROP TRIGGER wait ON checkpoint_writes")
    assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    assert rows(ready) == before


@pytest.mark.newest
def test_no_privilege_on_the_schema(database, call_module):
    database.execute("CREATE SCHEMA agents", role=database.owner)
    database.setup(schema="agents")
    outcome = call_module("checkpoint_verify", database.login(database.app, schema="agents"))
    assert_refused(outcome, "agents", database.app.name, "usage|schema", databases=[database])


@pytest.mark.newest
def test_no_tables(database, call_module):
    outcome = call_module("checkpoint_verify", database.login(database.app))
    assert_refused(outcome, "checkpoints", "checkpoint_schema|setup", databases=[database])


@pytest.mark.newest
def test_an_older_generation(database, call_module):
    """The installed library cannot write to the schema of an older one. The message names checkpoint_schema."""
    from generations import migrate

    migrate(database, "2.0.8")
    database.grant()
    assert_refused(call_module("checkpoint_verify", database.login(database.app)), "task_path", databases=[database])
    assert set(counts(database).values()) == {0}


@pytest.mark.newest
def test_a_trigger_that_discards_rows_is_detected(ready, call_module):
    """The written rows must be read back. It is not enough that no error is raised."""
    ready.execute(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER swallow BEFORE INSERT ON checkpoint_writes FOR EACH ROW EXECUTE FUNCTION swallow()"
    )
    assert_refused(call_module("checkpoint_verify", ready.login(ready.app)), "checkpoint_writes|write", databases=[ready])


@pytest.mark.newest
def test_rows_that_cannot_be_deleted_are_reported_as_a_change(ready, call_module):
    ready.execute(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no deletions''; END';"
        "CREATE TRIGGER keep BEFORE DELETE ON checkpoint_writes FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    for changed in (True, False):  # the second run cannot remove the rows either, and changes nothing
        outcome = call_module("checkpoint_verify", ready.login(ready.app))
        assert outcome.failed and outcome["changed"] is changed
        assert "no deletions" in outcome["msg"] and "3 rows of thread" in outcome["msg"]
        assert set(counts(ready).values()) == {1}
        assert "parity" in outcome


@pytest.mark.newest
def test_row_security_that_hides_what_was_written(ready, call_module):
    ready.execute("ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY; CREATE POLICY all_in ON checkpoints FOR INSERT WITH CHECK (true)")
    outcome = call_module("checkpoint_verify", ready.login(ready.app))
    assert_refused(outcome, "checkpoints|row", databases=[ready])


@pytest.mark.newest
def test_a_read_only_server(standby_pair, replicated, call_module):
    primary, standby = standby_pair
    replicated.setup()
    replicated.grant()
    wait_for_replay(primary, standby)
    outcome = call_module("checkpoint_verify", replicated.login(replicated.app, login_port=standby.port))
    assert_refused(outcome, "standby|read.only|recovery", databases=[replicated])


@pytest.mark.newest
def test_wrong_credentials(ready, call_module):
    outcome = call_module("checkpoint_verify", ready.login(ready.app, login_password="wr0ng-guess"))
    assert_refused(outcome, ready.app.name, "password", databases=[ready])
    assert "wr0ng-guess" not in outcome.everything
    assert MIGRATIONS_TABLE in ready.tables()
