# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option objects of awx_objects. tests/functional/roles/test_awx.py tests the steps."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.action.awx_objects import ActionModule
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import VARIABLES


@pytest.mark.parametrize(
    "objects, message",
    [
        ([], "objects is not a dictionary of lists"),
        ({"awx_project": []}, "awx_project is not a list of the role awx. The lists are: awx_organizations, "),
        ({"awx_projects": {"name": "p"}}, "awx_projects is not a list. Write a list of dictionaries"),
    ],
)
def test_objects_of_another_shape(objects, message):
    with pytest.raises(AwxError) as error:
        ActionModule._lists(objects)
    assert str(error.value).startswith(message)


def test_a_list_that_is_not_given_is_empty():
    assert ActionModule._lists({"awx_labels": [{"name": "l"}]}) == {**dict.fromkeys(VARIABLES, []), "awx_labels": [{"name": "l"}]}
