# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtualenv contains, who can write to it, and which requirements it does not satisfy."""

from __future__ import annotations

import grp
import json
import os
import pwd
import resource
import stat
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Sequence

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.paths import components
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.script import SCRIPT
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.trust import exposed_code

# Paths that Python reads or executes when it starts in a virtualenv.
ENTRANCE = ("", "bin", "bin/python", "pyvenv.cfg", "lib")
# The types of the values in the script's output, except its version.
ANSWER = {"packages": dict, "unsatisfied": list, "ensurepip": bool, "uv": bool}
# The limit in bytes for the output of another account's Python, which could otherwise fill the memory.
OUTPUT = 8 * 1024 * 1024
# The time in seconds after which the Python of a virtualenv is ended.
TIME_LIMIT = 120


def account_of(uid: int) -> str:
    """The name of an account, or its number if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_of(gid: int) -> str:
    """The name of a group, or its number if it has no name."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def not_usable(path: str, requirements: Sequence[str], reason: str = "") -> dict[str, Any]:
    """The result for a virtualenv that does not exist or must not be used."""
    return {
        "virtualenv": path,
        "exists": False,
        "problem": reason,
        "python_version": None,
        "has_pip": False,
        "has_ensurepip": False,
        "uv": False,
        "account": None,
        "owner": None,
        "group": None,
        "mode": None,
        "foreign_writable": [],
        "packages": {},
        "unsatisfied": [
            {"requirement": each, "found": None, "reason": reason or "the virtualenv does not exist", "required_by": None} for each in requirements
        ],
    }


def read(path: str, requirements: Sequence[str]) -> dict[str, Any]:
    """The return values of the module virtualenv_info for one path. Raises ModuleError if a requirement is malformed."""
    user = os.geteuid()
    known: dict[str, Any] = {"user": account_of(user), "uid": user, "interpreter": sys.executable}
    try:
        account, problem = _account(path)
    except OSError as error:
        return dict(not_usable(path, requirements, "%s cannot be read: %s" % (error.filename or path, error.strerror)), **known)
    result = _inspect(path, requirements, account) if not problem else not_usable(path, requirements, problem)
    return dict(result, account=account_of(account), **known)


def _account(path: str) -> tuple[int, str]:
    """(the user id of the account that code in this directory must run as, why it must not run at all or an empty string). Raises OSError.

    If only root can change the path, this is the directory's owner. If another account can replace the directory, it is that account, so that the code there
    never runs with root's rights.
    """
    user = os.geteuid()
    if user != 0:
        return user, ""
    found = list(components(path))
    # If the path does not exist yet, others must not be able to create it first, so its last directory may not even be sticky.
    parents = found[:-1] if found[-1].last else [*found[:-1], found[-1]._replace(last=True)]
    owners = sorted({each.uid for each in found} - {0})
    if len(owners) > 1:
        named = " and ".join(account_of(uid) for uid in owners)
        return owners[0], "%s can both change what %s leads to; choose a path that only one of them, or only root, can change" % (named, path)
    if owners:
        return owners[0], ""
    exposed = next((each.path for each in parents if each.exposed), "")
    advice = "accounts other than root can write to %s, so root uses no virtualenv below it; run chmod go-w %s, or choose another path"
    return 0, advice % (exposed, exposed) if exposed else ""


def _inspect(path: str, requirements: Sequence[str], account: int) -> dict[str, Any]:

    try:
        folder = os.stat(path)
    except FileNotFoundError:
        return not_usable(path, requirements, "%s is a symbolic link to a path that does not exist" % path if os.path.lexists(path) else "")
    except OSError as error:
        return not_usable(path, requirements, "%s cannot be read: %s" % (path, error.strerror))
    result = not_usable(path, requirements)
    result.update(owner=account_of(folder.st_uid), group=group_of(folder.st_gid), mode="%04o" % stat.S_IMODE(folder.st_mode))
    problem = _unfit(path, folder)
    if problem is None:
        # A virtualenv can be created in an empty directory.
        return result
    if not problem:
        try:
            result["foreign_writable"] = foreign_writable(path, folder.st_uid)
            problem = _untrusted(path, folder, result["foreign_writable"], account)
        except OSError as error:
            problem = "%s cannot be read by %s: %s" % (error.filename, account_of(os.geteuid()), error.strerror)
    if not problem:
        answer, problem = _ask(path, requirements, account)
    if problem:
        result.update(not_usable(path, requirements, problem), **{key: result[key] for key in ("owner", "group", "mode", "foreign_writable")})
        return result
    result.update(
        exists=True,
        python_version="%d.%d.%d" % tuple(answer["version"]),
        packages=answer["packages"],
        has_pip="pip" in answer["packages"],
        has_ensurepip=answer["ensurepip"],
        unsatisfied=answer["unsatisfied"],
        uv=answer["uv"],
    )
    return result


