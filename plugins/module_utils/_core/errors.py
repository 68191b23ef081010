# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says when it cannot go on."""

from __future__ import annotations


class ModuleError(Exception):
    """A module stops, and a person can act on the message.

    message: one or a few sentences: what was found, what was expected, what to do next.
    changed: whether something was written before the stop.
    hidden: values of options that nothing may show, since they hold what belongs elsewhere.
    results: more return values for the failure, such as what stands in the database now.
    """

    def __init__(self, message, changed=False, hidden=(), **results):
        super().__init__(message)
        self.message = message
        self.changed = changed
        self.hidden = hidden
        self.results = results


class PrerequisiteMissing(ModuleError):
    """Something that an earlier task of the same play would have made is absent.

    Under check mode this is no failure: the plan just cannot be read yet.
    """


def one_line(error):
    """The text of an exception without the line breaks that libpq and psycopg put into it."""
    text = " ".join(str(error).split())
    return text or type(error).__name__


def sentence(text):
    """Text with a full stop, unless it ends in a mark of its own."""
    return text if text.endswith((".", "?", "!", ";")) else text + "."


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
