#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_prune
short_description: Delete old threads, older checkpoints or orphans from LangGraph's tables
version_added: 0.1.0
description:
  - Applies a retention policy to the tables of C(PostgresSaver). It deletes whole threads, or the history of threads whose state is kept.
  - It can also erase the threads of a person, which O(threads) or O(metadata) selects.
  - Nothing that a kept checkpoint needs is deleted. This includes channel values that several checkpoints share, pending writes,
    the namespaces of subgraphs, and the pending sends of checkpoints from before version 4.
  - Each transaction deletes a few threads. If a run is interrupted, the next run continues.
  - The application may keep running. The module never waits long for a lock, and it reads a thread again in the transaction that deletes it. If the
    application writes to the thread in the meantime, the thread is kept.
author:
  - The stateops.langgraph authors (@stateops)
options:
  orphans:
    description:
      - Whether to delete rows without their checkpoint, which interrupted runs and deletions by hand leave behind. No saver reads them.
      - If O(threads), O(exclude_threads) or O(metadata) is given, only the orphans of these threads are deleted. O(older_than) does not apply to them.
    type: bool
    default: false
  orphan_grace:
    description:
      - A pending write without a checkpoint is kept if the id of its checkpoint is younger than this number of seconds, since a checkpoint may be stored
        after its pending writes. If the id shows no time, the pending write is kept as well.
      - A channel value that no checkpoint names is kept if its thread has a checkpoint or a pending write within this time. It must also have been
        stored before the run began. If there is such a value, the run waits until it is 10 seconds old.
    type: int
    default: 3600
  batch_size:
    description:
      - The number of threads that a transaction deletes. With O(keep=latest), each thread has its own transaction.
    type: int
    default: 100
  pause:
    description:
      - The number of seconds to rest between two batches. A commit of the application may have to wait until the write-ahead log of a batch is on the disk.
        With the defaults, which delete fewer than 100 threads per second, few commits do.
      - If no application is running, set it to V(0). The run is then many times as fast.
    type: float
    default: 1.0
  time_limit:
    description:
      - The number of seconds after which no further batch begins. RV(remaining) then counts the threads that are left. V(0) for no limit.
      - The oldest threads are deleted first. If more than 100,000 threads are old enough, they are processed in groups of about 100,000 by their ids,
        and the oldest threads of each group are deleted first.
    type: int
    default: 0
  limit_percent:
    description:
      - If more than this percentage of all threads would be deleted, the task fails before the first deletion, because the options may be wrong.
      - Threads whose state O(keep=latest) keeps do not count.
    type: int
    default: 50
  force:
    description:
      - Whether to ignore O(limit_percent).
    type: bool
    default: false
  recheck:
    description:
      - The number of seconds after which a deleted thread is checked again, since an application that had read the thread before can still write to it.
        Such rows are deleted as well, unless a new thread with the same id has begun. V(0) for no second check.
      - The task takes this much longer, beyond O(time_limit). Choose a time that is longer than a step of the graph.
    type: int
    default: 0
  show_threads:
    description:
      - Whether the result contains the ids of threads. Otherwise it contains their SHA-256 hashes, since ids may name people.
    type: bool
    default: false
  lock_wait:
    description:
      - The number of seconds to wait for another run of this module on the same schema. Sessions of roles that can neither act as this role nor as
        the owner of the schema, nor create tables in it, are ignored.
    type: int
    default: 300
  statement_timeout:
    description:
      - The number of seconds that a statement may take. V(0) for no limit.
    type: int
    default: 1800
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.retention
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
    details: Not supported, since the rows are application data.
requirements:
  - langgraph-checkpoint-postgres 3.2.0 or newer in the virtualenv, with O(keep=latest)
seealso:
  - module: stateops.langgraph.checkpoint_import
  - module: stateops.langgraph.checkpoint_schema
