# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single changes to a real database on which setup() ran. The names are those of the unit tests' mutations, which define the expected violations."""

from __future__ import annotations

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import DATA_TABLES, LARGE, POSTGRES, TABLES

EAT = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
ICU = "ICU"
INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '%s'::regclass"
UNREADY = "UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = '%s'::regclass"


class Facts:
    """The parts of the statements on one table: its key, another column, and a nullable column."""

    def __init__(self, table):
        self.name = table
        self.columns = POSTGRES[table].columns
        self.keys = POSTGRES[table].primary_key.columns
        self.key = ", ".join(self.keys)
        self.first = self.keys[0]
        self.large = [column for column in self.columns if column.type in LARGE]
        self.small = next((c.name for c in self.columns if c.name not in self.keys and c.type == "text"), None)
        self.is_migrations_table = table not in DATA_TABLES
        self.failing = "(1 / v)" if self.is_migrations_table else "(%s::integer)" % self.first
        self.definition = ", ".join("%s %s%s" % (c.name, c.type, "" if c.nullable else " NOT NULL") for c in self.columns)

    def constraint(self, text):
        return "ALTER TABLE %s ADD CONSTRAINT extra %s" % (self.name, text)

    def key_again(self, text):
        return "ALTER TABLE %s DROP CONSTRAINT %s_pkey, ADD PRIMARY KEY %s" % (self.name, self.name, text)

    def index(self, text, name="extra", unique=False):
        return "CREATE %sINDEX %s ON %s %s;" % ("UNIQUE " if unique else "", name, self.name, text)

    def instead(self, text):
        return "DROP TABLE %s; %s" % (self.name, text)


def changes(table):
    """(name, statements) of each change to a table. Statements may be a pair with the lowest PostgreSQL version that supports them, or with ICU."""
    facts = Facts(table)
    for part in (_tables, _keys, _constraints, _indexes, _attachments, _extra_columns):
        yield from part(facts)
    for column in facts.columns:
        for what, statements in _column(facts, column):
            yield "%s %s" % (column.name, what), statements
        if column.name not in facts.keys:
            yield "no %s" % column.name, "ALTER TABLE %s DROP COLUMN %s" % (table, column.name)
    if not facts.is_migrations_table:
        yield from _thread_indexes(facts)


def others():
    """(complete name of the mutation, statements) of changes that do not belong to one table."""
    for table in TABLES:
        yield "no %s" % table, "DROP TABLE %s" % table
        yield "%s hidden by another table" % table, "CREATE SCHEMA other; CREATE TABLE other.%s (a int); SET LOCAL search_path = other, public" % table
    yield "CREATE for other roles", "CREATE ROLE other LOGIN; GRANT CREATE ON SCHEMA public TO PUBLIC, other"
    body = "LANGUAGE sql AS 'SELECT $1'"
    routine = "CREATE ROLE other; CREATE FUNCTION unnest(smallint[]) RETURNS smallint[] %s; ALTER FUNCTION unnest(smallint[]) OWNER TO other" % body
    yield "ROUTINE public.unnest(smallint[]) of another role", routine
    operator = "CREATE FUNCTION f(name, name) RETURNS name %s; CREATE OPERATOR || (LEFTARG = name, RIGHTARG = name, FUNCTION = f)" % body
    yield "OPERATOR public.||(name,name) of another role", "CREATE ROLE other; %s; ALTER OPERATOR || (name, name) OWNER TO other" % operator
    for table in DATA_TABLES:
        yield "%s owned by another role" % table, "CREATE ROLE somebody_else; ALTER TABLE %s OWNER TO somebody_else" % table
        name = "%s_thread_id_idx" % table
        yield "%s taken by a sequence" % name, "DROP INDEX %s; CREATE SEQUENCE %s" % (name, name)
    columns = "thread_id text NOT NULL, checkpoint_ns text NOT NULL DEFAULT '', type text, checkpoint jsonb NOT NULL, metadata jsonb NOT NULL DEFAULT '{}'"
    shallow = "DROP TABLE checkpoints; CREATE TABLE checkpoints (%s, PRIMARY KEY (thread_id, checkpoint_ns))" % columns
    yield "checkpoints: created by ShallowPostgresSaver", shallow


