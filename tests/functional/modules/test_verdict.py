# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on real databases and real files with one change each, compared with what PostgresSaver meets in these databases."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3

import psycopg
import pytest
from databases import Database
from model_mutations import file_mutations, mutations
from saver_oracle import TrialDatabase
from schema_mutations import FURTHER, ICU, MORE, SILENT, argued, changes, others
from scope import ALL
from servers import ROOT

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.check_postgresql import check_schema
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import COUNTERPARTS, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.rules import RULES
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.schema import read_file, reference

EXPECTED = {mutation.name: mutation for mutation in mutations()}
EXPECTED_IN_FILES = {mutation.name: mutation for mutation in file_mutations()}
# In the usual scope, the oracle is asked about every twelfth change, and about each rule in test_verdict_reasons.py.
SHARE = 1 if ALL else 12


class Trial(TrialDatabase):
    """A TrialDatabase that compares the verdict with the oracle."""

    def __init__(self, database):
        super().__init__(database)
        self.sqlite = reference()
        self.tried = 0

    def try_out(self, statements, ask=True):
        """(violations, parity, how the verdict and the oracle disagree). None if this server does not support the statements."""
        if isinstance(statements, tuple):
            need, statements = statements
            if need != ICU and self.connection.info.server_version < need * 10000:
                return None
        try:
            try:
                self.change(statements)
            except psycopg.errors.FeatureNotSupported as error:
                assert "ICU is not supported" in str(error), error
                return None
            schema = self.read_schema()
            violations = check_schema(schema)
            return violations, compare(self.sqlite, schema), self.disagreement(violations, getattr(statements, "why", "")) if ask else ""
        finally:
            self.connection.rollback()

    def disagreement(self, violations, why=""):
        """How the verdict differs from what the oracle meets, unless it is argued; or that it does not differ, although it is argued."""
        drift, difference = [violation.rule.name for violation in violations if violation.drift], self.oracle.difference()
        if bool(drift) != bool(difference):
            return "" if why else "the verdict is %s, and the oracle says: %s" % (drift or "no drift", difference)
        return "it is argued (%s), but the oracle agrees: %s" % (why, difference) if why else ""

    def asks(self):
        """Whether to ask the oracle about the next change."""
        self.tried += 1
        return self.tried % SHARE == 0


@pytest.fixture(scope="module")
def trial_database(server):
    database = Database.create(server)
    made = Trial(database)
    yield made
    made.connection.close()
    database.drop()


def disagreement(outcome, rule, severity, table, item):
    """How the outcome of a change differs from the expected one. An empty string if it does not."""
    violations, parity, trouble = outcome
    found = [(violation.rule.name, violation.severity, violation.table, violation.object) for violation in violations]
    if found != [(rule, severity, table, item)]:
        return "found: %s" % found
    if parity.in_parity != (severity == "info"):
        return "in_parity is %s" % parity.in_parity
    verdict = "expected" if severity == "info" else "drift"
    findings = [finding for finding in parity.findings if (finding.table, finding.object, finding.verdict) == (table, item, verdict)]
    if [finding.reason for finding in findings if finding.reason == RULES[rule].explanation] != [RULES[rule].explanation]:
        return "the finding is %s" % findings
    return trouble


def check_each(trial_database, named):
    """Check each (mutation, statements). Returns the number of those that this server supports."""
    wrong, tried = {}, 0
    for mutation, statements in named:
        try:
            outcome = trial_database.try_out(statements, trial_database.asks())
        except psycopg.Error as error:
            wrong[mutation.name] = "cannot be applied: %s" % error
            continue
        if outcome:
            tried += 1
            difference = disagreement(outcome, mutation.rule, mutation.severity, mutation.table, mutation.object)
            if difference:
                wrong[mutation.name] = difference
    assert not wrong, "\n".join("%s: %s" % pair for pair in wrong.items())
    return tried


def test_a_new_schema_is_in_parity_and_works(trial_database):
    violations, parity, trouble = trial_database.try_out("SELECT 1")
    assert violations == [] and parity.in_parity and not trouble


@pytest.mark.parametrize("table", TABLES)
def test_each_change_to_a_table(trial_database, table):
    named = [(EXPECTED["%s: %s" % (table, what)], statements) for what, statements in changes(table)]
    assert len({mutation.name for mutation, _statements in named}) == len(named)
    assert check_each(trial_database, named) > (60 if table == TABLES[0] else 120)


