# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds and checks the documentation: SITE.PY FOLDER. All files are created in FOLDER. A warning is an error."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "docsite" / "rst"
BLOCK = re.compile(r"^( *)\.\. code-block:: *(\S*)\n((?:\1 +:.*\n)*)\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
URL = re.compile(r"\bhttps?://[^\s`>\"')]+")


def run(*command, **keywords):
    """Run a program that is installed next to this Python. A failure ends the build. The program's options must make warnings failures."""
    beside = Path(sys.executable).parent
    environment = dict(os.environ, PATH=os.pathsep.join([str(beside), os.environ["PATH"]]), ANSIBLE_COLLECTIONS_PATH=str(ROOT / "collections"))
    environment.pop("ANSIBLE_CONFIG", None)
    subprocess.run([str(beside / command[0]), *map(str, command[1:])], env=environment, check=True, **keywords)


def yaml_complaints(text):
    """The problems that yamllint finds with the project's own rules. A document must start with three dashes."""
    config = YamlLintConfig((ROOT / ".yamllint").read_text(encoding="utf-8").replace("ignore-from-file: .gitignore\n", ""))
    return [str(problem) for problem in linter.run(text, config)]


def bash_complaints(text):
    done = subprocess.run(["bash", "-n"], input=text, stderr=subprocess.PIPE, text=True, check=False)
    return done.stderr.splitlines()


def parsed(parse):
    """A check that reports only the error of a parser."""

    def complaints(text):
        try:
            parse(text)
        except (ValueError, configparser.Error) as problem:
            return [str(problem)]
        return []

    return complaints


# For each language of the code blocks, a function that returns the problems.
CHECKS = {
    "yaml": yaml_complaints,
    "bash": bash_complaints,
    "ini": parsed(lambda text: configparser.ConfigParser().read_string(text)),
    "json": parsed(json.loads),
    "python": parsed(lambda text: compile(text, "block", "exec")),
    "sql": lambda text: [] if text.rstrip().endswith(";") else ["the last statement does not end with a semicolon"],
    "text": lambda text: [],
}


def complaints_of(name, text):
    """All problems in a page's code blocks and addresses, as sentences. Only the form of external addresses is checked."""
    found = []
    blocks = list(BLOCK.finditer(text))
    if len(blocks) != text.count(".. code-block::"):
        found.append("%s: a code block has no language, or is not followed by an empty line" % name)
    for block in blocks:
        place = "%s:%d" % (name, text.count("\n", 0, block.start()) + 1)
        if block[2] not in CHECKS:
            found.append("%s: no check for code in %r, expected one of %s" % (place, block[2], ", ".join(CHECKS)))
            continue
        found += ["%s: %s" % (place, problem) for problem in CHECKS[block[2]](textwrap.dedent(block[4]).strip("\n") + "\n")]
    for address in URL.findall(text):
        parts = urlsplit(address)
        if parts.scheme != "https" or "." not in parts.netloc:
            found.append("%s: %s is not a valid address, expected https://HOST.DOMAIN/" % (name, address))
    return found


def unlisted():
    """Pages that extra-docs.yml does not list, and entries without a page."""
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    listed = {name for section in sections for name in section["toctree"]}
    return ["%s is in only one of extra-docs.yml and docs/docsite/rst" % name for name in sorted(listed ^ {page.stem for page in PAGES.glob("*.rst")})]


def main():
    folder = Path(sys.argv[1]).resolve()
    pages = sorted(PAGES.glob("*.rst"))
    found = unlisted() + [line for page in pages for line in complaints_of(page.name, page.read_text(encoding="utf-8"))]
    if found:
        print("\n".join(found))
        return 1
    written = folder / "rst"
    written.mkdir(parents=True, exist_ok=True)
    written.chmod(0o755)
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "--validate-collection-refs", "self", ROOT)
    config = ROOT / "docs" / "antsibull-docs.cfg"
    options = ("--cleanup", "everything", "--use-current", "--squash-hierarchy", "--fail-on-error")
    run("antsibull-docs", "--config-file", config, "collection", *options, "--dest-dir", written, "stateops.langgraph", cwd=folder)
    run("sphinx-build", "-q", "-E", "-W", "--keep-going", "-n", "-b", "html", "-c", ROOT / "docs", "-d", folder / "doctrees", written, folder / "html")
    print("%d pages from docs/docsite/rst, %d pages in total: %s" % (len(pages), len(list((folder / "html").rglob("*.html"))), folder / "html" / "index.html"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
