# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite files of five shapes, each written by a real graph through SqliteSaver. A file is created once for each size and kept."""

from __future__ import annotations

import contextlib
import operator
import random
import sqlite3
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

MIB = 1 << 20
# The number of threads that a graph writes. These threads are then copied under other names.
MODELS = 8
COPY = "INSERT INTO {table} (thread_id, {names}) SELECT thread_id || ' copy {number}', {names} FROM {table} WHERE thread_id NOT LIKE '% copy %'"
# Each checkpoint of the large thread adds this many letters, and takes this many bytes in the file.
LETTERS, BYTES = 14000, 29500
SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]


class Talk(TypedDict):
    messages: Annotated[list, add_messages]


class Papers(TypedDict):
    documents: Annotated[list, operator.add]
    summary: str
    step: int


class Count(TypedDict):
    count: int
    log: dict


class Note(Count):
    note: str


def make(shape, folder, megabytes, checkpoints):
    """The path of a shape's file, which is created if it does not exist. megabytes: its approximate size in MiB; small threads get a quarter of it, one large
    thread twice as much. checkpoints: the number of checkpoints of one thread, which determines the size of that file instead."""
    megabytes = {"small threads": max(1, megabytes // 4), "one large thread": 2 * megabytes}.get(shape, megabytes)
    path = Path(folder) / ("%s-%d.sqlite" % (shape.replace(" ", "-"), checkpoints if shape == "one thread" else megabytes))
    if shape == "one large thread":
        checkpoints = megabytes * MIB // BYTES
    if not path.exists():
        print("creating %s" % path.name, flush=True)
        Path(folder).mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(half, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            saver.setup()
            connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            SHAPES[shape](saver, checkpoints)
            if shape not in ("one thread", "one large thread"):
                _multiply(connection, megabytes * MIB)
            connection.commit()
        half.rename(path)
    return path


def _words(draw, size):
    """Text that compresses about as well as prose."""
    found, length = [], 0
    while length < size:
        word = "".join(draw.choices(SYLLABLES, k=draw.randrange(1, 5)))
        found.append(word)
        length += len(word) + 1
    return " ".join(found)


def _config(thread):
    return {"configurable": {"thread_id": thread}, "recursion_limit": 1000000}


def _messages(saver, _checkpoints):
    _talk(saver, threads=MODELS, turns=60, asked=200, answered=1200)


def _threads(saver, _checkpoints):
    _talk(saver, threads=MODELS * 25, turns=1, asked=50, answered=150)


def _talk(saver, threads, turns, asked, answered):
    draw = random.Random(1)
    builder = StateGraph(Talk)
    builder.add_node("answer", lambda state: {"messages": [("ai", _words(draw, answered))]})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    app = builder.compile(checkpointer=saver)
    for thread in range(threads):
        for _turn in range(turns):
            app.invoke({"messages": [("user", _words(draw, asked))]}, _config("thread %d" % thread), durability="sync")


def _documents(saver, _checkpoints):
    draw = random.Random(2)
    builder = StateGraph(Papers)
    builder.add_node("fetch", lambda state: {"documents": [_words(draw, 200000)], "step": state["step"] + 1})
    builder.add_node("sum_up", lambda state: {"summary": _words(draw, 2000)})
    builder.add_edge(START, "fetch")
    builder.add_edge("fetch", "sum_up")
    builder.add_conditional_edges("sum_up", lambda state: END if state["step"] >= 5 else "fetch")
    app = builder.compile(checkpointer=saver)
    for thread in range(MODELS):
        app.invoke({"documents": [], "step": 0}, _config("papers %d" % thread), durability="sync")


def _thread(saver, checkpoints):
    _count(saver, Count, checkpoints, lambda state: {"log": {"last": state["count"], "note": "step %d" % state["count"]}})


def _large_thread(saver, checkpoints):
    draw = random.Random(3)
    text = _words(draw, MIB)

    def note(state):
        start = draw.randrange(len(text) - LETTERS)
        return {"log": {"last": state["count"]}, "note": text[start : start + LETTERS]}

    _count(saver, Note, checkpoints, note)


def _count(saver, schema, checkpoints, values):
    builder = StateGraph(schema)
    builder.add_node("add", lambda state: {"count": state["count"] + 1, **values(state)})
    builder.add_edge(START, "add")
    builder.add_conditional_edges("add", lambda state: END if state["count"] >= checkpoints - 2 else "add")
    builder.compile(checkpointer=saver).invoke({"count": 0, "log": {}}, _config("only"), durability="sync")


def _multiply(connection, size):
    """Copy the threads under other names until the file has the requested size."""
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    pages = "SELECT page_count FROM pragma_page_count()"
    one = connection.execute(pages).fetchone()[0] * page
    for number in range(1, max(1, size // one)):
        for table in ("checkpoints", "writes"):
            columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('%s') WHERE name <> 'thread_id'" % table)]
            names = ", ".join(columns)
            # Only the original threads are copied: the name of a copy contains " copy ".
            connection.execute(COPY.format(table=table, names=names, number=number))


SHAPES = {"messages": _messages, "documents": _documents, "small threads": _threads, "one thread": _thread, "one large thread": _large_thread}
