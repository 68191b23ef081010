# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is interrupted at each of its statements, because it or the server is killed: the next run completes the work, and all messages are true."""

from __future__ import annotations

import pytest
from fault_injection import kill, restarting, run_at_each_point, stopping
from fault_points import FEWER, STARTS
from scope import EVERYWHERE

ALL = pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
KILLED = "killed before and after each statement of %s"
STOPPED = "server killed at each statement of %s"
RESTARTED = "server restarted at each statement of %s"


@ALL
def test_killed(stoppable_server, collection, fault_table, start):
    assert run_at_each_point(fault_table, KILLED % start.name, collection, start, stoppable_server, kill) == []


@ALL
def test_killed_upstream(stoppable_server, upstream, fault_table, start):
    run_at_each_point(fault_table, KILLED % start.name, upstream, start, stoppable_server, kill)


@pytest.mark.extended
@ALL
def test_the_server_killed(stoppable_server, collection, fault_table, start):
    assert (
        run_at_each_point(
            fault_table, STOPPED % start.name, collection, start, stoppable_server, stopping(stoppable_server), stoppable_server.restart, every=FEWER
        )
        == []
    )


# Only the upgrade outside `make faults`: it has most of the statements of a first setup.
@pytest.mark.parametrize("start", STARTS if EVERYWHERE else STARTS[1:], ids=lambda start: start.name)
def test_the_server_restarted(stoppable_server, collection, fault_table, start):
    assert run_at_each_point(fault_table, RESTARTED % start.name, collection, start, stoppable_server, restarting(stoppable_server)) == []


@ALL
def test_the_server_killed_upstream(stoppable_server, upstream, fault_table, start):
    run_at_each_point(fault_table, STOPPED % start.name, upstream, start, stoppable_server, stopping(stoppable_server), stoppable_server.restart)


@ALL
def test_the_server_restarted_upstream(stoppable_server, upstream, fault_table, start):
    run_at_each_point(fault_table, RESTARTED % start.name, upstream, start, stoppable_server, restarting(stoppable_server))
