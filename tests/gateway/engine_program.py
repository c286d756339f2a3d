"""A program that stands in for vLLM: its words, its wire, and its ways to fail. Tests put it on the ``PATH``.

What it was started with goes to the file that ``STANDIN_TOLD`` names. ``STANDIN_WAY`` has it fail at its start
(``fails``), never be ready (``late``), or leave a child behind (``parent``). The question decides what it answers:
``die`` ends it in the middle of an answer.
"""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAY = os.environ.get("STANDIN_WAY", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self._plain(503 if WAY == "late" else 200, {})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != "Bearer " + os.environ["VLLM_API_KEY"]:
            self._plain(401, {"error": {"message": "no key"}})
            return
        talks = self.path == "/v1/chat/completions"
        said = asked["messages"][-1]["content"] if talks else str(asked["prompt"])
        if said == "too long":
            self._plain(400, {"error": {"message": "maximum context length is 64", "param": "messages"}})
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        words = ["You", " said ", said, " at ", str(asked.get("temperature"))]
        for at, word in enumerate(words):
            if said == "die" and at == 2:
                print("CUDA error: out of memory", flush=True)
                os._exit(9)
            choice = {"delta": {"content": word}} if talks else {"text": word}
            self._event({"choices": [{"index": 0, "finish_reason": None} | choice]})
        end = {"delta": {}} if talks else {"text": ""}
        self._event({"choices": [{"index": 0, "finish_reason": "stop"} | end]})
        self._event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, document):
        self._chunk(b"data: " + json.dumps(document).encode() + b"\n\n")

    def _chunk(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _plain(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(words):
    if words == ["--version"]:
        print(os.environ.get("STANDIN_VERSION", "0.11.0"))
        return 0
    print("Loading the weights of", words[1], flush=True)
    if WAY == "fails":
        print("ValueError: there is no GPU", flush=True)
        return 1
    pids = [os.getpid()]
    if WAY == "parent":
        pids.append(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid)
    port = int(words[words.index("--port") + 1])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    with open(os.environ["STANDIN_TOLD"], "w") as told:
        json.dump({"words": words, "pids": pids, "variables": sorted(os.environ)}, told)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
