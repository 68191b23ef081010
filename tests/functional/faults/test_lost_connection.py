# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is cut while its statement runs: what the module says holds, since it waits for the old session's end, or says that it has none."""

from __future__ import annotations

import re
import threading

import pytest
from assertions import assert_refused, assert_succeeded
from blockers import Late, open_write
from events import until
from fault_points import STARTS, alone, locks, whole
from interceptor import Interceptor
from scope import usual


@pytest.fixture
def database(victim):
    made = STARTS[1].make(victim)
    yield made
    made.drop()


def cut_while_building(database, collection, seconds, **login):
    """(the outcome, who was left as it was told) of a run whose connection is cut while somebody blocks its index.

    seconds: for which the server does not notice.
    """
    late = Late(r"CREATE INDEX CONCURRENTLY", lambda: open_write(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        run = collection.start(database, between.port, **login)
        until(lambda: blocked(database), 30)
        between.hang_up(keep=True)
        timer = threading.Timer(seconds, between.let_go)
        timer.start()
        outcome = run.finish()
        left = [pid for (pid,) in blocked(database)]
        timer.cancel()
        late.session.rollback()
    return outcome, left


def blocked(database):
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query ~ 'CREATE INDEX' AND wait_event_type = 'Lock'"
    return database.server.execute(query, [database.name])


@pytest.mark.parametrize("who", usual(["the owner", "somebody else as the owner"]))
def test_it_waits_for_the_old_session(database, collection, ledger, who):
    """Who takes another role may not see its own session's times."""
    server = database.server
    login = {} if who == "the owner" else {"login_user": server.user, "login_password": server.password, "session_role": database.owner.name}
    outcome, left = cut_while_building(database, collection, 4, **login)
    assert_refused(outcome, "The run stopped", "The migrations table records", "Run again", databases=[database], changed=True)
    assert left == [], "the old session was still at work when the module told what stands"
    told = re.search(r"The migrations table records version (\d+)", outcome["msg"])
    assert int(told.group(1)) == database.recorded()
    assert_succeeded(collection.start(database).finish(), database)
    assert not whole(database) and not locks(database)
    ledger.record("cut off while its index is built", collection.name, True, message=outcome["msg"])


@pytest.mark.extended
def test_it_says_so_where_the_old_session_stays(database, collection):
    """The network between has swallowed the end of the connection, so the server works on."""
    outcome, left = cut_while_building(database, collection, 60)
    assert len(left) == 1
    assert_refused(outcome, r"lost session \(pid %d\) is still running" % left[0], databases=[database], changed=True)
    alone(database)
    assert_succeeded(collection.start(database).finish(), database)
    assert not whole(database)


def test_upstream_says_nothing_of_it(database, upstream, ledger):
    late = Late(r"CREATE INDEX CONCURRENTLY", lambda: open_write(database, database.owner))
    with late.stack, Interceptor(database.server, late) as between:
        run = upstream.start(database, between.port)
        until(lambda: blocked(database), 30)
        between.hang_up()
        first = run.finish()
        stayed = bool(blocked(database))
    alone(database, 30)
    second = upstream.start(database).finish()
    wrong = whole(database)
    message = "%s%s; then %s" % (first.get("msg", ""), ", and its server process worked on" if stayed else "", wrong or second.get("msg", "whole"))
    ledger.record("cut off while its index is built", upstream.name, not wrong and not second.failed, message=message)
