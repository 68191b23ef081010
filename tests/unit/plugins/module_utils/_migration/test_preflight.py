# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exact text of the preflight errors."""

from __future__ import annotations

import pytest
from model_mutations import mutations
from schema_examples import RELEASES, database, database_state, empty, library, postgres

from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import preflight_errors
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, MIGRATIONS_TABLE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

EVERYTHING = tuple(range(10))
MUTATIONS = list(mutations())


def errors_of(before, installed=None, adopt=False, adoptable=None):
    installed = installed or library()
    return preflight_errors(before, installed, make_plan(before, installed, adopt), adoptable)


def test_usual_databases_have_no_errors():
    assert errors_of(empty()) == []
    for release in ("1.0.1", "2.0.8", "3.2.0"):
        assert errors_of(database(release)) == []


def test_an_empty_plan_needs_no_privileges():
    for privilege in ("schema_usage", "schema_create"):
        assert errors_of(database("3.2.0", **{privilege: False})) == []
    for setting in ("standby", "read_only"):
        assert errors_of(database("3.2.0", **{setting: True})) == []
    assert errors_of(database_state(postgres(owner="app"), EVERYTHING)) == []


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"standby": True}, "The server is a hot standby, which does not accept writes. Connect to the primary."),
        ({"standby": True, "read_only": True}, "The server is a hot standby, which does not accept writes. Connect to the primary."),
        (
            {"read_only": True},
            "default_transaction_read_only is on for the server or the role. Connect to a server that accepts writes, or turn the setting off.",
        ),
        (
            {"schema_create": False},
            'Role langgraph_owner has no permission to create tables in schema public. Run: GRANT CREATE ON SCHEMA "public" TO "langgraph_owner";',
        ),
        (
            {"schema_create": False, "schema_usage": False},
            'Role langgraph_owner has no permission to create tables in schema public. Run: GRANT USAGE, CREATE ON SCHEMA "public" TO "langgraph_owner";',
        ),
    ],
)
def test_what_the_server_does_not_permit(changes, text):
    assert errors_of(database_state(Schema("postgresql", "public"), **changes)) == [text]
    assert errors_of(database("1.0.2", **changes)) == [text]


def test_a_schema_that_does_not_exist():
    before = database_state(Schema("postgresql", "agents", exists=False), schema_exists=False, schema_usage=False, schema_create=False)
    assert errors_of(before) == ['Schema agents does not exist in database langgraph. Run: CREATE SCHEMA "agents" AUTHORIZATION "langgraph_owner";']
    assert errors_of(before.with_schema()) == []


@pytest.mark.parametrize("mutation", [mutation for mutation in MUTATIONS if mutation.severity == "block"], ids=lambda mutation: mutation.name)
def test_blocking_violations_are_errors(mutation):
    found = errors_of(database_state(mutation.schema.without_roles(), EVERYTHING))
    if mutation.rule in ("table elsewhere", "role encoding", "role read-only", "sequence denied"):
        assert found == [], "setup() has its own search_path, and another role"
        return
    place = mutation.table if mutation.object == mutation.table else "%s.%s" % (mutation.table, mutation.object)
    assert found[0].startswith("%s: found " % place) and found[0].endswith((".", ";"))
    assert not found[0].endswith(("..", ";.", ";;"))
    if mutation.rule == "owner differs":
        assert found[-1].startswith("Set adopt, or run: ALTER TABLE")
    elif "to correct it: " in found[0]:
        assert len(found) == 1
    else:
        assert found[1:] == ["Correct it manually, or name another schema or database."]


@pytest.mark.parametrize("mutation", [mutation for mutation in MUTATIONS if mutation.severity != "block"], ids=lambda mutation: mutation.name)
def test_other_violations_are_not_errors(mutation):
    migrations = mutation.schema.table(MIGRATIONS_TABLE) and EVERYTHING
    assert errors_of(database_state(mutation.schema, migrations)) == []


