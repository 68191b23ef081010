# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_import of data that EncryptedSerializer wrote: encrypted values stay encrypted."""

from __future__ import annotations

import sqlite3

import pytest
from assertions import assert_refused, assert_succeeded
from differential import assert_same, raw_serde
from import_runs import run
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlite_threads import put

pytestmark = pytest.mark.newest
pytest.importorskip("Crypto", reason="pycryptodome is not installed here")

KEY = "0123456789abcdef-k3y-of-32-bytes"


def test_encrypted_values_stay_encrypted(ready, call_module, path):
    serde = EncryptedSerializer.from_pycryptodome_aes(raw_serde(), key=KEY.encode())
    with sqlite3.connect(path, check_same_thread=False) as connection:
        saver = SqliteSaver(connection, serde=serde)
        for number in range(3):
            values = {"inline": "a s3cret text", "number": 31337, "list": ["a s3cret list"]}
            put(saver, "t", values, {"inline": 1, "number": 1, "list": number}, writes=[("t", "", [("x", "s3cret")])])
    assert_refused(run(call_module, ready, path), "encrypted", "encryption_key", databases=[ready])
    assert_refused(run(call_module, ready, path, encryption_key=KEY[:16]), "decrypted|MAC", databases=[ready])
    assert_refused(run(call_module, ready, path, encryption_key="short"), "16, 24 or 32", databases=[ready])
    done = assert_succeeded(run(call_module, ready, path, encryption_key=KEY), ready)
    assert done["verified"]["differences"] == 0 and KEY not in done.everything
    stored = ready.execute("SELECT checkpoint::text || metadata::text FROM checkpoints UNION ALL SELECT encode(blob, 'escape') FROM checkpoint_blobs")
    assert not any("s3cret" in text or "31337" in text for (text,) in stored)
    assert_same(path, ready, serde)
    again = assert_succeeded(run(call_module, ready, path, encryption_key=KEY, on_conflict="replace"), ready)
    assert again["changed"] is False


def test_the_newest_state_of_encrypted_threads(ready, call_module, path):
    """A snapshot of a DeltaChannel is recognised in an encrypted checkpoint as well."""
    serde = EncryptedSerializer.from_pycryptodome_aes(raw_serde(), key=KEY.encode())
    with sqlite3.connect(path, check_same_thread=False) as connection:
        saver = SqliteSaver(connection, serde=serde)
        for number in range(3):
            put(saver, "plain", {"list": [number]}, {"list": number}, identifier=str(number), parent=str(number - 1) if number else None)
            put(saver, "delta", {"list": _DeltaSnapshot([number])}, {"list": number}, identifier=str(number), parent=str(number - 1) if number else None)
    done = assert_succeeded(run(call_module, ready, path, encryption_key=KEY, history="latest"), ready)
    assert done["whole_threads"] == {"total": 1, "sample": ["delta"]} and done["verified"]["differences"] == 0
    assert ready.execute("SELECT thread_id, checkpoint_id FROM checkpoints ORDER BY 1, 2") == [("delta", "0"), ("delta", "1"), ("delta", "2"), ("plain", "2")]
    again = assert_succeeded(run(call_module, ready, path, encryption_key=KEY, history="latest", on_conflict="replace"), ready)
    assert again["changed"] is False
