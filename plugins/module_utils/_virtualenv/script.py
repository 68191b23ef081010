# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that lists the packages of the Python that runs it, and the requirements that they do not satisfy."""

from __future__ import annotations

# Runs under the virtualenv's Python. Names and versions come from the names of the metadata directories, and only the
# metadata of required packages is opened: importlib.metadata would take longer than everything else together.
SCRIPT = r"""
import importlib.util, json, os, sys

asked = json.load(sys.stdin)
found = {}
for entry in reversed(sys.path):
    try:
        names = os.listdir(entry)
    except OSError:
        continue
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix in (".dist-info", ".egg-info") and "-" in stem:
            package, version = stem.split("-")[:2]
            key = package.replace("_", "-").replace(".", "-").lower()
            found[key] = (version, os.path.join(entry, name))
answer = {"version": list(sys.version_info[:3]), "packages": {key: found[key][0] for key in found}, "unsatisfied": []}


def missing(requirement, version, reason, parent=None):
    answer["unsatisfied"].append({"requirement": str(requirement), "found": version, "reason": reason, "required_by": parent})


def metadata(folder):
    for name in ("METADATA", "PKG-INFO"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if not line.strip():
                        return
                    if line.startswith("Requires-Dist:"):
                        yield line[14:].strip()
            return


def applies(requirement, extras):
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def check(text, parent, extras):
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if parent is None:
            answer["invalid"] = "%s: %s" % (text, " ".join(str(error).split()))
        return
    if not applies(requirement, extras):
        return
    key = canonicalize_name(requirement.name)
    version, folder = found.get(key, (None, None))
    if version is None:
        missing(requirement, None, "it is not installed", parent)
        return
    if not requirement.specifier.contains(version, prereleases=True):
        missing(requirement, version, "another version is installed", parent)
        return
    for wanted in sorted(requirement.extras | {""}):
        if (key, wanted) not in seen:
            seen.add((key, wanted))
            for line in metadata(folder):
                if wanted == "" or "extra" in line:  # for an extra, only the requirements that it adds
                    check(line, key, [wanted])


if asked:
    try:
        try:
            from packaging.requirements import InvalidRequirement, Requirement
            from packaging.utils import canonicalize_name
        except ImportError:
            from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
            from pip._vendor.packaging.utils import canonicalize_name
    except ImportError:
        for text in asked:
            missing(text, None, "the virtualenv contains neither packaging nor pip, and one of them is needed to check it")
    else:
        seen = set()
        for text in asked:
            check(text, None, [""])
try:
    with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as lines:
        answer["uv"] = any(line.split("=")[0].strip() == "uv" for line in lines)
except OSError:
    answer["uv"] = False
answer["ensurepip"] = importlib.util.find_spec("ensurepip") is not None
print(json.dumps(answer))
"""
