# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""app_roles and retention_roles of checkpoint_schema: exactly the privileges that a role needs, as predicted, whatever was granted before."""

from __future__ import annotations

import pytest
from assertions import assert_refused, assert_succeeded
from databases import MIGRATIONS_TABLE, TABLES
from generations import migrate
from psycopg import errors

DML = {"SELECT", "INSERT", "UPDATE", "DELETE"}
EXACT = {**{table: DML for table in TABLES}, MIGRATIONS_TABLE: {"SELECT"}}
DELETION = {table: {"SELECT", "DELETE"} for table in TABLES}
TRIMMING = {**DELETION, "checkpoints": {"SELECT", "UPDATE (parent_checkpoint_id)", "DELETE"}}


def held(database, grantee=None, schema="public"):
    """{table: what was granted on it and its columns}; to the application unless told otherwise."""
    found = {}
    for table, privilege in database.execute(
        "SELECT c.relname, a.privilege_type || c.of || CASE WHEN a.is_grantable THEN '*' ELSE '' END"
        " FROM (SELECT relname, relnamespace, '' AS of, relacl AS acl FROM pg_class UNION ALL"
        "       SELECT c.relname, c.relnamespace, ' (' || a.attname || ')', a.attacl FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid) AS c,"
        " aclexplode(c.acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE c.relnamespace = %s::regnamespace AND coalesce(r.rolname, 'PUBLIC') = %s",
        [schema, grantee or database.app.name],
    ):
        found.setdefault(table, set()).add(privilege)
    return found


def effective(database):
    """The same by PostgreSQL's own judgement, whatever way the privilege takes."""
    kinds = [*DML, "TRUNCATE", "REFERENCES", "TRIGGER", *(["MAINTAIN"] if database.server.version >= 17 else [])]
    rows = database.execute(
        "SELECT c.relname, array_agg(kind) FROM pg_class c, unnest(%s::text[]) kind WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND has_table_privilege(%s, c.oid, kind) GROUP BY 1",
        [kinds, database.app.name],
    )
    return {table: set(privileges) for table, privileges in rows}


@pytest.fixture
def schema(call_module):
    """`schema(database, **options)`: check mode predicts, the run does that, and a second run changes nothing; returns the run's result."""

    def run(database, login=None, **options):
        args = database.login(login, app_roles=[database.app.name], **options)
        before = database.snapshot()
        plan = assert_succeeded(call_module("checkpoint_schema", args, check=True, diff=True), database)
        assert database.snapshot() == before, "check mode wrote"
        done = assert_succeeded(call_module("checkpoint_schema", args, diff=True), database)
        assert (plan["changed"], plan["grants"], plan["diff"]) == (done["changed"], done["grants"], done["diff"])
        again = assert_succeeded(call_module("checkpoint_schema", args, diff=True), database)
        assert again["changed"] is False and again["grants"] == []
        return done

    return run


def test_from_nothing(database, schema):
    done = schema(database)
    assert done["changed"] is True and done["grants"] and done["grants"][0] in done["diff"]["after"]
    assert held(database) == effective(database) == EXACT
    with database.saver() as saver:
        assert list(saver.list({"configurable": {"thread_id": "t"}})) == []


def test_without_roles_no_privilege_is_touched(database, call_module):
    database.setup()
    database.execute("GRANT ALL ON checkpoints TO PUBLIC")
    before = database.snapshot()
    done = assert_succeeded(call_module("checkpoint_schema", database.login()), database)
    assert done["changed"] is False and done["grants"] == [] and database.snapshot() == before


@pytest.mark.newest
def test_a_role_that_only_reads_converged_privileges(database, schema, call_module):
    schema(database)
    reader = database.role("reader_" + database.name)
    database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "%s"' % reader.name)
    done = assert_succeeded(call_module("checkpoint_schema", database.login(reader, app_roles=[database.app.name])), database)
    assert done["changed"] is False and done["grants"] == []


def test_excess_is_revoked(database, schema):
    database.setup()
    other = database.role("other_" + database.name)
    for statement in (
        'GRANT ALL ON checkpoints TO "{app}" WITH GRANT OPTION',
        'GRANT UPDATE (v) ON checkpoint_migrations TO "{app}"',
        "GRANT SELECT ON checkpoint_blobs TO PUBLIC",
        'GRANT SELECT ON checkpoints TO "{other}"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA public GRANT SELECT ON TABLES TO "{app}"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT ON TABLES TO PUBLIC',
    ):
        database.execute(statement.format(app=database.app.name, owner=database.owner.name, other=other.name))
    done = schema(database)
    assert done["migrations"]["applied"] == [] and any("ALTER DEFAULT PRIVILEGES" in statement for statement in done["grants"])
    assert held(database) == effective(database) == EXACT
    assert held(database, "PUBLIC") == {} and held(database, other.name) == {"checkpoints": {"SELECT"}}
    assert database.execute("SELECT count(*) FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid = 'checkpoint_migrations'::regclass") == [(0,)]
    database.execute("CREATE TABLE later ()", role=database.owner)
    assert "later" not in effective(database)


