# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps for AWX: references within an organization, order, workflows, removal, and data that is rejected before the first step. AWX is the stand-in."""

from __future__ import annotations

import re

import pytest
import yaml

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

from awx.client import InProcess, plan, titles
from awx.objects import RULE, node, nodes, step
from runner import ROOT

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_check import check_data
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import BY_VARIABLE, KINDS, VARIABLES
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_objects import Objects


def test_a_workflow_that_is_the_same(team):
    assert [title for stage, title in titles(plan(team.awx, nodes(node("a", "b"), node("b", "c"), node("c")))) if stage != "create"] == []


def test_a_step_is_taken_out_of_the_middle(team):
    assert titles(plan(team.awx, nodes(node("a", "c"), node("c")))) == [
        ("create", "workflow w"),
        ("remove", "node b of w"),
        ("create", "node a of w"),
        ("create", "node c of w"),
        ("later", "node edges from a of w"),
    ]


def test_a_renamed_step_and_no_step(team):
    made = plan(team.awx, nodes(node("a", "verify"), node("verify", "c"), node("c")))
    assert [each for each in titles(made) if each[0] != "create"] == [
        ("remove", "node b of w"),
        ("later", "node edges from a of w"),
        ("later", "node edges from verify of w"),
    ]
    assert step(made, "node verify of w")["new"]
    assert [each[1] for each in titles(plan(team.awx, nodes())) if each[0] == "remove"] == ["node a of w", "node b of w", "node c of w"]


def test_an_edge_of_another_kind_and_an_edge_turned_round(team):
    """AWX rejects the new edge while the old one exists."""
    made = plan(team.awx, nodes(node("a"), node("b", "a", failure_nodes=["c"]), node("c")))
    assert [each for each in titles(made) if each[0] != "create"] == [
        ("edges", "node edges from a of w"),
        ("edges", "node edges from b of w"),
        ("later", "node edges from b of w"),
    ]
    assert [each["arguments"]["success_nodes"] for each in made.steps if each["stage"] == "edges"] == [[], []]


def test_a_job_that_becomes_an_approval_is_made_anew(team):
    """Otherwise, the module would rename the job template."""
    made = plan(team.awx, nodes(node("a", "b"), {"identifier": "b", "approval_node": {"name": "yes?"}, "success_nodes": ["c"]}, node("c")))
    assert [each for each in titles(made) if each[0] == "remove"] == [("remove", "node b of w")]
    assert step(made, "node edges from b of w")["stage"] == "later"
    assert [each["stage"] for each in made.steps if each["title"] == "node b of w"] == ["remove", "create"]


def test_references_are_looked_up_in_their_organization(site):
    """Everything has the same name in two organizations."""
    data = {
        "awx_templates": [{"name": "t", "project": "p", "inventory": "i", "playbook": "x.yml", "credentials": ["c"], "notification_templates_error": ["n"]}],
        "awx_schedules": [{"name": "s", "unified_job_template": "t", "rrule": RULE}],
        "awx_roles": [{"role": "execute", "teams": ["ops"], "job_templates": ["t"]}],
        "awx_hosts": [{"name": "h", "inventory": "i"}],
    }
    numbers = {}
    for name in ("Blue", "Green"):
        organization = site.add("organizations", name=name)
        hook = {"url": "https://x", "headers": {}}
        numbers[name] = {
            "project": site.add("projects", name="p", organization=organization, allow_override=True),
            "inventory": site.add("inventories", name="i", organization=organization),
            "credentials": site.add("credentials", name="c", organization=organization, credential_type=1),
            "notification_templates_error": site.add(
                "notification_templates", name="n", organization=organization, notification_type="webhook", notification_configuration=hook
            ),
        }
        site.add("teams", name="ops", organization=organization)
    for name, expected in numbers.items():
        assert not any(each["pending"] for each in plan(site.awx, {**data, "awx_schedules": [], "awx_roles": []}, name).steps)
        lists = {variable: data.get(variable, []) for variable in VARIABLES}
        given = Objects(InProcess(site.awx), lists, name).arguments(BY_VARIABLE["awx_templates"], data["awx_templates"][0])
        wanted = {option: [str(number)] if option in ("credentials", "notification_templates_error") else str(number) for option, number in expected.items()}
        assert {option: given[option] for option in wanted} == wanted and given["organization"] == name
    # The template is new, so the steps that refer to it are pending. An entry for the module awx.awx.role has no organization of its own.
    assert [each["pending"] for each in plan(site.awx, data, "Blue").steps] == [False, False, True, True]
    role = Objects(InProcess(site.awx), {variable: data.get(variable, []) for variable in VARIABLES}, "Green")
    assert role.arguments(BY_VARIABLE["awx_hosts"], data["awx_hosts"][0])["inventory"] == str(numbers["Green"]["inventory"])


