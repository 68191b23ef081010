# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight errors, in the words that a person reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_mutations import mutations
from schema_examples import RELEASES, database, empty, library, postgres, reading

from ansible_collections.stateops.langgraph.plugins.module_utils._migration.plan import make_plan
from ansible_collections.stateops.langgraph.plugins.module_utils._migration.preflight import preflight_errors
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, MIGRATIONS_TABLE
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

EVERYTHING = tuple(range(10))
MUTATIONS = list(mutations())


def told(before, installed=None, adopt=False, adoptable=None):
    installed = installed or library()
    return preflight_errors(before, installed, make_plan(before, installed, adopt), adoptable)


def test_nothing_speaks_against_what_is_usual():
    assert told(empty()) == []
    for release in ("1.0.1", "2.0.8", "3.2.0"):
        assert told(database(release)) == []


def test_where_nothing_is_to_do_no_right_is_asked_for():
    for lack in ("schema_usage", "schema_create"):
        assert told(database("3.2.0", **{lack: False})) == []
    for trouble in ("standby", "read_only"):
        assert told(database("3.2.0", **{trouble: True})) == []
    assert told(reading(postgres(owner="app"), EVERYTHING)) == []


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
def test_what_the_server_lacks(changes, text):
    assert told(reading(Schema("postgresql", "public"), **changes)) == [text]
    assert told(database("1.0.2", **changes)) == [text]


def test_a_schema_that_is_not_there():
    before = reading(Schema("postgresql", "agents", exists=False), schema_exists=False, schema_usage=False, schema_create=False)
    assert told(before) == ['Schema agents does not exist in database langgraph. Run: CREATE SCHEMA "agents" AUTHORIZATION "langgraph_owner";']
    assert told(before.with_schema()) == []


@pytest.mark.parametrize("mutation", [mutation for mutation in MUTATIONS if mutation.severity == "block"], ids=lambda mutation: mutation.name)
def test_what_only_a_person_may_decide(mutation):
    found = told(reading(replace(mutation.schema, elsewhere=()), EVERYTHING))
    if mutation.rule == "table elsewhere":
        assert found == [], "setup() has a search_path of its own"
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
def test_what_nobody_has_to_decide(mutation):
    ledger = mutation.schema.table(MIGRATIONS_TABLE) and EVERYTHING
    assert told(reading(mutation.schema, ledger)) == []


def test_different_owners_get_both_ways_out():
    mixed = postgres().with_table(replace(postgres().table("checkpoints"), owner="app"))
    found = told(reading(mixed, EVERYTHING))
    assert found[-1] == 'Set adopt, or run: ALTER TABLE "public"."checkpoints" OWNER TO "langgraph_owner";'
    assert "checkpoints by app" in found[0]
    assert told(reading(mixed, EVERYTHING), adopt=True, adoptable={"checkpoints"}) == []


def test_a_database_ahead_that_can_be_used_is_a_rollback():
    assert told(reading(postgres(), tuple(range(12)))) == []
    assert told(database("3.2.0"), library("1.0.2")) == []


def test_a_database_ahead_that_cannot_be_used():
    broken = postgres().with_table(replace(postgres().table("checkpoints"), row_security=True))
    found = told(reading(broken, tuple(range(12))))
    assert found[0] == (
        "The database is ahead: its migrations table records version 11, langgraph-checkpoint-postgres 3.2.0 supports up to 9, and the schema has drift. "
        "Install a newer library."
    )
    assert len(found) == 2 and found[1].startswith("checkpoints: found row security on")


def test_a_database_ahead_that_could_be_mended_is_left_to_its_own_library():
    missing = postgres().with_table(postgres().table("checkpoints").without_index("checkpoints_thread_id_idx"))
    found = told(reading(missing, tuple(range(12))))
    assert found[0].startswith("The database is ahead") and found[1].startswith("checkpoints.checkpoints_thread_id_idx: found no index")
    assert told(reading(missing, EVERYTHING)) == []


GIVE = " ".join('ALTER TABLE "public"."%s" OWNER TO "langgraph_owner";' % table for table in sorted([MIGRATIONS_TABLE, *DATA_TABLES]))
THEIRS = (
    "checkpoint_blobs, checkpoint_migrations, checkpoint_writes, checkpoints in schema public: owned by app, not by langgraph_owner, "
    "the role that would change them. Set adopt, log in as the owner, give the owner as session_role, or run: " + GIVE
)


def test_tables_of_another_owner_are_refused_before_a_change():
    before = reading(postgres(RELEASES["1.0.2"][1], owner="app"), tuple(range(5)))
    assert told(before) == [THEIRS]
    assert told(before, adopt=True) == []
    assert told(before, adopt=True, adoptable=set([MIGRATIONS_TABLE, *DATA_TABLES])) == []


def test_an_adoption_that_the_login_role_may_not_make():
    before = reading(postgres(owner="app"), EVERYTHING, login="deployer")
    (text,) = told(before, adopt=True, adoptable={MIGRATIONS_TABLE, "checkpoint_blobs", "checkpoints"})
    assert text == (
        "deployer cannot change the owner of checkpoint_writes. As a superuser, or as their owner who is a member of langgraph_owner, run: "
        'ALTER TABLE "public"."checkpoint_writes" OWNER TO "langgraph_owner";'
    )


def test_a_hidden_migrations_table_is_the_first_thing_to_open():
    own = reading(postgres(), hidden=True)
    text = (
        "Role langgraph_owner may not read the migrations table checkpoint_migrations, which langgraph_owner owns. Run: "
        'GRANT SELECT ON "public"."checkpoint_migrations" TO "langgraph_owner";'
    )
    assert told(own) == [text]
    foreign = reading(postgres(owner="app"), hidden=True, schema_usage=False)
    found = told(foreign)
    assert 'Run: GRANT USAGE ON SCHEMA "public" TO "langgraph_owner"; GRANT SELECT ON' in found[0]
    assert found[1:] == [THEIRS]


def test_several_obstacles_are_told_at_once():
    before = reading(postgres(frozenset(), owner="app"), (0, 1, 2, 3), standby=True, schema_create=False)
    found = told(before)
    assert [sentence.split(".")[0][:24] for sentence in found] == ["The server is a hot stan", "Role langgraph_owner has", "checkpoint_blobs, checkp"]
