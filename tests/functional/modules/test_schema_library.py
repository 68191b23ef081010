# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema with other releases of the library: the files of the installed release with another list of migrations."""

from __future__ import annotations

import re
import shutil

import pytest
from assertions import assert_refused, assert_succeeded
from complete_schema import INDEXES, assert_complete
from generations import migrate, recorded_versions, statements
from scope import usual
from virtualenvs import site_packages

pytestmark = pytest.mark.newest


@pytest.fixture
def release(linked_venv, target_venv):
    """`release(version, migrations)`: the options for a virtualenv with such a library."""
    here, there = site_packages(linked_venv), site_packages(target_venv)

    def make(version, migrations):
        package = here / "langgraph" / "checkpoint" / "postgres"
        shutil.copytree(there / "langgraph" / "checkpoint" / "postgres", package, ignore=shutil.ignore_patterns("__pycache__"))
        base = package / "base.py"
        text = base.read_text()
        start = text.index("MIGRATIONS = [")
        end = text.index("\n]\n", start) + 3
        base.write_text(text[:start] + ("MIGRATIONS = %r\n" % migrations if migrations is not None else "") + text[end:])
        if migrations is None:
            base.write_text(re.sub(r"MIGRATIONS = MIGRATIONS", "", base.read_text()))
        (info,) = there.glob("langgraph_checkpoint_postgres-*.dist-info")
        copy = here / ("langgraph_checkpoint_postgres-%s.dist-info" % version)
        shutil.copytree(info, copy)
        metadata = copy / "METADATA"
        metadata.write_text(re.sub(r"(?m)^Version: .*$", "Version: " + version, metadata.read_text()))
        return {"virtualenv": str(linked_venv)}

    return make


def test_2_0_12_over_a_database_of_2_0_8(database, check_and_apply, release):
    """The setup() of 2.0.12 finds version 8 recorded, does nothing, and leaves a table that its saver cannot write to."""
    migrate(database, "2.0.8")
    options = release("2.0.12", statements("2.0.12"))
    done = check_and_apply.apply(database, database.login(**options))
    assert done["library"]["version"] == "2.0.12"
    assert done["changed"] is True and done["migrations"]["applied"] == []
    assert "task_path" in str(done["repaired"])
    assert "task_path" in database.columns("checkpoint_writes")


def test_3_0_0_over_a_database_of_2_0_12(database, check_and_apply, release):
    """The setup() of 3.0.0 adds task_path without IF NOT EXISTS, although the column exists."""
    migrate(database, "2.0.12")
    done = check_and_apply.apply(database, database.login(**release("3.0.0", statements("3.0.0"))))
    assert done["changed"] is True and done["migrations"]["after"] == 9
    assert_complete(database)


@pytest.mark.parametrize("name", usual(["1.0.1", "2.0.10", "1.0.2", "2.0.8", "2.0.12", "3.0.0"], 2))
def test_an_older_library_creates_its_own_schema(database, check_and_apply, release, name):
    done = check_and_apply.apply(database, database.login(**release(name, statements(name))))
    assert done["migrations"]["after"] == recorded_versions(name)[-1]
    assert bool(INDEXES & set(database.indexes())) is (recorded_versions(name)[-1] > 4)


def test_a_rollback_to_an_older_library_works(database, check_and_apply, release):
    database.setup()
    result = check_and_apply.unchanged(database, database.login(**release("1.0.2", statements("1.0.2"))))
    assert "9" in str(result["warnings"]) and "1.0.2" in str(result["warnings"])


def test_the_migrations_of_a_newer_library_are_applied_and_not_checked(database, call_module, release):
    from langgraph.checkpoint.postgres.base import MIGRATIONS

    options = release("9.9.0", MIGRATIONS + ["CREATE TABLE IF NOT EXISTS checkpoint_news (id int);", "ALTER TABLE checkpoints ADD COLUMN news text;"])
    database.setup()
    args = database.login(**options)
    plan = assert_succeeded(call_module("checkpoint_schema", args, check=True, diff=True), database)
    done = assert_succeeded(call_module("checkpoint_schema", args, diff=True), database)
    assert plan["changed"] is done["changed"] is True
    assert [entry["version"] for entry in plan["migrations"]["pending"]] == [10, 11]
    assert [entry["version"] for entry in done["migrations"]["applied"]] == [10, 11]
    assert "not" in str(done["warnings"]) and "10" in str(done["warnings"])
    assert "checkpoint_news" in database.tables() and "news" in database.columns("checkpoints")
    again = assert_succeeded(call_module("checkpoint_schema", args), database)
    assert again["changed"] is False
    found = assert_succeeded(call_module("checkpoint_schema_info", args), database)
    assert found["parity"]["in_parity"] is True
    assert found["migrations"] == {"recorded": 11, "expected": 11, "pending": []}


def test_a_newer_library_whose_migration_fails(database, call_module, release):
    from langgraph.checkpoint.postgres.base import MIGRATIONS

    database.setup()
    args = database.login(**release("9.9.0", MIGRATIONS + ["CREATE TABLE checkpoint_news (id int);", "ALTER TABLE nowhere ADD COLUMN news text;"]))
    outcome = call_module("checkpoint_schema", args)
    assert_refused(outcome, "nowhere", "10", databases=[database], changed=True)
    assert database.recorded() == 10


def test_a_library_from_before_migrations(database, call_module, release):
    options = release("1.0.0", None)
    outcome = call_module("checkpoint_schema", database.login(**options))
    assert_refused(outcome, "1.0.0", "1.0.1", "upgrade|migrations", databases=[database])
    assert database.tables() == set()
