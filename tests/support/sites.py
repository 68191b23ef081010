# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the application, all of which are this machine."""

from __future__ import annotations

import json

from assertions import assert_no_secret
from plays import run
from secret_scanner import SecretScanner, holds
from virtualenvs import linked

# The task names in the Ansible role checkpointer.
SETUP = "Set up the schema that the library needs"
COMPARE = "Compare the schema in PostgreSQL with SQLite's"
ROUNDTRIP = COMPARE + ", then write, read and delete one checkpoint"


# sudo is not installed on every machine that runs the tests. Ansible cannot use pipelining with su.
SUDO = """#!/bin/sh
while [ "$1" != -u ]; do shift; done
account=$2
shift 2
exec runuser -u "$account" -- "$@"
"""


def sudo_of(folder):
    """Variables with which Ansible's become plugin sudo changes the account with runuser. Only root can use them."""
    program = folder / "sudo"
    program.write_text(SUDO)
    program.chmod(0o755)
    return {"ansible_become_method": "ansible.builtin.sudo", "ansible_become_exe": str(program)}


def host(database, target_venv, python, **more):
    """The variables of a host that is this machine, for playbooks that only read."""
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": str(python),
        # All hosts are one machine with one user.
        "ansible_become": False,
        "checkpointer_virtualenv": str(target_venv),
        "checkpointer_schema": "public",
        "checkpointer_login_host": database.server.host,
        "checkpointer_login_port": database.server.port,
        "checkpointer_login_db": database.name,
        "checkpointer_app_user": database.app.name,
        "checkpointer_app_password": database.app.password,
        **more,
    }


class Site:
    """Three hosts of the application, and a database with the schema and the grants."""

    def __init__(self, folder, database, target_venv, runner):
        database.setup()
        database.grant()
        self.folder = folder
        self.database = database
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": runner.python,
            "ansible_remote_tmp": str(folder / "remote"),
            "checkpointer_manage_packages": False,
            "checkpointer_schema": "public",
            "checkpointer_login_host": database.server.host,
            "checkpointer_login_port": database.server.port,
            "checkpointer_login_db": database.name,
            "checkpointer_owner_user": database.owner.name,
            "checkpointer_owner_password": database.owner.password,
            "checkpointer_app_user": database.app.name,
            "checkpointer_app_password": database.app.password,
        }
        # All hosts use the virtualenv in which modules already run, because entering another one takes seconds for each module.
        self.hosts = {name: {"checkpointer_virtualenv": str(target_venv)} for name in ("app1", "app2", "app3")}

    def inventory(self):
        return {"langgraph_app": {"hosts": self.hosts, "vars": self.variables}}

    def play(self, *flags, play=None, roles=None, **kwargs):
        plays = [{"hosts": "langgraph_app", "gather_facts": False, "roles": roles or ["stateops.langgraph.checkpointer"], **(play or {})}]
        done = run(self.folder, plays, self.inventory(), *flags, **kwargs)
        assert_no_secret(done, self.database)
        return done


class WatchedSite:
    """One application host that is this machine, and a server that Ansible does not manage. `marks` are the secrets."""

    def __init__(self, folder, database, python):
        self.folder = folder
        self.database = database
        self.name = database.name + "_silent"
        self.marks = {"the owner's password": database.owner.password, "the application's password": database.app.password}
        self.marks["the administrator's password"] = database.server.password
        venv = linked(folder / "venv")
        server = database.server
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(python),
            "ansible_remote_tmp": str(folder / "remote"),
            "ansible_become": False,
            "checkpointer_virtualenv": str(venv),
            "checkpointer_manage_packages": False,
            "checkpointer_report_dir": str(folder / "report"),
            "database_manage_server": False,
            "database_login_host": server.host,
            "database_login_port": server.port,
            "database_login_user": server.user,
            "database_login_password": server.password,
            "database_name": self.name,
            "database_owner_user": database.owner.name,
            "database_owner_password": database.owner.password,
            "database_app_user": database.app.name,
            "database_app_password": database.app.password,
        }

    def inventory(self, **changes):
        groups = {"langgraph_app": {"hosts": {"app1": None}}, "langgraph_db": {"hosts": {"app1": None}}}
        return {"all": {"vars": dict(self.variables, **changes), "children": groups}}

    def secret_scanner(self, **more):
        """A scanner of the site's directories, except for the file with the variables, from which the secrets come."""
        return SecretScanner([self.folder / "work", self.folder / "remote", self.folder / "report"], dict(self.marks, **more))

    def in_server_log(self, since):
        log = self.database.server.log.read_bytes()[since:]
        return [name for name, secret in self.marks.items() if holds(log, secret)]


def once_answered(site, role, words=("user", "password")):
    """(a log of the evaluations, an expression). The expression returns valid credentials only when it is evaluated for the first time."""
    log = site.folder / ("asked-" + role.name)
    script = site.folder / ("ask-" + role.name)
    answers = [json.dumps(dict(zip(words, pair))) for pair in (role, ("nobody", "wrong"))]
    script.write_text("echo x >> %s\nif [ $(wc -l < %s) = 1 ]; then echo '%s'; else echo '%s'; fi\n" % (log, log, *answers))
    return log, "{{ lookup('ansible.builtin.pipe', 'sh %s') | from_json }}" % script
