# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts Python programs in forks of an interpreter that has already imported what they need: the client of forkserver.py."""

from __future__ import annotations

import array
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "forkserver.py"


class Process:
    """A program in a fork, whose source is `text` (bytes). Has the interface of subprocess.Popen. `merge` sends standard error to standard output."""

    def __init__(self, server, text, argv=("-",), env=None, cwd="/", umask=-1, merge=False):
        if umask == -1:
            umask = int(re.search(r"^Umask:\s+(\d+)", Path("/proc/self/status").read_text(), re.M).group(1), 8)
        request = {"argv": list(argv), "env": dict(os.environ if env is None else env), "cwd": os.fsdecode(cwd), "umask": umask}
        self._output = [tempfile.TemporaryFile() for _stream in range(1 if merge else 2)]
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.connect(server)
        with tempfile.TemporaryFile() as stdin:
            stdin.write(text)
            stdin.seek(0)
            descriptors = array.array("i", [each.fileno() for each in (stdin, self._output[0], self._output[-1])])
            self._connection.sendmsg([json.dumps(request).encode("utf-8")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
            self.pid = int(self._connection.recv(64))
        self.returncode = None
        self._waiting = threading.Lock()

    def wait(self, timeout=None):
        # The exit code is received only once, and several threads may wait for it.
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired("a fork", timeout)
        try:
            if self.returncode is None:
                self._connection.settimeout(timeout)
                self.returncode = int(self._connection.recv(64))
                self._connection.close()
            return self.returncode
        except (socket.timeout, BlockingIOError):
            raise subprocess.TimeoutExpired("a fork", timeout) from None
        finally:
            self._waiting.release()

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """Wait until the program has ended and return its output: [standard output, standard error]."""
        self.wait(timeout)
        texts = []
        for stream in self._output:
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
        return texts


class ForkServer:
    """A process of `python` that has imported these modules from `library`. `path` is the path of its socket."""

    def __init__(self, python, folder, library, modules, env):
        self.path = str(folder / "forks")
        command = [str(python), str(PROGRAM), self.path, str(library), *modules]
        self._process = subprocess.Popen(command, env=env, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"ready\n", "forkserver.py did not start"

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
