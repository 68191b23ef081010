# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data for AWX that is rejected before any request to AWX, and similar data that is accepted."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

from runner import ROOT

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_check import check_data, unknown_variables
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import VARIABLES
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_secrets import hidden, keep_stored, same, unusable_inputs

MARK = "m4rk-of-a-secret"
VERIFY = {"name": "mine", "project": "langgraph", "playbook": "playbooks/verify.yml", "inventory": "langgraph"}
QUESTION = {"question_name": "Q", "variable": "q", "type": "text", "required": False, "default": "ok"}
RULE = "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1"


def messages(**data):
    return list(check_data({variable: data.get(variable, []) for variable in VARIABLES}, {"langgraph": str(ROOT)}))


def template(**options):
    return {"awx_templates": [dict(VERIFY, **options)]}


def survey(**question):
    return template(survey_enabled=True, survey_spec={"name": "", "description": "", "spec": [dict(QUESTION, **question)]})


def workflow(*nodes, **options):
    return {"awx_workflows": [dict({"name": "w", "simplified_workflow_nodes": list(nodes)}, **options)]}


def node(name, *success, **options):
    return dict({"identifier": name, "unified_job_template": "mine", "success_nodes": list(success)}, **options)


def field(**options):
    return {
        "awx_credential_types": [{"name": "mine", "kind": "cloud", "inputs": {"fields": [dict({"id": "x", "type": "string", "label": "Owner"}, **options)]}}]
    }


def injected(variable):
    data = field(id="owner_value")
    data["awx_credential_types"][0]["injectors"] = {"extra_vars": {variable: "{{ owner_value }}"}}
    return data


