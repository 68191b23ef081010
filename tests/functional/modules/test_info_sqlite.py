# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema_info compares PostgreSQL with SQLite files of each kind, and does not change those files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from assertions import assert_refused, assert_succeeded
from generations import SQLITE, sqlite_file
from runner import library
from servers import opened, os_user
from sqlite_threads import saved
from virtualenvs import site_packages

pytestmark = pytest.mark.newest


@pytest.fixture
def ready(database):
    database.setup()
    return database


def contents(folder):
    """{name: content} of all files in a directory. A -shm may appear and change, and an empty -wal may appear with it."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file() and not path.name.endswith("-shm") and not (path.name.endswith("-wal") and path.stat().st_size == 0)
    }


def compare(call_module, database, check=False, **options):
    return call_module("checkpoint_schema_info", database.login(**options), check=check)


def drifts(result):
    return [finding for finding in result["parity"]["findings"] if finding["verdict"] == "drift"]


def names(result):
    return {table["name"] for table in result["sqlite"]["tables"]}


def test_a_real_file_is_in_parity_and_is_not_changed(ready, call_module, tmp_path):
    path = saved(tmp_path / "state.sqlite")
    before = contents(tmp_path)
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert done["changed"] is False
    assert done["parity"]["in_parity"] is True
    assert names(done) == {"checkpoints", "writes"}
    assert str(path) in json.dumps(done["parity"]["reference"])
    assert contents(tmp_path) == before


def test_an_open_file_whose_data_is_in_the_wal(ready, call_module, tmp_path):
    """The main file alone contains no tables yet."""
    path = tmp_path / "state.sqlite"
    writer = sqlite_file(path, close=False)
    try:
        assert (tmp_path / "state.sqlite-wal").stat().st_size > 0
        before = contents(tmp_path)
        done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
        assert names(done) == {"checkpoints", "writes"}
        assert done["parity"]["in_parity"] is True
        assert contents(tmp_path) == before
        writer.execute("INSERT INTO checkpoints (thread_id, checkpoint_id) VALUES ('t', 'c')")
        writer.commit()
    finally:
        writer.close()


def test_a_copy_of_the_main_file_alone(ready, call_module, tmp_path):
    """An ordinary backup of an open file contains only the main file. It must not be reported as an empty application."""
    path = tmp_path / "state.sqlite"
    writer = sqlite_file(path, close=False)
    try:
        shutil.copy(path, tmp_path / "copy.sqlite")
    finally:
        writer.close()
    before = contents(tmp_path)
    outcome = compare(call_module, ready, sqlite_path=str(tmp_path / "copy.sqlite"), assert_parity=True)
    assert_refused(outcome, "copy.sqlite", "wal|tables|checkpoints", databases=[ready])
    assert contents(tmp_path) == before


def test_a_file_after_a_crash(ready, call_module, tmp_path):
    """Main file and -wal without a process: the tables are in the -wal."""
    path = tmp_path / "live.sqlite"
    writer = sqlite_file(path, close=False)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("live.sqlite", "live.sqlite-wal"):
        shutil.copy(tmp_path / name, crashed / name)
    writer.close()
    before = contents(crashed)
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(crashed / "live.sqlite")), ready)
    assert names(done) == {"checkpoints", "writes"}
    assert contents(crashed) == before


def test_without_a_reference_the_installed_library_is_used(ready, call_module):
    done = assert_succeeded(compare(call_module, ready), ready)
    assert "langgraph-checkpoint-sqlite" in json.dumps(done["parity"]["reference"])
    assert done["parity"]["in_parity"] is True
    (writes,) = [table for table in done["sqlite"]["tables"] if table["name"] == "writes"]
    assert "task_path" in [column["name"] for column in writes["columns"]]


@pytest.mark.parametrize("generation", ["task_path", "no task_path"])
def test_the_schema_of_another_host_gives_the_same_verdict(ready, call_module, tmp_path, generation):
    path = sqlite_file(tmp_path / "state.sqlite", generation)
    there = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    here = assert_succeeded(compare(call_module, ready, sqlite_schema=json.loads(json.dumps(there["sqlite"]))), ready)
    assert here["parity"]["in_parity"] is there["parity"]["in_parity"]
    assert here["parity"]["findings"] == there["parity"]["findings"]
    assert here["sqlite"] == there["sqlite"]


@pytest.mark.parametrize(
    "schema", [{"tables": 1}, {}, {"engine": "postgresql", "name": "x", "tables": []}, {"engine": "sqlite", "name": "x", "tables": [{"name": 1}]}], ids=str
)
def test_an_invalid_schema(ready, call_module, schema):
    assert_refused(compare(call_module, ready, sqlite_schema=schema), "sqlite_schema", databases=[ready])


def test_the_postgres_schema_in_the_wrong_option(ready, call_module):
    found = assert_succeeded(compare(call_module, ready), ready)
    assert_refused(compare(call_module, ready, sqlite_schema=found["postgres"]), "sqlite_schema", "sqlite", databases=[ready])


def test_two_references_are_rejected(ready, call_module, tmp_path):
    path = sqlite_file(tmp_path / "state.sqlite")
    found = assert_succeeded(compare(call_module, ready), ready)
    outcome = compare(call_module, ready, sqlite_path=str(path), sqlite_schema=found["sqlite"])
    assert outcome.failed and "sqlite_path" in outcome["msg"] and "sqlite_schema" in outcome["msg"]


SQLITE_DRIFTS = {
    "a column that PostgreSQL lacks": ("ALTER TABLE writes ADD COLUMN tenant TEXT", "tenant"),
    "a column of the application": ("ALTER TABLE checkpoints ADD COLUMN note BLOB", "note"),
    "a lost column": ("ALTER TABLE checkpoints DROP COLUMN parent_checkpoint_id", "parent_checkpoint_id"),
    "a missing table": ("DROP TABLE writes", "writes"),
}


@pytest.mark.parametrize("what", list(SQLITE_DRIFTS))
def test_drift_in_sqlite(ready, call_module, tmp_path, what):
    path = sqlite_file(tmp_path / "state.sqlite")
    statement, name = SQLITE_DRIFTS[what]
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert done["parity"]["in_parity"] is False
    assert name in str(drifts(done))


def test_tables_of_the_application_in_the_same_file(ready, call_module, tmp_path):
    """LangGraph's store or other tables are not part of the checkpointer's schema."""
    path = sqlite_file(tmp_path / "state.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE store (prefix TEXT, key TEXT, value TEXT, PRIMARY KEY (prefix, key))")
    connection.close()
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert done["parity"]["in_parity"] is True


class TestRejected:
    """One clear error that names the file. The file is not changed."""

    def rejected(self, call_module, database, path, *patterns, **kwargs):
        args = database.login(sqlite_path=str(path))
        for check in (False, True):
            assert_refused(call_module("checkpoint_schema_info", args, check=check, **kwargs), *patterns, databases=[database])

    def test_absent(self, ready, call_module, tmp_path):
        self.rejected(call_module, ready, tmp_path / "none.sqlite", "none.sqlite", "exist")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_absent(self, ready, call_module, tmp_path):
        self.rejected(call_module, ready, tmp_path / "none" / "state.sqlite", "state.sqlite", "exist")

    def test_a_directory(self, ready, call_module, tmp_path):
        self.rejected(call_module, ready, tmp_path, str(tmp_path), "file")

    @pytest.mark.parametrize("name,content", [("zero", b""), ("text", b"this is no database\n" * 20), ("short", b"SQLite format 3\x00" + b"x" * 20)])
    def test_not_a_database(self, ready, call_module, tmp_path, name, content):
        path = tmp_path / name
        path.write_bytes(content)
        before = contents(tmp_path)
        self.rejected(call_module, ready, path, name)
        assert contents(tmp_path) == before
        assert os.listdir(tmp_path) == [name]

    def test_damaged(self, ready, call_module, tmp_path):
        path = saved(tmp_path / "state.sqlite")
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 4000)
        before = contents(tmp_path)
        self.rejected(call_module, ready, path, "state.sqlite")
        assert contents(tmp_path) == before

    def test_a_fifo_is_not_waited_for(self, ready, call_module, tmp_path):
        path = tmp_path / "fifo"
        os.mkfifo(path)
        self.rejected(call_module, ready, path, "fifo", "file")

    def test_a_dangling_link(self, ready, call_module, tmp_path):
        path = tmp_path / "link.sqlite"
        path.symlink_to(tmp_path / "gone.sqlite")
        self.rejected(call_module, ready, path, "link.sqlite")

    def test_no_tables_of_a_checkpointer(self, ready, call_module, tmp_path):
        path = tmp_path / "other.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE mine (id int)")
        connection.close()
        args = ready.login(sqlite_path=str(path), assert_parity=True)
        assert_refused(call_module("checkpoint_schema_info", args), "other.sqlite", "checkpoints", databases=[ready])


@pytest.fixture
def stranger(target_venv, tmp_path_factory):
    """Another account with a Python that it can run: the target's, or the system's with the same version and the target's libraries."""
    if os.geteuid():
        pytest.skip("only root can run something as another user")
    account = os_user()
    folder = tmp_path_factory.mktemp("stranger")
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(folder)], check=True)
    if site_packages(folder).exists():
        (site_packages(folder) / "target.pth").write_text("%s\n" % site_packages(target_venv))
    opened(folder)
    opened(library())
    for python in (target_venv / "bin" / "python", folder / "bin" / "python"):
        try:
            probe = [str(python), "-c", "import psycopg"]
            subprocess.run(probe, user=account.pw_uid, group=account.pw_gid, extra_groups=[], check=True, cwd="/", stderr=subprocess.DEVNULL)
            return {"user": account, "python": python}
        except (OSError, subprocess.SubprocessError):
            continue
    pytest.skip("no Python with the target's libraries can be run by %s" % account.pw_name)


