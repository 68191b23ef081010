# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes the SCRAM-SHA-256 verifier of a password, so that neither the PostgreSQL server nor its log receives the password."""

from __future__ import annotations

DOCUMENTATION = r"""
name: scram_sha_256
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Compute the SCRAM-SHA-256 verifier of a PostgreSQL password
description:
  - Converts a password on the controller to the verifier that PostgreSQL stores for it. If the server receives the verifier instead of the password,
    the password cannot appear in the server's log (C(log_statement)) or in C(pg_stat_activity).
  - Verifiers are salted. If the stored verifier matches the password, the filter returns it unchanged,
    so that a comparison with the stored verifier shows whether the password has changed.
positional:
  - current
options:
  _input:
    description:
      - The password. If it is a SCRAM-SHA-256 verifier, the filter returns it unchanged.
    type: str
    required: true
  current:
    description:
      - The value that the server currently stores, for example a SCRAM-SHA-256 verifier, an MD5 hash or an empty string.
    type: str
    default: ""
  iterations:
    description:
      - The number of hash iterations for a new verifier. PostgreSQL's default is also V(4096).
    type: int
    default: 4096
"""

EXAMPLES = r"""
- name: Set a role's password without sending it to the server
  community.postgresql.postgresql_user:
    name: langgraph_app
    password: "{{ langgraph_app_password | stateops.langgraph.scram_sha_256 }}"

- name: Check whether the password is unchanged
  ansible.builtin.debug:
    msg: "{{ langgraph_app_password | stateops.langgraph.scram_sha_256(stored) == stored }}"
"""

RETURN = r"""
_value:
  description: The verifier.
  type: str
"""

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

try:
    from ansible_collections.community.postgresql.plugins.module_utils.saslprep import saslprep
except ImportError:
    saslprep = None

VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def _normalised(password: str) -> str:
    """The password after SASLprep, or unchanged if SASLprep rejects it, as in PostgreSQL."""
    try:
        return saslprep(password) or password
    except (ValueError, TypeError):
        return password


def _verifier(password: str, salt: bytes, iterations: int) -> str:
    salted = hashlib.pbkdf2_hmac("sha256", _normalised(password).encode("utf-8"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256$%d:%s$%s:%s" % (iterations, parts[0], parts[1], parts[2])


def scram_sha_256(password: str, current: str | None = "", iterations: int = 4096) -> str:
    """The verifier of the password, which is current if that already matches the password."""
    if saslprep is None:
        raise AnsibleFilterError("scram_sha_256 needs the collection community.postgresql: ansible-galaxy collection install community.postgresql")
    if not isinstance(password, str) or not password or "\0" in password:
        raise AnsibleFilterError(
            "scram_sha_256 found an invalid %s, expected a password: a string that is not empty and contains no NUL" % type(password).__name__
        )
    if VERIFIER.fullmatch(password):
        return password
    known = VERIFIER.fullmatch(current) if current else None
    if current and known:
        again = _verifier(password, b64decode(known.group(2)), int(known.group(1)))
        if hmac.compare_digest(again, current):
            return current
    return _verifier(password, os.urandom(16), iterations)


class FilterModule:
    """The filter scram_sha_256."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"scram_sha_256": scram_sha_256}
