# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the contract, and the violations of them that are found in PostgreSQL or in a SQLite file."""

from __future__ import annotations

from typing import NamedTuple

# INFO is not drift.
REPAIR, BLOCK, INFO = "repair", "block", "info"


class Rule(NamedTuple):
    """name: the name in tests and messages. severity: REPAIR, BLOCK or INFO. reason: an observed fact, in words.

    since: the first version of the library that the rule applies to, or empty if it applies to every version. library: the library of that version.
    """

    name: str
    severity: str
    reason: str
    since: str = ""
    library: str = "langgraph-checkpoint-postgres"

    @property
    def explanation(self) -> str:
        """The reason as findings show it."""
        return "%s (since %s %s)" % (self.reason, self.library, self.since) if self.since else self.reason


class Violation(NamedTuple):
    """An object that does not meet the contract.

    table, object: the names in PostgreSQL, or in the file if PostgreSQL has no counterpart. found, expected: in words.
    step: the key of the Step whose effect is missing, if any. statement: the SQL statement that corrects it, if any.
    """

    rule: Rule
    table: str
    object: str
    found: str
    expected: str
    step: tuple[str, ...] = ()
    statement: str = ""

    @property
    def severity(self) -> str:
        """REPAIR, BLOCK or INFO."""
        return self.rule.severity

    @property
    def drift(self) -> bool:
        """Whether the violation can break the application."""
        return self.severity != INFO

    @property
    def reason(self) -> str:
        """Why the violation matters, or why it does not."""
        return self.rule.explanation

    def describe(self) -> str:
        """The violation in a sentence."""
        text = "%s: found %s, expected %s (%s)" % (
            self.table if self.object == self.table else "%s.%s" % (self.table, self.object),
            self.found,
            self.expected,
            self.reason,
        )
        return "%s; to correct it: %s" % (text, self.statement) if self.statement else text


