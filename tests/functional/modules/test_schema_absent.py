# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: absent drops what setup() creates, only if it is empty or if force is set, and nothing else."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from generations import migrate, shallow


def gone(check_and_apply, database, **more):
    """Check mode predicts the removal, the real run does it, and a second run changes nothing."""
    args = database.login(state="absent", **more)
    before = database.snapshot()
    plan = assert_succeeded(check_and_apply.call("checkpoint_schema", args, check=True, diff=True), database)
    assert database.snapshot() == before
    done = assert_succeeded(check_and_apply.call("checkpoint_schema", args, diff=True), database)
    assert plan["changed"] is done["changed"]
    assert plan["diff"] == done["diff"]
    again = assert_succeeded(check_and_apply.call("checkpoint_schema", args, diff=True), database)
    assert again["changed"] is False
    return done


def test_nothing_there(database, check_and_apply):
    assert gone(check_and_apply, database)["changed"] is False


def test_empty_tables_are_dropped(database, check_and_apply):
    database.setup()
    database.execute("CREATE TABLE mine (id int); CREATE TABLE checkpoints_archive (id int)", role=database.owner)
    done = gone(check_and_apply, database)
    assert done["changed"] is True
    assert database.tables() == {"mine", "checkpoints_archive"}
    check_and_apply.apply(database, database.login())


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
def test_data_is_dropped_only_when_forced(database, check_and_apply, insert):
    database.setup()
    database.execute(insert)
    table = insert.split()[2]
    check_and_apply.rejected(database, database.login(state="absent"), table, "force")
    assert gone(check_and_apply, database, force=True)["changed"] is True
    assert database.tables() == set()


@pytest.mark.newest
def test_tables_with_dependent_objects_are_not_dropped(database, check_and_apply):
    database.setup()
    database.execute("CREATE VIEW threads AS SELECT DISTINCT thread_id FROM checkpoints", role=database.owner)
    check_and_apply.rejected(database, database.login(state="absent"), "threads", check=False)
    check_and_apply.rejected(database, database.login(state="absent", force=True), "threads", check=False)


@pytest.mark.newest
def test_an_incomplete_schema_is_dropped_too(database, check_and_apply):
    migrate(database, "1.0.2")
    database.execute("DROP TABLE checkpoint_blobs")
    assert gone(check_and_apply, database)["changed"] is True
    assert database.tables() == set()


@pytest.mark.newest
def test_another_schema_is_not_changed(database, check_and_apply):
    database.setup()
    database.execute("CREATE SCHEMA agents", role=database.owner)
    database.setup(schema="agents")
    assert gone(check_and_apply, database, schema="agents")["changed"] is True
    assert database.tables("agents") == set()
    assert len(database.tables("public")) == 4
    assert database.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'agents'") == [(1,)]


@pytest.mark.newest
def test_tables_of_another_owner_are_rejected(database, check_and_apply):
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    other = database.role("other_" + database.name)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % other.name)
    check_and_apply.rejected(database, database.login(other, state="absent"), "checkpoints", database.app.name)


@pytest.mark.newest
def test_objects_that_setup_did_not_create_are_rejected(database, check_and_apply):
    database.execute("CREATE TABLE checkpoints (id int PRIMARY KEY)", role=database.owner)
    check_and_apply.rejected(database, database.login(state="absent"), "checkpoints")
    database.execute("DROP TABLE checkpoints; CREATE VIEW checkpoints AS SELECT 1 AS one", role=database.owner)
    check_and_apply.rejected(database, database.login(state="absent", force=True), "checkpoints", "view")


@pytest.mark.newest
def test_a_shallow_schema_is_not_dropped(database, check_and_apply):
    shallow(database)
    check_and_apply.rejected(database, database.login(state="absent"), "shallow")


@pytest.mark.newest
def test_rows_that_row_security_hides_prevent_the_removal(database, check_and_apply):
    """An error, because hidden rows must not be counted as zero."""
    database.setup()
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    database.execute("ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    check_and_apply.rejected(database, database.login(state="absent"), "checkpoints")


@pytest.mark.newest
def test_waiting_for_a_writer_is_limited(database, call_module):
    database.setup()
    with database.connect(autocommit=False) as writer:
        writer.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
        outcome = call_module("checkpoint_schema", database.login(state="absent", lock_timeout=1))
        assert_refused(outcome, "lock|session|process|block|wait", databases=[database])
        writer.rollback()
    assert len(database.tables()) == 4
