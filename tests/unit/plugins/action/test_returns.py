# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module has an action plugin, which returns what the module documents."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from ansible_collections.stateops.langgraph.plugins.plugin_utils._results import COMMON, DocumentedResult

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("[a-z]*.py"))


def documented(module):
    tree = ast.parse((PLUGINS / "modules" / (module + ".py")).read_text(encoding="utf-8"))
    (text,) = [node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "RETURN"]
    return set(yaml.safe_load(text))


@pytest.mark.parametrize("module", MODULES)
def test_the_keys_are_those_of_the_documentation(module):
    action = importlib.import_module("ansible_collections.stateops.langgraph.plugins.action." + module).ActionModule
    assert issubclass(action, DocumentedResult)
    assert action.RETURNS - COMMON == documented(module) - COMMON


def test_there_are_modules():
    assert len(MODULES) >= 5
