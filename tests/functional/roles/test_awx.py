# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/awx.yml with the stand-in for AWX: the objects that it creates, a second run without changes, and when a password is sent again."""

from __future__ import annotations

import json
import secrets

import pytest
import yaml
from awx.standin import TOKEN, Awx, Server
from plays import PLAYBOOKS, run
from runner import ROOT
from scope import usual

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

PLAYBOOK = PLAYBOOKS / "awx.yml"
HOSTS = [{"name": "app1", "groups": ["langgraph_app"], "variables": {"checkpointer_sqlite_path": "/srv/state.db"}}, {"name": "db1", "groups": ["langgraph_db"]}]


class Site:
    """A new AWX, and runs of the playbook with it."""

    def __init__(self, folder):
        self.folder = folder
        self.awx = Awx()
        self.owner, self.app = ("pw-%s" % secrets.token_hex(12) for _each in range(2))

    def run(self, *flags, server=None, **changes):
        variables = {"awx_owner_password": self.owner, "awx_app_password": self.app, "awx_hosts": HOSTS, **changes}
        (self.folder / "extra.yml").write_text(yaml.safe_dump(variables))
        before = len(self.awx.requests)
        with Server(self.awx) as listening:
            env = {"CONTROLLER_HOST": server or listening.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
            done = run(self.folder, PLAYBOOK, "localhost,", "-e", "@%s" % (self.folder / "extra.yml"), *flags, env=env)
        done.writes = [(method, path) for method, path, _body, _status in self.awx.requests[before:] if method != "GET"]
        for secret in (self.owner, self.app):
            assert secret not in done.everything, "a password was shown"
        return done

    def of(self, endpoint):
        return {each.get("name") or each["identifier"]: each for each in self.awx.objects[endpoint].values()}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def changes(done):
    """For each task, whether each of its items changed."""
    return [(each["task"], each["result"].get("changed"), [item["changed"] for item in each["result"].get("results", [])]) for each in done.tasks]


@pytest.mark.extended
def test_check_mode_with_existing_objects(site):
    site.run().passed()
    template = {"name": "mine", "playbook": "playbooks/verify.yml"}
    workflow = {"name": "langgraph provision then verify", "steps": ["langgraph provision", "langgraph verify", "mine"]}
    more = {
        "awx_hosts": [*HOSTS, {"name": "app2", "groups": ["langgraph_app"]}],
        "awx_job_templates": [template],
        "awx_schedules": [{"name": "mine, nightly", "unified_job_template": "mine", "rrule": "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1"}],
        "awx_workflows": [workflow],
    }
    predicted = site.run("--check", **more).passed()
    assert predicted.writes == []
    real = site.run(**more).passed()
    assert changes(predicted) == changes(real)
    assert any(changed for _task, changed, _items in changes(real))


def test_a_missing_object_fails_in_check_mode_too(site):
    template = {"name": "mine", "playbook": "playbooks/verify.yml", "credentials": ["nobody has made this"]}
    site.run().passed()
    site.run("--check", awx_job_templates=[template]).stopped("returned 0 items, expected 1")


def test_from_an_empty_awx(site):
    predicted = site.run("--check").passed()
    assert predicted.writes == []
    first = site.run().passed()
    assert first.recap["localhost"]["changed"] > 5
    assert changes(predicted) == changes(first)
    assert set(site.of("job_templates")) == {"langgraph provision", "langgraph verify", "langgraph import"}
    assert set(site.of("organizations")) == {"Default"}
    assert [(each["name"], each["unified_job_template"]) for each in site.awx.objects["schedules"].values()] == [
        ("langgraph verify, nightly", site.of("job_templates")["langgraph verify"]["id"])
    ]
    for name, template in site.of("job_templates").items():
        assert (ROOT / template["playbook"]).is_file()
        assert json.loads(template["extra_vars"])["ansible_pipelining"] is True
        assert template["survey_enabled"] and site.awx.surveys["job_templates", template["id"]]["spec"]
        held = {site.awx.objects["credentials"][number]["name"] for number in site.awx.links["job_templates", template["id"], "credentials"]}
        assert ("langgraph owner" in held) is (name == "langgraph provision") and "langgraph application" in held
    first_step, second_step = site.of("workflow_job_template_nodes")["langgraph provision"], site.of("workflow_job_template_nodes")["langgraph verify"]
    assert site.awx.links["workflow_job_template_nodes", first_step["id"], "success_nodes"] == [second_step["id"]]
    groups = site.of("groups")
    assert site.awx.links["groups", groups["langgraph_app"]["id"], "hosts"] == [site.of("hosts")["app1"]["id"]]
    inputs = [site.awx.inputs[site.of("credentials")[name]["id"]] for name in ("langgraph owner", "langgraph application")]
    assert inputs == [{"owner_user": "langgraph_owner", "owner_password": site.owner}, {"app_user": "langgraph_app", "app_password": site.app}]

    again = site.run().unchanged()
    assert again.writes == []
    assert site.run("--check").unchanged().writes == []


@pytest.mark.extended
def test_a_changed_password(site):
    site.run().passed()
    number = site.of("credentials")["langgraph owner"]["id"]
    before, site.owner = site.owner, "pw-%s" % secrets.token_hex(12)
    site.run().unchanged()
    assert site.awx.inputs[number]["owner_password"] == before
    site.run(awx_update_secrets=True).passed()
    assert site.awx.inputs[number]["owner_password"] == site.owner


BAD = {
    "a default outside its limits": ({"type": "text", "default": "x", "min": 2}, "in a way that a job cannot use"),
    "a number above its limit": ({"type": "integer", "default": 50, "max": 5}, "in a way that a job cannot use"),
    "a variable with a space": ({"variable": "a b"}, "in a way that a job cannot use"),
    "a password with a default": ({"type": "password", "default": "shown"}, "in a way that a job cannot use"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_surveys_that_awx_would_accept(site, what):
    question, says = BAD[what]
    question = dict({"question_name": "Q", "variable": "q", "type": "text", "required": False, "default": "ok"}, **question)
    template = {"name": "mine", "playbook": "playbooks/verify.yml", "survey_spec": {"name": "", "description": "", "spec": [question]}}
    done = site.run(awx_job_templates=[template])
    done.stopped("The survey of job template mine", says)
    assert done.writes == []


class Unsafe(str):
    """A string that Ansible does not template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))
MARK = "m4rk-%s" % secrets.token_hex(12)
SHOWN = {
    "a password": ({"database_owner_password": MARK}, "variable database_owner_password of job template mine"),
    "a password in a dictionary in a list": ({"roles": [{"name": "x", "password": MARK}]}, "variable password of job template mine"),
    "a login in an address": ({"checkpointer_pip_index_url": "https://me:%s@example.org/simple" % MARK}, "variable checkpointer_pip_index_url"),
    "a key": ({"checkpointer_import_encryption_key": MARK}, "variable checkpointer_import_encryption_key"),
    "the password of an account": ({"ansible_become_pass": MARK}, "variable ansible_become_pass"),
}


@pytest.mark.parametrize("what", usual(SHOWN, 3))
def test_a_password_in_the_variables_of_a_job_template(site, what):
    variables, says = SHOWN[what]
    done = site.run(awx_job_templates=[{"name": "mine", "playbook": "playbooks/verify.yml", "extra_vars": variables}])
    done.stopped(says, "Move the password to a credential")
    assert MARK not in done.everything
    assert done.writes == []


SCHEDULE = {"name": "mine", "unified_job_template": "langgraph verify", "rrule": "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1"}
OBJECTS = {
    "a schedule": lambda given: {"awx_schedules": [dict(SCHEDULE, extra_data=given)]},
    "a host": lambda given: {"awx_hosts": [{"name": "mine", "variables": given}]},
    "a group": lambda given: {"awx_groups": [{"name": "mine", "variables": given}]},
    "an inventory": lambda given: {"awx_inventory": {"name": "mine", "variables": given}},
}


@pytest.mark.parametrize("what", usual(OBJECTS, 2))
def test_a_password_in_variables_that_awx_shows(site, what):
    kind, given = what.split()[1], {"app": [{"database_app_password": MARK}]}
    done = site.run(**OBJECTS[what](given))
    done.stopped("variable database_app_password of %s mine" % kind, "Move the password to a credential")
    assert MARK not in done.everything
    assert done.writes == []
    # The control: AWX receives and the run shows a value under a name that is not one of a password.
    done = site.run("--check", **OBJECTS[what]({"greeting": MARK}))
    assert "Move the password" not in done.everything and MARK in done.everything


def test_variables_without_a_password_are_shown_and_stored_in_clear_text(site):
    """The control of the test above, and what must keep working."""
    site.run().passed()
    variables = {
        "greeting": MARK,
        "awx_update_secrets": True,
        "checkpointer_import_encryption_key": "",
        "checkpointer_pip_index_url": "https://example.org/simple",
        "password_file": "/run/secrets/x",
        "hosts": ["a", {"b": 1}],
        "database_owner_password": Unsafe("{{ lookup('ansible.builtin.env', 'X') }}"),
    }
    done = site.run(awx_job_templates=[{"name": "mine", "playbook": "playbooks/verify.yml", "extra_vars": variables}]).passed()
    assert MARK in done.everything
    assert json.loads(site.of("job_templates")["mine"]["extra_vars"]) == variables


FIELDS = {
    "its name": {"id": "owner_password", "type": "string", "label": "Owner"},
    "the variable that it is passed on in": {"id": "owner_value", "type": "string", "label": "Owner"},
    "its label": {"id": "x", "type": "string", "label": "API key"},
    "secret is false": {"id": "owner_password", "type": "string", "label": "Owner", "secret": False},
}


@pytest.mark.parametrize("what", usual(FIELDS, 2))
def test_a_field_that_awx_would_show(site, what):
    field = FIELDS[what]
    injected = {"database_owner_password" if field["id"] == "owner_value" else "anything": Unsafe("{{ %s }}" % field["id"])}
    kind = {"name": "mine", "inputs": {"fields": [field]}, "injectors": {"extra_vars": injected}}
    done = site.run(awx_credential_types=[kind]).stopped("field %s of credential type mine" % field["id"], "Add secret: true")
    assert done.writes == []


def test_a_secret_in_the_environment(site):
    kind = {"name": "mine", "inputs": {"fields": []}, "injectors": {"env": {"PGPASSWORD": "x"}}}
    site.run(awx_credential_types=[kind]).stopped("Credential type mine injects environment variables")


def test_an_awx_that_does_not_respond(site):
    site.run(server="http://127.0.0.1:1").stopped("There was a")
