# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to read one Schema from PostgreSQL's catalog, and the ledger beside it.

A constant number of queries; what is asked stands in catalog_queries.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql import catalog_queries
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import sql
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import CLASSES, DATA_TABLES, LEDGER, SORTED, TABLES, thread_index
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
    "S": "sequence",
    "c": "composite type",
    "i": "index",
    "I": "partitioned index",
    "T": "type",
}
INDEX_NAMES = tuple(thread_index(table).name for table in DATA_TABLES)
PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
CONSTRAINTS = {"p": "primary key", "u": "unique", "c": "check", "f": "foreign key", "x": "exclusion", "t": "trigger", "n": "not null"}
ON_DELETE = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "N": "set null on not null", "d": "set default"}
INTEGERS = ("integer", "bigint", "smallint")
GENERATED = {"s": "stored", "v": "virtual"}
IDENTITY = {"a": "identity always", "d": "identity by default"}


@dataclass(frozen=True)
class Server:
    """Who is connected to what. role: who acts. login: who logged in. schema_*: rights of the role in the schema asked for."""

    role: str
    login: str
    standby: bool
    read_only: bool
    superuser: bool
    database: str
    schema_exists: bool
    schema_usage: bool
    schema_create: bool
    path: tuple


@dataclass(frozen=True)
class DatabaseState:
    """What stands in the database.

    recorded: the ledger's versions in order, or None where there is no ledger. hidden: the ledger is there, but may not be read.
    """

    schema: Schema
    server: Server
    recorded: tuple | None = None
    hidden: bool = False

    def hidden_ledger(self):
        """Why the ledger was not read, and the statements that open it."""
        role, ledger = self.server.role, self.schema.table(LEDGER)
        statements = ["GRANT SELECT ON %s TO %s;" % (qualified(self.schema.name, LEDGER), quote(role))]
        if not self.server.schema_usage:
            statements.insert(0, "GRANT USAGE ON SCHEMA %s TO %s;" % (quote(self.schema.name), quote(role)))
        if ledger.row_security:
            statements.append("ALTER TABLE %s DISABLE ROW LEVEL SECURITY;" % qualified(self.schema.name, LEDGER))
        return "Role %s may not read the ledger %s, which %s owns. To let it: %s" % (role, LEDGER, ledger.owner, " ".join(statements))

    @property
    def version(self):
        """The newest recorded version, None where none is."""
        return self.recorded[-1] if self.recorded else None

    def with_schema(self):
        """The same reading as if the schema were there and the role might use it."""
        server = replace(self.server, schema_exists=True, schema_usage=True, schema_create=True)
        return replace(self, schema=replace(self.schema, exists=True), server=server)

    def describe(self):
        """The reading as text: what a diff shows."""
        versions = "none" if not self.recorded else ", ".join(str(number) for number in self.recorded)
        return "%sledger: %s\n" % (self.schema.describe(), versions)


