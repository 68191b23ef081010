# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers as SQL."""

from __future__ import annotations


def quote(name):
    """A name as an SQL identifier, always quoted: a bare one may be a keyword."""
    return '"%s"' % name.replace('"', '""')


def qualified(schema, name):
    """schema.name as SQL."""
    return "%s.%s" % (quote(schema), quote(name))
