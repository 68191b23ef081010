# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on what is outside the tables: encodings, settings of a role, and rights on sequences. Each test first shows what the saver meets."""

from __future__ import annotations

import psycopg
import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from langgraph.checkpoint.base import empty_checkpoint
from scope import usual

TEXT = "Zürich € 漢字"


def meets(database, role=None, text=TEXT, schema=None):
    """The class of the error that the application meets, or None."""
    try:
        with database.saver(role, schema) as saver:
            config = {"configurable": {"thread_id": "a", "checkpoint_ns": ""}}
            checkpoint = dict(empty_checkpoint(), channel_values={"text": text}, channel_versions={"text": "1"})
            saver.put(config, checkpoint, {"source": "loop"}, {"text": "1"})
            found = saver.get_tuple(config)
            assert found.checkpoint["channel_values"] == {"text": text}
            saver.put(found.config, dict(checkpoint, id="z"), {"source": "loop"}, {})
            assert saver.get_tuple(config).parent_config == found.config
            saver.delete_thread("a")
    except (psycopg.Error, UnicodeError, TypeError, AssertionError, AttributeError) as error:
        return type(error).__name__
    return None


def drift(done):
    return {(finding["table"], finding["object"]): finding for finding in done["parity"]["findings"] if finding["verdict"] == "drift"}


def statement(database, call_module, place, **login):
    """The statement with which the verdict says that the finding at this place is corrected. It is the only drift."""
    outcome = call_module("checkpoint_schema_info", database.login(**login))
    found = drift(assert_succeeded(outcome, database))
    assert list(found) == [place], found
    (pending,) = outcome["setup_pending"] or [""]
    assert not pending, "checkpoint_schema cannot correct it"
    return found[place]


@pytest.fixture
def ready(database):
    database.setup()
    database.grant()
    assert meets(database) is None, "the control"
    return database


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_whose_encoding_lacks_characters(server, call_module, check_and_apply, encoding):
    database = Database.create(server)
    try:
        server.execute('DROP DATABASE "%s"' % database.name)
        server.execute('CREATE DATABASE "%s" OWNER "%s" TEMPLATE template0 ENCODING %s LOCALE \'C\'' % (database.name, database.owner.name, encoding))
        check_and_apply.rejected(database, database.login(), "encoding %s" % encoding, "expected encoding UTF8", "restore a dump")
        database.setup()
        database.grant()
        assert meets(database) in ("UntranslatableCharacter", "FeatureNotSupported", "TypeError", "AssertionError")
        done = assert_succeeded(call_module("checkpoint_schema_info", database.login(database.app)), database)
        assert ("database " + database.name, "database " + database.name) in drift(done)
        assert_refused(call_module("checkpoint_verify", database.login(database.app)), "PostgreSQL rejected|The saver cannot use", databases=[database])
        assert database.execute("SELECT count(*) FROM checkpoints") == [(0,)]
    finally:
        database.drop()


@pytest.mark.parametrize("encoding", ["latin1", "SQL_ASCII"])
@pytest.mark.parametrize("scope", usual(["ROLE {app}", "DATABASE {database}", "ROLE {app} IN DATABASE {database}", "ROLE ALL"]))
def test_a_client_encoding_that_lacks_characters(ready, call_module, scope, encoding):
    where = scope.format(app='"%s"' % ready.app.name, database='"%s"' % ready.name)
    place = ("role " + ready.app.name, "client_encoding")
    try:
        ready.execute("ALTER %s SET client_encoding TO '%s'" % (where, encoding))
        assert meets(ready)
        for login in ({"role": ready.app}, {"app_roles": [ready.app.name]}):
            found = statement(ready, call_module, place, **login)
            assert found["postgres"] == "%s, expected UTF8" % encoding.upper()
        assert_refused(call_module("checkpoint_verify", ready.login(ready.app)), "rejected|cannot use|came back as", databases=[ready])
        ready.execute('ALTER ROLE "%s" IN DATABASE "%s" SET client_encoding TO \'UTF8\'' % (ready.app.name, ready.name))
        assert meets(ready) is None
        assert drift(call_module("checkpoint_schema_info", ready.login(app_roles=[ready.app.name]))) == {}
        assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    finally:
        ready.execute("ALTER ROLE ALL RESET client_encoding")


def test_utf8_by_another_name(ready, call_module):
    ready.execute("ALTER ROLE \"%s\" SET client_encoding TO 'unicode'" % ready.app.name)
    assert meets(ready) is None
    for login in ({"role": ready.app}, {"app_roles": [ready.app.name]}):
        assert drift(assert_succeeded(call_module("checkpoint_schema_info", ready.login(**login)), ready)) == {}


