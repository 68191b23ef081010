# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An import with several processes. Each has its own connection and its own snapshot; all snapshots show the same state of the file."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import sqlite3
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, one_line, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Outcome
from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Part
from ansible_collections.stateops.langgraph.plugins.module_utils._import.parts import convert_part
from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.parts import ConvertedPart
    from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import Source

# If a writer commits between two snapshots, the snapshots differ, and all workers take new ones.
ATTEMPTS = 100
# Commands to a worker. Anything else that it receives is a batch, or a part of a long thread.
START, RELEASE, SNAPSHOT = "start", "release", "snapshot"
# More workers convert a thread faster than one process writes it.
MAX_CONVERTERS = 4


class WorkerPool:
    """Processes that wait for batches. Create it before the SQLite file is opened: a SQLite connection must not be used after a fork.

    open_importer: returns a context manager for a worker's Importer. workers: {pipe: process}. unavailable: why workers could not start.
    """

    def __init__(self, size: int, open_importer: Callable[[], AbstractContextManager[Importer]]) -> None:
        self.size = size
        self.workers: dict[Connection, ForkProcess] = {}
        self.unavailable: list[str] = []
        # Other start methods would need the module's code as files.
        fork = multiprocessing.get_context("fork")
        for _number in range(size):
            try:
                pipe, worker_pipe = fork.Pipe()
                process = fork.Process(target=_worker_main, args=(worker_pipe, [pipe, *self.workers], open_importer), daemon=True)
                process.start()
            except OSError as error:  # a limit of the host
                self.unavailable.append("This host cannot start another process: %s." % one_line(error))
                break
            worker_pipe.close()
            self.workers[pipe] = process

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_error: object) -> None:
        for pipe in list(self.workers):
            self._stop_worker(pipe)

    def start(self) -> None:
        """Let the workers connect. Call it after the module itself has connected."""
        self._send_all(START)

    def sync_snapshots(self, source: Source) -> None:
        """Let all workers take a snapshot of the same state of the file as source. Stops workers that cannot, or all if the file keeps changing."""
        self._receive_all()
        for _attempt in range(ATTEMPTS):
            # With a rollback journal, a writer that waits for one of the readers blocks all new readers.
            self._send_all(RELEASE)
            self._receive_all()
            if not self.workers:
                break
            source.end()
            version = source.version()
            source.begin()
            self._send_all(SNAPSHOT)
            for pipe, state in self._receive_all().items():
                if state != source.before:
                    self._stop_worker(pipe, "The file was changed while it was read, and this user cannot lock it.")
            if source.version() == version:
                return
        for pipe in list(self.workers):
            self._stop_worker(pipe, "The file is changed so often that the workers could not take snapshots of the same state.")

    def _send_all(self, command: str) -> None:
        for pipe in self.workers:
            _send(pipe, command)

    def _receive_all(self) -> dict[Connection, Any]:
        """{pipe: the worker's answer}. Workers that answer with an error are stopped."""
        answers = {pipe: _receive(pipe) for pipe in self.workers}
        for pipe, answer in answers.items():
            if isinstance(answer, ModuleError):
                self._stop_worker(pipe, answer.message)
        return {pipe: answers[pipe] for pipe in self.workers}

    def results(self, batches: Iterable[list[bytes]]) -> Iterator[tuple[list[bytes], Outcome]]:
        """(batch, Outcome) of each batch, in any order. After a failure no further batch starts, and the outcomes of running batches still follow."""
        remaining, idle, failed = iter(batches), list(self.workers), False
        busy: dict[Any, list[bytes]] = {}
        source_error: sqlite3.Error | None = None
        while True:
            while idle and not failed:
                try:
                    batch = next(remaining, None)
                except sqlite3.Error as error:
                    batch, failed, source_error = None, True, error
                if batch is None:
                    break
                _send(idle[-1], batch)
                busy[idle.pop()] = batch
            if not busy:
                break
            for ready in multiprocessing.connection.wait(list(busy)):
                pipe: Any = ready
                outcome = _receive(pipe)
                if isinstance(outcome, ModuleError):
                    outcome = Outcome(ImportStats(), None, outcome)
                failed = failed or outcome.failure is not None
                idle.append(pipe)
                yield busy.pop(pipe), outcome
        if source_error is not None:
            raise source_error

    def convert(self, source: Source, thread: bytes) -> Generator[ConvertedPart]:
        """The parts of a thread, in order. Several workers convert them. Close the iterator before another call. Raises ModuleError or sqlite3.Error."""
        parts, idle = source.parts(thread), list(self.workers)[:MAX_CONVERTERS]
        # Each worker has one part, and waits until its rows are received, so only a few parts are in memory.
        busy: collections.deque[Connection] = collections.deque()
        try:
            while True:
                for pipe, part in zip(idle, parts):
                    _send(pipe, part)
                    busy.append(pipe)
                if not busy:
                    return
                pipe = busy.popleft()
                converted, idle = _receive(pipe), [pipe]
                if isinstance(converted, ModuleError):
                    # The transaction of the thread is rolled back.
                    converted.changed = False
                if isinstance(converted, Exception):
                    raise converted
                if converted.rest is not None:
                    _send(pipe, converted.rest)
                    busy.appendleft(pipe)
                    idle = []
                yield converted
        finally:
            for pipe in busy:
                _receive(pipe)

    def _stop_worker(self, pipe: Connection, why: str | None = None) -> None:
        """Close the pipe, which ends the worker, after its current batch if it has one."""
        self.unavailable += [why] if why else []
        pipe.close()
        self.workers.pop(pipe).join()


def _send(pipe: Connection, message: Any) -> None:
    """Send a command, a batch or an answer. If the worker has ended, the call that receives its answer reports it."""
    with contextlib.suppress(OSError):
        pipe.send(message)


def _receive(pipe: Connection) -> Any:
    """A worker's answer; a ModuleError with changed=true if the worker has ended, since it may have committed its batch."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return ModuleError("A worker of the import was ended from outside. Its current batch was written completely or not at all: run again.", changed=True)


def _worker_main(pipe: Connection, others: list[Connection], open_importer: Callable[[], AbstractContextManager[Importer]]) -> None:
    """Worker main loop: connect after START and acknowledge, then handle each command or batch."""
    # Close the inherited pipe ends; otherwise no process would notice that the module has exited.
    for other in others:
        other.close()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt), contextlib.ExitStack() as stack:
        pipe.recv()
        try:
            importer = stack.enter_context(open_importer())
            importer.source.end()
        except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the other workers continue
            pipe.send(error if isinstance(error, ModuleError) else ModuleError(unexpected(error)))
            return
        pipe.send(None)
        while True:
            message = pipe.recv()
            if message in (RELEASE, SNAPSHOT):
                pipe.send(_handle_command(importer, message))
            else:
                pipe.send(convert_part(importer, message) if isinstance(message, Part) else importer.one(message))


def _handle_command(importer: Importer, command: str) -> Any:
    """The state of the file if it is read without a lock, else None; a ModuleError if there is no snapshot."""
    try:
        if command == RELEASE:
            importer.source.end()
        else:
            importer.source.begin()
    except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the other workers continue
        return importer.module_error(error)
    return importer.source.before
