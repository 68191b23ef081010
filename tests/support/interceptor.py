# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy between clients and a server that calls a function before and after each statement. Tests inject faults there.

It implements just enough of PostgreSQL's protocol (version 3, unencrypted) to recognize statements, and forwards everything unchanged.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading

SSL, GSS, CANCEL = 80877103, 80877104, 80877102


class CloseConnection(Exception):
    """Raised by a callback to close both sides of this connection."""


class _Stream:
    """The bytes of one direction as complete messages."""

    def __init__(self, source):
        self.source = source
        self.buffer = b""

    def receive(self):
        """Read the available bytes. Returns False at the end."""
        try:
            data = self.source.recv(65536)
        except OSError:
            data = b""
        self.buffer += data
        return bool(data)

    def messages(self):
        """Pairs (type, complete message) of the messages that have arrived."""
        while len(self.buffer) >= 5:
            length = 1 + struct.unpack("!I", self.buffer[1:5])[0]
            if len(self.buffer) < length:
                return
            message, self.buffer = self.buffer[:length], self.buffer[length:]
            yield message[:1], message


class Interceptor:
    """Listens on `port`. `statements` are the statements of all connections, in order.

    callback(when, number, text): when is "before" (the server has not received the statement) or "after" (the server has responded, and the
    client has not received the response). number counts from 0. The callback runs in the thread of the connection, so it may wait.
    """

    def __init__(self, server, callback=None):
        self.server = server
        self.callback = callback or (lambda when, number, text: None)
        self.statements = []
        self._lock = threading.Lock()
        self._sockets = set()
        self._clients = set()
        self._kept = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=accept, args=(self._listener, self._serve), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        # shutdown() interrupts a thread that waits in accept(); close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def hang_up(self, keep=False):
        """Close the connections of all clients now. keep: leave the connections to the server open, so that it notices no disconnect."""
        self._kept = {each for each in self._sockets if each not in self._clients} if keep else set()
        for each in list(self._clients):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def release(self):
        """Close the connections that hang_up() kept."""
        for each in self._kept:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self, client):
        with client, contextlib.suppress(CloseConnection, OSError):
            startup = self._startup(client)
            server = socket.create_connection((self.server.host, self.server.port))
            self._sockets.update((client, server))
            self._clients.add(client)
            try:
                server.sendall(startup)
                if struct.unpack("!I", startup[4:8])[0] != CANCEL:
                    self._pass_on(client, server)
            finally:
                self._clients.discard(client)
                self._sockets.discard(client)
                if server not in self._kept:
                    self._sockets.discard(server)
                    server.close()

    def _startup(self, client):
        while True:
            head = _exactly(client, 8)
            length, code = struct.unpack("!II", head)
            if code not in (SSL, GSS):
                return head + _exactly(client, length - 8)
            client.sendall(b"N")

    def _pass_on(self, client, server):
        requests, answers = _Stream(client), _Stream(server)
        prepared, group, held = {}, [], None
        current = None
        while True:
            readable, _writable, _broken = select.select([client, server], [], [])
            if client in readable:
                if not requests.receive():
                    raise CloseConnection
                for kind, message in requests.messages():
                    group.append((kind, message))
                    # A password message belongs to no group of statements, and no ReadyForQuery follows it.
                    if kind in (b"Q", b"S", b"p", b"X"):
                        text = _statement(group, prepared)
                        if text is not None:
                            current = self._begin(text)
                            held = []
                        server.sendall(b"".join(each for _kind, each in group))
                        group = []
            if server in readable:
                if not answers.receive():
                    raise CloseConnection
                for kind, message in answers.messages():
                    if held is None:
                        client.sendall(message)
                        continue
                    held.append(message)
                    if kind == b"Z":
                        self.callback("after", *current)
                        client.sendall(b"".join(held))
                        held = None

    def _begin(self, text):
        with self._lock:
            number = len(self.statements)
            self.statements.append(text)
        self.callback("before", number, text)
        return number, text


def accept(listener, serve):
    """Call serve(client) in a separate thread for each connection, until the listener is closed."""
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()


def _exactly(source, length):
    data = b""
    while len(data) < length:
        more = source.recv(length - len(data))
        if not more:
            raise CloseConnection
        data += more
    return data


def _statement(group, prepared):
    """The statement that a group of messages executes, or None. prepared: the prepared statements by name, updated here."""
    text = None
    for kind, message in group:
        body = message[5:]
        if kind == b"Q":
            text = body[:-1].decode()
        elif kind == b"P":
            name, query = body.split(b"\0")[:2]
            prepared[name] = query.decode()
        elif kind == b"B":
            _portal, name = body.split(b"\0")[:2]
            text = prepared.get(name, "")
    return text
