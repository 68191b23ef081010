# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the mutations of mutants.yml, one at a time and each in a copy of the checkout, and reports which of them the tests find.

Run it on a machine that can be discarded: if a guard in a playbook is removed, a test may set up PostgreSQL on this machine.
With LANGGRAPH_TEST_SCOPE=all, it reports what `make test-all` finds; otherwise, what `make test` finds.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from copy_tree import ROOT, copy_to

FAULTS = Path(__file__).with_suffix(".yml")
VERDICTS = FOUND, NOT_FOUND, UNDECIDED = "found", "not found", "undecided"
# Exit statuses of pytest: all tests passed, a test failed, no test was collected.
PASSED, FAILED, NONE = 0, 1, 5
# A file that cannot be collected does not count as a failed test.
FAILURE = re.compile(r"^(?:FAILED|ERROR) (tests/\S+?::.+?)(?: - .*)?$", re.M)


def load():
    """The list of mutations. Exits if a mutation's text does not occur in its file as often as expected, or if a selector matches no file."""
    faults = yaml.safe_load(FAULTS.read_text(encoding="utf-8"))
    names = collections.Counter(fault["name"] for fault in faults)
    wrong = ["%s: the name is used twice" % name for name in names if names[name] > 1]
    for fault in faults:
        path, expected = ROOT / fault["file"], fault.get("count", 1)
        found = path.read_text(encoding="utf-8").count(fault["find"]) if path.is_file() else 0
        if found != expected:
            wrong.append("%s: its text occurs in %s %d times, expected %d" % (fault["name"], fault["file"], found, expected))
        for selector in fault["tests"]:
            try:
                arguments(selector)
            except FileNotFoundError as error:
                wrong.append("%s: no test file %s" % (fault["name"], error))
    if wrong:
        raise SystemExit("\n".join(wrong))
    return faults


def arguments(selector):
    """A selector as arguments of pytest: the words before the first option are patterns below tests/."""
    words, result = shlex.split(selector), []
    options = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    for word in words[:options]:
        pattern, separator, test = word.partition("::")
        files = sorted((ROOT / "tests").glob(pattern))
        if not files:
            raise FileNotFoundError(pattern)
        result += ["%s%s%s" % (file.relative_to(ROOT), separator, test) for file in files]
    return result + words[options:]