def _tables(facts):
    name = facts.name
    yield "a view", facts.instead("CREATE VIEW %s AS SELECT 1 AS thread_id" % name)
    yield "a materialized view", facts.instead("CREATE MATERIALIZED VIEW %s AS SELECT 1 AS thread_id" % name)
    wrapper = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
    yield "a foreign table", facts.instead(wrapper + "CREATE FOREIGN TABLE %s (thread_id text) SERVER s" % name)
    yield "a sequence", facts.instead("CREATE SEQUENCE %s" % name)
    yield "a composite type", facts.instead("CREATE TYPE %s AS (a int)" % name)
    yield "a type", facts.instead("CREATE TYPE %s AS ENUM ('a')" % name)
    yield "a index", facts.instead("CREATE TABLE mine (id int); CREATE INDEX %s ON mine (id)" % name)
    yield "partitioned", facts.instead("CREATE TABLE %s (%s) PARTITION BY HASH (%s)" % (name, facts.definition, facts.first))
    yield "with other columns", facts.instead("CREATE TABLE %s (id bigint)" % name)
    yield "unlogged", "ALTER TABLE %s SET UNLOGGED" % name
    yield "row security", "ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY" % name
    yield "row security with a policy", "ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY extra ON %s" % (name, name)


def _keys(facts):
    yield "no key", "ALTER TABLE %s DROP CONSTRAINT %s_pkey" % (facts.name, facts.name)
    yield "deferrable key", facts.key_again("(%s) DEFERRABLE" % facts.key)
    yield "key not valid", INVALID % (facts.name + "_pkey")
    yield "key not ready", UNREADY % (facts.name + "_pkey")
    for column in facts.large:
        yield "key including %s" % column.name, facts.key_again("(%s) INCLUDE (%s)" % (facts.key, column.name))
    if not facts.is_migrations_table:
        yield "key without the last column", facts.key_again("(%s)" % ", ".join(facts.keys[:-1]))
        yield "key in another order", facts.key_again("(%s)" % ", ".join(facts.keys[::-1]))
        yield "key including a column", facts.key_again("(%s) INCLUDE (%s)" % (facts.key, facts.small))
    if facts.name in ("checkpoint_blobs", "checkpoint_writes"):
        further = "type" if facts.name == "checkpoint_blobs" else "channel"
        yield "key of other columns", facts.key_again("(%s, %s)" % (facts.key, further))


