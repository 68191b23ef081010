# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the contract, and the violations of them that are found in PostgreSQL or in a SQLite file."""

from __future__ import annotations

from dataclasses import dataclass

# INFO is not drift.
REPAIR, BLOCK, INFO = "repair", "block", "info"


@dataclass(frozen=True)
class Rule:
    """name: as tests and messages refer to it. severity: REPAIR, BLOCK or INFO. reason: an observed fact, in words.

    since: the first version of the library that the rule applies to, if it is not as old as the tables. library: the library of that version.
    """

    name: str
    severity: str
    reason: str
    since: str = ""
    library: str = "langgraph-checkpoint-postgres"

    @property
    def told(self):
        """The reason as findings show it."""
        return "%s (since %s %s)" % (self.reason, self.library, self.since) if self.since else self.reason


@dataclass(frozen=True)
class Violation:
    """An object that does not meet the contract.

    table, object: the names in PostgreSQL, or in the file if PostgreSQL has no counterpart. found, expected: in words.
    step: the key of the Step whose effect is missing, if any. statement: the SQL that corrects it, if there is one.
    """

    rule: Rule
    table: str
    object: str
    found: str
    expected: str
    step: tuple = ()
    statement: str = ""

    @property
    def severity(self):
        """REPAIR, BLOCK or INFO."""
        return self.rule.severity

    @property
    def drift(self):
        """Whether the violation can break the application."""
        return self.severity != INFO

    @property
    def reason(self):
        """Why the violation matters, or why it does not."""
        return self.rule.told

    def describe(self):
        """The violation in a sentence."""
        text = "%s: found %s, expected %s (%s)" % (
            self.table if self.object == self.table else "%s.%s" % (self.table, self.object),
            self.found,
            self.expected,
            self.reason,
        )
        return "%s; to put it right: %s" % (text, self.statement) if self.statement else text


