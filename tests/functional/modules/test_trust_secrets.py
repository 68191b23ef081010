# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret in an option that is not hidden reaches neither the host nor a result, and no password is in a file on the host."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys

import ansible
import pytest
from runner import ROOT
from scope import usual

MARK = "m4rk-" + secrets.token_hex(12)
# AnsibleModule masks the password of user:password@host in its log, but not this one.
URI = "postgresql://127.0.0.1/langgraph?user=someone&password=%s" % MARK
MODULES = ("checkpoint_schema", "checkpoint_schema_info", "checkpoint_verify", "checkpoint_import")
# No server listens here, and none is needed: the options are logged before the module connects.
USUAL = {"login_db": "langgraph", "login_user": "a visible name", "login_host": "127.0.0.1", "login_port": 1}
JOURNAL = """import json, os
def sendv(*fields):
    pass
def send(MESSAGE, **fields):
    with open(os.environ["JOURNAL"], "a") as file:
        print(json.dumps([MESSAGE, fields], default=str), file=file)
"""
UNPROTECTED = """from ansible_collections.stateops.langgraph.plugins.module_utils._core import module
del module.DatabaseModule._log_invocation, module.DatabaseModule.fail_json
runpy.run_module("""
# The versions of ansible-core before 2.21.
OLDER = ("2.18.", "2.19.", "2.20.")
LEAKS = {
    "a password among the parameters": {"connect_params": {"password": MARK}},
    "a connection string as a user": {"login_user": URI},
    "a connection string as a socket": {"login_host": "", "login_unix_socket": URI},
    "another option is invalid": {"connect_params": {"sslpassword": MARK}, "ssl_mode": "sometimes"},
    "parameters as text": {"connect_params": "application_name=x sslpassword=%s" % MARK},
    "keywords as a user": {"login_user": "host=127.0.0.1 password=%s" % MARK},
    "keywords as a socket": {"login_host": "", "login_unix_socket": "host=/run password=%s" % MARK},
    "a connection string as a database": {"login_db": URI},
    "a connection string as a role of the application": {"app_roles": [URI]},
}


@pytest.fixture
def logged(tmp_path, runner):
    """`logged(name, args, protected=True)`: (the output of the module, what it sent to the journal of the host)."""
    package, journal = tmp_path / "library" / "systemd", tmp_path / "journal"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "journal.py").write_text(JOURNAL)
    (package / "daemon.py").write_text("def booted():\n    return True\n")

    def call(name, args, protected=True):
        journal.write_text("")
        program = runner.program(name, {**USUAL, **args})
        if not protected:
            program = program.replace("runpy.run_module(", UNPROTECTED)
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "JOURNAL": str(journal), "PYTHONPATH": str(package.parent)}
        done = subprocess.run([runner.python, "-"], input=program, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert json.loads(done.stdout)["failed"] is True
        return done.stdout + done.stderr, journal.read_text()

    return call


@pytest.mark.parametrize("leak", usual(LEAKS, 4))
def test_a_secret_in_the_wrong_option_is_not_logged(logged, leak):
    args = LEAKS[leak]
    for name in MODULES if leak == "a password among the parameters" else MODULES[1:2]:
        if name == "checkpoint_import":
            args = {**args, "sqlite_path": "/nowhere"}
        output, journal = logged(name, args)
        assert MARK not in output + journal
        assert "connect_params must not contain" in output or "is a connection string" in output
    # The control: without the protection, the secret is shown.
    output, journal = logged(name, args, protected=False)
    # Since 2.21 ansible-core itself omits the options if one of them is invalid.
    assert MARK in output + journal or (leak == "another option is invalid" and not ansible.__version__.startswith(OLDER))


def test_what_is_not_secret_is_logged(logged):
    output, journal = logged("checkpoint_schema_info", {"connect_params": {"target_session_attrs": "any"}})
    assert "Cannot connect" in output
    assert "a visible name" in journal and "target_session_attrs" in journal


@pytest.fixture
def unprotected(tmp_path):
    """The environment of a run with a copy of the collection without action plugins."""
    copy = tmp_path / "unprotected" / "ansible_collections" / "stateops" / "langgraph"
    for name in ("plugins", "meta"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy / "plugins" / "action")
    shutil.copy(ROOT / "galaxy.yml", copy)
    return {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "unprotected")}


def left(outcome):
    """Whether a file on the host contained the secret. The runs keep these files."""
    return any(MARK.encode() in path.read_bytes() for path in (outcome.folder / "remote").rglob("*") if path.is_file())


def play_as(run_tasks, method, options, env=None):
    task = {"stateops.langgraph.checkpoint_schema_info": options, "become": True}
    settings = {"ansible_become_method": method, "ansible_become_user": "root", "ansible_python_interpreter": sys.executable}
    play = {"vars": settings, "module_defaults": {"group/stateops.langgraph.postgresql": USUAL}}
    outcome = run_tasks([task], play=play, env={"ANSIBLE_KEEP_REMOTE_FILES": "1", **(env or {})})
    assert outcome.rc != 0
    return outcome


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("su"), reason="needs root and su")
def test_with_su_no_file_on_the_host_contains_the_password(run_tasks, unprotected):
    outcome = play_as(run_tasks, "ansible.builtin.su", {"login_password": MARK})
    assert "login_password is set, and the become method is su" in outcome["msg"] and "Use sudo" in outcome["msg"]
    assert not left(outcome)
    # Without a password, the module runs and tries to connect.
    assert "Cannot connect" in play_as(run_tasks, "ansible.builtin.su", {})["msg"]
    # The control: without the action plugin, the password is in a file.
    outcome = play_as(run_tasks, "ansible.builtin.su", {"login_password": MARK}, unprotected)
    assert "Cannot connect" in outcome["msg"] and left(outcome)


def test_a_secret_in_the_wrong_option_does_not_reach_the_host(run_tasks, unprotected):
    options = {name: value for name, value in USUAL.items() if name != "login_user"}
    task = {"stateops.langgraph.checkpoint_schema_info": {**options, "login": URI}}
    settings = {"ANSIBLE_KEEP_REMOTE_FILES": "1"}
    outcome = run_tasks([task], env=settings)
    assert "login_user is a connection string" in outcome["msg"]
    assert MARK not in outcome.everything and not left(outcome)
    # The control: without the action plugin, the module rejects the value on the host.
    outcome = run_tasks([task], env={**settings, **unprotected})
    assert "login_user is a connection string" in outcome["msg"] and left(outcome)
