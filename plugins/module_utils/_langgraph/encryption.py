# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cipher of LangGraph's EncryptedSerializer, without the serializer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import CipherProtocol


def cipher_of(key: str | None) -> CipherProtocol | None:
    """The cipher that encrypts and decrypts with the key, or None without a key.

    Raises ModuleError if the key has the wrong length, and PrerequisiteMissing if pycryptodome is not installed.
    """
    if not key:
        return None
    raw = key.encode("utf-8")
    if len(raw) not in (16, 24, 32):
        raise ModuleError("encryption_key has %d bytes; an AES key must have 16, 24 or 32 bytes." % len(raw))
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    try:
        return EncryptedSerializer.from_pycryptodome_aes(key=raw).cipher
    except ImportError:
        raise PrerequisiteMissing(
            "encryption_key needs the library pycryptodome, which is not installed in the virtualenv. Install it there with pip."
        ) from None
