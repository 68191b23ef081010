# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Galaxy's import checks on an archive that is built from a clean copy: IMPORTER.PY FOLDER PACKAGES, where PACKAGES contains the package ansible."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from copy_tree import copy_to

COMPLAINTS = ("WARNING", "ERROR", "CRITICAL")


def borrow_collections(packages):
    """The importer sets its own search path, so the dependencies must be in a directory that ansible-core always searches."""
    link = Path(sysconfig.get_path("purelib")) / "ansible_collections"
    if link.is_symlink():
        link.unlink()
    link.symlink_to(Path(packages).resolve() / "ansible_collections")


def main():
    folder = Path(sys.argv[1]).resolve()
    borrow_collections(sys.argv[2])
    checkout = copy_to(folder / "checkout")
    beside = Path(sys.executable).parent
    environment = dict(os.environ, PATH=os.pathsep.join([str(beside), os.environ["PATH"]]))
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH"):
        environment.pop(name, None)
    for old in folder.glob("*.tar.gz"):
        old.unlink()
    subprocess.run(
        [str(beside / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(checkout)],
        cwd=folder,
        env=environment,
        check=True,
    )
    archives = list(folder.glob("*.tar.gz"))
    if len(archives) != 1:
        raise SystemExit("the build created %d archives, expected one" % len(archives))
    done = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(archives[0])],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="")
    complaints = [line for line in done.stdout.splitlines() if line.startswith(COMPLAINTS)]
    if done.returncode or complaints or "completed successfully" not in done.stdout:
        print("galaxy-importer ended with %d, and %d lines are warnings or errors" % (done.returncode, len(complaints)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
