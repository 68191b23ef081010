# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every fault is tried under, and a disk that fills up."""

from __future__ import annotations

import os
import subprocess

import pytest
from servers import os_user, workspace
from small_disk import DISK


@pytest.fixture(autouse=True)
def _silent(silent):
    """Whatever strikes, nothing is told that is secret."""


@pytest.fixture
def disk():
    """A small file system of its own; returns its folder."""
    folder = workspace()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % DISK, "tmpfs", str(folder)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here: %s" % done.stderr.strip())
    os.chown(folder, os_user().pw_uid, os_user().pw_gid)
    yield folder
    # A process of the server may keep a file open a little longer than the tablespace.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()
