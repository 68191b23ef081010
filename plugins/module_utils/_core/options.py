# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rejects option values that contain a secret although nothing hides them, and names that are not allowed."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError

# Parameters of libpq that contain a secret. The Ansible role database has the same list.
SECRET_PARAMETERS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
# libpq expands a connection string in these values, so an equals sign is enough to reject them.
EXPANDED = {"login_db": "a database's name", "login_host": "a server's name or address"}
EXPECTED = {
    **EXPANDED,
    "login_unix_socket": "a directory",
    "login_user": "a role's name",
    "session_role": "a role's name",
    "owner": "a role's name",
    "app_roles": "a role's name",
    "retention_roles": "a role's name",
    "schema": "a schema's name",
}
NAMES = ("login_db", "login_user", "session_role", "owner", "app_roles", "retention_roles", "schema")
CONNECTION_STRING = re.compile(r"://|(^|\s)(host|hostaddr|port|dbname|user|password|passfile|service|sslpassword)\s*=", re.IGNORECASE)
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def refuse_secrets(params: dict[str, Any]) -> None:
    """Raise ModuleError if an option whose value is not hidden contains a secret. The options may not have been validated."""
    extra = params.get("connect_params") or {}
    if not isinstance(extra, (dict, str)):
        extra = {}  # AnsibleModule rejects it
    secret = sorted(name for name in SECRET_PARAMETERS if name in extra)
    if secret:
        advice = "Use login_password." if secret == ["password"] else "Use login_password, or a key file that needs no password."
        hidden = [str(extra[name]) for name in secret] if isinstance(extra, dict) else [str(extra)]
        raise ModuleError("connect_params must not contain %s: nothing in it is hidden from logs. %s" % (", ".join(secret), advice), hidden=hidden)
    for option, text, expected, expanded in _texts(params):
        if CONNECTION_STRING.search(text) or (expanded and "=" in text and not text.startswith(("/", "@"))):  # a socket directory may have any name
            message = "%s is a connection string; %s was expected. Give host, user and password in their own options." % (option, expected)
            raise ModuleError(message, hidden=[text])


def refuse_control_characters(params: dict[str, Any]) -> None:
    """Raise ModuleError if a name contains a control character. A line break at its end is usually a mistake in a template or in YAML."""
    for option in NAMES:
        for text in _listed(params.get(option)):
            found = CONTROL_CHARACTER.search(text)
            if found:
                raise ModuleError(
                    "%s contains the control character U+%04X; a name without control characters was expected. Remove it." % (option, ord(found.group()))
                )


def _texts(params: dict[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """The option, each of its texts, what is expected there, and whether libpq expands a connection string in it."""
    extra = params.get("connect_params") or {}
    for option, expected in EXPECTED.items():
        for text in _listed(params.get(option)):
            yield option, text, expected, option in EXPANDED
    if isinstance(extra, dict):
        for parameter, option in (("dbname", "login_db"), ("host", "login_host"), ("user", "login_user")):
            yield "%s in connect_params" % parameter, str(extra.get(parameter, "")), EXPECTED[option], option in EXPANDED


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
