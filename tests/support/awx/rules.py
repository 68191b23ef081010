# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a real AWX, with its own error messages. transcript.json contains a recording of each."""

from __future__ import annotations

import re

UNDEFINED = re.compile(r"\{\{\s*(\w+)")
TYPES = "text, textarea, password, multiplechoice, multiselect, integer, float"


class Rejected(Exception):
    """`answer` is the body of the response with status 400."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.answer = answer


def check_fields(awx, endpoint, body, options, found=None):
    """Check required fields, choices, lengths, references and unique names. Unknown fields are ignored."""
    wrong = {}
    for name, option in options.items():
        value = body.get(name)
        if name not in body:
            if option["required"] and found is None:
                wrong[name] = ["This field is required."]
        # awx.awx sends null for options that a task omits, and AWX accepts null.
        elif "choices" in option and value is not None and value not in option["choices"]:
            wrong[name] = ['"%s" is not a valid choice.' % value]
        elif option["type"] == "id" and value is not None and awx._named(name, value) is None:
            wrong[name] = ['Invalid pk "%s" - object does not exist.' % value]
        elif isinstance(value, str) and len(value) > option.get("max_length", len(value)):
            wrong[name] = ["Ensure this field has no more than %d characters." % option["max_length"]]
    if wrong:
        raise Rejected(wrong)
    # These names are unique in all of AWX.
    if endpoint in ("organizations", "execution_environments") and any(
        each is not found and each["name"] == body.get("name") for each in awx.objects[endpoint].values()
    ):
        raise Rejected({"name": ["%s with this Name already exists." % endpoint[:-1].capitalize().replace("_", " ")]})
    if endpoint == "execution_environments" and found and found["organization"] and body.get("organization", found["organization"]) != found["organization"]:
        raise Rejected({"organization": ["An execution environment can not be moved to another organization."]})


# {endpoint: (the words of AWX for the combination, the fields whose combination must be unique)}.
UNIQUE = {
    "inventories": ("Inventory with this Name and Organization", ("name", "organization")),
    "projects": ("Project with this (name, organization) combination", ("name", "organization")),
    "job_templates": ("JobTemplate with this (name, organization) combination", ("name", "organization")),
    "workflow_job_templates": ("WorkflowJobTemplate with this (name, organization) combination", ("name", "organization")),
    "credentials": ("Credential with this Organization, Name and Credential type", ("organization", "name", "credential_type")),
    "hosts": ("Host with this Name and Inventory", ("name", "inventory")),
    "groups": ("Group with this Name and Inventory", ("name", "inventory")),
    "schedules": ("Schedule with this Unified job template and Name", ("unified_job_template", "name")),
    "workflow_job_template_nodes": ("Workflow job template node with this Identifier and Workflow job template", ("identifier", "workflow_job_template")),
}


def check_unique(awx, endpoint, body):
    if endpoint in UNIQUE:
        if endpoint == "job_templates":
            body = dict(body, organization=awx.objects["projects"][body["project"]]["organization"])
        if endpoint == "groups" and any((each["name"], each["inventory"]) == (body["name"], body["inventory"]) for each in awx.objects["hosts"].values()):
            raise Rejected({"__all__": ["A Host with that name already exists."]})
        title, fields = UNIQUE[endpoint]
        if any(all(each[field] == body.get(field) for field in fields) for each in awx.objects[endpoint].values()):
            raise Rejected({"__all__": [title + " already exists."]})


def check_edge(awx, key, other):
    """Check that an edge is the only one between its two nodes, creates no cycle, and does not lead to another workflow."""
    nodes = awx.objects["workflow_job_template_nodes"]
    if other is None:
        raise Rejected({"detail": "WorkflowJobTemplateNode matching query does not exist."})
    if nodes[key[1]]["workflow_job_template"] != other["workflow_job_template"]:
        raise PermissionError
    edges = {}
    for (kind, number, name), children in awx.links.items():
        if kind == key[0] and name in ("success_nodes", "failure_nodes", "always_nodes"):
            edges.setdefault(number, []).extend(children)
            if number == key[1] and name != key[2] and other["id"] in children:
                raise Rejected({"Error": "Relationship not allowed."})
    seen, waiting = set(), [other["id"]]
    while waiting:
        number = waiting.pop()
        if number == key[1]:
            raise Rejected({"Error": "Cycle detected."})
        waiting += [each for each in edges.get(number, []) if each not in seen]
        seen.add(number)


def check_credential_type(_awx, body):
    fields = (body.get("inputs") or {}).get("fields", [])
    for field in fields:
        if field.get("type", "string") not in ("string", "boolean"):
            raise Rejected({"inputs": ["'%s' is not one of ['string', 'boolean']" % field["type"]]})
        if field["id"] == "tower":
            raise Rejected({"inputs": ['"tower" is a reserved field name']})
    known = {field["id"] for field in fields}
    for kind, entries in (body.get("injectors") or {}).items():
        for name, text in entries.items():
            if kind == "env" and name.startswith("ANSIBLE_"):
                raise Rejected({"injectors": ["Environment variable %s may affect Ansible configuration so its use is not allowed in credentials." % name]})
            for used in UNDEFINED.findall(text):
                if used not in known and used != "tower":
                    raise Rejected({"injectors": ["%s uses an undefined field ('%s' is undefined)" % (name, used)]})


def check_credential(awx, body):
    known = {field["id"] for field in awx._fields(body["credential_type"])}
    for name in body.get("inputs") or {}:
        if name not in known:
            raise Rejected({"inputs": ["Additional properties are not allowed ('%s' was unexpected)" % name]})


def check_job_template(awx, body):
    if not body.get("project"):
        raise Rejected({"project": ["Job Templates must have a project assigned."]})
    # The stand-in never syncs a project, so no project contains a playbook.
    if not awx.objects["projects"][body["project"]]["allow_override"]:
        raise Rejected({"playbook": ["Playbook not found for project."]})


def check_schedule(awx, body):
    rule = body["rrule"]
    wrong = []
    if not re.match(r"DTSTART(;TZID=[^:]+)?:\d{8}T\d{6}", rule):
        wrong.append("Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ")
    if "INTERVAL" not in rule:
        wrong.append("INTERVAL required in rrule: RULE:%s" % rule.split("RULE:")[-1])
    if wrong and len(wrong) == 2:
        wrong.append("rrule parsing failed validation: A valid TZID must be provided (e.g., America/New_York)")
    if wrong:
        raise Rejected({"rrule": wrong})
    survey = awx.surveys.get(("job_templates", body["unified_job_template"]), {})
    given = body.get("extra_data") or {}
    missing = ["'%s' value missing" % each["variable"] for each in survey.get("spec", []) if each["required"] and each["variable"] not in given]
    if missing:
        raise Rejected({"variables_needed_to_start": missing})


def check_survey(body):
    for field in ("name", "description", "spec"):
        if field not in body:
            raise Rejected({"error": "Field '%s' is missing from survey spec." % field})
    if not isinstance(body["spec"], list):
        raise Rejected({"error": "Expected list of items for field 'spec', received OrderedDict type."})
    if not body["spec"]:
        raise Rejected({"error": "'spec' doesn't contain any items."})
    seen = set()
    for number, question in enumerate(body["spec"]):
        _check_question(number, question)
        if question["variable"] in seen:
            raise Rejected({"error": "'variable' '%s' duplicated in survey question %d." % (question["variable"], number)})
        seen.add(question["variable"])


def _check_question(number, question):
    if "type" not in question:
        raise Rejected({"error": "'type' missing from survey question %d" % number})
    if question["type"] not in TYPES.split(", "):
        raise Rejected({"error": "'%s' in survey question %d is not one of '%s' allowed question types." % (question["type"], number, TYPES)})
    for field in ("question_name", "variable", "required"):
        if field not in question:
            raise Rejected({"error": "'%s' missing from survey question %d" % (field, number)})
    default = question.get("default")
    if question["type"] == "integer" and default not in (None, "") and not isinstance(default, int):
        raise Rejected({"error": "Default value %s in survey question %d expected to be integer." % (default, number)})
    for limit in ("min", "max"):
        if question.get(limit) is not None and not isinstance(question[limit], int):
            raise Rejected({"error": "The %s limit in survey question %d expected to be integer." % (limit, number)})
    if question["type"] in ("multiplechoice", "multiselect"):
        if not question.get("choices"):
            raise Rejected({"error": "Survey question %d of type %s must specify choices." % (number, question["type"])})
        answers = default.split("\n") if question["type"] == "multiselect" else [default]
        if default and not set(answers) <= set(question["choices"]):
            raise Rejected({"error": "Default choice must be answered from the choices listed."})
