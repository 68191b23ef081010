# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quoting of SQL identifiers."""

from __future__ import annotations


def quote(name: str) -> str:
    """The name as a quoted SQL identifier. It is always quoted because an unquoted name can be a keyword."""
    return '"%s"' % name.replace('"', '""')


def qualified(schema: str, name: str) -> str:
    """The schema-qualified name as SQL."""
    return "%s.%s" % (quote(schema), quote(name))
