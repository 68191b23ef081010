# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all fault tests, and a disk that fills up."""

from __future__ import annotations

import os
import subprocess

import pytest
from servers import os_user, workspace
from small_disk import DISK


@pytest.fixture(autouse=True)
def _secrets_hidden(secrets_hidden):
    """Whatever the fault, no secret is shown."""


@pytest.fixture
def disk():
    """A small separate file system; returns its directory."""
    folder = workspace()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % DISK, "tmpfs", str(folder)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here: %s" % done.stderr.strip())
    os.chown(folder, os_user().pw_uid, os_user().pw_gid)
    yield folder
    # A server process may keep a file open a little longer than the tablespace exists.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()
