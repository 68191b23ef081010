# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report in so few bytes that a job can carry one of each host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: evidence_digest
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: A short form of a report, for the artifacts of a job
description:
  - What P(stateops.langgraph.evidence#filter) made, without the schemas and with long texts and lists cut off, so that it stays small
    whatever the database holds.
options:
  _input:
    description: The report.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Hand the verdict to AWX
  ansible.builtin.set_stats:
    data:
      parity: "{{ report | stateops.langgraph.evidence_digest }}"
"""

RETURN = r"""
_value:
  description: The keys C(in_parity), C(level), C(summary), C(drift), C(drift_left_out), C(migrations), C(versions), C(orphans) and C(generated_at).
  type: dict
"""

# Ten findings of a kilobyte each, at the most.
FINDINGS = 10
PENDING = 50
LETTERS = 200


def evidence_digest(report):
    """The report without its schemas, bounded in size."""
    migrations = report["migrations"]
    return {
        "generated_at": report["generated_at"],
        **{key: _cut(report["verdict"][key]) for key in ("in_parity", "level", "summary")},
        "drift": [{key: _cut(text) for key, text in finding.items()} for finding in report["drift"][:FINDINGS]],
        "drift_left_out": max(0, len(report["drift"]) - FINDINGS),
        "migrations": {
            "recorded": migrations["recorded"],
            "expected": migrations["expected"],
            "pending": [each["version"] for each in migrations["pending"][:PENDING]],
        },
        "versions": {name: _cut(version) for name, version in report["versions"].items()},
        "orphans": {each["what"]: _cut(each["words"]) for each in report["orphans"]["in_words"]},
    }


def _cut(value):
    return value[: LETTERS - 1] + "…" if isinstance(value, str) and len(value) > LETTERS else value


class FilterModule:
    """The collection's filters."""

    def filters(self):
        """Names to functions."""
        return {"evidence_digest": evidence_digest}
