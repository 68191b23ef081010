# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of the role checkpointer: their contents, when they count as changed, and the HTML page in a browser."""

from __future__ import annotations

import copy
import datetime
import importlib.metadata
import json
import re
import stat

import jsonschema
import pytest
from assertions import assert_no_secret
from databases import Database
from pages import BEYOND, CONTRAST, browsers
from plays import PLAYBOOKS, run
from runner import ROOT
from scope import usual
from sites import host

pytestmark = pytest.mark.newest

VERIFY = PLAYBOOKS / "verify.yml"
SCHEMA = json.loads((ROOT / "roles" / "checkpointer" / "files" / "report.schema.json").read_text(encoding="utf-8"))
WRITE = "Write the reports"
# Names that contain Markdown, HTML and Jinja, and a host whose name is a path.
EVIL = "<script>alert(1)</script>\"'&"
STARS = "a|b*c*_d_`e`[f](g)"
TEMPLATE = "{{ 7 * 7 }}"
ODD = "../odd<b>host"
ROWS = ["ThreadOfSomebody", "ValueOfSomebody"]


def add_drift(database):
    """Several kinds of drift, rows that must not be in a report, and names that are hard to print."""
    with database.saver() as saver:
        values = {"channel_values": {"x": ROWS[1]}, "channel_versions": {"x": "1"}, "versions_seen": {}, "v": 1, "ts": "", "id": "c1"}
        config = {"configurable": {"thread_id": ROWS[0], "checkpoint_ns": "", "checkpoint_id": "c0"}}
        saver.put(config, values, {ROWS[1]: ROWS[1]}, {"x": "1"})
        saver.put_writes({"configurable": dict(config["configurable"], checkpoint_id="gone")}, [("x", ROWS[1])], "task")
    for name in (EVIL, STARS):
        database.execute('CREATE INDEX "%s" ON checkpoints (checkpoint_id)' % name.replace('"', '""'))
    database.execute("DROP INDEX checkpoints_thread_id_idx")
    database.execute("ALTER TABLE checkpoint_blobs SET UNLOGGED")
    database.execute(
        "CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        'CREATE TRIGGER "%s" BEFORE INSERT ON checkpoint_writes FOR EACH ROW EXECUTE FUNCTION eat()' % TEMPLATE
    )


