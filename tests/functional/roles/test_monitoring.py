# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role monitoring on real servers, without an exporter: its login, its queries with the privileges of that login, and its alert rules.

The scenario monitoring runs the exporter and Prometheus.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path

import monitoring
import psycopg
import pytest
from aged_threads import DAY, ago, shapes
from databases import TABLES, Role
from langgraph.types import Command
from psycopg import errors
from psycopg.rows import dict_row

from ansible_collections.stateops.langgraph.plugins.module_utils._core.uuid6 import creation_time

ROLE = "stateops.langgraph.monitoring"
SUPPORT = Path(__file__).resolve().parents[2] / "support"
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool: apt-get install prometheus")


class Monitored:
    """A database with LangGraph's tables in the schema public, and the role's login for it."""

    def __init__(self, database, run_tasks, python):
        self.database = database
        self.run_tasks = run_tasks
        self.login = Role("monitoring %s" % secrets.token_hex(3), "monitor-päss'\"$- %s" % secrets.token_hex(8))
        database.roles.append(self.login)
        server = database.server
        self.vars = {
            "ansible_python_interpreter": python,
            "monitoring_login_host": server.host,
            "monitoring_login_port": server.port,
            "monitoring_login_user": server.user,
            "monitoring_login_password": server.password,
            "monitoring_login_db": database.name,
            "monitoring_schema": "public",
            "monitoring_user": self.login.name,
            "monitoring_password": self.login.password,
        }

    def run(self, *flags, fails=False, **changes):
        """The tasks that create the login; returns the outcome with the number of changes."""
        include = {"name": ROLE, "tasks_from": "create_login"}
        outcome = self.run_tasks([{"name": "Run", "ansible.builtin.include_role": include}], *flags, play={"vars": {**self.vars, **changes}})
        assert (outcome.rc != 0) == fails, outcome.output[-6000:]
        assert self.login.password not in outcome.everything and self.database.server.password not in outcome.everything, "a password was shown"
        assert not re.search(r"SCRAM-SHA-256\$\d+:", outcome.everything), "a verifier was shown"
        outcome.changes = int(re.search(r"changed=(\d+)", outcome.output).group(1))
        return outcome

    def query(self, name, **variables):
        """The rows of one of the exporter's queries, with its login."""
        text = monitoring.queries(monitoring_schema="public", **variables)[name]["query"]
        with self.database.connect(self.login, row_factory=dict_row) as connection:
            return connection.execute(text).fetchall()

    def refused(self, statement):
        """Even in a transaction that can write: the rows are not protected by the default of the session."""
        with pytest.raises(errors.InsufficientPrivilege):
            self.database.execute("BEGIN READ WRITE; %s; COMMIT" % statement, role=self.login)


@pytest.fixture
def monitored(database, run_tasks, target_venv):
    database.setup()
    database.grant()
    return Monitored(database, run_tasks, str(target_venv / "bin" / "python"))


def write(database):
    """Threads of different ages: complete ones, waiting ones, one that was answered, and one that waits in a subgraph; returns the time of each."""
    times = {}
    with database.saver() as saver:
        graphs = shapes(saver)

        def run(name, shape, days, given=None):
            with ago(days * DAY):
                graphs[shape].invoke(given or {"messages": ["hello"]}, {"configurable": {"thread_id": name}})
                times[name] = time.time() - days * DAY

        run("a complete one", "plain", 40)
        run("answered", "waits", 30)
        run("answered", "waits", 3, Command(resume="yes"))
        run("oldest", "waits", 20)
        run("in a subgraph", "nested", 10)
        run("newest", "plain", 1)
        run("breakpoint", "breaks", 25)
    return times


