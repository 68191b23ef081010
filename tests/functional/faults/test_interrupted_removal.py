# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal is interrupted at each of its statements: either all four tables exist or none of them, the message says which, and the next run completes it."""

from __future__ import annotations

import pytest
from contenders import Collection
from databases import MIGRATIONS_TABLE, TABLES
from fault_injection import kill, restarting, run_at_each_point, stopping
from fault_points import Start
from scope import EVERYWHERE

# Objects that setup() did not create.
BESIDE = "CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes VALUES (1, 'kept'); CREATE INDEX ON notes (text)"


class Full(Start):
    """LangGraph's tables with rows, and one other table with rows."""

    def __init__(self):
        super().__init__("a removal", "3.2.0")

    def make(self, server):
        database = super().make(server)
        database.execute(BESIDE, role=database.owner)
        return database

    def rows(self, database):
        """The rows and indexes that a removal must not delete."""
        return database.execute("SELECT * FROM notes"), database.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'notes' ORDER BY 1")


def removal_error(database):
    """Why a database is not in the state after a removal, or an empty string."""
    left = database.tables() & {*TABLES, MIGRATIONS_TABLE}
    return "left: %s" % ", ".join(sorted(left)) if left else ""


@pytest.fixture(scope="session")
def removal(start_module, module_options):
    return Collection(start_module, state="absent", force=True, **module_options)


@pytest.fixture
def restart(stoppable_server, how):
    return stoppable_server.restart if how == "server killed" else lambda: None


FAULTS = {"killed": lambda _server: kill, "server killed": stopping, "server restarted": restarting}


# Outside `make faults`, the server is only restarted, which also covers a lost connection.
@pytest.mark.parametrize("how", list(FAULTS) if EVERYWHERE else ["killed", "server restarted"])
def test_an_interrupted_removal(stoppable_server, removal, fault_table, how, restart):
    name = "%s at each statement of a removal" % how
    fault_table.record(name, "bare setup()", 0, tried=0, message="upstream removes nothing")
    assert run_at_each_point(fault_table, name, removal, Full(), stoppable_server, FAULTS[how](stoppable_server), restart, error_of=removal_error) == []


def test_all_or_none(stoppable_server, removal):
    """An interruption never leaves only some of the tables. Tested where it is most likely: before the DROP and before its COMMIT."""
    from fault_injection import FaultInjection
    from interceptor import Interceptor

    for text in ("DROP TABLE", "COMMIT"):
        database = Full().make(stoppable_server)
        try:
            numbers = []
            with Interceptor(stoppable_server) as between:
                assert not removal.start(database, between.port).finish().failed
                drop = next(number for number, each in enumerate(between.statements) if each.startswith("DROP TABLE"))
                numbers = [number for number, each in enumerate(between.statements) if each.startswith(text) and number >= drop]
        finally:
            database.drop()
        database = Full().make(stoppable_server)
        try:
            fault = FaultInjection("before", numbers[0], kill)
            with Interceptor(stoppable_server, fault) as between:
                run = removal.start(database, between.port)
                fault.set_run(run)
                run.process.wait()
            assert fault.statement.startswith(text)
            assert database.tables() >= {*TABLES, MIGRATIONS_TABLE}
        finally:
            database.drop()
