# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions in the form in which PostgreSQL prints them: whether they can fail, and whether they keep the size of a value."""

from __future__ import annotations

import pytest

from ansible_collections.stateops.langgraph.plugins.module_utils._schema.expressions import keeps_size, may_be_null, mentions, never_fails
from ansible_collections.stateops.langgraph.plugins.module_utils._schema.model import Column


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "thread_id",
        "now()",
        "CURRENT_TIMESTAMP",
        "gen_random_uuid()",
        "nextval('s'::regclass)",
        "'it''s 1 / 0'::text",
        "'{1,2}'::integer[]",
        "'-1'::integer",
        "'2020-01-01 00:00:00+00'::timestamp with time zone",
        "'1.5'::numeric(10,2)",
        "(metadata ->> 'step'::text)",
        "((metadata -> 'a'::text) ->> 'b'::text)",
        "(metadata #>> '{a,b}'::text[])",
        "lower((metadata ->> 'user'::text))",
        "md5((metadata)::text)",
        "(thread_id > 'a'::text) AND (type IS NOT NULL)",
        "(thread_id = ANY (ARRAY['a'::text, 'b'::text]))",
        "(thread_id || checkpoint_ns)",
        "(thread_id ~~* 'user-%'::text)",
        "(thread_id !~* 'x+'::text)",
        "COALESCE(type, ''::text)",
        '"left"(thread_id, 8)',
        "(now() + '30 days'::interval)",
        "(CURRENT_TIMESTAMP - '01:00:00'::interval)",
    ],
)
def test_what_cannot_fail(expression):
    assert never_fails(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "(1 / 0)",
        "(v + 1)",
        "(v - 1)",
        "((metadata ->> 'step'::text))::integer",
        "(thread_id)::uuid",
        "public.mine(thread_id)",
        '"Mine"(thread_id)',
        "app.lower(thread_id)",
        "app.uuid_generate_v4()",
        "(thread_id OPERATOR(app.||) type)",
        "'x'::app.d",
        "'x'::\"D\"",
        '"Lower"(thread_id)',
        "to_date(thread_id, 'YYYY'::text)",
        "current_setting('app.tenant'::text)",
        "(current_setting('app.tenant'::text))::uuid",
        "jsonb_array_length(metadata)",
        "'a'::text || (1 / 0)",
        "(v % 2)",
        "(v * 2)",
    ],
)
def test_what_can_fail(expression):
    assert not never_fails(expression)


def test_which_columns_are_mentioned():
    assert mentions("(metadata ->> 'x'::text)", "metadata") and mentions('lower("metadata")', "metadata")
    assert not mentions("(note ->> 'metadata'::text)", "metadata") and not mentions("metadata_of", "metadata")


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("metadata", True),
        ("(metadata)::text", True),
        ("lower((metadata)::text)", True),
        ("md5((metadata)::text)", False),
        ("octet_length(metadata)", False),
        ("(metadata ->> 'note'::text)", True),
        ("(metadata ->> 'source'::text)", False),
        ("(metadata -> 'step'::text)", False),
        ("((metadata -> 'note'::text) ->> 'source'::text)", True),
        ("(metadata -> 0)", True),
        ("(metadata #>> '{source}'::text[])", True),
        ("\"left\"((metadata ->> 'note'::text), 500)", False),
        ("(\"left\"((metadata ->> 'note'::text), 501))", True),
        ("\"left\"((metadata ->> 'note'::text), length(type))", True),
        ("(md5(type) || (metadata ->> 'note'::text))", True),
        ("((metadata)::text || md5(type))", True),
        ("(metadata -> 'channel_values'::text)", True),
        ("((metadata -> 'channel_values'::text) ->> 'notes'::text)", True),
        ("(metadata #>> '{channel_values,notes}'::text[])", True),
        ("md5((metadata ->> 'channel_values'::text))", False),
        ("type", False),
    ],
)
def test_what_contains_a_complete_value(expression, expected):
    assert keeps_size(expression, "metadata") is expected


def test_what_may_be_null():
    columns = (Column("a", "text", nullable=False), Column("b", "text"))
    assert not may_be_null("lower(a)", columns)
    assert may_be_null("NULLIF(a, 'x'::text)", columns) and may_be_null("CASE WHEN (a = 'x'::text) THEN a END", columns)
    assert may_be_null("lower(b)", columns) and may_be_null("(a ->> 'x'::text)", columns)