def test_the_queries_give_what_sql_gives(monitored):
    database = monitored.database
    times = write(database)
    database.execute("VACUUM ANALYZE")
    database.execute("DELETE FROM checkpoint_blobs WHERE thread_id = 'newest'")
    monitored.run()
    # The backend of the deletion reports its numbers when it ends.
    wait_for(lambda: database.execute("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = 'checkpoint_blobs'") != [(0,)])
    tables = {row.pop("table"): row for row in monitored.query("langgraph_table")}
    assert set(tables) == set(TABLES)
    for table, found in tables.items():
        ((total, indexes, rows),) = database.execute("SELECT pg_total_relation_size('{0}'), pg_indexes_size('{0}'), count(*) FROM {0}".format(table))
        assert found["bytes"] == total == found["heap_bytes"] + found["toast_bytes"] + found["index_bytes"]
        assert found["index_bytes"] == indexes and found["toast_bytes"] > 0 and found["heap_bytes"] > 0
        assert found["live_rows"] == rows
        assert found["inserted_rows_total"] >= rows and found["deleted_rows_total"] == found["dead_rows"] == found["inserted_rows_total"] - rows
        assert abs(found["last_vacuum_timestamp_seconds"] - time.time()) < 600
    assert tables["checkpoint_blobs"]["dead_rows"] > 0

    (threads,) = monitored.query("langgraph_threads")
    expected = {"examined": len(times), "estimated": len(times), "limited": 0, "waiting": 2}
    assert {name: threads[name] for name in expected} == expected
    assert threads["oldest_waiting_timestamp_seconds"] == pytest.approx(times["oldest"], abs=60)
    assert threads["newest_checkpoint_timestamp_seconds"] == pytest.approx(times["newest"], abs=60)
    (identifier,) = database.execute("SELECT max(checkpoint_id) FROM checkpoints")[0]
    assert threads["newest_checkpoint_timestamp_seconds"] == pytest.approx(creation_time(identifier), abs=0.001)


@pytest.mark.newest
def test_an_answer_ends_the_waiting(monitored):
    write(monitored.database)
    monitored.run()
    with monitored.database.saver() as saver:
        for thread, shape in (("oldest", "waits"), ("in a subgraph", "nested")):
            shapes(saver)[shape].invoke(Command(resume="yes"), {"configurable": {"thread_id": thread}})
    (threads,) = monitored.query("langgraph_threads")
    assert threads["waiting"] == 0 and threads["oldest_waiting_timestamp_seconds"] is None


@pytest.mark.newest
def test_empty_tables_have_values(monitored):
    monitored.run()
    (threads,) = monitored.query("langgraph_threads")
    assert threads == {**dict.fromkeys(("examined", "limited", "waiting", "estimated"), 0), **dict.fromkeys(TIMES)}
    assert [row["live_rows"] for row in monitored.query("langgraph_table")] == [0, 0, 0]


TIMES = ("oldest_waiting_timestamp_seconds", "newest_checkpoint_timestamp_seconds")
ROWS = "INSERT INTO checkpoints SELECT %s, '', %s, NULL, NULL, '{}', '{}' FROM generate_series(1, %s) AS i"


@pytest.mark.newest
@pytest.mark.parametrize(
    "identifier", ["1ef9c0a0-zzzz-6000-8000-000000000000", "________-____-6___-____-____________", "zz", "1ef9c0a0-1234-4000-8000-00000000000a"]
)
def test_an_id_without_a_time_is_no_error(monitored, identifier):
    database = monitored.database
    database.execute(ROWS % ("'t'", "%s", "1"), [identifier])
    database.execute("INSERT INTO checkpoint_writes VALUES ('t', '', %s, 'task', 0, '__interrupt__', 'msgpack', '', '')", [identifier])
    monitored.run()
    (threads,) = monitored.query("langgraph_threads")
    assert threads["examined"] == threads["waiting"] == 1 and {threads[name] for name in TIMES} == {None}


