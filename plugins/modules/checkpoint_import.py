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
  - Copies the threads of a checkpoint file that C(SqliteSaver) wrote into the tables of C(PostgresSaver), so that the same graph goes on there.
  - The serialised bytes are cut, not rebuilt. No class of the application is imported, and nothing in the file is revived or run.
  - The file is read in one snapshot, with what stands in its write-ahead log, is never altered, and may be in use.
  - Whole threads are written, some of them to a transaction. Whatever ends a run in the middle, the next one goes on where it stopped, and
    running again brings over what is new.
author:
  - The stateops.langgraph authors (@stateops)
options:
  sqlite_path:
    description:
      - The checkpoint file, on the host that the module runs on.
      - A long run keeps the write-ahead log of a file in use from being reset; O(time_limit) bounds that.
    type: path
    required: true
  threads:
    description:
      - The ids of the threads to import, or patterns as of a shell (V(*), V(?), V([...])). All where it is empty.
    type: list
    elements: str
    default: []
  on_conflict:
    description:
      - What to do with a row that PostgreSQL has already.
      - V(skip) leaves it as it is, whatever the file holds.
      - V(fail) ends the run where its content is another one.
      - V(replace) overwrites it where its content is another one.
      - Rows that the file does not have are never touched.
    type: str
    choices: [ skip, fail, replace ]
    default: skip
  batch_size:
    description:
      - How many checkpoints one transaction holds at least, before it ends with the thread under way. A thread is never split.
      - V(0) takes from 1000 to 5000, the more the smaller those of the file are.
    type: int
    default: 0
  time_limit:
    description:
      - Begin no further transaction after so many seconds, and return RV(remaining). V(0) for no limit.
    type: int
    default: 0
  verify:
    description:
      - V(counts) makes sure that each row that should have come is there, for the threads that were written to.
      - V(full) compares each row of the threads gone through by what the savers would read from it, and finds a single byte.
      - A difference fails the task.
    type: str
    choices: [ counts, full, none ]
    default: counts
  workers:
    description:
      - How many processes copy side by side; the threads are shared out among them, and all read one and the same state of the file.
      - Each has a connection of its own, beside that of the module itself. With V(1) there is the module's alone.
      - More of them help as long as both hosts have cores to spare, and the file more threads.
      - With V(0) there are two where the file is larger than 4 MiB, else one.
      - Where some find no connection, a warning says so and the rest do the work.
    type: int
    default: 0
  on_unreadable:
    description:
      - What to do with a checkpoint that cannot be carried over exactly, such as a damaged one, or one with a value that PostgreSQL cannot hold.
      - V(fail) ends the run. What earlier transactions wrote stays.
      - V(skip) goes on without it, and returns it in RV(rejected).
    type: str
    choices: [ fail, skip ]
    default: fail
  compression:
    description:
      - How PostgreSQL compresses large values as it writes them.
      - With V(auto) it is lz4 where the server was built with it and nobody has set C(default_toast_compression). It takes a third of the time that the
        server's own default takes, and about a fifth more space. Values of either kind stand side by side.
      - V(server) leaves it to the server's settings. Choose it where a standby was built without lz4, since that could not read such values.
    type: str
    choices: [ auto, server ]
    default: auto
  encryption_key:
    description:
      - The AES key of C(EncryptedSerializer), of 16, 24 or 32 bytes, where the file's checkpoints are encrypted.
      - All channel values of an encrypted checkpoint are stored encrypted with this key, those as well that C(PostgresSaver.put) would leave in plain text.
    type: str
extends_documentation_fragment:
  - stateops.langgraph.postgresql
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.action
attributes:
  diff_mode:
    support: none
    details: The data of an application is nobody else's to be shown.
requirements:
  - langgraph-checkpoint-postgres 1.0.1 or newer in the virtualenv
  - pycryptodome in the virtualenv, with O(encryption_key)
seealso:
  - module: stateops.langgraph.checkpoint_schema
  - module: stateops.langgraph.checkpoint_schema_info
  - module: stateops.langgraph.checkpoint_verify
notes:
  - The role needs C(SELECT) and C(INSERT) on the three tables, and C(DELETE) for O(on_conflict=replace); the application's role will do.
  - Check mode reads and cuts everything and writes nothing. What the server alone can refuse, such as an id too long for an index, shows in a real run.
  - Metadata loses its C(writes), which C(PostgresSaver) drops as well.
  - A file from before langgraph-checkpoint-sqlite 1.0, with C(thread_ts), is refused.
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

- name: Show how much came
  ansible.builtin.debug:
    msg: "{{ imported.checkpoints.written }} checkpoints, {{ imported.remaining }} threads remain"
"""

RETURN = r"""
threads:
  description: The threads gone through.
  returned: success, and failure in the middle
  type: dict
  sample: {read: 12, written: 12, existing: 0, rejected: 0}
  contains:
    read:
      description: How many the file has, of those asked for and gone through.
      type: int
    written:
      description: How many were written, or would be in check mode; of threads, those with any row written.
      type: int
    existing:
      description: How many were already in PostgreSQL.
      type: int
    rejected:
      description: How many could not be carried over; of threads, those with any checkpoint rejected.
      type: int
checkpoints:
  description: The checkpoints, counted as RV(threads).
  returned: success, and failure in the middle
  type: dict
  sample: {read: 480, written: 480, existing: 0, rejected: 0}
writes:
  description: The pending writes, counted as RV(threads).
  returned: success, and failure in the middle
  type: dict
  sample: {read: 1100, written: 1100, existing: 0, rejected: 0}
blobs:
  description: The channel values that are rows of their own, counted as RV(threads). Only those of checkpoints that had to be read.
  returned: success, and failure in the middle
  type: dict
  sample: {read: 950, written: 950, existing: 0, rejected: 0}
bytes:
  description: The bytes sent to PostgreSQL.
  returned: success, and failure in the middle
  type: int
  sample: 34603008
seconds:
  description: How long the copying took.
  returned: success, and failure in the middle
  type: float
  sample: 1.9
rows_per_second:
  description: Rows written a second.
  returned: success, and failure in the middle
  type: int
  sample: 1331
remaining:
  description: How many threads were not gone through, since O(time_limit) had passed.
  returned: success
  type: int
  sample: 0
rejected:
  description: What could not be carried over.
  returned: success, and failure in the middle
  type: dict
  sample: {total: 0, sample: []}
  contains:
    total:
      description: How many.
      type: int
    sample:
      description: The first hundred, each with C(thread_id), C(checkpoint_ns), C(checkpoint_id) and C(reason). The latter two are null for a whole thread.
      type: list
      elements: dict
parity:
  description: As RV(stateops.langgraph.checkpoint_schema_info#module:parity).
  returned: where PostgreSQL cannot hold what the file holds
  type: dict
  sample:
    in_parity: false
    level: compatible
    reference: /srv/agent/checkpoints.sqlite
    summary: "PostgreSQL is NOT in parity with /srv/agent/checkpoints.sqlite (compatible): 3 drift"
    explanation: ""
    findings: []
verified:
  description: What was compared after it was written. Null in check mode and with O(verify=none).
  returned: success, and where a difference was found
  type: dict
  sample: {how: full, checkpoints: 480, writes: 1100, blobs: 950, differences: 0, sample: []}
  contains:
    how:
      description: The O(verify).
      type: str
    checkpoints:
      description: How many checkpoints were compared.
      type: int
    writes:
      description: How many pending writes were compared.
      type: int
    blobs:
      description: How many channel values were compared, one as often as a checkpoint names it.
      type: int
    differences:
      description: How many differences were found.
      type: int
    sample:
      description: The first twenty, in words.
      type: list
      elements: str
"""

import contextlib
import functools
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import nothing_yet, run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._import.importer import Importer
from ansible_collections.stateops.langgraph.plugins.module_utils._import.source import open_source
from ansible_collections.stateops.langgraph.plugins.module_utils._import.target import ImportTarget
from ansible_collections.stateops.langgraph.plugins.module_utils._import.workers import WorkerPool
from ansible_collections.stateops.langgraph.plugins.module_utils._langgraph.encryption import cipher_of
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import open_connection
from ansible_collections.stateops.langgraph.plugins.module_utils._sqlite.file import size
from ansible_collections.stateops.langgraph.plugins.module_utils._verify.facts import gather, prepare

APPLICATION = "stateops.langgraph.checkpoint_import"
# What fewer bytes take is over before a second process has begun.
WORTH_A_SECOND_WORKER = 4 << 20
MOST = 64
# Seconds, where connect_timeout names none.
ANSWER = 10


def main():
    """Parse the options, then run the module."""
    spec = connection_argument_spec()
    spec.update(
        sqlite_path={"type": "path", "required": True},
        threads={"type": "list", "elements": "str", "default": []},
        on_conflict={"type": "str", "choices": ["skip", "fail", "replace"], "default": "skip"},
        batch_size={"type": "int", "default": 0},
        time_limit={"type": "int", "default": 0},
        verify={"type": "str", "choices": ["counts", "full", "none"], "default": "counts"},
        on_unreadable={"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        workers={"type": "int", "default": 0},
        compression={"type": "str", "choices": ["auto", "server"], "default": "auto"},
        encryption_key={"type": "str", "no_log": True},
    )
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), run)


def run(module):
    """Enter the virtualenv, make sure of both schemas, copy, compare; returns the module's results."""
    params = module.params
    if params["batch_size"] < 0 or params["time_limit"] < 0 or not 0 <= params["workers"] <= MOST:
        raise ModuleError("batch_size and time_limit are 0 or more, and workers from 0 to %d." % MOST)
    try:
        known = prepare(dict(params, sqlite_schema=None))
        cipher = cipher_of(params["encryption_key"])
        with WorkerPool(_further(params), functools.partial(_apart, params, module.check_mode, cipher)) as crew:
            with open_connection(params, APPLICATION) as connection:
                crew.start()
                _insist_on_parity(module, connection, known)
                with _opened(params, module.check_mode, cipher, connection) as job:
                    return _copied(module, job, crew)
    except PrerequisiteMissing as absent:
        return nothing_yet(module, absent)


def _further(params):
    """How many processes work for this one; 0 where it does the work itself."""
    workers = params["workers"] or (2 if size(params["sqlite_path"]) > WORTH_A_SECOND_WORKER else 1)
    return workers if workers > 1 else 0


@contextlib.contextmanager
def _apart(params, check, cipher):
    """A Job with a connection of its own, if the server answers on it: a pooler may take it and have no server for it."""
    with open_connection(params, APPLICATION) as connection:
        patience, connection.answer_within = connection.answer_within, params["connect_timeout"] or ANSWER
        connection.execute("SELECT 1")
        connection.answer_within = patience
        with _opened(params, check, cipher, connection) as job:
            yield job


@contextlib.contextmanager
def _opened(params, check, cipher, connection):
    with open_source(params["sqlite_path"]) as source:
        target = ImportTarget(connection, params["schema"], params["session_role"], params["compression"])
        options = {name: params[name] for name in ("threads", "batch_size", "time_limit", "on_conflict", "on_unreadable", "verify")}
        yield Importer(source, target, cipher=cipher, check=check, **options)


def _insist_on_parity(module, connection, known):
    """Raise ModuleError where PostgreSQL cannot hold what the file holds."""
    options = dict(sqlite_schema=None, parity_level="compatible", assert_parity=False, orphan_grace=0, count_orphans=False)
    parity = gather(dict(module.params, **options), connection, known, module.warn)["parity"]
    if not parity["in_parity"]:
        advice = "Nothing was written. Where it is PostgreSQL that lacks something, run checkpoint_schema with the owner's role first."
        raise ModuleError("%s\n\n%s\n\n%s" % (parity["summary"], parity["explanation"], advice), parity=parity)


def _copied(module, job, crew):
    started, verifier = time.monotonic(), job.verifier
    try:
        crew.sync_snapshots(job.source)
        if crew.absent:
            rest = "The rest do the work." if crew.members else "One process does the work."
            module.warn("Of %d workers %d cannot begin: %s %s" % (crew.size, len(crew.absent), sentence(crew.absent[0]), rest))
        job.run(crew if crew.members else None)
    except Exception as error:  # pylint: disable=broad-exception-caught  # whatever it is, what was written stands
        refusal = job.refusal(error)
        refusal.changed = (job.stats.written or refusal.changed) and not module.check_mode
        refusal.results = _results(job, started)
        raise refusal from None
    results = dict(_results(job, started), changed=job.stats.written, remaining=job.remaining, verified=verifier and verifier.to_dict())
    if verifier and verifier.differences:
        changed = results.pop("changed")
        message = "%d differences between the file and PostgreSQL: %s" % (verifier.differences, "; ".join(verifier.sample[:3]))
        raise ModuleError(message + ". on_conflict=replace overwrites what differs.", changed, **results)
    return results


def _results(job, started):
    stats, seconds = job.stats, time.monotonic() - started
    rows = sum(stats.counts[kind]["written"] for kind in ("checkpoints", "writes", "blobs"))
    return dict(
        stats.counts,
        bytes=stats.bytes,
        seconds=round(seconds, 3),
        rows_per_second=int(rows / seconds) if seconds else 0,
        rejected={"total": stats.rejections, "sample": stats.rejected},
    )


if __name__ == "__main__":
    main()
