# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_schema rejects servers and connections that do not meet its requirements, and writes nothing."""

from __future__ import annotations

import socket

import pytest
from assertions import assert_refused, assert_succeeded
from databases import Database
from servers import free_port, wait_for_replay

pytestmark = pytest.mark.newest


def without(login, *names):
    return {name: value for name, value in login.items() if name not in names}


def test_a_converged_standby_only_needs_reading(standby_pair, replicated, check_and_apply):
    primary, standby = standby_pair
    replicated.setup()
    wait_for_replay(primary, standby)
    check_and_apply.unchanged(replicated, replicated.login(login_port=standby.port))


def test_a_pooler_in_statement_mode(database, pooler, check_and_apply):
    bouncer = pooler(database, "statement")
    check_and_apply.rejected(database, database.login(login_port=bouncer.port), "pool")


def test_no_server_listens(database, call_module):
    port = free_port()
    assert_refused(call_module("checkpoint_schema", database.login(login_port=port)), "127.0.0.1", str(port), "refused|listen", databases=[database])
    assert database.tables() == set()


def test_a_server_that_never_responds(database, call_module):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        args = database.login(login_port=mute.getsockname()[1], connect_timeout=2)
        assert_refused(call_module("checkpoint_schema", args), "127.0.0.1", "connect_timeout|time", databases=[database])


def test_another_kind_of_server(database, call_module):
    """A server that is not PostgreSQL. This one closes the connection."""
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


def test_no_password(database, check_and_apply):
    check_and_apply.rejected(database, without(database.login(), "login_password"), "password", "login_password")


def test_a_role_that_is_not_there(database, check_and_apply):
    check_and_apply.rejected(database, database.login(login_user="nobody_there"), "nobody_there", check=False)


def test_a_role_that_may_not_log_in(database, check_and_apply):
    group = database.role("group_" + database.name, "NOLOGIN")
    check_and_apply.rejected(database, database.login(group), group.name, "log ?in|LOGIN")


def test_a_role_without_connect(database, check_and_apply):
    database.execute('REVOKE CONNECT ON DATABASE "%s" FROM PUBLIC' % database.name)
    check_and_apply.rejected(database, database.login(database.app), "connect", database.name, database.app.name)


def test_no_permission_on_the_schema_at_all(database, check_and_apply):
    database.execute("CREATE SCHEMA closed", role=database.owner)
    check_and_apply.rejected(database, database.login(database.app, schema="closed"), database.app.name, "closed", "grant|usage|create|owner|session_role")


def test_no_permission_on_a_converged_schema_at_all(database, check_and_apply):
    database.execute("CREATE SCHEMA closed", role=database.owner)
    database.setup(schema="closed")
    check_and_apply.rejected(database, database.login(database.app, schema="closed"), database.app.name, "closed")


def test_no_permission_to_read_the_migrations_table(database, check_and_apply):
    database.setup()
    database.execute("REVOKE ALL ON checkpoint_migrations FROM PUBLIC")
    check_and_apply.rejected(database, database.login(database.app), database.app.name, "checkpoint_migrations", "select")


def test_a_session_role_without_membership(database, check_and_apply):
    group = database.role("group_" + database.name, "NOLOGIN")
    check_and_apply.rejected(database, database.login(session_role=group.name), group.name, database.owner.name, "grant|member")


def test_a_session_role_that_does_not_exist(database, check_and_apply):
    check_and_apply.rejected(database, database.login(session_role="nobody_there"), "nobody_there", check=False)


@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_a_secret_among_connect_params(database, call_module, name):
    for check in (False, True):
        done = call_module("checkpoint_schema", database.login(connect_params={name: "t0p-" + database.name}), check=check)
        assert_refused(done, name, "connect_params", "login_password|ssl_key|hidden", databases=[database])
        assert "t0p-" not in done["msg"]
    assert database.tables() == set()


def test_connect_params_that_libpq_does_not_know(database, check_and_apply):
    check_and_apply.rejected(database, database.login(connect_params={"nonsense": "1"}), "nonsense", "connect_params|option")


def test_a_connection_string_as_database(database, check_and_apply):
    for text in ("postgresql://somebody:t0p-secret@localhost/x", "host=localhost password=t0p-secret dbname=x"):
        done = check_and_apply.rejected(database, database.login(login_db=text), "login_db")
        assert "t0p-secret" not in done["msg"]


@pytest.mark.parametrize("schema", ["pg_catalog", "information_schema", "pg_temp", "pg_toast"])
def test_a_schema_that_is_reserved_for_postgresql(database, check_and_apply, schema):
    """Tables do not belong there, even if a role may create them."""
    check_and_apply.rejected(database, database.login(schema=schema), schema)


def test_a_schema_that_no_search_path_can_name(database, check_and_apply):
    """$user always means the schema with the name of the role, with and without quotes: the tables would be created there."""
    database.execute('CREATE SCHEMA "$user"; CREATE SCHEMA "%s"' % database.owner.name, role=database.owner)
    check_and_apply.rejected(database, database.login(schema="$user"), r"\$user", "schema")


def test_tls_is_required_and_not_available(database, check_and_apply):
    check_and_apply.rejected(database, database.login(ssl_mode="require"), "ssl", "ssl_mode")


def test_tls_with_another_certificate_authority(tls_server, call_module, tmp_path):
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


def test_in_check_mode_a_missing_prerequisite_cannot_be_read_yet(database, call_module):
    """In check mode, an earlier task of the play has not created the database, the role or the server."""
    for more in ({"login_db": "not_there"}, {"login_user": "nobody_there"}, {"login_port": free_port()}):
        plan = assert_succeeded(call_module("checkpoint_schema", database.login(**more), check=True, diff=True), database)
        assert plan["changed"] is True
        assert "cannot be read yet" in plan["msg"], plan["msg"]


def test_in_check_mode_a_missing_schema_may_be_created_later(database, call_module):
    plan = assert_succeeded(call_module("checkpoint_schema", database.login(schema="agents"), check=True, diff=True), database)
    assert plan["changed"] is True
    assert "agents" in str(plan["warnings"])
    database.execute("CREATE SCHEMA agents", role=database.owner)
    done = assert_succeeded(call_module("checkpoint_schema", database.login(schema="agents"), diff=True), database)
    assert done["migrations"]["pending"] == plan["migrations"]["pending"]
    assert done["diff"] == plan["diff"]
