# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that give AWX's objects the state in the data, or carries out a step with a module of awx.awx. It runs on the controller."""

from __future__ import annotations

import os
from typing import Any, Iterable

from ansible_collections.stateops.langgraph.plugins.modules.awx_objects import ARGUMENT_SPEC
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import Awx, AwxError, connection_of
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_check import check_data, unknown_variables
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import BY_VARIABLE, EDGES, NODES, VARIABLES, Data
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_objects import Objects, nodes_of
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_plan import Plan, Step
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_secrets import hidden, secret_texts
from ansible_collections.stateops.langgraph.plugins.plugin_utils._results import DocumentedResult, documented


class ActionModule(DocumentedResult):
    """The action of the module awx_objects."""

    RETURNS = frozenset(["steps", "report", "id"])

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The steps, or the result of one."""
        self._variables = task_vars or {}
        self._connection_options: dict[str, Any] = {}
        self._warnings: list[str] = []
        try:
            # The objects are left out, because the validation copies each value.
            objects = self._task.args.pop("objects", None)
            spec = {name: option for name, option in ARGUMENT_SPEC.items() if name != "objects"}
            _validated, self._options = self.validate_argument_spec(spec)
            self._data = self._lists(objects)
            step = self._options["step"]
            # In check mode, an object that does not exist yet, or needs one that does not, counts as changed.
            if step and self._task.check_mode and (step.get("new") or step.get("pending")):
                return {"changed": True}
            self._connection_options = connection_of(self._options)
            awx = Awx(self._connection_options, self._warnings.append)
            self._objects = Objects(awx, self._data, self._options["organization"])
            try:
                result = self._carry_out(step) if step else self._plan()
            finally:
                awx.close()
        except AwxError as error:
            title = (self._task.args.get("step") or {}).get("title")
            message = hidden(str(error), self._login())
            result = {"failed": True, "msg": "%s: %s" % (title, message) if title else message}
        if self._warnings:
            result["warnings"] = [*self._warnings, *result.get("warnings", [])]
        return documented(result, self.RETURNS)

    def _login(self) -> set[str]:
        return set(secret_texts([self._connection_options.get(name) for name in ("controller_oauthtoken", "controller_password")]))

    @staticmethod
    def _lists(objects: Any) -> Data:
        if not isinstance(objects, dict):
            raise AwxError("objects is not a dictionary of lists.")
        for variable, value in objects.items():
            if variable not in VARIABLES:
                raise AwxError("%s is not a list of the role awx. The lists are: %s." % (variable, ", ".join(VARIABLES)))
            if not isinstance(value, list):
                raise AwxError("%s is not a list. Write a list of dictionaries, each with options of a module of awx.awx." % variable)
        return {variable: objects.get(variable, []) for variable in VARIABLES}

    def _plan(self) -> dict[str, Any]:
        path = self._options["data_file"]
        # Ansible ignores a file in vars_files that does not exist.
        if path and not os.path.isfile(path):
            raise AwxError("There is no file %s. Set awx_data_file to the file with the objects." % path)
        errors = list(unknown_variables(self._loader.load_from_file(path) or {}, self._options["known_variables"], path)) if path else []
        errors += unknown_variables(self._variables, self._options["known_variables"], "") if not errors else []
        errors += check_data(self._data, self._options["checkouts"])
        plan = Plan(self._objects, self._options["label"], self._options["unmanaged"] == "remove")
        if not errors:
            plan.make()
            errors = plan.errors
            # AWX accepts an unchanged object from everybody, so only the module's check mode shows whether the right is needed.
            for step in plan.steps if not errors else []:
                if step.get("restricted") and not step.get("pending") and self._carry_out(step, check=True).get("changed"):
                    errors.append("The run would change %s, which %s may not do in AWX." % (step["title"], self._objects.awx.user()))
        if self._connection_options.get("validate_certs") is False:
            self._warnings.append("The certificate of AWX is not verified, because awx_controller_validate_certs or CONTROLLER_VERIFY_SSL is false.")
        if errors:
            title = "Nothing was written to AWX, because of the following%s." % (" in %s" % path if path else "")
            return {"failed": True, "msg": "\n".join([title, *("- " + each for each in errors)])}
        return {"changed": False, "steps": plan.steps, "report": plan.report}

    def _carry_out(self, step: Step, check: bool = False) -> dict[str, Any]:
        """The result of one step."""
        kind = BY_VARIABLE[step["kind"]]
        if step["index"] is None:
            return self._run_module(kind.module, step["arguments"], check)
        entry = nodes_of(self._data, step["index"])[step["node"]] if "node" in step else self._data[kind.variable][step["index"]]
        given = {
            "absent": (*kind.identity, "organization", "user", "team", "state"),
            "later": (*kind.identity, *kind.later, "organization", "new_name"),
            "create": tuple(name for name in entry if name not in kind.later),
        }[step["stage"]]
        entry = {name: entry[name] for name in given if name in entry}
        if kind is NODES and step["stage"] == "later":
            entry = {**dict.fromkeys(EDGES, []), **entry}
        found = None
        if step["stage"] != "absent" and (entry.get("new_name") or (kind.secret and not step["new"])):
            entry, found = self._objects.settled(kind, entry)
        arguments = self._objects.arguments(kind, entry)
        for option, numbers in step.get("keep", {}).items():
            arguments[option] = [*arguments[option], *numbers]
        arguments = self._objects.with_stored_secrets(arguments, found)
        if not self._options["update_secrets"]:
            arguments = self._objects.without_unchanged(kind, arguments, found)
        if kind.variable == "awx_credentials":
            arguments.setdefault("update_secrets", self._options["update_secrets"])
        return self._run_module(kind.module, arguments, check, {text for name in kind.secret for text in secret_texts(arguments.get(name))})

    def _run_module(self, module: str, arguments: dict[str, Any], check: bool, secrets: Iterable[str] = ()) -> dict[str, Any]:
        task, before = self._task, (self._task.no_log, self._task.check_mode)
        # The module would write its arguments to the log of this machine, and Ansible would write them to a file.
        task.no_log, task.check_mode = True, check or task.check_mode
        self._connection.set_option("pipelining", True)
        try:
            result = self._execute_module("awx.awx." + module, {**arguments, **self._connection_options}, task_vars=self._variables)
        finally:
            task.no_log, task.check_mode = before
        # AWX quotes rejected values.
        secrets = {*secrets, *self._login()}
        kept = {name: result[name] for name in ("changed", "id") if name in result}
        if result.get("warnings"):
            kept["warnings"] = [hidden(str(each), secrets) for each in result["warnings"]]
        if result.get("failed"):
            response = result.get("response")
            answer = response.get("json") if isinstance(response, dict) else None
            crash = str(result.get("module_stderr", "")).strip().splitlines()[-1:]
            # A list of objects would hide the message.
            parts = [str(result.get("msg")), *([str(answer)] if answer and "results" not in answer else []), *crash]
            kept.update(failed=True, msg=hidden(" ".join(parts), secrets))
        return kept