def _constraints(facts):
    kind = POSTGRES[facts.name].column(facts.first).type
    notes = "CREATE TABLE notes (id %s PRIMARY KEY);" % kind
    own = ", ".join("n_%s %s" % (name, POSTGRES[facts.name].column(name).type) for name in facts.keys)
    reference = "CONSTRAINT extra FOREIGN KEY (%s) REFERENCES %s" % (", ".join("n_" + name for name in facts.keys), facts.name)
    yield "deferrable unique over the key", facts.constraint("UNIQUE (%s) DEFERRABLE" % facts.key)
    yield "check", facts.constraint("CHECK (length(%s::text) < 10)" % facts.first)
    yield "check not enforced", (18, facts.constraint("CHECK (length(%s::text) < 10) NOT ENFORCED" % facts.first))
    yield "exclusion", facts.constraint("EXCLUDE USING btree (%s WITH =)" % facts.first)
    yield "foreign key", notes + facts.constraint("FOREIGN KEY (%s) REFERENCES notes" % facts.first)
    yield "cascading foreign key", notes + facts.constraint("FOREIGN KEY (%s) REFERENCES notes ON DELETE CASCADE NOT VALID" % facts.first)
    for action in ("no action", "restrict", "cascade", "set null", "set default"):
        yield "referenced, " + action, "CREATE TABLE notes (%s, %s ON DELETE %s)" % (own, reference, action)
    yield "referenced, set null on not null", "CREATE TABLE notes (%s NOT NULL, %s ON DELETE SET NULL)" % (own, reference)
    yield "referenced, not enforced", (18, "CREATE TABLE notes (%s, %s NOT ENFORCED)" % (own, reference))
    yield "constraint trigger", EAT + "CREATE CONSTRAINT TRIGGER extra AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION f()" % facts.name
    for column in facts.columns:
        yield "check that %s is not NULL" % column.name, facts.constraint("CHECK (%s IS NOT NULL)" % column.name)
        if not column.nullable and column.name not in facts.keys:
            drop = "ALTER TABLE %s ALTER %s DROP NOT NULL;" % (facts.name, column.name)
            yield "%s not null, not valid" % column.name, (18, drop + facts.constraint("NOT NULL %s NOT VALID" % column.name))
    for column in facts.large:
        yield "unique over the key and %s" % column.name, facts.constraint("UNIQUE (%s, %s)" % (facts.key, column.name))
    if not facts.is_migrations_table:
        yield "unique", facts.constraint("UNIQUE (%s)" % facts.first)
        yield "unique over the key and more", facts.constraint("UNIQUE NULLS NOT DISTINCT (%s, %s)" % (facts.small, facts.key))
        yield "deferrable unique over the key and more", facts.constraint("UNIQUE (%s, %s) DEFERRABLE" % (facts.key, facts.small))


def _indexes(facts):
    first, key, pkey = "(%s)" % facts.first, "(%s)" % facts.key, facts.name + "_pkey"
    some = " WHERE v > 1" if facts.is_migrations_table else " WHERE %s > 'a'" % facts.first
    yield "index", facts.index("(%s DESC NULLS LAST)" % facts.first)
    yield "INVALID index", facts.index(first) + INVALID % "extra"
    yield "unique index over the key", facts.index("(%s)" % ", ".join(facts.keys[::-1]), unique=True)
    yield "partial unique index over the key", facts.index(key + some, unique=True)
    yield "partial unique index whose predicate can fail", facts.index("%s WHERE %s > 1" % (key, facts.failing), unique=True)
    yield "index on an expression that can fail", facts.index("(%s)" % facts.failing)
    yield "INVALID index on an expression that can fail", facts.index("(%s)" % facts.failing) + INVALID % "extra"
    yield "index whose predicate can fail", facts.index("%s WHERE %s > 1" % (first, facts.failing))
    for suffix in ("_ccnew", "_ccold", "_ccnew12"):
        yield "INVALID %s" % suffix, facts.index(key, pkey + suffix, unique=True) + INVALID % (pkey + suffix)
    yield "VALID _ccold", facts.index(first, pkey + "_ccold")
    yield "INVALID _ccnew of another index", facts.index(first, "other_ccnew") + INVALID % "other_ccnew"
    if not facts.is_migrations_table:
        yield "unique index", facts.index(first, unique=True)
        yield "INVALID unique index that is ready", facts.index(first, unique=True) + INVALID % "extra"
        yield "INVALID unique index that is not ready", facts.index(first, unique=True) + UNREADY % "extra"
        yield "index on an expression", facts.index("(lower(%s) text_pattern_ops)" % facts.first)
    for column in facts.large:
        name = column.name
        yield "index on %s" % name, facts.index("(%s)" % name)
        yield "index including %s" % name, facts.index("%s INCLUDE (%s)" % (first, name))
        if column.type == "bytea":
            yield "brin index on %s" % name, facts.index("USING brin (%s)" % name)
        else:
            yield "index on all of %s as text" % name, facts.index("((%s::text))" % name)
            yield "hash index on %s" % name, facts.index("USING hash (%s)" % name)
            yield "gin index on %s" % name, facts.index("USING gin (%s jsonb_path_ops)" % name)
            yield "index on a part of %s" % name, facts.index("((%s ->> 'who'))" % name)
            yield "index on the start of a part of %s" % name, facts.index("(left(%s ->> 'who', 80))" % name)
            yield "index on a large part of %s" % name, facts.index("((%s -> 'channel_values'))" % name)
            yield "index on a small part of %s" % name, facts.index("((%s ->> 'source'))" % name)
            yield "index on the digest of %s" % name, facts.index("(md5(%s::text))" % name)


