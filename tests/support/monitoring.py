# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the role monitoring writes to a host, and the metrics that they name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jinja2
import yaml

ROLE = Path(__file__).resolve().parents[2] / "roles" / "monitoring"
# Metrics of Prometheus and of the exporter itself. Every release of the exporter in Debian 12 and 13 has them, even without its default metrics.
OTHERS = {"up", "pg_up", "pg_exporter_last_scrape_error", "pg_exporter_user_queries_load_error"}
RECORDED = "langgraph_last_success_timestamp_seconds"
METRIC = re.compile(r"\b(?:langgraph_\w+|pg_\w+|up)\b")


def defaults():
    """The defaults of the role that contain no expression."""
    values = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    return {name: value for name, value in values.items() if "{{" not in str(value)}


def rendered(template, delimiters=("{{", "}}", "{%", "%}"), **variables):
    """The text of a template, as Ansible writes it."""
    names = ("variable_start_string", "variable_end_string", "block_start_string", "block_end_string")
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, **dict(zip(names, delimiters)))
    text = (ROLE / "templates" / template).read_text(encoding="utf-8")
    return environment.from_string(text).render({"ansible_managed": "by Ansible", "monitoring_schema": "langgraph", **defaults(), **variables})


def queries(**variables):
    """{name: {'query', 'metrics'}}"""
    return yaml.safe_load(rendered("queries.yml.j2", **variables))


def rules(**variables):
    """The text of the alert rules."""
    return rendered("langgraph.rules.yml.j2", ("[[", "]]", "[%", "%]"), **variables)


def dashboard():
    """The Grafana dashboard."""
    return json.loads((ROLE / "files" / "langgraph-dashboard.json").read_text(encoding="utf-8"))


def defined(found):
    """The metrics that queries define."""
    columns = {name: [column for each in query["metrics"] for column, details in each.items() if details["usage"] != "LABEL"] for name, query in found.items()}
    return {"%s_%s" % (name, column) for name, names in columns.items() for column in names}


def alerts():
    """{alert: expression}"""
    return {rule["alert"]: rule["expr"] for group in yaml.safe_load(rules())["groups"] for rule in group["rules"]}


def expressions():
    """The expressions of the dashboard's panels."""
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def named(expression):
    """The metrics in an expression."""
    return set(METRIC.findall(re.sub(r'"[^"]*"', "", expression)))