@pytest.mark.newest
def test_default_privileges_do_not_reach_new_tables(database, schema):
    database.execute('ALTER DEFAULT PRIVILEGES FOR ROLE "%s" GRANT ALL ON TABLES TO "%s", PUBLIC' % (database.owner.name, database.app.name))
    schema(database)
    assert held(database) == EXACT and held(database, "PUBLIC") == {}


@pytest.mark.newest
def test_tables_that_the_application_made(database, schema):
    """Adopted and granted in one run; what the former owner held as its own is gone."""
    database.execute('GRANT CREATE ON SCHEMA public TO "{app}"; GRANT "{app}" TO "{owner}"'.format(app=database.app.name, owner=database.owner.name))
    migrate(database, "2.0.12", role=database.app)
    database.execute("GRANT SELECT ON checkpoints TO PUBLIC", role=database.app)
    schema(database, adopt=True)
    assert set(database.owners().values()) == {database.owner.name}
    assert held(database) == effective(database) == EXACT and held(database, "PUBLIC") == {}


@pytest.mark.newest
def test_a_session_role_grants(database, schema):
    login = database.role("deployer_" + database.name)
    database.execute('GRANT "%s" TO "%s"' % (database.owner.name, login.name))
    schema(database, login, session_role=database.owner.name)
    assert set(database.owners().values()) == {database.owner.name} and held(database) == EXACT


@pytest.mark.newest
def test_several_roles(database, call_module):
    second = database.role("second_" + database.name)
    args = database.login(app_roles=[database.app.name, second.name])
    assert assert_succeeded(call_module("checkpoint_schema", args), database)["changed"] is True
    assert held(database) == held(database, second.name) == EXACT
    assert assert_succeeded(call_module("checkpoint_schema", args), database)["changed"] is False


@pytest.mark.newest
def test_roles_that_only_delete(database, schema, call_module):
    """Less than the application has, whatever they had before, and enough for a deletion. The library's facts do not call it drift."""
    role = database.role("retention_" + database.name)
    keeps = {"none": DELETION, "latest": TRIMMING}
    for keep in ("none", "latest", "none"):
        done = schema(database, retention_roles=[role.name], retention_keep=keep)
        assert done["changed"] is True and [each for each in done["grants"] if role.name in each and each in done["diff"]["after"]]
        assert held(database, role.name) == keeps[keep] and held(database) == EXACT
        for other in keeps:
            args = database.login(role, older_than="30d", keep=other)
            outcome = call_module("checkpoint_prune", args)
            if keep == other or other == "none":
                assert assert_succeeded(outcome, database)["changed"] is False
            else:
                assert_refused(outcome, "GRANT UPDATE", databases=[database])
    # With keep=latest, it cannot write a state. The control: with UPDATE of the table it could, and that is revoked.
    schema(database, retention_roles=[role.name], retention_keep="latest")
    forge = "UPDATE checkpoints SET checkpoint = '{}'"
    with pytest.raises(errors.InsufficientPrivilege):
        database.execute(forge, role=role)
    database.execute('GRANT UPDATE ON checkpoints TO "%s"' % role.name)
    database.execute(forge, role=role)
    schema(database, retention_roles=[role.name], retention_keep="latest")
    assert held(database, role.name) == TRIMMING
    # More than that is revoked, also on the table of migrations and on a column.
    database.execute('GRANT ALL ON checkpoint_migrations, checkpoint_blobs TO "{0}"; GRANT UPDATE (thread_id) ON checkpoint_writes TO "{0}"'.format(role.name))
    facts = database.login(database.app, app_roles=[database.app.name], retention_roles=[role.name])
    pending = assert_succeeded(call_module("checkpoint_schema_info", facts), database)["setup_pending"]
    assert len([each for each in pending if role.name in each and each.startswith(role.name + " has ")]) == 4, pending
    schema(database, retention_roles=[role.name])
    found = assert_succeeded(call_module("checkpoint_verify", facts), database)
    assert found["setup_pending"] == [] and found["parity"]["in_parity"] is True
    assert held(database, role.name) == DELETION
    assert_refused(
        call_module("checkpoint_schema", database.login(app_roles=[role.name], retention_roles=[role.name])), "retention_roles", databases=[database]
    )


@pytest.mark.newest
def test_what_comes_by_a_membership_is_an_error_before_anything_is_written(database, call_module):
    database.setup()
    other = database.role("other_" + database.name, "NOLOGIN")
    database.execute('GRANT TRUNCATE ON checkpoints TO "{other}"; GRANT "{other}" TO "{app}"'.format(other=other.name, app=database.app.name))
    before = database.snapshot()
    args = database.login(app_roles=[database.app.name])
    for check in (True, False):
        outcome = call_module("checkpoint_schema", args, check=check)
        assert_refused(outcome, "TRUNCATE", 'REVOKE "?%s"? FROM "?%s"?' % (other.name, database.app.name), databases=[database])
    assert database.snapshot() == before


