# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role embedded_postgres, as root and as an ordinary user, through ansible-playbook."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from runner import play_forked

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = ROOT / "playbooks" / "embedded_postgres.yml"
INSPECT = ROOT / "roles" / "embedded_postgres" / "files" / "inspect.sh"
TOOLS = Path(sys.executable).parent
# Accounts that only this run uses: another run on this machine removes its own accounts.
SERVER_USER = "lgtest-server-%d" % os.getpid()
PERSON = "lgtest-person-%d" % os.getpid()
UNBORN = "lgtest-unborn-%d" % os.getpid()

numbers = itertools.count()
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Run:
    """The output of one ansible-playbook process."""

    def __init__(self, code, output):
        self.rc = code
        self.output = output
        # Long messages are wrapped.
        self.text = " ".join(output.split())
        recap = re.search(r"ok=\d+ +changed=(\d+) +unreachable=\d+ +failed=(\d+)", output)
        self.changed = int(recap.group(1)) if recap else None

    def passed(self, changed=None):
        assert self.rc == 0, self.output
        if changed is not None:
            assert self.changed == changed, self.output
        return self

    def changing(self):
        assert self.rc == 0 and self.changed > 0, self.output
        return self

    def refused(self, *parts):
        assert self.rc == 2, self.output
        assert "Traceback" not in self.output
        for part in parts:
            assert part in self.text, self.output
        return self


class Host:
    """This machine as one user sees it, with one embedded server."""

    def __init__(self, home, root=None, account=None, **settings):
        self.home = Path(home)
        self.account = account or pwd.getpwuid(os.geteuid())
        self.root = Path(root) if root else self.home / ".local" / "share" / "stateops-langgraph"
        self.settings = dict(settings)
        self.tools = TOOLS
        self.path = os.environ["PATH"]
        if root:
            self.settings["embedded_postgres_root"] = str(root)

    def __getattr__(self, name):
        if name in ("data", "run", "log"):
            return self.root / name
        raise AttributeError(name)

    @property
    def identity(self):
        if self.account.pw_uid == os.geteuid():
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def environment(self, more=None):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PG"))}
        env.update(HOME=str(self.home), PATH=self.path, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1", LANG="C.UTF-8")
        env.update(more or {})
        env.pop("LOGNAME", None)
        return env

    def execute(self, command, env=None, **kwargs):
        return subprocess.run(
            [str(part) for part in command],
            check=False,
            env=self.environment(env),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            **self.identity,
            **kwargs,
        )

    def play(self, *flags, playbook=PLAYBOOK, umask=-1, env=None, prefix=(), **settings):
        values = {"embedded_postgres_" + key: value for key, value in settings.items()}
        variables = json.dumps(dict(self.settings, **values))
        with tempfile.NamedTemporaryFile("w", dir=self.home, suffix=".json") as file:
            file.write(variables)
            file.flush()
            os.chmod(file.name, 0o644)
            arguments = [str(playbook), "-e", "@" + file.name, *flags]
            if not self.identity and not prefix:
                return Run(*play_forked(arguments, self.environment(env), self.home, umask))
            done = self.execute([*prefix, self.tools / "python", "-m", "ansible", "playbook", *arguments], umask=umask, env=env)
            return Run(done.returncode, done.stdout)

    @property
    def binaries(self):
        venv = Path(self.settings.get("embedded_postgres_virtualenv", self.root / "venv"))
        return next(venv.glob("lib/python3*/site-packages/embedded_postgres/pginstall/bin"))

    def psql(self, sql, role="postgres"):
        return self.execute([self.binaries / "psql", "-XAtq", "-w", "-h", self.run, "-U", role, "-d", "postgres", "-c", sql])

    def ask(self, sql, role="postgres"):
        done = self.psql(sql, role)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    @property
    def owner(self):
        """The user that the data belongs to, for subprocess."""
        account = pwd.getpwuid(self.data.stat().st_uid)
        return {} if account.pw_uid == os.geteuid() else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def control(self, *arguments):
        """pg_ctl: quicker than the role where a test only prepares something."""
        subprocess.run([str(self.binaries / "pg_ctl"), "-s", "-w", "-D", str(self.data), *arguments], cwd="/", check=True, **self.owner)

    @property
    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self):
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path("/proc/%d" % pid).exists() or "zombie" in Path("/proc/%d/status" % pid).read_text())

    def snapshot(self):
        """Everything that a run could change, without what the server itself changes."""
        found = {}
        for path in sorted([self.root, *self.root.rglob("*")]):
            if self.data in path.parents and path.parent != self.data or self.log in path.parents:
                continue
            state = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (state.st_mode, state.st_uid, content)
        return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited %s s in vain" % seconds
        time.sleep(0.05)


def exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="module")
def base():
    """A directory that everyone may enter, with a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="lge", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    # Every server that a test left running, by its process id.
    for lock in folder.rglob("postmaster.pid"):
        try:
            pid = int(lock.read_text().split()[0])
            if Path(os.readlink("/proc/%d/cwd" % pid)) == lock.parent:
                os.kill(pid, signal.SIGQUIT)
                wait_for(lambda pid=pid: not Path("/proc/%d/cwd" % pid).exists())
        except (OSError, ValueError, IndexError):
            continue
    shutil.rmtree(folder, ignore_errors=True)
    if os.geteuid() == 0:
        for name in (SERVER_USER, PERSON):
            if exists(name):
                subprocess.run(["userdel", name], check=False)


@pytest.fixture(scope="module")
def main(base):
    """A server that most tests share. It is root's if root runs the tests. It is created here, with a restrictive umask."""
    settings = {"embedded_postgres_user": SERVER_USER} if os.geteuid() == 0 else {}
    host = Host(base, base / "main", **settings)
    host.first_check = host.play("--check", "--diff")
    host.after_check = (host.root.exists(), exists(SERVER_USER))
    host.first = host.play("--diff", umask=0o077)
    return host


@pytest.fixture
def another(main, base):
    """A separate server that shares the programs. It is not started yet."""
    name = "s%d" % next(numbers)
    return Host(base, base / name, **dict(without_root(main), embedded_postgres_virtualenv=str(main.root / "venv")))


@pytest.fixture(scope="module")
def person(base):
    """A user without special privileges, with a separate home directory."""
    if os.geteuid():
        home = base / "home"
        home.mkdir()
        return Host(home)
    home = base / "home"
    if not exists(PERSON):
        subprocess.run(["useradd", "--home-dir", str(home), "--create-home", "--shell", "/bin/sh", PERSON], check=True)
    home.chmod(0o700)
    host = Host(home, account=pwd.getpwnam(PERSON))
    host.path = "/usr/local/bin:/usr/bin:/bin"
    packages = Path(sysconfig.get_path("purelib"))
    if host.execute(["test", "-r", packages / "ansible", "-a", "-r", PLAYBOOK]).returncode:
        pytest.skip("%s cannot read %s or %s" % (PERSON, packages, PLAYBOOK))
    try:
        runs = host.execute([TOOLS / "python", "-c", ""]).returncode == 0
    except PermissionError:
        runs = False
    if not runs:
        # The Python that runs the tests is in a home directory, so this is the system's Python with the same packages.
        python = "/usr/bin/python%d.%d" % sys.version_info[:2]
        if not Path(python).exists():
            pytest.skip("%s cannot run %s, and there is no %s" % (PERSON, TOOLS / "python", python))
        subprocess.run([python, "-m", "venv", "--without-pip", str(base / "tools")], check=True)
        (next((base / "tools").glob("lib/python*/site-packages")) / "tools.pth").write_text("%s\n" % packages)
        host.tools = base / "tools" / "bin"
    return host


def without_root(host):
    return {key: value for key, value in host.settings.items() if key != "embedded_postgres_root"}


def test_check_mode_on_a_bare_host_predicts_and_writes_nothing(main):
    assert main.after_check == (False, False)
    main.first_check.changing()
    main.first.changing()
    assert main.first_check.changed == main.first.changed
    assert differences(main.first_check) == differences(main.first)


