# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions and operators in schema public that PostgreSQL may call for an unqualified name. They log the role with whose rights they run."""

from __future__ import annotations

import re

RAN = re.compile(r"WARNING:  planted code ran as (\w+)")
# With these signatures, PostgreSQL prefers the planted object to its own, whose argument is polymorphic or must be converted.
BETTER = (
    ("unnest", "smallint[]", "SETOF smallint", "RETURN QUERY SELECT pg_catalog.unnest($1)"),
    ("unnest", "text[]", "SETOF text", "RETURN QUERY SELECT pg_catalog.unnest($1)"),
    ("unnest", "name[]", "SETOF name", "RETURN QUERY SELECT pg_catalog.unnest($1)"),
    ("joined", "name, name", "text", "RETURN pg_catalog.concat($1, $2)"),
    ("joined", "integer, integer", "text", "RETURN pg_catalog.concat($1, $2)"),
    ("gathered", "bytea[], bytea[]", "bytea[]", "RETURN pg_catalog.array_cat($1, $2)"),
)
OPERATORS = (("||", "name", "name", "joined"), ("||", "integer", "integer", "joined"))
# The saver's own query calls array_agg().
AGGREGATE = "CREATE AGGREGATE public.array_agg(bytea[]) (SFUNC = public.gathered, STYPE = bytea[])"
# PostgreSQL's own signatures. It prefers the planted objects only if the search_path names their schema before pg_catalog.
SAME = (
    ("pg_backend_pid", "", "integer", "RETURN pg_catalog.pg_backend_pid()"),
    ("set_config", "text, text, boolean", "text", "RETURN pg_catalog.set_config($1, $2, $3)"),
    ("current_setting", "text", "text", "RETURN pg_catalog.current_setting($1)"),
    ("current_schemas", "boolean", "name[]", "RETURN pg_catalog.current_schemas($1)"),
    ("pg_try_advisory_lock", "integer, integer", "boolean", "RETURN pg_catalog.pg_try_advisory_lock($1, $2)"),
    ("pg_advisory_unlock", "integer, integer", "boolean", "RETURN pg_catalog.pg_advisory_unlock($1, $2)"),
    ("pg_has_role", "name, text", "boolean", "RETURN pg_catalog.pg_has_role($1, $2)"),
    ("has_schema_privilege", "oid, text", "boolean", "RETURN pg_catalog.has_schema_privilege($1, $2)"),
    ("convert_to", "text, name", "bytea", "RETURN pg_catalog.convert_to($1, $2)"),
    ("equal", "name, name", "boolean", "RETURN pg_catalog.nameeq($1, $2)"),
    ("equal", "name, text", "boolean", "RETURN pg_catalog.nameeqtext($1, $2)"),
    ("equal", "text, text", "boolean", "RETURN pg_catalog.texteq($1, $2)"),
)
SAME_OPERATORS = (("=", "name", "name", "equal"), ("=", "name", "text", "equal"), ("=", "text", "text", "equal"))


def plant(database, role, functions=BETTER, operators=OPERATORS):
    """Create the objects in schema public as a role."""
    with database.connect(role) as connection:
        for name, arguments, result, body in functions:
            connection.execute(
                "CREATE FUNCTION public.%s(%s) RETURNS %s LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE WARNING 'planted code ran as %%', current_user; %s; END $$" % (name, arguments, result, body)
            )
        for name, left, right, function in operators:
            connection.execute("CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%s)" % (name, left, right, function))


def ran_as(database):
    """The roles with whose rights planted code ran in this database."""
    lines = database.server.log.read_text(errors="replace").splitlines()
    return {match.group(1) for line in lines if "@%s " % database.name in line for match in [RAN.search(line)] if match}
