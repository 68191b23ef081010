# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the application that are all this machine."""

from __future__ import annotations

from assertions import assert_no_secret
from conftest import make_venv, site_packages
from plays import run


def linked(folder, target):
    """A virtualenv of its own that finds the target's libraries."""
    make_venv(folder)
    (site_packages(folder) / "target.pth").write_text("%s\n" % site_packages(target))
    return folder


class Site:
    """Three hosts of the application, and a database that is set up and granted."""

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
        self.hosts = {name: {"checkpointer_virtualenv": str(linked(folder / name, target_venv))} for name in ("app1", "app2", "app3")}

    def inventory(self):
        return {"langgraph_app": {"hosts": self.hosts, "vars": self.variables}}

    def play(self, *flags, play=None, roles=None, **kwargs):
        plays = [{"hosts": "langgraph_app", "gather_facts": False, "roles": roles or ["stateops.langgraph.checkpointer"], **(play or {})}]
        done = run(self.folder, plays, self.inventory(), *flags, **kwargs)
        assert_no_secret(done, self.database)
        return done
