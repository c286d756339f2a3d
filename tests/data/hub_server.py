"""A Hub on this machine: it answers what the Hub's own client asks for data sets, from files held in memory."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class HubServer:
    """``files`` are those of the one data set ``repo``, by path; ``asked`` is what was asked for, in order."""

    def __init__(self, repo: str, files: dict[str, bytes]) -> None:
        self.repo, self.files, self.asked = repo, files, list[str]()
        hub = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                hub.asked.append(f"{self.command} {path}")
                status, headers, body = hub.answer(path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def revision(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body: the repository's facts, its tree, or a file of it."""
        about, there = f"/api/datasets/{self.repo}", f"/datasets/{self.repo}/resolve/"
        if path.startswith(f"{about}/tree/"):
            return self._json([self._entry(name) for name in sorted(self.files)])
        if path == about or path.startswith(f"{about}/revision/"):
            siblings = [{"rfilename": name} for name in sorted(self.files)]
            return self._json({"id": self.repo, "sha": self.revision, "siblings": siblings, "private": False})
        name = path.removeprefix(there).partition("/")[2] if path.startswith(there) else ""
        if name in self.files:
            entry = {"ETag": f'"{self._entry(name)["oid"]}"', "X-Repo-Commit": self.revision}
            return 200, entry, self.files[name]
        code = "EntryNotFound" if path.startswith(there) else "RepoNotFound"
        return 404 if name else 401, {"X-Error-Code": code}, b""

    def _entry(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def _json(self, value: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
