# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema_info reads PostgreSQL: what is recorded, what is pending, what has drifted, and the number of queries."""

from __future__ import annotations

import time

import pytest
from assertions import assert_refused, assert_succeeded
from databases import MIGRATIONS_TABLE, TABLES
from events import until
from generations import shallow
from scope import usual
from servers import wait_for_replay

VERDICTS = {"identical", "equivalent", "expected", "drift"}


@pytest.fixture
def info(call_module):
    """`info(database, role=None, **options)`: a result of the module, which changed nothing."""

    def read(database, role=None, check=False, **options):
        before = database.snapshot()
        done = assert_succeeded(call_module("checkpoint_schema_info", database.login(role, **options), check=check), database)
        assert done["changed"] is False
        assert database.snapshot() == before
        return done

    return read


def drifts(result):
    return [finding for finding in result["parity"]["findings"] if finding["verdict"] == "drift"]


def test_a_converged_database_in_every_part(database, info):
    database.setup()
    done = info(database)
    assert done["library"]["name"] == "langgraph-checkpoint-postgres"
    assert done["migrations"] == {"recorded": 9, "expected": 9, "pending": []}
    assert done["parity"]["in_parity"] is True
    assert done["parity"]["level"] == "compatible"
    assert {table["name"] for table in done["postgres"]["tables"]} == set(TABLES) | {MIGRATIONS_TABLE}
    assert {table["name"] for table in done["sqlite"]["tables"]} >= {"checkpoints", "writes"}
    assert {table["owner"] for table in done["postgres"]["tables"]} == {database.owner.name}
    for finding in done["parity"]["findings"]:
        assert set(finding) == {"verdict", "table", "object", "sqlite", "postgres", "reason"}
        assert finding["verdict"] in VERDICTS
        assert finding["verdict"] == "identical" or finding["reason"], finding
    assert dict(info(database, check=True)) == dict(done)


def test_the_result_agrees_with_the_catalog(database, info):
    database.setup()
    reported = {table["name"]: table for table in info(database)["postgres"]["tables"]}
    for table in TABLES:
        assert [column["name"] for column in reported[table]["columns"]] == database.columns(table)
        assert table + "_thread_id_idx" in [index["name"] for index in reported[table]["indexes"]]


@pytest.mark.newest
def test_the_applications_role_can_read_the_schema(database, info):
    database.setup()
    database.grant()
    assert info(database, database.app)["parity"]["in_parity"] is True


@pytest.mark.newest
def test_both_names_of_the_writes_table_are_reported(database, info):
    database.setup()
    text = str(info(database)["parity"])
    assert "checkpoint_writes" in text and "'writes'" in text


@pytest.mark.newest
def test_an_empty_database_lacks_every_table(database, info):
    done = info(database)
    assert done["migrations"]["recorded"] is None
    assert len(done["migrations"]["pending"]) == 10
    assert done["parity"]["in_parity"] is False
    assert {finding["table"] for finding in drifts(done)} >= {"checkpoints", "checkpoint_writes", "checkpoint_blobs"}


@pytest.mark.newest
def test_the_exact_level_names_every_literal_difference(database, info):
    database.setup()
    done = info(database, parity_level="exact")
    assert done["parity"]["level"] == "exact"
    assert done["parity"]["in_parity"] is False
    text = str(drifts(done))
    for name in ("checkpoint_blobs", MIGRATIONS_TABLE, "checkpoint_writes", "jsonb", "bytea", "thread_id_idx"):
        assert name in text, name
    assert all(finding["reason"] for finding in drifts(done))


