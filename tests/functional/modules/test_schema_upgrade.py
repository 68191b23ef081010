# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema on databases that older releases left, and on damaged ones that it may mend."""

from __future__ import annotations

import re

import pytest
from assertions import assert_succeeded
from complete_schema import assert_complete
from generations import migrate


@pytest.mark.parametrize(
    "releases",
    [
        ("2.0.8", "2.0.12"),
        ("2.0.8", "2.0.10"),
        ("1.0.2", "2.0.8", "2.0.12"),
        ("2.0.10", "2.0.12"),
        ("1.0.1", "1.0.2", "2.0.10", "2.0.12"),
    ],
    ids="-".join,
)
@pytest.mark.newest
def test_generations_that_renumbered_each_other(database, ways, releases):
    migrate(database, *releases)
    if releases == ("2.0.8", "2.0.12"):
        assert database.recorded() == 8
        assert "task_path" not in database.columns("checkpoint_writes")
    done = ways.apply(database, database.login())
    assert_complete(database)
    assert done["changed"] is True
    database.grant()
    with database.saver() as saver:
        assert list(saver.list({"configurable": {"thread_id": "t"}})) == []


@pytest.mark.newest
def test_an_older_database_keeps_its_rows(database, ways):
    migrate(database, "1.0.2")
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    ways.apply(database, database.login())
    assert database.execute("SELECT thread_id FROM checkpoints") == [("t",)]


def make_invalid(database, index="checkpoints_thread_id_idx"):
    """What a CREATE INDEX CONCURRENTLY leaves that a timeout stopped: the next setup() passes over it."""
    import psycopg

    table = index.replace("_thread_id_idx", "")
    database.execute("DROP INDEX IF EXISTS " + index)
    with database.connect(autocommit=False) as old:
        old.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('held', 'c', '{}')")
        with database.connect(database.owner) as builder:
            builder.execute("SET statement_timeout = 200")
            with pytest.raises(psycopg.errors.QueryCanceled):
                builder.execute("CREATE INDEX CONCURRENTLY %s ON %s (thread_id)" % (index, table))
        old.rollback()
    assert database.indexes()[index] is False


@pytest.mark.newest
def test_an_invalid_index_below_the_recorded_version(database, ways):
    """The run that built it broke off before its number was recorded."""
    migrate(database, "1.0.2")
    make_invalid(database)
    done = ways.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


@pytest.mark.newest
def test_remains_of_a_broken_reindex_are_removed(database, ways):
    import psycopg

    database.setup()
    with database.connect(autocommit=False) as old:
        old.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('held', 'c', '{}')")
        for _attempt in range(2):
            with database.connect(database.owner) as builder:
                builder.execute("SET statement_timeout = 200")
                with pytest.raises(psycopg.errors.QueryCanceled):
                    builder.execute("REINDEX INDEX CONCURRENTLY checkpoints_thread_id_idx")
        old.rollback()
    remains = {name for name in database.indexes() if re.search("_ccnew[0-9]*$", name)}
    assert len(remains) == 2, database.indexes()
    done = ways.apply(database, database.login())
    assert done["changed"] is True
    assert all(name in str(done["repaired"]) for name in remains)
    assert_complete(database)
    assert not [name for name in database.indexes() if "_ccnew" in name]


@pytest.mark.newest
def test_the_invalid_index_of_somebody_else_stays(database, ways):
    import psycopg

    database.setup()
    database.execute("CREATE TABLE other (id int)", role=database.owner)
    with database.connect(autocommit=False) as old:
        old.execute("INSERT INTO other VALUES (1)")
        with database.connect(database.owner) as builder:
            builder.execute("SET statement_timeout = 200")
            with pytest.raises(psycopg.errors.QueryCanceled):
                builder.execute("CREATE INDEX CONCURRENTLY other_ccnew ON other (id)")
        old.rollback()
    ways.unchanged(database, database.login())
    assert database.indexes()["other_ccnew"] is False


@pytest.mark.newest
def test_several_damages_at_once(database, ways):
    migrate(database, "2.0.12")
    database.execute("DROP INDEX checkpoint_blobs_thread_id_idx; ALTER TABLE checkpoint_blobs ALTER blob SET NOT NULL")
    make_invalid(database, "checkpoints_thread_id_idx")
    done = ways.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


@pytest.mark.newest
def test_a_hole_in_the_ledger_is_no_matter(database, ways):
    """2.0.8 wrote every number; a database whose lower rows were cleaned away works as well."""
    database.setup()
    database.execute("DELETE FROM checkpoint_migrations WHERE v < 9")
    ways.unchanged(database, database.login())


@pytest.mark.newest
def test_an_emptied_ledger_over_a_whole_schema(database, ways):
    """A restore without the ledger's rows: setup() would run everything again, which it can."""
    database.setup()
    database.execute("TRUNCATE checkpoint_migrations")
    done = ways.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


def test_a_newer_database_that_still_fits_is_fine(database, call_module, ways):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10), (11)")
    database.execute("ALTER TABLE checkpoints ADD COLUMN note text")
    result = assert_succeeded(call_module("checkpoint_schema", database.login()), database)
    assert result["changed"] is False
    warnings = " ".join(str(warning) for warning in result.get("warnings", []))
    assert "11" in warnings and "9" in warnings, result
    ways.unchanged(database, database.login())
