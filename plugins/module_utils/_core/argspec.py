# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that several modules share."""

from __future__ import annotations

from typing import Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError

# Options whose value is a number of seconds.
SECONDS = ("connect_timeout", "lock_wait", "lock_timeout", "statement_timeout", "orphan_grace")
MUTUALLY_EXCLUSIVE = [("sqlite_path", "sqlite_schema")]


def connection_argument_spec() -> dict[str, dict[str, Any]]:
    """The options that all modules of the action group share, named as in community.postgresql."""
    return {
        "login_host": {"type": "str", "default": "", "aliases": ["host"]},
        "login_port": {"type": "int", "default": 5432, "aliases": ["port"]},
        "login_user": {"type": "str", "default": "postgres", "aliases": ["login"]},
        "login_password": {"type": "str", "default": "", "no_log": True},
        "login_unix_socket": {"type": "str", "default": "", "aliases": ["unix_socket"]},
        "login_db": {"type": "str", "required": True, "aliases": ["db"]},
        "ssl_mode": {
            "type": "str",
            "default": "auto",
            "choices": ["auto", "allow", "disable", "prefer", "require", "verify-ca", "verify-full"],
        },
        "ca_cert": {"type": "path", "aliases": ["ssl_rootcert"]},
        "ssl_cert": {"type": "path"},
        "ssl_key": {"type": "path", "no_log": False},
        "session_role": {"type": "str"},
        "connect_params": {"type": "dict", "default": {}},
        "connect_timeout": {"type": "int", "default": 10},
        "virtualenv": {"type": "path"},
        "schema": {"type": "str", "default": "public"},
    }


def refuse_negative(params: dict[str, Any]) -> None:
    """Raise ModuleError if an option in SECONDS is negative."""
    for option in SECONDS:
        if params.get(option, 0) < 0:
            raise ModuleError("%s is %d; it must be 0 or more seconds." % (option, params[option]))


def facts_argument_spec() -> dict[str, dict[str, Any]]:
    """The options that select what PostgreSQL is compared with, and how."""
    return {
        "sqlite_path": {"type": "path"},
        "sqlite_schema": {"type": "dict"},
        "parity_level": {"type": "str", "choices": ["compatible", "exact"], "default": "compatible"},
        "assert_parity": {"type": "bool", "default": False},
        "orphan_grace": {"type": "int", "default": 3600},
        "count_orphans": {"type": "bool", "default": True},
        "owner": {"type": "str"},
        "app_roles": {"type": "list", "elements": "str", "default": []},
        "retention_roles": {"type": "list", "elements": "str", "default": []},
        "retention_keep": {"type": "str", "choices": ["none", "latest"], "default": "none"},
    }
