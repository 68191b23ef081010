# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cipher of LangGraph's EncryptedSerializer, without the serialiser in it."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing


def cipher_of(key):
    """What encrypt()s and decrypt()s with a key; None without one. Raises ModuleError, or PrerequisiteMissing where pycryptodome is not there yet."""
    if not key:
        return None
    raw = key.encode("utf-8")
    if len(raw) not in (16, 24, 32):
        raise ModuleError("encryption_key has %d bytes; an AES key has 16, 24 or 32." % len(raw))
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    try:
        return EncryptedSerializer.from_pycryptodome_aes(key=raw).cipher
    except ImportError:
        raise PrerequisiteMissing("The virtualenv has no pycryptodome, which encryption_key needs. Install it there with pip.") from None
