#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: awx_objects
short_description: Plan and carry out the steps that give the objects in AWX their described state
version_added: 0.1.0
author:
  - The stateops.langgraph authors (@stateops)
description:
  - Without O(step), checks the objects, reads AWX, and returns the steps in their order. It writes nothing. It fails if a step would fail.
  - With O(step), carries out one step with a module of awx.awx. The arguments of the module are the entry itself, with its organization,
    and with numbers in place of the names of other objects.
  - The role P(stateops.langgraph.awx#role) uses this module.
  - It runs on the controller.
requirements:
  - The collection awx.awx
options:
  objects:
    description:
      - The lists of the role P(stateops.langgraph.awx#role), such as C(awx_projects). Each entry has the options of a module of awx.awx.
    type: dict
    required: true
  organization:
    description: The organization of the entries that do not name one.
    type: str
    required: true
  step:
    description: A step that the module returned.
    type: dict
  label:
    description:
      - The label of the job templates and workflows that are compared with O(objects). A template or workflow with the label that is not in O(objects) is
        unmanaged. So is a schedule that is not in O(objects) although its template is. If the label is empty, nothing is unmanaged.
    type: str
    default: ""
  unmanaged:
    description:
      - With V(report), unmanaged objects are returned in RV(report) and kept. The same applies to the credentials, labels and notification templates
        that are attached to an object and not in its entry. Schedules of unmanaged job templates and workflows are turned off.
      - With V(remove), they are removed.
    type: str
    choices: [report, remove]
    default: report
  update_secrets:
    description: Whether secrets are sent again. Each object with a secret then reports a change, because AWX does not show whether they differ.
    type: bool
    default: false
  checkouts:
    description: Directories with checkouts of projects, by the name of the project. The playbooks of their job templates must exist there.
    type: dict
    default: {}
  data_file:
    description: A file with variables. One that begins with C(awx_) must be one of O(known_variables).
    type: path
    default: ""
  known_variables:
    description: The variables that can begin with C(awx_).
    type: list
    elements: str
    default: []
  controller_host:
    description: The address of AWX. If empty, E(CONTROLLER_HOST) is used.
    type: raw
  controller_oauthtoken:
    description: A token. If empty, E(CONTROLLER_OAUTH_TOKEN) is used.
    type: raw
  controller_username:
    description: A user name, instead of a token. If empty, E(CONTROLLER_USERNAME) is used.
    type: raw
  controller_password:
    description: The password of O(controller_username). If empty, E(CONTROLLER_PASSWORD) is used.
    type: raw
  validate_certs:
    description: Whether the certificate of AWX is verified. If empty, E(CONTROLLER_VERIFY_SSL) is used. Without both, it is verified.
    type: raw
extends_documentation_fragment:
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: With O(update_secrets=true), objects with secrets report a change each time.
"""

EXAMPLES = r"""
- name: Plan the steps
  stateops.langgraph.awx_objects:
    objects:
      awx_labels:
        - name: langgraph
    organization: Default
  register: plan

- name: Carry out the steps
  stateops.langgraph.awx_objects:
    objects:
      awx_labels:
        - name: langgraph
    organization: Default
    step: "{{ item }}"
  loop: "{{ plan.steps }}"
"""

RETURN = r"""
steps:
  description: The steps in their order. None contains a secret.
  returned: without step
  type: list
  elements: dict
  sample:
    - {kind: awx_labels, title: label langgraph, index: 0, stage: create, new: true, pending: false, keep: {}, restricted: false}
report:
  description: A sentence for each object in AWX that differs from the data and is left, or is removed without an entry of its own.
  returned: without step
  type: list
  elements: str
  sample: ["job template langgraph verify is not in the data and is kept"]
id:
  description: The number of the object.
  returned: with step, if the module of awx.awx returns it
  type: int
  sample: 42
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "objects": {"type": "dict", "required": True},
    "organization": {"type": "str", "required": True},
    "step": {"type": "dict"},
    "label": {"type": "str", "default": ""},
    "unmanaged": {"type": "str", "choices": ["report", "remove"], "default": "report"},
    "update_secrets": {"type": "bool", "default": False, "no_log": False},
    "checkouts": {"type": "dict", "default": {}},
    "data_file": {"type": "path", "default": ""},
    "known_variables": {"type": "list", "elements": "str", "default": []},
    "controller_host": {"type": "raw"},
    "controller_oauthtoken": {"type": "raw", "no_log": True},
    "controller_username": {"type": "raw"},
    "controller_password": {"type": "raw", "no_log": True},
    "validate_certs": {"type": "raw"},
}


def main() -> None:
    """Fail: Ansible runs the action plugin of this name in place of the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="This module runs on the controller, through its action plugin. Use it in a task of a playbook.")


if __name__ == "__main__":
    main()
