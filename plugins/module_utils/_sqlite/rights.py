# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root reads a SQLite file with the rights of the account that can replace it: a link then leads only to what that account can read."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from typing import TYPE_CHECKING

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import components

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import Component

# The group of an account that is not in the user database. The group of its directory could have more rights than the account.
NO_GROUP = 65534
ADVICE = "Run the task as the application's account (become_user)."


@contextlib.contextmanager
def rights_of_owner(path: str) -> Iterator[None]:
    """Run as the account that owns the file's directory, if this process is root and that account is another one. Raises ModuleError.

    SQLite opens -wal, -shm and -journal by name, again for each transaction, so everything that uses the file runs within this context. The real
    and the saved user remain root, so that the account can neither trace the process nor send signals to it.
    """
    uid = owner_of(path) if os.geteuid() == 0 else 0
    if not uid:
        yield
        return
    gid, groups = os.getegid(), os.getgroups()
    try:
        try:
            _become(uid, *_groups(uid))
        except OSError as error:
            text = "Root cannot take the rights of %s, who can replace the SQLite file %s: %s. %s"
            raise ModuleError(text % (_name(uid), path, error.strerror, ADVICE)) from None
        yield
    finally:
        os.seteuid(0)
        _become(0, gid, groups)


def _become(uid: int, gid: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)


def _groups(uid: int) -> tuple[int, list[int]]:
    """(group, supplementary groups) of an account."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return NO_GROUP, []
    return account.pw_gid, os.getgrouplist(account.pw_name, account.pw_gid)


def _name(uid: int) -> str:
    try:
        return "account %s" % pwd.getpwuid(uid).pw_name
    except KeyError:
        return "account %d" % uid


def owner_of(path: str) -> int:
    """The account, other than root, that can replace the file or a part of its path; 0 if only root can. Raises ModuleError if several can.

    An account's first directory or link is in a directory of root, so the account cannot hide it by changing the path during this check.
    """
    uid, exposed, sticky = 0, "", False
    for found in _steps(path):
        is_file = not stat.S_ISDIR(found.mode) and not stat.S_ISLNK(found.mode)
        if exposed and not uid and not found.uid and (is_file or not sticky):
            raise ModuleError(
                "Accounts other than root can write to the directory %s, so they can replace %s, and root does not use this path. "
                "Move the file to a directory that only root, or only the application's account, can write to." % (exposed, found.path)
            )
        # The owner of a file in a directory of another account cannot replace it.
        if found.uid and (exposed or not is_file):
            if uid not in (0, found.uid):
                raise ModuleError("Both %s and %s can replace parts of the path %s. %s" % (_name(uid), _name(found.uid), path, ADVICE))
            uid = found.uid
        # With an access control list, the bits of the group are those of all accounts in the list.
        writable = found.mode & stat.S_IWOTH or found.mode & stat.S_IWGRP and (found.gid or _listed(found.path))
        exposed = found.path if stat.S_ISDIR(found.mode) and not found.uid and writable else ""
        sticky = bool(found.mode & stat.S_ISVTX)
    return uid


def _listed(path: str) -> bool:
    """Whether a path has an access control list (Linux only)."""
    try:
        return bool(os.getxattr(path, "system.posix_acl_access", follow_symlinks=False))
    except (AttributeError, OSError):
        return False


def _steps(path: str) -> Iterator[Component]:
    """Each directory and link on the way to the file, and the file. Raises ModuleError."""
    last = False
    try:
        for component in components(path):
            last = component.last
            yield component
    except OSError as error:
        raise unreadable(path, error) from None
    if not last:
        raise unreadable(path, FileNotFoundError())


def unreadable(path: str, error: OSError) -> ModuleError:
    """The ModuleError for a file that cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return ModuleError("The SQLite file %s does not exist on this host. Correct sqlite_path, or omit it." % path)
    text = "Cannot read the SQLite file %s as user %d: %s." % (path, os.geteuid(), error.strerror)
    if os.getuid() != os.geteuid():
        text += " Root reads it with the rights of the account that can replace it. That account must be able to read it, and to enter its directory."
    return ModuleError(text)
