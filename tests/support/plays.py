# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs complete playbooks on several hosts, all of which are this machine, each with its own virtualenv."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from runner import ROOT, Outcome, Playbook

PLAYBOOKS = ROOT / "playbooks"
# A minimal system has no ssh client, and the unreachable host in the tests is one that ssh cannot connect to.
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh client: apt-get install openssh-client")


class Run(Outcome):
    """The output of ansible-playbook. `recap` contains the counts of each host."""

    @property
    def recap(self):
        lines = re.findall(r"^(\S+)\s+: (ok=.*)$", self.output, re.M)
        return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}

    def of(self, task, host=None, kind=None):
        """Results of the tasks whose name ends with this text."""
        return [each["result"] for each in self.tasks if each["task"].endswith(task) and host in (None, each["host"]) and kind in (None, each["kind"])]

    def hosts(self, task):
        """The hosts on which a task ran and was not skipped, sorted, because hosts finish a task in any order."""
        return sorted(each["host"] for each in self.tasks if each["task"].endswith(task) and each["kind"] != "skipped")

    def passed(self):
        assert self.rc == 0, self.output[-6000:]
        return self

    def unchanged(self):
        self.passed()
        assert {host: counts["changed"] for host, counts in self.recap.items()} == dict.fromkeys(self.recap, 0), self.output[-6000:]
        return self

    def stopped(self, *parts, rc=2):
        assert self.rc == rc, self.output[-6000:]
        # ansible-core 2.18 shows a message as YAML, in which an apostrophe may be doubled.
        text = " ".join(self.output.split()).replace("''", "'")
        for part in parts:
            assert part in text, "%r is not in:\n%s" % (part, self.output[-6000:])
        assert "Traceback" not in self.output
        return self


def short(folder):
    """A short path to a directory. Since ansible-core 2.21, Ansible creates a socket in TMPDIR, and the path of a socket is limited to 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="lg", dir="/tmp"))
    atexit.register(shutil.rmtree, made)
    (made / "t").symlink_to(folder)
    return made / "t"


def run(scratch, playbook, inventory, *flags, env=None, verbosity="-vvvv", umask=-1, forked=True):
    """`playbook` is a path or a list of plays. `inventory` is a path, a list of hosts as text, a dictionary of groups, or None for no inventory."""
    folder = scratch / ("play%d" % len(list(scratch.glob("play*"))))
    folder.mkdir()
    if not isinstance(playbook, (str, os.PathLike)):
        (folder / "play.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
        playbook = folder / "play.yml"
    if isinstance(inventory, dict):
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory, sort_keys=False))
        inventory = folder / "inventory.yml"
    environment = {**{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}, **(env or {})}
    arguments = [*(["-i", inventory] if inventory else []), *([verbosity] if verbosity else []), *flags, playbook]
    done = Playbook(folder, arguments, environment, forked, umask, timeout=600)
    return Run({}, done.output, done.rc, done.tasks)