NO_FOREIGN_KEY = "none on either engine: LangGraph may store a pending write before its checkpoint"
SEVERAL = "rows that are one in PostgreSQL can be several in this file"
CARRIED = "not LangGraph's: its rows can be copied anyway"
TABLE_MISSING = Rule("table missing", REPAIR, "setup() creates it, and every saver reads it")
TABLE_KIND = Rule("table kind", BLOCK, "setup() makes an ordinary table; its indexes and ON CONFLICT clauses do not work on anything else")
TABLE_SHAPE = Rule("table shape", BLOCK, "this is another application's table; use another schema or database")
TABLE_UNLOGGED = Rule("table unlogged", BLOCK, "an unlogged table is emptied by a crash and is not on any standby")
TABLE_SHALLOW = Rule("table shallow", BLOCK, "these are ShallowPostgresSaver's tables: one row a thread, and PostgresSaver cannot read them")
TABLE_PARTITIONED = Rule("table partitioned", BLOCK, "CREATE INDEX CONCURRENTLY does not work on a partitioned table")
TABLE_PARTITION = Rule("table partition", BLOCK, "a partition refuses the rows that belong to another one")
TABLE_INHERITED = Rule("table inherited", BLOCK, "rows of an inheriting table would be read as rows of this one")
TABLE_PARENT = Rule("table parent", INFO, "it inherits from another table, which then shows its rows; the saver is not affected")
TABLE_ELSEWHERE = Rule("table elsewhere", BLOCK, "the bare name, which is all that LangGraph uses, finds another table first")
TABLE_NOT_ON_PATH = Rule("table not on path", INFO, "the bare name, which is all that LangGraph uses, is not on this role's search_path")
OWNER_DIFFERS = Rule("owner differs", BLOCK, "tables of different owners cannot be migrated by one role")
COLUMN_MISSING = Rule("column missing", BLOCK, "the saver names this column in its statements, and its values cannot be made up")
COLUMN_MISSING_ADDABLE = Rule("column missing, addable", REPAIR, "the saver writes and reads this column; it can be added without a rewrite", "2.0.12")
COLUMN_TYPE = Rule("column type", BLOCK, "the saver's values do not survive in another type, or its statements do not work on it")
COLUMN_TYPE_ALIKE = Rule("column type alike", INFO, "a type that holds the same values, and on which the saver's statements do the same")
COLUMN_NULLABLE = Rule("column nullable", BLOCK, "a NULL here is a row that the saver cannot read")
COLUMN_NOT_NULL = Rule("column not null", BLOCK, "the saver leaves this column NULL, so its INSERT would fail")
COLUMN_NOT_NULL_OLDER = Rule("column not null, older", REPAIR, "an empty channel is stored as NULL, so its INSERT would fail", "1.0.2")
COLUMN_DEFAULT = Rule("column default", REPAIR, "rows written by hand or by older savers rely on it")
COLUMN_DEFAULT_EXTRA = Rule("column default extra", INFO, "savers name this column's value, or nobody reads it")
COLUMN_GENERATED = Rule("column generated", BLOCK, "the saver writes this column itself, which a generated column refuses")
COLUMN_STORAGE = Rule("column storage", BLOCK, "values over 8 kB are refused where they may not leave their row")
COLUMN_COLLATION = Rule("column collation", BLOCK, "under a nondeterministic collation different ids can count as equal")
COLUMN_COLLATION_ORDER = Rule(
    "column collation order", BLOCK, "the newest checkpoint is the one whose id sorts last, and this collation sorts ids in another order"
)
COLUMN_COLLATION_OTHER = Rule("column collation other", INFO, "another collation than the database's default; it tells the same ids apart")
COLUMN_EXTRA = Rule("column extra", INFO, "the saver does not know this column and leaves it empty")
COLUMN_EXTRA_REQUIRED = Rule("column extra, required", BLOCK, "the saver does not know this column, so its INSERTs would fail")
COLUMN_EXTRA_COMPUTED = Rule("column extra, computed", BLOCK, "it is computed for each row, which can fail on a row that the saver writes")
KEY_MISSING = Rule("key missing", BLOCK, "the saver's ON CONFLICT clause needs this key")
KEY_COLUMNS = Rule("key columns", BLOCK, "the saver's ON CONFLICT clause needs exactly these columns")
KEY_ORDER = Rule("key order", BLOCK, "the newest checkpoint of a thread is found through the key in this order")
KEY_INVALID = Rule("key invalid", BLOCK, "the saver's ON CONFLICT clause does not find a key whose index is INVALID")
KEY_DEFERRABLE = Rule("key deferrable", BLOCK, "ON CONFLICT does not accept a deferrable key")
NOT_NULL_NOT_VALID = Rule("not null, not valid", BLOCK, "rows from before it may hold a NULL, which the saver cannot read")
UNIQUE = Rule("unique", BLOCK, "it refuses rows that the saver may write")
UNIQUE_IMPLIED = Rule("unique, implied", INFO, "it holds the primary key's columns, so it refuses nothing more")
UNIQUE_DEFERRABLE = Rule("unique, deferrable", BLOCK, "the saver's ON CONFLICT clause names its columns and does not accept a deferrable constraint")
CHECK = Rule("check", BLOCK, "it may refuse rows that the saver writes")
CHECK_IMPLIED = Rule("check, implied", INFO, "the column is NOT NULL, so it refuses nothing more")
CHECK_NOT_ENFORCED = Rule("check, not enforced", INFO, "it is not enforced")
EXCLUSION = Rule("exclusion", BLOCK, "it may refuse rows that the saver writes")
FOREIGN_KEY = Rule("foreign key", BLOCK, "LangGraph stores pending writes in the background, possibly before their checkpoint: a foreign key loses runs")
FOREIGN_KEY_INCOMING = Rule("foreign key, incoming", BLOCK, "deleting a thread fails while another table's rows refer to it")
FOREIGN_KEY_INCOMING_CASCADING = Rule("foreign key, incoming, cascading", INFO, "another table refers to this one and follows its deletions")
INDEX_MISSING = Rule("index missing", REPAIR, "deleting and listing threads scan the whole table without it", "2.0.8")
INDEX_INVALID = Rule("index invalid", REPAIR, "no query uses an INVALID index, each write pays for it, and setup() passes over it", "2.0.8")
INDEX_REMAINS = Rule("index remains", REPAIR, "an interrupted REINDEX left it: no query uses it, each write pays for it")
INDEX_NAME_TAKEN = Rule("index name taken", BLOCK, "setup() passes over a name that is taken, whatever holds it", "2.0.8")
INDEX_BUILDING = Rule("index building", INFO, "another session is building it right now")
INDEX_COVERED = Rule("index covered", INFO, "another index serves the same queries", "2.0.8")
INDEX_DIFFERS = Rule("index differs", BLOCK, "setup() passes over an index of this name whatever it holds", "2.0.8")
INDEX_VARIANT = Rule("index variant", INFO, "the saver's queries find its rows as well in another order or operator class, or with more columns")
INDEX_WIDE = Rule("index wide", BLOCK, "an index entry has room for a few kilobytes, so rows with larger values are refused")
INDEX_COMPUTED = Rule("index computed", BLOCK, "its expression is computed for each row, which can fail on a row that the saver writes")
INDEX_EXTRA = Rule("index extra", INFO, "an index that setup() does not make; it costs writes and breaks nothing")
INDEX_EXTRA_INVALID = Rule("index extra invalid", INFO, "an INVALID index that setup() does not make; it costs writes and serves nobody")
TRIGGER = Rule("trigger", BLOCK, "a trigger may change or refuse rows that the saver writes")
TRIGGER_IDLE = Rule("trigger idle", INFO, "it is disabled, or not for what the saver does")
RULE = Rule("rule", BLOCK, "a rule rewrites the saver's statements")
RULE_IDLE = Rule("rule idle", INFO, "it is disabled, or not for what the saver does")
RULE_FOR_UPDATES = Rule("rule for updates", BLOCK, "PostgreSQL refuses ON CONFLICT on a table that has a rule for updates, also a disabled one")
ROW_SECURITY = Rule("row security", BLOCK, "row security hides rows from the saver without a word")
POLICY = Rule("policy", INFO, "row security is off, so the policy has no effect")
PUBLICATION = Rule("publication", BLOCK, "it sends updates or deletions without a replica identity that covers them, so PostgreSQL refuses these")
PUBLICATION_HARMLESS = Rule("publication harmless", INFO, "it sends the table's changes elsewhere; the saver is not affected")
SQLITE_TABLE_MISSING = Rule("sqlite table missing", BLOCK, "every SqliteSaver makes this table")
SQLITE_TABLES_MISSING = Rule(
    "sqlite tables missing",
    BLOCK,
    "the file holds no checkpoints: it is empty, another program's, or the main file alone of a live database whose data is in its -wal",
)
SQLITE_TABLE_KIND = Rule("sqlite table kind", BLOCK, "SqliteSaver makes a table")
SQLITE_TABLE_THREAD_TS = Rule(
    "sqlite table thread_ts",
    BLOCK,
    "this file has thread_ts, the shape from before langgraph-checkpoint-sqlite 1.0. No PostgreSQL saver reads it: "
    "move its threads with langgraph 0.1 and langgraph-checkpoint-sqlite 1.0 first",
)
SQLITE_TABLE_EXTRA = Rule("sqlite table extra", INFO, "not the checkpointer's: it stays where it is")
SQLITE_COLUMN_MISSING = Rule("sqlite column missing", BLOCK, "every SqliteSaver makes this column")
SQLITE_COLUMN_MISSING_OLDER = Rule(
    "sqlite column missing, older", INFO, "an older saver did not store it; it counts as ''", "3.1.2", "langgraph-checkpoint-sqlite"
)
SQLITE_COLUMN_TYPE = Rule("sqlite column type", BLOCK, "SqliteSaver declares another type; under this one SQLite may change values as they are stored")
SQLITE_COLUMN_GENERATED = Rule("sqlite column generated", BLOCK, "SqliteSaver writes this column itself")
SQLITE_COLUMN_EXTRA = Rule("sqlite column extra", BLOCK, "no saver has this column, so its values would be lost")
SQLITE_KEY_MISSING = Rule("sqlite key missing", BLOCK, SEVERAL)
SQLITE_KEY_WIDER = Rule("sqlite key wider", BLOCK, SEVERAL)
SQLITE_KEY_NARROWER = Rule("sqlite key narrower", BLOCK, "rows that PostgreSQL keeps apart replace each other in this file")
SQLITE_KEY_COLLATION = Rule("sqlite key collation", BLOCK, "ids that are one under this collation are several in PostgreSQL")
SQLITE_FOREIGN_KEY = Rule("sqlite foreign key", INFO, NO_FOREIGN_KEY)
SQLITE_INDEX = Rule("sqlite index", INFO, CARRIED)
SQLITE_TRIGGER = Rule("sqlite trigger", INFO, CARRIED)

# By name.
RULES = {rule.name: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
