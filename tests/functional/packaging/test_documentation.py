# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares each module's documentation with its arguments, and the messages in the documentation with the code."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.stateops.langgraph.plugins.module_utils._core import argspec

ROOT = Path(__file__).resolve().parents[3]
COLLECTION = "ansible_collections.stateops.langgraph.plugins."
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# The properties of an option that both sides describe, with their default values.
SAID = {"type": "str", "required": False, "default": None, "choices": None, "aliases": [], "elements": None}

# Return values without a sample. Remove a name when it has one.
STILL_UNSHOWN = {
    "virtualenv_info": ["problem has no sample", "foreign_writable has no sample", "unsatisfied.required_by has no sample"],
}


class Called(Exception):
    """Contains the keywords that a module's main() passes to AnsibleModule."""


def arguments_of(name, monkeypatch):
    """The keywords that the module's main() passes to AnsibleModule. Nothing after that is executed."""
    module = importlib.import_module(COLLECTION + "modules." + name)

    def stop(**keywords):
        raise Called(keywords)

    monkeypatch.setattr(module, "DatabaseModule" if hasattr(module, "DatabaseModule") else "AnsibleModule", stop)
    with pytest.raises(Called) as found:
        module.main()
    return found.value.args[0]


def documentation_of(name):
    """DOCUMENTATION with the contents of its fragments."""
    module = importlib.import_module(COLLECTION + "modules." + name)
    documentation = yaml.safe_load(module.DOCUMENTATION)
    for fragment in documentation.get("extends_documentation_fragment", []):
        parts = fragment.split(".")
        assert parts[:2] == ["stateops", "langgraph"], fragment
        fragments = importlib.import_module(COLLECTION + "doc_fragments." + parts[2]).ModuleDocFragment
        more = yaml.safe_load(getattr(fragments, parts[3].upper() if len(parts) > 3 else "DOCUMENTATION"))
        for section in ("options", "attributes"):
            merged = {key: dict(value) for key, value in (more.get(section) or {}).items()}
            for key, value in (documentation.get(section) or {}).items():
                merged[key] = dict(merged.get(key, {}), **value)
            documentation[section] = merged
    return documentation


def disagreements(spec, options):
    """All contradictions between arguments and documented options, as sentences."""
    found = ["%s is not documented" % name for name in sorted(set(spec) - set(options))]
    found += ["%s is documented and not an argument" % name for name in sorted(set(options) - set(spec))]
    for name in sorted(set(spec) & set(options)):
        for what, silence in SAID.items():
            argument, documented = spec[name].get(what, silence), options[name].get(what, silence)
            if isinstance(argument, list) and what in ("choices", "aliases"):
                argument, documented = sorted(argument), sorted(documented or [])
            if (argument, type(argument)) != (documented, type(documented)):
                found.append("%s: %s is %r, documented as %r" % (name, what, argument, documented))
        if not options[name].get("description"):
            found.append("%s has no description" % name)
    return found


def unshown(returned, place=""):
    """Return values without a sample. A value that contains others needs a sample itself, or each of them does."""
    found = []
    for name, value in returned.items():
        where = place + name
        if not value.get("description"):
            found.append("%s has no description" % where)
        if "sample" not in value and value.get("type") != "bool":
            found += unshown(value["contains"], where + ".") if "contains" in value else ["%s has no sample" % where]
        elif value.get("contains") and "sample" in value:
            first = value["sample"][0] if isinstance(value["sample"], list) and value["sample"] else value["sample"]
            unknown = sorted(set(first) - set(value["contains"])) if isinstance(first, dict) else []
            found += ["%s.%s is only in the sample" % (where, key) for key in unknown]
    return found


def test_there_are_modules():
    assert MODULES, "no module found under %s" % ROOT


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_correctly(name, monkeypatch):
    assert disagreements(arguments_of(name, monkeypatch)["argument_spec"], documentation_of(name)["options"]) == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documented_under_its_own_name(name):
    documentation = documentation_of(name)
    assert documentation["module"] == name
    assert documentation["version_added"] and documentation["author"] and documentation["description"]
    assert set(documentation["attributes"]) == {"check_mode", "diff_mode", "idempotent", "platform"}
    for attribute, details in documentation["attributes"].items():
        assert details["description"] and details["support"] in ("full", "partial", "none"), attribute


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_checked(name, monkeypatch):
    supported = arguments_of(name, monkeypatch)["supports_check_mode"]
    assert supported is (documentation_of(name)["attributes"]["check_mode"]["support"] == "full")


