#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_import
short_description: Copy LangGraph's threads from a SQLite file into PostgreSQL
version_added: 0.1.0
description:
  - Copies the threads of a checkpoint file that C(SqliteSaver) wrote into the tables of C(PostgresSaver), so that the same graph can continue there.
  - Serialised values are copied as bytes. No class of the application is imported, and no code from the file runs.
  - The file is read in one snapshot, including its write-ahead log. It is never changed, and may be in use.
  - Each transaction writes one or more whole threads. If a run is interrupted, the next run continues where it stopped. A later run imports
    what is new.
author:
  - The stateops.langgraph authors (@stateops)
options:
  sqlite_path:
    description:
      - The checkpoint file, on the host that the module runs on.
      - As root, the module reads the file with the rights of the account that owns its directory, or another part of its path. It fails if several
        accounts can replace parts of the path, or if accounts other than root can write to a directory of root on it.
      - While a file is in use, its write-ahead log cannot be reset during the run. O(time_limit) limits that time.
    type: path
    required: true
  threads:
    description:
      - The ids of the threads to import, or shell patterns (V(*), V(?), V([...])). All threads are imported if the list is empty.
    type: list
    elements: str
    default: []
  exclude_threads:
    description:
      - The ids of threads that are not imported, or shell patterns as in O(threads). They are not imported even if O(threads) matches them.
      - Use it for threads that were deleted in PostgreSQL on purpose, since each run imports them again as long as they are in the file.
    type: list
    elements: str
    default: []
  history:
    description:
      - Which checkpoints of a thread are imported.
      - V(all) imports all of them.
      - V(latest) imports the newest checkpoint of each namespace with its pending writes and channel values, which is what an application needs to
        continue the thread. Older checkpoints are not read, so a file with long threads is imported in a fraction of the time. They are counted in
        RV(checkpoints.omitted).
      - With V(latest), the imported checkpoint has no parent. A checkpoint from before version 4 that has pending sends is imported with its parent,
        since C(PostgresSaver) reads the sends from the pending writes of the parent.
      - With V(latest), a thread whose graph has a C(DeltaChannel) is imported whole, since the value of such a channel is computed from older
        checkpoints. A warning and RV(whole_threads) name these threads.
      - With V(latest), pending writes without a checkpoint are imported if they are newer than the newest checkpoint of their namespace.
      - A later run with V(latest) adds a checkpoint that is newer, and leaves the rows of the earlier run. A later run with V(all) adds the older
        checkpoints. It does not change the row of the checkpoint that was imported without its parent, unless O(on_conflict=replace);
        O(verify=full) reports the missing parent as a difference, and so does O(on_conflict=fail).
      - If a thread was imported with V(all), a later run with V(latest) does not treat its rows as different content.
    type: str
    choices: [ all, latest ]
    default: all
  on_conflict:
    description:
      - What to do with a row that exists in PostgreSQL.
      - V(skip) does not change the row.
      - V(fail) ends the run if the row has different content.
      - V(replace) overwrites the row if it has different content.
      - Rows that are not in the file are never changed.
    type: str
    choices: [ skip, fail, replace ]
    default: skip
  batch_size:
    description:
      - The minimum number of checkpoints in a transaction, which ends with a whole thread. A thread is never split.
      - With V(0) the module chooses a number between 1000 and 5000, or a smaller one if the checkpoints in the file are large.
    type: int
    default: 0
  time_limit:
    description:
      - The number of seconds after which no further transaction begins. RV(remaining) then counts the threads that are left. V(0) for no limit.
    type: int
    default: 0
  verify:
    description:
      - V(counts) checks that each imported row exists, in the threads to which rows were written.
      - V(full) compares the content of each row in all processed threads, and detects a difference of a single byte.
      - If there is a difference, the task fails.
    type: str
    choices: [ counts, full, none ]
    default: counts
  workers:
    description:
      - The number of worker processes. Each thread is written in one transaction, and all workers read the same state of the file.
      - Each worker has its own connection, in addition to the connection of the module. With V(1) the module copies all threads itself.
      - More workers help as long as both hosts have idle cores and the file has more threads than workers.
      - If one thread has at least 8 MiB and more than half of the checkpoints, of at most 1 MiB on average, it is imported after all others. Up to four
        workers convert parts of it, and the module itself writes them. If PostgreSQL has rows of the thread already, or with O(history=latest), one
        process imports it.
      - With V(0) there are two workers if the file is larger than 4 MiB, else one.
      - If a worker cannot connect, a warning says so and the other workers copy its threads.
    type: int
    default: 0
  on_unreadable:
    description:
      - What to do with a checkpoint that cannot be imported exactly, because it is damaged or has a value that PostgreSQL cannot hold.
      - V(fail) ends the run. Rows that earlier transactions wrote are kept.
      - V(skip) rejects the checkpoint, imports the others, and returns it in RV(rejected).
    type: str
    choices: [ fail, skip ]
    default: fail
  compression:
    description:
      - How PostgreSQL compresses large values when it writes them.
      - V(auto) uses lz4 if the server supports it and C(default_toast_compression) is not set. Compared with the server's default, lz4 takes a third
        of the time and about a fifth more space. A table can contain values of both kinds.
      - V(server) uses the server's settings. Choose it if a standby does not support lz4, since it could not read the values.
    type: str
    choices: [ auto, server ]
    default: auto
  encryption_key:
    description:
      - The AES key of C(EncryptedSerializer), of 16, 24 or 32 bytes. Required if checkpoints in the file are encrypted.
      - All channel values of an encrypted checkpoint are stored encrypted with this key, including those that C(PostgresSaver.put) would store in plain
        text.
    type: str
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
    details: Not supported, since the rows are application data.
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - pycryptodome in the virtualenv, with O(encryption_key)
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_schema_info
  - module: stateops.langgraph.checkpoint_verify
