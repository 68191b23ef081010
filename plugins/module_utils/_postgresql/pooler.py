# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detects a connection pooler and its mode."""

from __future__ import annotations

import contextlib
import select
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

POOLER_PROBES = 4
# Seconds to wait for an answer.
POOLER_PATIENCE = 2.0


def pooler_mode(connection: Connection, params: dict[str, Any], application: str) -> str:
    """'session' or 'transaction' behind a connection pooler, '' without one. Changes no setting.

    A pooler reports other process ids than the server. In transaction mode two idle clients share a server process.
    """
    own = fetch_row(connection, "SELECT pg_catalog.pg_backend_pid() AS pid")["pid"]
    if own == connection.info.backend_pid:
        return ""
    with contextlib.closing(open_connection(params, application)) as other:
        for probe in range(POOLER_PROBES):
            # Every other probe asks twice: a pooler that uses its server processes in turn would otherwise give each client the same one each time.
            others = [_server_pid(other, POOLER_PATIENCE) for _once in range(1 + probe % 2)]
            again = _server_pid(connection, POOLER_PATIENCE)
            if again != own or own in others or len(set(others)) > 1:
                return "transaction"
            if others[0] is None:
                # The other client waits for a server process. If it gets one now, the process is shared with other clients.
                return "transaction" if select.select([other.pgconn.socket], [], [], POOLER_PATIENCE)[0] else "session"
    return "session"


def _server_pid(connection: Connection, seconds: float) -> int | None:
    """The server process of an idle connection, or None if the connection gets none within this time."""
    pgconn = connection.pgconn
    pgconn.send_query(b"SELECT pg_catalog.pg_backend_pid()")
    if not select.select([pgconn.socket], [], [], seconds)[0]:
        return None
    pid = None
    while True:
        result = pgconn.get_result()
        if result is None:
            return pid
        if result.ntuples:
            pid = int(result.get_value(0, 0) or 0)