def _attachments(facts):
    name = facts.name
    trigger = EAT + "CREATE TRIGGER extra BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION f();" % name
    yield "trigger", trigger + "ALTER TABLE %s ENABLE ALWAYS TRIGGER extra" % name
    yield "trigger disabled", trigger + "ALTER TABLE %s DISABLE TRIGGER extra" % name
    yield "policy", "CREATE POLICY extra ON %s" % name
    rule = "CREATE RULE extra AS ON %s TO %s DO INSTEAD NOTHING;"
    off = "ALTER TABLE %s DISABLE RULE extra" % name
    yield "rule", rule % ("DELETE", name)
    yield "rule disabled", rule % ("INSERT", name) + off
    yield "rule for updates", rule % ("UPDATE", name)
    yield "rule for updates, disabled", rule % ("UPDATE", name) + off
    value = "1" if facts.is_migrations_table else "'a'"
    whole = "CREATE TABLE whole (LIKE %s INCLUDING ALL) PARTITION BY LIST (%s);" % (name, facts.first)
    yield "partition", whole + "ALTER TABLE whole ATTACH PARTITION %s FOR VALUES IN (%s)" % (name, value)
    yield "child", "CREATE TABLE child () INHERITS (%s)" % name
    kind = POSTGRES[name].column(facts.first).type
    yield "parent", "CREATE TABLE parent (%s %s NOT NULL); ALTER TABLE %s INHERIT parent" % (facts.first, kind, name)
    yield "statistics on an expression that can fail", "CREATE STATISTICS extra ON %s FROM %s" % (facts.failing, name)
    yield "publication", "CREATE PUBLICATION extra FOR TABLE %s" % name
    yield "publication without identity", "ALTER TABLE %s REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR TABLE %s" % (name, name)
    if not facts.is_migrations_table:
        yield "publication of some columns", "CREATE PUBLICATION extra FOR TABLE %s (%s, %s)" % (name, facts.first, facts.small)


