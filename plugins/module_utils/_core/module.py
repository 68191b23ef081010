# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module ends: with results, or with one message and no traceback."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, unexpected


def run_module(module, run):
    """Run story(module), which returns the module's results, and leave the module with them."""
    results, failure = {}, {}
    try:
        results = run(module)
    except ModuleError as refusal:
        module.no_log_values.update(refusal.hidden)
        failure = dict(refusal.results, msg=refusal.message, changed=refusal.changed)
    except Exception as error:  # pylint: disable=broad-exception-caught
        failure = {"msg": unexpected(error)}
    # Behind the handlers, since core 2.18 shows a traceback of what is being handled from -vvv on.
    if failure:
        module.fail_json(**failure)
    module.exit_json(**results)


def nothing_yet(module, absent):
    """The results of check mode where an earlier task of the play would have made what is absent; outside check mode that is a failure."""
    if not module.check_mode:
        raise absent
    message = "Nothing is known yet of the schema: %s" % absent.message
    module.warn(message)
    return {"changed": False, "msg": message}
