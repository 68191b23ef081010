# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune while others use the tables: the application, the library's own prune(), another run; and rows that come late."""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
import uuid

import psycopg
import pytest
from aged_threads import DAY, TABLES, ago, rows, shapes, sizes
from assertions import assert_refused, assert_succeeded
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.types import Command
from prune_runs import pruned, run
from psycopg.rows import dict_row
from scope import usual

from ansible_collections.stateops.langgraph.plugins.module_utils._retention import pruner as pruner_module
from ansible_collections.stateops.langgraph.plugins.module_utils._retention import threads as threads_module
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.deletion import Deletion
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.orphans import Orphans
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, ThreadAge, policy_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.pruner import Limits, Pruner, predict
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads

pytestmark = pytest.mark.newest

MOMENTS = ("details", "present")
# The columns of a row beside its thread and namespace, and their values, one of which is given.
ROWS = {
    "checkpoints": ("checkpoint_id, checkpoint", "%s, '{}'"),
    "checkpoint_blobs": ("version, channel, type", "%s, 'messages', 'empty'"),
    "checkpoint_writes": ("checkpoint_id, task_id, idx, channel, blob", "%s, 'task', 0, 'messages', ''"),
}
WHOLE = ["hello", "answer 1", "hello", "answer 3"], ["kept"]


def policy(**options):
    defaults = {name: option.get("default") for name, option in policy_argument_spec().items()}
    return Policy.of(dict(defaults, **options))


@contextlib.contextmanager
def session(database):
    """A connection like the module's."""
    with psycopg.connect(database.conninfo(database.app, "pg_catalog"), autocommit=True, row_factory=dict_row) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET lock_timeout = 200")
        # The default of a login makes no difference.
        connection.execute("SET default_transaction_isolation = 'repeatable read'")
        yield connection


def turn(database, thread, shape="plain", **more):
    with database.saver() as saver:
        return shapes(saver)[shape].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}}, **more)


def old(database, *threads, turns=1):
    with ago(40 * DAY):
        for thread in threads:
            for _turn in range(turns):
                turn(database, thread)


class Interrupted(Threads):
    """Calls `act` once, at a moment of a deletion: after the threads were selected and their rows counted, or after they were deleted."""

    act = moment = None

    def at(self, moment):
        if moment == self.moment and self.act:
            act, self.act = self.act, None
            act()

    def select_by_details(self, *arguments, **more):
        found = super().select_by_details(*arguments, **more)
        self.at("details")
        return found

    def present(self, ids):
        self.at("present")
        return super().present(ids)


def delete_beside_a_run(database, moment, unprotected=None):
    """Delete the threads a and b, while the application continues a at a moment; returns (counts, messages and parts of a)."""
    old(database, "b")
    with database.saver() as saver, ago(40 * DAY):
        # No later step stores the parts again.
        shapes(saver)["plain"].invoke({"messages": ["hello"], "parts": ["kept"]}, {"configurable": {"thread_id": "a"}})
    with session(database) as connection:
        threads = Interrupted(connection, "public")
        threads.moment, threads.act = moment, lambda: turn(database, "a")
        deletion = Deletion(threads, policy(older_than="30d"), "public", sleep=lambda _seconds: None)
        if unprotected:
            deletion._delete_rows = lambda given: unprotected(threads, given)
        counts = deletion.batch(["a", "b"])
        assert threads.act is None
    with database.saver() as saver:
        values = shapes(saver)["plain"].get_state({"configurable": {"thread_id": "a"}}).values
        return counts, (values.get("messages"), values.get("parts"))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_thread_that_is_written_meanwhile_is_kept(ready, moment):
    counts, values = delete_beside_a_run(ready, moment)
    assert counts.deleted.first == ["b"] and sizes(ready, "b") == (0, 0, 0)
    assert {reason: number for reason, number in counts.kept.items() if number} == {"written_meanwhile": 1}
    assert values == WHOLE
    # It is recent now.
    with session(ready) as connection:
        counts = Deletion(Threads(connection, "public"), policy(older_than="30d"), "public").batch(["a"])
    assert counts.kept["recent"] == 1 and not counts.deleted.total


