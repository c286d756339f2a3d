"""When a server is ready, and how it ends: signals under load, limits, models that change beneath it."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from runner.errors import RunFailed
from runner.serving.completions import Piece, Refusal, Request, Served, Usage
from runner.serving.opened_models import open_models
from runner.serving.service import Service
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.holding import wait
from tests.serving.running import PATIENCE, run, serving
from tests.talking_models import CHATS, GOES_ON
from tests.warm import Copy

HI = [{"role": "user", "content": "Hi"}]
ASKED: dict[str, Any] = {"model": CHATS, "messages": HI, "max_tokens": 4}
#: Longer than any test waits for.
ENDLESS = ASKED | {"max_tokens": 1900, "temperature": 1}


@contextmanager
def begun(desk: Desk, *words: object) -> Iterator[tuple[Copy, str]]:
    """``runner serve`` that is ready, and its address."""
    process = Copy(["serve", *words, "--port", "0", "--json"], desk.home, desk.variables)
    try:
        text = wait(lambda: process.out.exists() and process.out.read_text().endswith("}\n"), process)
        assert text
        yield process, json.loads(process.out.read_text())["address"]
    finally:
        if process.poll() is None:
            process.kill()


def client_of(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=PATIENCE)


def started(client: openai.OpenAI, **fields: Any) -> Any:
    """A stream that has begun."""
    asked = ENDLESS | fields
    least = {"min_tokens": asked["max_tokens"]}
    stream = iter(client.chat.completions.create(**asked, stream=True, extra_body=least))
    next(stream)
    return stream


def status(address: str) -> tuple[int, str]:
    answer = httpx.get(f"{address}/health", timeout=PATIENCE)
    return answer.status_code, answer.json()["status"]


@pytest.mark.slow
def test_sigterm_under_load_loses_nothing_and_takes_nothing_new(talking: Desk):
    with begun(talking, CHATS, "--drain-seconds", PATIENCE) as (process, address), client_of(address) as client:
        assert status(address) == (200, "ready")
        streams = [started(client, max_tokens=900, seed=seed) for seed in range(3)]
        process.send_signal(signal.SIGTERM)
        wait(lambda: status(address) == (503, "draining"), process)
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(**ASKED)
        assert caught.value.status_code == 503 and caught.value.code == "shutting_down"
        assert caught.value.response.headers["retry-after"] == "1"
        assert "runner_ready 0.0" in httpx.get(f"{address}/metrics").text
        for stream in streams:
            *_, last = stream
            assert last.choices[0].finish_reason == "length"
        assert process.wait(PATIENCE) == 0
        assert "ending: 3 running" in process.err.read_text()


def test_what_runs_longer_than_the_limit_is_cut_and_says_so(talking: Desk):
    with begun(talking, CHATS, "--drain-seconds", 0.2) as (process, address), client_of(address) as client:
        stream = started(client)
        process.send_signal(signal.SIGINT)
        with pytest.raises(openai.APIError, match="cut before its end"):
            list(stream)
        assert process.wait(PATIENCE) == 0
        assert "1 cut after 0.2 s" in process.err.read_text()


def test_a_second_signal_is_the_end(talking: Desk):
    with begun(talking, CHATS) as (process, address), client_of(address) as client:
        stream = started(client)
        process.send_signal(signal.SIGTERM)
        wait(lambda: status(address) == (503, "draining"), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        assert process.err.read_text().endswith("ended at once\n")
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            list(stream)


def test_what_is_served_is_told_and_an_idle_server_ends_at_once(talking: Desk):
    process = Copy(["serve", CHATS, GOES_ON, "--port", "0", "--alias", f"gpt={CHATS}"], talking.home, talking.variables)
    wait(lambda: process.out.exists() and "serving at" in process.out.read_text(), process)
    *lines, last = process.out.read_text().splitlines()
    assert lines == [
        "sft/talker: sft/talker/v1, a model of generation",
        "gpt: sft/talker/v1, a model of generation",
        "causal_lm/goer: causal_lm/goer/v1, a model of generation",
    ]
    assert last.startswith("serving at http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert process.err.read_text() == ""


def test_a_model_folder_that_changes_changes_no_answer(talking: Desk, tmp_path: Path):
    shutil.copytree(talking.home / "models", tmp_path / "models")
    with serving(tmp_path, [CHATS]) as running, running.client() as client:
        asked = ASKED | {"max_tokens": 12, "logprobs": True, "extra_body": {"deterministic": True}}
        before = client.chat.completions.create(**asked).choices
        folder = tmp_path / "models" / "sft" / "talker" / "v1"
        for file in folder.rglob("*"):
            if file.is_file():
                file.chmod(0o644)
                # In the place of the very bytes that were read, as a careless copy would.
                with file.open("r+b") as opened:
                    opened.write(b"\xff" * file.stat().st_size)
        assert client.chat.completions.create(**asked).choices == before
        shutil.rmtree(folder)
        assert client.chat.completions.create(**asked).choices == before
        assert running.get("/health").status_code == 200


# ---- Before it is ready


@dataclass
class Answer:
    """Of :class:`Late`."""

    model: str = "late"
    fingerprint: str = "late"
    prompt_ids: Sequence[int] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def usage(self) -> Usage | None:
        return None

    async def pieces(self) -> AsyncIterator[Piece]:
        yield Piece("So ")
        yield Piece("it is.")
        yield Piece(finish="stop")

    async def close(self) -> None:
        pass


class Late:
    """A completer that is not well at first: what an endpoint elsewhere is like."""

    def __init__(self) -> None:
        self.well = threading.Event()

    def served(self) -> Sequence[Served]:
        return [Served("late", "elsewhere", 0, frozenset({"chat"}), fields=frozenset({"tools"}))]

    async def start(self, request: Request) -> Answer:
        return Answer()

    async def ready(self) -> None:
        if not self.well.is_set():
            raise Refusal(503, "it does not answer yet")

    async def close(self) -> None:
        pass


def test_the_health_is_503_until_every_model_has_answered():
    late, told = Late(), []
    with run(Service([late], on_ready=lambda: told.append("ready"))) as running:
        assert running.get("/health").status_code == 503
        running.until(lambda: running.get("/health").json()["status"] == "it does not answer yet")
        assert "runner_ready 0.0" in running.get("/metrics").text and not told
        late.well.set()
        assert running.get("/health").json() == {"status": "ready", "models": ["late"]}
        assert "runner_ready 1.0" in running.get("/metrics").text and told == ["ready"]
        late.well.clear()
        assert running.get("/health").status_code == 503


def test_a_model_that_never_answers_ends_the_server(talking: Desk, monkeypatch):
    opened = open_models(Workspace.below(talking.home), [CHATS])
    (model,) = opened.language._models.values()

    def broken(self: Any) -> Any:
        raise RuntimeError("out of something")

    monkeypatch.setattr(type(model.engine._decoding), "step", broken)
    service = Service([opened.language], opened.rows)
    with run(service) as running:
        running.until(lambda: running.server.should_exit)
    assert isinstance(service.failure, RunFailed) and "does not answer" in str(service.failure)


def test_another_completer_answers_by_the_same_wire():
    late = Late()
    late.well.set()
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    with run(Service([late])) as running, running.client() as client:
        made = client.chat.completions.create(model="late", messages=HI, tools=tools)  # type: ignore[arg-type]
        assert made.choices[0].message.content == "So it is." and made.usage is None
        chunks = list(client.chat.completions.create(model="late", messages=HI, stream=True))  # type: ignore[arg-type]
        assert chunks[-1].choices[0].finish_reason == "stop"