notes:
  - The role needs C(SELECT) and C(INSERT) on the three tables, and C(DELETE) for O(on_conflict=replace); the application's role has them.
  - Check mode reads and converts everything, and writes nothing. Rows that only the server can reject, for example because an id is too long for
    an index, are found in a real run only.
  - The module removes C(writes) from the metadata, as C(PostgresSaver) does.
  - A file from before langgraph-checkpoint-sqlite 1.0, with the column C(thread_ts), is rejected. The message and the import guide have the commands
    that copy its threads to a file that can be imported.
"""

EXAMPLES = r"""
- name: Copy all threads
  stateops.langgraph.checkpoint_import:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_path: /srv/agent/checkpoints.sqlite
    verify: full
  register: imported

- name: Copy the state from which each thread continues, without the older checkpoints and without the threads of a former customer
  stateops.langgraph.checkpoint_import:
    virtualenv: /opt/langgraph/venv
    login_host: db1.example.com
    login_user: langgraph_app
    login_password: "{{ vault_langgraph_app_password }}"
    login_db: langgraph
    schema: langgraph
    sqlite_path: /srv/agent/checkpoints.sqlite
    history: latest
    exclude_threads: [customer-17, "customer-17-*"]

- name: Show how much was imported
  ansible.builtin.debug:
    msg: "{{ imported.checkpoints.written }} checkpoints, {{ imported.remaining }} threads remain"
"""

RETURN = r"""
threads:
  description: The processed threads.
  returned: success, and on failure after the copying began
  type: dict
  sample: {read: 12, written: 12, existing: 0, rejected: 0}
  contains:
    read:
      description: The number that was read from the file.
      type: int
    written:
      description: The number that was written, or would be in check mode. A thread counts if at least one of its rows was written.
      type: int
    existing:
      description: The number that existed in PostgreSQL.
      type: int
    rejected:
      description: The number that could not be imported. A thread counts if at least one of its checkpoints was rejected.
      type: int
checkpoints:
  description: The checkpoints.
  returned: success, and on failure after the copying began
  type: dict
  sample: {read: 480, written: 480, existing: 0, rejected: 0, omitted: 0}
  contains:
    read:
      description: The number that was read from the file.
      type: int
    written:
      description: The number that was written, or would be in check mode.
      type: int
    existing:
      description: The number that existed in PostgreSQL.
      type: int
    rejected:
      description: The number that could not be imported.
      type: int
    omitted:
      description: The number of older checkpoints of the processed threads that O(history=latest) does not import.
      type: int
