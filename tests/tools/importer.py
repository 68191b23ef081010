# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Galaxy's import checks on an archive built from a clean copy: IMPORTER.PY FOLDER COLLECTIONS, where COLLECTIONS holds our dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from copy_tree import copy_to

COMPLAINTS = ("WARNING", "ERROR", "CRITICAL")


def main():
    folder, collections = Path(sys.argv[1]).resolve(), sys.argv[2]
    checkout = copy_to(folder / "checkout")
    beside = Path(sys.executable).parent
    environment = dict(os.environ, PATH=os.pathsep.join([str(beside), os.environ["PATH"]]), ANSIBLE_COLLECTIONS_PATH=collections)
    environment.pop("ANSIBLE_CONFIG", None)
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
        raise SystemExit("the build made %d archives, expected one" % len(archives))
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
