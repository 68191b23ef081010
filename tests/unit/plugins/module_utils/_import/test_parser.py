# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""parser.py and jsonb.py: the parsed values are those that ormsgpack and json read."""

from __future__ import annotations

import json

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stateops.langgraph.plugins.module_utils._import.jsonb import dump, inline
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parser import Unreadable, parse_json, parse_msgpack, skip

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT | st.binary(max_size=40)
SCALARS |= st.builds(ormsgpack.Ext, st.integers(0, 127), st.binary(max_size=40))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT | st.integers(0, 9), inner, max_size=6), max_leaves=12)
OPTION = ormsgpack.OPT_NON_STR_KEYS


def pack(value):
    return ormsgpack.packb(value, option=OPTION)


@given(VALUES, st.binary(max_size=9))
def test_skip_ends_where_the_object_ends(value, after):
    raw = pack(value)
    assert skip(b"\xc0" + raw + after, 1) == 1 + len(raw)


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000])
def test_lengths_of_every_size(size):
    for value in ("x" * size, b"x" * size, [1] * size, {number: 1 for number in range(size)}, ormsgpack.Ext(7, b"x" * size)):
        raw = pack(value)
        assert skip(raw, 0) == len(raw)


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.dictionaries(TEXT, VALUES, max_size=6))
def test_each_channel_keeps_its_bytes(values, before):
    raw = pack({"v": 4, "channel_values": values, "channel_versions": {"a": "1"}})
    known = {name: pack(value) for name, value in dict(before, **dict(list(values.items())[:1])).items()}
    for some in (None, known):
        parsed = parse_msgpack(raw, some)
        assert parsed.values == {name: pack(value) for name, value in values.items()}
        assert parsed.fields == {"v": 4, "channel_versions": {"a": "1"}}


@given(st.dictionaries(TEXT, VALUES, max_size=5), st.data())
def test_a_truncated_checkpoint_is_unreadable(values, data):
    raw = pack({"v": 4, "channel_values": values, "channel_versions": {}})
    with pytest.raises(Unreadable):
        parse_msgpack(raw[: data.draw(st.integers(1, len(raw) - 1))])


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_unreadable(raw):
    for parse in (parse_msgpack, parse_json):
        try:
            parse(raw)
        except Unreadable:
            pass
        except IndexError:
            assert not raw


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(PLAIN, lambda i: st.lists(i) | st.dictionaries(TEXT, i), max_leaves=20)


@given(st.dictionaries(TEXT, JSON), st.sampled_from([None, 1]), st.booleans())
def test_json_is_split_at_the_right_positions(values, indent, ascii_):
    raw = json.dumps({"v": 1, "channel_values": values, "n": [1]}, indent=indent, ensure_ascii=ascii_).encode("utf-8")
    parsed = parse_json(raw)
    assert {name: json.loads(value) for name, value in parsed.values.items()} == values and parsed.fields == {"v": 1, "n": [1]}


@given(SCALARS.filter(lambda value: not isinstance(value, ormsgpack.Ext)))
def test_inline_values_are_unchanged(value):
    is_inline, found = inline("msgpack", pack(value))
    if is_inline:
        assert repr(found) == repr(value)
        assert repr(json.loads(dump([found]))) == repr([value])
        assert b"\\u0000" not in dump([found])
        assert not isinstance(value, float) or b"e" not in dump([found])


WHOLE = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda i: st.lists(i) | st.dictionaries(st.text(max_size=9), i))


def written(value, floats):
    try:
        return repr(json.loads(dump(value, floats)))
    except Unreadable as reason:
        return str(reason)


@given(WHOLE)
def test_a_value_without_floats_is_written_the_same_without_a_search_for_floats(value):
    assert written(value, False) == written(value, True)


@pytest.mark.parametrize("number", [b"\xcb\x44\x80\xf0\xcf\x06\x4d\xd5\x92", b"\xca\x60\xad\x78\xec", b"\x01"])
@pytest.mark.parametrize("channels", [0, 1])
@pytest.mark.parametrize("wide", [False, True])
def test_a_float_outside_the_channels_is_detected(number, channels, wide):
    """Other programs may write a float with 32 bits, or a map with a longer header."""
    start = b"\xde\x00\x03" if wide else b"\x83"
    raw = start + b"\xa1v\x04\xaechannel_values" + bytes([0x80 + channels]) + b"\xa1c\x01" * channels + b"\xb0channel_versions\x81\xa1c" + number
    parsed = parse_msgpack(raw)
    assert parsed.fields["channel_versions"] == {"c": ormsgpack.unpackb(number)} and len(parsed.values) == channels
    assert parsed.floats is (number != b"\x01")


@pytest.mark.parametrize("declared", range(1, 4))
def test_a_map_with_more_pairs_than_its_header_declares(declared):
    """The bytes after the end of a map may look like the rest of a larger map."""
    pairs = b"\xa1v\x04\xa1a\x01\xa1b\x01\xaechannel_values\x80" + b"".join(b"\xa1" + bytes([0x63 + number]) + b"\x01" for number in range(12 + declared))
    with pytest.raises(Unreadable):
        parse_msgpack(bytes([0x80 | declared]) + pairs)
