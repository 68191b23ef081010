# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One checkpoint of SQLite as the rows that PostgreSQL's saver reads the same checkpoint from. Pure."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._import.copy_format import ROW
from ansible_collections.stateops.langgraph.plugins.module_utils._import.jsonb import dump, inline, metadata, number, plain
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import VALUES, Unreadable, cut_json, cut_msgpack

# The extension that marks a delta channel's snapshot, and where its code stands by the first byte of any extension.
DELTA, CODES = 7, {0xC7: 2, 0xC8: 3, 0xC9: 5, **dict.fromkeys(range(0xD4, 0xD9), 1)}
INLINE = "inline"
# A byte is found in bytes faster than bytes are.
BACKSLASH, NUL = b"\\\0"
# How many values of a thread are remembered; beyond that the database is asked.
REMEMBERED = 300000


class CheckpointRows:
    """A checkpoint as it is stored: its columns, its blobs {(channel, version): (type, bytes)}, and its pending writes.

    versions: its channel_versions. places: {(channel, version): a number that stands for the blob, of whatever thread}.
    """

    __slots__ = ("key", "parent", "checkpoint", "metadata", "versions", "blobs", "places", "writes", "sends", "exists", "written")

    def __init__(self, key, parent, checkpoint, meta, versions, blobs, sends):
        self.key, self.parent, self.checkpoint, self.metadata, self.versions, self.blobs, self.sends = key, parent, checkpoint, meta, versions, blobs, sends
        thread, space, _identifier = key
        self.places = {pair: hash((thread, space, pair)) for pair in blobs}
        self.writes = []
        # Whether the row itself is in PostgreSQL already, and which (task, index) of its pending writes.
        self.exists, self.written = False, ()

    def weight(self):
        """The bytes of its values, about."""
        values = len(self.checkpoint or b"") + sum(len(value) for _kind, value in self.blobs.values()) + sum(len(row[-1]) for row in self.writes)
        return values + ROW * (1 + len(self.blobs) + len(self.writes))


class Converter:
    """Makes Units of one thread's rows after the other, and sees to it that what they share is the same in each."""

    def __init__(self, cipher=None):
        self.cipher = cipher
        self.thread = self.space = None
        self.seen, self.before, self.hint = {}, {}, (0, 0)
        self.forgotten = False

    def unit(self, row):
        """The Unit of (thread, ns, id, parent, type, checkpoint, metadata), texts as bytes. Raises Unreadable."""
        thread, space, identifier, parent, kind, raw, meta = row
        require_text(thread, space, identifier, parent or b"")
        if thread != self.thread:
            self.thread, self.seen, self.forgotten = thread, {}, False
        if (thread, space) != self.space:
            self.space, self.before = (thread, space), {}
        if len(self.seen) > REMEMBERED:
            self.seen, self.forgotten = {}, True
        kind, cipher, raw = self._opened(kind, raw)
        cut = cut_msgpack(raw, self.before, self.hint) if kind == "msgpack" else cut_json(raw)
        versions = cut.fields.get("channel_versions")
        if not isinstance(cut.fields.get("v"), int) or not isinstance(versions, dict):
            raise Unreadable("the checkpoint has no v or no channel_versions")
        shown, blobs, marks, floats = {}, {}, {}, kind == "json" or cut.floats
        for channel, value in cut.values.items():
            version = versions.get(channel)
            if not isinstance(version, str):
                version = version_text(version)
            held, plainly = (False, None) if cipher else inline(kind, value)
            if held:
                shown[channel] = plainly
                marks[channel] = INLINE
                floats = floats or isinstance(plainly, float)
            elif version is None or "\\" in channel or "\0" in channel:
                shown[channel] = self._without_blob(kind, value, channel, version, cipher)
                # There may be some deep in it.
                marks[channel], floats = INLINE, True
            else:
                blobs[channel, version] = kind, value
                delta = is_delta(kind, value)
                marks[channel] = (hash(value),) if delta else hash(value)
                if delta and not cipher:
                    shown[channel] = True
        self._agree(space, versions, marks)
        if kind == "msgpack":
            # Checkpoints that follow each other share most values, and their layout.
            self.before, self.hint = cut.values, cut.hint
        fields = cut.fields
        fields[VALUES] = shown
        if cipher:
            blobs = {pair: self._sealed(kind, cipher, value) for pair, (kind, value) in blobs.items()}
        return CheckpointRows((thread, space, identifier), parent, dump(fields, floats), metadata(meta), versions, blobs, cut.sends)

    @staticmethod
    def bare(key):
        """A CheckpointRows for pending writes alone. Raises Unreadable."""
        require_text(*key)
        return CheckpointRows(key, None, None, None, {}, {}, False)

    def _opened(self, kind, raw):
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
            raise Unreadable("a checkpoint of type %s cannot be cut without running it" % (kind or "NULL"))
        return kind, cipher, raw

    def _sealed(self, kind, cipher, value):
        name, secret = self.cipher.encrypt(value)
        return "%s+%s" % (kind, name), secret

    def opened(self, kind, raw):
        """(type, bytes) of a blob as compared: two encryptions of the same are the same."""
        inner, plus, name = kind.partition("+")
        if not plus or self.cipher is None:
            return kind, raw
        try:
            return inner + "+", self.cipher.decrypt(name, raw)
        except (ValueError, AssertionError, KeyError):
            return kind, raw

    @staticmethod
    def _without_blob(kind, value, channel, version, cipher):
        why = "it has no version" if version is None else "PostgresSaver reads no blob of a channel with such a name"
        if cipher:
            raise Unreadable("the encrypted value of channel %r cannot be stored: %s" % (channel, why))
        try:
            return plain(kind, value)
        except Unreadable as reason:
            raise Unreadable("the value of channel %r cannot be stored: %s, and %s" % (channel, why, reason)) from None

    def _agree(self, space, versions, marks):
        """One blob a version serves every checkpoint that names the version: they must mean the same by it.

        marks: {channel: what it means}, a hash, one in a tuple where it is a delta channel's snapshot, or INLINE. Such a snapshot stands at one
        checkpoint and is the state of all that name its version, as it is with PostgresSaver's own.
        """
        seen = self.seen
        for channel, version in versions.items():
            if not isinstance(version, str):
                version = version_text(version)
            mine = marks.get(channel)
            place = hash((space, channel, version))
            known = seen.setdefault(place, mine)
            if known == mine or not (isinstance(known, (int, tuple)) or isinstance(mine, (int, tuple))):
                continue
            if (known is None and isinstance(mine, tuple)) or (mine is None and isinstance(known, tuple)):
                seen[place] = known or mine
                continue
            raise Unreadable("channel %r has two values under version %s, of which PostgreSQL can hold one" % (channel, version))


