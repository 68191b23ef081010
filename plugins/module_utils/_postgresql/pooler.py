# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kind of pooler stands between a client and its server."""

from __future__ import annotations

import contextlib
import select

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection

POOLER_PROBES = 4
POOLER_PATIENCE = 2.0


def pooler_mode(connection, params, application):
    """'' for a server of one's own, 'session' or 'transaction' behind a pooler. Changes no setting anywhere.

    A pooler hands out process ids of its own. In transaction mode two idle clients share a server process.
    """
    own = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()["pid"]
    if own == connection.info.backend_pid:
        return ""
    with contextlib.closing(open_connection(params, application)) as other:
        for probe in range(POOLER_PROBES):
            # Once more at every other probe: a pooler that hands out its servers in turn would else give each of the two its own.
            foreign = [_answer(other, POOLER_PATIENCE) for _once in range(1 + probe % 2)]
            again = _answer(connection, POOLER_PATIENCE)
            if again != own or own in foreign or len(set(foreign)) > 1:
                return "transaction"
            if foreign[0] is None:
                # The other client waits for a server: for as long as this one keeps its own, or for as long as a third one had it.
                return "transaction" if select.select([other.pgconn.socket], [], [], POOLER_PATIENCE)[0] else "session"
    return "session"


def _answer(connection, seconds):
    """The server process behind an idle connection, or None where it has none within that time."""
    pgconn = connection.pgconn
    pgconn.send_query(b"SELECT pg_backend_pid()")
    if not select.select([pgconn.socket], [], [], seconds)[0]:
        return None
    pid = None
    while True:
        result = pgconn.get_result()
        if result is None:
            return pid
        if result.ntuples:
            pid = int(result.get_value(0, 0))
