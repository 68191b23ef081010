# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PgBouncer in front of a server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

from servers import _die_with_parent, demotion, free_port, workspace


def program():
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class PgBouncer:
    """`mode` is session, transaction or statement. PgBouncer ignores startup options silently, as in many installations.

    settings: additional settings of pgbouncer.ini.
    """

    def __init__(self, server, roles, mode, **settings):
        self.host = "127.0.0.1"
        self.port = free_port()
        self.directory = workspace()
        users = "".join('"%s" "%s"\n' % (role.name, role.password) for role in roles)
        self._write("users.txt", users)
        self._write(
            "pgbouncer.ini",
            "[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
            "auth_type = scram-sha-256\nauth_file = %s\npool_mode = %s\ndefault_pool_size = 3\nmax_client_conn = 50\n"
            "ignore_startup_parameters = extra_float_digits,options\nlogfile = %s\npidfile =\n"
            % (server.host, server.port, self.port, self.directory / "users.txt", mode, self.directory / "log")
            + "".join("%s = %s\n" % setting for setting in settings.items()),
        )
        self.process = subprocess.Popen(
            [program(), "-q", str(self.directory / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=_die_with_parent,
            **demotion(),
        )

    def _write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        for who in [demotion()]:
            if who:
                os.chown(path, who["user"], who["group"])

    def start(self, dbname, role):
        import psycopg

        deadline = time.monotonic() + 10
        while True:
            try:
                psycopg.connect(host=self.host, port=self.port, dbname=dbname, user=role.name, password=role.password).close()
                return self
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("pgbouncer did not start: %s\n%s" % (error, (self.directory / "log").read_text())) from error
                time.sleep(0.02)

    def remove(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)
