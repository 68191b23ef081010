# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Attributes of every module in this collection.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Whether the module can run in check mode and predict the result of a real run.
  diff_mode:
    description: Whether the module shows the state before and after the change if the play runs with C(--diff).
  idempotent:
    description: Whether a second run with the same options changes nothing.
  platform:
    description: The systems that the module runs on.
    support: full
    platforms: posix
"""

    # For modules that change something.
    ACTION = r"""
options: {}
attributes:
  check_mode:
    support: full
  idempotent:
    support: full
"""

    # For modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module does not change anything, with or without check mode.
  diff_mode:
    support: none
    details: The module does not change anything, so there is no difference to show.
  idempotent:
    support: full
    details: The module does not change anything.
"""
