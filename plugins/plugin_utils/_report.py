# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parity reports: the facts that checkpoint_schema_info and checkpoint_verify return, arranged table by table."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from ansible_collections.stateops.langgraph.plugins.module_utils._schema import expected as contract
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Schema

COLLECTION = Path(__file__).resolve().parents[2]
REPORT_VERSION = 1
SCHEMA = "urn:stateops:langgraph:checkpoint-report:%d" % REPORT_VERSION
VERDICTS = ("drift", "expected", "equivalent", "identical")
# Ten findings of a kilobyte each, at the most.
FINDINGS = 10
PENDING = 50
LETTERS = 200


def parity_report(info, host, database, orphan_grace, at):
    """The report, as files/report.schema.json describes it."""
    try:
        info = _plain(info)
        postgres, sqlite = Schema.from_dict(info["postgres"]), Schema.from_dict(info["sqlite"])
        findings, parity = info["parity"]["findings"], info["parity"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("parity_report takes a result of checkpoint_schema_info that has found both schemas: %s" % error) from error
    # Ansible masks a password wherever it is found: one that is "postgres" would take the engine's name away.
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


def parity_report_summary(report):
    """The report without its schemas, bounded in size."""
    migrations = report["migrations"]
    return {
        "generated_at": report["generated_at"],
        **{key: _cut(report["verdict"][key]) for key in ("in_parity", "level", "summary")},
        "drift": [{key: _cut(text) for key, text in finding.items()} for finding in report["drift"][:FINDINGS]],
        "drift_left_out": max(0, len(report["drift"]) - FINDINGS),
        "migrations": {
            "recorded": migrations["recorded"],
            "expected": migrations["expected"],
            "pending": [each["version"] for each in migrations["pending"][:PENDING]],
        },
        "versions": {name: _cut(version) for name, version in report["versions"].items()},
        "orphans": {each["what"]: _cut(each["words"]) for each in report["orphans"]["in_words"]},
    }


def collection_version():
    """This collection's version: of the archive it was installed from, or of the checkout."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    return yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def _plain(value):
    """Plain data of whatever Ansible wraps around it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _without(value, *keys):
    """Data without these keys, all the way down."""
    if isinstance(value, dict):
        return {key: _without(item, *keys) for key, item in value.items() if key not in keys}
    return [_without(item, *keys) for item in value] if isinstance(value, list) else value


def _names(sqlite, postgres, findings):
    """Every table by the name that findings use: PostgreSQL's, or SQLite's where there is no other."""
    counterparts = dict(contract.COUNTERPARTS)
    known = list(counterparts.values()) + list(contract.ONLY_POSTGRES)
    found = [finding["table"] for finding in findings] + [table.name for table in postgres.tables]
    found += [counterparts.get(table.name, table.name) for table in sqlite.tables]
    return sorted(dict.fromkeys(found), key=lambda name: (known.index(name) if name in known else len(known), name))


def _table(name, sqlite, postgres, findings):
    """One table on both sides, object by object."""
    left = sqlite.table({new: old for old, new in contract.COUNTERPARTS}.get(name, name))
    right = postgres.table(name)
    mine = [finding for finding in findings if finding["table"] == name]
    return {
        "name": name,
        "sqlite": left.name if left else None,
        "postgres": right.name if right else None,
        **{key: getattr(right, key) if right else None for key in ("kind", "owner", "persistence", "row_security")},
        "objects": list(_objects(name, left, right, mine)),
    }


def _objects(name, left, right, findings):
    """The table itself, its columns in order, then its keys and whatever else there is; each with its verdict, or null where nothing was compared."""
    before = {contract.RENAMED.get((left.name, column.name), column.name): column for column in left.columns} if left else {}
    after = {column.name: column for column in right.columns} if right else {}
    columns = list(after) + [column for column in before if column not in after]
    kinds = _kinds(name, left, right)
    kinds.update(dict.fromkeys(columns, "column"))
    kinds[name] = "table"
    told = [finding["object"] for finding in findings]
    rows = [_row(kinds.get(finding["object"], "other"), **_without(finding, "table")) for finding in findings]
    for column in columns:
        if column not in told:
            rows.append(_row("column", None, column, *(side[column].describe() if column in side else None for side in (before, after))))
    for item in right.constraints + right.indexes + right.attachments if right else ():
        # An index under a key's name is the key's own.
        if item.name not in told and not ("primary key" in told and item.name in _keys(right)):
            told.append(item.name)
            rows.append(_row(kinds.get(item.name, "other"), None, item.name, None, item.describe()))
    order = [name] + columns
    return sorted(rows, key=lambda row: order.index(row["object"]) if row["object"] in order else len(order))


def _row(kind, verdict, object, sqlite, postgres, reason=""):  # pylint: disable=redefined-builtin  # the key of a finding
    return {"object": object, "kind": kind, "sqlite": sqlite, "postgres": postgres, "verdict": verdict, "reason": reason}


def _keys(table):
    return [item.name for item in table.constraints if item.kind == "primary key"]


def _kinds(name, left, right):
    """What the names in a table stand for."""
    kinds = {"primary key": "key", "foreign keys": "key", contract.thread_index(name).name: "index"}
    for table in (left, right):
        for item in table.indexes if table else ():
            kinds[item.name] = "index"
        for item in table.constraints if table else ():
            kinds[item.name] = "key" if item.kind in ("primary key", "foreign key", "unique") else "constraint"
        for item in table.attachments if table else ():
            kinds[item.name] = item.kind
    return kinds


def _index(engine, table, index):
    state = "being built" if index.building else "valid" if index.usable else "INVALID"
    return {
        **{key: getattr(index, key) for key in ("name", "unique", "method", "predicate", "definition")},
        "columns": list(index.columns),
        "engine": engine,
        "table": table,
        "state": state,
    }


def _orphans(orphans, grace):
    """Each count in words, with how it came about."""
    nowhere = "not all tables are there in today's shape"
    return [
        {"what": "pending writes in PostgreSQL", "words": _counted(orphans.get("writes"), grace, nowhere)},
        {"what": "blobs in PostgreSQL", "words": _counted(orphans.get("blobs"), None, nowhere)},
        {"what": "pending writes in SQLite", "words": _counted(orphans.get("sqlite_writes"), grace, "no file of today's shape was read")},
    ]


def _counted(counts, grace, nowhere):
    if counts is None:
        return "not counted: not asked for, or %s" % nowhere
    if counts.get("count") is None:
        return "not counted: %s" % counts.get("reason", "no reason was given")
    words = "%d" % counts["count"]
    if grace is not None:
        words += " older than %d s, %d younger, %d of unknown age" % (grace, counts.get("recent", 0), counts.get("age_unknown", 0))
    if counts.get("limited"):
        words += "; limited: there may be more than were looked at"
    if counts.get("sampled_percent"):
        words += "; sampled: counted in %.3g %% of the table, no estimate of the whole" % counts["sampled_percent"]
    return words


def _cut(value):
    return value[: LETTERS - 1] + "…" if isinstance(value, str) and len(value) > LETTERS else value
