#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_stats_info
short_description: Gather the size, age and growth of LangGraph's tables, and fail if they exceed limits
version_added: 0.1.0
description:
  - Returns how large the tables of C(PostgresSaver) are, how fast they grow, how old their threads are, and which threads wait for an answer.
  - With O(older_than), O(threads) or O(metadata), it also returns what M(stateops.langgraph.checkpoint_prune) would remove with the same options.
  - Each figure says how it was obtained. V(exact) means that everything was read. V(estimate) is PostgreSQL's own estimate. V(sample) is extrapolated
    from a random part of the rows or threads. If a figure could not be obtained in O(time_limit), it is null and C(reason) says why.
  - With O(limits), the task fails if a figure exceeds its limit, so that a nightly job reports the growth before the disk is full.
author:
  - The stateops.langgraph authors (@stateops)
options:
  limits:
    description:
      - The task fails if one of these limits is exceeded. The result contains all facts in this case as well.
      - The task also fails if a limit cannot be checked, because its figure could not be obtained in O(time_limit), or because no id shows an age.
    type: dict
    suboptions:
      bytes:
        description:
          - The size of the tables with TOAST and their indexes, for example V(50GB), which is 50 * 1024^3 bytes.
        type: str
      oldest_age:
        description:
          - The age of the newest checkpoint of the oldest thread, for example V(90d). The units are those of O(older_than).
          - If only a sample of the threads was read, older threads may exist.
        type: str
      dead_percent:
        description:
          - The percentage of dead rows of each of the three tables, as C(pg_stat_all_tables) shows it. A table with fewer than 1000 dead rows is ignored.
        type: float
      waiting_threads:
        description:
          - The number of threads that wait for an answer, RV(waiting).
        type: int
  days:
    description:
      - The number of days, including the current one, that RV(growth) shows. The days are those of UTC.
    type: int
    default: 30
  orphan_grace:
    description:
      - A pending write without a checkpoint is counted as recent if it is younger than this number of seconds.
    type: int
    default: 3600
  show_threads:
    description:
      - Whether the result contains the ids of threads. Otherwise it contains their SHA-256 hashes, since ids may name people.
    type: bool
    default: false
  time_limit:
    description:
      - The number of seconds for all figures together, at least 1. Smaller samples are read if it is short.
    type: int
    default: 60
  statement_timeout:
    description:
      - The number of seconds that a statement may take. V(0) for no limit other than O(time_limit).
    type: int
    default: 30
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.retention
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.info
seealso:
  - module: stateops.langgraph.checkpoint_prune
  - module: stateops.langgraph.checkpoint_schema_info
notes:
  - The role needs C(USAGE) on the schema and C(SELECT) on the three tables. The application's role has these privileges.
  - The session is read-only, so the module can also run on a hot standby. It never waits for a lock longer than 3 seconds.
  - A table of more than 16384 pages (128 MiB) is not read as a whole. Threads are read by the primary keys. If reading all of them
    would take too long, the figures come from a sample, in which each thread that has a checkpoint has the same probability.
  - In check mode, the task does not fail if the virtualenv or the database does not exist yet. The module then warns that nothing is known yet.
  - The names of channels are names in the application's graph and are always returned.
  - The module fails behind a connection pooler in transaction mode, since settings do not work there.
"""

EXAMPLES = r"""
- name: Fail before the disk is full
  stateops.langgraph.checkpoint_stats_info:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    limits:
      bytes: 50GB
      oldest_age: 120d
      dead_percent: 30
      waiting_threads: 500

- name: Show what a retention policy would remove
  stateops.langgraph.checkpoint_stats_info:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    older_than: 90d
    time_limit: 300
  register: stats

- name: Show the bytes
  ansible.builtin.debug:
    msg: "{{ stats.retention.bytes.values() | sum | human_readable }} in {{ stats.retention.threads.deleted }} threads"
