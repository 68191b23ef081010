# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is in the output, a file, an artifact, a process or a server's log, during a run and after it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import secrets
import subprocess
import sys
import zipfile

import pytest
import yaml
from ansible_runner import Runner as AnsibleRunner
from ansible_runner import RunnerConfig
from plays import PLAYBOOKS, run, short
from runner import ROOT
from scope import some, usual
from secret_scanner import SecretScanner, holds
from sites import WatchedSite

pytestmark = pytest.mark.newest


def wrapped(secret):
    """The encodings that could hide a secret."""
    plain = b"before " + secret.encode() + b" after"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inside", plain)
    return {
        "plain": plain,
        "base64": b"x = '" + base64.b64encode(plain * 3) + b"'",
        "gzip": b"head" + gzip.compress(plain),
        "zip": archive.getvalue(),
        "a zip in base64, as a module's payload is": b"ZIPDATA = '" + base64.b64encode(archive.getvalue()) + b"'",
        "gzip in base64 in gzip": gzip.compress(base64.b64encode(gzip.compress(plain))),
    }


@pytest.mark.parametrize("how", list(wrapped("")))
def test_the_scanner_finds_each_encoding(how, tmp_path):
    secret = "marker-" + secrets.token_hex(12)
    data = wrapped(secret)[how]
    assert holds(data, secret)
    assert not holds(data, "marker-" + secrets.token_hex(12))
    with SecretScanner([tmp_path], {"the marker": secret}) as scanner:
        (tmp_path / "file").write_bytes(data)
    assert scanner.found == {"the marker in %s" % (tmp_path / "file")}


def test_the_scanner_reads_command_lines_and_environments(tmp_path):
    line, variable = ("marker-" + secrets.token_hex(12) for _each in range(2))
    with SecretScanner([tmp_path], {"one": line, "the other": variable}) as scanner:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", line], env={"X": variable}, check=True)
    assert sorted(re.sub(r"\d+", "#", each) for each in scanner.found) == ["one in the cmdline of a process: #", "the other in the environ of a process: #"]