def test_both_solutions_for_different_owners():
    mixed = postgres().with_table(postgres().table("checkpoints")._replace(owner="app"))
    found = errors_of(database_state(mixed, EVERYTHING))
    assert found[-1] == 'Set adopt, or run: ALTER TABLE "public"."checkpoints" OWNER TO "langgraph_owner";'
    assert "checkpoints by app" in found[0]
    assert errors_of(database_state(mixed, EVERYTHING), adopt=True, adoptable={"checkpoints"}) == []


def test_a_database_ahead_that_can_be_used_is_a_rollback():
    assert errors_of(database_state(postgres(), tuple(range(12)))) == []
    assert errors_of(database("3.2.0"), library("1.0.2")) == []


def test_a_database_ahead_that_cannot_be_used():
    broken = postgres().with_table(postgres().table("checkpoints")._replace(row_security=True))
    found = errors_of(database_state(broken, tuple(range(12))))
    assert found[0] == (
        "The database is ahead: its migrations table records version 11, langgraph-checkpoint-postgres 3.2.0 supports up to 9, and the schema has drift. "
        "Install a newer library."
    )
    assert len(found) == 2 and found[1].startswith("checkpoints: found row security on")


def test_a_database_ahead_is_not_repaired():
    missing = postgres().with_table(postgres().table("checkpoints").without_index("checkpoints_thread_id_idx"))
    found = errors_of(database_state(missing, tuple(range(12))))
    assert found[0].startswith("The database is ahead") and found[1].startswith("checkpoints.checkpoints_thread_id_idx: found no index")
    assert errors_of(database_state(missing, EVERYTHING)) == []


GIVE = " ".join('ALTER TABLE "public"."%s" OWNER TO "langgraph_owner";' % table for table in sorted([MIGRATIONS_TABLE, *DATA_TABLES]))
THEIRS = (
    "checkpoint_blobs, checkpoint_migrations, checkpoint_writes, checkpoints in schema public: owned by app, not by langgraph_owner, "
    "the role that would change them. Set adopt, log in as the owner, give the owner as session_role, or run: " + GIVE
)


def test_tables_of_another_owner_are_an_error_before_a_change():
    before = database_state(postgres(RELEASES["1.0.2"][1], owner="app"), tuple(range(5)))
    assert errors_of(before) == [THEIRS]
    assert errors_of(before, adopt=True) == []
    assert errors_of(before, adopt=True, adoptable=set([MIGRATIONS_TABLE, *DATA_TABLES])) == []


def test_an_adoption_that_the_login_role_cannot_do():
    before = database_state(postgres(owner="app"), EVERYTHING, login="deployer")
    (text,) = errors_of(before, adopt=True, adoptable={MIGRATIONS_TABLE, "checkpoint_blobs", "checkpoints"})
    assert text == (
        "deployer cannot change the owner of checkpoint_writes. As a superuser, or as their owner who is a member of langgraph_owner, run: "
        'ALTER TABLE "public"."checkpoint_writes" OWNER TO "langgraph_owner";'
    )


def test_a_hidden_migrations_table_is_the_first_error():
    own = database_state(postgres(), hidden=True)
    text = (
        "Role langgraph_owner may not read the migrations table checkpoint_migrations, which langgraph_owner owns. Run: "
        'GRANT SELECT ON "public"."checkpoint_migrations" TO "langgraph_owner";'
    )
    assert errors_of(own) == [text]
    foreign = database_state(postgres(owner="app"), hidden=True, schema_usage=False)
    found = errors_of(foreign)
    assert 'Run: GRANT USAGE ON SCHEMA "public" TO "langgraph_owner"; GRANT SELECT ON' in found[0]
    assert found[1:] == [THEIRS]


def test_several_errors_are_reported_at_once():
    before = database_state(postgres(frozenset(), owner="app"), (0, 1, 2, 3), standby=True, schema_create=False)
    found = errors_of(before)
    assert [sentence.split(".")[0][:24] for sentence in found] == ["The server is a hot stan", "Role langgraph_owner has", "checkpoint_blobs, checkp"]
