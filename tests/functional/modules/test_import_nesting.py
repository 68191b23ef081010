# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import with values that are nested deeply. No depth ends the import of the other checkpoints."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from import_runs import run
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlite_threads import put

pytestmark = pytest.mark.newest

DEPTHS = (200, 510, 700, 900, 990, 5000)
PLACES = ("metadata", "channel", "channel without a version", "field", "pending write")
MARKER = "the deep value"
CONFIG = {"channel": {"deep": "1"}, "channel without a version": {}}


def write(path, place, kind, depth):
    """A thread with a deep value, written through the saver and then changed."""
    thread = "%s, %s, %d" % (place, kind, depth)
    text = "[" * depth + "1" + "]" * depth
    raw = b"\x91" * depth + b"\x01" if kind == "msgpack" else text.encode()
    with SqliteSaver.from_conn_string(str(path)) as saver:
        identifier = put(saver, thread, {"deep": MARKER}, CONFIG.get(place, {"deep": "1"}), writes=[("task", "~1", [("deep", 1)])], versions_seen={})
        if kind == "json":
            document = '{"v": 4, "ts": "2026-01-01T00:00:00+00:00", "id": "%s", "channel_values": {"deep": "%s"}, "channel_versions": %s,'
            document += ' "versions_seen": {}, "pending_sends": []}'
            found = document % (identifier, MARKER, '{"deep": "1"}' if CONFIG.get(place, True) else "{}")
            saver.conn.execute("UPDATE checkpoints SET type = 'json', checkpoint = ? WHERE thread_id = ?", (found.encode(), thread))
        (found,) = saver.conn.execute("SELECT checkpoint FROM checkpoints WHERE thread_id = ?", (thread,)).fetchone()
        marker = b"\xae" + MARKER.encode() if kind == "msgpack" else b'"%s"' % MARKER.encode()
        assert marker in found
        if place.startswith("channel"):
            found = found.replace(marker, raw)
        elif place == "field":
            name = (b"\xadversions_seen\x80", b"\xadversions_seen" + raw) if kind == "msgpack" else (b'"versions_seen": {}', b'"versions_seen": ' + raw)
            assert name[0] in found
            found = found.replace(*name)
        saver.conn.execute("UPDATE checkpoints SET checkpoint = ? WHERE thread_id = ?", (found, thread))
        if place == "metadata":
            metadata = '{"source": "input", "step": 1, "parents": {}, "deep": %s}' % text
            saver.conn.execute("UPDATE checkpoints SET metadata = ? WHERE thread_id = ?", (metadata.encode(), thread))
        elif place == "pending write":
            saver.conn.execute("UPDATE writes SET type = ?, value = ? WHERE thread_id = ?", (kind, raw, thread))
        saver.conn.commit()
    return thread


def levels(value):
    """How deeply a list is nested: comparing two of them would use the stack."""
    found = 0
    while isinstance(value, list) and value:
        value, found = value[0], found + 1
    return found


def read(saver, thread):
    """The depth of each value as a saver reads them, or None if the saver cannot read the checkpoint."""
    try:
        found = saver.get_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}})
    except (RecursionError, ValueError):
        return None
    assert found is not None
    deep = found.metadata.get("deep"), found.checkpoint["channel_values"].get("deep"), found.checkpoint["versions_seen"], found.pending_writes[0][2]
    return [levels(value) for value in deep]


def test_values_that_are_nested_deeply(ready, call_module, path):
    """Whatever SqliteSaver can read, up to 900 levels, is imported. PostgresSaver reads the same of whatever is imported."""
    threads = {write(path, place, kind, depth): depth for place in PLACES for kind in ("msgpack", "json") for depth in DEPTHS}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "last", {"flat": [1]})
        expected = {thread: read(saver, thread) for thread in threads}
    assert any(each is None for each in expected.values()) and any(each and 900 in each for each in expected.values())
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip", verify="full"), ready)
    rejected = {each["thread_id"]: each["reason"] for each in done["rejected"]["sample"]}
    assert done["verified"]["differences"] == 0 and done["remaining"] == 0
    assert done["threads"]["written"] == len(threads) + 1 - len(rejected)
    with PostgresSaver.from_conn_string(ready.conninfo(ready.app)) as saver:
        for thread, depth in threads.items():
            if expected[thread] is not None:
                # Between 900 and 1000 levels, whether json can write a value depends on the stack.
                assert thread not in rejected or depth > 900, rejected[thread]
            if expected[thread] is not None and thread not in rejected:
                assert read(saver, thread) == expected[thread], thread
    again = assert_succeeded(run(call_module, ready, path, on_unreadable="skip", verify="full", on_conflict="replace"), ready)
    assert again["changed"] is False


def test_without_skip_the_message_names_the_checkpoint(ready, call_module, path):
    thread = write(path, "metadata", "msgpack", 5000)
    assert_refused(run(call_module, ready, path), thread, "metadata is not JSON", "on_unreadable=skip", databases=[ready])


def test_a_value_that_the_server_cannot_parse(ready, call_module, path):
    """max_stack_depth limits how deeply JSON can be nested."""
    deep = write(path, "metadata", "msgpack", 990)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "last", {"flat": [1]})
    ready.execute("ALTER DATABASE \"%s\" SET max_stack_depth = '100kB'" % ready.name)
    done = assert_succeeded(run(call_module, ready, path, on_unreadable="skip"), ready)
    ((thread, reason),) = [(each["thread_id"], each["reason"]) for each in done["rejected"]["sample"]]
    assert thread == deep and "stack depth limit exceeded" in reason
    assert done["threads"]["written"] == 1
