# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assertions that many tests share."""

from __future__ import annotations

import re


def assert_no_secret(outcome, *databases):
    """Assert that the output and the result contain no password of the roles or servers of these databases."""
    text = outcome.everything
    for database in databases:
        for secret in [database.server.password] + [role.password for role in database.roles]:
            assert secret not in text, "a password is shown"


def assert_succeeded(outcome, *databases):
    assert not outcome.failed, outcome.get("msg") or outcome.output
    assert "Traceback" not in outcome.output
    assert_no_secret(outcome, *databases)
    return outcome


def assert_refused(outcome, *patterns, databases=(), changed=False):
    """Assert that the module failed with one message that a user can act on, and that each pattern matches in that message."""
    assert outcome.failed, "the module did not fail; changed: %s" % outcome.get("changed")
    assert outcome.rc != 0
    message = outcome.get("msg", "")
    assert outcome.get("changed", False) is changed
    assert "Traceback" not in outcome.everything and "exception" not in outcome, outcome.everything
    # Drift is reported as a table.
    assert "\n" not in message.strip() or "parity" in outcome
    assert len(message) > 30, "too short to act on: %s" % message
    assert not re.search(r"\bNone\b|<class|object at 0x|%s|\bu'", message), message
    for pattern in patterns:
        assert re.search(pattern, message, re.I), "%r is not in: %s" % (pattern, message)
    assert_no_secret(outcome, *databases)
    return outcome


class CheckAndApply:
    """Runs a module in check mode and for real, and compares the two results."""

    def __init__(self, call):
        self.call = call

    def apply(self, database, args, name="checkpoint_schema", **kwargs):
        """Assert that check mode predicts the result and writes nothing, that the real run does what was predicted, and that a third run changes nothing."""
        before = database.snapshot()
        plan = assert_succeeded(self.call(name, args, check=True, diff=True, **kwargs), database)
        assert database.snapshot() == before, "check mode wrote"
        done = assert_succeeded(self.call(name, args, diff=True, **kwargs), database)
        assert plan["changed"] is done["changed"], "%s predicted, %s done" % (plan["changed"], done["changed"])
        assert plan["migrations"]["pending"] == done["migrations"]["pending"]
        assert plan["migrations"]["applied"] == []
        assert plan["migrations"]["before"] == done["migrations"]["before"]
        assert plan.get("repaired") == done.get("repaired")
        assert plan.get("diff") == done.get("diff")
        assert (database.snapshot() != before) is done["changed"]
        self.unchanged(database, args, name=name, **kwargs)
        return done

    def unchanged(self, database, args, name="checkpoint_schema", **kwargs):
        """Assert that the module has nothing to do and changes nothing."""
        before = database.snapshot()
        again = assert_succeeded(self.call(name, args, diff=True, **kwargs), database)
        assert again["changed"] is False
        assert again["migrations"]["pending"] == [] and again["migrations"]["applied"] == []
        assert _no_difference(again.get("diff"))
        assert database.snapshot() == before
        return again

    def rejected(self, database, args, *patterns, name="checkpoint_schema", check=True, **kwargs):
        """Assert that check mode and the real run fail with the same message and write nothing. `check=False` omits check mode."""
        before = database.snapshot()
        done = assert_refused(self.call(name, args, **kwargs), *patterns, databases=[database])
        if check:
            plan = assert_refused(self.call(name, args, check=True, diff=True, **kwargs), *patterns, databases=[database])
            assert _steady(plan["msg"]) == _steady(done["msg"])
        assert database.snapshot() == before, "something was written before the error"
        return done


def _steady(message):
    """The message without the values that differ between two runs: process ids and durations."""
    return re.sub(r"\d+(\.\d+)?", "#", message)


def _no_difference(diff):
    parts = diff if isinstance(diff, list) else [diff or {}]
    return all(part.get("before") == part.get("after") for part in parts)