def differences(run):
    """Without owner and mode, which ansible.builtin.file shows only if it creates the directory and then sets them."""
    lines = [line for line in run.output.splitlines() if line.startswith(("+", "-"))]
    return [line for line in lines if not re.match(r"[+-] +(mode|owner|group):", line)]


def test_a_second_run_changes_nothing(main):
    before = main.snapshot()
    main.play("--diff").passed(changed=0)
    main.play("--check", "--diff").passed(changed=0)
    assert main.snapshot() == before


def test_nothing_of_the_caller_reaches_the_server_or_the_inspection(main):
    main.play(env={"PGHOST": "nowhere", "PGPORT": "1", "PGDATA": "/nowhere", "PGSERVICE": "x", "PGOPTIONS": "-c x=y"}).passed(changed=0)


def test_only_the_socket_leads_in(main):
    assert main.ask("SHOW listen_addresses") == ""
    assert "trust" not in (main.data / "pg_hba.conf").read_text()
    for folder in (main.data, main.run, main.log):
        assert folder.stat().st_mode & 0o7777 == 0o700
    assert "Peer authentication failed" in main.psql("SELECT 1", "somebody").stdout
    # The user name map accepts this role. Then the server reports that the role does not exist.
    assert 'role "langgraph_app" does not exist' in main.psql("SELECT 1", "langgraph_app").stdout
    # As the server's user: in a container, root may not inspect the processes of other users.
    listed = subprocess.run(["ls", "-l", "/proc/%d/fd" % main.pid], stdout=subprocess.PIPE, text=True, check=True, **main.owner)
    inodes = set(re.findall(r"-> socket:\[(\d+)\]", listed.stdout))
    assert inodes
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            assert not inodes & {line.split()[9] for line in Path(table).read_text().splitlines()[1:]}


@as_root
def test_another_user_stays_outside(main):
    done = subprocess.run(
        [str(main.binaries / "psql"), "-h", str(main.run), "-U", "postgres", "-c", "SELECT 1"],
        check=False,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert done.returncode and "Permission denied" in done.stderr


def test_the_database_is_the_same_on_every_host(main):
    row = main.ask("SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale FROM pg_database WHERE datname = 'template1'")
    assert row == "UTF8|b|C.UTF-8"
    assert main.ask("SHOW data_checksums") == "on"
    assert main.ask("SHOW timezone") == "UTC"


def test_the_servers_user_can_read_what_a_narrow_umask_installed(main):
    venv = main.root / "venv"
    closed = [path for path in venv.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o004 == 0]
    assert closed == []


def test_other_roles_find_the_server(main, base):
    playbook = base / "facts.yml"
    names = ["root", "data_dir", "socket_dir", "virtualenv", "python", "bin_dir", "os_user", "ready"]
    query = {
        "login_unix_socket": "{{ embedded_postgres_socket_dir }}",
        "login_user": "postgres",
        "login_db": "postgres",
        "query": "SELECT current_user",
    }
    plays = [
        {"hosts": "localhost", "gather_facts": False, "roles": ["stateops.langgraph.embedded_postgres"]},
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "community.postgresql.postgresql_query": query,
                    "vars": {"ansible_python_interpreter": "{{ embedded_postgres_python }}"},
                    "register": "answer",
                },
                {
                    "ansible.builtin.copy": {
                        "dest": str(base / "facts.json"),
                        "content": "{{ dict(facts, answer=answer.query_result) | to_json }}",
                        "mode": "0644",
                    },
                    "vars": {"facts": {name: "{{ embedded_postgres_%s }}" % name for name in names}},
                },
            ],
        },
    ]
    playbook.write_text(yaml.safe_dump(plays))
    main.play(playbook=playbook).passed(changed=1)
    facts = json.loads((base / "facts.json").read_text())
    assert facts["socket_dir"] == str(main.run)
    assert facts["data_dir"] == str(main.data)
    assert facts["ready"] is True
    assert facts["answer"] == [{"current_user": "postgres"}]
    assert Path(facts["bin_dir"], "psql").is_file() and Path(facts["python"]).exists()


