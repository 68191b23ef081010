# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversion of a module's options to libpq's keywords, and the messages if it fails. The functional tests open connections."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import connection_argument_spec
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing
from ansible_collections.stateops.langgraph.plugins.module_utils._core.options import SECRET_PARAMETERS
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.connection import KEEPALIVES, NOT_YET, _advice, _target, conninfo

SECRET = "hunter2-and-more"


def options(**given):
    """The options as AnsibleModule passes them to a module."""
    given.setdefault("login_db", "langgraph")
    validated = ArgumentSpecValidator(connection_argument_spec()).validate(given)
    assert validated.error_messages == []
    return validated.validated_parameters


def rejected(**given):
    """The message with which conninfo() rejects the options. It contains no secret."""
    with pytest.raises(ModuleError) as found:
        conninfo(options(**given), "test")
    assert not isinstance(found.value, PrerequisiteMissing)
    assert SECRET not in json.dumps([found.value.message, found.value.results, str(found.value)])
    return found.value.message


def test_options_that_are_not_given_are_left_to_libpq():
    keywords = conninfo(options(), "an application")
    assert {name: value for name, value in keywords.items() if name not in KEEPALIVES} == {
        "port": 5432,
        "user": "postgres",
        "dbname": "langgraph",
        "sslmode": "prefer",
        "connect_timeout": 10,
        "application_name": "an application",
    }


def test_all_options():
    keywords = conninfo(
        options(
            login_host="db1,db2",
            login_port=6432,
            login_user="u",
            login_password=SECRET,
            ssl_mode="verify-full",
            ca_cert="/ca",
            ssl_cert="/cert",
            ssl_key="/key",
            connect_timeout=3,
            connect_params={"target_session_attrs": "read-write", "keepalives_idle": 5},
        ),
        "x",
    )
    assert keywords == {
        "host": "db1,db2",
        "port": 6432,
        "user": "u",
        "password": SECRET,
        "dbname": "langgraph",
        "sslmode": "verify-full",
        "sslrootcert": "/ca",
        "sslcert": "/cert",
        "sslkey": "/key",
        "connect_timeout": 3,
        "application_name": "x",
        "target_session_attrs": "read-write",
        **dict(KEEPALIVES, keepalives_idle=5),
    }


@pytest.mark.parametrize("host", ["", "localhost"])
def test_the_socket_is_the_host_if_none_is_given(host):
    assert conninfo(options(login_host=host, login_unix_socket="/run/postgresql"), "x")["host"] == "/run/postgresql"
    assert conninfo(options(login_host="localhost"), "x")["host"] == "localhost"
    assert "host" not in conninfo(options(), "x")


def test_an_empty_database_name():
    assert rejected(login_db="") == "login_db is empty, and libpq would use the database with the name of the role. Name the database."
    assert conninfo(options(login_db="", connect_params={"dbname": "langgraph"}), "x")["dbname"] == "langgraph"


def test_two_servers_are_rejected():
    text = rejected(login_host="db1", login_unix_socket="/run/postgresql")
    assert text == "login_host (db1) and login_unix_socket (/run/postgresql) name two different servers. Give one of them."


@pytest.mark.parametrize("name", SECRET_PARAMETERS)
def test_a_secret_in_connect_params_is_rejected(name):
    advice = "Use login_password." if name == "password" else "Use login_password, or a key file that needs no password."
    assert rejected(connect_params={name: SECRET, "target_session_attrs": "any"}) == (
        "connect_params must not contain %s: nothing in it is hidden from logs. %s" % (name, advice)
    )


def test_all_secrets_in_connect_params_are_named_at_once():
    assert "contain password, sslpassword:" in rejected(connect_params={"sslpassword": SECRET, "password": SECRET})
    assert {"password", "sslpassword"} <= set(SECRET_PARAMETERS)


