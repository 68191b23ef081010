# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that a run of the faults ends in: what was tried, how often, what was left, and what the message was."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass

PROPERTY = "fault"


@dataclass
class Row:
    """One fault. survived: of tried, how often the state was whole after the next run, and every word about it true."""

    fault: str
    who: str
    tried: int = 0
    survived: int = 0
    message: str = ""


class Ledger:
    """Collects the rows of one test; they travel with its report, also from another process."""

    def __init__(self, properties):
        self._properties = properties

    def record(self, fault, who, survived, tried=1, message=""):
        """survived: how often of `tried`, or whether, where it was once."""
        self._properties.append((PROPERTY, asdict(Row(fault, who, tried, int(survived), message or ""))))


def collected(reports):
    """Rows of many reports, one for each fault and contender."""
    rows = {}
    for report in reports:
        # The reports of a test's setup and teardown carry the same properties.
        for name, value in report.user_properties if getattr(report, "when", "") == "call" else ():
            if name == PROPERTY:
                row = rows.setdefault((value["fault"], value["who"]), Row(value["fault"], value["who"]))
                row.tried += value["tried"]
                row.survived += value["survived"]
                row.message = row.message or value["message"]
    return rows


def lines(rows, ours, theirs):
    """The table, a fault a line; a second line has the message."""
    yield "%-58s %18s %18s" % ("fault", ours, theirs)
    yield "-" * 96
    for fault in dict.fromkeys(fault for fault, _who in rows):
        cells = [rows.get((fault, who)) for who in (ours, theirs)]
        yield "%-58s %18s %18s" % (fault[:58], *("%d of %d" % (cell.survived, cell.tried) if cell else "" for cell in cells))
        for who, cell in zip(("", "setup(): "), cells):
            if cell and cell.message:
                yield "    %s%s" % (who, textwrap.shorten(cell.message, 300, placeholder=" ..."))
