# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the data for AWX without asking AWX: names of variables and options, workflows, surveys. The options are those that awx.awx documents."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils.plugin_docs import get_plugin_docs
from graphlib import CycleError, TopologicalSorter

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import MISSING, AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import EDGES, NODES, Data, Entry, Kind, as_list, name_of, present
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_secrets import entries, hidden, secret_texts, shown_secrets

VARIABLE = re.compile("^[A-Za-z_][A-Za-z0-9_]*$")
# The variables that AWX itself sets in a job.
JOB_VARIABLE = re.compile("^awx_(job|user|inventory|project|schedule|workflow|webhook|parent_job|execution_node|isolated)(_|$)")
# The groups that the playbooks of this collection use.
GROUPS = ("langgraph_app", "langgraph_db")
# An option of a node or a schedule, and the option of the job template without which AWX ignores or rejects it.
ASKED = {
    **{name: "ask_%s_on_launch" % name for name in ("limit", "job_type", "skip_tags", "diff_mode", "verbosity", "inventory", "execution_environment")},
    **{name: "ask_%s_on_launch" % name for name in ("forks", "instance_groups", "job_slice_count", "labels", "timeout", "scm_branch")},
    "job_tags": "ask_tags_on_launch",
    "credentials": "ask_credential_on_launch",
}
# The shapes that the checks expect in the options: a dictionary with these contents, a list of dictionaries ([]), or a list of texts (()).
SHAPES: dict[str, dict[str, Any]] = {
    "awx_credential_types": {"inputs": {"fields": [], "required": ()}, "injectors": {"env": {}, "extra_vars": {}, "file": {}}},
    "awx_templates": {"survey_spec": {"spec": []}},
    "awx_workflows": {"survey_spec": {"spec": []}, NODES.variable: []},
    NODES.variable: {"approval_node": {}},
    "awx_credentials": {"inputs": {}},
}


def check_data(data: Data, checkouts: dict[str, str]) -> Iterator[str]:
    """A message for each mistake in the data."""
    misshapen = [message for kind, entry in entries(data) for message in _check_shape(kind, entry)]
    if misshapen:
        # The other checks would read values that do not exist.
        yield from misshapen
        return
    seen: set[tuple[Any, ...]] = set()
    for kind, entry in entries(data):
        title = "%s %s" % (kind.title, name_of(kind, entry))
        yield from _check_entry(kind, entry, title)
        key = (kind.variable, *(str(entry.get(option)) for option in (*kind.identity, "organization")))
        if kind.identity and kind is not NODES and key in seen:
            yield "There are two entries for %s in %s. Remove one, or give it another name." % (title, kind.variable)
        seen.add(key)
        if "\n" in str(entry.get("rrule", "")).strip():
            yield "The rrule of %s has a line break. Write it in one line." % title
        yield from _check_survey(entry, title)
    for workflow in filter(present, data["awx_workflows"]):
        yield from _check_workflow(workflow)
    unsynced = [each.get("name") for each in data["awx_projects"] if present(each) and each.get("wait") is False and not each.get("allow_override")]
    for entry in filter(present, data["awx_templates"]):
        yield from _check_playbook(entry, checkouts)
        if entry.get("project") in unsynced:
            yield "AWX rejects job template %s before the first sync of project %s. Set allow_override: true there." % (entry.get("name"), entry["project"])
    yield from _check_prompts(data)
    yield from _check_defaults(data)
    yield from _check_groups(data["awx_groups"])
    yield from shown_secrets(data)


def unknown_variables(names: Iterable[str], known: Iterable[str], path: str) -> Iterator[str]:
    """A message for each variable that begins with awx_ and is not an option of the role. Outside the file, only a misspelled option counts."""
    for name in sorted(names):
        if name.startswith("awx_") and name not in known and not JOB_VARIABLE.match(name):
            meant = get_close_matches(name, known, 1, 0.6 if path else 0.85)
            if path:
                yield "%s sets %s, which is not an option of the role awx.%s" % (
                    path,
                    name,
                    _meant(meant) or " Use a name without the prefix awx_ for your own variables.",
                )
            elif meant:
                yield "The variable %s is set, which is not an option of the role awx.%s" % (name, _meant(meant))


def _meant(found: list[str]) -> str:
    return " %s was probably meant." % found[0] if found else ""


@lru_cache(maxsize=None)
def options_of(module: str) -> dict[str, Any]:
    """The options of a module of awx.awx, as it documents them."""
    try:
        return get_plugin_docs("awx.awx." + module, "module", module_loader, fragment_loader, False)[0]["options"]
    except AnsibleError:
        raise AwxError(MISSING) from None


def _spec(options: dict[str, Any]) -> dict[str, Any]:
    spec = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in ("type", "required", "choices", "elements", "aliases") if option.get(key) is not None}
        if option.get("suboptions"):
            spec[name]["options"] = _spec(option["suboptions"])
    return spec


