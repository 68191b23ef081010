# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role monitoring: the alert rules and the dashboard name metrics that the queries define, and the dashboard is complete."""

from __future__ import annotations

import re

import monitoring
import pytest
import yaml

KNOWN = monitoring.defined(monitoring.queries()) | monitoring.OTHERS | {monitoring.RECORDED}
COLUMNS = yaml.safe_load((monitoring.ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__monitoring_columns"]


@pytest.mark.parametrize("alert, expression", monitoring.alerts().items(), ids=list(monitoring.alerts()))
def test_a_rule_names_metrics_that_exist(alert, expression):
    names = monitoring.named(expression)
    assert names and names <= KNOWN


def test_the_dashboard_names_metrics_that_exist():
    assert monitoring.expressions()
    for expression in monitoring.expressions():
        assert monitoring.named(expression) and monitoring.named(expression) <= KNOWN, expression


def test_every_metric_is_shown_or_has_an_alert():
    used = set().union(*map(monitoring.named, [*monitoring.expressions(), *monitoring.alerts().values()]))
    assert KNOWN - used == {"langgraph_threads_examined"}


@pytest.mark.parametrize("expression, expected", [('sum(up{job="langgraph"})', {"up"}), ("time() - langgraph_a_b > 1", {"langgraph_a_b"})])
def test_each_name_in_an_expression_is_found(expression, expected):
    assert monitoring.named(expression) == expected


def test_no_label_is_a_text_of_the_application():
    labels = {column for query in monitoring.queries().values() for each in query["metrics"] for column, details in each.items() if details["usage"] == "LABEL"}
    assert labels == {"table"}


def test_every_metric_has_a_description():
    for query in monitoring.queries().values():
        for each in query["metrics"]:
            assert all(details["usage"] in ("LABEL", "GAUGE", "COUNTER") and details["description"] for details in each.values())


def test_the_queries_read_only_the_granted_columns():
    """The queries name no column of LangGraph's tables that is not granted. The functional tests run the queries with these grants."""
    text = "\n".join(query["query"] for query in monitoring.queries().values())
    for table, columns in COLUMNS.items():
        assert table in text
        assert all(re.search(r"\b[a-z]\.%s\b" % column, text) for column in columns)
    assert not re.search(r"\b(?:metadata|checkpoint|blob|version|type|idx|task_id)\b", text.replace("'checkpoint", ""))


def test_the_names_of_a_schema_are_quoted():
    text = monitoring.queries(monitoring_schema='it\'s a "schema"')["langgraph_threads"]["query"]
    assert '"it\'s a ""schema""".checkpoints' in text and "'it''s a \"schema\"'" in text


def test_a_threshold_of_zero_leaves_its_rule_out():
    names = ("growth_bytes", "dead_share", "waiting_age", "verify_age", "prune_age")
    text = monitoring.rules(**{"monitoring_alert_" + name: 0 for name in names})
    left = [rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert left == ["LangGraphExporterDown", "LangGraphDatabaseDown", "LangGraphQueryErrors"]
    assert len(monitoring.alerts()) == len(left) + len(names)


def test_the_dashboard_is_complete():
    found = monitoring.dashboard()
    assert found["schemaVersion"] >= 39 and found["id"] is None and found["uid"] and found["title"]
    assert [variable["name"] for variable in found["templating"]["list"]] == ["datasource", "instance"]
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"] and panel["datasource"] == source
        assert panel["targets"] and len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert all(target["datasource"] == source for target in panel["targets"])


def test_no_panel_covers_another():
    cells = []
    for panel in monitoring.dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells += [(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(cells) == len(set(cells))


def test_the_login_is_in_a_file_of_root_only_and_in_no_output():
    """The Molecule scenario checks the mode of the file on a host."""
    tasks = yaml.safe_load((monitoring.ROLE / "tasks" / "configure_exporter.yml").read_text(encoding="utf-8"))
    (task,) = [each for task in tasks for each in task.get("block", []) if each.get("ansible.builtin.template", {}).get("src") == "exporter.env.j2"]
    options = task["ansible.builtin.template"]
    assert {name: options[name] for name in ("owner", "group", "mode")} == {"owner": "root", "group": "root", "mode": "0600"}
    assert task["no_log"] is True and task["diff"] is False
