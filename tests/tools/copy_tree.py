# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the checkout without ignored files: COPY_TREE.PY DESTINATION."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files():
    """The files and links that are tracked or new, so that a test has the same result before and after a commit."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    names = done.stdout.decode("utf-8").split("\0")
    return sorted(name for name in names if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink()))


def copy_to(destination):
    """Replace `destination` with a directory of these files and links, as git would check them out."""
    destination = Path(destination)
    if destination.exists():
        shutil.rmtree(destination)
    for name in files():
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return destination


if __name__ == "__main__":
    copy_to(sys.argv[1])
