# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to langgraph-checkpoint-postgres: its version, its MIGRATIONS and its PostgresSaver."""

from __future__ import annotations

import ast
import contextlib
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expected import Step, step_of

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg import Connection

DISTRIBUTION = "langgraph-checkpoint-postgres"
SOURCE = "langgraph/checkpoint/postgres/base.py"
# The other distributions whose versions modules return.
BESIDE = ("langgraph-checkpoint", "langgraph-checkpoint-sqlite", "psycopg")


class Migration(NamedTuple):
    """One entry of MIGRATIONS. version: its index, as in the migrations table. step: its Step, or None. known: whether the contract contains it."""

    version: int
    sql: str
    step: Step | None = None
    known: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether the statement can run safely on a database that already has its effect."""
        text = " ".join(self.sql.split()).lower()
        return self.step is None or "if not exists" in text or self.step.kind == "nullable"


class Library(NamedTuple):
    """The installed langgraph-checkpoint-postgres."""

    version: str
    migrations: tuple[Migration, ...]

    @property
    def newest(self) -> int:
        """The highest version in the migrations table of a fully migrated database."""
        return len(self.migrations) - 1

    @property
    def steps(self) -> tuple[Step, ...]:
        """The Steps of the contract that this library takes."""
        return tuple(migration.step for migration in self.migrations if migration.step is not None)

    @property
    def unknown(self) -> list[int]:
        """The versions of migrations that the contract does not contain."""
        return [migration.version for migration in self.migrations if not migration.known]

    def to_dict(self) -> dict[str, str]:
        """The library as modules return it."""
        return {"name": DISTRIBUTION, "version": self.version}


def library() -> Library:
    """The installed Library. Raises PrerequisiteMissing if it is not installed, and ModuleError if it is too old."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise PrerequisiteMissing(
            "The library %s is not installed in %s. Install it: %s -m pip install %s" % (DISTRIBUTION, sys.prefix, sys.executable, DISTRIBUTION)
        ) from None
    statements = _statements(distribution)
    if not statements:
        raise ModuleError("%s %s has no list of migrations; version 1.0.1 or newer is required. Upgrade it." % (DISTRIBUTION, distribution.version))
    migrations = []
    for version, statement in enumerate(statements):
        try:
            migrations.append(Migration(version, statement, step_of(statement)))
        except KeyError:
            migrations.append(Migration(version, statement, None, known=False))
    return Library(distribution.version, tuple(migrations))


def versions_beside() -> dict[str, str | None]:
    """{distribution: version} for the distributions in BESIDE; the version is None if the distribution is not installed."""
    found: dict[str, str | None] = {}
    for name in BESIDE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _statements(distribution: metadata.Distribution) -> list[str]:
    """MIGRATIONS, a list of strings. Parsing the source file is ten times faster than importing LangGraph."""
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        with open(str(distribution.locate_file(SOURCE)), encoding="utf-8") as file:
            for node in ast.parse(file.read()).body:
                if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == ["MIGRATIONS"]:
                    statements = ast.literal_eval(node.value)
                    if all(isinstance(statement, str) for statement in statements):
                        return list(statements)
    return list(getattr(_saver_class(), "MIGRATIONS", ()))


def saver(connection: Connection[dict[str, Any]]) -> PostgresSaver:
    """LangGraph's PostgresSaver on a connection in autocommit mode with rows as dicts. Raises ModuleError if it cannot be imported."""
    return _saver_class()(connection)


def pruning_saver(connection: Connection[dict[str, Any]]) -> PostgresSaver:
    """The same as saver(). Raises ModuleError if the library has no prune()."""
    found = saver(connection)
    # The base class has a prune() that raises NotImplementedError.
    if "prune" not in vars(type(found)):
        raise ModuleError(
            "keep=latest needs %s 3.2.0 or newer, which brought PostgresSaver.prune(); %s is installed in %s. Upgrade it: %s -m pip install '%s>=3.2.0'"
            % (DISTRIBUTION, metadata.version(DISTRIBUTION), sys.prefix, sys.executable, DISTRIBUTION)
        )
    return found


def _saver_class() -> type[PostgresSaver]:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver
    except ImportError as error:
        raise ModuleError(
            "%s in %s cannot be imported: %s. Install it again: %s -m pip install --force-reinstall %s"
            % (DISTRIBUTION, sys.prefix, one_line(error), sys.executable, DISTRIBUTION)
        ) from None
    return PostgresSaver
