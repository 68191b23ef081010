# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role retention on the controller: it checks all policies before the first deletion, and arranges the report of a run."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, quoted, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.counts import TABLES, shown_policy
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.options import check_options, prune_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._retention.policy import WRITTEN_MEANWHILE
from ansible_collections.stateops.langgraph.plugins.plugin_utils._report import collection_version
from ansible_collections.stateops.langgraph.plugins.plugin_utils._results import printable

REPORT_VERSION = 1
SCHEMA = "urn:stateops:langgraph:retention-report:%d" % REPORT_VERSION
# The policy of an erasure.
ERASURE = "erasure"
RESULTS = ("threads", "kept", "rows", "bytes", "remaining", "oldest_left", "deleted_threads", "delta_threads", "returned_threads", "orphans", "seconds")
UNKNOWN = "Whether it had deleted threads is not known; the next run continues."
# What can still contain deleted rows: the place, and what to do there.
NOT_REACHED = (
    ("backups", "Dumps, base backups and snapshots from before this run contain the rows. They expire by their own rules; a restore brings the rows back."),
    ("replicas", "A physical replica deletes the rows when it replays the write-ahead log, later if it has a delay. A logical subscriber may keep them."),
    ("the write-ahead log", "The log and its archive contain the rows as they were written, until the segments are removed."),
    ("the pages of the tables", "PostgreSQL reuses the space of deleted rows after a VACUUM. Until then the files of the tables and indexes contain them."),
    (
        "the SQLite file",
        "If the threads were imported, the file still contains them, and a later import brings them back. Set checkpointer_import_exclude_threads to the "
        "same ids and patterns, or delete them in the file.",
    ),
    ("the store", "LangGraph's store (long-term memory) and the other tables of the application are not touched."),
    ("logs and traces", "Logs of the server and of the application, and services for tracing, may contain messages of the threads."),
    ("running graphs", "An application that had read a thread before its deletion can write to it afterwards. recheck deletes such rows after a time."),
)


def read_policies(policies: Any, options: dict[str, Any], erasure: bool = False, threads: Any = None, metadata: Any = None) -> dict[str, Any]:
    """{'policies': [{'name', 'options'}], 'problems': [a sentence], 'erasure': bool}. options: of every policy that does not set them.

    threads, metadata: what an erasure, which replaces the policies, applies to.
    """
    try:
        entries = [_erasure(threads, metadata)] if erasure else _entries(policies)
    except ModuleError as error:
        return {"policies": [], "problems": [error.message], "erasure": erasure}
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, entry in enumerate(entries):
        try:
            name = _name(entry, [each["name"] for each in found])
            found.append({"name": name, "options": _options(name, {**options, **{key: value for key, value in entry.items() if key != "name"}})})
        except ModuleError as error:
            problems.append(error.message if erasure else "retention_policies[%d]: %s" % (number, error.message))
    return {"policies": [] if problems else found, "problems": problems, "erasure": erasure}


def _entries(policies: Any) -> list[dict[str, Any]]:
    if not isinstance(policies, (list, tuple)) or not all(isinstance(each, dict) for each in policies):
        raise ModuleError("retention_policies must be a list of dictionaries, each with a name and options of the module checkpoint_prune.")
    if not policies:
        raise ModuleError(
            "retention_policies is empty, so the run would delete nothing. Add a policy with a name and, for example, older_than: 90d. "
            "To erase threads, set retention_erase_threads or retention_erase_metadata."
        )
    return list(policies)


