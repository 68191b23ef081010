# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""psycopg. It can be imported only after _virtualenv/enter.py has started the module again with the virtualenv's Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql
    from psycopg.abc import Params
    from psycopg.rows import DictRow

    class Connection(psycopg.Connection[DictRow]):
        """A connection as open_connection() returns it; timeouts.py and connection.py describe its attributes."""

        answer_within: float
        lock_within: float | None
        own_encoding: str

else:
    try:
        import psycopg
        from psycopg import sql
    except ImportError:
        psycopg = sql = None

__all__ = ("fetch_row", "psycopg", "sql", "table_name")


def fetch_row(connection: Connection, query: str | sql.Composed, parameters: Params | None = None) -> dict[str, Any]:
    """The first row of a query that always returns one."""
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise LookupError("no row for: %r" % query)
    return row


def table_name(schema: str, table: str) -> sql.SQL:
    """A qualified name for a query with parameters, in which a percent sign begins a placeholder."""
    return sql.SQL(qualified(schema, table).replace("%", "%%"))
