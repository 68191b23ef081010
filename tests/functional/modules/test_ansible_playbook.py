# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules in plays: arguments, module_defaults, check and diff mode, the virtualenv, and no secret in any output."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from assertions import assert_no_secret
from runner import ROOT
from scope import usual
from virtualenvs import make_venv

pytestmark = pytest.mark.newest

MODULES = ["checkpoint_schema", "checkpoint_schema_info", "checkpoint_verify"]
GROUP = "group/stateops.langgraph.postgresql"


def names(task):
    return [name for name in task if name.startswith("stateops.langgraph.")]


def test_argument_errors_are_reported_by_ansible(run_tasks, database):
    login = database.login()
    wrong = {
        "login_db": {"login_host": "127.0.0.1"},
        "choices|one of": dict(login, ssl_mode="perhaps"),
        "login_port": dict(login, login_port="many"),
        "Unsupported": dict(login, shema="typo"),
        "connect_timeout|unable to convert|cannot be converted": dict(login, connect_timeout="soon"),
        "connect_params": dict(login, connect_params=3),
    }
    tasks = [{"name": pattern, "stateops.langgraph.checkpoint_schema": args, "ignore_errors": True} for pattern, args in wrong.items()]
    tasks += [{"name": "state|choices", "stateops.langgraph.checkpoint_schema": dict(login, state="latest"), "ignore_errors": True}]
    tasks += [{"name": "parity_level", "stateops.langgraph.checkpoint_schema_info": dict(login, parity_level="roughly"), "ignore_errors": True}]
    outcome = run_tasks(tasks)
    assert len(outcome.tasks) == len(tasks)
    for document in outcome.tasks:
        assert document["kind"] == "failed", document
        assert re.search(document["task"], document["result"]["msg"]), document["result"]["msg"]
        assert "Traceback" not in json.dumps(document["result"])
    assert_no_secret(outcome, database)


def test_one_module_defaults_block_serves_all(run_tasks, database):
    """The action group of this collection and that of community.postgresql, with the same options."""
    play = {"module_defaults": {GROUP: database.login(), "group/community.postgresql.all": database.login()}}
    tasks = [{"name": name, "stateops.langgraph." + name: {}} for name in MODULES]
    tasks.append({"name": "theirs", "community.postgresql.postgresql_query": {"query": "SELECT max(v) FROM checkpoint_migrations"}})
    outcome = run_tasks(tasks, play=play, forked=False)
    assert outcome.rc == 0, outcome.output[-3000:]
    results = {document["task"]: document["result"] for document in outcome.tasks}
    assert results["checkpoint_schema"]["changed"] is True
    assert results["checkpoint_schema_info"]["parity"]["in_parity"] is True
    assert results["checkpoint_verify"]["changed"] is False
    assert results["checkpoint_verify"]["roundtrip"]["stale_rows_removed"] == 0
    assert results["theirs"]["query_result"] == [{"max": 9}]
    assert_no_secret(outcome, database)


def test_check_and_diff_then_the_run_then_nothing(run_module, database):
    before = database.snapshot()
    plan = run_module("checkpoint_schema", database.login(), check=True, diff=True)
    assert plan.rc == 0 and plan["changed"] is True
    assert "+table checkpoint_writes" in plan.output
    assert database.snapshot() == before
    done = run_module("checkpoint_schema", database.login(), diff=True)
    assert done.rc == 0 and done["changed"] is True
    assert done["diff"] == plan["diff"]
    again = run_module("checkpoint_schema", database.login(), diff=True)
    assert again["changed"] is False
    assert "+table" not in again.output
    for outcome in (plan, done, again):
        assert_no_secret(outcome, database)


@pytest.mark.parametrize("name", usual(MODULES))
def test_from_a_python_without_libraries_into_the_virtualenv(run_module, database, linked_venv, tmp_path, name):
    """Ansible finds the files that the archive for the host must contain, without the shortcut of the tests."""
    database.setup()
    python = make_venv(tmp_path / "system") / "bin" / "python"
    outcome = run_module(name, database.login(virtualenv=str(linked_venv)), play={"vars": {"ansible_python_interpreter": str(python)}})
    assert outcome.rc == 0, outcome.get("msg")
    assert outcome["changed"] is False
    outcome = run_module(name, database.login(), play={"vars": {"ansible_python_interpreter": str(python)}})
    assert outcome.rc != 0 and "virtualenv" in outcome["msg"]
    assert_no_secret(outcome, database)