def _check_shape(kind: Kind, entry: Any) -> Iterator[str]:
    """A message for each value that the other checks could not read. The messages do not contain the values."""
    if not isinstance(entry, dict):
        yield "%s contains %s. Write dictionaries of the options of awx.awx.%s." % (kind.variable, _type_of(entry), kind.module)
        return
    title = "%s %s" % (kind.title, name_of(kind, entry))
    yield from _check_contents(SHAPES.get(kind.variable, {}), entry, title)
    options = options_of(kind.module)
    for name, value in entry.items():
        option = options.get(name, {})
        # A number such as 1.10 has already lost its last digit.
        if option and option.get("type", "str") == "str" and isinstance(value, (dict, list, bool, float)):
            yield "%s of %s is %s. Write a text, in quotation marks." % (name, title, _type_of(value))
        # Ansible makes a list of one text.
        if option.get("type") == "list" and option.get("elements", "str") == "str" and value is not None:
            yield from _check_contents((), as_list(value), title, name)


def _check_contents(shape: Any, value: Any, title: str, option: str = "") -> Iterator[str]:
    place = "%s of %s" % (option, title)
    if value is None:
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield "%s is %s. Write a dictionary." % (place, _type_of(value))
        else:
            for name, inner in shape.items():
                yield from _check_contents(inner, value.get(name), title, "%s.%s" % (option, name) if option else name)
        return
    wanted, types = ("dictionaries", dict) if isinstance(shape, list) else ("texts", (str, int))
    if not isinstance(value, list):
        yield "%s is %s. Write a list of %s." % (place, _type_of(value), wanted)
    for each in value if isinstance(value, list) else []:
        if not isinstance(each, types) or isinstance(each, bool):
            yield "%s contains %s. Write a list of %s." % (place, _type_of(each), wanted)


def _type_of(value: Any) -> str:
    named = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a dictionary", type(None): "an empty entry"}
    return next((text for kind, text in named.items() if isinstance(value, kind)), "of an unknown type")


def _check_entry(kind: Kind, entry: Entry, title: str) -> Iterator[str]:
    given = {name: value for name, value in entry.items() if value is not None and name != NODES.variable}
    options = options_of(kind.module)
    known = {alias for name, option in options.items() for alias in (name, *option.get("aliases", []))}
    unknown = sorted(set(given) - known)
    for name in unknown:
        yield "%s has no option %s.%s" % (title, name, _meant(get_close_matches(name, known, 1)) or " See ansible-doc awx.awx.%s." % kind.module)
        del given[name]
    # The role adds these.
    for option in ("organization", "workflow_job_template"):
        if option in options:
            given.setdefault(option, "x")
    if given.get("state") == "absent" and kind.variable == "awx_labels":
        yield "%s cannot be removed: AWX deletes a label when no object has it. Remove the entry." % title
    else:
        messages = ArgumentSpecValidator(_spec(options)).validate(given).error_messages
        secrets = {text for option in kind.secret for text in secret_texts(given.get(option))}
        yield from ("%s: %s." % (title, hidden(message, secrets)) for message in messages)
    for option in ("name", "new_name", "identifier"):
        value = given.get(option, "x")
        if str(value).isdecimal() or "++" in str(value) or not str(value).strip():
            yield "%s: the module of awx.awx would read the %s %r as a number or as a named URL. Use another %s." % (title, option, value, option)


def _check_survey(entry: Entry, title: str) -> Iterator[str]:
    survey = entry.get("survey_spec") or {}
    if survey and "survey_enabled" not in entry:
        yield "%s has a survey_spec, and AWX does not ask its questions without survey_enabled: true." % title
    for question in survey.get("spec") or []:
        if not VARIABLE.match(str(question.get("variable"))) or _unusable(question, question.get("type"), question.get("default")):
            yield (
                "The survey of %s asks for %s in a way that a job cannot use. Use a variable name of letters, digits and underscores, texts as choices, "
                "a default of the type and between min and max or among the choices, and no default for a password." % (title, question.get("variable"))
            )


def _unusable(question: dict[str, Any], kind: Any, default: Any) -> bool:
    """Whether AWX rejects a job that has the default of a question as its answer."""
    choices = question.get("choices") or []
    choices = choices.splitlines() if isinstance(choices, str) else choices
    if kind in ("multiplechoice", "multiselect"):
        answers = default.splitlines() if kind == "multiselect" and isinstance(default, str) else as_list(default)
        return not all(isinstance(each, str) for each in choices) or (default not in (None, "") and any(each not in choices for each in answers))
    if default in (None, ""):
        return False
    types: dict[str, tuple[type, ...]] = {"integer": (int,), "float": (int, float), "text": (str,), "textarea": (str,)}
    if isinstance(default, bool) or not isinstance(default, types.get(str(kind), ())):
        return True
    size: Any = len(default) if isinstance(default, str) else default
    limits = (question.get("min"), question.get("max"))
    try:
        return bool((limits[0] is not None and float(size) < limits[0]) or (limits[1] is not None and float(size) > limits[1]))
    except TypeError:
        return True


