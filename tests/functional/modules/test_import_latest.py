# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import with history=latest: what both savers return for the newest checkpoints, and later runs with either history."""

from __future__ import annotations

import json
import sqlite3
from typing import Annotated, TypedDict

import ormsgpack
import pytest
from assertions import assert_refused, assert_succeeded
from differential import assert_same, loose, of_database, of_file
from import_runs import KINDS, run
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from scope import usual
from sqlite_threads import graph, put, write_graphs

pytestmark = pytest.mark.newest

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def rows(database):
    return {table: database.execute("SELECT t::text FROM %s t ORDER BY 1" % table) for table in TABLES}


def empty(database):
    database.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")


def newest(path):
    """The key of the checkpoint that get_tuple() without an id returns, for each thread and namespace."""
    found = {}
    for key in of_file(path):
        found[key[:2]] = max(found.get(key[:2], key), key)
    return set(found.values())


def assert_latest(path, database, parents=()):
    """PostgreSQL has the newest checkpoints and these parents, and PostgresSaver returns for each newest one what SqliteSaver returns, but no parent."""
    mine, theirs = of_file(path), of_database(database)
    kept = newest(path)
    assert set(theirs) == kept | set(parents)
    for key in kept:
        expected = dict(mine[key], parent=loose(None)) if not parents else mine[key]
        assert theirs[key] == expected, key
    return len(kept)


def imported(call_module, ready, path, **options):
    """Predict, import, and import again, which changes nothing."""
    options = dict({"history": "latest"}, **options)
    plan = assert_succeeded(run(call_module, ready, path, check=True, **options), ready)
    done = assert_succeeded(run(call_module, ready, path, **options), ready)
    assert [plan[kind] for kind in KINDS] == [done[kind] for kind in KINDS] and plan["whole_threads"] == done["whole_threads"]
    assert plan["changed"] is done["changed"] is True and plan["bytes"] == done["bytes"] > 0
    before = rows(ready)
    for policy in ("skip", "fail", "replace"):
        again = assert_succeeded(run(call_module, ready, path, **dict(options, on_conflict=policy)), ready)
        assert again["changed"] is False and rows(ready) == before
        assert again["checkpoints"]["omitted"] == done["checkpoints"]["omitted"]
    return done


def without_parents(snapshot):
    """A StateSnapshot and those of its subgraphs, without their parents."""
    tasks = tuple(task._replace(state=without_parents(task.state)) if hasattr(task.state, "tasks") else task for task in snapshot.tasks)
    return snapshot._replace(parent_config=None, tasks=tasks)


@pytest.mark.parametrize("workers, batch_size", usual([(1, 0), (3, 1)]))
def test_waiting_graphs_resume(ready, call_module, path, workers, batch_size):
    write_graphs(path, threads=4, turns=3)
    total = len(of_file(path))
    done = imported(call_module, ready, path, workers=workers, batch_size=batch_size)
    kept = assert_latest(path, ready)
    assert kept == 8, "four threads with the namespaces of the graph and of its subgraph"
    assert done["checkpoints"] == {"read": 8, "written": 8, "existing": 0, "rejected": 0, "omitted": total - 8}
    assert done["verified"]["checkpoints"] == 8 and done["verified"]["differences"] == 0 and done["remaining"] == 0
    assert done["writes"]["written"] > 0 and done["whole_threads"] == {"total": 0, "sample": []} and "warnings" not in done
    assert ready.execute("SELECT count(*) FROM checkpoints WHERE parent_checkpoint_id IS NOT NULL") == [(0,)]
    with SqliteSaver.from_conn_string(str(path)) as old, ready.saver() as new:
        for thread in range(4):
            config = {"configurable": {"thread_id": "thread %d" % thread}}
            mine, theirs = (without_parents(graph(saver).get_state(config, subgraphs=True)) for saver in (old, new))
            assert mine == theirs and mine.next == ("ask",) and mine.tasks[0].interrupts
            assert graph(old).invoke(Command(resume="that"), config) == graph(new).invoke(Command(resume="that"), config)
            more = {"messages": [("user", "more")], "label": ""}
            mine, theirs = (graph(saver).invoke(more, config) for saver in (old, new))
            # The id of an interrupt is computed from that of its checkpoint.
            assert [each.value for each in mine.pop("__interrupt__")] == [each.value for each in theirs.pop("__interrupt__")]
            assert mine == theirs


