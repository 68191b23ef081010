# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that a run of the fault tests prints: each fault, how often it was tested, how often the test passed, and a message."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass

PROPERTY = "fault"


@dataclass
class Row:
    """One fault. survived: in how many of the `tried` tests the next run completed the schema and all messages were true.

    tried: 0 if the fault does not apply to this program. The message gives the reason.
    """

    fault: str
    who: str
    tried: int = 0
    survived: int = 0
    message: str = ""


class FaultTable:
    """Collects the rows of one test. They are part of the test's report, which pytest also receives from its other processes."""

    def __init__(self, properties):
        self._properties = properties

    def record(self, fault, who, survived, tried=1, message=""):
        """survived: a number of `tried`, or True or False for a single test."""
        self._properties.append((PROPERTY, asdict(Row(fault, who, tried, int(survived), message or ""))))


def collected(reports):
    """The rows of many reports, one for each fault and program."""
    rows = {}
    for report in reports:
        # The reports of a test's setup and teardown contain the same properties.
        for name, value in report.user_properties if getattr(report, "when", "") == "call" else ():
            if name == PROPERTY:
                row = rows.setdefault((value["fault"], value["who"]), Row(value["fault"], value["who"]))
                row.tried += value["tried"]
                row.survived += value["survived"]
                row.message = row.message or value["message"]
    return rows


def lines(rows, ours, theirs):
    """The lines of the table: one line per fault, and a second line with the message."""
    names = list(dict.fromkeys(fault for fault, _who in rows))
    line = "%%-%ds %%18s %%14s" % max(map(len, names), default=5)
    yield line % ("fault", ours, theirs)
    yield "-" * len(line % ("", "", ""))
    for fault in names:
        cells = [rows.get((fault, who)) for who in (ours, theirs)]
        yield line % (fault, *map(_count, cells))
        for who, cell in zip(("", "setup(): "), cells):
            if cell and cell.message:
                yield "    %s%s" % (who, textwrap.shorten(cell.message, 300, placeholder=" ..."))


def _count(row):
    if row is None:
        return ""
    return "%d of %d" % (row.survived, row.tried) if row.tried else "not applicable"
