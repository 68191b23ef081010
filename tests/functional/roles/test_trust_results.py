# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose Python belongs to a compromised application returns what it wants. It changes nothing on the controller and on other hosts."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socketserver
import stat
import subprocess
import threading

import ansible
import pytest
from runner import ROOT
from servers import workspace
from sites import ROUNDTRIP, SETUP, Site
from virtualenvs import linked

pytestmark = pytest.mark.newest

# Answers virtualenv_info, which asks it with -I -c, and replaces the result of each module that runs in it.
PYTHON = """#!/bin/sh
case "$1" in -*) exec "${0%%/*}/python.real" "$@" ;; esac
cat > /dev/null
cat %s
"""


class Listener(socketserver.ThreadingTCPServer):
    """Records what clients send, and answers nothing."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host):
        self.received = []
        super().__init__((host, 0), None)

    def finish_request(self, request, client_address):
        self.received.append(request.recv(1024))


class Attack:
    """Two application hosts: app1 is compromised, app2 is not. Both are this machine, which is also the controller."""

    def __init__(self, folder, site, facts, listener):
        self.folder, self.site, self.listener = folder, site, listener
        self.planted, self.touched = folder / "planted", folder / "touched"
        self.template = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % self.touched
        self.result = dict(facts, changed=True, setup_pending=["something"])
        self.orders = {
            "ansible_facts": {
                "checkpointer_report_dir": str(self.planted),
                "checkpointer_report_mode": "4777",
                "checkpointer_login_port": listener.server_address[1],
            },
            "ansible_stats": {"data": {"planted": "by app1"}, "per_host": False},
            "planted": "by app1",
            "ansible_job_id": "1",
            "finished": True,
        }
        venv = linked(folder / "venv")
        python = venv / "bin" / "python"
        python.rename(python.with_name("python.real"))
        python.write_text(PYTHON % (folder / "result.json"))
        python.chmod(0o755)
        site.hosts.pop("app3")
        site.hosts["app1"] = {"checkpointer_virtualenv": str(venv)}

    def play(self, *flags, **kwargs):
        (self.folder / "result.json").write_text(json.dumps({**self.result, **self.orders}))
        return self.site.play(*flags, **kwargs)


@pytest.fixture
def attack(tmp_path, database, target_venv, runner, call_module):
    login = {"login_user": database.app.name, "login_password": database.app.password, "login_db": database.name}
    login.update(login_host=database.server.host, login_port=database.server.port)
    site = Site(tmp_path, database, target_venv, runner)
    facts = call_module("checkpoint_verify", login)
    assert not facts.failed, facts
    with Listener(database.server.host) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Attack(tmp_path, site, facts, listener)
        listener.shutdown()
        thread.join()


def unprotected(folder):
    """The collection without the filter of the results and without the check of the reports' mode."""
    copy = folder / "unprotected" / "ansible_collections" / "stateops" / "langgraph"
    for name in ("plugins", "roles", "meta"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy / "plugins" / "action")
    (copy / "roles" / "checkpointer" / "tasks" / "check_report_options.yml").write_text("[]\n")
    (copy / "galaxy.yml").write_text((ROOT / "galaxy.yml").read_text())
    return {"ANSIBLE_COLLECTIONS_PATH": str(folder / "unprotected")}


def test_a_compromised_host_sets_no_variable(attack):
    done = attack.play().passed()
    # The run did use the results of the host.
    assert done.hosts(SETUP) == ["app1"] and done.hosts(ROUNDTRIP) == ["app1", "app1", "app2", "app2"]
    assert not attack.planted.exists()
    assert attack.listener.received == []
    assert [each for each in done.of(ROUNDTRIP, "app1") + done.of(SETUP) if {"ansible_facts", "ansible_stats", "planted"} & set(each)] == []
    assert "planted" not in done.output.partition("PLAY RECAP")[2]


def test_without_the_filter_it_writes_files_and_redirects_logins(attack):
    """The control of the test above."""
    attack.play(env=unprotected(attack.folder))
    assert {stat.S_IMODE(path.stat().st_mode) for path in attack.planted.glob("app1.*")} == {0o4777}
    assert any(attack.listener.received)


@pytest.mark.parametrize("poll", [1, pytest.param(0, marks=pytest.mark.extended)])
def test_an_asynchronous_task_is_filtered_too(attack, poll):
    database = attack.site.database
    options = {"login_db": database.name, "login_host": database.server.host, "login_port": database.server.port}
    options.update(login_user=database.app.name, login_password=database.app.password)
    settings = {"ansible_python_interpreter": "{{ checkpointer_virtualenv }}/bin/python", "ansible_async_dir": str(attack.folder / "async")}
    task = {"stateops.langgraph.checkpoint_verify": options, "async": 60, "poll": poll, "register": "found", "vars": settings}
    tell = {"ansible.builtin.debug": {"msg": "{{ checkpointer_report_dir is defined }} {{ found.keys() | sort | join(' ') }}"}}
    done = attack.play(play={"roles": [], "tasks": [task, tell]}).passed()
    told = {each["host"]: each["result"]["msg"].split() for each in done.tasks if each["action"] == "ansible.builtin.debug"}
    for names in told.values():
        assert names[0] == "False" and {"ansible_facts", "ansible_stats", "planted"} & set(names) == set()
    assert [("parity" in told[host], "ansible_job_id" in told[host]) for host in ("app1", "app2")] == (
        [(True, False)] * 2 if poll else [(True, True), (False, True)]
    )


