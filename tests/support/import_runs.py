# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of checkpoint_import, the assertions on each successful run, and the processes of a running one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from assertions import assert_succeeded
from differential import assert_same
from events import until

KINDS = ("threads", "checkpoints", "writes", "blobs")


def run(call_module, ready, path, check=False, **options):
    args = ready.login(ready.app, sqlite_path=str(path), **dict({"verify": "full"}, **options))
    return call_module("checkpoint_import", args, check=check)


def imported(call_module, ready, path, **options):
    """Predict the import, run it, compare the results of both savers, and import again, which must change nothing."""
    predicted = assert_succeeded(run(call_module, ready, path, check=True, **options), ready)
    done = assert_succeeded(run(call_module, ready, path, **options), ready)
    assert [predicted[kind] for kind in KINDS] == [done[kind] for kind in KINDS]
    assert predicted["changed"] is done["changed"] is True
    assert predicted["bytes"] == done["bytes"] > 0
    again = assert_succeeded(run(call_module, ready, path, **options), ready)
    assert again["changed"] is False and not again["bytes"] and not any(again[kind]["written"] for kind in KINDS)
    counts = assert_same(path, ready)
    assert done["checkpoints"]["written"] == counts[0]
    assert done["verified"]["checkpoints"] == counts[0] and done["verified"]["differences"] == 0
    return done


def children(pid):
    return [int(child) for child in Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]


@contextlib.contextmanager
def block_writes(database):
    """Prevent all writes to checkpoints while the block runs."""
    with database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE checkpoints IN SHARE MODE")
        yield


def waiting(database, number):
    until(lambda: database.execute("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(number,)])


def at_work(running):
    """(the id of the module's process, the ids of its workers). The started process may only wait for the virtualenv's Python, which runs the module."""
    ((module, workers),) = [(pid, children(pid)) for pid in (running.process.pid, *children(running.process.pid)) if len(children(pid)) == 2]
    return module, workers
