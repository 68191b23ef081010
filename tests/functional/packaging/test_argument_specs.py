# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares each role's defaults/main.yml with its meta/argument_specs.yml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.glob("*") if path.is_dir())


def defaults_of(role):
    return yaml.safe_load((role / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}


def entry_points_of(role):
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return specs["argument_specs"]


def disagreements(name, defaults, entry_points):
    """All contradictions between the two files, as sentences."""
    found = []
    if "main" not in entry_points:
        found.append("there is no entry point main")
    described = set()
    for point, spec in sorted(entry_points.items()):
        if not spec.get("short_description"):
            found.append("%s has no short_description" % point)
        for option, details in sorted((spec.get("options") or {}).items()):
            described.add(option)
            if not option.startswith(name + "_"):
                found.append("%s: %s does not begin with %s_" % (point, option, name))
            if not details.get("description"):
                found.append("%s: %s has no description" % (point, option))
            if not details.get("type"):
                found.append("%s: %s has no type" % (point, option))
            stated = "default" in details
            if details.get("required") and option in defaults:
                found.append("%s: %s is required and has a default in defaults/main.yml" % (point, option))
            elif option not in defaults:
                if stated:
                    found.append("%s: %s has a default that defaults/main.yml lacks" % (point, option))
                elif not details.get("required"):
                    found.append("%s: %s is not in defaults/main.yml and is not required" % (point, option))
            elif stated and (details["default"], type(details["default"])) != (defaults[option], type(defaults[option])):
                found.append("%s: %s defaults to %r, in defaults/main.yml to %r" % (point, option, details["default"], defaults[option]))
            elif not stated and not is_computed(defaults[option]):
                found.append("%s: %s does not state its default %r" % (point, option, defaults[option]))
    for option in sorted(set(defaults) - described):
        found.append("%s is in defaults/main.yml and in no entry point" % option)
    return found


def is_computed(value):
    """The default of a template cannot be stated: its value depends on the host."""
    return isinstance(value, str) and "{{" in value


def test_there_are_roles():
    assert NAMES, "no role found in %s" % ROLES


@pytest.mark.parametrize("name", NAMES)
def test_role(name):
    role = ROLES / name
    assert disagreements(name, defaults_of(role), entry_points_of(role)) == []


OPTION = {"type": "int", "description": "d", "default": 80}
SPEC = {"main": {"short_description": "s", "options": {"web_port": OPTION}}}


def spec(**changes):
    option = {key: value for key, value in dict(OPTION, **changes).items() if value is not None}
    return {"main": {"short_description": "s", "options": {"web_port": option}}}


@pytest.mark.parametrize(
    "defaults, points, part",
    [
        ({}, SPEC, "has a default that defaults/main.yml lacks"),
        ({}, spec(default=None), "is not required"),
        ({"web_port": 80, "web_host": ""}, SPEC, "web_host is in defaults/main.yml and in no entry point"),
        ({"web_port": 81}, SPEC, "defaults to 80, in defaults/main.yml to 81"),
        ({"web_port": "80"}, SPEC, "defaults to 80, in defaults/main.yml to '80'"),
        ({"web_port": True}, spec(default=1), "defaults to 1, in defaults/main.yml to True"),
        ({"web_port": 80}, spec(default=None), "does not state its default 80"),
        ({"web_port": 80}, spec(default=None, required=True), "is required and has a default"),
        ({"web_port": 80}, spec(description=None), "has no description"),
        ({"web_port": 80}, spec(type=None), "has no type"),
        ({"port": 80}, {"main": {"short_description": "s", "options": {"port": dict(OPTION)}}}, "does not begin with web_"),
        ({"web_port": 80}, {"setup": SPEC["main"]}, "there is no entry point main"),
        ({}, {"main": {"options": {}}}, "has no short_description"),
    ],
)
def test_a_disagreement_is_found(defaults, points, part):
    found = disagreements("web", defaults, points)
    assert len(found) == 1, found
    assert part in found[0]


@pytest.mark.parametrize(
    "defaults, points",
    [
        ({"web_port": 80}, SPEC),
        ({"web_port": "{{ ports.web }}"}, spec(default=None)),
        ({}, spec(default=None, required=True)),
        ({"web_port": 80}, dict(SPEC, setup={"short_description": "s"})),
    ],
)
def test_matching_files_have_no_finding(defaults, points):
    assert disagreements("web", defaults, points) == []