@pytest.mark.parametrize("password", usual(['it\'s "quoted" \\ {} %s end', "ünïcode and spaces", "0123456789"]))
def test_a_password_with_special_characters_works_and_stays_hidden(run_tasks, database, target_venv, password):
    database.setup()
    database.grant()
    database.server.execute("ALTER ROLE \"%s\" PASSWORD '%s'" % (database.app.name, password.replace("'", "''")))
    task = {"name": "info", "stateops.langgraph.checkpoint_schema_info": database.login(database.app, login_password="{{ pw }}")}
    outcome = run_tasks([task], play={"vars": {"ansible_python_interpreter": str(target_venv / "bin" / "python"), "pw": password}})
    assert outcome.rc == 0, outcome.get("msg")
    assert password not in outcome.everything


def examples(module):
    """The EXAMPLES of a module, read from its source without importing it."""
    import ast

    for node in ast.parse((ROOT / "plugins" / "modules" / (module + ".py")).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "EXAMPLES":
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError("%s has no EXAMPLES" % module)


def filled(task, database, schema, sqlite_path, virtualenv):
    """An example with this test's server instead of its own."""
    task = json.loads(json.dumps(task))
    for name in names(task):
        options = task[name]
        if "sqlite_path" in options:
            options["sqlite_path"] = str(sqlite_path)
        if "login_db" not in options:  # only a file
            continue
        admin = options.get("login_user") == "postgres"
        role = {"langgraph_app": database.app}.get(options.get("login_user"), database.owner)
        if "login_unix_socket" in options:
            options["login_unix_socket"] = database.server.socket_dir
        if "login_host" in options:
            options["login_host"] = database.server.host
        options["login_port"] = database.server.port
        options["login_user"] = database.server.user if admin else role.name
        options["login_password"] = database.server.password if admin else role.password
        options["login_db"] = database.name
        options["schema"] = schema
        options["virtualenv"] = str(virtualenv)
        if "app_roles" in options:
            options["app_roles"] = [database.app.name]
        if "session_role" in options:
            options["session_role"] = database.owner.name
        if "ca_cert" in options:
            del options["ca_cert"]
            options["ssl_mode"] = "disable"
    return task


@pytest.mark.parametrize("name", [*MODULES, "checkpoint_import"])
def test_every_example_runs(run_tasks, database, linked_venv, tmp_path, name):
    from generations import sqlite_file

    database.execute("CREATE SCHEMA langgraph", role=database.owner)
    database.execute('GRANT USAGE ON SCHEMA langgraph TO "%s"' % database.app.name)
    if name == "checkpoint_schema":
        # One of the examples adopts tables that an application created.
        database.execute('GRANT CREATE ON SCHEMA langgraph TO "%s"' % database.app.name)
        database.setup(role=database.app, schema="langgraph")
        database.execute('GRANT SELECT ON ALL TABLES IN SCHEMA langgraph TO "%s"' % database.owner.name)
    else:
        database.setup(schema="langgraph")
        database.grant(schema="langgraph")
    path = sqlite_file(tmp_path / "checkpoints.sqlite")
    tasks = examples(name)
    assert tasks and any(names(task) for task in tasks)
    assert all(task.get("name") for task in tasks)
    outcome = run_tasks([filled(task, database, "langgraph", path, linked_venv) for task in tasks], forked=name != "checkpoint_import")
    assert outcome.rc == 0, outcome.output[-4000:]
    assert len(outcome.tasks) == len(tasks)
    assert_no_secret(outcome, database)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_returns_what_its_documentation_describes(call_module, database, name):
    import ast

    source = ast.parse((ROOT / "plugins" / "modules" / (name + ".py")).read_text())
    (text,) = [ast.literal_eval(node.value) for node in source.body if isinstance(node, ast.Assign) and node.targets[0].id == "RETURN"]
    documented = set(yaml.safe_load(text))
    database.setup()
    done = call_module(name, database.login())
    returned = set(done) - {"changed", "invocation", "warnings", "diff", "msg"}
    assert returned <= documented, returned - documented
    assert documented - {"diff"} <= returned, documented - returned
