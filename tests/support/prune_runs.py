# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of checkpoint_prune, and the assertions on each successful run."""

from __future__ import annotations

from aged_threads import TABLES, rows
from assertions import assert_succeeded

COUNTED = ("threads", "kept", "rows", "bytes", "remaining", "oldest_left", "deleted_threads", "delta_threads", "orphans")


def run(call_module, database, check=False, **options):
    return call_module("checkpoint_prune", database.login(database.app, **options), check=check)


def pruned(call_module, database, **options):
    """Assert that check mode writes nothing and predicts exactly what the real run does, and that the next run changes nothing."""
    before = database.snapshot()
    plan = assert_succeeded(run(call_module, database, check=True, **options), database)
    assert database.snapshot() == before, "check mode wrote"
    numbers = {table: len(found) for table, found in rows(database).items()}
    done = assert_succeeded(run(call_module, database, **options), database)
    for key in COUNTED:
        assert plan[key] == done[key], key
    assert plan["changed"] is done["changed"]
    after = rows(database)
    orphans = (done["orphans"] or {"rows": {}})["rows"]
    for kind, table in zip(("checkpoints", "blobs", "writes"), TABLES):
        assert numbers[table] - len(after[table]) == done["rows"][kind] + orphans.get(kind, 0), table
        assert (done["bytes"][kind] > 0) is (done["rows"][kind] > 0)
    assert done["changed"] is (any(done["rows"].values()) or any(orphans.values()))
    again = assert_succeeded(run(call_module, database, **options), database)
    assert again["changed"] is False and rows(database) == after
    assert done["threads"]["considered"] == sum(done["threads"][kind] for kind in ("deleted", "trimmed", "kept", "remaining"))
    return done
