# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtualenv_info through Ansible, compared with pip."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import distributions

import pytest
from runner import ROOT
from virtualenvs import site_packages

PINS = ["langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "psycopg[binary]"]


def test_it_says_what_pip_says(run_module, target_venv):
    installed = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions(path=[str(site_packages(target_venv))])}
    wanted = ["%s==%s" % (name, installed[name.split("[", maxsplit=1)[0]]) for name in PINS]
    done = run_module("virtualenv_info", {"virtualenv": str(target_venv), "requirements": wanted}, forked=False)
    assert done["changed"] is False and done["exists"] is True and done["unsatisfied"] == []
    assert {name: done["packages"].get(name) for name in installed} == installed
    assert (done["uid"], done["virtualenv"]) == (os.geteuid(), str(target_venv))
    pip = subprocess.run(
        [str(target_venv / "bin" / "python"), "-m", "pip", "install", "--dry-run", "--no-index", "--quiet", "--report", "-", *wanted],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not pip.returncode:
        assert json.loads(pip.stdout)["install"] == []


def test_what_pip_would_install(run_module, target_venv):
    done = run_module("virtualenv_info", {"path": str(target_venv), "requirements": ["langgraph-checkpoint-postgres==1.0.1", "psycopg[nix]"]}, check=True)
    assert [each["requirement"] for each in done["unsatisfied"]] == ["langgraph-checkpoint-postgres==1.0.1"]
    assert done["unsatisfied"][0]["found"] == done["packages"]["langgraph-checkpoint-postgres"]


def test_a_requirement_that_is_none_is_refused(run_module, target_venv):
    done = run_module("virtualenv_info", {"path": str(target_venv), "requirements": ["psycopg=3"]})
    assert done.rc == 2 and "psycopg=3" in done["msg"] and "Traceback" not in done.output


def test_the_path_is_expanded_on_the_host(runner):
    """With the environment that the task sets."""
    tasks = [{"name": "Read", "stateops.langgraph.virtualenv_info": {"path": "$WHERE/none"}, "environment": {"WHERE": "/some where"}}]
    done = runner.playbook(tasks)
    assert (done["virtualenv"], done["exists"]) == ("/some where/none", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user's place")
@pytest.mark.parametrize("closed, mode", [("pyvenv.cfg", 0o600), ("bin", 0o700), ("lib", 0o700)])
def test_what_another_user_may_not_read_is_told(closed, mode):
    """A virtualenv that was created with umask 077 is complete: no message advises to remove it."""
    with tempfile.TemporaryDirectory() as folder:
        venv = os.path.join(folder, "venv")
        for each in ("bin", "lib/python3/site-packages"):
            os.makedirs(os.path.join(venv, each))
        # The system's Python, since others may not enter the folder of the one that runs the tests.
        os.symlink("/usr/bin/python3", os.path.join(venv, "bin", "python"))
        with open(os.path.join(venv, "pyvenv.cfg"), "w", encoding="utf-8") as settings:
            settings.write("home = /usr/bin\n")
        os.chmod(folder, 0o755)
        os.chmod(os.path.join(venv, closed), mode)
        # A copy of the collection, since that user may not be able to enter the project's own directory.
        package = os.path.join(folder, "ansible_collections", "stateops", "langgraph", "plugins")
        shutil.copytree(ROOT / "plugins" / "module_utils", os.path.join(package, "module_utils"))
        read = "ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.contents"
        program = "import sys; sys.path.insert(0, %r); import json; from %s import read; print(json.dumps(read(%r, [])))" % (folder, read, venv)
        command = ["/usr/bin/python3", "-c", program]
        done = subprocess.run(command, user=65534, group=65534, extra_groups=[], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)["problem"]
    assert closed in told and ("cannot be read" in told or "Permission denied" in told) and "remove" not in told
