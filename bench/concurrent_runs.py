# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many concurrent runs of checkpoint_schema on one database, compared with a single run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

# Imported through host.py, which adds the tests' helpers to the path.
from host import Database, make_runner


def measure_concurrent_runs(server, runs, rounds):
    """Four lists of seconds, one value per round: one run that sets up, many that set up, one on a converged database, many on a converged database."""
    with tempfile.TemporaryDirectory() as scratch:
        runner = make_runner(Path(scratch))
        taken = []
        for number in range(rounds + 1):
            alone, together = Database.create(server), Database.create(server)
            seconds = [_seconds(runner, database, count) for database, count in ((alone, 1), (together, runs), (alone, 1), (together, runs))]
            for database in (alone, together):
                database.drop()
            if number:  # the first round only fills the caches
                taken.append(seconds)
    return [tuple(column) for column in zip(*taken)]


def _seconds(runner, database, count):
    begin = time.perf_counter()
    under_way = [runner.start("checkpoint_schema", database.login()) for _number in range(count)]
    outcomes = [run.finish(600) for run in under_way]
    seconds = time.perf_counter() - begin
    for outcome in outcomes:
        if outcome.failed:
            raise SystemExit("a run failed: %s" % outcome.get("msg"))
    return seconds
