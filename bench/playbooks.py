# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that are timed. Both sides use the same variables, no facts, and the same virtualenv."""

from __future__ import annotations

from typing import NamedTuple

VIRTUALENV_PYTHON = "{{ checkpointer_virtualenv }}/bin/python"


class Playbook(NamedTuple):
    name: str
    play: dict


def _playbook(name, **more):
    return Playbook(name, {"name": name.replace("_", " ").capitalize(), "hosts": "langgraph_app", "gather_facts": False, **more})


ROLE = _playbook("role", roles=["stateops.langgraph.checkpointer"])

SETUP = """\
from langgraph.checkpoint.postgres import PostgresSaver
with PostgresSaver.from_conn_string(input()) as saver:
    saver.setup()
"""
# A playbook as an experienced user would write it: with pinned packages and pipelining, under the virtualenv's Python
# (community.postgresql needs psycopg there, ansible.builtin.pip needs packaging), and without passwords on command lines.
BY_HAND = _playbook(
    "by_hand",
    vars={"ansible_python_interpreter": VIRTUALENV_PYTHON},
    tasks=[
        {
            "name": "Install the packages",
            "ansible.builtin.pip": {"name": "{{ by_hand_packages }}", "virtualenv": "{{ checkpointer_virtualenv }}"},
        },
        {
            "name": "Call setup()",
            "ansible.builtin.command": {
                "argv": [VIRTUALENV_PYTHON, "-c", SETUP],
                "stdin": "postgresql://{{ checkpointer_owner_user }}:{{ checkpointer_owner_password }}"
                "@{{ checkpointer_login_host }}:{{ checkpointer_login_port }}/{{ checkpointer_login_db }}",
            },
            "no_log": True,
        },
        {
            "name": "Read the columns in PostgreSQL",
            "community.postgresql.postgresql_query": {
                "login_host": "{{ checkpointer_login_host }}",
                "login_port": "{{ checkpointer_login_port }}",
                "login_user": "{{ checkpointer_app_user }}",
                "login_password": "{{ checkpointer_app_password }}",
                "login_db": "{{ checkpointer_login_db }}",
                "query": "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s",
                "positional_args": ["{{ checkpointer_schema }}"],
            },
            "register": "columns",
        },
        {
            "name": "Read the schema in SQLite",
            "ansible.builtin.command": {"argv": ["sqlite3", "{{ checkpointer_sqlite_path }}", ".schema"]},
            "register": "sqlite",
        },
        {
            "name": "Assert that the tables exist",
            "ansible.builtin.assert": {
                "that": [
                    "columns.query_result | selectattr('table_name', 'equalto', 'checkpoints') | length == 7",
                    "columns.query_result | selectattr('table_name', 'equalto', 'checkpoint_writes') | length == 9",
                    "'CREATE TABLE checkpoints' in sqlite.stdout",
                    "'CREATE TABLE writes' in sqlite.stdout",
                ]
            },
        },
    ],
)

LOGIN = {
    "login_host": "{{ checkpointer_login_host }}",
    "login_port": "{{ checkpointer_login_port }}",
    "login_db": "{{ checkpointer_login_db }}",
    "schema": "{{ checkpointer_schema }}",
    "virtualenv": "{{ checkpointer_virtualenv }}",
}
OWNER = dict(LOGIN, login_user="{{ checkpointer_owner_user }}", login_password="{{ checkpointer_owner_password }}")
APP = dict(LOGIN, login_user="{{ checkpointer_app_user }}", login_password="{{ checkpointer_app_password }}")

EMPTY = _playbook("empty", tasks=[{"ansible.builtin.meta": "noop"}])
PING = {"ansible.builtin.ping": {}}
MODULES = {
    "virtualenv_info": {
        "stateops.langgraph.virtualenv_info": {"path": "{{ checkpointer_virtualenv }}", "requirements": "{{ by_hand_packages }}"},
    },
    "checkpoint_schema": {"stateops.langgraph.checkpoint_schema": OWNER},
    "checkpoint_schema_info": {
        "stateops.langgraph.checkpoint_schema_info": dict(APP, sqlite_path="{{ checkpointer_sqlite_path }}", assert_parity=True),
    },
    "checkpoint_verify": {
        "stateops.langgraph.checkpoint_verify": dict(APP, sqlite_path="{{ checkpointer_sqlite_path }}", roundtrip="in_parity"),
    },
}


def schema_info(count_orphans, **more):
    return {"stateops.langgraph.checkpoint_schema_info": dict(APP, count_orphans=count_orphans, **more)}


def repeated(task, times, name=None):
    """A playbook that repeats one task, under the virtualenv's Python, as the role runs it."""
    name = name or next(iter(task)).rpartition(".")[2]
    return _playbook("%s_%d" % (name, times), vars={"ansible_python_interpreter": VIRTUALENV_PYTHON}, tasks=[task] * times)
