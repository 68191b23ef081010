# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that accept only TLS, with certificates of a certificate authority of the tests."""

from __future__ import annotations

from authority import Authority
from servers import Server

MODULES = ("checkpoint_schema", "checkpoint_schema_info", "checkpoint_verify")


class Encrypted:
    """A server that accepts passwords (SCRAM) only over TLS, and client certificates for members of the role `certified`."""

    def __init__(self, binaries, folder):
        self.server = Server(binaries, settings={"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt"})
        self.server.hba = [
            "local all all scram-sha-256",
            "hostssl all +certified 127.0.0.1/32 cert",
            "hostssl all all 127.0.0.1/32 scram-sha-256",
        ]
        self.server.initialise()
        self.authority = Authority(folder)
        self.server.write("data/ca.crt", self.authority.certificate.read_text())
        self.present("server")
        self.server.start()
        self.server.execute("CREATE ROLE certified")

    def present(self, file, **how):
        """Use a certificate for this address with the given properties."""
        certificate, key = self.authority.sign("localhost", file, addresses=["127.0.0.1"], **how)
        self.server.write("data/server.crt", certificate.read_text())
        self.server.write("data/server.key", key.read_text())

    def reload(self):
        self.server.execute("SELECT pg_reload_conf()")


def strict(encrypted, database, role=None, **more):
    return database.login(role, **dict({"ssl_mode": "verify-full", "ca_cert": str(encrypted.authority.certificate)}, **more))
