# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the checkout without its litter: COPY_TREE.PY DESTINATION."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The link back to the checkout would be followed without end.
LEFT_OUT = "collections/ansible_collections/"


def files():
    """Tracked and new files alike, so that a test says the same before a commit as after it."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    names = done.stdout.decode("utf-8").split("\0")
    return sorted(name for name in names if name and not name.startswith(LEFT_OUT) and (ROOT / name).is_file())


def copy_to(destination):
    """Make `destination` hold these files and no other ones."""
    destination = Path(destination)
    if destination.exists():
        shutil.rmtree(destination)
    for name in files():
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return destination


if __name__ == "__main__":
    copy_to(sys.argv[1])
