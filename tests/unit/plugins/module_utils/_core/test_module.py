# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run_module() and its messages, with a real AnsibleModule."""

from __future__ import annotations

import json
import sys

import pytest
from ansible.module_utils import basic

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import run_module


@pytest.fixture
def finished(monkeypatch, capsys):
    """A function that runs run_module() and returns the output of the module and its exit status."""
    # The state that the wrapper around a module sets. The profile has existed since ansible-core 2.19.
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": {"word": "x"}}).encode("utf-8"))
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def finish(run):
        module = basic.AnsibleModule(argument_spec={"word": {"type": "str"}, "secret": {"type": "str", "no_log": True}})
        with pytest.raises(SystemExit) as end:
            run_module(module, run)
        output = capsys.readouterr()
        assert "Traceback" not in output.out + output.err
        return json.loads(output.out), end.value.code

    return finish


class ServerError(Exception):
    """Replaces psycopg's errors, because psycopg may not be installed here. The code checks only the class's module and sqlstate."""

    sqlstate = None


ServerError.__module__ = "psycopg.errors"


def raising(error, **attributes):
    def run(_module):
        for name, value in attributes.items():
            setattr(error, name, value)
        raise error

    return run


def test_the_results_are_those_of_the_function(finished):
    result, status = finished(lambda module: {"changed": True, "word": module.params["word"]})
    assert status == 0 and (result["changed"], result["word"]) == (True, "x")


def test_a_module_error_is_a_failure_with_its_results(finished):
    result, status = finished(raising(ModuleError("Found a, expected b. Do c.", changed=True, schema={"name": "s"})))
    assert status == 1 and result["failed"] is True
    assert (result["msg"], result["changed"], result["schema"]) == ("Found a, expected b. Do c.", True, {"name": "s"})


def test_a_missing_prerequisite_is_a_failure(finished):
    result, status = finished(raising(PrerequisiteMissing("No database.")))
    assert status == 1 and (result["msg"], result["changed"]) == ("No database.", False)


@pytest.mark.parametrize(
    "error, code, message",
    [
        (
            ServerError("deadlock detected\nDETAIL:  Process 1 waits."),
            "40P01",
            "PostgreSQL reports an error: deadlock detected DETAIL: Process 1 waits (SQLSTATE 40P01).",
        ),
        (ServerError("value too long"), "22001", "PostgreSQL reports an error: value too long (SQLSTATE 22001)."),
        (
            ServerError("permission denied for table checkpoints"),
            "42501",
            "PostgreSQL reports an error: permission denied for table checkpoints (SQLSTATE 42501)."
            " Grant the missing privilege, or log in as a role that has it.",
        ),
    ],
)
def test_an_error_of_the_server(finished, error, code, message):
    result, status = finished(raising(error, sqlstate=code))
    assert (status, result["msg"]) == (1, message)


@pytest.mark.parametrize(
    "error, message",
    [
        (KeyError("v"), "An unexpected KeyError occurred: 'v'. Please report it."),
        (ValueError("one\n  two."), "An unexpected ValueError occurred: one two. Please report it."),
        (RuntimeError(), "An unexpected RuntimeError occurred: RuntimeError. Please report it."),
    ],
)
def test_an_unexpected_error_is_one_sentence(finished, error, message):
    result, status = finished(raising(error))
    assert (status, result["msg"]) == (1, message)


def test_one_line():
    assert one_line(ValueError("a\n\tb  c ")) == "a b c"
    assert one_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("error", [ModuleError("No."), ValueError("no")])
def test_nothing_is_being_handled_when_it_fails(finished, monkeypatch, error):
    """Otherwise, ansible-core 2.18 shows a traceback at -vvv and above."""
    seen, fail = [], basic.AnsibleModule.fail_json

    def watched(module, **results):
        seen.append(sys.exc_info()[0])
        fail(module, **results)

    monkeypatch.setattr(basic.AnsibleModule, "fail_json", watched)
    finished(raising(error))
    assert seen == [None]
