# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_stats_info: each figure is compared with SQL, with the saver, or with what checkpoint_prune then deletes."""

from __future__ import annotations

import collections
import datetime
import hashlib
import json
import random
import time
import uuid

import pytest
from aged_threads import DAY, TABLES, State, ago, random_threads, shapes
from assertions import assert_refused, assert_succeeded
from langgraph.checkpoint.base.id import uuid6
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from prune_runs import run as prune
from scope import usual
from sqlite_threads import put

pytestmark = pytest.mark.newest

ROW = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint", "metadata"),
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type", "blob"),
}
SIZE = {table: " + ".join("coalesce(pg_column_size(%s), 0)" % column for column in columns) for table, columns in ROW.items()}
EXACT = {"method": "exact", "sampled_percent": None, "reason": None}


def stats(call_module, database, role=None, check=False, **options):
    before = database.snapshot()
    done = assert_succeeded(call_module("checkpoint_stats_info", database.login(role or database.app, **options), check=check), database)
    assert done["changed"] is False and database.snapshot() == before
    return done


def exact(value, **more):
    return dict(EXACT, value=value, **more)


def number(database, query):
    return database.execute(query)[0][0]


def identifier(seconds):
    with ago(seconds):
        return str(uuid6(clock_seq=-2))


def newest(database):
    """{thread: the time of its newest checkpoint}, as Python's own uuid module reads it."""
    found = {}
    for thread, each in database.execute("SELECT thread_id, checkpoint_id FROM checkpoints"):
        found[thread] = max(found.get(thread, 0), seconds_of(each))
    return found


def seconds_of(identifier):
    value = uuid.UUID(identifier).int
    return (((value >> 96) << 28) + ((value >> 80 & 0xFFFF) << 12) + (value >> 64 & 0xFFF)) / 1e7 - 12219292800


@pytest.mark.parametrize("seed", usual([2, 0, 1]))
def test_the_figures_are_those_of_sql_and_the_saver(ready, call_module, seed):
    threads = random_threads(ready, seed)
    found = stats(call_module, ready, show_threads=True, days=366)
    assert found["threads"] == exact(len(threads))
    assert found["namespaces"] == exact(number(ready, "SELECT count(DISTINCT (thread_id, checkpoint_ns)) FROM checkpoints"))
    assert found["checkpoints"] == exact(number(ready, "SELECT count(*) FROM checkpoints"))
    # These threads wait according to get_state(): an interrupt of the graph or of a subgraph is a pending write of the newest checkpoint.
    with ready.saver() as saver:
        graphs = shapes(saver)
        states = {thread: graphs[thread.split("-")[1]].get_state({"configurable": {"thread_id": thread}}) for thread in threads}
    waiting = [thread for thread, state in states.items() if state.interrupts]
    assert waiting and found["waiting"]["value"] == len(waiting)
    assert found["unfinished"]["value"] == sum(bool(state.next) and not state.interrupts for state in states.values())
    assert found["delta_channel"] == exact(sum("-delta-" in thread for thread in threads))
    times = newest(ready)
    assert found["waiting"]["oldest"] == text(min(times[thread] for thread in waiting))
    ages = found["ages"]
    assert ages["oldest"] == text(min(times.values())) and ages["age_unknown"] == ages["no_checkpoint"] == 0
    limits = [(each["over_days"], each["up_to_days"] or 9999) for each in ages["histogram"]]
    assert limits[0][0] == 0 and [low for low, _high in limits[1:]] == [high for _low, high in limits[:-1]]
    for (low, high), each in zip(limits, ages["histogram"]):
        assert each["threads"] == sum(low < age <= high or (low == 0 == age) for age in threads.values()), each
    assert sum(each["threads"] for each in ages["histogram"]) == len(threads)


