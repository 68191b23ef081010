# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time in version 6 UUIDs, in both directions."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import GREGORIAN, creation_time, first_identifier

# The example of RFC 9562, A.5: 22 February 2022, 2:22:22 PM, five hours behind UTC.
VECTOR, CREATED = "1EC9414C-232A-6B00-B3C8-9F6BDECED846", 1645557742.0


def version_6(seconds, node=0x9F6BDECED846):
    """A version 6 UUID for a time: the timestamp of version 1 with its parts in order."""
    ticks = int(round((seconds + GREGORIAN) * 10**7))
    high, middle, low = ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0xFFF
    return str(uuid.UUID(int=high << 96 | middle << 80 | 6 << 76 | low << 64 | 0x8 << 60 | 0x3C8 << 48 | node))


def test_the_vector_of_the_standard():
    assert creation_time(VECTOR) == CREATED
    assert creation_time(VECTOR.lower().replace("-", "")) == CREATED


def test_a_version_1_uuid_with_its_parts_in_order_is_as_old():
    first = uuid.uuid1()
    high, middle, low = first.time >> 28, first.time >> 12 & 0xFFFF, first.time & 0xFFF
    same = uuid.UUID(int=high << 96 | middle << 80 | 6 << 76 | low << 64 | (first.int & (1 << 64) - 1))
    assert creation_time(str(same)) == first.time / 1e7 - GREGORIAN


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=-(10**9), max_value=4 * 10**9), st.integers(min_value=0, max_value=2**48 - 1))
def test_any_time_is_read_back(seconds, node):
    assert creation_time(version_6(seconds, node)) == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize(
    "identifier",
    [
        "C232AB00-9414-11EC-B3C8-9F6BDECED846",  # version 1, with the same time
        "919108F7-52D1-4320-9BAC-F847DB4148A8",  # version 4
        str(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org")),
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",  # version 7
        "1EC9414C-232A-6B00-73C8-9F6BDECED846",  # another variant
        "1EC9414C-232A-6B00-B3C8-9F6BDECED84",
        "1EC9414C-232A-6B00-B3C8-9F6BDECED8466",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "checkpoint-6",
        "",
        "é" * 36,
        None,
        6,
        b"1EC9414C-232A-6B00-B3C8-9F6BDECED846",
    ],
)
def test_ids_without_a_time(identifier):
    assert creation_time(identifier) is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40) | st.uuids().map(str))
def test_no_id_raises_an_error(identifier):
    assert creation_time(identifier) is None or uuid.UUID(identifier).version == 6


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=4 * 10**9), st.integers(min_value=0, max_value=2**48 - 1))
def test_the_first_id_of_a_time_separates_earlier_ids_from_later_ones(seconds, node):
    assert version_6(seconds - 1e-5, node) < first_identifier(seconds) <= version_6(seconds, node)
    assert creation_time(first_identifier(seconds)[:19] + "8000-000000000000") == pytest.approx(seconds, abs=1e-5)
