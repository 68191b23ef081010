# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import compared with the savers' loop, with pgloader's copy of the tables, and with a plain COPY of the same rows."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psycopg

# Imported through host.py, which adds the tests' helpers to the path.
from host import ROOT, SCHEMA, VIRTUALENV, make_runner
from shapes import make

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
FILES = ROOT / ".build" / "bench" / "files"


class Took(NamedTuple):
    """seconds: elapsed time. memory: the maximum memory in MiB of all processes of a run, except PostgreSQL's."""

    seconds: float
    memory: float


class Measurements(NamedTuple):
    """The results of each round. share: the share of the checkpoints that the savers' loop copied; its time is extrapolated to all checkpoints.

    plain: the import with the server's own compression. again: a second import with nothing to do.
    """

    size: int
    checkpoints: int
    sent: int
    share: float
    ours: tuple
    plain: tuple
    again: tuple
    copy: tuple
    savers: tuple
    loader: tuple


def measure_import(database, shape, megabytes, checkpoints, rounds, patience):
    """The Measurements of one shape. patience: the approximate limit of the savers' loop in seconds; if it is too short, the loop copies only some threads."""
    path = make(shape, FILES, megabytes, checkpoints)
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as file:
        count = file.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        threads = [thread for (thread,) in file.execute("SELECT thread_id FROM checkpoints GROUP BY 1")]
    taken = {"ours": [], "plain": [], "again": [], "copy": [], "savers": [], "loader": []}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        runner = make_runner(scratch)
        sent, share = 0, 1.0
        for number in range(rounds):
            _empty(database)
            taken["plain"].append(_ours(runner, scratch, database, path, compression="server")[0])
            _empty(database)
            ours, result = _ours(runner, scratch, database, path)
            again, second = _ours(runner, scratch, database, path)
            if not result["changed"] or second["changed"] or result["checkpoints"]["written"] != count:
                raise SystemExit("the import did not write every checkpoint, or the second import changed something: %s %s" % (result, second))
            sent = result["bytes"]
            taken["ours"].append(ours)
            taken["again"].append(again)
            taken["copy"].append(Took(_copy(database, scratch), 0))
            if not number:
                share = min(1.0, patience / (ours.seconds * 10))
            _empty(database)
            # Complete threads, or the newest checkpoints of the only thread.
            some, limit = threads[: max(1, round(len(threads) * share))], count
            if len(threads) == 1:
                limit = round(count * share)
            share = limit / count if len(threads) == 1 else len(some) / len(threads)
            took = _savers(database, path, some, limit)
            taken["savers"].append(took._replace(seconds=took.seconds / share))
            if shutil.which("pgloader"):
                took = _loader(database, scratch, path)
                taken["loader"] += [took] if took else []
        _empty(database)
    return Measurements(path.stat().st_size, count, sent, share, *map(tuple, taken.values()))


def _empty(database):
    database.execute("TRUNCATE %s" % ", ".join("%s.%s" % (SCHEMA, table) for table in TABLES))
    database.execute("CHECKPOINT")


def _ours(runner, scratch, database, path, **options):
    return run_module(runner, scratch, "checkpoint_import", database.login(database.app, schema=SCHEMA, sqlite_path=str(path), verify="none", **options))


def run_module(runner, scratch, name, args):
    """(Took, the result) of a module in its own process."""
    payload = scratch / "payload"
    payload.touch(mode=0o600)
    payload.write_text(runner.program(name, args))
    command = [str(VIRTUALENV / "bin" / "python"), "-"]
    took, output = watched(command, payload, scratch, {})
    result = json.loads(output)
    if result.get("failed"):
        raise SystemExit("%s failed: %s" % (name, result["msg"]))
    return took, result


