# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's options to a connection that is what it seems. No secret reaches a message."""

from __future__ import annotations

import contextlib
import re
import select

from ansible_collections.stateops.langgraph.plugins.module_utils._postgresql.timeouts import SLACK, patient_cursor
from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import NotYet, Refusal, one_line, sentence
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import quote

try:
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row
except ImportError:  # the module has not entered the virtualenv yet; _virtualenv.py sees to it
    psycopg = None

OLDEST_SERVER = 150000
# Options of libpq that carry a secret: nothing in connect_params is hidden from logs.
SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
# Options that count seconds.
SECONDS = ("connect_timeout", "lock_wait", "lock_timeout", "statement_timeout", "orphan_grace")
# What an earlier task of a play may still have to make; a wrong password cannot be told from a role that is not there yet.
NOT_YET = re.compile(
    r"Connection refused|No such file or directory|database \".*\" does not exist|role \".*\" does not exist"
    r"|authentication failed|no pg_hba.conf entry|the database system is (starting up|not yet accepting)"
)
# A dead network is noticed within a minute instead of never.
# Keepalives are not sent while something waits to be acknowledged, so that has a limit of its own, in milliseconds.
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60000}
# The server's side of it: a client that has vanished must not leave a session that holds the lock.
SERVER_SIDE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3", "tcp_user_timeout": "60000"}
# Limits of a role or a database that would end a run in the middle: it has its own.
LIFTED = ("idle_session_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
# Seconds for an answer before settle() has set the limits of the run.
READING = 60
SHUT = 3
POOLER_PROBES = 4
POOLER_PATIENCE = 2.0


def connection_argument_spec():
    """The options that all modules of the action group share, named as in community.postgresql."""
    return {
        "login_host": {"type": "str", "default": "", "aliases": ["host"]},
        "login_port": {"type": "int", "default": 5432, "aliases": ["port"]},
        "login_user": {"type": "str", "default": "postgres", "aliases": ["login"]},
        "login_password": {"type": "str", "default": "", "no_log": True},
        "login_unix_socket": {"type": "str", "default": "", "aliases": ["unix_socket"]},
        "login_db": {"type": "str", "required": True, "aliases": ["db"]},
        "ssl_mode": {
            "type": "str",
            "default": "prefer",
            "choices": ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"],
        },
        "ca_cert": {"type": "path", "aliases": ["ssl_rootcert"]},
        "ssl_cert": {"type": "path"},
        "ssl_key": {"type": "path", "no_log": False},
        "session_role": {"type": "str"},
        "connect_params": {"type": "dict", "default": {}},
        "connect_timeout": {"type": "int", "default": 10},
        "virtualenv": {"type": "path"},
        "schema": {"type": "str", "default": "public"},
    }


def refuse_negative(params):
    """Raise Refusal where an option that counts seconds is below zero."""
    for option in SECONDS:
        if params.get(option, 0) < 0:
            raise Refusal("%s is %d; seconds are 0 or more." % (option, params[option]))


def conninfo(params, application):
    """libpq's keywords from a module's options. Raises Refusal where they contradict each other."""
    extra = params["connect_params"] or {}
    secret = sorted(set(extra).intersection(SECRETS))
    if secret:
        advice = "Use login_password." if secret == ["password"] else "Use login_password, or a key file that needs no password."
        hidden = [str(extra[name]) for name in secret]
        raise Refusal("connect_params must not hold %s: nothing in it is hidden from logs. %s" % (", ".join(secret), advice), hidden=hidden)
    for option, text, expected in (
        ("login_db", params["login_db"], "a database's name"),
        ("login_host", params["login_host"], "a server's name or address"),
        ("dbname in connect_params", str(extra.get("dbname", "")), "a database's name"),
        ("host in connect_params", str(extra.get("host", "")), "a server's name or address"),
    ):
        if "://" in text or ("=" in text and not text.startswith(("/", "@"))):  # a folder of sockets may be called anything
            message = "%s is a connection string; %s was expected. Give host, user and password by their own options." % (option, expected)
            raise Refusal(message, hidden=[text])
    if not params["login_db"] and not extra.get("dbname"):
        raise Refusal("login_db is empty, for which libpq would take the database that is called like the role. Name the database.")
    refuse_negative(params)
    if params["schema"] == "$user":
        raise Refusal("The schema cannot be called $user: in a search_path, which is all that LangGraph knows, that means the role's own schema.")
    if params["schema"].startswith("pg_") or params["schema"] == "information_schema":
        raise Refusal("The schema %s is PostgreSQL's own. Name another one for the checkpoint tables." % params["schema"])
    host = params["login_host"]
    if params["login_unix_socket"] and host in ("", "localhost"):
        host = params["login_unix_socket"]
    elif params["login_unix_socket"]:
        raise Refusal("login_host (%s) and login_unix_socket (%s) name two servers. Give one of them." % (host, params["login_unix_socket"]))
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
    """A psycopg connection in autocommit mode with rows as dicts. Raises Refusal, or NotYet where a play may still make the server."""
    keywords = conninfo(params, application)
    known = {item.keyword.decode() for item in psycopg.pq.Conninfo.get_defaults()}
    strange = sorted(set(keywords) - known)
    if strange:
        raise Refusal("connect_params holds %s, which this libpq does not know. Give parameters of libpq." % ", ".join(strange))
    try:
        # prepare_threshold=None: a prepared statement would not survive a pooler.
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, row_factory=dict_row, cursor_factory=patient_cursor(), **keywords)
        connection.answer_within = READING + SLACK
    except (psycopg.Error, UnicodeError, ValueError, TypeError) as error:
        text = one_line(error)
        kind = NotYet if NOT_YET.search(text) else Refusal
        raise kind("Cannot connect to %s: %s %s" % (_target(keywords), sentence(text), _advice(text))) from None
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise Refusal("The server is PostgreSQL %s; 15 or newer is needed. Upgrade the server." % version)
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


