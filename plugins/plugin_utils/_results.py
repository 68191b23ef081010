# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins do on the controller: they reject options that would show a secret, and filter the result of the module.

Ansible acts on some keys of a result, and the result comes from a host that can be compromised.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.json_utils import _filter_non_json_lines
from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.options import refuse_secrets

# The keys that AnsibleModule and ansible-core add to the result of any module. None of them sets a variable or concerns another host.
COMMON = frozenset(
    ["changed", "failed", "skipped", "msg", "rc", "diff", "warnings", "deprecations", "invocation", "exception"] + ["module_stdout", "module_stderr"]
)
# The keys of a job that a task with async and poll: 0 has started.
JOB = frozenset(["ansible_job_id", "started", "finished", "results_file"])
# The keys, at any level, whose text Ansible or a role prints as it is.
PRINTED = frozenset(
    ["msg", "report", "title", "warnings", "deprecations", "diff", "exception", "module_stdout", "module_stderr", "problem", "summary", "explanation"]
)

# The options of the modules that are hidden because they are secret.
SECRET_OPTIONS = ("login_password", "encryption_key")
ALIASES = {alias: option for option, spec in connection_argument_spec().items() for alias in spec.get("aliases", [])}


def documented(result: dict[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """The result with these keys and those in COMMON. ansible_facts, ansible_stats, unreachable and unknown keys are removed."""
    return _printable({key: value for key, value in result.items() if key in keys or key in COMMON})


def printable(text: str) -> str:
    """The text without control characters, which could move the cursor of the terminal, or give it commands."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)


def _printable(value: Any, printed: bool = False) -> Any:
    """The value, with printable() texts in PRINTED."""
    if isinstance(value, dict):
        return {key: _printable(item, printed or key in PRINTED) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item, printed) for item in value]
    if isinstance(value, tuple):
        return tuple(_printable(item, printed) for item in value)
    # Since ansible-core 2.19, the errors and warnings of a module are objects, which contain texts and other such objects.
    if printed and dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{field.name: _printable(getattr(value, field.name), True) for field in dataclasses.fields(value)})
    return printable(value) if printed and isinstance(value, str) else value


def printable_output(stdout: str) -> str:
    """The output of a module, with printable() texts around the JSON object and in its warnings, which ansible-core displays before run() returns."""
    stdout = printable(stdout)
    try:
        result = json.loads(_filter_non_json_lines(stdout, objects_only=True)[0])
        messages = {key: value for key, value in result.items() if key in ("warnings", "deprecations")}
    except (ValueError, AttributeError):
        return stdout
    shown = _printable(messages, True)
    return stdout if shown == messages else json.dumps({**result, **shown})


class DocumentedResult(NormalAction):
    """Runs the module of the same name like any module, and returns only the keys that the module documents."""

    RETURNS: ClassVar[frozenset[str]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The filtered result of the module, or a failure before anything is sent to the host."""
        try:
            self._refuse_exposed_secrets()
        except ModuleError as error:
            return {"failed": True, "msg": error.message}
        keys = self.RETURNS
        result = super().run(tmp, task_vars)
        if self._task.async_val and not result.get("failed") and not result.get("skipped"):
            if self._task.poll:
                result = self._wait(result, task_vars)
            else:
                keys |= JOB
        result = documented(result, keys)
        if self._discovered_interpreter_key:
            # ansible-core finds this Python, the module does not return it. Without it, each task would search for a Python again.
            result["ansible_facts"] = {self._discovered_interpreter_key: self._discovered_interpreter}
        return result

    def _parse_returned_data(self, res: dict[str, Any], *more: Any) -> Any:
        return super()._parse_returned_data(dict(res, stdout=printable_output(res.get("stdout", ""))), *more)

    def _refuse_exposed_secrets(self) -> None:
        """Raise ModuleError if the host's log or a file on the host would contain a secret."""
        # The module does this too, but it may run without this plugin, as with ad-hoc programs.
        refuse_secrets({ALIASES.get(name, name): value for name, value in self._task.args.items()})
        given = [name for name in SECRET_OPTIONS if self._task.args.get(name)]
        become = self._connection.become
        # ansible-core 2.18 knows that su prevents pipelining, and has no attribute for it.
        if given and become and not getattr(become, "pipelining", become.name != "su") and not self._connection.always_pipeline_modules:
            raise ModuleError(
                "%s is set, and the become method is %s, with which Ansible cannot use pipelining: it would write the module's options to a file on the host. "
                "Use sudo, or connect as the account that runs the task and set become: false, or log in to the database without a password."
                % (" and ".join(given), become.name)
            )

    def _wait(self, job: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The result of an asynchronous job, as soon as it has ended."""
        limit = self._task.async_val
        end = time.monotonic() + limit
        # Otherwise the executor would wait for the job itself, and take its result without the filter.
        self._task.async_val = 0
        options = {"jid": job.get("ansible_job_id"), "_async_dir": self._remote_expand_user(self.get_shell_option("async_dir", default="~/.ansible_async"))}
        while True:
            time.sleep(self._task.poll)
            result: dict[str, Any] = {}
            try:
                result = self._status(options, "status", task_vars)
            except AnsibleConnectionFailure:
                if time.monotonic() >= end:
                    raise
                if hasattr(self._connection, "reset"):
                    self._connection.reset()
            # A result that cannot be parsed has module_stdout: the file can be incomplete while the job writes it.
            if result.get("finished") or (result.get("failed") and "module_stdout" not in result):
                break
            if time.monotonic() >= end:
                return {"failed": True, "msg": "The module did not end within %s seconds, the value of async. Set a larger value." % limit}
        self._status(options, "cleanup", task_vars)
        return result

    def _status(self, options: dict[str, Any], mode: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module("ansible.legacy.async_status", dict(options, mode=mode), task_vars=task_vars)
