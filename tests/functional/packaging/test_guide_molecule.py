# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to Molecule in a user's project: the files in the guide are a scenario that passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from runner import ROOT, program
from servers import workspace

GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_molecule.rst"
FILE = re.compile(r"^\.\. code-block:: yaml\n   :caption: (molecule/default/\S+)\n\n((?:   .*\n|\n)+)", re.MULTILINE)


@pytest.mark.extended
def test_the_scenario_of_the_guide_passes(tmp_path):
    files = FILE.findall(GUIDE.read_text())
    names = sorted(name.rsplit("/", 1)[1] for name, _text in files)
    assert names == ["converge.yml", "create.yml", "destroy.yml", "inventory.yml", "molecule.yml", "verify.yml"]
    # Only the paths of the server differ. The socket needs a short path, and the server's account needs a path that it can enter.
    root = workspace()
    project = tmp_path / "project"
    for name, text in files:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("/var/tmp/my-agents", str(root / "server")))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    environment.update(ANSIBLE_COLLECTIONS_PATH=str(ROOT / "collections"), HOME=str(tmp_path), NO_COLOR="1")
    # Another home directory than the user's, with the wheels that pip has already downloaded.
    environment.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    try:
        done = subprocess.run(
            [program("molecule"), "test"],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout[-8000:]
        assert re.search(r"actions=6 +successful=6 ", done.stdout), done.stdout[-2000:]
        assert "in parity" in done.stdout
    finally:
        shutil.rmtree(root, ignore_errors=True)
