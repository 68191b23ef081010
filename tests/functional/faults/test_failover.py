# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers with streaming replication, both named in login_host: runs use the one that accepts writes."""

from __future__ import annotations

import signal

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from events import until
from fault_points import OLD, schema_error
from generations import migrate
from interceptor import CloseConnection, Interceptor
from scope import usual
from servers import Server, installations, wait_for_replay

BOTH = "127.0.0.1,127.0.0.2"
WRITER = {"target_session_attrs": "read-write"}


class Pair:
    """A primary and its standby on the same port of two addresses. Connections to the primary go through `between`."""

    def __init__(self):
        binaries = list(installations().values())[-1]
        self.primary = Server(binaries).initialise().start()
        self.between = Interceptor(self.primary)
        self.standby = Server(binaries, settings={"listen_addresses": "127.0.0.2"})
        self.standby.host, self.standby.port = "127.0.0.2", self.between.port
        self.standby.clone(self.primary).start()
        self.database = Database.create(self.primary)
        migrate(self.database, OLD, role=self.database.owner)
        wait_for_replay(self.primary, self.standby)

    def login(self):
        return {"login_host": BOTH, "login_port": self.between.port, "connect_params": WRITER}

    def fail_over(self):
        """Stop the primary and promote the standby."""
        self.primary.process.send_signal(signal.SIGQUIT)
        self.primary.process.wait()
        self.standby.execute("SELECT pg_promote()")
        until(lambda: not self.standby.execute("SELECT pg_is_in_recovery()")[0][0])
        # From now on, the tests query the new primary.
        self.database.server = self.standby

    def remove(self):
        self.between.__exit__()
        self.standby.remove()
        self.primary.remove()


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.remove()


def test_a_failover_between_two_runs(pair, collection, fault_table):
    assert assert_succeeded(collection.start(pair.database, **pair.login()).finish(), pair.database)["changed"] is True
    assert pair.between.statements
    wait_for_replay(pair.primary, pair.standby)
    pair.fail_over()
    again = assert_succeeded(collection.start(pair.database, **pair.login()).finish(), pair.database)
    assert again["changed"] is False and not schema_error(pair.database)
    pair.database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    assert assert_succeeded(collection.start(pair.database, **pair.login()).finish(), pair.database)["changed"] is True
    assert not schema_error(pair.database)
    fault_table.record("a failover between two runs", collection.name, True)


@pytest.mark.parametrize("text", usual(["CREATE INDEX CONCURRENTLY", "pg_try_advisory_lock", "INSERT INTO checkpoint_migrations", "ADD COLUMN"]))
def test_a_failover_during_a_run(pair, collection, fault_table, text):
    struck = []

    def fail(when, _number, statement):
        if when == "before" and text in statement and not struck:
            struck.append(statement)
            # Otherwise the standby has received nothing of the run.
            wait_for_replay(pair.primary, pair.standby)
            pair.fail_over()
            raise CloseConnection

    before = pair.database.snapshot()
    pair.between.callback = fail
    outcome = collection.start(pair.database, **pair.login()).finish()
    assert struck
    changed = pair.database.snapshot() != before or "could not be read" in outcome["msg"]
    assert_refused(outcome, "lost|connection|closed", "Run again", databases=[pair.database], changed=changed)
    done = assert_succeeded(collection.start(pair.database, **pair.login()).finish(), pair.database)
    assert done["changed"] is True and not schema_error(pair.database)
    fault_table.record("a failover during a run", collection.name, True, message=outcome["msg"])


def test_upstream_and_a_failover_during_a_run(pair, upstream, fault_table):
    def fail(when, _number, statement):
        if when == "before" and "CREATE INDEX CONCURRENTLY" in statement and pair.database.server is pair.primary:
            pair.fail_over()
            raise CloseConnection

    conninfo = pair.database.conninfo() + " host=%s port=%d target_session_attrs=read-write" % (BOTH, pair.between.port)
    pair.between.callback = fail
    first = upstream.start_with(conninfo).finish()
    second = upstream.start_with(conninfo).finish()
    wrong = schema_error(pair.database)
    fault_table.record("a failover during a run", upstream.name, not wrong and not second.failed, message=first.get("msg", ""))


def test_upstream_and_a_failover_between_two_runs(pair, upstream, fault_table):
    conninfo = pair.database.conninfo() + " host=%s port=%d target_session_attrs=read-write" % (BOTH, pair.between.port)
    first = upstream.start_with(conninfo).finish()
    wait_for_replay(pair.primary, pair.standby)
    pair.fail_over()
    pair.database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    second = upstream.start_with(conninfo).finish()
    wrong = schema_error(pair.database)
    message = first.get("msg") or second.get("msg") or wrong
    fault_table.record("a failover between two runs", upstream.name, not (wrong or first.failed or second.failed), message=message)