def test_a_name_that_two_objects_of_one_organization_have(site):
    site.add("credentials", name="c", organization=1, credential_type=1)
    site.add("credentials", name="c", organization=1, credential_type=2)
    project = site.add("projects", name="p", organization=1, allow_override=True)
    data = {"awx_templates": [{"name": "t", "project": "p", "ask_inventory_on_launch": True, "playbook": "x.yml", "credentials": ["c"]}]}
    (error,) = plan(site.awx, data).errors
    assert "'c' names 2 credentials: credential 3, credential 4. Use a number, or the named URL NAME++TYPE+KIND++ORGANIZATION." in error
    for name in ("c++Machine+ssh++Default", "3", 3):
        data["awx_templates"][0]["credentials"] = [name]
        assert plan(site.awx, data).errors == []
    site.add("job_templates", name="p", project=project, playbook="x.yml")
    (error,) = plan(site.awx, {"awx_schedules": [{"name": "s", "unified_job_template": "p", "rrule": RULE}]}).errors
    assert "Use another name for one of them" in error


def test_the_order_is_that_of_the_references(site):
    """The order of the data does not matter. Credentials for Git and for registries come before the objects that use them."""
    data = {
        "awx_roles": [{"role": "execute", "teams": ["t"], "job_templates": ["j"]}],
        "awx_templates": [{"name": "j", "project": "p", "inventory": "i", "playbook": "x.yml", "execution_environment": "e", "labels": ["l"]}],
        "awx_groups": [{"name": "all", "inventory": "i", "children": ["g"]}, {"name": "g", "inventory": "i", "hosts": ["h"]}],
        "awx_hosts": [{"name": "h", "inventory": "i"}],
        "awx_inventories": [{"name": "i"}],
        "awx_projects": [{"name": "p", "credential": "git", "scm_url": "x"}],
        "awx_execution_environments": [{"name": "e", "image": "x", "credential": "registry"}],
        "awx_credentials": [
            {"name": "git", "credential_type": "Source Control", "inputs": {"password": "x"}},
            {"name": "registry", "credential_type": "Container Registry", "inputs": {"host": "x"}},
        ],
        "awx_teams": [{"name": "t"}],
        "awx_labels": [{"name": "l"}],
        "awx_organizations": [{"name": "Blue", "default_environment": "e", "galaxy_credentials": ["Ansible Galaxy"]}],
    }
    made = plan(site.awx, data, "Blue")
    assert [title for _stage, title in titles(made)] == [
        *("organization Blue", "label l", "team t", "credential git", "credential registry", "execution environment e", "organization Blue"),
        *("project p", "inventory i", "host h", "group all", "group g", "group all", "job template j", "role execute for t"),
    ]
    assert all(each["new"] or each["pending"] for each in made.steps)
    # Only these options of an organization refer to objects that come after it.
    order = [kind.variable for kind in KINDS]
    late = [
        (kind.variable, option)
        for kind in KINDS
        for option, other in kind.references.items()
        if other in order and order.index(other) > order.index(kind.variable)
    ]
    assert {option for variable, option in late} == set(BY_VARIABLE["awx_organizations"].later)


