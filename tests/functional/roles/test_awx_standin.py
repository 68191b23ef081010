# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for AWX responds to every recorded request as the real one did."""

from __future__ import annotations

import pytest
from awx.standin import TRANSCRIPT, Awx

# The bodies of four requests, from their notes. The transcript has the body of the last one for all four.
FIELDS = {"fields": [{"id": "p", "type": "string"}]}
LOST = {
    "injector env name reserved": {"kind": "cloud", "inputs": FIELDS, "injectors": {"env": {"ANSIBLE_X": "{{ p }}"}}},
    "injector uses an undefined field": {"kind": "cloud", "inputs": FIELDS, "injectors": {"extra_vars": {"p": "{{ nope }}"}}},
    "field type not allowed": {"kind": "cloud", "inputs": {"fields": [{"id": "p", "type": "int"}]}, "injectors": {}},
    "reserved id": {"kind": "cloud", "inputs": {"fields": [{"id": "tower", "type": "string"}]}, "injectors": {}},
}


def comparable(answer):
    """Without times and without numbers from AWX's own sequences."""
    if isinstance(answer, list):
        return [comparable(each) for each in answer]
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in answer.items() if name not in ("created", "modified", "object_roles", "ansible_id")}
    return answer


def replay():
    """Pairs (recorded request, (status, response) of the stand-in), in the recorded order."""
    awx = Awx()
    for each in TRANSCRIPT:
        body = each.get("body")
        if each["note"] in LOST:
            body = dict(body, **LOST[each["note"]])
        yield each, awx.answer(each["method"], each["path"], body, each["note"] != "no credentials")


def test_every_recorded_request():
    wrong = []
    for number, (each, (status, answer)) in enumerate(replay()):
        if status != each["status"]:
            wrong.append("%d %s: %s, and AWX said %s" % (number, each["note"], status, each["status"]))
        elif comparable(answer) != comparable(each["answer"]):
            wrong.append("%d %s: %s" % (number, each["note"], _differences(comparable(answer), comparable(each["answer"]))))
    assert wrong == []
    assert number + 1 == 71


def _differences(found, expected, where=""):
    if isinstance(found, dict) and isinstance(expected, dict):
        names = sorted(found.keys() | expected.keys())
        return "; ".join(filter(None, (_differences(found.get(name, "absent"), expected.get(name, "absent"), "%s.%s" % (where, name)) for name in names)))
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return "; ".join(filter(None, (_differences(*pair, "%s[]" % where) for pair in zip(found, expected))))
    return "" if found == expected else "%s: %r, and AWX said %r" % (where, found, expected)


@pytest.mark.parametrize("number", [0, 22, 31])
def test_the_replay_detects_differences(number, monkeypatch):
    """A different response to any request is detected."""
    import copy

    import awx.standin

    changed = copy.deepcopy(TRANSCRIPT)
    changed[number]["status"] = 418
    monkeypatch.setitem(globals(), "TRANSCRIPT", changed)
    assert awx.standin.TRANSCRIPT is not changed
    with pytest.raises(AssertionError, match="AWX said 418"):
        test_every_recorded_request()
