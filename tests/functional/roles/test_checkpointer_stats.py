# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/stats.yml: what the reports contain, hostile names in them, limits, and the HTML page in a browser."""

from __future__ import annotations

import html
import json
import re
import stat
from unittest.mock import ANY

import jsonschema
import pytest
from aged_threads import DAY, ago, shapes
from assertions import assert_no_secret
from databases import Database
from pages import BEYOND, CONTRAST, browsers
from plays import PLAYBOOKS, run
from runner import ROOT
from scope import usual
from sites import host

pytestmark = pytest.mark.newest

STATS = PLAYBOOKS / "stats.yml"
SCHEMA = json.loads((ROOT / "roles" / "checkpointer" / "files" / "stats_report.schema.json").read_text(encoding="utf-8"))
EVIL = "<script>alert(1)</script>\"'&|[a](b)`c`{{ 7 * 7 }}"
ODD = "../odd<b>host"


def fill(database):
    """Threads of several ages, and names that are hard to print."""
    database.setup()
    database.grant()
    with database.saver() as saver:
        graphs = shapes(saver)
        for number, age in enumerate((0, 1, 1, 5, 12, 40, 100, 400)):
            with ago(age * DAY):
                for _turn in range(number % 3 + 1):
                    shape = "plain" if number else "waits"
                    graphs[shape].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": "ThreadOfSomebody %d" % number}})
        with ago(40 * DAY):
            graphs["waits"].invoke({"messages": ["x" * 9000]}, {"configurable": {"thread_id": EVIL}})
    database.execute("UPDATE checkpoint_blobs SET channel = %s WHERE thread_id = %s AND channel = 'messages'", [EVIL, EVIL])


class Reports:
    """A run on a host within its limits and one that exceeds one of them."""

    def __init__(self, folder, done, databases):
        self.folder, self.done, self.databases = folder, done, databases
        odd = [path.stem for path in folder.iterdir() if path.stem.startswith("_") and path.suffix == ".json"]
        self.names = {"good": "app1-stats", "bad": odd[0]}

    def read(self, which, suffix):
        return (self.folder / ("%s.%s" % (self.names[which], suffix))).read_text(encoding="utf-8")

    def json(self, which):
        return json.loads(self.read(which, "json"))