@pytest.mark.parametrize("moment", usual(["present", "details"]))
def test_without_this_the_thread_would_be_damaged(ready, moment):
    """The control of the test above."""

    def delete(threads, given):
        from ansible_collections.stateops.langgraph.plugins.module_utils._retention import queries

        for query in queries.DELETE_THREADS:
            threads.rows_deleted(query, {"ids": list(given)})
        threads.at("present")
        return True

    _counts, values = delete_beside_a_run(ready, moment, delete)
    assert values != WHOLE


def test_two_runs_at_once(ready, call_module, start_module):
    """The second run waits for the first one. Together, they delete what one run would have deleted."""
    old(ready, *("old %d" % number for number in range(30)))
    args = ready.login(ready.app, older_than="30d", force=True, batch_size=1, pause=0.02)
    running = [start_module("checkpoint_prune", args) for _number in range(2)]
    done = [assert_succeeded(each.finish(), ready) for each in running]
    assert sorted(each["threads"]["deleted"] for each in done) == [0, 30] and sorted(each["changed"] for each in done) == [False, True]
    assert not any(rows(ready).values())
    with session(ready) as connection:
        first = start_module("checkpoint_prune", dict(args, recheck=3))
        old(ready, "one more")
        held = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'"
        until(lambda: connection.execute(held).fetchone()["n"])
        assert_refused(run(call_module, ready, older_than="30d", lock_wait=0), "lock on the pruning of schema public", databases=[ready])
    first.finish()


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_time_limit(ready, call_module):
    """Each run makes progress and counts the remaining threads. Together, the runs delete all selected threads."""
    old(ready, *("old %d" % number for number in range(5)))
    turn(ready, "young")
    left, deleted = 5, 0
    while left:
        done = assert_succeeded(run(call_module, ready, older_than="30d", force=True, batch_size=1, pause=0.7, time_limit=1), ready)
        deleted += done["threads"]["deleted"]
        assert done["changed"] and done["remaining"] == left - done["threads"]["deleted"] == done["threads"]["remaining"]
        left = done["remaining"]
        assert done["threads"]["considered"] == left + done["threads"]["deleted"] + 1
        assert (done["oldest_left"] < time.strftime("%Y-%m-%d")) is (left > 0)
    assert deleted == 5 and ready.execute("SELECT DISTINCT thread_id FROM checkpoints") == [("young",)]


@pytest.mark.parametrize("remembered", [4, 5])
def test_more_threads_than_a_run_remembers(ready, monkeypatch, remembered):
    """The check of limit_percent remembers the threads, or the run reads them again: the counts are those of check mode."""
    monkeypatch.setattr(pruner_module, "REMEMBERED", remembered)
    old(ready, *("old %d" % number for number in range(5)))
    turn(ready, "young")
    chosen = policy(older_than="30d")
    with session(ready) as connection:
        threads = Threads(connection, "public")
        expected = predict(threads, chosen).to_dict(True)
        pruner = Pruner(threads, chosen, Deletion(threads, chosen, "public"), Limits(2, 0, 0, 90, 0))
        pruner.run()
    assert pruner.counts.to_dict(True) == expected and expected["threads"] == {"considered": 6, "deleted": 5, "trimmed": 0, "kept": 1, "remaining": 0}
    assert ready.execute("SELECT DISTINCT thread_id FROM checkpoints") == [("young",)]


def test_no_batch_begins_after_a_rest_that_exceeds_the_time_limit(ready):
    old(ready, "a", "b")
    now = [0.0]
    chosen = policy(older_than="30d")
    with session(ready) as connection:
        threads = Threads(connection, "public")
        limits = Limits(1, 30, 60, None, 0)
        pruner = Pruner(
            threads, chosen, Deletion(threads, chosen, "public"), limits, clock=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds)
        )
        pruner.run()
    assert now == [60] and pruner.counts.deleted.total == pruner.counts.remaining == 1