@pytest.mark.newest
def test_an_id_without_a_time_hides_no_thread_that_waits(monitored):
    """It is the lowest id of all, and has the form of a version 6 UUID except for its digits."""
    database = monitored.database
    for thread, identifier in (("planted", "00000000-0000-6zzz-8000-000000000000"), ("waits", "1ef9c0a0-1234-6000-8000-00000000000a")):
        database.execute(ROWS % ("'%s'" % thread, "%s", "1"), [identifier])
        database.execute("INSERT INTO checkpoint_writes VALUES (%s, '', %s, 'task', 0, '__interrupt__', 'msgpack', '', '')", [thread, identifier])
    monitored.run()
    (threads,) = monitored.query("langgraph_threads")
    assert threads["waiting"] == 2
    assert threads["oldest_waiting_timestamp_seconds"] == pytest.approx(creation_time("1ef9c0a0-1234-6000-8000-00000000000a"), abs=0.001)


@pytest.mark.newest
def test_a_scan_is_limited_and_says_so(monitored):
    database = monitored.database
    database.execute(ROWS % ("'t' || i", "i::text", "500"))
    database.execute("ANALYZE checkpoints")
    monitored.run()
    (threads,) = monitored.query("langgraph_threads", monitoring_scan_limit=100)
    assert (threads["examined"], threads["limited"]) == (100, 1)
    assert threads["estimated"] == pytest.approx(500, rel=0.2)
    (threads,) = monitored.query("langgraph_threads", monitoring_scan_limit=501)
    assert (threads["examined"], threads["limited"], threads["estimated"]) == (500, 0, 500)


@pytest.mark.newest
@pytest.mark.parametrize("analyzed", [True, False])
def test_a_scrape_does_not_read_the_rows_of_long_threads(monitored, analyzed):
    """Ten threads with 60,000 checkpoints: the number of pages that a query reads depends on the threads only, with and without statistics."""
    database = monitored.database
    database.execute("ALTER TABLE checkpoints SET (autovacuum_enabled = false)")
    database.execute("ALTER TABLE checkpoint_writes SET (autovacuum_enabled = false)")
    database.execute(ROWS % ("'t' || i % 10", "lpad(i::text, 36, '0')", "60000"))
    database.execute(
        "INSERT INTO checkpoint_writes SELECT 't' || i % 10, '', lpad(i::text, 36, '0'), 'task', 0, 'c', '', '' FROM generate_series(1, 60000) AS i"
    )
    if analyzed:
        database.execute("ANALYZE")
    monitored.run()
    whole = database.execute("SELECT sum(pg_relation_size(oid)) / 8192 FROM pg_class WHERE relname IN ('checkpoints', 'checkpoint_writes')")[0][0]
    read = {}
    for name, query in monitoring.queries(monitoring_schema="public").items():
        with database.connect(monitored.login) as connection:
            (plan,) = connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query["query"]).fetchone()
        read[name] = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        assert "Seq Scan" not in json.dumps([each for each in nodes(plan[0]["Plan"]) if each.get("Relation Name", "").startswith("checkpoint")])
    assert whole > 1000 and sum(read.values()) < 500, (whole, read)


def nodes(plan):
    """All nodes of a plan."""
    yield {key: value for key, value in plan.items() if key != "Plans"}
    for each in plan.get("Plans", []):
        yield from nodes(each)


def wait_for(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_login_reads_only_what_is_counted(monitored):
    database = monitored.database
    write(database)
    before = database.snapshot()
    assert monitored.run("--check", "--diff").changes > 0
    assert database.snapshot() == before
    offset = database.server.log.stat().st_size
    assert monitored.run().changes == 2
    assert monitored.run().changes == 0 and monitored.run("--check").changes == 0

    for statement in (
        "SELECT * FROM public.checkpoint_blobs",
        "SELECT count(*) FROM public.checkpoint_blobs",
        "SELECT checkpoint FROM public.checkpoints",
        "SELECT metadata FROM public.checkpoints",
        "SELECT parent_checkpoint_id FROM public.checkpoints",
        "SELECT blob FROM public.checkpoint_writes",
        "SELECT * FROM public.checkpoint_writes",
        "SELECT * FROM public.checkpoint_migrations",
        "DELETE FROM public.checkpoints",
        "UPDATE public.checkpoints SET thread_id = 'x'",
        "CREATE TABLE public.mine ()",
        'SET ROLE "%s"' % database.owner.name,
    ):
        monitored.refused(statement)
    settings = "SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('lock_timeout')"
    assert database.execute(settings, role=monitored.login) == [("pg_catalog", "10s", "1s")]
    assert database.execute("SELECT rolconnlimit, pg_has_role(oid, 'pg_monitor', 'MEMBER') FROM pg_roles WHERE rolname = %s", [monitored.login.name]) == [
        (5, False)
    ]
    log = database.server.log.read_bytes()[offset:].decode()
    assert "CREATE USER" in log and monitored.login.password not in log
    (verifier,) = database.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [monitored.login.name])[0]
    assert verifier.startswith("SCRAM-SHA-256$")


