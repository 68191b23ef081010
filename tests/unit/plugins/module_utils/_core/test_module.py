# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends, on a real AnsibleModule."""

from __future__ import annotations

import json
import sys

import pytest
from ansible.module_utils import basic

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import run_module


@pytest.fixture
def told(monkeypatch, capsys):
    """tell() run to its end: what the module prints, and its exit status."""
    # As the wrapper around a module leaves them; the profile came with ansible-core 2.19.
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": {"word": "x"}}).encode("utf-8"))
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def tell_it(story):
        module = basic.AnsibleModule(argument_spec={"word": {"type": "str"}, "secret": {"type": "str", "no_log": True}})
        with pytest.raises(SystemExit) as end:
            run_module(module, story)
        output = capsys.readouterr()
        assert "Traceback" not in output.out + output.err
        return json.loads(output.out), end.value.code

    return tell_it


class OfTheServer(Exception):
    """Named as psycopg's errors are, which this Python need not have: only their module and sqlstate are looked at."""

    sqlstate = None


OfTheServer.__module__ = "psycopg.errors"


def raising(error, **attributes):
    def story(_module):
        for name, value in attributes.items():
            setattr(error, name, value)
        raise error

    return story


def test_results_are_what_the_story_returns(told):
    result, status = told(lambda module: {"changed": True, "word": module.params["word"]})
    assert status == 0 and (result["changed"], result["word"]) == (True, "x")


def test_a_refusal_is_a_failure_with_what_it_knows(told):
    result, status = told(raising(ModuleError("Found a, expected b. Do c.", changed=True, schema={"name": "s"})))
    assert status == 1 and result["failed"] is True
    assert (result["msg"], result["changed"], result["schema"]) == ("Found a, expected b. Do c.", True, {"name": "s"})


def test_what_is_not_there_yet_is_a_failure_where_nobody_caught_it(told):
    result, status = told(raising(PrerequisiteMissing("No database.")))
    assert status == 1 and (result["msg"], result["changed"]) == ("No database.", False)


@pytest.mark.parametrize(
    "error, code, message",
    [
        (
            OfTheServer("deadlock detected\nDETAIL:  Process 1 waits."),
            "40P01",
            "PostgreSQL reports an error: deadlock detected DETAIL: Process 1 waits (SQLSTATE 40P01).",
        ),
        (OfTheServer("value too long"), "22001", "PostgreSQL reports an error: value too long (SQLSTATE 22001)."),
        (
            OfTheServer("permission denied for table checkpoints"),
            "42501",
            "PostgreSQL reports an error: permission denied for table checkpoints (SQLSTATE 42501). Grant the missing privilege, or log in as a role that has it.",
        ),
    ],
)
def test_an_error_of_the_server(told, error, code, message):
    result, status = told(raising(error, sqlstate=code))
    assert (status, result["msg"]) == (1, message)


@pytest.mark.parametrize(
    "error, message",
    [
        (KeyError("v"), "An unexpected KeyError occurred: 'v'. Please report it."),
        (ValueError("one\n  two."), "An unexpected ValueError occurred: one two. Please report it."),
        (RuntimeError(), "An unexpected RuntimeError occurred: RuntimeError. Please report it."),
    ],
)
def test_a_fault_of_ours_is_one_sentence(told, error, message):
    result, status = told(raising(error))
    assert (status, result["msg"]) == (1, message)


def test_one_line():
    assert one_line(ValueError("a\n\tb  c ")) == "a b c"
    assert one_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("error", [ModuleError("No."), ValueError("no")])
def test_nothing_is_being_handled_when_it_fails(told, monkeypatch, error):
    """Else core 2.18 shows a traceback from -vvv on."""
    seen, fail = [], basic.AnsibleModule.fail_json

    def watched(module, **results):
        seen.append(sys.exc_info()[0])
        fail(module, **results)

    monkeypatch.setattr(basic.AnsibleModule, "fail_json", watched)
    told(raising(error))
    assert seen == [None]
