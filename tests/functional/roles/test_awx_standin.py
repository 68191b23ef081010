# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for AWX responds to every recorded request as the real one did."""

from __future__ import annotations

import pytest
from awx.standin import READ_TOKEN, TOKEN, TRANSCRIPT, TRANSCRIPT_2, Awx

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
        yield each, awx.answer(each["method"], each["path"], body, "" if each["note"] == "no credentials" else TOKEN)


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


# The stand-in has no launch configuration, no times, and AWX's own words for what is not found.
LEFT_OUT = ("a new node with", "extra_data that", "approval template of a name")
IGNORED = ("dtstart", "next_run", "timezone", "until", "detail", "token", "type", "scope", "description", "user")


def holds(found, recorded):
    """Whether an answer contains the recorded one. transcript-2.json omits parts that nothing reads."""
    if isinstance(recorded, dict):
        return isinstance(found, dict) and all(holds(found.get(name), value) for name, value in recorded.items() if name not in IGNORED)
    if isinstance(recorded, list):
        return isinstance(found, list) and len(found) == len(recorded) and all(any(holds(each, other) for each in found) for other in recorded)
    return found == recorded or (isinstance(recorded, str) and "<!doctype" in recorded)


def test_every_request_of_the_second_recording():
    """The part of it that concerns names in several organizations, and workflows. Other parts would need more of AWX than the role uses."""
    awx = Awx()
    wrong = []
    for number, each in enumerate(TRANSCRIPT_2):
        token = READ_TOKEN if "may only read" in each["note"] else "" if each["status"] == 401 else TOKEN
        if each["note"].startswith(LEFT_OUT) and each["status"] >= 400:
            continue
        status, answer = awx.answer(each["method"], each["path"], each["body"], token)
        if not each["note"].startswith(LEFT_OUT) and (status != each["status"] or (each["status"] < 404 and not holds(answer, each["answer"]))):
            wrong.append("%d %s: %s %s, and AWX said %s %s" % (number, each["note"], status, answer, each["status"], each["answer"]))
    assert wrong == []
    assert number + 1 == 235
