# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema that the current setup() creates, read from the catalog."""

from __future__ import annotations

from databases import MIGRATIONS_TABLE, TABLES

ALL = set(TABLES) | {MIGRATIONS_TABLE}
INDEXES = {table + "_thread_id_idx" for table in TABLES}


def expected_versions():
    from langgraph.checkpoint.postgres.base import MIGRATIONS

    return list(range(len(MIGRATIONS)))


def assert_complete(database, schema="public"):
    """Assert that the schema is complete in the catalog, whatever the module reported."""
    assert database.tables(schema) >= ALL
    indexes = database.indexes(schema)
    assert {name for name, valid in indexes.items() if valid} >= INDEXES
    assert all(indexes.values())
    assert database.recorded(schema) == expected_versions()[-1]
    assert database.columns("checkpoint_writes", schema)[-1] == "task_path"
