# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a checkpoint from SQLite into the rows from which PostgresSaver reads the same checkpoint. It accesses no database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import ROW
from ansible_collections.stateops.langgraph.plugins.module_utils._import.jsonb import dump, inline, metadata, number, plain
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import VALUES, Unreadable, parse_json, parse_msgpack
from ansible_collections.stateops.langgraph.plugins.module_utils._import.seen import SeenValues
from ansible_collections.stateops.langgraph.plugins.module_utils._import.writes import require_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key, Pair

    # {(channel, version): (type, bytes)}
    Blobs = dict[Pair, tuple[str, bytes]]
    # (channel, version, mark, the row of its blob in COPY's binary format if it has one)
    Change = tuple[str, str, int, bytes]

# The extension code of a delta channel's snapshot, and the position of the code by the first byte of an extension.
DELTA, CODES = 7, {0xC7: 2, 0xC8: 3, 0xC9: 5, **dict.fromkeys(range(0xD4, 0xD9), 1)}
# The kinds of a channel's value in a checkpoint. The last two bits of a value's mark are its kind, the other bits are a hash of its bytes.
ABSENT, INLINE, BLOB, DELTA_SNAPSHOT = range(4)
NOTHING: frozenset[tuple[bytes, int]] = frozenset()


class CheckpointRows:
    """A converted checkpoint: its columns, its blobs {(channel, version): (type, bytes)}, and its pending writes.

    versions: its channel_versions. marks: {channel: the mark of its value}, without absent values.
    checkpoint, metadata: JSON text as bytes, or None if there are only pending writes.
    """

    __slots__ = ("key", "parent", "checkpoint", "metadata", "versions", "blobs", "marks", "new", "variants", "writes", "sends", "alone", "exists", "written")

    def __init__(
        self, key: Key, parent: bytes | None, checkpoint: Any, meta: Any, versions: dict[str, Any], blobs: Blobs, marks: dict[str, int], sends: bool
    ) -> None:
        self.key, self.parent, self.checkpoint, self.metadata, self.sends = key, parent, checkpoint, meta, sends
        self.versions, self.blobs, self.marks = versions, blobs, marks
        # Filled by Converter.accept(): the blobs that no earlier checkpoint of the namespace has, and {(channel, version): the id of the checkpoint with
        # the first value} of the values that differ from the first one.
        self.new: list[Pair] = []
        self.variants: dict[Pair, bytes] = {}
        self.writes: list[tuple[Any, ...]] = []
        # Whether it is written without the reference to its parent, which is not imported.
        self.alone = False
        # Whether the row of the checkpoint exists in PostgreSQL, and (task, index) of the pending writes that exist.
        self.exists = False
        self.written: Collection[tuple[bytes, int]] = NOTHING

    def weight(self) -> int:
        """The approximate bytes of its values."""
        values = len(self.checkpoint or b"") + sum(len(value) for _kind, value in self.blobs.values()) + sum(len(row[-1]) for row in self.writes)
        return values + ROW * (1 + len(self.blobs) + len(self.writes))


