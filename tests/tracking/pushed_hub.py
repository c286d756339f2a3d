"""A Hub on this machine that takes models: it answers what the Hub's own client asks when it pushes one."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class PushedHub:
    """``repositories`` have ``private``, ``files`` and ``commits``; who has another token is told so."""

    def __init__(self, token: str) -> None:
        self.repositories: dict[str, dict[str, Any]] = {}
        #: ``METHOD path`` of all that was asked, and all bodies and headers but the token's.
        self.asked: list[str] = []
        self.seen: list[bytes] = []
        #: A part of a path -> the status that is answered there.
        self.failing: dict[str, int] = {}
        #: What the client asked that nobody here knows.
        self.faults: list[str] = []
        self._large: dict[str, bytes] = {}
        hub = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hub.asked.append(f"{self.command} {path}")
                rest = {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
                hub.seen.append(body + json.dumps(rest).encode() + self.path.encode())
                given = self.headers.get("Authorization")
                answer: Any = {"error": "no"}
                status = next((code for part, code in hub.failing.items() if part in path), 0)
                if not status and not path.startswith("/large/") and given != f"Bearer {token}":
                    status = 401
                if not status:
                    status, answer = hub.answer(self.command, path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> PushedHub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and document."""
        if path.startswith("/large/"):
            self._large[path.removeprefix("/large/")] = body
            return 200, {}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        for name, repository in self.repositories.items():
            if path == f"/{name}.git/info/lfs/objects/batch":
                return 200, {
                    "transfer": "basic",
                    "objects": [self._place(each) for each in json.loads(body)["objects"]],
                }
            if path.startswith(f"/api/models/{name}/preupload/"):
                return 200, {"files": [self._mode(each, repository) for each in json.loads(body)["files"]]}
            if path.startswith(f"/api/models/{name}/commit/"):
                return self._commit(name, repository, body)
            if path.startswith(f"/api/models/{name}"):
                facts = {"id": name, "private": repository["private"], "sha": repository["commits"][-1]}
                return 200, facts | {"siblings": [{"rfilename": file} for file in repository["files"]]}
        self.faults.append(f"{method} {path}")
        return 404, {"error": "not found"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            return 409, {"error": "You already created this model repo", "url": f"{self.url}/{name}"}
        private = asked.get("private", asked.get("visibility") == "private")
        self.repositories[name] = {"private": private, "files": {}, "commits": ["0" * 40]}
        return 200, {"url": f"{self.url}/{name}", "id": name, "name": name}

    def _place(self, each: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.url}/large/{each['oid']}"
        return {"oid": each["oid"], "size": each["size"], "actions": {"upload": {"href": href}}}

    def _mode(self, each: dict[str, Any], repository: dict[str, Any]) -> dict[str, Any]:
        mode = "lfs" if each["path"].endswith(".safetensors") else "regular"
        found = repository["files"].get(each["path"])
        oid = None
        if found is not None:
            blob = hashlib.sha1(b"blob %d\0" % len(found) + found).hexdigest()
            oid = hashlib.sha256(found).hexdigest() if mode == "lfs" else blob
        return {"path": each["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}

    def _commit(self, name: str, repository: dict[str, Any], body: bytes) -> tuple[int, Any]:
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                repository["files"][value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                repository["files"][value["path"]] = self._large[value["oid"]]
        commit = hashlib.sha1(body + str(len(repository["commits"])).encode()).hexdigest()
        repository["commits"].append(commit)
        return 200, {"success": True, "commitUrl": f"{self.url}/{name}/commit/{commit}", "commitOid": commit}
