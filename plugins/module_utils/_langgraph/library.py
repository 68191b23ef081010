# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to LangGraph: its version, its MIGRATIONS, its setup(), and the lock around it."""

from __future__ import annotations

import ast
import contextlib
import sys
from dataclasses import dataclass

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import step_of

try:
    from importlib import metadata
except ImportError:  # Python 3.7 and older never get here; the virtualenv is checked first
    metadata = None

DISTRIBUTION = "langgraph-checkpoint-postgres"
SOURCE = "langgraph/checkpoint/postgres/base.py"
# What else the tables and the way to them depend on.
BESIDE = ("langgraph-checkpoint", "langgraph-checkpoint-sqlite", "psycopg")


@dataclass(frozen=True)
class Migration:
    """One entry of MIGRATIONS. version: its place, as the ledger records it. step: its Step, or None. known: the contract has it."""

    version: int
    sql: str
    step: object = None
    known: bool = True

    @property
    def repeatable(self):
        """Whether running it on a database that has its effect does no harm."""
        text = " ".join(self.sql.split()).lower()
        return self.step is None or "if not exists" in text or self.step.kind == "nullable"


@dataclass(frozen=True)
class Library:
    """The installed langgraph-checkpoint-postgres."""

    version: str
    migrations: tuple

    @property
    def newest(self):
        """The version that a fully migrated ledger records."""
        return len(self.migrations) - 1

    @property
    def steps(self):
        """The contract's Steps that this library takes."""
        return tuple(migration.step for migration in self.migrations if migration.step is not None)

    @property
    def unknown(self):
        """The numbers of migrations that the contract does not know."""
        return [migration.version for migration in self.migrations if not migration.known]

    def to_dict(self):
        """As modules return it."""
        return {"name": DISTRIBUTION, "version": self.version}


def library():
    """The installed Library. Raises PrerequisiteMissing where there is none, ModuleError where it is too old."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise PrerequisiteMissing(
            "The library %s is not installed in %s. Install it: %s -m pip install %s" % (DISTRIBUTION, sys.prefix, sys.executable, DISTRIBUTION)
        ) from None
    statements = _statements(distribution)
    if not statements:
        raise ModuleError("%s %s has no list of migrations; 1.0.1 or newer is needed. Upgrade it." % (DISTRIBUTION, distribution.version))
    migrations = []
    for version, statement in enumerate(statements):
        try:
            migrations.append(Migration(version, statement, step_of(statement)))
        except KeyError:
            migrations.append(Migration(version, statement, None, known=False))
    return Library(distribution.version, tuple(migrations))


def versions_beside():
    """Distributions beside the library to their versions, None for one that is not installed."""
    found = {}
    for name in BESIDE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _statements(distribution):
    """MIGRATIONS. It is a list of strings in the source: reading it there saves the import of LangGraph, ten times as long."""
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        with open(str(distribution.locate_file(SOURCE)), encoding="utf-8") as file:
            for node in ast.parse(file.read()).body:
                if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == ["MIGRATIONS"]:
                    statements = ast.literal_eval(node.value)
                    if all(isinstance(statement, str) for statement in statements):
                        return list(statements)
    return list(getattr(_saver_class(), "MIGRATIONS", ()))


def saver(connection):
    """LangGraph's PostgresSaver on a connection that is in autocommit mode with rows as dicts. Raises ModuleError where it does not import."""
    return _saver_class()(connection)


def _saver_class():
    try:
        from langgraph.checkpoint.postgres import PostgresSaver
    except ImportError as error:
        raise ModuleError(
            "%s in %s does not import: %s. Install it again: %s -m pip install --force-reinstall %s"
            % (DISTRIBUTION, sys.prefix, one_line(error), sys.executable, DISTRIBUTION)
        ) from None
    return PostgresSaver
