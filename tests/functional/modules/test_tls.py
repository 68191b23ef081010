# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as in production: verified servers, client certificates, channel binding. An attacker cannot disable any of them."""

from __future__ import annotations

import socket
import threading

import pytest
from assertions import assert_refused, assert_succeeded
from clear_text_server import ClearTextServer
from interceptor import Interceptor, accept
from tls_servers import MODULES, strict


@pytest.fixture
def database(encrypted_database):
    """The fixtures of all tests use this server."""
    return encrypted_database


def how(database, call_module, args):
    """pg_stat_ssl of the module's own sessions while it runs: every session of the run must be encrypted."""
    seen = set()
    over = threading.Event()

    def watch():
        with database.connect() as looking:
            while not over.is_set():
                seen.update(
                    looking.execute(
                        "SELECT s.ssl, s.version, s.client_dn FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
                        " WHERE a.application_name LIKE 'stateops.langgraph.%'"
                    ).fetchall()
                )
                over.wait(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        return assert_succeeded(call_module("checkpoint_schema", args), database), seen
    finally:
        over.set()
        thread.join()


def test_verify_full_with_channel_binding(encrypted, database, call_module):
    done, seen = how(database, call_module, strict(encrypted, database, connect_params={"channel_binding": "require"}))
    assert done["changed"] is True
    assert seen and all(encrypted_ and version.startswith("TLSv1.") for encrypted_, version, _name in seen), seen
    database.grant()
    for name in MODULES[1:]:
        assert_succeeded(call_module(name, strict(encrypted, database, database.app, connect_params={"channel_binding": "require"})), database)


def test_client_certificates_instead_of_passwords(encrypted, database, call_module):
    certificates = {role: encrypted.authority.sign(role.name, role.name) for role in (database.owner, database.app)}
    for role in certificates:
        database.execute('GRANT certified TO "%s"' % role.name)

    def login(role):
        certificate, key = certificates[role]
        args = strict(encrypted, database, role, ssl_cert=str(certificate), ssl_key=str(key))
        del args["login_password"]
        return args

    done, seen = how(database, call_module, login(database.owner))
    assert done["changed"] is True
    assert {name for _ssl, _version, name in seen} == {"/CN=%s" % database.owner.name}
    database.grant()
    for name in MODULES[1:]:
        assert_succeeded(call_module(name, login(database.app)), database)
    # The owner's name with the application's certificate.
    args = dict(login(database.app), login_user=database.owner.name)
    assert_refused(call_module("checkpoint_schema", args), "certificate", "ssl_cert", databases=[database])
    without = {name: value for name, value in login(database.owner).items() if name not in ("ssl_cert", "ssl_key")}
    assert_refused(call_module("checkpoint_schema", without), "certificate", databases=[database])


def test_an_expired_client_certificate(encrypted, database, call_module):
    database.execute('GRANT certified TO "%s"' % database.owner.name)
    certificate, key = encrypted.authority.sign(database.owner.name, "old-client", age=5)
    args = strict(encrypted, database, ssl_cert=str(certificate), ssl_key=str(key))
    assert_refused(call_module("checkpoint_schema", args), "certificate", "dates", databases=[database])


def test_a_key_that_others_may_read(encrypted, database, call_module):
    certificate, key = encrypted.authority.sign(database.owner.name, "open-key")
    key.chmod(0o644)
    args = strict(encrypted, database, ssl_cert=str(certificate), ssl_key=str(key))
    outcome = call_module("checkpoint_schema", args)
    assert_refused(outcome, "open-key.key", "permission", databases=[database])
    assert "PRIVATE KEY" not in outcome.everything


def test_an_expired_server_certificate(encrypted, database, call_module):
    encrypted.present("server-old", age=5)
    encrypted.reload()
    try:
        assert_refused(call_module("checkpoint_schema", strict(encrypted, database)), "certificate", "expired|dates", databases=[database])
        assert database.tables() == set()
    finally:
        encrypted.present("server")
        encrypted.reload()


def test_a_certificate_for_another_name(encrypted, database, call_module):
    certificate, key = encrypted.authority.sign("elsewhere.example.com", "elsewhere")
    encrypted.server.write("data/server.crt", certificate.read_text())
    encrypted.server.write("data/server.key", key.read_text())
    encrypted.reload()
    try:
        assert_refused(call_module("checkpoint_schema", strict(encrypted, database)), "certificate", "names", databases=[database])
        assert_succeeded(call_module("checkpoint_schema", strict(encrypted, database, ssl_mode="verify-ca")), database)
    finally:
        encrypted.present("server")
        encrypted.reload()


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_an_attacker_who_reports_that_tls_is_not_supported(encrypted, database, call_module, mode):
    """The interceptor responds like a server without TLS, and could read the traffic."""
    with Interceptor(encrypted.server) as between:
        outcome = call_module("checkpoint_schema", strict(encrypted, database, ssl_mode=mode, login_port=between.port))
        assert_refused(outcome, "SSL", "ssl_mode", databases=[database])
        assert between.statements == []


class Mirror:
    """A proxy that terminates TLS with a certificate of the same authority for the same name, and offers the methods of the server, as with a stolen key."""

    def __init__(self, server, certificate, key):
        import ssl

        self.server = server
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.onward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.onward.check_hostname, self.onward.verify_mode = False, ssl.CERT_NONE
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=accept, args=(self.listener, self._one), daemon=True).start()

    def _one(self, client):
        request = client.recv(8)
        client.sendall(b"S")
        try:
            inside = self.context.wrap_socket(client, server_side=True)
        except OSError:
            return
        raw = socket.create_connection((self.server.host, self.server.port))
        raw.sendall(request)
        assert raw.recv(1) == b"S"
        outside = self.onward.wrap_socket(raw)
        pairs = ((inside, outside), (outside, inside))
        threads = [threading.Thread(target=_copy, args=pair, daemon=True) for pair in pairs]
        for thread in threads:
            thread.start()


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    target.close()