class Nested(TypedDict):
    notes: list


def nested(saver):
    """A graph whose subgraph waits, with the checkpointer of the graph: each call has its own namespace."""

    def ask(state):
        return {"notes": state["notes"] + [interrupt("what?")]}

    child = StateGraph(Nested)
    child.add_node("before", lambda state: {"notes": state["notes"] + ["before"]})
    child.add_node("ask", ask)
    child.add_edge(START, "before")
    child.add_edge("before", "ask")
    builder = StateGraph(Nested)
    builder.add_node("child", child.compile())
    builder.add_edge(START, "child")
    builder.add_edge("child", END)
    return builder.compile(checkpointer=saver)


def test_a_subgraph_that_waits(ready, call_module, path):
    config = {"configurable": {"thread_id": "t"}}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        nested(saver).invoke({"notes": ["first"]}, config)
        nested(saver).invoke(Command(resume="one"), config)
        nested(saver).invoke({"notes": ["second"]}, config)
    imported(call_module, ready, path)
    assert assert_latest(path, ready) == 3, "the graph and two calls of the subgraph"
    with SqliteSaver.from_conn_string(str(path)) as old, ready.saver() as new:
        mine, theirs = (without_parents(nested(saver).get_state(config, subgraphs=True)) for saver in (old, new))
        assert mine == theirs and mine.tasks[0].state.next == ("ask",)
        resumed = [nested(saver).invoke(Command(resume="two"), config) for saver in (old, new)]
        assert resumed[0] == resumed[1] == {"notes": ["second", "before", "two"]}


def test_later_runs(ready, call_module, path):
    """A newer checkpoint is added. Nothing that an earlier run wrote is changed, until on_conflict=replace restores the whole history."""
    write_graphs(path, threads=2)
    imported(call_module, ready, path)
    first, before = newest(path), rows(ready)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph(saver).invoke(Command(resume="this"), {"configurable": {"thread_id": "thread 0"}})
    done = assert_succeeded(run(call_module, ready, path, history="latest"), ready)
    second = newest(path)
    assert done["threads"] == {"read": 2, "written": 1, "existing": 1, "rejected": 0} and done["checkpoints"]["written"] == len(second - first) == 1
    assert set(of_database(ready)) == first | second
    after = rows(ready)
    assert all(set(before[table]) <= set(after[table]) for table in TABLES)

    # The rest of the history. The row of the checkpoint without a parent is only changed by on_conflict=replace.
    alone = first | second
    done = assert_succeeded(run(call_module, ready, path, verify="counts"), ready)
    total = len(of_file(path))
    assert done["checkpoints"] == {"read": total, "written": total - len(alone), "existing": len(alone), "rejected": 0, "omitted": 0}
    assert set(of_database(ready)) == set(of_file(path))
    assert all(set(after[table]) <= set(rows(ready)[table]) for table in TABLES)
    assert_refused(run(call_module, ready, path), "no parent", "on_conflict=replace", databases=[ready])
    assert_refused(run(call_module, ready, path, on_conflict="fail"), "different content", "on_conflict=replace", databases=[ready])
    # The newest one has a parent in the file; the first of the subgraph's namespace has none.
    done = assert_succeeded(run(call_module, ready, path, on_conflict="replace"), ready)
    assert done["checkpoints"]["written"] == sum(of_file(path)[key]["parent"] != loose(None) for key in alone)
    assert_same(path, ready)

    # A whole thread is not different content for history=latest.
    before = rows(ready)
    for policy in ("skip", "fail", "replace"):
        again = assert_succeeded(run(call_module, ready, path, history="latest", on_conflict=policy), ready)
        assert again["changed"] is False and rows(ready) == before
        assert again["verified"]["differences"] == 0 and again["verified"]["checkpoints"] == 4


