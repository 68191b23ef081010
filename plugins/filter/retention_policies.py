# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the policies of the role retention."""

from __future__ import annotations

DOCUMENTATION = r"""
name: retention_policies
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Check retention policies and add the options that all of them have
description:
  - Checks each policy like M(stateops.langgraph.checkpoint_prune) does, without a host, so that a wrong policy is found before another one deletes a row.
  - An erasure replaces the policies. Its values can be the answers of a survey. Texts are never evaluated as templates.
positional: []
options:
  _input:
    description: The policies. Each is a dictionary with a unique C(name) and options of M(stateops.langgraph.checkpoint_prune).
    type: list
    elements: dict
    required: true
  options:
    description: Options of every policy that does not set them.
    type: dict
    default: {}
  erase:
    description: Whether O(erase_threads) and O(erase_metadata) replace the policies. If both are empty, this is an error.
    type: bool
    default: false
  erase_threads:
    description: The threads to erase, as a list of ids and patterns, or as a text with one of them in each line.
    type: raw
  erase_metadata:
    description: The metadata of the threads to erase, as a dictionary, or as a text with a JSON object.
    type: raw
"""

EXAMPLES = r"""
- name: Reject wrong policies
  ansible.builtin.assert:
    that: (retention_policies | stateops.langgraph.retention_policies).problems | length == 0
"""

RETURN = r"""
_value:
  description: The keys C(policies), each with C(name) and all C(options) of the module, C(problems), a list of sentences, and C(erasure).
  type: dict
"""

from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _retention


def retention_policies(
    policies: Any,
    options: dict[str, Any] | None = None,
    erase: bool = False,
    erase_threads: Any = None,
    erase_metadata: Any = None,
) -> dict[str, Any]:
    """The policies, or what is wrong with them."""
    return _retention.read_policies(policies, options or {}, erase, erase_threads, erase_metadata)


class FilterModule:
    """The filter retention_policies."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"retention_policies": retention_policies}
