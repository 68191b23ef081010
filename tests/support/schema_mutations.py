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


class Argued(str):
    """Statements after which the verdict is drift, although the oracle finds no difference. why: the reason for the verdict."""

    why = ""


def argued(why, statements):
    """The statements with the reason."""
    made = Argued(statements)
    made.why = why
    return made


# Why the verdict is drift in spite of the oracle; tests/functional/modules/test_verdict_reasons.py shows each of them.
LATER = "the sequence still has values"
NULLS = "the oracle writes no NULL; the saver cannot read one that another program wrote"
OWN_CODE = "the verdict does not read the expression or the function, which can fail for other rows"
PREFIX = "PostgreSQL uses the primary key instead, whose index is larger"
TAKEN = "setup() will never create its index, because the name is taken"


class Facts:
    """The names and texts from which the statements on one table are built, such as its key."""

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
    """(name, statements) of each change to a table. Instead of statements, there may be (the lowest PostgreSQL version for them, or ICU; the statements)."""
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
    trust = "the oracle contains no attack; tests/functional/modules/test_trust_catalog.py does"
    yield "CREATE for other roles", argued(trust, "CREATE ROLE other LOGIN; GRANT CREATE ON SCHEMA public TO PUBLIC, other")
    body = "LANGUAGE sql AS 'SELECT $1'"
    routine = "CREATE ROLE other; CREATE FUNCTION unnest(smallint[]) RETURNS smallint[] %s; ALTER FUNCTION unnest(smallint[]) OWNER TO other" % body
    yield "ROUTINE public.unnest(smallint[]) of another role", argued(trust, routine)
    operator = "CREATE FUNCTION f(name, name) RETURNS name %s; CREATE OPERATOR || (LEFTARG = name, RIGHTARG = name, FUNCTION = f)" % body
    foreign = "CREATE ROLE other; %s; ALTER OPERATOR || (name, name) OWNER TO other" % operator
    yield "OPERATOR public.||(name,name) of another role", argued(trust, foreign)
    for table in DATA_TABLES:
        yield "%s owned by another role" % table, "CREATE ROLE somebody_else; ALTER TABLE %s OWNER TO somebody_else" % table
        name = "%s_thread_id_idx" % table
        yield "%s taken by a sequence" % name, argued(TAKEN, "DROP INDEX %s; CREATE SEQUENCE %s" % (name, name))
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
    yield "unlogged", argued("the oracle does not crash the server", "ALTER TABLE %s SET UNLOGGED" % name)
    yield "row security", "ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY" % name
    with_policy = "ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY extra ON %s" % (name, name)
    yield "row security with a policy", argued("the oracle's setup() runs as the owner", with_policy) if facts.is_migrations_table else with_policy


