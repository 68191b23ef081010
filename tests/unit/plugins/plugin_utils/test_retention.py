# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role retention: how its policies are checked before the first deletion, and its report."""

from __future__ import annotations

import datetime
import json

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import hashed
from ansible_collections.stateops.langgraph.plugins.plugin_utils._retention import read_policies, retention_report, retention_summary

OLD = {"name": "old", "older_than": "30d"}
FACTS = {"host": "app1", "database": {"name": "langgraph"}, "role": "deleter", "started_at": "t0", "finished_at": "t1", "check": False}
COUNTS = {
    "changed": True,
    "threads": {"considered": 3, "deleted": 1, "trimmed": 0, "kept": 2, "remaining": 0},
    "kept": {"recent": 2, "waiting": 0},
    "rows": {"checkpoints": 4, "blobs": 5, "writes": 6},
    "bytes": {"checkpoints": 40, "blobs": 50, "writes": 60},
    "remaining": 0,
    "oldest_left": "2026-01-01T00:00:00Z",
    "deleted_threads": {"total": 1, "sample": ["sha256:1"]},
    "orphans": {"rows": {"checkpoints": 0, "blobs": 7, "writes": 0}, "bytes": {}, "recent": 0, "age_unknown": 0, "complete": True},
}


def problems(*policies, **options):
    return " ".join(read_policies(list(policies), {}, **options)["problems"])


def test_all_problems_are_reported_together():
    found = read_policies([OLD, OLD, {"name": "x", "older_than": "30d", "batch_size": -1}, {"threads": ["a"]}], {})
    assert found["policies"] == [] and len(found["problems"]) == 3
    assert [each.partition(":")[0] for each in found["problems"]] == ["retention_policies[1]", "retention_policies[2]", "retention_policies[3]"]


def test_the_options_of_all_policies_are_defaults():
    (first, second) = read_policies([OLD, dict(OLD, name="new", pause=2)], {"pause": 0.5, "limit_percent": 10})["policies"]
    assert (first["options"]["pause"], second["options"]["pause"]) == (0.5, 2.0) and second["options"]["limit_percent"] == 10
    assert "threads" not in first["options"] and first["options"]["waiting"] == "keep"


@pytest.mark.parametrize("policies", ["old", [OLD, "x"], {"name": "old"}, None])
def test_policies_of_another_type(policies):
    assert "list of dictionaries" in read_policies(policies, {})["problems"][0]


@pytest.mark.parametrize("name", [None, "", " ", 5, "a\nb"])
def test_a_name_is_a_printable_text(name):
    assert "name is missing" in problems(dict(OLD, name=name))


def test_an_erasure_replaces_the_policies():
    plan = read_policies([OLD], {}, True, "a\n b \n", {"user": 1})
    (policy,) = plan["policies"]
    assert plan["erasure"] is True and policy["name"] == "erasure"
    assert {key: policy["options"][key] for key in ("threads", "metadata", "keep", "waiting")} == {
        "threads": ["a", "b"],
        "metadata": {"user": 1},
        "keep": "none",
        "waiting": "delete",
    }
    assert read_policies([OLD], {}, False, None, None)["policies"][0]["name"] == "old"


def test_an_id_in_a_text_is_not_split_into_ids_of_others():
    """A text is split only at carriage returns and line feeds. Other separators are shown as a space, or not at all."""
    ids = [form % chr(code) for code in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0xA0, 0x2028, 0x2029) for form in ("a%svictim", "victim%s")]
    assert read_policies([], {}, True, "\n".join(ids) + "\r\nb\rc")["policies"][0]["options"]["threads"] == [*ids, "b", "c"]


@pytest.mark.parametrize(
    "threads, metadata",
    [(None, None), ("", ""), (" \n", "{}"), ([], {}), (10, None), (True, None), (datetime.date(2026, 1, 1), None), (["a", 5], None), ([" "], None)]
    + [(None, "user=1"), (None, "[1]"), (None, 5), ("a", "{"), ({"a": 1}, None)],
)
def test_an_erasure_that_names_nothing_or_something_else(threads, metadata):
    plan = read_policies([OLD], {}, True, threads, metadata)
    assert plan["policies"] == [] and len(plan["problems"]) == 1


