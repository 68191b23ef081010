# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that can be repaired without losing data: found in the catalog, whatever the migrations table records, and repaired."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from assertions import assert_succeeded
from databases import TABLES, Database
from events import until
from fault_points import schema_error
from langgraph.checkpoint.base import empty_checkpoint
from psycopg.errors import UndefinedColumn, UndefinedTable
from scope import EVERYWHERE

pytestmark = pytest.mark.usefixtures("secrets_hidden")

INVALID = "UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = '%s_thread_id_idx'::regclass"
CHANGES = {
    **{"an INVALID index of %s" % table: INVALID % table for table in TABLES},
    **{"no index of %s" % table: "DROP INDEX %s_thread_id_idx" % table for table in TABLES},
    "a recorded column": "ALTER TABLE checkpoint_writes DROP COLUMN task_path",
    "a lost default": "ALTER TABLE checkpoint_writes ALTER COLUMN task_path DROP DEFAULT",
    "a column that takes no NULL": "ALTER TABLE checkpoint_blobs ALTER COLUMN blob SET NOT NULL",
    "a recorded table": "DROP TABLE checkpoint_writes",
    "what an interrupted REINDEX left": (
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
def changed_database(stoppable_server, request):
    """(the database with that change, its columns before the change)."""
    database = Database.create(stoppable_server)
    database.setup()
    columns = database.execute(STATE)
    database.execute(CHANGES[request.param])
    yield database, columns
    database.drop()


ALL = pytest.mark.parametrize("changed_database, what", [(what, what) for what in CHANGES], indirect=["changed_database"], ids=list(CHANGES))


@ALL
def test_repaired(changed_database, what, collection, fault_table):
    database, columns = changed_database
    done = assert_succeeded(collection.start(database).finish(), database)
    assert done["changed"] is True and done["repaired"]
    assert not schema_error(database) and database.execute(STATE) == columns
    assert assert_succeeded(collection.start(database).finish(), database)["changed"] is False
    fault_table.record("repaired: %s" % what, collection.name, True)


@ALL
def test_whether_upstream_repairs_it(changed_database, what, upstream, fault_table):
    database, columns = changed_database
    outcome = upstream.start(database).finish()
    wrong = schema_error(database)
    try:
        same = database.execute(STATE) == columns
    except Exception:  # pylint: disable=broad-exception-caught  # a missing table
        same = False
    fault_table.record("repaired: %s" % what, upstream.name, not wrong and same, message=outcome.get("msg", "no message"))


# The lock_timeout of an application's statements: a wait as long as the run's own limit would be an outage.
PATIENCE = "5s"
LACKING = {what: (UndefinedTable, UndefinedColumn) for what in ("a recorded table", "a recorded column")}


class Traffic:
    """Readers and writers of an application, through LangGraph's own saver, while a repair is running.

    lacking: errors that are expected until the repair. `lacked` counts these errors, `errors` lists all others. `kept` lists the checkpoints that were
    written and read again, `longest` is the longest time in seconds of one round of put, put_writes and get_tuple.
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
        # If the schema was repaired, the threads must succeed once more. If not, there is nothing to wait for.
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
        except Exception as error:  # pylint: disable=broad-exception-caught  # the test asserts that there was no error
            self.errors.append(error)

    def missing(self):
        """The configs of checkpoints that can no longer be read."""
        with self.database.saver() as saver:
            found = [saver.get_tuple(config) for config in self.kept]
        return [config for config, each in zip(self.kept, found) if each is None or each.pending_writes != [(TASK, "messages", "an answer")]]


TASK = "00000000-0000-0000-0000-00000000000a"
# After this many failed rounds, the run has repaired nothing.
LOST = 5000


def _round(saver, name):
    """Store one checkpoint with a pending write, read it again, and return its config."""
    checkpoint = empty_checkpoint()
    checkpoint.update(channel_values={"messages": [name] * 20}, channel_versions={"messages": checkpoint["id"]})
    config = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
    stored = saver.put(config, checkpoint, {"step": 1}, {"messages": checkpoint["id"]})
    saver.put_writes(stored, [("messages", "an answer")], TASK)
    found = saver.get_tuple(stored)
    assert found.checkpoint["channel_values"] == {"messages": [name] * 20} and found.pending_writes == [(TASK, "messages", "an answer")]
    return stored


def grant_to_application(database):
    """The privileges of an application, also on tables that are created later."""
    rights = 'GRANT SELECT, INSERT, UPDATE, DELETE ON %%sTABLES %%sTO "%s"' % database.app.name
    database.execute(rights % ("ALL ", "IN SCHEMA public "))
    database.execute('ALTER DEFAULT PRIVILEGES FOR ROLE "%s" IN SCHEMA public %s' % (database.owner.name, rights % ("", "")))


# Only some of the changes outside `make faults`, because each test needs two cores.
AT_WORK = list(CHANGES)[:: 1 if EVERYWHERE else 3]
SOME = pytest.mark.parametrize("changed_database, what", [(what, what) for what in AT_WORK], indirect=["changed_database"], ids=AT_WORK)
WORKING = "repaired under readers and writers: %s"


@SOME
def test_repaired_while_the_application_works(changed_database, what, collection, fault_table):
    database, columns = changed_database
    grant_to_application(database)
    with Traffic(database, LACKING.get(what, ())) as traffic:
        done = assert_succeeded(collection.start(database).finish(), database)
    assert traffic.errors == []
    assert done["changed"] is True and done["repaired"]
    assert not schema_error(database) and database.execute(STATE) == columns
    assert traffic.missing() == []
    assert bool(traffic.lacked) is (what in LACKING)
    message = "%d checkpoints during the repair, the longest round took %.2f s" % (len(traffic.kept), traffic.longest)
    fault_table.record(WORKING % what, collection.name, True, message=message)


@SOME
def test_whether_upstream_repairs_it_while_the_application_works(changed_database, what, upstream, fault_table):
    database, columns = changed_database
    grant_to_application(database)
    with contextlib.suppress(AssertionError), Traffic(database, LACKING.get(what, ())) as traffic:
        outcome = upstream.start(database).finish()
        traffic.lacked = 0
    wrong = schema_error(database)
    try:
        same = database.execute(STATE) == columns
    except UndefinedTable:
        same = False
    said = " / ".join([outcome.get("msg", "no message"), *("to the application: %s" % error for error in traffic.errors[:1])])
    fault_table.record(WORKING % what, upstream.name, same and not wrong and not traffic.errors, message=said)
