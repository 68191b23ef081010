# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions, operators, domains and statistics of another role do not run as the owner or a superuser. Planted code reports its role to the server's log."""

from __future__ import annotations

import re

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Role
from generations import migrate
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from planted import AGGREGATE, BETTER, OPERATORS, SAME, SAME_OPERATORS, plant, ran_as
from psycopg.rows import dict_row

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read

pytestmark = pytest.mark.newest


@pytest.fixture
def admin(database):
    return Role(database.server.user, database.server.password)


@pytest.fixture
def planted(database):
    """The owner's tables, in a schema in which the application could create objects, and did."""
    database.setup()
    database.grant()
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    plant(database, database.app)
    database.execute(AGGREGATE, role=database.app)
    with database.saver() as saver:
        checkpoint = dict(empty_checkpoint(), channel_values={"list": [1]}, channel_versions={"list": "1"})
        saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {}, checkpoint["channel_versions"])
    return database


def test_control_without_the_safe_path_planted_code_runs_as_the_reader(planted, admin):
    with planted.connect(row_factory=dict_row) as connection:
        read(connection, "public", ("pg_catalog", "public"))
    assert ran_as(planted) == {admin.name}
    with planted.saver(planted.owner) as saver, pytest.raises(ValueError):  # the planted array_agg() returns another shape
        list(saver.list({"configurable": {"thread_id": "t"}}))
    assert ran_as(planted) == {admin.name, planted.owner.name}


@pytest.mark.parametrize("who", ["owner", "superuser", "superuser as the owner"])
def test_no_module_runs_what_the_application_planted(planted, call_module, admin, who):
    login = planted.login() if who == "owner" else planted.login(admin, session_role=planted.owner.name if "as" in who else "")
    found = assert_succeeded(call_module("checkpoint_schema_info", login), planted)
    assert {("schema public", "schema public"), ("schema public", "ROUTINE public.unnest(smallint[])"), ("schema public", "OPERATOR public.||(name,name)")} <= {
        (finding["table"], finding["object"]) for finding in found["parity"]["findings"] if finding["verdict"] == "drift"
    }
    outcome = call_module("checkpoint_verify", login)
    assert_refused(outcome, "round trip", "schema public", databases=[planted])
    for options in ({}, {"adopt": True}):
        outcome = call_module("checkpoint_schema", dict(login, **options))
        assert_refused(
            outcome, 'REVOKE CREATE ON SCHEMA "public" FROM %s;' % planted.app.name, r"DROP ROUTINE public\.unnest\(smallint\[\]\);", databases=[planted]
        )
    assert ran_as(planted) == set()


def test_the_statements_of_the_message_correct_it(planted, check_and_apply, call_module):
    message = call_module("checkpoint_schema", planted.login())["msg"]
    # The operators first, since they depend on their functions.
    for statement in sorted(re.findall(r"(?:REVOKE|DROP) [^;]+;", message)):
        planted.execute(statement)
    check_and_apply.unchanged(planted, planted.login())
    assert_succeeded(call_module("checkpoint_verify", planted.login()), planted)
    assert ran_as(planted) == set()


def test_no_statement_depends_on_the_search_path(database, call_module, admin, tmp_path):
    """The objects belong to a superuser, so each module runs to its end, and the login's search_path prefers them to PostgreSQL's own."""
    migrate(database, "1.0.2")
    plant(database, None, BETTER + SAME, OPERATORS + SAME_OPERATORS)
    for role in (database.owner, database.app):
        database.execute('ALTER ROLE "%s" IN DATABASE "%s" SET search_path = public, pg_catalog' % (role.name, database.name))
    done = assert_succeeded(call_module("checkpoint_schema", database.login(app_roles=[database.app.name])), database)
    assert done["changed"] is True and done["schema"]["overloads"] == []
    for module, role in (("checkpoint_schema_info", database.owner), ("checkpoint_verify", database.owner), ("checkpoint_verify", database.app)):
        assert assert_succeeded(call_module(module, database.login(role)), database)["parity"]["in_parity"]
    path = tmp_path / "checkpoints.sqlite"
    _write_thread(path)
    done = assert_succeeded(call_module("checkpoint_import", database.login(database.app, sqlite_path=str(path), verify="full")), database)
    assert done["checkpoints"]["written"] == 1
    assert_succeeded(call_module("checkpoint_schema", database.login(state="absent", force=True)), database)
    assert ran_as(database) == set()
    with database.connect(database.owner, row_factory=dict_row) as connection:
        connection.execute("SELECT set_config('application_name', current_setting('search_path'), false), pg_backend_pid()")
    assert ran_as(database) == {database.owner.name}, "the control"


def _write_thread(path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, empty_checkpoint(), {}, {})


