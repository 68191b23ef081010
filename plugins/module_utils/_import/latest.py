# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that returns only the newest state of each thread. Of older checkpoints, only the keys are read."""

from __future__ import annotations

import itertools
import json
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._import.convert import Converter, is_delta
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import SENDS, Unreadable, parse_json, parse_msgpack
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import ThreadFilter
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import ParsedCheckpoint
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import Outline

    # (namespace, id of its newest checkpoint or None, the highest id of its pending writes or None)
    Namespace = tuple[bytes, "bytes | None", "bytes | None"]

# Read from the indexes only. The newest checkpoint is the one that the savers' get_tuple() returns: ORDER BY checkpoint_id DESC LIMIT 1.
NAMESPACES = """
SELECT thread_id, checkpoint_ns, max(newest), max(pending) FROM (
  SELECT thread_id, checkpoint_ns, max(checkpoint_id) AS newest, NULL AS pending FROM checkpoints
  WHERE thread_id BETWEEN CAST(:first AS TEXT) AND CAST(:last AS TEXT) GROUP BY thread_id, checkpoint_ns
  UNION ALL
  SELECT thread_id, checkpoint_ns, NULL, max(checkpoint_id) FROM writes
  WHERE thread_id BETWEEN CAST(:first AS TEXT) AND CAST(:last AS TEXT) GROUP BY thread_id, checkpoint_ns
) GROUP BY thread_id, checkpoint_ns ORDER BY thread_id, checkpoint_ns
"""
NEWER_WRITES = """
SELECT DISTINCT thread_id, checkpoint_ns, checkpoint_id FROM writes
WHERE thread_id = CAST(:thread AS TEXT) AND checkpoint_ns = CAST(:namespace AS TEXT)
AND (:newest IS NULL OR checkpoint_id > CAST(:newest AS TEXT)) ORDER BY checkpoint_id
"""
KEY = "thread_id = CAST(? AS TEXT) AND checkpoint_ns = CAST(? AS TEXT) AND checkpoint_id = CAST(? AS TEXT)"
EXISTS = "SELECT 1 FROM checkpoints WHERE " + KEY
WRITE_KEYS = "SELECT task_id, idx FROM writes WHERE " + KEY + " ORDER BY task_id, idx"
COUNT = "SELECT count(*) FROM checkpoints WHERE thread_id = CAST(? AS TEXT)"
# The metadata of a checkpoint whose graph has a DeltaChannel without a snapshot in this checkpoint; the second name is that of LangGraph.js.
DELTA_METADATA = (b'"counters_since_delta_snapshot"', b'"delta_writes_versioned"')
# Channels that usually have a version and no value, and are never a DeltaChannel.
EMPTY, BRANCH = frozenset(["__start__", "__pregel_tasks"]), "branch:"
# The number of threads for which the source remembers whether they are read whole.
REMEMBERED = 10000


