# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the job templates, as AWX runs them: with ansible-runner, this checkout as the project, and the variables that the credentials inject."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml
from ansible_runner import Runner, RunnerConfig
from jinja2.sandbox import SandboxedEnvironment
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from plays import short
from psycopg import sql
from runner import ROOT
from secret_scanner import SecretScanner
from virtualenvs import linked

pytestmark = pytest.mark.newest

# The guide's statements for a server without administrative access.
HANDED_OUT = """
CREATE SCHEMA langgraph AUTHORIZATION {owner}; GRANT USAGE ON SCHEMA langgraph TO {app};
ALTER ROLE {owner} IN DATABASE {database} SET search_path TO langgraph; ALTER ROLE {app} IN DATABASE {database} SET search_path TO langgraph
"""


class _Data(yaml.SafeLoader):
    """Reads playbooks/vars/awx.yml. A value that is tagged unsafe is a template for AWX."""


_Data.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
DATA = yaml.load((ROOT / "playbooks" / "vars" / "awx.yml").read_text(), _Data)  # noqa: S506
TEMPLATES = {each["name"]: each for each in DATA["awx_job_templates"]}


class Tower:
    """The files that AWX creates for a job, and those that it stores afterwards."""

    def __init__(self, folder, database, python):
        self.folder = folder
        self.database = database
        server = database.server
        venv = linked(folder / "venv")
        self.secrets = {"the owner's password": database.owner.password, "the application's password": database.app.password}
        self.credentials = {
            "LangGraph checkpoints, owner": {"owner_user": database.owner.name, "owner_password": database.owner.password},
            "LangGraph checkpoints, application": {"app_user": database.app.name, "app_password": database.app.password},
        }
        self.hosts = {
            "app1": {
                "ansible_connection": "local",
                "ansible_python_interpreter": str(python),
                "ansible_become": False,
                "ansible_remote_tmp": str(folder / "remote"),
                "checkpointer_virtualenv": str(venv),
                "checkpointer_manage_packages": False,
                "checkpointer_login_host": server.host,
                "checkpointer_login_port": server.port,
            }
        }
        self.project = folder / "project"
        shutil.copytree(ROOT, self.project, symlinks=True, ignore=shutil.ignore_patterns(".git", ".build", ".venv", ".ansible", "tests", "__pycache__"))

    def injected(self, names):
        """The extra_vars of the named credentials' types, rendered as AWX renders them."""
        kinds = {each["name"]: each for each in DATA["awx_credential_types"]}
        of = {each["name"]: each["credential_type"] for each in DATA["awx_credentials"]}
        made = {}
        for name in names:
            kind = of[name]
            for variable, template in kinds[kind]["injectors"]["extra_vars"].items():
                made[variable] = SandboxedEnvironment().from_string(template).render(**self.credentials[kind])
        return made

    def job(self, number, name, answers, groups=None):
        """Run one job of a template. Returns (status, return code, the events' tasks, artifacts, standard output)."""
        template = TEMPLATES[name]
        private = self.folder / ("awx_%d" % number)
        for part in ("env", "inventory", "tmp", "home"):
            (private / part).mkdir(parents=True)
        (private / "project").symlink_to(self.project)
        inventory = {"all": {"children": {group: {"hosts": self.hosts} for group in groups or ["langgraph_app"]}}}
        (private / "inventory" / "hosts.yml").write_text(yaml.safe_dump(inventory))
        survey = {each["variable"]: each["default"] for each in template["survey_spec"]["spec"]}
        variables = {**template["extra_vars"], **survey, **answers, "awx_job_id": number, "tower_job_id": number}
        (private / "env" / "extravars").write_text(yaml.safe_dump(variables))
        credentials = private / "env" / "tmp_credentials"
        credentials.touch(mode=0o600)
        # Machine credentials belong to the site, and there are none here.
        names = [each for each in ("langgraph owner", "langgraph application") if repr(each) in template["credentials"]]
        assert names
        credentials.write_text(json.dumps(self.injected(names)))
        config = RunnerConfig(
            private_data_dir=str(private),
            playbook=template["playbook"],
            cmdline="-e @%s" % credentials,
            ident=str(number),
            quiet=True,
            verbosity=3,
            envvars={
                "PATH": os.environ["PATH"],
                "HOME": str(private / "home"),
                "TMPDIR": str(short(private / "tmp")),
                "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
            },
        )
        config.prepare()
        runner = Runner(config)
        kept = [private / "artifacts", private / "tmp", private / "home", self.folder / "remote"]
        with SecretScanner(kept, self.secrets) as scanner:
            status, code = runner.run()
        assert scanner.found == set()
        events = [json.loads(each.read_text()) for each in (private / "artifacts" / str(number) / "job_events").glob("*.json")]
        assert events and scanner.files >= len(events)
        stats = [each["event_data"].get("artifact_data", {}) for each in events if each["event"] == "playbook_on_stats"]
        tasks = {each["event_data"].get("task_action") for each in events if each["event"].startswith("runner_on")}
        return status, code, tasks, stats[0] if stats else {}, (private / "artifacts" / str(number) / "stdout").read_text()


