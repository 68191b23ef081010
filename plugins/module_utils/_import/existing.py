# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of some threads exist in the tables, read in the order of a SQLite file. It accesses no database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import Key

    # {a checkpoint's key: {(task, index) of its pending writes}}
    WriteKeys = dict[Key, set[tuple[bytes, int]]]


class ExistingKeys:
    """The keys of existing rows.

    fetch: returns the next rows (thread, namespace, id, task, index), as bytes and in order; task and index are None for a checkpoint. [] at the end.
    """

    def __init__(self, fetch: Callable[[], Sequence[Any]]) -> None:
        self.fetch = fetch
        self.rows: Sequence[Any] = []
        self.place = 0

    def of(self, keys: Iterable[Key]) -> tuple[set[Key], WriteKeys]:
        """(the keys of checkpoints that exist, their pending writes that exist). The keys must sort after those of earlier calls."""
        # The tables may contain keys that the file does not have.
        wanted = {key for key in keys if all(isinstance(part, bytes) for part in key)}
        existing: set[Key] = set()
        writes: WriteKeys = {}
        rows, place, last = self.rows, self.place, max(wanted, default=())
        while True:
            if place == len(rows):
                rows, place = self.fetch(), 0
                if not rows:
                    break
            row = rows[place]
            key = row[:3]
            if key > last:
                break
            place += 1
            if key not in wanted:
                continue
            if row[3] is None:
                existing.add(key)
            else:
                writes.setdefault(key, set()).add(row[3:])
        self.rows, self.place = rows, place
        return existing, writes
