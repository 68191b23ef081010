# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs with delta channels, whose state both savers compute from snapshots and pending writes."""

from __future__ import annotations

from typing import Annotated, TypedDict

import pytest
from import_runs import imported
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from sqlite_threads import history

pytestmark = pytest.mark.newest


def gathered(state, updates):
    """A reducer of a delta channel accepts any number of updates at once."""
    return state + [item for update in updates for item in update]


def graph(saver, frequency):
    # Not a class: its annotations would be strings in which `frequency` is unknown.
    state_type = TypedDict("State", {"messages": Annotated[list, DeltaChannel(gathered, snapshot_frequency=frequency)], "turn": int})

    def talk(state):
        return {"messages": ["answer %d" % len(state["messages"])], "turn": state.get("turn", 0) + 1}

    def ask(state):
        return {"messages": [interrupt("%d?" % state["turn"])]}

    builder = StateGraph(state_type)
    builder.add_node("talk", talk)
    builder.add_node("ask", ask)
    builder.add_edge(START, "talk")
    builder.add_edge("talk", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("frequency", [1, 2, 5, 1000])
def test_delta_channels_are_equal_and_continue(ready, call_module, path, frequency):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        app = graph(saver, frequency)
        for thread in ("a", "b"):
            config = {"configurable": {"thread_id": thread}}
            for turn in range(7):
                app.invoke({"messages": ["hello %d" % turn]}, config)
                app.invoke(Command(resume="yes %d" % turn), config)
            app.invoke({"messages": ["last"]}, config)
    imported(call_module, ready, path)
    with SqliteSaver.from_conn_string(str(path)) as old, ready.saver() as new:
        for thread in ("a", "b"):
            mine, theirs = history(graph(old, frequency), thread), history(graph(new, frequency), thread)
            assert mine == theirs and mine[0][1] == ("ask",)
            # Seven turns with three messages each, and two messages of the last turn.
            assert len(mine[0][0]["messages"]) == 23
            config = {"configurable": {"thread_id": thread}}
            resumed = [graph(saver, frequency).invoke(Command(resume="then"), config) for saver in (old, new)]
            assert resumed[0] == resumed[1] and len(resumed[0]["messages"]) == 24
            # Once more, after PostgreSQL's saver has written new checkpoints.
            more = [graph(saver, frequency).invoke({"messages": ["more"]}, config) for saver in (old, new)]
            assert more[0]["messages"] == more[1]["messages"] and len(more[0]["messages"]) == 26
