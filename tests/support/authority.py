# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the tests, for servers and for clients. It can also sign certificates that have expired."""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """`certificate` is the file to trust. All files are written to `folder`."""

    def __init__(self, folder, name="an authority"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        self.certificate = folder / "ca.crt"
        built = _builder(self.name, self.name, self.key.public_key(), 0).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.certificate.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(self, name, file, age=0, addresses=()):
        """(certificate, key) as files. age: days since the certificate became valid. It is valid for two days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name)] + [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        built = _builder(_name(name), self.name, key.public_key(), age).add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate, secret = self.folder / (file + ".crt"), self.folder / (file + ".key")
        certificate.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        secret.chmod(0o600)
        return certificate, secret


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject, issuer, public, age):
    begin = datetime.datetime.now(datetime.timezone.utc) - age * DAY - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + 2 * DAY)
    )
