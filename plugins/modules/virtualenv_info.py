#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualenv_info
short_description: Read what a virtualenv holds and which requirements it does not satisfy
version_added: 0.1.0
description:
  - Tells in a fraction of the time that pip needs whether pip would have anything to install.
  - The packages are read by the virtualenv's own Python, started with C(-I). As root in a virtualenv
    of somebody else that Python runs as the virtualenv's owner, and a virtualenv of root's that others can write is not entered at all.
  - Nothing is changed, and no package index is asked.
options:
  path:
    description:
      - The virtualenv's folder. It need not exist.
    type: path
    required: true
    aliases: [virtualenv]
  requirements:
    description:
      - Requirements as pip takes them on its command line, such as C(psycopg[binary]==3.3.9).
      - They are followed to everything that they need in turn, with extras and environment markers.
      - Of a requirement with a URL only the name is checked.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - stateops.langgraph.attributes
  - stateops.langgraph.attributes.info
notes:
  - Requirements are read with the library C(packaging) of the virtualenv, or with the one inside its pip.
    Where there is neither, every requirement counts as unsatisfied.
seealso:
  - module: ansible.builtin.pip
author:
  - The stateops.langgraph authors (@stateops)
"""

EXAMPLES = r"""
- name: Find out whether there is anything to install
  stateops.langgraph.virtualenv_info:
    path: /opt/langgraph/venv
    requirements:
      - langgraph-checkpoint-postgres==3.2.0
      - psycopg[binary]==3.3.9
  register: found

- name: Say what is missing
  ansible.builtin.debug:
    var: found.unsatisfied
"""

RETURN = r"""
virtualenv:
  description: The folder that was asked for.
  returned: always
  type: str
  sample: /opt/langgraph/venv
exists:
  description: Whether there is a virtualenv whose Python runs and could be asked.
  returned: always
  type: bool
problem:
  description:
    - Why what is at RV(virtualenv) is of no use as a virtualenv to this user. Empty where there is a virtualenv, or nothing, or an empty folder.
  returned: always
  type: str
python_version:
  description: Version of the virtualenv's Python, V(null) where RV(exists) is V(false).
  returned: always
  type: str
  sample: 3.11.2
has_pip:
  description: Whether pip is installed in it. A virtualenv that uv made has none.
  returned: always
  type: bool
has_ensurepip:
  description: Whether its Python can install pip by itself.
  returned: always
  type: bool
uv:
  description: Whether uv made it.
  returned: always
  type: bool
owner:
  description: Name of the folder's owner, V(null) where there is no folder.
  returned: always
  type: str
  sample: langgraph
group:
  description: Name of the folder's group, V(null) where there is no folder.
  returned: always
  type: str
  sample: langgraph
mode:
  description: The folder's mode, V(null) where there is no folder.
  returned: always
  type: str
  sample: "0755"
foreign_writable:
  description:
    - Paths that others than the owner and root can write, of those that Python reads when it starts
      (the folder, C(bin), C(bin/python), C(pyvenv.cfg), C(lib), and C(site-packages) with what stands directly in it).
    - A group that can write counts as others.
  returned: always
  type: list
  elements: str
packages:
  description: Version of each installed package by its normalised name.
  returned: always
  type: dict
  sample:
    langgraph-checkpoint: 4.3.2
    psycopg: 3.3.9
unsatisfied:
  description: The requirements, and the requirements of packages that they lead to, that the virtualenv does not satisfy.
  returned: always
  type: list
  elements: dict
  contains:
    requirement:
      description: The requirement.
      type: str
      sample: langgraph-checkpoint-postgres==3.2.0
    found:
      description: The version that is installed, V(null) where there is none.
      type: str
      sample: 3.0.1
    reason:
      description: What is wrong with it.
      type: str
      sample: another version is installed
    required_by:
      description: The installed package that asks for it, V(null) for one of O(requirements).
      type: str
user:
  description: Name of the user as whom the task ran.
  returned: always
  type: str
  sample: root
uid:
  description: Number of that user.
  returned: always
  type: int
  sample: 0
interpreter:
  description: The Python that the task ran under.
  returned: always
  type: str
  sample: /usr/bin/python3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stateops.langgraph.plugins.module_utils._virtualenv.contents import report


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True, "aliases": ["virtualenv"]},
            "requirements": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    result = report(module.params["path"], module.params["requirements"])
    if "failed" in result:
        module.fail_json(msg=result["msg"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