"""

RETURN = r"""
at:
  description: The time on the server's clock, in UTC.
  returned: success, and on failure by O(limits)
  type: str
  sample: "2026-11-30T02:00:04Z"
bytes:
  description: The size of all tables with TOAST and their indexes.
  returned: success, and on failure by O(limits)
  type: int
  sample: 731906048
tables:
  description: A dictionary with the names of the tables as keys. C(checkpoint_migrations) is left out if it does not exist.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    checkpoint_blobs:
      rows: {value: 1204000, method: estimate, sampled_percent: null, reason: null}
      bytes: {heap: 402653184, toast: 96468992, indexes: 118489088, total: 617611264}
      dead_rows: {value: 80211, method: estimate, sampled_percent: null, reason: null}
      dead_percent: 6.2
      last_vacuum: {at: "2026-11-29T21:14:09Z", automatic: true}
      last_analyze: null
threads:
  description: The number of threads, as a figure.
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 52000, method: exact, sampled_percent: null, reason: null}
  contains:
    value:
      description: The number. Null if it could not be obtained.
      type: int
    method:
      description: How it was obtained, V(exact), V(estimate) or V(sample). Null if it could not be obtained.
      type: str
    sampled_percent:
      description: The percentage of the rows or threads that a sample contains. Null for other methods.
      type: float
    reason:
      description: Why the number could not be obtained, otherwise null.
      type: str
namespaces:
  description: The number of pairs of a thread and a namespace that have a checkpoint, as a figure in the form of RV(threads).
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 61200, method: exact, sampled_percent: null, reason: null}
checkpoints:
  description: The number of checkpoints, as a figure in the form of RV(threads).
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 1040000, method: estimate, sampled_percent: null, reason: null}
ages:
  description: The threads by the time of their newest checkpoint, in any namespace.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    method: exact
    sampled_percent: null
    reason: null
    histogram:
      - {over_days: 0, up_to_days: 1, threads: 310}
      - {over_days: 1, up_to_days: 7, threads: 2200}
      - {over_days: 365, up_to_days: null, threads: 0}
    age_unknown: 8
    no_checkpoint: 1
    oldest: "2026-03-02T08:11:40Z"
  contains:
    method:
      description: As in RV(threads.method).
      type: str
    sampled_percent:
      description: As in RV(threads.sampled_percent).
      type: float
    reason:
      description: As in RV(threads.reason).
      type: str
    histogram:
      description: The number of threads by age. C(up_to_days) of the last entry is null. The whole list is null if no thread was read in time.
      type: list
      elements: dict
    age_unknown:
      description: The number of threads with an id that is not a version 6 UUID, so that their age is not known.
      type: int
    no_checkpoint:
      description: The number of threads of which only channel values or pending writes exist. Null for a sample, which cannot contain them.
      type: int
    oldest:
      description: The time of the newest checkpoint of the oldest thread that was read.
      type: str
growth:
  description: What each of the last O(days) days added and is still stored, by the time in the ids.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    method: exact
    sampled_percent: null
    reason: null
    days:
      - {day: "2026-11-29", checkpoints: 41000, bytes: 98123000}
      - {day: "2026-11-30", checkpoints: 3100, bytes: 7123000}
  contains:
    method:
      description: As in RV(threads.method).
      type: str
    sampled_percent:
      description: As in RV(threads.sampled_percent).
      type: float
    reason:
      description: As in RV(threads.reason).
      type: str
    days:
      description:
        - The days in order, with the number of checkpoints, and the size of these checkpoints, their pending writes, and the channel values that they
          are the first to name. The sizes are those of the values as they are stored, without indexes and the overhead of PostgreSQL.
        - Null if no thread was read in time.
      type: list
      elements: dict
