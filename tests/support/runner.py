# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules and playbooks: in forks of interpreters that have already imported everything, or as the processes that a user starts."""

from __future__ import annotations

import atexit
import functools
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
import forks
import yaml
from ansible.module_utils.common.parameters import PASS_VARS
from virtualenvs import TARGET

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMESPACE = "stateops.langgraph."
MODULES = "ansible_collections.stateops.langgraph.plugins.modules."
UTILITIES = "ansible_collections.stateops.langgraph.plugins.module_utils."
PYTHON = str(TARGET / "bin" / "python")
PLUGINS = ("action", "cache", "callback", "filter", "inventory", "lookup", "shell", "strategy", "test", "vars")
# Ansible's own connection plugin local starts a process for each module.
CONNECTION = {"ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins")}
# The program that `python -` reads. The arguments are part of its text, so that no command line shows them.
MODULE = """import sys
sys.dont_write_bytecode = True
sys.path[0:0] = [%(library)r]
import runpy
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = %(payload)r.encode("utf-8")
basic._ANSIBLE_PROFILE = "legacy"
runpy.run_module(%(name)r, init_globals={"_module_fqn": %(name)r, "_modlib_path": %(library)r}, run_name="__main__", alter_sys=True)
"""
# Environment variables are read when ansible.constants is imported. Modules are packed once for all runs.
PLAYBOOK = b"""import importlib
import os
import sys
import ansible.constants
importlib.reload(ansible.constants)
os.symlink(os.environ["LANGGRAPH_TEST_PACKED"], os.path.join(ansible.constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"))
from ansible.cli.playbook import main
sys.exit(main())
"""


class Outcome(dict):
    """A module's result. `output` is everything that was printed, `rc` the exit status of the process."""

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
        """The text that must contain no secret."""
        return self.output + json.dumps(self, default=str)


class Running:
    """A running module."""

    def __init__(self, process):
        self.process = process

    def finish(self, timeout=90):
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            stdout, stderr = self.process.communicate()
            raise AssertionError("the module did not end within %s s\n%s\n%s" % (timeout, stdout, stderr)) from None
        try:
            return Outcome(json.loads(stdout), stdout + stderr, self.process.returncode)
        except ValueError:
            raise AssertionError("the module returned no result, exit code %s:\n%s\n%s" % (self.process.returncode, stdout, stderr)) from None


def once(make):
    """Create the value when the first thread requests it."""
    made, lock = [], threading.RLock()

    @functools.wraps(make)
    def get():
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get


