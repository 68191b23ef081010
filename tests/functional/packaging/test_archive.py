# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive that users install: its contents, and that it runs without the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
import yaml
from copy_tree import copy_to, files
from runner import program
from servers import os_user

ROOT = Path(__file__).resolve().parents[3]
# All files that the archive may contain. A new kind of file must be added here.
WANTED = re.compile(
    r"MANIFEST\.json|FILES\.json|COPYING|(README|CHANGELOG|CONTRIBUTING|SECURITY|MAINTAINERS|CODE_OF_CONDUCT)\.md"
    r"|docs/report\.png|docs/docsite/(config|extra-docs|links)\.yml|docs/docsite/rst/\w+\.rst"
    r"|meta/(runtime|execution-environment)\.yml|meta/ee-(requirements|bindep)\.txt"
    r"|changelogs/(config|changelog)\.yaml|changelogs/fragments/[\w.-]+\.yml"
    r"|plugins/((action|doc_fragments|filter|modules|plugin_utils)|module_utils/_\w+)/\w+\.py"
    r"|roles/\w+/README\.md|roles/\w+/(defaults|files|handlers|meta|tasks|templates|vars)/[\w.-]+"
    r"|playbooks/[\w./-]+"
)
# Files that a used checkout contains.
LITTER = [
    ".ansible/cache",
    ".build/test/pyvenv.cfg",
    ".ci/log",
    ".venv/pyvenv.cfg",
    "CHANGELOG.md.orig",
    "bench/results.json",
    "docs/_build/index.html",
    "docs/docsite/rst/.quick_start.rst.swp",
    "docs/docsite/rst/quick_start.rst~",
    "plugins/module_utils/_schema/__pycache__/model.cpython-311.pyc",
    "plugins/modules/.checkpoint_schema.py.swp",
    "plugins/modules/checkpoint_schema.py~",
    "roles/database/.cache/facts",
    "roles/database/tasks/main.yml.rej",
    "stateops-langgraph-0.0.9.tar.gz",
    "tests/output/junit.xml",
    "playbooks/provision.retry",
    "report/app1.json",
    "playbooks/run.log",
]


def ansible(*command, folder, env=None, rc=0):
    """Run one of Ansible's programs in `folder`, where this checkout cannot be found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        HOME=str(folder / "home"),
        ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"),
        ANSIBLE_NOCOLOR="1",
        # A collection contains no ansible.cfg: its user enables pipelining.
        ANSIBLE_PIPELINING="1",
        **(env or {}),
    )
    done = subprocess.run(
        [program(command[0]), *map(str, command[1:])],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == rc, "%s\n%s\n%s" % (" ".join(map(str, command)), done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def folder():
    """A short path, because the path of a socket is limited to 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="lg", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def archive(folder):
    """Built from a checkout that also contains everything that must not be in the archive."""
    checkout = copy_to(folder / "checkout")
    for name in LITTER:
        litter = checkout / name
        litter.parent.mkdir(parents=True, exist_ok=True)
        litter.write_text("litter\n", encoding="utf-8")
    (folder / "home").mkdir()
    ansible("ansible-galaxy", "collection", "build", "--output-path", folder, checkout, folder=folder)
    shutil.rmtree(checkout)
    built = list(folder.glob("*.tar.gz"))
    assert len(built) == 1
    return built[0]


@pytest.fixture(scope="module")
def names(archive):
    with tarfile.open(archive) as opened:
        return [member.name for member in opened.getmembers() if not member.isdir()]


@pytest.fixture(scope="module")
def installed(archive, folder):
    """The only copy of the collection that Ansible can find in `folder`. Its dependencies are checked, and nothing is downloaded."""
    ansible("ansible-galaxy", "collection", "install", "--offline", "-p", folder / "collections", archive, folder=folder)
    return folder / "collections" / "ansible_collections" / "stateops" / "langgraph"


def test_the_archive_contains_no_other_files(names):
    assert [name for name in names if not WANTED.fullmatch(name)] == []