def test_each_change_that_belongs_to_no_single_table(trial_database):
    assert check_each(trial_database, [(EXPECTED[name], statements) for name, statements in others()]) == 18


@pytest.mark.parametrize("rule", list(FURTHER))
def test_other_statements_with_the_same_result(trial_database, rule):
    for statements in FURTHER[rule]:
        outcome = trial_database.try_out(statements, trial_database.asks())
        assert disagreement(outcome, rule, RULES[rule].severity, "checkpoints", "extra") == "", statements


@pytest.mark.parametrize("statements", SILENT)
def test_what_makes_no_difference_is_not_reported(trial_database, statements):
    violations, parity, trouble = trial_database.try_out(statements, trial_database.asks())
    assert violations == [] and parity.in_parity and not trouble


def test_further_changes(trial_database):
    wrong = {}
    for statements, rules in MORE.items():
        why = getattr(statements, "why", "") or next((rule.why for rule in rules if hasattr(rule, "why")), "")
        changed = argued(why, statements) if why else statements
        violations, parity, trouble = trial_database.try_out(changed, trial_database.asks())
        names = [violation.rule.name for violation in violations]
        if sorted(names) != sorted(rules) or trouble or parity.in_parity != all(RULES[name].severity == "info" for name in names):
            wrong[statements] = (names, trouble)
    assert not wrong, "\n".join("%s: %s" % pair for pair in wrong.items())


def test_the_documentation_states_how_many_changes_the_oracle_is_asked_about():
    number = sum(len(list(changes(table))) for table in TABLES) + len(list(others())) + sum(map(len, FURTHER.values())) + len(SILENT) + len(MORE)
    page = (ROOT / "docs" / "docsite" / "rst" / "guide_parity.rst").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) changes to a real database", page) == [str(number)]


def test_mutations_without_a_real_counterpart():
    """All other mutations have a real counterpart."""
    real = {"%s: %s" % (table, what) for table in TABLES for what, _statements in changes(table)} | {name for name, _statements in others()}
    reached = {EXPECTED[name].rule for name in real}
    assert {mutation.rule for mutation in EXPECTED.values()} - reached == {
        "index building",  # needs a second session; tested in test_info_postgres.py
        "table not on path",  # then no table is on the path; see below
        # Tested in test_verdict_roles.py, since they apply to another session or another database.
        "database encoding",
        "role encoding",
        "role read-only",
        "sequence denied",
    }
    assert len(real) > 400


def test_a_search_path_without_the_schema(trial_database):
    violations, parity, _trouble = trial_database.try_out("CREATE SCHEMA other; SET LOCAL search_path = other")
    assert [(violation.rule.name, violation.table) for violation in violations] == [("table not on path", table) for table in TABLES]
    assert parity.in_parity


@pytest.mark.parametrize("of", ["ALL TABLES", "TABLES IN SCHEMA public"])
def test_publications_of_every_table(trial_database, of):
    violations, parity, trouble = trial_database.try_out("CREATE PUBLICATION extra FOR %s" % of)
    assert [(violation.rule.name, violation.table) for violation in violations] == [("publication harmless", table) for table in TABLES]
    assert parity.in_parity and not trouble
    statements = "ALTER TABLE checkpoint_blobs REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR %s" % of
    violations, parity, _trouble = trial_database.try_out(statements)
    assert [(violation.table, violation.object) for violation in violations if violation.drift] == [("checkpoint_blobs", "extra")] and not parity.in_parity


OLD = "(thread_id TEXT NOT NULL, thread_ts TEXT NOT NULL, parent_ts TEXT, checkpoint BLOB, metadata BLOB, PRIMARY KEY (thread_id, thread_ts))"


