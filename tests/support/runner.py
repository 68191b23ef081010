# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules: quickly through Ansible's own module_utils, or for real through ansible-playbook."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import ansible
import yaml
from ansible.module_utils.common.parameters import PASS_VARS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMESPACE = "stateops.langgraph."


class Outcome(dict):
    """A module's result; `output` is everything that was printed on the way, `rc` how its process ended."""

    def __init__(self, result, output="", rc=0, tasks=None):
        super().__init__(result)
        self.output = output
        self.rc = rc
        self.tasks = tasks or []

    @property
    def failed(self):
        return bool(self.get("failed"))

    @property
    def everything(self):
        """The text that must hold no secret."""
        return self.output + json.dumps(self, default=str)


class Running:
    """A module under way."""

    def __init__(self, command, payload, env, account):
        identity = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.process = subprocess.Popen(
            command, env=env, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **identity
        )
        self.process.stdin.write(payload)
        self.process.stdin.close()
        # communicate() would write to the closed pipe.
        self.process.stdin = None

    def finish(self, timeout=90):
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            stdout, stderr = self.process.communicate()
            raise AssertionError("the module did not end in %s s\n%s\n%s" % (timeout, stdout, stderr)) from None
        try:
            result = json.loads(stdout)
        except ValueError:
            raise AssertionError("no result came, exit code %s:\n%s\n%s" % (self.process.returncode, stdout, stderr)) from None
        return Outcome(result, stdout + stderr, self.process.returncode)


class Runner:
    """`python` is the interpreter that modules start under, `scratch` a folder of ours."""

    def __init__(self, python, scratch):
        self.python = str(python)
        self.scratch = Path(scratch)
        self.library = self._library()

    def _library(self):
        """What Ansible packs into a module's archive, as a folder of links."""
        library = self.scratch / "library"
        collections = library / "ansible_collections"
        for package in (library / "ansible", collections, collections / "stateops", collections / "stateops" / "langgraph"):
            package.mkdir(parents=True)
            (package / "__init__.py").touch()
        (library / "ansible" / "module_utils").symlink_to(Path(ansible.__file__).parent / "module_utils")
        (collections / "stateops" / "langgraph" / "plugins").symlink_to(ROOT / "plugins")
        postgresql = Path(ansible.__file__).parents[1] / "ansible_collections" / "community" / "postgresql"
        if postgresql.is_dir():
            (collections / "community").mkdir()
            (collections / "community" / "__init__.py").touch()
            (collections / "community" / "postgresql").symlink_to(postgresql)
        return library

    def start(self, name, args, check=False, diff=False, python=None, user=None, env=None):
        account = pwd.getpwnam(user) if isinstance(user, str) else user
        return Running(
            [str(python or self.python), str(HERE / "launch.py"), str(self.library), name],
            self.payload(name, args, check, diff),
            {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.scratch), **(env or {})},
            account,
        )

    def payload(self, name, args, check, diff):
        """What a module finds on its standard input."""
        # Those that this Ansible knows: an unknown one is an error, and a few came and went.
        internal = {name: value for name, value in self._internal(name, check, diff).items() if name[len("_ansible_") :] in PASS_VARS}
        return json.dumps({"ANSIBLE_MODULE_ARGS": dict(args, **internal)})

    def _internal(self, name, check, diff):
        return {
            "_ansible_check_mode": check,
            "_ansible_diff": diff,
            "_ansible_verbosity": 4,
            "_ansible_remote_tmp": str(self.scratch),
            "_ansible_keep_remote_files": False,
            "_ansible_module_name": NAMESPACE + name,
            "_ansible_version": ansible.__version__,
            "_ansible_no_log": False,
            "_ansible_debug": False,
            "_ansible_syslog_facility": "LOG_USER",
            "_ansible_selinux_special_fs": [],
            "_ansible_string_conversion_action": "warn",
            "_ansible_shell_executable": "/bin/sh",
            "_ansible_target_log_info": "",
            "_ansible_tracebacks_for": [],
        }

    def call(self, name, args, **kwargs):
        return self.start(name, args, **kwargs).finish()

    def playbook(self, tasks, *flags, play=None, env=None, inventory="localhost,"):
        """A play of these tasks on this machine at -vvvv; `tasks` of the outcome has each task's document."""
        folder = Path(tempfile.mkdtemp(prefix="run", dir=self.scratch))
        results = folder / "results"
        results.touch()
        plays = [
            dict(
                {
                    "hosts": "all",
                    "gather_facts": False,
                    "connection": "local",
                    "vars": {"ansible_python_interpreter": self.python},
                    "tasks": tasks,
                },
                **(play or {}),
            )
        ]
        (folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_NOCOLOR": "1",
            "LANGGRAPH_TEST_RESULTS": str(results),
            **(env or {}),
        }
        command = [program("ansible-playbook"), "-i", inventory, "-vvvv", *flags, str(folder / "play.yml")]
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        documents = [json.loads(line) for line in results.read_text().splitlines()]
        outcome = Outcome(documents[-1]["result"] if documents else {}, done.stdout, done.returncode, documents)
        outcome.folder = folder
        return outcome

    def through_ansible(self, name, args, check=False, diff=False, **kwargs):
        """One module as one task of a play."""
        flags = (["--check"] if check else []) + (["--diff"] if diff else [])
        outcome = self.playbook([{"name": name, NAMESPACE + name: args}], *flags, **kwargs)
        assert outcome.tasks, "no task ran:\n" + outcome.output
        return outcome


class Forks(Runner):
    """Runs modules in forks of one process that has imported everything: a fifth of the time, for tests with many runs."""

    def __init__(self, python, scratch):
        super().__init__(python, scratch)
        self.process = None

    def call(self, name, args, check=False, diff=False):
        if self.process is None:
            self.process = subprocess.Popen(
                [self.python, str(HERE / "launch_forks.py"), str(self.library)],
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.scratch)},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        files = {stream: str(self.scratch / stream) for stream in ("stdout", "stderr")}
        self.process.stdin.write(json.dumps({"module": name, "payload": self.payload(name, args, check, diff), **files}) + "\n")
        self.process.stdin.flush()
        status = self.process.stdout.readline()
        assert status, "the process that forks is gone"
        stdout, stderr = (Path(path).read_text() for path in files.values())
        try:
            return Outcome(json.loads(stdout), stdout + stderr, int(status))
        except ValueError:
            raise AssertionError("no result came, status %s:\n%s\n%s" % (status, stdout, stderr)) from None

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(timeout=30)
            self.process.stdout.close()


def program(name):
    """A program of the tools' environment, whether that is activated or not."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, "%s is not installed" % name
    return found


class ProcessList:
    """Samples every command line on this machine while a block runs, as `ps` would show them."""

    def __init__(self):
        self.seen = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while not self._over.is_set():
            for entry in os.scandir("/proc"):
                if entry.name.isdigit():
                    try:
                        with open(entry.path + "/cmdline", "rb") as line:
                            self.seen.add(line.read().replace(b"\0", b" ").decode("utf-8", "replace"))
                    except OSError:
                        continue
            self._over.wait(0.004)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._over.set()
        self._thread.join()
