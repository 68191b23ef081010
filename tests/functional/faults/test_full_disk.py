# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills up in the middle: what stands is told, and with room again the next run converges."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from fault_points import OLD, whole
from generations import migrate
from small_disk import fill

# Kilobytes left: the first of them meet the run early, the last in its indexes.
LEFT = [8, 200, 500]
ROWS = 4000


@pytest.fixture
def database(victim, disk):
    """A database whose files are on that disk alone, with rows enough for indexes of some size."""
    victim.execute("CREATE TABLESPACE small LOCATION '%s'" % disk)
    made = Database.create(victim)
    victim.execute('ALTER DATABASE "%s" SET TABLESPACE small' % made.name)
    migrate(made, OLD, role=made.owner)
    made.execute(
        "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) SELECT repeat(md5(i::text), 3) || i, i, '{}' FROM generate_series(1, %s) i",
        [ROWS],
        role=made.owner,
    )
    made.execute("CHECKPOINT")
    yield made
    made.drop()
    victim.execute("DROP TABLESPACE small")


@pytest.mark.parametrize("left", LEFT)
def test_a_full_disk(database, disk, collection, ledger, left):
    before = database.snapshot()
    ballast = fill(disk, left)
    outcome = collection.start(database).finish()
    after = database.snapshot()
    assert_refused(outcome, "No space left|could not extend|disk", databases=[database], changed=after != before)
    ballast.unlink()
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not whole(database)
    assert database.execute("SELECT count(*) FROM checkpoints") == [(ROWS,)]
    ledger.record("a full disk", collection.name, True, message=outcome["msg"])


@pytest.mark.parametrize("left", LEFT)
def test_upstream_on_a_full_disk(database, disk, upstream, ledger, left):
    ballast = fill(disk, left)
    first = upstream.start(database).finish()
    ballast.unlink()
    second = upstream.start(database).finish()
    wrong = whole(database)
    message = "%s; then %s" % (first.get("msg"), wrong or second.get("msg", "whole"))
    ledger.record("a full disk", upstream.name, not wrong and not second.failed, message=message)