def test_the_facts_alone_change_nothing(main, another, base):
    playbook = base / "look.yml"
    role = {"ansible.builtin.import_role": {"name": "stateops.langgraph.embedded_postgres", "tasks_from": "facts"}}
    shown = {"ansible.builtin.debug": {"msg": "{{ embedded_postgres_socket_dir }} ready={{ embedded_postgres_ready }}"}}
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [role, shown]}]))
    assert "%s ready=True" % main.run in main.play(playbook=playbook).passed(changed=0).text
    assert "%s ready=False" % another.run in another.play(playbook=playbook).passed(changed=0).text
    assert not another.root.exists()


@pytest.mark.extended
def test_another_map_is_reloaded(main):
    roles = ["postgres", "second"]
    before = main.pid
    main.play("--check", roles=roles).changing()
    assert "Peer authentication failed" in main.psql("SELECT 1", "second").stdout
    main.play(roles=roles).changing()
    assert 'role "second" does not exist' in main.psql("SELECT 1", "second").stdout
    assert "Peer authentication failed" in main.psql("SELECT 1", "langgraph_app").stdout
    main.play(roles=roles).passed(changed=0)
    main.play().changing()
    assert main.pid == before


@pytest.mark.extended
def test_a_map_that_locks_everyone_out_is_mended(main):
    (main.data / "pg_ident.conf").write_text("")
    os.kill(main.pid, signal.SIGHUP)
    wait_for(lambda: "Peer authentication failed" in main.psql("SELECT 1").stdout)
    main.play().changing()
    assert main.ask("SELECT 1") == "1"


@pytest.mark.extended
def test_foreign_settings_are_replaced_and_tcp_stays_closed(main):
    with (main.data / "postgresql.conf").open("a") as file:
        file.write("listen_addresses = '*'\n")
    main.ask("ALTER SYSTEM SET listen_addresses = '*'")
    before = main.pid
    main.play("--check").changing()
    assert main.pid == before
    main.play().changing()
    assert main.pid != before
    assert main.ask("SHOW listen_addresses") == ""
    main.ask("ALTER SYSTEM RESET ALL")


def test_a_socket_that_was_deleted_comes_back(main):
    (main.run / ".s.PGSQL.5432").unlink()
    main.play("--check").changing()
    main.play().changing()
    assert main.ask("SELECT 1") == "1"


def test_open_folders_are_closed(main):
    main.run.chmod(0o777)
    main.play("--check").passed(changed=1)
    main.play().passed(changed=1)
    assert main.run.stat().st_mode & 0o7777 == 0o700


@pytest.mark.extended
def test_a_killed_server_starts_again_with_its_data(main):
    main.ask("CREATE TABLE survivor AS SELECT 42 AS answer")
    main.kill()
    main.play("--check").changing()
    main.play().changing()
    assert main.ask("SELECT answer FROM survivor") == "42"
    main.ask("DROP TABLE survivor")


@pytest.mark.parametrize("alive", [True, False], ids=["alive", "zombie"])
@pytest.mark.extended
def test_a_process_that_has_the_old_servers_number_is_no_server(main, base, alive):
    main.kill()
    program = base / ("sleeper" if alive else "postgres")
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([str(program), "300"], **main.owner) as stranger:
        try:
            if not alive:
                stranger.send_signal(signal.SIGKILL)
                wait_for(lambda: "Z (zombie)" in Path("/proc/%d/status" % stranger.pid).read_text())
            for lock in (main.data / "postmaster.pid", main.run / ".s.PGSQL.5432.lock"):
                lines = lock.read_text().splitlines()
                lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            main.play(state="stopped").passed(changed=0)
            main.play().changing()
            if alive:
                assert stranger.poll() is None
            assert main.ask("SELECT 1") == "1"
            assert main.pid != stranger.pid
        finally:
            stranger.kill()


