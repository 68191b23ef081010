# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What every module of this collection says of itself.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Whether the module can run in check mode, and says there what a real run would do.
  diff_mode:
    description: Whether the module shows the state before and after when the play runs with C(--diff).
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

    # For modules that only look.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module never changes anything, in check mode or out of it.
  diff_mode:
    support: none
    details: There is no change to show.
  idempotent:
    support: full
    details: The module never changes anything.
"""