def test_a_file_that_may_not_be_read(ready, call_module, stranger, tmp_path):
    path = sqlite_file(tmp_path / "state.sqlite")
    opened(tmp_path)
    path.chmod(0o600)
    outcome = call_module("checkpoint_schema_info", ready.login(sqlite_path=str(path)), **stranger)
    assert_refused(outcome, "state.sqlite", "permission|user", databases=[ready])


def test_a_live_file_whose_sidecars_may_not_be_read(ready, call_module, stranger, tmp_path):
    path = tmp_path / "state.sqlite"
    writer = sqlite_file(path, close=False)
    try:
        opened(tmp_path)
        path.chmod(0o644)
        for suffix in ("-wal", "-shm"):
            os.chmod(str(path) + suffix, 0o600)
        before = contents(tmp_path)
        outcome = call_module("checkpoint_schema_info", ready.login(sqlite_path=str(path)), **stranger)
        assert_refused(outcome, "state.sqlite", databases=[ready])
        assert contents(tmp_path) == before
    finally:
        writer.close()


def test_a_closed_file_in_a_folder_that_may_not_be_written(ready, call_module, stranger, tmp_path):
    """There is no -wal, so the file is complete and can be read directly."""
    path = sqlite_file(tmp_path / "state.sqlite")
    opened(tmp_path)
    path.chmod(0o644)
    before = contents(tmp_path)
    done = assert_succeeded(call_module("checkpoint_schema_info", ready.login(sqlite_path=str(path)), **stranger), ready)
    assert done["parity"]["in_parity"] is True
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["state.sqlite"]


