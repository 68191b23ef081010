# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""writes.py: which pending writes PostgresSaver could not return."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable
from ansible_collections.stateops.langgraph.plugins.module_utils._import.writes import write_row

GOOD = {"task": b"task", "number": 0, "path": b"~1", "channel": b"channel", "kind": b"msgpack", "value": b"\xc0"}


@pytest.mark.parametrize("change, kept", [
    ({}, b"\xc0"),
    ({"kind": b"null", "value": None}, b""),
    ({"path": b"a\\b"}, b"\xc0"),
    ({"value": b"a\\b\0\xff"}, b"a\\b\0\xff"),
    ({"number": -(2**31)}, b"\xc0"),
    ({"number": 2**31 - 1}, b"\xc0"),
])  # fmt: skip
def test_accepted(change, kept):
    row = dict(GOOD, **change)
    assert write_row(tuple(row.values())) == (*list(row.values())[:5], kept)


@pytest.mark.parametrize("change, reason", [
    *(({name: b"a\\b"}, "backslash") for name in ("task", "channel", "kind")),
    *(({name: b"a\0b"}, "NUL") for name in ("task", "path", "channel", "kind")),
    *(({name: b"a\xffb"}, "not UTF-8") for name in ("task", "path", "channel", "kind")),
    *(({name: 7}, "not text") for name in ("task", "path", "channel")),
    # Two halves of one character in adjacent columns.
    ({"path": b"a\xc3", "channel": b"\xa4b"}, "not UTF-8"),
    ({"kind": None}, "no type"),
    ({"value": None}, "is NULL"),
    ({"number": 2**31}, "integer cannot hold"),
    ({"number": b"0"}, "integer cannot hold"),
])  # fmt: skip
def test_rejected(change, reason):
    with pytest.raises(Unreadable, match=reason):
        write_row(tuple(dict(GOOD, **change).values()))
