# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can change what a path leads to.

A component that only root can change cannot be replaced between the check and its use. So paths are checked from / down.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Iterator, NamedTuple

WRITABLE = stat.S_IWGRP | stat.S_IWOTH
# As many links as Linux follows in one path.
LINKS = 40


class Component(NamedTuple):
    """A directory, link or file on the way to a path. last: whether it is the path's end."""

    path: str
    uid: int
    gid: int
    mode: int
    last: bool

    @property
    def writable(self) -> bool:
        """Whether its group or others can change it. In a sticky directory such as /tmp, they can add entries, but not replace those of others."""
        if stat.S_ISLNK(self.mode):
            return False
        return bool(self.mode & WRITABLE) and (self.last or not self.mode & stat.S_ISVTX)

    @property
    def exposed(self) -> bool:
        """Whether an account other than root can change it."""
        return self.uid != 0 or self.writable


def components(path: str) -> Iterator[Component]:
    """The components of a path from / down, each link followed by the components of its target; ends before one that does not exist. Raises OSError."""
    pending = [name for name in os.path.join(os.getcwd(), path).split("/") if name]
    current, links = "/", 0
    found = os.lstat(current)
    yield Component(current, found.st_uid, found.st_gid, found.st_mode, not pending)
    while pending:
        name = pending.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            current = os.path.dirname(current)
            continue
        here = os.path.join(current, name)
        try:
            found = os.lstat(here)
        except FileNotFoundError:
            return
        link = stat.S_ISLNK(found.st_mode)
        yield Component(here, found.st_uid, found.st_gid, found.st_mode, not link and not any(pending))
        if not link:
            current = here
            continue
        links += 1
        if links > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(here)
        current = "/" if target.startswith("/") else current
        pending = target.split("/") + pending


def exposed_component(path: str) -> Component | None:
    """The first component that an account other than root can change, or None. Raises OSError.

    If the path does not exist, other accounts must not be able to create the rest of it, even in a sticky directory.
    """
    found = list(components(path))
    return next((component for component in (*found[:-1], found[-1]._replace(last=True)) if component.exposed), None)