def _unfit(path: str, folder: os.stat_result) -> str | None:
    """None for an empty directory, an empty string for a virtualenv, otherwise what the path is instead."""
    if not stat.S_ISDIR(folder.st_mode):
        return "%s is not a directory" % path
    try:
        if not os.listdir(path):
            return None
    except OSError as error:
        return "%s cannot be read: %s" % (path, error.strerror)
    if not os.path.isfile(os.path.join(path, "pyvenv.cfg")):
        return "%s is a directory that contains something other than a virtualenv (it has no pyvenv.cfg)" % path
    python = os.path.join(path, "bin", "python")
    try:
        os.stat(python)
    except FileNotFoundError:
        what = "is a link to a Python that no longer exists" if os.path.lexists(python) else "is missing"
        return "%s %s; remove %s and create it again" % (python, what, path)
    except OSError as error:
        return "%s cannot be read by %s: %s" % (python, account_of(os.geteuid()), error.strerror)
    return ""


def foreign_writable(path: str, owner: int) -> list[str]:
    """The paths that Python reads at startup and that accounts other than the owner and root can write to."""
    names = list(ENTRANCE)
    lib = os.path.join(path, "lib")
    for version in sorted(os.listdir(lib)) if os.path.isdir(lib) else ():
        site = os.path.join("lib", version, "site-packages")
        if os.path.isdir(os.path.join(path, site)):
            names += [os.path.join("lib", version), site]
            names += sorted(os.path.join(site, name) for name in os.listdir(os.path.join(path, site)))
    result = []
    for name in names:
        each = os.path.join(path, name) if name else path
        try:
            found = os.stat(each)
        except OSError:
            continue
        if found.st_uid not in (0, owner) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            result.append(each)
    return result


def _untrusted(path: str, folder: os.stat_result, writable: list[str], account: int) -> str:
    """Why this virtualenv must not run with the current user's rights (a .pth file in it is code), or an empty string. Raises OSError."""
    user = os.geteuid()
    if user == 0:
        if account == 0 and writable:
            return "accounts other than root can write to %s, so root does not use it; check its contents, then run chmod -R go-w %s" % (_some(writable), path)
        found = exposed_code(path) if account == 0 else None
        if found:
            return (
                "%s takes code from %s, which %s, so root does not use it; make root the only account that can write there, or remove it from the virtualenv"
                % (
                    path,
                    found.path,
                    "belongs to %s" % account_of(found.uid) if found.uid else "accounts other than root can write",
                )
            )
    elif folder.st_uid not in (0, user):
        return "%s belongs to %s, but the task runs as %s; run the task as the owner or as root" % (path, account_of(folder.st_uid), account_of(user))
    return ""


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (" and %d more" % (len(paths) - 3) if len(paths) > 3 else "")


def _drop(uid: int) -> Callable[[], None] | None:
    """A function that gives up root's rights before the Python of another account's virtualenv starts, or None."""
    if os.geteuid() != 0 or uid == 0:
        return None
    try:
        account = pwd.getpwuid(uid)
        group, groups = account.pw_gid, os.getgrouplist(account.pw_name, account.pw_gid)
    except KeyError:
        group, groups = 65534, []  # no such account: the group nobody, which owns no files

    def drop() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
        os.setgroups(groups)
        os.setgid(group)
        os.setuid(uid)

    return drop


def _complete(answer: object) -> bool:
    """Whether this is the script's output. The code of another account can print anything."""
    if not isinstance(answer, dict):
        return False
    version = answer.get("version")
    numbers = isinstance(version, list) and len(version) == 3 and all(isinstance(part, int) for part in version)
    return isinstance(answer.get("invalid"), str) or numbers and all(isinstance(answer.get(key), kind) for key, kind in ANSWER.items())


def _ask(path: str, requirements: Sequence[str], account: int) -> tuple[dict[str, Any], str]:
    """The script's output and an empty string, or an empty dictionary and the reason for the failure."""
    python = os.path.join(path, "bin", "python")
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            # preexec_fn because user= and group= need Python 3.9. run_command supports none of these and has no timeout.
            process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn,ansible-bad-function,consider-using-with
                [python, "-I", "-c", SCRIPT],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
                preexec_fn=_drop(account),
                # In root's session, the other account could write commands to root's terminal.
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return {}, "%s does not run: %s" % (python, error)
        # With a timeout, subprocess would poll the process up to 20 times a second instead of waiting for it.
        timer, started = threading.Timer(TIME_LIMIT, process.kill), time.monotonic()
        timer.start()
        try:
            process.communicate(json.dumps(requirements).encode())
        finally:
            timer.cancel()
        if time.monotonic() - started >= TIME_LIMIT:
            return {}, "%s does not run: it did not end within %d s" % (python, TIME_LIMIT)
        output.seek(0)
        errors.seek(0)
        try:
            answer = json.loads(output.read().decode().splitlines()[-1])  # a .pth file can print text before this line
            if not _complete(answer):
                raise ValueError
        except (ValueError, IndexError, RecursionError):
            last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            return {}, "%s does not run (exit status %d): %s" % (python, process.returncode, "".join(last) or "no error message")
    if "invalid" in answer:
        raise ModuleError("requirements contains an invalid requirement: %s. Use pip's syntax, such as psycopg[binary]==3.3.9." % answer["invalid"])
    return answer, ""
