# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates objects in the stand-in for AWX, and entries for them in the role's data."""

from __future__ import annotations

from awx.standin import Awx

RULE = "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1"


class Site:
    """A stand-in for AWX in which objects are created by requests, as another user would create them."""

    def __init__(self):
        self.awx = Awx()

    def add(self, endpoint, **body):
        status, answer = self.awx.answer("POST", "/api/v2/%s/" % endpoint, body)
        assert status == 201, answer
        return answer["id"]

    def attach(self, endpoint, number, name, other):
        status, answer = self.awx.answer("POST", "/api/v2/%s/%d/%s/" % (endpoint, number, name), {"id": other})
        assert status == 204, answer

    def template(self, name, organization=1):
        project = next((each["id"] for each in self.awx.objects["projects"].values() if each["organization"] == organization), None)
        project = project or self.add("projects", name="p", organization=organization, allow_override=True)
        return self.add("job_templates", name=name, project=project, playbook="playbooks/%s.yml" % name)


def nodes(*listed, **options):
    return {"awx_workflows": [dict({"name": "w", "simplified_workflow_nodes": list(listed)}, **options)]}


def node(name, *success, **options):
    return dict({"identifier": name, "unified_job_template": "a", "success_nodes": list(success)}, **options)


def step(made, title):
    (found,) = [each for each in made.steps if each["title"] == title]
    return found
