# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects a fault at a statement of a run (the run is killed, or the server is stopped or restarted), runs again, and returns what is wrong afterwards."""

from __future__ import annotations

import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from assertions import assert_no_secret
from contenders import Collection
from databases import MIGRATIONS_TABLE
from fault_points import EVERY, locks, schema_error, wait_for_end
from interceptor import CloseConnection, Interceptor

# Starts servers. A server is killed when the thread that started it ends, and the thread of a connection ends with the connection.
STARTER = ThreadPoolExecutor(1)


class FaultInjection:
    """A callback for each statement, which injects the fault at one of them. `statement` is the text of that statement."""

    def __init__(self, when, number, how):
        self.point = (when, number)
        self.how = how
        self.run = None
        self.begun = threading.Event()
        self.statement = None

    def set_run(self, run):
        self.run = run
        self.begun.set()

    def __call__(self, when, number, text):
        if (when, number) == self.point:
            self.begun.wait(30)
            self.statement = text
            self.how(self.run)
            raise CloseConnection


def kill(run):
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()


def points(contender, start, server):
    """Every point of an undisturbed run: before and after each of its statements."""
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


def run_with_fault(contender, start, server, point, how, restart=lambda: None, error_of=schema_error):
    """Run with a fault at a point, then run again. Returns (first outcome, or None if that run was killed; second outcome; the statement; the errors).

    error_of: returns why a database is not in the expected state, or an empty string.
    """
    database = start.make(server)
    try:
        rows, before = start.rows(database), database.snapshot()
        fault = FaultInjection(*point, how)
        with Interceptor(server, fault) as between:
            run = contender.start(database, between.port)
            fault.set_run(run)
            died = run.process.wait() == -signal.SIGKILL if how is kill else False
            first = None if died else run.finish()
        assert fault.statement is not None, "the run had no statement at %s" % (point,)
        restart()
        wait_for_end(database)
        between_runs = database.snapshot()
        wrong = list(false_reports(first, database, between_runs != before)) if first is not None and contender.name == Collection.name else []
        second = contender.start(database).finish()
        wrong.append(error_of(database))
        if not second.failed and "changed" in second and second["changed"] != (database.snapshot() != between_runs):
            wrong.append("the second run wrongly reported changed: %s" % second["changed"])
        if start.rows(database) != rows:
            wrong.append("rows were lost")
        if locks(database):
            wrong.append("an advisory lock is still held")
        if first is not None:
            assert_no_secret(first, database)
            wrong.extend("the first run showed a traceback" for _once in [0] if "Traceback" in first.everything)
        return first, second, fault.statement, [each for each in wrong if each]
    finally:
        database.drop()


def false_reports(outcome, database, changed):
    """The statements in a module's result that the database contradicts. As in Ansible, a result without `changed` means that nothing was changed."""
    message = outcome.get("msg", "")
    if changed and not outcome.get("changed"):
        yield "the first run reported no change, but it changed something"
    if not changed and outcome.get("changed") and "could not be read" not in message:
        yield "the first run reported a change, but it changed nothing"
    claim = re.search(r"The migrations table records (no version|version (\d+))", message)
    if claim:
        recorded = database.recorded() if MIGRATIONS_TABLE in database.tables() else None
        if claim.group(2) != (None if recorded is None else str(recorded)):
            yield "the first run reported: %s, but the recorded version is %s" % (claim.group(0), recorded)


def run_at_each_point(fault_table, name, contender, start, server, how, restart=lambda: None, every=EVERY, **more):
    """Inject the fault at one out of `every` points of a run. Returns the errors with their points."""
    wrong = []
    for point in points(contender, start, server)[every // 2 :: every]:
        first, second, text, faults = run_with_fault(contender, start, server, point, how, restart, **more)
        if second.failed:
            faults.append("the second run failed: %s" % second.get("msg"))
        message = first.get("msg") if first else second.get("msg") if second.failed else ""
        fault_table.record(name, contender.name, not faults, message=message if faults or first else "")
        if faults:
            wrong.append("%s statement %d (%s): %s" % (*point, " ".join(text.split())[:60], "; ".join(faults)))
    return wrong


def stopping(server):
    """A function that stops the server as `pg_ctl stop -m immediate` does. It returns when the process has ended."""

    def stop(_run):
        server.process.send_signal(signal.SIGQUIT)
        server.process.wait()

    return stop


def restarting(server):
    """A function that stops the server and starts it again before the run continues."""

    def restart(run):
        stopping(server)(run)
        STARTER.submit(server.restart).result()

    return restart
