# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reason of each rule for PostgreSQL is what happens: a call of the saver that fails, a plan, or what the next migration does."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from databases import Database
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from saver_oracle import IDS, TrialDatabase, checkpoint, config
from schema_mutations import ICU, INVALID, MORE, changes, others

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import RULES

MADE = {"%s: %s" % (table, what): statements for table in TABLES for what, statements in changes(table)}
MADE.update(others())
CHILD = "CREATE TABLE child () INHERITS (checkpoints); INSERT INTO child VALUES ('t', '', 'c', NULL, NULL, '{\"v\": 4, \"channel_versions\": {}}', '{}')"
ENDING = "CREATE SEQUENCE s MAXVALUE 9; ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('s')"
VAGUE = "CREATE COLLATION vague (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
# {rule: (a change, or its name; the first call of the saver with another answer, and the error)}. The call is one of saver_oracle.py.
CALLS = {
    "table missing": ("no checkpoints", "put: UndefinedTable: relation .checkpoints. does not exist"),
    "table kind": (
        "CREATE SCHEMA kept; ALTER TABLE checkpoint_writes SET SCHEMA kept; CREATE VIEW checkpoint_writes AS SELECT * FROM kept.checkpoint_writes;"
        " GRANT USAGE ON SCHEMA kept TO {app}",
        "analyze|setup: WrongObjectType: cannot create index on relation .checkpoint_writes.|setup: WrongObjectType: ALTER action",
    ),
    "table shape": ("checkpoints: with other columns", "put: UndefinedColumn"),
    "table shallow": ("checkpoints: created by ShallowPostgresSaver", "put: UndefinedColumn: column .checkpoint_id. of relation"),
    "table partition": ("checkpoints: partition", "put: CheckViolation: new row for relation .checkpoints. violates partition constraint"),
    "table inherited": (CHILD, "list everything: another answer"),
    "table elsewhere": ("checkpoints hidden by another table", "(put|setup): UndefinedColumn"),
    "owner differs": ("checkpoints owned by another role", "setup: InsufficientPrivilege: must be owner of table checkpoints"),
    "row security": ("checkpoints: row security", "put: InsufficientPrivilege: new row violates row-level security policy"),
    "column missing": ("checkpoints: no metadata", "put: UndefinedColumn: column .metadata."),
    "column missing, addable": ("checkpoint_writes: no task_path", "get: UndefinedColumn: column cw.task_path does not exist"),
    "column type": ("checkpoints: thread_id as uuid", "put: InvalidTextRepresentation: invalid input syntax for type uuid"),
    "column not null": ("checkpoints: parent_checkpoint_id not null", "put: NotNullViolation"),
    "column generated": ("checkpoints: parent_checkpoint_id generated, stored", "put: GeneratedAlways"),
    "column storage": ("checkpoint_blobs: blob with plain storage", "put: ProgramLimitExceeded: row is too big"),
    "column extra, required": ("checkpoints: additional column, required", "put: NotNullViolation: null value in column .extra."),
    "column extra, computed": ("checkpoints: additional column, generated, which can fail", "put: InvalidTextRepresentation"),
    "sequence end": (ENDING, "nextval: reached maximum value of sequence"),
    "sequence denied": (next(change for change in MORE if "REVOKE ALL ON SEQUENCE s" in change), "put: InsufficientPrivilege: permission denied for sequence"),
    "key missing": ("checkpoints: no key", "put: InvalidColumnReference: there is no unique or exclusion constraint matching the ON CONFLICT"),
    "key columns": ("checkpoints: key without the last column", "put: InvalidColumnReference: .* matching the ON CONFLICT"),
    "key invalid": ("checkpoints: key not valid", "put: InvalidColumnReference: .* matching the ON CONFLICT"),
    "key deferrable": ("checkpoints: deferrable key", "put: ObjectNotInPrerequisiteState: ON CONFLICT does not support deferrable"),
    "unique": ("checkpoints: unique", "put a second one: UniqueViolation"),
    "unique, deferrable": ("checkpoints: deferrable unique over the key", "put: ObjectNotInPrerequisiteState: ON CONFLICT does not support deferrable"),
    "check": ("checkpoints: check", "put: CheckViolation"),
    "exclusion": ("checkpoints: exclusion", "put a second one: ExclusionViolation"),
    "foreign key": ("checkpoints: foreign key", "put: ForeignKeyViolation"),
    "index wide": ("checkpoints: index on a part of metadata", "put: ProgramLimitExceeded: index row"),
    "index computed": ("checkpoints: index on an expression that can fail", "put: InvalidTextRepresentation"),
    "index differs": ("checkpoints: thread index unique", "put a second one: UniqueViolation"),
    "trigger": ("checkpoints: trigger", "get: another answer"),
    "rule": ("checkpoints: rule", "another answer"),
    "rule for updates": ("checkpoints: rule for updates, disabled", "put: FeatureNotSupported: INSERT with ON CONFLICT clause cannot be used"),
    "statistics": ("checkpoints: statistics on an expression that can fail", "analyze: InvalidTextRepresentation"),
    "publication": ("checkpoints: publication without identity", "put: .*cannot update table .checkpoints. because it does not have a replica identity"),
}
# The saver meets no difference, now and at its next migration.
HARMLESS = (
    "table parent",
    "column unused",
    "column type alike",
    "column not null, written",
    "column default unused",
    "column default extra",
    "column collation other",
    "column extra",
    "key covered",
    "key unneeded",
    "key order equal",
    "unique, implied",
    "unique, distinct",
    "check, implied",
    "check, not enforced",
    "foreign key, empty",
    "foreign key, incoming, cascading",
    "index variant",
    "index extra",
    "index extra invalid",
    "trigger idle",
    "rule idle",
    "policy",
    "publication harmless",
)
ELSEWHERE = {
    "schema create": ("test_trust_catalog.py", "test_control_without_the_safe_path_planted_code_runs_as_the_reader"),
    "schema overload": ("test_trust_catalog.py", "test_control_without_the_safe_path_planted_code_runs_as_the_reader"),
    "column domain": ("test_trust_catalog.py", "test_what_the_owner_would_evaluate_is_not_adopted"),
    "database encoding": ("test_verdict_roles.py", "test_a_database_whose_encoding_lacks_characters"),
    "role encoding": ("test_verdict_roles.py", "test_a_client_encoding_that_lacks_characters"),
    "role read-only": ("test_verdict_roles.py", "test_a_role_whose_transactions_are_read_only"),
    "index building": ("test_info_postgres.py", "test_an_index_that_is_being_built_is_not_drift"),
    "table not on path": ("test_verdict.py", "test_a_search_path_without_the_schema"),
    "index covered": ("test_verdict_reasons.py", "test_another_index_on_the_thread_id"),
    "column collation": ("test_verdict_reasons.py", "test_collations_of_icu"),
    "column collation order": ("test_verdict_reasons.py", "test_collations_of_icu"),
    "table unlogged": ("test_verdict_reasons.py", "test_a_crash_empties_an_unlogged_table"),
    "table partitioned": ("test_verdict_reasons.py", "test_a_partitioned_table_at_the_next_migration"),
    "column nullable": ("test_verdict_reasons.py", "test_the_saver_cannot_read_null"),
    "not null, not valid": ("test_verdict_reasons.py", "test_the_saver_cannot_read_null"),
    "column not null, older": ("test_verdict_reasons.py", "test_what_older_savers_insert"),
    "column default": ("test_verdict_reasons.py", "test_what_older_savers_insert"),
    "foreign key, incoming": ("test_verdict_reasons.py", "test_a_referenced_thread_cannot_be_deleted"),
    "key order": ("test_verdict_reasons.py", "test_other_rows_are_read_with_another_order_of_the_key"),
    "index missing": ("test_verdict_reasons.py", "test_setup_does_not_restore_an_index"),
    "index invalid": ("test_verdict_reasons.py", "test_setup_does_not_restore_an_index"),
    "index name taken": ("test_verdict_reasons.py", "test_setup_does_not_restore_an_index"),
    "index remains": ("test_verdict_reasons.py", "test_queries_do_not_use_an_invalid_index"),
}


