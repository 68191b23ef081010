# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema refuses servers and connections that cannot do what it needs, and writes nothing."""

from __future__ import annotations

import socket

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from servers import free_port, wait_for_replay

pytestmark = pytest.mark.newest


def without(login, *names):
    return {name: value for name, value in login.items() if name not in names}


def test_a_converged_standby_only_needs_reading(standby_pair, ways):
    primary, standby = standby_pair
    database = Database.create(primary)
    try:
        database.setup()
        wait_for_replay(primary, standby)
        ways.unchanged(database, database.login(login_port=standby.port))
    finally:
        database.drop()


def test_a_pooler_in_statement_mode(database, pooler, ways):
    bouncer = pooler(database, "statement")
    ways.refuse(database, database.login(login_port=bouncer.port), "pool")


def test_nobody_listens_there(database, call_module):
    port = free_port()
    assert_refused(call_module("checkpoint_schema", database.login(login_port=port)), "127.0.0.1", str(port), "refused|listen", databases=[database])
    assert database.tables() == set()


def test_somebody_listens_and_never_answers(database, call_module):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        args = database.login(login_port=mute.getsockname()[1], connect_timeout=2)
        assert_refused(call_module("checkpoint_schema", args), "127.0.0.1", "connect_timeout|time", databases=[database])


def test_something_else_listens_there(database, call_module):
    """Any server that is no PostgreSQL: this one hangs up."""
    import threading

    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen()

        def answer():
            while True:
                try:
                    peer = rude.accept()[0]
                except OSError:
                    return
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                peer.close()

        threading.Thread(target=answer, daemon=True).start()
        assert_refused(call_module("checkpoint_schema", database.login(login_port=rude.getsockname()[1])), "127.0.0.1", databases=[database])


def test_a_name_that_does_not_resolve(database, call_module):
    assert_refused(call_module("checkpoint_schema", database.login(login_host="db.invalid")), "db.invalid", "name|resolve", databases=[database])


def test_a_socket_folder_without_a_socket(database, call_module, tmp_path):
    args = dict(without(database.login(), "login_host"), login_unix_socket=str(tmp_path))
    assert_refused(call_module("checkpoint_schema", args), str(tmp_path), databases=[database])


def test_no_password(database, ways):
    ways.refuse(database, without(database.login(), "login_password"), "password", "login_password")


def test_a_role_that_is_not_there(database, ways):
    ways.refuse(database, database.login(login_user="nobody_there"), "nobody_there", check=False)


def test_a_role_that_may_not_log_in(database, ways):
    group = database.role("group_" + database.name, "NOLOGIN")
    ways.refuse(database, database.login(group), group.name, "log ?in|LOGIN")


def test_a_role_without_connect(database, ways):
    database.execute('REVOKE CONNECT ON DATABASE "%s" FROM PUBLIC' % database.name)
    ways.refuse(database, database.login(database.app), "connect", database.name, database.app.name)


def test_no_permission_on_the_schema_at_all(database, ways):
    database.execute("CREATE SCHEMA closed", role=database.owner)
    ways.refuse(database, database.login(database.app, schema="closed"), database.app.name, "closed", "grant|usage|create|owner|session_role")


def test_no_permission_on_a_converged_schema_at_all(database, ways):
    database.execute("CREATE SCHEMA closed", role=database.owner)
    database.setup(schema="closed")
    ways.refuse(database, database.login(database.app, schema="closed"), database.app.name, "closed")


def test_no_permission_to_read_the_ledger(database, ways):
    database.setup()
    database.execute("REVOKE ALL ON checkpoint_migrations FROM PUBLIC")
    ways.refuse(database, database.login(database.app), database.app.name, "checkpoint_migrations", "select")


def test_a_session_role_that_one_does_not_belong_to(database, ways):
    group = database.role("group_" + database.name, "NOLOGIN")
    ways.refuse(database, database.login(session_role=group.name), group.name, database.owner.name, "grant|member")


def test_a_session_role_that_is_not_there(database, ways):
    ways.refuse(database, database.login(session_role="nobody_there"), "nobody_there", check=False)


@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_a_secret_among_connect_params(database, call_module, name):
    for check in (False, True):
        done = call_module("checkpoint_schema", database.login(connect_params={name: "t0p-" + database.name}), check=check)
        assert_refused(done, name, "connect_params", "login_password|ssl_key|hidden", databases=[database])
        assert "t0p-" not in done["msg"]
    assert database.tables() == set()


def test_connect_params_that_libpq_does_not_know(database, ways):
    ways.refuse(database, database.login(connect_params={"nonsense": "1"}), "nonsense", "connect_params|option")


def test_a_connection_string_as_database(database, ways):
    for text in ("postgresql://somebody:t0p-secret@localhost/x", "host=localhost password=t0p-secret dbname=x"):
        done = ways.refuse(database, database.login(login_db=text), "login_db")
        assert "t0p-secret" not in done["msg"]


@pytest.mark.parametrize("schema", ["pg_catalog", "information_schema", "pg_temp", "pg_toast"])
def test_a_schema_that_postgresql_keeps_to_itself(database, ways, schema):
    """Tables do not belong there, whoever may create them."""
    ways.refuse(database, database.login(schema=schema), schema)


def test_a_schema_that_no_search_path_can_name(database, ways):
    """$user always means the schema that is named like the role, quoted or not: the tables would land there."""
    database.execute('CREATE SCHEMA "$user"; CREATE SCHEMA "%s"' % database.owner.name, role=database.owner)
    ways.refuse(database, database.login(schema="$user"), r"\$user", "schema")


def test_tls_is_required_and_not_had(database, ways):
    ways.refuse(database, database.login(ssl_mode="require"), "ssl", "ssl_mode")


def test_tls_of_another_authority(tls_server, call_module, tmp_path):
    import subprocess

    database = Database.create(tls_server)
    try:
        other = tmp_path / "other.crt"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(tmp_path / "k")]
            + ["-out", str(other), "-subj", "/CN=another", "-days", "2"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        outcome = call_module("checkpoint_schema", database.login(ssl_mode="verify-full", ca_cert=str(other)))
        assert_refused(outcome, "certificate", "ca_cert", databases=[database])
        outcome = call_module("checkpoint_schema", database.login(ssl_mode="verify-full", ca_cert=str(tmp_path / "none.crt")))
        assert_refused(outcome, "none.crt", databases=[database])
        outcome = call_module("checkpoint_schema", database.login(ssl_mode="disable"))
        assert_refused(outcome, "ssl|encryption", databases=[database])
        assert database.tables() == set()
    finally:
        database.drop()


def test_what_a_bare_server_has_is_a_plan_that_cannot_be_read_yet(database, call_module):
    """Under --check an earlier task of the play has not made the database, the role or the server."""
    for more in ({"login_db": "not_there"}, {"login_user": "nobody_there"}, {"login_port": free_port()}):
        plan = assert_succeeded(call_module("checkpoint_schema", database.login(**more), check=True, diff=True), database)
        assert plan["changed"] is True
        assert "cannot be read yet" in plan["msg"], plan["msg"]


def test_under_check_a_missing_schema_is_one_to_come(database, call_module):
    plan = assert_succeeded(call_module("checkpoint_schema", database.login(schema="agents"), check=True, diff=True), database)
    assert plan["changed"] is True
    assert "agents" in str(plan["warnings"])
    database.execute("CREATE SCHEMA agents", role=database.owner)
    done = assert_succeeded(call_module("checkpoint_schema", database.login(schema="agents"), diff=True), database)
    assert done["migrations"]["pending"] == plan["migrations"]["pending"]
    assert done["diff"] == plan["diff"]
