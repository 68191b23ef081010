# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: absent drops what setup() makes, only when it is empty or forced, and nothing else."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from generations import migrate, shallow


def gone(ways, database, **more):
    """Predicted, done, and nothing the second time."""
    args = database.login(state="absent", **more)
    before = database.snapshot()
    plan = assert_succeeded(ways.call("checkpoint_schema", args, check=True, diff=True), database)
    assert database.snapshot() == before
    done = assert_succeeded(ways.call("checkpoint_schema", args, diff=True), database)
    assert plan["changed"] is done["changed"]
    assert plan["diff"] == done["diff"]
    again = assert_succeeded(ways.call("checkpoint_schema", args, diff=True), database)
    assert again["changed"] is False
    return done


def test_nothing_there(database, ways):
    assert gone(ways, database)["changed"] is False


def test_an_empty_schema_goes(database, ways):
    database.setup()
    database.execute("CREATE TABLE mine (id int); CREATE TABLE checkpoints_archive (id int)", role=database.owner)
    done = gone(ways, database)
    assert done["changed"] is True
    assert database.tables() == {"mine", "checkpoints_archive"}
    ways.apply(database, database.login())


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')",
        "INSERT INTO checkpoint_blobs VALUES ('t', '', 'c', '1', 'msgpack', '')",
        "INSERT INTO checkpoint_writes VALUES ('t', '', 'c', 'task', 0, 'c', 'msgpack', '')",
    ],
    ids=["checkpoints", "blobs", "writes"],
)
@pytest.mark.newest
def test_data_is_dropped_only_when_forced(database, ways, insert):
    database.setup()
    database.execute(insert)
    table = insert.split()[2]
    ways.refuse(database, database.login(state="absent"), table, "force")
    assert gone(ways, database, force=True)["changed"] is True
    assert database.tables() == set()


@pytest.mark.newest
def test_what_leans_on_the_tables_is_not_dropped(database, ways):
    database.setup()
    database.execute("CREATE VIEW threads AS SELECT DISTINCT thread_id FROM checkpoints", role=database.owner)
    ways.refuse(database, database.login(state="absent"), "threads", check=False)
    ways.refuse(database, database.login(state="absent", force=True), "threads", check=False)


@pytest.mark.newest
def test_a_part_of_the_schema_goes_too(database, ways):
    migrate(database, "1.0.2")
    database.execute("DROP TABLE checkpoint_blobs")
    assert gone(ways, database)["changed"] is True
    assert database.tables() == set()


@pytest.mark.newest
def test_another_schema_is_not_touched(database, ways):
    database.setup()
    database.execute("CREATE SCHEMA agents", role=database.owner)
    database.setup(schema="agents")
    assert gone(ways, database, schema="agents")["changed"] is True
    assert database.tables("agents") == set()
    assert len(database.tables("public")) == 4
    assert database.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'agents'") == [(1,)]


@pytest.mark.newest
def test_tables_of_somebody_else_are_refused(database, ways):
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    other = database.role("other_" + database.name)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % other.name)
    ways.refuse(database, database.login(other, state="absent"), "checkpoints", database.app.name)


@pytest.mark.newest
def test_what_setup_did_not_make_is_refused(database, ways):
    database.execute("CREATE TABLE checkpoints (id int PRIMARY KEY)", role=database.owner)
    ways.refuse(database, database.login(state="absent"), "checkpoints")
    database.execute("DROP TABLE checkpoints; CREATE VIEW checkpoints AS SELECT 1 AS one", role=database.owner)
    ways.refuse(database, database.login(state="absent", force=True), "checkpoints", "view")


@pytest.mark.newest
def test_a_shallow_schema_stays(database, ways):
    shallow(database)
    ways.refuse(database, database.login(state="absent"), "shallow")


@pytest.mark.newest
def test_rows_that_row_security_hides_are_rows(database, ways):
    """An error beats a silent zero."""
    database.setup()
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    database.execute("ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    ways.refuse(database, database.login(state="absent"), "checkpoints")


@pytest.mark.newest
def test_a_writer_in_the_way_is_not_waited_for_for_ever(database, call_module):
    database.setup()
    with database.connect(autocommit=False) as writer:
        writer.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
        outcome = call_module("checkpoint_schema", database.login(state="absent", lock_timeout=1))
        assert_refused(outcome, "lock|session|process|block|wait", databases=[database])
        writer.rollback()
    assert len(database.tables()) == 4
