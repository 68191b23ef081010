# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that compares PostgreSQL with SQLite.
    DOCUMENTATION = r"""
options:
  sqlite_path:
    description:
      - The path of the application's SQLite checkpoint file on the target host. The application may use the file at the same time.
      - Run the task as a user who can read the file, its directory and its C(-wal).
      - As root, the module reads the file with the rights of the account that owns its directory, or another part of its path. It fails if several
        accounts can replace parts of the path, or if accounts other than root can write to a directory of root on it.
      - Without O(sqlite_path) and O(sqlite_schema), PostgreSQL is compared with the schema that the installed C(langgraph-checkpoint-sqlite) creates.
    type: path
  sqlite_schema:
    description:
      - The SQLite schema that an earlier task returned as RV(sqlite), typically from another host.
    type: dict
  parity_level:
    description:
      - V(compatible) accepts the declared mapping, in which C(writes) is called C(checkpoint_writes) and a C(BLOB) may be C(JSONB).
      - V(exact) counts each literal difference as drift. LangGraph's own schemas differ, so they are never in parity at this level.
        The report lists each difference and its reason.
    type: str
    choices: [ compatible, exact ]
    default: compatible
  assert_parity:
    description:
      - Whether the module fails if the schemas are not in parity.
    type: bool
    default: false
  orphan_grace:
    description:
      - A pending write without a checkpoint is counted as recent if it is younger than this number of seconds. LangGraph stores both in the background,
        so such rows exist for a short time in normal operation.
    type: int
    default: 3600
  count_orphans:
    description:
      - Whether to count RV(orphans). If the tables are very large, counting takes several seconds, at most 21, and puts load on the server.
    type: bool
    default: true
  owner:
    description:
      - The role that must own the tables. If another role owns one, RV(setup_pending) says so.
      - Without it, the owner is not checked.
    type: str
  app_roles:
    description:
      - Roles of the application that must have exactly the privileges that a saver needs, as with
        O(stateops.langgraph.checkpoint_schema#module:app_roles). If they do not, RV(setup_pending) says so.
      - Without roles, privileges are not checked.
    type: list
    elements: str
    default: []
  retention_roles:
    description:
      - Roles that must have exactly the privileges that a deletion needs, as with
        O(stateops.langgraph.checkpoint_schema#module:retention_roles). If they do not, RV(setup_pending) says so.
    type: list
    elements: str
    default: []
  retention_keep:
    description:
      - See O(stateops.langgraph.checkpoint_schema#module:retention_keep).
    type: str
    choices: [ none, latest ]
    default: none
"""
