# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of a connection, to be found again when the connection is lost: it may still be at work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """pid: the server process, whatever a pooler calls it. since: when it began, as a pid is used again; None where session_role may not see that."""

    pid: int
    since: object

    @classmethod
    def of(cls, connection):
        """The one behind a connection."""
        row = connection.execute("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
        return cls(row["pid"], row["backend_start"])

    def lingers(self, other):
        """Whether it is still there, seen from another connection of the same login."""
        query = "SELECT FROM pg_stat_activity WHERE pid = %s AND usename = session_user AND backend_start = coalesce(%s, backend_start)"
        return other.execute(query, (self.pid, self.since)).fetchone() is not None
