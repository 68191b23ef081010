# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_stats_info within its limits: its time, its samples, its privileges, and a session that cannot write."""

from __future__ import annotations

import contextlib
import time

import psycopg
import pytest
from aged_threads import DAY, TABLES, ago, shapes
from assertions import assert_refused, assert_succeeded
from langgraph.checkpoint.base.id import uuid6
from psycopg.rows import dict_row
from scope import usual
from servers import wait_for_replay

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql import session as sessions
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.catalog import read
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, policy_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics import budget as budgets
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics import gather as gathering
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics import population, prediction, tables
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.limits import Limits
from ansible_collections.stateops.langgraph.plugins.module_utils._verify import orphans

pytestmark = pytest.mark.newest

THREADS, LENGTH = 600, 5
# Half of the threads are two days old, the other ones 50 days; every tenth one waits. Each checkpoint is in a new version of its only channel.
FILL = """
INSERT INTO checkpoints (thread_id, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT thread, id, NULL, jsonb_build_object('v', 4, 'id', id, 'channel_values', '{{}}'::jsonb, 'channel_versions', jsonb_build_object('messages', id)),
       '{{"source": "loop", "step": 1, "parents": {{}}}}'
FROM made;
INSERT INTO checkpoint_blobs SELECT thread, '', 'messages', id, 'bytes', decode(repeat(md5(id), 20), 'hex') FROM made;
INSERT INTO checkpoint_writes
SELECT thread, '', id, 'task', 0, CASE WHEN number %% 10 = 0 THEN '__interrupt__' ELSE 'messages' END, 'bytes', '\\x00', '' FROM made;
"""
MADE = """
CREATE TEMPORARY TABLE made AS
SELECT number, 'thread-' || number AS thread,
  substr(ticks, 1, 8) || '-' || substr(ticks, 9, 4) || '-6' || substr(ticks, 13) || '-8000-' || lpad(to_hex(number), 12, '0') AS id
FROM generate_series(1, %(threads)s) AS number, generate_series(1, %(length)s) AS step,
  LATERAL (SELECT %(now)s - CASE WHEN number %% 2 = 0 THEN 2 ELSE 50 END * 86400 + step AS seconds) AS s,
  LATERAL (SELECT lpad(to_hex(((seconds + 12219292800)::numeric * 10000000)::bigint), 15, '0') AS ticks) AS t
"""


def fill(database, threads=THREADS, length=LENGTH, analyze=True):
    with database.connect() as connection:
        connection.execute(MADE, {"threads": threads, "length": length, "now": int(time.time())})
        for statement in FILL.replace("{{", "{").replace("}}", "}").replace("%%", "%").split(";")[:3]:
            connection.execute(statement)
        if analyze:
            connection.execute("ANALYZE")


@contextlib.contextmanager
def session(database):
    """A connection like the module's."""
    with psycopg.connect(database.conninfo(database.app, "pg_catalog"), autocommit=True, row_factory=dict_row) as connection:
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def gathered(connection, budget=None, **options):
    """What gather() returns, with a budget that the test controls."""
    defaults = {name: option.get("default") for name, option in policy_argument_spec().items()}
    params = {"days": 60, "show_threads": True, "orphan_grace": 0, "time_limit": 600, "statement_timeout": 0, **options}
    with sessions.snapshot(connection) as path:
        schema = read(connection, "public", path).schema
    return gathering.gather(connection, schema, params, Policy.of(dict(defaults, **{name: options[name] for name in defaults if name in options})), budget)


class LateBudget(budgets.Budget):
    """A budget whose time for some shares is over immediately. late: these shares."""

    def __init__(self, connection, *late):
        super().__init__(connection, 600)
        self.late = late

    def until(self, share):
        super().until(share)
        if share in getattr(self, "late", ()):
            self.deadline = self.clock() - 1


def close(found, expected, tolerance=0.35):
    assert abs(found - expected) <= tolerance * expected, (found, expected)