@pytest.mark.newest
def test_privileges_that_the_login_must_not_have_are_revoked(monitored):
    database = monitored.database
    monitored.run()
    for statement in (
        'GRANT SELECT ON checkpoint_blobs TO "%s"',
        'GRANT ALL ON checkpoints TO "%s"',
        'GRANT SELECT (blob), UPDATE (channel) ON checkpoint_writes TO "%s"',
        'GRANT CREATE ON SCHEMA public TO "%s"',
        'GRANT "' + database.owner.name + '" TO "%s"',
        'ALTER ROLE "%s" CREATEDB CONNECTION LIMIT -1',
        'ALTER ROLE "%s" IN DATABASE "' + database.name + '" RESET statement_timeout',
    ):
        database.execute(statement % monitored.login.name)
    # The control: these privileges allow damage.
    assert database.execute("SELECT * FROM public.checkpoint_blobs", role=monitored.login) == []
    assert monitored.run("--check").changes == 2
    assert monitored.run().changes == 2
    assert monitored.run().changes == 0
    for statement in ("SELECT * FROM public.checkpoint_blobs", "SELECT blob FROM public.checkpoint_writes", "CREATE TABLE public.mine ()"):
        monitored.refused(statement)
    assert len(monitored.query("langgraph_table")) == 3 and len(monitored.query("langgraph_threads")) == 1
    # A privilege that it may have, and must not give to others.
    database.execute('GRANT SELECT (thread_id) ON checkpoints TO "%s" WITH GRANT OPTION' % monitored.login.name)
    given = "BEGIN READ WRITE; GRANT SELECT (thread_id) ON public.checkpoints TO PUBLIC; COMMIT"
    shared = "SELECT count(*) FROM information_schema.column_privileges WHERE grantee = 'PUBLIC' AND table_name = 'checkpoints'"
    database.execute(given, role=monitored.login)
    assert database.execute(shared) == [(1,)]
    database.execute('REVOKE GRANT OPTION FOR SELECT (thread_id) ON checkpoints FROM "%s" CASCADE' % monitored.login.name)
    database.execute('GRANT SELECT (thread_id) ON checkpoints TO "%s" WITH GRANT OPTION' % monitored.login.name)
    assert monitored.run().changes == 1
    database.execute(given, role=monitored.login)
    assert database.execute(shared) == [(0,)]


@pytest.mark.newest
def test_a_new_password_is_set(monitored):
    monitored.run()
    monitored.login = Role(monitored.login.name, "another %s" % secrets.token_hex(8))
    monitored.vars["monitoring_password"] = monitored.login.password
    assert monitored.run("--check").changes == 1
    with pytest.raises(psycopg.OperationalError):
        monitored.query("langgraph_table")
    assert monitored.run().changes == 1 and monitored.run().changes == 0
    assert monitored.query("langgraph_table")


