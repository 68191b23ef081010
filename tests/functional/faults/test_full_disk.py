# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills up during a run: the message describes the current state, and with free space the next run completes the schema."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from fault_points import OLD, schema_error
from generations import migrate
from small_disk import fill

# Kilobytes left: with the first values the run fails early, with the last ones it fails while it creates its indexes.
LEFT = [8, 200, 500]
ROWS = 4000


@pytest.fixture
def database(stoppable_server, disk):
    """A database whose files are on the small disk, with enough rows for large indexes."""
    stoppable_server.execute("CREATE TABLESPACE small LOCATION '%s'" % disk)
    made = Database.create(stoppable_server)
    stoppable_server.execute('ALTER DATABASE "%s" SET TABLESPACE small' % made.name)
    migrate(made, OLD, role=made.owner)
    made.execute(
        "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) SELECT repeat(md5(i::text), 3) || i, i, '{}' FROM generate_series(1, %s) i",
        [ROWS],
        role=made.owner,
    )
    made.execute("CHECKPOINT")
    yield made
    made.drop()
    stoppable_server.execute("DROP TABLESPACE small")


@pytest.mark.parametrize("left", LEFT)
def test_a_full_disk(database, disk, collection, fault_table, left):
    before = database.snapshot()
    ballast = fill(disk, left)
    outcome = collection.start(database).finish()
    after = database.snapshot()
    assert_refused(outcome, "No space left|could not extend|disk", databases=[database], changed=after != before)
    ballast.unlink()
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is True
    assert not schema_error(database)
    assert database.execute("SELECT count(*) FROM checkpoints") == [(ROWS,)]
    fault_table.record("a full disk", collection.name, True, message=outcome["msg"])


@pytest.mark.parametrize("left", LEFT)
def test_upstream_on_a_full_disk(database, disk, upstream, fault_table, left):
    ballast = fill(disk, left)
    first = upstream.start(database).finish()
    ballast.unlink()
    second = upstream.start(database).finish()
    wrong = schema_error(database)
    message = "%s; then %s" % (first.get("msg"), wrong or second.get("msg", "complete"))
    fault_table.record("a full disk", upstream.name, not wrong and not second.failed, message=message)
