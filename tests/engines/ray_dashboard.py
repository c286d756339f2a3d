"""A dashboard of Ray that answers what a test has put there: documents as a real one (2.60) gave them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Dashboard:
    """``answers`` has (status, document or text) by "METHOD path"; the rest is 404. ``asked`` has what came."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "GET /api/version": (200, {"version": "4", "ray_version": "2.60.0"})
        }
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                what = f"{self.command} {self.path}"
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((what, headers, json.loads(body) if body else None))
                status, content = outer.answers.get(what, (404, "Job does not exist"))
                data = (content if isinstance(content, str) else json.dumps(content)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def knows(self, name: str, **facts: Any) -> str:
        """Have it know a job, and return the id that the engine has for it."""
        document = {
            "type": "SUBMISSION", "submission_id": name, "status": "RUNNING", "message": None, "error_type": None,
            "metadata": None, "driver_exit_code": None,
        }  # fmt: skip
        self.answers[f"GET /api/jobs/{name}"] = (200, document | facts)
        return f"{self.address}/#/jobs/{name}"

    def posted(self) -> list[tuple[str, Any]]:
        """What was sent to it, and to where."""
        return [(what, body) for what, _, body in self.asked if what.startswith("POST")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
