# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing, in PostgreSQL or in a SQLite file, that is not as the contract has it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import REPORT, RULES


@dataclass(frozen=True)
class Breach:
    """One thing that is not as setup() leaves it.

    rule: its name in RULES. table, object: by PostgreSQL's names where it has one. found, expected: in words.
    step: the key of the Step whose effect is missing, if one is. statement: what would put it right, where that can be said.
    """

    rule: str
    table: str
    object: str
    found: str
    expected: str
    step: tuple = ()
    statement: str = ""

    @property
    def action(self):
        """mend, refuse or report."""
        return RULES[self.rule].action

    @property
    def drift(self):
        """Whether it can break the application."""
        return self.action != REPORT

    @property
    def reason(self):
        """Why it matters, or why it does not."""
        return RULES[self.rule].told

    def describe(self):
        """The breach in a sentence."""
        text = "%s: found %s, expected %s (%s)" % (
            self.table if self.object == self.table else "%s.%s" % (self.table, self.object),
            self.found,
            self.expected,
            self.reason,
        )
        return "%s; to put it right: %s" % (text, self.statement) if self.statement else text
