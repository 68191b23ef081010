# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CHANGELOG.md is what `make changelog` writes."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_changelog_is_complete():
    """It names each module, filter and role with its description, and each release has the summary of its fragment."""
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    fragments = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "changelogs" / "fragments").glob("*.yml")}
    for release in releases.values():
        summaries = [fragments[name]["release_summary"] for name in release["fragments"] if "release_summary" in fragments[name]]
        assert [release["changes"]["release_summary"]] == summaries
    objects = [
        each
        for release in releases.values()
        for each in (*release.get("modules", []), *release.get("objects", {}).get("role", []), *release.get("plugins", {}).get("filter", []))
    ]
    existing = {path.stem for kind in ("modules", "filter") for path in (ROOT / "plugins" / kind).glob("[!_]*.py")}
    assert {each["name"] for each in objects} == existing | {path.name for path in (ROOT / "roles").iterdir()}
    shown = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", "")
    lines = ["* stateops.langgraph.%s - %s\n" % (each["name"], each["description"].replace("\\", "")) for each in objects]
    assert [line for line in lines if line not in shown] == []
