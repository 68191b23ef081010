# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One concept has one name: terms that the project has replaced are not used again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("plugins", "roles", "playbooks", "docs/docsite", "tests", "molecule", "bench", "README.md", "CONTRIBUTING.md", "SECURITY.md", "MAINTAINERS.md")
# {replaced term: the term to use}.
REPLACED = {
    "breach": "violation",
    "breaches": "violations",
    "crew": "worker pool",
    "evidence": "parity report",
    "ledger": "migrations table",
    "notyet": "PrerequisiteMissing",
    "objection": "preflight error",
    "objections": "preflight errors",
    "refusal": "ModuleError",
    "tally": "import stats",
}


def found(text):
    """[(line number, term)] of the replaced terms in a text. The parts of names_with_underscores and of CamelCase are words too."""
    lines = enumerate(text.splitlines(), start=1)
    return [(number, word) for number, line in lines for word in words(line) if word in REPLACED]


def words(line):
    return [part.lower() for word in re.findall(r"[A-Za-z]+", line) for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word)]


def files():
    """The text files of the project, without this one."""
    for place in PLACES:
        path = ROOT / place
        yield from (
            [path]
            if path.is_file()
            else sorted(
                each for each in path.rglob("*") if each.suffix in (".py", ".yml", ".j2", ".sql", ".sh", ".rst", ".json", ".md") and each != Path(__file__)
            )
        )


def test_no_replaced_term_is_left():
    seen = list(files())
    assert len(seen) > 100
    left = [
        "%s:%d: %s, use %s" % (path.relative_to(ROOT), number, term, REPLACED[term])
        for path in seen
        for number, term in found(path.read_text(encoding="utf-8"))
    ]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("line", ["a breach of it", "class SchemaBreach:", "hidden_ledger()", "NO_EVIDENCE = 1"])
def test_each_form_of_a_term_is_found(line):
    assert len(found(line)) == 1


@pytest.mark.parametrize("line", ["reached", "a knowledge base", "totally"])
def test_other_words_are_not(line):
    assert found(line) == []
