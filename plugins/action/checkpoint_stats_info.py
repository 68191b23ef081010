# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module checkpoint_stats_info and returns only the keys that it documents."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.plugin_utils._results import DocumentedResult


class ActionModule(DocumentedResult):
    """The action of the module checkpoint_stats_info."""

    RETURNS = frozenset(
        ["at", "bytes", "tables", "threads", "namespaces", "checkpoints", "ages", "growth", "largest_threads", "largest_channels", "waiting", "unfinished"]
        + ["delta_channel", "orphans", "policy", "retention", "exceeded", "seconds"]
    )
