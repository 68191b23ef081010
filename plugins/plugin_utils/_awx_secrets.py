# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in the data for AWX: those that AWX would show, and credentials that would be stored without one. No message contains a value."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator

from ansible.module_utils.common.validation import check_type_dict
from ansible.plugins.test.core import vault_encrypted

from ansible_collections.stateops.langgraph.plugins.plugin_utils._awx_kinds import KINDS, NODES, Data, Entry, Kind, name_of

# The last word of an id, a label or a variable that holds a secret.
SECRET_NAME = re.compile(r"(?i)(password|passwd|passphrase|secret|token|credentials|(private|encryption|api|access)[ _-]?key|(^|_)pass)$")
LOGIN = re.compile("://[^/ ]*:[^/ ]*@")
# AWX quotes the beginning of a key that it rejects, so parts of a secret with this length are hidden as well.
PART = 8
# AWX can quote a whole object. The beginning of the message contains the reason.
LONGEST = 4000
# A template is evaluated by the job, and AWX returns $encrypted$ in place of a secret.
NOT_SECRET = re.compile(r"^[$]encrypted[$]$|[{][{]|^$")


def shown_secrets(data: Data) -> Iterator[str]:
    """A message for each secret that AWX would show to everyone who can see an object or its jobs."""
    for entry in data["awx_credential_types"]:
        for found in _shown_fields(entry):
            yield "AWX would show field %s of credential type %s, because it is not marked as secret. Add secret: true to the field." % (
                found,
                entry.get("name"),
            )
        if (entry.get("injectors") or {}).get("env"):
            yield (
                "Credential type %s injects environment variables, which the runner writes to the job's artifacts. Use file or extra_vars." % entry.get("name")
            )
    for kind, entry in entries(data):
        for option in kind.shown:
            given = entry.get(option)
            for name in _secret_variables("", _parsed(given)):
                yield (
                    "variable %s of %s %s contains a password, and AWX shows it to everyone who can see the object or its jobs. "
                    "Move the password to a credential, whose type injects it as an extra variable." % (name, kind.title, name_of(kind, entry))
                )


def _parsed(given: Any) -> Any:
    """The variables of an option, read as the module reads them."""
    try:
        return check_type_dict(given) if isinstance(given, str) else given
    except TypeError:
        return None


def entries(data: Data) -> Iterator[tuple[Kind, Entry]]:
    """Each entry, and each node of a workflow that is a dictionary."""
    for kind in KINDS:
        for entry in data.get(kind.variable, []):
            yield kind, entry
    for workflow in data["awx_workflows"]:
        nodes = workflow.get(NODES.variable) if isinstance(workflow, dict) else None
        for node in nodes if isinstance(nodes, list) else []:
            if isinstance(node, dict):
                yield NODES, node


def _shown_fields(entry: Entry) -> Iterator[str]:
    injectors = (entry.get("injectors") or {}).get("extra_vars") or {}
    injected = " ".join(str(value) for name, value in injectors.items() if SECRET_NAME.search(str(name)))
    for field in (entry.get("inputs") or {}).get("fields") or []:
        named = SECRET_NAME.search(str(field.get("id"))) or SECRET_NAME.search(str(field.get("label", "")))
        used = re.search(r"\b%s\b" % re.escape(str(field.get("id"))), injected)
        if field.get("type", "string") == "string" and not field.get("secret") and (named or used):
            yield str(field.get("id"))


def _secret_variables(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _secret_variables(str(key), each)
    elif isinstance(value, list):
        for each in value:
            yield from _secret_variables(name, each)
    elif vault_encrypted(value):
        yield name
    elif isinstance(value, str):
        if not NOT_SECRET.search(value) and (SECRET_NAME.search(name) or LOGIN.search(value)):
            yield name
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and SECRET_NAME.search(name):
        yield name


def unusable_inputs(entry: Entry, fields: dict[str, Any], sourced: set[str]) -> Iterator[str]:
    """A message for each input that AWX would store without a value, or reject with a message that quotes it. `fields` are the inputs of the type."""
    inputs = entry.get("inputs")
    if inputs is None:
        return
    title = "credential %s" % entry.get("name")
    known = {str(each.get("id")): each for each in fields.get("fields") or []}
    needed = set(fields.get("required") or []) & set(known)
    for name in sorted(needed - set(inputs) - sourced):
        yield "The input %s of %s is missing. Its type requires it." % (name, title)
    for name, value in inputs.items():
        field = known.get(name)
        if field is None:
            yield "The type of %s has no input %s. It has: %s." % (title, name, ", ".join(known))
        elif field.get("type") == "boolean":
            if not isinstance(value, bool):
                yield "The input %s of %s is not a boolean. Set it to true or false." % (name, title)
        elif isinstance(value, bool) or isinstance(value, (int, float, list, dict)):
            yield "The input %s of %s is not a text. Put the value in quotation marks." % (name, title)
        elif (name in needed or field.get("secret")) and not str(value or "").strip():
            yield "The input %s of %s is empty. Set it, or leave the input out if it is not required: an empty value would replace the stored one." % (
                name,
                title,
            )


def secret_texts(value: Any) -> Iterator[str]:
    """All texts in an option that can contain secrets."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from secret_texts(each)
    elif value is not None and len(str(value)) > 3:
        yield str(value)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text, with asterisks in place of each secret and of each longer part of one, also in the notation of JSON or Python."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    covered = bytearray(len(text))
    for secret in secrets:
        for form in (secret, str.__repr__(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            size = min(PART, len(form))
            for part in {form[start : start + size] for start in range(len(form) - size + 1)}:
                found = text.find(part)
                while found >= 0:
                    covered[found : found + size] = b"1" * size
                    found = text.find(part, found + 1)
    return re.sub("\0+", "********", "".join("\0" if hide else letter for letter, hide in zip(text, covered)))


def same(wanted: Any, found: Any) -> bool:
    """Whether AWX already has the wanted value. $encrypted$ matches any text, and AWX adds keys with defaults."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(same(value, found.get(name)) for name, value in wanted.items())
    return wanted == found or (found == "$encrypted$" and bool(wanted))


def keep_stored(wanted: Any, found: Any) -> Any:
    """The wanted value, with $encrypted$ in place of each empty text for which AWX has a secret."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {name: keep_stored(value, found.get(name)) for name, value in wanted.items()}
    return found if wanted in (None, "") and found == "$encrypted$" else wanted


def type_inputs(data: Data, name: Any) -> dict[str, Any] | None:
    """The inputs of a credential type in the data."""
    found = [each for each in data["awx_credential_types"] if each.get("name") == name]
    return (found[0].get("inputs") or {}) if found else None
