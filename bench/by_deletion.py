# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prunes in the common way: list() finds each thread's newest checkpoint, and delete_thread() deletes the thread if that checkpoint is old.

Usage: BY_DELETION.PY IDENTIFIER, with PG* in the environment.

Standard input contains the names of threads, one per line. A thread is old if its newest checkpoint has an id below IDENTIFIER.
"""

import sys

from langgraph.checkpoint.postgres import PostgresSaver


def main(first, threads):
    with PostgresSaver.from_conn_string("") as saver:
        for thread in threads:
            newest = next(saver.list({"configurable": {"thread_id": thread}}, limit=1))
            if newest.config["configurable"]["checkpoint_id"] < first:
                saver.delete_thread(thread)


if __name__ == "__main__":
    main(sys.argv[1], [line.rstrip("\n") for line in sys.stdin])
