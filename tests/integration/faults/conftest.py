# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the faults share: who is tried, the ledger, a server that may be stopped, and databases to strike at."""

from __future__ import annotations

import os
import re

import pytest
from authority import Authority
from databases import TABLES, Database
from events import until
from faults.contenders import Collection, Upstream
from faults.table import Ledger
from generations import migrate
from lookout import Lookout, holds
from servers import MARK, Server, installations
from test_schema_converge import assert_complete

# `make faults` strikes everywhere; elsewhere one place of this many is tried, and of those that take ten seconds each one of FEWER.
EVERY = 1 if os.environ.get("LANGGRAPH_TEST_FAULTS") == "all" else 12
FEWER = 1 if EVERY == 1 else 40
OLD = "1.0.2"


def pytest_collection_modifyitems(config, items):
    """Upstream's column takes as long as ours, and judges nothing of ours: only the whole suite fills it."""
    if EVERY > 1:
        left = [item for item in items if "faults" in item.path.parts and "upstream" in item.name]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture
def ledger(request):
    return Ledger(request.node.user_properties)


@pytest.fixture(scope="session")
def client_key(tmp_path_factory):
    """(certificate, key) that each run is told of, as a team would that logs in by certificate."""
    return Authority(tmp_path_factory.mktemp("authority")).sign("a client", "client")


@pytest.fixture(scope="session")
def marks(client_key):
    """Every secret that a run is given. A connection string is known by its password, which has the mark as well."""
    lines = [line for line in client_key[1].read_text().splitlines() if not line.startswith("-")]
    return {"a password": MARK, **{"line %d of the key" % number: line for number, line in enumerate(lines)}}


@pytest.fixture(scope="session")
def told(marks, client_key):
    """What each run of the module is told beside its login."""
    return {"marks": marks, "ssl_cert": str(client_key[0]), "ssl_key": str(client_key[1]), "lock_wait": 60, "lock_timeout": 20}


@pytest.fixture(scope="session")
def collection(start_module, told):
    return Collection(start_module, **told)


@pytest.fixture(autouse=True)
def silent(request, runner, marks, monkeypatch):
    """Whatever strikes: no secret is in what is printed, nor in a file, a process or a server's log, during the test and after it."""
    logs = Logs(marks)
    # Some servers do not outlive their test.
    monkeypatch.setattr(Server, "before_removal", lambda server: logs.read(server.log))
    contenders = [request.getfixturevalue(name) for name in ("collection", "removal") if name in request.fixturenames]
    with Lookout([runner.scratch], marks) as lookout:
        yield
        for each in contenders:
            each.read_the_rest()
    logs.read_all()
    # A play that a test writes has in it what its tasks are given.
    found = {each for each in lookout.found if not each.endswith("/play.yml")} | logs.found
    for each in contenders:
        found |= each.shown
        each.shown = set()
    assert found == set()


@pytest.fixture(scope="session")
def upstream(target_venv):
    return Upstream(target_venv / "bin" / "python")


@pytest.fixture(scope="module")
def victim():
    """A server of the newest version that a test may stop hard."""
    # Else what a run wrote is lost with the server, and the next one never meets half of it.
    server = Server(list(installations().values())[-1], settings={"synchronous_commit": "on"}).initialise().start()
    yield server
    server.remove()


# A test makes the roles itself, and servers of the tests log every statement.
MADE = re.compile(rb"(CREATE|ALTER) ROLE ")


class Logs:
    """What the servers of this process write during a test. `found` are sentences, as the lookout's."""

    def __init__(self, marks):
        self.marks = marks
        self.found = set()
        self._begun = {server.log: server.log.stat().st_size for server in Server.running}

    def read_all(self):
        for server in Server.running:
            self.read(server.log)

    def read(self, log):
        with log.open("rb") as file:
            file.seek(self._begun.get(log, 0))
            lines = b"\n".join(line for line in file.read().split(b"\n") if not MADE.search(line))
        self.found.update("%s in a server's log" % name for name, secret in self.marks.items() if holds(lines, secret))


class Start:
    """A state that a run begins in. It has rows where it has tables, to be found again afterwards."""

    def __init__(self, name, release=None):
        self.name = name
        self.release = release

    def make(self, server):
        database = Database.create(server)
        if self.release:
            migrate(database, self.release, role=database.owner)
            for number, table in enumerate(TABLES):
                database.execute(ROWS[table], [str(number)], role=database.owner)
        return database

    def rows(self, database):
        if not self.release:
            return None
        return [database.execute("SELECT thread_id, checkpoint_ns, %s FROM %s ORDER BY 1" % (KEPT[table], table)) for table in TABLES]


ROWS = {
    "checkpoints": "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{\"v\": 1}')",
    "checkpoint_blobs": "INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob) VALUES (%s, 'messages', '1', 'bytes', '\\x00ff')",
    "checkpoint_writes": "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob) VALUES (%s, 'c', 't', 0, 'm', '\\x01')",
}
KEPT = {"checkpoints": "checkpoint", "checkpoint_blobs": "blob", "checkpoint_writes": "blob"}
STARTS = [Start("a first setup"), Start("an upgrade", OLD)]


# What the saver's ON CONFLICT clauses need.
KEYS = {
    "checkpoints": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)",
    "checkpoint_blobs": "PRIMARY KEY (thread_id, checkpoint_ns, channel, version)",
    "checkpoint_writes": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)",
}


def whole(database, schema="public"):
    """Why the schema is not whole, or an empty string."""
    try:
        assert_complete(database, schema)
        keys = database.execute(
            "SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " WHERE k.contype = 'p' AND k.connamespace = %s::regnamespace",
            [schema],
        )
        assert KEYS.items() <= dict(keys).items(), "keys: %s" % keys
    except Exception as error:  # pylint: disable=broad-exception-caught  # a table that is not there is one of the answers
        return str(error).split("\n", maxsplit=1)[0] or type(error).__name__
    return ""


def sessions(database):
    """Of the owner's role, on that database."""
    return database.server.execute("SELECT pid, query FROM pg_stat_activity WHERE datname = %s AND usename = %s", [database.name, database.owner.name])


def locks(database):
    return database.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


def alone(database, seconds=15):
    """Wait until nothing of a run is left on the server."""
    until(lambda: not sessions(database), seconds)
