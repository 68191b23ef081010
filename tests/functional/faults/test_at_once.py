# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs on one database at the same moment: all succeed, and exactly one says that it changed something."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_points import STARTS, locks, whole
from interceptor import Interceptor
from scope import EVERYWHERE

RUNS = 32 if EVERYWHERE else 8
ROUNDS = 20 if EVERYWHERE else 1
# Each takes a hundred megabytes and seconds of a core.
CONTROLLERS = 32 if EVERYWHERE else 4
APART = "%d controllers, %s"
LOCK = "SELECT pg_try_advisory_lock("
# The first statement of upstream's.
FIRST = "CREATE TABLE IF NOT EXISTS checkpoint_migrations"
PATIENCE = 300


class Gate:
    """Lets statements of a kind pass once as many connections have come to it; `tries` counts them by connection.

    Importing takes each run seconds and setting up a third of one, so without it they would never meet.
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
        """How many connections were turned away at least once."""
        return sum(tries > 1 for tries in self.tries.values())


def together(contender, start, server, runs, text):
    """(outcomes, Gate, what is wrong with the database) of so many runs at once."""
    database = start.make(server)
    try:
        rows = start.rows(database)
        gate = Gate(runs, text)
        with Interceptor(server, gate) as between:
            under_way = [contender.start(database, between.port) for _number in range(runs)]
            outcomes = [run.finish(PATIENCE) for run in under_way]
        wrong = [whole(database), "rows were lost" if start.rows(database) != rows else "", "a lock is left" if locks(database) else ""]
        return outcomes, gate, [each for each in wrong if each]
    finally:
        database.drop()


# Outside `make faults` the upgrade alone.
@pytest.mark.parametrize("start", STARTS if EVERYWHERE else STARTS[1:], ids=lambda start: start.name)
def test_many_at_once(victim, collection, ledger, start):
    name = "%d at once, %s" % (RUNS, start.name)
    for _round in range(ROUNDS):
        outcomes, gate, wrong = together(collection, start, victim, RUNS, LOCK)
        failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
        changed = sum(bool(outcome.get("changed")) for outcome in outcomes)
        met = len(gate.tries)
        fine = not failed and changed == 1 and not wrong and met == RUNS
        ledger.record(name, collection.name, fine, message="%d met, %d waited for another" % (met, gate.waited))
        assert fine, "%d changed, %d met, failed: %s, wrong: %s" % (changed, met, failed, wrong)
        assert gate.waited > RUNS // 2, "only %d waited, so this round shows little" % gate.waited


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_many_controllers(victim, target_venv, runner, ledger, start):
    """Whole ansible-playbook processes that share nothing but the database."""
    database = start.make(victim)
    try:
        gate = Gate(CONTROLLERS, LOCK)
        with Interceptor(victim, gate) as between:
            play = {"vars": {"ansible_python_interpreter": str(target_venv / "bin" / "python")}}
            task = {"name": "Schema", "stateops.langgraph.checkpoint_schema": database.login(login_port=between.port, lock_wait=PATIENCE)}
            with ThreadPoolExecutor(CONTROLLERS) as pool:
                outcomes = list(pool.map(lambda _number: runner.playbook([task], play=play), range(CONTROLLERS)))
        assert [outcome.get("msg") for outcome in outcomes if outcome.rc] == []
        assert sum(bool(outcome.get("changed")) for outcome in outcomes) == 1
        assert not whole(database) and not locks(database)
        assert len(gate.tries) == CONTROLLERS and gate.waited
        ledger.record(APART % (CONTROLLERS, start.name), "checkpoint_schema", True, message="%d waited for another" % gate.waited)
    finally:
        database.drop()


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_upstream_in_as_many_applications(victim, upstream, ledger, start):
    """Its controllers: applications that call setup() as they start."""
    outcomes, _gate, wrong = together(upstream, start, victim, CONTROLLERS, FIRST)
    failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
    message = "; ".join(["%d of %d failed" % (len(failed), CONTROLLERS), *failed[:1], *wrong])
    ledger.record(APART % (CONTROLLERS, start.name), upstream.name, not failed and not wrong, message=message)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_what_upstream_does(victim, upstream, ledger, start):
    """Four are enough there. Recorded, not asserted: it shows why the lock is needed."""
    for _round in range(ROUNDS):
        outcomes, gate, wrong = together(upstream, start, victim, 4, FIRST)
        assert len(gate.tries) == 4
        failed = [outcome.get("msg") for outcome in outcomes if outcome.failed]
        ledger.record("%d at once, %s" % (RUNS, start.name), upstream.name, not failed and not wrong, message="at 4: %s" % " / ".join(failed[:1] + wrong))
