# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""setup_pending is empty if and only if checkpoint_schema would succeed without a change."""

from __future__ import annotations

import pytest
from model_mutations import mutations
from schema_examples import OWNER, RELEASES, database, database_state, empty, library, postgres

from ansible_collections.stateops.langgraph.plugins.module_utils._migration.pending import setup_pending
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import preflight_errors

EVERYTHING = tuple(range(10))
NAMES = sorted(RELEASES)


def reasons(state, installed=None, owner=None):
    """Without app_roles nothing is read from a server."""
    installed = installed or library()
    params = {"owner": owner, "app_roles": [], "retention_roles": [], "retention_keep": "none", "session_role": None}
    return setup_pending(None, params, state, make_plan(state, installed), warn=pytest.fail)


def has_work(state, installed=None):
    installed = installed or library()
    plan = make_plan(state, installed)
    return not plan.empty or bool(preflight_errors(state, installed, plan))


@pytest.mark.parametrize("mutation", list(mutations()), ids=lambda mutation: mutation.name)
def test_every_mutation(mutation):
    state = database_state(mutation.schema._replace(elsewhere=()), EVERYTHING)
    assert bool(reasons(state)) == has_work(state)


@pytest.mark.parametrize("installed", NAMES)
def test_every_release_on_the_database_of_every_other(installed):
    for release in NAMES:
        state = database(release)
        assert bool(reasons(state, library(installed))) == has_work(state, library(installed)), release
    assert reasons(empty(), library(installed))


def test_the_reasons():
    assert reasons(database_state(postgres(), EVERYTHING[:-1])) == ["Migration 9 is not recorded."]
    assert reasons(database_state(postgres(), EVERYTHING), owner=OWNER) == []
    assert reasons(database_state(postgres(owner="app"), EVERYTHING), owner=OWNER)[0].endswith(" belongs to app, expected %s." % OWNER)