def _name(entry: dict[str, Any], names: list[str]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ModuleError("name is missing, empty, or not a printable text. The report and the messages contain the name of each policy.")
    if name in names:
        raise ModuleError("The name %s occurs twice. Each policy needs its own name." % quoted(name))
    return str(name)


def _options(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """The validated options. Raises ModuleError."""
    for option in ("older_than", "threads", "metadata"):
        if option in params and not params[option]:
            raise ModuleError("Policy %s: %s is empty, so it selects no thread. Leave it out, or give it a value." % (name, option))
    checked = ArgumentSpecValidator(prune_argument_spec()).validate(params)
    if checked.error_messages:
        raise ModuleError("Policy %s: %s" % (name, " ".join(sentence(each) for each in checked.error_messages)))
    try:
        check_options(checked.validated_parameters)
    except ModuleError as error:
        raise ModuleError("Policy %s: %s" % (name, error.message)) from None
    return {option: value for option, value in checked.validated_parameters.items() if value is not None}


def _erasure(threads: Any, metadata: Any) -> dict[str, Any]:
    """The policy of an erasure. Raises ModuleError if it names nothing."""
    ids, wanted = _lines(threads), _object(metadata)
    if not ids and not wanted:
        raise ModuleError("An erasure was requested, but retention_erase_threads and retention_erase_metadata are both empty. Nothing was deleted.")
    entry = {"name": ERASURE, "keep": "none", "waiting": "delete"}
    return {**entry, **({"threads": ids} if ids else {}), **({"metadata": wanted} if wanted else {})}


def _lines(threads: Any) -> list[str]:
    """The ids and patterns in a list, or in the lines of a text, which can be the answer of a survey.

    Only line breaks end a line, and only spaces and tabs around it are removed: an id may contain other characters at which splitlines() and strip()
    split, and its parts can be ids of other threads.
    AWX tags answers as unsafe. ansible-core 2.19 and newer read such an answer as YAML: 0012 is the number 10, which must not select thread 10.
    """
    # These are methods of the text itself, so that the parts stay unsafe with ansible-core 2.18.
    lines = [line.strip(" \t") for line in threads.replace("\r", "\n").split("\n")] if isinstance(threads, str) else None
    ids = [line for line in lines if line] if lines is not None else threads or []
    if not isinstance(ids, (list, tuple)) or not all(isinstance(each, str) and each.strip() for each in ids):
        raise ModuleError(
            "retention_erase_threads must be a list of ids and patterns in quotes, or a text with one of them in each line, and not a number or a boolean. "
            "In a survey, write an id that looks like one as a pattern, for example [4]711."
        )
    return list(ids)


def _object(metadata: Any) -> dict[str, Any]:
    """The metadata in a dictionary, or in a text as JSON, which can be the answer of a survey."""
    found = metadata or {}
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.strip() else {}
        except ValueError:
            found = None
    if not isinstance(found, dict):
        raise ModuleError('retention_erase_metadata must be a dictionary, or a text with a JSON object such as {"user_id": "4711"}.')
    return found


def retention_report(plan: dict[str, Any], results: list[dict[str, Any]], facts: dict[str, Any], show_threads: bool) -> dict[str, Any]:
    """The report of a run, as the role checkpointer's files/retention_report.schema.json describes it.

    results: [{'name', 'started_at', 'finished_at', 'failed', 'result'}]. facts: host, database, role, started_at, finished_at, check.
    """
    options = {policy["name"]: policy["options"] for policy in plan["policies"]}
    policies = [_policy(each, options[each["name"]], plan["erasure"], show_threads) for each in results]
    for each in policies:
        # A host can return any text as a time or a reason, and Ansible prints the message of a failure without changes.
        each["text"] = printable(_text(each, facts["check"]))
    deleted = {kind: sum(each["rows"][kind] + each["orphan_rows"][kind] for each in policies) for kind in TABLES}
    failed = [each["name"] for each in policies if each["failed"]]
    return {
        "$schema": SCHEMA,
        "report_version": REPORT_VERSION,
        **{key: facts[key] for key in ("host", "database", "role", "started_at", "finished_at", "check")},
        "collection": collection_version(),
        "erasure": plan["erasure"],
        "changed": any(each["changed"] for each in policies),
        "failed": failed,
        "deleted": {**{kind: sum(each["threads"][kind] for each in policies) for kind in ("deleted", "trimmed")}, "rows": deleted},
        "policies": policies,
        "not_reached": [{"place": place, "advice": advice} for place, advice in NOT_REACHED],
    }


def retention_summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report without ids, for the artifacts of a job."""
    kept = ("failed", "changed", "threads", "kept", "rows", "orphan_rows", "bytes", "remaining", "oldest_left", "seconds")
    return {
        **{key: report[key] for key in ("started_at", "finished_at", "check", "erasure", "changed", "failed", "deleted")},
        "policies": {each["name"]: {key: each[key] for key in kept} for each in report["policies"]},
    }


def _policy(outcome: dict[str, Any], options: dict[str, Any], erasure: bool, show_threads: bool) -> dict[str, Any]:
    """One policy of the report. A result without counts comes from a run that failed before it counted."""
    result = outcome["result"]
    nothing = dict.fromkeys(TABLES, 0)
    counts = {key: result.get(key) for key in RESULTS}
    threads = {"considered": 0, "deleted": 0, "trimmed": 0, "kept": 0, "remaining": 0, **(counts["threads"] or {})}
    orphans = counts["orphans"] or {}
    left = _not_erased(threads["remaining"], (counts["kept"] or {}).get(WRITTEN_MEANWHILE, 0)) if erasure else ""
    failed = bool(outcome["failed"] or left)
    # A module that ended without a result, or whose result was lost.
    lost = UNKNOWN if counts["threads"] is None and ("module_stdout" in result or result.get("unreachable")) else ""
    messages = [str(result.get("msg", "")).strip() if outcome["failed"] or result.get("skipped") else "", left, lost]
    return {
        **counts,
        **{key: outcome[key] for key in ("name", "started_at", "finished_at")},
        "failed": failed,
        "counted": counts["threads"] is not None,
        "message": " ".join(each for each in messages if each),
        "changed": bool(result.get("changed")),
        "options": shown_policy(options, show_threads, ("orphans", "limit_percent", "force", "recheck")),
        "threads": threads,
        "kept": {reason: number for reason, number in (counts["kept"] or {}).items() if number},
        "rows": counts["rows"] or nothing,
        "bytes": counts["bytes"] or nothing,
        "orphan_rows": orphans.get("rows") or nothing,
    }


def _not_erased(remaining: int, written: int) -> str:
    """Why an erasure has failed although the module succeeded, or an empty text. A policy is applied again, but an erasure is not."""
    reasons = [(remaining, "time_limit was reached"), (written, "the application wrote to them in the meantime")]
    found = " and ".join("%d because %s" % each for each in reasons if each[0])
    return "%d of the threads were not erased: %s. Run the erasure again." % (remaining + written, found) if found else ""


def _text(policy: dict[str, Any], check: bool) -> str:
    """A policy in one line of the terminal."""
    if not policy["counted"]:
        return "%s: %s" % (policy["name"], policy["message"] or "no result")
    threads, rows = policy["threads"], sum(policy["rows"].values())
    done = "would be " if check else ""
    parts = ["%d of %d threads %sdeleted" % (threads["deleted"], threads["considered"], done)]
    if threads["trimmed"]:
        parts.append("the history of %d threads %sdeleted" % (threads["trimmed"], done))
    parts.append("%d rows, %d bytes" % (rows, sum(policy["bytes"].values())))
    if policy["orphans"]:
        parts.append("%d rows without a checkpoint" % sum(policy["orphan_rows"].values()))
    if policy["kept"]:
        parts.append("kept: %s" % ", ".join("%d %s" % (number, reason) for reason, number in policy["kept"].items()))
    if policy["remaining"]:
        parts.append("%d remain for the next run" % policy["remaining"])
    if policy["oldest_left"]:
        parts.append("oldest thread left: %s" % policy["oldest_left"])
    return "%s: %s%s" % (policy["name"], "; ".join(parts), ". Failed: %s" % policy["message"] if policy["failed"] else "")