class Reports:
    """A run of verify.yml on a host in parity and one with drift."""

    def __init__(self, folder, done, databases):
        self.folder = folder
        self.done = done
        self.databases = databases
        odd = [path.stem for path in folder.iterdir() if path.stem.startswith("_") and path.suffix == ".json"]
        self.names = {"good": "app1", "drift": odd[0]}

    def path(self, which, suffix):
        return self.folder / ("%s.%s" % (self.names[which], suffix))

    def json(self, which):
        return json.loads(self.path(which, "json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reports(server, target_venv, runner, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("reports")
    databases = [Database.create(server) for _each in range(2)]
    try:
        for database in databases:
            database.setup()
            database.grant()
        add_drift(databases[1])
        hosts = {name: host(database, target_venv, runner.python) for name, database in zip(("app1", ODD), databases)}
        env = {"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        flags = ["-e", "checkpointer_report_dir=%s" % (scratch / "deep" / "reports")]
        done = run(scratch, VERIFY, {"langgraph_app": {"hosts": hosts}}, *flags, env=env, verbosity=None)
        yield Reports(scratch / "deep" / "reports", done, databases)
    finally:
        for database in databases:
            database.drop()


def test_drift_fails_after_the_report_is_written(reports):
    done = reports.done.stopped("PostgreSQL is NOT in parity")
    assert done.recap["app1"]["failed"] == 0 and done.recap[ODD]["failed"] == 1
    # No file was written outside the directory.
    assert sorted(path.suffix for path in reports.folder.iterdir()) == [".html", ".html", ".json", ".json", ".md", ".md"]
    assert [path.name for path in reports.folder.parent.iterdir()] == ["reports"]
    for path in reports.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_json_matches_its_schema(reports):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for which in ("good", "drift"):
        data = reports.json(which)
        assert [error.message for error in validator.iter_errors(data)] == []
        assert data["$schema"] == SCHEMA["$id"]
        read = datetime.datetime.strptime(data["generated_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        assert abs((datetime.datetime.now(datetime.timezone.utc) - read).total_seconds()) < 3600
    # The schema rejects data that is not a report.
    for broken in ({"verdict": None}, {"more": 1}, {"generated_at": "yesterday"}, {"tables": [{}]}, {"orphans": {"grace": 1}}, {"report_version": 2}):
        assert list(validator.iter_errors({**data, **broken})), broken
    for key in data:
        assert list(validator.iter_errors({name: value for name, value in data.items() if name != key})), key
    odd = copy.deepcopy(data)
    odd["tables"][0]["objects"][0]["verdict"] = "fine"
    assert list(validator.iter_errors(odd))


def test_json_agrees_with_the_catalog(reports):
    database, data = reports.databases[1], reports.json("drift")
    assert data["host"] == ODD and data["database"]["name"] == database.name
    assert data["verdict"]["in_parity"] is False and data["verdict"]["counts"]["drift"] == len(data["drift"])
    assert {(each["table"], each["object"]) for each in data["drift"]} == {
        ("checkpoints", "checkpoints_thread_id_idx"),
        ("checkpoint_blobs", "checkpoint_blobs"),
        ("checkpoint_writes", TEMPLATE),
    }
    listed = {index["name"]: index["state"] == "valid" for index in data["indexes"] if index["engine"] == "postgresql"}
    assert listed == database.indexes() and {EVIL, STARS} < set(listed)
    for table in data["tables"]:
        columns = [each["object"] for each in table["objects"] if each["kind"] == "column"]
        assert columns == database.columns(table["postgres"])
        assert table["owner"] == database.owners()[table["postgres"]]
    assert data["migrations"]["recorded"] == database.recorded() and [each["version"] for each in data["migrations"]["pending"]] == [6]
    (said,) = database.execute("SHOW server_version")[0]
    assert data["versions"]["postgresql"] == said
    assert data["versions"]["psycopg"] == importlib.metadata.version("psycopg")
    # A pending write without its checkpoint, whose id contains no time.
    assert data["orphans"]["writes"]["age_unknown"] == 1
    assert "1 of unknown age" in data["orphans"]["in_words"][0]["words"]


def test_no_report_contains_a_secret_or_a_row(reports):
    texts = [path.read_text(encoding="utf-8") for path in reports.folder.iterdir()] + [reports.done.output]
    assert len(texts) == 7
    secrets = [reports.databases[0].server.password] + [role.password for database in reports.databases for role in database.roles]
    for text in texts:
        for word in secrets + ROWS:
            assert word not in text
    # The rows exist in the database.
    assert ROWS[0] in str(reports.databases[1].execute("SELECT thread_id FROM checkpoints"))


def test_artifacts(reports):
    """As AWX reads them from a job: one value, to which each host adds its own."""
    shown = re.search(r"RUN: (\{.*\})", reports.done.output).group(1)
    facts = json.loads(shown)["checkpointer_parity_report"]
    assert sorted(facts) == [ODD, "app1"]
    assert facts["app1"]["in_parity"] is True and facts["app1"]["drift"] == []
    assert facts[ODD]["in_parity"] is False and {each["object"] for each in facts[ODD]["drift"]} >= {TEMPLATE}
    assert facts[ODD]["migrations"] == {"recorded": 9, "expected": 9, "pending": [6]}
    assert facts[ODD]["versions"]["stateops.langgraph"]
    assert len(shown) < 10000


def test_the_terminal_shows_a_table(reports):
    lines = reports.done.of("Require parity", kind="failed")[0]["msg"].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("TABLE.OBJECT"))
    table = lines[start : lines.index("", start)]
    assert max(map(len, table)) <= 90
    assert sum("why: " in line for line in table) == 3
    assert "checkpoints.checkpoints_thread_id_idx" in " ".join(table) and TEMPLATE in " ".join(table)
    # Not everything that was read is printed.
    assert '"findings"' not in reports.done.output and "deterministic" not in reports.done.output


def cells(line):
    """The cells of a row of a Markdown table, as a renderer splits it."""
    assert line.startswith("|") and line.endswith("|"), line
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def rendered(text):
    """The text that a renderer displays for escaped text."""
    text = re.sub(r"\\([|`*~\[\]#!_\\])", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.parametrize("which", ["good", "drift"])
def test_markdown(reports, which):
    text, data = reports.path(which, "md").read_text(encoding="utf-8"), reports.json(which)
    lines = text.splitlines()
    assert lines[0].startswith("# ") and lines[0].endswith("NOT in parity" if which == "drift" else ": in parity")
    tables, rows = {}, []
    for heading, line in zip(_headings(lines), lines):
        if line.startswith("|"):
            rows = tables.setdefault(heading, [])
            rows.append(cells(line))
    for heading, rows in tables.items():
        assert len({len(row) for row in rows}) == 1, heading
        assert set(rows[1]) == {"---"}, heading
    assert [rendered(row[0]) for row in tables["Indexes"][2:]] == [index["name"] for index in data["indexes"]]
    assert [rendered(row[0]) for row in tables["Tables"][2:]] == [table["postgres"] for table in data["tables"]]
    for table in data["tables"]:
        assert len(tables[table["name"]]) == 2 + len(table["objects"])
    assert ("Drift" in tables) is (which == "drift")
    if which == "drift":
        assert list(tables)[0] == "Drift" and len(tables["Drift"]) == 2 + len(data["drift"])
        assert EVIL in [rendered(row[0]) for row in tables["Indexes"]] and STARS in [rendered(row[0]) for row in tables["Indexes"]]
    assert "<" not in text and ">" not in text
    assert data["fingerprint"] in lines[-1] and data["generated_at"] in text


def _headings(lines):
    heading = ""
    for line in lines:
        heading = line.lstrip("#").strip() if line.startswith("#") else heading
        yield heading


@pytest.fixture(scope="module")
def browser():
    yield from browsers()


@pytest.fixture
def page(browser, reports):
    """`page(which, width, **context)` opens a report. At the end, the page must have requested nothing else and logged no message."""
    opened, asked, said = [], [], []

    def show(which, width=1280, **context):
        opened.append(browser.new_context(viewport={"width": width, "height": 800}, **context))
        each = opened[-1].new_page()
        each.on("request", lambda request: asked.append(request.url))
        each.on("console", lambda message: said.append(message.text))
        each.on("pageerror", lambda error: said.append(str(error)))
        each.on("dialog", lambda dialog: said.append(dialog.message))
        url = reports.path(which, "html").as_uri()
        each.goto(url)
        each.wait_for_load_state("networkidle")
        assert asked and set(asked) == {url}
        return each

    yield show
    for context in opened:
        context.close()
    assert said == []
    assert len(asked) == len(opened)


@pytest.mark.parametrize("which, verdict", [("good", "In parity"), ("drift", "Not in parity")])
def test_the_page_renders(page, reports, which, verdict):
    shown, data = page(which), reports.json(which)
    assert shown.title().startswith("In parity" if which == "good" else "Drift")
    assert shown.locator("h1").is_visible() and data["host"] in shown.locator("h1").inner_text()
    assert shown.get_by_text(verdict, exact=True).is_visible()
    assert data["generated_at"] == shown.locator("time").get_attribute("datetime")
    # Every object of every table is on the page, as text, even if its name looks like HTML.
    names = shown.locator("tbody th").evaluate_all("nodes => nodes.map(node => node.childNodes[0].textContent.trim())")
    assert set(names) >= {each["object"] for table in data["tables"] for each in table["objects"]}
    assert shown.locator("script, img, link, iframe").count() == 0
    if which == "drift":
        assert shown.locator("h2").first.inner_text() == "Drift"
        assert shown.locator("section").first.locator("tbody tr").count() == len(data["drift"])
        assert EVIL in names and STARS in names and TEMPLATE in shown.content()
    # A verdict is a word, not only a color.
    words = shown.locator("tr.drift .badge, tr.expected .badge, tr.equivalent .badge, tr.identical .badge")
    assert words.count() and words.evaluate_all("nodes => nodes.every(node => node.closest('tr').classList.contains(node.textContent.trim().split(' ')[1]))")


def test_the_page_is_accessible(page):
    shown = page("drift")
    assert shown.locator("html").get_attribute("lang") == "en"
    levels = shown.locator("h1, h2, h3, h4").evaluate_all("nodes => nodes.map(node => Number(node.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert shown.locator("th").count() == shown.locator("th[scope=col], th[scope=row]").count() > 20
    assert shown.locator("table").count() == shown.locator("table:has(thead)").count()


@pytest.mark.parametrize(
    "which, width, scheme", usual([(which, width, scheme) for which in ("drift", "good") for width in (360, 1280) for scheme in ("light", "dark")], 2)
)
def test_the_page_is_readable(page, which, width, scheme):
    shown = page(which, width, color_scheme=scheme)
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator("body *").evaluate_all(BEYOND) == 0
    worst = shown.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst


def test_the_page_in_the_dark_scheme(page):
    colours = {scheme: page("drift", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in ("light", "dark")}
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


def test_the_printed_page(page):
    shown = page("good", 800, color_scheme="dark")
    closed = "nodes => nodes.filter(node => !node.checkVisibility({contentVisibilityAuto: true}) || !node.getBoundingClientRect().height).length"
    assert shown.locator("details").count() and shown.locator("tbody tr").evaluate_all(closed)
    shown.emulate_media(media="print")
    assert shown.locator("tbody tr").evaluate_all(closed) == 0
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.fixture
def site(tmp_path, database, target_venv, runner):
    """One host. Its reports have a path relative to the directory in which Ansible starts."""
    database.setup()
    database.grant()

    class Site:
        folder = tmp_path / "reports"

        def run(self, *flags, **variables):
            given = {
                "checkpointer_report_dir": str(self.folder),
                # The facts that the inventory sets for this machine are not used in the reports.
                "ansible_become_method": "there-is-none",
                **variables,
            }
            hosts = {
                "app1": host(database, target_venv, runner.python, **given),
                "localhost": {"ansible_connection": "ssh", "ansible_port": 1, "ansible_become": True, "ansible_python_interpreter": "/nowhere"},
            }
            inventory = {"all": {"vars": {"ansible_become": False}}, "langgraph_app": {"hosts": {"app1": hosts.pop("app1")}}, "other": {"hosts": hosts}}
            done = run(tmp_path, VERIFY, inventory, "--limit", "app1", "--diff", *flags)
            assert_no_secret(done, database)
            return done

        def files(self):
            return {path.name: path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*"))} if self.folder.exists() else None

    return Site()


def test_a_report_changes_only_with_its_facts(site, database):
    predicted = site.run("--check").passed()
    assert site.files() is None
    assert "Check mode writes no report" in predicted.output and predicted.recap["app1"]["changed"] > 0
    site.run().passed()
    first = site.files()
    assert sorted(first) == ["app1.html", "app1.json", "app1.md"]

    again = site.run().unchanged()
    assert '"generated_at"' not in again.output.split("TASK [stateops.langgraph.checkpointer : %s]" % WRITE)[1].split("TASK [")[0].split("diff")[0]
    second = site.files()
    times = [json.loads(files["app1.json"])["generated_at"] for files in (first, second)]
    assert times[0] < times[1] and all(times[1] in text or times[1].replace("T", " ")[:-1] in text for text in second.values())
    assert [line for line in again.output.splitlines() if line.startswith(("+ ", "- "))] == []

    database.execute("CREATE INDEX mine ON checkpoints (checkpoint_id)")
    predicted = site.run("--check").passed()
    assert site.files() == second
    assert [each["changed"] for each in predicted.of(WRITE)[0]["results"]] == [True, True, True]
    assert "index mine" in predicted.output
    done = site.run().passed()
    assert [each["changed"] for each in done.of(WRITE)[0]["results"]] == [True, True, True]
    assert all("mine" in text for text in site.files().values())


@pytest.mark.extended
def test_fewer_formats_remove_the_other_reports(site):
    site.run().passed()
    (site.folder / "app1.md").write_text("my own notes\n", encoding="utf-8")
    (site.folder / "app2.json").write_text("{}", encoding="utf-8")
    fewer = {"checkpointer_report_formats": ["html"], "checkpointer_report_mode": "0600"}
    assert site.run("--check", **fewer).passed().recap["app1"]["changed"] == 1
    assert len(site.files()) == 4
    site.run(**fewer).passed()
    assert sorted(site.files()) == ["app1.html", "app1.md", "app2.json"]
    assert stat.S_IMODE((site.folder / "app1.html").stat().st_mode) == 0o600
    site.run(**fewer).unchanged()
    said = 'checkpointer_report_formats is ["html", "pdf"], expected a list of at least one of json, markdown, html'
    site.run(checkpointer_report_formats=["html", "pdf"]).stopped(said)
    site.run(checkpointer_report_formats="json").stopped("expected a list of at least one of")


@pytest.mark.parametrize("mode", usual(["4777", "02755", "1644", "0646", 0o644, "u=rw"], 2))
def test_a_mode_that_a_report_must_not_have_is_rejected_before_anything_is_done(site, mode):
    """0o644 is what YAML reads without quotes."""
    for flags in ((), ("--check",)):
        done = site.run(*flags, checkpointer_report_mode=mode)
        done.stopped("checkpointer_report_mode is %s, expected three or four octal digits in quotes" % mode)
        assert {each["action"] for each in done.tasks} <= {"ansible.builtin." + name for name in ("validate_argument_spec", "include_tasks", "fail")}
    assert not site.folder.exists()


def test_a_relative_directory_starts_where_ansible_does(site, tmp_path):
    site.run(checkpointer_report_dir="here/reports").passed()
    assert [path.name for path in sorted(tmp_path.glob("play0/here/reports/*"))] == ["app1.html", "app1.json", "app1.md"]
