# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ssl_mode auto means: no server receives a password before it is authenticated."""

from __future__ import annotations

import re
from typing import Any, Mapping

# Addresses of connections that do not leave the machine: the default socket, a socket's directory or abstract name, a loopback address.
LOCAL = re.compile(r"(?:|[/@].*|localhost|127(?:\.[0-9]{1,3}){3}|::1)\Z", re.DOTALL)


def tls_parameters(keywords: Mapping[str, Any]) -> dict[str, str]:
    """libpq's sslmode and channel_binding for a connection; empty if its keywords already set sslmode.

    keywords: libpq's host, hostaddr, service, sslrootcert and sslmode, each optional. A service file can name any server.
    """
    if keywords.get("sslmode"):
        return {}
    hosts = str(keywords.get("hostaddr") or keywords.get("host") or "").split(",")
    if not keywords.get("service") and all(LOCAL.match(host) for host in hosts):
        return {"sslmode": "prefer"}
    if keywords.get("sslrootcert"):
        return {"sslmode": "verify-full"}
    # The server proves that it knows the verifier of the password, within this TLS session. Otherwise, it could also refuse TLS,
    # and ask for the password in clear text.
    return {"sslmode": "require", "channel_binding": "require"}
