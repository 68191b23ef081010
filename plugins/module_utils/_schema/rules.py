# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing, in PostgreSQL or in a SQLite file, that is not as the contract has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Breach:
    """One thing that is not as setup() leaves it.

    rule: its name in RULES. table, object: by PostgreSQL's names where it has one. found, expected: in words.
    step: the key of the Step whose effect is missing, if one is. statement: what would put it right, where that can be said.
    """

    rule: str
    table: str
    object: str
    found: str
    expected: str
    step: tuple = ()
    statement: str = ""

    @property
    def action(self):
        """mend, refuse or report."""
        return RULES[self.rule].action

    @property
    def drift(self):
        """Whether it can break the application."""
        return self.action != REPORT

    @property
    def reason(self):
        """Why it matters, or why it does not."""
        return RULES[self.rule].told

    def describe(self):
        """The breach in a sentence."""
        text = "%s: found %s, expected %s (%s)" % (
            self.table if self.object == self.table else "%s.%s" % (self.table, self.object),
            self.found,
            self.expected,
            self.reason,
        )
        return "%s; to put it right: %s" % (text, self.statement) if self.statement else text


MEND, REFUSE, REPORT = "mend", "refuse", "report"


@dataclass(frozen=True)
class Rule:
    """What may not be so. action: mend, refuse or report; report is no drift. reason: why, in words.

    since: the first version of the library to make it so, where it is younger than the tables. library: whose version that is.
    """

    action: str
    reason: str
    since: str = ""
    library: str = "langgraph-checkpoint-postgres"

    @property
    def told(self):
        """The reason as findings give it."""
        return "%s (since %s %s)" % (self.reason, self.library, self.since) if self.since else self.reason


