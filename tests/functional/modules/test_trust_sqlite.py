# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root reads a SQLite file in a directory of the application, which replaces the file by links to other files, and its companions by FIFOs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from assertions import assert_refused, assert_succeeded
from import_runs import run
from langgraph.checkpoint.sqlite import SqliteSaver
from servers import opened, os_user
from sqlite_threads import many, put, saved

pytestmark = pytest.mark.newest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights that another account lacks")
THREADS = "SELECT DISTINCT thread_id FROM checkpoints ORDER BY 1"


@pytest.fixture
def secret(tmp_path):
    """A file that only root can read, in a directory that only root can enter."""
    opened(tmp_path)
    vault = tmp_path / "vault"
    vault.mkdir(mode=0o700)
    with SqliteSaver.from_conn_string(str(vault / "secret.sqlite")) as saver:
        put(saver, "secret", {"a": ["private"]})
    (vault / "secret.sqlite").chmod(0o600)
    return vault / "secret.sqlite"


@pytest.fixture
def folder(tmp_path):
    """A directory of the application's account."""
    made = tmp_path / "app"
    made.mkdir()
    give(made)
    return made


def give(*paths):
    for path in paths:
        os.lchown(path, os_user().pw_uid, os_user().pw_gid)


def link_to_file(folder, secret):
    (folder / "checkpoints.sqlite").symlink_to(secret)
    return folder / "checkpoints.sqlite"


def link_to_directory(folder, secret):
    (folder / "data").symlink_to(secret.parent)
    return folder / "data" / secret.name


def hard_link(folder, secret):
    """With protected_hardlinks, as most systems have it, the account itself cannot create this link."""
    os.link(secret, folder / "checkpoints.sqlite")
    return folder / "checkpoints.sqlite"


@as_root
@pytest.mark.parametrize("attack", [link_to_file, link_to_directory, hard_link])
def test_a_link_of_the_application_does_not_lead_root_to_other_files(ready, call_module, folder, secret, attack):
    path = attack(folder, secret)
    for check in (False, True):
        assert_refused(run(call_module, ready, path, check=check), path.name, "rights of the account", "Permission denied", databases=[ready])
        assert_refused(call_module("checkpoint_schema_info", ready.login(sqlite_path=str(path)), check=check), "Permission denied", databases=[ready])
    assert ready.execute(THREADS, role=ready.app) == []
    # The control: in a directory of root's, root follows the same link, and the application's role can then read the other file's thread.
    os.chown(folder, 0, 0)
    assert_succeeded(run(call_module, ready, path), ready)
    assert ready.execute(THREADS, role=ready.app) == [("secret",)]


@as_root
def test_a_link_that_another_account_can_replace(ready, call_module, folder, secret):
    """Root's own link in a directory that a group can write: root does not follow it, since it can be replaced after the check."""
    path = link_to_file(folder, secret)
    os.chown(folder, 0, os_user().pw_gid)
    folder.chmod(0o775)
    assert_refused(run(call_module, ready, path), "other than root can write to the directory", str(folder), databases=[ready])
    assert ready.execute(THREADS) == []


@as_root
def test_the_applications_own_file(ready, start_module, call_module, runner, folder, tmp_path):
    """Root imports it with two processes, through a link of root's as well, while the application writes to it. SQLite creates no file of root's."""
    opened(tmp_path)
    path = folder / "checkpoints.sqlite"
    many(path, threads=100)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("DELETE FROM checkpoints WHERE thread_id = 'thread 099'")
        connection.commit()
        path.chmod(0o600)
        give(*folder.iterdir())
        (tmp_path / "link").symlink_to(folder)
        done = assert_succeeded(run(call_module, ready, tmp_path / "link" / path.name, workers=2, batch_size=10), ready)
        assert done["threads"]["written"] == 100 and not any("workers" in text for text in done.get("warnings", ()))
        connection.execute("DELETE FROM checkpoints")
    connection.close()
    for each in folder.iterdir():
        assert each.stat().st_uid == os_user().pw_uid, each
    # Ansible's own files are in a directory that only root can enter.
    assert_succeeded(runner.through_ansible("checkpoint_import", ready.login(ready.app, sqlite_path=str(path), workers=2)), ready)


@as_root
def test_a_link_to_the_applications_file_with_a_wal(ready, call_module, folder, tmp_path):
    """The -wal is beside the file, not beside the link."""
    opened(tmp_path)
    path = folder / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "a", {"a": [1]})
        assert (folder / "checkpoints.sqlite-wal").stat().st_size
        give(*folder.iterdir())
        (tmp_path / "link.sqlite").symlink_to(path)
        assert_succeeded(run(call_module, ready, tmp_path / "link.sqlite"), ready)
    assert ready.execute(THREADS) == [("a",)]


READ = "import sqlite3, sys; sqlite3.connect('file:%s?mode=ro' % sys.argv[1], uri=True).execute('SELECT * FROM checkpoints').fetchall()"


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
def test_a_companion_that_is_a_fifo(ready, call_module, tmp_path, suffix):
    path = saved(tmp_path / "checkpoints.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = %s" % ("delete" if suffix == "-journal" else "wal"))
    connection.close()
    os.mkfifo(str(path) + suffix)
    for outcome in (
        run(call_module, ready, path),
        call_module("checkpoint_schema_info", ready.login(sqlite_path=str(path))),
        call_module("checkpoint_verify", ready.login(ready.app, sqlite_path=str(path))),
    ):
        assert_refused(outcome, "checkpoints.sqlite%s is not a regular file" % suffix, "Remove it", databases=[ready])
    if suffix == "-journal":  # the control: SQLite waits for a writer
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run([sys.executable, "-c", READ, str(path)], timeout=3, check=True)
    os.unlink(str(path) + suffix)
    shutil.copy(path, tmp_path / "copy.sqlite")
    assert_succeeded(run(call_module, ready, path), ready)
