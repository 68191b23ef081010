# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A retention policy: which threads it removes, and why it keeps the others. The options are the same for every module that has a policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, quoted
from ansible_collections.stateops.langgraph.plugins.module_utils._core.selection import WILDCARDS, ThreadFilter
from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import creation_time, first_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = re.compile(r"(\d{1,9})\s*([smhdw])")

# Why a thread is kept.
EXCLUDED = "excluded"
OTHER_METADATA = "other_metadata"
RECENT = "recent"
AGE_UNKNOWN = "age_unknown"
NO_CHECKPOINT = "no_checkpoint"
WAITING = "waiting"
UNFINISHED = "unfinished"
DELTA_CHANNEL = "delta_channel"
UNREADABLE = "unreadable"
NOTHING_OLDER = "nothing_older"
WRITTEN_MEANWHILE = "written_meanwhile"
REASONS = (EXCLUDED, OTHER_METADATA, RECENT, AGE_UNKNOWN, NO_CHECKPOINT, WAITING, UNFINISHED) + (DELTA_CHANNEL, UNREADABLE, NOTHING_OLDER, WRITTEN_MEANWHILE)


def policy_argument_spec() -> dict[str, dict[str, Any]]:
    """The options of a policy."""
    return {
        "older_than": {"type": "str"},
        "threads": {"type": "list", "elements": "str"},
        "exclude_threads": {"type": "list", "elements": "str", "default": []},
        "metadata": {"type": "dict"},
        "keep": {"type": "str", "choices": ["none", "latest"], "default": "none"},
        "waiting": {"type": "str", "choices": ["keep", "delete"], "default": "keep"},
    }


def seconds_of(option: str, text: str) -> int:
    """The seconds of a duration such as 30d. Raises ModuleError."""
    found = DURATION.fullmatch(text.strip())
    seconds = int(found.group(1)) * UNITS[found.group(2)] if found else 0
    if not seconds:
        raise ModuleError("%s is %s; a number greater than 0 and a unit was expected: s, m, h, d or w, for example 30d for 30 days." % (option, quoted(text)))
    return seconds


def _empty_parts(value: Any, place: str) -> Iterator[str]:
    """The places of empty dictionaries and lists within the metadata. They would select the threads of everybody who has the key."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        inside = "%s.%s" % (place, key)
        if part in ({}, []):
            yield inside
        yield from _empty_parts(part, inside)


class ThreadAge(NamedTuple):
    """What the primary keys show of a thread.

    found: the number of its namespaces with a checkpoint. newest: the highest id among the newest checkpoints of its namespaces, or None.
    other: whether one of these ids does not have the form of a version 6 UUID.
    """

    thread: str
    found: int
    newest: str | None
    other: bool

    @property
    def time(self) -> float | None:
        """The time of the newest checkpoint, in seconds since 1970, or None if it is not known."""
        return None if self.other or self.newest is None or self.newest != self.newest.lower() else creation_time(self.newest)


class ThreadDetails(NamedTuple):
    """What is read of a thread that is old enough.

    matched: whether a checkpoint has the metadata. other: whether any id does not have the form of a version 6 UUID. newest, written: the highest ids of
    its checkpoints and of its pending writes, or None. These three are read only if the policy selects threads. waiting: whether an interrupt is pending.
    unfinished: whether a step has not run yet. delta: whether its graph has a DeltaChannel. unreadable: whether prune() of the library would fail.
    """

    thread: str
    matched: bool
    other: bool
    newest: str | None
    written: str | None
    waiting: bool
    unfinished: bool
    delta: bool
    unreadable: bool

    @property
    def time(self) -> float | None:
        """The time of the newest checkpoint, in seconds since 1970, or None if it is not known."""
        return None if self.other or self.newest is None else creation_time(self.newest)


class Policy(NamedTuple):
    """older_than: seconds, or None. chosen: which ids match. ids: the ids if `threads` has no pattern, else None. metadata: {} for any."""

    older_than: float | None
    chosen: ThreadFilter
    ids: tuple[str, ...] | None
    metadata: dict[str, Any]
    keep: str
    waiting: str

    @classmethod
    def of(cls, params: dict[str, Any]) -> Policy:
        """The Policy of a module's options. Raises ModuleError."""
        older_than = None if params["older_than"] is None else seconds_of("older_than", params["older_than"])
        for option in ("threads", "metadata"):
            # An empty value usually comes from a variable that was not set, and would select all threads.
            if params[option] is not None and not params[option]:
                raise ModuleError("%s is empty, so it selects no thread. Leave it out to select threads by the other options only." % option)
        for place in _empty_parts(params["metadata"], "metadata"):
            raise ModuleError("%s is empty, and each value of its kind contains an empty one. Leave it out, or give it a value." % place)
        threads = params["threads"] or []
        listed = bool(threads) and all(WILDCARDS.isdisjoint(each) for each in threads)
        chosen = ThreadFilter(threads, params["exclude_threads"])
        return cls(older_than, chosen, tuple(sorted(set(threads))) if listed else None, params["metadata"] or {}, params["keep"], params["waiting"])

    @property
    def selects(self) -> bool:
        """Whether an option selects threads. Without one, no thread is removed."""
        return self.older_than is not None or self.chosen.patterns is not None or bool(self.metadata)

    def considers(self, thread: str) -> bool:
        """Whether a thread is counted at all."""
        return self.chosen.patterns is None or thread in self.chosen.patterns

    def cutoff(self, now: float) -> str:
        """The first id that is too recent, if the policy has an age."""
        return first_identifier(now - (self.older_than or 0))

    def kept_by_age(self, age: ThreadAge, now: float) -> str | None:
        """Why a thread is kept, from its id and its age only, or None."""
        if age.thread not in self.chosen:
            return EXCLUDED
        if not age.found and (self.older_than is not None or self.metadata or self.keep == "latest"):
            return NO_CHECKPOINT
        if self.older_than is None:
            return None
        if age.newest is None or age.time is None:
            return AGE_UNKNOWN
        return RECENT if age.newest >= self.cutoff(now) else None

    def kept_by_details(self, details: ThreadDetails, now: float) -> str | None:
        """Why a thread is kept that is old enough, or None."""
        if not details.matched:
            return OTHER_METADATA
        if self.older_than is not None:
            if details.other:
                return AGE_UNKNOWN
            cutoff = self.cutoff(now)
            if (details.newest or "") >= cutoff or (details.written or "") >= cutoff:
                return RECENT
            if details.newest is None:
                return NO_CHECKPOINT
        if self.keep == "latest":
            return UNREADABLE if details.unreadable else DELTA_CHANNEL if details.delta else None
        if self.waiting == "keep":
            return WAITING if details.waiting else UNFINISHED if details.unfinished else None
        return None