writes:
  description: The pending writes, with the same counters as RV(threads).
  returned: success, and on failure after the copying began
  type: dict
  sample: {read: 1100, written: 1100, existing: 0, rejected: 0}
blobs:
  description: The channel values that are separate rows, with the same counters as RV(threads). Only values of checkpoints that had to be read are counted.
  returned: success, and on failure after the copying began
  type: dict
  sample: {read: 950, written: 950, existing: 0, rejected: 0}
bytes:
  description: The number of bytes sent to PostgreSQL.
  returned: success, and on failure after the copying began
  type: int
  sample: 34603008
seconds:
  description: The duration of the copying.
  returned: success, and on failure after the copying began
  type: float
  sample: 1.9
rows_per_second:
  description: The number of rows written per second.
  returned: success, and on failure after the copying began
  type: int
  sample: 1331
remaining:
  description: The number of threads that were not processed, because O(time_limit) was reached. Excluded threads do not count.
  returned: success
  type: int
  sample: 0
rejected:
  description: What could not be imported.
  returned: success, and on failure after the copying began
  type: dict
  sample: {total: 0, sample: []}
  contains:
    total:
      description: The number of checkpoints and whole threads.
      type: int
    sample:
      description:
        - The first hundred, each with C(thread_id), C(checkpoint_ns), C(checkpoint_id) and C(reason). C(checkpoint_ns) and C(checkpoint_id) are null
          for a whole thread. A text with more than 3000 characters is shortened.
      type: list
      elements: dict
variants:
  description:
    - The channels that have several serialised forms under one version. C(SqliteSaver) serialises each channel again for each checkpoint, and the bytes
      can differ although the value is the same, for example if the state contains a Python C(set), or after an upgrade.
    - PostgreSQL holds one value per version. The first one is imported, as with C(PostgresSaver.put), unless PostgreSQL already has one.
    - Only checkpoints that had to be read are considered.
  returned: success, and on failure after the copying began
  type: dict
  sample: {total: 0, different: 0, sample: []}
  contains:
    total:
      description: The number of channels and versions with several forms.
      type: int
    different:
      description:
        - The number of these whose forms differ in their value, or cannot be compared. The values are compared by their structure and their primitive
          values, without the application's classes. A warning names the threads.
      type: int
    sample:
      description: The first hundred, each with C(thread_id), C(checkpoint_ns), C(channel), C(version) and C(different).
      type: list
      elements: dict
whole_threads:
  description: The processed threads that have a C(DeltaChannel). With O(history=latest) they are imported whole.
  returned: success, and on failure after the copying began
  type: dict
  sample: {total: 0, sample: []}
  contains:
    total:
      description: The number of threads. Zero with O(history=all).
      type: int
    sample:
      description: The ids of the first hundred.
      type: list
      elements: str