@pytest.mark.newest
def test_without_a_superuser(monitored):
    """An administrator who created the tables' owner cannot read verifiers, so the role tries the password."""
    database = monitored.database
    admin = database.role("admin %s" % secrets.token_hex(3), "LOGIN CREATEROLE")
    database.execute('GRANT "%s" TO "%s" WITH ADMIN TRUE' % (database.owner.name, admin.name))
    database.execute('ALTER SCHEMA public OWNER TO "%s"' % database.owner.name)
    monitored.vars.update(monitoring_login_user=admin.name, monitoring_login_password=admin.password)
    assert monitored.run().changes == 2 and monitored.run().changes == 0
    assert len(monitored.query("langgraph_threads")) == 1
    monitored.login = Role(monitored.login.name, "another %s" % secrets.token_hex(8))
    monitored.vars["monitoring_password"] = monitored.login.password
    assert monitored.run().changes == 1 and monitored.run().changes == 0
    assert monitored.query("langgraph_table")


@pytest.mark.newest
def test_server_metrics_need_pg_monitor(monitored):
    monitored.run(monitoring_server_metrics=True)
    member = "SELECT pg_has_role(%s, 'pg_monitor', 'MEMBER')"
    assert monitored.database.execute(member, [monitored.login.name]) == [(True,)]
    assert monitored.run().changes == 1
    assert monitored.database.execute(member, [monitored.login.name]) == [(False,)]


@pytest.mark.newest
@pytest.mark.parametrize(
    "statement, message",
    [
        ("DROP TABLE checkpoint_writes", "lacks checkpoint_writes. Set up the schema first"),
        ('CREATE ROLE "%s" SUPERUSER', "is a superuser, expected an ordinary role"),
        ('CREATE ROLE "%s"; ALTER TABLE checkpoints OWNER TO "%s"', "owns checkpoints in schema public"),
    ],
)
def test_a_server_that_is_not_suitable_is_rejected(monitored, statement, message):
    monitored.database.execute(statement.replace("%s", monitored.login.name))
    before = monitored.database.snapshot()
    assert message in " ".join(monitored.run(fails=True).output.split())
    assert monitored.database.snapshot() == before
    monitored.database.execute('ALTER TABLE checkpoints OWNER TO "%s"' % monitored.database.owner.name)


