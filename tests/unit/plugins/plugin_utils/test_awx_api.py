# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client with a server that redirects the token to another address, or that responds as AWX would not."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("ansible_collections.awx.awx.plugins.modules.job_template", reason="the package ansible contains awx.awx up to ansible-core 2.20")

from ansible.module_utils.urls import Request

from ansible_collections.stateops.langgraph.plugins.plugin_utils import _awx_api
from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_api import Awx, AwxError, connection_of

TOKEN = "t0ken-of-the-test"


class Listener:
    """A server that gives one answer, (status, headers, value), and keeps the Authorization of each request."""

    def __init__(self, status=200, headers=None, value=None):
        self.answer = (status, headers or {}, value)
        self.seen = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self):
                listener.seen.append(self.headers.get("Authorization"))
                status, headers, value = listener.answer
                data = json.dumps(value).encode()
                self.send_response(status)
                for name, each in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, each)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_OPTIONS = _serve

            def log_message(self, *_arguments):
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listen():
    made = []

    def start(*answer):
        made.append(Listener(*answer))
        return made[-1]

    yield start
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def client(listener, **connection):
    return Awx(connection_of({"controller_host": "http://%s" % listener.address, **(connection or {"controller_oauthtoken": TOKEN})}), print)


LISTED = {"count": 1, "next": None, "results": [{"id": 1, "name": "x"}]}


@pytest.mark.parametrize("login", [{}, {"controller_username": "u", "controller_password": TOKEN}], ids=["a token", "a password"])
def test_a_redirect_does_not_send_the_login_to_another_address(listen, login, monkeypatch):
    other = listen(200, {}, LISTED)
    awx = listen(302, {"Location": "http://%s/api/v2/labels/" % other.address})
    with pytest.raises(AwxError, match=r"redirects to http://%s/api/v2/labels/" % other.address):
        client(awx, **login).read("labels")
    assert len(awx.seen) == 1 and other.seen == []
    # The control: without the protection, the other address receives it.
    monkeypatch.setattr(_awx_api, "Session", Request)
    if login:
        with pytest.raises(AwxError):
            client(awx, **login).read("labels")
    else:
        assert client(awx).read("labels") == LISTED["results"]
    assert other.seen == [awx.seen[0]] and awx.seen[0].startswith("Basic " if login else "Bearer ")


@pytest.mark.parametrize("link", ["http://%s/api/v2/labels/?page=2", "//%s/api/v2/labels/?page=2", "/api/v2/labels/@%s/"])
def test_the_next_page_is_asked_of_awx_and_pages_end(listen, link, monkeypatch):
    """Each page names a next page at another address."""
    other = listen(200, {}, LISTED)
    awx = listen(200, {}, {**LISTED, "next": link % other.address})
    monkeypatch.setattr(_awx_api, "MOST", 5)
    with pytest.raises(AwxError, match="AWX lists more than 5 labels"):
        client(awx).read("labels")
    assert awx.seen == ["Bearer " + TOKEN] * 6 and other.seen == []


@pytest.mark.parametrize("value", [None, [], "x", {"results": {}}, {"results": [1]}, {"count": 1}])
def test_an_answer_that_is_not_a_list(listen, value):
    with pytest.raises(AwxError, match="AWX does not list labels"):
        client(listen(200, {}, value)).read("labels")


def test_an_answer_that_is_not_json(listen):
    awx = listen(200, {}, None)
    awx.answer = (404, {}, "<html>")
    with pytest.raises(AwxError, match="could not be found"):
        client(awx).read("labels")


def test_the_connection(monkeypatch):
    monkeypatch.setenv("CONTROLLER_HOST", "")
    monkeypatch.setenv("TOWER_HOST", "https://old.example.com")
    monkeypatch.setenv("CONTROLLER_VERIFY_SSL", "no")
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "")
    assert connection_of({"controller_username": "me", "validate_certs": ""}) == {
        "controller_host": "https://old.example.com",
        "controller_username": "me",
        "controller_password": "",
        "controller_oauthtoken": "",
        "validate_certs": False,
    }
    assert connection_of({"controller_host": "https://new.example.com", "validate_certs": "true"})["validate_certs"] is True
    with pytest.raises(AwxError, match="No login for AWX is set. Set awx_controller_oauth_token"):
        Awx(connection_of({"controller_username": "me"}), print)
    monkeypatch.setenv("TOWER_HOST", "")
    with pytest.raises(AwxError, match="The address of AWX is not set"):
        Awx(connection_of({}), print)
    monkeypatch.setenv("CONTROLLER_VERIFY_SSL", "perhaps")
    with pytest.raises(AwxError, match="CONTROLLER_VERIFY_SSL is 'perhaps', which is not a boolean"):
        connection_of({})


def test_a_configuration_file_of_somebody_else_is_not_read(listen, tmp_path, monkeypatch):
    """In /tmp, for example, anybody can write one."""
    theirs, awx = listen(200, {}, LISTED), listen(200, {}, LISTED)
    for name in ("CONTROLLER_HOST", "TOWER_HOST", "CONTROLLER_VERIFY_SSL", "TOWER_VERIFY_SSL", "CONTROLLER_OAUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    text = "[general]\nhost = http://%s\nverify_ssl = false\noauth_token = theirs\nusername = them\npassword = theirs\n" % theirs.address
    (tmp_path / ".tower_cli.cfg").write_text(text)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(AwxError, match="The address of AWX is not set"):
        Awx(connection_of({"controller_oauthtoken": TOKEN}), print)
    made = client(awx)
    assert made.read("labels") and (awx.seen, theirs.seen) == (["Bearer " + TOKEN], [])
    assert made._api.verify_ssl is True
    # The control: awx.awx without these options.
    unprotected = _awx_api.ControllerAPIModule(argument_spec={}, direct_params={"controller_oauthtoken": TOKEN}, error_callback=print, warn_callback=print)
    unprotected.get_endpoint("labels")
    assert theirs.seen == ["Bearer " + TOKEN] and unprotected.verify_ssl is False
