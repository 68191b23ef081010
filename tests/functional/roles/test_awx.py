# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/awx.yml with awx.awx's modules and the stand-in for AWX: the shipped data, a site that changes, and what is rejected before anything is written.

tests/unit/plugins/plugin_utils/test_awx_plan.py has the variants that need no module.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from pathlib import Path

import pytest
import yaml
from awx.standin import ORGANIZATION_TOKEN, PASSWORD, READ_TOKEN, READER_TOKEN, TOKEN, Awx, Server
from plays import PLAYBOOKS, run
from runner import ROOT
from secret_scanner import SecretScanner, holds

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

PLAYBOOK = PLAYBOOKS / "awx.yml"
MARK = "m4rk-%s" % secrets.token_hex(12)
RULE = "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1"
INTERPRETER = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
HOOK = {"url": "https://hook.example.com/x", "http_method": "POST", "headers": {}}


class Unsafe(str):
    """A string that Ansible does not template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


class Site:
    """A new AWX, and runs of the playbook with it."""

    def __init__(self, folder, url, awx):
        self.folder, self.url, self.awx = folder, url, awx
        self.secrets = {}

    def secret(self, name):
        return self.secrets.setdefault(name, "pw-%s" % secrets.token_hex(12))

    def run(self, *flags, data=None, token=TOKEN, env=None, forked=True, **variables):
        """Run the playbook with these variables, and with a data file that contains `data`; otherwise with the shipped one."""
        (self.folder / "extra.yml").write_text(yaml.safe_dump(variables))
        if data is not None:
            (self.folder / "data.yml").write_text(yaml.safe_dump(data))
            flags = (*flags, "-e", "awx_data_file=%s" % (self.folder / "data.yml"))
        before = len(self.awx.requests)
        env = {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": token, **(env or {})}
        done = run(self.folder, PLAYBOOK, "localhost,", "-e", "@%s" % (self.folder / "extra.yml"), *flags, env=env, forked=forked)
        done.writes = [(method, path) for method, path, _body, _status in self.awx.requests[before:] if method not in ("GET", "OPTIONS")]
        for secret in self.secrets.values():
            assert secret not in done.everything, "a password was shown"
        return done

    def predicted(self, *flags, **options):
        """Check mode, then a real run that changes the same objects."""
        check = self.run("--check", *flags, **options).passed()
        assert check.writes == []
        real = self.run(*flags, **options).passed()
        assert steps(check) == steps(real)
        return real

    def of(self, endpoint):
        return {each.get("name") or each.get("identifier"): each for each in self.awx.objects[endpoint].values()}

    def linked(self, endpoint, name, what):
        """The names of what is attached to an object."""
        found = self.of(endpoint)[name]
        targets = {"success_nodes": "workflow_job_template_nodes", "children": "groups"}
        target = targets.get(what, "notification_templates" if what.startswith("notification") else what)
        objects = self.awx.objects["credentials" if target == "galaxy_credentials" else target]
        return {objects[number].get("name") or objects[number].get("identifier") for number in self.awx.links.get((endpoint, found["id"], what), [])}


def steps(done):
    """[(title, changed)] of the steps of a run."""
    return [(each["item"]["title"], each["changed"]) for result in done.of("Create, change and remove the objects") for each in result["results"]]


@pytest.fixture
def site(tmp_path):
    awx = Awx()
    with Server(awx) as server:
        yield Site(tmp_path, server.url, awx)


def whole(site):
    """Each variable of the shipped data that turns something on."""
    passwords = ("database_owner_password", "database_app_password", "database_login_password", "site_scm_token", "site_registry_token", "site_vault_secret_id")
    return {
        **{name: site.secret(name) for name in (*passwords, "site_smtp_password", "site_slack_token", "site_ssh_key", "site_ssl_key")},
        "awx_controller_oauth_token": TOKEN,
        "database_retention_user": "langgraph_retention",
        "site_retention_policies": [{"name": "old", "older_than": "180d"}],
        "site_stats_limits": {"bytes": "50GB"},
        "site_stats_policy": {"older_than": "180d"},
        "site_ca_cert": "-----BEGIN CERTIFICATE-----",
        "site_ssl_cert": "-----BEGIN CERTIFICATE-----",
        "site_vault_url": "https://vault.example.com",
        "site_vault_role_id": "role",
        "site_email": ["ops@example.com"],
        "site_webhook": "https://hook.example.com/x",
        "site_slack_channels": ["#ops"],
        "site_configure": True,
        "site_instance_groups": ["default"],
        "site_app_hosts": [{"name": "app1", "variables": {"checkpointer_sqlite_path": "/srv/state.db"}}],
        "site_db_hosts": [{"name": "db1"}],
        "site_inventory_source": {"source": "scm", "source_path": "production.yml"},
        "site_inventory_scm_url": "https://git.example.com/inventory.git",
    }


def test_the_shipped_data(site):
    variables = whole(site)
    first = site.predicted(**variables)
    assert len(steps(first)) > 45 and all(changed for _title, changed in steps(first))
    again = site.run(**variables).unchanged()
    assert again.writes == [] and len(steps(again)) > 40

    # Notifications are sent.
    everybody = {"langgraph, email", "langgraph, webhook", "langgraph, slack"}
    for endpoint, name in (("organizations", "LangGraph"), ("job_templates", "langgraph verify"), ("workflow_job_templates", "langgraph change")):
        assert site.linked(endpoint, name, "notification_templates_error") == everybody
    # Rights.
    roles = {
        (endpoint, name, role): {site.awx.objects["teams"][number]["name"] for number in site.awx.links.get(("roles", each["id"], "teams"), [])}
        for endpoint in ("job_templates", "workflow_job_templates")
        for name, found in site.of(endpoint).items()
        for role, each in found["summary_fields"]["object_roles"].items()
    }
    assert {key: teams for key, teams in roles.items() if teams} == {
        **{("job_templates", "langgraph " + name, "execute_role"): {"langgraph operators"} for name in ("verify", "stats")},
        **{
            ("workflow_job_templates", "langgraph " + name, role): {"langgraph approvers"}
            for name in ("change", "retention", "erasure")
            for role in ("execute_role", "approval_role")
        },
    }
    # The workflow.
    nodes = site.of("workflow_job_template_nodes")
    assert [site.linked("workflow_job_template_nodes", name, "success_nodes") for name in ("predict", "approve", "provision", "verify")] == [
        {"approve"},
        {"provision"},
        {"verify"},
        set(),
    ]
    templates = site.of("job_templates")
    assert nodes["predict"]["job_type"] == "check" and nodes["predict"]["unified_job_template"] == templates["langgraph provision"]["id"]
    assert nodes["approve"]["unified_job_template"] in site.awx.objects["workflow_approval_templates"]
    change = site.of("workflow_job_templates")["langgraph change"]
    assert (
        change["ask_limit_on_launch"]
        and site.awx.surveys["workflow_job_templates", change["id"]]["spec"]
        == (site.awx.surveys["job_templates", templates["langgraph provision"]["id"]]["spec"])
    )
    # Each deletion is counted and approved first. Without an answer, an erasure does not become a run of the policies.
    for count, approve, real, template in (
        ("count what is old", "approve the deletion", "prune", "langgraph prune"),
        ("count what is named", "approve the erasure", "erase", "langgraph erase"),
    ):
        assert nodes[count]["job_type"] == "check" and not nodes[real]["job_type"]
        assert {nodes[name]["unified_job_template"] for name in (count, real)} == {templates[template]["id"]}
        assert [site.linked("workflow_job_template_nodes", name, "success_nodes") for name in (count, approve, real)] == [{approve}, {real}, set()]
        assert nodes[approve]["unified_job_template"] in site.awx.objects["workflow_approval_templates"]
    assert json.loads(templates["langgraph erase"]["extra_vars"])["retention_erase"] is True
    assert {name for name, each in site.of("schedules").items() if not each["enabled"]} == {"langgraph prune, weekly", "langgraph stats, nightly"}
    inventory = json.loads(site.of("inventories")["langgraph"]["variables"])
    assert inventory["retention_policies"] == [{"name": "old", "older_than": "180d"}]
    assert inventory["checkpointer_stats_limits"] == {"bytes": "50GB"} and inventory["checkpointer_stats_policy"] == {"older_than": "180d"}
    # Each value is in one place.
    for template in ("langgraph verify", "langgraph provision", "langgraph import", "langgraph prune", "langgraph erase", "langgraph stats"):
        for question in site.awx.surveys["job_templates", templates[template]["id"]]["spec"]:
            assert question["variable"] not in inventory or inventory[question["variable"]] == question["default"]
    version = {each["variable"]: each for each in site.awx.surveys["job_templates", templates["langgraph provision"]["id"]]["spec"]}
    assert version["checkpointer_langgraph_checkpoint_postgres_version"]["choices"] == ["3.2.0"]
    # Credentials: least privilege, Vault in place of stored passwords, and galaxy credentials.
    for template in ("langgraph verify", "langgraph stats"):
        assert site.linked("job_templates", template, "credentials") == {"langgraph application", "langgraph ssh", "langgraph certificates"}
    assert site.linked("job_templates", "langgraph provision", "credentials") >= {"langgraph owner", "langgraph application", "langgraph administrator"}
    assert site.awx.inputs[site.of("credentials")["langgraph owner"]["id"]] == {"owner_user": "langgraph_owner"}
    assert site.linked("job_templates", "langgraph prune", "credentials") == {"langgraph retention", "langgraph ssh", "langgraph certificates"}
    sources = [each["input_field_name"] for each in site.awx.objects["credential_input_sources"].values()]
    assert sources == ["owner_password", "app_password", "retention_password"]
    assert site.linked("organizations", "LangGraph", "galaxy_credentials") == {"Ansible Galaxy"}
    # AWX evaluates these.
    assert "{{ owner_password }}" in str(site.of("credential_types")["LangGraph checkpoints, owner"]["injectors"])
    assert "{{ job_friendly_name }}" in site.of("notification_templates")["langgraph, email"]["messages"]["error"]["message"]
    # Hosts, and the rest.
    assert site.linked("groups", "langgraph_app", "hosts") == {"app1"} and site.linked("groups", "langgraph_db", "hosts") == {"db1"}
    assert site.of("inventory_sources")["langgraph hosts"]["source_path"] == "production.yml"
    assert site.of("projects")["langgraph"]["scm_branch"] == "0.1.0"
    for name, template in templates.items():
        assert (ROOT / template["playbook"]).is_file()
        assert site.linked("job_templates", name, "labels") == {"langgraph"}
    assert json.loads(templates["langgraph verify"]["extra_vars"])["ansible_pipelining"] is True
    assert site.of("schedules")["langgraph verify, nightly"]["unified_job_template"] == templates["langgraph verify"]["id"]


@pytest.mark.parametrize("vault", [True, pytest.param(False, marks=pytest.mark.extended)])
def test_a_run_without_the_secrets_leaves_them_as_they_are(site, vault):
    """As the job langgraph configure, which has the secrets of its credentials only."""
    variables = {**whole(site), **({} if vault else {"site_vault_url": ""})}
    site.run(**variables).passed()
    before = {name: dict(each) for name, each in site.awx.inputs.items()}
    there = set(site.of("credentials"))
    missing = ["site_scm_token", "site_registry_token", "site_vault_secret_id", "site_smtp_password", "site_slack_token", "site_ssh_key", "site_ssl_key"]
    missing += ["database_owner_password", "database_app_password", "database_login_password"] if vault else []
    fewer = {name: value for name, value in variables.items() if name not in missing}
    done = site.run(**fewer).unchanged()
    assert done.writes == [] and set(site.of("credentials")) == there and site.awx.inputs == before
    # Sending the other secrets again does not remove these either.
    site.run(awx_update_secrets=True, **fewer).passed()
    assert set(site.of("credentials")) == there and site.awx.inputs == before
    for name, secret in (("email", "password"), ("slack", "token")):
        assert site.of("notification_templates")["langgraph, " + name]["notification_configuration"][secret] == "$encrypted$"
    assert site.linked("job_templates", "langgraph verify", "credentials") == {"langgraph application", "langgraph ssh", "langgraph certificates"}


def small(**changes):
    """Two templates, a workflow of three steps, a schedule, and a notification with a secret."""
    template = {"project": "p", "inventory": "i", "labels": ["ours"], "credentials": ["c"], "notification_templates_error": ["n"]}
    data = {
        "awx_label": "ours",
        "awx_labels": [{"name": "ours"}],
        "awx_credentials": [{"name": "c", "credential_type": "Machine", "inputs": {"username": "u", "password": "{{ c_password }}"}}],
        "awx_notifications": [{"name": "n", "notification_type": "webhook", "notification_configuration": {**HOOK, "password": "{{ n_password }}"}}],
        "awx_projects": [{"name": "p", "scm_type": "git", "scm_url": "https://x", "allow_override": True, "wait": False}],
        "awx_inventories": [{"name": "i"}],
        "awx_hosts": [{"name": name, "inventory": "i"} for name in ("h1", "h2")],
        "awx_groups": [{"name": "all_apps", "inventory": "i", "children": ["apps"]}, {"name": "apps", "inventory": "i", "hosts": ["h1", "h2"]}],
        "awx_templates": [dict(template, name=name, playbook="playbooks/%s.yml" % name) for name in ("provision", "verify")],
        "awx_workflows": [
            {
                "name": "w",
                "labels": ["ours"],
                "simplified_workflow_nodes": [
                    {"identifier": "first", "unified_job_template": "provision", "success_nodes": ["middle"]},
                    {"identifier": "middle", "approval_node": {"name": "yes?"}, "success_nodes": ["last"]},
                    {"identifier": "last", "unified_job_template": "verify"},
                ],
            }
        ],
        "awx_schedules": [{"name": "nightly", "unified_job_template": "verify", "rrule": RULE, "enabled": False}],
    }
    data.update(changes)
    return data


def changed_data(site, passwords):
    """The data of the second run of a site, after somebody has changed the first one by hand."""
    site.run(data=small(), **passwords).passed()
    assert site.linked("groups", "all_apps", "children") == {"apps"}
    assert site.of("schedules")["nightly"]["enabled"] is False
    # By hand: a credential at a template, and a schedule.
    status, hand = site.awx.answer("POST", "/api/v2/credentials/", {"name": "by hand", "organization": 1, "credential_type": 2})
    verify = site.of("job_templates")["verify"]["id"]
    site.awx.answer("POST", "/api/v2/job_templates/%d/credentials/" % verify, {"id": hand["id"]})
    site.awx.answer("POST", "/api/v2/schedules/", {"name": "hourly", "unified_job_template": verify, "rrule": RULE})
    site.awx.answer("POST", "/api/v2/schedules/", {"name": "at noon", "unified_job_template": site.of("job_templates")["provision"]["id"], "rrule": RULE})
    # In the data: the middle step goes, one template has a new name, one another name, and a host goes.
    data = small(awx_hosts=[{"name": "h1", "inventory": "i"}, {"name": "h2", "inventory": "i", "state": "absent"}])
    data["awx_groups"][1]["hosts"] = ["h1"]
    data["awx_templates"][0]["name"] = "provision again"
    data["awx_templates"][1].update(name="verify", new_name="verify all")
    first, _middle, last = data["awx_workflows"][0]["simplified_workflow_nodes"]
    data["awx_workflows"][0]["simplified_workflow_nodes"] = [{**first, "unified_job_template": "provision again", "success_nodes": ["last"]}, last]
    last["unified_job_template"] = "verify all"
    data["awx_schedules"][0].update(unified_job_template="verify all", name="nightly at two")
    return data


def test_a_site_that_changes(site):
    passwords = {"c_password": site.secret("c"), "n_password": site.secret("n")}
    data = changed_data(site, passwords)
    done = site.predicted(data=data, **passwords)
    assert set(site.of("workflow_job_template_nodes")) == {"first", "last"}
    assert site.linked("workflow_job_template_nodes", "first", "success_nodes") == {"last"}
    assert set(site.of("job_templates")) == {"provision", "provision again", "verify all"}
    assert site.linked("job_templates", "verify all", "credentials") == {"c", "by hand"}
    assert set(site.of("hosts")) == {"h1"}
    for says in (
        "credentials by hand of job template verify is not in the data and is kept",
        "schedule hourly of verify is not in the data and is kept",
        "job template provision is not in the data and is kept. Its schedules are turned off: at noon",
    ):
        assert says in " ".join(done.output.split())
    # The schedule of the template with the old name would run beside that of the renamed template.
    assert {name: each["enabled"] for name, each in site.of("schedules").items()} == {
        "at noon": False,
        "hourly": True,
        "nightly": False,
        "nightly at two": False,
    }

    # A changed password is sent on request only. A notification template with a secret is quiet, although its module reports a change each time.
    before, passwords["c_password"] = passwords["c_password"], "pw-%s" % secrets.token_hex(12)
    number = site.of("credentials")["c"]["id"]
    assert site.run(data=data, **passwords).unchanged().writes == [] and site.awx.inputs[number]["password"] == before


@pytest.mark.extended
def test_what_is_removed(site):
    passwords = {"c_password": site.secret("c"), "n_password": site.secret("n")}
    data = changed_data(site, passwords)
    passwords["c_password"] = "pw-%s" % secrets.token_hex(12)
    number = site.of("credentials")["c"]["id"]
    done = site.predicted(data=data, awx_unmanaged="remove", awx_update_secrets=True, **passwords)
    assert set(site.of("job_templates")) == {"provision again", "verify all"} and set(site.of("schedules")) == {"nightly at two"}
    assert site.linked("job_templates", "verify all", "credentials") == {"c"}
    assert site.awx.inputs[number]["password"] == passwords["c_password"] and ("notification template n", True) in steps(done)

    absent = {name: [dict(entry, state="absent") for entry in entries] for name, entries in data.items() if isinstance(entries, list) and name != "awx_labels"}
    for entry in absent["awx_templates"]:
        entry["name"] = entry.pop("new_name", entry["name"])
    done = site.predicted(data=absent, **passwords)
    assert [title for title, _changed in steps(done)][:2] == ["schedule nightly at two", "workflow w"]
    assert not site.of("job_templates") and not site.of("projects") and set(site.of("credentials")) == {"Ansible Galaxy", "Demo Credential", "by hand"}
    site.run(data=absent, **passwords).unchanged()


def test_two_organizations_with_the_same_names(site):
    passwords = {"c_password": site.secret("c"), "n_password": site.secret("n")}
    fewer = {"awx_hosts": [], "awx_groups": [], "awx_workflows": []}
    for name in ("Blue", "Green"):
        site.run(data=small(awx_organization=name, awx_organizations=[{"name": name}], **fewer), **passwords).passed()
    assert site.run(data=small(awx_organization="Blue", **fewer), **passwords).unchanged().writes == []
    organizations = {each["id"]: each["name"] for each in site.awx.objects["organizations"].values()}
    for endpoint, field, others in (("job_templates", "inventory", "inventories"), ("job_templates", "project", "projects")):
        for each in site.awx.objects[endpoint].values():
            assert site.awx.objects[others][each[field]]["organization"] == each["organization"]
    for (endpoint, number, name), members in site.awx.links.items():
        if (endpoint, name) == ("job_templates", "credentials"):
            owner = site.awx.objects[endpoint][number]["organization"]
            assert [site.awx.objects["credentials"][each]["organization"] for each in members] == [owner]
    assert sorted(organizations.values()) == ["Blue", "Default", "Green"]


def test_what_is_rejected_before_anything_is_written(site):
    """Everything at once, in check mode and otherwise. No value is shown."""
    data = small(awx_shedules=[])
    data["awx_templates"][0].update(verbsity=3)
    data["awx_templates"][1].update(extra_vars={"greeting": MARK, "database_owner_password": site.secret("shown")})
    data["awx_groups"].append({"name": "langgraph_ap", "inventory": "i"})
    data["awx_workflows"][0]["simplified_workflow_nodes"][0]["success_nodes"] = ["midle"]
    for flags in ((), ("--check",)):
        done = site.run(*flags, data=data, c_password=12345678, n_password="")
        done.stopped(
            "Nothing was written to AWX, because of the following in %s." % (site.folder / "data.yml"),
            "data.yml sets awx_shedules, which is not an option of the role awx. awx_schedules was probably meant.",
            "job template provision has no option verbsity. verbosity was probably meant.",
            "variable database_owner_password of job template verify contains a password",
            "langgraph_app was probably meant.",
            "leads to midle, which is not the identifier of a node. middle was probably meant.",
        )
        assert done.writes == [] and done.recap["localhost"]["failed"] == 1
    # Mistakes that only AWX's own objects show.
    data = small()
    del data["awx_templates"][0]["playbook"], data["awx_credentials"][0]["credential_type"]
    for flags in ((), ("--check",)):
        done = site.run(*flags, data=data, c_password=12345678, n_password="").stopped("credential c: missing required arguments: credential_type.")
        assert done.writes == [] and done.recap["localhost"]["failed"] == 1
    data["awx_credentials"][0]["credential_type"] = "Machine"
    done = site.run("--check", data=data, c_password="{{ 12345678 }}", n_password="")
    done.stopped("job template provision: it does not exist in AWX, which does not create it without playbook")
    assert done.writes == []


def test_a_data_file_that_does_not_exist_or_is_in_the_current_directory(site, monkeypatch):
    site.run("-e", "awx_data_file=/nowhere.yml").stopped("There is no file /nowhere.yml. Set awx_data_file to the file with the objects.")
    (site.folder / "mine.yml").write_text("awx_labels: [{name: mine}]")
    monkeypatch.chdir(site.folder)
    env = {"CONTROLLER_HOST": site.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
    done = run(site.folder, PLAYBOOK, "localhost,", "-e", "awx_data_file=../mine.yml", env=env, forked=False).passed()
    assert set(site.of("labels")) == {"mine"} and steps(done) == [("label mine", True)]


@pytest.mark.parametrize("token", [READ_TOKEN, ORGANIZATION_TOKEN])
def test_a_token_without_the_rights(site, token):
    data = {"awx_credential_types": [{"name": "T", "kind": "cloud"}], "awx_labels": [{"name": "l"}], "awx_organizations": [{"name": "Default"}]}
    for flags in ((), ("--check",)):
        done = site.run(*flags, data=data, token=token).stopped("may not create credential types in AWX, or the token may only read", "let one create: T.")
        assert done.writes == []


def test_a_right_to_change_is_needed_if_something_differs(site):
    data = {"awx_labels": [{"name": "l"}], "awx_organizations": [{"name": "Default"}]}
    site.awx.answer("POST", "/api/v2/labels/", {"name": "l", "organization": 1})
    site.run(data=data, token=READER_TOKEN).unchanged()
    data["awx_organizations"][0]["description"] = "changed"
    for flags in ((), ("--check",)):
        done = site.run(*flags, data=data, token=READER_TOKEN).stopped("The run would change organization Default, which rita may not do in AWX.")
        assert done.writes == []
    # AWX shows no right for a token that may only read: the first request that writes fails.
    done = site.run(data=data, token=READ_TOKEN)
    done.stopped(
        "organization Default: You don't have permission to PATCH", "Written before it: nothing.", "Not written, or only in part: organization Default."
    )


def test_the_address_of_awx_and_its_certificate(site):
    site.run(data={}, env={"CONTROLLER_HOST": ""}).stopped(
        "The address of AWX is not set. Set awx_controller_host, or CONTROLLER_HOST in the environment, to its URL."
    )
    site.run(data={}, env={"CONTROLLER_VERIFY_SSL": "perhaps"}).stopped("CONTROLLER_VERIFY_SSL is 'perhaps', which is not a boolean. Set it to true or false.")
    done = site.run(data={}, env={"CONTROLLER_VERIFY_SSL": "no"}).passed()
    assert "The certificate of AWX is not verified" in " ".join(done.output.split())
    site.run(data={}, awx_controller_host="http://127.0.0.1:1").stopped("There was a")


def test_a_configuration_file_of_somebody_else_is_not_read(site):
    """The modules of awx.awx would read it too, and take its token in place of the password."""
    (site.folder / ".tower_cli.cfg").write_text("[general]\nhost = http://127.0.0.1:1\noauth_token = theirs\n")
    login = {"CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": PASSWORD}
    site.secrets["login"] = PASSWORD
    data = {"awx_labels": [{"name": "l"}], "awx_organizations": [{"name": "Default"}]}
    assert steps(site.run(data=data, env={**login, "CONTROLLER_OAUTH_TOKEN": ""}).passed()) == [("organization Default", False), ("label l", True)]
    # The control: a task with the module itself.
    play = {"hosts": "localhost", "gather_facts": False, "vars": INTERPRETER, "tasks": [{"awx.awx.organization": {"name": "Default"}}]}
    done = run(site.folder, [play], "localhost,", "-c", "local", env={"CONTROLLER_HOST": site.url, **login})
    assert done.rc == 2 and "HTTP 401" in done.output


def test_a_step_that_awx_rejects_ends_the_run(site):
    """Later objects refer to earlier ones, so nothing follows. The messages contain AWX's answer, what was written and what was not."""
    rejected = {"name": "nightly", "unified_job_template": "verify", "rrule": "DTSTART:20260101T020000Z RRULE:FREQ=DAILY"}
    data = small(awx_schedules=[rejected], awx_hosts=[], awx_groups=[], awx_workflows=[], awx_credentials=[], awx_notifications=[])
    for template in data["awx_templates"]:
        template.update(credentials=[], notification_templates_error=[])
    data["awx_roles"] = [{"role": "execute", "users": ["admin"], "job_templates": ["verify"]}]
    done = site.run(data=data).stopped(
        "INTERVAL required in rrule",
        "Written before it: label ours, project p, inventory i, job template provision, job template verify.",
        "Not written, or only in part: schedule nightly. Not reached: role execute for admin.",
    )
    assert done.recap["localhost"]["failed"] == 1 and steps(done)[-1] == ("schedule nightly", False)
    # A right that AWX shows nowhere is missing.
    data["awx_schedules"][0]["rrule"] = RULE
    site.awx.instead = lambda method, path, body: (403, {"detail": "No."}) if (method, path) == ("POST", "/api/v2/schedules/") else None
    site.run("--check", data=data).passed()
    site.run(data=data).stopped("permission to POST to /api/v2/schedules/", "Written before it: nothing.", "Not reached: role execute for admin.")
    site.awx.instead = lambda method, path, body: None
    assert [title for title, changed in steps(site.run(data=data).passed()) if changed] == ["schedule nightly", "role execute for admin"]


