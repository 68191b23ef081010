# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that block a run, either from its start or from one of its statements."""

from __future__ import annotations

import contextlib
import re
import threading

APPLICATION = "the night's report"
# Seconds to wait for upstream's setup(), which has no time limit.
HUNG = 6


@contextlib.contextmanager
def open_write(database, role):
    with database.connect(role, autocommit=False, application_name=APPLICATION) as session:
        session.execute("UPDATE checkpoints SET parent_checkpoint_id = 'p'")
        yield session
        session.rollback()


@contextlib.contextmanager
def old_snapshot(database, role):
    with database.connect(role, autocommit=False, application_name=APPLICATION) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT count(*) FROM pg_class")
        yield session
        session.rollback()


def locked(table):
    @contextlib.contextmanager
    def exclusively(database, role):
        with database.connect(role, autocommit=False, application_name=APPLICATION) as session:
            session.execute("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE" % table)
            yield session
            session.rollback()

    return exclusively


class LateBlocker:
    """Opens a blocking session before the first statement that matches."""

    def __init__(self, pattern, step):
        self.pattern = pattern
        self.step = step
        self.stack = contextlib.ExitStack()
        self.session = None
        self.inside = threading.Event()

    def __call__(self, when, _number, text):
        if when == "before" and self.session is None and re.search(self.pattern, text):
            self.session = self.stack.enter_context(self.step())
            self.inside.set()
