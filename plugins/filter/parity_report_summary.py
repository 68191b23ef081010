# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shortens a parity report for the artifacts of a job."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parity_report_summary
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Shorten a parity report for the artifacts of a job
description:
  - Removes the schemas from a report of P(stateops.langgraph.parity_report#filter) and truncates long texts and lists, so that the size of
    the result is limited regardless of the content of the database.
options:
  _input:
    description: The report.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Pass the verdict to AWX as artifacts of the job
  ansible.builtin.set_stats:
    data:
      parity: "{{ report | stateops.langgraph.parity_report_summary }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary with the keys C(in_parity), C(level), C(summary), C(drift), C(drift_left_out), C(migrations), C(versions), C(orphans) and C(generated_at).
  type: dict
"""

from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.plugin_utils._report import parity_report_summary


class FilterModule:
    """The filter parity_report_summary."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"parity_report_summary": parity_report_summary}
