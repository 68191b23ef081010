# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv import contents


def site_packages(folder):
    return list(folder.glob("lib/python*/site-packages"))[0]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A virtualenv that contains only the pip that its Python installs."""
    folder = tmp_path_factory.mktemp("virtualenv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def install(base):
    """`install(name, version, *metadata lines)` writes a package's metadata to that virtualenv, as pip would. The metadata is removed after the test."""
    site = site_packages(base)
    made = []

    def put(name, version, *lines):
        folder = site / ("%s-%s.dist-info" % (name.replace("-", "_"), version))
        folder.mkdir()
        (folder / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", "Name: " + name, "Version: " + version, *lines, "", "Requires-Dist: of-the-long-text"])
        )
        made.append(folder)

    yield put
    for folder in made:
        (folder / "METADATA").unlink()
        folder.rmdir()


def unsatisfied(path, *requirements):
    result = contents.read(str(path), list(requirements))
    assert result["exists"], result["problem"]
    return [(each["requirement"], each["found"], each["required_by"]) for each in result["unsatisfied"]]


def test_an_existing_virtualenv(base, install):
    install("Some-Thing", "1.0")
    result = contents.read(str(base), [])
    assert result["exists"] and result["has_pip"] and not result["uv"] and result["problem"] == ""
    assert result["python_version"] == "%d.%d.%d" % sys.version_info[:3]
    assert result["packages"]["some-thing"] == "1.0" and "pip" in result["packages"]
    assert result["mode"] == "%04o" % (base.stat().st_mode & 0o7777)


@pytest.mark.parametrize(
    "asked, left",
    [
        ("thing==1.5", []),
        ("Thing>=1,<2", []),
        ("thing==1.4", [("thing==1.4", "1.5", None)]),
        ("other", [("other", None, None)]),
        ("other; python_version < '3'", []),
        ("thing @ https://example.org/thing.whl", []),
    ],
)
def test_versions(base, install, asked, left):
    install("thing", "1.5")
    assert unsatisfied(base, asked) == left


def test_a_release_candidate_counts_as_installed(base, install):
    install("thing", "2.0rc1")
    assert unsatisfied(base, "thing>=1") == []


def test_indirect_requirements(base, install):
    install("top", "1", "Requires-Dist: middle>=2", 'Requires-Dist: windows; sys_platform == "win32"')
    install("middle", "2.1", "Requires-Dist: bottom==3")
    assert unsatisfied(base, "top") == [("bottom==3", None, "middle")]


def test_extras(base, install):
    install("top", "1", 'Requires-Dist: fast; extra == "fast"', 'Requires-Dist: nested[deep]; extra == "all"')
    install("nested", "1", 'Requires-Dist: deepest<2; extra == "deep"')
    install("deepest", "2")
    assert unsatisfied(base, "top") == []
    assert unsatisfied(base, "top[fast]") == [('fast; extra == "fast"', None, "top")]
    assert unsatisfied(base, "top[all]") == [('deepest<2; extra == "deep"', "2", "nested")]


def test_packages_that_require_each_other(base, install):
    install("one", "1", "Requires-Dist: two")
    install("two", "1", "Requires-Dist: one")
    assert unsatisfied(base, "one") == []


def test_an_invalid_requirement(base):
    with pytest.raises(ModuleError, match="psycopg=3: .*psycopg.binary.==3.3.9"):
        contents.read(str(base), ["psycopg=3"])


def bare(folder):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def test_requirements_cannot_be_checked_without_pip(tmp_path):
    result = contents.read(str(bare(tmp_path / "bare")), ["thing"])
    assert result["exists"] and not result["has_pip"] and result["has_ensurepip"]
    assert "neither packaging nor pip" in result["unsatisfied"][0]["reason"]


def test_uv(tmp_path):
    folder = bare(tmp_path / "uv")
    with open(folder / "pyvenv.cfg", "a", encoding="utf-8") as config:
        config.write("uv = 0.9.1\n")
    assert contents.read(str(folder), [])["uv"] is True


