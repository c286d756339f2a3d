"""What a gateway adds to calling a backend, and what it loses: 200 streams at a time against three stub backends.

    python benchmarks/gateway.py [--streams 200] [--requests 1000] [--short 200] [--flat 10000]

Trains two routers on packaged data, one that reads no prompt (``elo_scoring``) and one that embeds it
(``dense_network``), serves each before three stubs of their own processes, and asks the same questions of a stub
directly and through the gateway: short answers one after the other, and streams 16 at a time and as many as
``--streams``. A stub gives a stream's first piece after 50 ms, and nineteen more a quarter of a second apart; a short
answer is one piece, at once. Prints, of the time to the first piece and of the whole, the 50th and 99th percentile on
both roads and their difference, and what the gateway computes for each request; then the memory of the gateway's
process over many requests, and how many are lost when a backend is killed under load.

Clients, stubs and the gateway share the machine's cores. Where those are busy, times are of the waiting for a core too:
the first line says how busy they are, and the milliseconds that the gateway computes hang least on it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
FIRST, BETWEEN, PIECES = 0.05, 0.25, 20
LLMS = ("smollm2-135m", "dictionary", "calculator")


# ---- A stub


async def stub() -> None:
    """Serve on a free port, which is printed: an answer of :data:`PIECES` pieces, or of one where ``quick`` is
    asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                body = await reader.readexactly(size)
                quick = b"quick" in body
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for at in range(1 if quick else PIECES):
                    await asyncio.sleep(0 if quick else BETWEEN if at else FIRST)
                    _send(writer, {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]})
                    await writer.drain()
                _send(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                _send(writer, {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": PIECES}})
                writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _send(writer: asyncio.StreamWriter, document: Any) -> None:
    data = b"data: " + json.dumps(document).encode() + b"\n\n"
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


# ---- A client


async def ask(port: int, model: str, number: int, stream: bool, words: str = "") -> tuple[str, float, float]:
    """One request on a connection of its own: how it ended, seconds to the first piece, and to the last."""
    question = f"{words}Question {number}: what is {number} + {number * 7}?"
    body = {"model": model, "stream": stream,
            "messages": [{"role": "user", "content": question}]}  # fmt: skip
    data = json.dumps(body).encode()
    started, first = time.perf_counter(), 0.0
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {len(data)}"
        )
        writer.write(head.encode() + b"\r\ncontent-type: application/json\r\n\r\n" + data)
        status = (await reader.readline()).split(b" ")[1]
        ended = "cut"
        while line := await reader.readline():
            if not first and b'"content"' in line:
                first = time.perf_counter() - started
            if b'"error"' in line:
                ended = "told"
            elif (b"[DONE]" in line or (not stream and b'"finish_reason"' in line)) and ended == "cut":
                # On both roads: what is left of the response is its end, and the connection's.
                ended = "whole"
                break
        writer.close()
    except (OSError, IndexError):
        return "refused", 0.0, 0.0
    return (ended if status == b"200" else f"HTTP {status.decode()}"), first, time.perf_counter() - started


async def load(port: int, model: str, count: int, at_once: int, stream: bool = True, words: str = "") -> list[Any]:
    """Requests that begin one after the other, ``at_once`` of them under way."""
    room = asyncio.Semaphore(at_once)
    # As many begin in each as there are at once.
    apart = (FIRST + BETWEEN * (PIECES - 1)) / at_once if stream and not words else 0.0

    async def one(number: int) -> tuple[str, float, float]:
        async with room:
            return await ask(port, model, number, stream, words)

    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(apart)
    return list(await asyncio.gather(*tasks))


# ---- What is measured


@contextlib.contextmanager
def stubs() -> Iterator[dict[str, tuple[int, subprocess.Popen[bytes]]]]:
    started = {llm: subprocess.Popen([sys.executable, __file__, "--stub"], stdout=subprocess.PIPE) for llm in LLMS}
    try:
        yield {llm: (int(process.stdout.readline()), process) for llm, process in started.items() if process.stdout}
    finally:
        for process in started.values():
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(folder: Path, router: str, ports: dict[str, int]) -> Iterator[tuple[int, int]]:
    """The gateway's port, and its process."""
    known = json.loads(subprocess.run(
        [sys.executable, "-m", "runner", "infer", "--model", router, "--models-to-score", "all", "--prompts", "Hi",
         "--output-path", "-"], cwd=folder, capture_output=True, check=True).stdout)  # fmt: skip
    backends: dict[str, Any] = dict.fromkeys(known)
    for price, (llm, port) in enumerate(ports.items(), 1):
        backends[llm] = {"url": f"http://127.0.0.1:{port}/v1",
                         "price": {"input": price, "output": price, "answer_tokens": 20}}  # fmt: skip
    (folder / "backends.json").write_text(json.dumps(backends))
    words = ["serve", "--router", router, "--backends", "backends.json", "--port", "0", "--json"]
    process = subprocess.Popen([sys.executable, "-m", "runner", *words], cwd=folder, stdout=subprocess.PIPE)
    try:
        text = b""
        while not text.rstrip().endswith(b"}"):
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise SystemExit("the gateway did not start")
            text += line
        yield int(json.loads(text)["address"].rpartition(":")[2]), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def percentiles(found: list[Any], column: int) -> tuple[float, float]:
    values = [each[column] * 1000 for each in found if each[0] == "whole"]
    return tuple(np.percentile(values, [50, 99])) if values else (float("nan"), float("nan"))  # type: ignore[return-value]


def compare(name: str, direct: list[Any], through: list[Any]) -> None:
    ended = Counter(each[0] for each in through)
    print(f"\n{name}: {len(through):,} streams; {dict(ended)} (direct: {dict(Counter(each[0] for each in direct))})")
    for column, what in ((1, "first piece"), (2, "whole answer")):
        (near50, near99), (far50, far99) = percentiles(direct, column), percentiles(through, column)
        print(f"  {what:12}  p50 {near50:8.1f} -> {far50:8.1f} ms, {far50 - near50:+7.1f} ms   "
              f"p99 {near99:8.1f} -> {far99:8.1f} ms, {far99 - near99:+7.1f} ms")  # fmt: skip


def both(name: str, direct: int, port: int, pid: int, count: int, at_once: int, words: str = "") -> None:
    """The same streams on both roads, and what the gateway computed for them."""
    alone = asyncio.run(load(direct, "x", count, at_once, words=words))
    spent = cpu(pid)
    through = asyncio.run(load(port, "router", count, at_once, words=words))
    spent = (cpu(pid) - spent) * 1000 / count
    compare(f"{name}, {at_once} at a time", alone, through)
    print(f"  the gateway computes {spent:.1f} ms for each")


def cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def memory(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stub", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--short", type=int, default=200, help="short answers, one at a time")
    parser.add_argument("--flat", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where routers are trained, and found again")
    words = parser.parse_args()
    if words.stub:
        asyncio.run(stub())
        return
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    folder = words.folder or Path(tempfile.mkdtemp(prefix="gateway-"))
    folder.mkdir(parents=True, exist_ok=True)
    cores, busy = os.cpu_count() or 1, os.getloadavg()[0]
    said = ": BUSY with other work, so that times below are of the waiting for a core too" if busy > cores / 2 else ""
    print(f"{words.streams} streams at a time, {cores} cores, {busy:.1f} processes that want one{said}")
    for kind in ("elo_scoring", "dense_network"):
        if not (folder / "models" / kind).exists():
            document = json.loads((ROOT / "specs" / f"{kind}.json").read_text())
            document["model"]["name"] = "it"
            document.pop("$schema", None)
            (folder / "spec.json").write_text(json.dumps(document))
            subprocess.run([sys.executable, "-m", "runner", "train", "--spec-file", "spec.json", "--executor", "local"],
                           cwd=folder, capture_output=True, check=True)  # fmt: skip
    for kind, told in (("elo_scoring", "without an embedding"), ("dense_network", "with an embedding")):
        with stubs() as started:
            ports = {llm: port for llm, (port, _) in started.items()}
            with serving(folder, f"{kind}/it", ports) as (port, pid):
                asyncio.run(load(port, "router", 20, 20))
                both(f"{told}, short answers", ports[LLMS[0]], port, pid, words.short, 1, "quick ")
                for at_once in (16, words.streams):
                    count = min(words.requests, 5 * at_once)
                    both(f"{told}, {PIECES} pieces each", ports[LLMS[0]], port, pid, count, at_once)
                if kind == "elo_scoring":
                    flat(port, pid, words.flat)
                    for stream in (False, True):
                        asyncio.run(killed(port, started, words.streams, stream))


def flat(port: int, pid: int, count: int) -> None:
    """The memory of the gateway over many short requests."""
    print()
    told = []
    for part in range(5):
        started, spent = time.perf_counter(), cpu(pid)
        found = asyncio.run(load(port, "router", count // 5, 50, stream=False, words=f"quick {part} "))
        rate = len(found) / (time.perf_counter() - started)
        told.append(memory(pid))
        ended = dict(Counter(each[0] for each in found))
        print(
            f"  {count // 5 * (part + 1):6,} requests: {told[-1]:.1f} MiB; {ended}, {rate:.0f} a second, "
            f"{(cpu(pid) - spent) * 1000 / len(found):.1f} ms of CPU each"
        )
    print(f"  from the first fifth to the last: {told[-1] - told[0]:+.1f} MiB")


async def killed(port: int, started: dict[str, Any], at_once: int, stream: bool) -> None:
    """Requests under way while the backend that answers them is killed."""
    running = asyncio.create_task(load(port, "router", 3 * at_once, at_once, stream))
    await asyncio.sleep(1.0)
    busiest = max(started, key=lambda llm: len(psutil.Process(started[llm][1].pid).net_connections()))
    started.pop(busiest)[1].kill()
    ended = Counter(each[0] for each in await running)
    lost = sum(count for how, count in ended.items() if how not in ("whole", "told"))
    what = "streams" if stream else "whole answers"
    print(f"\n{busiest} killed under {at_once} {what}: {dict(ended)}; lost without a word: {lost}")


if __name__ == "__main__":
    main()
