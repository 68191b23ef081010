# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario alternative sets every variable of the roles to another value than its default, or gives a reason why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
if not (ROOT / "molecule").is_dir():
    pytest.skip("the built archive contains no scenarios", allow_module_level=True)
GIVEN = yaml.safe_load((ROOT / "molecule/alternative/group_vars/all.yml").read_text())
LEFT = GIVEN["alternative_left_out"]
DEFAULTS = {}
for role in ("checkpointer", "database"):
    DEFAULTS.update(yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text()))


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_each_variable_differs_from_its_default_or_has_a_reason(name):
    if name in LEFT:
        assert LEFT[name] and name not in GIVEN
    else:
        assert name in GIVEN, "scenario alternative does not set it"
        assert GIVEN[name] != DEFAULTS[name], "scenario alternative leaves it at its default"


def test_only_variables_have_a_reason():
    assert set(LEFT) <= set(DEFAULTS)