def _savers(database, path, threads, limit):
    names = path.parent / "threads"
    names.write_text("".join(thread + "\n" for thread in threads))
    # The saver writes to the file that it opens.
    copied = path.with_suffix(".copy")
    shutil.copyfile(path, copied)
    try:
        took, _output = watched(
            [str(VIRTUALENV / "bin" / "python"), str(Path(__file__).parent / "by_savers.py"), str(copied), str(limit)],
            names,
            path.parent,
            environment(database),
        )
    finally:
        for suffix in ("", "-wal", "-shm"):
            copied.with_name(copied.name + suffix).unlink(missing_ok=True)
    return took


def environment(database):
    return {
        "PGHOST": database.server.host,
        "PGPORT": str(database.server.port),
        "PGUSER": database.app.name,
        "PGPASSWORD": database.app.password,
        "PGDATABASE": database.name,
        "PGOPTIONS": "-c search_path=%s" % SCHEMA,
    }


def _copy(database, scratch):
    """Empty the tables and copy their rows back with a plain COPY in one transaction. Returns the seconds of this COPY."""
    names = {table: "%s.%s" % (SCHEMA, table) for table in TABLES}
    with database.connect() as connection:
        for table, name in names.items():
            with open(scratch / table, "wb") as file, connection.cursor().copy("COPY %s TO STDOUT (FORMAT binary)" % name) as copy:
                for data in copy:
                    file.write(data)
    _empty(database)
    with database.connect(database.app) as connection, connection.transaction():
        begin = time.perf_counter()
        for table, name in names.items():
            with open(scratch / table, "rb") as file, connection.cursor().copy("COPY %s FROM STDIN (FORMAT binary)" % name) as copy:
                while data := file.read(1 << 20):
                    copy.write(data)
    seconds = time.perf_counter() - begin
    for table in TABLES:
        (scratch / table).unlink()
    return seconds


def _loader(database, scratch, path):
    """The result of pgloader, or None if it failed. It copies SQLite's two tables unchanged into a separate schema, where no saver can read them."""
    database.execute("DROP SCHEMA IF EXISTS loaded CASCADE")
    database.execute('CREATE SCHEMA loaded AUTHORIZATION "%s"' % database.owner.name)
    script = scratch / "load"
    script.touch(mode=0o600)
    script.write_text(
        "LOAD DATABASE FROM sqlite://%s INTO postgresql://%s:%s@%s:%d/%s\n"
        " WITH include drop, create tables, create indexes, reset no sequences, prefetch rows = 100\n"
        " SET search_path TO 'loaded';\n" % (path, database.owner.name, database.owner.password, database.server.host, database.server.port, database.name)
    )
    # By default, pgloader keeps a hundred thousand rows in memory, and fails on large rows. It may still fail with this setting.
    try:
        took, _output = watched(["pgloader", str(script)], None, scratch, {})
        if not database.execute("SELECT count(*) FROM loaded.checkpoints")[0][0]:
            took = None
    except (SystemExit, psycopg.Error):
        took = None
    database.execute("DROP SCHEMA loaded CASCADE")
    return took


def watched(command, stdin, scratch, environment):
    """(Took, output) of a program."""
    with open(stdin or os.devnull, "rb") as given, open(scratch / "output", "w+", encoding="utf-8") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=given, stdout=output, stderr=subprocess.PIPE, cwd="/", env=dict({"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, **environment)
        )
        memory = _Memory(process.pid)
        memory.start()
        _none, errors = process.communicate()
        seconds = time.perf_counter() - begin
        memory.over.set()
        memory.join()
        if process.returncode:
            output.seek(0)
            raise SystemExit("%s ended with %d:\n%s\n%s" % (command[0], process.returncode, output.read()[-2000:], errors.decode()[-4000:]))
        output.seek(0)
        return Took(seconds, memory.most), output.read()


class _Memory(threading.Thread):
    """Measures the memory of a process and its children at intervals. Shared pages count once. An interval of 20 ms would slow the processes by a tenth."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.25):
            self.most = max(self.most, sum(map(_held, _family(self.pid))) / 1024)


def _family(pid):
    with contextlib.suppress(OSError):
        children = Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
        return [pid, *(each for child in children for each in _family(int(child)))]
    return []


def _held(pid):
    """The memory of a process in KiB, with its share of shared pages."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