# {generation: the difference from the current schema}.
GENERATIONS = {name: "thread_ts" if name.startswith("thread_ts") else "no task_path" if name.startswith("no task_path") else "" for name in SQLITE}


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_a_file_of_each_generation(ready, call_module, tmp_path, generation):
    """As the release of that generation left the file."""
    path = sqlite_file(tmp_path / "state.sqlite", generation)
    before = contents(tmp_path)
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    asserted = compare(call_module, ready, sqlite_path=str(path), assert_parity=True)
    if GENERATIONS[generation] == "thread_ts":
        found = drifts(done)
        assert {(finding["table"], finding["object"]) for finding in found} == {("checkpoints",) * 2, ("checkpoint_writes",) * 2}
        assert all("thread_ts" in finding["reason"] and "1.0" in finding["reason"] for finding in found), found
        assert done["parity"]["in_parity"] is False and done["orphans"]["sqlite_writes"] is None
        assert_refused(asserted, "thread_ts", r"1\.0", databases=[ready])
    else:
        assert done["parity"]["in_parity"] is True and not asserted.failed
        assert done["orphans"]["sqlite_writes"] == {"count": 0, "recent": 0, "age_unknown": 0, "limited": False}
        (finding,) = [finding for finding in done["parity"]["findings"] if finding["object"] == "task_path"]
        assert (finding["verdict"], finding["sqlite"] == "no column") == (("expected", True) if GENERATIONS[generation] else (finding["verdict"], False))
    assert contents(tmp_path) == before and os.listdir(tmp_path) == ["state.sqlite"]