largest_threads:
  description:
    - The ten largest threads. With the method V(sample), only threads with rows in the sample are compared; a large thread is likely to be among them.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    method: sample
    sampled_percent: 4.1
    reason: null
    threads:
      - thread: sha256:559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd
        checkpoints: 8800
        rows: 31200
        bytes: 78123000
        method: exact
  contains:
    method:
      description: As in RV(threads.method).
      type: str
    sampled_percent:
      description: As in RV(threads.sampled_percent).
      type: float
    reason:
      description: As in RV(threads.reason).
      type: str
    threads:
      description:
        - The threads, as hashes unless O(show_threads), with their checkpoints, and the rows and bytes in all tables. C(method) says how the numbers of
          this thread were obtained. Null if no sample was read in time.
      type: list
      elements: dict
largest_channels:
  description: The ten channels with the most bytes in channel values and pending writes. Values that a checkpoint contains itself are not counted.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    method: exact
    sampled_percent: null
    reason: null
    channels:
      - {channel: messages, rows: 810000, bytes: 401230000}
  contains:
    method:
      description: As in RV(threads.method).
      type: str
    sampled_percent:
      description: As in RV(threads.sampled_percent).
      type: float
    reason:
      description: As in RV(threads.reason).
      type: str
    channels:
      description: The channels with their rows and bytes. A name has 200 characters at most. Null if no sample was read in time.
      type: list
      elements: dict
waiting:
  description:
    - The number of threads whose newest checkpoint has a pending interrupt, as a figure in the form of RV(threads).
    - C(oldest) is the time of the newest checkpoint of the one that has waited longest. Null if no such thread was read.
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 31, method: exact, sampled_percent: null, reason: null, oldest: "2026-10-12T14:02:11Z"}
unfinished:
  description:
    - The number of threads with a step that has not run yet, as a figure in the form of RV(threads). A breakpoint leaves such a thread, and so does a run
      whose process was killed.
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 8, method: exact, sampled_percent: null, reason: null}
delta_channel:
  description: The number of threads whose graph has a C(DeltaChannel), as a figure in the form of RV(threads). If there are more than 5000, it is a sample.
  returned: success, and on failure by O(limits)
  type: dict
  sample: {value: 0, method: exact, sampled_percent: null, reason: null}
orphans:
  description:
    - Rows without their checkpoint, in the form of RV(stateops.langgraph.checkpoint_schema_info#module:orphans). The counts of a sample are not extrapolated.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    writes: {count: 0, recent: 0, age_unknown: 0, limited: false, sampled_percent: null}
    blobs: {count: 0, sampled_percent: null}
  contains:
    writes:
      description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:orphans.writes).
      type: dict
    blobs:
      description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:orphans.blobs).
      type: dict
policy:
  description:
    - The options of the retention policy. Null without O(older_than), O(threads) and O(metadata).
    - Without O(show_threads), ids, patterns and the values of metadata are replaced by their SHA-256 hashes, because they may name people.
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    older_than: 90d
    keep: none
    waiting: keep
