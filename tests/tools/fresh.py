# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the README's two commands on a bare Debian, in a container that contains what the README requires and a `docker` without an engine.

Without arguments: on Debian 12 and 13, as root and as an ordinary user, `make provision` twice, `make stop` and `make test`.
The output is written to .build/fresh/RELEASE-USER.log. It needs root, podman, runc and mmdebstrap.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".build" / "fresh"
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
HOMES = {"root": "/root", "person": "/home/person"}
COMMANDS = ["provision", "provision", "stop", "test"]
# Only the packages that the README lists. {package: the words for it in the README's section "Two commands"}.
PACKAGES = {"git": "git", "make": "make", "python3": "Python 3.11", "python3-venv": "venv"}
# A Docker client without a running or accessible engine. No test may use it.
DOCKER = """#!/bin/sh
echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2
exit 1
"""
# The container's first process must reap the servers that a stopped command leaves behind, as init does.
FIRST = ["bash", "-c", "while sleep 3600; do :; done"]


def podman(*arguments, check=True, **kwargs):
    environment = dict(os.environ)
    # As in Molecule's scenarios: crun, the default runtime, does not support hybrid cgroups.
    if Path("/sys/fs/cgroup/unified").is_dir():
        environment.setdefault("CONTAINERS_CONF", str(ROOT / "molecule" / "shared" / "containers.conf"))
    return subprocess.run(["podman", *arguments], env=environment, check=check, **kwargs)


def short(text):
    return hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).hexdigest()[:6]


def asked_for():
    """The names of the packages. Ends the program if the README does not mention one of them."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Two commands\n")[2].partition("\n```")[0]
    missing = [package for package, words in PACKAGES.items() if words not in section]
    if missing:
        raise SystemExit("the README's section 'Two commands' does not mention %s: add it there, or change PACKAGES" % ", ".join(missing))
    return sorted(PACKAGES)


def image(release):
    """The name of an image that is built from Debian's packages and kept, like the images of the scenarios. The name depends on the list of packages."""
    packages = ",".join(asked_for())
    name = "localhost/langgraph-fresh:%s-%s" % (release, short(packages + DOCKER))
    if podman("image", "exists", name, check=False).returncode == 0:
        return name
    print("building %s from %s" % (name, packages), flush=True)
    with tempfile.TemporaryDirectory(dir=LOGS) as folder:
        docker = Path(folder) / "docker"
        docker.write_text(DOCKER, encoding="utf-8")
        docker.chmod(0o755)
        hooks = ["upload %s /usr/local/bin/docker" % shlex.quote(str(docker)), 'chroot "$1" useradd --create-home --shell /bin/bash person']
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + packages, *("--customize-hook=" + hook for hook in hooks)]
        subprocess.run([*command, release, folder + "/image.tar"], check=True)
        podman("import", "--quiet", folder + "/image.tar", name, stdout=subprocess.DEVNULL)
    return name


def pip_settings():
    """The pip settings of this machine, so that pip also finds its packages in the container. The project itself contains no such settings."""
    # A Python without pip has no settings.
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=False).stdout
    pairs = [line.split("=", 1) for line in listed.splitlines() if "=" in line]
    # The environment takes precedence over the files, so it is read last.
    return {key.rpartition(".")[2]: ast.literal_eval(value) for key, value in sorted(pairs, key=lambda pair: pair[0].startswith(":env:"))}


def mounts(settings):
    """Options that mount the files and directories named in the settings at the same paths: certificate authorities, constraints, wheels, a local index."""
    for word in sorted({word for value in settings.values() for word in value.split()}):
        # The pages of an index link to files next to it.
        path = Path(word[len("file://") :]).parent if word.startswith("file://") else Path(word)
        if path.is_absolute() and path.exists():
            yield "--volume=%s:%s:ro" % (path, path)


