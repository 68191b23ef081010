# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads of any age in PostgreSQL, written by real graphs, and what the saver returns for them."""

from __future__ import annotations

import contextlib
import operator
import random
import time
from typing import Annotated, TypedDict
from unittest import mock

from differential import as_texts
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import id as identifiers
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
DAY = 86400


@contextlib.contextmanager
def ago(seconds):
    """Within this block, the ids of new checkpoints contain a time that is this many seconds in the past."""

    class Past:
        @staticmethod
        def time_ns():
            return time.time_ns() - int(seconds * 10**9)

    # Otherwise, the time in an id would never be before the time in the previous id.
    with mock.patch.object(identifiers, "time", Past), mock.patch.object(identifiers, "_last_v6_timestamp", None):
        yield


class State(TypedDict, total=False):
    messages: Annotated[list, operator.add]
    notes: dict
    count: int
    parts: Annotated[list, operator.add]


class Inner(TypedDict, total=False):
    """The state of a subgraph. Its list is not part of the parent's state."""

    count: int
    inner: Annotated[list, operator.add]


class Parts(TypedDict, total=False):
    """The state of subgraphs that run at the same time."""

    parts: Annotated[list, operator.add]


def gathered(state, updates):
    return state + [item for update in updates for item in update]


Delta = TypedDict("Delta", {"messages": Annotated[list, DeltaChannel(gathered, snapshot_frequency=3)], "turn": int})


def shapes(saver):
    """{name: a compiled graph}. None of them needs a model."""

    def talk(state):
        return {"messages": ["answer %d" % len(state.get("messages", []))], "notes": {"deep": {"a": [1, 2.5, None]}}, "count": state.get("count", 0) + 1}

    def fan(state):
        return [Send("part", {"count": number}) for number in range(2)]

    def inner_ask(state):
        return {"parts": [interrupt("inner?")]}

    def ask(state):
        return {"parts": [interrupt({"question": "which?"})]}

    def child(*nodes, state=State):
        builder = StateGraph(state)
        previous = START
        for name, node in nodes:
            builder.add_node(name, node)
            builder.add_edge(previous, name)
            previous = name
        return builder

    plain = child(("talk", talk), ("again", lambda state: {"count": 1}))
    waits = child(("talk", talk), ("ask", ask))
    stateful = child(("talk", talk), ("child", child(("inner", lambda state: {"inner": ["called"]}), state=Inner).compile(checkpointer=True)), ("last", talk))
    nested = child(("talk", talk), ("child", child(("before", lambda state: {"parts": ["before"]}), ("ask", inner_ask)).compile()), ("last", talk))
    sends = StateGraph(State)
    sends.add_node("talk", talk)
    sends.add_node("part", lambda state: {"parts": [state["count"]]})
    for name in ("two", "three"):
        sends.add_node(name, child(("ask", ask), state=Parts).compile())
    sends.add_edge(START, "talk")
    sends.add_conditional_edges("talk", fan, ["part"])
    sends.add_edge("part", "two")
    sends.add_edge("part", "three")
    sends.add_edge("two", END)
    delta = StateGraph(Delta)
    delta.add_node("talk", lambda state: {"messages": ["answer %d" % len(state["messages"])], "turn": state.get("turn", 0) + 1})
    delta.add_node("ask", lambda state: {"messages": [interrupt("delta?")]})
    delta.add_edge(START, "talk")
    delta.add_edge("talk", "ask")
    graphs = {"plain": plain, "waits": waits, "stateful": stateful, "nested": nested, "sends": sends, "delta": delta}
    compiled = {name: builder.compile(checkpointer=saver) for name, builder in graphs.items()}
    compiled["breaks"] = plain.compile(checkpointer=saver, interrupt_before=["again"])
    return compiled


def live(app, thread, draw, actions, durability=None, **configurable):
    """A random history: inputs, answers, updates, updates of older checkpoints and replays."""
    config = {"configurable": {"thread_id": thread, **configurable}, "metadata": {"tenant": thread.split("-")[0]}}
    more = {"durability": durability} if durability else {}
    app.invoke({"messages": ["hello"]}, config, **more)
    for _number in range(actions):
        state = app.get_state(config)
        action = draw.choice(["input", "answer", "answer", "update", "fork", "replay"])
        if action == "answer" and state.interrupts:
            # Some of several interrupts may stay unanswered.
            chosen = draw.sample(state.interrupts, draw.randint(1, len(state.interrupts)))
            app.invoke(Command(resume={each.id: "yes" for each in chosen}), config, **more)
        elif action == "update":
            app.update_state(config, {"messages": ["changed"]}, as_node="talk")
        elif action in ("fork", "replay"):
            older = draw.choice(list(app.get_state_history(config, limit=6))).config
            if action == "fork":
                app.update_state(older, {"messages": ["forked"]}, as_node="talk")
            else:
                app.invoke(None, {**older, "metadata": config["metadata"]}, **more)
        else:
            app.invoke({"messages": ["more"]}, config, **more)


def random_threads(database, seed, number=14, actions=4, ages=(0, 3, 10, 40, 200)):
    """Write random threads with real graphs. Returns {thread: age in days}. The id of a thread contains the name of its graph."""
    draw = random.Random(seed)
    found = {}
    with database.saver() as saver:
        graphs = shapes(saver)
        for each in range(number):
            shape = list(graphs)[each % len(graphs)]
            thread, age = "%s-%s-%d" % (draw.choice("ab"), shape, each), draw.choice(ages)
            with ago(age * DAY):
                live(graphs[shape], thread, draw, draw.randint(0, actions), draw.choice([None, "sync", "exit"]))
            found[thread] = age
    return found


def comparable(state):
    """The parts of a StateSnapshot, and of those of its subgraphs, that can be compared: without parents, and without the saver in the configurations."""
    if not hasattr(state, "tasks"):
        return state and state["configurable"]["checkpoint_ns"]
    place = tuple(state.config["configurable"].get(name) for name in ("thread_id", "checkpoint_ns", "checkpoint_id"))
    tasks = [(*task._replace(state=None), comparable(task.state)) for task in state.tasks]
    return state.values, state.next, place, state.metadata, state.created_at, state.interrupts, tasks


def states(database, threads):
    """{thread: what get_state() and get_tuple() return for it}. threads: {thread: name of its graph}."""
    found = {}
    with database.saver() as saver:
        graphs = shapes(saver)
        spaces = {}
        for thread, space in database.execute("SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints"):
            spaces.setdefault(thread, []).append(space)
        for thread, shape in threads.items():
            config = {"configurable": {"thread_id": thread}}
            tuples = {}
            for space in spaces.get(thread, ()):
                newest = as_texts(saver.get_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": space}}))
                tuples[space] = {**newest, "parent": None}
            found[thread] = (comparable(graphs[shape].get_state(config, subgraphs=True)), tuples)
    return found


def rows(database):
    """{table: its rows as text}."""
    return {table: [row[0] for row in database.execute("SELECT t::text FROM %s t ORDER BY 1" % table)] for table in TABLES}


def sizes(database, thread):
    """The number of rows that a thread has in each table."""
    return tuple(database.execute("SELECT count(*) FROM %s WHERE thread_id = %%s" % table, [thread])[0][0] for table in TABLES)
