# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the action plugin. It calls the stand-in in the same process instead of using HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import Awx as Client
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import VARIABLES
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_objects import Objects
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_plan import Plan
from awx.standin import TOKEN


class Api:
    """The methods of awx.awx's client that the action plugin uses."""

    def __init__(self, standin, token):
        self.standin = standin
        self.token = token

    def make_request(self, method, path, data=None, return_none_on_404=False):
        target = path if path.startswith("/api/v2/") else "/api/v2/%s/" % path.strip("/")
        status, answer = self.standin.answer(method, target + ("?" + urlencode(data) if data else ""), None, self.token)
        return None if return_none_on_404 and status == 404 else {"status_code": status, "json": answer}

    def get_endpoint(self, path, data=None):
        return self.make_request("GET", path, data)


class InProcess(Client):
    def __init__(self, standin, token=TOKEN):
        self._api = Api(standin, token)
        self._seen = {}


def plan(standin, data, organization="Default", label="", remove=False, token=TOKEN):
    """The plan for these lists."""
    lists = {variable: data.get(variable, []) for variable in VARIABLES}
    return Plan(Objects(InProcess(standin, token), lists, organization), label, remove).make()


def titles(made):
    """What a plan does, as (stage, title)."""
    assert made.errors == []
    return [(step["stage"], step["title"]) for step in made.steps]
