# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoint_prune: why threads are kept, what is refused, and what the result contains."""

from __future__ import annotations

import hashlib
import json
import random
import uuid

import pytest
from aged_threads import DAY, TABLES, ago, live, rows, shapes, sizes
from assertions import assert_refused, assert_succeeded
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import Command
from prune_runs import pruned, run
from scope import usual
from sqlite_threads import put

pytestmark = pytest.mark.newest

NEVER = "2000w"


def identifier(seconds):
    with ago(seconds):
        return str(uuid6(clock_seq=-2))


def kept(done):
    """{reason: number} without the reasons that do not occur."""
    return {reason: number for reason, number in done["kept"].items() if number}


def old(database, *threads, shape="plain", turns=1, age=40):
    """Finished threads of this age in days."""
    with database.saver() as saver, ago(age * DAY):
        for thread in threads:
            for _turn in range(turns):
                shapes(saver)[shape].invoke({"messages": ["hello"]}, {"configurable": {"thread_id": thread}, "metadata": {"tenant": "t"}})


@pytest.mark.parametrize(
    "options, patterns",
    [
        ({}, ("No option selects",)),
        ({"exclude_threads": ["a"]}, ("No option selects",)),
        ({"threads": []}, ("threads is empty", "Leave it out")),
        ({"older_than": "1d", "threads": []}, ("threads is empty",)),
        ({"metadata": {}, "older_than": "1d"}, ("metadata is empty",)),
        ({"older_than": "30"}, ("older_than", "unit")),
        ({"older_than": "0d"}, ("older_than", "greater than 0")),
        ({"older_than": ""}, ("older_than",)),
        ({"older_than": "1d", "limit_percent": 101}, ("limit_percent is 101",)),
        ({"older_than": "1d", "batch_size": 0}, ("batch_size is 0",)),
        ({"older_than": "1d", "pause": -0.5}, ("pause is -0.5",)),
        ({"orphans": True, "orphan_grace": -1}, ("orphan_grace is -1",)),
    ],
)
def test_options_that_are_refused(ready, call_module, options, patterns):
    old(ready, "a")
    before = rows(ready)
    for check in (True, False):
        assert_refused(run(call_module, ready, check, **options), *patterns, databases=[ready])
    assert rows(ready) == before


def test_the_age_is_that_of_the_newest_checkpoint_of_any_namespace(ready, call_module):
    """An id of another kind shows no age, wherever it is. A future id is not old."""
    old(ready, "old", "young sub", "other sub", "other newest", "other older", "waits for writes", "future", "upper case")
    old(ready, "young", age=10)
    with ready.saver() as saver:
        put(saver, "young sub", {"a": [1]}, identifier=identifier(DAY), space="child:1")
        put(saver, "other sub", {"a": [1]}, identifier=str(uuid.uuid4()), space="child")
        put(saver, "other newest", {"a": [1]}, identifier="zzz")
        put(saver, "other older", {"a": [1]}, identifier="0001")
        put(saver, "future", {"a": [1]}, identifier=identifier(-10 * DAY))
        put(saver, "upper case", {"a": [1]}, identifier=identifier(DAY).upper())
        saver.put_writes({"configurable": {"thread_id": "waits for writes", "checkpoint_ns": "", "checkpoint_id": identifier(DAY)}}, [("a", 1)], "task")
    done = pruned(call_module, ready, older_than="30d", show_threads=True)
    assert done["deleted_threads"] == {"total": 1, "sample": ["old"]}
    assert kept(done) == {"recent": 4, "age_unknown": 4}
    assert done["threads"] == {"considered": 9, "deleted": 1, "trimmed": 0, "kept": 8, "remaining": 0}
    # Ids of another kind can be selected by name.
    done = pruned(call_module, ready, threads=["other *", "upper case"], force=True)
    assert done["threads"]["deleted"] == 4