def file_changes(name, ddl):
    """(name, script) for a table of a file. ddl: upstream's own CREATE TABLE."""
    columns = [line.strip().rstrip(",") for line in ddl.split("\n") if line.strip().split(" ")[0].islower()]
    key = ddl[ddl.index("PRIMARY KEY") :]

    def instead(text):
        return "DROP TABLE %s; %s" % (name, text)

    def worded(old, new):
        assert ddl.count(old) == 1, (old, ddl)
        return instead(ddl.replace(old, new))

    yield "a view", instead("CREATE VIEW %s AS SELECT 1 AS thread_id" % name)
    yield "a virtual table", instead("CREATE VIRTUAL TABLE %s USING fts5(thread_id)" % name)
    yield "with thread_ts", instead("CREATE TABLE %s %s" % (name, OLD))
    yield "no key", instead(ddl[: ddl.index("PRIMARY KEY")].rstrip().rstrip(",") + ")")
    yield "wider key", worded(key, key.replace(")", ", type)", 1))
    yield "narrower key", worded(key, "PRIMARY KEY (%s))" % key[key.index("(") + 1 : key.rindex(",")])
    yield "additional column", "ALTER TABLE %s ADD COLUMN extra TEXT" % name
    yield "foreign key", worded(key, key.replace(")", "), FOREIGN KEY (thread_id) REFERENCES threads", 1))
    yield "index", "CREATE INDEX extra ON %s (type)" % name
    yield "unique index", "CREATE UNIQUE INDEX extra ON %s (type) WHERE type > ''" % name
    yield "trigger", "CREATE TRIGGER extra BEFORE INSERT ON %s BEGIN SELECT 1; END" % name
    for line in columns:
        column, kind = line.split(" ")[:2]
        other = {"TEXT": "INTEGER", "BLOB": "TEXT", "INTEGER": "REAL"}[kind]
        yield "%s as %s" % (column, other), worded(line, line.replace(kind, other, 1))
        if column in re.findall(r"\w+", key):
            yield "%s with NOCASE" % column, worded(line, line + " COLLATE NOCASE")
        else:
            yield "no %s" % column, "ALTER TABLE %s DROP COLUMN %s" % (name, column)
            yield "%s generated" % column, worded(line, "%s %s%s GENERATED ALWAYS AS ('x')" % (column, kind, " NOT NULL" if "NOT NULL" in line else ""))


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """A file that SqliteSaver created and closed, and its CREATE TABLE statements."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = tmp_path_factory.mktemp("sqlite") / "upstream.sqlite"
    with contextlib.closing(sqlite3.connect(str(path), check_same_thread=False)) as connection:
        SqliteSaver(connection).setup()
        return path, dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))


@pytest.fixture
def after(upstream, tmp_path):
    """`after(script)`: the Schema of a file that SqliteSaver created and that the script changed."""
    path = tmp_path / "state.sqlite"

    def make(script):
        for old in tmp_path.glob(path.name + "*"):
            old.unlink()
        shutil.copy(upstream[0], path)
        with contextlib.closing(sqlite3.connect(str(path))) as connection:
            connection.executescript(script)
        return read_file(str(path))[0]

    return make


@pytest.mark.newest
def test_each_change_to_a_file(trial_database, upstream, after):
    postgres = trial_database.read_schema()
    trial_database.connection.rollback()
    made = {"no %s" % name: "DROP TABLE %s" % name for name, _counterpart in COUNTERPARTS}
    made.update({"additional table": "CREATE TABLE notes (a)", "additional view": "CREATE VIEW notes AS SELECT 1"})
    for name, _counterpart in COUNTERPARTS:
        made.update({"%s: %s" % (name, what): script for what, script in file_changes(name, upstream[1][name])})
    assert set(EXPECTED_IN_FILES) - set(made) == set(), "each mutation has its real counterpart"
    wrong = {}
    for name, script in made.items():
        mutation = EXPECTED_IN_FILES[name]
        parity = compare(after(script), postgres)
        verdict = "expected" if mutation.severity == "info" else "drift"
        found = [(each.table, each.object) for each in parity.findings if each.verdict == verdict and each.reason == RULES[mutation.rule].explanation]
        if (mutation.table, mutation.object) not in found or parity.in_parity != (mutation.severity == "info") or len(parity.drift) > 1:
            wrong[name] = (found, [(each.table, each.object, each.reason) for each in parity.drift])
    assert not wrong, "\n".join("%s: %s" % pair for pair in wrong.items())
    assert len(made) > 60


ALIKE = (
    "names in another case",
    "STRICT",
    "WITHOUT ROWID",
    "descending key",
    "key in another order",
    "varchar",
    "no type",
    "checks",
    "no defaults",
    "nullable",
    "quoted names",
)


@pytest.mark.newest
@pytest.mark.parametrize("what", ALIKE)
def test_equivalent_tables_in_a_file(trial_database, upstream, after, what):
    """Rows that a saver wrote to such a file can be imported."""
    postgres = trial_database.read_schema()
    trial_database.connection.rollback()
    ddl = upstream[1]["writes"]
    key = ddl[ddl.index("PRIMARY KEY") :]
    changed = {
        "names in another case": ddl.replace("thread_id", "Thread_ID").replace("writes", "WRITES"),
        "STRICT": ddl + " STRICT",
        "WITHOUT ROWID": ddl + " WITHOUT ROWID",
        "descending key": ddl.replace(key, key.replace("thread_id", "thread_id DESC")),
        "key in another order": ddl.replace(key, "PRIMARY KEY (idx, task_id, checkpoint_id, checkpoint_ns, thread_id))"),
        "varchar": ddl.replace("TEXT", "varchar(80)").replace("INTEGER", "bigint"),
        "no type": ddl.replace("value BLOB", "value"),
        "checks": ddl.replace(key, "CHECK (idx < 1000), CHECK (json_valid(channel)), %s" % key),
        "no defaults": ddl.replace("DEFAULT ''", ""),
        "nullable": ddl.replace("NOT NULL", ""),
        "quoted names": ddl.replace("thread_id", '"thread_id"').replace("value", "[value]"),
    }[what]
    assert changed != ddl
    parity = compare(after("DROP TABLE writes; %s" % changed), postgres)
    assert parity.drift == []
    assert {finding.object for finding in parity.findings} == {finding.object for finding in compare(after("SELECT 1"), postgres).findings}


# The reasons at level exact for each kind of difference.
WORDING = {
    "name": ("name for SQLite's", "savers call it"),
    "type": ("the same bytes", "stores it as JSON"),
    "nullability": ("only PostgreSQL requires one", "SQLite requires a value"),
    "default": ("the defaults differ",),
    "position": ("added the column at the end",),
}


def longest(left, right):
    """The longest list of names that have the same order on both sides."""
    if not left or not right:
        return []
    if left[0] == right[0]:
        return [left[0]] + longest(left[1:], right[1:])
    return max(longest(left[1:], right), longest(left, right[1:]), key=len)


def literal_differences(file, connection):
    """{(table, object): kinds of difference}, read from both engines without the collection. "only" means that the object exists on one side."""
    found = {}
    pairs, renamed = {"checkpoints": "checkpoints", "writes": "checkpoint_writes"}, {("writes", "value"): "blob"}
    lite = {
        name: [(row[1], row[2], not row[3], row[4]) for row in file.execute("SELECT * FROM pragma_table_info(?) ORDER BY cid", (name,))]
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    }
    full = {}
    for row in connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable = 'YES' AS nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
    ):
        default = row["column_default"] and row["column_default"].split("::")[0]
        full.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"], row["nullable"], default))
    for table in set(full) - set(pairs.values()):
        found[table, table] = {"only"}
    for row in connection.execute("SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname !~ '_pkey$'"):
        found[row["tablename"], row["indexname"]] = {"only"}
    for name, table in pairs.items():
        if name != table:
            found[table, table] = {"name"}
        left = {renamed.get((name, column[0]), column[0]): column for column in lite[name]}
        right = {column[0]: column for column in full[table]}
        assert set(left) == set(right)
        in_order = longest(list(left), list(right))
        for column in left:
            one, other = left[column], right[column]
            kinds = {kind for kind, index in (("name", 0), ("nullability", 2), ("default", 3)) if one[index] != other[index]}
            kinds |= {"type"} if one[1].lower() != other[1] else set()
            kinds |= {"position"} if column not in in_order else set()
            if kinds:
                found[table, column] = kinds
    return found


def test_exact_lists_each_literal_difference_and_nothing_else(trial_database, upstream):
    with contextlib.closing(sqlite3.connect(str(upstream[0]))) as file:
        expected = literal_differences(file, trial_database.connection)
    parity = compare(read_file(str(upstream[0]))[0], trial_database.read_schema(), "exact")
    trial_database.connection.rollback()
    reported = {}
    for finding in parity.drift:
        kinds = {kind for kind, words in WORDING.items() if any(word in finding.reason for word in words)}
        reported[finding.table, finding.object] = {"only"} if finding.sqlite == "nothing" else kinds
        assert finding.reason.startswith("literally different: ") and len(finding.reason) > 30
    assert reported == expected
    assert not parity.in_parity and len(expected) == 10
    identical = {(finding.table, finding.object) for finding in parity.findings if finding.verdict == "identical"}
    assert not identical & set(expected)
    columns = {("checkpoints", name) for name in ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type")}
    assert identical >= columns | {("checkpoints", "primary key"), ("checkpoint_writes", "primary key")}
