# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads AWX: the objects of one organization by name, and what the user may do. The client is that of awx.awx, and nothing here writes."""

from __future__ import annotations

import os
from http.cookiejar import CookieJar
from typing import Any, Callable
from urllib.error import HTTPError
from urllib.parse import quote

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.module_utils.urls import ConnectionError as NetworkError
from ansible.module_utils.urls import Request

# At the start of the file, so that Ansible imports it once and not in the process of each task.
try:
    from ansible_collections.awx.awx.plugins.module_utils.controller_api import ControllerAPIModule
except ImportError:
    ControllerAPIModule = None

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import BY_VARIABLE, GLOBAL, as_list

# The options of awx.awx's modules for the connection, and the environment variables that they are read from.
CONNECTION = {
    "controller_host": ("CONTROLLER_HOST", "TOWER_HOST"),
    "controller_oauthtoken": ("CONTROLLER_OAUTH_TOKEN", "TOWER_OAUTH_TOKEN"),
    "controller_username": ("CONTROLLER_USERNAME", "TOWER_USERNAME"),
    "controller_password": ("CONTROLLER_PASSWORD", "TOWER_PASSWORD"),
    "validate_certs": ("CONTROLLER_VERIFY_SSL", "TOWER_VERIFY_SSL"),
}
# The client of awx.awx reads no longer list.
MOST = 10000
MISSING = "The collection awx.awx is not installed. Install it with: ansible-galaxy collection install awx.awx"


class AwxError(Exception):
    """The reason why a step cannot be planned or carried out, as a message."""


def connection_of(args: dict[str, Any]) -> dict[str, Any]:
    """All options of the connection, from the task or else from the environment. An empty value is the same as none.

    awx.awx takes an option that is not given from tower_cli.cfg in the current directory or above, where others may write. It could name another AWX.
    """
    found: dict[str, Any] = {}
    for option, names in CONNECTION.items():
        value = args.get(option)
        source = option
        for name in names:
            if value in (None, ""):
                value, source = os.environ.get(name), name
        found[option] = "" if value is None else value
        if option == "validate_certs":
            try:
                found[option] = boolean(value) if value not in (None, "") else True
            except TypeError:
                raise AwxError("%s is %r, which is not a boolean. Set it to true or false." % (source, value)) from None
    return found


class Session(Request):
    """Follows no redirect: the token would be sent to another address, and a request that writes would become one that reads."""

    def open(self, method: str, url: str, **options: Any) -> Any:
        """The response."""
        try:
            return super().open(method, url, **{**options, "follow_redirects": "none"})
        except HTTPError as error:
            if 300 <= error.code < 400:
                raise NetworkError("It redirects to %s. Set awx_controller_host to the address of AWX itself" % error.headers.get("Location")) from None
            raise


