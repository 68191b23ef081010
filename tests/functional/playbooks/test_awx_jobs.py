# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the job templates, as AWX runs them: with ansible-runner, this checkout as the project, and the variables that the credentials inject."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib.util import find_spec

import ansible
import pytest
import yaml
from aged_threads import DAY, ago, shapes
from ansible_runner import Runner, RunnerConfig
from authority import Authority
from awx.standin import TOKEN, Awx, Server
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from plays import PLAYBOOKS, run, short
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


LISTS = ("awx_credentials", "awx_credential_types", "awx_templates", "awx_notifications")
# To render the shipped data as the role sees it. AWX evaluates the strings that are tagged unsafe.
RENDER = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(PLAYBOOKS / "vars" / "awx.yml")],
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "awx_controller_host": "", "awx_controller_oauth_token": ""},
        "tasks": [
            {"ansible.builtin.copy": {"content": "{{ {%s} | to_json }}" % ", ".join("'%s': %s" % (name, name) for name in LISTS), "dest": "{{ rendered }}"}}
        ],
    }
]
NAMES = ["langgraph provision", "langgraph verify", "langgraph import", "langgraph prune", "langgraph erase", "langgraph stats"]


class Unsafe(str):
    """An answer of a survey. AWX writes it with a tag, so that Ansible does not evaluate it as a template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


class Tower:
    """The files that AWX creates for a job, and those that it stores afterwards."""

    def __init__(self, folder, database, python, **variables):
        self.folder = folder
        self.database = database
        server = database.server
        self.secrets = {"the owner's password": database.owner.password, "the application's password": database.app.password}
        self.data = self.render(
            database_owner_user=database.owner.name,
            database_owner_password=database.owner.password,
            database_app_user=database.app.name,
            database_app_password=database.app.password,
            **variables,
        )
        self.templates = {each["name"]: each for each in self.data["awx_templates"]}
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(python),
            "ansible_become": False,
            "ansible_remote_tmp": str(folder / "remote"),
            "database_login_host": server.host,
            "database_login_port": server.port,
            "database_manage_server": False,
        }
        self.hosts = {
            "langgraph_app": {"app1": {**local, "checkpointer_virtualenv": str(linked(folder / "venv")), "checkpointer_manage_packages": False}},
            "langgraph_db": {"db1": local},
        }
        self.project = folder / "project"
        shutil.copytree(ROOT, self.project, symlinks=True, ignore=shutil.ignore_patterns(".git", ".build", ".venv", ".ansible", "tests", "__pycache__"))

    def render(self, **variables):
        """The lists of playbooks/vars/awx.yml with these variables."""
        path, extra = self.folder / "rendered.json", self.folder / "extra.json"
        extra.write_text(json.dumps(dict(variables, rendered=str(path))))
        run(self.folder, RENDER, "localhost,", "-c", "local", "-e", "@%s" % extra, verbosity="").passed()
        return json.loads(path.read_text())

    def injected(self, names, folder):
        """The extra_vars of the named credentials' types, rendered as AWX renders them, after it has written their files."""
        kinds = {each["name"]: each for each in self.data["awx_credential_types"]}
        credentials = {each["name"]: each for each in self.data["awx_credentials"]}
        made = {}
        for name in names:
            kind, inputs = kinds[credentials[name]["credential_type"]], credentials[name]["inputs"]
            files = {}
            for file, template in kind["injectors"].get("file", {}).items():
                path = folder / ("%s_%s" % (name.replace(" ", "_"), file.split(".")[1]))
                path.touch(mode=0o600)
                path.write_text(SandboxedEnvironment().from_string(template).render(**inputs))
                files[file.split(".")[1]] = str(path)
            for variable, template in kind["injectors"].get("extra_vars", {}).items():
                made[variable] = SandboxedEnvironment().from_string(template).render(**inputs, tower={"filename": files})
        return made

    def job(self, number, name, answers, groups=None, flags=""):
        """Run one job of a template. Returns (status, return code, the events' tasks, artifacts, standard output)."""
        template = self.templates[name]
        private = self.folder / ("awx_%d" % number)
        for part in ("env", "inventory", "tmp", "home"):
            (private / part).mkdir(parents=True)
        (private / "project").symlink_to(self.project)
        groups = {"langgraph_app": "langgraph_app"} if groups is None else groups
        inventory = {"all": {"children": {group: {"hosts": self.hosts[hosts]} for group, hosts in groups.items()}}}
        (private / "inventory" / "hosts.yml").write_text(yaml.safe_dump(inventory))
        survey = {each["variable"]: each["default"] for each in template.get("survey_spec", {}).get("spec", [])}
        answers = {key: Unsafe(value) if isinstance(value, str) else value for key, value in {**survey, **answers}.items()}
        variables = {**template.get("extra_vars", {}), **answers, "awx_job_id": number, "tower_job_id": number}
        (private / "env" / "extravars").write_text(yaml.safe_dump(variables))
        credentials = private / "env" / "tmp_credentials"
        credentials.touch(mode=0o600)
        credentials.write_text(json.dumps(self.injected(template["credentials"], private / "env")))
        config = RunnerConfig(
            private_data_dir=str(private),
            playbook=template["playbook"],
            cmdline="-e @%s %s" % (credentials, flags),
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
        # The callback colors each line of a message separately, also within a phrase.
        text = re.sub(r"\x1b\[[0-9;]*m", "", (private / "artifacts" / str(number) / "stdout").read_text())
        return status, code, tasks, stats[0] if stats else {}, text


def hand_out(database):
    names = {"owner": database.owner.name, "app": database.app.name, "database": database.name}
    database.execute(sql.SQL(HANDED_OUT).format(**{name: sql.Identifier(value) for name, value in names.items()}))


@pytest.fixture
def tower(tmp_path, database, runner):
    hand_out(database)
    return Tower(tmp_path, database, runner.python, site_webhook="https://hook.example.com", site_email=["ops@example.com"])


def told(tower, artifacts):
    """The messages about a failed job, rendered as AWX renders them."""
    job = {"id": 3, "name": "langgraph verify", "status": "failed", "artifacts": artifacts}
    context = {"job": job, "job_friendly_name": "Job", "url": "https://awx.example.com/#/jobs/playbook/3"}
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    messages = {each["name"]: each["messages"]["error"]["body"] for each in tower.data["awx_notifications"] if "body" in each["messages"]["error"]}
    return {name: environment.from_string(text).render(context) for name, text in messages.items()}


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
    assert "drifted" not in told(tower, artifacts)["langgraph, email"] and json.loads(told(tower, artifacts)["langgraph, webhook"])["drifted"] == []

    tower.database.execute("DROP INDEX langgraph.checkpoints_thread_id_idx")
    status, code, _tasks, artifacts, text = tower.job(3, "langgraph verify", answers)
    assert (status, code) == ("failed", 2) and "checkpoints_thread_id_idx" in text
    assert artifacts["checkpointer_parity_report"]["app1"]["in_parity"] is False
    # The message names the host that drifted, and AWX can render it for a job without artifacts.
    assert "app1 has drifted: " in told(tower, artifacts)["langgraph, email"]
    assert json.loads(told(tower, artifacts)["langgraph, webhook"])["drifted"] == ["app1"]
    assert json.loads(told(tower, {})["langgraph, webhook"]) == {
        "text": "Job 3, langgraph verify: failed",
        "url": "https://awx.example.com/#/jobs/playbook/3",
        "drifted": [],
        "exceeded": [],
    }


def test_a_managed_server_with_its_administrator_and_certificates(tmp_path, encrypted, encrypted_database, runner):
    """The administrator creates what test_provision_and_verify is handed out. The server's certificate is verified with the file of the credential."""
    server = encrypted_database.server
    certificate, key = encrypted.authority.sign("client", "client")
    tower = Tower(
        tmp_path,
        encrypted_database,
        runner.python,
        database_login_user=server.user,
        database_login_password=server.password,
        site_ca_cert=encrypted.authority.certificate.read_text(),
        site_ssl_cert=certificate.read_text(),
        site_ssl_key=key.read_text(),
    )
    tower.secrets.update({"the administrator's password": server.password, "the key": key.read_text().splitlines()[1]})
    groups = {group: group for group in ("langgraph_app", "langgraph_db")}
    answers = {"database_name": encrypted_database.name}
    status, code, _tasks, artifacts, text = tower.job(1, "langgraph provision", answers, groups)
    assert (status, code) == ("successful", 0), text[-3000:]
    assert artifacts["checkpointer_parity_report"]["app1"]["in_parity"] is True
    assert encrypted_database.owners("langgraph")["checkpoints"] == encrypted_database.owner.name
    # The control: the certificates of another authority.
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    tower.data["awx_credentials"] = [
        {**each, "inputs": {"ca_cert": other.certificate.read_text()}} if each["name"] == "langgraph certificates" else each
        for each in tower.data["awx_credentials"]
    ]
    status, code, _tasks, _artifacts, text = tower.job(2, "langgraph verify", answers)
    assert status == "failed" and "SSL error" in " ".join(text.split()), text[-3000:]


@pytest.mark.skipif(find_spec("ansible_collections.awx") is None, reason="the package ansible contains awx.awx up to ansible-core 2.20")
def test_the_job_that_configures_awx(tmp_path, encrypted_database, runner):
    """It gets the address and the token of AWX, and the passwords that the data needs, from its credentials."""
    awx = Awx()
    with Server(awx) as server:
        tower = Tower(tmp_path, encrypted_database, runner.python, site_configure=True, awx_controller_host=server.url, awx_controller_oauth_token=TOKEN)
        tower.secrets["the token of AWX"] = TOKEN
        status, code, _tasks, _artifacts, text = tower.job(1, "langgraph configure", {"site_configure": True}, flags="--check")
    assert (status, code) == ("successful", 0), text[-3000:]
    assert "job template langgraph configure" in text and "node verify of langgraph change" in text
    assert awx.requests and {method for method, *_rest in awx.requests} <= {"GET", "OPTIONS"}


@pytest.mark.extended
def test_import(tower):
    path = tower.folder / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        saver.put_writes(saver.put(config, empty_checkpoint(), {"step": 1}, {}), [("messages", "an answer")], "task")
    tower.hosts["langgraph_app"]["app1"]["checkpointer_sqlite_path"] = str(path)
    answers = {"database_name": tower.database.name}
    assert tower.job(1, "langgraph provision", answers)[:2] == ("successful", 0)
    status, code, _tasks, artifacts, text = tower.job(2, "langgraph import", answers)
    assert (status, code) == ("successful", 0), text[-3000:]
    assert artifacts["checkpointer_import"]["app1"]["verified"]["checkpoints"] == 1
    assert tower.database.execute("SELECT thread_id, channel FROM langgraph.checkpoint_writes") == [("t", "messages")]


def test_prune_and_erase(tower):
    """The first step of each workflow counts. The second one deletes. Answers are texts, and no answer selects nothing."""
    answers, database = {"database_name": tower.database.name}, tower.database
    assert tower.job(1, "langgraph provision", answers)[:2] == ("successful", 0)
    with database.saver() as saver:
        for thread, age in (("ada-1", 90), ("ada-2", 1), ("bob-1", 2), ("bob-2", 3)):
            with ago(age * DAY):
                shapes(saver)["plain"].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}, "metadata": {"user_id": thread[:3]}})

    def threads():
        return [row[0] for row in database.execute("SELECT DISTINCT thread_id FROM langgraph.checkpoints ORDER BY 1")]

    tower.hosts["langgraph_app"]["app1"]["retention_policies"] = [{"name": "old", "older_than": "30d"}]
    for number, flags, left in ((2, "--check", 4), (3, "", 3)):
        status, code, _tasks, artifacts, text = tower.job(number, "langgraph prune", answers, flags=flags)
        assert (status, code) == ("successful", 0), text[-3000:]
        assert artifacts["retention_report"]["app1"]["deleted"]["deleted"] == 1 and len(threads()) == left and "ada-" not in text
    touched = tower.folder / "touched"
    template = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % touched
    # With ansible-core 2.18 the answer stays a text, so it is the id of a thread. Newer versions read it as the number 10.
    number_like = ("successful", "0 of 0 threads") if ansible.__version__.startswith("2.18.") else ("failed", "looks like one as a pattern")
    expected = {"": ("failed", "both empty"), template: ("successful", "0 of 0 threads"), "0012": number_like}
    for number, (named, (ends, says)) in zip((4, 5, 8), expected.items()):
        status, code, _tasks, _artifacts, text = tower.job(number, "langgraph erase", {**answers, "retention_erase_threads": named})
        assert (status, says in " ".join(text.split())) == (ends, True), text[-3000:]
        assert len(threads()) == 3 and not touched.exists()
    erase = {**answers, "retention_erase_metadata": '{"user_id": "bob"}', "retention_limit_percent": 70, "retention_recheck": 1}
    for number, flags, left in ((6, "--check", ["ada-2", "bob-1", "bob-2"]), (7, "", ["ada-2"])):
        status, code, _tasks, artifacts, text = tower.job(number, "langgraph erase", erase, flags=flags)
        assert (status, code) == ("successful", 0), text[-3000:]
        summary = artifacts["retention_report"]["app1"]
        assert summary["erasure"] is True and summary["deleted"]["deleted"] == 2 and threads() == left


