# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module ends: with results, or with one message and no traceback."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import Refusal, one_line


def tell(module, story):
    """Run story(module), which returns the module's results, and leave the module with them."""
    results, failure = {}, {}
    try:
        results = story(module)
    except Refusal as refusal:
        module.no_log_values.update(refusal.hidden)
        failure = dict(refusal.results, msg=refusal.message, changed=refusal.changed)
    except Exception as error:  # pylint: disable=broad-exception-caught
        failure = {"msg": unexpected(error)}
    # Behind the handlers, since core 2.18 shows a traceback of what is being handled from -vvv on.
    if failure:
        module.fail_json(**failure)
    module.exit_json(**results)


def unexpected(error):
    """The message for what nothing else caught: an error of the server, with its code, or a fault of ours."""
    code = getattr(error, "sqlstate", None)
    if type(error).__module__.startswith("psycopg"):
        if type(error).__name__ == "OperationalError" and code is None or code in ("57P01", "57P02", "57P03"):
            return "The connection to the server was lost: %s. Run again when the server answers." % one_line(error).rstrip(".")
        reason = "PostgreSQL says: %s%s." % (one_line(error).rstrip("."), " (SQLSTATE %s)" % code if code else "")
        if code == "42501":
            reason += " Grant the right that is missing, or log in as a role that has it."
        elif code in ("57014", "55P03"):
            reason += " Another session holds a lock: end it, or run again."
        return reason
    return "An unexpected %s: %s. Please report it." % (type(error).__name__, one_line(error).rstrip("."))
