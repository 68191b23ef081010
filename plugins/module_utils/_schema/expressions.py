# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of an SQL expression that its text shows, in the form in which PostgreSQL prints it. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column

# Functions and casts of PostgreSQL that do not fail for any value.
SAFE_FUNCTIONS = tuple(
    "now clock_timestamp statement_timestamp transaction_timestamp gen_random_uuid uuidv4 uuidv7 nextval "
    'lower upper md5 length octet_length char_length coalesce jsonb_typeof hashtext nullif "left" "right"'.split()
)
SAFE_CASTS = ("text", "character varying")
# PostgreSQL has already evaluated the cast of a constant to one of its own types, so it cannot fail later. A cast to a domain is evaluated again.
CONSTANT = re.compile(r"E?'(?:[^']|'')*'(?:::[a-z_]+(?: [a-z_]+)*(?:\(\d+(?:,\d+)?\))?(?:\[\])?(?![\w.\"]))?")
# A time that is added to the current one, after constants are replaced. It overflows in the year 294276.
LATER = re.compile(r"\((?:(?:now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)|CURRENT_TIMESTAMP) [+-] 0\)")
CALL = re.compile(r'([\w."]+)\s*\(')
CAST = re.compile(r"::([\w.\" ]+)")
# Arithmetic can overflow or divide by zero. The operators ->, ->>, ~* and ~~* (ILIKE) are not arithmetic.
ARITHMETIC = re.compile(r"[/%^+]|(?<!~)\*|-(?!>)")
WORDS = ("and", "or", "not", "any", "all", "in", "array", "case", "when", "then", "else", "is")
REACHING_IN = re.compile(r"->>?|#>>?")
YIELDING_NULL = re.compile(r"->>?|#>>?|\b(?:NULLIF|CASE)\b", re.IGNORECASE)
MEMBER = re.compile(r"->>?\s*E?'((?:[^']|'')*)'")
# The members of a checkpoint whose size grows with the application's values and channels, and the members of its metadata to which LangGraph gives small
# values. An application can add members to the metadata, but not to the checkpoint.
GROWING = re.compile(r"\b(channel_values|channel_versions|versions_seen|pending_sends|updated_channels)\b")
SMALL_MEMBERS = {"source", "step"}
SHORTENING = ("md5", "length", "octet_length", "char_length", "hashtext", "jsonb_typeof", "left", "right")
# left() and right() of this many characters always fit into an index entry.
SHORT = 500


def never_fails(expression: str, own_type: str = "") -> bool:
    """Whether evaluating the expression certainly does not fail for any row. own_type: a type without a constraint, such as an enum."""
    text = LATER.sub("0", CONSTANT.sub("0", expression))
    if own_type and text == "0::%s" % own_type:
        return True
    casts = {name.strip() for name in CAST.findall(text)}
    return all(map(_safe, CALL.findall(text))) and casts <= set(SAFE_CASTS) and not ARITHMETIC.search(text)


def _safe(name: str) -> bool:
    """Whether a name before a parenthesis is in PostgreSQL's pg_catalog and safe: functions of other schemas are printed with quotes or a schema."""
    return name.lower() in SAFE_FUNCTIONS + WORDS


def mentions(expression: str, name: str) -> bool:
    """Whether the expression uses the column."""
    return re.search(r'(?<![\w.])"?%s"?(?!\w)' % re.escape(name), CONSTANT.sub("0", expression)) is not None


def keeps_size(expression: str, name: str) -> bool:
    """Whether the result can be too large for an index entry: the expression uses the column and does not reduce or extract a small part of it."""
    text = CONSTANT.sub("0", expression)
    if not mentions(expression, name) or _shortened(text):
        return False
    members = MEMBER.findall(expression)
    if name == "checkpoint" and REACHING_IN.search(text):
        return GROWING.search(expression) is not None
    return not members or len(members) < len(REACHING_IN.findall(text)) or not SMALL_MEMBERS.issuperset(members)


def _shortened(text: str) -> bool:
    """Whether the expression, in which constants are replaced, is a single call of a function with a short result."""
    while text.startswith("(") and _closes(text, 0):
        text = text[1:-1]
    match = re.match(r'"?(\w+)"?\(', text)
    if match is None or match.group(1) not in SHORTENING or not _closes(text, match.end() - 1):
        return False
    count = re.search(r", (\d+)\)$", text)
    return match.group(1) not in ("left", "right") or count is not None and int(count.group(1)) <= SHORT


def _closes(text: str, start: int) -> bool:
    """Whether the parenthesis at this place is closed by the last character."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place == len(text) - 1
    return False


def may_be_null(expression: str, columns: Iterable[Column]) -> bool:
    """Whether the result may be NULL, given the columns of the table."""
    return YIELDING_NULL.search(CONSTANT.sub("0", expression)) is not None or any(column.nullable and mentions(expression, column.name) for column in columns)
