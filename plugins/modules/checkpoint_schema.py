#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_schema
short_description: Create and upgrade LangGraph's checkpoint tables in PostgreSQL
version_added: 0.1.0
description:
  - Brings the tables of C(langgraph-checkpoint-postgres) to what the installed library needs, through LangGraph's own PostgresSaver.setup().
  - Reads the catalog before and after. RV(ignore:changed) is the difference, whatever version number the database records, and a
    schema that is still not right afterwards is a failure.
  - A database that has everything is left alone, and a role that may only read it suffices for that.
  - Runs that meet wait for each other, whichever hosts they come from.
author:
  - The stateops.langgraph authors (@stateops)
options:
  state:
    description:
      - V(present) makes what is missing and mends what setup() passes over (INVALID or missing indexes, a missing C(task_path), lost defaults).
      - V(absent) drops the four tables that setup() makes, and nothing else.
    type: str
    choices: [ present, absent ]
    default: present
  force:
    description:
      - With O(state=absent), drop the tables even though they hold checkpoints.
    type: bool
    default: false
  adopt:
    description:
      - Take ownership of tables that another role made, typically an application that calls setup() itself at start.
      - The role that logs in must be a member of their owner. Remove setup() from the application then.
    type: bool
    default: false
  app_roles:
    description:
      - Roles of the application that get exactly the privileges that a saver needs on the four tables, and USAGE on the schema. The owner grants
        them, and the catalog is read again afterwards.
      - Other privileges of these roles and of C(PUBLIC) on the tables are revoked, and default privileges that would open later tables to them.
      - A privilege that a role has through a membership is an error that names the C(REVOKE) statement. Other roles keep what they have.
      - Without roles no privilege is read or changed. With O(state=absent) the option has no effect.
    type: list
    elements: str
    default: []
  lock_wait:
    description:
      - Seconds to wait for another run of this module on the same schema.
    type: int
    default: 300
  lock_timeout:
    description:
      - Seconds that a statement may wait for a lock, and that sessions in the way are waited for before the first write.
      - With V(0) statements wait without limit, and sessions in the way are waited for as long as O(lock_wait) says.
    type: int
    default: 30
  statement_timeout:
    description:
      - Seconds that a statement may take, which bounds the building of an index on a large table. V(0) for no limit.
    type: int
    default: 1800
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: full
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
seealso:
  - module: stateops.langgraph.checkpoint_schema_info
  - module: stateops.langgraph.checkpoint_verify
  - name: Persistence in LangGraph
    description: What checkpoints are and what they are for.
    link: https://docs.langchain.com/oss/python/langgraph/persistence
notes:
  - In check mode, a virtualenv or a database that is not there yet is no failure. The module then answers RV(ignore:changed=true)
    and warns that the plan cannot be read yet.
  - Behind a pooler in transaction mode the module refuses to work, since neither locks nor settings hold there.
"""

EXAMPLES = r"""
- name: Create or upgrade the checkpoint tables
  stateops.langgraph.checkpoint_schema:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_owner
    login_password: "{{ vault_langgraph_owner_password }}"
    login_db: langgraph
    schema: langgraph
    app_roles: [langgraph_app]

- name: Take over the tables that an application made for itself
  stateops.langgraph.checkpoint_schema:
    virtualenv: /opt/langgraph/venv
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    session_role: langgraph_owner
    login_db: langgraph
    schema: langgraph
    adopt: true

- name: Drop the tables again, with all the checkpoints in them
  stateops.langgraph.checkpoint_schema:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_owner
    login_password: "{{ vault_langgraph_owner_password }}"
    login_db: langgraph
    schema: langgraph
    state: absent
    force: true
"""

RETURN = r"""
grants:
  description: The statements that were executed to bring the privileges of O(app_roles) to what a saver needs, or would be in check mode.
  returned: success, with O(state=present), when the database could be read
  type: list
  elements: str
  sample:
    - GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE langgraph.checkpoints TO langgraph_app
