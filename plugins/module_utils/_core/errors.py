# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controlled failures of a module, and the wording of error messages."""

from __future__ import annotations

from typing import Any, Iterable


class ModuleError(Exception):
    """A failure that a module reports as a message without a traceback.

    message: what was found, what was expected and what to do next, in one or a few sentences.
    changed: whether the module wrote anything before it failed.
    hidden: option values that must not appear in any output because they contain secrets.
    results: additional return values, such as the current state of the database.
    """

    def __init__(self, message: str, changed: bool = False, hidden: Iterable[str] = (), **results: Any) -> None:
        super().__init__(message)
        self.message = message
        self.changed = changed
        self.hidden = hidden
        self.results = results


class PrerequisiteMissing(ModuleError):
    """Something is missing that an earlier task of the same play creates.

    In check mode the module does not fail in this case, because the earlier task has not run.
    """


def one_line(error: BaseException | str) -> str:
    """The text of an exception, or a text, without the line breaks that libpq and psycopg add."""
    text = " ".join(str(error).split())
    return text or type(error).__name__


def quoted(text: str) -> str:
    """A text that another party chose, in quotes and on one line, so that it cannot be mistaken for a part of the message."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text.replace('"', "'"))
    return '"%s"' % printable[:LONGEST]


def sentence(text: str) -> str:
    """The text with a full stop, unless it already ends with a punctuation mark."""
    return text if text.endswith((".", "?", "!", ";")) else text + "."


# Characters of a text that another party chose.
LONGEST = 200
# What to do about an error of PostgreSQL, by SQLSTATE.
ADVICE = {
    "25006": "Connect to the primary, or reset default_transaction_read_only, which may be set for the role or the database.",
    "42501": "Grant the missing privilege, or log in as a role that has it.",
    "55P03": "Another session holds a lock: end that session, or run again.",
    "57014": "Another session or the setting statement_timeout ended the statement: run again, or raise the setting, for the role or the database.",
    **{
        code: "The setting %s ended the session: raise it for the role or the database." % setting
        for code, setting in (("25P03", "idle_in_transaction_session_timeout"), ("25P04", "transaction_timeout"), ("57P05", "idle_session_timeout"))
    },
}


def unexpected(error: BaseException) -> str:
    """The message for an exception that no other code handles: an error from the server, or a bug in the collection."""
    code = getattr(error, "sqlstate", None)
    if type(error).__module__.startswith("psycopg"):
        if type(error).__name__ == "OperationalError" and code is None or code in ("57P01", "57P02", "57P03"):
            return "The connection to the server was lost: %s. Run again when the server accepts connections." % one_line(error).rstrip(".")
        reason = "PostgreSQL reports an error: %s%s." % (one_line(error).rstrip("."), " (SQLSTATE %s)" % code if code else "")
        return " ".join(filter(None, [reason, ADVICE.get(code or "")]))
    return "An unexpected %s occurred: %s. Please report it." % (type(error).__name__, one_line(error).rstrip("."))