def text(seconds):
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_sizes_are_those_of_the_catalog(ready, call_module):
    random_threads(ready, 1)
    with ready.connect() as connection:
        connection.execute("VACUUM ANALYZE checkpoints")
        connection.execute("ANALYZE checkpoint_blobs")
        connection.execute("DELETE FROM checkpoint_writes WHERE channel <> '__interrupt__'")
    ready.execute("SELECT pg_stat_force_next_flush()")
    found = stats(call_module, ready)
    total = 0
    assert list(found["tables"]) == ["checkpoint_migrations", *TABLES]
    for name, table in found["tables"].items():
        assert table["rows"] == exact(number(ready, "SELECT count(*) FROM %s" % name))
        assert table["bytes"]["total"] == number(ready, "SELECT pg_total_relation_size('%s')" % name) == sum(table["bytes"].values()) / 2
        assert table["bytes"]["indexes"] == number(ready, "SELECT pg_indexes_size('%s')" % name)
        toast = "SELECT coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) FROM pg_class WHERE oid = '%s'::regclass" % name
        assert table["bytes"]["toast"] == number(ready, toast)
        total += table["bytes"]["total"]
        live, dead = ready.execute("SELECT n_live_tup, n_dead_tup FROM pg_stat_all_tables WHERE relid = '%s'::regclass" % name)[0]
        assert table["dead_rows"] == {"value": dead, "method": "estimate", "sampled_percent": None, "reason": None}
        assert table["dead_percent"] == (round(100.0 * dead / (live + dead), 1) if live + dead else 0)
    assert found["bytes"] == total
    assert found["tables"]["checkpoint_writes"]["dead_rows"]["value"] > 0
    assert found["tables"]["checkpoint_blobs"]["last_vacuum"] is None and found["tables"]["checkpoint_writes"]["last_analyze"] is None
    for name, kind in (("checkpoints", "vacuum"), ("checkpoints", "analyze"), ("checkpoint_blobs", "analyze")):
        last = found["tables"][name]["last_" + kind]
        assert last["automatic"] is False
        assert last["at"] == text(number(ready, "SELECT extract(epoch FROM last_%s) FROM pg_stat_all_tables WHERE relid = '%s'::regclass" % (kind, name)))


def test_growth(ready, call_module):
    """Each row counts for one day: the days together contain all rows, and each checkpoint counts for the day of its id."""
    random_threads(ready, 2, ages=(0, 1, 2, 3, 29, 100))
    found = stats(call_module, ready, days=366)["growth"]
    assert {key: found[key] for key in EXACT} == EXACT and len(found["days"]) == 366
    times = [seconds_of(each) for (each,) in ready.execute("SELECT checkpoint_id FROM checkpoints")]
    counts = collections.Counter(text(each)[:10] for each in times)
    assert {each["day"]: each["checkpoints"] for each in found["days"] if each["checkpoints"]} == dict(counts)
    rows = sum(number(ready, "SELECT sum(%s) FROM %s" % (SIZE[table], table)) for table in TABLES)
    assert sum(each["bytes"] for each in found["days"]) == rows
    # Fewer days show the same numbers, although the values of an older checkpoint are still named by the ones in these days.
    fewer = stats(call_module, ready, days=30)["growth"]["days"]
    assert fewer == found["days"][-30:] and fewer[-1]["day"] == text(time.time())[:10]


def test_a_value_that_stays_the_same_counts_once(ready, call_module):
    value = ["%d" % random.Random(number).getrandbits(64) for number in range(500)]
    with ready.saver() as saver:
        for age in (40, 2, 1):
            config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
            version = {"large": "1" if age > 1 else "2"}
            checkpoint = {"v": 4, "ts": "", "id": identifier(age * DAY), "channel_values": {"large": value}, "channel_versions": version, "versions_seen": {}}
            saver.put(config, checkpoint, {"source": "loop", "step": 1, "parents": {}}, version)
    days = {age: each for age, each in zip(range(59, -1, -1), stats(call_module, ready, days=60)["growth"]["days"]) if each["checkpoints"]}
    blob = number(ready, "SELECT max(%s) FROM checkpoint_blobs" % SIZE["checkpoint_blobs"])
    assert number(ready, "SELECT count(*) FROM checkpoint_blobs") == 2 and blob > 3000
    sizes = dict(zip((40, 2, 1), (row[0] for row in ready.execute("SELECT %s FROM checkpoints ORDER BY checkpoint_id" % SIZE["checkpoints"]))))
    assert {age: each["bytes"] for age, each in days.items()} == {40: sizes[40] + blob, 2: sizes[2], 1: sizes[1] + blob}
    # The checkpoint before the first day names the value as well.
    assert stats(call_module, ready, days=3)["growth"]["days"][0]["bytes"] == sizes[2]


