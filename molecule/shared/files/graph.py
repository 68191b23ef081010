# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A LangGraph application without a model: the same input has the same result on every engine.

graph.py --sqlite FILE start THREAD     runs the graph until it asks for an approval
graph.py --sqlite FILE resume THREAD    approves, in a process that has only the checkpoint
graph.py --sqlite FILE history THREAD   counts the stored checkpoints
graph.py --sqlite FILE contents THREAD  lists them, one checkpoint per line

--postgres instead of --sqlite FILE connects with libpq's own PG* variables. It never calls setup():
the tables must exist. The result is one line of JSON.
"""

from __future__ import annotations

import argparse
import inspect
import json
import operator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Annotated, Iterator, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    found: Annotated[list[dict], operator.add]
    # In PostgreSQL, scalar values are stored inside the checkpoint, all others in checkpoint_blobs. The state contains both kinds.
    score: float
    approved: bool
    asked_at: datetime
    attachment: bytes


class Drafted(TypedDict):
    # The result of the subgraph. If it returned the complete state, the reducers would be applied twice.
    messages: Annotated[list[AnyMessage], add_messages]
    approved: bool


def plan(state: State) -> State:
    return {"asked_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "attachment": b"\x00\xff" * 8, "score": 0.25}


def each_source(state: State) -> list[Send]:
    return [Send("search", {"source": source}) for source in ("archive", "web", "notes")]


def search(task: dict) -> State:
    return {"found": [{"source": task["source"], "hits": len(task["source"])}]}


def count(state: State) -> State:
    return {"score": 0.5}


def write(state: State) -> State:
    hits = sum(found["hits"] for found in state["found"])
    return {"messages": [AIMessage(f"A draft from {hits} hits", id="draft")]}


def review(state: State) -> State:
    return {"approved": interrupt({"approve": state["messages"][-1].content})}


def publish(state: State) -> State:
    verdict = "published" if state["approved"] else "withdrawn"
    return {"messages": [AIMessage(f"{state['messages'][-1].content}, {verdict}", id="answer")], "score": 1.0}


def build(saver: BaseCheckpointSaver) -> CompiledStateGraph:
    # LangGraph before 0.6 has another name for it.
    output = "output_schema" if "output_schema" in inspect.signature(StateGraph).parameters else "output"
    # The interrupt is in the subgraph, so its checkpoints are stored in a separate namespace.
    drafting = StateGraph(State, **{output: Drafted})
    drafting.add_node(write)
    drafting.add_node(review)
    drafting.add_edge(START, "write")
    drafting.add_edge("write", "review")

    graph = StateGraph(State)
    for node in (plan, search, count, publish):
        graph.add_node(node)
    graph.add_node("drafting", drafting.compile())
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", each_source, ["search"])
    graph.add_edge("plan", "count")
    graph.add_edge(["search", "count"], "drafting")
    graph.add_edge("drafting", "publish")
    graph.add_edge("publish", END)
    return graph.compile(checkpointer=saver)


@contextmanager
def open_saver(sqlite: str | None) -> Iterator[BaseCheckpointSaver]:
    # Each host has only one of the libraries, so neither is imported at the top.
    if sqlite:
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(sqlite) as saver:
            yield saver
    else:
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string("") as saver:
            yield saver


def pending(state) -> list:
    """The interrupts that the thread waits for. Before 0.4, only the tasks of a state contain them."""
    return [interrupt.value for task in state.tasks for interrupt in task.interrupts]


def describe(graph, config: dict) -> dict:
    state = graph.get_state(config)
    return {
        "messages": [f"{message.type}: {message.content}" for message in state.values.get("messages", [])],
        "found": sorted(found["source"] for found in state.values.get("found", [])),
        "score": state.values.get("score"),
        "attachment": state.values.get("attachment", b"").hex(),
        "asked_at": str(state.values.get("asked_at", "")),
        "waits_for": pending(state),
        "next": list(state.next),
    }


def as_text(value) -> str:
    """The order of a set differs between processes, so a set is sorted."""
    return "set %r" % sorted(value) if isinstance(value, set) else repr(value)


def contents(found) -> dict:
    """A checkpoint as either engine returns it. PostgreSQL drops the metadata's `writes`."""
    return {
        "config": found.config["configurable"],
        "parent": found.parent_config and found.parent_config["configurable"],
        "values": {name: as_text(value) for name, value in found.checkpoint["channel_values"].items()},
        "metadata": {name: value for name, value in found.metadata.items() if name != "writes"},
        "writes": [[channel, as_text(value)] for _task, channel, value in found.pending_writes or []],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine = parser.add_mutually_exclusive_group(required=True)
    engine.add_argument("--sqlite", metavar="FILE")
    engine.add_argument("--postgres", action="store_true")
    parser.add_argument("command", choices=("start", "resume", "history", "contents"))
    parser.add_argument("thread")
    arguments = parser.parse_args()

    config = {"configurable": {"thread_id": arguments.thread}}
    with open_saver(arguments.sqlite) as saver:
        graph = build(saver)
        if arguments.command == "start":
            graph.invoke({"messages": [HumanMessage("What is new?", id="question")]}, config)
        elif arguments.command == "resume":
            # Not its interrupts: LangGraph 1 does not show those of a release with other task ids, although it resumes them.
            if not graph.get_state(config).next:
                parser.error(f"thread {arguments.thread} does not wait for anything: start it first")
            graph.invoke(Command(resume=True), config)
        elif arguments.command == "contents":
            for found in saver.list(config):
                print(json.dumps(contents(found), sort_keys=True))
            return
        else:
            stored = list(saver.list(config))
            print(
                json.dumps(
                    {
                        "checkpoints": len(stored),
                        "namespaces": len({c.config["configurable"]["checkpoint_ns"] for c in stored}),
                        "writes": sum(len(c.pending_writes or []) for c in stored),
                    }
                )
            )
            return
        print(json.dumps(describe(graph, config)))


if __name__ == "__main__":
    main()
