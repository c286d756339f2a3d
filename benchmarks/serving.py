"""Tokens per second of `runner serve` for 1, 8 and 32 requests at a time, beside one request after the other.

    python benchmarks/serving.py [--model NAME] [--tokens 32] [--requests 32] [--rounds 2] [--without-transformers]
                                 [--json]

`transformers serve` stands beside it where it starts here. Each server is a process of its own on loopback, asked by
the same clients over HTTP: streams of chat completions whose prompts differ, drawn, of `--tokens` tokens each, which
`runner serve` is held to. What is counted are the tokens that the answers' own usage tells, or, of a server that tells
none, the pieces of its streams. The rounds take turns, and a figure is the median of its rounds; the seconds to the
first piece are the median of a round's requests.

A model that is drawn at random, such as the packaged `runner/tiny-llama`, has the server's own work as nearly all of
the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

AT_ONCE = (1, 8, 32)
QUESTION = "Tell me of the number {at}, and then of the one behind it."
#: Seconds that a server has to be ready.
PATIENCE = 300


@dataclass(frozen=True)
class Measured:
    """A server's tokens a second with so many requests at a time, how many times those of one at a time, and the
    seconds to the first piece."""

    server: str
    at_once: int
    tokens_a_second: float
    over_one: float
    first_piece: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="runner/tiny-llama")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--without-transformers", action="store_true")
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = list(measured(words, Path(home)))
    if words.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    print(f"{'':<22} {'at a time':>9} {'tokens/s':>9} {'over one':>9} {'first piece':>12}")
    for each in found:
        figures = f"{each.tokens_a_second:>9.1f} {each.over_one:>8.2f}x {1000 * each.first_piece:>9.0f} ms"
        print(f"{each.server:<22} {each.at_once:>9} {figures}")


def measured(words: Any, home: Path) -> Iterator[Measured]:
    """Every server, with every number of requests."""
    for name, server in (("runner serve", ours), ("transformers serve", theirs)):
        if name == "transformers serve" and words.without_transformers:
            continue
        with server(words.model, words.tokens, home) as served:
            if served is None:
                said = (home / "said").read_text("utf-8", "replace").strip().splitlines()
                print(f"{name} does not start here: {said[-1] if said else 'it says nothing'}", file=sys.stderr)
                continue
            address, model, extra = served
            rounds: dict[int, list[tuple[float, float]]] = {at_once: [] for at_once in AT_ONCE}
            asyncio.run(asked(address, model, extra, 1, 2, words.tokens))
            for _ in range(words.rounds):
                for at_once in AT_ONCE:
                    # One at a time, a few tell as much as many.
                    count = words.requests if at_once > 1 else max(2, words.requests // 8)
                    rounds[at_once].append(asyncio.run(asked(address, model, extra, at_once, count, words.tokens)))
            one = statistics.median(rate for rate, _ in rounds[1])
            for at_once, figures in rounds.items():
                rate = statistics.median(rate for rate, _ in figures)
                first = statistics.median(first for _, first in figures)
                yield Measured(name, at_once, rate, rate / one, first)


async def asked(
    address: str, model: str, extra: dict[str, Any], at_once: int, count: int, tokens: int
) -> tuple[float, float]:
    """Tokens a second of so many requests, and the median of the seconds to the first piece."""
    made: list[int] = []
    firsts: list[float] = []
    turns = asyncio.Semaphore(at_once)
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=600) as client:

        async def one(at: int) -> None:
            async with turns:
                begun = time.perf_counter()
                stream = await client.chat.completions.create(
                    model=model,
                    messages=[{"role": "user", "content": QUESTION.format(at=at)}],
                    max_tokens=tokens,
                    temperature=1,
                    seed=at,
                    stream=True,
                    **extra,
                )
                pieces, told = 0, 0
                async for chunk in stream:
                    if not pieces:
                        firsts.append(time.perf_counter() - begun)
                    pieces += bool(chunk.choices and chunk.choices[0].delta.content)
                    told = chunk.usage.completion_tokens if chunk.usage else told
                made.append(told or pieces)

        begun = time.perf_counter()
        await asyncio.gather(*(one(at) for at in range(count)))
        seconds = time.perf_counter() - begun
    return sum(made) / seconds, statistics.median(firsts)


@contextmanager
def ours(model: str, tokens: int, home: Path) -> Iterator[tuple[str, str, dict[str, Any]] | None]:
    """`runner serve`, ready: its address, the model's name, and what a request says beside."""
    port = free_port()
    command = [sys.executable, "-m", "runner", "serve", model, "--port", str(port)]
    extra = {"stream_options": {"include_usage": True}, "extra_body": {"min_tokens": tokens}}
    with process(command, home) as running:
        yield (f"http://127.0.0.1:{port}", model, extra) if ready(running, port, "/health") else None


@contextmanager
def theirs(model: str, tokens: int, home: Path) -> Iterator[tuple[str, str, dict[str, Any]] | None]:
    """`transformers serve`, ready, over the same folder of weights."""
    from runner.training import pretrained
    from runner.workspace import Workspace

    folder = str(pretrained.resolve(model, cache=Workspace.below(home).cache))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    with process(command, home) as running:
        yield (f"http://127.0.0.1:{port}", folder, {}) if ready(running, port, "/health") else None


@contextmanager
def process(command: list[str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended at the end, with what it says in a file."""
    with (home / "said").open("wb") as said:
        running = subprocess.Popen(command, cwd=home, stdout=said, stderr=said, env=os.environ)
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


def ready(running: subprocess.Popen[bytes], port: int, path: str) -> bool:
    """Whether a server came to be ready."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and running.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
