"""What a gateway bears: clients that go away, backends that are slow or lie without end, its own end under load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from runner.gateway.request_log import RequestLog
from tests.gateway.http_desk import PATIENCE, Behind, behind_http
from tests.gateway.stub_backend import HANG, Reply, Stub, answer, delta

ASKED: dict[str, Any] = {"model": "router", "messages": [{"role": "user", "content": "small, please"}]}

#: On a busy machine a test may be slower than a backend that is slow.
WAITED_FOR = {"small": {"timeout": PATIENCE}}


@contextmanager
def logged(path: Path, **words: Any) -> Iterator[Behind]:
    with behind_http(log=RequestLog(path, texts=True), **words) as found:
        yield found


def requests_of(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_goes_away_ends_the_request_at_the_backend_which_is_not_blamed(tmp_path, streamed):
    stub = Stub(Reply(answer("I am small")))
    with logged(tmp_path / "log.jsonl", stubs={"small": stub}, fields=WAITED_FOR) as found:
        found.until(lambda: found.get("/health").status_code == 200)
        stub.replies.append(Reply([delta("a"), HANG]))
        client = found.client(timeout=PATIENCE if streamed else 0.5)
        if streamed:
            stream = client.chat.completions.create(**ASKED, stream=True)
            next(iter(stream))
            stream.close()
        else:
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(**ASKED)
        found.until(stub.left.is_set)
        found.until(lambda: found.counted("in_flight") == {"": 0.0})
        assert found.counted("failovers_total") == {}
        assert found.client().chat.completions.create(**ASKED).model == "small"
    outcomes = [line["outcome"] for line in requests_of(tmp_path / "log.jsonl")]
    assert outcomes == ["gone", "ok"]


def test_a_client_that_goes_away_before_the_first_piece_ends_the_request_too():
    stub = Stub(Reply([HANG]))
    with behind_http(stubs={"small": stub}, fields=WAITED_FOR) as found:
        with pytest.raises(openai.APITimeoutError):
            found.client(timeout=2).chat.completions.create(**ASKED, stream=True)
        found.until(stub.left.is_set)
        found.until(lambda: found.counted("in_flight") == {"": 0.0})
        assert found.counted("failovers_total") == {}


def test_a_backend_that_is_slow_or_never_ends_is_passed_by_and_counted():
    stubs = {"small": Stub(Reply([HANG])), "middle": Stub(Reply([delta("a")] * 20 + [HANG]))}
    fields = {"small": {"timeout": 0.2}, "middle": {"longest": 0.3}}
    with behind_http(stubs=stubs, fields=fields) as found:
        asked = ASKED | {"messages": [{"role": "user", "content": "small or middle?"}]}
        raw = found.client().chat.completions.with_raw_response.create(**asked)
        assert raw.parse().choices[0].message.content == "I am big"
        assert raw.headers["x-runner-failed"] == "small: no answer in time; middle: an endless answer"
        assert found.counted("failovers_total") == {
            "small no answer in time": 1.0,
            "middle an endless answer": 1.0,
        }


def begun(found: Behind, count: int) -> list[Any]:
    """Streams that have begun."""
    streams = [iter(found.client().chat.completions.create(**ASKED, stream=True)) for _ in range(count)]
    for stream in streams:
        next(stream)
    return streams


def test_sigterm_under_load_has_streams_end_and_takes_nothing_new(tmp_path):
    going_on = asyncio.Event()
    stub = Stub(Reply([delta("a"), going_on, *answer("b")]))
    with logged(tmp_path / "log.jsonl", stubs={"small": stub}, fields=WAITED_FOR, drain_seconds=PATIENCE) as found:
        streams = begun(found, 3)
        found.sigterm()
        found.until(lambda: found.get("/health").json()["status"] == "draining")
        with pytest.raises(openai.InternalServerError) as caught:
            found.client().chat.completions.create(**ASKED)
        assert caught.value.status_code == 503 and caught.value.code == "shutting_down"
        found.loop.call_soon_threadsafe(going_on.set)
        for stream in streams:
            assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "stop"
        found.until(lambda: found.server.should_exit)
    assert [line["outcome"] for line in requests_of(tmp_path / "log.jsonl")] == ["ok"] * 3


@pytest.mark.parametrize("streamed", [True, False])
def test_what_has_not_begun_at_the_end_is_told_so(streamed):
    stub = Stub(Reply([HANG]))
    with (
        behind_http(stubs={"small": stub}, fields=WAITED_FOR, drain_seconds=0.1) as found,
        ThreadPoolExecutor() as pool,
    ):
        asked = pool.submit(found.client().chat.completions.create, **ASKED, stream=streamed)
        found.until(lambda: len(stub.bodies) > 0 and stub.bodies[-1] != {})
        found.sigterm()
        with pytest.raises(openai.InternalServerError, match="the server is going") as caught:
            asked.result(PATIENCE)
        assert caught.value.status_code == 503 and found.counted("failovers_total") == {}


def test_what_runs_longer_than_the_limit_is_cut_says_so_and_is_no_fault_of_the_backend(tmp_path):
    stub = Stub(Reply([delta("a"), HANG]))
    with logged(tmp_path / "log.jsonl", stubs={"small": stub}, fields=WAITED_FOR, drain_seconds=0.1) as found:
        (stream,) = begun(found, 1)
        found.sigterm()
        with pytest.raises(openai.APIError, match="the server is going"):
            list(stream)
        found.until(lambda: found.server.should_exit)
    (line,) = requests_of(tmp_path / "log.jsonl")
    assert line["outcome"] == "gone"
