# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtualenv that modules enter, and other virtualenvs of the tests."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest


def _target():
    """The virtualenv that modules enter: the one that runs the tests, or the one that LANGGRAPH_TEST_VENV names."""
    named = os.environ.get("LANGGRAPH_TEST_VENV")
    if named:
        return Path(named)
    if importlib.util.find_spec("langgraph") and importlib.util.find_spec("langgraph.checkpoint.postgres"):
        return Path(sys.prefix)
    raise pytest.UsageError(
        "langgraph-checkpoint-postgres is not installed here: install requirements/pytest.txt, or set LANGGRAPH_TEST_VENV to a virtualenv that contains it"
    )


TARGET = _target()


def make_venv(folder):
    """A virtualenv with the target's Python version and without packages."""
    subprocess.run([str(TARGET / "bin" / "python"), "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def site_packages(folder):
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))


def linked(folder):
    """Another virtualenv that finds the target's libraries."""
    make_venv(folder)
    (site_packages(folder) / "target.pth").write_text("%s\n" % site_packages(TARGET))
    return folder