def test_ids_of_any_form(ready, call_module):
    """Ids are compared as they are, in pages and in lists: quotes, percent signs, wildcards, line breaks, empty ones, and ones that sort strangely."""
    names = [
        "",
        " ",
        "a",
        "A",
        "a%s",
        "a'; DROP TABLE checkpoints; --",
        '"',
        "a\nb",
        "\\",
        "[a]",
        "*",
        "\u00e4",
        "\U0001f600",
        "a" * 2000,
        "-",
        "_",
        "{x}",
        "$1",
        "NULL",
    ]
    with ready.saver() as saver:
        for thread in names:
            put(saver, thread, {"a": [thread]}, identifier=identifier(40 * DAY))
    done = pruned(call_module, ready, threads=["a%s", "a'; DROP TABLE checkpoints; --", "", "\U0001f600", "absent"], show_threads=True)
    assert sorted(done["deleted_threads"]["sample"]) == sorted(["", "a%s", "a'; DROP TABLE checkpoints; --", "\U0001f600"])
    assert done["threads"]["considered"] == 4, "a list without patterns reads only its threads"
    done = pruned(call_module, ready, threads=["[[]a[]]", "a?b"], show_threads=True)
    assert sorted(done["deleted_threads"]["sample"]) == ["[a]", "a\nb"]
    done = pruned(call_module, ready, older_than="30d", exclude_threads=["$1"], force=True)
    assert done["threads"] == {"considered": 13, "deleted": 12, "trimmed": 0, "kept": 1, "remaining": 0} and kept(done) == {"excluded": 1}
    assert ready.execute("SELECT DISTINCT thread_id FROM checkpoints") == [("$1",)]


def test_ids_are_hashed_unless_they_are_asked_for(ready, run_module):
    old(ready, "alice@example.com", "bob@example.com")
    args = ready.login(ready.app, threads=["*@example.com"], limit_percent=100)
    plan = assert_succeeded(run_module("checkpoint_prune", dict(args, show_threads=True), check=True), ready)
    assert plan["deleted_threads"]["sample"] == ["alice@example.com", "bob@example.com"] and plan["changed"]
    done = assert_succeeded(run_module("checkpoint_prune", args), ready)
    hashes = ["sha256:" + hashlib.sha256(name.encode()).hexdigest() for name in plan["deleted_threads"]["sample"]]
    assert done["deleted_threads"] == {"total": 2, "sample": hashes}
    assert "alice" not in json.dumps(dict(done)) and done["changed"]


def test_limit_percent(ready, call_module):
    """If more than this share of all threads would be deleted, nothing is deleted. An empty database has no limit, and keep=latest deletes no thread."""
    old(ready, *("old %d" % number for number in range(6)), turns=2)
    old(ready, *("young %d" % number for number in range(4)), age=1)
    before = rows(ready)
    for options in (
        {"older_than": "30d"},
        {"threads": ["old*"], "limit_percent": 59},
        {"threads": ["old 1"], "limit_percent": 9},
        {"threads": ["old 1"], "limit_percent": 0},
    ):
        for check in (True, False):
            done = assert_refused(run(call_module, ready, check, **options), "threads", "limit_percent is", "Nothing was deleted", "force", databases=[ready])
        assert done["threads"]["deleted"] == 0
    assert "6 of 10 threads (60 %)" in run(call_module, ready, older_than="30d")["msg"]
    assert rows(ready) == before
    assert pruned(call_module, ready, threads=["*"], keep="latest", limit_percent=0)["threads"]["trimmed"] == 10
    assert pruned(call_module, ready, older_than="30d", limit_percent=60)["threads"]["deleted"] == 6
    assert pruned(call_module, ready, threads=["*"], force=True)["threads"]["deleted"] == 4
    assert not any(rows(ready).values())
    assert pruned(call_module, ready, older_than="30d")["threads"]["considered"] == 0