library:
  description: The library whose setup() decides what is needed. Not there with O(state=absent).
  returned: success, when the virtualenv could be entered
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
migrations:
  description: The library's migrations against the ledger C(checkpoint_migrations) and the catalog.
  returned: when the database could be read, also where a run stopped after its first write
  type: dict
  contains:
    before:
      description: The newest version that the ledger recorded before, or null.
      type: int
      sample: 4
    after:
      description: The newest version that it records now; in check mode, that it would record.
      type: int
      sample: 9
    pending:
      description: What was missing before, by the ledger or by the catalog.
      type: list
      elements: dict
      contains:
        version:
          description: The migration's number.
          type: int
        sql:
          description: Its statement.
          type: str
        reason:
          description: Why it is pending.
          type: str
      sample:
        - version: 9
          sql: ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS task_path TEXT NOT NULL DEFAULT '';
          reason: not recorded
    applied:
      description: The migrations that this run added to the ledger; empty in check mode.
      type: list
      elements: dict
      contains:
        version:
          description: The migration's number.
          type: int
        sql:
          description: Its statement.
          type: str
      sample:
        - version: 9
          sql: ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS task_path TEXT NOT NULL DEFAULT '';
repaired:
  description: What setup() passes over and this run mended; in check mode, would mend.
  returned: success, with O(state=present), when the database could be read
  type: list
  elements: dict
  contains:
    table:
      description: The table.
      type: str
    object:
      description: The column or index.
      type: str
    found:
      description: What was wrong with it.
      type: str
    statements:
      description: The SQL that mends it.
      type: list
      elements: str
  sample:
    - table: checkpoints
      object: checkpoints_thread_id_idx
      found: INVALID
      statements:
        - DROP INDEX CONCURRENTLY "public"."checkpoints_thread_id_idx";
        - CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_thread_id_idx ON checkpoints(thread_id);
