# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time in a version 6 UUID, which is the id of a checkpoint."""

from __future__ import annotations

import functools
import uuid

# The Gregorian epoch of UUIDs, in seconds before the Unix epoch (RFC 9562, 5.1).
GREGORIAN = 12219292800


@functools.lru_cache(maxsize=1024)  # an id is used more than once while a page of threads is read
def creation_time(identifier: str) -> float | None:
    """The time in a version 6 UUID, in seconds since 1970; None for any other value."""
    try:
        value = uuid.UUID(identifier)
    except (ValueError, AttributeError, TypeError):
        return None
    if value.version != 6:
        return None
    number = value.int
    ticks = ((number >> 96) << 28) | (((number >> 80) & 0xFFFF) << 12) | ((number >> 64) & 0x0FFF)
    return ticks / 1e7 - GREGORIAN


@functools.lru_cache(maxsize=16)  # a policy compares each thread with the same time
def first_identifier(seconds: float) -> str:
    """The lowest version 6 UUID of a time, in seconds since 1970. As text in byte order, ids of earlier times sort before it."""
    digits = "%015x" % max(0, int((seconds + GREGORIAN) * 10**7))
    return "%s-%s-6%s-0000-000000000000" % (digits[:8], digits[8:12], digits[12:])
