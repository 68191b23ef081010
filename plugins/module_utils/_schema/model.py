# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database schema as plain data: tables with their columns, constraints, indexes and attachments.

This file does not access a database. Schema.from_dict(schema.to_dict()) returns an equal schema, also after a round trip through JSON.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, TypeVar

# The run-time types of the annotations below, to check data from outside. Every other annotation is a tuple.
FIELD_TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "str | None": (str, type(None)), "bool": bool}
T = TypeVar("T", "Attachment", "Column", "Constraint", "Index", "Table", "Schema")


class Column(NamedTuple):
    """type: from format_type(), or the declared SQLite type. default: the expression. generated: the kind of generated column, or empty.

    ordered: whether its collation sorts ids by their bytes. storage: plain if values cannot be stored out of line, otherwise empty.
    domain_of: the type below, if the type is a domain with a check constraint, otherwise empty. sequence: the sequence that its default or identity uses,
    or empty. sequence_end: soon if its values run out after fewer than a billion rows, cycles if they repeat, otherwise empty.
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
    domain_of: str = ""
    sequence: str = ""
    sequence_end: str = ""

    @property
    def empty(self) -> bool:
        """Whether the column is NULL in a row whose INSERT does not name it."""
        return self.nullable and self.default is None and not self.generated

    def describe(self) -> str:
        """The column in one line, similar to DDL."""
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


class Constraint(NamedTuple):
    """kind: primary key, unique, check, foreign key, exclusion, trigger, or not null (only if NOT VALID).

    incoming: for a foreign key of another table that references this one, the name of that table.
    """

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    definition: str = ""
    deferrable: bool = False
    enforced: bool = True
    on_delete: str = ""
    incoming: str = ""

    def describe(self) -> str:
        """The constraint in one line."""
        if self.kind == "primary key":
            text = "primary key (%s)" % ", ".join(self.columns)
            if self.deferrable:
                text += " deferrable"
        else:
            text = self.definition or self.kind
        if self.incoming:
            text = "%s on %s" % (text, self.incoming)
        return "constraint %s %s" % (self.name, text)


class Index(NamedTuple):
    """columns: names or expressions in key order. building: another session is building it.

    included: columns that are not part of the key. variant: the columns as in DDL if a sort order or operator class is not the default, else empty.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    method: str = "btree"
    predicate: str = ""
    valid: bool = True
    ready: bool = True
    building: bool = False
    definition: str = ""
    included: tuple[str, ...] = ()
    variant: str = ""

    @property
    def usable(self) -> bool:
        """Whether queries can use the index."""
        return self.valid and self.ready

    def describe(self) -> str:
        """The index in one line."""
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


class Attachment(NamedTuple):
    """kind: trigger, rule, update rule, policy, publication, statistics on expressions, or an inheritance link (child, parent, partition of).

    enabled: whether it affects a saver's statements. A publication does if UPDATE or DELETE fails because of a missing replica identity.
    """

    name: str
    kind: str
    definition: str = ""
    enabled: bool = True

    def describe(self) -> str:
        """The attachment in one line."""
        return "%s %s%s" % (self.kind, self.name, "" if self.enabled else " (idle)")