def test_output_of_pth_files_is_ignored(tmp_path):
    folder = bare(tmp_path / "loud")
    (site_packages(folder) / "loud.pth").write_text("import sys; print('hello')\n")
    assert contents.read(str(folder), [])["exists"] is True


def test_no_virtualenv(tmp_path):
    gone = contents.read(str(tmp_path / "gone"), ["thing"])
    assert (gone["exists"], gone["problem"], gone["owner"]) == (False, "", None)
    assert [each["requirement"] for each in gone["unsatisfied"]] == ["thing"]
    (tmp_path / "empty").mkdir()
    empty = contents.read(str(tmp_path / "empty"), [])
    assert (empty["exists"], empty["problem"]) == (False, "") and empty["owner"] is not None


def other(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x").touch()
    return "a directory that contains something other than a virtualenv"


def a_file(tmp_path):
    (tmp_path / "f").touch()
    return "is not a directory"


def a_dangling_link(tmp_path):
    (tmp_path / "f").symlink_to(tmp_path / "gone")
    return "a symbolic link to a path that does not exist"


def a_python_that_is_gone(tmp_path):
    python = bare(tmp_path / "f") / "bin" / "python"
    python.unlink()
    python.symlink_to("/opt/gone/python")
    return "is a link to a Python that no longer exists"


def a_python_that_fails(tmp_path):
    python = bare(tmp_path / "f") / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\necho no libpython >&2\nexit 127\n")
    python.chmod(0o755)
    return r"does not run \(exit status 127\): no libpython"


@pytest.mark.parametrize("make", [other, a_file, a_dangling_link, a_python_that_is_gone, a_python_that_fails])
def test_an_unusable_virtualenv(tmp_path, make):
    problem = make(tmp_path)
    result = contents.read(str(tmp_path / "f"), ["thing"])
    assert result["exists"] is False
    assert re.search(problem, result["problem"]), result["problem"]
    assert result["unsatisfied"][0]["reason"] == result["problem"]


@pytest.mark.parametrize("name", ["", "bin", "pyvenv.cfg", "lib", "site", "site/late.pth"])
def test_what_others_can_write(tmp_path, name):
    folder = bare(tmp_path / "open")
    site = site_packages(folder)
    (site / "late.pth").touch()
    path = site if name == "site" else site / "late.pth" if name == "site/late.pth" else folder / name
    path.chmod(path.stat().st_mode | 0o020)
    result = contents.read(str(folder), [])
    assert [item.rstrip("/") for item in result["foreign_writable"]] == [str(path)]
    # root does not run code that other accounts can write. An ordinary user may use a virtualenv that the user owns.
    assert result["exists"] is (os.geteuid() != 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_reads_another_users_virtualenv_as_that_user(tmp_path):
    # Make pytest's directories accessible. There is one more level if pytest runs in several processes.
    for each in (tmp_path, *(folder for folder in tmp_path.parents if "pytest-" in str(folder))):
        each.chmod(0o755)
    folder = tmp_path / "theirs"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(folder)], check=True)
    seen = tmp_path / "seen"
    seen.touch()
    seen.chmod(0o666)
    (site_packages(folder) / "who.pth").write_text(
        "import os; open(%r, 'w').write('%%s %%s %%s' %% (os.getuid(), os.getgid(), 0 in os.getgroups()))\n" % str(seen)
    )
    subprocess.run(["chown", "-R", "--no-dereference", "nobody", str(folder)], check=True)
    result = contents.read(str(folder), [])
    assert result["exists"] and result["owner"] == "nobody", result["problem"]
    account = pwd.getpwnam("nobody")
    assert seen.read_text() == "%d %d False" % (account.pw_uid, account.pw_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can create another user's virtualenv")
def test_an_ordinary_user_does_not_enter_another_users_virtualenv(tmp_path, monkeypatch):
    folder = bare(tmp_path / "theirs")
    os.chown(folder, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = contents.read(str(folder), [])
    assert result["exists"] is False and "run the task as the owner or as root" in result["problem"]
