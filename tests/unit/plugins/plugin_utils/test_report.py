# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parity report: its fingerprint, each object once, orphans in words, and the size of the summary."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, nodes
from schema_examples import postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Index
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.parity import compare
from ansible_collections.stateops.langgraph.plugins.plugin_utils._report import collection_version, parity_report, parity_report_summary

ROOT = Path(__file__).resolve().parents[4]
PLACE = {"server": "db1", "port": "5432", "name": "langgraph", "schema": "langgraph"}


def info(left=None, right=None, level="compatible", orphans=None):
    """A result as checkpoint_schema_info returns it."""
    left, right = left or sqlite(), right or postgres()
    return {
        "postgres": right.to_dict(),
        "sqlite": left.to_dict(),
        "parity": compare(left, right, level).to_dict(),
        "versions": {"postgresql": "18.6", "psycopg": "3.3.9"},
        "migrations": {"recorded": 9, "expected": 9, "pending": []},
        "orphans": orphans or {"writes": None, "blobs": None, "sqlite_writes": None},
    }


def report(facts=None, host="app1", at="2026-11-23T00:00:00Z"):
    return parity_report(facts or info(), host=host, database=PLACE, orphan_grace=3600, at=at)


def with_index(name, table="checkpoints", **fields):
    old = postgres().table(table)
    return postgres().with_table(old._replace(indexes=old.indexes + (Index(name, ("type",), **fields),)))


def test_the_same_facts_have_the_same_fingerprint():
    first = report()
    later = report(at="2027-01-01T00:00:00Z")
    assert first["fingerprint"] == later["fingerprint"] and first["generated_at"] != later["generated_at"]
    shuffled = json.loads(json.dumps(info(), sort_keys=True))
    assert report(shuffled)["fingerprint"] == first["fingerprint"]
    busy = info(orphans={"writes": {"count": 0, "recent": 7}, "blobs": {"count": 1}, "sqlite_writes": None})
    assert report(busy)["fingerprint"] == first["fingerprint"]


@pytest.mark.parametrize("password", ["postgres", "sqlite"])
def test_a_password_that_is_part_of_an_engines_name(password):
    """Ansible masks the password in every value that the module returned."""
    masked = report(json.loads(json.dumps(info()).replace('"engine": "%s' % password, '"engine": "********')))
    assert masked["schemas"] == report()["schemas"] and masked["indexes"] == report()["indexes"]


@pytest.mark.parametrize(
    "other",
    [
        {"facts": info(right=with_index("mine"))},
        {"facts": info(level="exact")},
        {"facts": dict(info(), versions={"postgresql": "18.7", "psycopg": "3.3.9"})},
        {"facts": dict(info(), migrations={"recorded": 8, "expected": 9, "pending": []})},
        {"host": "app2"},
    ],
    ids=["index", "level", "version", "migration", "host"],
)
def test_other_facts_have_another_fingerprint(other):
    assert report(**other)["fingerprint"] != report()["fingerprint"]


@pytest.mark.parametrize("level", ["compatible", "exact"])
def test_every_finding_and_object_is_in_the_report(level):
    trigger = Attachment("watch", "trigger", "CREATE TRIGGER watch", True)
    right = with_index('"<b>&', valid=False)
    right = right.with_table(right.table("checkpoint_writes")._replace(attachments=(trigger,)))
    facts = info(right=right, level=level)
    made = report(facts)
    shown = [(each["verdict"], table["name"], each["object"], each["reason"]) for table in made["tables"] for each in table["objects"]]
    found = [(each["verdict"], each["table"], each["object"], each["reason"]) for each in facts["parity"]["findings"]]
    assert sorted(each for each in shown if each[0]) == sorted(found)
    for table in right.tables:
        named = [each[2] for each in shown if each[1] == table.name]
        assert [column.name for column in table.columns] == [name for name in named if table.column(name)]
        for item in table.attachments + tuple(index for index in table.indexes if not index.name.endswith("_pkey")):
            assert item.name in named
    assert [each["object"] for each in made["drift"]] == [each["object"] for each in facts["parity"]["findings"] if each["verdict"] == "drift"]
    assert {index["name"] for index in made["indexes"]} == {index.name for table in right.tables for index in table.indexes}
    assert sum(made["verdict"]["counts"].values()) == len(found)


def test_both_names_of_a_table():
    assert {table["postgres"]: table["sqlite"] for table in report()["tables"]} == {
        "checkpoints": "checkpoints",
        "checkpoint_writes": "writes",
        "checkpoint_blobs": None,
        "checkpoint_migrations": None,
    }


@pytest.mark.parametrize(
    "counts, words",
    [
        (None, "not counted: not requested, or some tables are missing"),
        ({"count": None, "reason": "permission denied"}, "not counted: permission denied"),
        ({"count": 1, "recent": 2, "age_unknown": 3, "limited": False, "sampled_percent": None}, "1 older than 3600 s, 2 recent, 3 of unknown age"),
        ({"count": 1, "limited": True, "sampled_percent": None}, "so there may be more"),
        ({"count": 1, "limited": False, "sampled_percent": 12.3456}, "sampled: counted in 12.3 % of the table"),
    ],
)
def test_orphans_in_words(counts, words):
    made = report(info(orphans={"writes": counts, "blobs": counts, "sqlite_writes": None}))
    assert words in made["orphans"]["in_words"][0]["words"]
    assert ("sampled" in words) == ("sampled" in made["orphans"]["in_words"][1]["words"])