@pytest.fixture
def small_samples(monkeypatch):
    """Tables of more than 8 pages count as large, and samples have 40 pages."""
    for module in (budgets, tables, orphans):
        monkeypatch.setattr(module, "COUNTED_WHOLE", 8)
    for module in (budgets, orphans):
        monkeypatch.setattr(module, "SAMPLES", (40, 8))


def test_large_tables_are_sampled_and_the_figures_say_so(ready, small_samples):
    """Without time to read all threads, the figures come from a sample that is neither biased by the length of the threads nor by their ids."""
    fill(ready)
    # One thread with as many checkpoints as all others: it must not count as many threads.
    ready.execute(
        "INSERT INTO checkpoints SELECT 'huge', '', left(checkpoint_id, 24) || lpad(to_hex(row_number() OVER ()), 12, '0'), NULL, NULL, checkpoint, metadata"
        " FROM checkpoints"
    )
    ready.execute("ANALYZE")
    with session(ready) as connection:
        found = gathered(connection, LateBudget(connection, gathering.ALL_THREADS), older_than="30d").figures
    for name, expected in (("threads", THREADS + 1), ("namespaces", THREADS + 1), ("waiting", THREADS / 10)):
        assert found[name]["method"] == "sample" and 0 < found[name]["sampled_percent"] < 60, name
        close(found[name]["value"], expected, 0.35 if name != "waiting" else 0.7)
    assert found["checkpoints"]["method"] == "estimate"
    close(found["checkpoints"]["value"], 2 * THREADS * LENGTH, 0.02)
    assert found["ages"]["method"] == "sample" and found["ages"]["no_checkpoint"] is None
    histogram = {each["over_days"]: each["threads"] for each in found["ages"]["histogram"]}
    close(histogram[1], THREADS / 2)
    close(histogram[30], THREADS / 2)
    assert found["growth"]["method"] == "sample"
    close(sum(each["checkpoints"] for each in found["growth"]["days"]), THREADS * LENGTH, 0.4)
    assert found["largest_threads"]["method"] == "sample"
    # The largest thread is found, and then measured.
    assert found["largest_threads"]["threads"][0]["thread"] == "huge"
    assert found["largest_threads"]["threads"][0]["checkpoints"] == THREADS * LENGTH and found["largest_threads"]["threads"][0]["method"] == "exact"
    assert found["largest_channels"]["method"] == "sample" and found["largest_channels"]["channels"][0]["channel"] == "messages"
    close(found["largest_channels"]["channels"][0]["bytes"], THREADS * LENGTH * 370)
    assert found["delta_channel"] == {"value": 0, "method": "sample", "sampled_percent": found["delta_channel"]["sampled_percent"], "reason": None}
    # All pages are read for the prediction, as there is time for them.
    assert found["retention"]["method"] == "exact" and found["retention"]["threads"]["considered"] == THREADS + 1