def pooler_mode(connection, params, application):
    """'' for a server of one's own, 'session' or 'transaction' behind a pooler. Changes no setting anywhere.

    A pooler hands out process ids of its own. In transaction mode two idle clients share a server process.
    """
    own = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()["pid"]
    if own == connection.info.backend_pid:
        return ""
    with contextlib.closing(open_connection(params, application)) as other:
        for probe in range(POOLER_PROBES):
            # Once more at every other probe: a pooler that hands out its servers in turn would else give each of the two its own.
            foreign = [_answer(other, POOLER_PATIENCE) for _once in range(1 + probe % 2)]
            again = _answer(connection, POOLER_PATIENCE)
            if again != own or own in foreign or len(set(foreign)) > 1:
                return "transaction"
            if foreign[0] is None:
                # The other client waits for a server: for as long as this one keeps its own, or for as long as a third one had it.
                return "transaction" if select.select([other.pgconn.socket], [], [], POOLER_PATIENCE)[0] else "session"
    return "session"


def _answer(connection, seconds):
    """The server process behind an idle connection, or None where it has none within that time."""
    pgconn = connection.pgconn
    pgconn.send_query(b"SELECT pg_backend_pid()")
    if not select.select([pgconn.socket], [], [], seconds)[0]:
        return None
    pid = None
    while True:
        result = pgconn.get_result()
        if result is None:
            return pid
        if result.ntuples:
            pid = int(result.get_value(0, 0))


def take_role(connection, role, local=False):
    """SET ROLE, as session_role asks; local: for this transaction only. Raises Refusal."""
    if not role:
        return
    try:
        connection.execute(sql.SQL("SET {} ROLE {}").format(sql.SQL("LOCAL" if local else "SESSION"), sql.Identifier(role)))
    except psycopg.Error as error:
        user = connection.info.user
        absent = isinstance(error, psycopg.errors.InvalidParameterValue)
        advice = "Create it, or check session_role." if absent else "Run: GRANT %s TO %s;" % (quote(role), quote(user))
        raise (NotYet if absent else Refusal)("Cannot take session_role %s as %s: %s. %s" % (role, user, one_line(error), advice)) from None


def settle(connection, schema, timeouts):
    """Set search_path and time limits for the session, and read them back.

    timeouts: {setting: seconds}, 0 for none. Raises Refusal where one did not stick.
    """
    wanted = {name: str(int(seconds * 1000)) for name, seconds in timeouts.items()}
    wanted["search_path"] = sql.Identifier(schema).as_string(connection)
    connection.execute(
        "SELECT set_config(s.name, w.value, false) FROM unnest(%s::text[], %s::text[]) AS w(name, value) JOIN pg_settings s USING (name)",
        (list(SERVER_SIDE) + list(LIFTED), list(SERVER_SIDE.values()) + ["0"] * len(LIFTED)),
    )
    for name, value in wanted.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    seconds = timeouts.get("statement_timeout", 0)
    connection.answer_within = seconds + SLACK if seconds else 0
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(wanted),)).fetchall()
    found = {row["name"]: row["setting"] for row in rows}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise Refusal(
                "The setting %s reads %s after it was set to %s: a pooler stands between here and the server. Connect to the server itself."
                % (name, found.get(name), value)
            )


@contextlib.contextmanager
def snapshot(connection, role=None, seconds=0):
    """One read-only transaction that sees one state of the database; nothing of it outlives the transaction.

    role: SET LOCAL ROLE first (works behind a transaction pooler as well). seconds: a limit for each statement, 0 for none.
    A reader waits SHUT seconds for a lock: only ACCESS EXCLUSIVE keeps it out, and whoever holds that for longer is worth a word.
    row_security is off: an error is better than rows that are hidden without a word.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        take_role(connection, role, local=True)
        connection.execute(
            "SELECT set_config('row_security', 'off', true), set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            (str(int(seconds * 1000)), "%ds" % SHUT),
        )
        yield
