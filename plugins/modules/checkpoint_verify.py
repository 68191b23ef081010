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
  - Run it with the application's credentials on the application's host to check that the role has all privileges that a graph needs.
  - The checkpoint contains characters of several scripts. It is stored with the settings that the login has in the database, such as C(client_encoding)
    and C(statement_timeout).
  - If gathering the facts fails, as with O(assert_parity), no checkpoint is written.
  - If the round trip fails, the facts are returned with the failure.
  - The checkpoint is stored in a separate thread for each host and role, which is empty afterwards. Rows from an interrupted run are removed from it.
    If another session uses that thread for more than 10 seconds, or behind a connection pooler in transaction mode, the run uses a new thread,
    and no rows are removed.
author:
  - The stateops.langgraph authors (@stateops)
options:
  roundtrip:
    description:
      - When to write, read and delete one checkpoint.
      - With V(in_parity) it is skipped if the two are not in parity, since it may then fail because of the drift.
      - If the round trip could run a trigger, a function or an expression of another role, the task fails for the owner of the tables and for superusers,
        and writes nothing. Log in as the application's role in this case.
      - With V(never) the module only reads. If the two are in parity, it checks in the catalog that the role has the privileges
        that a saver needs. If not, it fails and reports the C(GRANT) statements.
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
    details: The module leaves no change that a diff could show.
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - langgraph-checkpoint-sqlite in the virtualenv, if neither O(sqlite_path) nor O(sqlite_schema) is given
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_schema_info
notes:
  - In check mode the facts are gathered, and no checkpoint is written. The task does not fail if the virtualenv or the database does not exist yet;
    the module then warns that nothing is known yet.
"""

EXAMPLES = r"""
- name: Verify that the application can continue in PostgreSQL
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
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: str
  sample: langgraph_app
library:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:library).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    name: langgraph-checkpoint-postgres
    version: 3.2.0
versions:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:versions).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    postgresql: "18.6"
    langgraph-checkpoint-postgres: 3.2.0
migrations:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:migrations).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    recorded: 9
    expected: 9
    pending: []
setup_pending:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:setup_pending).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: list
  elements: str
  sample: []
postgres:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:postgres).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
    tables: []
sqlite:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:sqlite).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    engine: sqlite
    name: /srv/agent/checkpoints.sqlite
    exists: true
    elsewhere: []
    tables: []
parity:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:parity).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    in_parity: true
    level: compatible
    reference: /srv/agent/checkpoints.sqlite
    summary: "PostgreSQL is in parity with /srv/agent/checkpoints.sqlite (compatible): 17 identical, 5 equivalent, 5 expected, 0 drift"
    findings: []
orphans:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:orphans).
  returned: if the facts could be gathered, also if parity or the round trip failed
  type: dict
  sample:
    writes: {count: 0, recent: 0, age_unknown: 0, limited: false, sampled_percent: null}
    blobs: {count: 0, sampled_percent: null}
    sqlite_writes: {count: 0, recent: 0, age_unknown: 0, limited: false}
roundtrip:
  description: The round trip. Null if O(roundtrip) or check mode skipped it.
  returned: success, if the facts could be gathered
  type: dict
  sample:
    thread_id: stateops.langgraph.checkpoint_verify/app1/langgraph_app
    stale_rows_removed: 0
  contains:
    thread_id:
      description: The thread that was used and emptied.
      type: str
    stale_rows_removed:
      description: The number of rows from an interrupted run that were removed first. If there were any, RV(ignore:changed) is true.
      type: int
"""

from typing import TYPE_CHECKING, Any, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import MUTUALLY_EXCLUSIVE, connection_argument_spec, facts_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected, ended_by_setting
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import EVALUATED
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.roundtrip import check_privileges, run_roundtrip

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
APPLICATION = "stateops.langgraph.checkpoint_verify"


def main() -> None:
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **facts_argument_spec())
    spec["roundtrip"] = {"type": "str", "choices": ["always", "in_parity", "never"], "default": "always"}
    run_module(DatabaseModule(argument_spec=spec, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True), run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Enter the virtualenv, read both sides, compare, then run the round trip; returns the module's results."""
    params = module.params
    try:
        known = prepare(params)
        with connected(params, APPLICATION) as connection:
            results = gather(params, connection, known, module.warn)
            wanted = params["roundtrip"] == "always" or (params["roundtrip"] == "in_parity" and results["parity"]["in_parity"])
            if not module.check_mode and params["roundtrip"] == "never" and results["parity"]["in_parity"]:
                _with_facts(results, params, lambda: check_privileges(connection, params))
            if module.check_mode or not wanted:
                return dict(results, roundtrip=None)
            evaluated = [violation.describe() for violation in check_schema(Schema.from_dict(results["postgres"])) if violation.rule in EVALUATED]
            thread, stale_rows = _with_facts(results, params, lambda: run_roundtrip(connection, params, APPLICATION, evaluated))
    except PrerequisiteMissing as missing:
        return nothing_yet(module, missing)
    return dict(results, changed=stale_rows > 0, roundtrip={"thread_id": thread, "stale_rows_removed": stale_rows})


def _with_facts(results: dict[str, Any], params: dict[str, Any], check: Callable[[], Result]) -> Result:
    """The result of check(). If it fails, the facts are returned with the failure."""
    try:
        return check()
    except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the facts are returned
        failure = error if isinstance(error, ModuleError) else ended_by_setting(params, APPLICATION, error) or ModuleError(unexpected(error))
        failure.results = {name: value for name, value in results.items() if name != "changed"}
        raise failure from None


if __name__ == "__main__":
    main()
