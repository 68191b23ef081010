#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_schema_info
short_description: Gather facts on LangGraph's checkpoint tables and assert parity with SQLite
version_added: 0.1.0
description:
  - Reads the schema of the checkpoint tables from PostgreSQL's catalog and from a SQLite file. Compares the two by a declared mapping, and reports
    whether the tables in PostgreSQL can hold the content of the SQLite file.
  - Each comparison is returned with its reason, so that the verdict can be checked.
  - Never writes to either side. Reading a SQLite file in WAL mode may create or change its C(-shm) file, as with every reader.
author:
  - The stateops.langgraph authors (@stateops)
options:
  login_db:
    description:
      - The name of the database that contains the checkpoints.
      - Without it only the file at O(sqlite_path) is read, for a host that has the file but cannot connect to the database. That needs neither a server
        nor a virtualenv, and returns only RV(sqlite) and RV(orphans).
    type: str
    required: false
    aliases: [ db ]
  assert_parity:
    description:
      - Fail if the two are not in parity. Requires O(login_db).
    type: bool
    default: false
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.parity
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.info
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - langgraph-checkpoint-sqlite in the virtualenv, if neither O(sqlite_path) nor O(sqlite_schema) is given
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_verify
notes:
  - In check mode, the task does not fail if the virtualenv or the database does not exist yet. The module then warns that nothing is known yet.
"""

EXAMPLES = r"""
- name: Assert that PostgreSQL can hold the content of the application's SQLite file
  stateops.langgraph.checkpoint_schema_info:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_path: /srv/agent/checkpoints.sqlite
    assert_parity: true
  register: facts

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ facts.parity.summary }}"

- name: Compare another database with the same SQLite schema
  stateops.langgraph.checkpoint_schema_info:
    virtualenv: /opt/langgraph/venv
    login_host: db2.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_schema: "{{ facts.sqlite }}"

- name: Read the file on a host that cannot connect to the database
  stateops.langgraph.checkpoint_schema_info:
    sqlite_path: /home/ada/agent/checkpoints.sqlite
  delegate_to: laptop1.example.com
  register: laptop
"""

RETURN = r"""
role:
  description: The role whose privileges counted, which is O(session_role) or the one that logged in.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: str
  sample: langgraph_app
library:
  description: The library that defines the expected schema.
  returned: with O(login_db), on success and on failure by O(assert_parity)
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
versions:
  description:
    - The versions on both sides, by the names of the distributions; null for a distribution that is not in the virtualenv.
    - C(postgresql) is the server, C(psycopg) the driver, and C(python) the Python of the virtualenv.
    - C(langgraph-checkpoint-postgres) is the same as RV(library.version). C(langgraph-checkpoint-sqlite) creates the reference if no SQLite file is
      given. Both savers are based on C(langgraph-checkpoint).
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  sample:
    postgresql: "18.6"
    langgraph-checkpoint-postgres: 3.2.0
    langgraph-checkpoint-sqlite: 3.1.2
    langgraph-checkpoint: 4.3.2
    psycopg: 3.3.9
    python: 3.11.2
migrations:
  description: The library's migrations, compared with the migrations table C(checkpoint_migrations) and the catalog.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  contains:
    recorded:
      description: The newest version in the migrations table, or null.
      type: int
      sample: 9
    expected:
      description: The newest version in the library.
      type: int
      sample: 9
    pending:
      description: The migrations that are missing in the migrations table or in the catalog.
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
      sample: []
setup_pending:
  description:
    - Why M(stateops.langgraph.checkpoint_schema) has to run, one sentence for each thing that it would change or reject. Empty if it would succeed
      without a change.
    - The owner of the tables and the privileges on them count only if O(owner) and O(app_roles) are given.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: list
  elements: str
  sample:
    - Migration 9 is not recorded.
