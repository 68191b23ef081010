# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that read and write values; langgraph-checkpoint-postgres needs them too. They can be imported only in the virtualenv."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import orjson
    import ormsgpack
else:
    try:
        import orjson
        import ormsgpack
    except ImportError:
        orjson = ormsgpack = None

__all__ = ("orjson", "ormsgpack")
