# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of an SQL expression by its text, as PostgreSQL prints it. Pure."""

from __future__ import annotations

import re

# Functions and casts of PostgreSQL that come to a value for every row.
SAFE_FUNCTIONS = tuple(
    "now clock_timestamp statement_timestamp transaction_timestamp gen_random_uuid uuidv4 uuidv7 uuid_generate_v4 nextval "
    "lower upper md5 length octet_length char_length coalesce jsonb_typeof hashtext nullif".split()
)
SAFE_CASTS = ("text", "character varying")
# A constant was cast when it was declared, so its cast cannot fail any more.
CONSTANT = re.compile(r"E?'(?:[^']|'')*'(?:::[a-z_]+(?: [a-z_]+)*(?:\(\d+(?:,\d+)?\))?(?:\[\])?)?")
CALL = re.compile(r'([\w."]+)\s*\(')
CAST = re.compile(r"::([\w.\" ]+)")
# Arithmetic overflows and divides by zero; -> and ->> are no arithmetic, and neither are ~* and ~~* (ILIKE).
ARITHMETIC = re.compile(r"[/%^+]|(?<!~)\*|-(?!>)")
WORDS = ("and", "or", "not", "any", "all", "in", "array", "case", "when", "then", "else", "is")
REACHING_IN = re.compile(r"->>?|#>>?")
# What a checkpoint holds under these names grows with the application's values and channels.
GROWING = re.compile(r"\b(channel_values|channel_versions|versions_seen)\b")
SHORTENING = ("md5", "length", "octet_length", "char_length", "hashtext", "jsonb_typeof")


def total(expression):
    """Whether it surely comes to a value, or NULL, for every row: nothing in it can fail."""
    text = CONSTANT.sub("0", expression)
    casts = {name.strip() for name in CAST.findall(text)}
    return all(map(_safe, CALL.findall(text))) and casts <= set(SAFE_CASTS) and not ARITHMETIC.search(text)


def _safe(name):
    """Whether a name before a bracket is PostgreSQL's own: it is printed bare, and quoted or with a schema where it is somebody else's."""
    return name.lower() in SAFE_FUNCTIONS + WORDS or name.endswith(".uuid_generate_v4")  # an extension's, in any schema


def mentions(expression, name):
    """Whether it names that column."""
    return re.search(r'(?<![\w.])"?%s"?(?!\w)' % re.escape(name), CONSTANT.sub("0", expression)) is not None


def whole(expression, name):
    """Whether it comes to as much as the column holds: it names it, and neither shortens it nor reaches into it for something small."""
    if not mentions(expression, name) or expression.lstrip("(").startswith(SHORTENING):
        return False
    return REACHING_IN.search(CONSTANT.sub("0", expression)) is None or GROWING.search(expression) is not None


def may_be_null(expression, columns):
    """Whether it may come to NULL, by the columns of its table."""
    return REACHING_IN.search(expression) is not None or any(column.nullable and mentions(expression, column.name) for column in columns)
