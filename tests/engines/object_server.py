"""An object store that speaks S3, in a process of its own, behind a wire that counts, fails and forbids."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from tests.holding import wait

WRITES = ("PUT", "POST", "DELETE")


def object_program() -> str:
    """The program moto_server: of ``RUNNER_TEST_S3``, the folder of an environment's programs, else of the PATH."""
    folder = os.environ.get("RUNNER_TEST_S3")
    found = shutil.which("moto_server", path=folder) if folder else shutil.which("moto_server")
    assert found or not folder, f"{folder} has no moto_server"
    if found is None:
        pytest.skip("there is no moto_server here: RUNNER_TEST_S3 is the bin folder of an environment that has it")
    return found


class ObjectServer:
    """``address`` is the wire's: it passes requests on to the store."""

    def __init__(self, program: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)], stdin=quiet, stdout=quiet, stderr=quiet
        )
        wait(lambda: _listens(port), self._process)
        #: How many requests are answered with 503 from now on, and how many were.
        self.failing, self.failed = 0, 0
        self.read_only = False
        self.requests: Counter[str] = Counter()
        self.sent = self.received = 0
        self._lock = threading.Lock()
        outer = self

        class Wire(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = _body(self)
                with outer._lock:
                    outer.requests[self.command] += 1
                    outer.sent += len(body)
                    fails = outer.failing > 0
                    outer.failing -= fails
                    outer.failed += fails
                if fails:
                    self._say(503, b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>")
                elif outer.read_only and self.command in WRITES:
                    self._say(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
                else:
                    there = http.client.HTTPConnection("127.0.0.1", port)
                    there.request(self.command, self.path, body, _headers(self))
                    answer = there.getresponse()
                    data = answer.read()
                    with outer._lock:
                        outer.received += len(data)
                    self._say(answer.status, data, answer.getheaders())
                    there.close()

            def _say(self, status: int, data: bytes, headers: list[tuple[str, str]] | None = None) -> None:
                self.send_response(status)
                given = dict(headers or [("Content-Type", "application/xml")])
                kept = {name: value for name, value in given.items() if name.lower() not in _OF_THE_CONNECTION}
                length = given.get("content-length") or given.get("Content-Length")
                kept["Content-Length"] = str(length if self.command == "HEAD" and length else len(data))
                for name, value in kept.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

            def log_message(self, *_: object) -> None:
                pass

        self._wire = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
        self._wire.daemon_threads = True
        threading.Thread(target=self._wire.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._wire.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program of AWS finds it by."""
        return {
            "AWS_ENDPOINT_URL": self.address, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip

    def make_bucket(self, name: str) -> None:
        """An empty place for objects."""
        assert urllib3.request("PUT", f"{self.address}/{name}").status == 200

    def forget(self) -> None:
        """Count anew."""
        self.requests.clear()
        self.sent = self.received = 0

    def close(self) -> None:
        self._wire.shutdown()
        self._wire.server_close()
        self._process.kill()
        self._process.wait()


_OF_THE_CONNECTION = {"connection", "transfer-encoding", "content-length", "server", "date", "keep-alive"}


def _headers(request: BaseHTTPRequestHandler) -> dict[str, str]:
    return {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in ("connection", "transfer-encoding", "expect", "content-length")
    }


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    found = b""
    while size := int(request.rfile.readline().split(b";")[0], 16):
        found += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return found


def _listens(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0