WRONG = {
    "an empty entry": ({"awx_labels": [None]}, "awx_labels contains an empty entry. Write dictionaries of the options of awx.awx.label."),
    "a text for an entry": ({"awx_teams": ["ops"]}, "awx_teams contains a text."),
    "a list for a survey": (template(survey_spec=[QUESTION]), "survey_spec of job template mine is a list. Write a dictionary."),
    "a dictionary for the questions": (template(survey_spec={"spec": QUESTION}), "survey_spec.spec of job template mine is a dictionary."),
    "an empty question": (template(survey_spec={"spec": [None]}), "survey_spec.spec of job template mine contains an empty entry"),
    "a dictionary for the nodes": ({"awx_workflows": [{"name": "w", "simplified_workflow_nodes": {"a": 1}}]}, "of workflow w is a dictionary."),
    "an empty node": (workflow(None), "simplified_workflow_nodes of workflow w contains an empty entry. Write a list of dictionaries."),
    "a text for an approval": (workflow({"identifier": "a", "approval_node": "yes?"}), "approval_node of node a is a text. Write a dictionary."),
    "a dictionary for the fields": ({"awx_credential_types": [{"name": "t", "kind": "cloud", "inputs": {"fields": {"id": "x"}}}]}, "inputs.fields of"),
    "a list for the inputs": (
        {"awx_credentials": [{"name": "c", "credential_type": "Machine", "inputs": [{"password": MARK}]}]},
        "inputs of credential c is a list. Write a dictionary.",
    ),
    "a text for the inputs": (
        {"awx_credentials": [{"name": "c", "credential_type": "Machine", "inputs": "password=" + MARK}]},
        "inputs of credential c is a text.",
    ),
    "a list for a name": ({"awx_labels": [{"name": ["l"]}]}, "name of label ['l'] is a list. Write a text, in quotation marks."),
    "a boolean for a name": ({"awx_labels": [{"name": True}]}, "name of label True is a boolean. Write a text, in quotation marks."),
    "a number for a branch": (template(scm_branch=1.10), "scm_branch of job template mine is a number. Write a text, in quotation marks."),
    "an empty label": (template(labels=[None]), "labels of job template mine contains an empty entry. Write a list of texts."),
    "variables that are a text": (template(extra_vars="a: b"), "job template mine: argument 'extra_vars' is of type"),
    "a password in a text": (template(extra_vars="database_owner_password=" + MARK), "variable database_owner_password of job template mine"),
    "an option that is misspelt": (template(verbsity=3), "job template mine has no option verbsity. verbosity was probably meant."),
    "an option that is none": (template(nonsense=3), "job template mine has no option nonsense. See ansible-doc awx.awx.job_template."),
    "a value that is none": (template(verbosity=9), "job template mine: value of verbosity must be one of"),
    "a required option": ({"awx_credentials": [{"name": "c"}]}, "credential c: missing required arguments: credential_type."),
    "a name of digits": (template(name="12"), "would read the name '12' as a number"),
    "a name like a named URL": (template(name="c++ agents"), "as a number or as a named URL"),
    "two entries of one name": ({"awx_templates": [VERIFY, VERIFY]}, "two entries for job template mine in awx_templates"),
    "a misspelt playbook": (template(playbook="playbooks/verfy.yml"), "which project langgraph does not contain. playbooks/verify.yml was probably meant."),
    "a misspelt group": ({"awx_groups": [{"name": "langgraph_ap", "inventory": "i"}]}, "langgraph_app was probably meant"),
    "the removal of a label": ({"awx_labels": [{"name": "l", "state": "absent"}]}, "AWX deletes a label when no object has it"),
    "a rule with a line break": ({"awx_schedules": [{"name": "s", "rrule": RULE.replace(" ", "\n")}]}, "The rrule of schedule s has a line break"),
    "a schedule that sets what its template does not ask for": (
        {**template(), "awx_schedules": [{"name": "s", "rrule": RULE, "unified_job_template": "mine", "limit": "app1"}]},
        "Set ask_limit_on_launch: true there.",
    ),
    "a project that was not synced": (
        {**template(), "awx_projects": [{"name": "langgraph", "wait": False}]},
        "Set allow_override: true there",
    ),
    "a default outside its limits": (survey(default="x", min=2), "in a way that a job cannot use"),
    "a number above its limit": (survey(type="integer", default=50, max=5), "in a way that a job cannot use"),
    "a variable with a space": (survey(variable="a b"), "in a way that a job cannot use"),
    "a text for a number": (survey(type="integer", default="5"), "in a way that a job cannot use"),
    "a limit that is a text": (survey(type="integer", default=5, min="1"), "in a way that a job cannot use"),
    "choices without quotation marks": (survey(type="multiplechoice", choices=[False, True], default=""), "in a way that a job cannot use"),
    "a password with a default": (survey(type="password", default="shown"), "in a way that a job cannot use"),
    "a survey that is not asked": (template(survey_spec={"spec": [QUESTION]}), "without survey_enabled: true"),
    "a default that differs from the inventory": (
        {**survey(variable="database_name", default="a"), "awx_inventories": [{"name": "langgraph", "variables": {"database_name": "b"}}]},
        "another default for database_name than the variables of langgraph in awx_inventories",
    ),
    "a workflow without nodes": ({"awx_workflows": [{"name": "w"}]}, "Set simplified_workflow_nodes: [] for a workflow without nodes"),
    "an unknown node": (workflow(node("a", "vrify"), node("verify")), "leads to vrify, which is not the identifier of a node. verify was probably meant."),
    "a repeated node": (workflow(node("a"), node("a")), "two nodes with the identifier a"),
    "two edges to one node": (workflow(node("a", "b", failure_nodes=["b"]), node("b")), "leads to b more than once"),
    "a cycle": (workflow(node("a", "b"), node("b", "a")), "form a cycle"),
    "a node for nothing": (workflow({"identifier": "a"}), "needs either unified_job_template or an approval_node with a name"),
    "a node for two things": (workflow(node("a", approval_node={"name": "n"})), "needs either unified_job_template or an approval_node with a name"),
    "a misspelt option of a node": (workflow(node("a", sucess_nodes=["a"])), "node a has no option sucess_nodes. success_nodes was probably meant."),
    "a field with the name of a secret": (field(id="owner_password"), "field owner_password of credential type mine"),
    "a field with the label of a secret": (field(label="API key"), "field x of credential type mine"),
    "a field that is said not to be secret": (field(id="owner_password", secret=False), "field owner_password of credential type mine"),
    "a field that becomes a password": (injected("database_owner_password"), "field owner_value of credential type mine"),
    "a secret in the environment": (
        {"awx_credential_types": [{"name": "mine", "kind": "cloud", "injectors": {"env": {"PGPASSWORD": "x"}}}]},
        "Credential type mine injects environment variables",
    ),
    "a password": (template(extra_vars={"database_owner_password": MARK}), "variable database_owner_password of job template mine"),
    "a password in a dictionary in a list": (template(extra_vars={"r": [{"name": "x", "password": MARK}]}), "variable password of job template mine"),
    "a password in a list": (template(extra_vars={"password": [MARK]}), "variable password of job template mine"),
    "a password that is a number": (template(extra_vars={"password": 12345}), "variable password of job template mine"),
    "a login in an address": (template(extra_vars={"index_url": "https://me:%s@example.org/simple" % MARK}), "variable index_url"),
    "a key": (template(extra_vars={"checkpointer_import_encryption_key": MARK}), "variable checkpointer_import_encryption_key"),
    "the password of an account": (template(extra_vars={"ansible_become_pass": MARK}), "variable ansible_become_pass"),
    "a password in a schedule": ({"awx_schedules": [{"name": "s", "rrule": RULE, "extra_data": {"app_password": MARK}}]}, "app_password of schedule s"),
    "a password in a node": (workflow(node("a", extra_data={"app_password": MARK})), "app_password of node a"),
    "a password in a workflow": (workflow(extra_vars={"app_password": MARK}), "app_password of workflow w"),
    "a password in a host": ({"awx_hosts": [{"name": "h", "inventory": "i", "variables": {"app_password": MARK}}]}, "app_password of host h"),
    "a password in a group": ({"awx_groups": [{"name": "g", "inventory": "i", "variables": {"app_password": MARK}}]}, "app_password of group g"),
    "a password in an inventory": ({"awx_inventories": [{"name": "i", "variables": {"app_password": MARK}}]}, "app_password of inventory i"),
    "a password in a source": (
        {"awx_inventory_sources": [{"name": "s", "inventory": "i", "source_vars": {"app_password": MARK}}]},
        "app_password of inventory source s",
    ),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_rejected(what):
    data, says = WRONG[what]
    found = messages(**data)
    assert len(found) == 1 and says in found[0], found
    assert MARK not in found[0]


RIGHT = {
    "an alias": template(ask_limit=True),
    "variables without a secret": template(
        extra_vars={
            "greeting": MARK,
            "awx_update_secrets": True,
            "checkpointer_import_encryption_key": "",
            "index_url": "https://example.org/simple",
            "password_file": "/run/secrets/x",
            "hosts": ["a", {"b": 1}],
            "database_owner_password": "{{ lookup('ansible.builtin.env', 'X') }}",
            "password": "$encrypted$",
        }
    ),
    "one name in two organizations": {"awx_templates": [VERIFY, dict(VERIFY, organization="Other")]},
    "one name in two inventories": {"awx_hosts": [{"name": "a", "inventory": "i"}, {"name": "a", "inventory": "j"}]},
    "one name of two types": {"awx_credentials": [{"name": "a", "credential_type": "i"}, {"name": "a", "credential_type": "j"}]},
    "groups beside those of the playbooks": {
        "awx_groups": [{"name": name, "inventory": "i"} for name in ("langgraph_app", "langgraph_app2", "langgraph_app_eu")]
    },
    "another group altogether": {"awx_groups": [{"name": "web", "inventory": "i"}]},
    "a playbook of another project": template(project="other", playbook="playbooks/verfy.yml"),
    "a playbook of another branch": template(scm_branch="next", playbook="playbooks/new.yml"),
    "the same default as in the inventory": {
        **survey(variable="database_name", default="a"),
        "awx_inventories": [{"name": "langgraph", "variables": {"database_name": "a"}}, {"name": "other", "variables": {"database_name": "b"}}],
    },
    "a workflow that joins": workflow(node("a", "b", "c"), node("b", "d"), node("c", "d"), node("d")),
    "an approval": workflow({"identifier": "a", "approval_node": {"name": "n", "timeout": 60}, "success_nodes": ["b"]}, node("b")),
    "the workflow of the module itself": {"awx_workflows": [{"name": "w", "workflow_nodes": []}]},
}


@pytest.mark.parametrize("what", list(RIGHT))
def test_accepted(what):
    assert messages(**RIGHT[what]) == []


# The survey of a job template, and launches with their answers and the responses of a real AWX.
SURVEY, *LAUNCHES = json.loads((ROOT / "tests" / "support" / "awx" / "launches.json").read_text())


def test_a_default_is_accepted_if_awx_accepts_it_as_an_answer():
    """The defaults are the answers of a scheduled job. A password has no default."""
    questions = {each["variable"]: each for each in SURVEY["body"]["spec"] if each["variable"] != "pw"}
    seen = []
    for launch in LAUNCHES:
        answers = {name: value for name, value in launch["body"]["extra_vars"].items() if name in questions}
        asked = {"spec": [{**questions[name], "default": value} for name, value in answers.items()]}
        found = messages(**template(survey_enabled=True, survey_spec=asked))
        # The answers that AWX rejects, except for the password.
        rejected = [name for name in answers if any("'%s'" % name in each for each in launch["answer"].get("variables_needed_to_start", []))]
        assert [each.split(" asks for ")[1].split(" ")[0] for each in found] == rejected, launch["note"]
        seen += rejected or [launch["status"]]
    assert set(seen) == {*questions, 201, 400}


FIELDS = {
    "fields": [{"id": "user", "type": "string"}, {"id": "password", "type": "string", "secret": True}, {"id": "verify", "type": "boolean"}],
    "required": ["user", "secret_path"],
}
INPUTS = {
    "an empty secret": ({"user": "u", "password": ""}, "password of credential c is empty"),
    "a secret of blanks": ({"user": "u", "password": " "}, "password of credential c is empty"),
    "no secret": ({"user": "u", "password": None}, "password of credential c is empty"),
    "an empty required input": ({"user": ""}, "user of credential c is empty"),
    "a missing input": ({"password": MARK}, "user of credential c is missing"),
    "a number": ({"user": "u", "password": 12345}, "password of credential c is not a text. Put the value in quotation marks."),
    "text for a boolean": ({"user": "u", "verify": "maybe"}, "verify of credential c is not a boolean"),
    "an unknown input": ({"user": "u", "pasword": MARK}, "has no input pasword. It has: user, password, verify."),
}


@pytest.mark.parametrize("what", list(INPUTS))
def test_inputs_that_would_replace_a_stored_secret(what):
    inputs, says = INPUTS[what]
    (found,) = unusable_inputs({"name": "c", "inputs": inputs}, FIELDS, set())
    assert says in found and MARK not in found and "12345" not in found


def test_inputs_that_can_be_stored():
    assert list(unusable_inputs({"name": "c", "inputs": {"user": "u", "password": MARK, "verify": False}}, FIELDS, set())) == []
    assert list(unusable_inputs({"name": "c", "inputs": {"password": MARK}}, FIELDS, {"user"})) == []
    assert list(unusable_inputs({"name": "c"}, FIELDS, set())) == []


def test_variables_of_the_data_file():
    known = ["awx_schedules", "awx_templates", "awx_label"]
    (found,) = unknown_variables(["awx_shedules", "awx_label", "site_image", "awx_job_id"], known, "/x/awx.yml")
    assert found == "/x/awx.yml sets awx_shedules, which is not an option of the role awx. awx_schedules was probably meant."
    (found,) = unknown_variables(["awx_own"], known, "/x/awx.yml")
    assert "without the prefix awx_" in found
    assert list(unknown_variables(["awx_own", "awx_inventory_id", "awx_user_name"], known, "")) == []
    assert "awx_templates was probably meant" in next(unknown_variables(["awx_template"], known, ""))


def test_what_awx_hides_or_adds_is_no_difference():
    assert same({"token": "x", "channels": ["#a"]}, {"token": "$encrypted$", "channels": ["#a"], "more": 1})
    assert not same({"token": "x", "channels": ["#b"]}, {"token": "$encrypted$", "channels": ["#a"]})
    assert not same({"password": ""}, {"password": "$encrypted$"})


def test_an_empty_secret_keeps_the_stored_one():
    stored = {"password": "$encrypted$", "username": "u", "token": ""}
    assert keep_stored({"password": "", "username": "", "token": "", "port": 25}, stored) == {
        "password": "$encrypted$",
        "username": "",
        "token": "",
        "port": 25,
    }
    assert keep_stored({"password": "new"}, stored) == {"password": "new"} and keep_stored({"password": ""}, None) == {"password": ""}


def test_parts_of_a_secret_are_hidden():
    secret = "first-part\nsecond\\part\"with'quotes"
    for quoted in (secret, repr(secret), json.dumps(secret), str({"inputs": [secret]}), json.dumps({"inputs": secret}), secret[:14], secret[9:]):
        found = hidden("AWX says %s here" % quoted, {secret})
        assert found.startswith("AWX says ") and found.endswith(" here") and "********" in found
        assert not any(secret[start : start + 8] in found for start in range(len(secret) - 8))
    assert hidden("a short one: abcd", {"abcd"}) == "a short one: ********"
    assert hidden("nothing to hide", {secret, "abcd"}) == "nothing to hide"
    assert len(hidden("x" * 100000, {secret})) < 5000
