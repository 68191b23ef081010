# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that AWX shows before the first step. AWX is the stand-in."""

from __future__ import annotations

import pytest

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

from awx.client import plan, titles
from awx.objects import RULE, node, nodes, step
from awx.standin import ORGANIZATION_TOKEN, READ_TOKEN, READER_TOKEN


def test_rights_that_the_token_does_not_have(site):
    data = {"awx_organizations": [{"name": "Blue"}], "awx_credential_types": [{"name": "T", "kind": "cloud"}], "awx_teams": [{"name": "t"}]}
    made = plan(site.awx, data, token=ORGANIZATION_TOKEN)
    assert len(made.errors) == 2
    assert made.errors[1] == (
        "olga may not create credential types in AWX, or the token may only read."
        " Use a token with the scope write of a system administrator, or let one create: T."
    )
    assert "admin may not create teams in AWX, or the token may only read" in plan(site.awx, data, token=READ_TOKEN).errors[1]
    assert titles(plan(site.awx, {"awx_teams": data["awx_teams"]}, token=ORGANIZATION_TOKEN)) == [("create", "team t")]
    # An existing object needs no right if it is unchanged, but only the module can determine that.
    assert step(plan(site.awx, {"awx_organizations": [{"name": "Default"}]}, token=READER_TOKEN), "organization Default")["restricted"]
    assert not step(plan(site.awx, {"awx_organizations": [{"name": "Default"}]}), "organization Default")["restricted"]


def test_the_right_to_create_the_first_kind(site):
    """Only the first kind is checked, because the right to create other kinds can depend on an object that the run creates earlier."""
    site.add("inventories", name="i", organization=1)
    data = {"awx_hosts": [{"name": "h", "inventory": "i"}], "awx_groups": [{"name": "g", "inventory": "i"}]}
    (error,) = plan(site.awx, data, token=READ_TOKEN).errors
    assert error.startswith("admin may not create hosts in AWX, or the token may only read.") and error.endswith(": h.")
    assert plan(site.awx, data).errors == []


# {case: (data with a new object, the endpoint of the object that it needs, the right that AWX shows for that object, the message)}.
NEEDING = {
    "a host": ({"awx_hosts": [{"name": "h", "inventory": "i"}]}, "inventories", "edit", "host h: admin may not edit its inventory i in AWX"),
    "a group": ({"awx_groups": [{"name": "g", "inventory": "i"}]}, "inventories", "edit", "group g: admin may not edit its inventory i in AWX"),
    "a source": (
        {"awx_inventory_sources": [{"name": "s", "inventory": "i", "source": "scm", "source_project": "p"}]},
        *("inventories", "edit", "inventory source s: admin may not edit its inventory i in AWX"),
    ),
    "a schedule": (
        {"awx_schedules": [{"name": "s", "unified_job_template": "a", "rrule": RULE}]},
        *("job_templates", "schedule", "schedule s: admin may not schedule its unified_job_template a in AWX"),
    ),
    "a node": (nodes(node("a", "b"), node("b", "c"), node("c"), node("d")), "workflow_job_templates", "edit", "admin may not edit its workflow_job_template w"),
    "an edge": (
        nodes(node("a", "b"), node("b"), node("c")),
        "workflow_job_templates",
        "edit",
        "workflow w: its nodes differ, and admin may not edit it in AWX",
    ),
    "an input source": (
        {"awx_credential_input_sources": [{"target_credential": "c", "input_field_name": "password", "source_credential": "Ansible Galaxy", "metadata": {}}]},
        *("credentials", "edit", "admin may not edit its target_credential c in AWX"),
    ),
    "a credential that somebody else may use": (
        {"awx_templates": [{"name": "t", "project": "p", "playbook": "x", "ask_inventory_on_launch": True, "credentials": ["c"]}]},
        *("credentials", "use", "job template t: admin may not use its credentials c in AWX"),
    ),
}


@pytest.mark.parametrize("what", list(NEEDING))
def test_rights_at_the_object_that_a_new_one_needs(team, what):
    data, endpoint, right, says = NEEDING[what]
    team.add("inventories", name="i", organization=1)
    team.add("credentials", name="c", organization=1, credential_type=1)
    assert plan(team.awx, data).errors == []
    for each in team.awx.objects[endpoint].values():
        each["summary_fields"].setdefault("user_capabilities", {})[right] = False
    (error,) = plan(team.awx, data).errors
    assert says in error
    # An unchanged object needs no right.
    assert plan(team.awx, nodes(node("a", "b"), node("b", "c"), node("c"))).errors == []


def test_rights_for_grants_and_removal(labelled):
    labelled.add("teams", name="ops", organization=1)
    labelled.add("credentials", name="c", organization=1, credential_type=1)
    grants = [{"role": "execute", "teams": ["ops"], "job_templates": ["now"]}, {"role": "use", "teams": ["ops"], "credentials": ["c"]}]
    data = {**labelled.data, "awx_roles": grants, "awx_projects": [{"name": "gone", "state": "absent"}]}
    labelled.add("projects", name="gone", organization=1)

    def restricted():
        made = plan(labelled.awx, data, label="ours", remove=True)
        assert made.errors == []
        return [each["title"] for each in made.steps if each.get("restricted")]

    assert restricted() == []
    for endpoint in ("job_templates", "projects", "credentials"):
        for each in labelled.awx.objects[endpoint].values():
            each["summary_fields"].setdefault("user_capabilities", {}).update(edit=False, delete=False, use=False)
    # A grant that already exists needs no right, but only the module can determine that.
    assert restricted() == ["job template now", "role execute for ops", "role use for ops", "job template before", "project gone"]
