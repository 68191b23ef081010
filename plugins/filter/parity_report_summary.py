# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parity report that is small enough for the artifacts of a job."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parity_report_summary
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: A parity report cut short for the artifacts of a job
description:
  - What P(stateops.langgraph.parity_report#filter) made, without the schemas and with long texts and lists cut off, so that it stays small
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
      parity: "{{ report | stateops.langgraph.parity_report_summary }}"
"""

RETURN = r"""
_value:
  description: The keys C(in_parity), C(level), C(summary), C(drift), C(drift_left_out), C(migrations), C(versions), C(orphans) and C(generated_at).
  type: dict
"""

from ansible_collections.stateops.langgraph.plugins.plugin_utils._report import parity_report_summary


class FilterModule:
    """The collection's filters."""

    def filters(self):
        """Names to functions."""
        return {"parity_report_summary": parity_report_summary}
