#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualenv_info
short_description: Return the packages of a virtualenv and the requirements that it does not satisfy
version_added: 0.1.0
description:
  - Checks whether pip would install anything, in a fraction of the time that pip needs.
  - The virtualenv's Python reads the packages. It is started with C(-I). If the module runs as root and another account owns the virtualenv,
    this Python runs as that account. If root owns the virtualenv and other accounts can write to it, this Python is not started.
  - The module does not change anything and does not query a package index.
options:
  path:
    description:
      - The directory of the virtualenv. It does not have to exist.
    type: path
    required: true
    aliases: [virtualenv]
  requirements:
    description:
      - The requirements, in the syntax of pip's command line, for example C(psycopg[binary]==3.3.9).
      - The module also checks the requirements of the required packages, including extras and environment markers.
      - If a requirement contains a URL, the module checks only the name.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.info
notes:
  - Requirements are parsed with the library C(packaging) of the virtualenv, or with the copy in its pip.
    If the virtualenv contains neither, all requirements are reported as unsatisfied.
seealso:
  - module: ansible.builtin.pip
author:
  - The stateops.langgraph authors (@stateops)
"""

EXAMPLES = r"""
- name: Check whether pip would install anything
  stateops.langgraph.virtualenv_info:
    path: /opt/langgraph/venv
    requirements:
      - langgraph-checkpoint-postgres==3.2.0
      - psycopg[binary]==3.3.9
  register: found

- name: Show the requirements that are not satisfied
  ansible.builtin.debug:
    var: found.unsatisfied
"""

RETURN = r"""
virtualenv:
  description: The directory of the virtualenv, from O(path).
  returned: always
  type: str
  sample: /opt/langgraph/venv
exists:
  description: Whether the virtualenv exists and its Python returned the list of packages.
  returned: always
  type: bool
problem:
  description:
    - The reason why the user cannot use RV(virtualenv) as a virtualenv.
    - Empty if it is a usable virtualenv or an empty directory, or if it does not exist.
  returned: always
  type: str
python_version:
  description: The version of the virtualenv's Python, or V(null) if RV(exists) is V(false).
  returned: always
  type: str
  sample: 3.11.2
has_pip:
  description: Whether pip is installed in the virtualenv. By default, C(uv venv) does not install it.
  returned: always
  type: bool
has_ensurepip:
  description: Whether the virtualenv's Python can install pip with C(ensurepip).
  returned: always
  type: bool
uv:
  description: Whether uv created the virtualenv.
  returned: always
  type: bool
account:
  description:
    - The account that code in the virtualenv runs as, if root runs the module. V(root) only if no other account can change the path.
    - If another account owns the directory or one above it, the value is that account, which can replace the virtualenv.
    - If an account other than root runs the module, the value is the account that runs it.
  returned: always
  type: str
  sample: root
owner:
  description: The name of the directory's owner, or V(null) if the directory does not exist.
  returned: always
  type: str
  sample: langgraph
group:
  description: The name of the directory's group, or V(null) if the directory does not exist.
  returned: always
  type: str
  sample: langgraph
mode:
  description: The directory's mode, or V(null) if the directory does not exist.
  returned: always
  type: str
  sample: "0755"
foreign_writable:
  description:
    - The paths that Python reads at startup and that accounts other than the owner and root can write to.
      The module checks the directory, C(bin), C(bin/python), C(pyvenv.cfg), C(lib), and C(site-packages) with its direct entries.
    - A path that a group can write to is included.
  returned: always
  type: list
  elements: str
packages:
  description: The version of each installed package. The keys are the normalized names.
  returned: always
  type: dict
  sample:
    langgraph-checkpoint: 4.3.2
    psycopg: 3.3.9
unsatisfied:
  description: The requirements that the virtualenv does not satisfy, including requirements of required packages.
  returned: always
  type: list
  elements: dict
  contains:
    requirement:
      description: The requirement.
      type: str
      sample: langgraph-checkpoint-postgres==3.2.0
    found:
      description: The installed version, or V(null) if the package is not installed.
      type: str
      sample: 3.0.1
    reason:
      description: The reason why the requirement is not satisfied.
      type: str
      sample: another version is installed
    required_by:
      description: The installed package that has this requirement, or V(null) if it is one of O(requirements).
      type: str
user:
  description: The name of the user that ran the task.
  returned: always
  type: str
  sample: root
uid:
  description: The numeric id of that user.
  returned: always
  type: int
  sample: 0
interpreter:
  description: The path of the Python that ran the task.
  returned: always
  type: str
  sample: /usr/bin/python3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._core.module import run_module
from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.contents import read


def main() -> None:
    """Parse the options, then run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True, "aliases": ["virtualenv"]},
            "requirements": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda module: read(module.params["path"], module.params["requirements"]))


if __name__ == "__main__":
    main()
