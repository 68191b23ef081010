# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema on databases of older releases, and on changed ones that it can repair."""

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
def test_generations_with_different_numbers(database, check_and_apply, releases):
    migrate(database, *releases)
    if releases == ("2.0.8", "2.0.12"):
        assert database.recorded() == 8
        assert "task_path" not in database.columns("checkpoint_writes")
    done = check_and_apply.apply(database, database.login())
    assert_complete(database)
    assert done["changed"] is True
    database.grant()
    with database.saver() as saver:
        assert list(saver.list({"configurable": {"thread_id": "t"}})) == []


@pytest.mark.newest
def test_an_older_database_keeps_its_rows(database, check_and_apply):
    migrate(database, "1.0.2")
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    check_and_apply.apply(database, database.login())
    assert database.execute("SELECT thread_id FROM checkpoints") == [("t",)]


def make_invalid(database, index="checkpoints_thread_id_idx"):
    """What a CREATE INDEX CONCURRENTLY leaves after a timeout: the next setup() ignores it."""
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
def test_an_invalid_index_below_the_recorded_version(database, check_and_apply):
    """The run that built the index was interrupted before its version was recorded."""
    migrate(database, "1.0.2")
    make_invalid(database)
    done = check_and_apply.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


@pytest.mark.newest
def test_indexes_of_an_interrupted_reindex_are_removed(database, check_and_apply):
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
    done = check_and_apply.apply(database, database.login())
    assert done["changed"] is True
    assert all(name in str(done["repaired"]) for name in remains)
    assert_complete(database)
    assert not [name for name in database.indexes() if "_ccnew" in name]


@pytest.mark.newest
def test_the_invalid_index_of_another_table_is_not_changed(database, check_and_apply):
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
    check_and_apply.unchanged(database, database.login())
    assert database.indexes()["other_ccnew"] is False


@pytest.mark.newest
def test_several_changes_at_once(database, check_and_apply):
    migrate(database, "2.0.12")
    database.execute("DROP INDEX checkpoint_blobs_thread_id_idx; ALTER TABLE checkpoint_blobs ALTER blob SET NOT NULL")
    make_invalid(database, "checkpoints_thread_id_idx")
    done = check_and_apply.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


@pytest.mark.newest
def test_a_gap_in_the_migrations_table_is_ignored(database, check_and_apply):
    """2.0.8 recorded every version. A database whose lower versions were deleted works as well."""
    database.setup()
    database.execute("DELETE FROM checkpoint_migrations WHERE v < 9")
    check_and_apply.unchanged(database, database.login())


@pytest.mark.newest
def test_an_empty_migrations_table_with_a_complete_schema(database, check_and_apply):
    """A restore without the rows of the migrations table: setup() would run all migrations again, which succeeds."""
    database.setup()
    database.execute("TRUNCATE checkpoint_migrations")
    done = check_and_apply.apply(database, database.login())
    assert done["changed"] is True
    assert_complete(database)


def test_a_newer_database_that_still_fits_is_accepted(database, call_module, check_and_apply):
    database.setup()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10), (11)")
    database.execute("ALTER TABLE checkpoints ADD COLUMN note text")
    result = assert_succeeded(call_module("checkpoint_schema", database.login()), database)
    assert result["changed"] is False
    warnings = " ".join(str(warning) for warning in result.get("warnings", []))
    assert "11" in warnings and "9" in warnings, result
    check_and_apply.unchanged(database, database.login())
