# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy did or would do: threads, rows and bytes, and why threads are kept."""

from __future__ import annotations

import bisect
import hashlib
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import DELTA_CHANNEL, NOTHING_OLDER, REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES = ("checkpoints", "blobs", "writes")
# How many threads a result names.
SHOWN = 100


class Sizes(NamedTuple):
    """Rows and their bytes, in the order of TABLES."""

    rows_0: int = 0
    bytes_0: int = 0
    rows_1: int = 0
    bytes_1: int = 0
    rows_2: int = 0
    bytes_2: int = 0

    def plus(self, other: Sizes) -> Sizes:
        """The sum."""
        return Sizes(*map(sum, zip(self, other)))

    def minus(self, other: Sizes) -> Sizes:
        """The difference."""
        return Sizes(*(mine - theirs for mine, theirs in zip(self, other)))

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of rows."""
        return self[::2]

    def to_dict(self) -> dict[str, dict[str, int]]:
        """{'rows', 'bytes'} as a module returns them."""
        return {"rows": dict(zip(TABLES, self[::2])), "bytes": dict(zip(TABLES, self[1::2]))}


class Sample:
    """The number of threads of a kind, and the ids that sort first. The order in which threads are counted does not matter."""

    def __init__(self) -> None:
        self.total = 0
        self.first: list[str] = []

    def add(self, thread: str) -> None:
        """Count a thread."""
        self.total += 1
        if len(self.first) < SHOWN or thread < self.first[-1]:
            bisect.insort(self.first, thread)
            del self.first[SHOWN:]

    def merge(self, other: Sample) -> None:
        """Add the threads of another Sample."""
        self.total += other.total
        self.first = sorted(self.first + other.first)[:SHOWN]

    def to_dict(self, show_threads: bool) -> dict[str, Any]:
        """As a module returns it. show_threads: whether ids are returned; otherwise their hashes are, since ids may name people."""
        return {"total": self.total, "sample": [each if show_threads else hashed(each) for each in self.first]}


class PolicyCounts:
    """The counts of one pass over the threads. removed: the rows of deleted and trimmed threads. oldest: the time of the oldest thread that is left."""

    def __init__(self) -> None:
        self.considered = 0
        self.remaining = 0
        self.deleted, self.trimmed, self.delta = Sample(), Sample(), Sample()
        self.kept = dict.fromkeys(REASONS, 0)
        self.removed = Sizes()
        self.oldest: float | None = None

    def keep(self, thread: str, reason: str, time: float | None) -> None:
        """Count a thread that is kept. time: of its newest checkpoint, or None."""
        self.kept[reason] += 1
        if reason == DELTA_CHANNEL:
            self.delta.add(thread)
        self.leave(time)

    def leave(self, time: float | None) -> None:
        """Take into account that a thread is left whose newest checkpoint has this time."""
        if time is not None:
            self.oldest = time if self.oldest is None else min(self.oldest, time)

    def remove(self, thread: str, sizes: Sizes, trimmed: bool, time: float | None) -> None:
        """Count a thread that is removed, or that loses its older checkpoints."""
        (self.trimmed if trimmed else self.deleted).add(thread)
        self.removed = self.removed.plus(sizes)
        if trimmed:
            self.leave(time)

    def trim(self, thread: str, sizes: Sizes, time: float | None) -> None:
        """Count a thread of which keep=latest removes these rows, or keeps all."""
        if any(sizes.rows):
            self.remove(thread, sizes, True, time)
        else:
            self.keep(thread, NOTHING_OLDER, time)

    def merge(self, other: PolicyCounts) -> None:
        """Add the counts of a committed batch."""
        for mine, theirs in ((self.deleted, other.deleted), (self.trimmed, other.trimmed), (self.delta, other.delta)):
            mine.merge(theirs)
        for reason, number in other.kept.items():
            self.kept[reason] += number
        self.removed = self.removed.plus(other.removed)
        self.leave(other.oldest)

    def to_dict(self, show_threads: bool) -> dict[str, Any]:
        """As a module returns them."""
        return {
            "threads": {
                "considered": self.considered,
                "deleted": self.deleted.total,
                "trimmed": self.trimmed.total,
                "kept": sum(self.kept.values()),
                "remaining": self.remaining,
            },
            "kept": dict(self.kept),
            **self.removed.to_dict(),
            "remaining": self.remaining,
            "oldest_left": None if self.oldest is None else text_of(self.oldest),
            "deleted_threads": self.deleted.to_dict(show_threads),
            "delta_threads": self.delta.to_dict(show_threads),
        }


def hashed(thread: str) -> str:
    """The SHA-256 of an id."""
    return "sha256:" + hashlib.sha256(thread.encode("utf-8", "surrogatepass")).hexdigest()


def shown_policy(options: Mapping[str, Any], show_threads: bool, others: tuple[str, ...] = ()) -> dict[str, Any]:
    """The options of a policy, and those of the other options that are set. Ids, patterns and the values of metadata may name people, so they are hashed."""
    shown = {key: options[key] for key in ("older_than", "keep", "waiting", *others) if options.get(key) is not None}
    for key in ("threads", "exclude_threads"):
        if options.get(key):
            shown[key] = [each if show_threads else hashed(each) for each in options[key]]
    if options.get("metadata"):
        shown["metadata"] = {key: value if show_threads else hashed(json.dumps(value, sort_keys=True)) for key, value in options["metadata"].items()}
    return shown


def text_of(seconds: float) -> str:
    """A time in UTC, as ISO 8601."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