def checkout(folder):
    """A clone of the last commit, with the uncommitted changes to tracked files."""
    git = ["git", "-c", "safe.directory=*"]
    subprocess.run([*git, "clone", "--quiet", "--depth=1", ROOT.as_uri(), folder], check=True)
    changes = subprocess.run([*git, "diff", "--binary", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run([*git, "apply", "--index", "--allow-empty"], cwd=folder, input=changes, check=True)
    return folder


class Host:
    """A container with a bare Debian and a checkout that belongs to one user."""

    def __init__(self, release, user):
        self.release, self.user = release, user
        self.project = HOMES[user] + "/project"
        # The name depends on the path of the checkout, so that two checkouts can run this program at the same time.
        self.name = "langgraph-fresh-%s-%s-%s" % (release, user, short(str(ROOT)))
        self.log = LOGS / ("%s-%s.log" % (release, user))

    def __enter__(self):
        self.remove()
        settings = pip_settings()
        # Podman's default limits are higher than those that root without CAP_SYS_RESOURCE may set.
        limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
        options = ["--detach", "--name=" + self.name, "--network=host", *limits, *mounts(settings)]
        podman("run", *options, image(self.release), *FIRST, stdout=subprocess.DEVNULL)
        conf = "[global]\n" + "".join("%s = %s\n" % (option, value.replace("\n", "\n  ")) for option, value in settings.items())
        podman("exec", "--interactive", self.name, "tee", "/etc/pip.conf", input=conf.encode("utf-8"), stdout=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory(dir=LOGS) as folder:
            podman("cp", checkout(folder + "/project"), "%s:%s" % (self.name, self.project))
        podman("exec", self.name, "chown", "--recursive", "%s:" % self.user, self.project)
        self.log.write_bytes(b"")
        return self

    def __exit__(self, *failure):
        self.remove()

    def remove(self):
        podman("rm", "--force", "--ignore", "--time=0", self.name, stdout=subprocess.DEVNULL)

    def make(self, arguments, seconds):
        """The output and the exit code of make."""
        # End all processes that the command has started, so that the next command starts without them.
        command = ["timeout", "--kill-after=60", str(seconds), "make", *shlex.split(arguments)]
        with self.log.open("ab") as handle:
            start = handle.tell()
            options = ["--user=" + self.user, "--workdir=" + self.project]
            done = podman("exec", *options, self.name, *command, check=False, stdin=subprocess.DEVNULL, stdout=handle, stderr=subprocess.STDOUT)
        return self.log.read_bytes()[start:].decode("utf-8", "replace").strip(), done.returncode


def verdict(arguments, again, output, code):
    """The reason why a command failed, or an empty text."""
    if code in (124, 137):
        return "took too long, or was killed"
    if code:
        return "exit code %d" % code
    if again and set(re.findall(r"\bchanged=(\d+)", output)) != {"0"}:
        return "changed something again"
    # pytest reports success if every test was skipped.
    if arguments.split()[0] == "test" and not re.search(r"\b[1-9]\d* passed\b", output.rpartition("\n")[2]):
        return "no test passed"
    return ""


def try_out(host, commands, seconds):
    """Run all commands, even if one fails, and return how many failed."""
    failed = 0
    for number, arguments in enumerate(commands):
        started = time.monotonic()
        output, code = host.make(arguments, seconds)
        wrong = verdict(arguments, arguments.startswith("provision") and arguments in commands[:number], output, code)
        failed += bool(wrong)
        took = "%d min %02d s" % divmod(round(time.monotonic() - started), 60)
        last = re.sub(r"\s+", " ", output.rpartition("\n")[2])
        print("%s, %s: make %s: %s in %s: %s" % (RELEASES[host.release], host.user, arguments, wrong or "passed", took, last), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description="Runs the README's two commands on a bare Debian.")
    parser.add_argument("--release", nargs="+", choices=RELEASES, default=list(RELEASES))
    parser.add_argument("--user", nargs="+", choices=HOMES, default=list(HOMES))
    parser.add_argument("--command", nargs="+", default=COMMANDS, help="what make is called with, such as provision or \"test PYTEST_ARGS='-k parity'\"")
    parser.add_argument("--minutes", type=int, default=60, help="time limit in minutes for each command (default: 60)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = 0
    for release, user in itertools.product(options.release, options.user):
        with Host(release, user) as host:
            broken = try_out(host, options.command, options.minutes * 60)
        failed += broken
        if broken:
            print("the complete output is in %s" % host.log, flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
