# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the database state: a Schema from PostgreSQL's catalog, and the rows of the migrations table.

The number of queries is constant. catalog_queries.py contains their SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.sql import qualified, quote
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql import catalog_queries
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import fetch_row, sql
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import CLASSES, DATA_TABLES, MIGRATIONS_TABLE, SORTED, TABLES, thread_index
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

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


class Server(NamedTuple):
    """The server and the roles of a connection.

    role: the current role. login: the role that logged in. schema_*: the current role's privileges on the schema.
    path: the schemas of the login's search_path.
    """

    role: str
    login: str
    standby: bool
    read_only: bool
    superuser: bool
    database: str
    schema_exists: bool
    schema_usage: bool
    schema_create: bool
    path: tuple[str, ...]


class DatabaseState(NamedTuple):
    """The catalog and the migrations table, read once.

    recorded: the recorded versions in order, or None without a migrations table. hidden: the table exists, but may not be read.
    """

    schema: Schema
    server: Server
    recorded: tuple[int, ...] | None = None
    hidden: bool = False

    def hidden_migrations_table(self) -> str:
        """Why the migrations table was not read, and the statements that permit it."""
        role = self.server.role
        migrations_table = next(table for table in self.schema.tables if table.name == MIGRATIONS_TABLE)
        statements = ["GRANT SELECT ON %s TO %s;" % (qualified(self.schema.name, MIGRATIONS_TABLE), quote(role))]
        if not self.server.schema_usage:
            statements.insert(0, "GRANT USAGE ON SCHEMA %s TO %s;" % (quote(self.schema.name), quote(role)))
        if migrations_table.row_security:
            statements.append("ALTER TABLE %s DISABLE ROW LEVEL SECURITY;" % qualified(self.schema.name, MIGRATIONS_TABLE))
        return "Role %s may not read the migrations table %s, which %s owns. Run: %s" % (role, MIGRATIONS_TABLE, migrations_table.owner, " ".join(statements))

    @property
    def version(self) -> int | None:
        """The newest recorded version, or None."""
        return self.recorded[-1] if self.recorded else None

    def with_schema(self) -> DatabaseState:
        """The same state, as if the schema existed and the role had all privileges on it."""
        server = self.server._replace(schema_exists=True, schema_usage=True, schema_create=True)
        return self._replace(schema=self.schema._replace(exists=True), server=server)

    def describe(self) -> str:
        """The state as text, for a diff."""
        versions = "none" if not self.recorded else ", ".join(str(number) for number in self.recorded)
        return "%smigrations: %s\n" % (self.schema.describe(), versions)