def test_the_report_names_nobody():
    plan = read_policies([OLD], {}, True, ["user-4711-*"], {"user_id": "4711"})
    results = [{"name": "erasure", "started_at": "t0", "finished_at": "t1", "failed": False, "result": COUNTS}]
    report = retention_report(plan, results, FACTS, False)
    assert "4711" not in json.dumps(report) and hashed("user-4711-*") in report["policies"][0]["options"]["threads"]
    assert "4711" in json.dumps(retention_report(plan, results, FACTS, True)["policies"][0]["options"])
    assert report["deleted"] == {"deleted": 1, "trimmed": 0, "rows": {"checkpoints": 4, "blobs": 12, "writes": 6}}
    assert report["policies"][0]["kept"] == {"recent": 2} and "sha256" not in json.dumps(retention_summary(report))
    assert {each["place"] for each in report["not_reached"]} >= {"backups", "replicas", "the write-ahead log", "the SQLite file", "the store"}


def test_a_failure_before_the_counting_and_one_after_a_deletion():
    plan = read_policies([OLD, dict(OLD, name="new")], {})
    failures = [{"msg": "no connection"}, dict(COUNTS, msg="lost")]
    results = [dict(zip(("name", "result"), each), started_at="t", finished_at="t", failed=True) for each in zip(("old", "new"), failures)]
    report = retention_report(plan, results, FACTS, False)
    assert report["failed"] == ["old", "new"] and report["changed"] is True
    first, second = (each["text"] for each in report["policies"])
    assert first == "old: no connection"
    assert second.startswith("new: 1 of 3 threads deleted; 15 rows, 150 bytes; 7 rows without a checkpoint; kept: 2 recent") and second.endswith(
        ". Failed: lost"
    )


@pytest.mark.parametrize(
    "kept, remaining, reasons", [({"written_meanwhile": 2}, 0, "2 because the application"), ({"other_metadata": 5}, 1, "1 because time_limit")]
)
def test_an_erasure_that_leaves_a_thread_has_failed(kept, remaining, reasons):
    """A policy that leaves a thread has not failed, because the next run applies it again."""
    counts = dict(COUNTS, kept=kept, threads=dict(COUNTS["threads"], remaining=remaining), remaining=remaining)
    for erasure in (True, False):
        plan = read_policies([OLD], {}, erasure, "a\nb", None)
        results = [{"name": plan["policies"][0]["name"], "started_at": "t", "finished_at": "t", "failed": False, "result": counts}]
        report = retention_report(plan, results, FACTS, False)
        assert report["failed"] == (["erasure"] if erasure else [])
        assert (reasons in report["policies"][0]["message"]) == (reasons in report["policies"][0]["text"]) == erasure


@pytest.mark.parametrize(
    "lost, known", [({"msg": "killed", "module_stdout": "", "rc": 137}, False), ({"msg": "gone", "unreachable": True}, False)] + [({"msg": "x"}, True)]
)
def test_what_a_module_without_a_result_deleted_is_not_known(lost, known):
    plan = read_policies([OLD], {})
    report = retention_report(plan, [{"name": "old", "started_at": "t", "finished_at": "t", "failed": True, "result": lost}], FACTS, False)
    assert ("not known" in report["policies"][0]["text"]) != known and lost["msg"] in report["policies"][0]["text"]


def test_a_text_of_a_host_does_not_reach_the_terminal_as_commands():
    plan = read_policies([OLD], {})
    hostile = dict(COUNTS, kept={"\x1b]0;planted\x07": 1}, oldest_left="\x1b[2J")
    report = retention_report(plan, [{"name": "old", "started_at": "t", "finished_at": "t", "failed": False, "result": hostile}], FACTS, False)
    assert "]0;planted" in report["policies"][0]["text"] and report["policies"][0]["text"].isprintable()
