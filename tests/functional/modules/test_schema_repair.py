# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage that loses nothing when it is mended: found by the catalog, whatever the ledger says, and brought back."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from assertions import assert_succeeded
from databases import TABLES, Database
from events import until
from fault_points import whole
from langgraph.checkpoint.base import empty_checkpoint
from psycopg.errors import UndefinedColumn, UndefinedTable
from scope import EVERYWHERE

pytestmark = pytest.mark.usefixtures("silent")

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


# What an application gives a statement that waits for a lock: as long as the run may wait itself would be an outage.
PATIENCE = "5s"
LACKING = {what: (UndefinedTable, UndefinedColumn) for what in ("a table that the ledger claims", "a column that the ledger claims")}


class Traffic:
    """An application's readers and writers at work, through LangGraph's own saver, while something is mended.

    lacking: errors that they meet until it is. `errors` are the others, `lacked` counts those; `kept` is what they wrote and read again,
    `longest` the seconds that one round of put, put_writes and get_tuple took at most.
    """

    def __init__(self, database, lacking=()):
        self.database = database
        self.lacking = lacking
        self.errors = []
        self.lacked = 0
        self.kept = []
        self.longest = 0.0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=("thread-%d" % number,), daemon=True) for number in range(3)]
        database.execute("ALTER ROLE \"%s\" SET lock_timeout = '%s'" % (database.app.name, PATIENCE))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.kept) + self.lacked >= 10 or self.errors)
        return self

    def __exit__(self, *_exception):
        before = len(self.kept)
        # They go on with what is mended; where it is not, there is nothing to wait for.
        until(lambda: len(self.kept) >= before + 10 or self.errors or self.lacked > LOST)
        self._over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _work(self, name):
        try:
            with self.database.saver() as saver:
                while not self._over.is_set():
                    begin = time.monotonic()
                    try:
                        self.kept.append(_round(saver, name))
                    except self.lacking:
                        self.lacked += 1
                        time.sleep(0.02)
                    self.longest = max(self.longest, time.monotonic() - begin)
        except Exception as error:  # pylint: disable=broad-exception-caught  # the test asserts that there was none
            self.errors.append(error)

    def missing(self):
        """What can no longer be read of what was written."""
        with self.database.saver() as saver:
            found = [saver.get_tuple(config) for config in self.kept]
        return [config for config, each in zip(self.kept, found) if each is None or each.pending_writes != [(TASK, "messages", "an answer")]]


TASK = "00000000-0000-0000-0000-00000000000a"
# So many failed rounds after a run have shown that it mended nothing.
LOST = 5000


def _round(saver, name):
    """The config of one checkpoint with a pending write, stored and read again."""
    checkpoint = empty_checkpoint()
    checkpoint.update(channel_values={"messages": [name] * 20}, channel_versions={"messages": checkpoint["id"]})
    config = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
    stored = saver.put(config, checkpoint, {"step": 1}, {"messages": checkpoint["id"]})
    saver.put_writes(stored, [("messages", "an answer")], TASK)
    found = saver.get_tuple(stored)
    assert found.checkpoint["channel_values"] == {"messages": [name] * 20} and found.pending_writes == [(TASK, "messages", "an answer")]
    return stored


def admit(database):
    """What an application needs, also on a table that comes anew; role database grants it after each setup."""
    rights = 'GRANT SELECT, INSERT, UPDATE, DELETE ON %%sTABLES %%sTO "%s"' % database.app.name
    database.execute(rights % ("ALL ", "IN SCHEMA public "))
    database.execute('ALTER DEFAULT PRIVILEGES FOR ROLE "%s" IN SCHEMA public %s' % (database.owner.name, rights % ("", "")))


# Outside `make faults` some of them, since each keeps two cores busy.
AT_WORK = list(DAMAGES)[:: 1 if EVERYWHERE else 3]
SOME = pytest.mark.parametrize("damaged, what", [(what, what) for what in AT_WORK], indirect=["damaged"], ids=AT_WORK)
WORKING = "mended under readers and writers: %s"


@SOME
def test_mended_while_the_application_works(damaged, what, collection, ledger):
    database, columns = damaged
    admit(database)
    with Traffic(database, LACKING.get(what, ())) as traffic:
        done = assert_succeeded(collection.start(database).finish(), database)
    assert traffic.errors == []
    assert done["changed"] is True and done["repaired"]
    assert not whole(database) and database.execute(STATE) == columns
    assert traffic.missing() == []
    assert bool(traffic.lacked) is (what in LACKING)
    message = "%d checkpoints meanwhile, the longest round took %.2f s" % (len(traffic.kept), traffic.longest)
    ledger.record(WORKING % what, collection.name, True, message=message)


@SOME
def test_whether_upstream_mends_it_while_the_application_works(damaged, what, upstream, ledger):
    database, columns = damaged
    admit(database)
    with contextlib.suppress(AssertionError), Traffic(database, LACKING.get(what, ())) as traffic:
        outcome = upstream.start(database).finish()
        traffic.lacked = 0
    wrong = whole(database)
    try:
        same = database.execute(STATE) == columns
    except UndefinedTable:
        same = False
    said = " / ".join([outcome.get("msg", "no word of it"), *("to the application: %s" % error for error in traffic.errors[:1])])
    ledger.record(WORKING % what, upstream.name, same and not wrong and not traffic.errors, message=said)