def read(connection, schema, names=TABLES):
    """The Reading of the contract's tables in a schema. Call it inside snapshot()."""
    server = Server(**connection.execute(catalog_queries.SERVER, {"schema": schema}).fetchone())
    rows = connection.execute(catalog_queries.RELATIONS, {"names": list(names + INDEX_NAMES), "schema": schema, "path": list(server.path)}).fetchall()
    # An index in its place comes with its table; one of that name on another table takes the name away.
    rows = [row for row in rows if row["name"] not in INDEX_NAMES or row["name"] != thread_index(row["indexed"] or "").name]
    here = {row["oid"]: row for row in rows if row["schema"] == schema}
    oids = {"oids": list(here), "alike": list(CLASSES)}
    details = {"columns": {}, "constraints": {}, "indexes": {}, "attachments": {}}
    if here:
        for row in connection.execute(catalog_queries.COLUMNS, oids).fetchall():
            ordered = (here[row["oid"]]["name"], row["name"]) not in SORTED or _ordered(connection, row)
            details["columns"].setdefault(row["oid"], []).append(_column(row, ordered))
        for row in connection.execute(catalog_queries.CONSTRAINT_ROWS, oids):
            owner = row["oid"] if row["oid"] in here else row["target"]
            details["constraints"].setdefault(owner, []).append(_constraint(row, incoming=row["oid"] not in here))
        for row in connection.execute(catalog_queries.INDEXES, oids):
            details["indexes"].setdefault(row["oid"], []).append(_index(row))
        for row in connection.execute(catalog_queries.ATTACHMENTS, oids):
            attachment = Attachment(row["name"], row["kind"], row["definition"] or "", row["enabled"])
            details["attachments"].setdefault(row["oid"], []).append(attachment)
    tables = tuple(
        Table(
            name=row["name"],
            kind=KINDS.get(row["kind"], "relation"),
            persistence=PERSISTENCE[row["persistence"]],
            owner=row["owner"],
            row_security=row["row_security"],
            **{what: tuple(found.get(oid, ())) for what, found in details.items()},
        )
        for oid, row in sorted(here.items(), key=lambda pair: pair[1]["name"])
    )
    found = Schema("postgresql", schema, tables, _elsewhere(rows, schema, server.path, names), server.schema_exists)
    ledger = next((row for row in here.values() if row["name"] == LEDGER), None)
    version = found.table(LEDGER).column("v") if ledger else None
    if version is None or found.table(LEDGER).kind != "table" or version.type not in INTEGERS:
        return DatabaseState(found, server)
    if not ledger["readable"] and not ledger["login_readable"]:
        return DatabaseState(found, server, hidden=True)
    return DatabaseState(found, server, _recorded(connection, schema, None if ledger["readable"] else server.role))


def _ordered(connection, row):
    """Whether the column's collation sorts ids as their bytes do; believed where this role may not name the collation."""
    if not row["nameable"]:
        return True
    query = sql.SQL(catalog_queries.ORDERED).format(collation=sql.Identifier(row["collation_schema"], row["collation_name"]))
    return connection.execute(query).fetchone()["ordered"]


def _column(row, ordered):
    generated = GENERATED.get(row["generated"]) or IDENTITY.get(row["identity"]) or ""
    return Column(
        name=row["name"],
        type=row["type"],
        nullable=row["nullable"],
        default=row["expression"],
        generated=generated,
        collation=row["collation"] or "",
        deterministic=row["deterministic"],
        ordered=ordered,
        storage=row["storage"],
    )


def _constraint(row, incoming):
    return Constraint(
        name=row["name"],
        kind=CONSTRAINTS.get(row["kind"], row["kind"]),
        columns=tuple(row["columns"]),
        definition=row["definition"],
        deferrable=row["deferrable"],
        enforced=row["enforced"],
        on_delete=ON_DELETE.get(row["on_delete"].strip(), ""),
        incoming="%s.%s" % (row["schema"], row["relation"]) if incoming else "",
    )


def _index(row):
    return Index(
        name=row["name"],
        columns=tuple(row["columns"]),
        unique=row["unique"],
        method=row["method"],
        predicate=row["predicate"],
        valid=row["valid"],
        ready=row["ready"],
        building=row["building"],
        definition=row["definition"],
        included=tuple(row["included"]),
        variant=row["variant"],
    )


def _elsewhere(rows, schema, path, names):
    """Pairs (table, schema) for bare names that find another table than the one asked for, or none ('')."""
    pairs = []
    for name in names:
        holders = {row["schema"] for row in rows if row["name"] == name}
        first = next((place for place in path if place in holders), "")
        if schema in holders and first != schema:
            pairs.append((name, first))
    return tuple(sorted(pairs))


def _recorded(connection, schema, role):
    """The ledger's versions. role: the acting role, where only the login role may read them."""
    if role:
        connection.execute("SET LOCAL ROLE NONE")
    query = sql.SQL("SELECT v FROM {} ORDER BY v").format(sql.Identifier(schema, LEDGER))
    versions = tuple(row["v"] for row in connection.execute(query))
    if role:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    return versions