def test_all_threads_are_read_if_there_is_time(ready, small_samples):
    fill(ready)
    with session(ready) as connection:
        found = gathered(connection).figures
    assert found["threads"] == {"value": THREADS, "method": "exact", "sampled_percent": None, "reason": None}
    assert (found["waiting"]["value"], found["waiting"]["method"]) == (THREADS // 10, "exact")
    assert sum(each["checkpoints"] for each in found["growth"]["days"]) == THREADS * LENGTH and found["growth"]["method"] == "exact"


def test_a_table_that_was_never_analyzed_is_sampled(ready, small_samples):
    fill(ready, analyze=False)
    with session(ready) as connection:
        rows = gathered(connection).figures["tables"]["checkpoints"]["rows"]
    assert rows["method"] == "sample" and 0 < rows["sampled_percent"] < 100
    close(rows["value"], THREADS * LENGTH, 0.1)


def test_a_prediction_that_does_not_end_in_time_is_that_of_a_sample(ready, monkeypatch):
    """The threads that were examined, extrapolated. Lists of threads would suggest that they are complete."""
    fill(ready)
    monkeypatch.setattr(population, "RESERVOIR", 200)
    monkeypatch.setattr(population.Reservoir.__init__, "__defaults__", (200,))
    with session(ready) as connection:
        found = gathered(connection, LateBudget(connection, gathering.PREDICTION), older_than="30d", waiting="delete").figures["retention"]
    assert found["method"] == "sample" and found["sampled_percent"] == pytest.approx(100 * 200 / THREADS, 0.01)
    assert found["threads"]["considered"] == THREADS
    close(found["threads"]["deleted"], THREADS / 2, 0.25)
    close(found["rows"]["checkpoints"], THREADS * LENGTH / 2, 0.25)
    assert found["deleted_threads"] is found["oldest_left"] is None


SHARES = ("TABLES", "LARGEST", "ALL_THREADS", "SOME_THREADS", "GROWTH", "DELTA", "ORPHANS", "PREDICTION", "PREDICTION_SAMPLE")


def test_without_time_every_figure_is_null_and_has_a_reason(ready, monkeypatch):
    fill(ready, analyze=False)
    monkeypatch.setattr(gathering, "SHORTEST", 0.001)
    with session(ready) as connection:
        facts = gathered(connection, LateBudget(connection, *(getattr(gathering, name) for name in SHARES)), older_than="30d")
    found = facts.figures
    for name in ("threads", "namespaces", "waiting", "unfinished", "delta_channel", "checkpoints"):
        assert found[name]["value"] is None and found[name]["method"] is None and "time_limit" in found[name]["reason"], name
    for name, value in (("ages", "histogram"), ("growth", "days"), ("largest_threads", "threads"), ("largest_channels", "channels"), ("retention", "threads")):
        assert found[name][value] is None and "time_limit" in found[name]["reason"], name
    # The sizes come from the catalog.
    assert found["bytes"] == ready.execute("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname LIKE 'checkpoint%%' AND relkind = 'r'")[0][0]
    # A limit on a figure that is not known is not passed.
    exceeded = Limits.of({"waiting_threads": 1000, "oldest_age": "1000d", "bytes": "1TB"}).exceeded(found, facts.now, facts.oldest)
    assert [each["limit"] for each in exceeded] == ["oldest_age", "waiting_threads"]
    assert all("could not be checked" in each["message"] and "Raise time_limit" in each["message"] for each in exceeded)


@pytest.mark.parametrize("kind", usual(["GROWTH", "DELTA", "LARGEST"]))
def test_a_group_that_has_no_time_leaves_the_others_alone(ready, kind):
    fill(ready, threads=50)
    with session(ready) as connection:
        found = gathered(connection, LateBudget(connection, getattr(gathering, kind))).figures
    missing = {name for name in ("growth", "delta_channel", "largest_threads", "largest_channels", "threads", "ages") if found[name]["method"] is None}
    assert missing == {"GROWTH": {"growth"}, "DELTA": {"delta_channel"}, "LARGEST": {"largest_threads", "largest_channels"}}[kind]


def test_a_statement_that_takes_too_long_is_ended(ready):
    """The server enforces it: a single statement cannot exceed the remaining time."""
    with session(ready) as connection:
        budget = budgets.Budget(connection, 0.5)
        began = time.monotonic()
        with pytest.raises(budgets.OutOfTime):
            budget.rows("SELECT pg_sleep(30)", {})
        assert time.monotonic() - began < 5
        with pytest.raises(budgets.OutOfTime):
            budget.rows("SELECT 1", {})
        budget = budgets.Budget(connection, 60, statement_timeout=0.3)
        with pytest.raises(budgets.OutOfTime):
            budget.rows("SELECT pg_sleep(30)", {})
        assert budget.rows("SELECT 1 AS one", {}) == [{"one": 1}]


def test_a_big_table_and_a_second(ready, call_module):
    """30000 threads cannot be read in a second. The module returns nevertheless, and each figure says what it is."""
    fill(ready, threads=30000, length=3)
    args = ready.login(ready.app, time_limit=1, older_than="30d", limits={"bytes": "1GB"})
    began = time.monotonic()
    found = assert_succeeded(call_module("checkpoint_stats_info", args), ready)
    assert found["seconds"] < 6 and time.monotonic() - began < 30
    assert found["bytes"] > 10**7 and found["retention"]["method"] != "exact"
    assert found["threads"]["method"] in ("sample", None)
    if found["threads"]["method"]:
        close(found["threads"]["value"], 30000)
    for name in ("namespaces", "waiting", "unfinished", "delta_channel"):
        assert (found[name]["value"] is None) is bool(found[name]["reason"]) and found[name]["method"] != "exact", name


def test_a_role_that_may_only_read(ready, call_module):
    """SELECT on the three tables is enough. Without it, the message has the statement that grants it."""
    with ready.saver() as saver, ago(40 * DAY):
        for number in range(3):
            shapes(saver)["waits"].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": "t%d" % number}})
    reader = ready.role("reader_" + ready.name[3:])
    args = ready.login(reader, older_than="30d")
    assert_refused(call_module("checkpoint_stats_info", args), 'GRANT SELECT ON "public"."checkpoints" TO "%s"' % reader.name, databases=[ready])
    for table in TABLES:
        ready.execute('GRANT SELECT ON %s TO "%s"' % (table, reader.name))
    found = assert_succeeded(call_module("checkpoint_stats_info", args), ready)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ready.execute("DELETE FROM checkpoints", role=reader)
    assert (found["waiting"]["value"], found["retention"]["kept"]["waiting"]) == (3, 3)
    # This role may not read the migrations table, and nobody analyzed it.
    assert found["tables"]["checkpoint_migrations"]["rows"]["value"] is None
    assert "may not read" in found["tables"]["checkpoint_migrations"]["rows"]["reason"]
    # The same figures as for the application.
    other = assert_succeeded(call_module("checkpoint_stats_info", ready.login(ready.app, older_than="30d")), ready)
    for name in ("threads", "ages", "waiting", "growth", "largest_threads", "largest_channels", "orphans", "retention"):
        assert found[name] == other[name], name


WRITES = """
CREATE TABLE called (who name);
GRANT INSERT ON called TO PUBLIC;
CREATE FUNCTION pg_catalog.width_bucket(text, text[]) RETURNS int LANGUAGE plpgsql AS
'BEGIN INSERT INTO public.called VALUES (current_user); RETURN 1; END'
"""


def test_every_transaction_is_read_only(ready, call_module):
    """Whatever a query calls cannot write: here a superuser has replaced a function that the module uses. Without the setting, the function would write."""
    fill(ready, threads=5)
    ready.execute(WRITES)
    done = call_module("checkpoint_stats_info", ready.login(ready.app))
    assert_refused(done, "read-only transaction", databases=[ready])
    assert ready.execute("SELECT * FROM called") == []
    with session(ready) as connection:
        connection.execute("SET default_transaction_read_only = off")
        gathered(connection)
    assert {row[0] for row in ready.execute("SELECT * FROM called")} == {ready.app.name}


def test_a_login_that_can_only_read(ready, call_module):
    fill(ready, threads=5)
    ready.execute('ALTER ROLE "%s" SET default_transaction_read_only = on' % ready.app.name)
    assert assert_succeeded(call_module("checkpoint_stats_info", ready.login(ready.app, older_than="30d")), ready)["threads"]["value"] == 5


def test_a_hot_standby(standby_pair, replicated, call_module):
    primary, standby = standby_pair
    replicated.setup()
    replicated.grant()
    fill(replicated, threads=20)
    wait_for_replay(primary, standby)
    args = replicated.login(replicated.app, login_host=standby.host, login_port=standby.port, older_than="30d")
    found = assert_succeeded(call_module("checkpoint_stats_info", args), replicated)
    assert found["threads"]["value"] == 20 and found["retention"]["threads"]["deleted"] == 10


def test_a_pooler_in_transaction_mode_is_refused(ready, call_module, pooler):
    args = ready.login(ready.app)
    proxy = pooler(ready, "transaction")
    assert_refused(call_module("checkpoint_stats_info", dict(args, login_host=proxy.host, login_port=proxy.port)), "pooler in transaction mode")


def test_a_lock_is_not_waited_for(ready, call_module):
    """The message names the session that changes the table, and sessions queue behind the module only for a short time."""
    fill(ready, threads=5)
    with ready.connect(autocommit=False) as blocker:
        blocker.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        assert_refused(call_module("checkpoint_stats_info", ready.login(ready.app)), "checkpoints", "pid", databases=[ready])
        assert time.monotonic() - began < 20


def test_tables_that_cannot_be_read_are_refused(ready, call_module):
    """Row security would hide rows, and a view would run the code of its owner. What only prevents a migration does not matter."""
    fill(ready, threads=5)
    ready.execute("ALTER TABLE checkpoint_blobs ENABLE ROW LEVEL SECURITY")
    assert_refused(call_module("checkpoint_stats_info", ready.login(ready.app)), "row security", "Nothing was read", databases=[ready])
    ready.execute("ALTER TABLE checkpoint_blobs DISABLE ROW LEVEL SECURITY")
    ready.execute(
        "CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER audit BEFORE INSERT ON checkpoint_writes FOR EACH ROW EXECUTE FUNCTION eat()"
    )
    assert assert_succeeded(call_module("checkpoint_stats_info", ready.login(ready.app)), ready)["threads"]["value"] == 5


def test_session_role(ready, call_module):
    fill(ready, threads=5)
    reader = ready.role("group_" + ready.name[3:], "NOLOGIN")
    for table in TABLES:
        ready.execute('GRANT SELECT ON %s TO "%s"' % (table, reader.name))
    args = ready.login(ready.app, session_role=reader.name)
    assert_refused(call_module("checkpoint_stats_info", args), "session_role", databases=[ready])
    ready.execute('GRANT "%s" TO "%s"' % (reader.name, ready.app.name))
    assert assert_succeeded(call_module("checkpoint_stats_info", args), ready)["threads"]["value"] == 5


def test_functions_in_the_schema_are_not_called(ready, call_module):
    """The owner of a function in the schema would otherwise run code with the rights of whoever gathers the facts."""
    fill(ready, threads=5)
    ready.execute(
        "CREATE TABLE called (who name); GRANT INSERT ON called TO PUBLIC;"
        "CREATE FUNCTION public.width_bucket(text, text[]) RETURNS int LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO public.called VALUES (current_user); RETURN 1; END'"
    )
    ready.execute('ALTER ROLE "%s" SET search_path = public, pg_catalog' % ready.app.name)
    found = assert_succeeded(call_module("checkpoint_stats_info", ready.login(ready.app)), ready)
    assert found["growth"]["method"] == "exact" and ready.execute("SELECT * FROM called") == []


def put(saver, thread):
    checkpoint = {"v": 4, "ts": "", "id": str(uuid6(clock_seq=-2)), "channel_values": {}, "channel_versions": {}, "versions_seen": {}}
    return saver.put({"configurable": {"thread_id": thread, "checkpoint_ns": ""}}, checkpoint, {"source": "loop", "step": 1}, {})


def test_hostile_names_are_data(ready, call_module):
    """Quotes, percent signs and braces in ids and names of channels."""
    names = ["a%s", "{x}", "'; DROP TABLE checkpoints; --", "\u00e4\U0001f600", "x" * 2000]
    with ready.saver() as saver, ago(40 * DAY):
        for name in names:
            saver.put_writes(put(saver, name), [(name[:500], [1])], "task")
    found = assert_succeeded(call_module("checkpoint_stats_info", ready.login(ready.app, show_threads=True, older_than="30d")), ready)
    assert sorted(each["thread"] for each in found["largest_threads"]["threads"]) == sorted(names)
    assert sorted(each["channel"] for each in found["largest_channels"]["channels"]) == sorted(name[:200] for name in names)
    assert prediction.NUMBERS and found["retention"]["threads"]["deleted"] == 5