def read(
    connection: Connection,
    schema: str,
    path: tuple[str, ...],
    names: tuple[str, ...] = TABLES,
    *,
    adopt: bool = False,
    roles: Sequence[str] | None = None,
) -> DatabaseState:
    """The DatabaseState of the checkpoint tables in a schema. Call it inside snapshot(), which yields the path.

    adopt: whether the current role will own all tables, so that other owners are not trusted. roles: the application's roles whose settings and rights
    are read; empty for the current role if it can write checkpoints, None for none.
    """
    parameters: dict[str, Any] = {"schema": schema, "names": list(names), "adopt": adopt, "roles": roles}
    row = fetch_row(connection, catalog_queries.SERVER, dict(parameters, client_encoding=getattr(connection, "own_encoding", "UTF8")))
    facts = {name: tuple(row.pop(name)) for name in ("creators", "overloads")}
    facts["settings"] = tuple(map(tuple, row.pop("settings")))
    encoding, parties = row.pop("encoding"), row.pop("parties")
    server = Server(path=path, **row)
    rows = connection.execute(catalog_queries.RELATIONS, {"names": list(names + INDEX_NAMES), "schema": schema, "path": list(server.path)}).fetchall()
    # An index on its own table is read with the table. An index of that name on another table occupies the name.
    rows = [row for row in rows if row["name"] not in INDEX_NAMES or row["name"] != thread_index(row["indexed"] or "").name]
    found = {row["oid"]: row for row in rows if row["schema"] == schema}
    parameters = {"oids": list(found), "alike": list(CLASSES), "parties": parties}
    denied: list[tuple[str, ...]] = []
    details: dict[str, dict[int, list[Any]]] = {"columns": {}, "constraints": {}, "indexes": {}, "attachments": {}}
    if found:
        for row in connection.execute(catalog_queries.COLUMNS, parameters).fetchall():
            table = found[row["oid"]]["name"]
            ordered = (table, row["name"]) not in SORTED or _ordered(connection, row)
            denied.extend((role, table, row["name"], row["sequence"]) for role in row["denied"])
            details["columns"].setdefault(row["oid"], []).append(_column(row, ordered))
        for row in connection.execute(catalog_queries.CONSTRAINT_ROWS, parameters):
            owner = row["oid"] if row["oid"] in found else row["target"]
            details["constraints"].setdefault(owner, []).append(_constraint(row, incoming=row["oid"] not in found))
        for row in connection.execute(catalog_queries.INDEXES, parameters):
            details["indexes"].setdefault(row["oid"], []).append(_index(row))
        for row in connection.execute(catalog_queries.ATTACHMENTS, parameters):
            attachment = Attachment(row["name"], row["kind"], row["definition"] or "", row["enabled"])
            details["attachments"].setdefault(row["oid"], []).append(attachment)
    tables = tuple(
        Table(
            name=row["name"],
            kind=KINDS.get(row["kind"], "relation"),
            persistence=PERSISTENCE[row["persistence"]],
            owner=row["owner"],
            row_security=row["row_security"],
            **{kind: tuple(parts.get(oid, ())) for kind, parts in details.items()},
        )
        for oid, row in sorted(found.items(), key=lambda pair: pair[1]["name"])
    )
    content = Schema(
        "postgresql",
        schema,
        tables,
        _elsewhere(rows, schema, server.path, names),
        server.schema_exists,
        database=server.database,
        encoding=encoding,
        denied=tuple(denied),
        **facts,
    )
    recording, migrations_table = content.table(MIGRATIONS_TABLE), next((row for row in found.values() if row["name"] == MIGRATIONS_TABLE), None)
    version = recording.column("v") if recording else None
    if recording is None or migrations_table is None or version is None or recording.kind != "table" or version.type not in INTEGERS:
        return DatabaseState(content, server)
    if not migrations_table["readable"] and not migrations_table["login_readable"]:
        return DatabaseState(content, server, hidden=True)
    return DatabaseState(content, server, _recorded(connection, schema, None if migrations_table["readable"] else server.role))


def _ordered(connection: Connection, row: dict[str, Any]) -> bool:
    """Whether the column's collation sorts ids in the order of their bytes; assumed if this role may not use the collation."""
    if not row["nameable"]:
        return True
    query = sql.SQL(catalog_queries.ORDERED).format(collation=sql.Identifier(row["collation_schema"], row["collation_name"]))
    return fetch_row(connection, query)["ordered"]


def _column(row: dict[str, Any], ordered: bool) -> Column:
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
        domain_of=row["domain_of"] or "",
        sequence=row["sequence"] or "",
        sequence_end=row["sequence_end"],
    )


def _constraint(row: dict[str, Any], incoming: bool) -> Constraint:
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


def _index(row: dict[str, Any]) -> Index:
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


def _elsewhere(rows: Sequence[dict[str, Any]], schema: str, path: Sequence[str], names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs (table, schema): unqualified names that resolve to a table in another schema, or to no table ('')."""
    pairs = []
    for name in names:
        holders = {row["schema"] for row in rows if row["name"] == name}
        first = next((place for place in path if place in holders), "")
        if schema in holders and first != schema:
            pairs.append((name, first))
    return tuple(sorted(pairs))


def _recorded(connection: Connection, schema: str, role: str | None) -> tuple[int, ...]:
    """The versions in the migrations table. role: the current role if only the login role may read the table, else None."""
    if role:
        connection.execute("SET LOCAL ROLE NONE")
    query = sql.SQL("SELECT v FROM {} ORDER BY v").format(sql.Identifier(schema, MIGRATIONS_TABLE))
    versions = tuple(row["v"] for row in connection.execute(query))
    if role:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    return versions