@pytest.mark.newest
def test_a_grant_of_somebody_else_that_stays(database, call_module):
    """REVOKE succeeds without a word, and takes nothing back."""
    database.setup()
    other = database.role("other_" + database.name)
    names = {"other": other.name, "app": database.app.name}
    database.execute('GRANT TRUNCATE ON checkpoints TO "{other}" WITH GRANT OPTION; GRANT USAGE ON SCHEMA public TO "{other}"'.format(**names))
    database.execute('GRANT TRUNCATE ON checkpoints TO "{app}"'.format(**names), role=other)
    outcome = call_module("checkpoint_schema", database.login(app_roles=[database.app.name]))
    assert_refused(outcome, "catalog does not show", other.name, "TRUNCATE", databases=[database], changed=True)


@pytest.mark.newest
def test_a_role_that_is_not_there(database, call_module):
    args = database.login(app_roles=["nobody_there"])
    assert_refused(call_module("checkpoint_schema", args), "nobody_there", "does not exist", databases=[database])
    assert database.tables() == set()
    plan = assert_succeeded(call_module("checkpoint_schema", args, check=True), database)
    assert plan["changed"] is True and "nobody_there" in plan["msg"]


@pytest.mark.newest
def test_create_on_the_schema(database, schema, call_module):
    """Revoked by the schema's owner before setup(); otherwise the error has the statement."""
    database.execute("CREATE SCHEMA agents", role=database.owner)
    database.execute('GRANT CREATE ON SCHEMA agents TO "%s", PUBLIC; GRANT USAGE ON SCHEMA agents TO "%s"' % ((database.app.name,) * 2))
    done = schema(database, schema="agents")
    assert len([statement for statement in done["grants"] if "REVOKE CREATE" in statement]) == 2
    database.execute('CREATE SCHEMA shared; GRANT CREATE, USAGE ON SCHEMA shared TO "%s", "%s"' % (database.owner.name, database.app.name))
    args = database.login(schema="shared", app_roles=[database.app.name])
    statement = 'REVOKE CREATE ON SCHEMA "shared" FROM %s;' % database.app.name
    assert_refused(call_module("checkpoint_schema", args), "schema shared: found CREATE for %s" % database.app.name, statement, databases=[database])
    assert database.tables("shared") == set()
    database.execute(statement)
    assert assert_succeeded(call_module("checkpoint_schema", args), database)["changed"] is True
    assert held(database, schema="shared") == EXACT


@pytest.mark.newest
def test_names_that_need_quoting(database, schema, call_module):
    database.execute('ALTER ROLE "%s" RENAME TO "The App %s"' % (database.app.name, database.app.name))
    renamed = database.app._replace(name="The App " + database.app.name)
    database.roles[database.roles.index(database.app)] = database.app = renamed
    database.execute('CREATE SCHEMA "select"', role=database.owner)
    schema(database, schema="select")
    assert held(database, schema='"select"') == EXACT


# What makes the privileges differ from what a saver needs, or the tables from what the library needs; nothing for the first.
CHANGES = {
    "nothing": "SELECT 1",
    "a privilege of another role": 'GRANT SELECT ON checkpoints TO "{other}"',
    "an index that setup() creates": "DROP INDEX checkpoints_thread_id_idx",
    "a missing privilege": 'REVOKE DELETE ON checkpoint_writes FROM "{app}"',
    "an excess privilege": 'GRANT TRUNCATE ON checkpoints TO "{app}"',
    "a privilege of a column": 'GRANT UPDATE (v) ON checkpoint_migrations TO "{app}"',
    "a grant option": 'GRANT SELECT ON checkpoints TO "{app}" WITH GRANT OPTION',
    "a privilege of PUBLIC": "GRANT SELECT ON checkpoints TO PUBLIC",
    "default privileges": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT ON TABLES TO "{app}"',
    "default privileges of another role": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{other}" GRANT SELECT ON TABLES TO "{app}"',
    "CREATE on a schema of another role": 'GRANT CREATE ON SCHEMA public TO "{app}"',
    "a privilege through a membership": 'GRANT TRUNCATE ON checkpoints TO "{other}"; GRANT "{other}" TO "{app}"',
    "the application owns a table": 'ALTER TABLE checkpoints OWNER TO "{app}"',
}


@pytest.mark.newest
@pytest.mark.parametrize("change", CHANGES)
def test_the_application_reads_what_the_owner_would_do(database, schema, call_module, change):
    """setup_pending, read with the application's login, is empty if and only if the owner's run succeeds without a change."""
    schema(database)
    other = database.role("other_" + database.name)
    database.execute(CHANGES[change].format(app=database.app.name, owner=database.owner.name, other=other.name))
    plan = call_module("checkpoint_schema", database.login(app_roles=[database.app.name]), check=True)
    facts = database.login(database.app, app_roles=[database.app.name], owner=database.owner.name)
    found = assert_succeeded(call_module("checkpoint_schema_info", facts), database)
    assert bool(found["setup_pending"]) == (bool(plan.rc) or plan["changed"]), (found["setup_pending"], plan.output)
    if not plan.rc:
        # The warnings are the same: about privileges that only another role can revoke.
        assert sorted(plan.get("warnings", [])) == sorted(found.get("warnings", []))
