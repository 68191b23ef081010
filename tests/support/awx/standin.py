# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces AWX's HTTP interface: it stores objects, and takes fields and errors from recorded responses of a real AWX."""

from __future__ import annotations

import copy
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from awx.rules import Rejected, check_credential, check_credential_type, check_fields, check_job_template, check_schedule, check_survey

HERE = Path(__file__).parent
OPTIONS = json.loads((HERE / "options.json").read_text())
TRANSCRIPT = json.loads((HERE / "transcript.json").read_text())
SECRET = "$encrypted$"
TOKEN = "a-token-of-the-stand-in"
# In AWX, these endpoints share one sequence of numbers.
UNIFIED = ("projects", "job_templates", "workflow_job_templates")
# The endpoints of the lists below an object.
LINKS = {"hosts": "hosts", "children": "groups", "credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"}
LINKS.update(dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"))
LINKS.update(dict.fromkeys(("notification_templates_started", "notification_templates_success", "notification_templates_error"), "notification_templates"))
LINKS["notification_templates_approvals"] = "notification_templates"


def _prototypes():
    """The first object of each endpoint, as AWX returned it when it was created."""
    found = {}
    for each in TRANSCRIPT:
        endpoint = each["path"].split("/")[3]
        if each["status"] == 201 and each["path"] == "/api/v2/%s/" % endpoint:
            found.setdefault(endpoint, each["answer"])
    return found


class Awx:
    """The objects, by endpoint and number. `requests` are (method, path, body, status) of all handled requests."""

    def __init__(self):
        self.prototypes = _prototypes()
        self.objects = {endpoint: {} for endpoint in OPTIONS}
        self.numbers = {endpoint: answer["id"] for endpoint, answer in self.prototypes.items()}
        self.numbers["unified"] = self.numbers["projects"]
        self.links = {}
        self.surveys = {}
        self.inputs = {}
        self.requests = []
        self._lock = threading.Lock()
        # Every AWX contains these objects from the start.
        self._add("organizations", {"name": "Default"}, 1)
        self._add("credential_types", {"name": "Machine", "kind": "ssh", "inputs": {"fields": [{"id": "username", "type": "string"}]}}, 1)

    def answer(self, method, target, body, authorized=True):
        """(status, response) for one request."""
        with self._lock:
            if not authorized:
                return 401, {"detail": "Authentication credentials were not provided. To establish a login session, visit /api/login/."}
            parts = urlsplit(target)
            try:
                status, answer = self._route(method, unquote(parts.path).strip("/").split("/")[2:], dict(parse_qsl(parts.query)), body or {})
            except Rejected as rejected:
                status, answer = 400, rejected.answer
            except KeyError:
                status, answer = 404, {"detail": "Not found."}
            self.requests.append((method, target, body, status))
            return status, copy.deepcopy(answer)

    def _route(self, method, path, query, body):
        if path == ["ping"]:
            return 200, {"ha": False, "version": "24.6.1", "active_node": "localhost"}
        if path == ["config"]:
            return 200, next(each["answer"] for each in TRANSCRIPT if each["path"] == "/api/v2/config/")
        if path[0] == "tokens":
            return (201, {"id": 1, "token": TOKEN}) if method == "POST" else (204, None)
        if path == ["unified_job_templates"]:
            return 200, self._list([each for endpoint in UNIFIED for each in self.objects[endpoint].values()], query)
        endpoint = path[0]
        if len(path) == 1:
            if method == "POST":
                return 201, self._create(endpoint, body)
            return 200, self._list(self.objects[endpoint].values(), query)
        number = int(path[1])
        found = self.objects[endpoint][number]
        if len(path) == 3:
            return self._below(method, endpoint, found, path[2], query, body)
        if method == "PATCH":
            return 200, self._page(self._update(endpoint, found, body))
        if method == "DELETE":
            del self.objects[endpoint][number]
            return 204, None
        return 200, self._page(self._shown(endpoint, found))

    @staticmethod
    def _page(shown):
        """The page of an object. It contains a few more counts than the response to its creation."""
        if "related_field_counts" in shown["summary_fields"]:
            shown["summary_fields"]["related_field_counts"].setdefault("hosts", 0)
        return shown

    def _below(self, method, endpoint, found, name, query, body):
        if name == "survey_spec":
            return self._survey(method, endpoint, found, body)
        if name == "schedules" and method == "POST":
            return 201, self._create("schedules", dict(body, unified_job_template=found["id"]))
        linked = self.links.setdefault((endpoint, found["id"], name), [])
        if method == "GET":
            return 200, self._list([self.objects[LINKS[name]][number] for number in linked], query)
        other = self.objects[LINKS[name]][body["id"]]["id"]
        if body.get("disassociate"):
            linked.remove(other)
        elif other not in linked:
            linked.append(other)
        return 204, None

    def _survey(self, method, endpoint, found, body):
        key = (endpoint, found["id"])
        if method == "GET":
            return 200, self.surveys.get(key, {})
        if method == "DELETE":
            self.surveys.pop(key, None)
        else:
            check_survey(body)
            self.surveys[key] = body
        return 200, None

    def _create(self, endpoint, body):
        check_fields(self, endpoint, body, OPTIONS[endpoint]["POST"])
        self._check(endpoint, body)
        row = "unified" if endpoint in UNIFIED else endpoint
        number = self.numbers.setdefault(row, 1)
        self.numbers[row] += 1
        return self._shown(endpoint, self._add(endpoint, body, number))

    def _update(self, endpoint, found, body):
        check_fields(self, endpoint, body, OPTIONS[endpoint]["POST"], found)
        self._check(endpoint, dict(found, **body))
        self._fill(endpoint, found, body, {})
        return self._shown(endpoint, found)

    def _check(self, endpoint, body):
        special = {
            "credential_types": check_credential_type,
            "credentials": check_credential,
            "job_templates": check_job_template,
            "schedules": check_schedule,
        }
        if endpoint in special:
            special[endpoint](self, body)

    def _add(self, endpoint, body, number):
        prototype = self.prototypes.get(endpoint)
        made = copy.deepcopy(prototype) if prototype else dict.fromkeys(OPTIONS[endpoint]["GET"])
        url = "/api/v2/%s/%d/" % (endpoint, number)
        related = made.get("related") or {}
        if prototype:
            related = {name: each.replace(prototype["url"], url, 1) for name, each in related.items()}
            if "named_url" in related:
                head, tail = "/api/v2/%s/" % endpoint, related["named_url"].split("/")[4]
                names = [each.get("name", each.get("identifier")) for each in (prototype, body)]
                related["named_url"] = head + tail.replace(*names, 1) + "/"
        made.update(id=number, url=url, type=made.get("type") or endpoint.rstrip("s"), related=related, summary_fields=made.get("summary_fields") or {})
        if endpoint == "projects":
            made["local_path"] = "_%d__%s" % (number, re.sub(r"\W+", "_", body["name"].lower()))
            update = len(self.objects[endpoint]) + 1
            for field in ("current_job", "current_update"):
                related[field] = "/api/v2/project_updates/%d/" % update
                made["summary_fields"][field].update(id=update, name=body["name"])
        self.objects[endpoint][number] = made
        self._fill(endpoint, made, body, OPTIONS[endpoint]["POST"])
        return made

    def _fill(self, endpoint, made, body, defaults):
        readable = OPTIONS[endpoint]["GET"]
        for field, option in defaults.items():
            # A field without a default that refers to nothing has the value that AWX returned.
            if "default" in option or option["type"] == "id" or field not in made:
                made[field] = option.get("default")
        for field in OPTIONS[endpoint]["POST"]:
            if field not in readable:
                made.pop(field, None)
            elif body.get(field) is not None:
                made[field] = body[field]
        if endpoint == "job_templates":
            made["organization"] = self.objects["projects"][made["project"]]["organization"]
        if endpoint == "credentials" and "inputs" in body:
            kept = self.inputs.setdefault(made["id"], {})
            kept.update({name: value for name, value in body["inputs"].items() if value != SECRET})
            secret = {field["id"] for field in self._fields(made["credential_type"]) if field.get("secret")}
            made["inputs"] = {name: SECRET if name in secret else value for name, value in kept.items()}

    def _fields(self, credential_type):
        return self.objects["credential_types"][credential_type]["inputs"].get("fields", [])

    def _shown(self, endpoint, found):
        """An object as its own page shows it: with the names of the objects that it refers to and that are linked to it."""
        shown = copy.deepcopy(found)
        for field, option in OPTIONS[endpoint]["POST"].items():
            other = option["type"] == "id" and found.get(field) and self._named(field, found[field])
            if other:
                summary = shown["summary_fields"].setdefault(field, {})
                summary.update({name: other[name] for name in ("id", "name", "description") if name in other})
                if field in shown["related"]:
                    shown["related"][field] = other["url"]
        if endpoint == "hosts":
            groups = [
                self.objects["groups"][number]
                for (kind, number, name), members in self.links.items()
                if (kind, name) == ("groups", "hosts") and found["id"] in members
            ]
            shown["summary_fields"]["groups"] = {"count": len(groups), "results": [{"id": each["id"], "name": each["name"]} for each in groups]}
        for nodes in ("success_nodes", "failure_nodes", "always_nodes"):
            if nodes in shown:
                shown[nodes] = list(self.links.get((endpoint, found["id"], nodes), []))
        return shown

    def _named(self, field, number):
        endpoints = UNIFIED if field == "unified_job_template" else [re.sub("y$", "ie", field) + "s"]
        return next((self.objects[endpoint][number] for endpoint in endpoints if number in self.objects.get(endpoint, {})), None)

    def _list(self, found, query):
        wanted = {name: value for name, value in query.items() if name not in ("page", "page_size", "order_by", "type")}
        either = {name[4:]: value for name, value in wanted.items() if name.startswith("or__")}
        every = {name: value for name, value in wanted.items() if not name.startswith("or__")}
        results = []
        for each in found:
            if any(str(each.get(name)) != value for name, value in every.items()):
                continue
            if either and not any(str(each.get(name)) == value for name, value in either.items()):
                continue
            shown = self._shown(each["url"].split("/")[3], each)
            shown["related"].pop("named_url", None)
            results.append(shown)
        return {"count": len(results), "next": None, "previous": None, "results": results}


class Server:
    """Awx on a port of the loopback address, while the block runs."""

    def __init__(self, awx):
        class Handler(BaseHTTPRequestHandler):
            def _serve(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or "{}") if size else None
                status, answer = awx.answer(self.command, self.path, body, bool(self.headers.get("Authorization")))
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve

            def log_message(self, *_arguments):
                """Log nothing: the requests are stored."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self._server.shutdown()
        self._server.server_close()
