# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that the fault tests compare: the module, and upstream's bare setup(). Each runs in its own process, which can be killed."""

from __future__ import annotations

import json
import os
import subprocess

from runner import Outcome
from secret_scanner import holds

NAME = "checkpoint_schema"

# Reads a connection string, and prints a result like that of a module.
BARE = """
import json, sys
from langgraph.checkpoint.postgres import PostgresSaver
conninfo = sys.stdin.read()
try:
    with PostgresSaver.from_conn_string(conninfo) as saver:
        saver.setup()
except BaseException as error:
    print(json.dumps({"failed": True, "msg": "%s: %s" % (type(error).__name__, error)}))
    sys.exit(1)
print(json.dumps({}))
"""


class Collection:
    """checkpoint_schema without the startup of ansible-playbook. `options` are passed to each run.

    marks: secrets by name. `shown` lists the places where one of them was printed, `unread` the runs whose output has not been read yet.
    """

    name = "checkpoint_schema"

    def __init__(self, start, marks=None, **options):
        self._start = start
        self.marks = marks or {}
        self.options = options
        self.shown = set()
        self.unread = []

    def start(self, database, port=None, **options):
        """Start a run on that database. port: the port of an interceptor."""
        more = {"login_port": port} if port else {}
        run = _Searched(self._start(NAME, database.login(**dict(self.options, **more, **options))), self)
        self.unread.append(run)
        return run

    def search(self, text, place):
        self.shown.update("%s in %s" % (name, place) for name, secret in self.marks.items() if holds(text.encode(), secret))

    def read_killed_runs(self):
        """Read the output of runs that were killed."""
        for run in list(self.unread):
            run.process.kill()
            self.unread.remove(run)
            for stream in run.process.communicate():
                self.search(stream, "what a killed run printed")


class _Searched:
    """Has the interface of runner.Running."""

    def __init__(self, running, collection):
        self.running = running
        self.process = running.process
        self._collection = collection

    def finish(self, *timeout):
        self._collection.unread.remove(self)
        outcome = self.running.finish(*timeout)
        self._collection.search(outcome.everything, "what a run printed")
        return outcome


class Upstream:
    """PostgresSaver.setup() as an application calls it at startup."""

    name = "bare setup()"

    def __init__(self, python):
        self.python = str(python)

    def start(self, database, port=None):
        return self.start_with(database.conninfo() + (" port=%d" % port if port else ""))

    def start_with(self, conninfo):
        """Start setup() with the given connection string."""
        return _Bare(self.python, conninfo)


class _Bare:
    """Has the interface of runner.Running."""

    def __init__(self, python, conninfo):
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [python, "-c", BARE], env=env, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.process.stdin.write(conninfo)
        self.process.stdin.close()
        self.process.stdin = None

    def finish(self, timeout=90):
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return Outcome({"failed": True, "msg": "hung for %d s" % timeout}, rc=-9)
        try:
            return Outcome(json.loads(stdout), stdout + stderr, self.process.returncode)
        except ValueError:
            return Outcome({"failed": True, "msg": "ended by a signal or a crash"}, stdout + stderr, self.process.returncode)
