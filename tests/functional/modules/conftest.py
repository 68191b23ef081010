# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of checkpoint_import."""

from __future__ import annotations

import pytest


@pytest.fixture
def ready(database):
    """The owner has set up the schema. The application, which runs the import, has the grants."""
    database.setup()
    database.grant()
    return database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoints.sqlite"
