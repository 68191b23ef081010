# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems that can be detected before the first write are reported there, in one sentence and without a change. The same problems with setup()."""

from __future__ import annotations

import contextlib

import pytest
from contenders import Collection
from databases import Database
from fault_points import OLD, schema_error
from generations import migrate, shallow
from psycopg import OperationalError
from psycopg.conninfo import make_conninfo
from servers import wait_for_replay

pytestmark = pytest.mark.usefixtures("secrets_hidden")

# {libpq's keyword: the option of the modules} if they differ.
KEYWORDS = {"login_port": "port", "login_user": "user", "login_password": "password", "login_db": "dbname"}
KEYWORDS.update(ssl_mode="sslmode", ca_cert="sslrootcert")


class Case:
    """One prepared fault: the database, and the differences from its usual login. `was_written` returns whether something was written that must not be.

    to_come: an earlier task of the play may resolve the problem, so check mode returns a plan.
    """

    def __init__(self, database, says, to_come=False, was_written=None, **login):
        self.database = database
        self.login = login
        self.says = says
        self.to_come = to_come
        self.before = database.snapshot()
        self.was_written = was_written or (lambda: database.snapshot() != self.before)

    @property
    def conninfo(self):
        """The same login for upstream."""
        changes = {KEYWORDS[name]: value for name, value in self.login.items() if name in KEYWORDS}
        if "schema" in self.login:
            changes["options"] = "-c search_path=%s" % self.login["schema"]
        return make_conninfo(self.database.conninfo(), **changes)


@contextlib.contextmanager
def fresh(server, release=None):
    database = Database.create(server)
    try:
        if release:
            migrate(database, release, role=database.owner)
        yield database
    finally:
        database.drop()


@contextlib.contextmanager
def hot_standby(find):
    primary, standby = find("standby_pair")
    with fresh(primary) as database:
        wait_for_replay(primary, standby)
        yield Case(database, ["standby", "primary"], login_port=standby.port)


@contextlib.contextmanager
def read_only_primary(find):
    with fresh(find("stoppable_server")) as database:
        database.execute('ALTER DATABASE "%s" SET default_transaction_read_only = on' % database.name)
        yield Case(database, ["read.only"])


@contextlib.contextmanager
def ahead_of_the_library(find):
    with fresh(find("stoppable_server")) as database:
        database.setup()
        database.execute("INSERT INTO checkpoint_migrations VALUES (10), (11); ALTER TABLE checkpoint_writes DROP COLUMN task_path")
        yield Case(database, [r"\b11\b", "task_path"])


@contextlib.contextmanager
def a_shallow_schema(find):
    with fresh(find("stoppable_server")) as database:
        shallow(database)
        yield Case(database, ["shallow"])


@contextlib.contextmanager
def pooled(find, mode="transaction", **more):
    with fresh(find("stoppable_server")) as database:
        database.execute("CREATE SCHEMA agents", role=database.owner)
        bouncer = find("pooler")(database, mode)
        yield Case(database, ["pool", "server itself"], login_port=bouncer.port, **more)


def silently_pooled(find):
    """This pooler ignores startup options silently, so the search_path is not the requested one."""
    return pooled(find, schema="agents")


@contextlib.contextmanager
def no_database(find):
    with fresh(find("stoppable_server")) as database:
        yield Case(database, ["not_there", "does not exist", "role"], to_come=True, login_db="not_there")


@contextlib.contextmanager
def no_schema(find):
    with fresh(find("stoppable_server")) as database:
        yield Case(database, ["agents", "does not exist"], to_come=True, schema="agents")


@contextlib.contextmanager
def no_right(find):
    with fresh(find("stoppable_server")) as database:
        yield Case(database, ["CREATE", "GRANT"], login_user=database.app.name, login_password=database.app.password)


@contextlib.contextmanager
def foreign_tables(find):
    with fresh(find("stoppable_server"), OLD) as database:
        database.execute('GRANT "%s" TO "%s"' % (database.owner.name, database.app.name))
        yield Case(database, ["ALTER TABLE", "OWNER"], login_user=database.app.name, login_password=database.app.password)


@contextlib.contextmanager
def no_connection_left(find):
    with fresh(find("stoppable_server")) as database, contextlib.ExitStack() as stack:
        case = Case(database, ["max_connections|too many|slots"])
        database.execute('ALTER ROLE "%s" CONNECTION LIMIT 1' % database.app.name)
        with contextlib.suppress(OperationalError):
            while True:
                stack.enter_context(database.connect(database.owner))
        case.was_written = lambda: stack.close() or bool(database.tables())
        yield case


@contextlib.contextmanager
def wrong_password(find):
    with fresh(find("stoppable_server")) as database:
        yield Case(database, ["authentication", "login_password"], to_come=True, login_password="another")


@contextlib.contextmanager
def wrong_certificate(find):
    server = find("tls_server")
    with fresh(server) as database:
        yield Case(database, ["certificate", "ca_cert"], ssl_mode="verify-full", ca_cert=str(server.directory / "server.crt"))


@contextlib.contextmanager
def an_old_server(find):
    with fresh(find("old_server")) as database:
        yield Case(database, [r"\b14\b", r"\b15\b"])


CASES = {
    "a hot standby": hot_standby,
    "a primary with default_transaction_read_only": read_only_primary,
    "a database ahead of what the library can use": ahead_of_the_library,
    "the shallow saver's schema": a_shallow_schema,
    "PgBouncer in transaction mode": pooled,
    "a pooler that drops startup options silently": silently_pooled,
    "a database that is not there": no_database,
    "a schema that is not there": no_schema,
    "a role without the right": no_right,
    "tables that another role owns": foreign_tables,
    "no connection left": no_connection_left,
    "a wrong password": wrong_password,
    "a certificate of another authority": wrong_certificate,
    "PostgreSQL 14": an_old_server,
}


@pytest.mark.parametrize("what", list(CASES))
def test_rejected(check_and_apply, fault_table, request, what):
    with CASES[what](request.getfixturevalue) as case:
        outcome = check_and_apply.rejected(case.database, case.database.login(**case.login), *case.says, check=not case.to_come)
        assert not case.was_written(), "something was written before the error"
        fault_table.record("rejected: %s" % what, Collection.name, True, message=outcome["msg"])


@pytest.mark.parametrize("what", list(CASES))
def test_what_upstream_does(upstream, fault_table, request, what):
    """The result is good if the database was not changed, or if the saver can use the schema in the requested place."""
    with CASES[what](request.getfixturevalue) as case:
        outcome = upstream.start_with(case.conninfo).finish(20)
        good = not case.was_written() if outcome.failed else not schema_error(case.database, case.login.get("schema", "public"))
        fault_table.record("rejected: %s" % what, upstream.name, good, message=outcome.get("msg", "no message"))
