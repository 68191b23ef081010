# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/import_sqlite.yml: the check of parity, passes that report their progress, a comparison of every row, and a report."""

from __future__ import annotations

import json
import operator
import re
import sqlite3
import threading
import time
from typing import Annotated, TypedDict

import pytest
from assertions import assert_no_secret
from differential import assert_same
from events import until
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from plays import PLAYBOOKS, run
from sites import Site
from sqlite_threads import put

pytestmark = pytest.mark.newest
THREADS = 12


class State(TypedDict):
    messages: Annotated[list, operator.add]


def graph(saver):
    def ask(state):
        return {"messages": ["answered %s" % interrupt("what now?")]}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def thread(number):
    return {"configurable": {"thread_id": "thread-%02d" % number}}


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    """One host, whose file contains threads that wait for an answer."""
    made = Site(tmp_path, database, target_venv, runner)
    made.variables["ansible_become"] = False
    made.variables["checkpointer_report_dir"] = str(tmp_path / "report")
    made.path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(made.path)) as saver:
        for number in range(THREADS):
            graph(saver).invoke({"messages": ["hello"]}, thread(number))
    made.hosts = {"app1": dict(made.hosts["app1"], checkpointer_sqlite_path=str(made.path))}
    return made


def play(site, *flags, **changes):
    inventory = site.inventory()
    inventory["langgraph_app"]["vars"] = dict(site.variables, **changes)
    done = run(site.folder, PLAYBOOKS / "import_sqlite.yml", inventory, *flags)
    assert_no_secret(done, site.database)
    return done


def progress(done):
    return [each["msg"] for each in done.of("Report the progress")]


def test_graphs_resume_after_the_import(site):
    before = site.database.snapshot()
    predicted = play(site, "--check", "--diff").passed()
    assert site.database.snapshot() == before and not (site.folder / "report").exists()
    assert predicted.recap["app1"]["changed"] == 1
    done = play(site).passed()
    rows = re.search(r"(\d+) rows of 12 threads would be written", predicted.of("Report what was imported")[0]["msg"])
    first = done.of("until the time limit")[0]
    assert int(rows.group(1)) == sum(first[kind]["written"] for kind in ("checkpoints", "writes", "blobs")) > 0
    assert re.fullmatch(r"12 of 12 threads, \d+ rows per second", progress(done)[-1])
    assert "every row was compared" in done.of("Report what was imported")[0]["msg"]
    count = assert_same(site.path, site.database)
    report = json.loads((site.folder / "report" / "app1-import.json").read_text())
    assert report["verified"]["checkpoints"] == report["counts"]["checkpoints"]["read"] == count[0]
    assert report["verified"]["differences"] == 0 and report["rejected"]["total"] == 0
    page = (site.folder / "report" / "app1-import.md").read_text()
    assert "| checkpoints | %d | 0 | %d |" % (count[0], count[0]) in page
    play(site).unchanged()
    with site.database.saver() as saver:
        for number in range(THREADS):
            assert graph(saver).invoke(Command(resume=str(number)), thread(number))["messages"] == ["hello", "answered %d" % number]


def test_parity_is_checked_first(site):
    site.database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    play(site).stopped("NOT in parity", "task_path", "Nothing was written")
    assert site.database.execute("SELECT count(*) FROM checkpoints") == [(0,)]


def test_excluded_threads(site):
    """Each pass leaves them out, also the last one, and the report names them."""
    done = play(site, checkpointer_import_exclude_threads=["thread-0[1-3]"], checkpointer_import_threads=["thread-0*"]).passed()
    assert progress(done)[-1].startswith("7 of 7 threads")
    assert {row[0] for row in site.database.execute("SELECT thread_id FROM checkpoints")} == {"thread-%02d" % number for number in (0, *range(4, 10))}
    report = json.loads((site.folder / "report" / "app1-import.json").read_text())
    assert report["exclude_threads"] == ["thread-0[1-3]"] and report["threads"] == ["thread-0*"] and report["counts"]["threads"]["read"] == 7