schema:
  description:
    - The tables as they stand after the run, in check mode as they would stand.
    - Has the shape of RV(stateops.langgraph.checkpoint_schema_info#module:postgres).
  returned: success, when the database could be read
  type: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
    tables: []
"""

from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import library
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.apply import converge, plan_for
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.drop import removal, remove
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.grants import (
    converge_grants,
    insist_on_grants,
    read_grants,
    revoke_defaults,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import Limits, MigrationTarget, applied, read_state, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import configure_session, take_role
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter

APPLICATION = "stateops.langgraph.checkpoint_schema"


def main():
    """Parse the options, then run the module."""
    spec = connection_argument_spec()
    spec.update(
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        force={"type": "bool", "default": False},
        adopt={"type": "bool", "default": False},
        app_roles={"type": "list", "elements": "str", "default": []},
        lock_wait={"type": "int", "default": 300},
        lock_timeout={"type": "int", "default": 30},
        statement_timeout={"type": "int", "default": 1800},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run_module(module, run)


def run(module):
    """What the module does; in check mode, something that an earlier task would have made may be absent."""
    try:
        return _work(module, module.params)
    except PrerequisiteMissing as absent:
        if not module.check_mode:
            raise
        module.warn("The plan cannot be read yet, so this task says changed: %s" % absent.message)
        return {"changed": True, "msg": "The plan cannot be read yet: %s" % absent.message}


def _work(module, params):
    """Enter the virtualenv, read, decide, act unless in check mode, read again; returns the module's results."""
    enter(params["virtualenv"], params)
    known = library() if params["state"] == "present" else None
    with open_connection(params, APPLICATION) as connection:
        if pooler_mode(connection, params, APPLICATION) == "transaction":
            raise ModuleError("A pooler in transaction mode stands before the server: neither locks nor settings hold there. Connect to the server itself.")
        target = MigrationTarget(params["schema"], known, params["adopt"], params["session_role"])
        limits = Limits(params["lock_wait"], params["lock_timeout"], params["statement_timeout"])
        if params["state"] == "absent":
            return _absent(module, connection, target, limits)
        return _present(module, connection, target, limits)


def _present(module, connection, target, limits):
    before = read_state(connection, target)
    before = _schema_to_come(module, before)
    plan = plan_for(connection, target, before)
    after = plan.after if module.check_mode else before
    roles, grants = module.params["app_roles"], []
    if roles:
        steps = read_grants(connection, target, roles, _coming(plan, before))
        insist_on_grants(steps)
        grants = [step.statement for step in steps if step.allowed]
        for step in steps:
            if not step.allowed:
                module.warn("%s. As the owner of that object or as a superuser, run: %s;" % (step.reason, step.statement))
    if not module.check_mode and (grants or not plan.empty):
        take_role(connection, target.role)
        before, plan, after, grants = _carry_out(module, connection, target, limits, (before, plan, after), roles)
    known = target.library
    if known.unknown:
        module.warn(
            "%s brings migrations that this collection does not know (%s): setup() runs them, but what they leave was not checked."
            % (known.version, ", ".join(str(number) for number in known.unknown))
        )
    if before.version is not None and before.version > known.newest:
        module.warn(
            "The ledger records version %s, and langgraph-checkpoint-postgres %s knows up to %s. The schema satisfies it, so a rollback to it works."
            % (before.version, known.version, known.newest)
        )
    for index in plan.building:
        module.warn("Another session is building %s right now." % index)
    return {
        **_outcome(module, before, after, grants),
        "grants": grants,
        "library": known.to_dict(),
        "migrations": {
            "before": before.version,
            "after": after.version,
            "pending": plan.pending_list(),
            "applied": [] if module.check_mode else applied(known, before, after),
        },
        "repaired": [repair.to_dict() for repair in plan.repairs],
    }


def _coming(plan, before):
    """The tables that carrying out the plan creates or adopts."""
    there = {table.name for table in before.schema.tables}
    adopted = [table.name for table in plan.foreign] if plan.adopting else []
    return adopted + [table.name for table in plan.after.schema.tables if table.name not in there]


def _carry_out(module, connection, target, limits, found, roles):
    """(before, plan, after, statements of the grants). The privileges on later tables are revoked before a table is created."""
    (before, plan, after), revoked, granted = found, [], []
    try:
        if roles:
            revoked = revoke_defaults(connection, read_grants(connection, target, roles))
        if not plan.empty:
            before, plan, after = converge(connection, target, limits, lambda: open_connection(module.params, APPLICATION))
        if roles:
            granted = converge_grants(connection, target, roles, limits.lock_wait)
    except ModuleError as error:
        error.changed = error.changed or bool(revoked) or state_differs(before, after)
        raise
    return before, plan, after, revoked + granted


def _schema_to_come(module, reading):
    """In check mode a missing schema may be one that an earlier task of the play would make."""
    if reading.schema.exists or not module.check_mode:
        return reading
    module.warn("Schema %s does not exist yet; the plan supposes that an earlier task makes it." % reading.schema.name)
    return reading.with_schema()


def _absent(module, connection, target, limits):
    before = read_state(connection, target)
    take_role(connection, target.role)
    configure_session(connection, target.schema, {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout})
    after = removal(connection, target, before, module.params["force"])
    if state_differs(before, after) and not module.check_mode:
        before, after = remove(connection, target, limits, module.params["force"], lambda: open_connection(module.params, APPLICATION))
    return {
        **_outcome(module, before, after),
        "migrations": {"before": before.version, "after": after.version, "pending": [], "applied": []},
    }


def _outcome(module, before, after, grants=()):
    """What both states return: changed, the schema, and the diff if it was requested."""
    # What a bare name finds is the application's business, and this session has its own search_path.
    outcome = {"changed": state_differs(before, after) or bool(grants), "schema": replace(after.schema, elsewhere=()).to_dict()}
    if module._diff:
        name = "schema %s" % after.schema.name
        outcome["diff"] = {"before_header": name, "after_header": name, "before": before.describe()}
        outcome["diff"]["after"] = after.describe() + "".join("%s;\n" % statement for statement in grants)
    return outcome


if __name__ == "__main__":
    main()