FOREIGN_KEY = "FOREIGN KEY (thread_id, checkpoint_ns, checkpoint_id) REFERENCES checkpoints"
DRIFTS = {
    "missing table": ("DROP TABLE checkpoint_blobs", "checkpoint_blobs", ""),
    "missing column": ("ALTER TABLE checkpoint_writes DROP COLUMN task_path", "checkpoint_writes", "task_path"),
    "renamed column": ("ALTER TABLE checkpoints RENAME metadata TO meta", "checkpoints", "metadata"),
    "column type": ("ALTER TABLE checkpoints ALTER metadata DROP DEFAULT, ALTER metadata TYPE text", "checkpoints", "metadata"),
    "varchar for text": ("ALTER TABLE checkpoints ALTER thread_id TYPE varchar(36)", "checkpoints", "thread_id"),
    "lost NOT NULL": ("ALTER TABLE checkpoints ALTER checkpoint DROP NOT NULL", "checkpoints", "checkpoint"),
    "new NOT NULL": ("ALTER TABLE checkpoints ALTER parent_checkpoint_id SET NOT NULL", "checkpoints", "parent_checkpoint_id"),
    "lost default": ("ALTER TABLE checkpoint_writes ALTER task_path DROP DEFAULT", "checkpoint_writes", "task_path"),
    "column that must be given": ("ALTER TABLE checkpoint_writes ADD COLUMN tenant int NOT NULL", "checkpoint_writes", "tenant"),
    "missing key": ("ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey", "checkpoints", "key"),
    "narrower key": (
        "ALTER TABLE checkpoint_blobs DROP CONSTRAINT checkpoint_blobs_pkey, ADD PRIMARY KEY (thread_id, channel)",
        "checkpoint_blobs",
        "key",
    ),
    "missing index": ("DROP INDEX checkpoint_writes_thread_id_idx", "checkpoint_writes", "checkpoint_writes_thread_id_idx"),
    "other index": (
        "DROP INDEX checkpoints_thread_id_idx; CREATE INDEX checkpoints_thread_id_idx ON checkpoints (checkpoint_id)",
        "checkpoints",
        "checkpoints_thread_id_idx",
    ),
    "partial index": (
        "DROP INDEX checkpoints_thread_id_idx; CREATE INDEX checkpoints_thread_id_idx ON checkpoints (thread_id) WHERE thread_id > 'm'",
        "checkpoints",
        "checkpoints_thread_id_idx",
    ),
    "invalid index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoints_thread_id_idx'::regclass",
        "checkpoints",
        "checkpoints_thread_id_idx",
    ),
    "invalid key": ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoints_pkey'::regclass", "checkpoints", ""),
    "unique index": ("CREATE UNIQUE INDEX once ON checkpoint_writes (thread_id)", "checkpoint_writes", "once"),
    "foreign key": ("ALTER TABLE checkpoint_writes ADD CONSTRAINT fk %s" % FOREIGN_KEY, "checkpoint_writes", "fk"),
    "foreign key not valid": ("ALTER TABLE checkpoint_writes ADD CONSTRAINT fk %s NOT VALID" % FOREIGN_KEY, "checkpoint_writes", "fk"),
    "deferrable foreign key": (
        "ALTER TABLE checkpoint_writes ADD CONSTRAINT fk %s DEFERRABLE INITIALLY DEFERRED" % FOREIGN_KEY,
        "checkpoint_writes",
        "fk",
    ),
    "incoming foreign key": (
        "CREATE TABLE mine (t text, n text, c text, CONSTRAINT incoming FOREIGN KEY (t, n, c) REFERENCES checkpoints)",
        "checkpoints",
        "incoming",
    ),
    "check": ("ALTER TABLE checkpoint_blobs ADD CONSTRAINT short CHECK (length(version) < 4)", "checkpoint_blobs", "short"),
    "row security": ("ALTER TABLE checkpoint_blobs ENABLE ROW LEVEL SECURITY", "checkpoint_blobs", ""),
    "unlogged": ("ALTER TABLE checkpoint_writes SET UNLOGGED", "checkpoint_writes", ""),
    "rule": ("CREATE RULE deaf AS ON DELETE TO checkpoints DO INSTEAD NOTHING", "checkpoints", "deaf"),
    "trigger": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER eater BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION f()",
        "checkpoints",
        "eater",
    ),
}


@pytest.mark.parametrize("what", list(DRIFTS))
@pytest.mark.newest
def test_each_drift_is_reported_for_its_object(database, info, what):
    database.setup()
    statement, table, name = DRIFTS[what]
    database.execute(statement)
    done = info(database)
    assert done["parity"]["in_parity"] is False
    found = [finding for finding in drifts(done) if finding["table"] == table and name in str(finding["object"])]
    assert found, drifts(done)
    assert all(finding["reason"] for finding in found)
    # A finding for another table would mislead the user.
    assert {finding["table"] for finding in drifts(done)} <= {table, "checkpoint_writes" if what == "incoming foreign key" else table}


HARMLESS = {
    "extra index": "CREATE INDEX mine ON checkpoints (parent_checkpoint_id)",
    "extra nullable column": "ALTER TABLE checkpoints ADD COLUMN note text",
    "extra column with a default": "ALTER TABLE checkpoints ADD COLUMN made timestamptz NOT NULL DEFAULT now()",
    "another table named writes": "CREATE TABLE writes (id int)",
    "storage parameters": "ALTER TABLE checkpoints SET (fillfactor = 80)",
    "comment": "COMMENT ON TABLE checkpoints IS 'state of agents'",
    "statistics": "ALTER TABLE checkpoints ALTER thread_id SET STATISTICS 500",
    "other position": "ALTER TABLE checkpoints DROP COLUMN type; ALTER TABLE checkpoints ADD COLUMN type text",
    "renamed key": "ALTER INDEX checkpoints_pkey RENAME TO another_name",
}