FURTHER = {
    "trigger idle": (
        EAT + "CREATE TRIGGER extra BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE checkpoints ENABLE REPLICA TRIGGER extra",
        EAT + "CREATE TRIGGER extra BEFORE TRUNCATE ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION f()",
    ),
    "rule idle": ("CREATE RULE extra AS ON DELETE TO checkpoints DO INSTEAD NOTHING; ALTER TABLE checkpoints ENABLE REPLICA RULE extra",),
    "publication": (
        "CREATE PUBLICATION extra FOR TABLE checkpoints WHERE (type = 'x')",
        "ALTER TABLE checkpoints REPLICA IDENTITY FULL; CREATE PUBLICATION extra FOR TABLE checkpoints (thread_id)",
    ),
    "publication harmless": (
        "CREATE PUBLICATION extra FOR TABLE checkpoints WHERE (thread_id <> 'x')",
        "CREATE PUBLICATION extra FOR TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, type)",
        "ALTER TABLE checkpoints REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR TABLE checkpoints WITH (publish = 'insert')",
        "ALTER TABLE checkpoints REPLICA IDENTITY FULL; CREATE PUBLICATION extra FOR TABLE checkpoints WHERE (type = 'x')",
    ),
    "column extra": (
        "CREATE DOMAIN d AS text NOT NULL DEFAULT 'x'; ALTER TABLE checkpoints ADD COLUMN extra d",
        "ALTER TABLE checkpoints ADD COLUMN extra bigserial",
        "ALTER TABLE checkpoints ADD COLUMN extra serial",
        "CREATE SEQUENCE s MAXVALUE 9 CYCLE; ALTER TABLE checkpoints ADD COLUMN extra smallint DEFAULT nextval('s')",
        "ALTER TABLE checkpoints ADD COLUMN extra uuid NOT NULL DEFAULT gen_random_uuid()",
        "ALTER TABLE checkpoints ADD COLUMN extra text[] NOT NULL DEFAULT '{}'",
        "ALTER TABLE checkpoints ADD COLUMN extra timestamptz DEFAULT CURRENT_TIMESTAMP",
    ),
    "sequence end": (
        "ALTER TABLE checkpoints ADD COLUMN extra smallint GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE checkpoints ADD COLUMN extra bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 1000000)",
        "ALTER TABLE checkpoints ADD COLUMN extra serial; SELECT setval('checkpoints_extra_seq', 1500000000)",
        "CREATE SEQUENCE s AS bigint; ALTER TABLE checkpoints ADD COLUMN extra smallint DEFAULT nextval('s')",
        "CREATE SEQUENCE s INCREMENT -1 MINVALUE -1000; ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('s')",
        "CREATE SEQUENCE s INCREMENT 1000000000000000; ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('s')",
        "CREATE SEQUENCE s CYCLE; ALTER TABLE checkpoints ADD COLUMN extra smallint DEFAULT nextval('s')",
        "CREATE SEQUENCE s MAXVALUE 9; CREATE DOMAIN d AS bigint DEFAULT nextval('s'); ALTER TABLE checkpoints ADD COLUMN extra d",
    ),
    "column extra, required": ("CREATE DOMAIN d AS text NOT NULL; ALTER TABLE checkpoints ADD COLUMN extra d",),
    "column domain": (
        "CREATE DOMAIN d AS text CHECK (VALUE IS NOT NULL); ALTER TABLE checkpoints ADD COLUMN extra d",
        "CREATE DOMAIN b AS text CHECK (VALUE <> ''); CREATE DOMAIN d AS b NOT NULL; ALTER TABLE checkpoints ADD COLUMN extra d",
    ),
    "column extra, computed": (
        "CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'; ALTER TABLE checkpoints ADD COLUMN extra text DEFAULT lower(1)",
        "CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'; CREATE DOMAIN d AS text DEFAULT lower(1);"
        " ALTER TABLE checkpoints ADD COLUMN extra d",
        "CREATE DOMAIN d AS text CHECK (VALUE <> ''); ALTER TABLE checkpoints ADD COLUMN extra text DEFAULT 'x'::d",
    ),
    "unique, implied": ("CREATE UNIQUE INDEX extra ON checkpoints (checkpoint_id DESC, thread_id text_pattern_ops, checkpoint_ns)",),
    "exclusion": ("ALTER TABLE checkpoints ADD CONSTRAINT extra EXCLUDE USING gist (circle(point(1, 1), 1) WITH &&)",),
    "check": (
        "ALTER TABLE checkpoints ADD CONSTRAINT extra CHECK (length(thread_id) < 9) NO INHERIT",
        "ALTER TABLE checkpoints ADD CONSTRAINT extra CHECK (length(thread_id) < 9) NOT VALID",
    ),
}
# None of these changes is reported, not even as a finding.
SILENT = (
    "ALTER TABLE checkpoints SET (fillfactor = 80, autovacuum_enabled = off, toast_tuple_target = 4096)",
    "ALTER TABLE checkpoints ALTER checkpoint SET STORAGE EXTERNAL, ALTER metadata SET STORAGE MAIN, ALTER thread_id SET STORAGE PLAIN",
    "CREATE STATISTICS s ON lower(thread_id), checkpoint_ns FROM checkpoints",
    "CREATE FUNCTION unnest(smallint[]) RETURNS smallint[] LANGUAGE sql AS 'SELECT $1'",
    "CREATE ROLE other; GRANT CREATE ON SCHEMA public TO other",
    "ALTER TABLE checkpoints ALTER thread_id SET STATISTICS 500; CREATE STATISTICS s ON thread_id, checkpoint_ns FROM checkpoints",
    "COMMENT ON TABLE checkpoints IS 'state of agents'; COMMENT ON COLUMN checkpoints.type IS 'never written'",
    "ALTER TABLE checkpoints DROP COLUMN type; ALTER TABLE checkpoints ADD COLUMN type text",
    "ALTER INDEX checkpoints_pkey RENAME TO another_name",
    "ALTER TABLE checkpoints REPLICA IDENTITY FULL",
    "ALTER TABLE checkpoints REPLICA IDENTITY NOTHING",
    "ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY",
    "ALTER TABLE checkpoints CLUSTER ON checkpoints_pkey",
    "GRANT SELECT (thread_id) ON checkpoints TO public",
    "CREATE TABLE notes (id int); CREATE VIEW latest AS SELECT * FROM checkpoints",
    "CREATE SCHEMA later; CREATE TABLE later.checkpoints (id int); SET LOCAL search_path = public, later",
    "CREATE TYPE pg_temp.checkpoints AS ENUM ('a')",
    "CREATE PUBLICATION extra",
    "ALTER TABLE checkpoints ALTER checkpoint SET COMPRESSION pglz",
)


