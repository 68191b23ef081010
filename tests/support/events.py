# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event triggers that delay a run or make it fail, and a function that waits for a condition."""

from __future__ import annotations

import time

# Runs for every statement that creates or changes a table or an index.
EVENT = """
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN %s END $f$;
CREATE EVENT TRIGGER on_ddl ON %s WHEN TAG IN (%s) EXECUTE FUNCTION public.on_ddl();
"""


def on_ddl(database, body, tags="'CREATE TABLE', 'CREATE INDEX', 'ALTER TABLE'", event="ddl_command_start"):
    database.execute(EVENT % (body, event, tags))


def no_more(database):
    database.execute("DROP EVENT TRIGGER on_ddl; DROP FUNCTION public.on_ddl()")


def until(found, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = found()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("the condition was not met within %s s" % seconds)