def _check_workflow(workflow: Entry) -> Iterator[str]:
    title = "workflow %s" % workflow.get("name")
    nodes = workflow.get(NODES.variable)
    if nodes is None or "workflow_nodes" in workflow:
        if nodes is not None or "workflow_nodes" not in workflow:
            yield "%s needs either %s or workflow_nodes. Set %s: [] for a workflow without nodes." % (title, NODES.variable, NODES.variable)
        return
    names = [node.get("identifier") for node in nodes if present(node)]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        yield "%s has two nodes with the identifier %s. Give each node its own." % (title, name)
    graph: dict[Any, list[Any]] = {}
    for node in filter(present, nodes):
        children = [child for edge in EDGES for child in as_list(node.get(edge))]
        for child in sorted({str(child) for child in children if child not in names}):
            meant = _meant(get_close_matches(str(child), [str(name) for name in names], 1))
            yield "Node %s of %s leads to %s, which is not the identifier of a node.%s" % (node.get("identifier"), title, child, meant)
        for child in sorted({str(child) for child in children if children.count(child) > 1}):
            yield "Node %s of %s leads to %s more than once. AWX allows one edge between two nodes." % (node.get("identifier"), title, child)
        approval = node.get("approval_node")
        if bool(approval) == bool(node.get("unified_job_template")) or (approval and not approval.get("name")):
            yield "Node %s of %s needs either unified_job_template or an approval_node with a name." % (node.get("identifier"), title)
        graph[node.get("identifier")] = children
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "The nodes of %s form a cycle: %s. Remove one of the edges." % (title, ", ".join(map(str, error.args[1])))


def _check_defaults(data: Data) -> Iterator[str]:
    """A scheduled job sends the defaults of its survey, which take precedence over the variables of the inventory."""
    for template in filter(present, data["awx_templates"]):
        asked = {str(each.get("variable")): each.get("default") for each in (template.get("survey_spec") or {}).get("spec") or []}
        for variable, option in (("awx_inventories", "name"), ("awx_groups", "inventory"), ("awx_hosts", "inventory")):
            for entry in data[variable]:
                given: Any = entry.get("variables")
                for name in asked if isinstance(given, dict) and entry.get(option) == template.get("inventory") else ():
                    if asked[name] not in (None, "") and name in given and str(given[name]) != str(asked[name]):
                        yield (
                            "The survey of job template %s has another default for %s than the variables of %s in %s, and a job without an answer uses the "
                            "default. Use the same value, or remove the default." % (template.get("name"), name, entry.get("name"), variable)
                        )


def _check_playbook(entry: Entry, checkouts: dict[str, str]) -> Iterator[str]:
    checkout, playbook = checkouts.get(str(entry.get("project"))), entry.get("playbook")
    if checkout and playbook and not entry.get("scm_branch") and not (Path(checkout) / str(playbook)).is_file():
        there = [str(path.relative_to(checkout)) for path in Path(checkout).glob("playbooks/*.yml")]
        meant = _meant(get_close_matches(str(playbook), there, 1)) or " The project has: %s." % ", ".join(sorted(there))
        yield "job template %s runs %s, which project %s does not contain.%s" % (entry.get("name"), playbook, entry.get("project"), meant)


def _check_prompts(data: Data) -> Iterator[str]:
    templates = {entry.get("name"): entry for entry in data["awx_templates"] if present(entry)}
    for kind, entry in entries(data):
        template = templates.get(entry.get("unified_job_template"))
        for option, flag in ASKED.items():
            if template and present(entry) and entry.get(option) not in (None, "", []) and kind.variable in (NODES.variable, "awx_schedules"):
                if not template.get(flag) and not template.get(flag.replace("_on_launch", "")):
                    yield "%s %s sets %s, which job template %s does not ask for. Set %s: true there." % (
                        kind.title,
                        name_of(kind, entry),
                        option,
                        template["name"],
                        flag,
                    )


def _check_groups(groups: list[Entry]) -> Iterator[str]:
    for inventory in sorted({str(entry.get("inventory")) for entry in groups}):
        names = [str(entry.get("name")) for entry in groups if str(entry.get("inventory")) == inventory]
        for group in GROUPS:
            for found in get_close_matches(group, set(names) - set(GROUPS), 1, 0.85) if group not in names else []:
                yield "The playbooks of this collection do not use group %s of inventory %s. %s was probably meant." % (found, inventory, group)
