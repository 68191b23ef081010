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
      - The application's SQLite checkpoint file on the target host, which may be in use.
      - Run the task as a user who may read the file, its folder and its C(-wal).
      - Without O(sqlite_path) and O(sqlite_schema), PostgreSQL is compared with what the installed C(langgraph-checkpoint-sqlite) creates.
    type: path
  sqlite_schema:
    description:
      - The SQLite schema as RV(sqlite) of an earlier task, typically from another host.
    type: dict
  parity_level:
    description:
      - V(compatible) asserts the declared mapping, in which C(writes) is called C(checkpoint_writes) and a C(BLOB) may be C(JSONB).
      - V(exact) counts each literal difference as drift. LangGraph's own schemas differ, so it is never in parity; it lists what differs and why.
    type: str
    choices: [ compatible, exact ]
    default: compatible
  assert_parity:
    description:
      - Fail where the two are not in parity.
    type: bool
    default: false
  orphan_grace:
    description:
      - Seconds during which a pending write without its checkpoint is recent. LangGraph stores both in the background, so such rows come and go.
    type: int
    default: 3600
  count_orphans:
    description:
      - Whether to count RV(orphans). Where the tables are very large that takes some seconds, 21 at the most, and reads from them what V(false)
        spares the server.
    type: bool
    default: true
"""
