# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces AWX's HTTP interface: it stores objects, and takes fields and errors from recorded responses of a real AWX."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from awx.rules import (
    Rejected,
    check_credential,
    check_credential_type,
    check_edge,
    check_fields,
    check_job_template,
    check_schedule,
    check_survey,
    check_unique,
)

HERE = Path(__file__).parent
OPTIONS = json.loads((HERE / "options.json").read_text())
TRANSCRIPT = json.loads((HERE / "transcript.json").read_text())
TRANSCRIPT_2 = json.loads((HERE / "transcript-2.json").read_text())
SECRET = "$encrypted$"
TOKEN = "a-token-of-the-stand-in"
PASSWORD = "a-password-of-the-stand-in"
LOGIN = base64.b64encode(b"admin:" + PASSWORD.encode()).decode()
READ_TOKEN = "a-token-that-may-only-read"
ORGANIZATION_TOKEN = "a-token-of-an-organization-administrator"
READER_TOKEN = "a-token-of-a-user-who-may-only-see"
USERS = {ORGANIZATION_TOKEN: "olga", READER_TOKEN: "rita"}
# Only a system administrator can create these.
SYSTEM = ("organizations", "credential_types")
# In AWX, these endpoints share one sequence of numbers.
UNIFIED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")
EDGES = ("success_nodes", "failure_nodes", "always_nodes")
# {list below an object: the endpoint of its members}.
LINKS = {"hosts": "hosts", "children": "groups", "credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"}
LINKS.update(dict.fromkeys(EDGES, "workflow_job_template_nodes"))
LINKS.update(teams="teams", users="users", galaxy_credentials="credentials")
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
        self.numbers["schedules"] = 6
        self.links = {}
        self.surveys = {}
        self.inputs = {}
        self.requests = []
        # A function of method, path and body. Its result, (status, response), replaces the usual response, unless it is None.
        self.instead = lambda method, path, body: None
        self.product = "AWX"
        self._worn = set()
        self._lock = threading.Lock()
        self._token = TOKEN
        self._roles = 1000
        # Every AWX contains these objects from the start.
        for each in TRANSCRIPT_2:
            for found in each["answer"]["results"] if each["note"].startswith("at first") else []:
                endpoint = found["url"].split("/")[3]
                if endpoint in self.objects:
                    self._add(endpoint, found, found["id"]).update({name: value for name, value in found.items() if name not in ("related", "summary_fields")})

    def answer(self, method, target, body, token=TOKEN):
        """(status, response) for one request."""
        with self._lock:
            self._token = token
            if token not in (TOKEN, READ_TOKEN, ORGANIZATION_TOKEN, READER_TOKEN):
                return 401, {"detail": "Authentication credentials were not provided. To establish a login session, visit /api/login/."}
            parts = urlsplit(target)
            try:
                path = unquote(parts.path).strip("/").split("/")[2:]
                status, answer = self.instead(method, parts.path, body) or self._route(method, path, dict(parse_qsl(parts.query)), body or {})
            except Rejected as rejected:
                status, answer = 400, rejected.answer
            except PermissionError:
                status, answer = 403, {"detail": "You do not have permission to perform this action."}
            except KeyError:
                status, answer = 404, {"detail": "Not found."}
            self.requests.append((method, target, body, status))
            return status, copy.deepcopy(answer)

    def _route(self, method, path, query, body):
        if path == ["ping"]:
            return 200, {"ha": False, "version": "24.6.1", "active_node": "localhost"}
        if path == ["config"]:
            return 200, next(each["answer"] for each in TRANSCRIPT if each["path"] == "/api/v2/config/")
        if path == ["me"]:
            return 200, {"count": 1, "next": None, "previous": None, "results": [{"username": USERS.get(self._token, "admin")}]}
        if path[0] == "tokens":
            return (201, {"id": 2, "url": "/api/v2/tokens/2/", "token": TOKEN}) if method == "POST" else (204, None)
        endpoint = path[0]
        system = endpoint in SYSTEM and not (endpoint == "organizations" and len(path) > 1)
        allowed = self._token not in (READ_TOKEN, READER_TOKEN) and not (self._token == ORGANIZATION_TOKEN and system)
        if method == "OPTIONS":
            return 200, {"actions": {"POST": {}} if allowed else {}}
        if method != "GET" and (not allowed or (self._token == ORGANIZATION_TOKEN and endpoint == "execution_environments" and not body.get("organization"))):
            raise PermissionError
        if endpoint == "unified_job_templates" and len(path) == 1:
            # Approval templates belong to a node, and AWX does not find them by their name.
            return 200, self._list([each for kind in UNIFIED[:-1] for each in self.objects[kind].values()], query)
        if endpoint == "roles":
            return self._link(method, ("roles", int(path[1]), path[2]), path[2], query, body)
        if len(path) == 1:
            if method == "POST":
                return 201, self._create(endpoint, body)
            return 200, self._list(self.objects[endpoint].values(), query)
        if (endpoint, len(path)) == ("workflow_approval_templates", 3):
            raise KeyError
        number = int(path[1]) if path[1].isdecimal() else self._by_named_url(endpoint, path[1])
        found = self.objects[endpoint][number]
        if len(path) == 3:
            return self._below(method, endpoint, found, path[2], query, body)
        if method == "PATCH":
            return 200, self._page(self._update(endpoint, found, body))
        if method == "DELETE":
            return self._delete(endpoint, number)
        return 200, self._page(self._shown(endpoint, found))

    def _by_named_url(self, endpoint, name):
        return {self._name(endpoint, each): number for number, each in self.objects[endpoint].items()}[name]

    def _delete(self, endpoint, number):
        if endpoint == "inventories":
            if self.objects[endpoint][number]["pending_deletion"]:
                raise Rejected({"error": "Inventory is already pending deletion."})
            self.objects[endpoint][number]["pending_deletion"] = True
            return 202, None
        if endpoint == "credential_types" and any(each["credential_type"] == number for each in self.objects["credentials"].values()):
            raise PermissionError
        del self.objects[endpoint][number]
        nodes, schedules = self.objects["workflow_job_template_nodes"], self.objects["schedules"]
        if endpoint in UNIFIED:
            for other in [each["id"] for each in schedules.values() if each["unified_job_template"] == number]:
                del schedules[other]
            for node in nodes.values():
                if node["unified_job_template"] == number:
                    node["unified_job_template"] = None
        if endpoint == "workflow_job_templates":
            for other in [each["id"] for each in nodes.values() if each["workflow_job_template"] == number]:
                del nodes[other]
        for (kind, other, name), members in list(self.links.items()):
            if (kind, other) == (endpoint, number):
                del self.links[kind, other, name]
            elif LINKS.get(name) == endpoint and number in members:
                members.remove(number)
        self._drop_labels()
        return 204, None

    def _drop_labels(self):
        """Like AWX, delete a label after it was removed from the last object that had it."""
        used = {number for (_kind, _other, name), members in self.links.items() if name == "labels" for number in members}
        for number in [each for each in self.objects["labels"] if each not in used and each in self._worn]:
            del self.objects["labels"][number]

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
        if name == "create_approval_template":
            made = self._create("workflow_approval_templates", body)
            found["unified_job_template"] = made["id"]
            return 201, made
        return self._link(method, (endpoint, found["id"], name), name, query, body)

    def _link(self, method, key, name, query, body):
        linked = self.links.setdefault(key, [])
        if method == "GET":
            return 200, self._list([self.objects[LINKS[name]][number] for number in linked], query)
        other = self.objects[LINKS[name]].get(body["id"])
        if name in EDGES and not body.get("disassociate"):
            check_edge(self, key, other)
        if key[0] == "job_templates" and name == "credentials" and not body.get("disassociate"):
            kinds = [self.objects["credentials"][number]["credential_type"] for number in linked if number != other["id"]]
            if other["credential_type"] in kinds:
                raise Rejected({"error": "Cannot assign multiple %s credentials." % self.objects["credential_types"][other["credential_type"]]["name"]})
        if not body.get("disassociate"):
            self._worn.add(other["id"] if name == "labels" else None)
            linked.extend([other["id"]] if other["id"] not in linked else [])
        elif other["id"] in linked:
            linked.remove(other["id"])
            self._drop_labels()
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
        check_unique(self, endpoint, body)
        row = "unified" if endpoint in UNIFIED else endpoint
        number = self.numbers.setdefault(row, 1)
        self.numbers[row] += 1
        return self._shown(endpoint, self._add(endpoint, body, number))

    def _update(self, endpoint, found, body):
        check_fields(self, endpoint, body, OPTIONS[endpoint]["POST"], found)
        self._check(endpoint, dict(found, **body))
        self._fill(endpoint, found, body, {})
        if endpoint == "notification_templates":
            self._fill_templates(endpoint, found)
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
        made.update(id=number, url=url, type=made.get("type") or endpoint.rstrip("s"), related=related, summary_fields=made.get("summary_fields") or {})
        if endpoint == "projects":
            made["local_path"] = "_%d__%s" % (number, re.sub(r"\W+", "_", body["name"].lower()))
            update = len(self.objects[endpoint]) + 1
            for field in ("current_job", "current_update"):
                related[field] = "/api/v2/project_updates/%d/" % update
                made["summary_fields"][field].update(id=update, name=body["name"])
        # Each object has its own roles.
        for role in (made["summary_fields"].get("object_roles") or {}).values():
            self._roles += 1
            role["id"] = self._roles
        self.objects[endpoint][number] = made
        self._fill(endpoint, made, body, OPTIONS[endpoint]["POST"])
        if prototype is None:
            made.update({name: value for name, value in body.items() if name not in ("related", "summary_fields")}, id=number, url=url)
            if endpoint in ("notification_templates", "workflow_approval_templates"):
                self._fill_templates(endpoint, made)
        return made

    @staticmethod
    def _fill_templates(endpoint, made):
        """Like AWX, add the values that a notification template omits, and hide its secrets."""
        if endpoint == "workflow_approval_templates":
            made.update(type="workflow_approval_template", description=made.get("description") or "", timeout=made.get("timeout") or 0, status="never updated")
            return
        given = made["notification_configuration"]
        extra = {"email": {"timeout": 30}, "webhook": {"disable_ssl_verification": False, "username": "", "password": ""}}
        made["notification_configuration"] = {
            name: SECRET if name in ("password", "token") and value else value
            for name, value in dict(extra.get(made["notification_type"], {}), **given).items()
        }
        made["messages"] = dict.fromkeys(("error", "started", "success", "workflow_approval")) | (made.get("messages") or {})

    def _fill(self, endpoint, made, body, defaults):
        readable = OPTIONS[endpoint]["GET"]
        for field, option in defaults.items():
            # A field that has no default and is not a reference keeps the value that AWX returned.
            if "default" in option or option["type"] == "id" or field not in made:
                made[field] = option.get("default")
        for field in OPTIONS[endpoint]["POST"]:
            if field not in readable:
                made.pop(field, None)
            elif body.get(field) is not None:
                made[field] = body[field]
        if endpoint == "job_templates":
            made["organization"] = self.objects["projects"][made["project"]]["organization"]
        if endpoint == "credentials":
            made["kind"] = self.objects["credential_types"][made["credential_type"]].get("namespace") or made["kind"]
        if endpoint == "credentials" and "inputs" in body:
            kept = self.inputs.setdefault(made["id"], {})
            kept.update({name: value for name, value in body["inputs"].items() if value != SECRET})
            secret = {field["id"] for field in self._fields(made["credential_type"]) if field.get("secret")}
            made["inputs"] = {name: SECRET if name in secret else value for name, value in kept.items()}

    def _fields(self, credential_type):
        return self.objects["credential_types"][credential_type]["inputs"].get("fields", [])

    def _shown(self, endpoint, found):
        """An object as its own page shows it: with the names of the objects to which it refers and of those linked to it."""
        shown = copy.deepcopy(found)
        shown["related"]["named_url"] = "/api/v2/%s/%s/" % (endpoint, self._name(endpoint, found))
        if self._token == READER_TOKEN and "user_capabilities" in shown["summary_fields"]:
            shown["summary_fields"]["user_capabilities"] = dict.fromkeys(shown["summary_fields"]["user_capabilities"], False)
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
        if endpoint in ("workflow_job_template_nodes", "schedules"):
            other = self._named("unified_job_template", found["unified_job_template"])
            shown["related"].pop("unified_job_template", None)
            shown["related"].update({"unified_job_template": other["url"]} if other else {})
        for nodes in EDGES:
            if nodes in shown:
                shown[nodes] = list(self.links.get((endpoint, found["id"], nodes), []))
        return shown

    def _name(self, endpoint, found):
        """The last part of the named URL: the name of the object and of the object that contains it."""
        name = (found.get("name") or found.get("identifier") or found.get("username") or "").replace("+", "[+]").replace("/", "%2F")
        parent = {"hosts": "inventory", "groups": "inventory", "workflow_job_template_nodes": "workflow_job_template", "inventory_sources": "inventory"}
        field = parent.get(endpoint, "organization")
        if endpoint == "credential_types":
            return "%s+%s" % (name, found.get("kind"))
        if endpoint == "credentials":
            name += "++" + self._name("credential_types", self.objects["credential_types"][found["credential_type"]])
        other = self._named(field, found.get(field)) if endpoint not in ("organizations", "execution_environments", "users") else None
        return "%s++%s" % (name, self._name(other["url"].split("/")[3], other)) if other else name

    def _named(self, field, number):
        field = "credential" if field.endswith("_credential") else "project" if field == "source_project" else field
        field = "execution_environment" if field == "default_environment" else field
        endpoints = UNIFIED if field == "unified_job_template" else [re.sub("y$", "ie", field) + "s"]
        return next((self.objects[endpoint][number] for endpoint in endpoints if number in self.objects.get(endpoint, {})), None)

    def _list(self, found, query):
        wanted = {name: value for name, value in query.items() if name not in ("page", "page_size", "order_by", "type", "labels__name")}
        either = {name[4:]: value for name, value in wanted.items() if name.startswith("or__")}
        every = {name: value for name, value in wanted.items() if not name.startswith("or__")}
        results = []
        for each in found:
            if any(str(each.get(name)) != value for name, value in every.items()):
                continue
            labels = self.links.get((each["url"].split("/")[3], each["id"], "labels"), [])
            if query.get("labels__name") not in (None, *(self.objects["labels"][number]["name"] for number in labels)):
                continue
            if either and not any(str(each.get(name)) == value for name, value in either.items()):
                continue
            shown = self._shown(each["url"].split("/")[3], each)
            shown["related"].pop("named_url", None)
            results.append(shown)
        return {"count": len(results), "next": None, "previous": None, "results": results}


class Server:
    """Serves an Awx through HTTP on a port of the loopback address while the block runs."""

    def __init__(self, awx):
        class Handler(BaseHTTPRequestHandler):
            def _serve(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or "{}") if size else None
                login = self.headers.get("Authorization", "").split(" ")[-1]
                status, answer = awx.answer(self.command, self.path, body, TOKEN if login == LOGIN else login)
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", awx.product)
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _serve

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
