# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An import by several processes: each has a connection and a snapshot of its own, and all snapshots are of one state of the file."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import sqlite3

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Outcome
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats

# A writer that commits between two snapshots makes them differ: then all take a new one.
ATTEMPTS = 100
# What a process is told; whatever else it hears is a batch.
START, RELEASE, SNAPSHOT = "start", "release", "snapshot"


class WorkerPool:
    """Processes that wait for batches. To be made before a SQLite file is open: no handle of it survives a fork.

    opened: makes a context manager that gives each of them a Importer. absent: why some could not begin.
    """

    def __init__(self, size, opened):
        self.size, self.members, self.absent = size, {}, []
        # Another way to start would need the module's code as files.
        fork = multiprocessing.get_context("fork")
        for _number in range(size):
            try:
                mine, theirs = fork.Pipe()
                process = fork.Process(target=_serve, args=(theirs, [mine, *self.members], opened), daemon=True)
                process.start()
            except OSError as error:  # a limit of the host
                self.absent.append("This host starts no further process: %s." % one_line(error))
                break
            theirs.close()
            self.members[mine] = process

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for pipe in list(self.members):
            self._stop_worker(pipe)

    def start(self):
        """Let them connect: the module itself has its connection by now."""
        self._tell_all(START)

    def sync_snapshots(self, source):
        """Bring all to the state of the file that source then sees. Those that cannot begin are let go; all where writers leave no moment for it."""
        self._answers()
        for _attempt in range(ATTEMPTS):
            # With a rollback journal, a writer that waits for one of them keeps all others out.
            self._tell_all(RELEASE)
            self._answers()
            if not self.members:
                break
            source.end()
            version = source.version()
            source.begin()
            self._tell_all(SNAPSHOT)
            for pipe, state in self._answers().items():
                if state != source.before:
                    self._stop_worker(pipe, "The file was written to meanwhile, and its folder allows no lock.")
            if source.version() == version:
                return
        for pipe in list(self.members):
            self._stop_worker(pipe, "The file is written to so often that they never saw one state of it.")

    def _tell_all(self, order):
        for pipe in self.members:
            _tell(pipe, order)

    def _answers(self):
        """{pipe: what its process answers}; those that refuse are let go."""
        said = {pipe: _heard(pipe) for pipe in self.members}
        for pipe, refusal in said.items():
            if isinstance(refusal, ModuleError):
                self._stop_worker(pipe, refusal.message)
        return {pipe: said[pipe] for pipe in self.members}

    def results(self, batches):
        """(batch, Outcome) of each, in no order. After a failure no further batch begins, and those under way still come."""
        batches, idle, busy, failed, broken = iter(batches), list(self.members), {}, False, None
        while True:
            while idle and not failed:
                try:
                    batch = next(batches, None)
                except sqlite3.Error as error:
                    batch, failed, broken = None, True, error
                if batch is None:
                    break
                _tell(idle[-1], batch)
                busy[idle.pop()] = batch
            if not busy:
                break
            for pipe in multiprocessing.connection.wait(busy):
                outcome = _heard(pipe)
                if isinstance(outcome, ModuleError):
                    outcome = Outcome(ImportStats(), None, outcome)
                failed = failed or outcome.failure is not None
                idle.append(pipe)
                yield busy.pop(pipe), outcome
        if broken is not None:
            raise broken

    def _stop_worker(self, pipe, why=None):
        """A process ends when nobody holds the other end of its pipe; one with a batch under way ends it first."""
        self.absent += [why] if why else []
        pipe.close()
        self.members.pop(pipe).join()


def _tell(pipe, order):
    """Whether a process is gone is heard afterwards."""
    with contextlib.suppress(OSError):
        pipe.send(order)


def _heard(pipe):
    """What a process says; a ModuleError where it is gone, which is taken for a change: what it was writing may have come, or not."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return ModuleError("A process of the import was ended from outside. What it was writing has come whole or not at all: run again.", changed=True)


def _serve(pipe, others, opened):
    """The life of a process: once told to START it says whether it can, then it answers each order, and each batch with its Outcome."""
    # Else it would hold open what tells the others, and itself, that the module is gone.
    for other in others:
        other.close()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt), contextlib.ExitStack() as stack:
        pipe.recv()
        try:
            job = stack.enter_context(opened())
            job.source.end()
        except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, the others go on
            pipe.send(error if isinstance(error, ModuleError) else ModuleError(unexpected(error)))
            return
        pipe.send(None)
        while True:
            order = pipe.recv()
            pipe.send(_answer(job, order) if order in (RELEASE, SNAPSHOT) else job.one(order))


def _answer(job, order):
    """The file's state where it is read without a lock; a ModuleError where there is no snapshot to be had."""
    try:
        if order == RELEASE:
            job.source.end()
        else:
            job.source.begin()
    except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, the others go on
        return job.refusal(error)
    return job.source.before