def test_threads_that_wait(ready, call_module):
    """An interrupt, also of a subgraph or of one of several tasks; a breakpoint; a killed run. Not a finished run, nor one whose node failed."""
    draw = random.Random(0)
    with ready.saver() as saver, ago(40 * DAY):
        graphs = shapes(saver)
        for shape in ("plain", "waits", "nested", "sends", "breaks", "stateful"):
            live(graphs[shape], shape, draw, 0)
        config = {"configurable": {"thread_id": "answered"}}
        graphs["waits"].invoke({"messages": ["hello"]}, config)
        graphs["waits"].invoke(Command(resume="yes"), config)
        half = {"configurable": {"thread_id": "half"}}
        graphs["sends"].invoke({"messages": ["hello"]}, half)
        asked = graphs["sends"].get_state(half).interrupts
        graphs["sends"].invoke(Command(resume={asked[0].id: "yes"}), half)
        with pytest.raises(ZeroDivisionError):
            failing(saver).invoke({"messages": []}, {"configurable": {"thread_id": "failed"}})
        live(graphs["plain"], "killed", draw, 0)
    # What a killed run leaves: its newest checkpoint is not the last one.
    ready.execute(
        "DELETE FROM checkpoints WHERE thread_id = 'killed' AND checkpoint_id = (SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = 'killed')"
    )
    with ready.saver() as saver:
        state = shapes(saver)["breaks"].get_state({"configurable": {"thread_id": "breaks"}})
        assert state.next == ("again",) and not state.interrupts
    done = pruned(call_module, ready, older_than="30d", show_threads=True, limit_percent=100)
    assert sorted(done["deleted_threads"]["sample"]) == ["answered", "failed", "plain", "stateful"]
    assert kept(done) == {"waiting": 4, "unfinished": 2}
    assert pruned(call_module, ready, older_than="30d", waiting="delete", force=True)["threads"]["deleted"] == 6


def failing(saver):
    from aged_threads import START, State, StateGraph

    builder = StateGraph(State)
    builder.add_node("fail", lambda state: {"count": 1 / 0})
    builder.add_edge(START, "fail")
    return builder.compile(checkpointer=saver)


def test_metadata(ready, call_module):
    """Containment, by type and value. One checkpoint is enough."""
    with ready.saver() as saver:
        for number, metadata in enumerate(({"user": "a"}, {"user": "a", "more": {"x": [1, 2]}}, {"user": 1}, {"user": "1"}, {"user": None}, {})):
            put(saver, "t%d" % number, {"a": [1]}, metadata=metadata)
        put(saver, "t1", {"a": [1]}, identifier="zzz", metadata={"user": "b"})
    for metadata, number in (({"user": 1}, 1), ({"user": "1"}, 1), ({"more": {"x": [2]}}, 1), ({"user": "A"}, 0), ({"user": None}, 1), ({"user": "a"}, 2)):
        done = assert_succeeded(run(call_module, ready, True, metadata=metadata, force=True), ready)
        assert done["threads"]["deleted"] == number, metadata
        assert kept(done) == {"other_metadata": 6 - number}
    assert pruned(call_module, ready, metadata={"user": "b"})["threads"]["deleted"] == 1


@pytest.mark.parametrize("metadata, place", [({"tags": []}, "metadata.tags"), ({"more": {}}, "metadata.more"), ({"more": {"x": [{}]}}, "metadata.more.x.0")])
def test_an_empty_value_in_metadata_does_not_select_everybody(ready, call_module, metadata, place):
    """An empty value, as from a variable that was not set. The control: PostgreSQL finds it in the metadata of both threads."""
    with ready.saver() as saver:
        for thread in ("a", "b"):
            put(saver, thread, {"a": [1]}, metadata={"tags": [thread], "more": {"x": [{"y": thread}]}})
    assert_refused(run(call_module, ready, metadata=metadata, force=True), "%s is empty" % place, databases=[ready])
    assert any(sizes(ready, "a")) and any(sizes(ready, "b"))
    assert ready.execute("SELECT count(DISTINCT thread_id) FROM checkpoints WHERE metadata @> %s::jsonb", [json.dumps(metadata)]) == [(2,)]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("option", ["threads", "exclude_threads"])