@pytest.mark.parametrize("keep", ["none", "latest"])
@pytest.mark.parametrize("options", [{"older_than": "30d"}, {"metadata": {"tenant": "x"}}, {"threads": ["mixed"], "metadata": {"tenant": "x"}}])
def test_check_mode_predicts_the_age_of_a_thread_with_ids_of_two_kinds(ready, keep, options):
    """The newest checkpoint of the thread shows a time, but another checkpoint has an id that shows none, so the age is not known."""
    old(ready, "mixed", "other")
    keys, values = ROWS["checkpoints"]
    ready.execute("INSERT INTO checkpoints (thread_id, checkpoint_ns, %s) VALUES ('mixed', '', %s)" % (keys, values), (str(uuid.UUID(int=4 << 76)),))
    chosen, results = policy(keep=keep, **options), []
    for check in (True, False):
        with session(ready) as connection:
            threads, saver = Threads(connection, "public"), PostgresSaver(connection)
            pruner = Pruner(threads, chosen, Deletion(threads, chosen, "public", saver), Limits(10, 0, 0, None, 0), check=check)
            pruner.run()
        results.append(pruner.to_dict(True))
    assert results[0] == results[1] and (results[0]["oldest_left"] is None) is (
        options.get("threads") is not None or keep == "none" and "older_than" in options
    )


def test_the_oldest_threads_are_deleted_first(ready):
    """If the time is over after the first batch, the threads that are left are younger than the deleted ones."""
    ages = {"b": 60, "d": 50, "a": 40, "c": 35}
    for thread, days in ages.items():
        with ago(days * DAY):
            turn(ready, thread)
    chosen, clock = policy(older_than="30d"), iter(range(1000))
    with session(ready) as connection:
        threads = Threads(connection, "public")
        # Each call takes a second: the run has begun, and there is time for one batch.
        pruner = Pruner(threads, chosen, Deletion(threads, chosen, "public"), Limits(2, 2, 0, None, 0), clock=lambda: next(clock))
        pruner.run()
    found = pruner.counts.to_dict(True)
    assert found["deleted_threads"]["sample"] == ["b", "d"] and found["remaining"] == 2
    assert {thread for (thread,) in ready.execute("SELECT DISTINCT thread_id FROM checkpoints")} == {"a", "c"}


@pytest.mark.parametrize("page", [1, 3, 500])
def test_pages_have_all_threads_with_their_ages(ready, monkeypatch, page):
    """Threads with and without checkpoints and subgraphs, and with ids of any kind, as far as the rows of each table say."""
    monkeypatch.setattr(threads_module, "PAGE", page)
    chance, newest = random.Random(page), {}
    for number in range(60):
        thread, tables = "thread %d" % chance.randrange(1000), chance.choice([TABLES, TABLES[:1], TABLES[1:2], TABLES[2:]])
        newest.setdefault(thread, {})
        for space in chance.choice([[""], ["", "a:1"], ["b"], ["", "a", "b|c:2"]]):
            identifier = chance.choice([str(uuid6()), str(uuid6()), str(uuid6()), str(uuid.uuid4()), "id %d" % number])
            for table in tables:
                keys, values = ROWS[table]
                ready.execute(
                    "INSERT INTO %s (thread_id, checkpoint_ns, %s) VALUES (%%s, %%s, %s) ON CONFLICT DO NOTHING" % (table, keys, values),
                    (thread, space, identifier),
                )
            if TABLES[0] in tables:
                newest[thread][space] = max(identifier, newest[thread].get(space, ""))
    order = [thread for (thread,) in ready.execute("SELECT t FROM unnest(%s::text[]) AS t ORDER BY t DESC", (list(newest),))]
    expected = [
        ThreadAge(thread, len(ids), max(ids, default=None), any(not re.fullmatch(r".{8}-.{4}-6.{3}-.{4}-.{12}", each) for each in ids))
        for thread, ids in ((thread, list(newest[thread].values())) for thread in order)
    ]
    with session(ready) as connection:
        threads = Threads(connection, "public")
        pages = list(threads.pages(policy(older_than="30d")))
        assert [age for ages in pages for age in ages] == expected and {len(ages) for ages in pages[:-1]} <= {page}
        assert threads.ages(order) == expected and threads.number(1000) == len(order) > 40
        some = policy(threads=["thread *5"])
        assert [age for ages in threads.pages(some) for age in ages] == [age for age in expected if age.thread.endswith("5")]
        some = policy(threads=[*order[:7], "missing"])
        assert sorted(age for ages in threads.pages(some) for age in ages) == sorted(expected[:7])


