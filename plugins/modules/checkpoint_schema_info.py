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
  - Reads the checkpoint tables from PostgreSQL's catalog and those of a SQLite file, and says by a declared mapping whether what stands
    in PostgreSQL can hold what the SQLite file holds.
  - Each comparison is returned with its reason, so that the verdict can be checked.
  - Never writes to either side. DatabaseState a SQLite file in WAL mode may create or change its C(-shm) file, as every reader does.
author:
  - The stateops.langgraph authors (@stateops)
options:
  login_db:
    description:
      - The name of the database that holds the checkpoints.
      - Without it only the file at O(sqlite_path) is read, for a host that has the file and no way to the database. That needs neither a server
        nor a virtualenv, and returns RV(sqlite) and RV(orphans) alone.
    type: str
    required: false
    aliases: [ db ]
  assert_parity:
    description:
      - Fail where the two are not in parity. Needs O(login_db).
    type: bool
    default: false
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.parity
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.info
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - langgraph-checkpoint-sqlite in the virtualenv, where neither O(sqlite_path) nor O(sqlite_schema) is given
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_verify
notes:
  - In check mode, a virtualenv or a database that is not there yet is no failure; the module then warns that nothing is known yet.
"""

EXAMPLES = r"""
- name: Assert that PostgreSQL can hold what the application's SQLite file holds
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

- name: Hold another database against the same SQLite schema
  stateops.langgraph.checkpoint_schema_info:
    virtualenv: /opt/langgraph/venv
    login_host: db2.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_schema: "{{ facts.sqlite }}"

- name: Read the file on a host that has no way to the database
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
  description: The library that says what the schema should be.
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
    - What was at work on both sides, by the names of the distributions; null for one that is not in the virtualenv.
    - C(postgresql) is the server, as it calls its version itself; C(psycopg) the driver; C(python) the one of the virtualenv.
    - C(langgraph-checkpoint-postgres) is as in RV(library.version); C(langgraph-checkpoint-sqlite) is the distribution from which the reference
      comes, where no SQLite file was given; both savers build on C(langgraph-checkpoint).
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
  description: The library's migrations against the ledger C(checkpoint_migrations) and the catalog.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  contains:
    recorded:
      description: The newest version in the ledger, or null.
      type: int
      sample: 9
    expected:
      description: The newest version that the library has.
      type: int
      sample: 9
    pending:
      description: What the ledger or the catalog lacks.
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
      description: Whether the schema is there.
      type: bool
    elsewhere:
      description: Pairs of a table and the schema in which this role's search_path finds its bare name instead; empty for none.
      type: list
      elements: list
    tables:
      description:
        - Each table with its kind, persistence, owner, columns, constraints, indexes and attachments.
        - Attachments are triggers, rules, policies, publications and inheritance.
      type: list
      elements: dict
  sample:
    engine: postgresql
    name: langgraph
    exists: true
    elsewhere: []
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
        constraints: []
        indexes: []
        attachments: []
sqlite:
  description: The tables in SQLite, in the shape of RV(postgres). Serves as O(sqlite_schema) elsewhere.
  returned: success, or failure by O(assert_parity)
  type: dict
  sample:
    engine: sqlite
    name: /srv/agent/checkpoints.sqlite
    exists: true
    elsewhere: []
    tables: []