@pytest.fixture(scope="module")
def trial_database(server):
    database = Database.create(server)
    made = TrialDatabase(database)
    yield made
    made.connection.close()
    database.drop()


@pytest.fixture
def changed(trial_database):
    """changed(statements): the TrialDatabase after the change, which is undone."""

    def change(statements):
        trial_database.change(statements)
        return trial_database

    yield change
    trial_database.connection.rollback()


def test_every_rule_has_a_test():
    rules = {name for name in RULES if not name.startswith("sqlite ")}
    assert rules == {*CALLS, *HARMLESS, *ELSEWHERE} and len(rules) == len(CALLS) + len(HARMLESS) + len(ELSEWHERE)
    assert all(RULES[name].severity == "info" for name in HARMLESS) and all(RULES[name].severity != "info" for name in CALLS)
    for name, test in ELSEWHERE.values():
        assert "\ndef %s(" % test in (Path(__file__).parent / name).read_text(encoding="utf-8"), test


@pytest.mark.parametrize("rule", list(CALLS))
def test_a_call_that_fails(changed, rule):
    statements, difference = CALLS[rule]
    made = changed(MADE.get(statements, statements))
    assert rule in {violation.rule.name for violation in check_schema(made.read_schema())}
    assert re.search(difference, made.oracle.difference() or "nothing"), made.oracle.difference()