def test_the_collections_own_version():
    assert collection_version() == yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert report()["versions"]["stateops.langgraph"] == collection_version()


@pytest.mark.parametrize("value", [{}, {"postgres": {}, "sqlite": {}}, {"msg": "The schema cannot be read yet"}])
def test_other_data_is_rejected(value):
    with pytest.raises(ValueError, match="needs a result of checkpoint_schema_info"):
        report(value or {"parity": {}})


def test_the_size_of_the_summary_is_limited():
    many = copy.deepcopy(report())
    finding = {"table": "t" * 999, "object": "o" * 999, "sqlite": "s" * 9999, "postgres": "é" * 9999, "reason": "r" * 9999}
    many["drift"] = [finding] * 5000
    many["migrations"]["pending"] = [{"version": number, "sql": "s" * 999, "reason": "r"} for number in range(5000)]
    many["verdict"]["summary"] = "s" * 9999
    many["orphans"]["in_words"] = [{"what": "writes", "words": "w" * 9999}]
    short = parity_report_summary(many)
    assert len(json.dumps(short, ensure_ascii=False).encode("utf-8")) < 20000
    assert short["drift_left_out"] == 4990 and len(short["drift"]) == 10
    assert parity_report_summary(report())["drift_left_out"] == 0


def unescaped(source):
    """Expressions in a template that print anything except escaped values, fixed words or macros."""
    tree = Environment().parse(source)
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}

    def safe(node):
        if isinstance(node, nodes.CondExpr):
            return safe(node.expr1) and (node.expr2 is None or safe(node.expr2))
        called = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros
        return called or isinstance(node, (nodes.Const, nodes.TemplateData)) or (isinstance(node, nodes.Filter) and node.name == "e")

    return ["line %d" % node.lineno for output in tree.find_all(nodes.Output) for node in output.nodes if not safe(node)]


@pytest.mark.parametrize("page, least", [("parity_report", 50), ("import", 25), ("retention", 25), ("stats_report", 50)])
def test_every_expression_of_the_page_is_escaped(page, least):
    source = (ROOT / "roles" / "checkpointer" / "templates" / ("%s.html.j2" % page)).read_text(encoding="utf-8")
    assert source.count("| e }}") > least
    assert unescaped(source) == []
    assert unescaped("{{ 'a' if x else y }}{{ x }}\n{{ x | e ~ y }}") == ["line 1", "line 1", "line 2"]


def unescaped_markdown(source):
    """Expressions in a Markdown template that print anything except macros, numbers of entries and fixed words. text() itself is not examined."""
    tree = Environment().parse(source)
    loops = [loop for loop in tree.find_all(nodes.For) if isinstance(loop.iter, nodes.List) and all(_fixed(each) for each in loop.iter.items[:1])]
    words = {name.name for loop in loops for name in [loop.target, *loop.target.find_all(nodes.Name)] if isinstance(name, nodes.Name)}
    escaping = [output for macro in tree.find_all(nodes.Macro) if macro.name in ("text", "size") for output in macro.find_all(nodes.Output)]

    def safe(node):
        if isinstance(node, (nodes.CondExpr, nodes.Concat, nodes.Or)):
            return all(safe(each) for each in (node.iter_child_nodes(exclude=["test"])))
        if isinstance(node, nodes.Filter):
            return node.name == "length" or (node.name == "format" and safe(node.node))
        if isinstance(node, nodes.Call):
            return isinstance(node.node, nodes.Name) or (isinstance(node.node, nodes.Getattr) and _fixed(node.node.node))
        return _fixed(node) or (isinstance(node, nodes.Name) and node.name in words) or (isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Dict))

    return ["line %d" % node.lineno for output in tree.find_all(nodes.Output) if output not in escaping for node in output.nodes if not safe(node)]


def _fixed(node):
    return isinstance(node, (nodes.Const, nodes.TemplateData)) or (isinstance(node, nodes.Tuple) and isinstance(node.items[0], nodes.Const))


# Jinja reads \s in a template as two characters.
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("page, least", [("parity_report", 20), ("import", 15), ("retention", 20), ("stats_report", 25)])
def test_every_expression_of_a_markdown_report_is_escaped(page, least):
    """Numbers are escaped as well, because a host can return a text instead."""
    source = (ROOT / "roles" / "checkpointer" / "templates" / ("%s.md.j2" % page)).read_text(encoding="utf-8")
    assert source.count("text(") > least
    assert unescaped_markdown(source) == []
    assert unescaped_markdown("{{ text(x) }}{{ x if y else text(x) }}{{ x }}\n{{ text(x) ~ y }}{{ x | length }}") == ["line 1", "line 1", "line 2"]
