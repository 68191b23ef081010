# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of some threads stand in the tables, asked in the order in which a SQLite file has them. Pure."""

from __future__ import annotations


class ExistingKeys:
    """fetch: gives the next rows (thread, namespace, id, task, index), as bytes and in order; without task and index for a checkpoint. [] at the end."""

    def __init__(self, fetch):
        self.fetch, self.rows, self.place = fetch, [], 0

    def of(self, keys):
        """({a checkpoint's key}, {key: {(task, index) of its pending writes}}) of those of the keys that stand. All come after those asked for before."""
        # Others may stand between them, and more than the file has.
        wanted = {key for key in keys if all(isinstance(part, bytes) for part in key)}
        there, writes, rows, place, last = set(), {}, self.rows, self.place, max(wanted, default=())
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
                there.add(key)
            else:
                writes.setdefault(key, set()).add(row[3:])
        self.rows, self.place = rows, place
        return there, writes