def test_different_content(ready, call_module, path):
    """Verification and on_conflict see a difference in the newest checkpoint, and do not break the chain of a whole thread."""
    write_graphs(path, threads=1)
    assert_succeeded(run(call_module, ready, path), ready)
    identifier = max(key for key in newest(path) if key[1] == "")[2]
    for column, damage, found in (("metadata", "'{}'", "metadata"), ("parent_checkpoint_id", "'x'", "parent differs")):
        ready.execute("UPDATE checkpoints SET %s = %s WHERE checkpoint_id = '%s'" % (column, damage, identifier))
        assert_refused(run(call_module, ready, path, history="latest"), found, "1 difference", databases=[ready])
        assert_refused(run(call_module, ready, path, history="latest", on_conflict="fail"), "different content", databases=[ready])
        assert_succeeded(run(call_module, ready, path, history="latest", on_conflict="replace"), ready)
        assert_same(path, ready)


def test_older_checkpoints_are_not_converted(ready, call_module, path):
    """An older checkpoint that cannot be converted does not matter. The control: it ends a run with history=all."""
    write_graphs(path, threads=2)
    kept = newest(path)
    with sqlite3.connect(path) as file:
        file.executemany(
            "UPDATE checkpoints SET checkpoint = x'c1' WHERE (thread_id, checkpoint_ns, checkpoint_id) = (?, ?, ?)",
            [key for key in file.execute("SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints").fetchall() if key not in kept],
        )
        file.execute("UPDATE writes SET type = NULL WHERE checkpoint_id NOT IN (%s)" % ", ".join("'%s'" % key[2] for key in kept))
    assert_refused(run(call_module, ready, path), "cannot be imported", databases=[ready])
    imported(call_module, ready, path)
    assert set(of_database(ready)) == kept