@pytest.mark.newest
def test_a_scrape_ends_if_a_migration_holds_the_lock(monitored):
    """The time limits belong to the login, so they also apply to the exporter."""
    monitored.run(monitoring_statement_timeout=2)
    with monitored.database.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        for name in ("langgraph_table", "langgraph_threads"):
            begun = time.monotonic()
            with pytest.raises(errors.LockNotAvailable):
                monitored.query(name)
            assert time.monotonic() - begun < 5
    with monitored.database.connect(monitored.login) as connection, pytest.raises(errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(10)")


class Textfile:
    """Runs record_success with a directory of its own."""

    def __init__(self, run_tasks, folder):
        self.run_tasks, self.folder = run_tasks, folder

    def run(self, *flags, playbook="verify", folder=None, play=None):
        include = {"name": ROLE, "tasks_from": "record_success"}
        variables = {"monitoring_success_playbook": playbook, "monitoring_textfile_directory": str(self.folder if folder is None else folder)}
        return self.run_tasks([{"name": "Run", "ansible.builtin.include_role": include, "vars": variables}], *flags, play=play)


@pytest.fixture
def textfile(run_tasks, tmp_path):
    return Textfile(run_tasks, tmp_path)


LINE = re.compile(r'langgraph_last_success_timestamp_seconds\{playbook="(\w+)"\} (\d+)')


def test_a_successful_run_is_recorded_without_a_change(textfile):
    for playbook in ("verify", "prune"):
        done = textfile.run(playbook=playbook)
        assert done.rc == 0 and "changed=0" in done.output
    assert sorted(path.name for path in textfile.folder.iterdir()) == ["langgraph_prune.prom", "langgraph_verify.prom"]
    for path in textfile.folder.iterdir():
        heading, kind, line = path.read_text().splitlines()
        assert heading == "# HELP %s Time of the last successful run of a playbook" % monitoring.RECORDED
        assert kind == "# TYPE %s gauge" % monitoring.RECORDED
        playbook, recorded = LINE.fullmatch(line).groups()
        assert path.name == "langgraph_%s.prom" % playbook and abs(int(recorded) - time.time()) < 60
        assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_is_recorded_in_check_mode_or_without_a_directory(textfile):
    assert textfile.run("--check").rc == 0 and textfile.run(folder="").rc == 0
    assert list(textfile.folder.iterdir()) == []


def test_a_planted_link_is_not_followed(textfile):
    """The directory may belong to another account, which can plant a link of the file's name."""
    target = textfile.folder / "target"
    target.write_text("unchanged")
    (textfile.folder / "langgraph_verify.prom").symlink_to(target)
    assert textfile.run().rc == 0
    assert target.read_text() == "unchanged" and not (textfile.folder / "langgraph_verify.prom").is_symlink()
    # The control: a file that is written in place would change the target.
    (textfile.folder / "control.prom").symlink_to(target)
    subprocess.run(["sh", "-c", "date > control.prom"], cwd=textfile.folder, check=True)
    assert target.read_text() != "unchanged"


# Programs in place of a fast attacker: as soon as the name of the new file is free or chosen, a link of this name leads to $VICTIM.
FAST = {
    "rm": '%s "$@"; for name; do :; done; [ -e "$name" ] || ln -s "$VICTIM" "$name"\n',
    "mktemp": 'name=$(%s "$@"); ln -s "$VICTIM" "$name"; echo "$name"\n',
}


def test_a_link_that_is_planted_meanwhile_leads_to_no_device(textfile, tmp_path_factory):
    """A FIFO in place of a disk, to which root can write and the account cannot."""
    scratch = tmp_path_factory.mktemp("fast")
    for name, text in FAST.items():
        (scratch / name).write_text("#!/bin/sh\n" + text % shutil.which(name))
        (scratch / name).chmod(0o755)
    fifo = scratch / "fifo"
    os.mkfifo(fifo)
    env = {"PATH": "%s:%s" % (scratch, os.environ["PATH"]), "VICTIM": str(fifo)}
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = textfile.run(play={"environment": env})
        assert done.rc != 0 and os.read(reader, 100) == b""
        assert [path.name for path in textfile.folder.iterdir() if path.suffix == ".prom"] == []
        # The control: with noclobber, the shell writes to it.
        subprocess.run(["sh", "-c", "set -C; rm -f new; echo harm > new"], cwd=textfile.folder, env={**os.environ, **env}, check=True)
        assert os.read(reader, 100) == b"harm\n"
    finally:
        os.close(reader)


def test_a_name_that_is_not_suitable_is_rejected(textfile):
    done = textfile.run(playbook='verify"} 1\nother{x="')
    assert done.rc != 0 and list(textfile.folder.iterdir()) == []


@promtool
def test_the_alert_rules_are_valid_and_fire(tmp_path):
    (tmp_path / "langgraph.rules.yml").write_text(monitoring.rules())
    shutil.copy(SUPPORT / "langgraph.rules.test.yml", tmp_path)
    check(tmp_path, "check", "rules", "--lint=all", "--lint-fatal", "langgraph.rules.yml")
    check(tmp_path, "test", "rules", "langgraph.rules.test.yml")


@promtool
def test_every_expression_of_the_dashboard_is_valid(tmp_path):
    """Grafana replaces its variables before the expression reaches Prometheus."""
    texts = [expression.replace("$__rate_interval", "5m").replace("$instance", ".*") for expression in monitoring.expressions()]
    lines = ["groups:", "- name: dashboard", "  rules:"]
    for number, text in enumerate(texts):
        lines += ["  - record: panel_%d" % number, "    expr: %s" % json.dumps(text)]
    (tmp_path / "dashboard.yml").write_text("\n".join(lines) + "\n")
    assert "%d rules found" % len(texts) in check(tmp_path, "check", "rules", "--lint=none", "dashboard.yml")


def check(folder, *arguments):
    done = subprocess.run(["promtool", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout
