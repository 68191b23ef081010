# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As launch.py, for many runs: LAUNCH_FORKS.PY LIBRARY imports everything once, then forks for each line of standard input.

A line is a JSON document with module, payload, stdout and stderr (files); the exit code goes out.
"""

import json
import os
import runpy
import signal
import sys

sys.dont_write_bytecode = True
sys.path[0] = sys.argv[1]

# Found through the path set above.
from ansible.module_utils import basic

MODULES = "ansible_collections.stateops.langgraph.plugins.modules."
# What the modules import sooner or later.
IMPORTS = ("psycopg", "langgraph.checkpoint.postgres", "langgraph.checkpoint.sqlite", MODULES + "checkpoint_schema", MODULES + "checkpoint_schema_info")
PATIENCE = 90


def run(asked):
    """The module's run, in the fork; never returns."""
    signal.alarm(PATIENCE)
    for number, name in ((1, asked["stdout"]), (2, asked["stderr"])):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    code = 70
    try:
        basic._ANSIBLE_ARGS = asked["payload"].encode("utf-8")
        name = MODULES + asked["module"]
        runpy.run_module(name, init_globals={"_module_fqn": name, "_modlib_path": sys.argv[1]}, run_name="__main__", alter_sys=True)
    except SystemExit as over:
        code = over.code or 0
    except BaseException:  # as the interpreter itself does at a program's end
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


basic._ANSIBLE_PROFILE = "legacy"
for each in IMPORTS:
    __import__(each)
    if each.startswith(MODULES):
        del sys.modules[each]  # it runs as __main__ each time
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(json.loads(line))
    print(os.waitpid(child, 0)[1], flush=True)
