# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret in an option that is not hidden reaches neither the host's log nor the result of the module."""

from __future__ import annotations

import json
import os
import secrets
import subprocess

import pytest
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
    assert MARK in output + journal


def test_what_is_not_secret_is_logged(logged):
    output, journal = logged("checkpoint_schema_info", {"connect_params": {"target_session_attrs": "any"}})
    assert "Cannot connect" in output
    assert "a visible name" in journal and "target_session_attrs" in journal
