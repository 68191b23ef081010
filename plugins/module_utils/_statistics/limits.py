# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits: which figures exceed them, and what to do about it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, quoted
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import UNITS, seconds_of
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.figures import EXACT

# Tables with fewer dead rows are not compared with dead_percent, because autovacuum does not process small tables.
FEW_DEAD_ROWS = 1000


def limits_argument_spec() -> dict[str, Any]:
    """The option limits."""
    return {
        "type": "dict",
        "options": {
            "bytes": {"type": "str"},
            "oldest_age": {"type": "str"},
            "dead_percent": {"type": "float"},
            "waiting_threads": {"type": "int"},
        },
    }


class Limits(NamedTuple):
    """The limits of a run, None for no limit. oldest_age: as it was given. seconds: the same in seconds."""

    bytes: int | None
    oldest_age: str | None
    seconds: int | None
    dead_percent: float | None
    waiting_threads: int | None

    @classmethod
    def of(cls, given: dict[str, Any] | None) -> Limits:
        """The Limits of a module's option. Raises ModuleError."""
        given = given or {}
        for name, highest in (("dead_percent", 100), ("waiting_threads", None)):
            value = given.get(name)
            if value is not None and (value < 0 or (highest is not None and value > highest)):
                expected = "0 or more" if highest is None else "from 0 to %d" % highest
                raise ModuleError("limits.%s is %s; it must be %s." % (name, value, expected))
        size, age = given.get("bytes"), given.get("oldest_age")
        try:
            limit = None if size is None else human_to_bytes(size)
        except ValueError:
            message = "limits.bytes is %s; a number of bytes was expected, or a number with a unit such as 50GB or 2TB." % quoted(str(size))
            raise ModuleError(message) from None
        seconds = None if age is None else seconds_of("limits.oldest_age", age)
        return cls(limit, age, seconds, given.get("dead_percent"), given.get("waiting_threads"))

    def exceeded(self, facts: dict[str, Any], now: float, oldest: float | None) -> list[dict[str, Any]]:
        """One entry for each limit that is exceeded, or that could not be checked: {'limit', 'found', 'allowed', 'message'}.

        now: on the server's clock. oldest: the time of the newest checkpoint of the oldest thread, or None.
        """
        found = []
        if self.bytes is not None and facts["bytes"] > self.bytes:
            advice = "Delete old threads with checkpoint_prune, or raise the limit and the disk."
            found.append(_entry("bytes", facts["bytes"], self.bytes, "The tables and their indexes have %s, and the limit is %s. %s", _size, advice))
        if self.seconds is not None:
            found += self._age(facts["ages"], now, oldest)
        if self.dead_percent is not None:
            for table in DATA_TABLES:
                each = facts["tables"][table]
                if each["dead_percent"] > self.dead_percent and (each["dead_rows"]["value"] or 0) >= FEW_DEAD_ROWS:
                    advice = "Run VACUUM on it, look for old transactions that prevent it, or let autovacuum run more often for this table."
                    text = "%s %% of the rows of " + table + " are dead, and the limit is %s %%. %s"
                    found.append(_entry("dead_percent", each["dead_percent"], self.dead_percent, text, str, advice))
        if self.waiting_threads is not None:
            waiting = facts["waiting"]
            if waiting["value"] is None:
                found.append(_unchecked("waiting_threads", self.waiting_threads, waiting["reason"]))
            elif waiting["value"] > self.waiting_threads:
                about = "" if waiting["method"] == EXACT else "About "
                advice = "Answer them, or delete the ones that nobody will answer with checkpoint_prune and waiting: delete."
                text = about + "%s threads wait for an answer, and the limit is %s. %s"
                found.append(_entry("waiting_threads", waiting["value"], self.waiting_threads, text, str, advice))
        return found

    def _age(self, ages: dict[str, Any], now: float, oldest: float | None) -> list[dict[str, Any]]:
        if ages["histogram"] is None:
            return [_unchecked("oldest_age", self.oldest_age, ages["reason"])]
        if oldest is None and ages["age_unknown"]:
            return [_unchecked("oldest_age", self.oldest_age, "no id of a checkpoint shows when it was created", "Remove the limit.")]
        if oldest is None or self.seconds is None or now - oldest <= self.seconds:
            return []
        days = "%dd" % ((now - oldest) // UNITS["d"]) if now - oldest >= UNITS["d"] else "%ds" % (now - oldest)
        advice = "Run checkpoint_prune with older_than, or check why its last run did not delete the thread."
        return [_entry("oldest_age", days, self.oldest_age, "The newest checkpoint of the oldest thread is %s old, and the limit is %s. %s", str, advice)]


def _entry(limit: str, found: Any, allowed: Any, text: str, shown: Any, advice: str) -> dict[str, Any]:
    return {"limit": limit, "found": str(found), "allowed": str(allowed), "message": text % (shown(found), shown(allowed), advice)}


def _unchecked(limit: str, allowed: Any, reason: str, advice: str = "Raise time_limit, or remove the limit.") -> dict[str, Any]:
    """The run also fails if a limit was not checked: otherwise nobody would notice that it is exceeded."""
    message = "The limit %s could not be checked: %s. %s" % (limit, reason, advice)
    return {"limit": limit, "found": None, "allowed": str(allowed), "message": message}


def _size(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return "%.4g %s" % (number, unit)
        number /= 1024.0
    return "%.4g TiB" % number
