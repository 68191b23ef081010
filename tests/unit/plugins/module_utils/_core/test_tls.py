# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._core.tls import tls_parameters

BINDING = {"sslmode": "require", "channel_binding": "require"}


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "127.5.0.9", "::1", "/var/run/postgresql", "@abstract", "localhost,::1,127.0.0.1"])
def test_what_stays_on_the_machine_needs_no_certificate(host):
    assert tls_parameters({"host": host, "sslrootcert": "/ca.pem"}) == {"sslmode": "prefer"}


@pytest.mark.parametrize("host", ["db1", "10.0.0.1", "1270.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "localhost\n", "localhost,db1", "fe80::1"])
def test_another_server_is_authenticated(host):
    assert tls_parameters({"host": host}) == BINDING
    assert tls_parameters({"host": host, "sslrootcert": "/ca.pem"}) == {"sslmode": "verify-full"}


def test_the_address_counts_not_the_name():
    assert tls_parameters({"host": "localhost", "hostaddr": "10.0.0.1"}) == BINDING
    assert tls_parameters({"host": "db1", "hostaddr": "127.0.0.1"}) == {"sslmode": "prefer"}
    assert tls_parameters({"service": "production"}) == BINDING


def test_a_given_mode_is_kept():
    assert tls_parameters({"host": "db1", "sslmode": "disable"}) == {}