def test_a_locked_row(ready, call_module):
    """A short lock is waited for; a long one is reported with its holder, and with what was deleted before. The application never waits for the run."""
    old(ready, "a", "b", "c")
    with ready.connect(ready.app) as connection:
        connection.autocommit = False
        connection.execute("SELECT FROM checkpoints WHERE thread_id = 'a' FOR UPDATE")
        threading.Timer(1, connection.rollback).start()
        assert pruned_now(call_module, ready, threads=["a"])["threads"]["deleted"] == 1
        connection.execute("SELECT FROM checkpoints WHERE thread_id = 'c' FOR UPDATE")
        done = run(call_module, ready, older_than="30d", force=True, batch_size=1, pause=0)
        assert_refused(done, "locked", "pid %d" % connection.info.backend_pid, databases=[ready], changed=True)
        connection.rollback()
    assert done["threads"]["deleted"] == 1 and done["rows"]["checkpoints"] == 4 and sizes(ready, "b") == (0, 0, 0)
    assert pruned_now(call_module, ready, older_than="30d")["threads"]["deleted"] == 1


def pruned_now(call_module, database, **options):
    return assert_succeeded(run(call_module, database, force=True, **options), database)


def test_an_application_at_work(ready, call_module):
    """Conversations continue while old threads are deleted and busy ones trimmed, by the module and the library at once: no call fails, no value is lost."""
    busy, stop, wrong, turns = ["busy %d" % number for number in range(4)], threading.Event(), [], dict.fromkeys(range(4), 0)
    undisturbed, expected = shapes(InMemorySaver())["stateful"], []
    for _turn in range(100):
        expected.append(undisturbed.invoke({"messages": ["hello"]}, {"configurable": {"thread_id": "t"}}))

    def talk(number):
        with ready.saver() as saver:
            app, config = shapes(saver)["stateful"], {"configurable": {"thread_id": busy[number]}}
            while not stop.is_set() and turns[number] < len(expected):
                try:
                    values = app.invoke({"messages": ["hello"]}, config)
                except Exception as error:  # pylint: disable=broad-exception-caught
                    wrong.append(error)
                    return
                turns[number] += 1
                if values != expected[turns[number] - 1]:
                    wrong.append((values, turns[number]))

    def trim():
        with ready.saver() as saver:
            while not stop.is_set():
                with contextlib.suppress(psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                    saver.prune(busy, strategy="keep_latest")
                time.sleep(0.05)

    old(ready, *("old %d" % number for number in range(40)))
    workers = [threading.Thread(target=talk, args=(number,)) for number in range(4)] + [threading.Thread(target=trim)]
    for each in workers:
        each.start()
    try:
        until(lambda: min(turns.values()) > 1 or wrong)
        for _round in range(3):
            pruned_now(call_module, ready, threads=["busy*"], keep="latest")
        done = pruned_now(call_module, ready, older_than="30d", batch_size=3, pause=0, orphans=True)
        pruned_now(call_module, ready, threads=["busy*"], keep="latest")
    finally:
        stop.set()
        for each in workers:
            each.join()
    print("turns beside the runs: %s" % turns)
    assert wrong == [] and done["threads"]["deleted"] == 40
    with ready.saver() as saver:
        for number, thread in enumerate(busy):
            assert shapes(saver)["stateful"].get_state({"configurable": {"thread_id": thread}}).values == expected[turns[number] - 1]
            inner = saver.get_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": "child"}})
            assert inner.checkpoint["channel_values"]["inner"] == ["called"] * turns[number]


def test_late_writes(ready):
    """A run that had read a thread writes to it after its deletion: recheck deletes these rows. A new thread of the same id is kept."""
    old(ready, "late", "late writes", "new", "gone")
    with ready.saver() as saver:
        heads = {thread: saver.get_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}}) for thread in ("late", "late writes")}
    waited = []

    def sleep(seconds):
        """The application continues while the run waits."""
        waited.append(seconds)
        turn(ready, "new")
        with ready.saver() as saver:
            found = heads["late"]
            saver.put(found.config, dict(found.checkpoint, id=str(uuid6())), {"source": "loop", "step": 9}, found.checkpoint["channel_versions"])
            saver.put_writes(heads["late writes"].config, [("messages", ["late"])], "task")
        clock[0] += seconds

    clock = [0.0]
    with session(ready) as connection:
        threads, chosen = Threads(connection, "public"), policy(older_than="30d")
        pruner = Pruner(threads, chosen, Deletion(threads, chosen, "public"), Limits(10, 0, 0, None, 60), clock=lambda: clock[0], sleep=sleep)
        pruner.run()
    assert waited == [60] and pruner.counts.deleted.total == 4
    assert pruner.returned.first == ["late", "late writes"] and pruner.counts.removed.rows_0 > 4
    assert {row for table in TABLES for row in ready.execute("SELECT thread_id FROM %s" % table)} == {("new",)}
    with ready.saver() as saver:
        assert shapes(saver)["plain"].get_state({"configurable": {"thread_id": "new"}}).values["messages"] == ["hello", "answer 1"]