NO_FOREIGN_KEY = "none on either engine: LangGraph may store a pending write before its checkpoint"
SEVERAL = "several rows in this file can have the same key in PostgreSQL"
NOT_COPIED = "LangGraph did not create it; the table's rows can be copied anyway"
SCHEMA_CREATE = Rule(
    "schema create", BLOCK, "LangGraph does not qualify names, so a role that can create functions and operators in the schema can run code as the owner"
)
SCHEMA_OVERLOAD = Rule(
    "schema overload", BLOCK, "LangGraph does not qualify names, so PostgreSQL may call this instead of its own function or operator, with the caller's rights"
)
DATABASE_ENCODING = Rule(
    "database encoding", BLOCK, "the saver sends text as JSON, and PostgreSQL rejects each character in it that the encoding of the database lacks"
)
ROLE_ENCODING = Rule(
    "role encoding",
    BLOCK,
    "the saver cannot read checkpoints with characters that the client_encoding of its session lacks, and with SQL_ASCII it receives ids as bytes",
)
ROLE_READ_ONLY = Rule("role read-only", BLOCK, "PostgreSQL rejects every write in a session of this role")
SEQUENCE_DENIED = Rule("sequence denied", BLOCK, "PostgreSQL takes the column's value from the sequence for each row, and this role may not use the sequence")
SEQUENCE_END = Rule("sequence end", BLOCK, "PostgreSQL takes the column's value from a sequence for each row, and rejects rows after its last value")
TABLE_MISSING = Rule("table missing", REPAIR, "setup() creates it, and every saver reads it")
TABLE_KIND = Rule(
    "table kind", BLOCK, "setup() creates an ordinary table, and the next migration fails on anything else: CREATE INDEX and ALTER TABLE need a table"
)
TABLE_SHAPE = Rule("table shape", BLOCK, "the table belongs to another application; use another schema or database")
TABLE_UNLOGGED = Rule("table unlogged", BLOCK, "PostgreSQL empties an unlogged table after a crash and does not replicate it to standby servers")
TABLE_SHALLOW = Rule("table shallow", BLOCK, "these are ShallowPostgresSaver's tables: they have one row per thread, and PostgresSaver cannot read them")
TABLE_PARTITIONED = Rule("table partitioned", BLOCK, "CREATE INDEX CONCURRENTLY does not work on a partitioned table")
TABLE_PARTITION = Rule("table partition", BLOCK, "a partition rejects rows that belong to another partition")
TABLE_INHERITED = Rule("table inherited", BLOCK, "queries on this table also return the rows of the tables that inherit from it")
TABLE_PARENT = Rule("table parent", INFO, "queries on the parent table also return this table's rows; the saver is not affected")
TABLE_ELSEWHERE = Rule("table elsewhere", BLOCK, "LangGraph uses unqualified table names, and the search_path finds another table of this name first")
TABLE_NOT_ON_PATH = Rule("table not on path", INFO, "LangGraph uses unqualified table names, and this role's search_path does not contain the table's schema")
OWNER_DIFFERS = Rule("owner differs", BLOCK, "one role cannot migrate tables that have different owners")
COLUMN_MISSING = Rule("column missing", BLOCK, "the saver's statements use this column, and its values cannot be derived from other data")
COLUMN_MISSING_ADDABLE = Rule("column missing, addable", REPAIR, "the saver writes and reads this column; adding it does not rewrite the table", "2.0.12")
COLUMN_TYPE = Rule("column type", BLOCK, "the saver's values change or are rejected in this type, or the saver's statements do not work with it")
COLUMN_UNUSED = Rule("column unused", INFO, "setup() creates this column, and no statement of the saver names it")
COLUMN_TYPE_ALIKE = Rule("column type alike", INFO, "this type stores the same values, and the saver's statements work in the same way")
COLUMN_NULLABLE = Rule("column nullable", BLOCK, "the saver cannot read a row that contains NULL in this column")
COLUMN_NOT_NULL = Rule("column not null", BLOCK, "the saver stores NULL in this column, so its INSERT would fail")
COLUMN_NOT_NULL_WRITTEN = Rule("column not null, written", INFO, "the saver stores a value in this column of each row")
COLUMN_NOT_NULL_OLDER = Rule("column not null, older", REPAIR, "older savers store an empty channel as NULL, so their INSERT would fail", "1.0.2")
COLUMN_DEFAULT = Rule(
    "column default", REPAIR, "savers before langgraph-checkpoint-postgres 2.0.12 do not write this column, so their INSERT needs the default"
)
COLUMN_DEFAULT_UNUSED = Rule("column default unused", INFO, "savers write a value to this column of each row, so the default is not used")
COLUMN_DEFAULT_EXTRA = Rule("column default extra", INFO, "savers always write a value to this column, or never read it")
COLUMN_DOMAIN = Rule("column domain", BLOCK, "PostgreSQL evaluates the domain's check constraint for each row, with the rights of the role that writes it")
COLUMN_GENERATED = Rule("column generated", BLOCK, "the saver writes to this column, and PostgreSQL rejects writes to a generated column")
COLUMN_STORAGE = Rule("column storage", BLOCK, "with this storage, PostgreSQL rejects rows with values larger than about 8 kB")
COLUMN_COLLATION = Rule("column collation", BLOCK, "a nondeterministic collation can treat different ids as equal")
COLUMN_COLLATION_ORDER = Rule(
    "column collation order", BLOCK, "the newest checkpoint is the one whose id sorts last, and this collation sorts ids in a different order"
)
COLUMN_COLLATION_OTHER = Rule(
    "column collation other", INFO, "the collation differs from the database's default, but the saver finds the same rows in the same order"
)
COLUMN_EXTRA = Rule("column extra", INFO, "the saver does not use this column")
COLUMN_EXTRA_REQUIRED = Rule("column extra, required", BLOCK, "the saver does not write to this column, so its INSERT would fail")
COLUMN_EXTRA_COMPUTED = Rule(
    "column extra, computed", BLOCK, "PostgreSQL evaluates its expression for each row, which can fail for a row that the saver writes"
)
KEY_MISSING = Rule("key missing", BLOCK, "the saver's ON CONFLICT clause needs this key")
KEY_COVERED = Rule("key covered", INFO, "ON CONFLICT uses the unique index over the same columns, and setup() does not look for a primary key")
KEY_UNNEEDED = Rule("key unneeded", INFO, "setup() records versions with an INSERT without ON CONFLICT, which needs no key")
KEY_COLUMNS = Rule("key columns", BLOCK, "the saver's ON CONFLICT clause needs exactly these columns")
KEY_ORDER = Rule(
    "key order", BLOCK, "with the key's columns in another order, PostgreSQL reads many other rows to find the newest checkpoint of a thread or its writes"
)
KEY_ORDER_EQUAL = Rule("key order equal", INFO, "the saver looks for rows by all columns of this key, which works in any order")
KEY_INVALID = Rule("key invalid", BLOCK, "the saver's ON CONFLICT clause cannot use a key whose index is INVALID")
KEY_DEFERRABLE = Rule("key deferrable", BLOCK, "ON CONFLICT does not accept a deferrable key")
NOT_NULL_NOT_VALID = Rule("not null, not valid", BLOCK, "rows that are older than the constraint can contain NULL, which the saver cannot read")
UNIQUE = Rule("unique", BLOCK, "it rejects rows that the saver may write")
UNIQUE_IMPLIED = Rule("unique, implied", INFO, "it includes the primary key's columns, so it rejects no additional rows")
UNIQUE_DISTINCT = Rule("unique, distinct", INFO, "PostgreSQL gives each row NULL or a new value in one of its columns, so it rejects no rows")
UNIQUE_DEFERRABLE = Rule(
    "unique, deferrable", BLOCK, "the saver's ON CONFLICT clause names the constraint's columns, and ON CONFLICT does not accept a deferrable constraint"
)
CHECK = Rule("check", BLOCK, "it may reject rows that the saver writes")
CHECK_IMPLIED = Rule("check, implied", INFO, "the column is NOT NULL, so it rejects no additional rows")
CHECK_NOT_ENFORCED = Rule("check, not enforced", INFO, "it is not enforced")
EXCLUSION = Rule("exclusion", BLOCK, "it may reject rows that the saver writes")
FOREIGN_KEY = Rule(
    "foreign key",
    BLOCK,
    "LangGraph stores pending writes in the background, possibly before their checkpoint: with a foreign key, such writes fail and their runs are lost",
)
FOREIGN_KEY_EMPTY = Rule("foreign key, empty", INFO, "PostgreSQL gives each row NULL in one of its columns, so it rejects no rows")
FOREIGN_KEY_INCOMING = Rule("foreign key, incoming", BLOCK, "deleting a thread fails if rows of another table reference it")
FOREIGN_KEY_INCOMING_CASCADING = Rule("foreign key, incoming, cascading", INFO, "another table references this one, and allows the deletions of the saver")
INDEX_MISSING = Rule(
    "index missing", REPAIR, "setup() creates it once and does not restore it; PostgreSQL uses the larger index of the primary key instead", "2.0.8"
)
INDEX_INVALID = Rule("index invalid", REPAIR, "queries do not use an INVALID index, and setup() does not replace it", "2.0.8")
INDEX_REMAINS = Rule("index remains", REPAIR, "an interrupted REINDEX left it behind: queries do not use it, and writes may still maintain it")
INDEX_NAME_TAKEN = Rule("index name taken", BLOCK, "setup() skips an index if any relation already has its name", "2.0.8")
INDEX_BUILDING = Rule("index building", INFO, "another session is building it")
INDEX_COVERED = Rule("index covered", INFO, "another index serves the same queries", "2.0.8")
INDEX_DIFFERS = Rule("index differs", BLOCK, "setup() skips an index if its name exists, whatever its definition is", "2.0.8")
INDEX_VARIANT = Rule("index variant", INFO, "the saver's queries can use it in spite of its different method, sort order, operator class or additional columns")
INDEX_WIDE = Rule(
    "index wide",
    BLOCK,
    "an index entry is limited to a few kilobytes, so PostgreSQL rejects rows with larger values; it accepts them with an index on md5() or left() of a value",
)
INDEX_COMPUTED = Rule("index computed", BLOCK, "PostgreSQL evaluates its expression for each row, which can fail for a row that the saver writes")
INDEX_EXTRA = Rule("index extra", INFO, "setup() does not create this index; it slows down writes but breaks nothing")
INDEX_EXTRA_INVALID = Rule(
    "index extra invalid", INFO, "setup() does not create this index, and it is INVALID: it slows down writes, and queries do not use it"
)
TRIGGER = Rule("trigger", BLOCK, "a trigger may change or reject rows that the saver writes")
TRIGGER_IDLE = Rule("trigger idle", INFO, "it is disabled, or the saver's statements do not fire it")
RULE = Rule("rule", BLOCK, "a rule rewrites the saver's statements")
RULE_IDLE = Rule("rule idle", INFO, "it is disabled, or does not apply to the saver's statements")
RULE_FOR_UPDATES = Rule("rule for updates", BLOCK, "PostgreSQL rejects ON CONFLICT on a table that has a rule for updates, even if the rule is disabled")
ROW_SECURITY = Rule("row security", BLOCK, "row security hides rows from the saver without an error")
POLICY = Rule("policy", INFO, "row security is off, so the policy has no effect")
STATISTICS = Rule("statistics", BLOCK, "ANALYZE evaluates their expressions as the owner of the table, and can fail")
PUBLICATION = Rule(
    "publication", BLOCK, "it publishes updates or deletions, and the table's replica identity does not cover them, so PostgreSQL rejects these statements"
)
PUBLICATION_HARMLESS = Rule("publication harmless", INFO, "it publishes the table's changes; the saver is not affected")
SQLITE_TABLE_MISSING = Rule("sqlite table missing", BLOCK, "every SqliteSaver creates this table")
SQLITE_TABLES_MISSING = Rule(
    "sqlite tables missing",
    BLOCK,
    "the file contains no checkpoints: it is empty, belongs to another program, or is the main file of a live database, copied without its -wal",
)
SQLITE_TABLE_KIND = Rule("sqlite table kind", BLOCK, "SqliteSaver creates a table")
SQLITE_TABLE_THREAD_TS = Rule(
    "sqlite table thread_ts",
    BLOCK,
    "this file has a column thread_ts, as in releases before langgraph-checkpoint-sqlite 1.0. No later release reads or "
    "converts it. Copy its threads to a new file, as the collection's import guide describes under Files with thread_ts",
)
# The commands of the import guide. Each is a line of its own, because the text of a rule is wrapped.
THREAD_TS_COMMANDS = (
    "python3 -m venv move",
    "move/bin/pip install 'langgraph<1' 'langgraph-checkpoint<3' 'langgraph-checkpoint-sqlite<3'",
    "move/bin/python move_thread_ts.py OLD NEW",
)
SQLITE_TABLE_EXTRA = Rule("sqlite table extra", INFO, "not a table of the checkpointer; it is ignored")
SQLITE_COLUMN_MISSING = Rule("sqlite column missing", BLOCK, "every SqliteSaver creates this column")
SQLITE_COLUMN_MISSING_OLDER = Rule(
    "sqlite column missing, older", INFO, "older savers do not store it; its value is taken as ''", "3.1.2", "langgraph-checkpoint-sqlite"
)
SQLITE_COLUMN_TYPE = Rule("sqlite column type", BLOCK, "SqliteSaver declares a different type; with this type, SQLite may convert values when it stores them")
SQLITE_COLUMN_GENERATED = Rule("sqlite column generated", BLOCK, "SqliteSaver writes to this column")
SQLITE_COLUMN_EXTRA = Rule("sqlite column extra", BLOCK, "no saver has this column, so its values would be lost")
SQLITE_KEY_MISSING = Rule("sqlite key missing", BLOCK, SEVERAL)
SQLITE_KEY_WIDER = Rule("sqlite key wider", BLOCK, SEVERAL)
SQLITE_KEY_NARROWER = Rule("sqlite key narrower", BLOCK, "rows that are distinct in PostgreSQL replace each other in this file")
SQLITE_KEY_COLLATION = Rule("sqlite key collation", BLOCK, "ids that are equal under this collation are distinct in PostgreSQL")
SQLITE_FOREIGN_KEY = Rule("sqlite foreign key", INFO, NO_FOREIGN_KEY)
SQLITE_INDEX = Rule("sqlite index", INFO, NOT_COPIED)
SQLITE_TRIGGER = Rule("sqlite trigger", INFO, NOT_COPIED)

# Rules for what PostgreSQL may evaluate with the rights of the role that uses the tables.
EVALUATED = (
    SCHEMA_CREATE,
    SCHEMA_OVERLOAD,
    TABLE_KIND,
    TABLE_INHERITED,
    COLUMN_DOMAIN,
    COLUMN_TYPE,
    COLUMN_EXTRA_COMPUTED,
    COLUMN_GENERATED,
    CHECK,
    EXCLUSION,
    INDEX_COMPUTED,
    TRIGGER,
    RULE,
    RULE_FOR_UPDATES,
)

# By name.
RULES = {rule.name: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
