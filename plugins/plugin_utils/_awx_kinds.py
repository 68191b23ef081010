# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of objects in AWX that the role awx manages: the list that holds them, the module of awx.awx, and the options that name other objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One kind of object. `variable` is the list in the data, `module` the module of awx.awx, `endpoint` its part of AWX's API."""

    variable: str
    module: str
    endpoint: str
    # The options that identify an object, besides its organization.
    identity: tuple[str, ...] = ("name",)
    # The options that name objects of other kinds: {option: variable of their kind, or the endpoint of a kind that is not managed}.
    references: dict[str, str] = field(default_factory=dict)
    # The options without which AWX does not create an object. At least one name of a tuple is required.
    required: tuple[str | tuple[str, ...], ...] = ()
    # The options that name objects that are created later, so that a second step sets them.
    later: tuple[str, ...] = ()
    # The options that can contain secrets, and those whose contents AWX shows.
    secret: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    # Whether the module has the option organization, and AWX looks the object up in it.
    in_organization: bool = True

    @property
    def title(self) -> str:
        """The kind in messages."""
        return {"workflow_job_template": "workflow", "workflow_job_template_node": "node"}.get(self.module, self.module.replace("_", " "))


def _notifications(*more: str) -> dict[str, str]:
    return {"notification_templates_" + event: "awx_notifications" for event in ("started", "success", "error", *more)}


_CREDENTIALS = {"credential": "awx_credentials", "credentials": "awx_credentials"}
# What a schedule and a node can set for the jobs that they start.
_PROMPTS = {
    "unified_job_template": "unified_job_templates",
    "inventory": "awx_inventories",
    "credentials": "awx_credentials",
    "execution_environment": "awx_execution_environments",
    "instance_groups": "instance_groups",
    "labels": "awx_labels",
}
_RESOURCES = {
    "inventory": "awx_inventories",
    "inventories": "awx_inventories",
    "job_template": "awx_templates",
    "job_templates": "awx_templates",
    "workflow": "awx_workflows",
    "workflows": "awx_workflows",
    "organization": "awx_organizations",
    "organizations": "awx_organizations",
    "project": "awx_projects",
    "projects": "awx_projects",
    "instance_groups": "instance_groups",
}

