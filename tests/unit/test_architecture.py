# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the table of packages in the page on architecture with the imports in plugins/module_utils."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import graphlib
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "architecture.rst"
MODULE_UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.stateops.langgraph.plugins.module_utils"
TITLE = ".. list-table:: Packages in plugins/module_utils\n"


def documented(page):
    """{package: (packages, libraries)} as the table lists them."""
    table = page.partition(TITLE)[2]
    table = re.split(r"^(?=\S)", table, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [re.split(r"^     - ", row, flags=re.MULTILINE) for row in re.split(r"^   \* - ", table, flags=re.MULTILINE)[1:]]
    assert rows and rows[0][0].strip() == "Package" and {len(row) for row in rows} == {4}, "the table has no header, or a row has no four cells"
    found = {}
    for row in rows[1:]:
        (package,), packages, libraries = names(row[0]), names(row[2]), names(row[3])
        assert package not in found, "%s has two rows" % package
        found[package] = packages, libraries
    return found


def names(cell):
    """The names in a cell: literals separated by commas, or the word none."""
    if cell.strip() == "none":
        return set()
    found = re.findall(r"``(\w+)``", cell)
    assert ", ".join("``%s``" % name for name in found) == cell.strip(), "%r is not a list of names" % cell
    return set(found)


def imports(source, package):
    """(packages, libraries) that a file of the package imports when it runs, wherever the import is."""
    packages, libraries = set(), set()
    tree = ast.parse(source)
    # Imports that only a type checker executes.
    unread = {
        each
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for each in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in unread:
            continue
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import in line %d" % node.lineno
            modules = [node.module]
            if node.module == PREFIX:
                modules = ["%s.%s" % (PREFIX, alias.name) for alias in node.names]
        else:
            continue
        for module in modules:
            if module.startswith(PREFIX + "."):
                packages.add(module[len(PREFIX) + 1 :].partition(".")[0])
            else:
                libraries.add(module.partition(".")[0])
    return packages - {package}, libraries - set(sys.stdlib_module_names)


def test_the_table_lists_exactly_the_imports():
    found = {folder.name: (set(), set()) for folder in MODULE_UTILS.iterdir() if any(folder.glob("*.py"))}
    for path in sorted(MODULE_UTILS.rglob("*.py")):
        package = path.relative_to(MODULE_UTILS).parts[0]
        packages, libraries = imports(path.read_text(encoding="utf-8"), package)
        found[package][0].update(packages)
        found[package][1].update(libraries)
    assert documented(PAGE.read_text(encoding="utf-8")) == found


def test_there_is_no_cycle():
    table = documented(PAGE.read_text(encoding="utf-8"))
    graphlib.TopologicalSorter({package: packages for package, (packages, _libraries) in table.items()}).prepare()


@pytest.mark.parametrize(
    "source, expected",
    [
        ("from %s._core.errors import ModuleError" % PREFIX, ({"_core"}, set())),
        ("from %s import _core" % PREFIX, ({"_core"}, set())),
        ("import %s._core.errors" % PREFIX, ({"_core"}, set())),
        ("def late():\n    from langgraph.checkpoint.postgres import PostgresSaver", (set(), {"langgraph"})),
        ("try:\n    import psycopg\nexcept ImportError:\n    psycopg = None", (set(), {"psycopg"})),
        ("if TYPE_CHECKING:\n    import psycopg", (set(), set())),
        ("import os.path\nfrom %s._schema.model import Table" % PREFIX, (set(), set())),
    ],
)
def test_every_form_of_import_is_found(source, expected):
    assert imports(source, "_schema") == expected


def test_the_functions_and_files_that_the_page_names_exist():
    page = PAGE.read_text(encoding="utf-8")
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "plugins").rglob("*.py"))
    functions = {name.rpartition(".")[2] for name in re.findall(r"``([\w.]+)\(\)``", page)} - {"setup"}  # the library's own
    assert functions and [name for name in sorted(functions) if not re.search(r"def %s\b" % name, code)] == []
    files = set(re.findall(r"``([\w./-]+/[\w.*-]+)``", page))
    places = (ROOT, MODULE_UTILS, *(ROOT / "roles").iterdir())
    assert files and [name for name in sorted(files) if not any(any(place.glob(name)) for place in places)] == []