@pytest.mark.extended
def test_a_full_server_is_not_restarted(main):
    for name, value in (("max_connections", 4), ("superuser_reserved_connections", 0), ("max_wal_senders", 0)):
        main.ask("ALTER SYSTEM SET %s = %d" % (name, value))
    main.control("restart")
    before = main.pid
    command = [main.binaries / "psql", "-X", "-h", main.run, "-U", "postgres", "-c", "SELECT pg_sleep(600)"]
    guests = []

    def full():
        if "too many clients" in main.psql("SELECT 1").stdout:
            return True
        guests.append(subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(0.2)
        return False

    try:
        wait_for(full)
        main.play().refused("does not accept connections", "too many clients")
        assert main.pid == before
        assert [guest.poll() for guest in guests].count(None) == 4
    finally:
        for guest in guests:
            guest.kill()
            guest.wait()
    # A sleeping backend does not notice that its client has disconnected.
    main.control("restart")
    main.ask("ALTER SYSTEM RESET ALL")
    main.control("restart")


def test_stopped_means_stopped(main):
    pid = main.pid
    main.play("--check", state="stopped").passed(changed=1)
    assert Path("/proc/%d" % pid).exists()
    main.play(state="stopped").passed(changed=1)
    assert not (main.data / "postmaster.pid").exists()
    main.play(state="stopped").passed(changed=0)
    main.play("--check").passed(changed=1)
    main.play().passed(changed=1)


def test_stopping_what_was_never_there_is_no_change(another):
    another.play(state="stopped").passed(changed=0)
    assert not another.root.exists()


def test_a_setting_that_the_server_refuses_is_named(main):
    main.ask("ALTER SYSTEM SET shared_preload_libraries = 'no_such_library'")
    main.control("stop")
    try:
        main.play().refused("PostgreSQL did not start", "no_such_library", str(main.log))
    finally:
        (main.data / "postgresql.auto.conf").write_text("")
    main.play().passed(changed=1)


def test_a_path_too_long_for_a_socket(another):
    another.root = another.root / ("x" * 90)
    another.settings["embedded_postgres_root"] = str(another.root)
    length = len(str(another.root / "run/.s.PGSQL.5432"))
    another.play().refused("has %d bytes" % length, "allows at most 107", "embedded_postgres_socket_dir")
    assert not another.root.parent.exists()


@pytest.fixture(scope="module")
def unusual(main, base):
    """A server with a space in its path, a socket path of exactly 107 bytes, an empty data directory, and files of an interrupted run."""
    root = base / "with space"
    folder = base / ("é" * ((92 - len(str(base))) // 2))
    while len(os.fsencode(folder)) < 93:
        folder = folder.with_name(folder.name + "x")
    host = Host(base, root, **dict(without_root(main), embedded_postgres_virtualenv=str(main.root / "venv"), embedded_postgres_socket_dir=str(folder)))
    host.run = folder
    host.data.mkdir(parents=True)
    (root / "data.new").mkdir()
    (root / "data.new" / "PG_VERSION").write_text("18\n")
    host.first = host.play()
    return host


@pytest.mark.extended
def test_unusual_paths_work(unusual):
    assert len(os.fsencode(unusual.run / ".s.PGSQL.5432")) == 107
    unusual.first.changing()
    assert not (unusual.root / "data.new").exists()
    unusual.play().passed(changed=0)
    assert unusual.ask("SELECT 1") == "1"
    unusual.play("--check", socket_dir=str(unusual.run) + "x").refused("has 108 bytes")


@pytest.mark.extended
def test_the_server_moves_with_its_socket(unusual):
    run, unusual.run = unusual.run, unusual.root / "run"
    unusual.play(socket_dir="").changing()
    assert unusual.ask("SELECT 1") == "1"
    unusual.settings["embedded_postgres_socket_dir"] = ""
    assert not (run / ".s.PGSQL.5432").exists()


@as_root
@pytest.mark.extended
def test_data_of_another_user(unusual):
    unusual.control("stop")
    before = unusual.snapshot()
    unusual.play(user="nobody").refused("belongs to %s" % SERVER_USER, "would run as nobody")
    assert unusual.snapshot() == before


@pytest.mark.parametrize(
    "root, part", [("relative/path", "not an absolute path"), ("/tmp/a'b", "a character that is not allowed"), ("/tmp/a,b", "a character that is not allowed")]
)
def test_a_path_that_cannot_be(main, root, part):
    main.play(root=root, virtualenv=str(main.root / "venv")).refused(part, "embedded_postgres_root")


def test_the_path_that_cannot_be_is_named(main):
    main.play(data_dir="/tmp/a,b").refused("The path /tmp/a,b contains a character that is not allowed")


@as_root
def test_a_running_server_does_not_hide_a_problem(main):
    python = main.root / "venv" / "bin" / "python"
    target = os.readlink(python)
    python.unlink()
    python.symlink_to("/nowhere/python3")
    try:
        main.play().refused("no working Python")
    finally:
        python.unlink()
        python.symlink_to(target)
    account = pwd.getpwnam("nobody")
    owner = main.log.stat()
    os.chown(main.log, account.pw_uid, account.pw_gid)
    try:
        main.play().refused("The directory %s belongs to nobody" % main.log)
    finally:
        os.chown(main.log, owner.st_uid, owner.st_gid)
    shut = main.root.stat().st_mode & 0o7777
    main.root.chmod(0o700)
    try:
        main.play().refused("no execute permission on the directory %s" % main.root)
    finally:
        main.root.chmod(shut)
    main.play().passed(changed=0)


@pytest.mark.extended
def test_data_of_another_major_version(main, another):
    main.control("stop")
    try:
        another.root.mkdir()
        subprocess.run(["cp", "-a", str(main.data), str(another.data)], check=True)
        (another.data / "PG_VERSION").write_text("17\n")
        before = another.snapshot()
        another.play().refused("written by PostgreSQL 17", "18.6.3 has the programs of PostgreSQL 18", "pg_dump")
        assert another.snapshot() == before
    finally:
        main.play().passed(changed=1)


def test_a_version_of_another_major_is_refused_before_it_is_installed(main):
    before = main.pid
    main.play(version="19.1.0").refused("written by PostgreSQL 18", "embedded_postgres_version 19.1.0")
    assert main.pid == before


def test_a_folder_of_something_else(another):
    another.data.mkdir(parents=True)
    (another.data / "precious").write_text("x")
    before = another.snapshot()
    another.play().refused("contains no PG_VERSION", "embedded_postgres_data_dir")
    assert another.snapshot() == before


def replace_by_fifo(path, _secret):
    os.mkfifo(path)


def replace_by_link(path, secret):
    path.symlink_to(secret)


@as_root
@pytest.mark.parametrize("name", ["PG_VERSION", pytest.param("postmaster.pid", marks=pytest.mark.extended), "pg_hba.conf"])
@pytest.mark.parametrize("replace", [replace_by_fifo, replace_by_link])
def test_the_servers_user_replaces_a_file_of_its_data_directory(main, another, base, replace, name):
    """Root neither waits for a FIFO nor shows the content of a file that only root can read."""
    secret = base / "secret"
    secret.write_text("0123456789\n")
    secret.chmod(0o600)
    another.data.mkdir(parents=True)
    if name != "PG_VERSION":
        (another.data / "PG_VERSION").write_text("18\n")
    replace(another.data / name, secret)
    for path in (another.root, another.data, *another.data.iterdir()):
        os.chown(path, *pwd.getpwnam(SERVER_USER)[2:4], follow_symlinks=False)
    another.data.chmod(0o700)
    refused = another.play()
    refused.refused("%s is not a regular file" % (another.data / name))
    assert secret.read_text().strip() not in refused.output


@as_root
@pytest.mark.parametrize("replace", [replace_by_fifo, replace_by_link])
def test_a_file_that_is_replaced_after_the_check(main, base, replace):
    """The reading function of the inspection: it has a time limit and the server's rights. The control reads as root, without a limit."""
    folder = base / replace.__name__
    folder.mkdir()
    secret = base / "secret"
    secret.write_text("0123456789\n")
    secret.chmod(0o600)
    replace(folder / "file", secret)
    give = pwd.getpwnam(SERVER_USER)
    for path in (folder, folder / "file"):
        os.chown(path, give.pw_uid, give.pw_gid, follow_symlinks=False)
    script = INSPECT.read_text()
    functions = script[script.index("as_server() {") : script.index("uid=$(id -u)")].replace("timeout 10", "timeout 1")
    start = "uid=0 user_uid=%d user_gid=%d\n" % (give.pw_uid, give.pw_gid)
    read = subprocess.run(["sh", "-c", functions + start + 'content "$1"', "sh", folder / "file"], capture_output=True, text=True, timeout=10, check=False)
    assert read.returncode and not read.stdout
    try:
        control = subprocess.run(["cat", folder / "file"], capture_output=True, text=True, timeout=3, check=False)
    except subprocess.TimeoutExpired:
        assert replace is replace_by_fifo
    else:
        assert replace is replace_by_link and control.stdout == secret.read_text()


def test_a_file_in_the_way(another):
    another.root.write_text("x")
    another.play().refused("%s is not a directory" % another.root)


def test_two_servers_do_not_share_a_socket(main, another):
    before = main.pid
    another.play(socket_dir=str(main.run)).refused("Another server answers", str(main.data))
    assert main.pid == before
    assert not another.root.exists()


def test_a_broken_virtualenv(another, base):
    venv = base / "brokenvenv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/nowhere/python3")
    another.play(virtualenv=str(venv)).refused("no working Python", str(venv), "Remove it")
    assert not another.root.exists()


@pytest.mark.parametrize("python, part", [("python3.no", "No Python called 'python3.no'"), ("/bin/false", "venv and ensurepip are missing")])
def test_a_python_that_cannot_make_a_virtualenv(another, base, python, part):
    another.play(virtualenv=str(base / "never"), virtualenv_python=python).refused(part)
    assert not another.root.exists()


@pytest.mark.parametrize(
    "settings, part",
    [
        ({"roles": ["postgres", "langgraph", "/.*"]}, 'contains the name "/.*"; a role name must not start with a slash'),
        ({"roles": ["postgres", 'a"b']}, "a double quote"),
        ({"roles": ["postgres", "abc\n"]}, "a control character"),
        ({"roles": ["x"]}, "does not name postgres"),
        ({"state": "running"}, "must be one of: started, stopped"),
        ({"timeout": "soon"}, "embedded_postgres_timeout"),
    ],
)
def test_wrong_values(another, settings, part):
    another.play(**settings).refused(part)
    assert not another.root.exists()


@pytest.mark.parametrize(
    "option, value",
    [
        ("pip_index_url", "https://person:s3cr3t-token@index.example/simple"),
        pytest.param("pip_extra_args", "--quiet --proxy person:s3cr3t-token@proxy.example:3128", marks=pytest.mark.extended),
        pytest.param("wheels_dir", "https://person:s3cr3t-token@index.example/wheels", marks=pytest.mark.extended),
    ],
)
def test_a_password_in_an_index_address_is_refused_and_not_shown(another, option, value):
    run = another.play("-vvvv", "--diff", **{option: value})
    run.refused("process list", "pip's configuration file")
    assert "s3cr3t-token" not in run.output


@pytest.mark.extended
def test_a_package_that_does_not_exist(another, base):
    another.play(virtualenv=str(base / "unfit"), version="18.0.999", wheels_dir=str(base)).refused("18.0.999")
    assert not another.data.exists()


@as_root
def test_root_does_not_become_the_server(another):
    another.play(user="root").refused("refuses to run as root")
    assert not another.root.exists()


@as_root
@pytest.mark.parametrize("known", [False, True])
def test_a_parent_folder_that_the_server_may_not_enter(another, base, known):
    name = SERVER_USER if known else UNBORN
    closed = base / ("closed-%s" % known)
    (closed / "in").mkdir(parents=True)
    closed.chmod(0o700)
    another.play(root=str(closed / "in" / "root"), user=name).refused("no execute permission on the directory %s" % closed, "chmod o+x %s" % closed)
    assert list((closed / "in").iterdir()) == []
    assert not exists(UNBORN)


@as_root
def test_a_virtualenv_that_others_can_change_is_not_entered(another, base):
    venv = base / "openvenv"
    trap = venv / "bin" / "python"
    trap.parent.mkdir(parents=True)
    trap.write_text("#!/bin/sh\ntouch %s\n" % (base / "trapped"))
    trap.chmod(0o755)
    venv.chmod(0o777)
    another.play(virtualenv=str(venv)).refused("Users other than root can change", "mode 777")
    assert not (base / "trapped").exists()


@as_root
@pytest.mark.extended
def test_without_the_right_to_look_at_other_users_processes(main):
    """As in most containers, where /proc shows root too little about the server."""
    prefix = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    before = main.pid
    main.play(prefix=prefix).passed(changed=0)
    main.kill()
    main.play(prefix=prefix).changing()
    assert main.pid != before


@as_root
def test_a_folder_that_others_use_is_not_taken_over(main, base):
    common = base / "common"
    common.mkdir()
    common.chmod(0o1777)
    main.play(socket_dir=str(common)).refused("belongs to root", "embedded_postgres_socket_dir")
    assert common.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.extended
def test_an_ordinary_user_needs_nobody(person):
    person.play("--check").changing()
    assert not person.root.exists()
    person.play(umask=0o022).changing()
    person.play().passed(changed=0)
    person.play("--check").passed(changed=0)
    assert person.ask("SELECT current_user") == "postgres"
    assert person.root.stat().st_mode & 0o7777 == 0o700
    if os.geteuid() == 0:
        assert person.data.stat().st_uid == person.account.pw_uid
        # The user name map also contains root, and root may enter the directory.
        done = subprocess.run(
            [str(person.binaries / "psql"), "-XAt", "-h", str(person.run), "-U", "postgres", "-c", "SELECT 7"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == "7", done.stderr


@pytest.mark.extended
def test_a_missing_program_is_installed_again(person):
    person.play().passed()
    pid = person.pid
    (person.binaries / "pg_ctl").unlink()
    person.play(state="stopped").refused("pg_ctl", "kill -INT %d" % pid)
    person.play("--check").changing()
    person.play().changing()
    assert (person.binaries / "pg_ctl").exists()
    person.play().passed(changed=0)
    person.play(state="stopped").passed(changed=1)


@as_root
@pytest.mark.extended
def test_an_ordinary_user_may_not_use_what_is_not_his(main, base, person):
    person.play(root=str(main.root)).refused("has no execute permission on the directory")
    shut = base / "shut"
    shut.mkdir(mode=0o700)
    person.play(root="%s/embedded" % shut).refused("%s/embedded cannot be reached" % shut, "%s has no execute permission on the directory %s" % (PERSON, shut))
    person.play(root="/opt/embedded").refused("has no write permission on /opt")


WRITES_UID = "#!/bin/sh\nid -u >> %s\nexit 1\n"


@as_root
def test_a_virtualenv_that_another_account_can_replace(main, base):
    """A virtualenv of root's in a directory of another account, which replaces it by a virtualenv of its own."""
    account = pwd.getpwnam("nobody")
    theirs, seen = base / "theirs", base / "seen"
    theirs.mkdir()
    venv = theirs / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(WRITES_UID % seen)
    (venv / "bin" / "python").chmod(0o755)
    (base / "link").symlink_to(theirs)
    # The control: if the role ignores that the account nobody controls the directory, root runs the planted code.
    main.play("--check", virtualenv=str(venv)).refused("no working Python")
    assert seen.read_text() == "0\n"
    seen.unlink()
    os.chown(theirs, account.pw_uid, account.pw_gid)
    for path in (venv, base / "link" / "venv", theirs / "absent"):
        main.play("--check", virtualenv=str(path)).refused("%s (mode 755, owner nobody)" % theirs, "set embedded_postgres_virtualenv to a path")
    assert not seen.exists()
