# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of a module's result are kept on the controller."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _results

KEYS = frozenset(["parity", "role"])
# Keys that ansible-core obeys, or that would replace a value that the executor adds.
OBEYED = ["ansible_facts", "ansible_stats", "add_host", "add_group", "results", "unreachable", "attempts", "_ansible_delegated_vars"]
OBEYED += ["_ansible_notify", "_ansible_no_log", "_ansible_facts_cacheable", "ansible_job_id", "finished", "ansible_loop_var", "include", "include_args"]


def test_documented_keys_are_kept_unchanged():
    result = {"parity": {"ansible_facts": {"a": 1}}, "role": "{{ text }}", "changed": False, "warnings": ["a text"], "diff": {"before": "", "after": "a"}}
    assert _results.documented(dict(result), KEYS) == result


@pytest.mark.parametrize("key", [*OBEYED, "stdout", "planted"])
def test_other_keys_are_removed(key):
    assert _results.documented({"changed": True, key: {"a": 1}}, KEYS) == {"changed": True}


def test_a_failure_stays_one():
    failure = {"failed": True, "msg": "why", "exception": "where", "rc": 1, "module_stdout": "", "module_stderr": "", "skipped": False}
    assert _results.documented(dict(failure), KEYS) == failure


def test_text_that_is_printed_has_no_control_characters():
    """Values that are compared, and not printed directly, keep their characters."""
    moves = "a\x1b[2J\x9bb\r\u202e\nc"
    result = {"msg": moves, "warnings": [moves], "role": moves, "parity": {"summary": moves, "findings": [{"object": moves}]}}
    clean = "a [2J b  \nc"
    assert _results.documented(result, KEYS) == {
        "msg": clean,
        "warnings": [clean],
        "role": moves,
        "parity": {"summary": clean, "findings": [{"object": moves}]},
    }


@dataclasses.dataclass(frozen=True)
class Event:
    """An error or a warning as in ansible-core 2.19 and newer."""

    msg: str
    events: tuple | None = None
    kind: type = ValueError


def test_an_error_that_is_an_object_has_no_control_characters():
    def event(text):
        return Event(text, (Event(text),))

    found = _results.documented({"exception": event("a\x1b[2J"), "warnings": [event("b\x9b")], "deprecations": [event("c\r")], "parity": event("d\r")}, KEYS)
    assert found == {"exception": event("a [2J"), "warnings": [event("b ")], "deprecations": [event("c ")], "parity": event("d\r")}


class Task:
    async_val = 0
    poll = 0
    args = {}


class Connection:
    become = None
    always_pipeline_modules = False


@pytest.fixture
def action(monkeypatch):
    """A function that returns the result of the action for a result of the module."""

    class Action(_results.DocumentedResult):
        RETURNS = KEYS
        _discovered_interpreter_key = None
        _discovered_interpreter = False

        def __init__(self):
            self._task = Task()
            self._connection = Connection()

    made = Action()

    def run(result):
        monkeypatch.setattr(NormalAction, "run", lambda self, tmp=None, task_vars=None: dict(result))
        return made.run(task_vars={})

    run.of = made
    return run


def test_the_interpreter_that_the_core_found_is_kept(action):
    action.of._discovered_interpreter_key, action.of._discovered_interpreter = "discovered_interpreter_python", "/usr/bin/python3"
    found = action({"role": "a", "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3", "checkpointer_report_dir": "/etc"}})
    assert found == {"role": "a", "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"}}


def test_a_job_that_runs_in_the_background_keeps_its_identification(action):
    action.of._task.async_val = 30
    job = {"changed": True, "ansible_job_id": "j1", "started": True, "finished": False, "results_file": "/a"}
    assert action({**job, "ansible_facts": {"a": 1}}) == job
    action.of._task.async_val = 0
    assert action(job) == {"changed": True}


def test_the_secret_options_are_those_that_the_modules_hide():
    plugins = Path(_results.__file__).parents[1]
    hidden = re.compile(r'"?(\w+)"?[:=] ?{[^}]*"no_log": True')
    found = {name for path in plugins.rglob("*.py") if path.parts[-2] in ("modules", "_core") for name in hidden.findall(path.read_text(encoding="utf-8"))}
    # These two are options of a module that connects to AWX, on the controller.
    assert found - {"controller_oauthtoken", "controller_password"} == set(_results.SECRET_OPTIONS)


def test_output_that_ansible_displays_at_once_has_no_control_characters():
    plain = 'motd\n{"changed": false, "owner": "\\u001b[2J", "warnings": ["a"]}\n'
    assert _results.printable_output(plain) == plain
    # Text around the object, and warnings: ansible-core 2.21 displays both while it reads the output.
    assert _results.printable_output('{"changed": false}\x1b[2J\n') == '{"changed": false} [2J\n'
    told = {"owner": "\x1b", "warnings": ["a\x1b[2J"], "deprecations": [{"msg": "b\x9b", "version": "9"}]}
    shown = {"owner": "\x1b", "warnings": ["a [2J"], "deprecations": [{"msg": "b ", "version": "9"}]}
    assert json.loads(_results.printable_output(json.dumps(told))) == shown
    for other in ("", "no object \x07", "[1]", '{"a": '):
        assert _results.printable_output(other) == other.replace("\x07", " ")
