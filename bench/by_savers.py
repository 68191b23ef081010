# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies checkpoints in the common way: list() of one saver, then put() and put_writes() of the other.

Usage: BY_SAVERS.PY FILE LIMIT, with PG* in the environment.

Standard input contains the names of threads, one per line. Only the newest LIMIT checkpoints of each are copied, so that part of a large file can be timed.
"""

import sys

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver


def main(path, limit, threads):
    with SqliteSaver.from_conn_string(path) as source, PostgresSaver.from_conn_string("") as target:
        for thread in threads:
            for found in reversed(list(source.list({"configurable": {"thread_id": thread}}, limit=limit))):
                config = found.parent_config or {"configurable": dict(found.config["configurable"], checkpoint_id=None)}
                target.put(config, found.checkpoint, found.metadata, found.checkpoint["channel_versions"])
                tasks = {}
                for task, channel, value in found.pending_writes or ():
                    tasks.setdefault(task, []).append((channel, value))
                for task, writes in tasks.items():
                    target.put_writes(found.config, writes, task)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [line.rstrip("\n") for line in sys.stdin])