def is_delta(kind, value):
    """Whether a value is a delta channel's snapshot."""
    if kind != "msgpack" or not isinstance(value, bytes):
        return False
    place = CODES.get(value[0])
    return place is not None and value[place] == DELTA


def version_text(version):
    """A channel's version as jsonb_each_text() shows it; None where no blob can be found by it."""
    if isinstance(version, str):
        return version
    if isinstance(version, bool) or not isinstance(version, (int, float)):
        return None
    return number(version) if isinstance(version, float) else str(version)


def require_text(*texts):
    """Raise Unreadable where PostgreSQL cannot hold a text."""
    try:
        # The line's end keeps halves of a character apart.
        joined = b"\n".join(texts)
        joined.decode("utf-8")
        if NUL not in joined:
            return
    except (TypeError, UnicodeDecodeError):
        pass
    for text in texts:
        if not isinstance(text, bytes):
            raise Unreadable("a key column holds %r, which is no text" % (text,))
        if NUL in text:
            raise Unreadable("a key column holds NUL, which PostgreSQL's text cannot")
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("a key column is no UTF-8") from None


def write_row(row):
    """The columns of one pending write (task_id, idx, task_path, channel, type, value), checked. Raises Unreadable."""
    task, number, path, channel, kind, value = row
    require_text(task, path, channel, b"" if kind is None else kind)
    if kind is None:
        raise Unreadable("a pending write of channel %s has no type" % channel.decode("utf-8"))
    if BACKSLASH in channel or BACKSLASH in task or BACKSLASH in kind:
        raise Unreadable("PostgresSaver reads no pending write whose channel or task has a backslash in its name")
    if not isinstance(number, int) or not -(2**31) <= number < 2**31:
        raise Unreadable("a pending write has the index %r, which PostgreSQL's integer cannot hold" % (number,))
    if value is None:
        if kind != b"null":
            raise Unreadable("a pending write of channel %s is NULL" % channel.decode("utf-8"))
        value = b""
    return task, number, path, channel, kind, value