@once
def scratch():
    """A short path (the path of a socket is limited to 107 bytes) for files that the runs of this process share."""
    folder = Path(tempfile.mkdtemp(prefix="lg", dir="/tmp"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@once
def library():
    """What a module imports, as a directory of links: Ansible's own code, the installed collections, and this checkout."""
    folder = scratch() / "library"
    collections = folder / "ansible_collections"
    (collections / "stateops").mkdir(parents=True)
    (collections / "stateops" / "langgraph").symlink_to(ROOT)
    # Otherwise the package in the site-packages of a virtualenv would take precedence.
    (collections / "__init__.py").touch()
    # As in the archive that Ansible sends to a host, no code for the controller is included.
    (folder / "ansible").mkdir()
    (folder / "ansible" / "__init__.py").touch()
    for name in ("module_utils", "modules", "release.py"):
        (folder / "ansible" / name).symlink_to(Path(ansible.__file__).with_name(name))
    for installed in (Path(ansible.__file__).parents[1] / "ansible_collections").glob("[a-z]*/"):
        (collections / installed.name).symlink_to(installed)
    return folder


@once
def packed():
    """The directory in which Ansible caches the archives that it sends to a host."""
    folder = scratch() / "packed"
    folder.mkdir()
    return folder


@once
def module_forks():
    """The interpreter that runs modules in forks."""
    folder = ROOT / "plugins" / "module_utils"
    ours = [UTILITIES + ".".join(path.relative_to(folder).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]
    theirs = ["ansible.module_utils.basic", "ansible.module_utils.urls", "ansible.module_utils.facts.default_collectors"]
    if (library() / "ansible_collections" / "community").is_dir():
        theirs.append("ansible_collections.community.postgresql.plugins.module_utils.postgres")
    libraries = ["langgraph.checkpoint.postgres", "langgraph.checkpoint.sqlite"]
    return _forks("modules", PYTHON, library(), [*theirs, *libraries, *ours], {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})


@once
def playbook_forks():
    """The interpreter that runs ansible-playbook in forks. It reads the plugin directories once, before the environment of a run is known."""
    plugins = [path for kind in PLUGINS for path in sorted((Path(ansible.__file__).parent / "plugins" / kind).glob("[a-z]*.py"))]
    modules = ["cli.playbook", "executor.task_executor", "template", *("plugins.%s.%s" % (path.parent.name, path.stem) for path in plugins)]
    return _forks("playbooks", sys.executable, HERE, ["ansible." + name for name in modules], {**_environment(scratch()), **CONNECTION})


def _forks(name, *arguments):
    folder = scratch() / name
    folder.mkdir()
    server = forks.ForkServer(arguments[0], folder, *arguments[1:])
    atexit.register(server.close)
    return server


def _environment(folder):
    """The environment of every run of ansible-playbook. `folder` is its home directory."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "results",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_NOCOLOR": "1",
    }


def play_forked(arguments, env, cwd, umask=-1, timeout=300):
    """(exit code, output) of ansible-playbook in a fork, with its modules in forks too. A user's run takes at least twice as long."""
    forked = {**CONNECTION, "LANGGRAPH_TEST_PYTHON": PYTHON, "LANGGRAPH_TEST_FORKS": module_forks().path, "LANGGRAPH_TEST_PACKED": str(packed())}
    process = forks.Process(playbook_forks().path, PLAYBOOK, [program("ansible-playbook"), *arguments], {**env, **forked}, cwd, umask, merge=True)
    try:
        (output,) = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output


class Playbook:
    """One run of ansible-playbook in its own directory: exit code, output, and each task's result.

    forked: if false, the run uses separate processes, like a user's run.
    """

    def __init__(self, folder, arguments, env=None, forked=True, umask=-1, timeout=300):
        results = folder / "results"
        results.touch()
        environment = _environment(folder)
        environment.update({"ANSIBLE_REMOTE_TEMP": str(folder / "remote"), "LANGGRAPH_TEST_RESULTS": str(results), **(env or {})})
        arguments = [str(each) for each in arguments]
        if forked:
            self.rc, self.output = play_forked(arguments, environment, folder, umask, timeout)
        else:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            command = [program("ansible-playbook"), *arguments]
            done = subprocess.run(command, env=environment, cwd=folder, umask=umask, timeout=timeout, check=False, **streams)
            self.rc, self.output = done.returncode, done.stdout
        self.tasks = [json.loads(line) for line in results.read_text().splitlines()]


class Runner:
    """`python` is the interpreter that starts modules, `folder` a directory of the tests."""

    def __init__(self, python, folder):
        self.python = str(python)
        self.scratch = Path(folder)

    def start(self, name, args, check=False, diff=False, python=None, user=None, env=None):
        """Start a module in a fork, or in a new process if a Python, a user or an environment is given."""
        text = self.program(name, args, check, diff)
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.scratch), **(env or {})}
        if python is user is env is None and self.python == PYTHON:
            return Running(forks.Process(module_forks().path, text.encode("utf-8"), env=environment))
        account = pwd.getpwnam(user) if isinstance(user, str) else user
        identity = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([str(python or self.python), "-"], env=environment, cwd="/", **streams, **identity)
        process.stdin.write(text)
        process.stdin.close()
        # Otherwise, communicate() would write to the closed pipe.
        process.stdin = None
        return Running(process)

    def program(self, name, args, check=False, diff=False):
        """The source of a program that runs a module with these arguments."""
        # Only the internal arguments that this release of Ansible supports, because any other argument is an error.
        internal = {name: value for name, value in self._internal(name, check, diff).items() if name[len("_ansible_") :] in PASS_VARS}
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args, **internal)})
        return MODULE % {"library": str(library()), "payload": payload, "name": MODULES + name}

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

    def playbook(self, tasks, *flags, play=None, env=None, inventory="localhost,", forked=True):
        """A play with these tasks on this machine at -vvvv. `tasks` of the outcome contains the document of each task."""
        folder = Path(tempfile.mkdtemp(prefix="run", dir=self.scratch))
        plays = {"hosts": "all", "gather_facts": False, "connection": "local", "vars": {"ansible_python_interpreter": self.python}, "tasks": tasks}
        (folder / "play.yml").write_text(yaml.safe_dump([{**plays, **(play or {})}], sort_keys=False))
        done = Playbook(folder, ["-i", inventory, "-vvvv", *flags, folder / "play.yml"], env, forked)
        result = Outcome(done.tasks[-1]["result"] if done.tasks else {}, done.output, done.rc, done.tasks)
        result.folder = folder
        return result

    def through_ansible(self, name, args, check=False, diff=False, **kwargs):
        """One module as one task of a play."""
        flags = (["--check"] if check else []) + (["--diff"] if diff else [])
        done = self.playbook([{"name": name, NAMESPACE + name: args}], *flags, **kwargs)
        assert done.tasks, "no task ran:\n" + done.output
        return done


def program(name):
    """The path of a program in the tests' environment, whether that environment is activated or not."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, "%s is not installed" % name
    return found
