# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which threads an import or a pruning applies to."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WILDCARDS = frozenset("*?[")


class Matcher:
    """Ids and shell patterns. There may be thousands of ids, so they are not compiled to expressions."""

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = list(patterns)
        self.ids = frozenset(pattern for pattern in patterns if WILDCARDS.isdisjoint(pattern))
        expressions = [fnmatch.translate(pattern) for pattern in patterns if pattern not in self.ids]
        self.expression = re.compile("|".join(expressions)) if expressions else None

    def __contains__(self, thread: str) -> bool:
        return thread in self.ids or bool(self.expression and self.expression.match(thread))


class ThreadFilter:
    """The threads that match one of the patterns, or all threads if there are no patterns, except those that match an excluded pattern.

    Its truth value is false if it contains all threads.
    """

    def __init__(self, patterns: Iterable[str] = (), excluded: Iterable[str] = ()) -> None:
        self.patterns = Matcher(patterns) if patterns else None
        self.excluded = Matcher(excluded) if excluded else None

    def __bool__(self) -> bool:
        return self.patterns is not None or self.excluded is not None

    def __contains__(self, thread: object) -> bool:
        name = thread.decode("utf-8", "replace") if isinstance(thread, bytes) else str(thread)
        return (self.patterns is None or name in self.patterns) and (self.excluded is None or name not in self.excluded)
