# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can change the code that a virtualenv's Python imports."""

from __future__ import annotations

import glob
import os
import re

from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import Component, exposed_component

# The packages that an editable install of setuptools maps to directories: MAPPING: dict[str, str] = {'name': '/path'}.
EDITABLE = re.compile(r"^MAPPING\b[^=]*=\s*\{(.*)\}\s*$", re.MULTILINE)
MAPPED = re.compile(r"""['"][^'"]*['"]\s*:\s*['"]([^'"]*)['"]""")


def exposed_code(virtualenv: str) -> Component | None:
    """The first path that an account other than root can change, of those from which the virtualenv's Python takes code; None if root can run it.

    Raises OSError if a directory cannot be read.
    """
    for path in (virtualenv, *(os.path.join(virtualenv, name) for name in ("bin", "bin/python", "pyvenv.cfg", "lib"))):
        found = exposed_component(path)
        if found:
            return found
    sites = glob.glob(os.path.join(glob.escape(virtualenv), "lib", "python*", "site-packages"))
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(os.path.join(virtualenv, "bin", "python"))))
    for path in sites + [folder for site in sites for folder in _named_directories(site)] + _system_sites(virtualenv, prefix):
        found = exposed_component(path) or _exposed_below(path)
        if found:
            return found
    # The standard library: its own directories, since the distribution installs it as a whole.
    for path in glob.glob(os.path.join(glob.escape(prefix), "lib", "python3*")):
        found = exposed_component(path)
        if found:
            return found
    return None


def _exposed_below(directory: str) -> Component | None:
    """The first exposed entry: of the directory itself each one, below it each directory and link."""
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
                    inner = entry.is_dir(follow_symlinks=False)
                    if inner or folder == directory:
                        status = entry.stat(follow_symlinks=False)
                        component = Component(entry.path, status.st_uid, status.st_gid, status.st_mode, True)
                        if component.exposed:
                            return component
                    if inner:
                        pending.append(entry.path)
        except NotADirectoryError:
            continue
    return None


def _named_directories(site: str) -> list[str]:
    """The existing paths that .pth files and editable installs in site-packages name."""
    named = []
    for path in glob.glob(os.path.join(glob.escape(site), "*.pth")):
        with open(path, encoding="utf-8", errors="replace") as lines:
            named += [os.path.join(site, line.rstrip()) for line in lines if line.strip() and not line.startswith(("#", "import ", "import\t"))]
    for path in glob.glob(os.path.join(glob.escape(site), "__editable__*.py")):
        with open(path, encoding="utf-8", errors="replace") as source:
            named += [folder for mapping in EDITABLE.findall(source.read()) for folder in MAPPED.findall(mapping)]
    return [path for path in named if os.path.lexists(path)]


def _system_sites(virtualenv: str, prefix: str) -> list[str]:
    """The directories of the system's packages, if the virtualenv includes them."""
    try:
        with open(os.path.join(virtualenv, "pyvenv.cfg"), encoding="utf-8", errors="replace") as settings:
            included = any(re.match(r"\s*include-system-site-packages\s*=\s*true\s*$", line, re.IGNORECASE) for line in settings)
    except OSError:
        return []
    if not included:
        return []
    folders = [os.path.join(glob.escape(each), "lib", "python3*", kind) for each in (prefix, "/usr/local") for kind in ("site-packages", "dist-packages")]
    return [path for folder in folders for path in glob.glob(folder)]