@pytest.mark.parametrize("what", list(HARMLESS))
@pytest.mark.newest
def test_harmless_changes_are_not_drift(database, info, check_and_apply, what):
    database.setup()
    database.execute(HARMLESS[what], role=database.owner)
    assert drifts(info(database)) == []
    check_and_apply.unchanged(database, database.login())


@pytest.mark.newest
def test_a_shallow_schema_is_recognized(database, info):
    shallow(database)
    assert "shallow" in str(drifts(info(database))).lower()


HELD = {
    "checkpoints": "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('held', 'c', '{}')",
    "checkpoint_blobs": "INSERT INTO checkpoint_blobs VALUES ('held', '', 'c', '1', 'msgpack', '')",
    "checkpoint_writes": "INSERT INTO checkpoint_writes VALUES ('held', '', 'c', 't', 0, 'c', 'msgpack', '')",
}
BUILDS = {
    "create": ("DROP INDEX {table}_thread_id_idx", "CREATE INDEX CONCURRENTLY {table}_thread_id_idx ON {table} (thread_id)", "{table}_thread_id_idx"),
    "reindex": ("", "REINDEX INDEX CONCURRENTLY {table}_thread_id_idx", "{table}_thread_id_idx_ccnew"),
    "reindex key": ("", "REINDEX INDEX CONCURRENTLY {table}_pkey", "{table}_pkey_ccnew"),
    "another": ("", "CREATE INDEX CONCURRENTLY mine_{table} ON {table} (checkpoint_ns)", "mine_{table}"),
}


@pytest.mark.newest
@pytest.mark.parametrize("how, held", usual([(how, held) for held in HELD for how in BUILDS], len(BUILDS)))
def test_an_index_that_is_being_built_is_not_drift(database, info, held, how):
    database.setup()
    before, statement, name = [part.format(table=held) for part in BUILDS[how]]
    if before:
        database.execute(before)
    with database.connect(autocommit=False) as writer:
        writer.execute(HELD[held])
        import threading

        def build():
            with database.connect(database.owner) as builder:
                builder.execute(statement)

        thread = threading.Thread(target=build)
        thread.start()
        try:
            until(lambda: name in database.indexes())
            assert database.indexes()[name] is False
            done = info(database)
            assert drifts(done) == []
            assert [finding for finding in done["parity"]["findings"] if finding["object"] == name and finding["postgres"].startswith("being built")]
            (table,) = [table for table in done["postgres"]["tables"] if table["name"] == held]
            (index,) = [index for index in table["indexes"] if index["name"] == name]
            assert index["building"] is True
        finally:
            writer.rollback()
            thread.join()
    assert name not in database.indexes() or how in ("create", "another")
    assert not [index for index in info(database)["postgres"]["tables"][0]["indexes"] if index["building"]]