parity:
  description: The same as RV(stateops.langgraph.checkpoint_schema_info#module:parity).
  returned: if PostgreSQL cannot hold the content of the file
  type: dict
  sample:
    in_parity: false
    level: compatible
    reference: /srv/agent/checkpoints.sqlite
    summary: "PostgreSQL is NOT in parity with /srv/agent/checkpoints.sqlite (compatible): 3 drift"
    explanation: ""
    findings: []
verified:
  description: The comparison after the import. Null in check mode and with O(verify=none).
  returned: success, and if a difference was found
  type: dict
  sample: {how: full, checkpoints: 480, writes: 1100, blobs: 950, differences: 0, sample: [], variants: {total: 0, different: 0, sample: []}}
  contains:
    how:
      description: The value of O(verify).
      type: str
    checkpoints:
      description: The number of checkpoints that were compared.
      type: int
    writes:
      description: The number of pending writes that were compared.
      type: int
    blobs:
      description: The number of channel values that were compared. A value counts once for each checkpoint that names it.
      type: int
    differences:
      description: The number of differences.
      type: int
    sample:
      description: The first twenty differences, in words.
      type: list
      elements: str
    variants:
      description: The same as RV(variants), of all checkpoints in the processed threads. Zero unless O(verify=full).
      type: dict
"""

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec, facts_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import DatabaseModule, nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.latest import LatestSource
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import ImportTarget
from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.encryption import cipher_of
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import connected, open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import rules
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import size
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._import.stats import ImportStats
    from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.library import Library
    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

APPLICATION = "stateops.langgraph.checkpoint_import"
# A smaller file is imported before a second worker has started.
MIN_SIZE_FOR_TWO_WORKERS = 4 << 20
MAX_WORKERS = 64
# Seconds for the first answer of the server if connect_timeout is 0.
FIRST_ANSWER = 10
# How many threads a warning names.
WARNED = 10


def main() -> None:
    """Parse the options, then run the module."""
    spec = connection_argument_spec()
    spec.update(
        sqlite_path={"type": "path", "required": True},
        threads={"type": "list", "elements": "str", "default": []},
        exclude_threads={"type": "list", "elements": "str", "default": []},
        history={"type": "str", "choices": ["all", "latest"], "default": "all"},
        on_conflict={"type": "str", "choices": ["skip", "fail", "replace"], "default": "skip"},
        batch_size={"type": "int", "default": 0},
        time_limit={"type": "int", "default": 0},
        verify={"type": "str", "choices": ["counts", "full", "none"], "default": "counts"},
        on_unreadable={"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        workers={"type": "int", "default": 0},
        compression={"type": "str", "choices": ["auto", "server"], "default": "auto"},
        encryption_key={"type": "str", "no_log": True},
    )
    run_module(DatabaseModule(argument_spec=spec, supports_check_mode=True), run)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Enter the virtualenv, check both schemas, copy, compare; returns the module's results."""
    params = module.params
    if params["batch_size"] < 0 or params["time_limit"] < 0 or not 0 <= params["workers"] <= MAX_WORKERS:
        given = tuple(params[name] for name in ("batch_size", "time_limit", "workers"))
        message = "batch_size is %d, time_limit is %d, and workers is %d. Set batch_size and time_limit to 0 or more, and workers from 0 to %d."
        raise ModuleError(message % (given + (MAX_WORKERS,)))
    try:
        known = prepare(dict(params, sqlite_schema=None))
        cipher = cipher_of(params["encryption_key"])
        with WorkerPool(_pool_size(params), functools.partial(_worker_importer, params, module.check_mode, cipher)) as pool:
            with connected(params, APPLICATION) as connection:
                pool.start()
                _require_parity(module, connection, known)
                with _importer(params, module.check_mode, cipher, connection) as importer:
                    return _copy_and_compare(module, importer, pool)
    except PrerequisiteMissing as missing:
        return nothing_yet(module, missing)


def _pool_size(params: dict[str, Any]) -> int:
    """The number of worker processes; 0 if the module does the work itself."""
    workers = params["workers"] or (2 if size(params["sqlite_path"]) > MIN_SIZE_FOR_TWO_WORKERS else 1)
    return workers if workers > 1 else 0


@contextlib.contextmanager
def _worker_importer(params: dict[str, Any], check: bool, cipher: Any) -> Iterator[Importer]:
    """A worker's Importer with its own connection. Its first answer is limited: a pooler may accept a connection without a free server process."""
    with open_connection(params, APPLICATION) as connection:
        limit, connection.answer_within = connection.answer_within, params["connect_timeout"] or FIRST_ANSWER
        connection.execute("SELECT 1")
        connection.answer_within = limit
        with _importer(params, check, cipher, connection) as importer:
            yield importer


@contextlib.contextmanager
def _importer(params: dict[str, Any], check: bool, cipher: Any, connection: Connection) -> Iterator[Importer]:
    """The Importer for the module's options."""
    kind = functools.partial(LatestSource, cipher=cipher) if params["history"] == "latest" else None
    with open_source(params["sqlite_path"], kind) as source:
        target = ImportTarget(connection, params["schema"], params["session_role"], params["compression"])
        options = {name: params[name] for name in ("threads", "exclude_threads", "batch_size", "time_limit", "on_conflict", "on_unreadable", "verify")}
        yield Importer(source, target, cipher=cipher, check=check, **options)


def _require_parity(module: AnsibleModule, connection: Connection, known: Library) -> None:
    """Raise ModuleError if PostgreSQL cannot hold the content of the file."""
    defaults = {name: option.get("default") for name, option in facts_argument_spec().items() if name != "sqlite_path"}
    parity = gather(dict(module.params, **dict(defaults, count_orphans=False)), connection, known, module.warn)["parity"]
    if not parity["in_parity"]:
        advice = "Nothing was written. If something is missing in PostgreSQL, run checkpoint_schema as the owner first."
        if any(finding["reason"] == rules.SQLITE_TABLE_THREAD_TS.explanation for finding in parity["findings"]):
            advice = "Nothing was written. The import guide has the script move_thread_ts.py and explains these commands:\n"
            advice += "\n".join(rules.THREAD_TS_COMMANDS)
        raise ModuleError("%s\n\n%s\n\n%s" % (parity["summary"], parity["explanation"], advice), parity=parity)


def _copy_and_compare(module: AnsibleModule, importer: Importer, pool: WorkerPool) -> dict[str, Any]:
    """Copy and compare; returns the module's results."""
    started, verifier = time.monotonic(), importer.verifier
    try:
        pool.sync_snapshots(importer.source)
        if pool.unavailable:
            others = "The other workers copy all threads." if pool.workers else "The module copies all threads itself."
            module.warn("Of %d workers %d cannot start: %s %s" % (pool.size, len(pool.unavailable), sentence(pool.unavailable[0]), others))
        importer.run(pool if pool.workers else None)
    except Exception as error:  # pylint: disable=broad-exception-caught  # after any error the message reports what was written
        failure = importer.module_error(error)
        failure.changed = (importer.stats.written or failure.changed) and not module.check_mode
        failure.results = _results(importer, started)
        raise failure from None
    _warn_of_different_values(module, importer)
    if importer.stats.whole_total:
        module.warn(_whole_threads(importer.stats))
    results = dict(_results(importer, started), changed=importer.stats.written, remaining=importer.remaining, verified=verifier and verifier.to_dict())
    if verifier and verifier.differences:
        changed = results.pop("changed")
        message = "%d differences between the file and PostgreSQL: %s" % (verifier.differences, "; ".join(verifier.sample[:3]))
        raise ModuleError(message + ". Set on_conflict=replace to overwrite the rows that differ.", changed, **results)
    return results


def _warn_of_different_values(module: AnsibleModule, importer: Importer) -> None:
    number, threads = importer.stats.variants.different, importer.stats.variants.threads
    if number:
        module.warn(
            "%d channel values have the same version as another value of their channel, and different content. PostgreSQL holds one value per version: "
            "the first one in the file, or the one that it had before. Check the state of these threads: %s%s."
            % (number, ", ".join(threads[:WARNED]), " and others" if len(threads) > WARNED else "")
        )


def _whole_threads(stats: ImportStats) -> str:
    others = stats.whole_total - len(stats.whole[:WARNED])
    named = ", ".join(stats.whole[:WARNED]) + (" and %d others" % others if others else "")
    return "With history=latest, threads with a DeltaChannel are imported whole, because its value is computed from older checkpoints: %s." % named


def _results(importer: Importer, started: float) -> dict[str, Any]:
    stats, seconds = importer.stats, time.monotonic() - started
    rows = sum(stats.counts[kind]["written"] for kind in ("checkpoints", "writes", "blobs"))
    return dict(
        stats.counts,
        bytes=stats.bytes,
        seconds=round(seconds, 3),
        rows_per_second=int(rows / seconds) if seconds else 0,
        rejected={"total": stats.rejections, "sample": stats.rejected},
        variants=stats.variants.to_dict(),
        whole_threads={"total": stats.whole_total, "sample": stats.whole},
    )


if __name__ == "__main__":
    main()
