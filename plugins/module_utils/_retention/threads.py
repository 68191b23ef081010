# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads threads: their ids in order, their ages, and what a policy needs to know. Nothing is written, and the memory does not grow with the tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, sql, table_name
from ansible_collections.stateops.langgraph.plugins.module_utils._retention import older_queries, queries
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import Sizes
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import ThreadAge, ThreadDetails

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import PolicyCounts
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy

# Threads that are read at once.
PAGE = 500


class Selected(NamedTuple):
    """A page of threads. ids: those that the policy removes.

    times: {thread: time of its newest checkpoint} of these, if the time is known. sizes: {thread: the rows that the policy removes}, if they were read.
    """

    ids: list[str]
    times: dict[str, float]
    sizes: dict[str, Sizes]


class Threads:
    """The threads of a schema at a point in time. now: seconds since 1970, from the server. horizon: the oldest transaction that was running then."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.places: dict[str, Any] = {table: table_name(schema, table) for table in queries.SIZES_OF}
        self.places.update({"size_%d" % number: sql.SQL(queries.SIZE[table]) for number, table in enumerate(queries.SIZES_OF)})
        begun = fetch_row(connection, queries.HORIZON)
        self.now, self.horizon = begun["now"], begun["horizon"]

    def rows(self, query: str, parameters: dict[str, Any], **places: Any) -> list[dict[str, Any]]:
        """The rows of one of the queries."""
        return self.connection.execute(sql.SQL(query).format(**self.places, **places), parameters).fetchall()

    def rows_deleted(self, query: str, parameters: dict[str, Any]) -> int:
        """Execute one of the queries that delete; returns the number of rows."""
        return self.connection.execute(sql.SQL(query).format(**self.places), parameters).rowcount

    def pages(self, policy: Policy) -> Iterator[list[ThreadAge]]:
        """The threads that the policy considers, in pages: listed ones in order, all threads from the last id to the first."""
        if policy.ids is not None:
            for start in range(0, len(policy.ids), PAGE):
                yield self.ages(self.present(policy.ids[start : start + PAGE]))
            return
        before, condition = "", "true"
        while True:
            rows = self.rows(queries.THREADS, {"before": before, "limit": PAGE}, before=sql.SQL(condition))
            if not rows:
                return
            before, condition = rows[-1]["thread_id"], "x.thread_id < %(before)s"
            rows = [row for row in rows if policy.considers(row["thread_id"])]
            more = {age.thread: age for age in self.ages([row["thread_id"] for row in rows if row["more"]])}
            yield [more.get(row["thread_id"]) or _age(row) for row in rows]

    def present(self, ids: Sequence[str]) -> list[str]:
        """Those of the threads that have a row in any table."""
        return [row["thread_id"] for row in self.rows(queries.PRESENT, {"ids": list(ids)})] if ids else []

    def number(self, limit: int) -> int:
        """The number of threads, at most the limit."""
        query = "SELECT count(*) AS number FROM (%s) AS n" % queries.THREADS
        return self.rows(query, {"limit": limit}, before=sql.SQL("true"))[0]["number"]

    def ages(self, ids: Sequence[str]) -> list[ThreadAge]:
        """The ThreadAge of each thread."""
        return [_age(row) for row in self.rows(queries.AGES, {"ids": list(ids)})] if ids else []

    def details(self, ids: Sequence[str], policy: Policy) -> list[ThreadDetails]:
        """The ThreadDetails of each thread."""
        return [details for details, _sizes in self._details(ids, policy, False)]

    def _details(self, ids: Sequence[str], policy: Policy, sized: bool) -> list[tuple[ThreadDetails, Sizes]]:
        """The ThreadDetails of each thread, with its rows if sized. Both are read in one snapshot."""
        if not ids:
            return []
        parameters = {"ids": list(ids), "timed": policy.selects, "metadata": json.dumps(policy.metadata) if policy.metadata else None}
        latest = policy.keep == "latest"
        parts = {"delta": queries.DELTA if latest else "false", "unreadable": queries.UNREADABLE if latest else "false"}
        parts.update(queries.WITH_SIZES if sized else dict.fromkeys(queries.WITH_SIZES, ""))
        rows = self.rows(queries.DETAILS, parameters, **{name: sql.SQL(part).format(**self.places) for name, part in parts.items()})
        sizes = [Sizes(*(row.pop(name, 0) for name in Sizes._fields)) for row in rows]
        return [(ThreadDetails(row.pop("thread_id"), **row), size) for row, size in zip(rows, sizes)]

    def select(self, ids: Sequence[str], policy: Policy, counts: PolicyCounts) -> Selected:
        """Those of the threads that the policy removes. The others are counted with the reason."""
        return self.select_by_details(self.select_by_age(self.ages(ids), policy, counts), policy, counts)

    def select_by_age(self, ages: Sequence[ThreadAge], policy: Policy, counts: PolicyCounts) -> Selected:
        """Those of the threads that the policy may remove. The others are counted with the reason."""
        times = {age.thread: time for age, time in ((age, age.time) for age in ages) if time is not None}
        return _left(Selected([age.thread for age in ages], times, {}), {age.thread: policy.kept_by_age(age, self.now) for age in ages}, counts)

    def select_by_details(self, selected: Selected, policy: Policy, counts: PolicyCounts, sized: bool = False) -> Selected:
        """Those of the selected threads that the policy removes, with all their rows if sized. The others are counted with the reason."""
        found = self._details(selected.ids, policy, sized)
        times = {details.thread: time for details, time in ((details, details.time) for details, _sizes in found) if time is not None}
        kept = {details.thread: policy.kept_by_details(details, self.now) for details, _sizes in found}
        sizes = {details.thread: size for details, size in found} if sized else {}
        return _left(selected._replace(times=times, sizes=sizes), kept, counts)

    def sizes(self, ids: Sequence[str]) -> dict[str, Sizes]:
        """The rows of each thread."""
        return self._sizes(queries.SIZES, ids)

    def older(self, ids: Sequence[str]) -> dict[str, Sizes]:
        """The rows of each thread that keep=latest removes. A thread without such rows is left out."""
        return self._sizes(older_queries.OLDER, ids)

    def older_calls(self, ids: Sequence[str]) -> set[tuple[str, str]]:
        """The (thread, namespace) pairs that keep=latest removes with all their rows."""
        return {(row["thread_id"], row["checkpoint_ns"]) for row in self.rows(older_queries.CALLS, {"ids": list(ids)})} if ids else set()

    def _sizes(self, query: str, ids: Sequence[str]) -> dict[str, Sizes]:
        return {row.pop("thread_id"): Sizes(**row) for row in self.rows(query, {"ids": list(ids)})} if ids else {}


def _age(row: dict[str, Any]) -> ThreadAge:
    return ThreadAge(row["thread_id"], row["found"], row["newest"], row["other"])


def _left(selected: Selected, kept: dict[str, str | None], counts: PolicyCounts) -> Selected:
    """The selected threads that are not kept. The others are counted. kept: {thread: the reason, or None}"""
    for thread, reason in kept.items():
        if reason:
            counts.keep(thread, reason, selected.times.get(thread))
    return selected._replace(ids=[thread for thread in selected.ids if not kept.get(thread)])
