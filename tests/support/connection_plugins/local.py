# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection plugin local, in which a module runs in a fork of an interpreter that has already imported everything."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from pathlib import Path

import ansible.plugins.connection

sys.path.append(str(Path(__file__).resolve().parents[1]))
from forks import Process

DOCUMENTATION = """
name: local
short_description: execute on the controller, modules in forks
description: Like ansible.builtin.local, without the time to start Python and to import what a module needs.
author: The stateops.langgraph authors
version_added: 0.1.0
extends_documentation_fragment: [connection_pipelining]
options:
  become_success_timeout:
    description: Number of seconds to wait for become to succeed.
    type: int
    default: 10
  become_strip_preamble:
    description: Strip internal become output preceding command execution.
    type: bool
    default: true
"""


def _original():
    """Ansible's own plugin, which has the same name."""
    path = Path(ansible.plugins.connection.__file__).with_name("local.py")
    spec = importlib.util.spec_from_file_location("original_local", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Connection


class Connection(_original()):
    def exec_command(self, cmd, in_data=None, sudoable=True):
        python = os.environ["LANGGRAPH_TEST_PYTHON"]
        # The command with which ansible-core 2.21 and older releases start a module.
        if not in_data or shlex.split(cmd) not in (["/bin/sh", "-c", python], ["/bin/sh", "-c", python + " && sleep 0"]):
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        process = Process(os.environ["LANGGRAPH_TEST_FORKS"], in_data, cwd=self.cwd or os.getcwd())
        stdout, stderr = process.communicate()
        return process.returncode, stdout.encode("utf-8"), stderr.encode("utf-8")