class Table(NamedTuple):
    """kind: table, view, materialized view, foreign table, partitioned table. persistence: permanent, unlogged, temporary."""

    name: str
    kind: str = "table"
    persistence: str = "permanent"
    owner: str = ""
    row_security: bool = False
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def column(self, name: str) -> Column | None:
        """The column with this name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def find_index(self, name: str) -> Index | None:
        """The index with this name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    @property
    def primary_key(self) -> Constraint | None:
        """The primary key constraint, or None."""
        return next((item for item in self.constraints if item.kind == "primary key" and not item.incoming), None)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the primary key; empty if there is none."""
        return self.primary_key.columns if self.primary_key else ()

    def with_column(self, column: Column) -> Table:
        """A copy of the table in which the column replaces the column with the same name, or is added at the end."""
        if self.column(column.name) is None:
            return self._replace(columns=self.columns + (column,))
        return self._replace(columns=tuple(column if old.name == column.name else old for old in self.columns))

    def with_index(self, index: Index) -> Table:
        """A copy of the table in which the index is added, or replaces the index with the same name."""
        kept = tuple(old for old in self.indexes if old.name != index.name)
        return self._replace(indexes=tuple(sorted(kept + (index,), key=lambda item: item.name)))

    def without_index(self, name: str) -> Table:
        """A copy of the table without this index."""
        return self._replace(indexes=tuple(index for index in self.indexes if index.name != name))

    def describe(self) -> list[str]:
        """The table in several lines."""
        head = "%s %s" % (self.kind, self.name)
        if self.persistence != "permanent":
            head = "%s %s" % (self.persistence, head)
        if self.owner:
            head += " owned by %s" % self.owner
        lines = [head]
        for items in (self.columns, self.constraints, self.indexes, self.attachments):
            lines.extend("  " + item.describe() for item in items)
        if self.row_security:
            lines.append("  row security")
        return lines


class Schema(NamedTuple):
    """The tables of one PostgreSQL schema or of one SQLite file.

    engine: postgresql or sqlite. elsewhere: pairs (table, schema) for each table whose unqualified name resolves to a table in another schema.
    creators: grantees of CREATE on the schema other than the owner's, as in SQL. overloads: routines and operators of other roles with names of pg_catalog.
    database, encoding: the database and its encoding. settings: for each of the application's roles, (role, setting, its value in a session of this role).
    denied: (role, table, column, sequence) for each sequence of a column that one of these roles may not use.
    """

    engine: str
    name: str
    tables: tuple[Table, ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()
    exists: bool = True
    creators: tuple[str, ...] = ()
    overloads: tuple[str, ...] = ()
    database: str = ""
    encoding: str = "UTF8"
    settings: tuple[tuple[str, ...], ...] = ()
    denied: tuple[tuple[str, ...], ...] = ()

    def without_roles(self) -> Schema:
        """A copy without the fields that depend on a role or a session."""
        return self._replace(elsewhere=(), settings=(), denied=())

    def table(self, name: str) -> Table | None:
        """The table with this name, or None."""
        return next((table for table in self.tables if table.name == name), None)

    def with_table(self, table: Table) -> Schema:
        """A copy of the schema in which the table is added, or replaces the table with the same name."""
        kept = tuple(old for old in self.tables if old.name != table.name)
        return self._replace(tables=tuple(sorted(kept + (table,), key=lambda item: item.name)))

    def describe(self) -> str:
        """The schema as text with one object per line, for diffs."""
        return "".join(line + "\n" for table in self.tables for line in table.describe())

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain data, as modules return it."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """The schema that to_dict() converted to data. Raises ValueError for any other data."""
        try:
            tables = tuple(
                _create(
                    Table,
                    dict(
                        table,
                        columns=tuple(_create(Column, column) for column in table["columns"]),
                        constraints=tuple(_create(Constraint, dict(item, columns=_names(item["columns"]))) for item in table["constraints"]),
                        indexes=tuple(
                            _create(Index, dict(item, columns=_names(item["columns"]), included=_names(item.get("included", ())))) for item in table["indexes"]
                        ),
                        attachments=tuple(_create(Attachment, item) for item in table["attachments"]),
                    ),
                )
                for table in data["tables"]
            )
            elsewhere = tuple((name, schema) for name, schema in map(_names, data.get("elsewhere", ())))
            others: dict[str, Any] = {name: _names(data.get(name, ())) for name in ("creators", "overloads")}
            others.update((name, tuple(map(_names, data.get(name, ())))) for name in ("settings", "denied"))
            return _create(cls, dict(data, tables=tables, elsewhere=elsewhere, **others))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("this is not a schema that checkpoint_schema_info returned: %s" % error) from error


def _create(kind: type[T], data: Mapping[str, Any]) -> T:
    """kind(**data). Raises TypeError if a value does not have the type of its field."""
    item = kind(**data)
    for name, value in zip(item._fields, item):
        if not isinstance(value, FIELD_TYPES.get(kind.__annotations__[name].__forward_arg__, tuple)):
            raise TypeError("%s of a %s is a %s" % (name, kind.__name__.lower(), type(value).__name__))
    return item


def _names(values: Any) -> tuple[str, ...]:
    """A list of strings as a tuple. Raises TypeError for anything else."""
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise TypeError("found %r, expected a list of names" % (values,))
    return tuple(values)


def _plain(value: Any) -> Any:
    """The value with the tuples above replaced by dictionaries, and all other tuples by lists, at every level."""
    if hasattr(value, "_fields"):
        return {name: _plain(item) for name, item in zip(value._fields, value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