@pytest.fixture(scope="module")
def reports(server, target_venv, runner, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("stats")
    database = Database.create(server)
    try:
        fill(database)
        policy = {"older_than": "30d", "waiting": "delete"}
        hosts = {
            "app1": host(database, target_venv, runner.python, checkpointer_stats_limits={"bytes": "50GB", "oldest_age": "5000d"}),
            ODD: host(
                database,
                target_venv,
                runner.python,
                checkpointer_stats_limits={"waiting_threads": 1, "oldest_age": "90d"},
                checkpointer_stats_policy=policy,
                checkpointer_stats_show_threads=True,
            ),
        }
        env = {"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        flags = ["-e", "checkpointer_report_dir=%s" % (scratch / "deep" / "reports")]
        done = run(scratch, STATS, {"langgraph_app": {"hosts": hosts}}, *flags, env=env, verbosity=None)
        assert_no_secret(done, database)
        made = Reports(scratch / "deep" / "reports", done, [database])
        yield made
    finally:
        database.drop()


def test_an_exceeded_limit_fails_after_the_report_is_written(reports):
    done = reports.done.stopped("2 threads wait for an answer, and the limit is 1", "400d old, and the limit is 90d", "All facts: ")
    assert done.recap["app1"]["failed"] == 0 and done.recap[ODD]["failed"] == 1
    assert sorted(path.suffix for path in reports.folder.iterdir()) == [".html", ".html", ".json", ".json", ".md", ".md"]
    assert [path.name for path in reports.folder.parent.iterdir()] == ["reports"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in reports.folder.iterdir())
    assert "size: " in done.output and "wait for an answer: 2 (exact)" in done.output


def test_the_artifact_names_nobody(reports):
    shown = re.search(r"RUN: (\{.*\})", reports.done.output).group(1)
    facts = json.loads(shown)["checkpointer_stats_report"]
    assert sorted(facts) == [ODD, "app1"] and facts["app1"]["exceeded"] == [] and len(facts[ODD]["exceeded"]) == 2
    assert facts["app1"]["bytes"] == reports.json("good")["bytes"] and facts["app1"]["removable_bytes"] is None
    assert facts[ODD]["removable_bytes"] == sum(reports.json("bad")["retention"]["bytes"].values()) > 0
    assert "ThreadOfSomebody" not in shown


def test_json_matches_its_schema(reports):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for which in ("good", "bad"):
        data = reports.json(which)
        assert [(list(error.absolute_path), error.message) for error in validator.iter_errors(data)] == []
        assert data["$schema"] == SCHEMA["$id"]
    assert data["host"] == ODD and data["policy"] == {"older_than": "30d", "keep": "none", "waiting": "delete"} and data["retention"]["threads"]["deleted"] == 4
    for broken in ({"bytes": None}, {"more": 1}, {"generated_at": "yesterday"}, {"tables": {}}, {"threads": {"value": 1}}, {"report_version": 2}):
        assert list(validator.iter_errors({**data, **broken})), broken
    for key in data:
        assert list(validator.iter_errors({name: value for name, value in data.items() if name != key})), key


def test_ids_are_in_a_report_only_if_they_are_asked_for(reports):
    for suffix in ("json", "md", "html"):
        assert "ThreadOfSomebody" not in reports.read("good", suffix) and "sha256:" in reports.read("good", suffix)
        assert "ThreadOfSomebody" in reports.read("bad", suffix)


def test_names_are_shown_as_text(reports):
    """In Markdown and HTML, whatever they contain; a template in a name is not evaluated."""
    data = reports.json("bad")
    assert EVIL in {each["channel"] for each in data["largest_channels"]["channels"]} and EVIL in {
        each["thread"] for each in data["largest_threads"]["threads"]
    }
    page = reports.read("bad", "html")
    assert "<script" not in page and html.escape(EVIL).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    text = reports.read("bad", "md")
    assert "<" not in text and ">" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    shown = [re.sub(r"\\([|`*~\[\]#!_\\])", r"\1", row).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for row in rows]
    assert any(row.startswith("| %s |" % EVIL) for row in shown)
    for row, line in zip(rows, rows[1:]):
        # Each row of a table has as many cells as the one before it, unless a new table begins.
        cells = [len(re.split(r"(?<!\\)\|", each)) for each in (row, line)]
        assert cells[0] == cells[1] or text.index(line) > text.index(row) + len(row) + 1, line


def test_a_second_run_changes_nothing_and_check_mode_writes_nothing(tmp_path, database, target_venv, runner):
    database.setup()
    database.grant()
    hosts = {"app1": host(database, target_venv, runner.python, checkpointer_report_dir=str(tmp_path / "reports"), checkpointer_report_mode="0600")}
    before = database.snapshot()
    predicted = run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}, "--check").unchanged()
    assert not (tmp_path / "reports").exists() and "size: " in predicted.output
    assert run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).passed().recap["app1"]["changed"] == 2
    first = (tmp_path / "reports" / "app1-stats.json").read_text()
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).unchanged()
    assert (tmp_path / "reports" / "app1-stats.json").read_text() != first, "the numbers are those of the last run"
    assert stat.S_IMODE((tmp_path / "reports" / "app1-stats.html").stat().st_mode) == 0o600
    assert database.snapshot() == before
    # Reports in other formats are removed, and a file that is not a report is kept.
    hosts["app2"] = dict(hosts["app1"])
    (tmp_path / "reports" / "app2-stats.html").write_text("my own notes\n")
    hosts["app1"]["checkpointer_report_formats"] = hosts["app2"]["checkpointer_report_formats"] = ["json"]
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).passed()
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["app1-stats.json", "app2-stats.html", "app2-stats.json"]
    hosts["app1"]["checkpointer_report_formats"] = hosts["app2"]["checkpointer_report_formats"] = ["markdown"]
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).passed()
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["app1-stats.md", "app2-stats.html", "app2-stats.md"]
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}, "--tags", "nothing").stopped("selects none of this playbook's parts")


