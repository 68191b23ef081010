# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with the column thread_ts: the advice of the message and of the import guide, followed with the script of the guide."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest
from assertions import assert_refused
from generations import sqlite_file
from import_runs import imported, run

pytestmark = pytest.mark.newest

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "docsite" / "rst" / "guide_import.rst"


def section():
    return GUIDE.read_text(encoding="utf-8").split("\nFiles with thread_ts\n")[1]


def move(tmp_path, old):
    """Run the guide's script; returns (its result, the new file)."""
    block = section().split(".. code-block:: python\n")[1].split("\n.. code-block::")[0]
    script, new = tmp_path / "move_thread_ts.py", tmp_path / "new.sqlite"
    script.write_text(textwrap.dedent(block), encoding="utf-8")
    return subprocess.run([sys.executable, "-W", "ignore", script, old, new], capture_output=True, text=True, check=False), new


def test_the_message_has_the_commands_of_the_guide(ready, call_module, path):
    sqlite_file(path, "thread_ts")
    message = run(call_module, ready, path)["msg"]
    blocks = [part.strip("\n").split("\n\n")[0] for part in section().split(".. code-block:: bash\n")[1:]]
    commands = [line.strip() for block in blocks for line in block.splitlines()]
    assert len(commands) == 3 and "\n".join(commands) in message, (commands, message)


@pytest.mark.parametrize("generation, writes", [("thread_ts", 2), ("thread_ts, no writes", 0)])
def test_a_file_of_that_generation_is_moved_and_imported(ready, call_module, path, tmp_path, generation, writes):
    old = sqlite_file(path, generation).read_bytes()
    assert_refused(run(call_module, ready, path), "thread_ts", databases=[ready])
    done, new = move(tmp_path, path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert path.read_bytes() == old
    imported(call_module, ready, new)
    with ready.saver() as saver:
        found = list(saver.list({"configurable": {"thread_id": "thread-1"}}))
    assert [each.checkpoint["channel_values"] for each in found] == [{"messages": ["hello", "hello"], "count": 1}, {"messages": ["hello"], "count": 0}]
    assert found[0].parent_config == found[1].config and found[0].metadata["step"] == 1
    assert found[0].pending_writes == [("task-1", "messages", ["world"]), ("task-1", "count", 2)][:writes]


def test_ids_and_versions_of_the_oldest_releases(ready, call_module, path, tmp_path):
    """langgraph 0.0.45 used the time as the id, and integers as versions. Current releases need UUIDs in the same order, and text."""
    times = ["2024-05-01T09:59:59.999999+00:00", "2024-05-01T10:00:00+00:00", "2024-05-01T10:00:00.000001+00:00"]
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE checkpoints (thread_id TEXT, thread_ts TEXT, parent_ts TEXT, checkpoint BLOB, metadata BLOB)")
        for number, time in enumerate(times):
            checkpoint = {"v": 1, "ts": time, "channel_values": {"a": [number]}, "channel_versions": {"a": number}, "versions_seen": {"node": {"a": number}}}
            row = ("t", time, times[number - 1] if number else None, json.dumps(checkpoint).encode(), b'{"source": "loop"}')
            file.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)
    done, new = move(tmp_path, path)
    assert done.returncode == 0, done.stderr
    imported(call_module, ready, new)
    with ready.saver() as saver:
        found = list(saver.list({"configurable": {"thread_id": "t"}}))
        assert [each.checkpoint["channel_values"] for each in found] == [{"a": [2]}, {"a": [1]}, {"a": [0]}]
        assert all(uuid.UUID(each.checkpoint["id"]).version == 6 for each in found)
        assert [each.parent_config for each in found] == [found[1].config, found[2].config, None]
        assert saver.get_next_version(found[0].checkpoint["channel_versions"]["a"], None) > found[0].checkpoint["channel_versions"]["a"]
        assert found[0].checkpoint["versions_seen"]["node"] == found[0].checkpoint["channel_versions"]


def test_pickled_checkpoints_are_counted(path, tmp_path):
    sqlite_file(path, "thread_ts, no metadata")
    done, _new = move(tmp_path, path)
    assert done.returncode == 1 and "2 pickled checkpoints" in done.stderr