def test_a_pattern_that_is_also_an_id_is_refused(ready, call_module, option, check):
    """Somebody names a thread user*, and asks for its erasure."""
    old(ready, "user*", "user1", "user2")
    more = {} if option == "threads" else {"older_than": "30d"}
    done = run(call_module, ready, check, force=True, **{option: ["other", "user*"]}, **more)
    assert_refused(done, "Entry 2 of %s contains" % option, "also the id of a thread", databases=[ready])
    assert "user" not in done["msg"] and all(any(sizes(ready, thread)) for thread in ("user*", "user1", "user2"))
    refused = run(call_module, ready, check, force=True, show_threads=True, **{option: ["user*"]}, **more)
    assert_refused(refused, r"write it as user\[[*]\]", databases=[ready])
    if option == "threads" and not check:
        # The advice works, and so does the pattern.
        assert pruned(call_module, ready, threads=["user[*]"], force=True)["threads"]["deleted"] == 1
        assert any(sizes(ready, "user1")) and pruned(call_module, ready, threads=["user*"], force=True)["threads"]["deleted"] == 2


def test_erasure_leaves_no_row(ready, call_module):
    """A thread whose checkpoints another program has deleted is deleted as well. Another thread keeps its rows."""
    old(ready, "user-1", "user-1-a", "user-10", shape="nested", age=0)
    ready.execute("DELETE FROM checkpoints WHERE thread_id = 'user-1-a'")
    before = {table: [row for row in found if "user-10" in row] for table, found in rows(ready).items()}
    done = pruned(call_module, ready, threads=["user-1", "user-1-*"], waiting="delete", force=True)
    assert done["threads"]["deleted"] == 2 and rows(ready) == before and all(before.values())


def test_threads_with_a_delta_channel(ready, call_module):
    """They are kept whole and counted, also where update_state() of langgraph 1.2.0 left no sign. The control: the library's prune() loses such a state."""
    with ready.saver() as saver, ago(40 * DAY):
        app = shapes(saver)["delta"]
        live(app, "delta", random.Random(1), 4)
        for text in ("first", "second", "third"):
            app.update_state({"configurable": {"thread_id": "updated"}}, {"messages": [text]}, as_node="talk")
    old(ready, "plain", turns=2)
    ready.execute(
        "UPDATE checkpoints SET metadata = metadata - 'counters_since_delta_snapshot', checkpoint = checkpoint #- '{channel_values,messages}'"
        " WHERE thread_id = 'updated'"
    )
    ready.execute("DELETE FROM checkpoint_blobs WHERE thread_id = 'updated'")
    config = {"configurable": {"thread_id": "updated"}}
    with ready.saver() as saver:
        state = shapes(saver)["delta"].get_state(config).values
    done = pruned(call_module, ready, older_than="30d", keep="latest", show_threads=True)
    assert done["delta_threads"] == {"total": 2, "sample": ["delta", "updated"]} and kept(done) == {"delta_channel": 2}
    assert done["threads"]["trimmed"] == 1 and "2 threads have a DeltaChannel" in str(done["warnings"])
    with ready.saver() as saver:
        app = shapes(saver)["delta"]
        assert app.get_state(config).values == state and state["messages"]
        saver.prune(["updated"], strategy="keep_latest")
        assert app.get_state(config).values != state


def test_pending_sends_of_old_checkpoints(ready, call_module):
    """PostgresSaver reads them from the pending writes of the parent, which keep=latest therefore keeps, with the subgraph's call that started from it."""
    with ready.saver() as saver:
        for thread, sends in (("sends", [("t", "", [("__pregel_tasks", "send")])]), ("none", ())):
            parents = [None]
            for number in range(4):
                parents.append(put(saver, thread, {"a": number}, {"a": str(number)}, identifier(40 * DAY - number), parents[-1], writes=sends, v=1))
            # put_writes() of the newest one only.
            ready.execute("DELETE FROM checkpoint_writes WHERE thread_id = %s AND checkpoint_id = %s", [thread, parents[-1]])
            for task, parent in enumerate(parents[-2:]):
                put(saver, thread, {}, {}, identifier(40 * DAY), space="call:%d" % task, metadata={"source": "loop", "step": 0, "parents": {"": parent}})
        newest = {"configurable": {"thread_id": "sends", "checkpoint_ns": ""}}
        before = saver.get_tuple(newest)
        assert before.checkpoint["channel_values"] == {"a": 3, "__pregel_tasks": ["send"]}
    done = pruned(call_module, ready, older_than="30d", keep="latest")
    # Of each thread, all checkpoints but one or two, and one call of the thread without sends.
    assert done["rows"] == {"checkpoints": 6, "blobs": 0, "writes": 2}
    with ready.saver() as saver:
        assert saver.get_tuple(newest).checkpoint == before.checkpoint
    done = pruned(call_module, ready, older_than="30d", force=True)
    assert done["threads"]["deleted"] == 1 and kept(done) == {"unfinished": 1}