def _column(facts, column):
    alter = "ALTER TABLE %s ALTER %s " % (facts.name, column.name)
    again = "ALTER TABLE %s DROP COLUMN %s; ALTER TABLE %s ADD COLUMN %s %s " % (facts.name, column.name, facts.name, column.name, column.type)
    required = "" if column.nullable else " NOT NULL"
    if column.default is None:
        kinds = {"text": ("character varying(150)", "uuid"), "jsonb": ("json", "text"), "bytea": (), "integer": ("smallint", "numeric", "text")}
        for kind in kinds[column.type]:
            yield "as " + kind, alter + "TYPE %s USING %s::%s" % (kind, column.name, kind)
        if column.type == "bytea":
            yield "as text", alter + "TYPE text USING encode(%s, 'base64')" % column.name
        if column.name not in facts.keys and column.name != "type":
            values = {"text": "'x'", "jsonb": "'{}'", "bytea": "'x'", "integer": "1"}
            yield "generated, stored", again + "GENERATED ALWAYS AS (%s) STORED%s" % (values[column.type], required)
            yield "generated, virtual", (18, again + "GENERATED ALWAYS AS (%s) VIRTUAL%s" % (values[column.type], required))
    if (facts.name, column.name) == ("checkpoints", "type"):
        yield "as a domain with a check", "CREATE DOMAIN d AS text CHECK (VALUE <> '');" + alter + "TYPE d"
    if column.type == "integer":
        yield "as bigint", alter + "TYPE bigint"
        yield "generated, identity always", alter + "ADD GENERATED ALWAYS AS IDENTITY"
        yield "identity by default", alter + "ADD GENERATED BY DEFAULT AS IDENTITY"
    elif column.type == "text":
        yield "as character varying", alter + "TYPE character varying"
        yield "with another collation", alter + 'TYPE text COLLATE "POSIX"'
        vague = "CREATE COLLATION vague (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        yield "with a nondeterministic collation", (ICU, vague + alter + "TYPE text COLLATE vague")
        if (facts.name, column.name) == ("checkpoints", "checkpoint_id"):
            danish = "CREATE COLLATION danish (provider = icu, locale = 'da');"
            yield "with a collation that sorts differently", (ICU, danish + alter + "TYPE text COLLATE danish")
    else:
        yield "with plain storage", alter + "SET STORAGE PLAIN"
    if column.name not in facts.keys:
        yield ("not null", alter + "SET NOT NULL") if column.nullable else ("nullable", alter + "DROP NOT NULL")
    value = {"text": "'x'", "jsonb": "'[]'", "bytea": "'x'", "integer": "7"}[column.type]
    if column.default is None:
        failing = {"text": "(1 / 0)::text", "jsonb": "to_jsonb(1 / 0)", "bytea": "decode('x', 'none')", "integer": "1 / 0"}[column.type]
        yield "with a default", alter + "SET DEFAULT " + value
        yield "with a default that can fail", alter + "SET DEFAULT " + failing
    else:
        yield "with another default", alter + "SET DEFAULT " + value
        yield "without its default", alter + "DROP DEFAULT"


