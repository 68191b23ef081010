# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment: ansible-builder creates the build context and finds the requirements of the collection. Building the image needs a registry."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from runner import ROOT

BUILDER = Path(sys.executable).parent / "ansible-builder"
DEPENDENCIES = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
pytestmark = pytest.mark.skipif(
    not BUILDER.exists(), reason="ansible-builder is only in the tests' own environment, not in those of other ansible-core versions"
)


def builder(*arguments, cwd):
    done = subprocess.run([BUILDER, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_create(tmp_path):
    builder("create", "--output-filename", "Containerfile", "--file", str(ROOT / "execution-environment.yml"), "--context", str(tmp_path), cwd=ROOT)
    assert "ansible-galaxy collection install" in (tmp_path / "Containerfile").read_text()
    context = tmp_path / "_build"
    wanted = yaml.safe_load((context / "requirements.yml").read_text())
    assert {each["name"]: each["version"] for each in wanted["collections"]} == {"awx.awx": ">=24.6.1", **DEPENDENCIES}
    assert "psycopg" in (context / "requirements.txt").read_text()
    assert {"python3-venv", "sshpass"} <= set((context / "bindep.txt").read_text().split())


def test_introspect(tmp_path):
    """As during the build, in a directory where the collection is installed."""
    collection = tmp_path / "ansible_collections" / "stateops" / "langgraph"
    collection.mkdir(parents=True)
    for name in ("meta", "galaxy.yml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, collection / name)
    text = builder("introspect", str(tmp_path), cwd=tmp_path)
    assert "psycopg[binary]" in text and "from collection stateops.langgraph" in text
    assert "python3-venv" in text


def test_the_required_collections_are_those_of_the_archive():
    wanted = yaml.safe_load((ROOT / "collections" / "requirements.yml").read_text())["collections"]
    assert {each["name"]: each["version"] for each in wanted} == DEPENDENCIES