@pytest.mark.parametrize(
    "damage",
    usual(
        [
            "jsonb_set(checkpoint, '{v}', '\"x\"')",
            "jsonb_set(checkpoint, '{channel_versions}', '[]')",
            "jsonb_set(checkpoint, '{channel_values}', '3')",
            "'[]'::jsonb",
            "'null'::jsonb",
        ]
    ),
)
def test_damaged_checkpoints_stop_nothing(ready, call_module, damage):
    old(ready, "damaged", "plain", turns=2)
    ready.execute("UPDATE checkpoints SET checkpoint = %s WHERE thread_id = 'damaged'" % damage)
    before = sizes(ready, "damaged")
    done = pruned(call_module, ready, older_than="30d", keep="latest", orphans=True)
    assert done["threads"]["trimmed"] == 1 and kept(done) == {"unreadable": 1} and sizes(ready, "damaged") == before
    assert pruned(call_module, ready, older_than="30d", force=True)["threads"]["deleted"] == 2


def test_sends(ready, call_module):
    """A thread whose sent tasks have run is finished, although the channel of sends has a value: an empty list. With a pending one it is not."""
    with ready.saver() as saver, ago(90 * DAY):
        app = shapes(saver)["sends"]
        for thread, pause in (("finished", None), ("pending", ["part"])):
            config = {"configurable": {"thread_id": thread}}
            app.invoke({"messages": ["hello"]}, config, interrupt_before=pause)
            if not pause:
                app.invoke(Command(resume={each.id: "yes" for each in app.get_state(config).interrupts}), config)
            assert bool(app.get_state(config).next) is bool(pause)
    done = pruned(call_module, ready, older_than="30d", show_threads=True, force=True)
    assert done["deleted_threads"]["sample"] == ["finished"] and kept(done) == {"unfinished": 1}


def test_rights(ready, call_module):
    """A role with less than the application's is enough to delete; what is missing is named, before anything is deleted."""
    old(ready, "a", "b", turns=2)
    role = ready.role("retention_" + ready.app.name[-8:])
    ready.execute('GRANT USAGE ON SCHEMA public TO "%s"' % role.name)
    args = ready.login(role, older_than="30d", force=True)
    assert_refused(call_module("checkpoint_prune", args), "lacks", "GRANT SELECT ON", "GRANT DELETE ON", databases=[ready])
    for table in TABLES:
        ready.execute('GRANT SELECT, DELETE ON %s TO "%s"' % (table, role.name))
    refused = assert_refused(
        call_module("checkpoint_prune", dict(args, keep="latest")), r'GRANT UPDATE \(parent_checkpoint_id\) ON "public"."checkpoints"', databases=[ready]
    )
    assert "checkpoint_blobs" not in refused["msg"]
    # The library's prune() needs no more than this.
    ready.execute('GRANT UPDATE (parent_checkpoint_id) ON checkpoints TO "%s"' % role.name)
    assert assert_succeeded(call_module("checkpoint_prune", dict(args, keep="latest")), ready)["threads"]["trimmed"] == 2
    done = assert_succeeded(call_module("checkpoint_prune", args), ready)
    assert done["threads"]["deleted"] == 2


