# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual databases: VACUUM, default roles, dependent objects, and tables on which the queries would fail."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded

pytestmark = pytest.mark.newest


def drift(done):
    return {(finding["table"], finding["object"]) for finding in done["parity"]["findings"] if finding["verdict"] == "drift"}


@pytest.mark.parametrize(
    "statement, place",
    [
        ("ALTER TABLE checkpoint_blobs RENAME channel TO chan", ("checkpoint_blobs", "channel")),
        ("ALTER TABLE checkpoints ALTER checkpoint TYPE json", ("checkpoints", "checkpoint")),
        ("ALTER TABLE checkpoint_writes ALTER thread_id TYPE uuid USING thread_id::uuid", ("checkpoint_writes", "thread_id")),
        ("ALTER TABLE checkpoint_migrations ALTER v TYPE text", ("checkpoint_migrations", "v")),
    ],
)
def test_columns_on_which_a_count_fails_are_drift_and_not_an_error(database, call_module, check_and_apply, statement, place):
    database.setup()
    database.execute(statement)
    assert place in drift(assert_succeeded(call_module("checkpoint_schema_info", database.login()), database))
    check_and_apply.rejected(database, database.login(), *place)


def test_a_lock_like_that_of_vacuum_does_not_count_as_an_index_build(database, check_and_apply, call_module):
    """To a role without pg_read_all_stats, the lock of VACUUM looks like the lock of an index build."""
    database.setup()
    database.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoints_thread_id_idx'::regclass")
    with database.connect() as other:
        other.autocommit = False
        other.execute("LOCK TABLE checkpoints IN SHARE UPDATE EXCLUSIVE MODE")
        done = assert_succeeded(call_module("checkpoint_schema_info", database.login()), database)
        assert ("checkpoints", "checkpoints_thread_id_idx") in drift(done)
        other.rollback()
    assert check_and_apply.apply(database, database.login())["changed"] is True


def test_dropping_respects_its_limits(database, call_module):
    database.setup()
    with database.connect() as other:
        other.autocommit = False
        other.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        for check in (True, False):
            outcome = call_module("checkpoint_schema", database.login(state="absent", lock_timeout=1), check=check)
            assert_refused(outcome, "lock", databases=[database])
        other.rollback()


def test_dependent_objects_are_an_error_in_check_mode_too(database, check_and_apply):
    database.setup()
    database.execute("CREATE VIEW latest AS SELECT thread_id FROM checkpoints", role=database.owner)
    check_and_apply.rejected(database, database.login(state="absent"), "view public.latest")
    notes = "CREATE TABLE notes (t text, n text, c text, FOREIGN KEY (t, n, c) REFERENCES checkpoints)"
    database.execute("DROP VIEW latest; " + notes, role=database.owner)
    check_and_apply.rejected(database, database.login(state="absent"), "notes")


def test_adopting_by_a_login_with_a_default_role(database, check_and_apply):
    """The privileges are those of the login role, so the login role must run the statements."""
    database.setup(role=None)
    database.execute('ALTER TABLE checkpoint_blobs OWNER TO "%s"' % database.app.name)
    login = database.role("login_" + database.name)
    database.execute('GRANT "%s", "%s" TO "%s"' % (database.owner.name, database.app.name, login.name))
    database.execute('ALTER ROLE "%s" SET role TO "%s"' % (login.name, database.owner.name))
    assert check_and_apply.apply(database, database.login(login, adopt=True))["changed"] is True


@pytest.mark.parametrize(
    "more, patterns",
    [
        ({"connect_params": {"conninfo": "password=hidden-word"}}, ["conninfo", "libpq"]),
        ({"connect_params": {"cursor_factory": "x"}}, ["cursor_factory", "libpq"]),
        ({"connect_params": {"dbname": "postgresql://u:hidden-word@h/d"}}, ["dbname", "connection string"]),
        ({"lock_timeout": -1}, ["lock_timeout", "0 or more"]),
    ],
)
def test_options_that_libpq_would_misunderstand(database, check_and_apply, more, patterns):
    outcome = check_and_apply.call("checkpoint_schema", database.login(**more))
    assert_refused(outcome, *patterns, databases=[database])
    assert "hidden-word" not in outcome["msg"]


def test_a_connection_that_fails_names_the_server_that_was_tried(database, call_module):
    outcome = call_module("checkpoint_schema", database.login(connect_params={"port": 1}))
    assert_refused(outcome, "port 1,", databases=[database])
