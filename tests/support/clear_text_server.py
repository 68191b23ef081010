# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An attacker's server: it refuses TLS and asks for the password in clear text. Unlike a real PostgreSQL server, it records everything that it receives."""

from __future__ import annotations

import socket
import struct
import threading

from interceptor import accept

SSL_REQUEST, GSSENC_REQUEST = 80877103, 80877104
CLEARTEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


class ClearTextServer:
    """Listens on a loopback address while the context is open. received: the bytes that clients sent."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""

    def __enter__(self):
        threading.Thread(target=accept, args=(self.listener, self._answer), daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.listener.close()

    def service(self, folder):
        """The environment for libpq's service `production`, so that the connection's own options do not contain the server's address."""
        path = folder / "pg_service.conf"
        path.write_text("[production]\nhost=127.0.0.1\n")
        return {"PGSERVICEFILE": str(path)}

    def _answer(self, client):
        with client:
            client.settimeout(10)
            try:
                while True:
                    message = client.recv(8192)
                    if not message:
                        return
                    self.received += message
                    code = struct.unpack("!i", message[4:8])[0] if len(message) >= 8 else 0
                    client.sendall(b"N" if code in (SSL_REQUEST, GSSENC_REQUEST) else CLEARTEXT_PASSWORD)
            except OSError:
                return
