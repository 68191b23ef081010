#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_roundtrip
short_description: Write, read and delete one LangGraph checkpoint in PostgreSQL
version_added: 0.1.0
description:
  - Stores one checkpoint with a channel value and a pending write through C(PostgresSaver), reads it back, compares, and deletes it.
  - Run with the application's credentials on the application's host, this proves that its role may do what a graph will ask of it.
  - The thread is the module's own, one a host, and is empty afterwards. What an interrupted run left in it is removed.
  - Behind a pooler in transaction mode no lock holds, so the thread is one run's alone there, and nothing is removed.
author:
  - The stateops.langgraph authors (@stateops)
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
    details: Nothing is left that could be shown.
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_schema_info
  - module: stateops.langgraph.checkpoint_verify
notes:
  - It writes, though nothing stays. In check mode it does nothing, not even connect.
"""

EXAMPLES = r"""
- name: Prove that the application's role can work with checkpoints
  stateops.langgraph.checkpoint_roundtrip:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
"""

RETURN = r"""
library:
  description: The library that wrote and read.
  returned: success, outside check mode
  type: dict
  sample:
    name: langgraph-checkpoint-postgres
    version: 3.2.0
  contains:
    name:
      description: The name of the distribution.
      type: str
    version:
      description: Its version.
      type: str
thread_id:
  description: The thread that was written, read and deleted.
  returned: success, outside check mode
  type: str
  sample: stateops.langgraph.checkpoint_roundtrip/app1
stale_rows_removed:
  description: How many rows of an interrupted run were removed first. The task is RV(ignore:changed) where there were any.
  returned: success, outside check mode
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import library
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.roundtrip import prove
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter

APPLICATION = "stateops.langgraph.checkpoint_roundtrip"


def main():
    """Parse the options, then run the module."""
    module = AnsibleModule(argument_spec=connection_argument_spec(), supports_check_mode=True)
    run_module(module, run)


def run(module):
    """Enter the virtualenv, make sure of the rights, go there and back; returns the module's results."""
    params = module.params
    if module.check_mode:
        return {"changed": False, "msg": "Nothing is written in check mode."}
    enter(params["virtualenv"], params)
    known = library()
    with open_connection(params, APPLICATION) as connection:
        thread, swept = prove(connection, params, APPLICATION)
    return {"changed": swept > 0, "library": known.to_dict(), "thread_id": thread, "stale_rows_removed": swept}


if __name__ == "__main__":
    main()
