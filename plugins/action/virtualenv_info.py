# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs virtualenv_info without Ansible's module wrapper, which takes four times as long as reading the virtualenv.

The module itself runs in all other cases: without pipelining, if the host's Python is not known yet, for a delegated task, for invalid options,
and for unexpected output.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import contents

PLAIN_PATH = re.compile(r"^/[\w./+-]+$")


class ActionModule(ActionBase):
    _supports_check_mode: bool = True
    _supports_async: bool = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        background = self._task.async_val and not self._connection.has_native_async
        answer = None if self._task.async_val else self._ask(task_vars or {})
        if answer is None:
            answer = self._execute_module(task_vars=task_vars, wrap_async=background)
            if not background:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        result.update(answer)
        return result

    def _ask(self, task_vars: dict[str, Any]) -> dict[str, Any] | None:
        """The module's result from the host's Python, which reads the source from stdin, or None if the module itself must run."""
        options = _plain_options(self._task.args)
        python = self._python(task_vars)
        # Connections lack this method before ansible-core 2.19, so the module itself runs there.
        pipelined = getattr(self._connection, "is_pipelining_enabled", lambda: False)()
        # The variables of a delegated task belong to a different host.
        if options is None or python is None or self._task.delegate_to or not pipelined:
            return None
        # Like Ansible's pipelining: the environment precedes the command, and stdin is the source.
        command = ("%s %s -I -" % (self._compute_environment_string(), python)).strip()
        source = "%s\nprint(json.dumps(report(**json.loads(%r))))\n" % (inspect.getsource(contents), json.dumps(options))
        done = self._low_level_execute_command(command, in_data=source.encode("utf-8"))
        try:
            answer = json.loads(done["stdout"].splitlines()[-1])
        except (ValueError, IndexError):
            return None
        return dict(answer, invocation={"module_args": options}) if isinstance(answer, dict) else None

    def _python(self, task_vars: dict[str, Any]) -> str | None:
        """The path of the host's Python, if it is known."""
        found = self._templar.template(task_vars.get("ansible_python_interpreter"))
        if not found or str(found).startswith("auto"):
            found = task_vars.get("ansible_facts", {}).get("discovered_interpreter_python")
        return str(found) if found and PLAIN_PATH.match(str(found)) else None


def _plain_options(args: dict[str, Any]) -> dict[str, Any] | None:
    """The options as the module reads them, or None if they are invalid and the module must report the error."""
    options = {"path": args.get("path"), "requirements": args.get("requirements", [])}
    if set(args) - set(options) or not isinstance(options["path"], str) or not isinstance(options["requirements"], list):
        return None
    if not all(isinstance(each, str) for each in options["requirements"]):
        return None
    return json.loads(json.dumps(options))
