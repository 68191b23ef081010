# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``ansible_collections.stateops.langgraph`` refer to this checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# Hypothesis uses the same examples in every run. `HYPOTHESIS=random make test-unit` uses new ones.
settings.register_profile("gate", derandomize=os.environ.get("HYPOTHESIS") != "random", database=None)
settings.load_profile("gate")


def pytest_sessionfinish(session, exitstatus):
    """Fail a run in which every test was skipped; pytest itself reports success."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and not session.config.option.collectonly and not reporter.stats.get("passed"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _install_finder():
    """Put Ansible's own import hook first, because the PyPI package `ansible` also contains an ansible_collections."""
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    early = [name for name in sys.modules if name.split(".")[0] == "ansible_collections"]
    if __name__ in early:
        return  # ansible-test imports this file through its own hook
    if early:
        raise pytest.UsageError("imported before the collection finder was installed: %s" % ", ".join(sorted(early)))
    _AnsibleCollectionFinder(paths=[str(ROOT / "collections")])._install()
    import ansible_collections.stateops.langgraph as found

    where = [Path(path).resolve() for path in found.__path__]
    if where != [ROOT]:
        raise pytest.UsageError("stateops.langgraph is imported from %s, expected %s" % (where, ROOT))


_install_finder()
