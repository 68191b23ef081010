# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage that loses nothing when it is mended: found by the catalog, whatever the ledger says, and brought back."""

from __future__ import annotations

import pytest
from assertions import assert_succeeded
from databases import TABLES, Database
from faults.conftest import whole

INVALID = "UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = '%s_thread_id_idx'::regclass"
DAMAGES = {
    **{"an INVALID index of %s" % table: INVALID % table for table in TABLES},
    **{"no index of %s" % table: "DROP INDEX %s_thread_id_idx" % table for table in TABLES},
    "a column that the ledger claims": "ALTER TABLE checkpoint_writes DROP COLUMN task_path",
    "a lost default": "ALTER TABLE checkpoints ALTER COLUMN checkpoint_ns DROP DEFAULT",
    "a column that takes no NULL": "ALTER TABLE checkpoint_blobs ALTER COLUMN blob SET NOT NULL",
    "a table that the ledger claims": "DROP TABLE checkpoint_writes",
    "what a broken REINDEX left": (
        "CREATE INDEX checkpoints_thread_id_idx_ccnew ON checkpoints (thread_id);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoints_thread_id_idx_ccnew'::regclass"
    ),
}
STATE = """
SELECT attrelid::regclass::text, attname, attnotnull, pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = ANY(ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes']::regclass[]) AND attnum > 0 AND NOT attisdropped
ORDER BY 1, 2
"""


@pytest.fixture
def damaged(victim, request):
    """(the database with that damage, its columns before it)."""
    database = Database.create(victim)
    database.setup()
    columns = database.execute(STATE)
    database.execute(DAMAGES[request.param])
    yield database, columns
    database.drop()


ALL = pytest.mark.parametrize("damaged, what", [(what, what) for what in DAMAGES], indirect=["damaged"], ids=list(DAMAGES))


@ALL
def test_mended(damaged, what, collection, ledger):
    database, columns = damaged
    done = assert_succeeded(collection.start(database).finish(), database)
    assert done["changed"] is True and done["repaired"]
    assert not whole(database) and database.execute(STATE) == columns
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is False
    ledger.record("mended: %s" % what, collection.name, True)


@ALL
def test_whether_upstream_mends_it(damaged, what, upstream, ledger):
    database, columns = damaged
    outcome = upstream.start(database).finish()
    wrong = whole(database)
    try:
        same = database.execute(STATE) == columns
    except Exception:  # pylint: disable=broad-exception-caught  # a table that is not there
        same = False
    ledger.record("mended: %s" % what, upstream.name, not wrong and same, message=outcome.get("msg", "no word of it"))