NO_FOREIGN_KEY = "none on either engine: LangGraph may store a pending write before its checkpoint"
SEVERAL = "rows that are one in PostgreSQL can be several in this file"
CARRIED = "not LangGraph's: its rows can be carried over all the same"
# By the name that a Breach carries; those of a SQLite file begin with sqlite.
RULES = {
    "table missing": Rule(MEND, "setup() creates it, and every saver reads it"),
    "table kind": Rule(REFUSE, "setup() makes an ordinary table; its indexes and ON CONFLICT clauses do not work on anything else"),
    "table shape": Rule(REFUSE, "this is another application's table; use another schema or database"),
    "table unlogged": Rule(REFUSE, "an unlogged table is emptied by a crash and is not on any standby"),
    "table shallow": Rule(REFUSE, "these are ShallowPostgresSaver's tables: one row a thread, and PostgresSaver cannot read them"),
    "table partitioned": Rule(REFUSE, "CREATE INDEX CONCURRENTLY does not work on a partitioned table"),
    "table partition": Rule(REFUSE, "a partition refuses the rows that belong to another one"),
    "table inherited": Rule(REFUSE, "rows of an inheriting table would be read as rows of this one"),
    "table parent": Rule(REPORT, "it inherits from another table, which then shows its rows; the saver is not affected"),
    "table elsewhere": Rule(REFUSE, "the bare name, which is all that LangGraph uses, finds another table first"),
    "table not on path": Rule(REPORT, "the bare name, which is all that LangGraph uses, is not on this role's search_path"),
    "owner differs": Rule(REFUSE, "tables of different owners cannot be migrated by one role"),
    "column missing": Rule(REFUSE, "the saver names this column in its statements, and its values cannot be made up"),
    "column missing, addable": Rule(MEND, "the saver writes and reads this column; it can be added without a rewrite", "2.0.12"),
    "column type": Rule(REFUSE, "the saver's values do not survive in another type, or its statements do not work on it"),
    "column type alike": Rule(REPORT, "a type that holds the same values, and on which the saver's statements do the same"),
    "column nullable": Rule(REFUSE, "a NULL here is a row that the saver cannot read"),
    "column not null": Rule(REFUSE, "the saver leaves this column NULL, so its INSERT would fail"),
    "column not null, older": Rule(MEND, "an empty channel is stored as NULL, so its INSERT would fail", "1.0.2"),
    "column default": Rule(MEND, "rows written by hand or by older savers rely on it"),
    "column default extra": Rule(REPORT, "savers name this column's value, or nobody reads it"),
    "column generated": Rule(REFUSE, "the saver writes this column itself, which a generated column refuses"),
    "column storage": Rule(REFUSE, "values over 8 kB are refused where they may not leave their row"),
    "column collation": Rule(REFUSE, "under a nondeterministic collation different ids can count as equal"),
    "column collation order": Rule(REFUSE, "the newest checkpoint is the one whose id sorts last, and this collation sorts ids in another order"),
    "column collation other": Rule(REPORT, "another collation than the database's default; it tells the same ids apart"),
    "column extra": Rule(REPORT, "the saver does not know this column and leaves it empty"),
    "column extra, required": Rule(REFUSE, "the saver does not know this column, so its INSERTs would fail"),
    "column extra, computed": Rule(REFUSE, "it is computed for each row, which can fail on a row that the saver writes"),
    "key missing": Rule(REFUSE, "the saver's ON CONFLICT clause needs this key"),
    "key columns": Rule(REFUSE, "the saver's ON CONFLICT clause needs exactly these columns"),
    "key order": Rule(REFUSE, "the newest checkpoint of a thread is found through the key in this order"),
    "key invalid": Rule(REFUSE, "the saver's ON CONFLICT clause does not find a key whose index is INVALID"),
    "key deferrable": Rule(REFUSE, "ON CONFLICT does not accept a deferrable key"),
    "not null, not valid": Rule(REFUSE, "rows from before it may hold a NULL, which the saver cannot read"),
    "unique": Rule(REFUSE, "it refuses rows that the saver may write"),
    "unique, implied": Rule(REPORT, "it holds the primary key's columns, so it refuses nothing more"),
    "unique, deferrable": Rule(REFUSE, "the saver's ON CONFLICT clause names its columns and does not accept a deferrable constraint"),
    "check": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "check, implied": Rule(REPORT, "the column is NOT NULL, so it refuses nothing more"),
    "check, not enforced": Rule(REPORT, "it is not enforced"),
    "exclusion": Rule(REFUSE, "it may refuse rows that the saver writes"),
    "foreign key": Rule(REFUSE, "LangGraph stores pending writes in the background, possibly before their checkpoint: a foreign key loses runs"),
    "foreign key, incoming": Rule(REFUSE, "deleting a thread fails while another table's rows refer to it"),
    "foreign key, incoming, cascading": Rule(REPORT, "another table refers to this one and follows its deletions"),
    "index missing": Rule(MEND, "deleting and listing threads scan the whole table without it", "2.0.8"),
    "index invalid": Rule(MEND, "no query uses an INVALID index, each write pays for it, and setup() passes over it", "2.0.8"),
    "index remains": Rule(MEND, "an interrupted REINDEX left it: no query uses it, each write pays for it"),
    "index name taken": Rule(REFUSE, "setup() passes over a name that is taken, whatever holds it", "2.0.8"),
    "index building": Rule(REPORT, "another session is building it right now"),
    "index covered": Rule(REPORT, "another index serves the same queries", "2.0.8"),
    "index differs": Rule(REFUSE, "setup() passes over an index of this name whatever it holds", "2.0.8"),
    "index variant": Rule(REPORT, "the saver's queries find its rows as well in another order or operator class, or with more columns"),
    "index wide": Rule(REFUSE, "an index entry has room for a few kilobytes, so rows with larger values are refused"),
    "index computed": Rule(REFUSE, "its expression is computed for each row, which can fail on a row that the saver writes"),
    "index extra": Rule(REPORT, "an index that setup() does not make; it costs writes and breaks nothing"),
    "index extra invalid": Rule(REPORT, "an INVALID index that setup() does not make; it costs writes and serves nobody"),
    "trigger": Rule(REFUSE, "a trigger may change or refuse rows that the saver writes"),
    "trigger idle": Rule(REPORT, "it is disabled, or not for what the saver does"),
    "rule": Rule(REFUSE, "a rule rewrites the saver's statements"),
    "rule idle": Rule(REPORT, "it is disabled, or not for what the saver does"),
    "rule for updates": Rule(REFUSE, "PostgreSQL refuses ON CONFLICT on a table that has a rule for updates, also a disabled one"),
    "row security": Rule(REFUSE, "row security hides rows from the saver without a word"),
    "policy": Rule(REPORT, "row security is off, so the policy has no effect"),
    "publication": Rule(REFUSE, "it sends updates or deletions without a replica identity that covers them, so PostgreSQL refuses these"),
    "publication harmless": Rule(REPORT, "it sends the table's changes elsewhere; the saver is not affected"),
    "sqlite table missing": Rule(REFUSE, "every SqliteSaver makes this table"),
    "sqlite tables missing": Rule(
        REFUSE, "the file holds no checkpoints: it is empty, another program's, or the main file alone of a live database whose data is in its -wal"
    ),
    "sqlite table kind": Rule(REFUSE, "SqliteSaver makes a table"),
    "sqlite table thread_ts": Rule(
        REFUSE,
        "this file has thread_ts, the shape from before langgraph-checkpoint-sqlite 1.0. No PostgreSQL saver reads it: "
        "carry its threads over with langgraph 0.1 and langgraph-checkpoint-sqlite 1.0 first",
    ),
    "sqlite table extra": Rule(REPORT, "not the checkpointer's: it stays where it is"),
    "sqlite column missing": Rule(REFUSE, "every SqliteSaver makes this column"),
    "sqlite column missing, older": Rule(REPORT, "an older saver did not store it; it counts as ''", "3.1.2", "langgraph-checkpoint-sqlite"),
    "sqlite column type": Rule(REFUSE, "SqliteSaver declares another type; under this one SQLite may change values as they are stored"),
    "sqlite column generated": Rule(REFUSE, "SqliteSaver writes this column itself"),
    "sqlite column extra": Rule(REFUSE, "no saver has this column, so its values would be lost"),
    "sqlite key missing": Rule(REFUSE, SEVERAL),
    "sqlite key wider": Rule(REFUSE, SEVERAL),
    "sqlite key narrower": Rule(REFUSE, "rows that PostgreSQL keeps apart replace each other in this file"),
    "sqlite key collation": Rule(REFUSE, "ids that are one under this collation are several in PostgreSQL"),
    "sqlite foreign key": Rule(REPORT, NO_FOREIGN_KEY),
    "sqlite index": Rule(REPORT, CARRIED),
    "sqlite trigger": Rule(REPORT, CARRIED),
}
