# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root reads a file with the rights of the account that can replace a part of its path."""

from __future__ import annotations

import os
import struct
import subprocess

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.rights import owner_of, rights_of_owner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")

# The ids of accounts and of a group, which need not exist.
APP, OTHER = 54321, 54322
GROUP = 54323


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    (made / "file").write_text("content")
    return made


def give(path, uid, mode=None, gid=0):
    os.lchown(path, uid, gid)
    if mode is not None:
        path.chmod(mode)
    return str(path)


def test_a_path_of_root(folder):
    assert owner_of(str(folder / "file")) == 0
    give(folder / "file", APP)
    assert owner_of(str(folder / "file")) == 0, "the owner of a file cannot replace it"


def test_the_owner_of_a_directory(folder, tmp_path, monkeypatch):
    give(folder, APP, 0o777)
    assert owner_of(str(folder / "file")) == APP
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("")
    assert owner_of(str(folder / "inner" / "file")) == APP
    (tmp_path / "link").symlink_to(folder)
    assert owner_of(str(tmp_path / "link" / "file")) == APP
    monkeypatch.chdir(tmp_path)
    assert owner_of("folder/../link/file") == APP


@pytest.mark.parametrize("target", ["../owned/file", "/proc/self/cwd/owned/file"])
def test_the_owner_of_a_link(folder, tmp_path, monkeypatch, target):
    """The link leads to root's file, but the owner of the link can replace it."""
    folder.rename(tmp_path / "owned")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "link").symlink_to(target)
    assert owner_of(str(tmp_path / "app" / "link")) == 0
    give(tmp_path / "app" / "link", APP)
    assert owner_of(str(tmp_path / "app" / "link")) == APP


def test_directories_of_two_accounts(folder):
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("")
    give(folder, APP)
    give(folder / "inner", OTHER)
    with pytest.raises(ModuleError, match="Both account 54321 and account 54322 can replace parts"):
        owner_of(str(folder / "inner" / "file"))


@pytest.mark.parametrize("mode, gid", [(0o777, 0), (0o775, GROUP), (0o1777, 0)])
def test_a_directory_that_others_can_write(folder, mode, gid):
    give(folder, 0, mode, gid)
    with pytest.raises(ModuleError, match="Accounts other than root can write to the directory .*/folder"):
        owner_of(str(folder / "file"))
    give(folder / "file", APP)
    assert owner_of(str(folder / "file")) == APP
    with pytest.raises(ModuleError, match="absent does not exist"):
        owner_of(str(folder / "absent"))


@pytest.mark.parametrize("mode, gid, accepted", [(0o1777, 0, True), (0o775, 0, True), (0o777, 0, False), (0o775, GROUP, False)])
def test_a_directory_of_root_in_a_directory_that_others_can_write(folder, mode, gid, accepted):
    """As in /tmp: nobody but root can rename root's entries in a directory with the sticky bit. Members of group 0 are trusted."""
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("")
    give(folder, 0, mode, gid)
    if accepted:
        assert owner_of(str(folder / "inner" / "file")) == 0
        return
    with pytest.raises(ModuleError, match="so they can replace .*/inner"):
        owner_of(str(folder / "inner" / "file"))


def test_a_loop_of_links(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ModuleError, match="Too many levels of symbolic links"):
        owner_of(str(tmp_path / "loop"))


def test_the_rights_end_with_the_context(folder):
    """An account that does not exist has no group. Root's supplementary groups are gone as well, and the real user remains root."""
    before = os.getresuid(), os.getresgid(), os.getgroups()
    give(folder, APP)
    with pytest.raises(ZeroDivisionError), rights_of_owner(str(folder / "file")):
        assert (os.getresuid(), os.getegid(), os.getgroups()) == ((0, APP, 0), 65534, [])
        raise ZeroDivisionError
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


def test_root_that_may_not_change_its_user(folder, monkeypatch):
    """As in a container without CAP_SETUID."""

    def forbidden(_uid):
        raise PermissionError(1, "Operation not permitted")

    give(folder, APP)
    seteuid = os.seteuid
    monkeypatch.setattr(os, "seteuid", lambda uid: seteuid(uid) if uid == 0 else forbidden(uid))
    before = os.getegid(), os.getgroups()
    with pytest.raises(ModuleError, match="Root cannot take the rights of account 54321.*become_user"), rights_of_owner(str(folder / "file")):
        pass
    assert (os.getegid(), os.getgroups()) == before


def listed(path, uid):
    """What `setfacl --modify user:UID:rwx` writes: entries of 8 bytes after the version (2): tag, permissions, id."""
    entries = [(0x01, 7, -1), (0x02, 7, uid), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)]
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries))
    except (AttributeError, OSError) as error:
        pytest.skip("access control lists are not available: %s" % error)


def test_an_access_control_list(folder):
    """The directory belongs to root and group 0, and an account in the list can replace the file."""
    give(folder / "file", APP)
    listed(folder, APP)
    assert folder.stat().st_mode & 0o777 == 0o775
    assert owner_of(str(folder / "file")) == APP
    give(folder / "file", 0)
    with pytest.raises(ModuleError, match="Accounts other than root can write to the directory"):
        owner_of(str(folder / "file"))
    # The control: the account can indeed replace root's file with a link.
    subprocess.run(["ln", "--symbolic", "--force", "/etc/shadow", "file"], cwd=folder, user=APP, group=65534, extra_groups=[], check=True)
    assert os.readlink(folder / "file") == "/etc/shadow"