BROKEN = {
    "without a playbook": ({"awx_templates": [{"name": "t", "project": "p", "inventory": "i"}]}, "does not create it without playbook"),
    "without an inventory": ({"awx_templates": [{"name": "t", "project": "p", "playbook": "x"}]}, "without inventory or ask_inventory_on_launch"),
    "without an image": ({"awx_execution_environments": [{"name": "e"}]}, "does not create it without image"),
    "without a rule": ({"awx_schedules": [{"name": "s", "unified_job_template": "p"}]}, "does not create it without rrule"),
    "an unknown reference": (
        {"awx_templates": [{"name": "t", "project": "q", "inventory": "i", "playbook": "x"}]},
        "job template t: its project is q, which is neither in the data nor in organization Default",
    ),
    "an unknown instance group": ({"awx_inventories": [{"name": "j", "instance_groups": ["none"]}]}, "is none, which is neither in the data nor in AWX"),
    "a reference to what is removed": (
        {"awx_inventories": [{"name": "i", "state": "absent"}], "awx_hosts": [{"name": "h", "inventory": "i"}]},
        "its inventory is i, which the data removes with state: absent",
    ),
    "a member that does not exist": ({"awx_groups": [{"name": "g", "inventory": "i", "hosts": ["h"]}]}, "its hosts are to contain h"),
    "an unknown organization": ({"awx_teams": [{"name": "t", "organization": "Defalt"}]}, "the organization Defalt is neither in awx_organizations nor in AWX"),
    "a credential that galaxy does not take": (
        {"awx_organizations": [{"name": "Default", "galaxy_credentials": ["Demo"]}]},
        "its galaxy_credentials is Demo, which is not a credential of the kind galaxy_api_token",
    ),
    "a credential type in use": (
        {"awx_credential_types": [{"name": "DB", "kind": "cloud", "inputs": {"fields": [{"id": "x", "type": "string", "label": "Other"}]}}]},
        "AWX does not change those of a type in use (Demo db)",
    ),
    "a required input that is missing": (
        {"awx_credentials": [{"name": "c", "credential_type": "Container Registry", "inputs": {"username": "u"}}]},
        "The input host of credential c is missing",
    ),
    "no inputs": ({"awx_credentials": [{"name": "c", "credential_type": "Container Registry"}]}, "The input host of credential c is missing"),
    "an inventory that AWX is deleting": ({"awx_inventories": [{"name": "gone"}]}, "AWX is still deleting the object of this name"),
    "a name that another one has": (
        {"awx_inventories": [{"name": "i", "new_name": "i2"}]},
        "cannot get the name i2, which another one has",
    ),
}


@pytest.mark.parametrize("what", list(BROKEN))
def test_rejected_before_the_first_step(site, what):
    data, says = BROKEN[what]
    site.template("a")
    for name in ("i", "i2", "gone"):
        number = site.add("inventories", name=name, organization=1)
    site.awx.answer("DELETE", "/api/v2/inventories/%d/" % number, None)
    site.add("credentials", name="Demo", organization=1, credential_type=1)
    kind = site.add("credential_types", name="DB", kind="cloud", inputs={"fields": [{"id": "x", "type": "string", "label": "X"}]})
    site.add("credentials", name="Demo db", organization=1, credential_type=kind)
    made = plan(site.awx, data)
    assert len(made.errors) == 1 and says in made.errors[0], made.errors


def test_an_execution_environment_of_another_organization_is_used(site):
    other = site.add("organizations", name="Other")
    site.add("execution_environments", name="e", image="theirs", organization=other)
    data = {"awx_execution_environments": [{"name": "e", "image": "ours"}, {"name": "AWX EE (latest)", "image": "quay.io/ansible/awx-ee:latest"}]}
    made = plan(site.awx, data)
    assert titles(made) == []
    assert "used as it is: its name is unique in all of AWX. Its image is theirs, not ours." in made.report[0]
    assert "that of all organizations" in made.report[1]
    # This entry asks for an execution environment for all organizations.
    data["awx_execution_environments"] = [{"name": "AWX EE (latest)", "image": "x", "organization": ""}]
    assert titles(plan(site.awx, data)) == [("create", "execution environment AWX EE (latest)")]


def test_a_credential_of_a_team_has_no_organization(site):
    """The module accepts only one owner."""
    entry = {"name": "c", "credential_type": "Machine", "team": "t"}
    data = {"awx_teams": [{"name": "t"}], "awx_credentials": [entry]}
    assert [each["new"] for each in plan(site.awx, data).steps] == [True, True]
    team = site.add("teams", name="t", organization=1)
    given = Objects(InProcess(site.awx), {variable: data.get(variable, []) for variable in VARIABLES}, "Default").arguments(
        BY_VARIABLE["awx_credentials"], entry
    )
    assert given == {"name": "c", "credential_type": "1", "team": str(team), "organization": None}


def test_absent(site):
    number = site.template("a")
    site.add("schedules", name="s", unified_job_template=number, rrule=RULE)
    data = {
        "awx_templates": [{"name": "a", "state": "absent"}, {"name": "b", "state": "absent"}],
        "awx_schedules": [{"name": name, "unified_job_template": of, "state": "absent"} for name, of in (("s", "a"), ("t", "a"), ("s", "b"))],
        "awx_hosts": [{"name": "h", "inventory": "nothing", "state": "absent"}],
        "awx_roles": [{"role": "execute", "teams": ["nobody"], "job_templates": ["a"], "state": "absent"}],
        "awx_credentials": [{"name": "c", "credential_type": "nothing", "state": "absent"}],
        "awx_teams": [{"name": "t", "organization": "nothing", "state": "absent"}],
    }
    assert titles(plan(site.awx, data)) == [("absent", "schedule s"), ("absent", "job template a")]


