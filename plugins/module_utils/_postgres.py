# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to read one Schema from PostgreSQL's catalog, and the ledger beside it.

pg_catalog only: information_schema hides constraints from a role that does not own them. A constant number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.stateops.langgraph.plugins.module_utils._contract import DATA_TABLES, LEDGER, TABLES, thread_index
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import (
    Attachment,
    Column,
    Constraint,
    Index,
    Schema,
    Table,
    qualified,
    quote,
)

try:
    from psycopg import sql
except ImportError:  # the module has not entered the virtualenv yet; _virtualenv.py sees to it
    sql = None

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
}
INDEX_NAMES = tuple(thread_index(table).name for table in DATA_TABLES)
PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
CONSTRAINTS = {"p": "primary key", "u": "unique", "c": "check", "f": "foreign key", "x": "exclusion", "t": "trigger"}
ON_DELETE = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
INTEGERS = ("integer", "bigint", "smallint")
GENERATED = {"s": "stored", "v": "virtual"}
IDENTITY = {"a": "identity always", "d": "identity by default"}

SERVER = """
SELECT current_user AS role, session_user AS login, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       current_database() AS database,
       n.oid IS NOT NULL AS schema_exists,
       n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AS schema_usage,
       n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'CREATE') AS schema_create,
       current_schemas(true)::text[] AS path
FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = %(schema)s
"""

RELATIONS = """
SELECT c.oid, c.relname AS name, n.nspname AS schema, c.relkind::text AS kind, c.relpersistence::text AS persistence,
       pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity AS row_security,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable,
       has_table_privilege(session_user, c.oid, 'SELECT') AND has_schema_privilege(session_user, n.oid, 'USAGE') AS login_readable, o.relname AS indexed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class o ON o.oid = i.indrelid
WHERE c.relname = ANY(%(names)s) AND (n.nspname = %(schema)s OR n.nspname = ANY(%(path)s))
"""

COLUMNS = """
SELECT a.attrelid AS oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       pg_get_expr(d.adbin, d.adrelid) AS expression, a.attgenerated::text AS generated, a.attidentity::text AS identity,
       CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation,
       coalesce(l.collisdeterministic, true) AS deterministic
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = ANY(%(oids)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# conenforced came with PostgreSQL 18; NOT NULL constraints ('n') are read with the columns.
CONSTRAINT_ROWS = """
SELECT k.conrelid AS oid, k.confrelid AS target, k.conname AS name, k.contype::text AS kind, k.condeferrable AS deferrable,
       coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced, k.confdeltype::text AS on_delete,
       pg_get_constraintdef(k.oid) AS definition,
       n.nspname AS schema, c.relname AS relation,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.place) AS columns
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (k.conrelid = ANY(%(oids)s) OR k.confrelid = ANY(%(oids)s)) AND k.contype <> 'n'
ORDER BY k.conname, k.conrelid
"""

# A session that builds an index CONCURRENTLY keeps SHARE UPDATE EXCLUSIVE on its table, as VACUUM does. Of the view of progress
# every role sees the process ids, and no more.
INDEXES = """
SELECT i.indrelid AS oid, c.relname AS name, i.indisunique AS unique, m.amname AS method, i.indisvalid AS valid, i.indisready AS ready,
       coalesce(pg_get_expr(i.indpred, i.indrelid, true), '') AS predicate, pg_get_indexdef(i.indexrelid) AS definition,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k::int, true)
                    || CASE WHEN a.attcollation IS NOT NULL AND i.indcollation[k - 1] <> a.attcollation THEN ' collate other' ELSE '' END
             FROM generate_series(1, i.indnkeyatts) AS k
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attcollation <> 0
             ORDER BY k) AS columns,
       NOT i.indisvalid AND EXISTS (
           SELECT FROM pg_locks l JOIN pg_stat_progress_create_index b ON b.pid = l.pid
           WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.granted AND l.pid <> pg_backend_pid()) AS building
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = ANY(%(oids)s)
ORDER BY c.relname
"""

ATTACHMENTS = """
SELECT tgrelid AS oid, tgname AS name, 'trigger' AS kind, pg_get_triggerdef(oid) AS definition, tgenabled <> 'D' AS enabled
FROM pg_trigger WHERE tgrelid = ANY(%(oids)s) AND NOT tgisinternal
UNION ALL
SELECT ev_class, rulename, 'rule', pg_get_ruledef(oid), ev_enabled <> 'D'
FROM pg_rewrite WHERE ev_class = ANY(%(oids)s) AND rulename <> '_RETURN'
UNION ALL
SELECT polrelid, polname, 'policy', '', true FROM pg_policy WHERE polrelid = ANY(%(oids)s)
UNION ALL
SELECT h.inhparent, h.inhrelid::regclass::text, 'child', '', true
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent WHERE h.inhparent = ANY(%(oids)s) AND c.relkind = 'r'
UNION ALL
SELECT inhrelid, inhparent::regclass::text, 'parent', '', true FROM pg_inherits WHERE inhrelid = ANY(%(oids)s)
ORDER BY 3, 2
"""


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
class Reading:
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
    server = Server(**connection.execute(SERVER, {"schema": schema}).fetchone())
    rows = connection.execute(RELATIONS, {"names": list(names + INDEX_NAMES), "schema": schema, "path": list(server.path)}).fetchall()
    # An index in its place comes with its table; one of that name on another table takes the name away.
    rows = [row for row in rows if row["name"] not in INDEX_NAMES or row["name"] != thread_index(row["indexed"] or "").name]
    here = {row["oid"]: row for row in rows if row["schema"] == schema}
    oids = {"oids": list(here)}
    details = {"columns": {}, "constraints": {}, "indexes": {}, "attachments": {}}
    if here:
        for row in connection.execute(COLUMNS, oids):
            details["columns"].setdefault(row["oid"], []).append(_column(row))
        for row in connection.execute(CONSTRAINT_ROWS, oids):
            owner = row["oid"] if row["oid"] in here else row["target"]
            details["constraints"].setdefault(owner, []).append(_constraint(row, incoming=row["oid"] not in here))
        for row in connection.execute(INDEXES, oids):
            details["indexes"].setdefault(row["oid"], []).append(_index(row))
        for row in connection.execute(ATTACHMENTS, oids):
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
        return Reading(found, server)
    if not ledger["readable"] and not ledger["login_readable"]:
        return Reading(found, server, hidden=True)
    return Reading(found, server, _recorded(connection, schema, None if ledger["readable"] else server.role))


def _column(row):
    generated = GENERATED.get(row["generated"]) or IDENTITY.get(row["identity"]) or ""
    return Column(
        name=row["name"],
        type=row["type"],
        nullable=row["nullable"],
        default=row["expression"],
        generated=generated,
        collation=row["collation"] or "",
        deterministic=row["deterministic"],
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
