# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads in SQLite files, written through LangGraph's own saver: by a graph, by direct calls, and in large numbers."""

from __future__ import annotations

import enum
import operator
import uuid
from typing import Annotated, TypedDict

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt


class Colour(str, enum.Enum):
    RED = "red"


class Level(int, enum.Enum):
    HIGH = 3


class State(TypedDict):
    messages: Annotated[list, operator.add]
    notes: dict
    count: int
    label: str
    parts: Annotated[list, operator.add]


def graph(saver, asks=True):
    """A graph without a model: turns, a subgraph, sends and an interrupt."""

    def inner(state):
        return {"parts": ["inner"]}

    child = StateGraph(State)
    child.add_node("inner", inner)
    child.add_edge(START, "inner")

    def talk(state):
        turn = len(state["messages"])
        return {"messages": [("ai", "answer %d" % turn)], "notes": {"turn": turn, "deep": {"a": [1, 2.5, None]}}, "count": 1}

    def fan(state):
        return [Send("part", {"parts": [], "count": number}) for number in range(3)]

    def part(state):
        return {"parts": [state["count"]]}

    def ask(state):
        if asks:
            return {"label": interrupt({"question": "which?"})}
        return {"label": "none"}

    builder = StateGraph(State)
    for name, node in (("talk", talk), ("child", child.compile(checkpointer=True)), ("part", part), ("ask", ask)):
        builder.add_node(name, node)
    builder.add_edge(START, "talk")
    builder.add_edge("talk", "child")
    builder.add_conditional_edges("child", fan, ["part"])
    builder.add_edge("part", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def write_graphs(path, threads=3, turns=2):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        app = graph(saver)
        for thread in range(threads):
            config = {"configurable": {"thread_id": "thread %d" % thread}}
            for turn in range(turns):
                app.invoke({"messages": [("user", "hello %d" % turn)], "label": ""}, config)
                if turn + 1 < turns:
                    app.invoke(Command(resume="this"), config)


def history(app, thread):
    config = {"configurable": {"thread_id": thread}}
    return [(each.values, each.next, each.config, each.parent_config, each.metadata, each.tasks) for each in app.get_state_history(config)]


def put(saver, thread, values, versions=None, identifier=None, parent=None, metadata=None, space="", writes=(), **more):
    """Store one checkpoint with the saver."""
    identifier = identifier or str(uuid.uuid4())
    checkpoint = {
        "v": 4,
        "ts": "2026-01-01T00:00:00+00:00",
        "id": identifier,
        "channel_values": values,
        "channel_versions": {name: "1" for name in values} if versions is None else versions,
        "versions_seen": {"node": {"a": 1}},
        "updated_channels": None,
    }
    checkpoint.update(more)
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": space, **({"checkpoint_id": parent} if parent else {})}}
    config = saver.put(config, checkpoint, metadata or {"source": "loop", "step": 1}, {})
    for task, path, some in writes:
        saver.put_writes(config, some, task, path)
    return identifier


def many(path, threads=300):
    """Write threads with three checkpoints each, in rows that take some time to copy."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in range(threads):
            for number in range(3):
                put(saver, "thread %03d" % thread, {"a": ["x" * 2000, number]}, {"a": number}, writes=[("t", "~1", [("a", number)])])


def saved(path, threads=3):
    """A file with real checkpoints, written by SqliteSaver."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number in range(threads):
            config = {"configurable": {"thread_id": "thread-%d" % number, "checkpoint_ns": ""}}
            stored = saver.put(config, empty_checkpoint(), {"source": "input", "step": -1}, {})
            saver.put_writes(stored, [("messages", ["hello"])], "task")
    return path
