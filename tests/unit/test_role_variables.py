# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variable is an option, a fact that its README documents, or a private variable with a name such as __ROLE_name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks(entries):
    for task in entries or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


def set_by(task):
    """The names of the variables that a task sets, except those that it passes to the tasks of another role."""
    included = task.get("ansible.builtin.include_role", {}).get("name", "").rpartition(".")[2]
    yield from (name for name in task.get("vars", {}) if not included or not name.startswith("__%s_" % included))
    yield from (name for name in task.get("ansible.builtin.set_fact", {}) if name != "cacheable")
    if "register" in task:
        yield task["register"]
    if "loop_var" in task.get("loop_control", {}):
        yield task["loop_control"]["loop_var"]


def options(role):
    """The options of all entry points."""
    return {name for entry in load(role / "meta" / "argument_specs.yml")["argument_specs"].values() for name in entry.get("options", {})}


def undocumented(role):
    """[(file, name)]: the variables that are neither private, nor documented, nor Ansible's own."""
    facts = set(re.findall(r"`(\w+)`", (role / "README.md").read_text(encoding="utf-8")))
    known = options(role) | facts
    names = [("vars/main.yml", name) for name in load(role / "vars" / "main.yml")]
    for path in sorted((role / "tasks").glob("*.yml")):
        names += [("tasks/" + path.name, name) for task in tasks(load(path)) for name in set_by(task)]
    return [(file, name) for file, name in names if name not in known and not name.startswith(("__%s_" % role.name, "ansible_"))]


@pytest.mark.parametrize("role", ["awx", "checkpointer", "database", "embedded_postgres", "monitoring", "retention"])
def test_a_variable_is_private_or_documented(role):
    assert undocumented(ROLES / role) == []


@pytest.mark.parametrize("role", ["awx", "checkpointer", "database", "embedded_postgres", "monitoring", "retention"])
def test_every_default_is_an_option(role):
    assert set(load(ROLES / role / "defaults" / "main.yml")) <= options(ROLES / role)


def test_every_way_to_set_a_variable_is_seen():
    entries = [
        {"vars": {"a": 1}, "block": [{"register": "b"}], "always": [{"ansible.builtin.set_fact": {"c": 1, "cacheable": True}}]},
        {"loop_control": {"loop_var": "d"}},
    ]
    assert [name for task in tasks(entries) for name in set_by(task)] == ["a", "b", "c", "d"]


# Actions that run on the controller and not with the Python of a host.
ON_THE_CONTROLLER = {"ansible.builtin." + name for name in ("debug", "fail", "include_tasks", "set_fact", "set_stats")}
KEYWORDS = {"name", "vars", "when", "become", "register", "no_log", "loop", "delegate_to", "run_once", "notify", "tags", "environment", "listen"}
KEYWORDS |= {"block", "rescue", "always", "module_defaults", "changed_when", "failed_when", "check_mode", "diff", "loop_control"}


def run_by(name, entries, inside=False, seen=()):
    """The actions of the tasks in a file that run with the Python of the virtualenv or as another account, including those of included files."""
    for task in entries or []:
        variables = task.get("vars", {})
        here = inside or "ansible_become_user" in variables or "__checkpointer_interpreter" in str(variables.get("ansible_python_interpreter", ""))
        for part in ("block", "rescue", "always"):
            yield from run_by(name, task.get(part), here, seen)
        if here:
            yield from task.keys() - KEYWORDS
            included = task.get("ansible.builtin.include_tasks", {}).get("file")
            if included and included not in (name, *seen):
                yield from run_by(included, load(ROLES / "checkpointer" / "tasks" / included), True, (name, *seen))


def test_only_modules_whose_results_are_filtered_run_with_the_rights_of_the_application():
    """The application's account can change the results of such modules, and Ansible obeys every result that is not filtered."""
    found = {name for path in sorted((ROLES / "checkpointer" / "tasks").glob("*.yml")) for name in run_by(path.name, load(path))}
    filtered = {"stateops.langgraph." + path.stem for path in (ROLES.parent / "plugins" / "action").glob("*.py")}
    assert found & filtered and found - filtered - ON_THE_CONTROLLER == set()