def test_text_of_a_host_is_never_a_template(attack):
    result = attack.result
    result.update(role=attack.template, versions=dict.fromkeys(result["versions"], attack.template), warnings=[attack.template])
    result["library"]["version"] = attack.template
    result["parity"].update(summary=attack.template, explanation=attack.template)
    for each in result["parity"]["findings"]:
        each.update(sqlite=attack.template, postgres=attack.template, reason=attack.template)
    for table in result["postgres"]["tables"]:
        table["owner"] = attack.template
    attack.orders = {}
    reports = attack.folder / "reports"
    flags = ["--limit", "app1", "-e", "checkpointer_report_dir=%s" % reports]
    report = {"ansible.builtin.import_role": {"name": "stateops.langgraph.checkpointer", "tasks_from": "report"}}
    attack.play(*flags, play={"tasks": [report]}).passed()
    assert attack.template in (reports / "app1.json").read_text()
    # The message of a failure.
    result["parity"]["in_parity"] = False
    attack.play(*flags).stopped(attack.template)
    assert not attack.touched.exists()
    # The control: the same text in the play is a template.
    attack.play("--limit", "app1", play={"roles": [], "tasks": [{"ansible.builtin.debug": {"msg": attack.template}}]}).passed()
    assert attack.touched.exists()


def test_text_of_a_host_does_not_reach_the_terminal_as_commands(attack):
    sequence = "\x1b]0;planted\x07"
    attack.orders = {}
    attack.result["parity"].update(in_parity=False, summary=sequence, explanation=sequence)
    reports = attack.folder / "reports"
    attack.result["postgres"]["tables"][0]["owner"] = sequence
    flags = ["--limit", "app1", "-e", "checkpointer_report_dir=%s" % reports]
    done = attack.play(*flags).stopped("]0;planted")
    assert "\x1b]" not in done.output
    assert "]0;planted" in (reports / "app1.md").read_text().replace("\\", "") and "\x1b" not in (reports / "app1.md").read_text()
    # A module that fails, one that warns, and a difference.
    told = {"warnings": [sequence], "deprecations": [{"msg": sequence, "version": "99.0.0", "collection_name": "stateops.langgraph"}]}
    attack.result.update(failed=True, msg=sequence, exception=sequence, diff={"before": sequence, "after": "after\n"}, **told)
    done = attack.play("--diff", *flags).stopped("]0;planted")
    assert "+after" in done.output and "\x1b]" not in done.output
    # The control: ansible-core prints such a message as it is, since 2.19.
    failing = {"roles": [], "tasks": [{"ansible.builtin.fail": {"msg": sequence}}]}
    assert ansible.__version__.startswith("2.18.") or "\x1b]0;planted" in attack.play(*flags, play=failing).output


# Python imports this file from the home directory of the account that it runs as. It answers instead of a module, and lets other programs run.
USERCUSTOMIZE = """import os, sys
if sys.orig_argv[1:] in ([], ["-"]) or "AnsiballZ" in sys.orig_argv[-1]:
    print('{"changed": true, "rc": 0, "stdout": "", "stderr": "", "ansible_facts": {"planted": "by the account"}}', flush=True)
    os._exit(0)
"""
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def account():
    """(name, directory that it can read): an account with a home directory that contains the file above."""
    if os.geteuid() or not shutil.which("su") or not os.path.exists(SYSTEM_PYTHON):
        pytest.skip("needs root, su and the Python of the system")
    folder, name = workspace(), "lg%d" % os.getpid()
    subprocess.run(["useradd", "--no-create-home", "--home-dir", str(folder), name], check=True)
    site_packages = subprocess.run([SYSTEM_PYTHON, "-c", "import site; print(site.USER_SITE)"], check=True, env={"HOME": str(folder)}, stdout=subprocess.PIPE)
    target = os.path.join(site_packages.stdout.decode().strip(), "usercustomize.py")
    os.makedirs(os.path.dirname(target))
    with open(target, "w", encoding="utf-8") as file:
        file.write(USERCUSTOMIZE)
    subprocess.run(["chown", "-R", name, str(folder)], check=True)
    yield name, folder
    subprocess.run(["userdel", name], check=True)
    shutil.rmtree(folder)


def test_an_account_that_owns_the_virtualenv_sets_no_variable_while_the_role_installs(tmp_path, database, target_venv, runner, account):
    name, folder = account
    site = Site(tmp_path, database, target_venv, runner)
    # Without wheels the run creates the virtualenv, and ends with pip.
    site.hosts = {"app1": {"checkpointer_virtualenv": str(folder / "venv")}}
    site.variables.update(checkpointer_manage_packages=True, checkpointer_python=SYSTEM_PYTHON, ansible_python_interpreter=SYSTEM_PYTHON)
    site.variables.update(checkpointer_virtualenv_owner=name, checkpointer_wheels_dir=str(folder), ansible_remote_tmp="/tmp/.%s" % name)
    site.variables.update(ansible_become_method="ansible.builtin.su", ansible_become_flags="-s /bin/sh", ansible_become_user="root")
    install = {"ansible.builtin.include_role": {"name": "stateops.langgraph.checkpointer", "tasks_from": "install"}}
    tell = {"ansible.builtin.debug": {"msg": "{{ planted | default('nothing') }}"}}
    done = site.play(play={"roles": [], "tasks": [{"block": [install], "rescue": [tell]}]}).passed()
    assert pwd.getpwuid((folder / "venv" / "bin" / "python").lstat().st_uid).pw_name == name
    assert done.of("Install the packages")[0]["rc"] != 0
    assert done.tasks[-1]["result"]["msg"] == "nothing"
    # The control: a module that runs as the account.
    become = {"ansible.builtin.command": "/bin/true", "become": True, "vars": {"ansible_become_user": name}}
    done = site.play(play={"roles": [], "tasks": [become, tell]}).passed()
    assert done.tasks[-1]["result"]["msg"] == "by the account"
    shutil.rmtree("/tmp/.%s" % name, ignore_errors=True)