def test_a_new_name(site):
    site.template("a")
    entry = {"name": "a", "new_name": "b", "project": "p", "playbook": "x.yml", "ask_inventory_on_launch": True}
    data = {"awx_templates": [entry], "awx_schedules": [{"name": "s", "unified_job_template": "b", "rrule": RULE}]}
    made = plan(site.awx, data)
    assert [each["pending"] or each["new"] for each in made.steps] == [False, True]
    objects = Objects(InProcess(site.awx), {variable: data.get(variable, []) for variable in VARIABLES}, "Default")
    assert objects.settled(BY_VARIABLE["awx_templates"], entry)[0]["new_name"] == "b"
    site.awx.answer("PATCH", "/api/v2/job_templates/%d/" % next(iter(site.awx.objects["job_templates"])), {"name": "b"})
    objects.awx = InProcess(site.awx)
    settled, found = objects.settled(BY_VARIABLE["awx_templates"], entry)
    assert settled["name"] == found["name"] == "b" and "new_name" not in settled


def test_what_the_data_no_longer_names(labelled):
    made = plan(labelled.awx, labelled.data, label="ours")
    assert [each for each in titles(made) if each[0] == "remove"] == []
    assert made.report == [
        "schedule old of now is not in the data and is kept",
        "job template before is not in the data and is kept. Its schedules are turned off: nightly",
    ]
    # Otherwise, the old job would run in addition to the new one. The schedule of the template in the data is not changed.
    (nightly,) = [number for number, each in labelled.awx.objects["schedules"].items() if each["unified_job_template"] == labelled.before]
    (off,) = [each for each in made.steps if each["stage"] == "disable"]
    assert (off["title"], off["arguments"]) == ("schedule nightly of before", {"name": str(nightly), "enabled": False})
    labelled.awx.answer("PATCH", "/api/v2/schedules/%d/" % nightly, {"enabled": False})
    made = plan(labelled.awx, labelled.data, label="ours")
    assert made.report[1] == "job template before is not in the data and is kept"
    assert [each for each in titles(made) if each[0] == "disable"] == []
    made = plan(labelled.awx, labelled.data, label="ours", remove=True)
    assert [each for each in titles(made) if each[0] == "remove"] == [("remove", "schedule old"), ("remove", "job template before")]
    (error,) = plan(labelled.awx, labelled.data, label="outs").errors
    assert error == "The label outs is neither in awx_labels nor in organization Default. Set awx_label to that of the objects."
    assert [each.endswith("removed") or "is removed" in each for each in made.report] == [True, True]
    assert plan(labelled.awx, labelled.data).report == []


def test_an_entry_of_another_organization_is_another_object(labelled):
    labelled.data["awx_templates"].append({"name": "before", "organization": "Other", "ask_inventory_on_launch": True, "project": "p", "playbook": "x.yml"})
    labelled.add("projects", name="p", organization=labelled.add("organizations", name="Other"))
    assert "job template before is not in the data" in plan(labelled.awx, labelled.data, label="ours").report[1]


def test_what_somebody_attached_by_hand(labelled):
    kinds = {each["name"]: each["id"] for each in labelled.awx.objects["credential_types"].values()}
    mine = labelled.add("credentials", name="by hand", organization=1, credential_type=kinds["Source Control"])
    old = labelled.add("credentials", name="old key", organization=1, credential_type=kinds["Machine"])
    for number in (mine, old):
        labelled.attach("job_templates", labelled.now, "credentials", number)
    made = plan(labelled.awx, labelled.data)
    assert step(made, "job template now")["keep"] == {"credentials": [str(mine)]}
    assert made.report == [
        "credentials by hand of job template now is not in the data and is kept",
        "credentials old key of job template now is replaced by the credential of the same type in the data",
    ]
    made = plan(labelled.awx, labelled.data, remove=True)
    assert step(made, "job template now")["keep"] == {}
    assert made.report[0] == "credentials by hand of job template now is not in the data and is removed"


def test_the_role_hands_over_each_list():
    assert tuple(yaml.safe_load((ROOT / "roles" / "awx" / "vars" / "main.yml").read_text())["__awx_lists"]) == VARIABLES