@pytest.mark.newest
def test_drift_fails_the_task_when_asked(database, call_module):
    database.setup()
    args = database.login(assert_parity=True)
    assert assert_succeeded(call_module("checkpoint_schema_info", args), database)["parity"]["in_parity"] is True
    database.execute("DROP INDEX checkpoints_thread_id_idx; ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    for check in (False, True):
        done = call_module("checkpoint_schema_info", args, check=check)
        assert_refused(done, "checkpoints_thread_id_idx", "task_path", "checkpoint_schema", databases=[database])
        # The facts are returned as well, for the report.
        assert done["parity"]["in_parity"] is False and drifts(done)


def queries(database, call_module, **more):
    mark = database.server.log.stat().st_size
    assert_succeeded(call_module("checkpoint_schema_info", database.login(**more)), database)
    time.sleep(0.05)
    with database.server.log.open(encoding="utf-8", errors="replace") as log:
        log.seek(mark)
        lines = [line for line in log if "%s@%s " % (database.owner.name, database.name) in line]
    return [line for line in lines if "LOG:  statement:" in line or "LOG:  execute" in line]


@pytest.mark.newest
def test_a_constant_number_of_queries(database, call_module):
    database.setup()
    few = queries(database, call_module)
    assert 0 < len(few) < 25, few
    database.execute("DO 'BEGIN FOR i IN 1..200 LOOP EXECUTE format(''CREATE TABLE t%s (a int PRIMARY KEY, b text)'', i); END LOOP; END'", role=database.owner)
    database.execute("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) SELECT i::text, i::text, '{}' FROM generate_series(1, 5000) i")
    database.execute("INSERT INTO checkpoint_writes SELECT i::text, '', 'x', 't', 0, 'c', 'msgpack', '' FROM generate_series(1, 5000) i")
    # Objects that could cause additional queries: rows without a checkpoint, indexes, and a partitioned table.
    database.execute("INSERT INTO checkpoint_blobs SELECT i::text, '', 'c', '1', 'msgpack', '' FROM generate_series(1, 5000) i")
    database.execute("DO 'BEGIN FOR i IN 1..40 LOOP EXECUTE format(''CREATE INDEX i%s ON checkpoint_writes (channel)'', i); END LOOP; END'")
    database.execute("CREATE TABLE parts (a int) PARTITION BY RANGE (a)", role=database.owner)
    database.execute(
        "DO 'BEGIN FOR i IN 1..50 LOOP EXECUTE format(''CREATE TABLE part%s PARTITION OF parts FOR VALUES FROM (%s) TO (%s)'', i, i, i + 1); END LOOP; END'",
        role=database.owner,
    )
    many = queries(database, call_module)
    assert len(many) == len(few)
    without = queries(database, call_module, count_orphans=False)
    assert len(without) < len(many) and not [line for line in without if "pg_relation_size" in line or "NOT EXISTS" in line]
    # Everything is read in one read-only transaction.
    assert not [line for line in many if any(word in line.upper() for word in ("INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP "))]


@pytest.mark.newest
def test_a_standby_and_a_transaction_pooler_can_be_read(standby_pair, replicated, info, pooler):
    primary, standby = standby_pair
    replicated.setup()
    wait_for_replay(primary, standby)
    assert info(replicated, login_port=standby.port)["parity"]["in_parity"] is True
    bouncer = pooler(replicated, "transaction")
    assert info(replicated, login_port=bouncer.port)["parity"]["in_parity"] is True
    replicated.execute("CREATE SCHEMA agents", role=replicated.owner)
    done = info(replicated, login_port=bouncer.port, schema="agents")
    assert done["migrations"]["recorded"] is None and done["postgres"]["tables"] == []


@pytest.mark.newest
def test_rows_that_row_security_hides_are_not_counted_as_zero(database, call_module):
    database.setup()
    database.grant()
    database.execute("INSERT INTO checkpoint_writes VALUES ('t', '', 'none', 'task', 0, 'c', 'msgpack', '')")
    database.execute("ALTER TABLE checkpoint_writes ENABLE ROW LEVEL SECURITY")
    done = assert_succeeded(call_module("checkpoint_schema_info", database.login(database.app)), database)
    assert drifts(done)
    assert done["orphans"]["writes"]["count"] is None
    assert "row-level security" in done["orphans"]["writes"]["reason"]


@pytest.mark.newest
@pytest.mark.parametrize("module", ["checkpoint_schema_info", "checkpoint_schema"])
def test_row_security_on_the_migrations_table_is_reported_with_the_statement_to_run(database, call_module, module):
    database.setup()
    database.grant()
    database.execute("ALTER TABLE checkpoint_migrations ENABLE ROW LEVEL SECURITY")
    statement = 'ALTER TABLE "public"."checkpoint_migrations" DISABLE ROW LEVEL SECURITY;'
    assert statement in assert_refused(call_module(module, database.login(database.app)), database.app.name, databases=[database])["msg"]
    assert drifts(assert_succeeded(call_module("checkpoint_schema_info", database.login()), database))


@pytest.mark.newest
def test_the_arguments_of_a_trigger_are_not_shown(database, call_module):
    database.setup()
    database.execute("CREATE FUNCTION call() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    database.execute("CREATE TRIGGER hook AFTER INSERT ON checkpoints FOR EACH ROW WHEN (NEW.type IS NULL) EXECUTE FUNCTION call('https://h', 'Bearer t0ken')")
    outcome = call_module("checkpoint_schema_info", database.login())
    (found,) = [each for table in assert_succeeded(outcome, database)["postgres"]["tables"] for each in table["attachments"]]
    assert found["definition"].endswith("WHEN ((new.type IS NULL)) EXECUTE FUNCTION public.call(...)")
    assert "t0ken" not in outcome.everything


@pytest.mark.newest
def test_errors_name_what_is_missing(database, call_module):
    assert_refused(call_module("checkpoint_schema_info", database.login(login_db="not_there")), "not_there", databases=[database])
    assert_refused(call_module("checkpoint_schema_info", database.login(schema="not_there")), "not_there", databases=[database])
    assert_refused(call_module("checkpoint_schema_info", database.login(login_password="wr0ng")), "password", databases=[database])
    database.setup()
    outcome = call_module("checkpoint_schema_info", database.login(database.app))
    assert_refused(outcome, database.app.name, "checkpoint_migrations", "SELECT", databases=[database])
