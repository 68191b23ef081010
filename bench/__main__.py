# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the role with a hand-written playbook, the modules with ping, full tables with empty ones, and ways to set up, import and prune: `python bench`."""

from __future__ import annotations

import argparse

from concurrent_runs import measure_concurrent_runs
from host import ROOT, converged_host, make_filled_database, usual_database
from imports import measure_import
from prunes import measure_pruning, slower
from shapes import SHAPES
from timing import alternate, change, ratios, spread

from playbooks import BY_HAND, EMPTY, MODULES, PING, ROLE, repeated, schema_info

# The large thread takes minutes and 8 GiB of disk space.
USUAL_SHAPES = [shape for shape in SHAPES if shape != "one large thread"]
PARTS = ("role", "modules", "tables", "concurrent", "import", "prune")


def main():
    args = _arguments()
    chosen = [part for part in args.only or PARTS if part not in args.skip]
    if "import" in chosen:
        with usual_database() as (version, database):
            _import_beside_others(database, version, args)
    if "prune" in chosen:
        with usual_database() as (version, database):
            _prune_beside_the_loop(database, version, args)
    if not set(chosen) - {"import", "prune"}:
        return
    with converged_host() as host:
        if "role" in chosen:
            _role_beside_hand(host, args.runs)
        if "modules" in chosen:
            _modules_beside_ping(host, args.rounds, args.tasks)
        if "tables" in chosen:
            _filled_beside_empty(host, args.rounds, args.tasks, args.rows)
        if "concurrent" in chosen:
            _many_runs_beside_one(host, args.concurrent, args.rounds)


def _arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, epilog="How to read the results: %s" % (ROOT / "bench" / "README.md"))
    parser.add_argument("--runs", type=_positive, default=7, help="runs of the role, each followed by a run of the hand-written playbook (default: 7)")
    parser.add_argument("--rounds", type=_positive, default=5, help="rounds of the parts modules, tables and concurrent (default: 5)")
    parser.add_argument("--tasks", type=_positive, default=10, help="how many times a playbook repeats the task of a module (default: 10)")
    parser.add_argument("--skip", action="append", choices=PARTS, default=[], help="skip one part")
    parser.add_argument("--only", action="append", choices=PARTS, help="run only this part")
    parser.add_argument("--rows", type=_positive, default=1000000, help="rows in each of the tables that are not empty (default: 1000000)")
    parser.add_argument("--concurrent", type=_positive, default=32, help="concurrent runs (default: 32)")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=USUAL_SHAPES, help="which files are imported (default: all but the large thread)")
    parser.add_argument(
        "--megabytes",
        type=_positive,
        default=1024,
        help="size of an imported file in MiB; small threads get a quarter of it, the large thread twice as much (default: 1024)",
    )
    parser.add_argument("--checkpoints", type=_positive, default=100000, help="checkpoints in the imported file with one thread (default: 100000)")
    parser.add_argument("--patience", type=_positive, default=60, help="approximate time limit in seconds for the savers' loop (default: 60)")
    parser.add_argument("--import-rounds", type=_positive, default=2, help="imports of each file with each method (default: 2)")
    parser.add_argument("--threads", type=_positive, default=50000, help="threads with twenty checkpoints each, half of which are pruned (default: 50000)")
    return parser.parse_args()


def _positive(text):
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _role_beside_hand(host, runs):
    print("Converged runs of complete ansible-playbook processes, alternating, %d of each; median (minimum to maximum)" % runs, flush=True)
    role, hand = alternate(host, [ROLE, BY_HAND], runs)
    _line("", "elapsed", "CPU time", "result")
    _line("A  role stateops.langgraph.checkpointer", spread(role.clock), spread(role.processor), change(role))
    _line("B  playbook written by hand", spread(hand.clock), spread(hand.processor), change(hand))
    _line("A : B of each pair", ratios(role.clock, hand.clock), ratios(role.processor, hand.processor))
    print()


def _modules_beside_ping(host, rounds, tasks):
    print(
        "One task that changes nothing: a playbook with %d such tasks minus one without tasks, %d alternating rounds; median (minimum to maximum)"
        % (tasks, rounds),
        flush=True,
    )
    empty, *measured = alternate(host, [EMPTY, *(repeated(task, tasks) for task in (PING, *MODULES.values()))], rounds)
    ping, *modules = [runs.per_task(empty, tasks) for runs in measured]
    _line("", "elapsed", "CPU time", "elapsed : ping", "CPU time : ping", "result")
    _line("ansible.builtin.ping", spread(ping.clock), spread(ping.processor))
    for name, runs in zip(MODULES, modules):
        beside = (ratios(runs.clock, ping.clock), ratios(runs.processor, ping.processor))
        _line(name, spread(runs.clock), spread(runs.processor), *beside, change(runs))


