# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings are read back, because a pooler may drop them silently; and settings of a role or database that end a run are named.

The modules detect such a pooler earlier; this is the second check.
"""

from __future__ import annotations

import psycopg
import pytest
from assertions import assert_refused, assert_succeeded

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected, ended_by_setting, open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import configure_session, schema_path, snapshot, where_set

pytestmark = pytest.mark.newest

LIMITS = {"lock_timeout": 5, "statement_timeout": 7}


@pytest.fixture
def connect(database):
    opened = []

    def connect(**login):
        params = {name: option.get("default") for name, option in connection_argument_spec().items()}
        opened.append(open_connection(dict(params, **database.login(**login)), "test"))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def test_on_the_server_itself(database, connect):
    connection = connect()
    configure_session(connection, LIMITS)
    query = "SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS locks, current_setting('statement_timeout') AS statements"
    assert connection.execute(query).fetchone() == {"path": "pg_catalog, pg_temp", "locks": "5s", "statements": "7s"}


def test_the_schema_is_in_the_path_only_inside_the_block(connect):
    connection = connect()
    found = []
    with pytest.raises(ZeroDivisionError), schema_path(connection, "agents"):
        found.append(connection.execute("SHOW search_path").fetchone()["search_path"])
        raise ZeroDivisionError
    found.append(connection.execute("SHOW search_path").fetchone()["search_path"])
    assert found == ['"agents", pg_temp', "pg_catalog, pg_temp"]


def test_a_snapshot_reads_the_path_of_the_login_before_it_sets_its_own(database, connect):
    database.execute('ALTER ROLE "%s" SET search_path = "$user", public' % database.owner.name)
    connection = connect()
    with snapshot(connection) as path:
        found = connection.execute("SHOW search_path").fetchone()["search_path"]
    assert (path, found) == (("pg_catalog", "public"), "pg_catalog, pg_temp")
    assert connection.execute("SHOW search_path").fetchone()["search_path"] == '"$user", public'


def test_a_pooler_that_resets_settings(database, connect, pooler):
    """The pooler returns the server connection after each transaction, and resets it."""
    connection = connect(login_port=pooler(database, "transaction", server_reset_query_always=1).port)
    with pytest.raises(ModuleError) as error:
        configure_session(connection, LIMITS)
    assert "a connection pooler does not keep settings" in error.value.message
    assert "after it was set to" in error.value.message


def test_a_setting_of_the_application_that_changes_the_names_of_types(database, call_module):
    """With quote_all_identifiers the catalog's functions write "text" with quotes, which is not another type."""
    database.setup()
    database.grant()
    database.execute('ALTER ROLE "%s" SET quote_all_identifiers = on' % database.app.name, role=database.app)
    database.execute('ALTER DATABASE "%s" SET quote_all_identifiers = on' % database.name)
    assert database.execute("SELECT format_type('text'::regtype, NULL)", role=database.app) == [('"text"',)], "the control"
    found = assert_succeeded(call_module("checkpoint_verify", database.login(database.app)), database)
    assert found["parity"]["in_parity"], found["parity"]["summary"]
    assert assert_succeeded(call_module("checkpoint_schema", database.login(app_roles=[database.app.name])), database)["changed"] is False


PLACES = {
    "role": 'ALTER ROLE "%(app)s" {}',
    "role in database": 'ALTER ROLE "%(app)s" IN DATABASE "%(name)s" {}',
    "database": 'ALTER DATABASE "%(name)s" {}',
}


def alter(database, place, action):
    """The application may change the settings of its role. Returns the statement."""
    statement = PLACES[place].format(action) % {"app": database.app.name, "name": database.name}
    database.execute(statement, role=database.app if place == "role" else None)
    return statement


@pytest.mark.parametrize("place", list(PLACES))
def test_a_time_limit_that_ends_a_statement(database, place):
    """statement_timeout would also end the query that reads where it was set."""
    # A limit that a query of the catalog does not reach on a busy machine.
    alter(database, place, "SET statement_timeout = '400ms'")
    params = dict({name: option.get("default") for name, option in connection_argument_spec().items()}, **database.login(database.app))
    with pytest.raises(ModuleError) as error, connected(params, "test") as connection:
        connection.execute("SELECT pg_sleep(5)")
    message = error.value.message
    assert "canceling statement due to statement timeout. statement_timeout = 400ms is set for" in message and "lock" not in message
    # The statement that the message gives removes the limit. The limit of the client keeps the session alive that runs it.
    with database.connect(database.app if place == "role" else None, options="-c statement_timeout=0") as session:
        session.execute(message.partition("Run: ")[2])
    with connected(params, "test") as connection:
        connection.execute("SELECT pg_sleep(0.1)")


def test_a_time_limit_of_the_client_and_one_that_is_not_the_reason(database, connect):
    client = connect(connect_params={"options": "-c statement_timeout=2s"})
    assert "statement_timeout = 2000ms is set by this client" in where_set(client, "statement_timeout", 60)
    alter(database, "database", "SET statement_timeout = '2min'")
    assert where_set(connect(), "statement_timeout", 60) == ""
    # The control: nobody has set it.
    assert where_set(client, "idle_session_timeout", 60) == ""
    # A message without the place names the setting as well.
    client.execute("SET statement_timeout = '1ms'")
    with pytest.raises(psycopg.errors.QueryCanceled) as error:
        client.execute("SELECT pg_sleep(5)")
    assert "statement_timeout" in unexpected(error.value) and "lock" not in unexpected(error.value)


@pytest.mark.parametrize("setting, value, found", [
    # The server's reason does not arrive if the client is sending at that moment.
    ("idle_in_transaction_session_timeout", "1ms", "terminating connection due to idle-in-transaction timeout|connection to the server was lost"),
    ("default_transaction_read_only", "on", "does not accept writes"),
])  # fmt: skip
def test_a_setting_of_the_application_that_ends_the_verification(database, call_module, setting, value, found):
    database.setup()
    database.grant()
    assert_succeeded(call_module("checkpoint_verify", database.login(database.app)), database)  # the control
    alter(database, "role", "SET %s = '%s'" % (setting, value))
    outcome = call_module("checkpoint_verify", database.login(database.app))
    assert_refused(outcome, found, "%s = %s is set for role" % (setting, value), "Run: ALTER ROLE .* RESET %s" % setting, databases=[database])


def test_a_lost_connection_and_a_setting_that_may_have_ended_it(database):
    params = dict({name: option.get("default") for name, option in connection_argument_spec().items()}, **database.login(database.app))
    error = psycopg.OperationalError("server closed the connection unexpectedly")
    assert ended_by_setting(params, "test", error) is None, "the control"
    alter(database, "role", "SET idle_session_timeout = '20s'")
    found = ended_by_setting(params, "test", error).message
    assert found.startswith("The connection to the server was lost: server closed the connection unexpectedly. idle_session_timeout = 20000ms is set for role")