def test_the_archive_contains_all_required_files(names):
    sources = ("meta/", "playbooks/", "plugins/", "roles/", "changelogs/", "docs/docsite/")
    needed = {name for name in files() if name.startswith(sources) or "/" not in name and name.endswith(".md")} | {"COPYING"}
    assert needed - set(names) == set()


def test_links_in_the_readme_refer_to_files_in_the_archive(names):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {target.partition("#")[0] for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)}
    assert linked and linked - set(names) == set()


def test_metadata(archive):
    with tarfile.open(archive) as opened:
        info = json.load(opened.extractfile("MANIFEST.json"))["collection_info"]
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert info["version"] == galaxy["version"]
    assert info["license"] == ["GPL-3.0-or-later"]
    assert list(info["dependencies"]) == ["community.postgresql"]
    for address in ("documentation", "homepage", "issues"):
        assert info[address].startswith(galaxy["repository"]), address


def test_documentation(installed, folder):
    modules = sorted("stateops.langgraph." + path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
    assert modules
    documents = json.loads(ansible("ansible-doc", "-t", "module", "--json", *modules, folder=folder))
    assert sorted(documents) == modules
    for name, document in documents.items():
        assert document["doc"]["filename"].startswith(str(installed)), name
        assert document["examples"] and document["return"], name


def test_roles_are_described(installed, folder):
    roles = sorted("stateops.langgraph." + path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
    documents = json.loads(ansible("ansible-doc", "-t", "role", "--json", *roles, folder=folder))
    assert sorted(documents) == roles
    for name, document in documents.items():
        assert document["path"].startswith(str(installed)), name
        assert "main" in document["entry_points"], name


def test_action_group(installed):
    runtime = yaml.safe_load((installed / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    connecting = [path.stem for path in (installed / "plugins" / "modules").glob("checkpoint_*.py")]
    assert sorted(runtime["action_groups"]["postgresql"]) == sorted(connecting)


def test_module_defaults_reach_the_module(installed, folder, target_venv):
    """A connection that is refused shows that the options of the group are applied, and that a module from the archive runs."""
    connection = {"login_host": "127.0.0.1", "login_port": 9, "login_user": "app", "login_db": "app", "virtualenv": str(target_venv)}
    tasks = [
        {"stateops.langgraph.checkpoint_schema_info": {}, "register": "result", "ignore_errors": True},
        {"ansible.builtin.debug": {"msg": "It said: {{ result.msg }}"}},
    ]
    defaults = {"group/stateops.langgraph.postgresql": connection}
    play = [{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]
    (folder / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False), encoding="utf-8")
    output = ansible("ansible-playbook", "play.yml", folder=folder)
    said = " ".join(output[output.index("It said:") :].split())
    assert "127.0.0.1" in said and "Connection refused" in said
    assert "Traceback" not in output


def recap(output):
    """The counts of the only host at the end of ansible-playbook's output."""
    line = [line for line in output.splitlines() if line.startswith("localhost ")][-1]
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


@pytest.fixture
def variables(installed, folder):
    """The embedded server and the application's virtualenv in a directory of the test. The server is always stopped at the end."""
    settings = {"embedded_postgres_root": str(folder / "server")}
    if not os.geteuid():
        # The test creates no account.
        settings["embedded_postgres_user"] = os_user().pw_name
    path = folder / "variables.yml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    yield "@%s" % path
    ansible("ansible-playbook", "stateops.langgraph.embedded_postgres", "-e", "@%s" % path, "-e", "embedded_postgres_state=stopped", folder=folder)


@pytest.mark.extended
def test_provision_from_the_archive(variables, folder):
    """The main job as a user of the archive runs it: once, again without a change, and then verified."""
    first = recap(ansible("ansible-playbook", "stateops.langgraph.provision", "-e", variables, folder=folder))
    assert first["changed"] > 0 and first["failed"] == 0
    again = ansible("ansible-playbook", "stateops.langgraph.provision", "-e", variables, folder=folder)
    assert recap(again)["changed"] == 0, again
    verified = ansible("ansible-playbook", "stateops.langgraph.verify", "-e", variables, folder=folder)
    assert recap(verified)["changed"] == 0, verified
    assert recap(verified)["ok"] > 0
