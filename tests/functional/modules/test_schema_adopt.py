# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that the application created when it called setup() itself: rejected, or adopted on request."""

from __future__ import annotations

import re

import pytest
from assertions import assert_refused
from databases import MIGRATIONS_TABLE, TABLES
from generations import migrate

ALL = set(TABLES) | {MIGRATIONS_TABLE}


@pytest.fixture
def adoptable(database):
    """The application's role may create tables, and did. The owner is a member of it, as PostgreSQL requires for a change of owner.

    The tests name the role in app_roles, since it must not create objects in the owner's schema.
    """
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.execute('GRANT "%s" TO "%s"' % (database.app.name, database.owner.name))
    return database


@pytest.mark.parametrize("release", ["1.0.2", "2.0.12", "2.0.13"])
def test_adopting_changes_the_owner_and_upgrades_the_tables(adoptable, check_and_apply, release):
    database = adoptable
    migrate(database, release, role=database.app)
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    done = check_and_apply.apply(database, database.login(adopt=True, app_roles=[database.app.name]))
    assert done["changed"] is True
    assert set(database.owners().values()) == {database.owner.name}
    assert database.recorded() == 9
    assert database.execute("SELECT count(*) FROM checkpoints") == [(1,)]


def test_other_tables_of_the_application_are_not_adopted(adoptable, check_and_apply):
    database = adoptable
    database.setup(role=database.app)
    database.execute("CREATE TABLE mine (id int)", role=database.app)
    check_and_apply.apply(database, database.login(adopt=True, app_roles=[database.app.name]))
    assert database.owners() == dict({table: database.owner.name for table in ALL}, mine=database.app.name)


def test_a_former_owner_keeps_working(adoptable, check_and_apply):
    """A privilege that was granted to another role is kept."""
    database = adoptable
    database.setup(role=database.app)
    reader = database.role("reader_" + database.name)
    database.execute('GRANT SELECT ON checkpoints TO "%s"' % reader.name)
    check_and_apply.apply(database, database.login(adopt=True, app_roles=[database.app.name]))
    assert database.execute("SELECT count(*) FROM checkpoints", role=reader) == [(0,)]


def test_adopting_into_a_session_role(adoptable, check_and_apply):
    database = adoptable
    database.setup(role=database.app)
    group = database.role("group_" + database.name, "NOLOGIN")
    database.execute('GRANT "%s" TO "%s"; GRANT CREATE ON SCHEMA public TO "%s"' % (group.name, database.owner.name, group.name))
    database.execute('GRANT "%s" TO "%s"; REVOKE CREATE ON SCHEMA public FROM "%s"' % (database.app.name, group.name, database.app.name))
    check_and_apply.apply(database, database.login(session_role=group.name, adopt=True))
    assert set(database.owners().values()) == {group.name}


def test_an_administrator_adopts_for_the_owner(database, check_and_apply):
    """The usual case: the owner has no privileges on the application's tables; the login role has all of them."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    migrate(database, "1.0.2", role=database.app)
    from databases import Role

    admin = Role(database.server.user, database.server.password)
    check_and_apply.rejected(database, database.login(admin, session_role=database.owner.name), database.app.name, "adopt", "ALTER TABLE")
    check_and_apply.apply(database, database.login(admin, session_role=database.owner.name, adopt=True, app_roles=[database.app.name]))
    assert set(database.owners().values()) == {database.owner.name}
    assert database.recorded() == 9


@pytest.mark.newest
def test_without_the_option_the_error_names_the_statements(adoptable, check_and_apply):
    """If a role with the privileges runs the statements in the message, the next run succeeds."""
    database = adoptable
    migrate(database, "1.0.2", role=database.app)
    done = check_and_apply.rejected(database, database.login(), database.app.name, "adopt", "ALTER TABLE")
    statements = re.findall(r"ALTER TABLE .+? OWNER TO (?:\"[^\"]+\"|\w+)", done["msg"])
    assert len(statements) == 4, done["msg"]
    for statement in statements:
        database.execute(statement)
    check_and_apply.rejected(database, database.login(), "REVOKE CREATE")
    check_and_apply.apply(database, database.login(app_roles=[database.app.name]))
    assert set(database.owners().values()) == {database.owner.name}


@pytest.mark.newest
def test_tables_of_two_owners_are_rejected_or_adopted(adoptable, check_and_apply):
    database = adoptable
    migrate(database, "1.0.2")
    database.execute('ALTER TABLE checkpoint_writes OWNER TO "%s"' % database.app.name)
    check_and_apply.rejected(database, database.login(), "checkpoint_writes", database.app.name)
    check_and_apply.apply(database, database.login(adopt=True, app_roles=[database.app.name]))
    assert set(database.owners().values()) == {database.owner.name}


@pytest.mark.newest
def test_adopting_without_the_privilege_is_rejected(database, check_and_apply):
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    check_and_apply.rejected(database, database.login(adopt=True), database.app.name, database.owner.name, "GRANT|ALTER TABLE")


@pytest.mark.newest
def test_adopting_ones_own_tables_changes_nothing(database, check_and_apply):
    database.setup()
    check_and_apply.unchanged(database, database.login(adopt=True))


@pytest.mark.newest
def test_tables_of_another_owner_with_the_current_schema(database, call_module):
    """Nothing is pending, so a role that only reads has no error. The result names the owner in the schema."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % database.owner.name)
    outcome = call_module("checkpoint_schema", database.login())
    if outcome.failed:
        assert_refused(outcome, database.app.name, "ALTER TABLE", databases=[database])
    else:
        assert outcome["changed"] is False
        assert {table["owner"] for table in outcome["schema"]["tables"]} == {database.app.name}
