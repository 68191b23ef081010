# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scope of a run: LANGGRAPH_TEST_SCOPE is usual (`make test`), all (`make test-all`) or faults (`make faults`)."""

from __future__ import annotations

import os

import pytest

SCOPES = ("usual", "all", "faults")
SCOPE = os.environ.get("LANGGRAPH_TEST_SCOPE", "usual")
if SCOPE not in SCOPES:
    raise ValueError("LANGGRAPH_TEST_SCOPE is %r, expected one of %s" % (SCOPE, ", ".join(SCOPES)))
ALL = SCOPE != "usual"
EVERYWHERE = SCOPE == "faults"


def some(*variants):
    """The first of several variants of the same step, or all of them if the scope is larger than usual."""
    return variants if ALL else variants[:1]


def usual(values, number=1):
    """A test's parameters: the first ones run in the usual scope, the others are marked extended."""
    values = list(values)
    # A plain tuple contains several arguments; a named tuple is one argument.
    several = [isinstance(value, tuple) and not hasattr(value, "_fields") for value in values]
    more = [pytest.param(*(value if plain else [value]), marks=pytest.mark.extended) for value, plain in zip(values, several)]
    return values[:number] + more[number:]