def _keys(facts):
    yield "no key", "ALTER TABLE %s DROP CONSTRAINT %s_pkey" % (facts.name, facts.name)
    yield "deferrable key", facts.key_again("(%s) DEFERRABLE" % facts.key)
    yield "key not valid", INVALID % (facts.name + "_pkey")
    yield "key not ready", UNREADY % (facts.name + "_pkey")
    for column in facts.large:
        yield "key including %s" % column.name, facts.key_again("(%s) INCLUDE (%s)" % (facts.key, column.name))
    if not facts.is_migrations_table:
        yield "key without the last column", facts.key_again("(%s)" % ", ".join(facts.keys[:-1]))
        reversed_key = facts.key_again("(%s)" % ", ".join(facts.keys[::-1]))
        slow = argued("the saver works, but its queries read many other rows", reversed_key)
        yield "key in another order", reversed_key if facts.name == "checkpoint_blobs" else slow
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
    check, exclusion = facts.constraint("CHECK (length(%s::text) < 10)" % facts.first), facts.constraint("EXCLUDE USING btree (%s WITH =)" % facts.first)
    yield "check", argued(OWN_CODE, check) if facts.is_migrations_table else check
    yield "check not enforced", (18, facts.constraint("CHECK (length(%s::text) < 10) NOT ENFORCED" % facts.first))
    yield "exclusion", argued(OWN_CODE, exclusion) if facts.is_migrations_table else exclusion
    yield "foreign key", notes + facts.constraint("FOREIGN KEY (%s) REFERENCES notes" % facts.first)
    yield "cascading foreign key", notes + facts.constraint("FOREIGN KEY (%s) REFERENCES notes ON DELETE CASCADE NOT VALID" % facts.first)
    restricting = {"no action": "", "restrict": "", "set default": "", "set null on not null": " NOT NULL", "cascade": "", "set null": ""}
    for action, required in restricting.items():
        statements = "CREATE TABLE notes (%s%s, %s ON DELETE %s)" % (own, required, reference, action.partition(" on ")[0])
        harmless = action in ("cascade", "set null") or facts.is_migrations_table
        yield "referenced, " + action, statements if harmless else argued("no row of the oracle is referenced", statements)
    yield "referenced, not enforced", (18, "CREATE TABLE notes (%s, %s NOT ENFORCED)" % (own, reference))
    yield "constraint trigger", argued(OWN_CODE, EAT + "CREATE CONSTRAINT TRIGGER extra AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION f()" % facts.name)
    for column in facts.columns:
        check = facts.constraint("CHECK (%s IS NOT NULL)" % column.name)
        older = (facts.name, column.name) == ("checkpoint_blobs", "blob")
        yield "check that %s is not NULL" % column.name, argued("only older savers write NULL", check) if older else check
        if not column.nullable and column.name not in facts.keys:
            drop = "ALTER TABLE %s ALTER %s DROP NOT NULL;" % (facts.name, column.name)
            yield "%s not null, not valid" % column.name, (18, argued(NULLS, drop + facts.constraint("NOT NULL %s NOT VALID" % column.name)))
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
        remains = facts.index(key, pkey + suffix, unique=True) + INVALID % (pkey + suffix)
        yield "INVALID %s" % suffix, argued("it only slows down writes", remains)
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
    yield "rule", rule % ("INSERT" if facts.is_migrations_table else "DELETE", name)
    yield "rule disabled", rule % ("INSERT", name) + off
    yield "rule for updates", rule % ("UPDATE", name)
    yield "rule for updates, disabled", rule % ("UPDATE", name) + off
    value = "1" if facts.is_migrations_table else "'a'"
    whole = "CREATE TABLE whole (LIKE %s INCLUDING ALL) PARTITION BY LIST (%s);" % (name, facts.first)
    yield "partition", whole + "ALTER TABLE whole ATTACH PARTITION %s FOR VALUES IN (%s)" % (name, value)
    yield "child", argued("the child has no rows", "CREATE TABLE child () INHERITS (%s)" % name)
    kind = POSTGRES[name].column(facts.first).type
    yield "parent", "CREATE TABLE parent (%s %s NOT NULL); ALTER TABLE %s INHERIT parent" % (facts.first, kind, name)
    yield "statistics on an expression that can fail", "CREATE STATISTICS extra ON %s FROM %s" % (facts.failing, name)
    yield "publication", "CREATE PUBLICATION extra FOR TABLE %s" % name
    yield "publication without identity", "ALTER TABLE %s REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR TABLE %s" % (name, name)
    if not facts.is_migrations_table:
        yield "publication of some columns", "CREATE PUBLICATION extra FOR TABLE %s (%s, %s)" % (name, facts.first, facts.small)