def test_ids_of_another_kind_are_counted_apart(ready, call_module):
    with ready.saver() as saver:
        put(saver, "v6", {"a": [1]}, identifier=identifier(40 * DAY))
        put(saver, "v4", {"a": [1]}, identifier=str(uuid.uuid4()))
        put(saver, "mixed", {"a": [1]}, identifier=identifier(DAY / 2))
        put(saver, "mixed", {"a": [1]}, identifier="zzz", space="child")
        put(saver, "future", {"a": [1]}, identifier=identifier(-10 * DAY))
    ready.execute("INSERT INTO checkpoint_writes VALUES ('writes only', '', 'x', 'task', 0, 'c', 'msgpack', '')")
    found = stats(call_module, ready)
    assert found["threads"]["value"] == 5 and found["namespaces"]["value"] == 5
    ages = found["ages"]
    assert (ages["age_unknown"], ages["no_checkpoint"]) == (2, 1)
    assert {each["over_days"]: each["threads"] for each in ages["histogram"] if each["threads"]} == {0: 1, 30: 1}
    # The checkpoint with a time in the mixed thread is a part of the growth; the one in the future is not.
    assert sum(each["checkpoints"] for each in found["growth"]["days"]) == 1
    assert found["orphans"]["writes"]["age_unknown"] == 1


def test_largest_threads_and_channels(ready, call_module):
    random_threads(ready, 7)
    found = stats(call_module, ready, show_threads=True)
    union = " UNION ALL ".join("SELECT thread_id, %s AS bytes, '%s' AS t FROM %s" % (SIZE[table], table, table) for table in TABLES)
    rows = ready.execute(
        "SELECT thread_id, count(*) FILTER (WHERE t = 'checkpoints'), count(*), sum(bytes)::int8 FROM (%s) AS u GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 10" % union
    )
    assert found["largest_threads"] == dict(
        EXACT, threads=[{"thread": row[0], "checkpoints": row[1], "rows": row[2], "bytes": row[3], "method": "exact"} for row in rows]
    )
    union = " UNION ALL ".join("SELECT channel, %s AS bytes FROM %s" % (SIZE[table], table) for table in TABLES[1:])
    rows = ready.execute("SELECT channel, count(*), sum(bytes)::int8 FROM (%s) AS u GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 10" % union)
    assert found["largest_channels"] == dict(EXACT, channels=[{"channel": row[0], "rows": row[1], "bytes": row[2]} for row in rows])


def test_ids_are_hashed_unless_they_are_asked_for(ready, run_module):
    with ready.saver() as saver:
        put(saver, "alice@example.com", {"a": [1]}, identifier=identifier(40 * DAY))
    args = ready.login(ready.app, older_than="30d")
    done = assert_succeeded(run_module("checkpoint_stats_info", args), ready)
    hashed = "sha256:" + hashlib.sha256(b"alice@example.com").hexdigest()
    assert done["largest_threads"]["threads"][0]["thread"] == hashed and done["retention"]["deleted_threads"]["sample"] == [hashed]
    assert "alice" not in json.dumps(dict(done)) and done["changed"] is False
    shown = assert_succeeded(run_module("checkpoint_stats_info", dict(args, show_threads=True), check=True), ready)
    assert shown["largest_threads"]["threads"][0]["thread"] == "alice@example.com" == shown["retention"]["deleted_threads"]["sample"][0]


