# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights of the user in AWX, as far as AWX shows them before a request that needs them."""

from __future__ import annotations

from typing import Any, Iterator

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import AwxError
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import Entry, Kind
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_objects import Objects

# The kinds for which AWX shows in advance whether the user may create them: this right depends only on the organization. The right to create
# an object of another kind, such as a host, depends on an object that the run may create first.
FORESEEABLE = ("organizations", "credential_types", "credentials", "execution_environments", "notification_templates", "projects", "inventories", "teams")
# The right that a new object needs on the existing object that identifies it, as AWX names it in user_capabilities.
NEEDED = {"inventory": "edit", "workflow_job_template": "edit", "target_credential": "edit", "unified_job_template": "schedule"}


def may(found: dict[str, Any], right: str) -> bool:
    """Whether AWX lets the user do this. AWX does not show it for every kind, or for a token that may only read."""
    return ((found.get("summary_fields") or {}).get("user_capabilities") or {}).get(right) is not False


def restricted(*found: dict[str, Any] | None) -> bool:
    """Whether the user may not edit one of these objects."""
    return any(each is not None and not may(each, "edit") for each in found)


class Rights:
    """The rights that the steps of a plan need. `user`: the name of the user."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.user = objects.awx.user()
        self._creates: dict[str, list[str]] = {}

    def creates(self, kind: Kind, name: str) -> None:
        """A step creates this object."""
        self._creates.setdefault(kind.endpoint, []).append(name)

    def granted(self, kind: Kind, entry: Entry) -> list[dict[str, Any] | None]:
        """The objects on which an entry of awx_roles grants a role."""
        names = [each for each in self.objects.names(kind, entry) if each[0] not in ("user", "users", "team", "teams")]
        return [self.objects.look_up(variable, name, self.objects.scope_of(kind, entry, option)) for option, variable, name in names]

    def require(self, kind: Kind, entry: Entry) -> None:
        """Raises AwxError if the user may not add to the object that a new object belongs to, or may not use its credential."""
        for option, variable, name in self.objects.names(kind, entry) if kind.identity else ():
            right = NEEDED.get(option) if option in kind.identity else "use" if variable == "awx_credentials" and option != "copy_from" else None
            found = self.objects.look_up(variable, name, self.objects.scope_of(kind, entry, option)) if right else None
            if right and found and not may(found, right):
                raise AwxError("%s may not %s its %s %s in AWX. Use the token of a user who may" % (self.user, right, option, name))

    def missing(self) -> Iterator[str]:
        """A message for each kind of which a step creates an object although the user may not."""
        for position, (endpoint, names) in enumerate(self._creates.items()):
            # Nothing is created before objects of the first kind.
            if (endpoint in FORESEEABLE or position == 0) and not self.objects.awx.may_create(endpoint):
                whose = "a system administrator" if endpoint in ("organizations", "credential_types") else "an administrator of the organization"
                yield (
                    "%s may not create %s in AWX, or the token may only read. Use a token with the scope write of %s, or let one create: %s."
                    % (self.user, endpoint.replace("_", " "), whose, ", ".join(names))
                )