def orphan_writes(database, thread, identifier, number=1):
    for index in range(number):
        database.execute("INSERT INTO checkpoint_writes VALUES (%s, '', %s, 't', %s, 'c', 'msgpack', 'x', '')", [thread, identifier, index])


@pytest.mark.extended
def test_orphans(ready, call_module):
    """Rows that no checkpoint names are deleted if they are old. Rows that a checkpoint names, recent rows and rows without a known age are kept."""
    old(ready, "idle", "other", turns=2)
    turn(ready, "busy")
    with ago(10 * DAY):
        past = str(uuid6())
    before = rows(ready)
    for thread in ("idle", "only writes", "busy"):
        orphan_writes(ready, thread, past, 3)
    orphan_writes(ready, "idle", str(uuid6()))
    orphan_writes(ready, "idle", "custom")
    for thread in ("idle", "only blobs", "busy"):
        ready.execute("INSERT INTO checkpoint_blobs VALUES (%s, '', 'messages', 'x', 'msgpack', 'x'), (%s, 'n', 'messages', '1', 'msgpack', 'x')", [thread] * 2)
    unlike = pruned(call_module, ready, orphans=True, exclude_threads=["only*"])
    # The blobs of a busy thread may be those of a checkpoint that is being stored. So may those of a thread with a recent pending write.
    assert unlike["orphans"]["rows"] == {"checkpoints": 0, "blobs": 0, "writes": 6}
    assert unlike["orphans"]["recent"] == 1 and unlike["orphans"]["age_unknown"] == 1 and unlike["orphans"]["complete"]
    assert unlike["threads"]["considered"] == 0
    ready.execute("DELETE FROM checkpoint_writes WHERE thread_id = 'idle' AND channel = 'c'")
    done = pruned(call_module, ready, orphans=True)
    assert done["orphans"]["rows"] == {"checkpoints": 0, "blobs": 4, "writes": 3}
    ready.execute("DELETE FROM checkpoint_blobs WHERE thread_id = 'busy' AND version IN ('x', '1')")
    assert rows(ready) == before


