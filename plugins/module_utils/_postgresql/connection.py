# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a connection with a module's options. Messages contain no secrets."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._core.argspec import refuse_negative
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError, PrerequisiteMissing, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._core.options import refuse_control_characters, refuse_secrets
from ansible_collections.stateops.langgraph.plugins.module_utils._core.tls import tls_parameters
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import psycopg
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.session import READ_TIMEOUT, UTF8, set_encoding, where_set
from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.timeouts import SLACK, limited_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.driver import Connection

OLDEST_SERVER = 150000
# Errors that an earlier task of the play may resolve. The server does not distinguish a wrong password from a role that does not exist yet.
NOT_YET = re.compile(
    r"Connection refused|No such file or directory|database \".*\" does not exist|role \".*\" does not exist"
    r"|authentication failed|no pg_hba.conf entry|the database system is (starting up|not yet accepting)"
)
# Parameters that libpq reads from its environment if they are not given.
ENVIRONMENT = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "service": "PGSERVICE"}
# Settings that end a statement or a session, by SQLSTATE.
LIMITS = {
    "25P03": "idle_in_transaction_session_timeout",
    "25P04": "transaction_timeout",
    "57014": "statement_timeout",
    "57P05": "idle_session_timeout",
}
SESSION_LIMITS = [setting for setting in LIMITS.values() if setting != "statement_timeout"]
# A broken network is detected within a minute.
# No keepalives are sent while sent data is unacknowledged; tcp_user_timeout (in milliseconds) limits that time.
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60000}


def conninfo(params: dict[str, Any], application: str) -> dict[str, Any]:
    """libpq's keywords from a module's options. Raises ModuleError if they are invalid or contradict each other."""
    extra = params["connect_params"] or {}
    refuse_secrets(params)
    refuse_control_characters(params)
    if not params["login_db"] and not extra.get("dbname"):
        raise ModuleError("login_db is empty, and libpq would use the database with the name of the role. Name the database.")
    refuse_negative(params)
    if params["schema"] == "$user":
        raise ModuleError("The schema cannot be called $user: in a search_path, which LangGraph relies on, that means the role's own schema. Name another one.")
    if params["schema"].startswith("pg_") or params["schema"] == "information_schema":
        raise ModuleError("The schema %s is reserved for PostgreSQL. Name another one for the checkpoint tables." % params["schema"])
    host = params["login_host"]
    if params["login_unix_socket"] and host in ("", "localhost"):
        host = params["login_unix_socket"]
    elif params["login_unix_socket"]:
        raise ModuleError("login_host (%s) and login_unix_socket (%s) name two different servers. Give one of them." % (host, params["login_unix_socket"]))
    keywords = {
        "host": host,
        "port": params["login_port"],
        "user": params["login_user"],
        "password": params["login_password"],
        "dbname": params["login_db"],
        "sslmode": "" if params["ssl_mode"] == "auto" else params["ssl_mode"],
        "sslrootcert": params["ca_cert"],
        "sslcert": params["ssl_cert"],
        "sslkey": params["ssl_key"],
        "connect_timeout": params["connect_timeout"],
        "application_name": application,
    }
    keywords = {name: value for name, value in keywords.items() if value not in (None, "")}
    keywords.update(KEEPALIVES)
    keywords.update(extra)
    given = {name: os.environ.get(variable) for name, variable in ENVIRONMENT.items()}
    return dict(tls_parameters(dict(given, **keywords)), **keywords)


def open_connection(params: dict[str, Any], application: str) -> Connection:
    """A connection in autocommit mode with rows as dicts. Raises ModuleError, or PrerequisiteMissing if the play may still create the server.

    Its client_encoding is UTF8, since psycopg returns bytes if it is SQL_ASCII. own_encoding is the one that the server chose for the login.
    """
    keywords = conninfo(params, application)
    known = {item.keyword.decode() for item in psycopg.pq.Conninfo.get_defaults()}
    unknown = sorted(set(keywords) - known)
    if unknown:
        raise ModuleError("connect_params contains %s, which this libpq does not know. Give parameters of libpq." % ", ".join(unknown))
    try:
        # prepare_threshold=None: prepared statements do not work behind a pooler.
        connection = limited_connection().connect(autocommit=True, prepare_threshold=None, row_factory=psycopg.rows.dict_row, **keywords)
        connection.answer_within = READ_TIMEOUT + SLACK
        connection.own_encoding = connection.info.parameter_status("client_encoding") or UTF8
        set_encoding(connection, UTF8)
    except (psycopg.Error, UnicodeError, ValueError, TypeError) as error:
        text = one_line(error)
        kind = PrerequisiteMissing if NOT_YET.search(text) else ModuleError
        raise kind("Cannot connect to %s: %s %s" % (_target(keywords), sentence(text), _advice(text))) from None
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise ModuleError("The server is PostgreSQL %s; 15 or newer is needed. Upgrade the server." % version)
    return connection


