# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LangGraph's own conformance suite for savers, on a database with imported data, which the suite does not change."""

from __future__ import annotations

import asyncio

import pytest
from assertions import assert_succeeded
from differential import of_database, of_file
from import_runs import run
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from sqlite_threads import write_graphs

pytestmark = pytest.mark.newest


def test_conformance_with_imported_data(ready, call_module, path):
    write_graphs(path)
    assert_succeeded(run(call_module, ready, path), ready)
    connections = ready.conninfo(ready.app)

    @checkpointer_test(name="AsyncPostgresSaver")
    async def saver():
        async with AsyncPostgresSaver.from_conn_string(connections) as each:
            yield each

    report = asyncio.run(validate(saver))
    report.print_report()
    assert report.passed_all(), report.to_dict()
    kept = of_database(ready)
    for key, tuple_ in of_file(path).items():
        assert kept[key]["writes"] == tuple_["writes"] and kept[key]["checkpoint"] == tuple_["checkpoint"]