retention:
  description: What M(stateops.langgraph.checkpoint_prune) would remove now with the same options. Null without O(older_than), O(threads) and O(metadata).
  returned: success, and on failure by O(limits)
  type: dict
  sample:
    method: exact
    sampled_percent: null
    reason: null
    threads: {considered: 5200, deleted: 1800, trimmed: 0, kept: 3400, remaining: 0}
    kept: {excluded: 0, other_metadata: 0, recent: 3392, age_unknown: 8}
    rows: {checkpoints: 36000, blobs: 41000, writes: 88000}
    bytes: {checkpoints: 43200000, blobs: 311000000, writes: 96000000}
    oldest_left: "2026-09-01T11:20:34Z"
    deleted_threads: {total: 1, sample: ["sha256:559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"]}
  contains:
    method:
      description: As in RV(threads.method).
      type: str
    sampled_percent:
      description: As in RV(threads.sampled_percent).
      type: float
    reason:
      description: As in RV(threads.reason).
      type: str
    threads:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:threads) in check mode. Null, like the other values, if it could not be obtained.
      type: dict
    kept:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:kept) in check mode.
      type: dict
    rows:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:rows) in check mode.
      type: dict
    bytes:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:bytes) in check mode.
      type: dict
    oldest_left:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:oldest_left) in check mode. Null for a sample.
      type: str
    deleted_threads:
      description: The same as RV(stateops.langgraph.checkpoint_prune#module:deleted_threads) in check mode. Null for a sample.
      type: dict
exceeded:
  description: The limits that are exceeded or could not be checked. Empty if the task succeeds.
  returned: success, and on failure by O(limits)
  type: list
  elements: dict
  sample:
    - limit: bytes
      found: "731906048"
      allowed: "536870912"
      message: "The tables and their indexes have 698 MiB, and the limit is 512 MiB. Delete old threads with checkpoint_prune, or raise the limit and the disk."
  contains:
    limit:
      description: The suboption of O(limits).
      type: str
    found:
      description: The figure. Null if it could not be obtained.
      type: str
    allowed:
      description: The limit.
      type: str
    message:
      description: The figure, the limit, and what to do.
      type: str
seconds:
  description: The duration of gathering the figures.
  returned: success, and on failure by O(limits)
  type: float
  sample: 4.2
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import report_lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import (
    READ_LOCK_TIMEOUT,
    configure_session,
    only_tables,
    secure_session,
    take_role,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import shown_policy
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy, policy_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.preflight import require_tables
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.gather import UNREADABLE, gather
from ansible_collections.stateops.langgraph.plugins.module_utils._statistics.limits import Limits, limits_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter

APPLICATION = "stateops.langgraph.checkpoint_stats_info"
# row_security off: a query whose rows a policy hides fails.
SETTINGS = {"default_transaction_read_only": "on", "jit": "off", "row_security": "off"}


def main() -> None:
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **policy_argument_spec())
    spec.update(
        limits=limits_argument_spec(),
        days={"type": "int", "default": 30},
        orphan_grace={"type": "int", "default": 3600},
        show_threads={"type": "bool", "default": False},
        time_limit={"type": "int", "default": 60},
        statement_timeout={"type": "int", "default": 30},
    )
    run_module(DatabaseModule(argument_spec=spec, supports_check_mode=True), run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Check the options, enter the virtualenv, check the tables, gather, compare with the limits; returns the module's results."""
    params = module.params
    policy, limits = Policy.of(params), Limits.of(params["limits"])
    for option, lowest, highest in (("days", 1, 366), ("time_limit", 1, 86400)):
        if not lowest <= params[option] <= highest:
            raise ModuleError("%s is %d; it must be from %d to %d." % (option, params[option], lowest, highest))
    try:
        enter(params["virtualenv"], params)
        with connected(params, APPLICATION) as connection:
            if pooler_mode(connection, params, APPLICATION) == "transaction":
                raise ModuleError("This is a connection pooler in transaction mode, where locks and settings do not work. Connect to the server itself.")
            secure_session(connection)
            state = require_tables(connection, params["schema"], params["session_role"], ["SELECT"], UNREADABLE.__contains__)
            take_role(connection, params["session_role"])
            configure_session(connection, {"lock_timeout": READ_LOCK_TIMEOUT, "statement_timeout": params["time_limit"]})
            for name, value in dict(SETTINGS, **only_tables(connection)).items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            started = time.monotonic()
            with report_lock_holders(connection, params["schema"], DATA_TABLES):
                facts = gather(connection, state.schema, params, policy)
            seconds = round(time.monotonic() - started, 3)
    except PrerequisiteMissing as missing:
        return nothing_yet(module, missing)
    shown = shown_policy(params, params["show_threads"]) if policy.selects else None
    results = dict(facts.figures, policy=shown, exceeded=limits.exceeded(facts.figures, facts.now, facts.oldest), seconds=seconds)
    if results["exceeded"]:
        raise ModuleError(" ".join(each["message"] for each in results["exceeded"]), **results)
    return dict(results, changed=False)


if __name__ == "__main__":
    main()
