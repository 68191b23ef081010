# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import stats: what was read, written, already existing or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.keys import shown
from ansible_collections.stateops.langgraph.plugins.module_utils._import.variants import VariantCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("threads", "checkpoints", "writes", "blobs")
SHOWN = 100


class ImportStats:
    """The counts of a batch, or of a run as the sum of its batches."""

    def __init__(self) -> None:
        self.counts = {kind: {"read": 0, "written": 0, "existing": 0, "rejected": 0} for kind in KINDS}
        self.counts["checkpoints"]["omitted"] = 0
        self.bytes = 0
        # The first rejected rows, and how many there are.
        self.rejected: list[dict[str, str | None]] = []
        self.rejections = 0
        # Keys of rejected rows; (thread,) for a whole thread.
        self.keys: set[tuple[Any, ...]] = set()
        self.variants = VariantCounts()
        self.written_threads: set[bytes] = set()
        self.failed_threads: set[bytes] = set()
        # The first threads, in order, that were imported whole although only the newest state was requested, and their number.
        self.whole: list[str] = []
        self.whole_total = 0

    def add(self, kind: str, what: str, number: int = 1) -> None:
        self.counts[kind][what] += number

    def reject(self, key: tuple[Any, ...], reason: str, writes: int = 0) -> None:
        """Count a rejected checkpoint with its pending writes, or a thread if the key has only one part."""
        if len(key) > 1:
            self.add("checkpoints", "rejected")
            self.add("writes", "rejected", writes)
        self.keys.add(key)
        self.failed_threads.add(key[0])
        self.rejections += 1
        if len(self.rejected) < SHOWN:
            names: list[str | None] = [shown(part) for part in key]
            names += [None, None]
            self.rejected.append({"thread_id": names[0], "checkpoint_ns": names[1], "checkpoint_id": names[2], "reason": shown(reason)})

    def add_whole_threads(self, threads: Sequence[bytes]) -> None:
        self.whole_total += len(threads)
        self.whole = sorted([*self.whole, *map(shown, threads)])[:SHOWN]

    def end(self, threads: Sequence[bytes]) -> None:
        """Count the threads of a completed batch."""
        self.add("threads", "read", len(threads))
        self.add("threads", "written", len(self.written_threads))
        self.add("threads", "rejected", len(self.failed_threads))
        self.add("threads", "existing", len(set(threads) - self.written_threads - self.failed_threads))

    def merge(self, other: ImportStats) -> None:
        """Add the counts of a committed batch."""
        for kind in KINDS:
            for what, number in other.counts[kind].items():
                self.counts[kind][what] += number
        self.bytes += other.bytes
        self.rejections += other.rejections
        self.rejected += other.rejected[: SHOWN - len(self.rejected)]
        self.variants.merge(other.variants)
        self.whole_total += other.whole_total
        # Sorted, so that the order in which workers finish makes no difference.
        self.whole = sorted(self.whole + other.whole)[:SHOWN]

    @property
    def written(self) -> bool:
        return any(self.counts[kind]["written"] for kind in KINDS)