def test_foreign_code_is_not_run_by_the_owner(ready, call_module):
    """A trigger that another role created would run with the rights of the role that deletes. The control: a DELETE by the owner fires it."""
    old(ready, "a", "b")
    ready.execute('CREATE TABLE harm (who text); GRANT ALL ON harm TO PUBLIC; GRANT TRIGGER ON checkpoints TO "%s"' % ready.app.name)
    ready.execute('CREATE SCHEMA theirs AUTHORIZATION "%s"; GRANT USAGE ON SCHEMA theirs TO PUBLIC' % ready.app.name)
    ready.execute(
        "CREATE FUNCTION theirs.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.harm VALUES (current_user); RETURN OLD; END$$;"
        "CREATE TRIGGER t BEFORE DELETE ON checkpoints FOR EACH ROW EXECUTE FUNCTION theirs.f()",
        role=ready.app,
    )
    args = ready.login(ready.owner, older_than="30d", force=True)
    assert_refused(call_module("checkpoint_prune", args), "trigger", "Nothing was deleted", databases=[ready])
    assert ready.execute("SELECT * FROM harm") == []
    ready.execute("DELETE FROM checkpoints WHERE thread_id = 'a'", role=ready.owner)
    assert {who for (who,) in ready.execute("SELECT who FROM harm")} == {ready.owner.name}


def test_rows_are_read_by_the_indexes(ready, call_module):
    """A policy that selects nothing reads a few index entries of each thread, not its rows, and sorts no table."""
    threads, length = 300, 200
    ready.execute(
        "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)"
        " SELECT 'thread ' || t, '1ef' || lpad(n::text, 5, '0') || '-0000-6000-8000-000000000000',"
        " '{\"v\": 4}' FROM generate_series(1, %d) AS t, generate_series(1, %d) AS n" % (threads, length)
    )
    ready.execute("SELECT pg_stat_reset()")
    assert_succeeded(run(call_module, ready, True, older_than=NEVER), ready)
    ready.execute("SELECT pg_stat_force_next_flush()")
    found = ready.execute("SELECT coalesce(seq_scan, 0), coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'checkpoints'")[0]
    read = ready.execute("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'checkpoints'")[0][0]
    assert found[0] == 0 and threads <= read < threads * 10, (found, read)


def test_a_thread_with_many_namespaces(ready, call_module):
    """Each call of a subgraph has a namespace. Each is looked up by the primary key, even if the statistics say that there is one namespace."""
    for table in TABLES:
        ready.execute("ALTER TABLE %s SET (autovacuum_enabled = off)" % table)
    insert = (
        "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata) SELECT 'thread ' || n / %s, CASE WHEN n %% 5 = 0 OR n < 2000"
        " THEN '' ELSE 'child:' || n END, '1ef' || lpad(n::text, 5, '0') || '-0000-6000-8000-000000000000',"
        ' \'{"v": 4, "channel_versions": {"a": "1", "b": "1"}}\', \'{"source": "update", "parents": {"": "1ef02000-0000-6000-8000-000000000000"}}\''
        " FROM generate_series(%s::int, %s::int) AS n"
    )
    ready.execute(insert, [20, 0, 1999])
    ready.execute("INSERT INTO checkpoint_blobs SELECT thread_id, checkpoint_ns, 'a', '1', 'bytes', 'x' FROM checkpoints ON CONFLICT DO NOTHING")
    ready.execute("INSERT INTO checkpoint_writes SELECT thread_id, checkpoint_ns, checkpoint_id, 't', 0, 'a', 'bytes', 'x', '' FROM checkpoints")
    ready.execute("ANALYZE")
    many = 3000
    ready.execute(insert, [10**6, 2000, 2000 + many])
    for channel in "ab":
        ready.execute(
            "INSERT INTO checkpoint_blobs SELECT thread_id, checkpoint_ns, %s, '1', 'bytes', 'x' FROM checkpoints WHERE thread_id = 'thread 0'"
            " ON CONFLICT DO NOTHING",
            [channel],
        )
    ready.execute("SELECT pg_stat_reset()")
    done = assert_succeeded(run(call_module, ready, True, threads=["thread 0"], keep="latest"), ready)
    assert done["threads"]["trimmed"] == 1
    ready.execute("SELECT pg_stat_force_next_flush()")
    read = ready.execute("SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)")[0][0]
    assert 2000 + many < read < 60 * (2000 + many), read
