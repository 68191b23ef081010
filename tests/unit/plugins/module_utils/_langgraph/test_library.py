# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to langgraph-checkpoint-postgres: the installed version, read from real files."""

from __future__ import annotations

import sys

import pytest
import schema_examples as examples
from schema_examples import RELEASES

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import DISTRIBUTION, SOURCE, Library, Migration, library, pruning_saver
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import step_of


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A function that installs a langgraph-checkpoint-postgres with this version and source, as pip would, and hides any other one."""
    elsewhere = [path for path in sys.path if "site-packages" not in path]
    monkeypatch.setattr(sys, "path", [str(tmp_path)] + elsewhere)
    for name in imported():
        monkeypatch.delitem(sys.modules, name)

    def install(version, source, package=""):
        info = tmp_path / ("%s-%s.dist-info" % (DISTRIBUTION.replace("-", "_"), version))
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (DISTRIBUTION, version), encoding="utf-8")
        base = tmp_path / SOURCE
        base.parent.mkdir(parents=True)
        (base.parent / "__init__.py").write_text(package, encoding="utf-8")
        if source is not None:
            base.write_text(source, encoding="utf-8")

    yield install
    # Otherwise, later tests would import these modules instead of the real library. monkeypatch restores only modules that existed before.
    for name in imported():
        del sys.modules[name]


def imported():
    return [name for name in sys.modules if name.split(".")[0] == "langgraph"]


def source_of(statements):
    return '"""Some saver."""\nimport nothing_that_exists\nOTHER = 1\nMIGRATIONS = %r\n\nclass Saver:\n    MIGRATIONS = MIGRATIONS\n' % (statements,)


@pytest.mark.parametrize("release", sorted(RELEASES))
def test_a_library_is_read_from_its_source_without_importing_it(installed, release):
    installed(release, source_of(RELEASES[release][0]), package="raise SystemError('imported')")
    found = library()
    assert found == examples.library(release)
    assert found.newest == len(RELEASES[release][0]) - 1 and found.unknown == []
    assert found.to_dict() == {"name": "langgraph-checkpoint-postgres", "version": release}


def test_a_newer_library_has_migrations_that_the_contract_does_not_know(installed):
    installed("9.9.9", source_of(RELEASES["3.2.0"][0] + ["ALTER TABLE checkpoints ADD COLUMN more text;"]))
    found = library()
    assert found.unknown == [10] and found.newest == 10
    assert found.steps == examples.library().steps


@pytest.mark.parametrize(
    "source",
    [None, "MIGRATIONS = [", "MIGRATIONS: list = ['SELECT 1;']", "MIGRATIONS = list()", "MIGRATIONS = [1, 2]", "x = 1\x00"],
    ids=["no file", "not Python", "annotated", "computed", "not strings", "a NUL"],
)
def test_the_class_is_read_if_the_source_has_no_literal_list(installed, source):
    installed("3.2.0", source, package="class PostgresSaver:\n    MIGRATIONS = ['SELECT 1;']\n")
    assert [migration.sql for migration in library().migrations] == ["SELECT 1;"]


def test_a_library_that_does_not_import_is_rejected(installed):
    installed("3.2.0", None, package="import a_library_that_is_not_there\n")
    with pytest.raises(ModuleError, match="cannot be imported: No module named 'a_library_that_is_not_there'. Install it again: .* --force-reinstall"):
        library()


def test_a_library_without_migrations_is_too_old(installed):
    installed("1.0.0", "x = 1\n", package="class PostgresSaver:\n    pass\n")
    with pytest.raises(ModuleError, match=r"^langgraph-checkpoint-postgres 1.0.0 has no list of migrations; version 1.0.1 or newer is required. Upgrade it.$"):
        library()


@pytest.mark.usefixtures("installed")
def test_a_library_that_is_not_installed_may_be_installed_later():
    with pytest.raises(PrerequisiteMissing, match="The library langgraph-checkpoint-postgres is not installed in .*Install it: .* -m pip install langgraph"):
        library()


@pytest.mark.parametrize(
    "statement, repeatable",
    [(examples.ADD, False), (examples.ADD_AGAIN, True), (examples.NULL, True), ("SELECT 1;", True), ("", True)]
    + [(statement, True) for statement in examples.CREATES + examples.INDEXING],
)
def test_which_migrations_may_run_twice(statement, repeatable):
    assert Migration(0, statement, step_of(statement)).repeatable is repeatable


def test_an_empty_library():
    assert Library("0", ()).newest == -1 and Library("0", ()).steps == ()


@pytest.mark.parametrize("own", [True, False])
def test_a_library_without_prune(installed, own):
    """The base class has a prune() that raises NotImplementedError."""
    prune = "    def prune(self): pass\n"
    installed("3.1.0", "MIGRATIONS = []", "class Base:\n%s\nclass PostgresSaver(Base):\n    def __init__(self, conn): pass\n%s" % (prune, prune if own else ""))
    if own:
        assert type(pruning_saver(None)).__name__ == "PostgresSaver"
        return
    with pytest.raises(ModuleError, match=r"3\.2\.0 or newer.*3\.1\.0 is installed.*pip install"):
        pruning_saver(None)