class LatestSource(Source):
    """A Source that returns the newest checkpoint of each namespace with its pending writes, and what it needs.

    A thread with a DeltaChannel is returned whole, because the value of the channel is computed from older checkpoints. A checkpoint from before
    version 4 with pending sends needs its parent, since PostgresSaver reads the sends from the parent's pending writes. Pending writes without a
    checkpoint are returned if they are newer than the newest checkpoint: the application may be about to store their checkpoint.
    """

    def __init__(self, *args: Any, cipher: Any = None) -> None:
        self.inspector = Inspector(cipher)
        # {thread: None if it is returned whole, or {key of a checkpoint that needs its parent: id of the parent}}
        self.needs: dict[bytes, dict[Key, bytes | None] | None] = {}
        super().__init__(*args)

    def begin(self) -> None:
        self.needs.clear()
        super().begin()

    def whole(self, first: bytes, last: bytes) -> Iterator[Outline]:
        for thread, namespaces in self._threads(first, last):
            if self._needs(thread, namespaces) is None:
                yield from super().whole(thread, thread)
                continue
            for key in self._keys(thread, namespaces):
                yield key, self.row(key), self.writes(key)

    def outline(self, first: bytes, last: bytes) -> Iterator[Outline]:
        for thread, namespaces in self._threads(first, last):
            if self._needs(thread, namespaces) is None:
                yield from super().outline(thread, thread)
                continue
            for key in self._keys(thread, namespaces):
                yield key, self.connection.execute(EXISTS, key).fetchone() and True, self.connection.execute(WRITE_KEYS, key).fetchall()

    def long_thread(self, chosen: ThreadFilter) -> bytes | None:
        return None

    def has_parent(self, key: Key) -> bool:
        needs = self._needs(key[0])
        return needs is None or key in needs

    def whole_threads(self, threads: Sequence[bytes]) -> list[bytes]:
        return [thread for thread in threads if self._needs(thread) is None]

    def omitted(self, threads: Sequence[bytes], read: int) -> int:
        return sum(self.connection.execute(COUNT, (thread,)).fetchone()[0] for thread in threads) - read

    def _threads(self, first: bytes, last: bytes) -> Iterator[tuple[bytes, list[Namespace]]]:
        rows = self.connection.execute(NAMESPACES, {"first": first, "last": last})
        for thread, group in itertools.groupby(rows, key=operator.itemgetter(0)):
            yield thread, [row[1:] for row in group]

    def _keys(self, thread: bytes, namespaces: Sequence[Namespace]) -> Iterator[Key]:
        """The selected keys of a thread that is not returned whole, in order."""
        needs = self._needs(thread, namespaces) or {}
        for namespace, newest, pending in namespaces:
            if newest is not None:
                key = thread, namespace, newest
                parent = needs.get(key)
                if parent is not None:
                    yield thread, namespace, parent
                yield key
            if pending is not None and (newest is None or pending > newest):
                yield from self.connection.execute(NEWER_WRITES, {"thread": thread, "namespace": namespace, "newest": newest})

    def _needs(self, thread: bytes, namespaces: Sequence[Namespace] | None = None) -> dict[Key, bytes | None] | None:
        if thread not in self.needs:
            if len(self.needs) >= REMEMBERED:
                self.needs.clear()
            if namespaces is None:
                namespaces = [each for _thread, found in self._threads(thread, thread) for each in found]
            self.needs[thread] = self._inspect(thread, namespaces)
        return self.needs[thread]

    def _inspect(self, thread: bytes, namespaces: Sequence[Namespace]) -> dict[Key, bytes | None] | None:
        needs: dict[Key, bytes | None] = {}
        for namespace, newest, _pending in namespaces:
            row = None if newest is None else self.row((thread, namespace, newest))
            if row is None:
                continue
            signs = self.inspector.inspect(row)
            if signs.delta or signs.unclear and self._inherits_delta(row):
                return None
            if signs.sends:
                parent = row[3]
                # A parent whose id sorts higher would be the newest checkpoint.
                needs[row[:3]] = parent if parent and parent < row[2] and self.has_sends(thread, namespace, parent) else None
        return needs

    def _inherits_delta(self, row: tuple[Any, ...]) -> bool:
        """Whether the graph of the nearest ancestor from which this is clear has a DeltaChannel."""
        seen: set[Any] = set()
        while row[3] and row[3] not in seen:
            seen.add(row[3])
            parent = self.row((row[0], row[1], row[3]))
            if parent is None:
                break
            row, signs = parent, self.inspector.inspect(parent)
            if not signs.unclear:
                return signs.delta
        return False


class Signs(NamedTuple):
    """What a checkpoint shows: whether its graph has a DeltaChannel, whether this is unclear, whether it has pending sends."""

    delta: bool
    unclear: bool
    sends: bool


class Inspector(Converter):
    """Finds what a checkpoint needs besides its own row."""

    def inspect(self, row: tuple[Any, ...]) -> Signs:
        """The Signs of a row. All are false if convert() rejects the row."""
        metadata = row[6] or b""
        try:
            kind, _cipher, raw = self._decrypted_checkpoint(row[4], row[5])
            parsed = parse_msgpack(raw, {}, (0, 0)) if kind == "msgpack" else parse_json(raw)
        except (Unreadable, RecursionError):
            return Signs(False, False, False)
        delta = any(name in metadata for name in DELTA_METADATA) or any(is_delta(kind, value) for value in parsed.values.values())
        return Signs(delta, not delta and _is_unclear(parsed, metadata), parsed.sends or bool(parsed.fields.get(SENDS)))


def _is_unclear(parsed: ParsedCheckpoint, metadata: bytes) -> bool:
    """Whether a channel without a value may be a DeltaChannel: update_state() of langgraph 1.2.0 stored neither a snapshot nor the counters."""
    versions = parsed.fields.get("channel_versions")
    empty = set(versions if isinstance(versions, dict) else ()) - EMPTY - set(parsed.values)
    if all(channel.startswith(BRANCH) for channel in empty):
        return False
    try:
        return json.loads(metadata)["source"] != "loop"
    except (ValueError, KeyError, TypeError, RecursionError):
        return True
