# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates a parity report from the facts that checkpoint_schema_info returns."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parity_report
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Create a parity report from the facts that checkpoint_schema_info returns
description:
  - Converts a result of M(stateops.langgraph.checkpoint_schema_info) to the data that the reports of role C(checkpointer) show.
    C(roles/checkpointer/files/report.schema.json) describes the format.
  - Two results with the same facts have the same C(fingerprint), regardless of when they were read. The fingerprint does not include the orphans
    because their number changes while an application is running.
positional: []
options:
  _input:
    description: The result. It must contain RV(stateops.langgraph.checkpoint_schema_info#module:parity).
    type: dict
    required: true
  host:
    description: The name of the host on which the facts were read.
    type: str
    required: true
  database:
    description: The database, as a dictionary with the keys C(server), C(port), C(name) and C(schema). It must not contain a password.
    type: dict
    required: true
  orphan_grace:
    description: The value of the module's option O(stateops.langgraph.checkpoint_schema_info#module:orphan_grace).
    type: int
    required: true
  at:
    description: The time at which the facts were read, in UTC, in ISO 8601 format.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Save the parity report as JSON
  ansible.builtin.copy:
    content: "{{ facts | stateops.langgraph.parity_report(host=inventory_hostname, database=place, orphan_grace=3600, at=when) | to_json }}"
    dest: /srv/reports/app1.json
    mode: "0644"
  delegate_to: localhost
  vars:
    place: {server: db1.example.com, port: 5432, name: langgraph, schema: langgraph}
    when: "{{ now(utc=true).strftime('%Y-%m-%dT%H:%M:%SZ') }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _report


def parity_report(info: dict[str, Any], host: str, database: dict[str, Any], orphan_grace: int, at: str) -> dict[str, Any]:
    """The report, as roles/checkpointer/files/report.schema.json describes it."""
    try:
        return _report.parity_report(info, host, database, orphan_grace, at)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter parity_report."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"parity_report": parity_report}