def test_a_value_in_several_forms(ready, call_module, path):
    """The newest checkpoint has another form of the value than the first one, which history=all imported. It is the same value."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number, members in enumerate(("ab", "ba")):
            put(saver, "t", {"a": {"key": "ab"}}, {"a": 1}, identifier=str(number), parent=str(number - 1) if number else None)
            form = ormsgpack.packb({"key": ormsgpack.Ext(0, ormsgpack.packb(("builtins", "set", list(members))))})
            found = saver.conn.execute("SELECT checkpoint FROM checkpoints WHERE checkpoint_id = ?", (str(number),)).fetchone()[0]
            changed = found.replace(ormsgpack.packb({"key": "ab"}), form)
            assert changed != found
            saver.conn.execute("UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?", (changed, str(number)))
        saver.conn.commit()
    for histories in (("all", "latest"), ("latest", "all")):
        empty(ready)
        assert_succeeded(run(call_module, ready, path, history=histories[0]), ready)
        before = rows(ready)
        for policy in ("skip", "fail", "replace"):
            if histories[1] == "latest":
                done = assert_succeeded(run(call_module, ready, path, history="latest", on_conflict=policy), ready)
                assert done["changed"] is False and rows(ready) == before and not done["verified"]["differences"] and not done.get("warnings")
        assert_succeeded(run(call_module, ready, path, history=histories[1], on_conflict="replace"), ready)
        with ready.saver() as saver:
            found = [each.checkpoint["channel_values"] for each in saver.list({"configurable": {"thread_id": "t"}})]
        assert found == [{"a": {"key": {"a", "b"}}}] * 2


def test_time_limit_and_excluded_threads(ready, call_module, path):
    write_graphs(path, threads=6)
    left, runs = 1, 0
    while left:
        done = assert_succeeded(
            run(call_module, ready, path, history="latest", verify="counts", batch_size=1, time_limit=1, exclude_threads=["thread 2"]), ready
        )
        left, runs = done["remaining"], runs + 1
        assert runs < 20
    assert done["threads"]["read"] == 5 and done["verified"]["differences"] == 0
    assert set(of_database(ready)) == {key for key in newest(path) if key[0] != "thread 2"}


def test_pending_writes_without_a_checkpoint(ready, call_module, path):
    """The checkpoint of newer pending writes may still be stored. No saver reads the older ones."""
    insert = (
        "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value) VALUES ('a', ?, ?, 't', ?, 'x', 'msgpack', x'01')"
    )
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number in ("2", "4"):
            put(saver, "a", {"x": [number]}, {"x": number}, identifier=number, parent="1", writes=[("t", "", [("x", number)])])
        saver.conn.executemany(insert, [("", "1", 0), ("", "3", 0), ("", "5", 0), ("", "6", 0), ("", "6", 1), ("only writes", "1", 0), ("only writes", "2", 0)])
        saver.conn.commit()
    done = imported(call_module, ready, path)
    assert done["checkpoints"]["omitted"] == 1 and done["writes"]["written"] == 6
    found = ready.execute("SELECT checkpoint_ns, checkpoint_id, idx FROM checkpoint_writes ORDER BY 1, 2, 3")
    assert found == [("", "4", 0), ("", "5", 0), ("", "6", 0), ("", "6", 1), ("only writes", "1", 0), ("only writes", "2", 0)]
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "a", {"x": ["late"]}, {"x": "6"}, identifier="6", parent="4")
    done = assert_succeeded(run(call_module, ready, path, history="latest"), ready)
    assert done["checkpoints"]["written"] == 1 and done["writes"]["written"] == 0
    with ready.saver() as saver:
        found = saver.get_tuple({"configurable": {"thread_id": "a", "checkpoint_ns": ""}})
        assert found.checkpoint["channel_values"] == {"x": ["late"]} and len(found.pending_writes) == 2


def test_sends_of_old_checkpoints(ready, call_module, path):
    """PostgresSaver reads them from the pending writes of the parent, so the parent is imported too, but not the parent of that one."""
    send = Send("node", {"a": [1]})
    sends = [("task", "", [("__pregel_tasks", send)])]
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("chain", "lost"):
            put(saver, thread, {"a": [0]}, {"a": 0}, identifier="0", writes=sends, v=1)
            put(saver, thread, {"a": [1]}, {"a": 1}, identifier="1", parent="0", writes=sends if thread == "chain" else (), pending_sends=[send], v=1)
            put(saver, thread, {"a": [2]}, {"a": 2}, identifier="2", parent="1", pending_sends=[send], v=1)
        put(saver, "none", {"a": [1]}, {"a": 1}, identifier="1", writes=sends, v=1)
        put(saver, "none", {"a": [2]}, {"a": 2}, identifier="2", parent="1", pending_sends=[], v=1)
    assert_refused(run(call_module, ready, path, history="latest"), "thread lost", "pending_sends", databases=[ready])
    done = imported(call_module, ready, path, on_unreadable="skip")
    assert [(each["thread_id"], each["checkpoint_id"]) for each in done["rejected"]["sample"]] == [("lost", "2")]
    found = ready.execute("SELECT thread_id, checkpoint_id, parent_checkpoint_id FROM checkpoints ORDER BY 1, 2")
    assert found == [("chain", "1", None), ("chain", "2", "1"), ("none", "2", None)]
    with ready.saver() as saver:
        values = [saver.get_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}}).checkpoint["channel_values"] for thread in ("chain", "none")]
    assert values == [{"a": [2], "__pregel_tasks": [send]}, {"a": [2]}]
    # The control: without its parent, the checkpoint has lost the sends.
    ready.execute("UPDATE checkpoints SET parent_checkpoint_id = NULL")
    with ready.saver() as saver:
        assert saver.get_tuple({"configurable": {"thread_id": "chain", "checkpoint_ns": ""}}).checkpoint["channel_values"] == {"a": [2]}


def gathered(state, updates):
    return state + [item for update in updates for item in update]


def delta_graph(saver, frequency, inside=False):
    """A graph with a DeltaChannel, or with one in a subgraph only."""
    state_type = TypedDict("State", {"messages": Annotated[list, DeltaChannel(gathered, snapshot_frequency=frequency)], "turn": int})
    builder = StateGraph(state_type)
    builder.add_node("talk", lambda state: {"messages": ["answer %d" % len(state["messages"])], "turn": state.get("turn", 0) + 1})
    builder.add_edge(START, "talk")
    if not inside:
        return builder.compile(checkpointer=saver)
    outer = StateGraph(TypedDict("Outer", {"turn": int}))
    outer.add_node("child", builder.compile(checkpointer=True))
    outer.add_edge(START, "child")
    return outer.compile(checkpointer=saver)


def old_update(path, thread):
    """Change the newest checkpoint, which update_state() stored, to what langgraph 1.2.0 stored: neither a snapshot nor the counters."""
    with sqlite3.connect(path) as file:
        query = "SELECT checkpoint_id, metadata FROM checkpoints WHERE thread_id = ? ORDER BY checkpoint_id DESC LIMIT 1"
        identifier, metadata = file.execute(query, (thread,)).fetchone()
        metadata = json.loads(metadata)
        assert metadata.pop("counters_since_delta_snapshot") and metadata["source"] == "update"
        file.execute("UPDATE checkpoints SET metadata = ? WHERE checkpoint_id = ?", (json.dumps(metadata).encode(), identifier))


def test_threads_with_a_delta_channel_are_whole(ready, call_module, path):
    threads = {"delta 1": (1, False), "delta 3": (3, False), "delta 1000": (1000, False), "inside": (1000, True), "updated": (1000, False)}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread, (frequency, inside) in threads.items():
            config = {"configurable": {"thread_id": thread}}
            for turn in range(4):
                delta_graph(saver, frequency, inside).invoke({"turn": 0} if inside else {"messages": ["hello %d" % turn]}, config)
        for turn in range(2):
            delta_graph(saver, 1000).update_state({"configurable": {"thread_id": "updated"}}, {"messages": ["edited %d" % turn]}, as_node="talk")
            old_update(path, "updated")
    write_graphs(path, threads=2)
    done = imported(call_module, ready, path, workers=2, batch_size=1)
    assert done["whole_threads"] == {"total": 5, "sample": sorted(threads)}
    assert "DeltaChannel" in str(done["warnings"]) and "delta 1000" in str(done["warnings"])
    whole = {key for key in of_file(path) if key[0] in threads}
    assert set(of_database(ready)) == whole | newest(path)
    assert done["checkpoints"]["omitted"] == len(of_file(path)) - len(whole | newest(path)) > 0
    with SqliteSaver.from_conn_string(str(path)) as old, ready.saver() as new:
        for thread, options in threads.items():
            config = {"configurable": {"thread_id": thread}}
            mine, theirs = (delta_graph(saver, *options).get_state_history(config) for saver in (old, new))
            assert [(each.values, each.parent_config) for each in mine] == [(each.values, each.parent_config) for each in theirs]
            message = {"turn": 0} if options[1] else {"messages": ["more"]}
            assert delta_graph(old, *options).invoke(message, config) == delta_graph(new, *options).invoke(message, config)
        state = delta_graph(new, 1000).get_state({"configurable": {"thread_id": "updated"}}).values["messages"]
        assert len(state) == 12 and state[8:10] == ["edited 0", "edited 1"]
        # The control: without the older checkpoints, the state is lost.
        ready.execute(
            "DELETE FROM checkpoints c WHERE EXISTS (SELECT FROM checkpoints n WHERE n.thread_id = c.thread_id AND n.checkpoint_id > c.checkpoint_id)"
        )
        assert delta_graph(new, 1000).get_state({"configurable": {"thread_id": "updated"}}).values["messages"] != state
