# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why checkpoint_schema has to run. This is read from the catalog, which any role that can connect may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.grants import read_grants, report_optional, wanted_privileges
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import NOT_RECORDED
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import Plan
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import DatabaseState
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection


def setup_pending(connection: Connection, params: dict[str, Any], state: DatabaseState, plan: Plan, warn: Callable[[str], None]) -> list[str]:
    """One sentence for each thing that checkpoint_schema would change or reject; empty if it would succeed without a change.

    params: session_role, owner, app_roles, retention_roles and retention_keep. An owner or roles that are not given are not checked. The privileges are read if
    nothing else is pending, because the tables exist then. warn: is called with what checkpoint_schema would report but not correct.
    Raises PrerequisiteMissing.
    """
    owner = params["owner"]
    tables = [table for table in state.schema.tables if table.name in TABLES]
    reasons = ["Migration %d is not recorded." % migration.version for migration, reason in plan.pending if reason == NOT_RECORDED]
    reasons += [sentence(violation.describe()) for violation in plan.violations if violation.drift]
    reasons += ["%s belongs to %s, expected %s." % (table.name, table.owner, owner) for table in tables if owner and table.owner != owner]
    roles = wanted_privileges(params)
    if reasons or not roles:
        return reasons
    steps = read_grants(connection, state.schema.name, roles, session_role=params["session_role"], owner=tables[0].owner)
    report_optional(steps, warn)
    return [sentence(step.reason) for step in steps if step.allowed or step.required]
