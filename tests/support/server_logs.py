# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches the logs of servers for secrets."""

from __future__ import annotations

import re

from secret_scanner import holds
from servers import Server

# These statements contain passwords: the tests themselves create roles, and their servers log every statement.
MADE = re.compile(rb"(CREATE|ALTER) ROLE ")


class ServerLogs:
    """Searches the lines that this process's servers log during a test. `found` contains sentences, as in SecretScanner."""

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
