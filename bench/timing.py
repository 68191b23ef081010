# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks as complete processes, alternately, and formats their times."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True)
class Runs:
    """For each round: elapsed seconds, CPU seconds (a busy machine increases only the first), and `changed` in the recap."""

    clock: tuple
    processor: tuple
    changed: tuple

    def per_task(self, empty, tasks):
        """The time of a single task in each round, after the time of a playbook without tasks is subtracted."""
        return replace(self, clock=_shares(self.clock, empty.clock, tasks), processor=_shares(self.processor, empty.processor, tasks))


def _shares(whole, empty, number):
    return tuple((mine - theirs) / number for mine, theirs in zip(whole, empty))


def alternate(host, playbooks, rounds):
    """The Runs of each playbook. They run in the order A B A B, not A A B B, so that a busy period affects all of them. The first round is discarded."""
    taken = [[] for _each in playbooks]
    for number in range(rounds + 1):
        for playbook, runs in zip(playbooks, taken):
            clock, processor = time.perf_counter(), _worked()
            output = host.play(playbook)
            clock, processor = time.perf_counter() - clock, _worked() - processor
            if number:
                runs.append((clock, processor, sum(int(count) for count in re.findall(r"\bchanged=(\d+)", output))))
    return [Runs(*zip(*runs)) for runs in taken]


def _worked():
    """The CPU seconds of the child processes that have ended, and of their children."""
    times = os.times()
    return times.children_user + times.children_system


def spread(seconds):
    return "%.3f s (%.3f to %.3f)" % (median(seconds), min(seconds), max(seconds))


def ratios(first, second):
    """The ratios of the times in each round, because consecutive runs have the same load on the machine."""
    pairs = [mine / theirs for mine, theirs in zip(first, second)]
    return "%.2f (%.2f to %.2f)" % (median(pairs), min(pairs), max(pairs))


def change(runs):
    return "changed=%s" % " or ".join(str(count) for count in sorted(set(runs.changed)))
