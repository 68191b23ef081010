# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that the application made when it called setup() itself: refused, or adopted on request."""

from __future__ import annotations

import re

import pytest
from assertions import assert_refused
from databases import MIGRATIONS_TABLE, TABLES
from generations import migrate

ALL = set(TABLES) | {MIGRATIONS_TABLE}


@pytest.fixture
def adoptable(database):
    """The application's role may create, and did; the owner belongs to it, which is what PostgreSQL asks of a change of owner."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.execute('GRANT "%s" TO "%s"' % (database.app.name, database.owner.name))
    return database


@pytest.mark.parametrize("release", ["1.0.2", "2.0.12", "2.0.13"])
def test_adopting_moves_the_tables_and_upgrades_them(adoptable, ways, release):
    database = adoptable
    migrate(database, release, role=database.app)
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')")
    done = ways.apply(database, database.login(adopt=True))
    assert done["changed"] is True
    assert set(database.owners().values()) == {database.owner.name}
    assert database.recorded() == 9
    assert database.execute("SELECT count(*) FROM checkpoints") == [(1,)]


def test_nothing_else_of_the_application_is_taken(adoptable, ways):
    database = adoptable
    database.setup(role=database.app)
    database.execute("CREATE TABLE mine (id int)", role=database.app)
    ways.apply(database, database.login(adopt=True))
    assert database.owners() == dict({table: database.owner.name for table in ALL}, mine=database.app.name)


def test_a_former_owner_keeps_working(adoptable, ways):
    """What the database role grants is its own matter; here nobody loses what was granted by name."""
    database = adoptable
    database.setup(role=database.app)
    reader = database.role("reader_" + database.name)
    database.execute('GRANT SELECT ON checkpoints TO "%s"' % reader.name)
    ways.apply(database, database.login(adopt=True))
    assert database.execute("SELECT count(*) FROM checkpoints", role=reader) == [(0,)]


def test_adopting_into_a_session_role(adoptable, ways):
    database = adoptable
    database.setup(role=database.app)
    group = database.role("group_" + database.name, "NOLOGIN")
    database.execute('GRANT "%s" TO "%s"; GRANT CREATE ON SCHEMA public TO "%s"' % (group.name, database.owner.name, group.name))
    database.execute('GRANT "%s" TO "%s"' % (database.app.name, group.name))
    ways.apply(database, database.login(session_role=group.name, adopt=True))
    assert set(database.owners().values()) == {group.name}


def test_an_administrator_adopts_for_the_owner(database, ways):
    """The usual case: the owner has no rights at all on what the application made; the login role has all of them."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    migrate(database, "1.0.2", role=database.app)
    from databases import Role

    admin = Role(database.server.user, database.server.password)
    ways.refuse(database, database.login(admin, session_role=database.owner.name), database.app.name, "adopt", "ALTER TABLE")
    ways.apply(database, database.login(admin, session_role=database.owner.name, adopt=True))
    assert set(database.owners().values()) == {database.owner.name}
    assert database.recorded() == 9


@pytest.mark.newest
def test_without_the_request_it_is_refused_with_the_statements(adoptable, ways):
    """The statements in the message, run by somebody who may, do lead on."""
    database = adoptable
    migrate(database, "1.0.2", role=database.app)
    done = ways.refuse(database, database.login(), database.app.name, "adopt", "ALTER TABLE")
    statements = re.findall(r"ALTER TABLE .+? OWNER TO (?:\"[^\"]+\"|\w+)", done["msg"])
    assert len(statements) == 4, done["msg"]
    for statement in statements:
        database.execute(statement)
    ways.apply(database, database.login())
    assert set(database.owners().values()) == {database.owner.name}


@pytest.mark.newest
def test_tables_of_two_owners_are_refused_or_adopted(adoptable, ways):
    database = adoptable
    migrate(database, "1.0.2")
    database.execute('ALTER TABLE checkpoint_writes OWNER TO "%s"' % database.app.name)
    ways.refuse(database, database.login(), "checkpoint_writes", database.app.name)
    ways.apply(database, database.login(adopt=True))
    assert set(database.owners().values()) == {database.owner.name}


@pytest.mark.newest
def test_adopting_without_the_right_to_is_refused(database, ways):
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    ways.refuse(database, database.login(adopt=True), database.app.name, database.owner.name, "GRANT|ALTER TABLE")


@pytest.mark.newest
def test_adopting_what_is_ours_already_changes_nothing(database, ways):
    database.setup()
    ways.unchanged(database, database.login(adopt=True))


@pytest.mark.newest
def test_foreign_tables_of_the_current_generation(database, call_module):
    """Nothing is pending, so a role that only reads gets a clean run; the ownership is said in the schema."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    database.setup(role=database.app)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % database.owner.name)
    outcome = call_module("checkpoint_schema", database.login())
    if outcome.failed:
        assert_refused(outcome, database.app.name, "ALTER TABLE", databases=[database])
    else:
        assert outcome["changed"] is False
        assert {table["owner"] for table in outcome["schema"]["tables"]} == {database.app.name}
