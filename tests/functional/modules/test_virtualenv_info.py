# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtualenv_info through Ansible, held against pip itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import distributions

import pytest
from ansible.plugins.connection import ConnectionBase
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


REQUIREMENTS = ["langgraph-checkpoint-postgres==1.0.1", "psycopg[binary]"]
PACKED = "Using module file"
# Before core 2.19 a connection does not say whether it pipelines, so the module itself runs.
FEEDS = hasattr(ConnectionBase, "is_pipelining_enabled")


def _answer(done):
    """The result without what Ansible itself adds."""
    return {name: value for name, value in done.items() if name not in ("invocation", "_ansible_no_log", "_ansible_verbose_always")}


def test_the_action_plugin_says_what_the_module_says(runner, target_venv):
    arguments = {"path": str(target_venv), "requirements": REQUIREMENTS}
    fed = runner.through_ansible("virtualenv_info", arguments, check=True)
    packed = runner.through_ansible("virtualenv_info", arguments, check=True, env={"ANSIBLE_PIPELINING": "false"})
    assert (PACKED not in fed.output) is FEEDS and PACKED in packed.output
    assert _answer(fed) == _answer(packed)
    assert fed["exists"] is True and fed["unsatisfied"]
    assert fed["interpreter"] == str(runner.python)


def test_a_home_folder_is_the_hosts_own(runner):
    """The path is expanded there, with the environment that the task asks for."""
    tasks = [{"name": "Look", "stateops.langgraph.virtualenv_info": {"path": "$WHERE/none"}, "environment": {"WHERE": "/some where"}}]
    for env in ({}, {"ANSIBLE_PIPELINING": "false"}):
        done = runner.playbook(tasks, env=env)
        assert (done["virtualenv"], done["exists"]) == ("/some where/none", False)


@pytest.mark.parametrize(
    "arguments, said",
    [({}, "path"), ({"path": "/x", "nonsense": 1}, "nonsense"), ({"path": "/x", "requirements": {"a": 1}}, "requirements")],
)
def test_options_that_do_not_fit_are_told_by_the_module(runner, arguments, said):
    done = runner.through_ansible("virtualenv_info", arguments)
    assert done.rc == 2 and said in done["msg"] and "Traceback" not in done.output


def test_a_requirement_that_is_none_is_refused_there_too(runner, target_venv):
    done = runner.through_ansible("virtualenv_info", {"path": str(target_venv), "requirements": ["psycopg=3"]})
    assert done.rc == 2 and "psycopg=3" in done["msg"] and (PACKED not in done.output) is FEEDS


def test_a_python_that_cannot_answer_leaves_it_to_the_module(runner, target_venv, tmp_path):
    """Ansible's own way then tells what is wrong with it."""
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\ncat > /dev/null; echo no Python here\n")
    mute.chmod(0o755)
    done = runner.through_ansible("virtualenv_info", {"path": str(target_venv)}, play={"vars": {"ansible_python_interpreter": str(mute)}})
    assert done.rc == 2 and PACKED in done.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user's place")
@pytest.mark.parametrize("closed, mode", [("pyvenv.cfg", 0o600), ("bin", 0o700), ("lib", 0o700)])
def test_what_another_user_may_not_read_is_told(closed, mode):
    """A virtualenv made under umask 077 is whole: nobody is told to remove it."""
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
        shutil.copy(ROOT / "plugins" / "module_utils" / "_virtualenv" / "contents.py", folder)
        program = "import sys; sys.path.insert(0, %r); import json, contents; print(json.dumps(contents.report(%r, [])))" % (folder, venv)
        command = ["/usr/bin/python3", "-c", program]
        done = subprocess.run(command, user=65534, group=65534, extra_groups=[], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)["problem"]
    assert closed in told and "cannot be read" in told and "remove" not in told