@pytest.mark.parametrize("name", MODULES)
def test_every_return_value_has_a_sample(name):
    module = importlib.import_module(COLLECTION + "modules." + name)
    returned = yaml.safe_load(module.RETURN)
    assert unshown(returned) == STILL_UNSHOWN.get(name, [])
    assert [key for key, value in returned.items() if not value.get("returned") or not value.get("type")] == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_tasks_with_options_that_exist(name):
    module = importlib.import_module(COLLECTION + "modules." + name)
    options = documentation_of(name)["options"]
    accepted = set(options) | {alias for option in options.values() for alias in option.get("aliases", [])}
    shown = [task["stateops.langgraph." + name] for task in yaml.safe_load(module.EXAMPLES) if "stateops.langgraph." + name in task]
    assert shown
    for given in shown:
        assert set(given) <= accepted
        assert {key for key, option in options.items() if option.get("required")} <= set(given) | aliased(given, options)


def aliased(given, options):
    return {key for key, option in options.items() if set(option.get("aliases", [])) & set(given)}


def test_the_action_group_contains_the_modules_that_connect():
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["postgresql"]
    assert sorted(group) == [name for name in MODULES if "login_db" in documentation_of(name)["options"]]


@pytest.mark.parametrize("name", MODULES)
def test_options_with_secret_names_set_no_log(name, monkeypatch):
    """Ansible warns about an option whose name suggests a secret if no_log is not set."""
    for option, details in arguments_of(name, monkeypatch)["argument_spec"].items():
        if "password" in option or option in ("encryption_key", "controller_oauthtoken"):
            assert details["no_log"] is True, option
        elif any(word in option for word in ("key", "secret", "token")):
            assert details["no_log"] is False, option
    assert argspec.connection_argument_spec()["login_password"]["no_log"] is True


def sources():
    """The contents of each file in plugins/, roles/ and playbooks/, as one line each."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield " ".join(node.value.split())
    for folder in ("roles", "playbooks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".yml", ".sh", ".sql"):
                yield " ".join(path.read_text(encoding="utf-8").split())


def test_the_messages_in_troubleshooting_are_in_the_code():
    page = (ROOT / "docs" / "docsite" / "rst" / "troubleshooting.rst").read_text(encoding="utf-8")
    quoted = [text for line in re.findall(r"^(``.+``)$", page, re.M) for text in re.findall(r"``(.+?)``", line)]
    assert len(quoted) > 30
    known = list(sources())
    parts = {part.strip(" .:,") for text in quoted for part in text.split("...")}
    missing = [part for part in sorted(parts) if part and not any(part in text for text in known)]
    assert not missing, "\n".join(missing)


OPTION = {"type": "int", "default": 1, "aliases": ["p"]}
DOCUMENTED = dict(OPTION, description="d")


@pytest.mark.parametrize(
    "spec, options, part",
    [
        ({"port": OPTION}, {}, "port is not documented"),
        ({}, {"port": DOCUMENTED}, "port is documented and not an argument"),
        ({"port": dict(OPTION, default=2)}, {"port": DOCUMENTED}, "default is 2, documented as 1"),
        ({"port": dict(OPTION, default=True)}, {"port": DOCUMENTED}, "default is True, documented as 1"),
        ({"port": dict(OPTION, type="str")}, {"port": DOCUMENTED}, "type is 'str', documented as 'int'"),
        ({"port": dict(OPTION, aliases=[])}, {"port": DOCUMENTED}, "aliases is [], documented as ['p']"),
        ({"port": dict(OPTION, choices=[1, 2])}, {"port": DOCUMENTED}, "choices is [1, 2], documented as []"),
        ({"port": dict(OPTION, required=True)}, {"port": DOCUMENTED}, "required is True, documented as False"),
        ({"port": dict(OPTION, elements="int")}, {"port": DOCUMENTED}, "elements is 'int', documented as None"),
        ({"port": OPTION}, {"port": dict(DOCUMENTED, description=None)}, "port has no description"),
    ],
)
def test_a_disagreement_is_found(spec, options, part):
    (found,) = disagreements(spec, options)
    assert part in found


@pytest.mark.parametrize(
    "value, part",
    [
        ({"description": "d", "type": "str"}, "a has no sample"),
        ({"type": "str", "sample": "x"}, "a has no description"),
        ({"description": "d", "contains": {"b": {"description": "d", "type": "int"}}}, "a.b has no sample"),
        ({"description": "d", "contains": {"b": {"description": "d", "type": "int"}}, "sample": [{"c": 1}]}, "a.c is only in the sample"),
    ],
)
def test_a_return_value_without_a_sample_is_found(value, part):
    assert unshown({"a": value}) == [part]
