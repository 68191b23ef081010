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

from ansible_collections.stateops.langgraph.plugins.module_utils._errors import Refusal
from ansible_collections.stateops.langgraph.plugins.module_utils._import import Outcome
from ansible_collections.stateops.langgraph.plugins.module_utils._story import unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._tally import Tally

# A writer that commits between two snapshots makes them differ: then all take a new one.
ATTEMPTS = 100
START = SNAPSHOT = None


class Crew:
    """Processes that wait for batches. To be made before a SQLite file is open: no handle of it survives a fork.

    opened: makes a context manager that gives each of them a Job. absent: why some could not begin.
    """

    def __init__(self, size, opened):
        self.size, self.members, self.absent = size, {}, []
        # Another way to start would need the module's code as files.
        fork = multiprocessing.get_context("fork")
        for _number in range(size):
            mine, theirs = fork.Pipe()
            process = fork.Process(target=_serve, args=(theirs, [mine, *self.members], opened), daemon=True)
            process.start()
            theirs.close()
            self.members[mine] = process

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for pipe in list(self.members):
            self._dismiss(pipe)

    def start(self):
        """Let them connect: the module itself has its connection by now."""
        for pipe in self.members:
            _tell(pipe, START)

    def meet(self, source):
        """Bring all to the state of the file that source then sees. Those that cannot begin are let go; all where writers leave no moment for it."""
        self._dismiss_absent()
        for _attempt in range(ATTEMPTS if self.members else 0):
            version = source.version()
            source.begin()
            for pipe in self.members:
                _tell(pipe, SNAPSHOT)
            states = self._dismiss_absent()
            if all(state == source.before for state in states) and source.version() == version:
                return
        for pipe in list(self.members):
            self._dismiss(pipe, "The file is written to so often that they never saw one state of it.")

    def _dismiss_absent(self):
        """What the others say."""
        said = {pipe: _heard(pipe) for pipe in self.members}
        for pipe, refusal in said.items():
            if isinstance(refusal, Refusal):
                self._dismiss(pipe, refusal.message)
        return [said[pipe] for pipe in self.members]

    def results(self, batches):
        """(batch, Outcome) of each, in no order. After a failure no further batch begins, and those under way still come."""
        batches, idle, busy, failed = iter(batches), list(self.members), {}, False
        while True:
            while idle and not failed and (batch := next(batches, None)):
                _tell(idle[-1], batch)
                busy[idle.pop()] = batch
            if not busy:
                return
            for pipe in multiprocessing.connection.wait(busy):
                outcome = _heard(pipe)
                if isinstance(outcome, Refusal):
                    outcome = Outcome(Tally(), None, outcome)
                failed = failed or outcome.failure is not None
                idle.append(pipe)
                yield busy.pop(pipe), outcome

    def _dismiss(self, pipe, why=None):
        """A process ends when nobody holds the other end of its pipe; one with a batch under way ends it first."""
        self.absent += [why] if why else []
        pipe.close()
        self.members.pop(pipe).join()


def _tell(pipe, order):
    """Whether a process is gone is heard afterwards."""
    with contextlib.suppress(OSError):
        pipe.send(order)


def _heard(pipe):
    """What a process says; a Refusal where it is gone."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return Refusal("A process of the import was ended from outside. What it wrote before is whole: run again.")


def _serve(pipe, others, opened):
    """The life of a process: once told to, it says whether it can begin, then answers SNAPSHOT with the file's state, and each batch with its Outcome."""
    # Else it would hold open what tells the others, and itself, that the module is gone.
    for other in others:
        other.close()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt), contextlib.ExitStack() as stack:
        pipe.recv()
        try:
            job = stack.enter_context(opened())
        except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, the others go on
            pipe.send(error if isinstance(error, Refusal) else Refusal(unexpected(error)))
            return
        pipe.send(None)
        while True:
            batch = pipe.recv()
            pipe.send(_snapshot(job) if batch is SNAPSHOT else job.one(batch))


def _snapshot(job):
    try:
        job.source.begin()
    except sqlite3.Error as error:
        return job.refusal(error)
    return job.source.before
