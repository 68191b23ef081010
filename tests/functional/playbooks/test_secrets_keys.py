# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and connection strings, like the passwords in test_secrets.py: the contents of a client's key file, and secrets in the wrong option."""

from __future__ import annotations

import secrets

import pytest
from scope import usual
from secret_scanner import SecretScanner, holds
from tls_servers import MODULES, strict

MARK = "m4rk-" + secrets.token_hex(12)
URI = "postgresql://someone:%s@127.0.0.1/langgraph" % MARK


def body(key):
    """The secret lines of a PEM file."""
    return [line for line in key.read_text().splitlines() if line and not line.startswith("-")]


@pytest.fixture
def database(encrypted_database):
    """The fixtures of all tests use this server."""
    return encrypted_database


@pytest.fixture
def certified(encrypted, database):
    """(options that log the owner in with a certificate, the key)."""
    database.execute('GRANT certified TO "%s"' % database.owner.name)
    certificate, key = encrypted.authority.sign(database.owner.name, "silent-%s" % secrets.token_hex(4))
    args = strict(encrypted, database, ssl_cert=str(certificate), ssl_key=str(key))
    del args["login_password"]
    return args, key


def another(encrypted, key):
    return dict(ssl_key=str(encrypted.authority.sign("somebody", "silent-other")[1]))


def make_readable(_encrypted, key):
    key.chmod(0o644)
    return {}


def garbage(_encrypted, key):
    key.write_text(key.read_text().replace("PRIVATE KEY", "PRIVATE THING"))
    return {}


WRONG = {
    "nothing": lambda _encrypted, _key: {},
    "a connection string for a database": lambda _encrypted, _key: {"login_db": URI},
    "a key that others may read": make_readable,
    "the key of another certificate": another,
    "an invalid key": garbage,
    "keywords for a database": lambda _encrypted, _key: {"login_db": "host=127.0.0.1 password=%s" % MARK},
    "a connection string for a host": lambda _encrypted, _key: {"login_host": URI},
    "a connection string among the parameters": lambda _encrypted, _key: {"connect_params": {"dbname": URI}},
    "a password among the parameters": lambda _encrypted, _key: {"connect_params": {"password": MARK}},
    "the key's password among the parameters": lambda _encrypted, _key: {"connect_params": {"sslpassword": MARK}},
}


@pytest.mark.parametrize("what", usual(WRONG, 2))
def test_no_key_and_no_connection_string(what, encrypted, certified, run_module, runner):
    args, key = certified
    marks = {"line %d of the key" % number: line for number, line in enumerate(body(key))}
    assert marks
    marks["what was given in the wrong place"] = MARK
    log = encrypted.server.log
    begin = log.stat().st_size
    args = dict(args, **WRONG[what](encrypted, key))
    with SecretScanner([runner.scratch], marks) as scanner:
        for name in MODULES[:2]:
            outcome = run_module(name, args, diff=True, forked=False)
            assert (outcome.rc == 0) is (what == "nothing"), outcome.output[-3000:]
            assert "Traceback" not in outcome.output and (what == "nothing" or outcome["msg"])
            assert [each for each, secret in marks.items() if holds(outcome.everything.encode(), secret)] == []
    # The play itself is a file of the test, which contains the given options.
    assert {each for each in scanner.found if not each.endswith("/play.yml")} == set()
    assert scanner.files > 1
    assert [each for each, secret in marks.items() if holds(log.read_bytes()[begin:], secret)] == []