@pytest.fixture
def system_log():
    """What programs send to the log of this machine."""
    path, received = Path("/dev/log"), []
    if os.geteuid() or path.exists():
        pytest.skip("this test replaces /dev/log, which only root can, and only where no log daemon has it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        try:

            def receive():
                while received[-1:] != [b"end"]:
                    received.append(log.recv(1 << 20))

            thread = threading.Thread(target=receive, daemon=True)
            thread.start()
            yield received
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.sendto(b"end", str(path))
            thread.join()
        finally:
            path.unlink()


def test_no_secret_is_in_the_output_the_log_of_the_machine_or_a_file(site, system_log):
    """Without pipelining, so that Ansible would write the arguments of a module to a file."""
    passwords = {"c_password": site.secret("c"), "n_password": site.secret("n")}
    env = {"ANSIBLE_PIPELINING": "False", "ANSIBLE_LOG_PATH": "ansible.log"}
    folder = site.folder / "play0"
    with SecretScanner([folder], site.secrets) as scanner:
        site.run(data=small(awx_hosts=[], awx_groups=[], awx_workflows=[]), forked=False, env=env, **passwords).passed()
    assert scanner.found == set() and scanner.files > 1 and (folder / "ansible.log").stat().st_size > 1000
    written = b"".join(system_log)
    assert [name for name, secret in site.secrets.items() if holds(written, secret)] == []

    # The control: a task with the module itself.
    task = {"awx.awx.notification_template": {**small()["awx_notifications"][0], "organization": "Default", "name": "other"}}
    play = {"hosts": "localhost", "gather_facts": False, "vars": {**passwords, **INTERPRETER}, "tasks": [task]}
    env.update(CONTROLLER_HOST=site.url, CONTROLLER_OAUTH_TOKEN=TOKEN)
    folder = site.folder / "play1"
    with SecretScanner([folder / "remote"], site.secrets) as scanner:
        done = run(site.folder, [play], "localhost,", "-c", "local", env=env, forked=False, verbosity="-vvv").passed()
    assert site.secrets["n"] in done.output and holds(b"".join(system_log), site.secrets["n"])
    assert [each for each in scanner.found if "AnsiballZ_" in each], scanner.found


def test_awx_quotes_a_secret_in_its_answer(site):
    """AWX quotes the first 100 characters of a key that it refuses. This one quotes a password with escaped characters as well."""
    key, password = "no key: %s\n%s" % (site.secret("first line"), site.secret("second line") * 5), "a\"b'c\\d-%s" % site.secret("password")
    inputs = {"username": "u", "password": password, "ssh_key_data": key}

    def quote(method, path, body):
        if (method, path) != ("POST", "/api/v2/credentials/"):
            return None
        given = body["inputs"]
        return 400, {"inputs": {"ssh_key_data": ["Invalid certificate or key: %s..." % given["ssh_key_data"][:100]], "password": [given["password"]]}}

    site.awx.instead = quote
    done = site.run(data={"awx_credentials": [{"name": "c", "credential_type": "Machine", "inputs": inputs}]})
    done.stopped("credential c", "Invalid certificate or key: ********")
    pieces = [text[start : start + 12] for text in (key, password) for start in range(len(text) - 12)]
    assert [each for each in pieces if each in done.everything] == []
    # The control: a task with the module itself, whose own option no_log knows whole values only.
    task = {"awx.awx.credential": {"name": "c", "credential_type": "Machine", "organization": "Default", "inputs": inputs}}
    play = {"hosts": "localhost", "gather_facts": False, "vars": INTERPRETER, "tasks": [task]}
    env = {"CONTROLLER_HOST": site.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
    done = run(site.folder, [play], "localhost,", "-c", "local", env=env)
    assert done.rc == 2 and [each for each in pieces if each in done.output], done.output[-3000:]


def test_names_and_answers_of_awx_are_not_evaluated(site):
    """Somebody has given an object a name with a template and with a command for the terminal, and AWX answers with the same."""
    made = site.folder / "made"
    evil = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}\x1b[2J" % made
    site.run(data=small(awx_credentials=[], awx_notifications=[], awx_workflows=[], awx_templates=[], awx_schedules=[])).passed()
    project, label = site.of("projects")["p"]["id"], site.of("labels")["ours"]["id"]
    _status, old = site.awx.answer("POST", "/api/v2/job_templates/", {"name": evil, "project": project, "playbook": "x.yml"})
    site.awx.answer("POST", "/api/v2/job_templates/%d/labels/" % old["id"], {"id": label})
    site.awx.answer("POST", "/api/v2/schedules/", {"name": evil, "unified_job_template": old["id"], "rrule": RULE})
    site.awx.product = "evil\x1b[2J"
    data = {"awx_label": "ours", "awx_teams": [{"name": "t"}]}
    for flags, options in (((), {}), (("--check",), {"awx_unmanaged": "remove"}), ((), {"awx_unmanaged": "remove"})):
        done = site.run(*flags, data=data, **options).passed()
        assert "touch %s" % made in " ".join(done.output.split()) and "\x1b" not in done.output and not made.exists()
        assert "connecting to evil" in " ".join(done.output.split())
    assert not site.of("job_templates")
    site.awx.instead = lambda method, path, body: (400, {"name": [evil], evil: evil}) if method == "POST" else None
    done = site.run(data={"awx_teams": [{"name": "u"}]}).stopped("team u: Unable to create", "touch %s" % made)
    assert "\x1b" not in done.output and not made.exists()
    # The control: Ansible evaluates the same text in a playbook.
    run(site.folder, [{"hosts": "localhost", "gather_facts": False, "tasks": [{"debug": {"msg": evil}}]}], "localhost,").passed()
    assert made.exists()


def test_variables_without_a_password_are_shown_and_stored_in_clear_text(site):
    """The control of the messages that contain no value, and what must keep working."""
    variables = {"greeting": MARK, "database_owner_password": Unsafe("{{ lookup('ansible.builtin.env', 'X') }}")}
    data = {"awx_inventories": [{"name": "i", "variables": variables}]}
    site.run(data=data).passed()
    assert json.loads(site.of("inventories")["i"]["variables"]) == variables
