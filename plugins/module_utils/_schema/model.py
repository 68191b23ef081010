# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema is: tables with columns, constraints, indexes and what hangs on them, as plain data.

Nothing here knows a database. Every class survives Schema.from_dict(schema.to_dict()), also through JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

# What the annotations below stand for when data comes from outside.
FIELD_TYPES = {"str": str, "str | None": (str, type(None)), "bool": bool, "tuple": tuple}


@dataclass(frozen=True)
class Column:
    """type: as format_type() or the declared SQLite type. default: its expression. generated: empty, or how.

    ordered: under its collation ids sort as their bytes do. storage: plain where a value may not leave its row, else empty.
    """

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    generated: str = ""
    collation: str = ""
    deterministic: bool = True
    ordered: bool = True
    storage: str = ""

    def describe(self):
        """The column as a line of DDL would say it."""
        parts = [self.name, self.type or "(no type)"]
        if self.collation:
            parts.append("collate %s" % self.collation)
        if not self.nullable:
            parts.append("not null")
        if self.generated:
            parts.append("generated %s" % self.generated)
        elif self.default is not None:
            parts.append("default %s" % self.default)
        if self.storage:
            parts.append("storage %s" % self.storage)
        return " ".join(parts)


@dataclass(frozen=True)
class Constraint:
    """kind: primary key, unique, check, foreign key, exclusion, trigger, or not null where it is NOT VALID. incoming: it stands on another table."""

    name: str
    kind: str
    columns: tuple = ()
    definition: str = ""
    deferrable: bool = False
    enforced: bool = True
    on_delete: str = ""
    incoming: str = ""

    def describe(self):
        """The constraint in a line."""
        if self.kind == "primary key":
            text = "primary key (%s)" % ", ".join(self.columns)
            if self.deferrable:
                text += " deferrable"
        else:
            text = self.definition or self.kind
        if self.incoming:
            text = "%s on %s" % (text, self.incoming)
        return "constraint %s %s" % (self.name, text)


@dataclass(frozen=True)
class Index:
    """columns: names or expressions in key order. building: another session is making it right now.

    included: columns that are no part of the key. variant: its columns as DDL has them, where order or operator class are not the usual ones.
    """

    name: str
    columns: tuple
    unique: bool = False
    method: str = "btree"
    predicate: str = ""
    valid: bool = True
    ready: bool = True
    building: bool = False
    definition: str = ""
    included: tuple = ()
    variant: str = ""

    @property
    def usable(self):
        """Whether queries can use it."""
        return self.valid and self.ready

    def describe(self):
        """The index in a line."""
        text = "%sindex %s %s (%s)" % ("unique " if self.unique else "", self.name, self.method, self.variant or ", ".join(self.columns))
        if self.included:
            text += " include (%s)" % ", ".join(self.included)
        if self.predicate:
            text += " where %s" % self.predicate
        if self.building:
            text += " BUILDING"
        elif not self.usable:
            text += " INVALID"
        return text


@dataclass(frozen=True)
class Attachment:
    """A trigger, rule (update rule where it is one), policy, publication or inheritance link (child, parent, partition of) of a table.

    enabled: it acts on what a saver does. A publication does so where it refuses UPDATE or DELETE for want of a replica identity.
    """

    name: str
    kind: str
    definition: str = ""
    enabled: bool = True

    def describe(self):
        """The attachment in a line."""
        return "%s %s%s" % (self.kind, self.name, "" if self.enabled else " (idle)")


@dataclass(frozen=True)
class Table:
    """kind: table, view, materialized view, foreign table, partitioned table. persistence: permanent, unlogged, temporary."""

    name: str
    kind: str = "table"
    persistence: str = "permanent"
    owner: str = ""
    row_security: bool = False
    columns: tuple = ()
    constraints: tuple = ()
    indexes: tuple = ()
    attachments: tuple = ()

    def column(self, name):
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def index(self, name):
        """The index of that name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    @property
    def primary_key(self):
        """The primary key constraint, or None."""
        return next((item for item in self.constraints if item.kind == "primary key" and not item.incoming), None)

    def with_column(self, column):
        """The same table with that column in its old place, or at the end."""
        if self.column(column.name) is None:
            return replace(self, columns=self.columns + (column,))
        return replace(self, columns=tuple(column if old.name == column.name else old for old in self.columns))

    def with_index(self, index):
        """The same table with that index in place of one of the same name."""
        kept = tuple(old for old in self.indexes if old.name != index.name)
        return replace(self, indexes=tuple(sorted(kept + (index,), key=lambda item: item.name)))

    def without_index(self, name):
        """The same table without that index."""
        return replace(self, indexes=tuple(index for index in self.indexes if index.name != name))

    def describe(self):
        """The table in lines."""
        head = "%s %s" % (self.kind, self.name)
        if self.persistence != "permanent":
            head = "%s %s" % (self.persistence, head)
        if self.owner:
            head += " owned by %s" % self.owner
        lines = [head]
        for item in self.columns + self.constraints + self.indexes + self.attachments:
            lines.append("  " + item.describe())
        if self.row_security:
            lines.append("  row security")
        return lines


@dataclass(frozen=True)
class Schema:
    """The tables of one namespace.

    engine: postgresql or sqlite. elsewhere: pairs (table, schema) where the bare name finds another table.
    """

    engine: str
    name: str
    tables: tuple = ()
    elsewhere: tuple = ()
    exists: bool = True

    def table(self, name):
        """The table of that name, or None."""
        return next((table for table in self.tables if table.name == name), None)

    def with_table(self, table):
        """The same schema with that table in place of one of the same name."""
        kept = tuple(old for old in self.tables if old.name != table.name)
        return replace(self, tables=tuple(sorted(kept + (table,), key=lambda item: item.name)))

    def describe(self):
        """The schema as text, a line an object: what a diff shows."""
        lines = []
        for table in self.tables:
            lines.extend(table.describe())
        return "".join(line + "\n" for line in lines)

    def to_dict(self):
        """Plain data, as modules return it."""
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, data):
        """The schema that data came from. Raises ValueError where it is no such data."""
        try:
            tables = tuple(
                _made(
                    Table,
                    dict(
                        table,
                        columns=tuple(_made(Column, column) for column in table["columns"]),
                        constraints=tuple(_made(Constraint, dict(item, columns=_names(item["columns"]))) for item in table["constraints"]),
                        indexes=tuple(
                            _made(Index, dict(item, columns=_names(item["columns"]), included=_names(item.get("included", ())))) for item in table["indexes"]
                        ),
                        attachments=tuple(_made(Attachment, item) for item in table["attachments"]),
                    ),
                )
                for table in data["tables"]
            )
            elsewhere = tuple((name, schema) for name, schema in map(_names, data.get("elsewhere", ())))
            return _made(cls, dict(data, tables=tables, elsewhere=elsewhere))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("this is not a schema as checkpoint_schema_info returns it: %s" % error) from error


def _made(kind, data):
    """kind(**data), where every value has the type that its field states; raises TypeError."""
    item = kind(**data)
    for field in fields(item):
        if not isinstance(getattr(item, field.name), FIELD_TYPES[field.type]):
            raise TypeError("%s of a %s is a %s" % (field.name, kind.__name__.lower(), type(getattr(item, field.name)).__name__))
    return item


def _names(values):
    """A list of strings as a tuple; raises TypeError."""
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise TypeError("a list of names was expected, found %r" % (values,))
    return tuple(values)


def _plain(value):
    """Tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