@pytest.mark.parametrize("generation", ["no task_path", "thread_ts, no writes"])
def test_a_generations_file_with_tables_of_the_application(ready, call_module, tmp_path, generation):
    path = sqlite_file(tmp_path / "state.sqlite", generation)
    alone = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, thread_id TEXT REFERENCES checkpoints (thread_id))")
        connection.execute("CREATE VIEW recent AS SELECT * FROM users")
    before = contents(tmp_path)
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert drifts(done) == drifts(alone) and done["parity"]["in_parity"] is alone["parity"]["in_parity"]
    assert {finding["object"] for finding in done["parity"]["findings"]} - {finding["object"] for finding in alone["parity"]["findings"]} == {"users", "recent"}
    assert contents(tmp_path) == before


def test_an_empty_database(ready, call_module, tmp_path):
    """A valid database without tables, as created by opening and closing a new file."""
    path = tmp_path / "state.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    before = contents(tmp_path)
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert done["parity"]["in_parity"] is False and done["sqlite"]["tables"] == [] and done["orphans"]["sqlite_writes"] is None
    assert {(finding["table"], finding["object"]) for finding in drifts(done)} == {("checkpoints",) * 2, ("checkpoint_writes",) * 2}
    assert_refused(compare(call_module, ready, sqlite_path=str(path), assert_parity=True), "state.sqlite", "no checkpoints", databases=[ready])
    assert contents(tmp_path) == before


def same_or_rejected(outcome, whole, database):
    """The verdict on the complete file, or one error that names the damaged file, but never another verdict. Returns whether it was rejected."""
    if outcome.failed:
        assert_refused(outcome, "state.sqlite", "truncated|damaged|not a SQLite database|empty", databases=[database])
        return True
    assert_succeeded(outcome, database)
    assert (outcome["parity"], outcome["orphans"], outcome["sqlite"]) == (whole["parity"], whole["orphans"], whole["sqlite"])
    return False


