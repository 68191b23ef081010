# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parity report of the facts that checkpoint_schema_info returns."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parity_report
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: A parity report of the facts that checkpoint_schema_info returns
description:
  - Arranges a result of M(stateops.langgraph.checkpoint_schema_info) as the data that the reports of role C(checkpointer) show.
    Its shape is in C(roles/checkpointer/files/report.schema.json).
  - Two results with the same facts get the same C(fingerprint), whenever they were read. The orphans are left out of it, since they come and go
    with the writes of a running application.
positional: []
options:
  _input:
    description: The result, in which RV(stateops.langgraph.checkpoint_schema_info#module:parity) has to be.
    type: dict
    required: true
  host:
    description: Where it was read.
    type: str
    required: true
  database:
    description: The keys C(server), C(port), C(name) and C(schema). No login.
    type: dict
    required: true
  orphan_grace:
    description: The seconds that the module was given.
    type: int
    required: true
  at:
    description: When it was read, in UTC as ISO 8601.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Keep the facts as JSON
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

from ansible.errors import AnsibleFilterError

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _report


def parity_report(info, host, database, orphan_grace, at):
    """The report, as roles/checkpointer/files/report.schema.json describes it."""
    try:
        return _report.parity_report(info, host, database, orphan_grace, at)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The collection's filters."""

    def filters(self):
        """Names to functions."""
        return {"parity_report": parity_report}
