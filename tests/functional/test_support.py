# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the test helpers: each helper must be able to make a test fail."""

from __future__ import annotations

import json
import re

import pytest


def test_a_new_database_is_empty_and_setup_works(server, database):
    assert server.version >= 15
    assert database.tables() == set()
    before = database.snapshot()
    assert database.snapshot() == before
    database.setup()
    assert database.recorded() == 9
    assert database.snapshot() != before
    database.grant()
    with database.saver() as saver:
        assert list(saver.list({"configurable": {"thread_id": "x"}})) == []


def test_a_snapshot_differs_after_one_changed_row(database):
    database.setup()
    before = database.snapshot()
    database.execute("UPDATE checkpoint_migrations SET v = v WHERE v = 3")
    assert database.snapshot() != before


def test_a_standby_follows(standby_pair):
    primary, standby = standby_pair
    assert primary.execute("SELECT pg_is_in_recovery()") == [(False,)]
    assert standby.execute("SELECT pg_is_in_recovery()") == [(True,)]


def test_an_old_server_runs(old_server):
    assert old_server.version == 14


def test_tls_is_required(tls_server):
    import psycopg

    with tls_server.connect(sslmode="verify-full", sslrootcert=str(tls_server.ca)) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError):
        tls_server.connect(sslmode="disable")


@pytest.mark.newest
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_forwards_queries(database, pooler, mode):
    import psycopg

    bouncer = pooler(database, mode)
    with psycopg.connect(host=bouncer.host, port=bouncer.port, dbname=database.name, user=database.owner.name, password=database.owner.password) as it:
        assert it.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.newest
@pytest.mark.parametrize("name", ["checkpoint_schema_info", "checkpoint_verify"])
def test_a_module_returns_the_same_in_a_fork_and_in_a_new_process(database, call_module, name):
    database.setup()
    forked, alone = [call_module(name, database.login(), env=env) for env in (None, {"LANG": "C.UTF-8"})]
    assert not alone.failed and steady(forked) == steady(alone)


def steady(outcome):
    """Without the values that differ between two runs: times, process ids and generated names."""
    return re.sub(r"\d+", "#", json.dumps(outcome, sort_keys=True))


@pytest.mark.newest
def test_a_play_returns_the_same_in_forks_and_in_a_users_run(database, run_module):
    args = database.login(login_db="nowhere")
    forked, alone = [run_module("checkpoint_schema_info", args, forked=forked) for forked in (True, False)]
    assert forked.rc == alone.rc == 2 and forked["msg"] == alone["msg"]
    # Otherwise, each test would start one more Python for every task without any notice.
    assert "EXEC" in alone.output and "EXEC" not in forked.output


def test_a_killed_fork_is_reported_as_killed(start_module, database, call_module):
    database.setup()
    running = start_module("checkpoint_schema_info", database.login())
    running.process.kill()
    assert running.process.wait(10) == -9 and running.process.poll() == -9
    assert not call_module("checkpoint_schema_info", database.login()).failed
