# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parity reports: the facts that checkpoint_schema_info and checkpoint_verify return, grouped by table."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table

COLLECTION = Path(__file__).resolve().parents[2]
REPORT_VERSION = 1
SCHEMA = "urn:stateops:langgraph:checkpoint-report:%d" % REPORT_VERSION
VERDICTS = ("drift", "expected", "equivalent", "identical")
# Limits of the summary: findings, pending migrations, and characters of each text. At most ten findings of 1 kB each.
FINDINGS = 10
PENDING = 50
LETTERS = 200


def parity_report(info: dict[str, Any], host: str, database: dict[str, Any], orphan_grace: int, at: str) -> dict[str, Any]:
    """The report, as the role checkpointer's files/report.schema.json describes it."""
    try:
        info = _plain(info)
        postgres, sqlite = Schema.from_dict(info["postgres"]), Schema.from_dict(info["sqlite"])
        findings, parity = info["parity"]["findings"], info["parity"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("parity_report needs a result of checkpoint_schema_info that contains both schemas: %s" % error) from error
    # Set the engines again: if the password is "postgres", Ansible masks this string in every result.
    sides = (("postgresql", postgres), ("sqlite", sqlite))
    facts = {
        "host": str(host),
        "database": {**_plain(database), "port": int(database["port"])},
        "verdict": {
            **{key: parity[key] for key in ("in_parity", "level", "reference", "summary")},
            "counts": {verdict: sum(finding["verdict"] == verdict for finding in findings) for verdict in VERDICTS},
        },
        "drift": [_without(finding, "verdict") for finding in findings if finding["verdict"] == "drift"],
        "versions": {"stateops.langgraph": collection_version(), **info["versions"]},
        "migrations": info["migrations"],
        "tables": [_table(name, sqlite, postgres, findings) for name in _names(sqlite, postgres, findings)],
        "indexes": [_index(engine, table.name, index) for engine, schema in sides for table in schema.tables for index in table.indexes],
        "elsewhere": [{"table": table, "schema": place} for table, place in postgres.elsewhere],
        "orphans": {"grace": int(orphan_grace), **info["orphans"], "in_words": _orphans(info["orphans"], int(orphan_grace))},
        "schemas": {"postgres": {**info["postgres"], "engine": "postgresql"}, "sqlite": {**info["sqlite"], "engine": "sqlite"}},
    }
    lasting = json.dumps({key: value for key, value in facts.items() if key != "orphans"}, sort_keys=True)
    fingerprint = hashlib.sha256(lasting.encode("utf-8", "backslashreplace")).hexdigest()
    return {"$schema": SCHEMA, "report_version": REPORT_VERSION, "generated_at": str(at), "fingerprint": fingerprint, **facts}


def parity_report_summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report without its schemas, limited in size."""
    migrations = report["migrations"]
    return {
        "generated_at": report["generated_at"],
        **{key: _truncated(report["verdict"][key]) for key in ("in_parity", "level", "summary")},
        "drift": [{key: _truncated(text) for key, text in finding.items()} for finding in report["drift"][:FINDINGS]],
        "drift_left_out": max(0, len(report["drift"]) - FINDINGS),
        "migrations": {
            "recorded": migrations["recorded"],
            "expected": migrations["expected"],
            "pending": [each["version"] for each in migrations["pending"][:PENDING]],
        },
        "versions": {name: _truncated(version) for name, version in report["versions"].items()},
        "orphans": {each["what"]: _truncated(each["words"]) for each in report["orphans"]["in_words"]},
    }


def collection_version() -> str:
    """The version of this collection, from the installed archive or from the source tree."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    return yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def _plain(value: Any) -> Any:
    """The value without the wrapper types that Ansible adds."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _without(value: Any, *keys: str) -> Any:
    """The value without these keys at any level."""
    if isinstance(value, dict):
        return {key: _without(item, *keys) for key, item in value.items() if key not in keys}
    return [_without(item, *keys) for item in value] if isinstance(value, list) else value


def _names(sqlite: Schema, postgres: Schema, findings: list[dict[str, Any]]) -> list[str]:
    """The names of all tables as findings use them: PostgreSQL's, or SQLite's if PostgreSQL has no such table."""
    counterparts = dict(contract.COUNTERPARTS)
    known = list(counterparts.values()) + list(contract.ONLY_POSTGRES)
    found = [finding["table"] for finding in findings] + [table.name for table in postgres.tables]
    found += [counterparts.get(table.name, table.name) for table in sqlite.tables]
    return sorted(dict.fromkeys(found), key=lambda name: (known.index(name) if name in known else len(known), name))


def _table(name: str, sqlite: Schema, postgres: Schema, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """One table on both sides, object by object."""
    left = sqlite.table({new: old for old, new in contract.COUNTERPARTS}.get(name, name))
    right = postgres.table(name)
    of_table = [finding for finding in findings if finding["table"] == name]
    return {
        "name": name,
        "sqlite": left.name if left else None,
        "postgres": right.name if right else None,
        **{key: getattr(right, key) if right else None for key in ("kind", "owner", "persistence", "row_security")},
        "objects": _objects(name, left, right, of_table),
    }


def _objects(name: str, left: Table | None, right: Table | None, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table itself, its columns in order, its keys and its other objects, each with its verdict, or null if it was not compared."""
    before: dict[str, Column] = {contract.RENAMED.get((left.name, column.name), column.name): column for column in left.columns} if left else {}
    after: dict[str, Column] = {column.name: column for column in right.columns} if right else {}
    columns = list(after) + [column for column in before if column not in after]
    kinds = _kinds(name, left, right)
    kinds.update(dict.fromkeys(columns, "column"))
    kinds[name] = "table"
    reported = [finding["object"] for finding in findings]
    rows = [_row(kinds.get(finding["object"], "other"), **_without(finding, "table")) for finding in findings]
    for column in columns:
        if column not in reported:
            shown = [side[column].describe() if column in side else None for side in (before, after)]
            rows.append(_row("column", None, column, shown[0], shown[1]))
    if right:
        keys = [item.name for item in right.constraints if item.kind == "primary key"]
        others: list[Constraint | Index | Attachment] = [*right.constraints, *right.indexes, *right.attachments]
        for item in others:
            # An index with the name of a key belongs to the key.
            if item.name not in reported and not ("primary key" in reported and item.name in keys):
                reported.append(item.name)
                rows.append(_row(kinds.get(item.name, "other"), None, item.name, None, item.describe()))
    order = [name] + columns
    return sorted(rows, key=lambda row: order.index(row["object"]) if row["object"] in order else len(order))


def _row(
    kind: str,
    verdict: str | None,
    object: str,  # pylint: disable=redefined-builtin  # the key of a finding
    sqlite: str | None,
    postgres: str | None,
    reason: str = "",
) -> dict[str, Any]:
    return {"object": object, "kind": kind, "sqlite": sqlite, "postgres": postgres, "verdict": verdict, "reason": reason}


def _kinds(name: str, left: Table | None, right: Table | None) -> dict[str, str]:
    """The kind of each named object of a table."""
    kinds = {"primary key": "key", "foreign keys": "key", contract.thread_index(name).name: "index"}
    for table in (left, right):
        if table is None:
            continue
        kinds.update((index.name, "index") for index in table.indexes)
        for constraint in table.constraints:
            kinds[constraint.name] = "key" if constraint.kind in ("primary key", "foreign key", "unique") else "constraint"
        kinds.update((attachment.name, attachment.kind) for attachment in table.attachments)
    return kinds


def _index(engine: str, table: str, index: Index) -> dict[str, Any]:
    state = "being built" if index.building else "valid" if index.usable else "INVALID"
    return {
        **{key: getattr(index, key) for key in ("name", "unique", "method", "predicate", "definition")},
        "columns": list(index.columns),
        "engine": engine,
        "table": table,
        "state": state,
    }


def _orphans(orphans: dict[str, Any], grace: int) -> list[dict[str, str]]:
    """Each count in words, and how it was obtained."""
    missing = "some tables are missing or have an old format"
    return [
        {"what": "pending writes in PostgreSQL", "words": _counted(orphans.get("writes"), grace, missing)},
        {"what": "blobs in PostgreSQL", "words": _counted(orphans.get("blobs"), None, missing)},
        {"what": "pending writes in SQLite", "words": _counted(orphans.get("sqlite_writes"), grace, "no file in the current format was read")},
    ]


def _counted(counts: dict[str, Any] | None, grace: int | None, missing: str) -> str:
    if counts is None:
        return "not counted: not requested, or %s" % missing
    if counts.get("count") is None:
        return "not counted: %s" % counts.get("reason", "no reason was given")
    words = "%d" % counts["count"]
    if grace is not None:
        words += " older than %d s, %d recent, %d of unknown age" % (grace, counts.get("recent", 0), counts.get("age_unknown", 0))
    if counts.get("limited"):
        words += "; limited: not all rows were examined, so there may be more"
    if counts.get("sampled_percent"):
        words += "; sampled: counted in %.3g %% of the table, not extrapolated to the whole table" % counts["sampled_percent"]
    return words


def _truncated(value: Any) -> Any:
    return value[: LETTERS - 1] + "…" if isinstance(value, str) and len(value) > LETTERS else value
