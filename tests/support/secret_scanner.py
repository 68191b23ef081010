# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches everything that a run could write for secrets in plain text, base64, gzip, zip, and nested combinations of these."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import threading
import zipfile
import zlib
from pathlib import Path

BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{24,}={0,2}")
DEPTH = 6
LARGEST = 64 * 1024 * 1024


def holds(data, secret, depth=DEPTH):
    """Whether the bytes contain the secret in any of these encodings."""
    secret = secret.encode() if isinstance(secret, str) else secret
    return secret in data or (depth > 0 and any(holds(each, secret, depth - 1) for each in _unwrapped(data)))


def _unwrapped(data):
    if b"PK\x03\x04" in data[:4]:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for item in archive.infolist():
                    yield archive.read(item)
        except (zipfile.BadZipFile, zlib.error, RuntimeError):
            pass
    start = data.find(b"\x1f\x8b\x08")
    while start >= 0:
        try:
            yield zlib.decompressobj(wbits=31).decompress(data[start:], LARGEST)
        except zlib.error:
            pass
        start = data.find(b"\x1f\x8b\x08", start + 1)
    for match in BASE64.finditer(data):
        text = b"".join(match.group().split())
        # The match may not begin at a boundary of four characters, so every alignment is tried.
        for offset in range(4):
            part = text[offset:].rstrip(b"=")
            part = part[:-1] if len(part) % 4 == 1 else part
            try:
                # Decode up to the last byte, because a truncated zip file cannot be read.
                yield base64.b64decode(part + b"=" * (-len(part) % 4))
            except (binascii.Error, ValueError):
                continue


class SecretScanner:
    """Reads every new or changed file below some directories, and the command line and environment of every process, while a block runs.

    `found` contains sentences that name the place, but not the secret.
    """

    def __init__(self, folders, secrets):
        self.folders = [Path(folder) for folder in folders]
        self.secrets = dict(secrets)
        self.found = set()
        self.files = 0
        self._seen = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._files()
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        assert self._thread.is_alive(), "the thread of the scanner has ended with an error"
        self._over.set()
        self._thread.join()
        self._files()

    def _watch(self):
        while not self._over.is_set():
            self._processes()
            self._files()
            self._over.wait(0.05)

    def _note(self, data, place):
        for name, secret in self.secrets.items():
            if holds(data, secret):
                self.found.add("%s in %s" % (name, place))

    def _processes(self):
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            for what in ("cmdline", "environ"):
                try:
                    data = (entry / what).read_bytes()
                except OSError:
                    continue
                for name, secret in self.secrets.items():
                    if secret.encode() in data:
                        self.found.add("%s in the %s of a process: %s" % (name, what, entry.name))

    def _files(self):
        # A directory may be removed before it is read; os.walk() ignores that.
        for path in (Path(folder, name) for top in self.folders for folder, _folders, names in os.walk(top) for name in names):
            try:
                state = path.lstat()
                if not path.is_file() or path.is_symlink() or self._seen.get(path) == (state.st_mtime_ns, state.st_size):
                    continue
                self._seen[path] = (state.st_mtime_ns, state.st_size)
                self._note(path.read_bytes(), path)
                self.files += 1
            except OSError:
                continue