def test_nothing_fails(trial_database):
    found = {}
    for statements in [*MADE.values(), *MORE]:
        need, statements = statements if isinstance(statements, tuple) else (0, statements)
        if need == ICU or need > trial_database.connection.info.server_version // 10000 or hasattr(statements, "why") or set(found) == set(HARMLESS):
            continue
        try:
            trial_database.change(statements)
            violations = check_schema(trial_database.read_schema())
            new = {violation.rule.name for violation in violations} & set(HARMLESS) - set(found)
            if new and not any(violation.drift for violation in violations):
                found.update(dict.fromkeys(new, trial_database.oracle.difference()))
        finally:
            trial_database.connection.rollback()
    newer = set() if trial_database.connection.info.server_version >= 180000 else {"check, not enforced"}
    assert found == dict.fromkeys(set(HARMLESS) - newer)


def insert(connection, table, values):
    connection.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(values), ", ".join(["%s"] * len(values))), list(values.values()))


ROWS = {
    "checkpoints": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c", "checkpoint": '{"v": 4, "channel_versions": {"x": "1"}}', "metadata": "{}"},
    "checkpoint_blobs": {"thread_id": "t", "checkpoint_ns": "", "channel": "x", "version": "1", "type": "msgpack", "blob": b"\x01"},
    "checkpoint_writes": {
        **{"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c", "task_id": "task", "idx": 0, "channel": "x"},
        **{"type": "msgpack", "blob": b"\x01", "task_path": ""},
    },
}


@pytest.mark.parametrize(
    "table, column",
    [
        ("checkpoints", "checkpoint"),
        ("checkpoints", "metadata"),
        ("checkpoint_blobs", "type"),
        ("checkpoint_writes", "channel"),
        ("checkpoint_writes", "blob"),
        ("checkpoint_writes", "task_path"),
    ],
)
def test_the_saver_cannot_read_null(changed, table, column):
    """Another program wrote NULL, before a constraint that is not valid or without one."""
    made = changed("ALTER TABLE %s ALTER %s DROP NOT NULL" % (table, column))
    saver = PostgresSaver(made.connection)
    for name, values in ROWS.items():
        insert(made.connection, name, values)
    assert saver.get_tuple(config("t")).pending_writes == [("task", "x", 1)], "the control"
    made.connection.execute("UPDATE %s SET %s = NULL" % (table, column))
    with pytest.raises((TypeError, AttributeError, ValueError, KeyError)):
        found = saver.get_tuple(config("t"))
        found.metadata["source"], list(saver.list(config("t")))  # as LangGraph reads them


