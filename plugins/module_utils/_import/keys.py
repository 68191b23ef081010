# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of rows. SQLite's text is kept as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    # (thread_id, checkpoint_ns, checkpoint_id), as bytes and as text.
    Key = tuple[bytes, bytes, bytes]
    TextKey = tuple[str, ...]
    # (checkpoint_ns, checkpoint_id)
    Place = tuple[bytes, bytes]
    # (channel, version) of a blob.
    Pair = tuple[str, str]


class Part(NamedTuple):
    """A range of the keys of a thread. after: the place before the first one. upto: the last place. None: the range is not limited."""

    thread: bytes
    after: Place | None
    upto: Place | None


# Characters of a text in a message or a result.
LETTERS = 3000


def sort_key(row: Any) -> tuple[bool, bytes]:
    """Sorts rows by their first column as SQLite does: text by its bytes, then all other values."""
    return not isinstance(row[0], bytes), row[0] if isinstance(row[0], bytes) else b""


def text(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def shown(raw: object) -> str:
    """A part of a key for a message or a result: the file may contain texts of any length, and PostgreSQL's keys have at most 2.7 kB."""
    whole = text(raw)
    return whole if len(whole) <= LETTERS else whole[:LETTERS] + "…"


def texts(key: Iterable[object]) -> TextKey:
    return tuple(map(text, key))


def is_text(raw: object) -> bool:
    """Whether a value can be stored as text in PostgreSQL."""
    try:
        return isinstance(raw, bytes) and "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def describe(key: Key) -> str:
    names = tuple(map(shown, key))
    return "Checkpoint %s of thread %s%s" % (names[2], names[0], ", namespace %s" % names[1] if names[1] else "")
