# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which option values are rejected, and which unusual ones are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.stateops.langgraph.plugins.module_utils._core.errors import ModuleError
from ansible_collections.stateops.langgraph.plugins.module_utils._core.options import (
    CONNECTION_STRING,
    NAMES,
    SECRET_PARAMETERS,
    refuse_control_characters,
    refuse_secrets,
)

ROOT = Path(__file__).resolve().parents[5]
SECRET = "hunter2-and-more"


def rejected(**params):
    """The message with which refuse_secrets() rejects the options. The message contains no secret, and the error hides the secret in all other output."""
    with pytest.raises(ModuleError) as found:
        refuse_secrets(params)
    assert SECRET not in found.value.message
    assert any(SECRET in text for text in found.value.hidden)
    return found.value.message


def test_the_ansible_role_database_has_the_same_rules():
    variables = yaml.safe_load((ROOT / "roles" / "database" / "vars" / "main.yml").read_text(encoding="utf-8"))
    assert tuple(variables["__database_secret_parameters"]) == SECRET_PARAMETERS
    assert variables["__database_connection_string"] == "(?i)" + CONNECTION_STRING.pattern


@pytest.mark.parametrize("option", ["login_user", "login_unix_socket", "session_role", "owner", "schema", "login_db", "login_host"])
@pytest.mark.parametrize("text", ["postgresql://app:%s@db1/langgraph", "host=db1 user=app password=%s", "password = '%s'", "sslmode=require PASSWORD=%s"])
def test_a_connection_string(option, text):
    assert rejected(**{option: text % SECRET}).startswith("%s is a connection string; " % option)


def test_a_connection_string_among_several_roles_or_parameters():
    assert rejected(app_roles=["app", "postgresql://app:%s@db1/langgraph" % SECRET]).startswith("app_roles is a connection string; a role's name")
    assert rejected(connect_params={"user": "dbname=x password=%s" % SECRET}).startswith("user in connect_params is a connection string; a role's name")


def test_options_that_are_not_valid():
    assert "must not contain scram_client_key:" in rejected(connect_params="scram_client_key=%s application_name=x" % SECRET)
    refuse_secrets({"connect_params": "target_session_attrs=any", "login_user": 5, "app_roles": "one", "login_db": None})
    refuse_secrets({})


@pytest.mark.parametrize("name", ["a=b", "cn=app,dc=example", "Owner' OR 1=1; --", "host", "password", "user@example.com", "50%", "DOMAIN\\user"])
def test_unusual_names_of_roles(name):
    refuse_secrets({"login_user": name, "session_role": name, "owner": name, "app_roles": [name], "schema": name})
    refuse_control_characters({"login_user": name, "login_db": name, "schema": name, "app_roles": [name]})


@pytest.mark.parametrize("directory", ["/run/postgresql", "/run/a=b", "@abstract=x", "/srv/my user/run"])
def test_unusual_directories(directory):
    refuse_secrets({"login_unix_socket": directory, "login_host": directory})


@pytest.mark.parametrize("option", NAMES)
@pytest.mark.parametrize("name, code", [("abc\n", "U+000A"), ("\tabc", "U+0009"), ("a\x00c", "U+0000"), ("a\x1fc", "U+001F"), ("abc\x7f", "U+007F")])
def test_a_control_character_in_a_name(option, name, code):
    with pytest.raises(ModuleError, match="^%s contains the control character %s; " % (option, code.replace("+", "[+]"))):
        refuse_control_characters({option: ["app", name] if option == "app_roles" else name})


@pytest.mark.parametrize("name", ["état", "a b", "\u00a0", "\u2028", "🙂"])
def test_other_characters_in_a_name(name):
    refuse_control_characters({"login_db": name, "schema": name, "app_roles": [name]})