postgres:
  description: The tables in PostgreSQL.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  contains:
    engine:
      description: V(postgresql).
      type: str
    name:
      description: The schema.
      type: str
    exists:
      description: Whether the schema exists.
      type: bool
    elsewhere:
      description: Pairs of a table's name and the other schema in which this role's search_path finds it. The schema is empty if the name is not found.
      type: list
      elements: list
    creators:
      description: Grantees of CREATE on the schema, except its owner, the owners of the tables, their members and superusers. Names are quoted as in SQL.
      type: list
      elements: str
    overloads:
      description: Routines and operators in the schema that belong to another role and have the name of a built-in one.
      type: list
      elements: str
    database:
      description: The database.
      type: str
    encoding:
      description: The encoding of the database.
      type: str
    settings:
      description:
        - The values of C(client_encoding) and C(default_transaction_read_only) in a session of the application, as lists of the role, the setting and the
          value.
        - The roles are those of O(app_roles). Without O(app_roles), it is RV(role), if it can write checkpoints and is not a superuser.
      type: list
      elements: list
    denied:
      description: The sequences of columns that one of these roles may not use, as lists of the role, the table, the column and the sequence.
      type: list
      elements: list
    tables:
      description:
        - Each table with its kind, persistence, owner, columns, constraints, indexes and attachments.
        - Attachments are triggers, rules, policies, publications, statistics on expressions and inheritance.
      type: list
      elements: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
    creators: []
    overloads: []
    database: langgraph
    encoding: UTF8
    settings:
      - [langgraph_app, client_encoding, UTF8]
      - [langgraph_app, default_transaction_read_only, 'off']
    denied: []
    tables:
      - name: checkpoint_migrations
        kind: table
        persistence: permanent
        owner: langgraph_owner
        row_security: false
        columns:
          - name: v
            type: integer
            nullable: false
            default: null
            generated: ''
            collation: ''
            deterministic: true
            ordered: true
            storage: ''
            domain_of: ''
            sequence: ''
            sequence_end: ''
        constraints: []
        indexes: []
        attachments: []
sqlite:
  description:
    - The tables in SQLite, with the structure of RV(postgres). It can be given as O(sqlite_schema) in another task.
    - Of tables that LangGraph's checkpointer does not have, only the name and the kind are read.
  returned: success, or failure by O(assert_parity)
  type: dict
  sample:
    engine: sqlite
    name: /srv/agent/checkpoints.sqlite
    exists: true
    elsewhere: []
    tables: []
parity:
  description: The verdict and the comparisons.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  contains:
    in_parity:
      description: Whether no finding is V(drift).
      type: bool
    level:
      description: The value of O(parity_level).
      type: str
    reference:
      description: What PostgreSQL was compared with.
      type: str
    summary:
      description: The verdict in a sentence.
      type: str
    explanation:
      description: The drift as a table for a terminal; empty if there is none.
      type: str
    findings:
      description: Each comparison.
      type: list
      elements: dict
      contains:
        verdict:
          description: V(identical), V(equivalent) (another form with the same content), V(expected) (on one side only, and harmless) or V(drift).
          type: str
        table:
          description: The name of the table in PostgreSQL, or in SQLite if PostgreSQL has no such table.
          type: str
        object:
          description: The column, key, index or other part; the name of the table for the table itself.
          type: str
        sqlite:
          description: What SQLite has.
          type: str
        postgres:
          description: What PostgreSQL has.
          type: str
        reason:
          description: Why the two sides differ, or why it matters.
          type: str
  sample:
    in_parity: true
    level: compatible
    reference: /srv/agent/checkpoints.sqlite
    summary: "PostgreSQL is in parity with /srv/agent/checkpoints.sqlite (compatible): 17 identical, 5 equivalent, 5 expected, 0 drift"
    explanation: ""
    findings:
      - verdict: equivalent
        table: checkpoint_writes
        object: checkpoint_writes
        sqlite: writes
        postgres: checkpoint_writes
        reason: PostgreSQL's name for SQLite's writes
