# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks before a module runs in a virtualenv. Functional tests run modules in one."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import enter as entering
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter, require

PACKAGES = entering.PACKAGES


@pytest.fixture
def folder(tmp_path):
    """A directory that looks like a virtualenv and whose Python runs."""
    venv = tmp_path / "venv"
    site = venv / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "a.pth").write_text("", encoding="utf-8")
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text("", encoding="utf-8")
    return venv


def error_of(function, *arguments):
    with pytest.raises(ModuleError) as found:
        function(*arguments)
    return found.value


def test_a_missing_virtualenv_may_be_created_later(tmp_path):
    found = error_of(entering._python, str(tmp_path / "venv"))
    assert isinstance(found, PrerequisiteMissing)
    assert found.message == "The virtualenv %s does not exist. Create it, for example with the role stateops.langgraph.checkpointer." % (tmp_path / "venv")


def test_paths_that_are_not_a_virtualenv(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for name, part in (("file", "is not a directory"), ("dangling", "is not a directory"), ("folder", "has no bin/python")):
        found = error_of(entering._python, str(tmp_path / name))
        assert not isinstance(found, PrerequisiteMissing) and part in found.message


@pytest.mark.parametrize("status", [1, 127])
def test_a_python_that_fails(folder, monkeypatch, status):
    monkeypatch.setattr(entering, "_reject_writable_by_others", lambda virtualenv: None)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").write_text("#!/bin/sh\nexit %d\n" % status, encoding="utf-8")
    os.chmod(str(folder / "bin" / "python"), 0o755)
    assert "does not run (exit status %d). Create the virtualenv again." % status in error_of(entering._python, str(folder)).message


def test_a_python_that_cannot_be_started(folder, monkeypatch):
    monkeypatch.setattr(entering, "_reject_writable_by_others", lambda virtualenv: None)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").write_bytes(b"\x7fELF, but not really")
    os.chmod(str(folder / "bin" / "python"), 0o755)
    assert "does not run: " in error_of(entering._python, str(folder)).message


def test_a_dangling_python(folder):
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/usr/bin/python0")
    assert "has no bin/python" in error_of(entering._python, str(folder)).message


PLACES = ["", "bin", "pyvenv.cfg", "lib", "lib/python3.11", "lib/python3.11/site-packages", "lib/python3.11/site-packages/a.pth", ".."]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can create a virtualenv that root owns")
class TestAsRoot:
    def test_a_virtualenv_of_root_is_entered(self, folder):
        assert entering._python(str(folder)) == str(folder / "bin" / "python")

    @pytest.mark.parametrize("mode", [0o020, 0o002, 0o022])
    @pytest.mark.parametrize("place", PLACES)
    def test_a_virtualenv_that_others_can_write_is_not_entered(self, folder, place, mode):
        path = str(folder / place) if place != ".." else str(folder.parent)
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | mode)
        text = error_of(entering._python, str(folder)).message
        assert text.startswith("Using %s as root would run code that other accounts can write: " % folder)
        assert os.path.realpath(path) in text and "become_user" in text

    @pytest.mark.parametrize("place", PLACES)
    def test_a_virtualenv_of_another_user_is_not_entered(self, folder, place):
        path = str(folder / place) if place != ".." else str(folder.parent)
        os.chown(path, 65534, -1)
        assert "belongs to user 65534" in error_of(entering._python, str(folder)).message

    def test_a_sticky_parent_directory_is_accepted(self, folder):
        os.chmod(str(folder.parent), 0o1777)
        entering._python(str(folder))

    def test_a_package_of_another_user_is_found_through_a_link(self, folder, tmp_path):
        theirs = tmp_path / "theirs.py"
        theirs.write_text("", encoding="utf-8")
        os.chown(str(theirs), 65534, -1)
        (folder / "lib" / "python3.11" / "site-packages" / "theirs.py").symlink_to(theirs)
        assert "belongs to user 65534" in error_of(entering._python, str(folder)).message

    def test_a_dangling_link_is_accepted(self, folder):
        (folder / "lib" / "python3.11" / "site-packages" / "gone.py").symlink_to("/nowhere/at/all")
        entering._python(str(folder))


def test_the_running_python_is_inside_its_own_prefix(tmp_path):
    assert entering._inside(sys.prefix)
    (tmp_path / "link").symlink_to(sys.prefix)
    assert entering._inside(str(tmp_path / "link")) and entering._inside(sys.prefix + "/.")
    assert not entering._inside(str(tmp_path)) and not entering._inside(sys.prefix + "/bin")


@pytest.mark.parametrize("library", ["not_there", "not_there.inside", "json.not_there", "sys.inside", ""])
def test_a_library_that_is_not_found(library):
    assert not entering._found(library)


def test_a_library_that_is_found():
    assert entering._found("json") and entering._found("importlib.util")
    require("json", None)


def test_the_error_for_a_missing_library_contains_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(PACKAGES, "not_there", "not-there[extra]")
    found = error_of(require, "not_there", "/opt/venv")
    assert isinstance(found, PrerequisiteMissing)
    assert found.message == "The library not_there is not installed in /opt/venv. Install it: /opt/venv/bin/python -m pip install 'not-there[extra]'"
    python = sys.executable
    assert error_of(require, "not_there", None).message == (
        "The library not_there is not installed in %s. Install it: %s -m pip install 'not-there[extra]', "
        "or set the option virtualenv to a virtualenv that contains it" % (python, python)
    )


def test_a_python_that_is_too_old_is_reported_before_a_missing_library(monkeypatch):
    monkeypatch.setattr(entering, "OLDEST_PYTHON", (99, 0))
    assert "LangGraph needs 3.10 or newer. Create the virtualenv with a newer Python." in error_of(enter, None, {}, "json").message


def test_if_the_library_is_installed_nothing_is_entered():
    assert enter(None, {}, "json") is None
    assert enter(sys.prefix, {}, "json") is None


def test_options_that_are_too_large_for_the_pipe(folder, monkeypatch):
    monkeypatch.setattr(entering, "_reject_writable_by_others", lambda virtualenv: None)
    text = error_of(enter, str(folder), {"sqlite_schema": {"name": "x" * 50000}}).message
    assert text == "The options are too large to pass to the Python of %s. Set ansible_python_interpreter to %s for this task." % (
        folder,
        folder / "bin" / "python",
    )


def test_a_virtualenv_that_starts_another_python(folder, monkeypatch):
    monkeypatch.setattr(entering, "has_respawned", lambda: True)
    assert "is not the Python of %s" % folder in error_of(enter, str(folder), {}).message