POLICIES = [
    {"older_than": "30d", "waiting": "delete"},
    {"older_than": "2d", "keep": "latest"},
    {"threads": ["a-*"], "exclude_threads": ["*-sends-*"]},
    {"metadata": {"tenant": "b"}, "older_than": "1d"},
    {"threads": ["a-plain-0", "b-plain-0", "absent"]},
]


@pytest.mark.parametrize("policy", usual(POLICIES, 3))
def test_the_prediction_is_what_a_deletion_then_does(ready, call_module, policy):
    random_threads(ready, 4)
    found = stats(call_module, ready, show_threads=True, **policy)["retention"]
    done = assert_succeeded(prune(call_module, ready, force=True, show_threads=True, **policy), ready)
    assert done["changed"] and {key: found[key] for key in EXACT} == EXACT
    for key in ("threads", "kept", "rows", "bytes", "oldest_left", "deleted_threads"):
        assert found[key] == done[key], key


def test_a_thread_whose_sends_are_done_is_finished(ready, call_module):
    """PostgresSaver stores the list of its pending sends as empty."""
    builder = StateGraph(State)
    builder.add_node("talk", lambda state: {"count": 1})
    builder.add_node("part", lambda state: {"parts": [1]})
    builder.add_node("last", lambda state: {"count": 2})
    builder.add_edge(START, "talk")
    builder.add_conditional_edges("talk", lambda state: [Send("part", {}), Send("part", {})], ["part"])
    builder.add_edge("part", "last")
    config = {"configurable": {"thread_id": "t"}}
    with ready.saver() as saver, ago(40 * DAY):
        app = builder.compile(checkpointer=saver)
        app.invoke({"messages": []}, config, durability="sync")
        assert app.get_state(config).next == ()
        # Between the sends and their execution, the thread is not finished.
        waits = builder.compile(checkpointer=saver, interrupt_before=["part"])
        waits.invoke({"messages": []}, {"configurable": {"thread_id": "waits"}}, durability="sync")
        assert waits.get_state({"configurable": {"thread_id": "waits"}}).next == ("part", "part")
    assert number(ready, "SELECT count(*) FROM checkpoint_blobs WHERE channel = '__pregel_tasks' AND thread_id = 't' AND type <> 'empty'") > 0
    found = stats(call_module, ready, older_than="30d")
    assert (found["unfinished"]["value"], found["retention"]["threads"]["deleted"], found["retention"]["kept"]["unfinished"]) == (1, 1, 1)


def test_orphans_are_those_of_checkpoint_schema_info(ready, call_module):
    random_threads(ready, 5, number=6)
    ready.execute("DELETE FROM checkpoints WHERE thread_id = (SELECT min(thread_id) FROM checkpoint_writes)")
    found = stats(call_module, ready, orphan_grace=0)["orphans"]
    other = assert_succeeded(call_module("checkpoint_schema_info", ready.login(ready.app, orphan_grace=0)), ready)["orphans"]
    assert found == {key: other[key] for key in ("writes", "blobs")} and found["writes"]["count"] > 0 < found["blobs"]["count"]


def test_limits(ready, call_module):
    """A limit that is exceeded fails with all facts. The figure itself is within the limit."""
    random_threads(ready, 6)
    facts = stats(call_module, ready)
    waiting, size = facts["waiting"]["value"], facts["bytes"]
    within = {"bytes": str(size), "oldest_age": "300d", "dead_percent": 100, "waiting_threads": waiting}
    assert stats(call_module, ready, limits=within)["exceeded"] == []
    cases = [
        ({"bytes": str(size - 1)}, "[KM]iB, and the limit is .*checkpoint_prune"),
        ({"oldest_age": "30d"}, "newest checkpoint of the oldest thread is 200d old, and the limit is 30d.*older_than"),
        ({"waiting_threads": waiting - 1}, "%d threads wait for an answer, and the limit is %d.*waiting: delete" % (waiting, waiting - 1)),
    ]
    for limits, pattern in cases:
        for check in (True, False):
            done = assert_refused(call_module("checkpoint_stats_info", ready.login(ready.app, limits=limits), check=check), pattern, databases=[ready])
            assert [each["limit"] for each in done["exceeded"]] == list(limits) and done["threads"] == facts["threads"]
            assert done["tables"]["checkpoints"]["bytes"] == facts["tables"]["checkpoints"]["bytes"]
    everything = {name: value for limits, _pattern in cases for name, value in limits.items()}
    done = call_module("checkpoint_stats_info", ready.login(ready.app, limits=everything))
    assert [each["limit"] for each in done["exceeded"]] == ["bytes", "oldest_age", "waiting_threads"]


