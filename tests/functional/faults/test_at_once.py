# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs on one database at the same moment: all succeed, and exactly one reports a change."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_points import STARTS, locks, schema_error
from interceptor import Interceptor
from scope import EVERYWHERE

RUNS = 32 if EVERYWHERE else 8
ROUNDS = 20 if EVERYWHERE else 1
# Each of them needs a hundred megabytes and several seconds of a core.
CONTROLLERS = 32 if EVERYWHERE else 4
APART = "%d controllers, %s"
LOCK = "SELECT pg_try_advisory_lock("
# The first statement of upstream's setup().
FIRST = "CREATE TABLE IF NOT EXISTS checkpoint_migrations"
PATIENCE = 300


class Gate:
    """Holds statements of a kind back until this many connections have sent one; `tries` counts them by connection.

    Importing takes seconds in each run, and the setup takes a third of a second. Without the gate, the runs would not overlap.
    """

    def __init__(self, runs, text):
        self.barrier = threading.Barrier(runs, timeout=PATIENCE)
        self.text = text
        self.tries = Counter()

    def __call__(self, when, _number, text):
        if when == "before" and text.lstrip().startswith(self.text):
            connection = threading.get_ident()
            self.tries[connection] += 1
            if self.tries[connection] == 1:
                self.barrier.wait()

    @property
    def waited(self):
        """The number of connections that did not get the lock at once."""
        return sum(tries > 1 for tries in self.tries.values())


def together(contender, start, server, runs, text):
    """(outcomes, Gate, errors in the database) of this many runs at once."""
    database = start.make(server)
    try:
        rows = start.rows(database)
        gate = Gate(runs, text)
        with Interceptor(server, gate) as between:
            under_way = [contender.start(database, between.port) for _number in range(runs)]
            outcomes = [run.finish(PATIENCE) for run in under_way]
        wrong = [schema_error(database), "rows were lost" if start.rows(database) != rows else "", "a lock is left" if locks(database) else ""]
        return outcomes, gate, [each for each in wrong if each]
    finally:
        database.drop()


# Only the upgrade outside `make faults`.
@pytest.mark.parametrize("start", STARTS if EVERYWHERE else STARTS[1:], ids=lambda start: start.name)
def test_many_at_once(stoppable_server, collection, fault_table, start):
    name = "%d at once, %s" % (RUNS, start.name)
    for _round in range(ROUNDS):
        outcomes, gate, wrong = together(collection, start, stoppable_server, RUNS, LOCK)
        failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
        changed = sum(bool(outcome.get("changed")) for outcome in outcomes)
        met = len(gate.tries)
        fine = not failed and changed == 1 and not wrong and met == RUNS
        fault_table.record(name, collection.name, fine, message="%d overlapped, %d waited for another" % (met, gate.waited))
        assert fine, "%d changed, %d overlapped, failed: %s, wrong: %s" % (changed, met, failed, wrong)
        assert gate.waited > RUNS // 2, "only %d waited, so this round proves little" % gate.waited


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_many_controllers(stoppable_server, target_venv, runner, fault_table, start):
    """Complete ansible-playbook processes that share only the database."""
    database = start.make(stoppable_server)
    try:
        gate = Gate(CONTROLLERS, LOCK)
        with Interceptor(stoppable_server, gate) as between:
            play = {"vars": {"ansible_python_interpreter": str(target_venv / "bin" / "python")}}
            task = {"name": "Schema", "stateops.langgraph.checkpoint_schema": database.login(login_port=between.port, lock_wait=PATIENCE)}
            with ThreadPoolExecutor(CONTROLLERS) as pool:
                outcomes = list(pool.map(lambda _number: runner.playbook([task], play=play), range(CONTROLLERS)))
        assert [outcome.get("msg") for outcome in outcomes if outcome.rc] == []
        assert sum(bool(outcome.get("changed")) for outcome in outcomes) == 1
        assert not schema_error(database) and not locks(database)
        assert len(gate.tries) == CONTROLLERS and gate.waited
        fault_table.record(APART % (CONTROLLERS, start.name), "checkpoint_schema", True, message="%d waited for another" % gate.waited)
    finally:
        database.drop()


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_upstream_in_as_many_applications(stoppable_server, upstream, fault_table, start):
    """The same for upstream: applications that call setup() when they start."""
    outcomes, _gate, wrong = together(upstream, start, stoppable_server, CONTROLLERS, FIRST)
    failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
    message = "; ".join(["%d of %d failed" % (len(failed), CONTROLLERS), *failed[:1], *wrong])
    fault_table.record(APART % (CONTROLLERS, start.name), upstream.name, not failed and not wrong, message=message)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_upstream_at_once(stoppable_server, upstream, fault_table, start):
    """Four runs are enough for upstream. The result is recorded, not asserted: it shows why the lock is needed."""
    for _round in range(ROUNDS):
        outcomes, gate, wrong = together(upstream, start, stoppable_server, 4, FIRST)
        assert len(gate.tries) == 4
        failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
        fault_table.record("%d at once, %s" % (RUNS, start.name), upstream.name, not failed and not wrong, message="at 4: %s" % " / ".join(failed[:1] + wrong))
