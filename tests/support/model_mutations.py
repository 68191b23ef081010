# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single changes to the schema that setup() creates, and the violation that each of them must cause.

The functional tests make the changes with the same names to a real database and to a real file.
"""

from __future__ import annotations

from dataclasses import dataclass

from schema_examples import postgres, sqlite

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import (
    COUNTERPARTS,
    DATA_TABLES,
    LARGE,
    POSTGRES,
    RENAMED,
    SQLITE,
    SQLITE_OPTIONAL,
    TABLES,
)
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Attachment, Column, Constraint, Index, Table

REPAIR, BLOCK, INFO = "repair", "block", "info"
MAYBE = {"nullable": False, "default": "(x ->> 'tenant'::text)"}
KEYS = {name: table.primary_key.columns for name, table in POSTGRES.items()}


@dataclass(frozen=True)
class Mutation:
    """schema: the changed schema. The other fields: the one violation that it causes. whole: if true, the rest of its table is not checked."""

    name: str
    schema: object
    rule: str
    severity: str
    table: str
    object: str
    whole: bool = False


def mutations():
    """All mutations."""
    for table in TABLES:
        yield from _tables(table)
        yield from _keys(table)
        yield from _constraints(table)
        yield from _extra_indexes(table)
        yield from _attachments(table)
        for column in POSTGRES[table].columns:
            yield from _columns(table, column)
        yield from _extra_columns(table)
    for table in DATA_TABLES:
        yield from _thread_indexes(table)
    shallow = tuple(column for column in POSTGRES["checkpoints"].columns if column.name != "checkpoint_id")
    key = (POSTGRES["checkpoints"].primary_key._replace(columns=("thread_id", "checkpoint_ns")),)
    yield _change("checkpoints", "created by ShallowPostgresSaver", "table shallow", BLOCK, whole=True, columns=shallow, constraints=key)
    latin = postgres()._replace(database="langgraph", encoding="LATIN1")
    yield Mutation("encoding LATIN1", latin, "database encoding", BLOCK, "database langgraph", "database langgraph")
    for name, value, rule in (("client_encoding", "LATIN1", "role encoding"), ("default_transaction_read_only", "on", "role read-only")):
        settings = (("app", name, value), ("other", name, {"LATIN1": "UTF8", "on": "off"}[value]))
        yield Mutation("%s %s" % (name, value), postgres()._replace(database="langgraph", settings=settings), rule, BLOCK, "role app", name)
    denied = (("app", "checkpoints", "type", "public.s"), ("app", "checkpoint_writes", "idx", "public.s"))
    yield Mutation("no right on a sequence", postgres()._replace(denied=denied), "sequence denied", BLOCK, "checkpoints", "type")
    place = "schema public"
    yield Mutation("CREATE for other roles", postgres()._replace(creators=("PUBLIC", "other")), "schema create", BLOCK, place, place)
    for planted in ("ROUTINE public.unnest(smallint[])", "OPERATOR public.||(name,name)"):
        yield Mutation("%s of another role" % planted, postgres()._replace(overloads=(planted,)), "schema overload", BLOCK, place, planted)
    for table in DATA_TABLES:
        name = "%s owned by another role" % table
        schema = postgres().with_table(postgres().table(table)._replace(owner="somebody"))
        yield Mutation(name, schema, "owner differs", BLOCK, "checkpoint_migrations", "owner")


def _change(table, what, rule, severity, place=None, whole=False, **fields):
    """A Mutation that sets fields of a table."""
    schema = postgres()
    schema = schema.with_table(schema.table(table)._replace(**fields))
    return Mutation("%s: %s" % (table, what), schema, rule, severity, table, place or table, whole)


def _tables(table):
    schema = postgres()
    without = schema._replace(tables=tuple(other for other in schema.tables if other.name != table))
    yield Mutation("no %s" % table, without, "table missing", REPAIR, table, table, True)
    for kind in ("view", "materialized view", "foreign table", "sequence", "composite type", "index", "type"):
        yield _change(table, "a " + kind, "table kind", BLOCK, whole=True, kind=kind)
    yield _change(table, "partitioned", "table partitioned", BLOCK, whole=True, kind="partitioned table")
    yield _change(table, "with other columns", "table shape", BLOCK, whole=True, columns=(Column("id", "bigint"),), constraints=(), indexes=())
    for persistence in ("unlogged", "temporary"):
        yield _change(table, persistence, "table unlogged", BLOCK, persistence=persistence)
    yield _change(table, "row security", "row security", BLOCK, row_security=True)
    yield Mutation("%s hidden by another table" % table, schema._replace(elsewhere=((table, "other"),)), "table elsewhere", BLOCK, table, table)
    yield Mutation("%s not on the path" % table, schema._replace(elsewhere=((table, ""),)), "table not on path", INFO, table, table)


def _keys(table):
    current = postgres().table(table)
    key, place = current.primary_key, "primary key"
    unneeded = ("key unneeded", INFO) if table not in DATA_TABLES else ()
    rule = unneeded or ("key missing", BLOCK)
    yield _change(table, "no key", *rule, place, constraints=(), indexes=tuple(i for i in current.indexes if i.name != key.name))
    rule = unneeded or ("key columns", BLOCK)
    yield _change(table, "key of other columns", *rule, place, constraints=(key._replace(columns=key.columns + ("more",)),))
    if len(key.columns) > 1:
        yield _change(table, "key without the last column", "key columns", BLOCK, place, constraints=(key._replace(columns=key.columns[:-1]),))
        rule = ("key order equal", INFO) if table == "checkpoint_blobs" else ("key order", BLOCK)
        yield _change(table, "key in another order", *rule, place, constraints=(key._replace(columns=key.columns[::-1]),))
    rule = unneeded or ("key deferrable", BLOCK)
    yield _change(table, "deferrable key", *rule, place, constraints=(key._replace(deferrable=True),))
    index = current.find_index(key.name)
    if not unneeded:
        yield _change(table, "key including a column", "index variant", INFO, place, indexes=current.with_index(index._replace(included=("x",))).indexes)
    for column in _large(table):
        wide = current.with_index(index._replace(included=(column,)))
        yield _change(table, "key including %s" % column, "index wide", BLOCK, place, indexes=wide.indexes)
    for field in ("valid", "ready"):
        broken = current.with_index(current.find_index(key.name)._replace(**{field: False}))
        yield _change(table, "key not %s" % field, *(unneeded or ("key invalid", BLOCK)), place, indexes=broken.indexes)


def _large(table):
    return [column.name for column in POSTGRES[table].columns if column.type in LARGE]


def _constraints(table):
    key = KEYS[table]
    current = postgres().table(table)

    def more(what, rule, severity, kind, columns=("x",), definition="", **fields):
        item = Constraint("extra", kind, columns, definition=definition or "%s (x)" % kind.upper(), **fields)
        return _change(table, what, rule, severity, "extra", constraints=postgres().table(table).constraints + (item,))

    yield more("unique", "unique", BLOCK, "unique")
    yield more("unique over the key and more", "unique, implied", INFO, "unique", key[::-1] + ("x",))
    rule = ("unique, deferrable", BLOCK) if table in DATA_TABLES else ("unique, implied", INFO)
    yield more("deferrable unique over the key", *rule, "unique", key, deferrable=True)
    yield more("deferrable unique over the key and more", "unique, implied", INFO, "unique", key + ("x",), deferrable=True)
    for column in _large(table):
        items = current.constraints + (Constraint("extra", "unique", key + (column,)),)
        index = Index("extra", key + (column,), unique=True)
        yield _change(table, "unique over the key and %s" % column, "index wide", BLOCK, "extra", constraints=items, indexes=current.with_index(index).indexes)
    for column in POSTGRES[table].columns:
        definition = "CHECK ((%s IS NOT NULL))" % column.name
        if column.nullable and (table, column.name) != ("checkpoint_writes", "type"):
            yield more("check that %s is not NULL" % column.name, "check", BLOCK, "check", (column.name,), definition)
        else:
            yield more("check that %s is not NULL" % column.name, "check, implied", INFO, "check", (column.name,), definition)
            if not column.nullable:
                yield more("%s not null, not valid" % column.name, "not null, not valid", BLOCK, "not null", (column.name,))
    yield more("check", "check", BLOCK, "check")
    yield more("check not enforced", "check, not enforced", INFO, "check", enforced=False)
    yield more("exclusion", "exclusion", BLOCK, "exclusion")
    yield more("foreign key", "foreign key", BLOCK, "foreign key")
    yield more("cascading foreign key", "foreign key", BLOCK, "foreign key", on_delete="cascade")
    rule = ("foreign key, incoming", BLOCK) if table in DATA_TABLES else ("foreign key, incoming, cascading", INFO)
    for action in ("no action", "restrict", "set null on not null", "set default"):
        yield more("referenced, " + action, *rule, "foreign key", incoming="public.notes", on_delete=action)
    yield more("referenced, not enforced", "check, not enforced", INFO, "foreign key", incoming="public.notes", on_delete="restrict", enforced=False)
    for action in ("cascade", "set null"):
        rule = "foreign key, incoming, cascading"
        yield more("referenced, " + action, rule, INFO, "foreign key", incoming="public.notes", on_delete=action)
    both = {"attachments": (Attachment("extra", "trigger"),), "constraints": postgres().table(table).constraints + (Constraint("extra", "trigger"),)}
    yield _change(table, "constraint trigger", "trigger", BLOCK, "extra", **both)


def _extra_indexes(table):
    current = postgres().table(table)
    key = current.primary_key

    def more(what, rule, severity, name="extra", columns=("x",), also=(), **fields):
        extra = current.with_index(Index(name, columns, **fields))
        return _change(table, what, rule, severity, name, indexes=extra.indexes, constraints=current.constraints + also)

    yield more("index", "index extra", INFO)
    yield more("INVALID index", "index extra invalid", INFO, valid=False)
    yield more("additional index, being built", "index building", INFO, valid=False, building=True)
    yield more("unique index", "unique", BLOCK, unique=True)
    yield more("unique index over the key", "unique, implied", INFO, columns=key.columns[::-1], unique=True)
    yield more("partial unique index over the key", "unique, implied", INFO, columns=key.columns, unique=True, predicate="x > 1")
    yield more("partial unique index whose predicate can fail", "index computed", BLOCK, columns=key.columns, unique=True, predicate="x::integer > 1")
    yield more("index on an expression", "index extra", INFO, columns=("lower(x)",))
    yield more("index on an expression that can fail", "index computed", BLOCK, columns=("(x::integer)",))
    yield more("INVALID index on an expression that can fail", "index computed", BLOCK, columns=("(x::integer)",), valid=False)
    yield more("index whose predicate can fail", "index computed", BLOCK, predicate="(1 / x) > 0")
    for column in _large(table):
        yield more("index on %s" % column, "index wide", BLOCK, columns=(column,))
        yield more("index on all of %s as text" % column, "index wide", BLOCK, columns=("(%s::text)" % column,))
        yield more("index including %s" % column, "index wide", BLOCK, included=(column,))
        yield more("brin index on %s" % column, "index wide", BLOCK, columns=(column,), method="brin")
        yield more("hash index on %s" % column, "index extra", INFO, columns=(column,), method="hash")
        yield more("gin index on %s" % column, "index extra", INFO, columns=(column,), method="gin")
        rule = ("index extra", INFO) if column == "checkpoint" else ("index wide", BLOCK)
        yield more("index on a part of %s" % column, *rule, columns=("(%s ->> 'who'::text)" % column,))
        yield more("index on a large part of %s" % column, "index wide", BLOCK, columns=("(%s -> 'channel_values'::text)" % column,))
        yield more("index on the start of a part of %s" % column, "index extra", INFO, columns=("\"left\"((%s ->> 'who'::text), 80)" % column,))
        yield more("index on a small part of %s" % column, "index extra", INFO, columns=("(%s ->> 'source'::text)" % column,))
        yield more("index on the digest of %s" % column, "index extra", INFO, columns=("md5(%s::text)" % column,))
    yield more("INVALID unique index that is ready", "unique", BLOCK, unique=True, valid=False)
    yield more("INVALID unique index that is not ready", "index extra invalid", INFO, unique=True, valid=False, ready=False)
    for suffix in ("_ccnew", "_ccold", "_ccnew12"):
        yield more("INVALID %s" % suffix, "index remains", REPAIR, key.name + suffix, key.columns, unique=True, valid=False)
    yield more("VALID _ccold", "index extra", INFO, key.name + "_ccold")
    yield more("INVALID _ccnew of another index", "index extra invalid", INFO, "other_ccnew", valid=False)


def _attachments(table):
    for kind, rule, severity in (("trigger", "trigger", BLOCK), ("rule", "rule", BLOCK), ("policy", "policy", INFO)):
        yield _change(table, kind, rule, severity, "extra", attachments=(Attachment("extra", kind),))
    for kind in ("trigger", "rule"):
        yield _change(table, "%s disabled" % kind, "%s idle" % kind, INFO, "extra", attachments=(Attachment("extra", kind, enabled=False),))
    for enabled in (True, False):
        harmless = table not in DATA_TABLES
        item = (Attachment("extra", "update rule", enabled=enabled),)
        what = "rule for updates" if enabled else "rule for updates, disabled"
        yield _change(table, what, "rule idle" if harmless else "rule for updates", INFO if harmless else BLOCK, "extra", attachments=item)
    yield _change(
        table, "partition", "table partition", BLOCK, "public.whole", attachments=(Attachment("public.whole", "partition of", "FOR VALUES IN ('a')"),)
    )
    rule = ("publication", BLOCK) if table in DATA_TABLES else ("publication harmless", INFO)
    yield _change(table, "publication without identity", *rule, "extra", attachments=(Attachment("extra", "publication"),))
    yield _change(table, "publication of some columns", *rule, "extra", attachments=(Attachment("extra", "publication", "FOR TABLE"),))
    yield _change(table, "publication", "publication harmless", INFO, "extra", attachments=(Attachment("extra", "publication", enabled=False),))
    yield _change(table, "child", "table inherited", BLOCK, "public.child", attachments=(Attachment("public.child", "child"),))
    yield _change(table, "parent", "table parent", INFO, "public.parent", attachments=(Attachment("public.parent", "parent"),))
    statistics = (Attachment("public.extra", "statistics", "public.f(x)"),)
    yield _change(table, "statistics on an expression that can fail", "statistics", BLOCK, "public.extra", attachments=statistics)
    policy = {"row_security": True, "attachments": (Attachment("extra", "policy"),)}
    yield _change(table, "row security with a policy", "row security", BLOCK, **policy)


def _columns(table, column):
    current = postgres().table(table)

    def changed(what, rule, severity, **fields):
        columns = current.with_column(column._replace(**fields)).columns
        return _change(table, "%s %s" % (column.name, what), rule, severity, column.name, columns=columns)

    kept = tuple(other for other in current.columns if other.name != column.name)
    if column.name == "task_path":
        yield _change(table, "no task_path", "column missing, addable", REPAIR, column.name, columns=kept)
    elif (table, column.name) == ("checkpoints", "type"):
        yield _change(table, "no type", "column unused", INFO, column.name, columns=kept)
    elif kept:
        yield _change(table, "no %s" % column.name, "column missing", BLOCK, column.name, columns=kept)
    others = {"text": ("character varying(150)", "uuid", "citext"), "jsonb": ("json", "text"), "bytea": ("text",), "integer": ("smallint", "numeric", "text")}
    alike = {("checkpoint_migrations", "v", "smallint"), ("checkpoint_writes", "idx", "numeric")}
    for other in others[column.type]:
        rule = ("column type alike", INFO) if (table, column.name, other) in alike else ("column type", BLOCK)
        rule = ("column unused", INFO) if (table, column.name) == ("checkpoints", "type") else rule
        yield changed("as " + other, *rule, type=other)
    if (table, column.name) == ("checkpoints", "type"):
        yield changed("as a domain with a check", "column domain", BLOCK, type="public.d", domain_of="text")
    if column.type == "text":
        default = column.default and "''::character varying"
        yield changed("as character varying", "column type alike", INFO, type="character varying", default=default)
        yield changed("with a collation that sorts differently", "column collation order", BLOCK, collation="da", ordered=False)
    elif column.type == "integer":
        yield changed("as bigint", "column type alike", INFO, type="bigint")
        yield changed("identity by default", "column default extra", INFO, generated="identity by default")
    else:
        yield changed("with plain storage", "column storage", BLOCK, storage="plain")
    for how in ("stored", "virtual", "identity always"):
        yield changed("generated, " + how, "column generated", BLOCK, generated=how, default=None)
    if column.type == "text":
        uncompared = column.name == "task_path" or column.name == "type"
        rule = ("column collation other", INFO) if uncompared else ("column collation", BLOCK)
        yield changed("with a nondeterministic collation", *rule, collation="ignore_case", deterministic=False)
        yield changed("with another collation", "column collation other", INFO, collation="C")
    if not column.nullable:
        yield changed("nullable", "column nullable", BLOCK, nullable=True)
    elif column.name == "blob":
        yield changed("not null", "column not null, older", REPAIR, nullable=False)
    elif (table, column.name) == ("checkpoint_writes", "type"):
        yield changed("not null", "column not null, written", INFO, nullable=False)
    else:
        yield changed("not null", "column not null", BLOCK, nullable=False)
    if column.default is not None:
        rule = ("column default", REPAIR) if column.name == "task_path" else ("column default unused", INFO)
        yield changed("without its default", *rule, default=None)
        yield changed("with another default", *rule, default="'x'::text")
    else:
        yield changed("with a default", "column default extra", INFO, default="'x'::text")
        unwritten = (table, column.name) == ("checkpoints", "type")
        rule, severity = ("column extra, computed", BLOCK) if unwritten else ("column default extra", INFO)
        yield changed("with a default that can fail", rule, severity, default="((1 / 0))::text")


def _extra_columns(table):
    columns = postgres().table(table).columns
    for what, rule, severity, fields in (
        ("nullable", "column extra", INFO, {}),
        ("with a default", "column extra", INFO, {"nullable": False, "default": "now()"}),
        ("identity", "column extra", INFO, {"nullable": False, "generated": "identity always"}),
        ("generated", "column extra", INFO, {"generated": "stored", "default": "lower(x)"}),
        ("generated and not null", "column extra", INFO, {"nullable": False, "generated": "stored", "default": "lower(%s)" % KEYS[table][0]}),
        ("generated and not null, from a nullable column", "column extra, required", BLOCK, dict(MAYBE, generated="stored")),
        ("virtual and not null, from a nullable column", "column extra, required", BLOCK, dict(MAYBE, generated="virtual")),
        ("generated, which can fail", "column extra, computed", BLOCK, {"generated": "stored", "default": "(x)::integer"}),
        ("virtual, which can fail", "column extra", INFO, {"generated": "virtual", "default": "(x)::integer"}),
        ("with a default that can fail", "column extra, computed", BLOCK, {"default": "(1 / 0)"}),
        (
            "smallserial",
            *(("sequence end", BLOCK) if table in DATA_TABLES else ("column extra", INFO)),
            {"type": "smallint", "nullable": False, "default": "nextval('s'::regclass)", "sequence_end": "soon"},
        ),
        ("from a sequence that cycles", "column extra", INFO, {"default": "nextval('s'::regclass)", "sequence_end": "cycles"}),
        ("of a domain with a check", "column domain", BLOCK, {"type": "public.d", "domain_of": "text"}),
        ("required", "column extra, required", BLOCK, {"nullable": False}),
    ):
        yield _change(table, "additional column, " + what, rule, severity, "extra", columns=columns + (Column("extra", **{"type": "text", **fields}),))


def _thread_indexes(table):
    current = postgres().table(table)
    name = "%s_thread_id_idx" % table
    index = current.find_index(name)

    def changed(what, rule, severity, **fields):
        return _change(table, "thread index %s" % what, rule, severity, name, indexes=current.with_index(index._replace(**fields)).indexes)

    yield _change(table, "no thread index", "index missing", REPAIR, name, indexes=current.without_index(name).indexes)
    yield changed("INVALID", "index invalid", REPAIR, valid=False)
    yield changed("INVALID and not ready", "index invalid", REPAIR, valid=False, ready=False)
    yield changed("being built", "index building", INFO, valid=False, building=True)
    yield changed("over another column", "index differs", BLOCK, columns=("checkpoint_ns",))
    yield changed("over more columns", "index variant", INFO, columns=("thread_id", "checkpoint_ns"))
    yield changed("over more columns behind another", "index differs", BLOCK, columns=("checkpoint_ns", "thread_id"))
    yield changed("unique", "index differs", BLOCK, unique=True)
    yield changed("as hash", "index variant", INFO, method="hash")
    yield changed("as brin", "index differs", BLOCK, method="brin")
    yield changed("partial", "index differs", BLOCK, predicate="thread_id <> ''::text")
    yield changed("descending", "index variant", INFO, variant="thread_id DESC")
    yield changed("of another operator class", "index variant", INFO, variant="thread_id text_pattern_ops")
    yield changed("of an unknown operator class", "index differs", BLOCK, columns=("thread_id strange_ops",))
    yield changed("including a column", "index variant", INFO, included=("checkpoint_ns",))
    for column in _large(table):
        yield changed("including %s" % column, "index wide", BLOCK, included=(column,))
    remains = current.with_index(index._replace(name=name + "_ccnew", valid=False))
    yield _change(table, "INVALID copy of the thread index", "index remains", REPAIR, name + "_ccnew", indexes=remains.indexes)
    missing = postgres().with_table(current.without_index(name))
    taken = missing.with_table(Table(name, kind="sequence"))
    yield Mutation("%s taken by a sequence" % name, taken, "index name taken", BLOCK, table, name)


def file_mutations():
    """All mutations of a SQLite file."""
    for name, counterpart in COUNTERPARTS:
        table = SQLITE[name]
        key = table.primary_key

        def changed(what, rule, severity, place=None, **fields):
            schema = sqlite().with_table(sqlite().table(name)._replace(**fields))
            return Mutation("%s: %s" % (name, what), schema, rule, severity, counterpart, place or counterpart)

        others = tuple(other for other in sqlite().tables if other.name != name)
        yield Mutation("no %s" % name, sqlite()._replace(tables=others), "sqlite table missing", BLOCK, counterpart, counterpart)
        for kind in ("view", "virtual table"):
            yield changed("a " + kind, "sqlite table kind", BLOCK, kind=kind)
        old = (Column("thread_id", "TEXT", False), Column("thread_ts", "TEXT", False), Column("parent_ts", "TEXT"))
        old_key = (key._replace(columns=("thread_id", "thread_ts")),)
        yield changed("with thread_ts", "sqlite table thread_ts", BLOCK, columns=old, constraints=old_key)
        yield changed("no key", "sqlite key missing", BLOCK, "primary key", constraints=())
        wider = (key._replace(columns=key.columns + ("type",)),)
        yield changed("wider key", "sqlite key wider", BLOCK, "primary key", constraints=wider)
        yield changed("narrower key", "sqlite key narrower", BLOCK, "primary key", constraints=(key._replace(columns=key.columns[:-1]),))
        for column in table.columns:
            yield from _file_columns(name, counterpart, column, changed)
        yield changed("additional column", "sqlite column extra", BLOCK, "extra", columns=table.columns + (Column("extra", "TEXT"),))
        foreign = Constraint("", "foreign key", ("thread_id",), definition="FOREIGN KEY (thread_id) REFERENCES threads")
        yield changed("foreign key", "sqlite foreign key", INFO, "foreign keys", constraints=table.constraints + (foreign,))
        yield changed("index", "sqlite index", INFO, "extra", indexes=(Index("extra", ("type",)),))
        yield changed("unique index", "sqlite index", INFO, "extra", indexes=(Index("extra", ("type",), unique=True),))
        yield changed("trigger", "sqlite trigger", INFO, "extra", attachments=(Attachment("extra", "trigger"),))
    for kind in ("table", "view"):
        yield Mutation("additional %s" % kind, sqlite().with_table(Table("notes", kind=kind)), "sqlite table extra", INFO, "notes", "notes")


def _file_columns(name, counterpart, column, changed):
    table = sqlite().table(name)
    place = RENAMED.get((name, column.name), column.name)

    def altered(what, rule, severity, **fields):
        columns = table.with_column(column._replace(**fields)).columns
        return changed("%s %s" % (column.name, what), rule, severity, place, columns=columns)

    kept = tuple(other for other in table.columns if other.name != column.name)
    rule, severity = ("sqlite column missing, older", INFO) if (name, column.name) in SQLITE_OPTIONAL else ("sqlite column missing", BLOCK)
    if column.name not in table.primary_key.columns:
        yield changed("no %s" % column.name, rule, severity, place, columns=kept)
        yield altered("generated", "sqlite column generated", BLOCK, generated="virtual")
    else:  # SQLite does not allow a generated column in a key
        yield altered("with NOCASE", "sqlite key collation", BLOCK, collation="NOCASE")
    other = {"TEXT": "INTEGER", "BLOB": "TEXT", "INTEGER": "REAL"}[column.type]
    yield altered("as %s" % other, "sqlite column type", BLOCK, type=other)
