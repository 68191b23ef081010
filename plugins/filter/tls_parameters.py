# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpq's TLS parameters for a connection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tls_parameters
author:
  - The stateops.langgraph authors (@stateops)
version_added: 0.1.0
short_description: Return libpq's TLS parameters for a connection
description:
  - Returns what C(ssl_mode=auto) means for a connection, as the modules of this collection apply it, for the modules of community.postgresql
    and for connection strings.
options:
  _input:
    description: libpq's parameters of the connection. C(host), C(hostaddr), C(service), C(sslrootcert) and C(sslmode) are read.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show how the server is authenticated
  ansible.builtin.debug:
    msg: "{{ {'host': 'db1.example.com'} | stateops.langgraph.tls_parameters }}"  # {'sslmode': 'require', 'channel_binding': 'require'}
"""

RETURN = r"""
_value:
  description: C(sslmode), and C(channel_binding) if it is necessary. Empty if the parameters contain C(sslmode).
  type: dict
"""

from typing import Any, Callable

from ansible_collections.stateops.langgraph.plugins.module_utils._core.tls import tls_parameters


class FilterModule:
    """The filter tls_parameters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """{name: function}."""
        return {"tls_parameters": tls_parameters}
