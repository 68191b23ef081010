# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and ends every module: no secret is logged, and a failure is one message without a traceback."""

from __future__ import annotations

from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._core.options import refuse_secrets


class DatabaseModule(AnsibleModule):
    """An AnsibleModule that rejects a secret in an option that is not hidden, before it logs the options or returns them."""

    def _log_invocation(self) -> None:
        try:
            refuse_secrets(self.params)
        except ModuleError as error:
            message = error.message
        else:
            super()._log_invocation()
            return
        self.fail_json(msg=message)

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """Fail, and hide a secret in an option. If an option is invalid, AnsibleModule calls this before it logs the options."""
        try:
            refuse_secrets(self.params)
        except ModuleError as error:
            msg = error.message
            self.no_log_values.update(error.hidden)
        super().fail_json(msg=msg, **kwargs)


def run_module(module: AnsibleModule, run: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Call run(module) and exit the module with the results that it returns, or with a failure message."""
    results: dict[str, Any] = {}
    failure: dict[str, Any] = {}
    try:
        results = run(module)
    except ModuleError as error:
        module.no_log_values.update(error.hidden)
        failure = dict(error.results, msg=error.message, changed=error.changed)
    except Exception as error:  # pylint: disable=broad-exception-caught
        failure = {"msg": unexpected(error)}
    # Exit after the handlers: from -vvv on, ansible-core 2.18 shows a traceback of the exception that is being handled.
    if failure:
        module.fail_json(**failure)
    module.exit_json(**results)


def nothing_yet(module: AnsibleModule, absent: PrerequisiteMissing) -> dict[str, Any]:
    """The results if an earlier task of the play has not created a prerequisite yet, as in check mode. Outside check mode, raise the error."""
    if not module.check_mode:
        raise absent
    message = "The schema cannot be read yet: %s" % absent.message
    module.warn(message)
    return {"changed": False, "skipped": True, "msg": message}