def test_channel_binding_detects_an_attacker_with_a_valid_certificate(encrypted, database, call_module):
    mirror = Mirror(encrypted.server, *encrypted.authority.sign("localhost", "stolen", addresses=["127.0.0.1"]))
    args = strict(encrypted, database, login_port=mirror.port, connect_params={"channel_binding": "require"})
    outcome = call_module("checkpoint_schema", args)
    mirror.listener.close()
    assert_refused(outcome, "channel binding|SCRAM|authentication", databases=[database])
    assert database.tables() == set()


@pytest.mark.parametrize("mode", ["auto", "prefer"])
def test_a_server_that_asks_for_the_password_in_clear_text(database, call_module, tmp_path, mode):
    """By default it learns nothing. With prefer, which a user has to choose, it learns the owner's password."""
    with ClearTextServer() as attacker:
        args = dict(database.login(), login_host="", login_port=attacker.port, connect_params={"service": "production"})
        args["ssl_mode"] = mode
        outcome = call_module("checkpoint_schema", args, env=attacker.service(tmp_path))
    assert outcome.failed
    assert (database.owner.password.encode() in attacker.received) is (mode == "prefer")
    if mode == "auto":
        assert_refused(outcome, "does not support SSL", "ssl_mode: prefer", databases=[database])


def test_auto_authenticates_a_server_by_its_certificate_or_by_the_password(encrypted, database, call_module, tmp_path):
    """The server's address is in a service file, so it counts as another machine's."""
    service = tmp_path / "pg_service.conf"
    service.write_text("[production]\nhost=127.0.0.1\n")
    args = {name: value for name, value in strict(encrypted, database).items() if name not in ("ssl_mode", "ca_cert", "login_host")}
    args["connect_params"] = {"service": "production"}
    env = {"PGSERVICEFILE": str(service)}
    assert_succeeded(call_module("checkpoint_schema", args, env=env), database)
    with Interceptor(encrypted.server) as between:
        assert_refused(call_module("checkpoint_schema", dict(args, login_port=between.port), env=env), "SSL", databases=[database])
        assert between.statements == []
    certificate, key = encrypted.authority.sign("127.0.0.1", "copied")
    mirror = Mirror(encrypted.server, certificate, key)
    assert_refused(call_module("checkpoint_schema", dict(args, login_port=mirror.port), env=env), "channel binding", "ca_cert", databases=[database])