@pytest.mark.parametrize("option", ["login_db", "login_host"])
@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:%s@db1/langgraph" % SECRET,
        "postgres://app:%s@db1/langgraph" % SECRET,
        "dbname=langgraph password=%s" % SECRET,
        "password = '%s'" % SECRET,
    ],
)
def test_a_connection_string_is_rejected_and_not_repeated(option, text):
    assert rejected(**{option: text}).startswith("%s is a connection string; " % option)


@pytest.mark.parametrize(
    "schema, part",
    [
        ("$user", "cannot be called $user"),
        ("pg_catalog", "pg_catalog is reserved for PostgreSQL"),
        ("pg_temp", "pg_temp is reserved for PostgreSQL"),
        ("pg_toast_temp_3", "pg_toast_temp_3 is reserved for PostgreSQL"),
        ("information_schema", "information_schema is reserved for PostgreSQL"),
    ],
)
def test_invalid_schema_names(schema, part):
    assert part in rejected(schema=schema)


@pytest.mark.parametrize("schema", ["public", "pgvector", "PG_x", "my schema", 'odd "one"', "user", "a,b"])
def test_valid_schema_names(schema):
    conninfo(options(schema=schema), "x")


def test_a_socket_directory_may_have_any_name():
    assert conninfo(options(login_host="/run/a=b"), "x")["host"] == "/run/a=b"


@pytest.mark.parametrize(
    "given, text",
    [
        ({}, "database langgraph on the local server, port 5432, as postgres"),
        ({"login_host": "db1", "login_port": 1}, "database langgraph on db1, port 1, as postgres"),
        ({"login_unix_socket": "/run"}, "database langgraph on /run, port 5432, as postgres"),
        ({"login_password": SECRET, "login_user": "u"}, "database langgraph on the local server, port 5432, as u"),
    ],
)
def test_the_target_in_messages(given, text):
    assert _target(conninfo(options(**given), "x")) == text


FAILED = 'connection to server at "db1" (10.0.0.1), port 5432 failed: %s'
FATAL = FAILED % "FATAL:  %s"


@pytest.mark.parametrize(
    "text, part, temporary",
    [
        (FAILED % "Connection refused Is the server running on that host and accepting TCP/IP connections?", "Check that the server runs", True),
        ('connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory', "Check that the server runs", True),
        (FATAL % 'password authentication failed for user "u"', "Check login_user and login_password", True),
        (FATAL % 'Peer authentication failed for user "u"', "Check login_user and login_password", True),
        (FATAL % 'no pg_hba.conf entry for host "10.0.0.2", user "u", database "d", no encryption', "pg_hba.conf", True),
        (FATAL % 'no pg_hba.conf entry for host "10.0.0.2", user "u", database "d", SSL off', "pg_hba.conf", True),
        (FATAL % 'database "d" does not exist', "Create it first", True),
        (FATAL % 'role "u" does not exist', "Create it first", True),
        (FATAL % "the database system is starting up", "Check the connection options", True),
        (FAILED % "fe_sendauth: no password supplied", "Give login_password", False),
        (FATAL % "sorry, too many clients already", "raise max_connections", False),
        (FATAL % "remaining connection slots are reserved for roles with the SUPERUSER attribute", "raise max_connections", False),
        (FAILED % "server does not support SSL, but SSL was required", "Turn on ssl on the server", False),
        (FAILED % "channel binding required, but server authenticated client without channel binding", "Set ca_cert", False),
        (FAILED % "SSL error: certificate verify failed", "Check ssl_mode", False),
        (FAILED % 'root certificate file "/ca" does not exist', "Check ssl_mode", False),
        (FAILED % "session is read-only", "target_session_attrs", False),
        (FAILED % "server is not in hot standby mode", "target_session_attrs", False),
        ('could not translate host name "db9" to address: Name or service not known', "Check the name in login_host", False),
        ("connection timeout expired", "raise connect_timeout", False),
        (FATAL % "unsupported startup parameter: options", "connect to the server itself", False),
        ("something new", "Check the connection options", False),
    ],
)
def test_advice_on_errors_of_libpq(text, part, temporary):
    assert part in _advice(text)
    assert bool(NOT_YET.search(text)) == temporary, "whether an earlier task of the play may resolve it"
