# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/prune.yml: policies and erasures on hosts that share a database, and the reports of each run."""

from __future__ import annotations

import hashlib
import json
import re
import stat

import jsonschema
import pytest
from aged_threads import DAY, ago, shapes, sizes, states
from assertions import assert_no_secret
from plays import PLAYBOOKS, run
from runner import ROOT
from sites import Site

pytestmark = pytest.mark.newest

SCHEMA = json.loads((ROOT / "roles" / "checkpointer" / "files" / "retention_report.schema.json").read_text(encoding="utf-8"))
DELETE = "Delete what the policy selects"
OLD = {"name": "old", "older_than": "30d"}
# The threads, with their graphs and ages in days.
THREADS = {
    "ada-1": ("plain", 100),
    "ada-2": ("nested", 1),
    "bob-1": ("plain", 50),
    "bob-2": ("waits", 60),
    "bob-3": ("stateful", 70),
    "eve-1": ("plain", 2),
    "eve-2": ("plain", 3),
    "eve-3": ("plain", 4),
}


def hashed(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    """Two hosts that share a database."""
    made = Site(tmp_path, database, target_venv, runner)
    made.variables.update(ansible_become=False, checkpointer_report_dir=str(tmp_path / "report"), retention_policies=[OLD])
    # One machine, so that both mean the same server by its loopback address.
    made.hosts = {name: {**made.hosts[name], "ansible_host": "localhost"} for name in ("app1", "app2")}
    with database.saver() as saver:
        graphs = shapes(saver)
        for thread, (shape, age) in THREADS.items():
            with ago(age * DAY):
                graphs[shape].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}, "metadata": {"tenant": thread[:3]}})
    return made