def _filled_beside_empty(host, rounds, tasks, rows):
    full = make_filled_database(host, rows)
    print(
        "checkpoint_schema_info with %d rows per table and without rows: %d tasks minus none, %d alternating rounds; median (minimum to maximum)"
        % (rows, tasks, rounds)
    )
    playbooks = [EMPTY]
    for name, more in (("empty", {}), ("full", {"login_db": full})):
        playbooks += [repeated(schema_info(counted, **more), tasks, "%s_%s" % (name, counted)) for counted in (False, True)]
    nothing, *measured = alternate(host, playbooks, rounds)
    plain, counting, full_plain, full_counting = [runs.per_task(nothing, tasks) for runs in measured]
    _line("", "elapsed", "CPU time", "elapsed : empty", "result")
    _line("empty tables, orphans not counted", spread(plain.clock), spread(plain.processor))
    _line("full tables, orphans not counted", spread(full_plain.clock), spread(full_plain.processor), ratios(full_plain.clock, plain.clock), change(full_plain))
    _line("empty tables, orphans counted", spread(counting.clock), spread(counting.processor))
    beside = ratios(full_counting.clock, counting.clock)
    _line("full tables, orphans counted", spread(full_counting.clock), spread(full_counting.processor), beside, change(full_counting))


def _many_runs_beside_one(host, runs, rounds):
    what = "checkpoint_schema without the startup of ansible-playbook"
    print("%s: %d concurrent runs and a single one, %d alternating rounds; median (minimum to maximum)" % (what, runs, rounds), flush=True)
    one, many, one_again, many_again = measure_concurrent_runs(host.database.server, runs, rounds)
    for name, single, several in (("that sets up", one, many), ("with nothing to do", one_again, many_again)):
        _line("one run %s" % name, spread(single))
        _line("%d concurrent runs" % runs, spread(several), ratios(several, [seconds * runs for seconds in single]) + " of the same number one after the other")


def _import_beside_others(database, version, args):
    print(
        "checkpoint_import on PostgreSQL %d compared with other methods, %d alternating rounds; median (minimum to maximum)" % (version, args.import_rounds),
        flush=True,
    )
    for shape in args.shapes:
        found = measure_import(database, shape, args.megabytes, args.checkpoints, args.import_rounds, args.patience)
        ours, plain, again, copy, savers, loader = (
            [took.seconds for took in runs] for runs in (found.ours, found.plain, found.again, found.copy, found.savers, found.loader)
        )
        of = "" if found.share == 1 else "; the savers' loop copied %.1f %% of them" % (100 * found.share)
        print(" %s: %d MiB, %d checkpoints, %d MiB sent to PostgreSQL%s" % (shape, found.size >> 20, found.checkpoints, found.sent >> 20, of), flush=True)
        _line("import", spread(ours), "%.0f MiB of memory" % max(took.memory for took in found.ours))
        _line("savers' loop : import", ratios(savers, ours), "%.0f MiB of memory" % max(took.memory for took in found.savers))
        _line("pgloader : import", ratios(loader, ours) if len(loader) == len(ours) else "not installed, or it failed")
        _line("plain COPY : import", ratios(copy, ours), "%s with the server's compression" % ratios(copy, plain))
        _line("again, nothing to do : import", ratios(again, ours))


def _prune_beside_the_loop(database, version, args):
    print("checkpoint_prune on PostgreSQL %d: half of %d threads with 20 checkpoints each, filled first" % (version, args.threads), flush=True)
    found = measure_pruning(database, args.threads)
    _line("prune", "%.1f s" % found.ours, "%.0f MiB of memory" % found.memory)
    _line("loop of list() and delete_thread() : prune", "%.1f" % (found.loop / found.ours))
    _line("again, nothing to do : prune", "%.2f" % (found.again / found.ours))
    for pause, beside in (("the default pause", found.rested), ("pause: 0", found.beside)):
        _line("the application beside prune : alone", "%.2f median, %.2f of the 95th percentile, with %s" % (*slower(beside, found.alone), pause))


def _line(name, *cells):
    print(("  %-44s" % name + "".join("%-28s" % cell for cell in cells)).rstrip(), flush=True)


if __name__ == "__main__":
    main()
