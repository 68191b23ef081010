# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the columns of a pending write, and the text of keys."""

from __future__ import annotations

from typing import Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable

# Searching bytes for an int is faster than searching for a bytes object.
BACKSLASH, NUL = b"\\\0"


def require_text(*texts: Any) -> None:
    """Raise Unreadable if PostgreSQL cannot hold one of the texts."""
    try:
        # With the line break, bytes of an incomplete character at the end of one text and at the start of the next do not become valid.
        joined = b"\n".join(texts)
        joined.decode("utf-8")
        if NUL not in joined:
            return
    except (TypeError, UnicodeDecodeError):
        pass
    for text in texts:
        if not isinstance(text, bytes):
            raise Unreadable("a key column contains %r, which is not text" % (text,))
        if NUL in text:
            raise Unreadable("a key column contains NUL, which PostgreSQL's text cannot hold")
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("a key column is not UTF-8") from None


def write_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The columns of one pending write (task_id, idx, task_path, channel, type, value) after a check. Raises Unreadable."""
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
