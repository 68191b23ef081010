# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads of graph.py in PostgreSQL whose ids have a time in the past, and an application at work.

aged.py create answered|waiting|delta THREAD DAYS  runs a graph as if it were DAYS ago
aged.py states THREAD...                           prints what get_state() returns for each thread, one per line
aged.py resume THREAD                              approves
aged.py work THREAD FILE                           runs graphs until FILE exists, then prints how many, and the longest time of one
"""

from __future__ import annotations

import json
import operator
import sys
import time
from pathlib import Path
from typing import Annotated, TypedDict
from unittest import mock

from graph import build, describe
from langchain_core.messages import HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import id as identifiers
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command


def gathered(state, updates):
    return state + [item for update in updates for item in update]


Delta = TypedDict("Delta", {"entries": Annotated[list, DeltaChannel(gathered, snapshot_frequency=50)], "count": Annotated[int, operator.add]})


def delta_graph(saver):
    graph = StateGraph(Delta)
    graph.add_node("add", lambda state: {"entries": [len(state["entries"])], "count": 1})
    graph.add_edge(START, "add")
    return graph.compile(checkpointer=saver)


def create(saver, kind, thread, days):
    class Past:
        @staticmethod
        def time_ns():
            return time.time_ns() - int(float(days) * 86400 * 10**9)

    config = {"configurable": {"thread_id": thread}, "metadata": {"user_id": thread.partition("-")[0]}}
    # Ids never go back otherwise.
    with mock.patch.object(identifiers, "time", Past), mock.patch.object(identifiers, "_last_v6_timestamp", None):
        if kind == "delta":
            for number in range(5):
                delta_graph(saver).invoke({"entries": ["input %d" % number], "count": 0}, config)
            return
        build(saver).invoke({"messages": [HumanMessage("What is new?", id="question")]}, config)
        if kind == "answered":
            build(saver).invoke(Command(resume=True), config)


def state(saver, thread):
    config = {"configurable": {"thread_id": thread}}
    if thread.startswith("delta"):
        found = delta_graph(saver).get_state(config)
        return {"entries": found.values.get("entries"), "count": found.values.get("count"), "at": found.created_at}
    return {**describe(build(saver), config), "at": build(saver).get_state(config).created_at}


def work(saver, prefix, stop):
    times = []
    while not Path(stop).exists():
        began = time.monotonic()
        thread = "%s-%d" % (prefix, len(times))
        config = {"configurable": {"thread_id": thread}}
        build(saver).invoke({"messages": [HumanMessage("What is new?", id="question")]}, config)
        build(saver).invoke(Command(resume=True), config)
        assert state(saver, thread)["messages"][-1].endswith("published"), thread
        times.append(time.monotonic() - began)
    return {"runs": len(times), "longest": max(times)}


def main():
    command, *arguments = sys.argv[1:]
    with PostgresSaver.from_conn_string("") as saver:
        if command == "create":
            create(saver, *arguments)
        elif command == "states":
            for thread in arguments:
                print(json.dumps({"thread": thread, **state(saver, thread)}))
        elif command == "resume":
            config = {"configurable": {"thread_id": arguments[0]}}
            build(saver).invoke(Command(resume=True), config)
            print(json.dumps(state(saver, arguments[0])))
        else:
            print(json.dumps(work(saver, *arguments)))


if __name__ == "__main__":
    main()
