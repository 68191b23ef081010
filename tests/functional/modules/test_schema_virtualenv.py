# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How checkpoint_schema enters a virtualenv, and the virtualenvs that it rejects."""

from __future__ import annotations

import os
import shutil

import pytest
from assertions import assert_refused, assert_succeeded
from servers import os_user
from virtualenvs import make_venv, site_packages

pytestmark = pytest.mark.newest


@pytest.fixture
def bare_python(tmp_path):
    """A Python that finds no library, like the system's."""
    return make_venv(tmp_path / "system") / "bin" / "python"


def test_it_continues_in_the_virtualenv(database, call_module, linked_venv, bare_python):
    done = assert_succeeded(call_module("checkpoint_schema", database.login(virtualenv=str(linked_venv)), python=bare_python), database)
    assert done["changed"] is True
    assert database.recorded() == 9


def test_the_named_virtualenv_is_entered_although_another_has_the_library(database, call_module, bare_venv):
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(bare_venv)))
    assert_refused(outcome, str(bare_venv), databases=[database])


def test_a_failure_is_returned_from_the_virtualenv(database, call_module, linked_venv, bare_python):
    outcome = call_module("checkpoint_schema", database.login(database.app, virtualenv=str(linked_venv)), python=bare_python)
    assert_refused(outcome, database.app.name, "create", databases=[database])


def test_a_virtualenv_without_the_library(database, call_module, bare_venv, bare_python):
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(bare_venv)), python=bare_python)
    assert_refused(outcome, str(bare_venv), "psycopg|langgraph-checkpoint-postgres", "pip install", databases=[database])
    assert database.tables() == set()


def test_a_virtualenv_with_only_the_driver(database, call_module, bare_venv, bare_python, target_venv):
    for entry in site_packages(target_venv).iterdir():
        if entry.name.startswith(("psycopg", "typing_extensions")):
            (site_packages(bare_venv) / entry.name).symlink_to(entry)
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(bare_venv)), python=bare_python)
    assert_refused(outcome, str(bare_venv), "langgraph-checkpoint-postgres", "pip install", databases=[database])
    assert database.tables() == set()


def test_a_driver_that_does_not_start(database, call_module, linked_venv, bare_python):
    """The C implementation of psycopg without its shared library, as after an incomplete installation."""
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(linked_venv)), python=bare_python, env={"PSYCOPG_IMPL": "c"})
    assert_refused(outcome, str(linked_venv), "psycopg", databases=[database])


def test_a_library_that_does_not_import(database, call_module, bare_venv, bare_python, target_venv):
    """The library is installed, but its dependencies are not: detected before the first write."""
    for entry in site_packages(target_venv).iterdir():
        if entry.name.startswith(("psycopg", "typing_extensions", "langgraph")):
            (site_packages(bare_venv) / entry.name).symlink_to(entry)
    before = database.snapshot()
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(bare_venv)), python=bare_python)
    assert_refused(outcome, str(bare_venv), "langchain_core", "install", databases=[database])
    assert database.snapshot() == before


def test_no_virtualenv_named_and_no_library(database, call_module, bare_python):
    outcome = call_module("checkpoint_schema", database.login(), python=bare_python)
    assert_refused(outcome, "psycopg|langgraph-checkpoint-postgres", "virtualenv", databases=[database])


def test_a_virtualenv_that_does_not_exist(database, call_module, bare_python, tmp_path):
    args = database.login(virtualenv=str(tmp_path / "none"))
    assert_refused(call_module("checkpoint_schema", args, python=bare_python), str(tmp_path / "none"), databases=[database])
    assert database.tables() == set()


@pytest.mark.parametrize("state", ["absent", "empty"])
def test_check_mode_on_a_bare_host(database, call_module, bare_python, bare_venv, tmp_path, state):
    """An earlier task of the play creates the virtualenv. In check mode, it did not."""
    folder = bare_venv if state == "empty" else tmp_path / "none"
    plan = assert_succeeded(call_module("checkpoint_schema", database.login(virtualenv=str(folder)), python=bare_python, check=True, diff=True), database)
    assert plan["changed"] is True
    assert "cannot be read yet" in plan["msg"] or "not yet" in plan["msg"], plan["msg"]
    assert str(folder) in plan["msg"]


def test_a_file_and_a_directory_that_are_not_a_virtualenv(database, call_module, bare_python, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        outcome = call_module("checkpoint_schema", database.login(virtualenv=str(tmp_path / name)), python=bare_python)
        assert_refused(outcome, str(tmp_path / name), "virtualenv", databases=[database])


@pytest.mark.parametrize("breakage", ["dangling", "not executable", "crashes", "hangs up on import"])
def test_a_python_that_does_not_run(database, call_module, bare_python, bare_venv, breakage):
    python = bare_venv / "bin" / "python"
    python.unlink()
    if breakage == "dangling":
        python.symlink_to("/nonexistent/python")
    elif breakage == "not executable":
        python.write_text("")
    elif breakage == "crashes":
        python.write_text("#!/bin/sh\nexit 3\n")
        python.chmod(0o755)
    else:
        python.symlink_to(os.path.realpath(bare_python))
        (bare_venv / "pyvenv.cfg").write_text("home = /nonexistent\n")
    outcome = call_module("checkpoint_schema", database.login(virtualenv=str(bare_venv)), python=bare_python)
    assert_refused(outcome, str(bare_venv), databases=[database])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can enter another user's virtualenv")
class TestAsRoot:
    """A .pth file is executed with the privileges of the account that enters the virtualenv."""

    @pytest.fixture(autouse=True)
    def trap(self, linked_venv, tmp_path):
        self.sprung = tmp_path / "sprung"
        (site_packages(linked_venv) / "trap.pth").write_text("import os; open(%r, 'w').close()\n" % str(self.sprung))

    def rejected(self, database, call_module, venv, python):
        for check in (False, True):
            outcome = call_module("checkpoint_schema", database.login(virtualenv=str(venv)), python=python, check=check)
            assert_refused(outcome, str(venv), "root", "become_user|owner", databases=[database])
        assert not self.sprung.exists(), "its code ran as root"

    def test_a_virtualenv_of_another_account(self, database, call_module, linked_venv, bare_python):
        for folder, folders, files in os.walk(linked_venv):
            for name in folders + files:
                os.chown(os.path.join(folder, name), os_user().pw_uid, -1, follow_symlinks=False)
        os.chown(linked_venv, os_user().pw_uid, -1)
        self.rejected(database, call_module, linked_venv, bare_python)

    @pytest.mark.parametrize("mode", [0o777, 0o775])
    def test_a_directory_that_others_can_write(self, database, call_module, linked_venv, bare_python, mode):
        site_packages(linked_venv).chmod(mode)
        if mode == 0o775:
            os.chown(site_packages(linked_venv), -1, os_user().pw_gid)
        self.rejected(database, call_module, linked_venv, bare_python)

    def test_a_file_of_another_account(self, database, call_module, linked_venv, bare_python):
        os.chown(site_packages(linked_venv) / "trap.pth", os_user().pw_uid, -1)
        self.rejected(database, call_module, linked_venv, bare_python)

    def test_a_parent_directory_that_another_account_can_write(self, database, call_module, linked_venv, bare_python):
        parent = linked_venv.parent / "shared"
        parent.mkdir()
        moved = shutil.move(str(linked_venv), str(parent / "venv"))
        os.chown(parent, os_user().pw_uid, -1)
        self.rejected(database, call_module, moved, bare_python)