def test_the_newest_state(site):
    """Each pass, the last comparison and the report are limited to it. A waiting graph resumes. A thread with a DeltaChannel is whole, and named."""
    evil = "<b>|delta"
    counters = "CAST(json_set(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot', json('{\"messages\": [1, 1]}')) AS BLOB)"
    with sqlite3.connect(site.path) as file:
        for table in ("checkpoints", "writes"):
            file.execute("UPDATE %s SET thread_id = ? WHERE thread_id = 'thread-03'" % table, (evil,))
        file.execute("UPDATE checkpoints SET metadata = %s WHERE thread_id = ?" % counters, (evil,))
        total = file.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        kept = THREADS - 1 + file.execute("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (evil,)).fetchone()[0]
    done = play(site, checkpointer_import_history="latest", checkpointer_import_batch_size=5).passed()
    assert "without %d older ones; every row was compared" % (total - kept) in done.of("Report what was imported")[0]["msg"]
    assert site.database.execute("SELECT count(*) FROM checkpoints") == [(kept,)]
    report = json.loads((site.folder / "report" / "app1-import.json").read_text())
    assert report["history"] == "latest" and report["whole_threads"] == {"total": 1, "sample": [evil]}
    assert report["counts"]["checkpoints"] == {"read": kept, "rejected": 0, "omitted": total - kept} and report["verified"]["checkpoints"] == kept
    for suffix, shown in (("md", "whole: \\<b\\>\\|delta."), ("html", "<li>&lt;b&gt;|delta</li>")):
        page = (site.folder / "report" / ("app1-import." + suffix)).read_text()
        assert "%d older checkpoints were left out" % (total - kept) in page and shown in page, page
    play(site, checkpointer_import_history="latest").unchanged()
    with site.database.saver() as saver:
        for number in set(range(THREADS)) - {3}:
            assert graph(saver).invoke(Command(resume=str(number)), thread(number))["messages"] == ["hello", "answered %d" % number]


def hold_up(database, seconds):
    """Block the first writer for this long."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'"
    with database.connect(autocommit=False) as session:
        session.execute("LOCK TABLE checkpoints IN SHARE MODE")
        until(lambda: database.execute(waiting)[0][0], 60)
        time.sleep(seconds)


def test_passes_continue_where_the_last_one_ended(site):
    """One thread per transaction. The first one waits until its pass has no time left."""
    blocker = threading.Thread(target=hold_up, args=(site.database, 1.5))
    blocker.start()
    done = play(site, checkpointer_import_batch_size=1, checkpointer_import_time_limit=1).passed()
    blocker.join()
    first, last = progress(done)
    assert re.fullmatch(r"1 of 12 threads, \d+ rows per second, about \d+ s left", first)
    assert re.fullmatch(r"12 of 12 threads, \d+ rows per second", last)
    assert assert_same(site.path, site.database)


def test_hosts_without_a_file(site):
    del site.hosts["app1"]["checkpointer_sqlite_path"]
    play(site).stopped("checkpointer_sqlite_path is empty", "app1")


def test_a_file_that_is_not_a_database(site):
    site.path.write_text("not a database, by any means, at all")
    play(site).stopped(str(site.path))
    assert site.database.execute("SELECT count(*) FROM checkpoints") == [(0,)]


def test_a_damaged_thread_is_reported(site):
    with sqlite3.connect(site.path) as file:
        file.execute("UPDATE checkpoints SET checkpoint = x'c1' WHERE thread_id = 'thread-03'")
    play(site).stopped("thread-03")
    play(site, checkpointer_import_on_unreadable="skip").passed()
    report = json.loads((site.folder / "report" / "app1-import.json").read_text())
    assert {each["thread_id"] for each in report["rejected"]["sample"]} == {"thread-03"}
    assert "thread-03" in (site.folder / "report" / "app1-import.md").read_text()


def test_values_in_several_forms_are_reported(site):
    """By every run, although the second one finds all rows in PostgreSQL."""
    with SqliteSaver.from_conn_string(str(site.path)) as saver:
        for number in range(2):
            put(saver, "forked", {"<b>": [number]}, {"<b>": 3}, identifier="id %d" % number)
    play(site).passed()
    found = {"thread_id": "forked", "checkpoint_ns": "", "channel": "<b>", "version": "3", "different": True}
    report = json.loads((site.folder / "report" / "app1-import.json").read_text())
    assert report["verified"]["variants"] == {"total": 1, "different": 1, "sample": [found]}
    assert "| forked |  | \\<b\\> | 3 | differs |" in (site.folder / "report" / "app1-import.md").read_text()
    page = (site.folder / "report" / "app1-import.html").read_text()
    assert "Values in several serialised forms" in page and "&lt;b&gt;" in page and "<b>" not in page.split("<h2>Values in")[1]
    play(site).unchanged()


def test_the_report_in_html(site):
    """Names from the file are shown as text, whatever they contain. Formats that were not requested are not written."""
    evil = "<script>alert(1)</script>"
    with sqlite3.connect(site.path) as file:
        for table in ("checkpoints", "writes"):
            file.execute("UPDATE %s SET thread_id = ? WHERE thread_id = 'thread-03'" % table, (evil,))
        file.execute("UPDATE checkpoints SET checkpoint = x'c1' WHERE thread_id = ?", (evil,))
    play(site, checkpointer_import_on_unreadable="skip", checkpointer_report_formats=["html"]).passed()
    folder = site.folder / "report"
    assert [each.name for each in folder.iterdir()] == ["app1-import.html"]
    page = (folder / "app1-import.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Rejected" in page and str(site.path) in page
    play(site, checkpointer_import_on_unreadable="skip", checkpointer_report_formats=["html"]).unchanged()
