# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import has read, written, found and refused."""

from __future__ import annotations

KINDS = ("threads", "checkpoints", "writes", "blobs")
SHOWN = 100


class ImportStats:
    """Counts of a batch, or of a run as the sum of its batches."""

    def __init__(self):
        self.counts = {kind: {"read": 0, "written": 0, "existing": 0, "rejected": 0} for kind in KINDS}
        self.bytes = 0
        self.rejected, self.rejections = [], 0
        self.keys = set()
        self.written_threads, self.failed_threads = set(), set()

    def add(self, kind, what, number=1):
        self.counts[kind][what] += number

    def reject(self, key, reason, writes=0):
        """A checkpoint, or a whole thread where the key has no more than that."""
        if len(key) > 1:
            self.add("checkpoints", "rejected")
            self.add("writes", "rejected", writes)
        self.keys.add(key)
        self.failed_threads.add(key[0])
        self.rejections += 1
        if len(self.rejected) < SHOWN:
            names = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in key] + [None, None]
            self.rejected.append({"thread_id": names[0], "checkpoint_ns": names[1], "checkpoint_id": names[2], "reason": reason})

    def end(self, threads):
        """The threads of the batch are done."""
        self.add("threads", "read", len(threads))
        self.add("threads", "written", len(self.written_threads))
        self.add("threads", "rejected", len(self.failed_threads))
        self.add("threads", "existing", len(set(threads) - self.written_threads - self.failed_threads))

    def merge(self, other):
        """Add the counts of a batch that was committed."""
        for kind in KINDS:
            for what, number in other.counts[kind].items():
                self.counts[kind][what] += number
        self.bytes += other.bytes
        self.rejections += other.rejections
        self.rejected += other.rejected[: SHOWN - len(self.rejected)]

    @property
    def written(self):
        return any(self.counts[kind]["written"] for kind in KINDS)
