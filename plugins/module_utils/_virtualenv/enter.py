# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module carries on under the Python of a virtualenv."""

from __future__ import annotations

import glob
import importlib
import importlib.util
import json
import os
import stat
import subprocess
import sys

from ansible.module_utils.common.respawn import has_respawned, respawn_module

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing

# The library that a module needs, by what is imported, and the package that brings it.
PACKAGES = {
    "psycopg": "psycopg[binary]",
    "langgraph.checkpoint.postgres": "langgraph-checkpoint-postgres",
    "langgraph.checkpoint.sqlite": "langgraph-checkpoint-sqlite",
}
# Bytes that respawning can hand on: it fills a pipe before anybody reads it.
PIPE = 40000
OLDEST_PYTHON = (3, 10)


def enter(virtualenv, params, library="psycopg"):
    """Carry on under the virtualenv's Python; comes back once this process runs there and finds the library.

    virtualenv: its folder, or None to use the Python that runs already. params: the module's options, which travel through a pipe.
    Raises ModuleError, or PrerequisiteMissing where the virtualenv or the library is not there yet.
    """
    if virtualenv and not _inside(virtualenv):
        if has_respawned():
            raise ModuleError("%s/bin/python is not the Python of %s (its prefix is %s). Make the virtualenv again." % (virtualenv, virtualenv, sys.prefix))
        python = _python(virtualenv)
        if len(json.dumps(params, default=str)) > PIPE:
            raise ModuleError("The options are too large to carry into %s. Set ansible_python_interpreter to %s for this task." % (virtualenv, python))
        respawn_module(python)
    if sys.version_info < OLDEST_PYTHON:
        raise ModuleError(
            "%s is Python %d.%d; LangGraph needs 3.10 or newer. Make the virtualenv with a newer Python."
            % ((virtualenv or sys.executable,) + tuple(sys.version_info[:2]))
        )
    require(library, virtualenv)
    if library == "psycopg":
        _import_psycopg(virtualenv)


def require(library, virtualenv):
    """Raise PrerequisiteMissing, with the command that installs it, where this Python does not find a library."""
    if not _found(library):
        package = PACKAGES[library]
        raise PrerequisiteMissing(
            "%s has no library %s. Install it: %s -m pip install '%s'%s"
            % (
                virtualenv or sys.executable,
                library,
                os.path.join(virtualenv, "bin", "python") if virtualenv else sys.executable,
                package,
                "" if virtualenv else ", or name the virtualenv that has it in the option virtualenv",
            )
        )


def _inside(virtualenv):
    return os.path.realpath(sys.prefix) == os.path.realpath(virtualenv)


def _found(library):
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def _import_psycopg(virtualenv):
    """psycopg is there, but without its C library (pure flavour without libpq) it does not import."""
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        text = " ".join(str(error).split())
        where = virtualenv or sys.executable
        raise PrerequisiteMissing("psycopg in %s does not start: %s. Install psycopg[binary] there, or the system's libpq." % (where, text)) from None


def _python(virtualenv):
    """The virtualenv's Python, if it is there, runs, and nobody else can have put code into it."""
    python = os.path.join(virtualenv, "bin", "python")
    if not os.path.isdir(virtualenv):
        if os.path.lexists(virtualenv):
            raise ModuleError("%s is not a folder; the option virtualenv names the folder of a virtualenv." % virtualenv)
        raise PrerequisiteMissing("The virtualenv %s does not exist. Create it: role stateops.langgraph.checkpointer does." % virtualenv)
    if not os.path.exists(python):
        raise ModuleError("%s has no bin/python, so it is no virtualenv. Name another folder, or make it: python3 -m venv %s" % (virtualenv, virtualenv))
    if os.geteuid() == 0:
        _refuse_foreign(virtualenv)
    try:
        # run_command has no time limit.
        result = subprocess.run(  # pylint: disable=ansible-bad-function
            [python, "-I", "-c", ""], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ModuleError("%s does not run: %s. Make the virtualenv again." % (python, error)) from None
    if result.returncode:
        raise ModuleError("%s does not run (exit status %d). Make the virtualenv again." % (python, result.returncode))
    return python


def _refuse_foreign(virtualenv):
    """A .pth file in a virtualenv runs with the rights of whoever enters it: as root that must be nobody else's."""
    for path in _entrance(os.path.abspath(virtualenv)):
        try:
            found = os.stat(path)
        except OSError:
            continue
        # In a sticky folder such as /tmp nobody can rename what belongs to root.
        open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
        if found.st_uid != 0 or open_to_others:
            raise ModuleError(
                "Entering %s as root would run code that others can put there: %s belongs to user %d with mode %04o. "
                "Run the task as its owner (become_user), or give the virtualenv to root." % (virtualenv, path, found.st_uid, stat.S_IMODE(found.st_mode))
            )


def _entrance(virtualenv):
    """The folders above the virtualenv, and what Python reads or runs when it starts in it."""
    folder = os.path.realpath(virtualenv)
    while True:
        yield folder
        if os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder)
    for name in ("bin", "bin/python", "pyvenv.cfg", "lib"):
        yield os.path.join(virtualenv, name)
    for site in glob.glob(os.path.join(glob.escape(virtualenv), "lib", "python*", "site-packages")):
        yield os.path.dirname(site)
        yield site
        for name in os.listdir(site):
            yield os.path.join(site, name)