class Copy:
    """A copy of the checkout, to which one mutation at a time is applied."""

    def __init__(self, folder, options):
        self.root, self.log, self.options = folder / "checkout", folder / "log", options
        copy_to(self.root)
        (self.root / ".build").mkdir()
        for name in {each.name for each in (ROOT / ".build").glob("*")} - {"pytest"}:
            (self.root / ".build" / name).symlink_to((ROOT / ".build" / name).resolve())
        # Some tests read the list of files from git.
        subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)

    def check(self, fault):
        """Apply a mutation, run its tests until one fails, and restore the file."""
        path, begin = self.root / fault["file"], time.monotonic()
        original = path.read_text(encoding="utf-8")
        try:
            path.write_text(original.replace(fault["find"], fault["put"]), encoding="utf-8")
            self._remove_bytecode()
            verdict, test = self._run(fault, begin + self.options.limit)
        finally:
            path.write_text(original, encoding="utf-8")
        return {"name": fault["name"], "verdict": verdict, "test": test, "seconds": round(time.monotonic() - begin)}

    def _remove_bytecode(self):
        """Python compares modification times in whole seconds, so bytecode of the original could hide a mutation of the same size."""
        for folder in list(self.root.rglob("__pycache__")):
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, fault, end):
        """(verdict, the first test that failed or the reason why there is no verdict)."""
        passed = False
        for selector in fault["tests"]:
            status = self._pytest(arguments(selector), end - time.monotonic())
            output = self.log.read_text(encoding="utf-8", errors="replace")
            failure = FAILURE.search(output)
            if status is None:
                return UNDECIDED, "more than %d s: %s" % (self.options.limit, selector)
            if status == FAILED and failure:
                return FOUND, failure.group(1)
            if status not in (PASSED, NONE):
                return UNDECIDED, "pytest ended with %d: %s" % (status, " ".join(output.split())[-200:])
            passed = passed or re.search(r"\b\d+ passed", output) is not None
        return (NOT_FOUND, "") if passed else (UNDECIDED, "no test ran")

    def _pytest(self, selected, seconds):
        """The exit status, or None after a timeout."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", *selected]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = dict(os.environ, PATH=path, PYTHONDONTWRITEBYTECODE="1")
        with self.log.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(command, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            try:
                return process.wait(max(0, seconds))
            except subprocess.TimeoutExpired:
                # If pytest is interrupted, it still stops the servers that it has started.
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(60)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return None


def save(path, faults, results):
    """Write the results as JSON, and as Markdown next to it: the counts of each part, then each mutation."""
    done = [(fault, results[fault["name"]]) for fault in faults if fault["name"] in results]
    path.write_text(json.dumps([result for _fault, result in done], indent=1) + "\n", encoding="utf-8")
    parts, rows = {}, []
    for fault, result in done:
        for part in (fault["name"].partition("/")[0], "all"):
            parts.setdefault(part, collections.Counter())[result["verdict"]] += 1
        rows.append((fault["name"], fault["kind"], fault["file"], result["verdict"], result["seconds"], result["test"].replace("|", "\\|")))
    counts = [(part, *(counter[verdict] for verdict in VERDICTS)) for part, counter in sorted(parts.items(), key=lambda item: item[0] == "all")]
    tables = (("part", *VERDICTS), counts), (("mutation", "kind", "file", "verdict", "seconds", "first test that failed, or why there is no verdict"), rows)
    rows = [row for head, body in tables for row in (head, ["---"] * len(head), *body, None)]
    path.with_suffix(".md").write_text("".join("| %s |\n" % " | ".join(map(str, row)) if row else "\n" for row in rows), encoding="utf-8")


def compare(before, results):
    """Print how many of the mutations that an earlier run found are still found, and list the others."""
    once = [name for name, result in before.items() if result["verdict"] == FOUND and name in results]
    lost = [name for name in once if results[name]["verdict"] != FOUND]
    print("found before: %d, of these found now: %d (%.1f %%)" % (len(once), len(once) - len(lost), 100 - 100 * len(lost) / max(1, len(once))))
    for name in lost:
        print("  %s: %s" % (name, results[name]["verdict"]))


def read(path):
    return {each["name"]: each for each in json.loads(path.read_text(encoding="utf-8"))} if path and path.exists() else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], help="names of mutations, or prefixes of names")
    parser.add_argument("--jobs", type=int, default=1, help="number of mutations tested at the same time, each in its own copy")
    parser.add_argument("--limit", type=float, default=300, help="time limit in seconds for the tests of one mutation")
    parser.add_argument(
        "--output", type=Path, help="a JSON file for the results; a .md file is written next to it, and results of other mutations in it are kept"
    )
    parser.add_argument("--resume", action="store_true", help="skip mutations that are already in the output")
    parser.add_argument("--compare", type=Path, help="the JSON file of an earlier run")
    options = parser.parse_args()
    faults, results, copies = load(), read(options.output), queue.SimpleQueue()
    skipped = results if options.resume else ()
    chosen = [fault for fault in faults if fault["name"].startswith(tuple(options.only)) and fault["name"] not in skipped]

    def check(fault):
        copy = copies.get()
        try:
            return copy.check(fault)
        finally:
            copies.put(copy)

    with tempfile.TemporaryDirectory(prefix="mutants") as scratch, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Some tests read the checkout as another user.
        os.chmod(scratch, 0o755)
        for number in range(options.jobs):
            copies.put(Copy(Path(scratch) / str(number), options))
        for done in concurrent.futures.as_completed([pool.submit(check, fault) for fault in chosen]):
            result = done.result()
            results[result["name"]] = result
            print("%(verdict)-9s %(seconds)4d s  %(name)-50s %(test)s" % result, flush=True)
            if options.output:
                save(options.output, faults, results)
    if options.compare:
        compare(read(options.compare), results)


if __name__ == "__main__":
    main()