orphans:
  description:
    - Rows without their checkpoint. They are not drift. Many old ones indicate a crash or manual deletions.
    - Counting is time-limited. A table in PostgreSQL is sampled if it has more than 16384 pages (128 MiB), or cannot be counted within 3 seconds.
      RV(orphans.writes.sampled_percent) is then the sampled share.
    - Each part is null if O(count_orphans) is false.
  returned: success, or failure by O(assert_parity)
  type: dict
  contains:
    writes:
      description: Pending writes in PostgreSQL without their checkpoint. Null if the tables do not exist.
      type: dict
      contains:
        count:
          description: Rows older than O(orphan_grace). Null if they could not be counted; RV(orphans.writes.reason) is then the only other value.
          type: int
        recent:
          description: Rows within O(orphan_grace). A row whose id is from the future, because of a wrong clock, is recent as well.
          type: int
        age_unknown:
          description: Rows whose checkpoint id contains no time, because it is not a version 6 UUID.
          type: int
        limited:
          description: Whether there may be more rows than were counted. Only the first 10000 checkpoint ids are counted.
          type: bool
        sampled_percent:
          description: The percentage of the table's pages that was sampled. The counts are those of the sample. Null if the whole table was counted.
          type: float
        reason:
          description: Why the rows could not be counted. Only returned if they could not.
          type: str
    blobs:
      description: Channel values in PostgreSQL that no checkpoint names. They contain no time. Null if the tables do not exist.
      type: dict
      contains:
        count:
          description: The number of rows. Null if they could not be counted.
          type: int
        sampled_percent:
          description: The same as RV(orphans.writes.sampled_percent).
          type: float
        reason:
          description: The same as RV(orphans.writes.reason).
          type: str
    sqlite_writes:
      description: Pending writes in the SQLite file without their checkpoint. Null without O(sqlite_path), or if tables or columns are missing.
      type: dict
      contains:
        count:
          description: The same as RV(orphans.writes.count).
          type: int
        recent:
          description: The same as RV(orphans.writes.recent).
          type: int
        age_unknown:
          description: The same as RV(orphans.writes.age_unknown).
          type: int
        limited:
          description: The same as RV(orphans.writes.limited); also true if the file could not be searched within 3 seconds.
          type: bool
  sample:
    writes: {count: 0, recent: 0, age_unknown: 0, limited: false, sampled_percent: null}
    blobs: {count: 0, sampled_percent: null}
    sqlite_writes: {count: 0, recent: 0, age_unknown: 0, limited: false}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import (
    MUTUALLY_EXCLUSIVE,
    connection_argument_spec,
    facts_argument_spec,
    refuse_negative,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare, sqlite_side

APPLICATION = "stateops.langgraph.checkpoint_schema_info"


def main() -> None:
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **facts_argument_spec())
    spec["login_db"]["required"] = False
    module = DatabaseModule(
        argument_spec=spec,
        mutually_exclusive=MUTUALLY_EXCLUSIVE,
        required_one_of=[("login_db", "sqlite_path")],
        required_if=[("assert_parity", True, ["login_db"])],
        supports_check_mode=True,
    )
    run_module(module, run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Enter the virtualenv, read both sides, compare; returns the module's results."""
    params = module.params
    if params["login_db"] is None:
        refuse_negative(params)
        if not params["sqlite_path"]:
            raise ModuleError("sqlite_path is empty, and login_db is not given, so there is nothing to read. Give one of them.")
        sqlite, orphaned = sqlite_side(params)
        return {"changed": False, "sqlite": sqlite.to_dict(), "orphans": {"writes": None, "blobs": None, "sqlite_writes": orphaned}}
    try:
        known = prepare(params)
        with connected(params, APPLICATION) as connection:
            return gather(params, connection, known, module.warn)
    except PrerequisiteMissing as missing:
        return nothing_yet(module, missing)


if __name__ == "__main__":
    main()
