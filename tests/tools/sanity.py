# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `ansible-test sanity` on a clean copy of the checkout: SANITY.PY FOLDER [ARGUMENT...]. All files are created in FOLDER."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import ansible_test
from ansible_test._util.target.common.constants import CONTROLLER_PYTHON_VERSIONS, REMOTE_ONLY_PYTHON_VERSIONS
from copy_tree import copy_to

# The Python versions that this ansible-core supports on hosts and control nodes. ansible-test compiles and imports the plugins with the installed ones.
PYTHONS = REMOTE_ONLY_PYTHON_VERSIONS + CONTROLLER_PYTHON_VERSIONS
SHOWN = ("Running sanity test", "ERROR", "FATAL", "WARNING")
HIDDEN = ("WARNING: Location", "WARNING: Using locale", "WARNING: Reviewing", "WARNING: Running pip as")


def pip_settings():
    """The pip settings of this machine, from files and from the environment. ansible-test does not pass them to pip."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    settings = configparser.RawConfigParser()
    settings.add_section("global")
    pairs = [line.split("=", 1) for line in listed.splitlines() if "=" in line]
    # The environment takes precedence over the files, so it is read last.
    for key, value in sorted(pairs, key=lambda pair: pair[0].startswith(":env:")):
        section, option = key.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, option, ast.literal_eval(value))
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    if cache:
        settings.set("global", "cache-dir", cache)
    return settings


def home(folder):
    """A separate home directory, so that nothing is written to the user's home directory."""
    folder = folder / "home"
    pip_conf = folder / ".config" / "pip" / "pip.conf"
    pip_conf.parent.mkdir(parents=True, exist_ok=True)
    pip_conf.touch(mode=0o600)
    with pip_conf.open("w", encoding="utf-8") as handle:
        pip_settings().write(handle)
    for version in pip_versions():
        bootstrap = folder / ".ansible" / "test" / "cache" / ("get_pip_%s.py" % version.replace(".", "_"))
        bootstrap.parent.mkdir(parents=True, exist_ok=True)
        bootstrap.write_text("import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n", encoding="utf-8")
    return folder


def pip_versions():
    """The versions of pip that this ansible-test requires. It downloads a get-pip.py for each of them, unless its cache already contains that file."""
    source = Path(ansible_test.__path__[0]) / "_internal" / "python_requirements.py"
    return re.findall(r"\bpip='([0-9.]+)'", source.read_text(encoding="utf-8"))


def interpreters(folder):
    """Links to the Python interpreters that run. A pyenv shim may belong to a version that is not selected."""
    folder = folder / "pythons"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own = "%d.%d" % sys.version_info[:2]
    found = []
    for version in PYTHONS:
        name = "python" + version
        candidate = sys.executable if version == own else shutil.which(name)
        if candidate is None:
            continue
        probe = subprocess.run(
            [candidate, "-c", "import sys; print(getattr(sys, '_base_executable', sys.executable))"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if probe.returncode == 0:
            (folder / name).symlink_to(probe.stdout.strip())
            found.append(version)
    if own not in found:
        raise SystemExit("this ansible-test requires Python %s, found %s: choose another with PYTHON=" % (", ".join(CONTROLLER_PYTHON_VERSIONS), own))
    return folder, own, found


def main():
    folder = Path(sys.argv[1]).resolve()
    checkout = copy_to(folder / "ansible_collections" / "stateops" / "langgraph")
    # Without its own repository, the copy would belong to this one, whose .gitignore lists its directory, and ansible-test would find no files.
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    ignored = sorted(path.name for path in checkout.glob("tests/sanity/ignore*"))
    if ignored:
        raise SystemExit("ignore files are not allowed, found %s" % ", ".join(ignored))
    pythons, own, found = interpreters(folder)
    environment = dict(os.environ, HOME=str(home(folder)))
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), str(pythons), os.environ["PATH"]])
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH"):
        environment.pop(name, None)
    # The virtualenv that runs ansible-test hides the Python from which it was created.
    environment.pop("VIRTUAL_ENV", None)
    # The test "symlinks" rejects every link to a directory. The excluded link makes a checkout usable as the collection, for playbooks and for AWX.
    command = ["ansible-test", "sanity", "--exclude", "collections/ansible_collections/"]
    command += ["--controller", "origin:python=venv/%s@%s" % (own, pythons / ("python" + own))]
    for version in found:
        command += ["--target-python", version]
    print("ansible-test sanity, plugins on Python %s" % ", ".join(found), flush=True)
    return report(command + sys.argv[2:], checkout, environment, folder / "log")


def report(command, checkout, environment, log):
    """Run the command and print the lines about the tests. The output of pip is only in the log, unless the command failed completely."""
    lines = []
    with log.open("w", encoding="utf-8") as handle:
        with subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout:
                handle.write(line)
                lines.append(line)
                if line.startswith(SHOWN) and not line.startswith(HIDDEN):
                    print(line, end="", flush=True)
    tests = [line for line in lines if line.startswith("Running sanity test")]
    if process.returncode:
        if not any(line.startswith("ERROR") for line in lines):
            print("".join(lines[-40:]), end="")
        print("ansible-test sanity failed; the complete output is in %s" % log)
    elif not tests:
        print("ansible-test ran no test")
    else:
        print("%d sanity tests passed" % len(tests))
    return process.returncode or int(not tests)


if __name__ == "__main__":
    sys.exit(main())