def test_the_readme_hands_each_list_to_the_other_collection():
    block = (ROOT / "roles" / "awx" / "README.md").read_text().split("```yaml")[1].split("```")[0]
    given = yaml.safe_load(block)[0]["vars"]
    assert {name for value in given.values() for name in re.findall(r"awx_\w+", str(value))} == {*VARIABLES, "awx_organization"}
    assert {name.replace("controller_", "awx_").replace("aap_", "awx_") for name in given} == {*VARIABLES, "here"}


def test_an_empty_organization(site):
    assert plan(site.awx, {"awx_labels": [{"name": "l"}]}, organization="").errors == ["The organization is empty. Set awx_organization to its name."]


def test_an_awx_that_answers_with_an_error(site):
    with pytest.raises(AwxError, match="AWX does not list nothing"):
        InProcess(site.awx).read("nothing")


EVERYTHING = {
    "awx_organizations": [{"name": "Default", "galaxy_credentials": ["Ansible Galaxy"]}],
    "awx_labels": [{"name": "ours"}],
    "awx_teams": [{"name": "ops"}],
    "awx_credential_types": [
        {"name": "T", "kind": "cloud", "inputs": {"fields": [{"id": "x", "type": "string"}], "required": ["x"]}, "injectors": {"extra_vars": {"x": "y"}}}
    ],
    "awx_credentials": [{"name": "c", "credential_type": "T", "inputs": {"x": "y"}}],
    "awx_credential_input_sources": [{"target_credential": "c", "input_field_name": "x", "source_credential": "c", "metadata": {"k": "v"}}],
    "awx_execution_environments": [{"name": "e", "image": "x"}],
    "awx_notifications": [{"name": "n", "notification_type": "webhook", "notification_configuration": {"url": "x", "headers": {}}}],
    "awx_projects": [{"name": "q", "scm_url": "x", "allow_override": True, "wait": False}],
    "awx_inventories": [{"name": "i", "variables": {"x": 1}}],
    "awx_inventory_sources": [{"name": "s", "inventory": "i", "source": "scm", "source_project": "q", "source_vars": {"x": 1}}],
    "awx_hosts": [{"name": "h", "inventory": "i", "variables": {"x": 1}}],
    "awx_groups": [{"name": "g", "inventory": "i", "hosts": ["h"], "children": ["g2"]}, {"name": "g2", "inventory": "i"}],
    "awx_templates": [
        {
            **{"name": "a", "project": "q", "inventory": "i", "playbook": "x.yml", "labels": ["ours"], "credentials": ["c"], "extra_vars": {"x": [1]}},
            **{"survey_enabled": True, "survey_spec": {"name": "", "description": "", "spec": [{"variable": "v", "type": "text", "default": "d", "min": 1}]}},
        }
    ],
    "awx_workflows": [
        {
            "name": "w",
            "simplified_workflow_nodes": [
                {"identifier": "a", "unified_job_template": "a", "success_nodes": ["b"], "extra_data": {"x": 1}},
                {"identifier": "b", "approval_node": {"name": "yes?", "timeout": 5}},
            ],
        }
    ],
    "awx_schedules": [{"name": "s", "unified_job_template": "a", "rrule": RULE, "extra_data": {"x": 1}, "enabled": True}],
    "awx_roles": [{"role": "execute", "teams": ["ops"], "job_templates": ["a"]}],
}
ODD = (None, True, 1.5, 7, "x", "", [], {}, [None], [[1]], ["x"], {"x": None}, [{}])


def places(value, path=()):
    """The paths of all values in the data."""
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def replaced(value, path, other):
    if not path:
        return other
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = replaced(value[path[0]], path[1:], other)
    return made


@pytest.mark.parametrize("variable", VARIABLES)
def test_any_value_in_any_place_is_accepted_or_gets_a_message(team, variable):
    """As in a file with a list instead of a dictionary, an empty entry, or a number as a name."""
    assert list(check_data({**EVERYTHING}, {})) == [] and plan(team.awx, EVERYTHING, label="ours").errors == []
    tried = 0
    for path in places(EVERYTHING[variable]):
        for odd in ODD:
            data = {**EVERYTHING, variable: replaced(EVERYTHING[variable], path, odd)}
            found = list(check_data(data, {}))
            assert all(isinstance(each, str) for each in found)
            if not found:
                plan(team.awx, data, label="ours")
            tried += 1
    assert tried > 12
