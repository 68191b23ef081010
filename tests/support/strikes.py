# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strikes at a statement of a run: the run dies, or the server stops; then another run, and what is wrong after it."""

from __future__ import annotations

import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from assertions import assert_no_secret
from contenders import Collection
from databases import MIGRATIONS_TABLE
from fault_points import EVERY, alone, locks, whole
from interceptor import Interceptor, ParsedCheckpoint

# A server dies with the thread that started it, and a connection's own ends with the connection.
STARTER = ThreadPoolExecutor(1)


class Strike:
    """Called at each statement; strikes at one. `texts` are the statements that went before."""

    def __init__(self, when, number, how):
        self.place = (when, number)
        self.how = how
        self.run = None
        self.begun = threading.Event()
        self.struck = None

    def aim(self, run):
        self.run = run
        self.begun.set()

    def __call__(self, when, number, text):
        if (when, number) == self.place:
            self.begun.wait(30)
            self.struck = text
            self.how(self.run)
            raise ParsedCheckpoint


def kill(run):
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()


def places(contender, start, server):
    """Every place of an undisturbed run: before and after each of its statements."""
    database = start.make(server)
    try:
        with Interceptor(server) as between:
            outcome = contender.start(database, between.port).finish()
            assert not outcome.failed, outcome.get("msg")
            found = [(when, number) for number in range(len(between.statements)) for when in ("before", "after")]
    finally:
        database.drop()
    assert len(found) > 20
    return found


def strike(contender, start, server, place, how, revive=lambda: None, whole=whole):
    """One run struck at a place, then another. Returns (outcome of the first, or None where it died; of the second; the database's faults).

    whole: why a database is not what a run leaves, or an empty string.
    """
    database = start.make(server)
    try:
        rows, before = start.rows(database), database.snapshot()
        blow = Strike(*place, how)
        with Interceptor(server, blow) as between:
            run = contender.start(database, between.port)
            blow.aim(run)
            died = run.process.wait() == -signal.SIGKILL if how is kill else False
            first = None if died else run.finish()
        assert blow.struck is not None, "the run had no statement at %s" % (place,)
        revive()
        alone(database)
        between_runs = database.snapshot()
        wrong = list(untrue(first, database, between_runs != before)) if first is not None and contender.name == Collection.name else []
        second = contender.start(database).finish()
        wrong.append(whole(database))
        if not second.failed and "changed" in second and second["changed"] != (database.snapshot() != between_runs):
            wrong.append("the second run said changed: %s" % second["changed"])
        if start.rows(database) != rows:
            wrong.append("rows were lost")
        if locks(database):
            wrong.append("a lock is left")
        if first is not None:
            assert_no_secret(first, database)
            wrong.extend("the first run showed a traceback" for _once in [0] if "Traceback" in first.everything)
        return first, second, blow.struck, [each for each in wrong if each]
    finally:
        database.drop()


def untrue(outcome, database, changed):
    """What a module's result says otherwise than the database. One without `changed` says that nothing is, to Ansible as well."""
    message = outcome.get("msg", "")
    if changed and not outcome.get("changed"):
        yield "the first run said that it changed nothing"
    if not changed and outcome.get("changed") and "could not be read" not in message:
        yield "the first run said that it changed something"
    told = re.search(r"The migrations table records (no version|version (\d+))", message)
    if told:
        recorded = database.recorded() if MIGRATIONS_TABLE in database.tables() else None
        if told.group(2) != (None if recorded is None else str(recorded)):
            yield "the first run said %s, and it is %s" % (told.group(0), recorded)


def undertake(ledger, name, contender, start, server, how, revive=lambda: None, every=EVERY, **more):
    """All places of a run, or one of so many; returns what was wrong at which."""
    wrong = []
    for place in places(contender, start, server)[every // 2 :: every]:
        first, second, text, faults = strike(contender, start, server, place, how, revive, **more)
        if second.failed:
            faults.append("the second run failed: %s" % second.get("msg"))
        message = first.get("msg") if first else second.get("msg") if second.failed else ""
        ledger.record(name, contender.name, not faults, message=message if faults or first else "")
        if faults:
            wrong.append("%s statement %d (%s): %s" % (*place, " ".join(text.split())[:60], "; ".join(faults)))
    return wrong


def stopping(server):
    """As `pg_ctl stop -m immediate` does it; it comes back when the run has ended."""

    def stop(_run):
        server.process.send_signal(signal.SIGQUIT)
        server.process.wait()

    return stop


def restarting(server):
    """It is there again by the time that the run looks."""

    def restart(run):
        stopping(server)(run)
        STARTER.submit(server.restart).result()

    return restart