@contextlib.contextmanager
def connected(params: dict[str, Any], application: str) -> Iterator[Connection]:
    """The connection of open_connection() for a block. If a setting of the login ends the block, raise ModuleError that says where it was set."""
    try:
        with open_connection(params, application) as connection:
            yield connection
    except psycopg.Error as error:
        raise (ended_by_setting(params, application, error) or error) from None


def ended_by_setting(params: dict[str, Any], application: str, error: Exception) -> ModuleError | None:
    """The ModuleError for an error that a setting of the login caused, or None for any other error or if the setting cannot be read.

    If the connection was lost before the server's reason arrived, it names the first setting that may have ended the session.
    """
    state = getattr(error, "sqlstate", None)
    was_lost = isinstance(error, psycopg.OperationalError) and state is None
    text = ""
    if state in LIMITS or was_lost:
        with contextlib.suppress(ModuleError, psycopg.Error), open_connection(params, application) as other:
            for setting in [LIMITS[state]] if state in LIMITS else SESSION_LIMITS:
                text = text or where_set(other, setting, READ_TIMEOUT)
    if not text:
        return None
    return ModuleError("%s: %s %s" % ("The connection to the server was lost" if was_lost else "PostgreSQL reports", sentence(one_line(error)), text))


def lost(connection: Connection) -> bool:
    """Whether the connection to the server was lost."""
    return connection.closed or connection.broken


def _target(keywords: dict[str, Any]) -> str:
    host = keywords.get("host") or "the local server"
    return "database %s on %s, port %s, as %s" % (keywords.get("dbname"), host, keywords.get("port"), keywords.get("user"))


def _advice(text: str) -> str:
    """What to do about an error of libpq."""
    for pattern, advice in (
        (r"certificate authentication failed", "Check that ssl_cert was issued for login_user, or that the server's pg_ident.conf maps its name."),
        (r"authentication failed", "Check login_user and login_password, and that the role exists."),
        (r"no pg_hba.conf entry", "Add an entry to the server's pg_hba.conf."),
        (r"is not permitted to log in", "Run: ALTER ROLE ... LOGIN; or log in as another role and give this one as session_role."),
        (r"permission denied for database", "Run: GRANT CONNECT ON DATABASE ... TO the role."),
        (r"no password supplied", "Give login_password."),
        (r"database \".*\" does not exist", "Create it first; the Ansible role stateops.langgraph.database does that."),
        (r"role \".*\" does not exist", "Create it first; the Ansible role stateops.langgraph.database does that."),
        (r"too many clients|remaining connection slots|too many connections", "Wait for other sessions to end, or raise max_connections."),
        (
            r"channel binding",
            "The server, or a pooler in front of it, cannot prove that it knows the password (SCRAM with channel binding). Set ca_cert to authenticate it by"
            " its certificate, or, only in a network that you trust, ssl_mode: require.",
        ),
        (
            r"server does not support SSL",
            "Turn on ssl on the server. Only in a network that you trust, set ssl_mode: prefer.",
        ),
        (r"certificate|SSL|ssl", "Check ssl_mode, ca_cert, ssl_cert and ssl_key, and the dates and names in the certificates."),
        (r"session is (not )?read-only|server is (not )?in hot standby", "Check that target_session_attrs fits the servers named in login_host."),
        (r"translate host name|resolve", "Check the name in login_host."),
        (r"Connection refused|No such file", "Check that the server runs and listens at this address."),
        (r"timeout", "Check that the server can be reached, or raise connect_timeout."),
        (r"unsupported startup parameter", "A connection pooler does not accept this parameter: connect to the server itself."),
    ):
        if re.search(pattern, text):
            return advice
    return "Check the connection options."
