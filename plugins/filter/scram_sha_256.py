# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password's SCRAM-SHA-256 verifier, so that no PostgreSQL server or its log ever receives the password."""

from __future__ import annotations

DOCUMENTATION = r"""
name: scram_sha_256
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: The SCRAM-SHA-256 verifier of a PostgreSQL password
description:
  - Turns a password into what PostgreSQL stores for it, on the controller. A server that is given the verifier
    never sees the password, and neither does its log (C(log_statement)), nor C(pg_stat_activity).
  - Verifiers are salted. Where the stored one already belongs to the password it is returned as it is,
    so that a comparison with it says whether the password changed.
positional:
  - current
options:
  _input:
    description:
      - The password. A SCRAM-SHA-256 verifier is returned as it is.
    type: str
    required: true
  current:
    description:
      - What the server stores now, for example a SCRAM-SHA-256 verifier, an MD5 hash or nothing.
    type: str
    default: ""
  iterations:
    description:
      - How often a new verifier is hashed. PostgreSQL's own default is V(4096).
    type: int
    default: 4096
"""

EXAMPLES = r"""
- name: Give a role a password that its server never sees
  community.postgresql.postgresql_user:
    name: langgraph_app
    password: "{{ langgraph_app_password | stateops.langgraph.scram_sha_256 }}"

- name: Is this still the password?
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

from ansible.errors import AnsibleFilterError

try:
    from ansible_collections.community.postgresql.plugins.module_utils.saslprep import saslprep
except ImportError:
    saslprep = None

VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def _normalised(password):
    """As PostgreSQL does it: what SASLprep refuses is used as it stands."""
    try:
        return saslprep(password) or password
    except (ValueError, TypeError):
        return password


def _verifier(password, salt, iterations):
    salted = hashlib.pbkdf2_hmac("sha256", _normalised(password).encode("utf-8"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256$%d:%s$%s:%s" % (iterations, *parts)


def scram_sha_256(password, current="", iterations=4096):
    """The verifier of `password`: `current` itself where that is one."""
    if saslprep is None:
        raise AnsibleFilterError("scram_sha_256 needs the collection community.postgresql: ansible-galaxy collection install community.postgresql")
    if not isinstance(password, str) or not password or "\0" in password:
        raise AnsibleFilterError("scram_sha_256 takes a password: a string that is not empty and holds no NUL, found another %s" % type(password).__name__)
    if VERIFIER.fullmatch(password):
        return password
    known = VERIFIER.fullmatch(current or "")
    if known:
        again = _verifier(password, b64decode(known.group(2)), int(known.group(1)))
        if hmac.compare_digest(again, current):
            return current
    return _verifier(password, os.urandom(16), iterations)


class FilterModule:
    """The collection's filters."""

    def filters(self):
        """Names to functions."""
        return {"scram_sha_256": scram_sha_256}