notes:
  - The role needs C(SELECT) and C(DELETE) on the three tables, and C(UPDATE) of C(checkpoints.parent_checkpoint_id) for O(keep=latest); the
    application's role has them.
  - At least one of O(older_than), O(threads), O(metadata) and O(orphans) is required. Threads must match all options that are given.
  - Check mode counts exactly what a real run would delete at that moment.
  - An application that has read a thread, and writes to it after the module has deleted it, leaves a thread that lacks values. No database can prevent
    this. Select threads that are not in use, and see O(recheck).
  - Deleted rows may still be in backups, in a replica that is behind, in the write-ahead log, in the SQLite file that was imported, and in
    LangGraph's store. The space in the tables can be reused after a C(VACUUM), which PostgreSQL usually runs by itself.
  - A later import from SQLite brings deleted threads back, unless it has the same patterns in
    O(stateops.langgraph.checkpoint_import#module:exclude_threads).
  - Ansible logs the options of a module on the host, including O(threads) and O(metadata). If these values name people, set C(no_log) for the task.
  - The module fails behind a connection pooler in transaction mode, since locks and settings do not work there.
"""

EXAMPLES = r"""
- name: Delete threads without activity for 90 days, except those that wait for an answer
  stateops.langgraph.checkpoint_prune:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    older_than: 90d
    orphans: true
    time_limit: 1800

- name: Keep only the state of threads without activity for a week
  stateops.langgraph.checkpoint_prune:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    older_than: 7d
    keep: latest

- name: Erase the threads of a user
  stateops.langgraph.checkpoint_prune:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    metadata:
      user_id: "4711"
    waiting: delete
    recheck: 60
"""

RETURN = r"""
threads:
  description: The threads that O(threads) considers, or all threads. All numbers are zero if only O(orphans) is given.
  returned: success, and on failure after the counting began
  type: dict
  sample: {considered: 5200, deleted: 1800, trimmed: 0, kept: 3400, remaining: 0}
  contains:
    considered:
      description: The number of threads.
      type: int
    deleted:
      description: The number that was deleted, or would be in check mode.
      type: int
    trimmed:
      description: The number whose older checkpoints O(keep=latest) deleted, or would in check mode.
      type: int
    kept:
      description: The number that was kept as it is.
      type: int
    remaining:
      description: The same as RV(remaining).
      type: int
kept:
  description: The number of kept threads by reason.
  returned: success, and on failure after the counting began
  type: dict
  sample:
    excluded: 2
    other_metadata: 0
    recent: 3350
    age_unknown: 8
    no_checkpoint: 1
    waiting: 31
    unfinished: 8
    delta_channel: 0
    unreadable: 0
    nothing_older: 0
    written_meanwhile: 0
  contains:
    excluded:
      description: O(exclude_threads) matches.
      type: int
    other_metadata:
      description: No checkpoint has the metadata.
      type: int
    recent:
      description: The newest checkpoint or pending write is not old enough.
      type: int
    age_unknown:
      description: The age is not known, because an id is not a version 6 UUID.
      type: int
    no_checkpoint:
      description: The thread has no checkpoint, so it has neither an age nor metadata. O(orphans) deletes such threads.
      type: int
    waiting:
      description: An interrupt is pending.
      type: int
    unfinished:
      description: A step has not run yet.
      type: int
    delta_channel:
      description: With O(keep=latest), the graph has a C(DeltaChannel).
      type: int
    unreadable:
      description: With O(keep=latest), a checkpoint has a form that C(PostgresSaver) cannot read.
      type: int
    nothing_older:
      description: With O(keep=latest), the thread has no older checkpoints.
      type: int
    written_meanwhile:
      description: The application wrote to the thread while it was being deleted.
      type: int
rows:
  description: The number of rows of threads that were deleted, or would be in check mode, by table. Orphans are counted in RV(orphans).
  returned: success, and on failure after the counting began
  type: dict
  sample: {checkpoints: 36000, blobs: 41000, writes: 88000}
  contains:
    checkpoints:
      description: In C(checkpoints).
      type: int
    blobs:
      description: In C(checkpoint_blobs).
      type: int
    writes:
      description: In C(checkpoint_writes).
      type: int
bytes:
  description: The size of these rows, compressed as they are stored, without indexes and the overhead of PostgreSQL.
  returned: success, and on failure after the counting began
  type: dict
  sample: {checkpoints: 43200000, blobs: 311000000, writes: 96000000}
  contains:
    checkpoints:
      description: In C(checkpoints).
      type: int
    blobs:
      description: In C(checkpoint_blobs).
      type: int
    writes:
      description: In C(checkpoint_writes).
      type: int
remaining:
  description: The number of selected threads that were not processed, because O(time_limit) was reached.
  returned: success, and on failure after the counting began
  type: int
  sample: 0
oldest_left:
  description: The time of the newest checkpoint of the oldest considered thread that is left, in UTC. Null if there is none whose age is known.
  returned: success, and on failure after the counting began
  type: str
  sample: "2026-09-01T11:20:34Z"
deleted_threads:
  description: The threads that were deleted, or would be in check mode.
  returned: success, and on failure after the counting began
  type: dict
  sample: {total: 1, sample: ["sha256:559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"]}
  contains:
    total:
      description: The number of threads.
      type: int
    sample:
      description: The first hundred in the order of their ids, as hashes unless O(show_threads).
      type: list
      elements: str
delta_threads:
  description: The selected threads that O(keep=latest) kept whole because their graph has a C(DeltaChannel), in the form of RV(deleted_threads).
  returned: success, and on failure after the counting began
  type: dict
  sample: {total: 0, sample: []}
returned_threads:
  description: The deleted threads whose late rows O(recheck) deleted, in the form of RV(deleted_threads).
  returned: success, and on failure after the counting began
  type: dict
  sample: {total: 0, sample: []}
orphans:
  description: The rows without a checkpoint. Null without O(orphans).
  returned: success, and on failure after the counting began
  type: dict
  sample:
    rows: {checkpoints: 0, blobs: 12, writes: 40}
    bytes: {checkpoints: 0, blobs: 81000, writes: 9000}
    recent: 3
    age_unknown: 0
    complete: true
  contains:
    rows:
      description: The number of rows that were deleted, or would be in check mode, in the form of RV(rows).
      type: dict
    bytes:
      description: Their size, in the form of RV(bytes).
      type: dict
    recent:
      description: The number of pending writes without a checkpoint that are within O(orphan_grace).
      type: int
    age_unknown:
      description: The number of pending writes without a checkpoint whose age is not known.
      type: int
    complete:
      description: Whether all threads were examined. False if O(time_limit) was reached.
      type: bool
seconds:
  description: The duration of the counting and the deletion.
  returned: success, and on failure after the counting began
  type: float
  sample: 12.6
"""

import time
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, unexpected
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import pruning_saver
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.blockers import lock_holders
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected, ended_by_setting, lost
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.locks import LockRequirements, advisory_lock
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.pooler import pooler_mode
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import configure_session, secure_session, take_role
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.deletion import Deletion
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.options import check_options, prune_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.preflight import reject_ambiguous_patterns, require_prunable
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.pruner import Limits, Pruner
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.threads import Threads
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.enter import enter

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection
    from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import Policy

APPLICATION = "stateops.langgraph.checkpoint_prune"
# Seconds, less than PostgreSQL's deadlock_timeout: in a deadlock this session gives up, and not the application's.
LOCK_TIMEOUT = 0.2
# Queries read in the order of the primary keys, even if the server's statistics are missing or outdated: otherwise PostgreSQL may read a whole thread for
# each of its namespaces. row_security off: a query whose rows a policy hides fails.
SETTINGS = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "jit": "off", "row_security": "off"}


def main() -> None:
    """Parse the options, then run the module."""
    spec = dict(connection_argument_spec(), **prune_argument_spec())
    run_module(DatabaseModule(argument_spec=spec, supports_check_mode=True), run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Check the options, enter the virtualenv, check the tables, count, delete; returns the module's results."""
    params = module.params
    policy = check_options(params)
    try:
        enter(params["virtualenv"], params)
        with connected(params, APPLICATION) as connection:
            saver = pruning_saver(connection) if policy.keep == "latest" else None
            if pooler_mode(connection, params, APPLICATION) == "transaction":
                raise ModuleError("This is a connection pooler in transaction mode, where locks and settings do not work. Connect to the server itself.")
            # The same few statements run for each batch, and planning one takes up to a tenth of its time. A pooler in transaction mode was refused above.
            connection.prepare_threshold = 5
            secure_session(connection)
            require_prunable(connection, params["schema"], params["session_role"], policy.keep)
            take_role(connection, params["session_role"])
            configure_session(connection, {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": params["statement_timeout"]})
            for name, value in SETTINGS.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            if module.check_mode:
                return _prune(module, connection, policy, saver)
            with advisory_lock(connection, "the pruning of schema %s" % params["schema"], params["lock_wait"]):
                return _prune(module, connection, policy, saver)
    except PrerequisiteMissing as missing:
        return nothing_yet(module, missing)


def _prune(module: AnsibleModule, connection: Connection, policy: Policy, saver: Any) -> dict[str, Any]:
    """Count and delete; returns the module's results."""
    params, started = module.params, time.monotonic()
    threads = Threads(connection, params["schema"])
    reject_ambiguous_patterns(threads, params)
    limits = Limits(params["batch_size"], params["time_limit"], params["pause"], None if params["force"] else params["limit_percent"], params["recheck"])
    grace = params["orphan_grace"] if params["orphans"] else None
    pruner = Pruner(threads, policy, Deletion(threads, policy, params["schema"], saver), limits, grace, module.check_mode)
    try:
        pruner.run()
    except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the message reports what was deleted
        failure = _failure(connection, params, error)
        # The server may have committed before it could answer.
        failure.changed = not module.check_mode and (pruner.changed or lost(connection))
        failure.results = _results(pruner, params, started)
        raise failure from None
    if pruner.counts.delta.total:
        module.warn(
            "%d threads have a DeltaChannel, whose value is computed from older checkpoints. keep=latest does not change them; delta_threads lists them."
            % pruner.counts.delta.total
        )
    return dict(_results(pruner, params, started), changed=pruner.changed)


def _results(pruner: Pruner, params: dict[str, Any], started: float) -> dict[str, Any]:
    return dict(pruner.to_dict(params["show_threads"]), seconds=round(time.monotonic() - started, 3))


def _failure(connection: Connection, params: dict[str, Any], error: Exception) -> ModuleError:
    """The ModuleError for any error."""
    if isinstance(error, ModuleError):
        return error
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return ModuleError(lock_holders(connection, params["schema"], LockRequirements(written=DATA_TABLES)))
    return ended_by_setting(params, APPLICATION, error) or ModuleError(unexpected(error))


if __name__ == "__main__":
    main()
