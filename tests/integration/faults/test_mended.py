# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage that loses nothing when it is mended: found by the catalog, whatever the ledger says, and brought back."""

from __future__ import annotations

import threading

import pytest
from assertions import assert_succeeded
from databases import TABLES, Database
from events import until
from faults.conftest import EVERY, whole
from langgraph.checkpoint.base import empty_checkpoint

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


class Traffic:
    """An application's readers and writers at work, through LangGraph's own saver. `errors` is what they met, `kept` what they wrote."""

    def __init__(self, database):
        self.database = database
        self.errors = []
        self.kept = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=("thread-%d" % number,), daemon=True) for number in range(3)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.kept) >= 10 or self.errors)
        return self

    def __exit__(self, *_exception):
        before = len(self.kept)
        until(lambda: len(self.kept) >= before + 10 or self.errors)
        self._over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _work(self, name):
        try:
            with self.database.saver() as saver:
                config = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
                while not self._over.is_set():
                    checkpoint = empty_checkpoint()
                    checkpoint.update(channel_values={"messages": [name] * 20}, channel_versions={"messages": checkpoint["id"]})
                    stored = saver.put(config, checkpoint, {"step": 1}, {"messages": checkpoint["id"]})
                    assert saver.get_tuple(stored).checkpoint["channel_values"] == {"messages": [name] * 20}
                    self.kept.append(stored)
        except Exception as error:  # pylint: disable=broad-exception-caught  # the test asserts that there was none
            self.errors.append(error)

    def missing(self):
        """What can no longer be read of what was written."""
        with self.database.saver() as saver:
            return [config for config in self.kept if saver.get_tuple(config) is None]


# While writes are under way, what they need is there: a table or a column that is missing stops them before the run begins.
# Outside `make faults` some of them, since each keeps two cores busy.
AT_WORK = [what for what in DAMAGES if what not in ("a table that the ledger claims", "a column that the ledger claims")][:: 1 if EVERY == 1 else 3]


@pytest.mark.parametrize("damaged, what", [(what, what) for what in AT_WORK], indirect=["damaged"], ids=AT_WORK)
def test_mended_while_the_application_works(damaged, what, collection, ledger):
    database, columns = damaged
    database.grant()
    with Traffic(database) as traffic:
        done = assert_succeeded(collection.start(database).finish(), database)
    assert traffic.errors == []
    assert done["changed"] is True and done["repaired"]
    assert not whole(database) and database.execute(STATE) == columns
    assert traffic.missing() == []
    ledger.record("mended under readers and writers: %s" % what, collection.name, True, message="%d checkpoints meanwhile" % len(traffic.kept))
