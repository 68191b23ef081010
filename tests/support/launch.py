# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one module as Ansible's wrapper does, without ansible-playbook's start: LAUNCH.PY LIBRARY MODULE, arguments on standard input."""

import runpy
import sys

sys.dont_write_bytecode = True
sys.path[0] = sys.argv[1]

# Found through the path set above.
from ansible.module_utils import basic

basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
basic._ANSIBLE_PROFILE = "legacy"
NAME = "ansible_collections.stateops.langgraph.plugins.modules." + sys.argv[2]
GLOBALS = {"_module_fqn": NAME, "_modlib_path": sys.argv[1]}
del sys.argv[1:]
runpy.run_module(NAME, init_globals=GLOBALS, run_name="__main__", alter_sys=True)
