# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application whose state contains messages, a log and a set: CONVERSATION.PY FILE TURNS. It runs with langgraph 0.2.14 and newer.

Python orders the members of a set of texts differently in each process, unless PYTHONHASHSEED is set.
"""

import operator
import sys
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

NAMES = ["amber", "blue", "coral", "denim", "ebony", "flax"]
CONFIG = {"configurable": {"thread_id": "conversation"}}


class State(TypedDict):
    messages: Annotated[list, add_messages]
    log: Annotated[list, operator.add]
    tags: Any
    title: str


def application(saver):
    def answer(state):
        number = len(state["messages"])
        call = {"name": "look_up", "args": {"number": number}, "id": "call-%d" % number}
        return {"messages": [AIMessage(content="answer %d" % number, tool_calls=[call], id="ai-%d" % number)], "log": [{"step": number, "parts": [1.5, None]}]}

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


def converse(path, turns):
    """Continue the conversation in a file, or begin it. The set and the title are written in the first turn only."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        app = application(saver)
        begun = len(app.get_state(CONFIG).values.get("messages", ()))
        for turn in range(turns):
            number = begun + 2 * turn
            given = {"messages": [HumanMessage(content="question %d" % number, id="human-%d" % number)]}
            app.invoke(dict(given, tags=set(NAMES), title="t" * 3000) if not number else given, CONFIG)


if __name__ == "__main__":
    converse(sys.argv[1], int(sys.argv[2]))
