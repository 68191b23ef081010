# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite file is on one host, the application and its connection to the database on others."""

from __future__ import annotations

import sqlite3

import pytest
from plays import PLAYBOOKS, needs_ssh, run
from scope import usual
from sites import COMPARE, Site
from sqlite_threads import saved

pytestmark = pytest.mark.newest

VERIFY = PLAYBOOKS / "verify.yml"
FILE = "Read the SQLite file on the host that has it"


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    return Site(tmp_path, database, target_venv, runner)


@pytest.fixture
def apart(site):
    """app1 and app2 refer to laptop, which has the file, but no virtualenv and none of the application's variables."""
    del site.hosts["app3"]
    path = saved(site.folder / "laptop.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER)")
    connection.close()
    plain = {name: value for name, value in site.variables.items() if name.startswith("ansible_")}
    laptop = {**plain, "ansible_become": False, "checkpointer_sqlite_path": str(path)}
    site.variables["ansible_become"] = False
    site.variables["checkpointer_sqlite_host"] = "laptop"
    site.variables["checkpointer_roundtrip"] = False
    site.path = path

    class Apart:
        groups = {**site.inventory(), "others": {"hosts": {"laptop": laptop}}}
        app = groups["langgraph_app"]
        others = groups["others"]["hosts"]
        folder = site.folder
        name = "laptop:%s" % path

        def verify(self, *flags, **kwargs):
            return run(self.folder, VERIFY, self.groups, *flags, **kwargs)

        def play(self, play, *flags):
            plays = [{"hosts": "langgraph_app", "gather_facts": False, "roles": ["stateops.langgraph.checkpointer"], **play}]
            return run(self.folder, plays, self.groups, *flags)

    return Apart()


def compared(apart, done, hosts=("app1", "app2")):
    assert done.hosts(COMPARE) == sorted(hosts)
    for host in hosts:
        (found,) = done.of(COMPARE, host)
        assert found["parity"]["reference"] == apart.name and found["parity"]["in_parity"] is True
        # The reference is this file, not the schema that the library creates.
        assert {table["name"] for table in found["sqlite"]["tables"]} == {"checkpoints", "writes", "notes"}
        (read,) = done.of(FILE, host)
        assert read["orphans"]["sqlite_writes"] == {"count": 0, "recent": 0, "age_unknown": 0, "limited": False}
        assert "[%s -> laptop" % host in done.output
    assert "laptop" not in done.recap or done.recap["laptop"]["changed"] == 0


@pytest.mark.parametrize("flags", usual([[], ["--check"]]), ids=" ".join)
def test_verify_reads_the_file_on_its_host(apart, flags):
    done = apart.verify(*flags).unchanged()
    compared(apart, done)
    assert "app2: PostgreSQL is in parity with %s" % apart.name in done.output


def test_a_limit_without_the_host_of_the_file(apart):
    compared(apart, apart.verify("--limit", "app1").unchanged(), ["app1"])


@pytest.mark.parametrize("play", [{"serial": 1}, {"strategy": "ansible.builtin.free"}], ids=["serial", "free"])
@pytest.mark.extended
def test_in_batches_and_with_strategy_free(apart, play):
    compared(apart, apart.play(play).unchanged())


def test_an_application_host_that_has_the_file(apart):
    """The variable may be set for the group: the host that has the file uses it directly."""
    del apart.groups["others"]
    path = apart.name.partition(":")[2]
    apart.app["hosts"]["app1"]["checkpointer_sqlite_path"] = path
    apart.app["vars"]["checkpointer_sqlite_host"] = "app1"
    done = apart.verify().unchanged()
    references = [done.of(COMPARE, host)[0]["parity"]["reference"] for host in ("app1", "app2")]
    assert references == [path, "app1:" + path]


def test_drift_from_the_file_of_another_host(apart, database):
    with sqlite3.connect(apart.name.partition(":")[2]) as connection:
        connection.execute("ALTER TABLE writes ADD COLUMN mood TEXT")
    connection.close()
    for flags in ([], ["--check"]):
        done = apart.verify(*flags).stopped("mood", apart.name)
        assert {host: done.recap[host]["failed"] for host in ("app1", "app2")} == {"app1": 1, "app2": 1}


def test_module_defaults_of_the_play_do_not_apply_to_the_host_of_the_file(apart):
    login = {"login_host": "192.0.2.1", "login_db": "elsewhere", "connect_timeout": 2}
    compared(apart, apart.play({"module_defaults": {"group/stateops.langgraph.postgresql": login}}).unchanged())


@pytest.mark.parametrize(
    "group, laptop, said",
    usual(
        [
            ({"checkpointer_sqlite_host": "desktop"}, {}, ["checkpointer_sqlite_host is desktop, which is not a host of the inventory"]),
            ({}, {"checkpointer_sqlite_path": ""}, ["checkpointer_sqlite_host is laptop", "the inventory sets no checkpointer_sqlite_path"]),
            ({}, {"checkpointer_sqlite_path": "/gone.sqlite"}, ["/gone.sqlite does not exist on this host", "-> laptop"]),
            ({"checkpointer_sqlite_path": "/mine.sqlite"}, {}, ["checkpointer_sqlite_path and checkpointer_sqlite_host each define"]),
            ({"checkpointer_sqlite_schema": {"engine": "sqlite"}}, {}, ["checkpointer_sqlite_schema and checkpointer_sqlite_host each define"]),
            (
                {"checkpointer_sqlite_schema": {"engine": "sqlite"}, "checkpointer_sqlite_host": "", "checkpointer_sqlite_path": "/mine.sqlite"},
                {},
                ["checkpointer_sqlite_path and checkpointer_sqlite_schema each define"],
            ),
            ({"checkpointer_sqlite_host": "{{ inventory_hostname }}"}, {}, ["this host itself, and it has no checkpointer_sqlite_path"]),
            ({"checkpointer_sqlite_host": "", "checkpointer_sqlite_schema": {"engine": "sqlite"}}, {}, ["sqlite_schema is invalid"]),
        ],
        3,
    ),
    ids=["unknown host", "no file of its own", "no such file", "path and host", "schema and host", "path and schema", "itself", "no schema"],
)
def test_a_reference_that_cannot_be_read(apart, group, laptop, said):
    apart.app["vars"].update(group)
    apart.others["laptop"].update(laptop)
    done = apart.verify("--limit", "app1").stopped(*said)
    assert "in parity" not in str(done.of(COMPARE))


@needs_ssh
def test_a_host_with_the_file_that_cannot_be_reached(apart):
    apart.others["laptop"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    apart.verify("--limit", "app1").stopped("UNREACHABLE", "laptop", rc=4)


def test_a_schema_that_an_earlier_task_has_read(apart):
    apart.app["vars"]["checkpointer_sqlite_host"] = ""
    path = apart.name.partition(":")[2]
    read = {"name": "Read", "stateops.langgraph.checkpoint_schema_info": {"sqlite_path": path}, "register": "read"}
    play = {"pre_tasks": [read], "vars": {"checkpointer_sqlite_schema": "{{ read.sqlite }}"}}
    done = apart.play(play, "--tags", "all").unchanged()
    assert done.of(COMPARE, "app2")[0]["parity"]["reference"] == path
