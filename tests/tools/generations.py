# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what published releases of LangGraph's savers do to a database: GENERATIONS.PY [RELEASE ...].

For each release, a virtualenv that contains it is created in .build/generations (pip installs the packages), its own saver runs,
and the result is written to tests/support/recordings/, whose README.md describes it. Run it again with

    PATH=$PWD/.build/test/bin:$PATH python tests/tools/generations.py

after `make test-unit` has created .build/test. git then shows the differences. If releases are given as arguments, only these are
recorded: `3.2.0` for the PostgreSQL savers, `sqlite-3.1.1` for SqliteSaver, `thread-0.2.60` for a conversation. To add a release, add a
line to POSTGRES, SQLITE or THREADS below.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from databases import SHAPE  # noqa: E402  (found through the path set above)
from servers import Server, installations  # noqa: E402

RECORDINGS = ROOT / "tests" / "support" / "recordings"
VENVS = ROOT / ".build" / "generations"
RECORDER = Path(__file__).with_name("recorder.py")

# The versions of other packages at the time of the release. Some releases cannot be imported with later versions.
CORE_2 = ("langchain-core==0.2.43",)
CORE_3 = ("langchain-core==0.3.83",)
CORE_LAST = ("langchain-core==1.7.2",)
DRIVER = ("psycopg[binary]==3.2.13", "psycopg-pool==3.2.8")
# Each release of langgraph-checkpoint-postgres that changed its MIGRATIONS, oldest first. The last one is the newest published release.
POSTGRES = {
    "1.0.1": ("langgraph-checkpoint==1.0.12", *CORE_2, *DRIVER),
    "1.0.2": ("langgraph-checkpoint==1.0.12", *CORE_2, *DRIVER),
    "2.0.8": ("langgraph-checkpoint==2.0.8", *CORE_3, *DRIVER),
    "2.0.10": ("langgraph-checkpoint==2.0.10", *CORE_3, *DRIVER),
    "2.0.12": ("langgraph-checkpoint==2.0.10", *CORE_3, *DRIVER),
    "2.0.13": ("langgraph-checkpoint==2.0.10", *CORE_3, *DRIVER),
    "3.0.0": ("langgraph-checkpoint==3.0.0", *CORE_LAST, *DRIVER),
    "3.0.1": ("langgraph-checkpoint==3.0.1", *CORE_LAST, *DRIVER),
    "3.2.0": ("langgraph-checkpoint==4.3.2", *CORE_LAST, "psycopg[binary]==3.3.9"),
}
# The packages that contain SqliteSaver: langgraph itself before 0.2, then a separate package.
SQLITE = {
    "0.0.30": ("langgraph==0.0.30", "langchain-core==0.1.53"),
    "0.0.69": ("langgraph==0.0.69", *CORE_2),
    "0.1.19": ("langgraph==0.1.19", *CORE_2),
    "1.0.0": ("langgraph-checkpoint-sqlite==1.0.0", "langgraph-checkpoint==1.0.12", *CORE_2),
    "2.0.11": ("langgraph-checkpoint-sqlite==2.0.11", "langgraph-checkpoint==2.1.2", *CORE_3),
    "3.1.1": ("langgraph-checkpoint-sqlite==3.1.1", "langgraph-checkpoint==4.3.2", *CORE_LAST),
    "3.1.2": ("langgraph-checkpoint-sqlite==3.1.2", "langgraph-checkpoint==4.3.2", *CORE_LAST),
}
# Releases of langgraph itself, with the packages of that time. Each writes a file with a conversation, which later releases continue.
THREADS = {
    "0.2.14": ("langgraph==0.2.14", "langgraph-checkpoint==1.0.6", "langgraph-checkpoint-sqlite==1.0.0", *CORE_2),
    "0.2.60": ("langgraph==0.2.60", "langgraph-checkpoint==2.0.10", "langgraph-checkpoint-sqlite==2.0.1", *CORE_3),
}
CONVERSATION = ROOT / "tests" / "support" / "conversation.py"
# The release that writes a file, and the newer release that then opens it.
REOPENED = ("1.0.0", "3.1.2")
# The packages whose installed versions a recording lists.
TOLD = ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "langchain-core", "psycopg")