parity:
  description: The verdict and what it rests on.
  returned: with O(login_db), on success and on failure by O(assert_parity)
  type: dict
  contains:
    in_parity:
      description: Whether no finding is V(drift).
      type: bool
    level:
      description: The O(parity_level).
      type: str
    reference:
      description: What PostgreSQL was compared with.
      type: str
    summary:
      description: The verdict in a sentence.
      type: str
    explanation:
      description: The drift as a table to be read in a terminal; empty where there is none.
      type: str
    findings:
      description: Each comparison.
      type: list
      elements: dict
      contains:
        verdict:
          description: V(identical), V(equivalent) (another form that holds the same), V(expected) (on one side only, and harmless) or V(drift).
          type: str
        table:
          description: PostgreSQL's name for the table, or SQLite's where there is no other.
          type: str
        object:
          description: The column, key, index or other part; the table's own name for the table itself.
          type: str
        sqlite:
          description: What SQLite has.
          type: str
        postgres:
          description: What PostgreSQL has.
          type: str
        reason:
          description: Why it is so, or why it matters.
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
    - Rows without their checkpoint. They are no drift; many old ones tell of a crash or of deletions by hand.
    - They are counted in bounded time. A table in PostgreSQL of more than 16384 pages (128 MiB), and one that cannot be counted within 3 seconds, is
      sampled; RV(orphans.writes.sampled_percent) then says how much of it was looked at.
    - Each part is null where O(count_orphans) is false.
  returned: success, or failure by O(assert_parity)
  type: dict
  contains:
    writes:
      description: Pending writes in PostgreSQL whose checkpoint is not there. Null where the tables are not.
      type: dict
      contains:
        count:
          description: Rows older than O(orphan_grace). Null where they could not be counted; the reason then stands beside it, and nothing else.
          type: int
        recent:
          description: Rows within O(orphan_grace). An id from the future, which a clock that is ahead has made, is recent as well.
          type: int
        age_unknown:
          description: Rows whose checkpoint id has no time in it, since it is no version 6 UUID.
          type: int
        limited:
          description: Whether there may be more rows than were looked at, since the first 10000 ids are told apart. The counts are then the least there is.
          type: bool
        sampled_percent:
          description: The share of the table's pages that was looked at; the counts are of that share, and no estimate of the whole. Null where all was.
          type: float
        reason:
          description: Why the rows could not be counted. Only there where they could not.
          type: str
    blobs:
      description: Channel values in PostgreSQL that no checkpoint names. They carry no time. Null where the tables are not there.
      type: dict
      contains:
        count:
          description: The rows. Null where they could not be counted.
          type: int
        sampled_percent:
          description: As of the writes.
          type: float
        reason:
          description: As of the writes.
          type: str
    sqlite_writes:
      description: Pending writes in the SQLite file whose checkpoint is not there. Null without O(sqlite_path), or where the file has another shape.
      type: dict
      contains:
        count:
          description: As of the writes in PostgreSQL.
          type: int
        recent:
          description: As of the writes in PostgreSQL.
          type: int
        age_unknown:
          description: As of the writes in PostgreSQL.
          type: int
        limited:
          description: As of the writes in PostgreSQL; also where the file could not be looked through within 3 seconds.
          type: bool
  sample:
    writes: {count: 0, recent: 0, age_unknown: 0, limited: false, sampled_percent: null}
    blobs: {count: 0, sampled_percent: null}
    sqlite_writes: {count: 0, recent: 0, age_unknown: 0, limited: false}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import (
    MUTUALLY_EXCLUSIVE,
    connection_argument_spec,
    facts_argument_spec,
    refuse_negative,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare, sqlite_side

APPLICATION = "stateops.langgraph.checkpoint_schema_info"


def main():
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **facts_argument_spec())
    spec["login_db"]["required"] = False
    module = AnsibleModule(
        argument_spec=spec,
        mutually_exclusive=MUTUALLY_EXCLUSIVE,
        required_one_of=[("login_db", "sqlite_path")],
        required_if=[("assert_parity", True, ["login_db"])],
        supports_check_mode=True,
    )
    run_module(module, run)


def run(module):
    """Enter the virtualenv, read both sides, compare; returns the module's results."""
    params = module.params
    if params["login_db"] is None:
        refuse_negative(params)
        if not params["sqlite_path"]:
            raise ModuleError("sqlite_path is empty, and without login_db there is nothing else to read. Give one of them.")
        sqlite, orphaned = sqlite_side(params)
        return {"changed": False, "sqlite": sqlite.to_dict(), "orphans": {"writes": None, "blobs": None, "sqlite_writes": orphaned}}
    try:
        known = prepare(params)
        with open_connection(params, APPLICATION) as connection:
            return gather(params, connection, known, module.warn)
    except PrerequisiteMissing as absent:
        return nothing_yet(module, absent)


if __name__ == "__main__":
    main()
