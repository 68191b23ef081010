# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make docs` builds from what antsibull-docs writes."""

import re

from docutils import nodes

project = "stateops.langgraph"
author = "The stateops.langgraph authors"
copyright = "2026, " + author  # pylint: disable=redefined-builtin
html_title = html_short_title = project

extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"

html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "collapse_navigation": False,
    "navigation_depth": 2,
    "topbar_links": {},
    "vcs_pageview_mode": "blob",
    "documentation_home_url": "index.html",
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_use_index = False
smartquotes = False

nitpicky = True

# What pages refer to in Ansible's own documentation, so that a build needs no network to look it up.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
# The last release of the package ansible that we use awx.awx from; newer ones do not bring it.
WITH_AWX = "https://docs.ansible.com/ansible/12/"
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def at_ansible(_app, _env, node, content):
    """A link to Ansible's documentation; None, and so a warning, for anything else that is not here."""
    label = node["reftarget"]
    parts = re.fullmatch(r"ansible_collections\.(ansible|awx|community)\.(\w+)\.(\w+_\w+)", label)
    page = "collections/%s/%s/%s.html" % parts.groups() if parts else LABELS.get(label)
    base = WITH_AWX if parts and parts[1] == "awx" else ANSIBLE
    return nodes.reference("", "", content, refuri=base + page, internal=False) if page else None


def setup(app):
    app.connect("missing-reference", at_ansible)
