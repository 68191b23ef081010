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
      - The server's name or address. Empty for the local Unix socket.
      - Several servers may be named, separated by commas; C(target_session_attrs) in O(connect_params) then chooses among them.
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
      - The role's password. Leave it empty for peer and certificate authentication, or for a C(.pgpass) file.
    type: str
    default: ''
  login_unix_socket:
    description:
      - The folder of the server's Unix socket. Only with O(login_host) empty or V(localhost).
    type: str
    default: ''
    aliases: [ unix_socket ]
  login_db:
    description:
      - The name of the database that holds the checkpoints.
    type: str
    required: true
    aliases: [ db ]
  ssl_mode:
    description:
      - How much TLS is asked for, as libpq's C(sslmode).
    type: str
    default: prefer
    choices: [ allow, disable, prefer, require, verify-ca, verify-full ]
  ca_cert:
    description:
      - A file on the target host with the certificates of the authorities that the server's certificate is checked against.
    type: path
    aliases: [ ssl_rootcert ]
  ssl_cert:
    description:
      - The client's certificate, a file on the target host.
    type: path
  ssl_key:
    description:
      - The client's key, a file on the target host that only the user who runs the module may read.
    type: path
  session_role:
    description:
      - A role to take after logging in (C(SET ROLE)). Tables are then made and owned by it.
    type: str
  connect_params:
    description:
      - More parameters for libpq, which win over the options.
      - Nothing in it is hidden from logs, so passwords in it are refused.
    type: dict
    default: {}
  connect_timeout:
    description:
      - Seconds to wait for a connection to each server.
    type: int
    default: 10
  virtualenv:
    description:
      - The virtualenv on the target host that holds the libraries. The module carries on under its Python.
      - Without it the libraries must be in the Python that runs the module, as they are where C(ansible_python_interpreter) is the virtualenv's.
      - Entering a virtualenv as root that others can write to is refused, since it would run their code.
    type: path
  schema:
    description:
      - The PostgreSQL schema that holds the checkpoint tables.
    type: str
    default: public
requirements:
  - PostgreSQL 15 or newer
  - Python 3.10 or newer in the virtualenv
  - psycopg 3 in the virtualenv
notes:
  - Names of options are those of community.postgresql, so that one C(module_defaults) block can serve both collections.
  - Where pipelining is off, Ansible writes a module's arguments, passwords included, into a file on the target host while the module runs.
    Turn pipelining on.
"""