def _extra_columns(facts):
    add = "ALTER TABLE %s ADD COLUMN extra " % facts.name
    maybe = {"checkpoints": "metadata ->> 'tenant'", "checkpoint_blobs": "md5(blob)", "checkpoint_writes": "lower(type)"}.get(facts.name)
    yield "additional column, nullable", add + "text"
    yield "additional column, with a default", add + "timestamptz NOT NULL DEFAULT now()"
    yield "additional column, identity", add + "int GENERATED ALWAYS AS IDENTITY"
    yield "additional column, generated, which can fail", add + "int GENERATED ALWAYS AS %s STORED" % facts.failing
    yield "additional column, virtual, which can fail", (18, add + "int GENERATED ALWAYS AS %s VIRTUAL" % facts.failing)
    yield "additional column, with a default that can fail", add + "int; ALTER TABLE %s ALTER extra SET DEFAULT 1 / 0" % facts.name
    yield "additional column, smallserial", add + "smallserial"
    cycling = "CREATE SEQUENCE s MAXVALUE 100 CYCLE;" + add
    yield "additional column, from a sequence that cycles", cycling + "bigint; ALTER TABLE %s ALTER extra SET DEFAULT nextval('s')" % facts.name
    yield "additional column, of a domain with a check", "CREATE DOMAIN d AS text CHECK (VALUE <> '');" + add + "d"
    yield "additional column, required", add + "int NOT NULL"
    if maybe:
        yield "additional column, generated", add + "text GENERATED ALWAYS AS (lower(%s)) STORED" % facts.first
        yield "additional column, generated and not null", add + "text GENERATED ALWAYS AS (lower(%s)) STORED NOT NULL" % facts.first
        missing = "additional column, %s and not null, from a nullable column"
        yield missing % "generated", add + "text GENERATED ALWAYS AS (%s) STORED NOT NULL" % maybe
        yield missing % "virtual", (18, add + "text GENERATED ALWAYS AS (%s) VIRTUAL NOT NULL" % maybe)


def _thread_indexes(facts):
    name = "%s_thread_id_idx" % facts.name

    def again(text, unique=False):
        return "DROP INDEX %s; %s" % (name, facts.index(text, name, unique))

    yield "no thread index", "DROP INDEX %s" % name
    yield "thread index INVALID", INVALID % name
    yield "thread index INVALID and not ready", UNREADY % name
    yield "thread index over another column", again("(checkpoint_ns)")
    yield "thread index over more columns", again("(thread_id, checkpoint_ns)")
    yield "thread index unique", again("(thread_id)", unique=True)
    yield "thread index over more columns behind another", again("(checkpoint_ns, thread_id)")
    yield "thread index as hash", again("USING hash (thread_id)")
    yield "thread index as brin", again("USING brin (thread_id)")
    yield "thread index partial", again("(thread_id) WHERE thread_id <> ''")
    yield "thread index descending", again("(thread_id DESC)")
    yield "thread index of another operator class", again("(thread_id text_pattern_ops)")
    yield "thread index including a column", again("(thread_id) INCLUDE (checkpoint_ns)")
    for column in facts.large:
        yield "thread index including %s" % column.name, again("(thread_id) INCLUDE (%s)" % column.name)
    yield "INVALID copy of the thread index", facts.index("(thread_id)", name + "_ccnew") + INVALID % (name + "_ccnew")