def test_the_ids_of_a_policy_are_neither_logged_nor_reported(tmp_path, database, target_venv, runner):
    database.setup()
    database.grant()
    policy = {"threads": ["ThreadOfSomebody*"], "exclude_threads": ["ThreadOfSomebody 1"], "metadata": {"user": "ThreadOfSomebody"}}
    more = {"checkpointer_report_dir": str(tmp_path / "reports"), "checkpointer_stats_policy": policy}
    hosts = {"app1": host(database, target_venv, runner.python, **more)}
    done = run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).passed()
    texts = {path.suffix: path.read_text() for path in (tmp_path / "reports").iterdir()}
    assert sorted(texts) == [".html", ".json", ".md"]
    for text in [done.output, *texts.values()]:
        assert "ThreadOfSomebody" not in text
    shown = json.loads(texts[".json"])["policy"]
    assert shown == {"keep": "none", "waiting": "keep", "threads": [ANY], "exclude_threads": [ANY], "metadata": {"user": ANY}}
    hosts["app1"]["checkpointer_stats_show_threads"] = True
    assert run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).passed().output.count("ThreadOfSomebody") > 0
    assert json.loads((tmp_path / "reports" / "app1-stats.json").read_text())["policy"] == {"keep": "none", "waiting": "keep", **policy}


@pytest.mark.extended
def test_a_database_that_cannot_be_reached_fails(tmp_path, database, target_venv, runner):
    hosts = {"app1": host(database, target_venv, runner.python, checkpointer_report_dir=str(tmp_path / "reports"))}
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).stopped("no such table in schema public")
    assert not (tmp_path / "reports").exists()
    hosts["app1"]["checkpointer_report_mode"] = "4777"
    run(tmp_path, STATS, {"langgraph_app": {"hosts": hosts}}).stopped("checkpointer_report_mode is 4777")


@pytest.fixture(scope="module")
def browser():
    yield from browsers()


@pytest.mark.parametrize("which, width, scheme", usual([("bad", 360, "dark"), ("good", 1280, "light"), ("bad", 1280, "light"), ("good", 360, "dark")], 2))
def test_the_page(browser, reports, which, width, scheme):
    """It requests nothing, is as wide as the screen, has enough contrast, and its charts show the numbers."""
    asked, said = [], []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for event in ("console", "pageerror", "dialog"):
        page.on(event, lambda each: said.append(str(each)))
    url = (reports.folder / (reports.names[which] + ".html")).as_uri()
    page.goto(url)
    page.wait_for_load_state("networkidle")
    data = reports.json(which)
    assert page.title().startswith("Limit exceeded" if which == "bad" else "Statistics")
    assert page.locator("script, img, link, iframe, image, use, foreignObject").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.locator("body *").evaluate_all(BEYOND) == 0
    worst = page.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst
    levels = page.locator("h1, h2, h3").evaluate_all("nodes => nodes.map(node => Number(node.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert page.locator("table").count() == page.locator("table:has(thead)").count()
    # A chart is described in words, and its bars have the heights of the numbers.
    assert page.locator("svg[role=img]").evaluate_all("nodes => nodes.every(node => node.getAttribute('aria-label').length > 20)")
    for chart, key in enumerate(("bytes", "checkpoints")):
        heights = page.locator(".chart").nth(chart).locator("rect.bar").evaluate_all("nodes => nodes.map(node => Number(node.getAttribute('height')))")
        numbers = [each[key] for each in data["growth"]["days"]]
        assert heights == pytest.approx([100 * each / max(numbers) for each in numbers], abs=0.01)
    fill = page.locator(".chart rect.bar").first.evaluate("node => getComputedStyle(node).fill")
    assert fill == {"light": "rgb(10, 74, 156)", "dark": "rgb(147, 201, 255)"}[scheme]
    context.close()
    assert asked == [url] and said == []
