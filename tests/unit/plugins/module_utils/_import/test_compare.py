# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""compare.py: two JSON texts are the same document if json.loads(), which the saver uses, returns the same."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stateops.langgraph.plugins.module_utils._import.compare import same_document

NUMBERS = [0, -1, 1, True, 1.0, 2**53, 2.0**53, 2**63 - 1, 2**63, 2**64, 10**22, 1e22, 10**22 + 1, -(10**18), 0.1, 1e-7, 5e-324, 0.12345678901234567]
SCALARS = st.sampled_from(NUMBERS) | st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=4)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)


def canonical(value):
    """A text that differs if and only if json.loads() returns different values."""
    return json.dumps(value, sort_keys=True)


def reverse_keys(value):
    """The same value with the keys of each object in reverse order."""
    if isinstance(value, dict):
        return {key: reverse_keys(value[key]) for key in reversed(value)}
    return [reverse_keys(each) for each in value] if isinstance(value, list) else value


@given(VALUES, VALUES, st.booleans())
def test_comparison_as_json_reads_the_texts(one, other, spaced):
    expected, found = [[one]], [[other]]
    pairs = [(expected, found), (expected, reverse_keys(expected)), (one, other)]
    for left, right in pairs:
        written = json.dumps(left, ensure_ascii=spaced).encode("utf-8", "surrogatepass"), json.dumps(right, separators=None if spaced else (",", ":")).encode()
        assert same_document(*written) is (canonical(json.loads(written[0])) == canonical(json.loads(written[1])))


@pytest.mark.parametrize("around", ["[%s]", '{"a": %s}', '{"a":%s}', "[1,%s]", "[1, %s]", "%s", '["9999999999999999999", %s]'])
def test_numbers(around):
    for one, other in itertools.product(NUMBERS, repeat=2):
        texts = [(around % json.dumps(number)).encode() for number in (one, other)]
        assert same_document(*texts) is (json.dumps(one) == json.dumps(other)), texts


@pytest.mark.parametrize("one, other, same", [
    (b'"\\ud800"', b'"\\ud800"', True),
    (b'"\\ud800"', b'"\\ud801"', False),
    (b'"\\ud83d\\ude00"', '"\U0001f600"'.encode(), True),
    (b'"\\u0041"', b'"A"', True),
    (b"1e22", b"10000000000000000000000.0", True),
    (b"1e22", b"10000000000000000000000", False),
    (b"[" * 300 + b"1" + b"]" * 300, b"[" * 300 + b" 1" + b"]" * 300, True),
    (b"[" * 300 + b"1" + b"]" * 300, b"[" * 300 + b"2" + b"]" * 300, False),
    (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}', True),
    (b"[1, 2]", b"[2, 1]", False),
])  # fmt: skip
def test_texts(one, other, same):
    assert same_document(one, other) is same is same_document(other, one)
