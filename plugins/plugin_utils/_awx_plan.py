# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that give AWX's objects the state in the data, in their order. A step contains no secret: it names the entry of the data that it is for."""

from __future__ import annotations

from typing import Any

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import (
    BY_VARIABLE,
    EDGES,
    KEPT,
    KINDS,
    NODES,
    Entry,
    Kind,
    as_list,
    name_of,
    present,
)
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_objects import Objects, nodes_of
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_rights import Rights, may, restricted
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_secrets import type_inputs, unusable_inputs

LABELLED = ("awx_templates", "awx_workflows")

Step = dict[str, Any]


class Plan:
    """`steps`, the `errors` because of which no step may be carried out, and the `report` of what differs from the data and is kept or removed."""

    def __init__(self, objects: Objects, label: str, remove: bool) -> None:
        self.objects = objects
        self.awx = objects.awx
        self.data = objects.data
        self.label = label
        self.remove = remove
        self.steps: list[Step] = []
        self.errors: list[str] = []
        self.report: list[str] = []

    def make(self) -> Plan:
        """Read AWX and make the steps."""
        # Ask for something even if there is nothing to do, so that a wrong address or token is found.
        self.rights = Rights(self.objects)
        if not self.objects.organization:
            self.errors.append("The organization is empty. Set awx_organization to its name.")
            return self
        for kind in KINDS:
            for index, entry in enumerate(self.data.get(kind.variable, [])):
                if present(entry):
                    self._guarded(kind, entry, self._present, index)
            if kind.variable == "awx_workflows":
                for index, entry in enumerate(self.data["awx_workflows"]):
                    if present(entry) and NODES.variable in entry:
                        self._guarded(kind, entry, self._nodes, index)
            # The second steps of an organization need the objects that are created before the projects; those of groups need all groups.
            for other in {"awx_notifications": ("awx_organizations",), "awx_groups": ("awx_groups",)}.get(kind.variable, ()):
                for index, entry in enumerate(self.data[other]):
                    if present(entry) and any(entry.get(option) is not None for option in BY_VARIABLE[other].later):
                        self._guarded(BY_VARIABLE[other], entry, self._later, index)
        if self.label:
            self._unmanaged()
        for kind in reversed(KINDS):
            for index, entry in enumerate(self.data.get(kind.variable, [])):
                if not present(entry):
                    self._guarded(kind, entry, self._absent, index)
        self.errors += self.rights.missing()
        return self

    def _guarded(self, kind: Kind, entry: Entry, make: Any, index: int) -> None:
        try:
            make(kind, entry, index)
        except AwxError as error:
            self.errors.append("%s %s: %s" % (kind.title, name_of(kind, entry), error))

    def _add(self, kind: Kind, name: str, index: int | None, stage: str, new: bool = False, **more: Any) -> None:
        step = {"kind": kind.variable, "title": "%s %s" % (kind.title, name), "index": index, "stage": stage, "new": new}
        self.steps.append(dict(step, **more))
        if new and stage == "create":
            self.rights.creates(kind, name)

    def _present(self, kind: Kind, entry: Entry, index: int) -> None:
        first = {name: value for name, value in entry.items() if name not in kind.later}
        self.objects.require_organization(kind, entry)
        pending = self.objects.pending(kind, first)
        settled, found = self.objects.settled(kind, first)
        name = name_of(kind, entry)
        if kind.variable == "awx_execution_environments" and found and not self._own(kind, entry, found):
            return
        if found is None:
            self._require(kind, entry)
            self.rights.require(kind, entry)
        elif found.get("pending_deletion"):
            raise AwxError("AWX is still deleting the object of this name. Run the playbook again when it has been deleted.")
        if kind.variable == "awx_credentials":
            self._check_inputs(entry if found else {"inputs": {}, **entry})
        if kind.variable == "awx_credential_types" and found and entry.get("inputs") not in (None, found.get("inputs")):
            users = [str(each["name"]) for each in self.awx.read("credentials", credential_type=found["id"])]
            if users:
                raise AwxError("its inputs differ, and AWX does not change those of a type in use (%s). Use a type with another name" % ", ".join(users))
        keep = self._keep(kind, settled, found) if found else {}
        hindered = restricted(found) or (not kind.identity and restricted(*self.rights.granted(kind, entry)))
        self._add(kind, name, index, "create", found is None and bool(kind.identity), pending=pending, keep=keep, restricted=hindered)

    def _own(self, kind: Kind, entry: Entry, found: dict[str, Any]) -> bool:
        wanted = self.objects.organization_of(kind, entry)
        if found.get("organization") == self.objects.organization_id(wanted):
            return True
        self.report.append(
            "Execution environment %s is that of %s and is used as it is: its name is unique in all of AWX. Its image is %s%s."
            % (
                entry["name"],
                "all organizations" if found.get("organization") is None else "another organization",
                found.get("image"),
                "" if found.get("image") == entry.get("image") else ", not %s" % entry.get("image"),
            )
        )
        return False

    def _require(self, kind: Kind, entry: Entry) -> None:
        for needed in kind.required:
            names = (needed,) if isinstance(needed, str) else needed
            if not entry.get("copy_from") and not any(entry.get(name) for name in names):
                raise AwxError("it does not exist in AWX, which does not create it without %s" % " or ".join(names))

    def _check_inputs(self, entry: Entry) -> None:
        fields = type_inputs(self.data, entry.get("credential_type"))
        if fields is None:
            found = self.objects.look_up("awx_credential_types", entry.get("credential_type"), "")
            fields = (found or {}).get("inputs") or {}
        sources = [each for each in self.data["awx_credential_input_sources"] if present(each)]
        sourced = {str(each.get("input_field_name")) for each in sources if str(each.get("target_credential")).partition("++")[0] == entry.get("name")}
        self.errors += unusable_inputs(entry, fields, sourced)

    def _keep(self, kind: Kind, entry: Entry, found: dict[str, Any]) -> dict[str, list[str]]:
        """{option: numbers} of what somebody attached by hand, which stays unless unmanaged objects are removed."""
        keep: dict[str, list[str]] = {}
        for option in KEPT:
            if option not in kind.references or not isinstance(entry.get(option), (list, tuple)):
                continue
            organization = self.objects.scope_of(kind, entry, option)
            wanted = [(name, self.objects.look_up(kind.references[option], name, organization)) for name in entry[option]]
            numbers = [each["id"] for _name, each in wanted if each]
            for each in self.awx.linked(found, option):
                if each["id"] in numbers:
                    continue
                what = "%s %s of %s %s" % (option, each["name"], kind.title, entry.get("name", entry.get("identifier")))
                if option == "credentials" and self._type_of(each) in [self._type_of(other, name) for name, other in wanted]:
                    self.report.append("%s is replaced by the credential of the same type in the data" % what)
                elif self.remove:
                    self.report.append("%s is not in the data and is removed" % what)
                else:
                    self.report.append("%s is not in the data and is kept" % what)
                    keep.setdefault(option, []).append(str(each["id"]))
        return keep

    def _type_of(self, credential: dict[str, Any] | None, name: Any = None) -> int | None:
        """The number of a credential's type. A job template takes one credential of each type, but any number of vault credentials."""
        if credential is None:
            entries = self.objects.declared("awx_credentials", name, self.objects.organization)
            kinds = [self.objects.look_up("awx_credential_types", entry.get("credential_type"), "") for entry in entries]
            return next((each["id"] for each in kinds if each), -1)
        return None if credential.get("kind") == "vault" else credential.get("credential_type")

    def _later(self, kind: Kind, entry: Entry, index: int) -> None:
        second = {name: value for name, value in entry.items() if name in (*kind.identity, *kind.later, "new_name")}
        pending = self.objects.pending(kind, second)
        settled, found = self.objects.settled(kind, second)
        if found or any(entry.get(option) for option in kind.later):
            keep = self._keep(kind, settled, found) if found else {}
            self._add(kind, name_of(kind, entry), index, "later", found is None, pending=pending, keep=keep, restricted=restricted(found))

    def _nodes(self, kind: Kind, entry: Entry, index: int) -> None:
        """The steps for the nodes of a workflow: removing nodes, creating nodes, removing edges, creating edges."""
        nodes, first_step = nodes_of(self.data, index), len(self.steps)
        wanted = {node["identifier"]: node for node in nodes}
        workflow = self.objects.existing(kind, entry) or self.objects.settled(kind, entry)[1]
        found = {each["identifier"]: each for each in self.awx.read(NODES.endpoint, workflow_job_template=workflow["id"])} if workflow else {}
        numbers = {each["id"]: name for name, each in found.items()}
        base = {"organization": self.objects.organization_of(kind, entry), "workflow_job_template": str(workflow["id"]) if workflow else ""}
        for name in list(found):
            target = (found[name].get("related") or {}).get("unified_job_template") or ""
            # If a node becomes an approval, the module would rename its job template.
            switched = name in wanted and bool(target) and ("workflow_approval_templates" in target) != bool(wanted[name].get("approval_node"))
            if name not in wanted or switched:
                self._add(NODES, "%s of %s" % (name, entry["name"]), None, "remove", True, arguments=dict(base, identifier=name, state="absent"))
                del found[name]
        for position, node in enumerate(nodes):
            first = {name: value for name, value in node.items() if name not in EDGES}
            pending = self.objects.pending(NODES, first)
            known = found.get(node["identifier"])
            if known is None:
                self._require(NODES, node)
                self.rights.require(NODES, node)
            keep = self._keep(NODES, first, known) if known else {}
            more = {"node": position, "pending": pending, "keep": keep, "restricted": restricted(known)}
            self._add(NODES, "%s of %s" % (node["identifier"], entry["name"]), index, "create", known is None, **more)
        old = {
            name: {edge: [numbers[child] for child in each.get(edge) or [] if numbers.get(child) in found] for edge in EDGES} for name, each in found.items()
        }
        new = {name: {edge: as_list(node.get(edge)) for edge in EDGES} for name, node in wanted.items()}
        for name, edges in old.items():
            stay = {edge: [child for child in edges[edge] if child in new[name][edge]] for edge in EDGES}
            if stay != edges:
                self._add(NODES, "edges from %s of %s" % (name, entry["name"]), None, "edges", True, arguments=dict(base, identifier=name, **stay))
        for position, node in enumerate(nodes):
            name = node["identifier"]
            if any(set(new[name][edge]) - set(old.get(name, {}).get(edge, [])) for edge in EDGES):
                self._add(NODES, "edges from %s of %s" % (name, entry["name"]), index, "later", True, node=position)
        if restricted(workflow) and any(step["new"] for step in self.steps[first_step:]):
            raise AwxError("its nodes differ, and %s may not edit it in AWX. Use the token of a user who may" % self.rights.user)

    def _absent(self, kind: Kind, entry: Entry, index: int) -> None:
        if kind.variable == "awx_roles":
            names = list(self.objects.names(kind, entry))
            if all(self.objects.look_up(variable, name, self.objects.scope_of(kind, entry, option)) for option, variable, name in names):
                self._add(kind, name_of(kind, entry), index, "create", restricted=restricted(*self.rights.granted(kind, entry)))
            return
        found = self.objects.existing(kind, entry)
        if (
            found
            and not found.get("pending_deletion")
            and not (kind.in_organization and kind.endpoint == "execution_environments" and not self._own(kind, entry, found))
        ):
            self._add(kind, name_of(kind, entry), index, "absent", True, restricted=not may(found, "delete"))

    def _unmanaged(self) -> None:
        """The objects with the label and the schedules of the templates in the data that the data does not name."""
        organization = self.objects.organization
        number = self.objects.organization_id(organization)
        declared = [entry for entry in self.objects.declared("awx_labels", self.label, organization) if present(entry)]
        if not declared and (number is None or self.objects.look_up("awx_labels", self.label, organization) is None):
            self.errors.append(
                "The label %s is neither in awx_labels nor in organization %s. Set awx_label to that of the objects." % (self.label, organization)
            )
        if number is None:
            return
        fate = "removed" if self.remove else "kept"
        for variable in ("awx_schedules", *reversed(LABELLED)):
            kind = BY_VARIABLE[variable]
            found: list[tuple[dict[str, Any], tuple[Any, ...]]]
            if variable == "awx_schedules":
                found = [(each, owner) for owner in self._owners(number) for each in self.awx.read("schedules", unified_job_template=owner[0])]
            else:
                found = [(each, ()) for each in self.awx.read(kind.endpoint, labels__name=self.label, organization=number)]
            for each, owner in found:
                entries = [entry for entry in self.data[variable] if self.objects.organization_of(kind, entry) == organization]
                entries = [entry for entry in entries if not owner or entry.get("unified_job_template") in owner]
                if each["name"] in [name for entry in entries for name in (entry.get("name"), entry.get("new_name"))]:
                    continue
                what = "%s %s%s is not in the data and is %s" % (kind.title, each["name"], " of %s" % owner[1] if owner else "", fate)
                schedules = [] if owner else self.awx.read("schedules", unified_job_template=each["id"])
                on = [schedule for schedule in schedules if schedule.get("enabled")]
                if schedules and self.remove:
                    what += ", and so are its schedules: %s" % ", ".join(str(schedule["name"]) for schedule in schedules)
                elif on:
                    what += ". Its schedules are turned off: %s" % ", ".join(str(schedule["name"]) for schedule in on)
                self.report.append(what)
                # By their numbers, because two objects can have one name.
                if self.remove:
                    gone = {"name": str(each["id"]), "state": "absent"}
                    self._add(kind, each["name"], None, "remove", True, arguments=gone, restricted=not may(each, "delete"))
                for schedule in on if not self.remove else []:
                    title = "%s of %s" % (schedule["name"], each["name"])
                    off = {"name": str(schedule["id"]), "enabled": False}
                    self._add(BY_VARIABLE["awx_schedules"], title, None, "disable", True, arguments=off, restricted=restricted(schedule))

    def _owners(self, organization: int) -> list[tuple[Any, ...]]:
        """(number, present name, name after this run) of each template of the data."""
        entries = [(BY_VARIABLE[variable], entry) for variable in LABELLED for entry in self.data[variable] if present(entry)]
        found = [(self.objects.settled(kind, entry)[1], entry) for kind, entry in entries]
        return [(each["id"], each["name"], entry.get("new_name") or each["name"]) for each, entry in found if each and each.get("organization") == organization]
