# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtualenv_info through Ansible, held against pip itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.metadata import distributions

from conftest import site_packages

PINS = ["langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "psycopg[binary]"]


def test_it_says_what_pip_says(run_module, target_venv):
    installed = {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions(path=[str(site_packages(target_venv))])
    }
    wanted = ["%s==%s" % (name, installed[name.split("[", maxsplit=1)[0]]) for name in PINS]
    done = run_module("virtualenv_info", {"virtualenv": str(target_venv), "requirements": wanted})
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