@pytest.fixture
def made_by_the_application(database):
    """Tables that the application created with an old library, so that adopting them runs setup()."""
    database.execute('GRANT CREATE ON SCHEMA public TO "%s"' % database.app.name)
    migrate(database, "1.0.2", role=database.app)
    database.execute(
        "CREATE FUNCTION public.see(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN RAISE WARNING 'planted code ran as %', current_user; RETURN true; END $$",
        role=database.app,
    )
    return database


# What the application adds to its tables, and what makes the owner evaluate it.
EVALUATED = {
    "a domain": (
        "CREATE DOMAIN d AS text CHECK (see(VALUE)); ALTER TABLE checkpoint_migrations ADD COLUMN extra d",
        "INSERT INTO checkpoint_migrations VALUES (99)",
    ),
    "a domain of a domain": (
        "CREATE DOMAIN b AS text CHECK (see(VALUE)); CREATE DOMAIN d AS b; ALTER TABLE checkpoint_migrations ADD COLUMN extra d",
        "INSERT INTO checkpoint_migrations VALUES (99)",
    ),
    "a default": (
        "ALTER TABLE checkpoint_migrations ADD COLUMN extra boolean; ALTER TABLE checkpoint_migrations ALTER extra SET DEFAULT see('x')",
        "INSERT INTO checkpoint_migrations VALUES (99)",
    ),
    "statistics": ("CREATE STATISTICS extra ON see(thread_id), checkpoint_id FROM checkpoints", "ANALYZE checkpoints"),
    "an index": ("CREATE INDEX extra ON checkpoints (see(thread_id))", "REINDEX TABLE checkpoints"),
    "an index with the name of a column": (
        'ALTER TABLE checkpoints ADD COLUMN "public.see(thread_id)" text; CREATE INDEX extra ON checkpoints (see(thread_id))',
        "REINDEX TABLE checkpoints",
    ),
}


@pytest.mark.parametrize("what", EVALUATED)
def test_what_the_owner_would_evaluate_is_not_adopted(made_by_the_application, call_module, admin, what):
    database = made_by_the_application
    statements, evaluates = EVALUATED[what]
    database.execute(statements, role=database.app)
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')", role=database.app)
    database.execute('REVOKE CREATE ON SCHEMA public FROM "%s"' % database.app.name)
    before = ran_as(database)
    outcome = call_module("checkpoint_schema", database.login(admin, session_role=database.owner.name, adopt=True))
    assert_refused(outcome, "extra|d", "DROP|ALTER TABLE", databases=[database])
    assert ran_as(database) == before <= {database.app.name}
    # The control: the owner adopts the tables by hand, and evaluates it. Since 17, ANALYZE and REINDEX find functions by qualified names only.
    for table in database.tables():
        database.execute('ALTER TABLE %s OWNER TO "%s"' % (table, database.owner.name))
    database.execute(evaluates, role=database.owner)
    assert database.owner.name in ran_as(database)


def test_trusted_roles_may_create(database, check_and_apply):
    """The owner by a grant, a member of the owner, a group without other members, and a superuser."""
    member, group, strong = (
        database.role("member_" + database.name),
        database.role("group_" + database.name, "NOLOGIN"),
        database.role("super_" + database.name),
    )
    names = {"owner": database.owner.name, "member": member.name, "group": group.name, "strong": strong.name}
    database.execute(
        'CREATE SCHEMA shared; GRANT "{owner}" TO "{member}"; GRANT "{group}" TO "{member}"; ALTER ROLE "{strong}" SUPERUSER;'
        ' GRANT USAGE, CREATE ON SCHEMA shared TO "{owner}", "{member}", "{group}", "{strong}"'.format(**names)
    )
    check_and_apply.apply(database, database.login(schema="shared"))
    database.execute('GRANT "{group}" TO "{app}"'.format(app=database.app.name, **names))
    check_and_apply.rejected(database, database.login(schema="shared"), "REVOKE CREATE ON SCHEMA .shared. FROM %s;" % group.name)
    database.execute('REVOKE "{group}" FROM "{app}"'.format(app=database.app.name, **names))


def test_create_is_revoked_before_setup_if_the_role_is_named(made_by_the_application, check_and_apply, admin):
    database = made_by_the_application
    args = database.login(admin, session_role=database.owner.name, adopt=True)
    check_and_apply.rejected(database, args, 'REVOKE CREATE ON SCHEMA "public" FROM %s;' % database.app.name)
    done = check_and_apply.apply(database, dict(args, app_roles=[database.app.name]))
    assert "REVOKE CREATE ON SCHEMA public FROM %s" % database.app.name in done["grants"]
    assert database.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [database.app.name]) == [(False,)]
