# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal that dies at any of its statements: all four tables stand or none does, it says which, and the next run ends it."""

from __future__ import annotations

import pytest
from contenders import Collection
from databases import MIGRATIONS_TABLE, TABLES
from fault_points import Start
from scope import EVERYWHERE
from strikes import kill, restarting, stopping, undertake

# What is not setup()'s.
BESIDE = "CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes VALUES (1, 'kept'); CREATE INDEX ON notes (text)"


class Full(Start):
    """Tables with rows in them, and one that is the team's own."""

    def __init__(self):
        super().__init__("a removal", "3.2.0")

    def make(self, server):
        database = super().make(server)
        database.execute(BESIDE, role=database.owner)
        return database

    def rows(self, database):
        """Those that have to outlive a removal."""
        return database.execute("SELECT * FROM notes"), database.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'notes' ORDER BY 1")


def gone(database):
    """Why a database is not what a removal leaves, or an empty string."""
    left = database.tables() & {*TABLES, MIGRATIONS_TABLE}
    return "left: %s" % ", ".join(sorted(left)) if left else ""


@pytest.fixture(scope="session")
def removal(start_module, told):
    return Collection(start_module, state="absent", force=True, **told)


@pytest.fixture
def revive(victim, how):
    return victim.restart if how == "server stopped hard" else lambda: None


WAYS = {"killed": lambda _server: kill, "server stopped hard": stopping, "server restarted": restarting}


# Outside `make faults` the server is restarted alone, which is a lost connection as well.
@pytest.mark.parametrize("how", list(WAYS) if EVERYWHERE else ["killed", "server restarted"])
def test_a_removal_that_is_struck(victim, removal, ledger, how, revive):
    name = "%s at each statement of a removal" % how
    ledger.record(name, "bare setup()", 0, tried=0, message="upstream removes nothing")
    assert undertake(ledger, name, removal, Full(), victim, WAYS[how](victim), revive, whole=gone) == []


def test_all_or_none(victim, removal):
    """What a strike in the middle leaves is never some of them; shown where it is likeliest, before the DROP and before its COMMIT."""
    from interceptor import Interceptor
    from strikes import Strike

    for text in ("DROP TABLE", "COMMIT"):
        database = Full().make(victim)
        try:
            numbers = []
            with Interceptor(victim) as between:
                assert not removal.start(database, between.port).finish().failed
                drop = next(number for number, each in enumerate(between.statements) if each.startswith("DROP TABLE"))
                numbers = [number for number, each in enumerate(between.statements) if each.startswith(text) and number >= drop]
        finally:
            database.drop()
        database = Full().make(victim)
        try:
            blow = Strike("before", numbers[0], kill)
            with Interceptor(victim, blow) as between:
                run = removal.start(database, between.port)
                blow.aim(run)
                run.process.wait()
            assert blow.struck.startswith(text)
            assert database.tables() >= {*TABLES, MIGRATIONS_TABLE}
        finally:
            database.drop()
