# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that connects to PostgreSQL.
    DOCUMENTATION = r"""
options:
  login_host:
    description:
      - The server's name or address. If it is empty, the local Unix socket is used.
      - The option accepts several servers, separated by commas. In this case, C(target_session_attrs) in O(connect_params) selects one of them.
    type: str
    default: ''
    aliases: [ host ]
  login_port:
    description:
      - The server's port.
    type: int
    default: 5432
    aliases: [ port ]
  login_user:
    description:
      - The role to log in as.
    type: str
    default: postgres
    aliases: [ login ]
  login_password:
    description:
      - The role's password. Leave it empty to use peer authentication, certificate authentication or a C(.pgpass) file.
    type: str
    default: ''
  login_unix_socket:
    description:
      - The directory of the server's Unix socket. It is allowed only if O(login_host) is empty or V(localhost).
    type: str
    default: ''
    aliases: [ unix_socket ]
  login_db:
    description:
      - The name of the database that contains the checkpoints.
    type: str
    required: true
    aliases: [ db ]
  ssl_mode:
    description:
      - The TLS mode of the connection, as in libpq's C(sslmode).
      - With V(auto) the server is authenticated before it receives a password. If O(ca_cert) is given, V(auto) means V(verify-full). Otherwise it means
        V(require) together with C(channel_binding=require), so that only a server that knows the role's SCRAM verifier can complete the login.
        For a Unix socket or a loopback address V(auto) means V(prefer).
      - C(sslmode) and C(channel_binding) in O(connect_params) take precedence.
    type: str
    default: auto
    choices: [ auto, allow, disable, prefer, require, verify-ca, verify-full ]
  ca_cert:
    description:
      - A file on the target host that contains the CA certificates for verifying the server's certificate.
    type: path
    aliases: [ ssl_rootcert ]
  ssl_cert:
    description:
      - A file on the target host that contains the client's certificate.
    type: path
  ssl_key:
    description:
      - A file on the target host that contains the client's private key. Only the user that runs the module may have access to it.
    type: path
  session_role:
    description:
      - The role to switch to after login (C(SET ROLE)). This role then owns the tables that the module creates.
    type: str
  connect_params:
    description:
      - Additional libpq parameters. They take precedence over the other options.
      - The values appear in the log of the target host and in the result. The module therefore rejects parameters that contain a secret,
        such as C(password) and C(sslpassword), before it logs the options.
    type: dict
    default: {}
  connect_timeout:
    description:
      - Seconds to wait for a connection to each server.
    type: int
    default: 10
  virtualenv:
    description:
      - The virtualenv on the target host that contains the libraries. The module runs with the Python of this virtualenv.
      - Without this option, the libraries must be installed for the Python that runs the module, for example because C(ansible_python_interpreter)
        is the Python of a virtualenv.
      - As root, the module rejects a virtualenv that other accounts can write to, because it would run their code.
    type: path
  schema:
    description:
      - The PostgreSQL schema that contains the checkpoint tables.
    type: str
    default: public
requirements:
  - PostgreSQL 15 or newer
  - Python 3.10 or newer in the virtualenv
  - psycopg 3 in the virtualenv
notes:
  - The options have the same names as in community.postgresql, so that one C(module_defaults) block can be used for both collections.
  - Only O(login_password) may contain a secret. The module rejects a connection string in another option before it logs the options.
    It also rejects control characters, such as a line break, in the names of databases, roles and schemas.
  - Without pipelining, Ansible writes the module's arguments, including passwords, to a file on the target host while the module runs.
    Enable pipelining. Ansible cannot use it with the become method C(su), so the module rejects a password with it.
"""
