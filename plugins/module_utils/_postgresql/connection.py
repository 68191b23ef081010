# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's options to a connection that is what it seems. No secret reaches a message."""

from __future__ import annotations

import re

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import refuse_negative
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READING
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.timeouts import SLACK, limited_connection

OLDEST_SERVER = 150000
# Options of libpq that carry a secret: nothing in connect_params is hidden from logs.
SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
# What an earlier task of a play may still have to make; a wrong password cannot be told from a role that is not there yet.
NOT_YET = re.compile(
    r"Connection refused|No such file or directory|database \".*\" does not exist|role \".*\" does not exist"
    r"|authentication failed|no pg_hba.conf entry|the database system is (starting up|not yet accepting)"
)
# A dead network is noticed within a minute instead of never.
# Keepalives are not sent while something waits to be acknowledged, so that has a limit of its own, in milliseconds.
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60000}


def conninfo(params, application):
    """libpq's keywords from a module's options. Raises ModuleError where they contradict each other."""
    extra = params["connect_params"] or {}
    secret = sorted(set(extra).intersection(SECRETS))
    if secret:
        advice = "Use login_password." if secret == ["password"] else "Use login_password, or a key file that needs no password."
        hidden = [str(extra[name]) for name in secret]
        raise ModuleError("connect_params must not hold %s: nothing in it is hidden from logs. %s" % (", ".join(secret), advice), hidden=hidden)
    for option, text, expected in (
        ("login_db", params["login_db"], "a database's name"),
        ("login_host", params["login_host"], "a server's name or address"),
        ("dbname in connect_params", str(extra.get("dbname", "")), "a database's name"),
        ("host in connect_params", str(extra.get("host", "")), "a server's name or address"),
    ):
        if "://" in text or ("=" in text and not text.startswith(("/", "@"))):  # a folder of sockets may be called anything
            message = "%s is a connection string; %s was expected. Give host, user and password by their own options." % (option, expected)
            raise ModuleError(message, hidden=[text])
    if not params["login_db"] and not extra.get("dbname"):
        raise ModuleError("login_db is empty, for which libpq would take the database that is called like the role. Name the database.")
    refuse_negative(params)
    if params["schema"] == "$user":
        raise ModuleError("The schema cannot be called $user: in a search_path, which is all that LangGraph knows, that means the role's own schema.")
    if params["schema"].startswith("pg_") or params["schema"] == "information_schema":
        raise ModuleError("The schema %s is PostgreSQL's own. Name another one for the checkpoint tables." % params["schema"])
    host = params["login_host"]
    if params["login_unix_socket"] and host in ("", "localhost"):
        host = params["login_unix_socket"]
    elif params["login_unix_socket"]:
        raise ModuleError("login_host (%s) and login_unix_socket (%s) name two servers. Give one of them." % (host, params["login_unix_socket"]))
    keywords = {
        "host": host,
        "port": params["login_port"],
        "user": params["login_user"],
        "password": params["login_password"],
        "dbname": params["login_db"],
        "sslmode": params["ssl_mode"],
        "sslrootcert": params["ca_cert"],
        "sslcert": params["ssl_cert"],
        "sslkey": params["ssl_key"],
        "connect_timeout": params["connect_timeout"],
        "application_name": application,
        "client_encoding": "UTF8",  # a database of SQL_ASCII would answer in bytes
    }
    keywords = {name: value for name, value in keywords.items() if value not in (None, "")}
    keywords.update(KEEPALIVES)
    keywords.update(extra)
    return keywords


def open_connection(params, application):
    """A psycopg connection in autocommit mode with rows as dicts. Raises ModuleError, or PrerequisiteMissing where a play may still make the server."""
    keywords = conninfo(params, application)
    known = {item.keyword.decode() for item in psycopg.pq.Conninfo.get_defaults()}
    strange = sorted(set(keywords) - known)
    if strange:
        raise ModuleError("connect_params holds %s, which this libpq does not know. Give parameters of libpq." % ", ".join(strange))
    try:
        # prepare_threshold=None: a prepared statement would not survive a pooler.
        connection = limited_connection().connect(autocommit=True, prepare_threshold=None, row_factory=psycopg.rows.dict_row, **keywords)
        connection.answer_within = READING + SLACK
    except (psycopg.Error, UnicodeError, ValueError, TypeError) as error:
        text = one_line(error)
        kind = PrerequisiteMissing if NOT_YET.search(text) else ModuleError
        raise kind("Cannot connect to %s: %s %s" % (_target(keywords), sentence(text), _advice(text))) from None
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise ModuleError("The server is PostgreSQL %s; 15 or newer is needed. Upgrade the server." % version)
    return connection


def lost(connection):
    """Whether there is nobody at the other end."""
    return connection.closed or connection.broken


def _target(keywords):
    host = keywords.get("host") or "the local server"
    return "database %s on %s, port %s, as %s" % (keywords.get("dbname"), host, keywords.get("port"), keywords.get("user"))


def _advice(text):
    """What to do about libpq's reason."""
    for pattern, advice in (
        (r"certificate authentication failed", "Check that ssl_cert is login_user's own, or that the server's pg_ident.conf maps its name."),
        (r"authentication failed", "Check login_user and login_password, and that the role exists."),
        (r"no pg_hba.conf entry", "Add an entry to the server's pg_hba.conf."),
        (r"is not permitted to log in", "Run: ALTER ROLE ... LOGIN; or log in as another role and take this one by session_role."),
        (r"permission denied for database", "Run: GRANT CONNECT ON DATABASE ... TO the role."),
        (r"no password supplied", "Give login_password."),
        (r"database \".*\" does not exist", "Create it first: role stateops.langgraph.database does."),
        (r"role \".*\" does not exist", "Create it first: role stateops.langgraph.database does."),
        (r"too many clients|remaining connection slots|too many connections", "Wait for others to end, or raise max_connections."),
        (r"certificate|SSL|ssl", "Check ssl_mode, ca_cert, ssl_cert and ssl_key, and the certificate's dates and names."),
        (r"session is (not )?read-only|server is (not )?in hot standby", "Check target_session_attrs against the servers named."),
        (r"translate host name|resolve", "Check the name in login_host."),
        (r"Connection refused|No such file", "Check that the server runs and listens there."),
        (r"timeout", "Check that the server can be reached, or raise connect_timeout."),
        (r"unsupported startup parameter", "A pooler stands in between and takes no such parameter: connect to the server itself."),
    ):
        if re.search(pattern, text):
            return advice
    return "Check the connection options."
