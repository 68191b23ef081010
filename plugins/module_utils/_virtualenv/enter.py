# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module with the Python of a virtualenv."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import stat
import subprocess
import sys
from typing import Any

from ansible.module_utils.common.respawn import has_respawned, respawn_module

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.trust import exposed_code

# The import name of each library that modules need, and the package that provides it.
PACKAGES = {
    "psycopg": "psycopg[binary]",
    "langgraph.checkpoint.postgres": "langgraph-checkpoint-postgres",
    "langgraph.checkpoint.sqlite": "langgraph-checkpoint-sqlite",
}
# The maximum size of the options in bytes: respawning writes them to a pipe before any process reads from it.
PIPE = 40000
OLDEST_PYTHON = (3, 10)


def enter(virtualenv: str | None, params: dict[str, Any], library: str = "psycopg") -> None:
    """Start the module again with the virtualenv's Python, unless it already runs there, and check that the library is installed.

    virtualenv: its directory, or None to use the current Python. params: the module's options, which respawning passes through a pipe.
    Raises ModuleError, or PrerequisiteMissing if the virtualenv or the library does not exist yet.
    """
    if virtualenv and not _inside(virtualenv):
        if has_respawned():
            raise ModuleError("%s/bin/python is not the Python of %s (its prefix is %s). Create the virtualenv again." % (virtualenv, virtualenv, sys.prefix))
        python = _python(virtualenv)
        if len(json.dumps(params, default=str)) > PIPE:
            raise ModuleError(
                "The options are too large to pass to the Python of %s. Set ansible_python_interpreter to %s for this task." % (virtualenv, python)
            )
        respawn_module(python)
    if sys.version_info < OLDEST_PYTHON:
        raise ModuleError(
            "%s has Python %d.%d, but LangGraph needs 3.10 or newer. Create the virtualenv with a newer Python."
            % (virtualenv or sys.executable, sys.version_info[0], sys.version_info[1])
        )
    require(library, virtualenv)
    if library == "psycopg":
        _import_psycopg(virtualenv)


def require(library: str, virtualenv: str | None) -> None:
    """Raise PrerequisiteMissing, with the command that installs the library, if this Python does not find it."""
    if not _found(library):
        package = PACKAGES[library]
        raise PrerequisiteMissing(
            "The library %s is not installed in %s. Install it: %s -m pip install '%s'%s"
            % (
                library,
                virtualenv or sys.executable,
                os.path.join(virtualenv, "bin", "python") if virtualenv else sys.executable,
                package,
                "" if virtualenv else ", or set the option virtualenv to a virtualenv that contains it",
            )
        )


def _inside(virtualenv: str) -> bool:
    return os.path.realpath(sys.prefix) == os.path.realpath(virtualenv)


def _found(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def _import_psycopg(virtualenv: str | None) -> None:
    """Import psycopg. This fails if libpq is missing, which the pure Python package takes from the system."""
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        text = " ".join(str(error).split())
        where = virtualenv or sys.executable
        raise PrerequisiteMissing("psycopg in %s cannot be imported: %s. Install psycopg[binary] there, or the system's libpq." % (where, text)) from None


def _python(virtualenv: str) -> str:
    """The path of the virtualenv's Python. Raises ModuleError if it does not run, or if other accounts can add code to it."""
    python = os.path.join(virtualenv, "bin", "python")
    if not os.path.isdir(virtualenv):
        if os.path.lexists(virtualenv):
            raise ModuleError("%s is not a directory; the option virtualenv must name the directory of a virtualenv." % virtualenv)
        raise PrerequisiteMissing("The virtualenv %s does not exist. Create it, for example with the role stateops.langgraph.checkpointer." % virtualenv)
    if not os.path.exists(python):
        raise ModuleError(
            "%s has no bin/python, so it is not a virtualenv. Name another directory, or create a virtualenv: python3 -m venv %s" % (virtualenv, virtualenv)
        )
    if os.geteuid() == 0:
        _reject_writable_by_others(virtualenv)
    else:
        _reject_another_owner(virtualenv)
    try:
        # run_command has no timeout.
        result = subprocess.run(  # pylint: disable=ansible-bad-function
            [python, "-I", "-c", ""], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ModuleError("%s does not run: %s. Create the virtualenv again." % (python, error)) from None
    if result.returncode:
        raise ModuleError("%s does not run (exit status %d). Create the virtualenv again." % (python, result.returncode))
    return python


def _reject_writable_by_others(virtualenv: str) -> None:
    """Raise ModuleError if accounts other than root can write to the code that the virtualenv's Python imports: a .pth file in it would run as root."""
    try:
        found = exposed_code(virtualenv)
    except OSError as error:
        raise ModuleError("%s cannot be checked as root: %s." % (virtualenv, error)) from None
    if found:
        raise ModuleError(
            "Using %s as root would run code that other accounts can write: %s belongs to user %d and has mode %04o. "
            "Run the task as the owner (become_user), or make root the owner of the virtualenv." % (virtualenv, found.path, found.uid, stat.S_IMODE(found.mode))
        )


def _reject_another_owner(virtualenv: str) -> None:
    """Raise ModuleError if neither root nor the current user owns the virtualenv: its owner's code would run with the current user's rights."""
    owner, user = os.stat(virtualenv).st_uid, os.geteuid()
    if owner not in (0, user):
        raise ModuleError(
            "%s belongs to user %d, but the task runs as user %d, which must not run code of that user. Run the task as the owner (become_user) or as root."
            % (virtualenv, owner, user)
        )
