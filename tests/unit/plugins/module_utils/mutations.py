# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change at a time to the schema that setup() leaves behind, and what each has to be found as."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.stateops.langgraph.plugins.module_utils._contract import DATA_TABLES, POSTGRES, TABLES
from ansible_collections.stateops.langgraph.plugins.module_utils._schema import Attachment, Column, Constraint, Index, Table
from ansible_collections.stateops.langgraph.tests.unit.plugins.module_utils.examples import postgres

MEND, REFUSE, REPORT = "mend", "refuse", "report"
KEYS = {name: table.primary_key.columns for name, table in POSTGRES.items()}


@dataclass(frozen=True)
class Mutation:
    """schema: the changed one. The rest: the one breach that it is. whole: whether its table is then not looked into."""

    name: str
    schema: object
    rule: str
    action: str
    table: str
    object: str
    whole: bool = False


def mutations():
    """All of them."""
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
    key = (replace(POSTGRES["checkpoints"].primary_key, columns=("thread_id", "checkpoint_ns")),)
    yield _change("checkpoints", "made by ShallowPostgresSaver", "table shallow", REFUSE, whole=True, columns=shallow, constraints=key)
    for table in DATA_TABLES:
        name = "%s of another owner" % table
        schema = postgres().with_table(replace(postgres().table(table), owner="somebody"))
        yield Mutation(name, schema, "owner differs", REFUSE, "checkpoint_migrations", "owner")


def _change(table, what, rule, action, place=None, whole=False, **fields):
    """A Mutation that sets fields of a table."""
    schema = postgres()
    schema = schema.with_table(replace(schema.table(table), **fields))
    return Mutation("%s: %s" % (table, what), schema, rule, action, table, place or table, whole)


def _tables(table):
    schema = postgres()
    without = replace(schema, tables=tuple(other for other in schema.tables if other.name != table))
    yield Mutation("no %s" % table, without, "table missing", MEND, table, table, True)
    for kind in ("view", "materialized view", "foreign table", "sequence"):
        yield _change(table, "a " + kind, "table kind", REFUSE, whole=True, kind=kind)
    yield _change(table, "partitioned", "table partitioned", REFUSE, whole=True, kind="partitioned table")
    yield _change(table, "of another shape", "table shape", REFUSE, whole=True, columns=(Column("id", "bigint"),), constraints=(), indexes=())
    for persistence in ("unlogged", "temporary"):
        yield _change(table, persistence, "table unlogged", REFUSE, persistence=persistence)
    yield _change(table, "row security", "row security", REFUSE, row_security=True)
    yield Mutation("%s behind another" % table, replace(schema, elsewhere=((table, "other"),)), "table elsewhere", REFUSE, table, table)
    yield Mutation("%s off the path" % table, replace(schema, elsewhere=((table, ""),)), "table not on path", REPORT, table, table)


def _keys(table):
    current = postgres().table(table)
    key, place = current.primary_key, "primary key"
    yield _change(table, "no key", "key missing", REFUSE, place, constraints=(), indexes=tuple(i for i in current.indexes if i.name != key.name))
    yield _change(table, "key of other columns", "key columns", REFUSE, place, constraints=(replace(key, columns=key.columns + ("more",)),))
    if len(key.columns) > 1:
        yield _change(table, "key with a column less", "key columns", REFUSE, place, constraints=(replace(key, columns=key.columns[:-1]),))
        yield _change(table, "key in another order", "key order", REFUSE, place, constraints=(replace(key, columns=key.columns[::-1]),))
    yield _change(table, "deferrable key", "key deferrable", REFUSE, place, constraints=(replace(key, deferrable=True),))
    for field in ("valid", "ready"):
        broken = current.with_index(replace(current.index(key.name), **{field: False}))
        yield _change(table, "key not %s" % field, "key invalid", REFUSE, place, indexes=broken.indexes)


def _constraints(table):
    key = KEYS[table]

    def more(what, rule, action, kind, columns=("x",), **fields):
        item = Constraint("extra", kind, columns, definition="%s (x)" % kind.upper(), **fields)
        return _change(table, what, rule, action, "extra", constraints=postgres().table(table).constraints + (item,))

    yield more("unique", "unique", REFUSE, "unique")
    yield more("unique over the key and more", "unique, implied", REPORT, "unique", key[::-1] + ("x",))
    yield more("check", "check", REFUSE, "check")
    yield more("check not enforced", "check, not enforced", REPORT, "check", enforced=False)
    yield more("exclusion", "exclusion", REFUSE, "exclusion")
    yield more("foreign key", "foreign key", REFUSE, "foreign key")
    yield more("cascading foreign key", "foreign key", REFUSE, "foreign key", on_delete="cascade")
    for action in ("no action", "restrict"):
        yield more("referred to, " + action, "foreign key, incoming", REFUSE, "foreign key", incoming="public.notes", on_delete=action)
    for action in ("cascade", "set null", "set default"):
        rule = "foreign key, incoming, cascading"
        yield more("referred to, " + action, rule, REPORT, "foreign key", incoming="public.notes", on_delete=action)
    both = {"attachments": (Attachment("extra", "trigger"),), "constraints": postgres().table(table).constraints + (Constraint("extra", "trigger"),)}
    yield _change(table, "constraint trigger", "trigger", REFUSE, "extra", **both)


