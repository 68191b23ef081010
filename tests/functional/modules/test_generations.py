# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each database that a published release creates, complete or interrupted: the verdict, the pending migrations, and the upgrade to the current schema.

This file reads from the catalog what is missing, with its own queries, and compares the module's results with that.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from assertions import CheckAndApply, assert_refused, assert_succeeded
from databases import MIGRATIONS_TABLE, TABLES
from generations import POSTGRES, RECORDED_ROW, SHALLOW, migrate, recorded_versions, recording, replay, sent, shallow, statements
from scope import usual

NEWEST = POSTGRES[-1]
FINAL = recording(NEWEST)["savers"]["PostgresSaver"]["catalog"]
# What each entry of the current MIGRATIONS creates: (table, object).
EFFECTS = [
    (MIGRATIONS_TABLE, MIGRATIONS_TABLE),
    ("checkpoints", "checkpoints"),
    ("checkpoint_blobs", "checkpoint_blobs"),
    ("checkpoint_writes", "checkpoint_writes"),
    ("checkpoint_blobs", "blob"),
    None,
    ("checkpoints", "checkpoints_thread_id_idx"),
    ("checkpoint_blobs", "checkpoint_blobs_thread_id_idx"),
    ("checkpoint_writes", "checkpoint_writes_thread_id_idx"),
    ("checkpoint_writes", "task_path"),
]


def missing(database):
    """The effects that are missing in the catalog. If a table is missing, all of its effects are missing."""
    shape = database.shape()
    tables = {name for name in (*TABLES, MIGRATIONS_TABLE) if any(line.startswith("column %s." % name) for line in shape)}
    found = set()
    for effect in filter(None, EFFECTS):
        table, name = effect
        if table not in tables:
            there = False
        elif name == "blob":
            there = "column checkpoint_blobs.blob bytea" in shape
        elif name == "task_path":
            there = any(line.startswith("column checkpoint_writes.task_path ") for line in shape)
        elif name.endswith("_idx"):
            there = "INDEX %s ON public.%s USING btree (thread_id)" % (name, table) in shape
        else:
            there = True
        if not there:
            found.add(effect)
    return found


def rows(database):
    """The rows of the migrations table. An empty list if there is no such table."""
    return [row[0] for row in database.execute("SELECT v FROM %s ORDER BY v" % MIGRATIONS_TABLE)] if MIGRATIONS_TABLE in database.tables() else []


def drift(result):
    return {(finding["table"], finding["object"]) for finding in result["parity"]["findings"] if finding["verdict"] == "drift"}


def judge(database, call):
    """The module's verdict agrees with the catalog, whatever the migrations table contains. Returns what is pending."""
    gone, recorded = missing(database), rows(database)
    top = max(recorded, default=-1)
    done = assert_succeeded(call("checkpoint_schema_info", database.login()), database)
    absent = {table for table, name in gone if table == name}
    assert drift(done) == {(table, name) for table, name in gone if table not in absent or table == name}
    assert done["parity"]["in_parity"] is (not gone)
    assert all(finding["reason"] for finding in done["parity"]["findings"] if finding["verdict"] != "identical")
    migrations = done["migrations"]
    assert migrations["recorded"] == (top if recorded else None) and migrations["expected"] == len(EFFECTS) - 1
    pending = {entry["version"]: entry["reason"] for entry in migrations["pending"]}
    assert sorted(pending) == [number for number, effect in enumerate(EFFECTS) if number > top or effect in gone]
    for number, reason in pending.items():
        assert (reason == "not recorded") is (number > top)
        assert number > top or EFFECTS[number][1] in reason
    assert [entry["sql"] for entry in migrations["pending"]] == [statements(NEWEST)[number].strip() for number in sorted(pending)]
    return pending


def judge_and_repair(database, call):
    """The verdict is correct, and checkpoint_schema upgrades the database as predicted, once."""
    recorded = rows(database)
    pending = judge(database, call)
    done = CheckAndApply(call).apply(database, database.login())
    assert done["changed"] is bool(pending)
    assert {entry["version"] for entry in done["migrations"]["pending"]} == set(pending)
    assert [entry["version"] for entry in done["migrations"]["applied"]] == [number for number, reason in pending.items() if reason == "not recorded"]
    assert missing(database) == set()
    assert rows(database) == sorted(set(recorded) | {number for number, reason in pending.items() if reason == "not recorded"})
    return done


