# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One complete host: a server, a virtualenv, two roles, the schema, and a SQLite file of the application."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "support"))

from databases import Database  # noqa: E402  # found through the path set above
from runner import Runner  # noqa: E402  # found through the path set above
from servers import Server, embedded_binaries, installations  # noqa: E402  # found through the path set above
from tables import fill  # noqa: E402  # found through the path set above

VIRTUALENV = ROOT / ".build" / "bench" / "venv"
SCHEMA = "langgraph"
DEFAULTS = yaml.safe_load((ROOT / "roles" / "checkpointer" / "defaults" / "main.yml").read_text())
PACKAGES = [
    "langgraph-checkpoint-postgres==" + DEFAULTS["checkpointer_langgraph_checkpoint_postgres_version"],
    "langgraph-checkpoint-sqlite==" + DEFAULTS["checkpointer_langgraph_checkpoint_sqlite_version"],
    "langgraph-checkpoint==" + DEFAULTS["checkpointer_langgraph_checkpoint_version"],
    "psycopg[binary]==" + DEFAULTS["checkpointer_psycopg_version"],
]
# The servers of the tests are not durable and log every statement. The benchmark's server has the usual settings.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "128MB", "log_statement": "none"}


class Host:
    """This machine as a host in an inventory. `play` runs one playbook on it."""

    def __init__(self, folder, variables, database):
        self.folder = folder
        self.database = database
        # Passwords are in a file that only its owner can read, because every user can read command lines.
        inventory = {"langgraph_app": {"hosts": {"localhost": dict(variables, ansible_connection="local", ansible_python_interpreter=_base_python())}}}
        self.inventory = folder / "inventory.yml"
        self.inventory.touch(mode=0o600)
        self.inventory.write_text(yaml.safe_dump(inventory))

    def play(self, playbook):
        """The output of ansible-playbook. Ends the benchmark if it fails."""
        path = self.folder / ("%s.yml" % playbook.name)
        if not path.exists():
            path.write_text(yaml.safe_dump([playbook.play], sort_keys=False))
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_NOCOLOR": "1",
        }
        program = Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [str(program), "-i", str(self.inventory), str(path)],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit("ansible-playbook %s ended with %d:\n%s" % (path.name, done.returncode, done.stdout[-4000:]))
        return done.stdout


@contextlib.contextmanager
def converged_host():
    """A Host on which the role has nothing to do."""
    _make_virtualenv()
    folder = Path(tempfile.mkdtemp(prefix="langgraph-bench-"))
    server = Server(embedded_binaries(), SETTINGS)
    try:
        server.initialise().start()
        database = _make_database(server)
        sqlite = _make_sqlite_file(folder)
        yield Host(folder, _variables(database, sqlite), database)
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _built_with(binaries):
    return subprocess.run([str(binaries / "pg_config"), "--configure"], stdout=subprocess.PIPE, text=True, check=False).stdout


@contextlib.contextmanager
def usual_database():
    """(the server's version, a database for the application) on the newest server with lz4, such as a distribution's, or on the newest if none has it."""
    _make_virtualenv()
    found = list(installations().values())
    server = Server(([path for path in found if "with-lz4" in _built_with(path)] or found)[-1], SETTINGS)
    try:
        server.initialise().start()
        yield server.version, _make_database(server)
    finally:
        server.remove()


def _base_python():
    """The Python from which the virtualenvs were created. Both playbooks use it as the host's Python."""
    return os.path.realpath(sys.executable)


def _make_virtualenv():
    """Create the virtualenv once, and again if the pins change. The playbooks themselves check its contents."""
    wanted = VIRTUALENV.parent / "packages"
    if wanted.exists() and wanted.read_text().splitlines() == PACKAGES:
        return
    print("creating %s" % VIRTUALENV.relative_to(ROOT), flush=True)
    subprocess.run([_base_python(), "-m", "venv", "--clear", str(VIRTUALENV)], check=True)
    pip = [str(VIRTUALENV / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    wanted.write_text("\n".join(PACKAGES) + "\n")


def _make_database(server):
    """A database with the owner, the application role and the schema that the Ansible role stateops.langgraph.database creates, and with LangGraph's tables."""
    database = Database.create(server)
    database.execute('CREATE SCHEMA %s AUTHORIZATION "%s"' % (SCHEMA, database.owner.name))
    for role in database.roles:
        database.execute('ALTER ROLE "%s" IN DATABASE "%s" SET search_path TO %s' % (role.name, database.name, SCHEMA))
    database.setup(schema=SCHEMA)
    database.grant(schema=SCHEMA)
    return database


def make_runner(folder):
    """A Runner that runs modules in the benchmark's virtualenv without starting ansible-playbook."""
    return Runner(VIRTUALENV / "bin" / "python", folder)


def make_filled_database(host, rows):
    """The name of a second database on the same server, for the same application, with this many rows in each of LangGraph's data tables."""
    print("filling three tables with %d rows each" % rows, flush=True)
    database = _make_database(host.database.server)
    database.grant(role=host.database.app, schema=SCHEMA)
    fill(database, SCHEMA, rows)
    return database.name


def _make_sqlite_file(folder):
    """A file with one thread: a few checkpoints and pending writes, written by SqliteSaver."""
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = folder / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        config = {"configurable": {"thread_id": "conversation", "checkpoint_ns": ""}}
        for step in range(20):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"messages": ["message %d" % number for number in range(step)], "step": step}
            checkpoint["channel_versions"] = {"messages": str(step), "step": str(step)}
            config = saver.put(config, checkpoint, {"source": "loop", "step": step, "parents": {}}, checkpoint["channel_versions"])
            saver.put_writes(config, [("messages", "message %d" % step)], "task-%d" % step)
    return path


def _variables(database, sqlite):
    return {
        "checkpointer_virtualenv": str(VIRTUALENV),
        "checkpointer_login_host": database.server.host,
        "checkpointer_login_port": database.server.port,
        "checkpointer_login_db": database.name,
        "checkpointer_schema": SCHEMA,
        "checkpointer_owner_user": database.owner.name,
        "checkpointer_owner_password": database.owner.password,
        "checkpointer_app_user": database.app.name,
        "checkpointer_app_password": database.app.password,
        "checkpointer_sqlite_path": str(sqlite),
        "by_hand_packages": PACKAGES,
    }