def test_stats(tower):
    """The inventory has the policy, and a survey its age. The answer is a text. A message about a failed job names the host and the limit."""
    answers, database = {"database_name": tower.database.name}, tower.database
    assert tower.job(1, "langgraph provision", answers)[:2] == ("successful", 0)
    with database.saver() as saver:
        for thread, age in (("ada-1", 90), ("ada-2", 40), ("bob-1", 2)):
            with ago(age * DAY):
                shapes(saver)["plain"].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}})
    app = tower.hosts["langgraph_app"]["app1"]
    app["checkpointer_stats_policy"] = {"older_than": "60d"}
    before, removable = database.snapshot(), {}
    for number, age in ((2, ""), (3, "1d")):
        status, code, tasks, artifacts, text = tower.job(number, "langgraph stats", {**answers, "checkpointer_stats_older_than": age})
        assert (status, code) == ("successful", 0), text[-3000:]
        assert not {"stateops.langgraph.checkpoint_schema", "stateops.langgraph.checkpoint_prune"} & tasks and "ada-" not in text
        removable[age] = artifacts["checkpointer_stats_report"]["app1"]["removable_bytes"]
    assert 0 < removable[""] < removable["1d"] and database.snapshot() == before
    touched = tower.folder / "touched"
    template = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % touched
    status, _code, _tasks, _artifacts, text = tower.job(4, "langgraph stats", {**answers, "checkpointer_stats_older_than": template})
    assert (status, "a number greater than 0 and a unit" in " ".join(text.split())) == ("failed", True) and not touched.exists(), text[-3000:]
    app["checkpointer_stats_limits"] = {"oldest_age": "80d"}
    status, _code, _tasks, artifacts, text = tower.job(5, "langgraph stats", answers)
    assert status == "failed" and "90d old, and the limit is 80d" in " ".join(text.split())
    assert "app1 exceeds a limit: The newest checkpoint of the oldest thread is 90d old" in told(tower, artifacts)["langgraph, email"]
    assert json.loads(told(tower, artifacts)["langgraph, webhook"])["exceeded"] == ["app1"]


@pytest.mark.parametrize("name", NAMES)
def test_an_inventory_that_matches_no_host(tower, name):
    """Without this error, the execution environment itself would be provisioned."""
    status, code, tasks, _artifacts, text = tower.job(1, name, {"database_name": tower.database.name}, groups={"langgraph_apps": "langgraph_app"})
    assert status == "failed" and code, text[-3000:]
    assert "The group langgraph_app contains no host" in " ".join(text.split())
    assert not [each for each in tasks if each and each.startswith("stateops")]
    assert tower.database.tables("langgraph") == set()
