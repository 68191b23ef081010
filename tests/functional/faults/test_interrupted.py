# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that dies at any of its statements, by its own death or the server's: the next one finishes the work and tells the truth."""

from __future__ import annotations

import pytest
from fault_points import FEWER, STARTS
from scope import EVERYWHERE
from strikes import kill, restarting, stopping, undertake

ALL = pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
KILLED = "killed before and after each statement of %s"
STOPPED = "server stopped hard at each statement of %s"
RESTARTED = "server restarted at each statement of %s"


@ALL
def test_killed(victim, collection, ledger, start):
    assert undertake(ledger, KILLED % start.name, collection, start, victim, kill) == []


@ALL
def test_killed_upstream(victim, upstream, ledger, start):
    undertake(ledger, KILLED % start.name, upstream, start, victim, kill)


@pytest.mark.extended
@ALL
def test_the_server_stopped_hard(victim, collection, ledger, start):
    assert undertake(ledger, STOPPED % start.name, collection, start, victim, stopping(victim), victim.restart, every=FEWER) == []


# Outside `make faults` the upgrade alone, which has most of a first setup's statements.
@pytest.mark.parametrize("start", STARTS if EVERYWHERE else STARTS[1:], ids=lambda start: start.name)
def test_the_server_restarted(victim, collection, ledger, start):
    assert undertake(ledger, RESTARTED % start.name, collection, start, victim, restarting(victim)) == []


@ALL
def test_the_server_stopped_hard_upstream(victim, upstream, ledger, start):
    undertake(ledger, STOPPED % start.name, upstream, start, victim, stopping(victim), victim.restart)


@ALL
def test_the_server_restarted_upstream(victim, upstream, ledger, start):
    undertake(ledger, RESTARTED % start.name, upstream, start, victim, restarting(victim))
