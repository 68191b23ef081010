# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import of values that a file contains in several serialised forms, compared with the loop of list() and put() that people write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import conversation
import pytest
from assertions import assert_succeeded
from databases import Database
from generations import RECORDINGS
from import_runs import KINDS, run
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlite_threads import put

pytestmark = pytest.mark.newest
TURNS = 3


def converse(path, times, seed=1):
    """Continue the conversation in this many processes, in each of which Python orders the members of a set differently."""
    for number in range(times):
        environment = dict(os.environ, PYTHONHASHSEED=str(seed + number))
        subprocess.run([sys.executable, conversation.__file__, str(path), str(TURNS)], check=True, env=environment)


def loop(path, database):
    with SqliteSaver.from_conn_string(str(path)) as source, database.saver() as target:
        for found in reversed(list(source.list(None))):
            config = found.parent_config or {"configurable": dict(found.config["configurable"], checkpoint_id=None)}
            target.put(config, found.checkpoint, found.metadata, found.checkpoint["channel_versions"])
            for task, channel, value in found.pending_writes:
                target.put_writes(found.config, [(channel, value)], task)


def objects(saver):
    """{checkpoint id: (channel values, the other fields, metadata, parent)}, as the objects of the application, and of the newest also from get_tuple()."""
    found = {each.config["configurable"]["checkpoint_id"]: each for each in saver.list(None)}
    found["newest"] = saver.get_tuple(conversation.CONFIG)
    return {
        key: (each.checkpoint["channel_values"], {**each.checkpoint, "channel_values": None}, {**each.metadata, "writes": None}, each.parent_config)
        for key, each in found.items()
    }


@pytest.fixture
def another(server):
    """A second database, into which the loop writes."""
    database = Database.create(server)
    database.setup()
    database.grant()
    yield database
    database.drop()


@pytest.mark.parametrize("begun, forms", [(None, {"tags"}), ("0.2.14", {"tags", "messages", "log", "title"}), ("0.2.60", {"tags", "messages"})])
def test_a_conversation_that_was_continued(ready, another, call_module, path, begun, forms):
    """After two restarts, or after an upgrade. Each of the three was rejected once, and skipping lost the newest state."""
    if begun:
        shutil.copy(RECORDINGS / "threads" / ("%s.sqlite" % begun), path)
    converse(path, 2 if begun else 3)
    predicted = assert_succeeded(run(call_module, ready, path, check=True), ready)
    done = assert_succeeded(run(call_module, ready, path), ready)
    assert [predicted[kind] for kind in (*KINDS, "variants")] == [done[kind] for kind in (*KINDS, "variants")]
    assert not done["rejected"]["total"] and not done["verified"]["differences"] and not done.get("warnings")
    assert {each["channel"] for each in done["variants"]["sample"]} == forms and not done["variants"]["different"]
    assert done["variants"]["total"] == len({(each["channel"], each["version"]) for each in done["variants"]["sample"]})
    loop(path, another)
    with SqliteSaver.from_conn_string(str(path)) as file, ready.saver() as ours, another.saver() as theirs:
        expected, found = objects(theirs), objects(ours)
        assert len(found) == len(list(file.list(None))) + 1 and found == expected
        newest = file.get_tuple(conversation.CONFIG)
        assert found["newest"][0] == newest.checkpoint["channel_values"]
        assert len(found["newest"][0]["log"]) == TURNS * (2 if begun else 3) + (4 if begun else 0)
    for policy in ("skip", "fail", "replace"):
        again = assert_succeeded(run(call_module, ready, path, on_conflict=policy), ready)
        assert again["changed"] is False and not again["verified"]["differences"]


def test_a_conversation_that_continues_after_the_import(ready, call_module, path):
    """The first form is in PostgreSQL, and the new checkpoints have another one."""
    converse(path, 1)
    assert_succeeded(run(call_module, ready, path), ready)
    converse(path, 1, seed=2)
    done = assert_succeeded(run(call_module, ready, path), ready)
    assert done["checkpoints"]["written"] == done["checkpoints"]["existing"] == 3 * TURNS
    assert (done["variants"]["total"], done["variants"]["different"], done["verified"]["differences"]) == (1, 0, 0)
    with SqliteSaver.from_conn_string(str(path)) as file, ready.saver() as saver:
        assert objects(saver) == objects(file)


@pytest.mark.parametrize("values", [([1], [2]), (None, [1]), ([1], None), (5, [1]), ([1], 5), ({"a": {1, 2}}, {"a": {1, 3}})])
def test_two_values_under_one_version(ready, call_module, path, values):
    """The first value is kept, as put() keeps it, and a warning names the thread."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for number, value in enumerate(values):
            put(saver, "forked", {} if value is None else {"a": value}, {"a": 3}, identifier="id %d" % number)
        put(saver, "other", {"a": [1]}, {"a": 3})
    done = assert_succeeded(run(call_module, ready, path), ready)
    expected = {"thread_id": "forked", "checkpoint_ns": "", "channel": "a", "version": "3", "different": True}
    assert done["variants"] == {"total": 1, "different": 1, "sample": [expected]}
    assert "Check the state of these threads: forked." in str(done["warnings"])
    kept = next(value for value in values if isinstance(value, (list, dict)))
    with ready.saver() as saver:
        assert saver.get_tuple({"configurable": {"thread_id": "forked"}}).checkpoint["channel_values"] == {"a": kept}
    assert assert_succeeded(run(call_module, ready, path), ready)["changed"] is False
