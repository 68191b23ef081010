# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can change a path, and the code of a virtualenv."""

from __future__ import annotations

import os

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import components, exposed_component
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.trust import exposed_code

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")


@pytest.fixture
def folder(tmp_path):
    """A directory that looks like a virtualenv owned by root."""
    venv = tmp_path / "v[1]*"
    site = venv / "lib" / "python3.11" / "site-packages"
    (site / "package" / "inner").mkdir(parents=True)
    (site / "a.pth").write_text("", encoding="utf-8")
    (site / "package" / "module.py").write_text("", encoding="utf-8")
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to("/usr/bin/python3")
    (venv / "pyvenv.cfg").write_text("include-system-site-packages = false\n", encoding="utf-8")
    return venv


@pytest.fixture
def theirs(tmp_path):
    """A directory of another account."""
    path = tmp_path / "theirs"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    return path


def site(folder):
    return folder / "lib" / "python3.11" / "site-packages"


def test_a_virtualenv_of_root(folder):
    assert exposed_code(str(folder)) is None


@pytest.mark.parametrize("place", ["", "bin", "pyvenv.cfg", "lib", "lib/python3.11", "a.pth", "package", "package/inner", "package/module.py", ".."])
@pytest.mark.parametrize("how", ["owner", "group", "others"])
def test_code_that_another_account_can_change(folder, place, how):
    path = site(folder) / place if place[:1] in ("a", "p") and place != "pyvenv.cfg" else folder / place
    if how == "owner":
        os.chown(path, NOBODY, -1)
    else:
        path.chmod(path.stat().st_mode | (0o020 if how == "group" else 0o002))
    assert exposed_code(str(folder)).path == str(path if place != ".." else folder.parent)


@pytest.mark.parametrize(
    "name, text",
    [
        ("project.pth", "# a comment\nimport os\n%s\n"),
        ("__editable___project_finder.py", "MAPPING: dict[str, str] = {'other': '/nowhere', 'project': '%s/project'}\nNAMESPACES = {}\n"),
    ],
)
def test_directories_that_an_editable_install_names(folder, theirs, name, text):
    (theirs / "project").mkdir()
    (site(folder) / name).write_text(text % theirs, encoding="utf-8")
    assert exposed_code(str(folder)).path == str(theirs)
    os.chown(theirs, 0, 0)
    assert exposed_code(str(folder)) is None
    os.chown(theirs / "project", NOBODY, -1)
    assert exposed_code(str(folder)).path == str(theirs / "project")


def test_a_link_to_a_directory_of_another_account(folder, theirs):
    (site(folder) / "package" / "linked").symlink_to(theirs)
    assert exposed_code(str(folder)).path == str(theirs)


def test_a_dangling_link_names_nothing(folder):
    (site(folder) / "gone.py").symlink_to("/nowhere/at/all")
    assert exposed_code(str(folder)) is None


def test_a_python_of_another_account(folder, theirs):
    (theirs / "python3").symlink_to("/usr/bin/python3")
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(theirs / "python3")
    assert exposed_code(str(folder)).path == str(theirs)


def test_links_are_followed_component_by_component(tmp_path, theirs):
    """If root owns the link /srv, it is accepted. A link in the application's directory is not, whatever its target is."""
    (tmp_path / "real" / "venv").mkdir(parents=True)
    (tmp_path / "srv").symlink_to("real")
    assert exposed_component(str(tmp_path / "srv" / "venv")) is None
    assert [each.path for each in components(str(tmp_path / "srv" / "venv"))][-3:] == [str(tmp_path / name) for name in ("srv", "real", "real/venv")]
    (theirs / "venv").symlink_to(tmp_path / "real" / "venv")
    assert exposed_component(str(theirs / "venv")).path == str(theirs)


def test_a_sticky_directory(tmp_path):
    """In a directory such as /tmp, other accounts cannot replace root's files, but can create files that do not exist yet."""
    (tmp_path / "open" / "venv").mkdir(parents=True)
    (tmp_path / "open").chmod(0o1777)
    assert exposed_component(str(tmp_path / "open" / "venv")) is None
    assert exposed_component(str(tmp_path / "open")).path == str(tmp_path / "open")


def test_a_loop_of_links(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="[Ll]evels of symbolic links"):
        exposed_component(str(tmp_path / "a"))


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
def test_a_pth_file_that_names_a_directory_that_does_not_exist_yet(folder, theirs, tmp_path, prefix):
    """The other account could create it after the check. In a directory that root owns, no other account can."""
    (site(folder) / "project.pth").write_bytes(prefix + os.fsencode(theirs / "absent") + b"\n")
    assert exposed_code(str(folder)).path == str(theirs)
    (site(folder) / "project.pth").write_bytes(prefix + os.fsencode(tmp_path / "absent") + b"\n")
    assert exposed_code(str(folder)) is None
    tmp_path.chmod(0o1777)
    (site(folder) / "project.pth").write_bytes(prefix + os.fsencode(tmp_path / "absent") + b"\n")
    assert exposed_code(str(folder)).path == str(tmp_path)


def test_a_name_in_a_pth_file_that_is_not_utf_8(folder, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xe9"
    os.mkdir(path)
    os.chown(path, NOBODY, -1)
    (site(folder) / "project.pth").write_bytes(path + b"\n")
    assert exposed_code(str(folder)).path == os.fsdecode(path)


def test_a_pth_file_that_is_a_fifo_of_another_account(folder):
    """Root must not wait for a writer: directories are checked before files in them are read."""
    os.mkfifo(site(folder) / "project.pth")
    os.chown(site(folder) / "project.pth", NOBODY, -1)
    assert exposed_code(str(folder)).path == str(site(folder) / "project.pth")


def test_the_python_that_home_names(folder, theirs):
    """With venv --copies, bin/python does not lead to the standard library."""
    (folder / "pyvenv.cfg").write_text("Home = %s/bin\ninclude-system-site-packages = false\n" % theirs, encoding="utf-8")
    assert exposed_code(str(folder)).path == str(theirs)
    os.chown(theirs, 0, 0)
    (theirs / "bin").mkdir()
    (theirs / "lib" / "python3.11").mkdir(parents=True)
    assert exposed_code(str(folder)) is None
    os.chown(theirs / "lib" / "python3.11", NOBODY, -1)
    assert exposed_code(str(folder)).path == str(theirs / "lib" / "python3.11")