# In the order in which the objects are created. The names of the lists are those of infra.aap_configuration with another prefix.
KINDS = (
    Kind(
        "awx_organizations",
        "organization",
        "organizations",
        references={
            "default_environment": "awx_execution_environments",
            "galaxy_credentials": "awx_credentials",
            "instance_groups": "instance_groups",
            **_notifications("approvals"),
        },
        later=("default_environment", "galaxy_credentials", *_notifications("approvals")),
        in_organization=False,
    ),
    Kind("awx_labels", "label", "labels"),
    Kind("awx_teams", "team", "teams"),
    Kind("awx_credential_types", "credential_type", "credential_types", required=("kind",), in_organization=False),
    Kind(
        "awx_credentials",
        "credential",
        "credentials",
        identity=("name", "credential_type"),
        references={"credential_type": "awx_credential_types", "team": "awx_teams", "user": "users", "copy_from": "awx_credentials"},
        secret=("inputs",),
    ),
    Kind(
        "awx_credential_input_sources",
        "credential_input_source",
        "credential_input_sources",
        identity=("target_credential", "input_field_name"),
        references={"target_credential": "awx_credentials", "source_credential": "awx_credentials"},
        required=("source_credential",),
        in_organization=False,
    ),
    Kind("awx_execution_environments", "execution_environment", "execution_environments", references=_CREDENTIALS, required=("image",)),
    Kind(
        "awx_notifications",
        "notification_template",
        "notification_templates",
        references={"copy_from": "awx_notifications"},
        required=("notification_type", "notification_configuration"),
        secret=("notification_configuration",),
    ),
    Kind(
        "awx_projects",
        "project",
        "projects",
        references={
            "default_environment": "awx_execution_environments",
            "signature_validation_credential": "awx_credentials",
            "copy_from": "awx_projects",
            **_CREDENTIALS,
            **_notifications(),
        },
    ),
    Kind(
        "awx_inventories",
        "inventory",
        "inventories",
        references={"instance_groups": "instance_groups", "input_inventories": "awx_inventories", "copy_from": "awx_inventories"},
        shown=("variables",),
    ),
    Kind(
        "awx_inventory_sources",
        "inventory_source",
        "inventory_sources",
        identity=("name", "inventory"),
        references={
            "inventory": "awx_inventories",
            "source_project": "awx_projects",
            "execution_environment": "awx_execution_environments",
            **_CREDENTIALS,
            **_notifications(),
        },
        required=("source",),
        shown=("source_vars",),
    ),
    Kind(
        "awx_hosts", "host", "hosts", identity=("name", "inventory"), references={"inventory": "awx_inventories"}, shown=("variables",), in_organization=False
    ),
    Kind(
        "awx_groups",
        "group",
        "groups",
        identity=("name", "inventory"),
        references={"inventory": "awx_inventories"},
        later=("children",),
        shown=("variables",),
        in_organization=False,
    ),
    Kind(
        "awx_templates",
        "job_template",
        "job_templates",
        references={
            "project": "awx_projects",
            "inventory": "awx_inventories",
            "execution_environment": "awx_execution_environments",
            "vault_credential": "awx_credentials",
            "webhook_credential": "awx_credentials",
            "labels": "awx_labels",
            "instance_groups": "instance_groups",
            "copy_from": "awx_templates",
            **_CREDENTIALS,
            **_notifications(),
        },
        required=("project", "playbook", ("inventory", "ask_inventory_on_launch")),
        shown=("extra_vars",),
    ),
    Kind(
        "awx_workflows",
        "workflow_job_template",
        "workflow_job_templates",
        references={
            "inventory": "awx_inventories",
            "labels": "awx_labels",
            "webhook_credential": "awx_credentials",
            "copy_from": "awx_workflows",
            **_notifications("approvals"),
        },
        shown=("extra_vars",),
    ),
    Kind(
        "simplified_workflow_nodes",
        "workflow_job_template_node",
        "workflow_job_template_nodes",
        identity=("identifier", "workflow_job_template"),
        references={"workflow_job_template": "awx_workflows", **_PROMPTS},
        required=(("unified_job_template", "approval_node"),),
        later=("success_nodes", "failure_nodes", "always_nodes"),
        secret=("extra_data",),
        shown=("extra_data",),
    ),
    Kind(
        "awx_schedules",
        "schedule",
        "schedules",
        identity=("name", "unified_job_template"),
        references=_PROMPTS,
        required=("unified_job_template", "rrule"),
        secret=("extra_data",),
        shown=("extra_data",),
    ),
    Kind(
        "awx_roles",
        "role",
        "roles",
        identity=(),
        references={
            "team": "awx_teams",
            "teams": "awx_teams",
            "target_team": "awx_teams",
            "target_teams": "awx_teams",
            "user": "users",
            "users": "users",
            **_CREDENTIALS,
            **_RESOURCES,
        },
        in_organization=False,
    ),
)
BY_VARIABLE = {kind.variable: kind for kind in KINDS}
NODES = BY_VARIABLE["simplified_workflow_nodes"]
EDGES = NODES.later
VARIABLES = tuple(kind.variable for kind in KINDS if kind is not NODES)
# AWX looks these up by their name alone, in all organizations.
GLOBAL = ("organizations", "credential_types", "execution_environments", "instance_groups", "users")
# Lists to which AWX adds entries, and to which somebody may have added entries by hand. Other lists are replaced, because their order matters.
KEPT = ("credentials", "labels", *_notifications("approvals"))

Entry = dict[str, Any]
Data = dict[str, list[Entry]]


def name_of(kind: Kind, entry: Entry) -> str:
    """How messages name an object."""
    if kind.variable == "awx_roles":
        return "%s for %s" % (entry.get("role"), ", ".join(str(each) for name in ("user", "users", "team", "teams") for each in as_list(entry.get(name))))
    if kind.variable == "awx_credential_input_sources":
        return "%s: %s" % (entry.get("target_credential"), entry.get("input_field_name"))
    return str(entry.get("identifier") if kind is NODES else entry.get("name"))


def as_list(value: Any) -> list[Any]:
    """A list for an option that takes one name or several."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def present(entry: Entry) -> bool:
    """Whether an entry describes an object that has to exist."""
    return entry.get("state") != "absent"
