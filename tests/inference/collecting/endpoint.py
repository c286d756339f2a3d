"""An OpenAI-compatible endpoint on this machine that adds, errs, and counts what it was asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint:
    """What is answered, by the model's name; ``faults`` are given first, in their order, to a model's questions."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.faults: dict[str, list[tuple[int, dict[str, str], str]]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.lock = threading.Lock()
        #: A model that is set here does not answer before the event is set.
        self.slow: dict[str, threading.Event] = {}
        self.url = ""

    def answer(self, body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]
        if body["model"] == "judge":
            # It likes what is right, and of two alike the first.
            first, second = prompt.partition("Second answer:")[::2]
            return "Well. " + ("[[B]]" if "right" in second and "right" not in first else "[[A]]")
        left, right = (int(word) for word in prompt.rstrip("?").split() if word.isdigit())
        return {"good": f"It is {left + right}", "bad": "no idea, 7", "plain": str(left + right)}[body["model"]]


@contextmanager
def serving() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with endpoint.lock:
                endpoint.asked[body["model"]] += 1
                endpoint.bodies.append(body)
                endpoint.keys.add(self.headers["Authorization"])
                faults = endpoint.faults.get(body["model"])
                fault = faults.pop(0) if faults else None
            if body["model"] in endpoint.slow:
                endpoint.slow[body["model"]].wait(300)
            if fault is not None:
                self.reply(fault[0], fault[2], fault[1])
                return
            usage = {"prompt_tokens": 10, "completion_tokens": 5}
            message = {"role": "assistant", "content": endpoint.answer(body)}
            self.reply(200, json.dumps({"choices": [{"message": message}], "usage": usage}))

        def reply(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        for event in endpoint.slow.values():
            event.set()
        server.shutdown()
        server.server_close()