@pytest.fixture
def tower(tmp_path, database, runner):
    names = {"owner": database.owner.name, "app": database.app.name, "database": database.name}
    database.execute(sql.SQL(HANDED_OUT).format(**{name: sql.Identifier(value) for name, value in names.items()}))
    return Tower(tmp_path, database, runner.python)


def test_provision_and_verify(tower):
    answers = {"database_name": tower.database.name}
    status, code, tasks, artifacts, text = tower.job(1, "langgraph provision", answers)
    assert (status, code) == ("successful", 0), text[-3000:]
    assert "stateops.langgraph.checkpoint_schema" in tasks
    assert artifacts["checkpointer_parity_report"]["app1"]["in_parity"] is True
    assert tower.database.tables("langgraph") >= {"checkpoints", "checkpoint_migrations"}

    status, code, tasks, artifacts, text = tower.job(2, "langgraph verify", answers)
    assert (status, code) == ("successful", 0), text[-3000:]
    assert not {"stateops.langgraph.checkpoint_schema", "community.postgresql.postgresql_query"} & tasks
    assert artifacts["checkpointer_parity_report"]["app1"]["in_parity"] is True

    tower.database.execute("DROP INDEX langgraph.checkpoints_thread_id_idx")
    status, code, _tasks, artifacts, text = tower.job(3, "langgraph verify", answers)
    assert (status, code) == ("failed", 2) and "checkpoints_thread_id_idx" in text
    assert artifacts["checkpointer_parity_report"]["app1"]["in_parity"] is False


@pytest.mark.extended
def test_import(tower):
    path = tower.folder / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        saver.put_writes(saver.put(config, empty_checkpoint(), {"step": 1}, {}), [("messages", "an answer")], "task")
    tower.hosts["app1"]["checkpointer_sqlite_path"] = str(path)
    answers = {"database_name": tower.database.name}
    assert tower.job(1, "langgraph provision", answers)[:2] == ("successful", 0)
    status, code, _tasks, artifacts, text = tower.job(2, "langgraph import", answers)
    assert (status, code) == ("successful", 0), text[-3000:]
    assert artifacts["checkpointer_import"]["app1"]["verified"]["checkpoints"] == 1
    assert tower.database.execute("SELECT thread_id, channel FROM langgraph.checkpoint_writes") == [("t", "messages")]


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_an_inventory_that_matches_no_host(tower, name):
    """Without this error, the execution environment itself would be provisioned."""
    status, code, tasks, _artifacts, text = tower.job(1, name, {"database_name": tower.database.name}, groups=["langgraph_apps"])
    assert status == "failed" and code, text[-3000:]
    assert "The group langgraph_app holds no host" in " ".join(text.split())
    assert not [each for each in tasks if each and each.startswith("stateops")]
    assert tower.database.tables("langgraph") == set()
