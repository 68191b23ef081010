# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""psycopg, which is importable only after _virtualenv/enter.py has started the module again with the virtualenv's Python."""

from __future__ import annotations

try:
    import psycopg
    from psycopg import sql
except ImportError:
    psycopg = sql = None

__all__ = ("psycopg", "sql")