def play(site, *flags, hosts=None, **changes):
    inventory = site.inventory()
    inventory["langgraph_app"]["vars"] = dict(site.variables, **changes)
    inventory["langgraph_app"]["hosts"] = hosts or site.hosts
    extra = site.folder / "extra.json"
    if "extra" in changes:
        extra.write_text(json.dumps(inventory["langgraph_app"]["vars"].pop("extra")))
        flags = (*flags, "-e", "@%s" % extra)
    done = run(site.folder, PLAYBOOKS / "prune.yml", inventory, *flags, env={"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert_no_secret(done, site.database)
    return done


def threads(database):
    return {row[0] for row in database.execute("SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM checkpoint_writes")}


def reports(site, suffix="json"):
    return sorted((site.folder / "report").glob("*." + suffix))


def read(path):
    """The data of a report in JSON, which matches its schema."""
    data = json.loads(path.read_text(encoding="utf-8"))
    assert errors(data) == [] and data["$schema"] == SCHEMA["$id"]
    return data


def errors(data):
    return [(list(error.absolute_path), error.message) for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)]


def artifacts(done):
    return json.loads(re.search(r"RUN: (\{.*\})", done.output).group(1))["retention_report"]


def test_a_policy(site):
    """Check mode predicts, one of two hosts deletes, a second run changes nothing and keeps the report of the first."""
    database = site.database
    shown = {thread: shape for thread, (shape, _age) in THREADS.items() if thread not in ("ada-1", "bob-1", "bob-3")}
    before, kept = database.snapshot(), states(database, shown)
    predicted = play(site, "--check").passed()
    assert database.snapshot() == before and not (site.folder / "report").exists()
    assert {host: counts["changed"] for host, counts in predicted.recap.items()} == {"app1": 1, "app2": 0}
    done = play(site).passed()
    assert threads(database) == set(shown) and states(database, shown) == kept
    assert done.hosts(DELETE) == ["app1"] and "app1 has the same database" in done.of("Report which host prunes the database", "app2")[0]["msg"]
    assert {host: counts["changed"] for host, counts in done.recap.items()} == {"app1": 3, "app2": 0}
    # The numbers of check mode are those of the run.
    told = "Report what was deleted"
    assert predicted.of(told)[0]["msg"] == [each.replace(" deleted", " would be deleted") for each in done.of(told)[0]["msg"]]
    (path,) = reports(site)
    assert re.fullmatch(r"app1-prune-\d{8}T\d{6}\.\d{6}Z\.json", path.name) and stat.S_IMODE(path.stat().st_mode) == 0o644
    first, report = path.read_bytes(), read(path)
    assert report["deleted"]["deleted"] == 3 and report["database"]["name"] == database.name and report["role"] == database.app.name
    assert report["policies"][0]["kept"] == {"recent": 4, "waiting": 1} and report["policies"][0]["options"]["older_than"] == "30d"
    assert set(report["policies"][0]["deleted_threads"]["sample"]) == {hashed(thread) for thread in ("ada-1", "bob-1", "bob-3")}
    summary = artifacts(done)["app1"]
    assert summary["deleted"] == report["deleted"] and "sha256" not in json.dumps(summary)
    # No id is in the output at the highest verbosity.
    assert not [thread for thread in THREADS if thread in done.output]
    # The schema rejects data that is not a report.
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for broken in ({"role": None}, {"more": 1}, {"started_at": "yesterday"}, {"policies": [{}]}, {"deleted": {"deleted": 3}}, {"report_version": 2}):
        assert errors({**report, **broken}), broken
    for key in report:
        assert errors({name: value for name, value in report.items() if name != key}), key
    (policy,) = report["policies"]
    for key in policy:
        assert errors({**report, "policies": [{name: value for name, value in policy.items() if name != key}]}), key
    again = play(site).unchanged()
    assert "0 of 5 threads deleted" in again.of("Report what was deleted")[0]["msg"][0]
    assert path.read_bytes() == first and [each.name for each in reports(site)] == [path.name, "app1-prune.json"]
    assert read(reports(site)[1])["changed"] is False
    play(site).unchanged()
    assert len(reports(site)) == 2


def test_which_host_deletes(site):
    """The first one that can, for each database and its policies."""
    broken = dict(site.hosts["app1"], ansible_python_interpreter=str(site.folder / "nowhere"))
    own = dict(site.hosts["app2"], retention_policies=[{"name": "eve", "threads": ["eve-*"], "older_than": "1h", "force": True}])
    # The hosts delete in any order, and app1 deletes three of the five threads that app3 leaves.
    done = play(site, hosts={"app0": broken, **site.hosts, "app3": own}, retention_limit_percent=60).stopped()
    assert done.recap["app0"]["failed"] == 1 and done.hosts(DELETE) == ["app1", "app3"]
    assert {host: summary["deleted"]["deleted"] for host, summary in artifacts(done).items()} == {"app1": 3, "app3": 3}


def test_a_failure_after_a_deletion(site):
    """The results of all policies are reported, then the play fails."""
    policies = [{"name": "ada", "threads": ["ada-1"]}, {"name": "all", "older_than": "1s"}, {"name": "bob", "threads": ["bob-1"], "orphans": True}]
    policies.append({"name": "keep", "older_than": "30d", "exclude_threads": ["eve-*"], "keep": "latest"})
    done = play(site, retention_policies=policies).stopped("1 of 4 policies failed", "all: ", "limit_percent is 50")
    assert threads(site.database) == set(THREADS) - {"ada-1", "bob-1"}
    (path,) = reports(site)
    report = read(path)
    assert report["failed"] == ["all"] and [each["threads"]["deleted"] for each in report["policies"]] == [1, 0, 1, 0]
    assert report["policies"][2]["orphans"]["complete"] is True and report["deleted"]["trimmed"] == report["policies"][3]["threads"]["trimmed"] == 2
    assert "limit\\_percent" in reports(site, "md")[0].read_text() or "limit_percent" in reports(site, "md")[0].read_text()
    assert artifacts(done)["app1"]["failed"] == ["all"]


def test_no_host_records_a_success_if_the_policies_failed(site):
    """The other hosts have the same policies, and none of them applied them."""
    folders = {name: site.folder / name for name in site.hosts}
    for name, folder in folders.items():
        folder.mkdir()
        site.hosts[name]["monitoring_textfile_directory"] = str(folder)
    done = play(site, retention_policies=[{"name": "all", "older_than": "1s"}])
    done.stopped("1 of 1 policies failed", "app1 has the same database and policies, and failed")
    assert {host: counts["failed"] for host, counts in done.recap.items()} == {"app1": 1, "app2": 1}
    assert [list(folder.iterdir()) for folder in folders.values()] == [[], []]
    play(site).passed()
    assert [[path.name for path in folder.iterdir()] for folder in folders.values()] == [["langgraph_prune.prom"]] * 2


WRONG = {
    "no policy": ([], "retention_policies is empty"),
    "two of the same name": ([OLD, OLD], "occurs twice"),
    "without a name": ([{"older_than": "30d"}], "name is missing"),
    "nothing selected": ([{"name": "x", "keep": "latest"}], "No option selects what to delete"),
    "an empty value": ([{"name": "x", "older_than": "30d", "threads": []}], "threads is empty"),
    "an unknown option": ([{"name": "x", "oldr_than": "30d"}], "oldr_than"),
    "a wrong age": ([{"name": "x", "older_than": "30 years"}], "a number greater than 0 and a unit"),
    "a wrong number": ([{"name": "x", "older_than": "30d", "batch_size": 0}], "batch_size is 0"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_policies_are_found_before_the_first_deletion(site, wrong):
    policies, message = WRONG[wrong]
    good = [{"name": "good", "older_than": "30d"}] if policies else []
    before = site.database.snapshot()
    done = play(site, retention_policies=good + policies).stopped(message)
    assert site.database.snapshot() == before and done.hosts(DELETE) == []


def test_erasure(site):
    """Whole threads, also one that waits for an answer. The policies are not applied. Ids are not shown unless asked for."""
    done = play(site, extra={"retention_erase_threads": "bob-2\n  bob-3  \n\n"}).passed()
    assert threads(site.database) == set(THREADS) - {"bob-2", "bob-3"}
    assert {sizes(site.database, thread) for thread in ("bob-2", "bob-3")} == {(0, 0, 0)}
    assert "bob-" not in done.output
    texts = {suffix: reports(site, suffix)[0].read_text() for suffix in ("json", "md", "html")}
    assert all(hashed("bob-2") in text and "bob-2" not in text and "SQLite file" in text for text in texts.values())
    assert read(reports(site)[0])["erasure"] is True
    # A second one deletes nothing, and has a report that no later run overwrites.
    play(site, extra={"retention_erase_threads": ["bob-2", "bob-3"], "retention_force": True}).unchanged()
    assert len(reports(site)) == 2
    play(site, extra={"retention_erase_metadata": '{"tenant": "ada"}', "retention_show_threads": True}).passed()
    assert {each[:3] for each in threads(site.database)} == {"bob", "eve"}
    shown = read(reports(site)[-1])
    assert shown["policies"][0]["deleted_threads"]["sample"] == ["ada-1", "ada-2"] and shown["policies"][0]["options"]["metadata"] == {"tenant": "ada"}


def test_an_erasure_that_leaves_a_thread_fails(site):
    """Nobody repeats an erasure, so its report does not call it one that succeeded."""
    slow = {"retention_batch_size": 1, "retention_pause": 2, "retention_time_limit": 1}
    play(site, extra={"retention_erase_threads": "bob-1\nbob-2", **slow}).stopped("1 of the threads were not erased: 1 because time_limit was reached")
    # The older thread was deleted first.
    assert threads(site.database) == set(THREADS) - {"bob-2"}
    assert json.loads(reports(site)[0].read_text())["failed"] == ["erasure"] and "Failed: LangGraph" in reports(site, "html")[0].read_text()


EMPTY = [
    {"retention_erase_threads": ""},
    {"retention_erase": True},
    {"retention_erase_threads": " \n", "retention_erase_metadata": "{}"},
    {"retention_erase_threads": []},
]


@pytest.mark.parametrize(
    "answers", [*EMPTY, {"retention_erase_metadata": "tenant=ada"}, {"retention_erase_threads": [""]}, {"retention_erase_threads": 10}], ids=json.dumps
)
def test_an_erasure_that_names_nothing(site, answers):
    """It neither selects everything nor applies the policies."""
    before = site.database.snapshot()
    play(site, extra=answers).stopped("both empty" if answers in EMPTY else "must be a")
    assert site.database.snapshot() == before
