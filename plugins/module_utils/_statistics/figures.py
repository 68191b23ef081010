# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure: its value, and how it was obtained."""

from __future__ import annotations

from typing import Any

# Counted; from PostgreSQL's own statistics; extrapolated from a random part of the rows or threads.
EXACT, ESTIMATE, SAMPLE = "exact", "estimate", "sample"
OUT_OF_TIME = "neither the rows nor a sample of them were read within time_limit and statement_timeout"


def figure(value: float | None, method: str | None, percent: float | None = None, reason: str | None = None) -> dict[str, Any]:
    """A figure as a module returns it."""
    return dict(method_of(method, percent, reason), value=None if value is None else int(round(value)))


def method_of(method: str | None, percent: float | None = None, reason: str | None = None) -> dict[str, Any]:
    """How a figure, or a group of figures, was obtained. percent: of what was read for a sample. reason: why there is no value."""
    return {"method": method, "sampled_percent": None if percent is None else float("%.4g" % percent), "reason": reason}


def missing(reason: str = OUT_OF_TIME) -> dict[str, Any]:
    """A figure that could not be obtained."""
    return figure(None, None, None, reason)