def test_what_older_savers_insert(changed):
    """An empty channel, and a write without task_path: before langgraph-checkpoint-postgres 2.0.12."""
    made = changed("ALTER TABLE checkpoint_writes ALTER task_path DROP DEFAULT; ALTER TABLE checkpoint_blobs ALTER blob SET NOT NULL")
    empty = dict(ROWS["checkpoint_blobs"], type="empty", blob=None)
    old = {name: value for name, value in ROWS["checkpoint_writes"].items() if name != "task_path"}
    for table, values in (("checkpoint_blobs", empty), ("checkpoint_writes", old)):
        with pytest.raises(psycopg.errors.NotNullViolation), made.connection.transaction():
            insert(made.connection, table, values)


@pytest.mark.parametrize("action", ["NO ACTION", "RESTRICT", "SET DEFAULT"])
def test_a_referenced_thread_cannot_be_deleted(changed, action):
    made = changed(
        "CREATE TABLE notes (t text DEFAULT 'x', n text DEFAULT 'x', c text DEFAULT 'x', FOREIGN KEY (t, n, c) REFERENCES checkpoints ON DELETE %s)" % action
    )
    insert(made.connection, "checkpoints", ROWS["checkpoints"])
    insert(made.connection, "checkpoints", dict(ROWS["checkpoints"], thread_id="other"))
    made.connection.execute("INSERT INTO notes VALUES ('t', '', 'c')")
    saver = PostgresSaver(made.connection)
    saver.delete_thread("other")
    with pytest.raises(psycopg.errors.IntegrityError), made.connection.transaction():
        saver.delete_thread("t")


def plan(made, query, *values):
    made.connection.execute("SET LOCAL enable_seqscan = off")
    return "\n".join(row["QUERY PLAN"] for row in made.connection.execute("EXPLAIN (COSTS OFF) " + query, values).fetchall())


def pages(made, query):
    """How many pages of the table and its indexes the query reads."""
    found = made.connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query).fetchone()["QUERY PLAN"][0]["Plan"]
    return found["Shared Hit Blocks"] + found["Shared Read Blocks"]


def test_other_rows_are_read_with_another_order_of_the_key(changed, trial_database):
    """Two threads, of which the newest checkpoints belong to the other one."""
    both = "FROM generate_series(1, 3000) AS n, unnest(ARRAY['t', 'u']) AS t;"
    fill = "INSERT INTO checkpoints SELECT t, '', t || n, NULL, NULL, '{}' %s ANALYZE checkpoints;" % both
    fill += "INSERT INTO checkpoint_writes SELECT t, '', t || n, 'k' || n, n, 'x', 'x', '' %s ANALYZE checkpoint_writes;" % both
    newest = "SELECT checkpoint FROM checkpoints WHERE thread_id = 't' AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT 1"
    writes = "SELECT blob FROM checkpoint_writes WHERE thread_id = 't' AND checkpoint_ns = '' AND checkpoint_id = 't7'"
    made = changed(fill)
    usual = [pages(made, query) for query in (newest, writes)]
    trial_database.connection.rollback()
    other = changed(MADE["checkpoints: key in another order"] + ";" + MADE["checkpoint_writes: key in another order"] + ";" + fill)
    for query, before in zip((newest, writes), usual):
        assert pages(other, query) > 4 * before, (usual, query)


