# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers which channel values of a namespace were read. Memory is limited; older entries move to a temporary file."""

from __future__ import annotations

import sqlite3

# How many entries are kept in memory, which takes about 50 MB.
REMEMBERED = 200000


class SeenValues:
    """{a 64-bit number: (mark, checkpoint id)}. The numbers are hashes of a channel and its version."""

    def __init__(self) -> None:
        self.recent: dict[int, tuple[int, bytes]] = {}
        self.older: sqlite3.Connection | None = None

    def clear(self) -> None:
        """Forget everything."""
        self.recent = {}
        if self.older is not None:
            self.older.close()
            self.older = None

    def get(self, place: int) -> tuple[int, bytes] | None:
        """The entry of a number, or None."""
        found = self.recent.get(place)
        if found is None and self.older is not None:
            found = self.older.execute("SELECT mark, holder FROM seen WHERE place = ?", (place,)).fetchone()
        return found

    def put(self, place: int, mark: int, holder: bytes) -> None:
        """Set the entry of a number."""
        self.recent[place] = mark, holder

    def limit(self) -> None:
        """Move the entries to the file if there are too many."""
        if len(self.recent) <= REMEMBERED:
            return
        if self.older is None:
            # SQLite creates a temporary file for an empty name, and deletes it when the connection ends. The file need not survive a crash.
            self.older = sqlite3.connect("", isolation_level=None)
            self.older.executescript("PRAGMA journal_mode = OFF; CREATE TABLE seen (place INTEGER PRIMARY KEY, mark INTEGER, holder BLOB); BEGIN")
        rows = ((place, mark, holder) for place, (mark, holder) in sorted(self.recent.items()))
        self.older.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", rows)
        self.recent = {}