class Awx:
    """The objects in AWX. Each look-up is made once."""

    def __init__(self, connection: dict[str, Any], warn: Callable[[str], None]) -> None:
        if ControllerAPIModule is None:
            raise AwxError(MISSING)
        if not connection["controller_host"]:
            raise AwxError("The address of AWX is not set. Set awx_controller_host, or CONTROLLER_HOST in the environment, to its URL.")
        if not connection["controller_oauthtoken"] and not (connection["controller_username"] and connection["controller_password"]):
            raise AwxError("No login for AWX is set. Set awx_controller_oauth_token, or CONTROLLER_OAUTH_TOKEN in the environment, to a token.")
        self._api = ControllerAPIModule(argument_spec={}, direct_params=dict(connection), error_callback=self._fail, warn_callback=warn)
        self._api.session = Session(cookies=CookieJar(), timeout=self._api.request_timeout, validate_certs=self._api.verify_ssl)
        self._seen: dict[Any, Any] = {}

    @staticmethod
    def _fail(msg: str = "", **_details: Any) -> None:
        raise AwxError(str(msg))

    def close(self) -> None:
        """Delete the token that the client got for a user name and a password."""
        self._api.logout()

    def read(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All objects of a list, on all its pages."""
        key = (path, tuple(sorted(query.items())))
        if key not in self._seen:
            page = self._page(path, self._api.get_endpoint(path, data=dict(query, page_size=200)))
            found = list(page["results"])
            while page.get("next") and page["results"]:
                if len(found) > MOST:
                    raise AwxError("AWX lists more than %d %s." % (MOST, path))
                page = self._page(path, self._api.get_endpoint(str(page["next"])))
                found += page["results"]
            self._seen[key] = found
        return self._seen[key]

    @staticmethod
    def _page(path: str, response: dict[str, Any]) -> dict[str, Any]:
        page = response.get("json")
        if not isinstance(page, dict) or not isinstance(page.get("results"), list) or not all(isinstance(each, dict) for each in page["results"]):
            raise AwxError("AWX does not list %s: %s" % (path, str(page)[:500]))
        return page

    def by_named_url(self, endpoint: str, name: str) -> list[dict[str, Any]]:
        """The object of a named URL, such as NAME++ORGANIZATION, in a list."""
        key = (endpoint, name)
        if key not in self._seen:
            answer = self._api.make_request("GET", "%s/%s/" % (endpoint, quote(name, safe="+")), return_none_on_404=True)
            self._seen[key] = [answer["json"]] if answer and isinstance(answer.get("json"), dict) else []
        return self._seen[key]

    def find(self, kind: str, name: Any, organization: int | None) -> dict[str, Any] | None:
        """The object of this kind (a variable or an endpoint) with a name in an organization, a number, or a named URL."""
        endpoint = BY_VARIABLE[kind].endpoint if kind in BY_VARIABLE else kind
        text = str(name)
        if text.isdecimal():
            found = self.read(endpoint, id=int(text))
        elif "++" in text:
            found = self.by_named_url(endpoint, text)
        else:
            found = self.read(endpoint, **{"username" if endpoint == "users" else "name": text})
            if endpoint not in GLOBAL:
                # The credentials that are part of AWX belong to no organization.
                found = [each for each in found if each.get("organization") == organization] or (
                    [each for each in found if each.get("organization") is None] if endpoint == "credentials" else []
                )
            if endpoint == "unified_job_templates":
                found = [each for each in found if each["type"] != "workflow_approval_template"]
        if len(found) > 1:
            raise AwxError(
                "%r names %d %s: %s. Use %s."
                % (
                    text,
                    len(found),
                    endpoint.replace("_", " "),
                    ", ".join("%s %d" % (each.get("type", endpoint), each["id"]) for each in found),
                    "another name for one of them" if endpoint == "unified_job_templates" else "a number, or the named URL NAME++TYPE+KIND++ORGANIZATION",
                )
            )
        return found[0] if found else None

    def credential(self, name: str, kind: int | None, organization: int | None) -> dict[str, Any] | None:
        """A credential of this type: credentials of different types can have the same name."""
        found = [each for each in self.read("credentials", name=name) if (each["credential_type"], each.get("organization")) == (kind, organization)]
        return found[0] if found else None

    def below(self, endpoint: str, **query: Any) -> dict[str, Any] | None:
        """An object that its parent and its name identify."""
        found = self.read(endpoint, **query)
        return found[0] if found else None

    def linked(self, found: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """The objects that are attached to an object, such as its credentials."""
        return self.read("%s%s/" % (found["url"], name))

    def may_create(self, endpoint: str) -> bool:
        """Whether the token may create objects there. AWX describes a POST only to those who may send one."""
        key = ("OPTIONS", endpoint)
        if key not in self._seen:
            answer = self._api.make_request("OPTIONS", endpoint).get("json")
            self._seen[key] = isinstance(answer, dict) and "POST" in (answer.get("actions") or {})
        return self._seen[key]

    def user(self) -> str:
        """The name of the user to whom the token belongs."""
        return str((as_list(self.read("me")) or [{}])[0].get("username"))
