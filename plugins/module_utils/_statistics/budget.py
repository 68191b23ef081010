# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time limit of a run. Each statement is limited to what is left of it, and a sample becomes smaller until it is read in time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.orphans import COUNTED_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

LIMIT = "SELECT set_config('statement_timeout', %s, false)"
# The least number of seconds for a statement, since the statement that sets the next limit is limited as well.
SHORTEST = 0.2
# Pages of the samples, of which the first one that is read in time counts.
SAMPLES = (1024, 256, 64)
# Threads that are read at once. A few at first, since a single thread may have most of the rows.
CHUNKS = (10, 200)


class OutOfTime(Exception):
    """The time for a figure is over."""


class Budget:
    """The time of a run. seconds: for all figures. statement_timeout: seconds that a statement may take, 0 for no further limit."""

    def __init__(self, connection: Connection, seconds: float, statement_timeout: float = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.connection, self.seconds, self.statement_timeout, self.clock = connection, seconds, statement_timeout or math.inf, clock
        self.began = self.deadline = clock()
        self.until(1.0)

    def until(self, share: float) -> None:
        """The statements that follow must end within this share of the time, counted from the beginning of the run."""
        self.deadline = self.began + self.seconds * share

    @property
    def left(self) -> float:
        """The seconds until the deadline, 0 if it has passed."""
        return max(0.0, self.deadline - self.clock())

    def rows(self, query: str | sql.Composed, parameters: Mapping[str, Any], part: float = 1.0) -> list[dict[str, Any]]:
        """The rows of a query, which may take this share of the remaining time. Raises OutOfTime."""
        if not self.left:
            raise OutOfTime
        try:
            seconds = max(SHORTEST, min(self.left * part, self.statement_timeout))
            self.connection.execute(LIMIT, (str(int(seconds * 1000)),))
            return self.connection.execute(query, parameters).fetchall()
        except psycopg.errors.QueryCanceled:
            raise OutOfTime from None


class TimedThreads(Threads):
    """Threads whose queries raise OutOfTime at the deadline of a Budget."""

    def __init__(self, connection: Connection, schema: str, budget: Budget) -> None:
        super().__init__(connection, schema)
        self.budget = budget

    def rows(self, query: str, parameters: dict[str, Any], **places: Any) -> list[dict[str, Any]]:
        """As in Threads."""
        return self.budget.rows(sql.SQL(query).format(**self.places, **places), parameters)

    def sampled(self, query: str, pages: Mapping[str, int], parameters: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, float | None]]:
        """(the rows of a query, {table: the percentage that was read, or None for all}). pages: {table: its size}. Raises OutOfTime.

        The query contains {sample_TABLE} after each table, and may contain {scale_TABLE}, the factor that extrapolates a number.
        """
        tries = list(attempts(pages))
        for percents in tries:
            places: dict[str, Any] = {}
            for table, percent in percents.items():
                # The same pages each time, so that two runs can be compared.
                text = "" if percent is None else "TABLESAMPLE SYSTEM ({}) REPEATABLE (1)"
                places["sample_" + table] = sql.SQL(text).format(sql.Literal(percent))
                places["scale_" + table] = sql.Literal(1.0 if percent is None else 100.0 / percent)
            try:
                # Half of the remaining time, so that some is left for the smaller samples.
                return self.budget.rows(sql.SQL(query).format(**self.places, **places), parameters, 1.0 if percents is tries[-1] else 0.5), percents
            except OutOfTime:
                continue
        raise OutOfTime


def attempts(pages: Mapping[str, int]) -> Iterator[dict[str, float | None]]:
    """What to read of each table, in the order of the attempts: a percentage, or None for the whole table. pages: {table: its size}."""
    before = None
    for whole, sample in [(COUNTED_WHOLE, SAMPLES[0])] + [(each, each) for each in SAMPLES]:
        found = {table: None if number <= whole else 100.0 * sample / number for table, number in pages.items()}
        if found != before:
            yield found
        before = found


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in parts, each twice as long as the previous one up to a limit."""
    start, (length, longest) = 0, CHUNKS
    while start < len(ids):
        yield ids[start : start + length]
        start, length = start + length, min(2 * length, longest)
