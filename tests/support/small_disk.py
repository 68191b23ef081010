# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of the tests' small disk, and how it is filled."""

from __future__ import annotations

import os

KIB = 1024
DISK = 64 * 1024 * KIB


def fill(disk, left):
    """Leave this many kilobytes free. Returns the file that occupies the rest."""
    room = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - left * KIB)
    return ballast
