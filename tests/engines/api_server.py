"""A made-up API server of Kubernetes over loopback HTTP: what `kubectl` asks of one for Jobs, pods, Services and Kueue.

It runs nothing. A test says what becomes of a Job by writing its status and its pods.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

KUEUE = "kueue.x-k8s.io"
#: Plural -> the API's group and version, the kind.
KINDS = {
    "jobs": ("batch/v1", "Job"),
    "pods": ("v1", "Pod"),
    "services": ("v1", "Service"),
    "localqueues": (f"{KUEUE}/v1beta1", "LocalQueue"),
    "workloads": (f"{KUEUE}/v1beta1", "Workload"),
}


class ApiServer:
    """The server, and what it holds: (plural, namespace, name) -> document."""

    def __init__(self, *, allowed: bool = True, kueue: bool = True) -> None:
        self.things: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.allowed, self.kueue = allowed, kueue
        #: Every request that changes something: its method and path, and its document.
        self.changes: list[tuple[str, str, Any]] = []
        self.logs: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                outer.answer(self, "GET")

            def do_POST(self) -> None:
                outer.answer(self, "POST")

            def do_DELETE(self) -> None:
                outer.answer(self, "DELETE")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, path: Path, namespace: str = "team") -> Path:
        """A kubeconfig of this server."""
        address = f"http://127.0.0.1:{self._server.server_port}"
        context = {"cluster": "made", "user": "made", "namespace": namespace}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "made",
                    "clusters": [{"name": "made", "cluster": {"server": address}}],
                    "users": [{"name": "made", "user": {"token": "made-up"}}],
                    "contexts": [{"name": "made", "context": context}],
                }
            )
        )  # fmt: skip
        return path

    def put(self, plural: str, name: str, document: dict[str, Any], namespace: str = "team") -> None:
        """Have a thing, as if the cluster had made it."""
        version, kind = KINDS[plural]
        metadata = {"name": name, "namespace": namespace} | document.get("metadata", {})
        self.things[plural, namespace, name] = {"apiVersion": version, "kind": kind} | document | {"metadata": metadata}

    def answer(self, request: BaseHTTPRequestHandler, method: str) -> None:
        """One request."""
        length = int(request.headers.get("Content-Length") or 0)
        data = request.rfile.read(length)
        # What may be done is asked in another format than JSON, and answered without looking.
        sent = json.loads(data) if data.startswith(b"{") else None
        address = urlparse(request.path)
        if method != "GET":
            self.changes.append((method, address.path, sent))
        code, body = self._answered(method, address.path, parse_qs(address.query), sent)
        answer = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request.send_response(code)
        request.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def _answered(self, method: str, path: str, query: dict[str, list[str]], sent: Any) -> tuple[int, Any]:
        if (found := self._discovery(path)) is not None:
            return 200, found
        if path.endswith("/selfsubjectaccessreviews"):
            about = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}}
            return 201, about | {"status": {"allowed": self.allowed}}
        parts = path.strip("/").split("/")
        if "namespaces" not in parts:
            return _status(404, "NotFound", "the server could not find the requested resource")
        at = parts.index("namespaces")
        if len(parts) == at + 2:
            return 200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": parts[-1]}}
        namespace, plural, *rest = parts[at + 1 :]
        if plural not in KINDS or (plural in ("localqueues", "workloads") and not self.kueue):
            return _status(404, "NotFound", "the server could not find the requested resource")
        if method == "POST":
            return self._create(plural, namespace, sent)
        if not rest:
            return 200, self._listed(plural, namespace, query.get("labelSelector", [""])[0])
        key = (plural, namespace, rest[0])
        if key not in self.things:
            return _status(404, "NotFound", f'{plural} "{rest[0]}" not found')
        if rest[1:] == ["log"]:
            return 200, self.logs.get(rest[0], "")
        if method == "DELETE":
            return 200, self.things.pop(key)
        return 200, self.things[key]

    def _create(self, plural: str, namespace: str, sent: Any) -> tuple[int, Any]:
        name = sent["metadata"]["name"]
        if (plural, namespace, name) in self.things:
            return _status(409, "AlreadyExists", f'{plural} "{name}" already exists')
        made = sent | {"metadata": sent["metadata"] | {"namespace": namespace, "uid": f"uid-of-{name}"}}
        self.things[plural, namespace, name] = made
        return 201, made

    def _listed(self, plural: str, namespace: str, selector: str) -> dict[str, Any]:
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        version, kind = KINDS[plural]
        items = [
            thing
            for (sort, place, _), thing in self.things.items()
            if (sort, place) == (plural, namespace) and wanted.items() <= thing["metadata"].get("labels", {}).items()
        ]
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items}

    def _discovery(self, path: str) -> Any:
        if path == "/version":
            return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        groups = {"batch": "v1", "authorization.k8s.io": "v1"} | ({KUEUE: "v1beta1"} if self.kueue else {})
        if path == "/apis":
            made = [
                {"name": name, "versions": [(each := {"groupVersion": f"{name}/{version}", "version": version})],
                 "preferredVersion": each}
                for name, version in groups.items()
            ]  # fmt: skip
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": made}
        for version in ["v1", *(f"{name}/{version}" for name, version in groups.items())]:
            if path == (f"/api/{version}" if version == "v1" else f"/apis/{version}"):
                verbs = ["create", "delete", "get", "list"]
                resources = [
                    {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
                    for plural, (of, kind) in KINDS.items()
                    if of == version
                ]
                return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
        return None


def _status(code: int, reason: str, message: str) -> tuple[int, Any]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                  "message": message}  # fmt: skip