def test_a_file_truncated_anywhere_is_rejected(ready, call_module, tmp_path):
    path = sqlite_file(tmp_path / "state.sqlite")
    whole = path.read_bytes()
    page = int.from_bytes(whole[16:18], "big")
    sizes = {0, 1, 16, 99, 100, 512, len(whole) - 1} | {each * page + more for each in range(1, len(whole) // page) for more in (-1, 0, page // 2)}
    for size in sorted(sizes):
        path.write_bytes(whole[:size])
        before = contents(tmp_path)
        outcome = compare(call_module, ready, sqlite_path=str(path))
        assert_refused(outcome, "state.sqlite", "truncated|not a SQLite database|empty", databases=[ready])
        assert contents(tmp_path) == before and os.listdir(tmp_path) == ["state.sqlite"], size


@pytest.mark.parametrize("filling", [b"\xff", b"\x00"], ids=["ones", "zeros"])
def test_a_page_of_garbage_is_rejected_or_makes_no_difference(ready, call_module, tmp_path, filling):
    """Damage in a page that is not read is not detected. Damage in a page that is read never leads to a verdict."""
    path = saved(tmp_path / "state.sqlite", threads=60)
    answer = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    whole = path.read_bytes()
    page = int.from_bytes(whole[16:18], "big")
    refused = []
    for number in range(len(whole) // page):
        start = number * page + (100 if number == 0 else 0)
        path.write_bytes(whole[:start] + filling * ((number + 1) * page - start) + whole[(number + 1) * page :])
        before = contents(tmp_path)
        refused.append(same_or_rejected(compare(call_module, ready, sqlite_path=str(path)), answer, ready))
        assert contents(tmp_path) == before and os.listdir(tmp_path) == ["state.sqlite"], number
    assert refused[0] and any(refused[1:])


def test_a_truncated_main_file_with_its_wal(ready, call_module, tmp_path):
    """An interrupted copy of the main file with a complete -wal. An interrupted WAL checkpoint looks the same and is not damage."""
    path = saved(tmp_path / "state.sqlite", threads=60)
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("CREATE TABLE mine (id int)")
        writer.commit()
        copies = tmp_path / "copies"
        copies.mkdir()
        shutil.copy(tmp_path / "state.sqlite-wal", copies / "state.sqlite-wal")
        whole = path.read_bytes()
    answer = None
    for size in (len(whole), len(whole) // 2, 4096, 512):
        (copies / "state.sqlite").write_bytes(whole[:size])
        before = contents(copies)
        outcome = compare(call_module, ready, sqlite_path=str(copies / "state.sqlite"))
        answer = answer or assert_succeeded(outcome, ready)
        assert "mine" in names(answer)
        same_or_rejected(outcome, answer, ready)
        assert contents(copies) == before, size
        (copies / "state.sqlite-shm").unlink(missing_ok=True)


def journalled(path):
    """A file that does not use WAL, as after `PRAGMA journal_mode = DELETE`."""
    saved(path, threads=60)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    return path


# A separate process: closing a file releases all locks that the same process holds on it, and these tests read the file's bytes.
HOLDER = """
import sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    writer.execute(statement)
print("ready", flush=True)
sys.stdin.read()
"""
HALF_DONE = ("PRAGMA cache_size = 2", "BEGIN EXCLUSIVE", "UPDATE checkpoints SET metadata = zeroblob(2000)", "ALTER TABLE checkpoints ADD COLUMN half_done")


@contextlib.contextmanager
def holding(path, *statements):
    """A process that has executed these statements and keeps its locks. It is killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), *statements], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def test_a_writer_that_locks_the_file_is_reported(ready, call_module, tmp_path):
    path = journalled(tmp_path / "state.sqlite")
    with holding(path, *HALF_DONE):
        assert (tmp_path / "state.sqlite-journal").stat().st_size > 512
        before = contents(tmp_path)
        outcome = compare(call_module, ready, sqlite_path=str(path))
        assert_refused(outcome, "state.sqlite", "locked", "run again", databases=[ready])
        assert contents(tmp_path) == before
    done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
    assert done["parity"]["in_parity"] is True


def test_a_writer_that_has_written_nothing_yet_is_ignored(ready, call_module, tmp_path):
    path = journalled(tmp_path / "state.sqlite")
    with holding(path, "BEGIN EXCLUSIVE"):
        before = contents(tmp_path)
        done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
        assert done["parity"]["in_parity"] is True
        assert contents(tmp_path) == before


def test_a_writer_with_an_exclusive_wal_is_reported(ready, call_module, tmp_path):
    """Without a -shm, no other process can read the -wal."""
    path = saved(tmp_path / "state.sqlite")
    with holding(path, "PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE mine (id int)"):
        assert sorted(os.listdir(tmp_path)) == ["state.sqlite", "state.sqlite-wal"]
        before = contents(tmp_path)
        outcome = compare(call_module, ready, sqlite_path=str(path))
        assert_refused(outcome, "state.sqlite", "locked", "run again", databases=[ready])
        assert contents(tmp_path) == before


def test_an_uncommitted_change_in_the_wal_is_not_seen(ready, call_module, tmp_path):
    path = saved(tmp_path / "state.sqlite", threads=60)
    with holding(path, *HALF_DONE):
        assert (tmp_path / "state.sqlite-wal").stat().st_size > 4096
        before = contents(tmp_path)
        done = assert_succeeded(compare(call_module, ready, sqlite_path=str(path)), ready)
        assert done["parity"]["in_parity"] is True and "half_done" not in json.dumps(done["sqlite"])
        assert contents(tmp_path) == before


def test_a_half_written_transaction_after_a_crash_is_reported(ready, call_module, tmp_path):
    """A hot -journal: the main file contains half of a transaction, and only a writer can roll it back."""
    path = journalled(tmp_path / "live.sqlite")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with holding(path, *HALF_DONE):
        for suffix in ("", "-journal"):
            shutil.copy(str(path) + suffix, crashed / ("state.sqlite" + suffix))
    before = contents(crashed)
    outcome = compare(call_module, ready, sqlite_path=str(crashed / "state.sqlite"))
    assert_refused(outcome, "state.sqlite", "journal", "open the file once", databases=[ready])
    assert contents(crashed) == before
