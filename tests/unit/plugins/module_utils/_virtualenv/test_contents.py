# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of a virtualenv's Python, which another account may have replaced."""

from __future__ import annotations

import json

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import contents
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.contents import read

WHOLE = {"version": [3, 11, 2], "packages": {"pip": "24.0"}, "unsatisfied": [], "ensurepip": True, "uv": False}


def answered(tmp_path, text):
    """The result for a virtualenv whose Python prints this text."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "answer").write_text(text)
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\ncat > /dev/null\ncat %s\n" % (tmp_path / "answer"))
    python.chmod(0o755)
    return read(str(tmp_path), ["psycopg"])


def test_a_complete_answer(tmp_path):
    found = answered(tmp_path, json.dumps(WHOLE))
    assert (found["exists"], found["problem"], found["python_version"], found["has_pip"]) == (True, "", "3.11.2", True)


@pytest.mark.parametrize(
    "text",
    [
        *(json.dumps({key: value for key, value in WHOLE.items() if key != missing}) for missing in WHOLE),
        json.dumps({**WHOLE, "version": [3]}),
        json.dumps({**WHOLE, "version": "3.11"}),
        json.dumps({**WHOLE, "packages": ["pip"]}),
        "[]",
        "1",
        "[" * 100000,
        "",
    ],
    ids=lambda text: text[:12] or "nothing",
)
def test_another_answer_is_a_problem_and_no_crash(tmp_path, text):
    found = answered(tmp_path, text)
    assert found["exists"] is False and "bin/python does not run" in found["problem"] and len(found["unsatisfied"]) == 1


def test_a_python_that_does_not_end_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "TIME_LIMIT", 0.2)
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    assert read(str(tmp_path), [])["problem"] == "%s does not run: it did not end within 0 s" % python
