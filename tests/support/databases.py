# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new database with its owner and its application role. Its contents are read independently of the collection."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from servers import MARK

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
MIGRATIONS_TABLE = "checkpoint_migrations"

# Everything that a module could have changed: if two snapshots are equal, nothing was written.
CATALOG = {
    "schemas": """
        SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1""",
    "relations": """
        SELECT n.nspname, c.relname, c.oid, c.relkind::text, c.relowner::regrole::text, c.relacl::text, c.relfilenode,
               c.relpersistence::text, c.reloptions::text
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2""",
    "columns": """
        SELECT n.nspname, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attacl::text
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND a.attnum > 0 ORDER BY 1, 2, 3""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype::text, convalidated, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE conrelid <> 0 AND connamespace NOT IN
            (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema') ORDER BY 1, 2""",
    "indexes": """
        SELECT indexrelid::regclass::text, indisvalid, indisready, pg_get_indexdef(indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^pg_' ORDER BY 1""",
    "defaults": "SELECT defaclrole::regrole::text, defaclnamespace, defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY 1, 2, 3",
    "settings": "SELECT setdatabase, setrole, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2",
}

# Columns and indexes of a schema, one per line, without values that differ between databases, such as object ids and the names of owners.
SHAPE = """
    SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line,
           c.relname, 0, a.attnum
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT CASE WHEN i.indisvalid THEN '' ELSE 'INVALID ' END || regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX', '\\1INDEX'),
           t.relname, 1, row_number() OVER (ORDER BY c.relname)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace
    ORDER BY 2, 3, 4"""


class Role(NamedTuple):
    name: str
    password: str


class Database:
    """Statements run as the server's superuser, unless `role` selects another role."""

    def __init__(self, server, name, owner, app):
        self.server = server
        self.name = name
        self.owner = owner
        self.app = app
        self.roles = []

    @classmethod
    def create(cls, server):
        mark = secrets.token_hex(4)
        self = cls(server, "db_" + mark, None, None)
        self.owner = self.role("owner_" + mark)
        self.app = self.role("app_" + mark)
        # STRATEGY file_copy takes a third of the time of PostgreSQL's default.
        strategy = "STRATEGY file_copy" if server.version >= 15 else ""
        server.execute('CREATE DATABASE "%s" OWNER "%s" TEMPLATE template0 %s' % (self.name, self.owner.name, strategy))
        return self

    def drop(self):
        with self.server.connect() as connection:
            connection.execute('DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % self.name)
            for role in self.roles:
                connection.execute('DROP ROLE IF EXISTS "%s"' % role.name)

    def role(self, name, attributes="LOGIN"):
        """One more role, which is dropped together with the database. Its password must not be in any output."""
        role = Role(name, "%s-%s-%s" % (MARK, name[:3], secrets.token_hex(12)))
        self.server.execute("CREATE ROLE \"%s\" %s PASSWORD '%s'" % (role.name, attributes, role.password))
        self.roles.append(role)
        return role

    def connect(self, role=None, **kwargs):
        if role is None:
            return self.server.connect(self.name, **kwargs)
        return self.server.connect(self.name, user=role.name, password=role.password, **kwargs)

    def execute(self, statement, params=None, role=None):
        with self.connect(role) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def login(self, role=None, **more):
        """Connection options of the modules. The default role is the owner."""
        role = role or self.owner
        options = {
            "login_host": self.server.host,
            "login_port": self.server.port,
            "login_user": role.name,
            "login_password": role.password,
            "login_db": self.name,
        }
        options.update(more)
        return options

    def conninfo(self, role=None, schema=None):
        from psycopg.conninfo import make_conninfo

        role = role or self.owner
        more = {"options": "-c search_path=" + schema} if schema else {}
        return make_conninfo(host=self.server.host, port=self.server.port, user=role.name, password=role.password, dbname=self.name, **more)

    def setup(self, role=None, schema=None):
        """LangGraph's own setup(), as an application calls it at startup."""
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(self.conninfo(role, schema)) as saver:
            saver.setup()

    def saver(self, role=None, schema=None):
        from langgraph.checkpoint.postgres import PostgresSaver

        return PostgresSaver.from_conn_string(self.conninfo(role or self.app, schema))

    def grant(self, role=None, schema="public"):
        """Grant exactly the privileges that an application needs."""
        role = role or self.app
        with self.connect() as connection:
            connection.execute('GRANT USAGE ON SCHEMA "%s" TO "%s"' % (schema, role.name))
            for table in TABLES:
                connection.execute('GRANT SELECT, INSERT, UPDATE, DELETE ON "%s".%s TO "%s"' % (schema, table, role.name))
            connection.execute('GRANT SELECT ON "%s".%s TO "%s"' % (schema, MIGRATIONS_TABLE, role.name))

    def snapshot(self):
        """The catalog and every row of every table."""
        with self.connect() as connection:
            state = {name: connection.execute(query).fetchall() for name, query in CATALOG.items()}
            tables = connection.execute(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1"
            ).fetchall()
            state["rows"] = {
                name: connection.execute("SELECT t.ctid::text, t.xmin::text, t::text FROM %s t ORDER BY 1" % name).fetchall() for (name,) in tables
            }
        return state

    def shape(self):
        """The public schema, one object per line."""
        return [row[0] for row in self.execute(SHAPE)]

    def tables(self, schema="public"):
        return {
            name
            for (name,) in self.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'", [schema]
            )
        }

    def recorded(self, schema="public"):
        return self.execute('SELECT max(v) FROM "%s".%s' % (schema, MIGRATIONS_TABLE))[0][0]

    def indexes(self, schema="public"):
        """{name: whether the index is valid}."""
        return dict(
            self.execute(
                "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s",
                [schema],
            )
        )

    def columns(self, table, schema="public"):
        return [
            name
            for (name,) in self.execute(
                "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                [schema, table],
            )
        ]

    def owners(self, schema="public"):
        return dict(
            self.execute(
                "SELECT c.relname, c.relowner::regrole::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = %s AND c.relkind = 'r'",
                [schema],
            )
        )
