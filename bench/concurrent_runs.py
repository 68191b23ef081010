# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs of checkpoint_schema on one database at once, beside one alone."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

# By way of host.py, which knows where the tests' harness is.
from host import Database, make_runner


def crowds(server, runs, rounds):
    """Round by round, in turn: seconds of (one setting up, many setting up, one on a converged database, many on it)."""
    with tempfile.TemporaryDirectory() as scratch:
        runner = make_runner(Path(scratch))
        taken = []
        for number in range(rounds + 1):
            alone, together = Database.create(server), Database.create(server)
            seconds = [_seconds(runner, database, crowd) for database, crowd in ((alone, 1), (together, runs), (alone, 1), (together, runs))]
            for database in (alone, together):
                database.drop()
            if number:  # the first only warms the caches
                taken.append(seconds)
    return [tuple(column) for column in zip(*taken)]


def _seconds(runner, database, crowd):
    begin = time.perf_counter()
    under_way = [runner.start("checkpoint_schema", database.login()) for _number in range(crowd)]
    outcomes = [run.finish(600) for run in under_way]
    seconds = time.perf_counter() - begin
    for outcome in outcomes:
        if outcome.failed:
            raise SystemExit("a run failed: %s" % outcome.get("msg"))
    return seconds