IN_PLACE = "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey; CREATE UNIQUE INDEX extra ON checkpoints "
ADD = "ALTER TABLE checkpoints ADD COLUMN extra "
REJECT = "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
NOTED = ADD + "text GENERATED ALWAYS AS (metadata ->> 'note') STORED;"
GRANTED = "setup_pending and checkpoint_verify report missing privileges"
# {statements: the names of the rules that they violate}. {app} is the application's role.
MORE = {
    # Collations
    'ALTER TABLE checkpoints ALTER thread_id TYPE text COLLATE "C"': ["column collation other"],
    'ALTER TABLE checkpoints ALTER checkpoint_id TYPE text COLLATE "C"': ["column collation other"],
    'ALTER TABLE checkpoint_blobs ALTER channel TYPE text COLLATE "C", ALTER version TYPE text COLLATE "C"': ["column collation other"] * 2,
    'CREATE INDEX extra ON checkpoints (thread_id COLLATE "C")': ["index extra"],
    'CREATE UNIQUE INDEX extra ON checkpoints (thread_id COLLATE "C", checkpoint_ns, checkpoint_id)': ["unique, implied"],
    'DROP INDEX checkpoints_thread_id_idx; CREATE INDEX checkpoints_thread_id_idx ON checkpoints (thread_id COLLATE "C")': [argued(TAKEN, "index differs")],
    # Domains and types
    "CREATE DOMAIN d AS text; ALTER TABLE checkpoints ALTER thread_id TYPE d": [argued("its owner can add a constraint to the domain", "column type")],
    "CREATE DOMAIN d AS jsonb; ALTER TABLE checkpoints ALTER metadata TYPE d": [argued("its owner can add a constraint to the domain", "column type")],
    "CREATE DOMAIN d AS text CHECK (VALUE <> 'b'); ALTER TABLE checkpoints ALTER thread_id TYPE d": [argued(OWN_CODE, "column type")],
    "CREATE TYPE e AS ENUM ('a');" + ADD + "e NOT NULL DEFAULT 'a'": ["column extra"],
    "CREATE TYPE e AS ENUM ('a'); ALTER TABLE checkpoints ALTER type TYPE e USING NULL": ["column unused"],
    "ALTER TABLE checkpoint_writes ALTER type TYPE varchar(20)": ["column type"],
    "ALTER TABLE checkpoint_writes ALTER idx TYPE bigint": ["column type alike"],
    # The key and objects that can replace it. ON CONFLICT infers any unique index that fits, and setup() only executes CREATE TABLE IF NOT EXISTS, so neither
    # needs the primary key itself. Without one, a publication needs another replica identity.
    IN_PLACE + "(thread_id, checkpoint_ns, checkpoint_id)": ["key covered", "unique, implied"],
    IN_PLACE + "(thread_id, checkpoint_ns, checkpoint_id) NULLS NOT DISTINCT": ["key covered", "unique, implied"],
    IN_PLACE + "(thread_id, checkpoint_ns, checkpoint_id) INCLUDE (type)": ["key covered", "unique, implied"],
    IN_PLACE + "(checkpoint_id, thread_id, checkpoint_ns)": [argued("the saver works, but its queries read many other rows", "key order"), "unique, implied"],
    IN_PLACE + "(thread_id, checkpoint_ns, checkpoint_id) WHERE thread_id <> ''": ["key missing", "unique, implied"],
    IN_PLACE + "(thread_id, checkpoint_ns, lower(checkpoint_id))": ["key missing", "unique"],
    IN_PLACE.replace("UNIQUE ", "") + "(thread_id, checkpoint_ns, checkpoint_id)": ["key missing", "index extra"],
    "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey, ADD UNIQUE (thread_id, checkpoint_ns, checkpoint_id)": ["key covered", "unique, implied"],
    "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey, ADD UNIQUE (thread_id, checkpoint_ns, checkpoint_id) DEFERRABLE": [
        "key missing",
        "unique, deferrable",
    ],
    "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey, ADD COLUMN extra bigserial PRIMARY KEY, ADD UNIQUE (thread_id, checkpoint_ns, checkpoint_id)": [
        "column extra",
        "key covered",
        "unique, implied",
    ],
    "ALTER TABLE checkpoint_blobs DROP CONSTRAINT checkpoint_blobs_pkey, ADD UNIQUE (version, channel, checkpoint_ns, thread_id)": [
        "key order equal",
        "unique, implied",
    ],
    "ALTER TABLE checkpoint_writes DROP CONSTRAINT checkpoint_writes_pkey, ADD UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)": [
        "key covered",
        "unique, implied",
    ],
    IN_PLACE + "(thread_id, checkpoint_ns, checkpoint_id); CREATE PUBLICATION extra FOR TABLE checkpoints": ["key covered", "unique, implied", "publication"],
    # Unique constraints
    ADD + "text UNIQUE": ["column extra", "unique, distinct"],
    ADD + "text; CREATE UNIQUE INDEX more ON checkpoints (extra, thread_id)": ["column extra", "unique, distinct"],
    ADD + "text UNIQUE NULLS NOT DISTINCT": ["column extra", "unique"],
    ADD + "bigserial UNIQUE": ["column extra", "unique, distinct"],
    ADD + "bigint GENERATED ALWAYS AS IDENTITY UNIQUE": ["column extra", "unique, distinct"],
    ADD + "uuid DEFAULT gen_random_uuid() UNIQUE": ["column extra", "unique, distinct"],
    ADD + "int DEFAULT 1 UNIQUE": ["column extra", "unique"],
    "CREATE SEQUENCE s MAXVALUE 3 CYCLE;" + ADD + "bigint DEFAULT nextval('s') UNIQUE": ["column extra", "unique"],
    "CREATE UNIQUE INDEX extra ON checkpoints (checkpoint_id)": ["unique"],
    "CREATE UNIQUE INDEX extra ON checkpoints (thread_id, checkpoint_id)": ["unique"],
    "CREATE UNIQUE INDEX extra ON checkpoints (left(thread_id, 8))": ["unique"],
    "CREATE UNIQUE INDEX extra ON checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, channel)": ["unique"],
    # Other constraints
    "CREATE TABLE notes (id int PRIMARY KEY);" + ADD + "int REFERENCES notes": ["column extra", "foreign key, empty"],
    "CREATE TABLE notes (id int PRIMARY KEY);" + ADD + "int DEFAULT 1 REFERENCES notes": ["column extra", "foreign key"],
    "CREATE TABLE notes (a text, b int, PRIMARY KEY (a, b));" + ADD + "int, ADD FOREIGN KEY (thread_id, extra) REFERENCES notes": [
        "column extra",
        "foreign key, empty",
    ],
    "CREATE TABLE notes (a text, b int, PRIMARY KEY (a, b));" + ADD + "int, ADD FOREIGN KEY (thread_id, extra) REFERENCES notes MATCH FULL": [
        "column extra",
        "foreign key",
    ],
    "ALTER TABLE checkpoints ADD CHECK (thread_id <> 'b')": [argued(OWN_CODE, "check")],
    "ALTER TABLE checkpoints ADD CHECK (jsonb_typeof(checkpoint) = 'string')": ["check"],
    # Columns that are computed
    NOTED: ["column extra"],
    NOTED + "CREATE INDEX more ON checkpoints (extra)": ["column extra", "index wide"],
    NOTED + "CREATE INDEX more ON checkpoints (left(extra, 100))": ["column extra", "index extra"],
    NOTED + "CREATE INDEX more ON checkpoints (thread_id) INCLUDE (extra)": ["column extra", "index wide"],
    NOTED + "CREATE INDEX more ON checkpoints USING hash (extra)": ["column extra", "index extra"],
    ADD + "int GENERATED ALWAYS AS (octet_length(checkpoint::text)) STORED": ["column extra"],
    ADD + "tsvector GENERATED ALWAYS AS (to_tsvector('simple', metadata)) STORED": [argued("it fails for more than a megabyte", "column extra, computed")],
    ADD + "timestamptz NOT NULL DEFAULT now() + interval '30 days'": ["column extra"],
    ADD + "date NOT NULL DEFAULT CURRENT_DATE": ["column extra"],
    "ALTER TABLE checkpoint_writes ADD COLUMN extra text GENERATED ALWAYS AS (lower(type)) STORED NOT NULL": ["column extra"],
    ADD + "text NOT NULL DEFAULT CURRENT_USER": ["column extra"],
    ADD + "text; ALTER TABLE checkpoints ALTER extra SET DEFAULT current_setting('app.tenant')": ["column extra, computed"],
    ADD + "text DEFAULT current_setting('app.tenant', true)": [argued(OWN_CODE, "column extra, computed")],
    # Sequences
    "CREATE SEQUENCE s;" + ADD + "bigint DEFAULT nextval('s'); REVOKE ALL ON SEQUENCE s FROM {app}": ["sequence denied", "column extra"],
    "CREATE SEQUENCE s;" + ADD + "bigint DEFAULT nextval('s'); REVOKE ALL ON SEQUENCE s FROM {app}; GRANT UPDATE ON SEQUENCE s TO {app}": ["column extra"],
    "CREATE SEQUENCE s;" + ADD + "bigint DEFAULT nextval('s'); REVOKE ALL ON SEQUENCE s FROM {app}; GRANT SELECT ON SEQUENCE s TO {app}": [
        "sequence denied",
        "column extra",
    ],
    ADD + "bigint GENERATED ALWAYS AS IDENTITY; REVOKE ALL ON SEQUENCE checkpoints_extra_seq FROM {app}": ["column extra"],
    "CREATE SEQUENCE s;" + ADD + "bigint DEFAULT nextval('s'::text)": [argued(OWN_CODE, "column extra, computed")],
    "CREATE SEQUENCE s;" + ADD + "bigint DEFAULT nextval('s'); SELECT setval('s', 9223372036854775807)": ["sequence end"],
    "CREATE SCHEMA other; CREATE SEQUENCE other.s;" + ADD + "bigint DEFAULT nextval('other.s'); GRANT USAGE ON SEQUENCE other.s TO {app}": ["column extra"],
    # Indexes: methods, operator classes and expressions
    "CREATE INDEX extra ON checkpoints USING gin (metadata)": ["index extra"],
    "CREATE INDEX extra ON checkpoints USING gin (checkpoint)": ["index extra"],
    "CREATE INDEX extra ON checkpoints USING spgist (thread_id)": ["index extra"],
    "CREATE INDEX extra ON checkpoints USING brin (thread_id text_bloom_ops)": ["index extra"],
    "CREATE INDEX extra ON checkpoints (thread_id varchar_pattern_ops, checkpoint_id DESC) INCLUDE (parent_checkpoint_id)": ["index extra"],
    "CREATE INDEX extra ON checkpoints (left(thread_id, 8))": ["index extra"],
    "CREATE INDEX extra ON checkpoints ((metadata ->> 'note'))": ["index wide"],
    "CREATE INDEX extra ON checkpoints ((metadata -> 'nested'))": ["index wide"],
    "CREATE INDEX extra ON checkpoints ((metadata #>> '{nested,a}'))": ["index wide"],
    "CREATE INDEX extra ON checkpoints (left(metadata ->> 'note', 500))": ["index extra"],
    "CREATE INDEX extra ON checkpoints ((md5(type) || (metadata ->> 'note')))": [argued("the column type is NULL", "index wide")],
    "CREATE INDEX extra ON checkpoints (thread_id) WHERE metadata ->> 'source' = 'loop'": ["index extra"],
    "CREATE INDEX extra ON checkpoints ((checkpoint ->> 'ts'))": ["index extra"],
    "CREATE INDEX extra ON checkpoints ((checkpoint #>> '{channel_values,text}'))": ["index wide"],
    "CREATE INDEX extra ON checkpoints (((metadata ->> 'step')::int))": [argued(OWN_CODE, "index computed")],
    "CREATE INDEX extra ON checkpoint_writes (channel, task_id)": ["index extra"],
    "CREATE INDEX extra ON checkpoint_blobs (length(blob))": ["index extra"],
    # Storage
    "ALTER TABLE checkpoints ALTER checkpoint SET STORAGE EXTERNAL": [],
    "ALTER TABLE checkpoint_blobs ALTER blob SET STORAGE MAIN": [],
    "ALTER TABLE checkpoint_blobs SET (toast_tuple_target = 128, fillfactor = 10, toast.autovacuum_enabled = off)": [],
    "ALTER TABLE checkpoint_writes ALTER channel SET STORAGE PLAIN": [],
    # Publications and replica identities
    "ALTER TABLE checkpoints REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR TABLE checkpoints WITH (publish = 'update')": ["publication"],
    "ALTER TABLE checkpoints REPLICA IDENTITY NOTHING; CREATE PUBLICATION extra FOR TABLE checkpoints WITH (publish = 'insert, truncate')": [
        "publication harmless"
    ],
    "ALTER TABLE checkpoints REPLICA IDENTITY USING INDEX checkpoints_pkey; CREATE PUBLICATION extra FOR TABLE checkpoints": ["publication harmless"],
    # Statistics
    "CREATE STATISTICS extra (mcv, dependencies) ON thread_id, checkpoint_ns FROM checkpoints": [],
    "CREATE STATISTICS extra ON (metadata ->> 'note'), thread_id FROM checkpoints": [],
    "CREATE STATISTICS extra ON (thread_id::int), checkpoint_ns FROM checkpoints": ["statistics"],
    "ALTER TABLE checkpoints ALTER thread_id SET (n_distinct = 1), ALTER checkpoint_id SET STATISTICS 0": [],
    # Triggers, rules, event triggers
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
    "CREATE TRIGGER extra BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION f()": [argued(OWN_CODE, "trigger")],
    EAT + "CREATE TRIGGER extra AFTER INSERT ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION f()": [argued(OWN_CODE, "trigger")],
    "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()": [],
    argued(
        "only superusers create event triggers; checkpoint_schema reports the error",
        REJECT + "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
    ): [],
    "CREATE RULE extra AS ON INSERT TO checkpoints WHERE NEW.thread_id = 'b' DO ALSO NOTHING": [argued(OWN_CODE, "rule")],
    "CREATE RULE extra AS ON DELETE TO checkpoint_migrations DO INSTEAD NOTHING": ["rule idle"],
    # Inheritance and foreign tables
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE child () INHERITS (checkpoints) SERVER s": ["table inherited"],
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE notes (id int) SERVER s": [],
    # Row security
    "ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY; CREATE POLICY extra ON checkpoints USING (true)": [argued(OWN_CODE, "row security")],
    # Privileges and default privileges
    "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {app}; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC": [],
    argued(GRANTED, "REVOKE DELETE ON checkpoints FROM {app}"): [],
    argued(GRANTED, "REVOKE USAGE ON SCHEMA public FROM PUBLIC, {app}"): [],
    argued("the round trip reports it", "REVOKE EXECUTE ON FUNCTION jsonb_each_text(jsonb) FROM PUBLIC"): [],
    "GRANT SELECT ON checkpoints TO PUBLIC; GRANT {app} TO CURRENT_USER": [],
    # Settings of a role or a database, which a session has from its start
    "ALTER ROLE {app} SET client_encoding = 'LATIN1'": [argued("the setting applies to new sessions: test_verdict_roles.py", "role encoding")],
    "ALTER ROLE {app} SET default_transaction_read_only = on": [argued("the setting applies to new sessions: test_verdict_roles.py", "role read-only")],
    "ALTER ROLE {app} SET work_mem = '64kB'": [],
    "SET LOCAL bytea_output = 'escape'": [],
    "SET LOCAL standard_conforming_strings = off": [],
    "SET LOCAL datestyle = 'German'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL timezone = 'Asia/Kathmandu'": [],
    "SET LOCAL extra_float_digits = -15": [],
    "SET LOCAL transform_null_equals = on; SET LOCAL array_nulls = off": [],
    "SET LOCAL quote_all_identifiers = on": [],
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off": [],
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL jit = on; SET LOCAL jit_above_cost = 0": [],
    "SET LOCAL work_mem = '64kB'; SET LOCAL plan_cache_mode = 'force_generic_plan'; SET LOCAL gin_fuzzy_search_limit = 1": [],
    "SET LOCAL default_toast_compression = 'pglz'; SET LOCAL row_security = off; SET LOCAL check_function_bodies = off": [],
    "SET LOCAL session_replication_role = replica": [],
    "SET LOCAL client_encoding = 'UTF8'; SET LOCAL search_path = '$user', public": [],
}

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
    "sequence end": tuple(
        argued(LATER, statements)
        for statements in (
            "ALTER TABLE checkpoints ADD COLUMN extra smallint GENERATED ALWAYS AS IDENTITY",
            "ALTER TABLE checkpoints ADD COLUMN extra bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 1000000)",
            "ALTER TABLE checkpoints ADD COLUMN extra serial; SELECT setval('checkpoints_extra_seq', 1500000000)",
            "CREATE SEQUENCE s AS bigint; ALTER TABLE checkpoints ADD COLUMN extra smallint DEFAULT nextval('s')",
            "CREATE SEQUENCE s INCREMENT -1 MINVALUE -1000; ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('s')",
            "CREATE SEQUENCE s INCREMENT 1000000000000000; ALTER TABLE checkpoints ADD COLUMN extra bigint DEFAULT nextval('s')",
            "CREATE SEQUENCE s CYCLE; ALTER TABLE checkpoints ADD COLUMN extra smallint DEFAULT nextval('s')",
        )
    )
    + ("CREATE SEQUENCE s MAXVALUE 9; CREATE DOMAIN d AS bigint DEFAULT nextval('s'); ALTER TABLE checkpoints ADD COLUMN extra d",),
    "column extra, required": ("CREATE DOMAIN d AS text NOT NULL; ALTER TABLE checkpoints ADD COLUMN extra d",),
    "column domain": (
        "CREATE DOMAIN d AS text CHECK (VALUE IS NOT NULL); ALTER TABLE checkpoints ADD COLUMN extra d",
        "CREATE DOMAIN b AS text CHECK (VALUE <> ''); CREATE DOMAIN d AS b NOT NULL; ALTER TABLE checkpoints ADD COLUMN extra d",
    ),
    "column extra, computed": tuple(
        argued(OWN_CODE, statements)
        for statements in (
            "CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'; ALTER TABLE checkpoints ADD COLUMN extra text DEFAULT lower(1)",
            "CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'; CREATE DOMAIN d AS text DEFAULT lower(1);"
            " ALTER TABLE checkpoints ADD COLUMN extra d",
            "CREATE DOMAIN d AS text CHECK (VALUE <> ''); ALTER TABLE checkpoints ADD COLUMN extra text DEFAULT 'x'::d",
        )
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
            statements = alter + "TYPE %s USING %s::%s" % (kind, column.name, kind)
            many = (column.name, kind) == ("idx", "smallint")
            yield "as " + kind, argued("the oracle writes fewer than 32768 values in one task", statements) if many else statements
        if column.type == "bytea":
            yield "as text", alter + "TYPE text USING encode(%s, 'base64')" % column.name
        if column.name not in facts.keys and column.name != "type":
            values = {"text": "'x'", "jsonb": "'{}'", "bytea": "'x'", "integer": "1"}
            yield "generated, stored", again + "GENERATED ALWAYS AS (%s) STORED%s" % (values[column.type], required)
            yield "generated, virtual", (18, again + "GENERATED ALWAYS AS (%s) VIRTUAL%s" % (values[column.type], required))
    if (facts.name, column.name) == ("checkpoints", "type"):
        yield "as a domain with a check", argued(OWN_CODE, "CREATE DOMAIN d AS text CHECK (VALUE <> '');" + alter + "TYPE d")
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
        if column.nullable:
            required = alter + "SET NOT NULL"
            yield "not null", argued("only older savers write NULL", required) if (facts.name, column.name) == ("checkpoint_blobs", "blob") else required
        else:
            yield "nullable", argued(NULLS, alter + "DROP NOT NULL")
    value = {"text": "'x'", "jsonb": "'[]'", "bytea": "'x'", "integer": "7"}[column.type]
    if column.default is None:
        failing = {"text": "(1 / 0)::text", "jsonb": "to_jsonb(1 / 0)", "bytea": "decode('x', 'none')", "integer": "1 / 0"}[column.type]
        yield "with a default", alter + "SET DEFAULT " + value
        yield "with a default that can fail", alter + "SET DEFAULT " + failing
    else:
        for what, statements in (("with another default", alter + "SET DEFAULT " + value), ("without its default", alter + "DROP DEFAULT")):
            yield what, argued("only older savers need the default", statements) if column.name == "task_path" else statements


def _extra_columns(facts):
    add = "ALTER TABLE %s ADD COLUMN extra " % facts.name
    maybe = {"checkpoints": "metadata ->> 'tenant'", "checkpoint_blobs": "md5(blob)", "checkpoint_writes": "nullif(channel, 'list')"}.get(facts.name)
    yield "additional column, nullable", add + "text"
    yield "additional column, with a default", add + "timestamptz NOT NULL DEFAULT now()"
    yield "additional column, identity", add + "int GENERATED ALWAYS AS IDENTITY"
    yield "additional column, generated, which can fail", add + "int GENERATED ALWAYS AS %s STORED" % facts.failing
    yield "additional column, virtual, which can fail", (18, add + "int GENERATED ALWAYS AS %s VIRTUAL" % facts.failing)
    yield "additional column, with a default that can fail", add + "int; ALTER TABLE %s ALTER extra SET DEFAULT 1 / 0" % facts.name
    yield "additional column, smallserial", add + "smallserial" if facts.is_migrations_table else argued(LATER, add + "smallserial")
    cycling = "CREATE SEQUENCE s MAXVALUE 100 CYCLE;" + add
    yield "additional column, from a sequence that cycles", cycling + "bigint; ALTER TABLE %s ALTER extra SET DEFAULT nextval('s')" % facts.name
    yield "additional column, of a domain with a check", argued(OWN_CODE, "CREATE DOMAIN d AS text CHECK (VALUE <> '');" + add + "d")
    yield "additional column, required", add + "int NOT NULL"
    if maybe:
        yield "additional column, generated", add + "text GENERATED ALWAYS AS (lower(%s)) STORED" % facts.first
        yield "additional column, generated and not null", add + "text GENERATED ALWAYS AS (lower(%s)) STORED NOT NULL" % facts.first
        missing = "additional column, %s and not null, from a nullable column"
        for kind, need in (("stored", 15), ("virtual", 18)):
            statements = add + "text GENERATED ALWAYS AS (%s) %s NOT NULL" % (maybe, kind)
            older = argued("only older savers write NULL", statements) if facts.name == "checkpoint_blobs" else statements
            yield missing % ("generated" if kind == "stored" else kind), (need, older)


def _thread_indexes(facts):
    name = "%s_thread_id_idx" % facts.name

    def again(text, unique=False):
        return "DROP INDEX %s; %s" % (name, facts.index(text, name, unique))

    yield "no thread index", argued(PREFIX, "DROP INDEX %s" % name)
    yield "thread index INVALID", argued(PREFIX, INVALID % name)
    yield "thread index INVALID and not ready", argued(PREFIX, UNREADY % name)
    for what, text in (
        ("over another column", "(checkpoint_ns)"),
        ("over more columns behind another", "(checkpoint_ns, thread_id)"),
        ("as brin", "USING brin (thread_id)"),
        ("partial", "(thread_id) WHERE thread_id <> ''"),
    ):
        yield "thread index " + what, argued(TAKEN, again(text))
    yield "thread index over more columns", again("(thread_id, checkpoint_ns)")
    yield "thread index unique", again("(thread_id)", unique=True)
    yield "thread index as hash", again("USING hash (thread_id)")
    yield "thread index descending", again("(thread_id DESC)")
    yield "thread index of another operator class", again("(thread_id text_pattern_ops)")
    yield "thread index including a column", again("(thread_id) INCLUDE (checkpoint_ns)")
    for column in facts.large:
        yield "thread index including %s" % column.name, again("(thread_id) INCLUDE (%s)" % column.name)
    copy = facts.index("(thread_id)", name + "_ccnew") + INVALID % (name + "_ccnew")
    yield "INVALID copy of the thread index", argued("it only slows down writes", copy)
