# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""jsonb.py: a checkpoint's metadata from the file, as JSON text that JSONB returns unchanged."""

from __future__ import annotations

import json

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._import.jsonb import metadata
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable


@pytest.mark.parametrize("raw", [b"{}", b'{"step": -1, "source": "input"}', '{"a": "é", "b": [1, null, true, 2.5]}'.encode()])
def test_most_metadata_is_unchanged(raw):
    assert metadata(raw) == raw


@pytest.mark.parametrize(
    "raw, expected",
    [
        (None, {}),
        (b'{"step": 1, "writes": {"node": {"a": 1}}}', {"step": 1}),
        (b'{"writes": null}', {}),
        (b'{"a": {"writes": 1}}', {"a": {"writes": 1}}),
        (b'{"a": "\\u00e9"}', {"a": "\u00e9"}),
        (b'{"a": 1e22}', {"a": 1e22}),
    ],
)
def test_what_is_rewritten(raw, expected):
    found = metadata(raw)
    assert repr(json.loads(found)) == repr(expected)
    # JSONB would return it as an integer.
    assert b"e2" not in found


@pytest.mark.parametrize(
    "raw", [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": -0.0}', b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b"[1]", b"7", b"{", b"", b'{"a": "\xff"}']
)
def test_what_jsonb_cannot_hold_is_rejected(raw):
    with pytest.raises(Unreadable, match="metadata"):
        metadata(raw)