class Converter:
    """Converts the checkpoints of one namespace after the other. accept() finds the values that several checkpoints share."""

    def __init__(self, cipher: Any = None) -> None:
        self.cipher = cipher
        self.namespace: tuple[bytes, bytes] | None = None
        # The bytes of the previous checkpoint's channels, and the hint for its layout.
        self.before: dict[str, bytes] = {}
        self.hint = (0, 0)
        # The first blob of each channel and version, the highest version of each channel as text, and {channel: (version, mark, id of the checkpoint with
        # the first value if that differs, id of the first checkpoint with this value)} of the latest checkpoint with the channel.
        self.seen = SeenValues()
        self.accepted: tuple[bytes, bytes] | None = None
        self.highest: dict[str, str] = {}
        self.previous: dict[str, tuple[str, int, bytes | None, bytes]] = {}

    def convert(self, row: tuple[Any, ...]) -> CheckpointRows:
        """The CheckpointRows of (thread, ns, id, parent, type, checkpoint, metadata), with text as bytes. Raises Unreadable."""
        thread, namespace, identifier, parent, kind, raw, meta = row
        require_text(thread, namespace, identifier, parent or b"")
        if (thread, namespace) != self.namespace:
            self.namespace, self.before = (thread, namespace), {}
        kind, cipher, raw = self._decrypted_checkpoint(kind, raw)
        parsed = parse_msgpack(raw, self.before, self.hint) if kind == "msgpack" else parse_json(raw)
        versions = parsed.fields.get("channel_versions")
        if not isinstance(parsed.fields.get("v"), int) or not isinstance(versions, dict):
            raise Unreadable("the checkpoint has no v or no channel_versions")
        inline_values: dict[str, Any] = {}
        blobs: Blobs = {}
        marks: dict[str, int] = {}
        floats = kind == "json" or parsed.floats
        for channel, value in parsed.values.items():
            version = versions.get(channel)
            if not isinstance(version, str):
                version = version_text(version)
            is_inline, inline_value = (False, None) if cipher else inline(kind, value)
            if is_inline:
                inline_values[channel] = inline_value
                marks[channel] = INLINE
                floats = floats or isinstance(inline_value, float)
            elif version is None or "\\" in channel or "\0" in channel:
                inline_values[channel] = self._without_blob(kind, value, channel, version, cipher)
                # The value may contain floats.
                marks[channel], floats = INLINE, True
            else:
                blobs[channel, version] = kind, value
                delta = is_delta(kind, value)
                marks[channel] = hash(value) & ~3 | (DELTA_SNAPSHOT if delta else BLOB)
                if delta and not cipher:
                    inline_values[channel] = True
        if kind == "msgpack":
            # Consecutive checkpoints share most values, and their layout.
            self.before, self.hint = parsed.values, parsed.hint
        fields = parsed.fields
        fields[VALUES] = inline_values
        if cipher:
            blobs = {pair: self._encrypted(kind, cipher, value) for pair, (kind, value) in blobs.items()}
        return CheckpointRows((thread, namespace, identifier), parent, dump(fields, floats), metadata(meta), versions, blobs, marks, parsed.sends)

    def accept(self, converted: CheckpointRows) -> None:
        """Set `new` and `variants` of a checkpoint that will be imported. All checkpoints that name a version of a channel share one blob: the first one."""
        if converted.checkpoint is None:
            return
        self._enter(converted.key)
        marks, previous, holder = converted.marks, self.previous, converted.key[2]
        for channel, version in converted.versions.items():
            if not isinstance(version, str):
                version = version_text(version) or ""
            mark, entry = marks.get(channel, ABSENT), previous.get(channel)
            if entry is None or entry[0] != version or entry[1] != mark:
                if self._is_new(channel, version, mark, holder):
                    converted.new.append((channel, version))
                entry = previous[channel]
            if entry[2] is not None:
                converted.variants[channel, version] = entry[2]
        self.seen.limit()

    def accept_changes(self, key: Key, changes: Iterable[Change]) -> tuple[list[bytes], dict[Pair, bytes]]:
        """Like accept(), for the channels that may differ from the previous checkpoint. Returns (the rows of new blobs, the variants)."""
        self._enter(key)
        rows: list[bytes] = []
        variants: dict[Pair, bytes] = {}
        previous, holder = self.previous, key[2]
        for channel, version, mark, row in changes:
            entry = previous.get(channel)
            if entry is None or entry[0] != version or entry[1] != mark:
                if self._is_new(channel, version, mark, holder):
                    rows.append(row)
                entry = previous[channel]
            if entry[2] is not None:
                variants[channel, version] = entry[2]
        self.seen.limit()
        return rows, variants

    def _enter(self, key: Key) -> None:
        if key[:2] != self.accepted:
            self.accepted, self.previous, self.highest = key[:2], {}, {}
            self.seen.clear()

    def _is_new(self, channel: str, version: str, mark: int, holder: bytes) -> bool:
        """Whether a value is the first blob of its version. Records the value."""
        new, first = bool(mark & BLOB), None
        if version > self.highest.get(channel, ""):
            # The usual case: LangGraph's versions increase, so no earlier checkpoint has this one.
            self.highest[channel] = version
            if new:
                self.seen.put(hash((channel, version)), mark, holder)
        else:
            new, first = self._first_holder(channel, version, mark, holder)
        self.previous[channel] = version, mark, first, holder
        return new

    def _first_holder(self, channel: str, version: str, mark: int, holder: bytes) -> tuple[bool, bytes | None]:
        """(whether this is the first blob of the version, the id of the checkpoint with the first value if that value differs, else None)."""
        place, before = hash((channel, version)), self.previous.get(channel)
        known = self.seen.get(place)
        new = known is None and bool(mark & BLOB)
        if new:
            self.seen.put(place, mark, holder)
        if known is None and before is not None and before[0] == version:
            # Without a blob, only the latest value of each channel is known.
            known = before[1], before[3]
        first, holder = known or (mark, holder)
        # A snapshot is also the state of checkpoints without a value.
        differs = first != mark and bool((first | mark) & BLOB) and {first & 3, mark & 3} != {ABSENT, DELTA_SNAPSHOT}
        return new, holder if differs else None

    def first_time(self, *what: Any) -> bool:
        """Whether this is the first call with these arguments in the current namespace."""
        place = hash(what)
        if self.seen.get(place) is not None:
            return False
        self.seen.put(place, ABSENT, b"")
        return True

    def values(self, row: tuple[Any, ...] | None) -> dict[str, tuple[str, bytes]]:
        """{channel: (type, bytes)} of a row of the file, after decryption. Raises Unreadable."""
        if row is None:
            return {}
        kind, _cipher, raw = self._decrypted_checkpoint(row[4], row[5])
        parsed = parse_msgpack(raw, {}, (0, 0)) if kind == "msgpack" else parse_json(raw)
        return {channel: (kind, value) for channel, value in parsed.values.items()}

    @staticmethod
    def without_checkpoint(key: Key) -> CheckpointRows:
        """CheckpointRows for pending writes only. Raises Unreadable."""
        require_text(*key)
        return CheckpointRows(key, None, None, None, {}, {}, {}, False)

    def _decrypted_checkpoint(self, kind: Any, raw: Any) -> tuple[str, str, bytes]:
        """(type, name of the cipher or "", bytes after decryption). Raises Unreadable."""
        if kind == b"msgpack" and raw is not None:
            return "msgpack", "", raw
        kind = "" if kind is None else kind.decode("utf-8", "replace")
        if raw is None:
            raise Unreadable("the checkpoint is NULL")
        kind, plus, cipher = kind.partition("+")
        if plus:
            if self.cipher is None:
                raise Unreadable("it is encrypted (type %s+%s). Give encryption_key" % (kind, cipher))
            try:
                raw = self.cipher.decrypt(cipher, raw)
            except (ValueError, AssertionError, KeyError) as error:
                raise Unreadable("it cannot be decrypted (type %s+%s): %s. Check encryption_key" % (kind, cipher, error)) from None
        if kind not in ("msgpack", "json"):
            raise Unreadable("a checkpoint of type %s cannot be parsed without running code from it" % (kind or "NULL"))
        return kind, cipher, raw

    def _encrypted(self, kind: str, cipher: str, value: bytes) -> tuple[str, bytes]:
        name, secret = self.cipher.encrypt(value)
        return "%s+%s" % (kind, name), secret

    def decrypted(self, kind: str, raw: bytes) -> tuple[str, bytes]:
        """(type, bytes) of a blob for a comparison: encrypting a value twice gives different bytes."""
        inner, plus, name = kind.partition("+")
        if not plus or self.cipher is None:
            return kind, raw
        try:
            return inner + "+", self.cipher.decrypt(name, raw)
        except (ValueError, AssertionError, KeyError):
            return kind, raw

    @staticmethod
    def _without_blob(kind: str, value: bytes, channel: str, version: str | None, cipher: str) -> Any:
        """The value of a channel that has to be stored in JSONB. Raises Unreadable."""
        why = "it has no version" if version is None else "PostgresSaver reads no blob of a channel with such a name"
        if cipher:
            raise Unreadable("the encrypted value of channel %r cannot be stored: %s" % (channel, why))
        try:
            return plain(kind, value)
        except Unreadable as reason:
            raise Unreadable("the value of channel %r cannot be stored: %s, and %s" % (channel, why, reason)) from None


def is_delta(kind: str, value: Any) -> bool:
    """Whether a value is a delta channel's snapshot."""
    if kind != "msgpack" or not isinstance(value, bytes):
        return False
    place = CODES.get(value[0])
    return place is not None and value[place] == DELTA


def version_text(version: Any) -> str | None:
    """A channel's version as jsonb_each_text() returns it; None if no blob can have this version."""
    if isinstance(version, str):
        return version
    if isinstance(version, bool) or not isinstance(version, (int, float)):
        return None
    return number(version) if isinstance(version, float) else str(version)