@pytest.mark.parametrize("table", DATA_TABLES)
def test_setup_does_not_restore_an_index(database, table):
    """The next setup() neither creates nor replaces it. The primary key's index serves deletions in the meantime."""
    name = "%s_thread_id_idx" % table
    for statements in ("DROP INDEX %s" % name, INVALID % name, "DROP INDEX %s; CREATE SEQUENCE %s" % (name, name)):
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC")
        database.setup()
        assert database.indexes()[name] is True, "the control"
        database.execute(statements)
        before = database.indexes()
        database.setup()
        assert database.indexes() == before and not before.get(name)
        with database.connect(row_factory=dict_row, autocommit=False) as connection:
            connection.execute("SET LOCAL enable_seqscan = off")
            found = connection.execute("EXPLAIN DELETE FROM %s WHERE thread_id = 'x'" % table).fetchall()
            assert table + "_pkey" in str(found)
            connection.rollback()


def test_another_index_on_the_thread_id(changed):
    made = changed("DROP INDEX checkpoints_thread_id_idx; CREATE INDEX extra ON checkpoints (thread_id)")
    assert "index covered" in {violation.rule.name for violation in check_schema(made.read_schema())}
    assert "extra" in plan(made, "DELETE FROM checkpoints WHERE thread_id = %s", "x")


def test_queries_do_not_use_an_invalid_index(changed):
    made = changed(
        "CREATE INDEX checkpoints_pkey_ccnew ON checkpoints (parent_checkpoint_id);"
        "INSERT INTO checkpoints SELECT 't', '', 'c' || n, 'c' || n - 1, NULL, '{}' FROM generate_series(1, 999) AS n; ANALYZE checkpoints"
    )
    query = "SELECT thread_id FROM checkpoints WHERE parent_checkpoint_id = %s"
    assert "checkpoints_pkey_ccnew" in plan(made, query, "c1"), "the control"
    made.connection.execute(INVALID % "checkpoints_pkey_ccnew")
    assert "checkpoints_pkey_ccnew" not in plan(made, query, "c1")
    size = made.connection.execute("SELECT pg_relation_size('checkpoints_pkey_ccnew') AS size").fetchone()["size"]
    made.connection.execute("INSERT INTO checkpoints SELECT 'u', '', 'c' || n, 'd' || n, NULL, '{}' FROM generate_series(1, 9999) AS n")
    assert made.connection.execute("SELECT pg_relation_size('checkpoints_pkey_ccnew') AS size").fetchone()["size"] > size, "writes maintain it"


def test_a_partitioned_table_at_the_next_migration(database):
    database.execute(MADE["checkpoint_writes: partitioned"].replace("DROP TABLE checkpoint_writes;", ""), role=database.owner)
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="cannot create index on partitioned table .* concurrently"):
        database.setup()


def test_a_crash_empties_an_unlogged_table(stoppable_server):
    database = Database.create(stoppable_server)
    database.setup()
    database.execute("ALTER TABLE checkpoints SET UNLOGGED")
    with database.saver(database.owner) as saver:
        stored = saver.put(config("t"), checkpoint(IDS[0], {"x": [1]}), {}, {"x": "%032d.%016d" % (1, 1)})
        assert saver.get_tuple(stored)
    stoppable_server.stop()
    stoppable_server.restart()
    assert [database.execute("SELECT count(*) FROM %s" % table)[0][0] for table in ("checkpoint_blobs", "checkpoints")] == [1, 0]


def test_collations_of_icu(changed):
    """A collation that ignores case, and one that sorts aa after z."""
    try:
        made = changed(VAGUE + "ALTER TABLE checkpoints ALTER thread_id TYPE text COLLATE vague")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("ICU is not supported in this build")
    assert made.oracle.difference()
    made.connection.rollback()
    danish = "CREATE COLLATION danish (provider = icu, locale = 'da');"
    made = changed(danish + "ALTER TABLE checkpoints ALTER checkpoint_id TYPE text COLLATE danish")
    assert made.oracle.difference().startswith("get the newest")