def _extra_indexes(table):
    current = postgres().table(table)
    key = current.primary_key

    def more(what, rule, action, name="extra", columns=("x",), also=(), **fields):
        extra = current.with_index(Index(name, columns, **fields))
        return _change(table, what, rule, action, name, indexes=extra.indexes, constraints=current.constraints + also)

    yield more("index", "index extra", REPORT)
    yield more("INVALID index", "index extra invalid", REPORT, valid=False)
    yield more("index that nobody asked for, being built", "index building", REPORT, valid=False, building=True)
    yield more("unique index", "unique", REFUSE, unique=True)
    yield more("unique index over the key", "unique, implied", REPORT, columns=key.columns[::-1], unique=True)
    yield more("partial unique index over the key", "unique", REFUSE, columns=key.columns, unique=True, predicate="x > 1")
    yield more("INVALID unique index that takes part", "unique", REFUSE, unique=True, valid=False)
    yield more("INVALID unique index that takes no part", "index extra invalid", REPORT, unique=True, valid=False, ready=False)
    for suffix in ("_ccnew", "_ccold", "_ccnew12"):
        yield more("INVALID %s" % suffix, "index remains", MEND, key.name + suffix, key.columns, unique=True, valid=False)
    yield more("VALID _ccold", "index extra", REPORT, key.name + "_ccold")
    yield more("INVALID _ccnew of a foreign index", "index extra invalid", REPORT, "other_ccnew", valid=False)


def _attachments(table):
    for kind, rule, action in (("trigger", "trigger", REFUSE), ("rule", "rule", REFUSE), ("policy", "policy", REPORT)):
        yield _change(table, kind, rule, action, "extra", attachments=(Attachment("extra", kind),))
    for kind in ("trigger", "rule"):
        yield _change(table, "%s switched off" % kind, "%s disabled" % kind, REPORT, "extra", attachments=(Attachment("extra", kind, enabled=False),))
    yield _change(table, "child", "table inherited", REFUSE, "public.child", attachments=(Attachment("public.child", "child"),))
    yield _change(table, "parent", "table parent", REPORT, "public.parent", attachments=(Attachment("public.parent", "parent"),))
    policy = {"row_security": True, "attachments": (Attachment("extra", "policy"),)}
    yield _change(table, "row security with a policy", "row security", REFUSE, **policy)


def _columns(table, column):
    current = postgres().table(table)

    def changed(what, rule, action, **fields):
        columns = current.with_column(replace(column, **fields)).columns
        return _change(table, "%s %s" % (column.name, what), rule, action, column.name, columns=columns)

    kept = tuple(other for other in current.columns if other.name != column.name)
    if column.name == "task_path":
        yield _change(table, "no task_path", "column missing, addable", MEND, column.name, columns=kept)
    elif kept:
        yield _change(table, "no %s" % column.name, "column missing", REFUSE, column.name, columns=kept)
    for other in {"text": ("character varying(150)", "uuid"), "jsonb": ("json",), "bytea": ("text",), "integer": ("bigint",)}[column.type]:
        yield changed("as " + other, "column type", REFUSE, type=other)
    for how in ("stored", "virtual", "identity always"):
        yield changed("generated, " + how, "column generated", REFUSE, generated=how, default=None)
    if column.type == "text":
        yield changed("under a nondeterministic collation", "column collation", REFUSE, collation="ignore_case", deterministic=False)
        yield changed("under another collation", "column collation other", REPORT, collation="C")
    if not column.nullable:
        yield changed("nullable", "column nullable", REFUSE, nullable=True)
    elif column.name == "blob":
        yield changed("not null", "column not null, older", MEND, nullable=False)
    else:
        yield changed("not null", "column not null", REFUSE, nullable=False)
    if column.default is not None:
        yield changed("without its default", "column default", MEND, default=None)
        yield changed("with another default", "column default", MEND, default="'x'::text")
    else:
        yield changed("with a default", "column default extra", REPORT, default="'x'::text")


def _extra_columns(table):
    columns = postgres().table(table).columns
    for what, rule, action, fields in (
        ("nullable", "column extra", REPORT, {}),
        ("with a default", "column extra", REPORT, {"nullable": False, "default": "now()"}),
        ("generated", "column extra", REPORT, {"nullable": False, "generated": "stored"}),
        ("required", "column extra, required", REFUSE, {"nullable": False}),
    ):
        yield _change(table, "a further column, " + what, rule, action, "extra", columns=columns + (Column("extra", "text", **fields),))


def _thread_indexes(table):
    current = postgres().table(table)
    name = "%s_thread_id_idx" % table
    index = current.index(name)

    def changed(what, rule, action, **fields):
        return _change(table, "thread index %s" % what, rule, action, name, indexes=current.with_index(replace(index, **fields)).indexes)

    yield _change(table, "no thread index", "index missing", MEND, name, indexes=current.without_index(name).indexes)
    yield changed("INVALID", "index invalid", MEND, valid=False)
    yield changed("INVALID and not ready", "index invalid", MEND, valid=False, ready=False)
    yield changed("being built", "index building", REPORT, valid=False, building=True)
    yield changed("over another column", "index differs", REFUSE, columns=("checkpoint_ns",))
    yield changed("over more columns", "index differs", REFUSE, columns=("thread_id", "checkpoint_ns"))
    yield changed("unique", "index differs", REFUSE, unique=True)
    yield changed("as hash", "index differs", REFUSE, method="hash")
    yield changed("partial", "index differs", REFUSE, predicate="thread_id <> ''::text")
    remains = current.with_index(replace(index, name=name + "_ccnew", valid=False))
    yield _change(table, "INVALID copy of the thread index", "index remains", MEND, name + "_ccnew", indexes=remains.indexes)
    missing = postgres().with_table(current.without_index(name))
    taken = missing.with_table(Table(name, kind="sequence"))
    yield Mutation("%s taken by a sequence" % name, taken, "index name taken", REFUSE, table, name)
