"""A W&B server small enough to read: it answers the calls that the SDK makes, keeps all it was sent, fails on request.

It keeps the semantics that a client can rely on: runs are upserted by name, history lines land at their offset, an
artifact whose digest is already committed is not a new version, and a key that is not the server's is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote

ENTITY = "team"


@dataclass(frozen=True)
class Request:
    """One request as it arrived. ``operation`` is the GraphQL operation's name, empty for other calls."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    operation: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass
class Rule:
    """A failure to inject: the next ``times`` requests that match are answered badly (None: all of them)."""

    match: Callable[[Request], bool]
    #: A status to answer with, ``"drop"`` to reset the connection, or seconds to wait before answering well.
    action: int | str | float
    times: int | None = None
    #: How many matching requests pass first.
    after: int = 0

    def takes(self, request: Request) -> bool:
        if self.times == 0 or not self.match(request):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class WandbServer:
    """The server and everything it was told. Use it as a context manager; ``url`` is its ``WANDB_BASE_URL``."""

    def __init__(self, key: str, port: int = 0) -> None:
        self.key = key
        self.lock = threading.RLock()
        self.requests: list[Request] = []
        #: Tracebacks of this server's own faults: empty in a test that passes.
        self.faults: list[str] = []
        self.rules: list[Rule] = []
        #: run name -> {"config", "displayName", "groupName", "history": {offset: line}, "summary", "exitcode", ...}
        self.runs: dict[str, dict[str, Any]] = {}
        #: artifact id -> {"state", "digest", "collection", "metadata", "files": {name: bytes}, ...}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        #: Whether somebody pressed the stop button on the run's page.
        self.stop_pressed = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_PUT = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        class Loopback(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                error = sys.exc_info()[1]
                # A client that goes away is something that tests do on purpose; anything else is this server's fault.
                if not isinstance(error, ConnectionError) and "closed file" not in str(error):
                    server.faults.append("".join(traceback.format_exception(error)))

        self.http = Loopback(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.http.shutdown()
        self.http.server_close()

    # What tests ask.

    def fail(
        self,
        match: str | Callable[[Request], bool],
        action: int | str | float,
        times: int | None = None,
        after: int = 0,
    ) -> Rule:
        """Answer badly: ``match`` is an operation's name, the start of ``"METHOD /path"``, or a predicate."""
        if callable(match):
            predicate = match
        else:

            def predicate(request: Request) -> bool:
                return request.operation == match or f"{request.method} {request.path}".startswith(match)

        rule = Rule(predicate, action, times, after)
        with self.lock:
            self.rules.append(rule)
        return rule

    def operations(self, name: str) -> list[Request]:
        with self.lock:
            return [request for request in self.requests if request.operation == name]

    def history(self, run: str) -> list[dict[str, Any]]:
        """The run's history, a dictionary a line, as the server would show it."""
        with self.lock:
            lines = self.runs.get(run, {}).get("history", {})
            return [json.loads(lines[offset]) for offset in sorted(lines)]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 20) -> Any:
        """What ``condition`` says once it says something true; its last answer when time is up."""
        end = time.monotonic() + seconds
        while not (said := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        return said

    def committed(self) -> list[dict[str, Any]]:
        with self.lock:
            return [artifact for artifact in self.artifacts.values() if artifact["state"] == "COMMITTED"]

    # The wire.

    def answer(self, http: BaseHTTPRequestHandler) -> None:
        if http.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(http.rfile.readline().strip() or b"0", 16):
                parts.append(http.rfile.read(size))
                http.rfile.readline()
            http.rfile.readline()
            body = b"".join(parts)
        else:
            body = http.rfile.read(int(http.headers.get("Content-Length") or 0))
        operation, variables = "", {}
        if http.path == "/graphql":
            sent = json.loads(body)
            found = re.search(r"(?:query|mutation)\s+(\w+)", sent["query"])
            operation, variables = (found.group(1) if found else ""), sent.get("variables") or {}
        request = Request(
            time.monotonic(), http.command, http.path, dict(http.headers.items()), body, operation, variables
        )
        with self.lock:
            self.requests.append(request)
            rule = next((rule for rule in self.rules if rule.takes(request)), None)
        if rule is not None and rule.action == "drop":
            # A reset, not an orderly close: what a machine that dies looks like.
            http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            http.close_connection = True
            http.connection.close()
            return None
        if rule is not None and isinstance(rule.action, int):
            return self.reply(http, rule.action, {"errors": [{"message": f"injected {rule.action}"}]})
        if rule is not None:
            time.sleep(float(rule.action))
        needs_key = http.path == "/graphql" or http.path.startswith("/files/")
        if needs_key and request.headers.get("Authorization") != self.authorization():
            return self.reply(http, 401, {"errors": [{"message": "invalid API key"}]})
        with self.lock:
            if http.path == "/graphql":
                return self.reply(http, 200, {"data": self.graphql(operation, variables)})
            if http.path.startswith("/files/") and http.path.endswith("/file_stream"):
                return self.reply(http, 200, self.file_stream(unquote(http.path.split("/")[4]), json.loads(body)))
            if http.command == "PUT":
                self.uploads[http.path.split("?")[0].removeprefix("/storage/")] = body
        return self.reply(http, 200, {})

    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()

    def reply(self, http: BaseHTTPRequestHandler, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        http.send_response(status)
        http.send_header("Content-Type", "application/json")
        http.send_header("Content-Length", str(len(body)))
        http.end_headers()
        http.wfile.write(body)

    def file_stream(self, run: str, sent: dict[str, Any]) -> dict[str, Any]:
        state = self.runs.setdefault(run, new_run(run))
        for name, part in (sent.get("files") or {}).items():
            if name == "wandb-history.jsonl":
                for place, line in enumerate(part["content"], start=part["offset"]):
                    state["history"][place] = line
            elif name == "wandb-summary.json":
                state["summary"] = json.loads(part["content"][-1])
        if sent.get("complete"):
            state["exitcode"] = sent.get("exitcode")
        return {"exitcode": None, "limits": {}, "stopped": self.stop_pressed}

    def graphql(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        handler = getattr(self, "do_" + operation, None)
        return handler(variables) if handler else {}

    def do_Viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "viewer": {
                "id": "u1", "entity": ENTITY, "username": "someone", "email": "someone@example.org", "flags": "{}",
                "teams": {"edges": [{"node": {"name": ENTITY}}]},
            }
        }  # fmt: skip

    def do_ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def do_RunResumeStatus(self, variables: dict[str, Any]) -> dict[str, Any]:
        state = self.runs.get(variables["name"])
        bucket = None
        if state is not None:
            lines = [state["history"][offset] for offset in sorted(state["history"])]
            bucket = {
                "id": "bucket-" + state["name"], "name": state["name"], "displayName": state["displayName"],
                "summaryMetrics": json.dumps(state["summary"]), "logLineCount": 0, "historyLineCount": len(lines),
                "eventsLineCount": 0, "historyTail": json.dumps(lines[-1:]), "eventsTail": "[]",
                "config": state["config"], "tags": [], "notes": None,
                "wandbConfig": json.dumps({"t": 1}),
            }  # fmt: skip
        return {"model": {"id": "p1", "name": variables["project"], "entity": entity(), "bucket": bucket}}

    def do_UpsertBucket(self, variables: dict[str, Any]) -> dict[str, Any]:
        name = variables["name"]
        inserted = name not in self.runs
        state = self.runs.setdefault(name, new_run(name))
        for key in ("config", "displayName", "groupName", "project", "jobType", "tags", "host", "program"):
            if variables.get(key) is not None:
                state[key] = variables[key]
        if variables.get("summaryMetrics"):
            state["summary"] = json.loads(variables["summaryMetrics"])
        bucket = {
            "id": "bucket-" + name, "name": name, "displayName": state["displayName"], "description": None,
            "config": state["config"], "sweepName": None, "historyLineCount": len(state["history"]),
            "project": {"id": "p1", "name": state["project"], "entity": entity()},
        }  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def do_ArtifactType(self, variables: dict[str, Any]) -> dict[str, Any]:
        collection = variables["name"].partition(":")[0]
        known = [a for a in self.committed() if a["collection"] == collection]
        return {
            "project": {
                "artifact": {"artifactType": {"name": known[-1]["sent"]["artifactTypeName"]}} if known else None
            }
        }

    def do_CreateArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        sent = variables["input"]
        collection = sent["artifactCollectionName"]
        for number, artifact in self.artifacts.items():
            if (artifact["collection"], artifact["digest"]) == (collection, sent["digest"]):
                return self.created(number)
        number = f"QXJ0aWZhY3Q6{len(self.artifacts)}"
        self.artifacts[number] = {
            "state": "PENDING", "digest": sent["digest"], "collection": collection, "sent": sent,
            "metadata": json.loads(sent.get("metadata") or "{}"), "run": sent.get("runName"), "files": {},
            "manifest": None,
        }  # fmt: skip
        return self.created(number)

    def created(self, number: str) -> dict[str, Any]:
        artifact = self.artifacts[number]
        latest = [n for n, a in self.artifacts.items() if a["collection"] == artifact["collection"]][-1]
        latest_committed = {"id": latest} if self.artifacts[latest]["state"] == "COMMITTED" else None
        return {
            "createArtifact": {
                "artifact": {
                    "id": number, "state": artifact["state"], "artifactSequence": {"latestArtifact": latest_committed}
                }
            }
        }  # fmt: skip

    def do_CreateArtifactManifest(self, variables: dict[str, Any]) -> dict[str, Any]:
        number = variables["artifactID"]
        path = f"manifest/{number}"
        file = {"id": "m" + number, "uploadUrl": f"{self.url}/storage/{path}", "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "am" + number, "file": file}}}

    def do_CreateArtifactFiles(self, variables: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for spec in variables["input"]["artifactFiles"]:
            number, name = spec["artifactID"], spec["name"]
            node = {
                "storagePath": f"storage/{number}/{name}", "uploadUrl": f"{self.url}/storage/artifact/{number}/{name}",
                "uploadHeaders": [], "uploadMultipartUrls": None, "artifact": {"id": number},
            }  # fmt: skip
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def do_CommitArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        number = variables["artifactID"]
        artifact = self.artifacts[number]
        artifact["state"] = "COMMITTED"
        prefix = f"artifact/{number}/"
        artifact["files"] = {
            unquote(path.removeprefix(prefix)): body for path, body in self.uploads.items() if path.startswith(prefix)
        }
        artifact["manifest"] = json.loads(self.uploads.get(f"manifest/{number}", b"null"))
        return {"commitArtifact": {"artifact": {"id": number, "digest": artifact["digest"]}}}

    def do_ArtifactByID(self, variables: dict[str, Any]) -> dict[str, Any]:
        artifact = self.artifacts.get(variables["id"])
        if artifact is None:
            return {"artifact": None}
        siblings = [n for n, a in self.artifacts.items() if a["collection"] == artifact["collection"]]
        project = {"id": "p1", "internalId": "p1", "name": artifact["sent"]["projectName"], "entity": {"name": ENTITY}}
        return {
            "artifact": {
                "__typename": "Artifact", "id": variables["id"], "versionIndex": siblings.index(variables["id"]),
                "artifactSequence": {
                    "__typename": "ArtifactSequence", "name": artifact["collection"], "project": project
                },
                "artifactType": {"name": artifact["sent"]["artifactTypeName"]}, "description": None,
                "metadata": json.dumps(artifact["metadata"]), "ttlDurationSeconds": -1, "ttlIsInherited": True,
                "tags": [], "historyStep": None, "state": artifact["state"], "digest": artifact["digest"],
                "size": sum(map(len, artifact["files"].values())), "fileCount": len(artifact["files"]),
                "commitHash": hashlib.sha1(variables["id"].encode()).hexdigest(),
                "createdAt": "2026-01-01T00:00:00Z", "updatedAt": None, "aliases": [],
            }
        }  # fmt: skip

    def do_CreateRunFiles(self, variables: dict[str, Any]) -> dict[str, Any]:
        files = [
            {"name": name, "uploadUrl": f"{self.url}/storage/run/{variables['run']}/{name}"}
            for name in variables["files"]
        ]
        return {"createRunFiles": {"runID": "bucket-" + variables["run"], "uploadHeaders": [], "files": files}}

    def do_OrganizationCoreWeaveOrganizationID(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"entity": {"organization": {"coreWeaveOrganizationId": None}}}


def entity() -> dict[str, str]:
    return {"id": "e1", "name": ENTITY}


def new_run(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "displayName": name,
        "config": "{}",
        "history": {},
        "summary": {},
        "project": "",
        "exitcode": None,
    }
