# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection is cut while its statement runs. The module waits until the old session ends, so that its message is true, or reports that it still runs."""

from __future__ import annotations

import re
import threading

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import LateBlocker, open_write
from events import until
from fault_points import STARTS, locks, schema_error, wait_for_end
from interceptor import Interceptor
from scope import usual


@pytest.fixture
def database(stoppable_server):
    made = STARTS[1].make(stoppable_server)
    yield made
    made.drop()


def cut_while_building(database, collection, seconds, **login):
    """(the outcome, the sessions that still exist when it is returned) of a run whose connection is cut while another session blocks its index.

    seconds: how long the server does not notice the disconnect.
    """
    late = LateBlocker(r"CREATE INDEX CONCURRENTLY", lambda: open_write(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        run = collection.start(database, between.port, **login)
        until(lambda: blocked(database), 30)
        between.hang_up(keep=True)
        timer = threading.Timer(seconds, between.release)
        timer.start()
        outcome = run.finish()
        left = [pid for (pid,) in blocked(database)]
        timer.cancel()
        late.session.rollback()
    return outcome, left


def blocked(database):
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query ~ 'CREATE INDEX' AND wait_event_type = 'Lock'"
    return database.server.execute(query, [database.name])


@pytest.mark.parametrize("who", usual(["the owner", "another role as the owner"]))
def test_it_waits_for_the_old_session(database, collection, fault_table, who):
    """With session_role, a role cannot see the times of its own session."""
    server = database.server
    login = {} if who == "the owner" else {"login_user": server.user, "login_password": server.password, "session_role": database.owner.name}
    outcome, left = cut_while_building(database, collection, 4, **login)
    assert_refused(outcome, "The run stopped", "The migrations table records", "Run again", databases=[database], changed=True)
    assert left == [], "the old session was still running when the module reported the state"
    claim = re.search(r"The migrations table records version (\d+)", outcome["msg"])
    assert int(claim.group(1)) == database.recorded()
    assert_succeeded(collection.start(database).finish(), database)
    assert not schema_error(database) and not locks(database)
    fault_table.record("cut off while its index is built", collection.name, True, message=outcome["msg"])


@pytest.mark.extended
def test_a_remaining_session_is_reported(database, collection):
    """The network has dropped the disconnect, so the server continues."""
    outcome, left = cut_while_building(database, collection, 60)
    assert len(left) == 1
    assert_refused(outcome, r"lost session \(pid %d\) is still running" % left[0], databases=[database], changed=True)
    wait_for_end(database)
    assert_succeeded(collection.start(database).finish(), database)
    assert not schema_error(database)


def test_upstream_with_a_lost_connection(database, upstream, fault_table):
    late = LateBlocker(r"CREATE INDEX CONCURRENTLY", lambda: open_write(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        run = upstream.start(database, between.port)
        until(lambda: blocked(database), 30)
        between.hang_up()
        first = run.finish()
        stayed = bool(blocked(database))
    wait_for_end(database, 30)
    second = upstream.start(database).finish()
    wrong = schema_error(database)
    message = "%s%s; then %s" % (first.get("msg", ""), ", and its server process continued" if stayed else "", wrong or second.get("msg", "complete"))
    fault_table.record("cut off while its index is built", upstream.name, not wrong and not second.failed, message=message)