@pytest.mark.parametrize("release", POSTGRES)
def test_each_generation_is_judged_and_upgraded(database, call_module, release):
    migrate(database, release)
    # The recording was made on one server version. It is valid for the others.
    made = recording(release)["savers"]["PostgresSaver"]
    assert (rows(database), database.shape()) == (made["migrations"], made["catalog"])
    judge_and_repair(database, call_module)
    assert database.shape() == FINAL
    assert judge(database, call_module) == {}


def overs():
    """Pairs of releases with different results when the second one runs after the first one."""
    seen = {}
    for release in POSTGRES:
        for before, over in recording(release)["over"].items():
            if before != "shallow" and (over["lacks"] or over["error"] or over["migrations"] != recorded_versions(release)):
                seen.setdefault((tuple(over["migrations"]), tuple(over["lacks"]), over["error"]), (before, release))
    return list(seen.values())


@pytest.mark.newest
@pytest.mark.parametrize("before, release", overs())
def test_releases_with_different_numbers(database, call_module, before, release):
    """The setup() of the later release found a version with a different meaning: it omitted a migration, or it failed."""
    migrate(database, before, release)
    over = recording(release)["over"][before]
    assert rows(database) == over["migrations"]
    assert set(recording(release)["savers"]["PostgresSaver"]["catalog"]) - set(database.shape()) == set(over["lacks"])
    judge_and_repair(database, call_module)


class State(NamedTuple):
    """A database on which setup() was interrupted after this many statements of a release."""

    release: str
    steps: int
    saver: str = "PostgresSaver"


def interruptions():
    """Each state that an interrupted setup() of any release can leave, once."""
    seen = {}
    for release in reversed(POSTGRES):
        effects, recorded = [], []
        for steps, (statement, parameters, error) in enumerate(sent(release), 1):
            row = RECORDED_ROW.match(statement)
            text = " ".join(statement.lower().replace("if not exists ", "").split())
            if row:
                recorded.append(parameters[0] if parameters else int(row.group(1)))
            elif text and not text.startswith("select") and text not in effects:
                effects.append(text)
            seen.setdefault((tuple(effects), tuple(recorded)), State(release, steps))
    return list(seen.values())


@pytest.mark.newest
# A fourth of the states, from all releases.
@pytest.mark.parametrize("state", usual(sorted(interruptions(), key=lambda state: state[1] % 4), 7), ids=lambda state: "%s-%d" % state[:2])
def test_an_interrupted_setup_is_judged_and_completed(database, call_module, state):
    migrate(database, state.release, steps=state.steps)
    judge_and_repair(database, call_module)


@pytest.mark.newest
@pytest.mark.parametrize("number", [number for number, effect in enumerate(EFFECTS) if effect and effect[1].endswith("_idx")])
def test_an_interrupted_index_is_judged_and_built_again(database, call_module, number):
    """Interrupted during CREATE INDEX CONCURRENTLY: the index exists and is INVALID, and its version is not recorded."""
    steps = [place for place, entry in enumerate(sent(NEWEST)) if entry[0] == statements(NEWEST)[number]][0] + 1
    migrate(database, NEWEST, steps=steps)
    database.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [EFFECTS[number][1]])
    done = judge_and_repair(database, call_module)
    assert EFFECTS[number][1] in str(done["repaired"])


RECORDED = {
    "empty": [],
    "tables": [0, 1, 2, 3],
    "seven": list(range(8)),
    "eight": list(range(9)),
    "nine": list(range(10)),
    "nine alone": [9],
    "holes": [0, 2, 3, 6],
}


@pytest.mark.newest
@pytest.mark.parametrize("release, numbers", usual([(release, numbers) for release in (NEWEST, "1.0.1", "2.0.8") for numbers in RECORDED], len(RECORDED)))
def test_a_migrations_table_that_is_wrong(database, call_module, release, numbers):
    """Ahead of the catalog, behind it, or with gaps: restored from elsewhere, edited, or written by a release with different numbers."""
    if RECORDED[numbers] == recorded_versions(release):
        return  # the table is correct
    migrate(database, release)
    database.execute("DELETE FROM %s" % MIGRATIONS_TABLE)
    for number in RECORDED[numbers]:
        database.execute("INSERT INTO %s VALUES (%%s)" % MIGRATIONS_TABLE, [number])
    judge_and_repair(database, call_module)