@pytest.fixture
def site(tmp_path, database, runner):
    made = WatchedSite(tmp_path, database, runner.python)
    (tmp_path / "work").mkdir()
    yield made
    database.server.execute('DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % made.name)


# Files that Ansible itself writes on the controller.
WRITTEN = {"TMPDIR": "", "ANSIBLE_LOCAL_TEMP": "", "ANSIBLE_LOG_PATH": "log"}
WRONG = "wr0ng-" + secrets.token_hex(12)
# Errors in every stage: with the login of the administrator, of the owner and of the application.
FAULTS = {
    "none": {},
    "no server": {"checkpointer_login_port": 1},
    "the owner's password is wrong": {"checkpointer_owner_password": WRONG},
    "the application's password is wrong": {"checkpointer_app_password": WRONG},
    "the administrator's password is wrong": {"database_login_password": WRONG},
    "no such database": {"checkpointer_login_db": "not_there"},
    "tls that the server does not have": {"checkpointer_ssl_mode": "require"},
    "a parameter that libpq does not know": {"checkpointer_connect_params": {"colour": "blue"}},
    "a password among the parameters": {"checkpointer_connect_params": {"password": WRONG}},
    "a connection string for a database": {"checkpointer_login_db": "postgresql://langgraph_app:%s@db1/langgraph" % WRONG},
    "a secret parameter of the administrator": {"database_connect_params": {"sslpassword": WRONG}},
    "a connection string as the application's role": {"checkpointer_app_user": "host=127.0.0.1 password=%s" % WRONG},
    "a connection string as a socket": {"checkpointer_login_host": "", "checkpointer_login_unix_socket": "host=/run password=%s" % WRONG},
    "a SQLite file that is not a database": {"checkpointer_sqlite_path": "/etc/hostname"},
}


@pytest.mark.parametrize("fault", usual(FAULTS))
def test_provision_with_the_most_verbose_output(site, fault):
    begin = site.database.server.log.stat().st_size
    for flags in some(["--diff"], ["--check", "--diff"]) if fault == "none" else (["--diff"],):
        with site.secret_scanner(**{"the wrong password": WRONG}) as scanner:
            done = run(
                site.folder,
                PLAYBOOKS / "provision.yml",
                site.inventory(**FAULTS[fault]),
                *flags,
                verbosity="-vvvvv",
                forked=False,
                env={name: str(short(site.folder / "work") / place) for name, place in WRITTEN.items()},
            )
        assert (done.rc == 0) is (fault == "none"), done.output[-3000:]
        assert "Traceback" not in done.output
        assert scanner.found == set()
        assert scanner.files > 1, "no file was read"
        said = [name for name, secret in dict(site.marks, wrong=WRONG).items() if holds(done.everything.encode(), secret)]
        assert said == []
    assert site.in_server_log(begin) == []


def test_without_pipelining_the_scanner_finds_what_ansible_writes(site):
    """SECURITY.md and the README warn about this. It also proves that the scanner is fast enough."""
    task = {"stateops.langgraph.checkpoint_schema": site.database.login(virtualenv=str(site.folder / "venv"))}
    play = {"hosts": "langgraph_app", "gather_facts": False, "tasks": [task]}
    with site.secret_scanner() as scanner:
        run(site.folder, [play], site.inventory(ansible_pipelining=False), env={"ANSIBLE_PIPELINING": "False"}).passed()
    assert [each for each in scanner.found if "AnsiballZ_" in each], scanner.found


@pytest.mark.extended
def test_the_artifacts_of_a_runner(site):
    """ansible-runner stores what AWX stores: standard output, each event with its result, the environment, the command."""
    folder = site.folder / "private"
    for part in ("env", "inventory", "project"):
        (folder / part).mkdir(parents=True)
    (folder / "inventory" / "hosts.yml").write_text(yaml.safe_dump(site.inventory()))
    settings = RunnerConfig(
        private_data_dir=str(folder),
        playbook=str(PLAYBOOKS / "provision.yml"),
        verbosity=4,
        quiet=True,
        ident="job",
        envvars={
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "PATH": os.environ["PATH"],
            "HOME": str(site.folder / "work"),
        },
    )
    settings.prepare()
    runner = AnsibleRunner(settings)
    with SecretScanner([folder / "artifacts", site.folder / "work", site.folder / "remote"], site.marks) as scanner:
        status, code = runner.run()
    assert (status, code) == ("successful", 0), runner.stdout.read()[-3000:]
    events = list((folder / "artifacts" / "job" / "job_events").glob("*.json"))
    assert len(events) > 20 and any("checkpoint_" in json.loads(each.read_text()).get("event_data", {}).get("task_action", "") for each in events)
    assert scanner.found == set()
    assert re.search("in parity", (folder / "artifacts" / "job" / "stdout").read_text())


@pytest.mark.extended
def test_the_owners_login_is_not_needed_after_setup(site):
    """verify.yml works with the application's role alone, and no file that provision.yml leaves contains the login of another role."""
    run(site.folder, PLAYBOOKS / "provision.yml", site.inventory()).passed()
    others = {name: secret for name, secret in site.marks.items() if name != "the application's password"}
    with SecretScanner([site.folder / place for place in ("venv", "report", "remote", "work")], others) as scanner:
        site.database.server.execute('ALTER ROLE "%s" NOLOGIN PASSWORD NULL' % site.database.owner.name)
        inventory = site.inventory()
        known = inventory["all"]["vars"]
        for name in [name for name in known if name.startswith(("database_login", "database_owner"))]:
            del known[name]
        known.update(checkpointer_login_host=site.database.server.host, checkpointer_login_port=site.database.server.port)
        run(site.folder, PLAYBOOKS / "verify.yml", inventory).unchanged()
    assert scanner.found == set()
    assert scanner.files > 10, "no file was read"
