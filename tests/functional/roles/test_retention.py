# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role retention: who deletes, hostile texts, and the page in a browser. tests/functional/playbooks/test_prune.py has the policies."""

from __future__ import annotations

import json

import pytest
import yaml
from aged_threads import DAY, ago, shapes
from sites import Site, once_answered

pytestmark = pytest.mark.newest

ROLE = ["stateops.langgraph.retention"]
EVIL = "<script>alert(1)</script>|{{ 7 * 7 }}`x`"


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    made = Site(tmp_path, database, target_venv, runner)
    made.variables.update(ansible_become=False, checkpointer_report_dir=str(tmp_path / "report"), retention_force=True)
    made.variables["retention_policies"] = [{"name": "old", "older_than": "30d"}]
    made.hosts = {"app1": made.hosts["app1"]}
    with database.saver() as saver:
        for thread in ("one", "two", EVIL):
            with ago(90 * DAY):
                shapes(saver)["plain"].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}, "metadata": {"user": thread}})
    return made


def play(site, *flags, **variables):
    (site.folder / "extra.yml").write_text(yaml.safe_dump(variables))
    return site.play("-e", "@%s" % (site.folder / "extra.yml"), *flags, roles=ROLE)


def threads(site):
    return {row[0] for row in site.database.execute("SELECT thread_id FROM checkpoints")}


def report(site, suffix="json"):
    (path,) = (site.folder / "report").glob("*-prune*." + suffix)
    return path.read_text(encoding="utf-8")


def test_the_retention_role_deletes(site):
    """The retention role deletes in place of the application, whose password is wrong later. verify reports missing privileges, and setup grants them."""
    role = site.database.role("retention_" + site.database.name[-8:])
    site.variables.update(database_retention_user=role.name, database_retention_password=role.password, checkpointer_require_search_path=False)
    site.play("--tags", "setup,verify,prune", roles=["stateops.langgraph.checkpointer", *ROLE]).passed()
    assert threads(site) == set() and json.loads(report(site))["role"] == role.name
    # The policy decides on UPDATE of a column.
    site.play("--tags", "setup,verify").unchanged()
    kept = [{"name": "state", "older_than": "30d", "keep": "latest"}]
    play(site, retention_policies=kept, checkpointer_app_password="wrong").stopped("GRANT UPDATE (parent_checkpoint_id) ON")
    site.variables["retention_policies"] = kept
    assert site.play("--tags", "setup,verify").passed().recap["app1"]["changed"] == 1
    play(site).unchanged()


def test_credentials_of_a_lookup_are_evaluated_once_for_each_policy(site):
    log, lookup = once_answered(site, site.database.app)
    play(site, checkpointer_app_credentials=lookup, checkpointer_app_password="wrong").passed()
    assert threads(site) == set() and len(log.read_text().splitlines()) == 1


def test_hostile_texts(site):
    """They are neither templates, nor HTML, nor Markdown. The control: a text that is not marked as unsafe is a template."""
    touched = site.folder / "touched"
    (site.folder / "report").mkdir()
    template = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % touched
    (site.folder / "unsafe.yml").write_text('retention_erase_threads: !unsafe "%s"\n' % template.replace("\\", "\\\\").replace('"', '\\"'))
    site.play("-e", "@%s" % (site.folder / "unsafe.yml"), roles=ROLE).unchanged()
    assert not touched.exists() and len(threads(site)) == 3
    for path in (site.folder / "report").iterdir():
        path.unlink()
    (site.folder / "unsafe.yml").write_text("retention_erase_threads: !unsafe '%s'\nretention_show_threads: true\n" % ("*script*"))
    site.play("-e", "@%s" % (site.folder / "unsafe.yml"), roles=ROLE).passed()
    assert threads(site) == {"one", "two"}
    assert json.loads(report(site))["policies"][0]["deleted_threads"]["sample"] == [EVIL]
    page, text = report(site, "html"), report(site, "md")
    assert "<script" not in page and "&lt;script&gt;" in page and "{{ 7 * 7 }}" in page
    assert "<script" not in text and "\\`x\\`" in text and "{{ 7 \\* 7 }}" in text
    play(site, retention_erase_threads=template)
    assert touched.exists()
