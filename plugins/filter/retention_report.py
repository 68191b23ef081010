# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates the report of a run of the role retention."""

from __future__ import annotations

DOCUMENTATION = r"""
name: retention_report
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Create the report of a run that applied retention policies
description:
  - Converts the results of M(stateops.langgraph.checkpoint_prune) to the data that the reports of role C(retention) show.
    C(roles/checkpointer/files/retention_report.schema.json) describes the format.
positional: []
options:
  _input:
    description: The results of the policies, as dictionaries with the keys C(name), C(started_at), C(finished_at), C(failed) and C(result).
    type: list
    elements: dict
    required: true
  plan:
    description: What P(stateops.langgraph.retention_policies#filter) returned.
    type: dict
    required: true
  facts:
    description: A dictionary with the keys C(host), C(database), C(role), C(started_at), C(finished_at) and C(check). It must not contain a password.
    type: dict
    required: true
  show_threads:
    description: Whether the report contains ids, patterns and the values of metadata. Otherwise it contains their SHA-256 hashes.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Save the report as JSON
  ansible.builtin.copy:
    content: "{{ results | stateops.langgraph.retention_report(plan=plan, facts=facts) | to_json }}"
    dest: /srv/reports/app1-prune.json
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
"""

from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _retention


def retention_report(results: list[dict[str, Any]], plan: dict[str, Any], facts: dict[str, Any], show_threads: bool = False) -> dict[str, Any]:
    """The report."""
    return _retention.retention_report(plan, results, facts, show_threads)


class FilterModule:
    """The filter retention_report."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"retention_report": retention_report}
