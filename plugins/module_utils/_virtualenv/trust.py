# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can change the code that a virtualenv's Python imports."""

from __future__ import annotations

import glob
import os
import re
import stat

from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import WRITABLE, Component, exposed_component

# The packages that an editable install of setuptools maps to directories: MAPPING: dict[str, str] = {'name': '/path'}.
EDITABLE = re.compile(r"^MAPPING\b[^=]*=\s*\{(.*)\}\s*$", re.MULTILINE)
MAPPED = re.compile(r"""['"][^'"]*['"]\s*:\s*['"]([^'"]*)['"]""")


def exposed_code(virtualenv: str) -> Component | None:
    """The first path with code for the virtualenv's Python that an account other than root can change; None if root can run this Python.

    Raises OSError if a directory cannot be read.
    """
    for path in (virtualenv, *(os.path.join(virtualenv, name) for name in ("bin", "bin/python", "pyvenv.cfg", "lib"))):
        found = exposed_component(path)
        if found:
            return found
    for path in glob.glob(os.path.join(glob.escape(virtualenv), "lib", "python*", "site-packages")):
        # The .pth files are read last: before the check they could be FIFOs, for which a reader waits.
        found = exposed_component(path) or _exposed_below(path) or _first_exposed(_named_directories(path))
        if found:
            return found
    settings = _settings(virtualenv)
    # Python searches the standard library from `home`: with venv --copies, bin/python is a file in the virtualenv.
    homes = [os.path.dirname(os.path.realpath(os.path.join(virtualenv, "bin", "python"))), *([settings["home"]] if settings.get("home") else [])]
    found = next(filter(None, map(exposed_component, homes)), None)
    if found:
        return found
    prefixes = sorted({os.path.dirname(os.path.realpath(home)) for home in homes})
    if settings.get("include-system-site-packages", "").lower() == "true":
        found = _first_exposed(_system_sites(prefixes))
        if found:
            return found
    # The standard library: its own directories, since the distribution installs it as a whole.
    for path in [path for prefix in prefixes for name in ("python3*", "libpython*") for path in glob.glob(os.path.join(glob.escape(prefix), "lib", name))]:
        found = exposed_component(path)
        if found:
            return found
    return None


def _first_exposed(paths: list[str]) -> Component | None:
    """The first exposed component of these paths, which need not exist, or the first exposed entry below them."""
    return next(filter(None, (exposed_component(path) or _exposed_below(path) for path in paths)), None)


def _exposed_below(directory: str) -> Component | None:
    """The first exposed entry at any level. uv links files from its cache, so a file's owner can differ from that of its directory."""
    pending = [directory]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        found = exposed_component(entry.path)
                        if found:
                            return found
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_uid or status.st_mode & WRITABLE:
                        return Component(entry.path, status.st_uid, status.st_gid, status.st_mode, True)
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return None


def _named_directories(site: str) -> list[str]:
    """The paths that .pth files and editable installs in site-packages name. One that does not exist can be created later."""
    named = []
    for path in glob.glob(os.path.join(glob.escape(site), "*.pth")):
        # The codec of Python 3.13, which ignores a byte order mark. Names that are not UTF-8 are kept.
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
            named += [os.path.join(site, line.rstrip()) for line in lines if line.strip() and not line.startswith(("#", "import ", "import\t"))]
    for path in glob.glob(os.path.join(glob.escape(site), "__editable__*.py")):
        with open(path, encoding="utf-8", errors="replace") as source:
            named += [folder for mapping in EDITABLE.findall(source.read()) for folder in MAPPED.findall(mapping)]
    return named


def _settings(virtualenv: str) -> dict[str, str]:
    """The settings in pyvenv.cfg, which only root can change. Raises OSError."""
    with open(os.path.join(virtualenv, "pyvenv.cfg"), encoding="utf-8", errors="surrogateescape") as lines:
        pairs = [line.partition("=") for line in lines]
    return {key.strip().lower(): value.strip() for key, _sign, value in pairs}


def _system_sites(prefixes: list[str]) -> list[str]:
    """The directories of the system's packages."""
    folders = [os.path.join(glob.escape(each), "lib", "python3*", kind) for each in (*prefixes, "/usr/local") for kind in ("site-packages", "dist-packages")]
    return [path for folder in folders for path in glob.glob(folder)]
