#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_verify
short_description: Assert parity with SQLite, then write, read and delete one checkpoint
version_added: 0.1.0
description:
  - Gathers the facts of M(stateops.langgraph.checkpoint_schema_info), then stores one checkpoint with a channel value and a pending write
    through C(PostgresSaver), reads it back, compares it, and deletes it.
  - Run with the application's credentials on the application's host, this shows that its role may do what a graph asks of it.
  - If gathering the facts fails, as with O(assert_parity), no checkpoint is written.
  - If the round trip fails, the facts are returned with the failure.
  - The checkpoint belongs to a thread of the module's own, one for each host, which is empty afterwards. Rows that an interrupted run left in it
    are removed. Behind a pooler in transaction mode no advisory lock holds, so each run uses a new thread, and no rows are removed.
author:
  - The stateops.langgraph authors (@stateops)
options:
  roundtrip:
    description:
      - When to write, read and delete one checkpoint.
      - V(in_parity) leaves it out where the two are not in parity; what drifted then need not fail a second time.
      - With V(never) the module only reads. Where the two are in parity it then makes sure by the catalog that the role has the rights
        that a saver needs, and fails with the C(GRANT) statements where it has not.
    type: str
    choices: [ always, in_parity, never ]
    default: always
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.parity
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
    details: Nothing is left that could be shown.
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - langgraph-checkpoint-sqlite in the virtualenv, where neither O(sqlite_path) nor O(sqlite_schema) is given
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_schema_info
notes:
  - In check mode the facts are gathered, and no checkpoint is written. A virtualenv or a database that is not there yet is no failure then;
    the module warns that nothing is known yet.
"""

EXAMPLES = r"""
- name: Prove that the application can go on in PostgreSQL
  stateops.langgraph.checkpoint_verify:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_path: /srv/agent/checkpoints.sqlite
    assert_parity: true
  register: verified

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ verified.parity.summary }}"
"""

RETURN = r"""
role:
  description: The role whose privileges counted, which is O(session_role) or the one that logged in.
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: str
  sample: langgraph_app
library:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:library).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    name: langgraph-checkpoint-postgres
    version: 3.2.0
versions:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:versions).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    postgresql: "18.6"
    langgraph-checkpoint-postgres: 3.2.0
migrations:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:migrations).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    recorded: 9
    expected: 9
    pending: []
postgres:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:postgres).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
    tables: []
sqlite:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:sqlite).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    engine: sqlite
    name: /srv/agent/checkpoints.sqlite
    exists: true
    elsewhere: []
    tables: []
parity:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:parity).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    in_parity: true
    level: compatible
    reference: /srv/agent/checkpoints.sqlite
    summary: "PostgreSQL is in parity with /srv/agent/checkpoints.sqlite (compatible): 17 identical, 5 equivalent, 5 expected, 0 drift"
    findings: []
orphans:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:orphans).
  returned: when the facts could be gathered, also where parity or the round trip then failed
  type: dict
  sample:
    writes: {count: 0, recent: 0, age_unknown: 0, limited: false, sampled_percent: null}
    blobs: {count: 0, sampled_percent: null}
    sqlite_writes: {count: 0, recent: 0, age_unknown: 0, limited: false}
roundtrip:
  description: What was written, read and deleted. Null where nothing was, by O(roundtrip) or in check mode.
  returned: success, when the facts could be gathered
  type: dict
  sample:
    thread_id: stateops.langgraph.checkpoint_verify/app1
    stale_rows_removed: 0
  contains:
    thread_id:
      description: The thread that was used and emptied.
      type: str
    stale_rows_removed:
      description: How many rows of an interrupted run were removed first. The task is RV(ignore:changed) where there were any.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import MUTUALLY_EXCLUSIVE, connection_argument_spec, facts_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.roundtrip import insist_on_rights, prove

APPLICATION = "stateops.langgraph.checkpoint_verify"


def main():
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **facts_argument_spec())
    spec["roundtrip"] = {"type": "str", "choices": ["always", "in_parity", "never"], "default": "always"}
    run_module(AnsibleModule(argument_spec=spec, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True), run)


def run(module):
    """Enter the virtualenv, read both sides and compare, then go there and back; returns the module's results."""
    params = module.params
    try:
        known = prepare(params)
        with open_connection(params, APPLICATION) as connection:
            results = gather(params, connection, known, module.warn)
            wanted = params["roundtrip"] == "always" or (params["roundtrip"] == "in_parity" and results["parity"]["in_parity"])
            if not module.check_mode and params["roundtrip"] == "never" and results["parity"]["in_parity"]:
                _with_facts(results, lambda: insist_on_rights(connection, params))
            if module.check_mode or not wanted:
                return dict(results, roundtrip=None)
            thread, swept = _with_facts(results, lambda: prove(connection, params, APPLICATION))
    except PrerequisiteMissing as absent:
        return nothing_yet(module, absent)
    return dict(results, changed=swept > 0, roundtrip={"thread_id": thread, "stale_rows_removed": swept})


def _with_facts(results, proof):
    """What a proof returns; the facts outlive its failure."""
    try:
        return proof()
    except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, the facts stand
        refusal = error if isinstance(error, ModuleError) else ModuleError(unexpected(error))
        refusal.results = {name: value for name, value in results.items() if name != "changed"}
        raise refusal from None


if __name__ == "__main__":
    main()
