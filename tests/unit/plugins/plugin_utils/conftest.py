# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for AWX in which another user has created objects."""

from __future__ import annotations

import pytest
from awx.objects import RULE, Site


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def team(site):
    """Two templates, and a workflow of three nodes: a, b, c."""
    site.a, site.b = site.template("a"), site.template("b")
    site.workflow = site.add("workflow_job_templates", name="w", organization=1)
    site.nodes = {}
    for name in "abc":
        site.nodes[name] = site.add("workflow_job_template_nodes", workflow_job_template=site.workflow, identifier=name, unified_job_template=site.a)
    site.attach("workflow_job_template_nodes", site.nodes["a"], "success_nodes", site.nodes["b"])
    site.attach("workflow_job_template_nodes", site.nodes["b"], "success_nodes", site.nodes["c"])
    return site


@pytest.fixture
def labelled(site):
    """Three templates: one in the data and one that is no longer in it, both with the label and a schedule, and one without the label."""
    label = site.add("labels", name="ours", organization=1)
    site.now, site.before, site.theirs = site.template("now"), site.template("before"), site.template("theirs")
    for number in (site.now, site.before):
        site.attach("job_templates", number, "labels", label)
        site.add("schedules", name="nightly", unified_job_template=number, rrule=RULE)
    site.add("schedules", name="old", unified_job_template=site.now, rrule=RULE)
    site.data = {
        "awx_labels": [{"name": "ours"}],
        "awx_templates": [{"name": "now", "project": "p", "playbook": "x.yml", "labels": ["ours"], "credentials": ["wanted"], "ask_inventory_on_launch": True}],
        "awx_schedules": [{"name": "nightly", "unified_job_template": "now", "rrule": RULE}],
        "awx_credentials": [{"name": "wanted", "credential_type": "Machine"}],
    }
    return site