@pytest.mark.parametrize("keep", ["none", "latest"])
def test_orphans_in_threads_that_the_policy_removes(ready, call_module, keep):
    """They are counted once, with the thread or with the namespace of a subgraph's call that goes."""
    with ready.saver() as saver, ago(40 * DAY):
        app = shapes(saver)["nested"]
        for thread in ("policy", "other"):
            config = {"configurable": {"thread_id": thread}}
            for _turn in range(2):
                app.invoke({"messages": ["hello"]}, config)
                app.invoke(Command(resume="yes"), config)
        past = str(uuid6())
    calls = ready.execute("SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints WHERE checkpoint_ns LIKE 'child:%'")
    assert len(calls) == 4
    for thread, space in [*calls, ("policy", ""), ("other", "")]:
        ready.execute("INSERT INTO checkpoint_writes VALUES (%s, %s, %s, 't', 0, 'c', 'msgpack', 'x', '')", [thread, space, past])
        if keep == "latest" and thread == "policy" and space:
            ready.execute("INSERT INTO checkpoint_blobs VALUES (%s, %s, 'c', 'x', 'msgpack', 'x')", [thread, space])
    if keep == "latest":
        done = pruned(call_module, ready, threads=["policy"], keep=keep, orphans=True)
        # The calls of both turns are finished, so their namespaces go.
        assert done["orphans"]["rows"] == {"checkpoints": 0, "blobs": 0, "writes": 1} and done["threads"]["trimmed"] == 1
        assert done["rows"]["blobs"] > 2 and done["rows"]["writes"] > 2
    else:
        done = pruned(call_module, ready, older_than="30d", exclude_threads=["other"], orphans=True)
        assert done["orphans"]["rows"]["writes"] == 0 and sizes(ready, "policy") == (0, 0, 0)
        done = pruned(call_module, ready, orphans=True)
        assert done["orphans"]["rows"]["writes"] == 3


def test_a_blob_that_is_newer_than_the_run_is_kept(ready):
    """A saver stores the blobs of a checkpoint before the checkpoint, also in a thread that was idle."""
    old(ready, "idle")
    with session(ready) as connection:
        threads = Threads(connection, "public")
        ready.execute("INSERT INTO checkpoint_blobs VALUES ('idle', '', 'messages', 'x', 'msgpack', 'x')")
        slept = []
        orphans = Orphans(threads, policy(), 3600, False, slept.append)
        assert not any(orphans.page(["idle"])) and slept == []
        # The control: a run that begins later deletes it, once it is 10 seconds old.
        orphans = Orphans(Threads(connection, "public"), policy(), 3600, False, slept.append)
        assert orphans.page(["idle"]).rows == (0, 1, 0) and 9 < slept[0] <= 10


def test_recent_orphans_are_kept(ready):
    """The values of a thread that is in use, and a pending write whose checkpoint may still be stored."""
    old(ready, "idle", "writes")
    turn(ready, "busy")
    for thread in ("busy", "idle"):
        ready.execute("INSERT INTO checkpoint_blobs VALUES (%s, '', 'messages', 'x', 'msgpack', 'x')", [thread])
    with ago(10 * DAY):
        orphan_writes(ready, "writes", str(uuid6()))
    orphan_writes(ready, "writes", str(uuid6()))
    with session(ready) as connection:
        orphans = Orphans(Threads(connection, "public"), policy(), 3600, False, lambda seconds: None)
        assert orphans.page(["busy", "idle", "writes"]).rows == (0, 1, 1) and orphans.recent == 1
    assert ready.execute("SELECT thread_id FROM checkpoint_blobs WHERE version = 'x'") == [("busy",)]
    assert ready.execute("SELECT thread_id FROM checkpoint_writes WHERE task_id = 't'") == [("writes",)]