def virtualenv(name, packages):
    """A virtualenv with these packages, created once."""
    folder = VENVS / name
    stamp = folder / "packages"
    if not stamp.exists() or stamp.read_text() != "\n".join(packages):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--only-binary", ":all:", *packages], check=True
        )
        stamp.write_text("\n".join(packages))
    return folder / "bin" / "python"


def ask(python, **document):
    """The result of recorder.py in a virtualenv."""
    done = subprocess.run([str(python), str(RECORDER)], input=json.dumps(document), capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


class Databases:
    """Databases on a server, by name. The server's log contains their statements."""

    def __init__(self, server):
        self.server = server

    def make(self, name, template="template0"):
        self.server.execute('CREATE DATABASE "%s" TEMPLATE "%s"' % (name, template))
        return name

    def conninfo(self, name):
        from psycopg.conninfo import make_conninfo

        server = self.server
        return make_conninfo(host=server.host, port=server.port, user=server.user, password=server.password, dbname=name)

    def state(self, name):
        """(the versions in the migrations table, the lines of the catalog)."""
        recorded = [row[0] for row in self.server.execute("SELECT v FROM checkpoint_migrations ORDER BY v", dbname=name)]
        return recorded, [row[0] for row in self.server.execute(SHAPE, dbname=name)]

    def logged(self, name):
        """Each statement that the server received in a database, from its log."""
        mark = "@%s LOG:  " % name
        entries = re.split(r"(?m)^(?=\d{4}-\d\d-\d\d )", self.server.log.read_text(errors="replace"))
        texts = [entry.split(mark, 1)[1] for entry in entries if mark in entry]
        return [" ".join(re.sub(r"^(statement|execute \S+): ", "", text).split()) for text in texts if re.match("statement|execute", text)]


def check(run, logged):
    """Compare the server's log with the recorded statements and their order. A statement that could not be parsed is not in the log."""
    # Psycopg deallocates its prepared statements after an ALTER.
    left = [text for text in logged if text != "DEALLOCATE ALL"]
    for entry in run["statements"]:
        numbers = itertools.count(1)
        text = " ".join(re.sub("%s", lambda _match: "$%d" % next(numbers), entry["sql"]).split())
        if left and left[0] == text:
            left.pop(0)
        elif text and "error" not in entry:
            raise SystemExit("the server's log does not have %r next, but %r" % (text, left[:1]))
    if left:
        raise SystemExit("the server's log contains statements that were not recorded: %s" % left)


def fresh(run, recorded, catalog):
    """A run on an empty database, in the format of a recording."""
    for entry in run["statements"]:
        entry["sql"] = entry["sql"].split("\n")
    return {"statements": run["statements"], "error": run["error"], "migrations": recorded, "catalog": catalog}


def over(run, recorded, catalog, base):
    """A run on a database that was not empty, compared with `base`, the run of the same release on an empty database."""
    known = [("\n".join(entry["sql"]), entry.get("parameters")) for entry in base["statements"]]
    return {
        "sent": [known.index((entry["sql"], entry.get("parameters"))) for entry in run["statements"]],
        "error": run["error"],
        "migrations": recorded,
        "lacks": [line for line in base["catalog"] if line not in catalog],
        "has": [line for line in catalog if line not in base["catalog"]],
    }


def record_postgres(databases, release, earlier):
    """The recording of a release, on an empty database and on the databases of earlier releases."""
    package = "langgraph-checkpoint-postgres==" + release
    python = virtualenv("postgres-" + release, (package, *POSTGRES[release]))
    savers = ask(python)["savers"]
    names = {saver: databases.make("%s-%s" % (saver, release)) for saver in savers}
    runs = [[saver, name] for saver, name in names.items()]
    runs += [["PostgresSaver", databases.make("%s-over-%s" % (release, old), "PostgresSaver-" + old)] for old in earlier]
    answer = ask(python, runs=[[saver, databases.conninfo(name)] for saver, name in runs])
    shallow = []
    if "ShallowPostgresSaver" in names:
        name = databases.make("%s-over-shallow" % release, names["ShallowPostgresSaver"])
        shallow = [["PostgresSaver", name]]
        answer["runs"] += ask(python, runs=[["PostgresSaver", databases.conninfo(name)]])["runs"]
    recording = {
        "release": release,
        "installed": {name: answer["installed"][name] for name in TOLD if name in answer["installed"]},
        "server": "PostgreSQL %d" % databases.server.version,
        "savers": {},
        "over": {},
    }
    for (saver, name), run in zip(runs + shallow, answer["runs"]):
        check(run, databases.logged(name))
        recorded, catalog = databases.state(name)
        if name == names[saver]:
            recording["savers"][saver] = fresh(run, recorded, catalog)
        else:
            recording["over"][name.split("-over-")[1]] = over(run, recorded, catalog, recording["savers"]["PostgresSaver"])
    return recording


def record_sqlite(release, folder):
    """Record a file that this release's SqliteSaver wrote and closed."""
    path = RECORDINGS / "sqlite" / ("%s.sqlite" % release)
    made = Path(folder) / "checkpoints.sqlite"
    ask(virtualenv("sqlite-" + release, SQLITE[release]), sqlite=str(made))
    copy_closed_file(made, path)


def record_thread(release, folder):
    """Record a file with four turns of a conversation, written by this release of langgraph."""
    made = Path(folder) / "thread.sqlite"
    python = virtualenv("thread-" + release, THREADS[release])
    subprocess.run([str(python), str(CONVERSATION), str(made), "4"], check=True, cwd=folder, env=dict(os.environ, PYTHONHASHSEED="0"))
    copy_closed_file(made, RECORDINGS / "threads" / ("%s.sqlite" % release))
    made.unlink()


def reopen(folder):
    """Record an old file after a newer release has opened it and added its column."""
    old, new = REOPENED
    made = Path(folder) / "reopened.sqlite"
    shutil.copy(RECORDINGS / "sqlite" / ("%s.sqlite" % old), made)
    ask(virtualenv("sqlite-" + new, SQLITE[new]), sqlite=str(made))
    copy_closed_file(made, RECORDINGS / "sqlite" / ("%s-by-%s.sqlite" % REOPENED))


def copy_closed_file(made, path):
    """Check that the file is valid and complete without a -wal, and copy it."""
    assert not os.path.exists(str(made) + "-wal"), made
    with contextlib.closing(sqlite3.connect("file:%s?immutable=1" % made, uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.copyfile(made, path)


def dump(recording, path):
    text = json.dumps(recording, indent=2)
    # Write each list of numbers on one line.
    text = re.sub(r"\[\s+(\d+(?:,\s+\d+)*)\s+\]", lambda match: "[%s]" % ", ".join(match.group(1).replace(",", " ").split()), text)
    path.write_text(text + "\n")


def main(asked):
    """Record the given releases, or all of them."""
    for folder in ("postgres", "sqlite", "threads"):
        (RECORDINGS / folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for release in SQLITE:
            if not asked or "sqlite-" + release in asked:
                record_sqlite(release, folder)
                os.unlink(os.path.join(folder, "checkpoints.sqlite"))
                print("sqlite", release)
        if not asked or any("sqlite-" + release in asked for release in REOPENED):
            reopen(folder)
        for release in THREADS:
            if not asked or "thread-" + release in asked:
                record_thread(release, folder)
                print("thread", release)
    if not asked or any(release in asked for release in POSTGRES):
        server = Server(list(installations().values())[-1]).initialise().start()
        try:
            databases = Databases(server)
            releases = list(POSTGRES)
            for number, release in enumerate(releases):
                # Later releases run on the databases of earlier ones.
                recording = record_postgres(databases, release, releases[:number])
                if not asked or release in asked:
                    dump(recording, RECORDINGS / "postgres" / ("%s.json" % release))
                    print("postgres", release)
        finally:
            server.remove()


if __name__ == "__main__":
    main(sys.argv[1:])
