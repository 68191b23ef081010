# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shortens the report of a run of the role retention for the artifacts of a job."""

from __future__ import annotations

DOCUMENTATION = r"""
name: retention_summary
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Shorten the report of a run that applied retention policies
description:
  - Keeps the counts of a report of P(stateops.langgraph.retention_report#filter), and neither ids nor hashes.
options:
  _input:
    description: The report.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Pass the counts to AWX as artifacts of the job
  ansible.builtin.set_stats:
    data:
      retention: "{{ report | stateops.langgraph.retention_summary }}"
"""

RETURN = r"""
_value:
  description: The summary.
  type: dict
"""

from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.plugin_utils._retention import retention_summary


class FilterModule:
    """The filter retention_summary."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"retention_summary": retention_summary}
