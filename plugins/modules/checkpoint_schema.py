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
  - Creates, upgrades and repairs the tables of C(langgraph-checkpoint-postgres) for the installed library, with LangGraph's own
    PostgresSaver.setup().
  - Reads the catalog before and after. RV(ignore:changed) is true if the two differ, whatever version number the database records. If the schema is
    still wrong afterwards, the task fails.
  - If nothing is missing, nothing is changed, and a role that may only read the tables suffices.
  - Runs on the same schema wait for each other, even if they run on different hosts.
author:
  - The stateops.langgraph authors (@stateops)
options:
  state:
    description:
      - V(present) creates what is missing, and repairs what setup() ignores (INVALID or missing indexes, a missing C(task_path) or its default).
      - V(absent) drops the four tables that setup() creates, and nothing else.
    type: str
    choices: [ present, absent ]
    default: present
  force:
    description:
      - With O(state=absent), drop the tables even if they contain checkpoints.
    type: bool
    default: false
  adopt:
    description:
      - Take ownership of tables that another role created, typically an application that calls setup() at startup.
      - O(login_user) must be a member of the role that owns the tables. Remove setup() from the application afterwards.
    type: bool
    default: false
  app_roles:
    description:
      - Roles of the application that get exactly the privileges that a saver needs on the four tables, and USAGE on the schema. The owner grants
        them, and the catalog is read again afterwards.
      - Other privileges of these roles and of C(PUBLIC) on the tables are revoked, and so are default privileges on tables that are created later.
      - CREATE on the schema is revoked from these roles and C(PUBLIC), before setup() runs. If the acting role may not revoke it, the run fails.
      - If a role has another privilege through a membership, the run fails, and the message contains the C(REVOKE) statement. The privileges of other roles
        do not change.
      - Without roles no privilege is read or changed. With O(state=absent) the option has no effect.
    type: list
    elements: str
    default: []
  retention_roles:
    description:
      - Roles that only delete, with M(stateops.langgraph.checkpoint_prune). They get exactly C(SELECT) and C(DELETE) on the three tables of checkpoints, and
        USAGE on the schema. What O(app_roles) says about other privileges, memberships and failures applies to them as well.
      - A role must not be in both lists.
    type: list
    elements: str
    default: []
  retention_keep:
    description:
      - What the policies of O(retention_roles) keep. With V(latest), these roles also get C(UPDATE) of C(checkpoints.parent_checkpoint_id),
        which O(stateops.langgraph.checkpoint_prune#module:keep=latest) needs. With V(none), it is revoked.
    type: str
    choices: [ none, latest ]
    default: none
  lock_wait:
    description:
      - The number of seconds to wait for another run of this module on the same schema. Sessions of roles that can neither act as the owner nor
        create tables in the schema are ignored.
    type: int
    default: 300
  lock_timeout:
    description:
      - The number of seconds that a statement waits for a lock, and that the module waits for blockers before its first write.
      - With V(0) statements wait without limit, and the module waits for blockers as long as O(lock_wait).
    type: int
    default: 30
  statement_timeout:
    description:
      - The number of seconds that a statement may take. Creating an index on a large table takes longest. V(0) for no limit.
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
  - In check mode, the task does not fail if the virtualenv or the database does not exist yet. The module then returns RV(ignore:changed=true)
    and warns that the plan cannot be read yet.
  - The module fails behind a connection pooler in transaction mode, since locks and settings do not work there.
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

- name: Take ownership of the tables that an application created
  stateops.langgraph.checkpoint_schema:
    virtualenv: /opt/langgraph/venv
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    session_role: langgraph_owner
    login_db: langgraph
    schema: langgraph
    adopt: true

- name: Drop the tables with all checkpoints in them
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
  description: The statements that give O(app_roles) and O(retention_roles) exactly the privileges that they need. They were executed, or would be.
  returned: success, with O(state=present), when the database could be read
  type: list
  elements: str
  sample:
    - GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE langgraph.checkpoints TO langgraph_app
library:
  description: The library whose setup() defines the schema.
  returned: with O(state=present), if the virtualenv could be entered, on success and on failure after the first write
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
  description: The library's migrations, compared with the migrations table C(checkpoint_migrations) and the catalog.
  returned: if the database could be read, and on failure after the first write
  type: dict
  contains:
    before:
      description: The newest version in the migrations table before the run, or null.
      type: int
      sample: 4
    after:
      description: The newest version after the run. In check mode, the predicted one.
      type: int
      sample: 9
    pending:
      description: The migrations that were missing before the run, in the migrations table or in the catalog.
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
      description: The migrations that this run added to the migrations table; empty in check mode.
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
  description: What setup() ignores and this run repaired, or would repair in check mode.
  returned: with O(state=present), on success, if the database could be read
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
      description: The SQL that repairs it.
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
    - The tables after the run, or as they would be in check mode.
    - The structure is that of RV(stateops.langgraph.checkpoint_schema_info#module:postgres).
  returned: success, if the database could be read, and on failure after the first write
  type: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
    tables: []
"""

from typing import TYPE_CHECKING, Any, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import library
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.grants import (
    closed_by,
    converge_grants,
    insist_on_grants,
    read_grants,
    report_optional,
    revoke_early,
    wanted_privileges,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import plan_for
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.state import Limits, MigrationTarget, applied, read_state, state_differs
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected, open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import configure_session, secure_session, take_role
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.grants import Wanted
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import Plan
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

APPLICATION = "stateops.langgraph.checkpoint_schema"


def main() -> None:
    """Parse the options, then run the module."""
    spec = connection_argument_spec()
    spec.update(
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        force={"type": "bool", "default": False},
        adopt={"type": "bool", "default": False},
        app_roles={"type": "list", "elements": "str", "default": []},
        retention_roles={"type": "list", "elements": "str", "default": []},
        retention_keep={"type": "str", "choices": ["none", "latest"], "default": "none"},
        lock_wait={"type": "int", "default": 300},
        lock_timeout={"type": "int", "default": 30},
        statement_timeout={"type": "int", "default": 1800},
    )
    module = DatabaseModule(argument_spec=spec, supports_check_mode=True)
    run_module(module, run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Run the module. In check mode, what an earlier task would have created may be missing."""
    try:
        return _run(module, module.params)
    except PrerequisiteMissing as missing:
        if not module.check_mode:
            raise
        module.warn("The plan cannot be read yet, so this task reports a change: %s" % missing.message)
        return {"changed": True, "msg": "The plan cannot be read yet: %s" % missing.message}


def _run(module: AnsibleModule, params: dict[str, Any]) -> dict[str, Any]:
    """Enter the virtualenv, read, decide, act unless in check mode, read again; returns the module's results."""
    enter(params["virtualenv"], params)
    known = library() if params["state"] == "present" else None
    with connected(params, APPLICATION) as connection:
        if pooler_mode(connection, params, APPLICATION) == "transaction":
            raise ModuleError("This is a connection pooler in transaction mode, where locks and settings do not work. Connect to the server itself.")
        secure_session(connection)
        target = MigrationTarget(params["schema"], known, params["adopt"], params["session_role"])
        limits = Limits(params["lock_wait"], params["lock_timeout"], params["statement_timeout"])
        if params["state"] == "absent":
            return _absent(module, connection, target, limits)
        return _present(module, connection, target, limits)


def _present(module: AnsibleModule, connection: Connection, target: MigrationTarget, limits: Limits) -> dict[str, Any]:
    before = _assume_schema(module, read_state(connection, target))
    roles, steps = wanted_privileges(module.params), []
    if roles:
        coming = _coming(make_plan(before, target.required_library, target.adopt), before)
        steps = read_grants(connection, target.schema, roles, session_role=target.role, coming=coming)
        before = before._replace(schema=closed_by(steps, before.schema))
    plan = plan_for(connection, target, before)
    insist_on_grants(steps)
    report_optional(steps, module.warn)
    grants = [step.statement for step in steps if step.allowed]
    after = plan.after if module.check_mode else before
    if not module.check_mode and (grants or not plan.empty):
        take_role(connection, target.role)
        before, plan, after, grants = _carry_out(module, connection, target, limits, (before, plan, after), roles)
    known = target.required_library
    if known.unknown:
        module.warn(
            "langgraph-checkpoint-postgres %s has migrations that this collection does not know (%s). setup() runs them, but their results were not checked."
            % (known.version, ", ".join(str(number) for number in known.unknown))
        )
    if before.version is not None and before.version > known.newest:
        module.warn(
            "The migrations table records version %s, and langgraph-checkpoint-postgres %s supports up to %s. The schema is compatible with this library."
            % (before.version, known.version, known.newest)
        )
    for index in plan.building:
        module.warn("Another session is building %s." % index)
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


def _coming(plan: Plan, before: DatabaseState) -> list[str]:
    """The tables that the plan creates or adopts."""
    existing = {table.name for table in before.schema.tables}
    adopted = [table.name for table in plan.foreign] if plan.adopting else []
    return adopted + [table.name for table in plan.after.schema.tables if table.name not in existing]


def _carry_out(
    module: AnsibleModule,
    connection: Connection,
    target: MigrationTarget,
    limits: Limits,
    found: tuple[DatabaseState, Plan, DatabaseState],
    roles: Wanted,
) -> tuple[DatabaseState, Plan, DatabaseState, list[str]]:
    """The state before, the plan, the state after, and the statements of the grants.

    CREATE on the schema and default privileges are revoked before setup() creates a table.
    """
    before, plan, after = found
    revoked: list[str] = []
    granted: list[str] = []
    try:
        if roles:
            revoked = revoke_early(connection, read_grants(connection, target.schema, roles))
        if not plan.empty:
            # A converged schema does not need this code, which the host compiles in each run.
            from ansible_collections.stateops.langgraph.plugins.module_utils._migration.apply import converge

            before, plan, after = converge(connection, target, limits, lambda: open_connection(module.params, APPLICATION))
        if roles:
            granted = converge_grants(connection, target, roles, limits.lock_wait)
    except ModuleError as error:
        error.changed = error.changed or bool(revoked) or state_differs(before, after)
        raise
    return before, plan, after, revoked + granted


def _assume_schema(module: AnsibleModule, state: DatabaseState) -> DatabaseState:
    """In check mode an earlier task of the play may be the one that creates a missing schema."""
    if state.schema.exists or not module.check_mode:
        return state
    module.warn("Schema %s does not exist yet; the plan assumes that an earlier task creates it." % state.schema.name)
    return state.with_schema()


def _absent(module: AnsibleModule, connection: Connection, target: MigrationTarget, limits: Limits) -> dict[str, Any]:
    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.drop import removal, remove

    before = read_state(connection, target)
    take_role(connection, target.role)
    configure_session(connection, {"lock_timeout": limits.lock_timeout, "statement_timeout": limits.statement_timeout})
    after = removal(connection, target, before, module.params["force"])
    if state_differs(before, after) and not module.check_mode:
        before, after = remove(connection, target, limits, module.params["force"], lambda: open_connection(module.params, APPLICATION))
    return {
        **_outcome(module, before, after),
        "migrations": {"before": before.version, "after": after.version, "pending": [], "applied": []},
    }


def _outcome(module: AnsibleModule, before: DatabaseState, after: DatabaseState, grants: Sequence[str] = ()) -> dict[str, Any]:
    """The results of both states: changed, the schema, and the diff if it was requested."""
    # What an unqualified name resolves to depends on the application's search_path, and this session has its own.
    outcome: dict[str, Any] = {"changed": state_differs(before, after) or bool(grants), "schema": after.schema._replace(elsewhere=()).to_dict()}
    if module._diff:
        name = "schema %s" % after.schema.name
        outcome["diff"] = {"before_header": name, "after_header": name, "before": before.describe()}
        outcome["diff"]["after"] = after.describe() + "".join("%s;\n" % statement for statement in grants)
    return outcome


if __name__ == "__main__":
    main()
