# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the data and of AWX together: which exist, what a name refers to, and the arguments of awx.awx's modules."""

from __future__ import annotations

from typing import Any, Iterator

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import Awx, AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import BY_VARIABLE, GLOBAL, NODES, Data, Entry, Kind, as_list, present
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_secrets import keep_stored, same

# The kind of credential that an option takes.
KIND_OF_CREDENTIAL = {
    # AWX removes the old credentials of an organization before it rejects a new one.
    ("awx_organizations", "galaxy_credentials"): "galaxy_api_token",
    ("awx_projects", "credential"): "scm",
    ("awx_execution_environments", "credential"): "registry",
}
# The kinds of objects that unified_job_template can name.
UNIFIED = ("awx_templates", "awx_workflows", "awx_projects", "awx_inventory_sources")


class Objects:
    """Looks names up in their organization: among the objects of AWX and those that the data describes."""

    def __init__(self, awx: Awx, data: Data, organization: str) -> None:
        self.awx = awx
        self.data = data
        self.organization = organization

    def organization_of(self, kind: Kind, entry: Entry) -> str:
        """The name of the organization of an entry. It is empty for an execution environment of all organizations, and a credential of a user or team."""
        if kind.variable == "awx_credentials" and (entry.get("user") or entry.get("team")):
            return ""
        if not kind.in_organization:
            return self.organization
        given = entry.get("organization")
        return self.organization if given is None else str(given)

    def scope_of(self, kind: Kind, entry: Entry, option: str) -> str:
        """The name of the organization in which the name in an option is looked up."""
        other = entry.get("lookup_organization") if option != "workflow_job_template" else None
        return other or self.organization_of(kind, entry) or self.organization

    def organization_id(self, name: str) -> int | None:
        """The number of an organization, or None if it does not exist or the token cannot see it."""
        found = self.awx.find("organizations", name, None) if name else None
        return found["id"] if found else None

    def declared(self, variable: str, name: Any, organization: str) -> Iterator[Entry]:
        """The entries of the data that a name can refer to."""
        parts = str(name).split("++")
        for each in UNIFIED if variable == "unified_job_templates" else (variable,):
            for entry in self.data.get(each, []):
                kind = BY_VARIABLE[each]
                in_scope = kind.endpoint in GLOBAL or self.organization_of(kind, entry) == (parts[-1] if len(parts) > 1 else organization)
                if in_scope and parts[0] == str(entry.get("new_name") or entry.get("name")):
                    yield entry

    def look_up(self, variable: str, name: Any, organization: str) -> dict[str, Any] | None:
        """The object in AWX that a name refers to. An object that this run renames is found by its current name."""
        number = self.organization_id(organization)
        found = self.awx.find(variable, name, number)
        if found is None:
            for entry in self.declared(variable, name, organization):
                found = found or (self.awx.find(variable, entry["name"], number) if entry.get("new_name") else None)
        return found

    def existing(self, kind: Kind, entry: Entry) -> dict[str, Any] | None:
        """The object of AWX that an entry describes."""
        if not kind.identity:
            return None
        values: dict[str, Any] = {}
        for option in kind.identity:
            values[option] = entry.get(option)
            if option in kind.references:
                found = self.look_up(kind.references[option], values[option], self.scope_of(kind, entry, option))
                if found is None:
                    return None
                values[option] = found["id"]
        number = self.organization_id(self.organization_of(kind, entry))
        if kind.variable == "awx_credentials":
            return self.awx.credential(str(entry["name"]), values["credential_type"], number)
        if len(kind.identity) > 1:
            return self.awx.below(kind.endpoint, **values)
        if number is None and kind.endpoint not in GLOBAL:
            return None
        return self.awx.find(kind.variable, entry["name"], number)

    def settled(self, kind: Kind, entry: Entry) -> tuple[Entry, dict[str, Any] | None]:
        """The entry and its object. If the object already has its new name, the entry is returned without new_name."""
        found = self.existing(kind, entry)
        if not entry.get("new_name"):
            return entry, found
        renamed = {name: value for name, value in dict(entry, name=entry["new_name"]).items() if name != "new_name"}
        other = self.existing(kind, renamed)
        if found and other:
            raise AwxError("%s %s cannot get the name %s, which another one has. Remove one of them." % (kind.title, entry["name"], entry["new_name"]))
        return (entry, found) if found else (renamed, other)

    def pending(self, kind: Kind, entry: Entry) -> bool:
        """Whether an entry names an object that this run creates first. Raises AwxError if a name refers to nothing."""
        pending = False
        for option, variable, name in self.names(kind, entry):
            organization = self.scope_of(kind, entry, option)
            entries = list(self.declared(variable, name, organization))
            if entries and not any(present(each) for each in entries):
                raise AwxError("its %s is %s, which the data removes with state: absent" % (option, name))
            if self.look_up(variable, name, organization) is None:
                if not entries:
                    where = "AWX" if variable in GLOBAL or BY_VARIABLE.get(variable, kind).endpoint in GLOBAL else "organization %s" % organization
                    raise AwxError("its %s is %s, which is neither in the data nor in %s, or the token cannot see it" % (option, name, where))
                pending = True
            needed = KIND_OF_CREDENTIAL.get((kind.variable, option))
            if needed and needed not in (None, self._credential_kind(name, organization)):
                raise AwxError("its %s is %s, which is not a credential of the kind %s" % (option, name, needed))
        if kind.variable == "awx_groups":
            pending = self._members(entry, self.scope_of(kind, entry, "inventory")) or pending
        return pending

    def _credential_kind(self, name: Any, organization: str) -> Any:
        found = self.look_up("awx_credentials", name, organization)
        if found:
            return found.get("kind")
        kinds = [self.look_up("awx_credential_types", each.get("credential_type"), "") for each in self.declared("awx_credentials", name, organization)]
        return next((each.get("namespace") for each in kinds if each), None)

    def require_organization(self, kind: Kind, entry: Entry) -> None:
        """Raises AwxError if the organization of an entry is neither in the data nor in AWX."""
        name = self.organization_of(kind, entry)
        if name and self.organization_id(name) is None and not list(self.declared("awx_organizations", name, "")):
            raise AwxError("the organization %s is neither in awx_organizations nor in AWX, or the token cannot see it" % name)

    def _members(self, entry: Entry, organization: str) -> bool:
        inventory = self.look_up("awx_inventories", entry.get("inventory"), organization)
        pending = False
        for option, variable in (("hosts", "awx_hosts"), ("children", "awx_groups")):
            for name in as_list(entry.get(option)):
                endpoint = BY_VARIABLE[variable].endpoint
                if not inventory or not self.awx.below(endpoint, inventory=inventory["id"], name=name):
                    same_inventory = [each for each in self.data[variable] if str(each.get("inventory")) == str(entry.get("inventory"))]
                    if name not in [each.get("new_name") or each.get("name") for each in same_inventory if present(each)]:
                        raise AwxError("its %s are to contain %s, which is neither in the data nor in inventory %s" % (option, name, entry.get("inventory")))
                    pending = True
        return pending

    @staticmethod
    def names(kind: Kind, entry: Entry) -> Iterator[tuple[str, str, Any]]:
        """(option, kind, name) of each reference of an entry."""
        for option, variable in kind.references.items():
            for name in as_list(entry.get(option)):
                if name != "":
                    yield option, variable, name

    def arguments(self, kind: Kind, entry: Entry) -> dict[str, Any]:
        """The arguments of the module: the entry itself, its organization, and numbers in place of names."""
        given = {name: value for name, value in entry.items() if value is not None and name not in (NODES.variable, "lookup_organization")}
        # An empty name is the same as none.
        given = {name: value for name, value in given.items() if value != "" or name not in kind.references}
        for option, variable in kind.references.items():
            # The module of a schedule takes a name only.
            if option in given and (kind.variable, option) != ("awx_schedules", "unified_job_template"):
                numbers = [str(self._number(variable, name, self.scope_of(kind, entry, option))) for name in as_list(given[option])]
                given[option] = numbers if isinstance(given[option], (list, tuple)) else numbers[0]
        if kind.in_organization:
            given["organization"] = self.organization_of(kind, entry) or None
        if kind.variable == "awx_inventories":
            # If omitted, the module would send null, and AWX would store another value.
            given.setdefault("kind", "")
        return given

    def _number(self, variable: str, name: Any, organization: str) -> int:
        found = self.look_up(variable, name, organization)
        if found is None:
            raise AwxError("There is no %s %s in organization %s." % (BY_VARIABLE[variable].title if variable in BY_VARIABLE else variable, name, organization))
        return found["id"]

    @staticmethod
    def with_stored_secrets(given: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
        """The arguments. Each empty text of a notification that would replace a stored secret becomes $encrypted$, which AWX replaces by that secret."""
        name = "notification_configuration"
        return {**given, name: keep_stored(given[name], found.get(name))} if found and name in given else given

    def without_unchanged(self, kind: Kind, given: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
        """The arguments without those in which AWX hides secrets or adds defaults, unless they differ: their modules would report a change each time."""
        names = (*kind.secret, "messages") if kind.variable != "awx_credentials" else ()
        return {name: value for name, value in given.items() if not (found and name in names and same(value, found.get(name)))}


def nodes_of(data: Data, index: int) -> list[Entry]:
    """The nodes of a workflow in the data, each with the name and the organization of the workflow."""
    workflow = data["awx_workflows"][index]
    own = {"workflow_job_template": workflow.get("new_name") or workflow.get("name"), "organization": workflow.get("organization")}
    return [dict(node, **own) for node in filter(present, workflow[NODES.variable])]
