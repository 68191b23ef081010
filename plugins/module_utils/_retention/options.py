# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of checkpoint_prune. The Ansible role retention checks those of all its policies on the controller, before the first deletion."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, policy_argument_spec

# Option: the lowest and the highest value.
NUMBERS = {"batch_size": (1, math.inf), "pause": (0, math.inf), "time_limit": (0, math.inf), "recheck": (0, math.inf), "limit_percent": (0, 100)}


def prune_argument_spec() -> dict[str, dict[str, Any]]:
    """The options except those of the connection."""
    return {
        **policy_argument_spec(),
        "orphans": {"type": "bool", "default": False},
        "orphan_grace": {"type": "int", "default": 3600},
        "batch_size": {"type": "int", "default": 100},
        "pause": {"type": "float", "default": 1.0},
        "time_limit": {"type": "int", "default": 0},
        "limit_percent": {"type": "int", "default": 50},
        "force": {"type": "bool", "default": False},
        "recheck": {"type": "int", "default": 0},
        "show_threads": {"type": "bool", "default": False},
        "lock_wait": {"type": "int", "default": 300},
        "statement_timeout": {"type": "int", "default": 1800},
    }


def check_options(params: dict[str, Any]) -> Policy:
    """The Policy of the options. Raises ModuleError if a value is not allowed, or if no option selects anything."""
    policy = Policy.of(params)
    for option, (lowest, highest) in NUMBERS.items():
        if not lowest <= params[option] <= highest:
            expected = "%s or more" % lowest if highest == math.inf else "from %s to %s" % (lowest, highest)
            raise ModuleError("%s is %s; it must be %s." % (option, params[option], expected))
    if not policy.selects and not params["orphans"]:
        raise ModuleError("No option selects what to delete. Set older_than, threads, metadata or orphans.")
    return policy