def test_a_role_whose_transactions_are_read_only(ready, call_module):
    """As verify.yml does, which only reads."""
    ready.execute('ALTER ROLE "%s" SET default_transaction_read_only = on' % ready.app.name)
    assert meets(ready) == "ReadOnlySqlTransaction"
    for login in ({"role": ready.app}, {"app_roles": [ready.app.name]}):
        statement(ready, call_module, ("role " + ready.app.name, "default_transaction_read_only"), **login)
    outcome = call_module("checkpoint_verify", ready.login(ready.app, roundtrip="never", assert_parity=True))
    assert_refused(outcome, "NOT in parity", "rejects every write", databases=[ready])
    assert drift(assert_succeeded(call_module("checkpoint_schema_info", ready.login()), ready)) == {}, "the owner's own sessions can write"


def test_a_role_that_only_reads_may_be_read_only(ready, call_module):
    monitor = ready.role("monitor_" + ready.name)
    ready.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % monitor.name)
    ready.execute('ALTER ROLE "%s" SET default_transaction_read_only = on' % monitor.name)
    assert drift(assert_succeeded(call_module("checkpoint_schema_info", ready.login(monitor)), ready)) == {}


SEQUENCES = {
    "ALTER TABLE checkpoints ADD COLUMN extra bigserial": "public.checkpoints_extra_seq",
    "CREATE SEQUENCE s; ALTER TABLE checkpoints ADD COLUMN extra text DEFAULT nextval('s')::text": "public.s",
    "CREATE SEQUENCE s; CREATE DOMAIN d AS bigint DEFAULT nextval('s'); ALTER TABLE checkpoints ADD COLUMN extra d": "public.s",
    "CREATE SEQUENCE s; ALTER TABLE checkpoints ALTER type SET DEFAULT nextval('s')::text": "public.s",
}


@pytest.mark.parametrize("change", usual(SEQUENCES))
def test_a_default_that_needs_a_sequence(ready, call_module, change):
    ready.execute(change)
    assert meets(ready) == "InsufficientPrivilege"
    place = ("checkpoints", "type" if "ALTER type" in change else "extra")
    for login in ({"role": ready.app}, {"app_roles": [ready.app.name]}):
        statement(ready, call_module, place, **login)
    outcome = call_module("checkpoint_verify", ready.login(ready.app, roundtrip="never", assert_parity=True))
    assert_refused(outcome, "may not use the sequence", databases=[ready])
    ready.execute('GRANT USAGE ON SEQUENCE %s TO "%s"' % (SEQUENCES[change], ready.app.name))
    assert meets(ready) is None
    assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app, roundtrip="never", assert_parity=True)), ready)


HARMLESS = (
    "ALTER TABLE checkpoints ADD COLUMN extra bigint GENERATED ALWAYS AS IDENTITY",
    "CREATE SEQUENCE s; ALTER TABLE checkpoint_writes ALTER idx SET DEFAULT nextval('s')",
    "CREATE TYPE e AS ENUM ('a'); REVOKE USAGE ON TYPE e FROM PUBLIC; ALTER TABLE checkpoints ADD COLUMN extra e NOT NULL DEFAULT 'a'",
    "CREATE DOMAIN d AS text DEFAULT 'x'; REVOKE USAGE ON DOMAIN d FROM PUBLIC; ALTER TABLE checkpoints ADD COLUMN extra d",
    "CREATE SCHEMA private; CREATE SEQUENCE private.s; GRANT USAGE ON SEQUENCE private.s TO PUBLIC;"
    " ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('private.s')",
)


@pytest.mark.parametrize("change", usual(HARMLESS))
def test_defaults_that_need_no_right(ready, call_module, change):
    """PostgreSQL checks the rights on a type and on a schema when the default is defined, and not when it is evaluated."""
    ready.execute(change)
    assert meets(ready) is None
    assert drift(assert_succeeded(call_module("checkpoint_schema_info", ready.login(ready.app)), ready)) == {}


def test_the_round_trip_has_the_time_limits_of_the_role(ready, call_module):
    ready.execute("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END'")
    ready.execute("CREATE TRIGGER wait BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION wait()")
    assert_succeeded(call_module("checkpoint_verify", ready.login(ready.app)), ready)
    ready.execute('ALTER ROLE "%s" SET statement_timeout = 300' % ready.app.name)
    assert meets(ready) == "QueryCanceled"
    assert_refused(call_module("checkpoint_verify", ready.login(ready.app)), "statement timeout", databases=[ready])
