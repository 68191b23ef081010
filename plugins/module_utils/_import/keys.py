# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of keys as it lies in a SQLite file: in bytes."""

from __future__ import annotations


def _place(found):
    """As SQLite sorts: texts by their bytes, then all that is no text."""
    return not isinstance(found[0], bytes), found[0] if isinstance(found[0], bytes) else b""


def text(raw):
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def texts(key):
    return tuple(map(text, key))


def is_text(raw):
    """Whether PostgreSQL may hold it at all."""
    try:
        return isinstance(raw, bytes) and "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def describe(key):
    names = texts(key)
    return "Checkpoint %s of thread %s%s" % (names[2], names[0], ", namespace %s" % names[1] if names[1] else "")