@pytest.mark.newest
@pytest.mark.parametrize("number", [number for number, effect in enumerate(EFFECTS) if effect and number])
def test_a_single_object_that_is_recorded_and_missing(database, call_module, number):
    table, name = EFFECTS[number]
    migrate(database, NEWEST)
    if table == name:
        database.execute("DROP TABLE %s" % table)
    elif name == "blob":
        database.execute("ALTER TABLE %s ALTER blob SET NOT NULL" % table)
    elif name == "task_path":
        database.execute("ALTER TABLE %s DROP COLUMN task_path" % table)
    else:
        database.execute("DROP INDEX %s" % name)
    assert EFFECTS[number] in missing(database)
    done = judge_and_repair(database, call_module)
    assert done["migrations"]["applied"] == [] and name in str(done["repaired"])


@pytest.mark.newest
@pytest.mark.parametrize("release", POSTGRES)
def test_a_migrations_table_of_a_newer_release(database, call_module, release):
    """The version of a newer release. If the schema fits, it is a rollback. If not, only the newer release can repair it."""
    migrate(database, release)
    database.execute("INSERT INTO %s VALUES (12)" % MIGRATIONS_TABLE)
    gone = missing(database)
    done = assert_succeeded(call_module("checkpoint_schema_info", database.login()), database)
    assert done["migrations"]["recorded"] == 12
    assert drift(done) == gone and done["parity"]["in_parity"] is (not gone)
    assert {EFFECTS[entry["version"]] for entry in done["migrations"]["pending"]} == gone
    if gone:
        CheckAndApply(call_module).rejected(database, database.login(), r"\b12\b", r"\b9\b", *[name for _table, name in gone])
    else:
        CheckAndApply(call_module).unchanged(database, database.login())


def shallow_states():
    """Each state of the shallow saver's tables, interrupted or not."""
    seen = {}
    for release in SHALLOW:
        entries = sent(release, "ShallowPostgresSaver")
        first = [place for place, entry in enumerate(entries) if "CREATE TABLE IF NOT EXISTS checkpoints " in entry[0]][0]
        for steps in (first + 1, len(entries)):
            seen.setdefault(tuple(" ".join(entry[0].split()) for entry in entries[:steps]), State(release, steps, "ShallowPostgresSaver"))
    return list(seen.values())


@pytest.mark.parametrize("state", shallow_states(), ids=lambda state: "%s-%d" % state[:2])
def test_the_shallow_savers_tables_are_rejected(database, call_module, state):
    migrate(database, state.release, steps=state.steps, saver=state.saver)
    reject_shallow(database, call_module)


@pytest.mark.newest
@pytest.mark.parametrize("release", SHALLOW)
def test_the_shallow_savers_tables_after_setup_are_rejected(database, call_module, release):
    """setup() itself raises no error or a different one, and records its versions."""
    shallow(database, release=release)
    over = recording(release)["over"]["shallow"]
    entries = [sent(release)[place][:2] + (None,) for place in over["sent"]]
    with database.connect(database.owner, autocommit=True) as connection:
        replay(connection, entries[:-1] + [entries[-1][:2] + (over["error"],)])
    assert rows(database) == over["migrations"]
    reject_shallow(database, call_module)


def reject_shallow(database, call):
    done = assert_succeeded(call("checkpoint_schema_info", database.login()), database)
    assert done["parity"]["in_parity"] is False
    assert ("checkpoints", "checkpoints") in drift(done)
    (finding,) = [finding for finding in done["parity"]["findings"] if (finding["table"], finding["object"]) == ("checkpoints", "checkpoints")]
    assert "shallow" in finding["postgres"] and "ShallowPostgresSaver" in finding["reason"]
    CheckAndApply(call).rejected(database, database.login(), "shallow", "another schema or database")
    assert_refused(call("checkpoint_schema_info", database.login(assert_parity=True)), "shallow", databases=[database])


def test_the_unit_tests_use_the_recorded_migrations():
    from schema_examples import RELEASES

    assert list(RELEASES) == POSTGRES
    assert {release: found for release, (found, _features) in RELEASES.items()} == {release: statements(release) for release in POSTGRES}