def test_dead_rows_exceed_their_limit(ready, call_module):
    ready.execute("ALTER TABLE checkpoint_writes SET (autovacuum_enabled = off)")
    insert = "INSERT INTO checkpoint_writes SELECT 't', '', 'x' || n, 'task', 0, 'c', 'msgpack', '' FROM generate_series(1, %d) AS n"
    with ready.connect() as connection:
        connection.execute(insert % 3000)
        connection.execute("DELETE FROM checkpoint_writes WHERE checkpoint_id < 'x2'")
        connection.execute("SELECT pg_stat_force_next_flush()")
    args = ready.login(ready.app, limits={"dead_percent": 20})
    done = assert_refused(call_module("checkpoint_stats_info", args), "% of the rows of checkpoint_writes are dead, and the limit is 20.*VACUUM")
    assert done["exceeded"][0]["limit"] == "dead_percent" and done["tables"]["checkpoint_writes"]["dead_percent"] > 20
    ready.execute("VACUUM checkpoint_writes")
    assert stats(call_module, ready, limits={"dead_percent": 20})["exceeded"] == []


@pytest.mark.parametrize(
    "options, patterns",
    [
        ({"days": 0}, ("days is 0", "from 1 to 366")),
        ({"time_limit": 0}, ("time_limit is 0",)),
        ({"statement_timeout": -1}, ("statement_timeout is -1",)),
        ({"orphan_grace": -1}, ("orphan_grace is -1",)),
        ({"older_than": "30"}, ("older_than", "unit")),
        ({"threads": []}, ("threads is empty",)),
        ({"metadata": {"tags": []}}, ("metadata.tags is empty",)),
        ({"limits": {"oldest_age": "old"}}, ("limits.oldest_age", "unit")),
        ({"limits": {"dead_percent": 101}}, ("limits.dead_percent is 101", "from 0 to 100")),
        ({"limits": {"waiting_threads": -1}}, ("limits.waiting_threads is -1", "0 or more")),
        ({"limits": {"bytes": "many"}}, ("limits.bytes is .many.", "50GB")),
        ({"limits": {"bytes": "-1"}}, ("limits.bytes is .-1.",)),
        ({"schema": "absent"}, ("Schema absent does not exist",)),
    ],
)
def test_options_that_are_refused(ready, call_module, options, patterns):
    assert_refused(call_module("checkpoint_stats_info", ready.login(ready.app, **options)), *patterns, databases=[ready])


def test_a_database_that_is_not_ready_yet(database, call_module):
    """Check mode says so, and a real run fails."""
    for args in (database.login(), dict(database.login(), login_db="absent")):
        done = assert_succeeded(call_module("checkpoint_stats_info", args, check=True), database)
        assert done["skipped"] and "cannot be read yet" in done["msg"]
        assert_refused(call_module("checkpoint_stats_info", args), "no such table|does not exist", databases=[database])


def test_empty_tables(ready, call_module):
    found = stats(call_module, ready, older_than="30d")
    assert found["threads"] == found["checkpoints"] == found["delta_channel"] == exact(0) and found["waiting"] == exact(0, oldest=None)
    assert found["largest_threads"]["threads"] == found["largest_channels"]["channels"] == []
    assert found["ages"]["oldest"] is None and len(found["growth"]["days"]) == 30 and found["growth"]["method"] == "exact"
    assert found["retention"]["threads"]["considered"] == 0
