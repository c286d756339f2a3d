"""What a server bears: clients that go away, full queues, prompts that are too long, requests that are none."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from runner.serving.bodies import Bounds
from runner.serving.completions import Refusal
from runner.serving.keys_and_rate_limits import Keys, Rate
from runner.serving.opened_models import Limits
from runner.serving.server import LARGEST_HEAD
from runner.serving.service import Rules
from tests.conftest import Desk
from tests.serving.running import Running, serving
from tests.talking_models import CHATS

HI = [{"role": "user", "content": "Hi"}]
ASKED: dict[str, Any] = {"model": CHATS, "messages": HI, "max_tokens": 4}
#: Longer than any test waits for.
ENDLESS = ASKED | {"max_tokens": 1900}
KEY = "sk-of-a-test-0123456789"


@pytest.fixture(scope="module")
def strict(talking: Desk) -> Iterator[Running]:
    rules = Rules(
        Keys([KEY, "another"]),
        Rate(600),
        Bounds(body=4096, headers=2048, seconds=2),
        passed_over=frozenset({"user"}),
        hosts=None,
    )
    limits = Limits(together=1, waiting=1, max_length=64)
    with serving(talking.home, [CHATS], rules=rules, limits=limits) as running:
        yield running


@pytest.fixture
def client(strict: Running) -> Iterator[openai.OpenAI]:
    with strict.client(api_key=KEY) as found:
        yield found


def sent(running: Running, data: bytes) -> bytes:
    """What comes back for bytes, until the server closes."""
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(data)
        found = b""
        while piece := line.recv(65536):
            found += piece
    return found


def test_only_who_has_a_key_is_answered(strict, client, capfd):
    assert client.models.list().data
    for key in ("wrong", KEY[:-1], KEY + "0"):
        for answer in (
            strict.post("/v1/chat/completions", ASKED, headers={"authorization": f"Bearer {key}"}),
            strict.get("/v1/models", headers={"authorization": f"Bearer {key}"}),
            strict.get("/metrics", headers={"authorization": f"Bearer {key}"}),
        ):
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert KEY not in answer.text
    assert strict.get("/v1/models").status_code == 401
    # Whether it lives may be seen by all.
    assert strict.get("/health").status_code == 200
    told = capfd.readouterr()
    assert KEY not in told.out + told.err
    assert KEY not in strict.get("/metrics", headers={"authorization": f"Bearer {KEY}"}).text


def test_a_field_may_be_passed_over_by_whoever_serves_and_the_answer_says_so(client):
    raw = client.chat.completions.with_raw_response.create(**ASKED, user="me")
    assert raw.headers["x-runner-not-honoured"] == "user"
    assert "x-runner-not-honoured" not in client.chat.completions.with_raw_response.create(**ASKED).headers


def test_what_is_too_long_names_the_limit(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ASKED | {"messages": [{"role": "user", "content": "sea " * 60}]})
    body: Any = caught.value.body
    assert body["code"] == "context_length_exceeded" and body["param"] == "messages"
    assert "takes 64, answer included" in body["message"]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ASKED | {"max_tokens": 60})
    body = caught.value.body
    assert body["param"] == "max_tokens" and "ask for 43 at most" in body["message"]
    # Without a number, what room there is.
    made = client.chat.completions.create(model=CHATS, messages=HI)
    assert made.usage.total_tokens == 64 and made.choices[0].finish_reason == "length"


def test_bodies_and_headers_have_bounds(strict):
    own = {"authorization": f"Bearer {KEY}"}
    url = "/v1/chat/completions"
    assert strict.post(url, ASKED | {"stop": "x" * 5000}, headers=own).status_code == 413
    # Sent in pieces, without a length.
    chunked = strict.post(
        url, headers=own | {"content-type": "application/json"}, content=iter([b"{"] + [b" " * 999] * 9)
    )
    assert chunked.status_code == 413
    assert strict.post(url, ASKED, headers=own | {"x-long": "x" * 3000}).status_code == 431
    assert strict.post(url, headers=own, content=b"{}").status_code == 415
    assert strict.post(url, headers=own, data={"model": "x"}).status_code == 415
    head = f"POST {url} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
    # A head that never ends is closed, and a body that does not come is not waited for.
    assert b" 400 " in sent(strict, (head + "x: " + "y" * LARGEST_HEAD).encode()).split(b"\r\n")[0]
    slow = sent(strict, (head + "content-length: 10\r\n\r\n{").encode())
    assert b" 408 " in slow.split(b"\r\n")[0] and b"too_slow" in slow
    assert b" 400 " in sent(strict, b"\x16\x03\x01 no HTTP\r\n\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"model": "a", "model": "b"}', "twice"),
        (b'{"temperature": NaN}', "NaN is no number"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 4000, "nested too deeply"),
        (b'{"messages": []}', "model is missing"),
        # What a program sends that cuts texts by the halves of UTF-16. A whole emoji in escapes is none.
        (rb'{"messages": [{"role": "user", "content": "Hi \ud83d"}]}', "messages[0].content has half a character"),
        (rb'{"\ud83d": 1}', "the body has half a character"),
        (rb'{"messages": [{"content": "\ud83d\ude00 \\ud83d"}]}', "model is missing"),
    ],
)
def test_a_body_that_is_none_is_said(strict, body, said):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    answer = strict.post("/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code == 400 and said in answer.json()["error"]["message"]


def test_what_is_nowhere_is_said_with_what_is_near(strict):
    answer = strict.post("/v1/chat/completion", ASKED)
    assert answer.status_code == 404
    assert "did you mean '/v1/chat/completions'?" in answer.json()["error"]["message"]
    assert strict.get("/v1/chat/completions").json()["error"]["code"] == "wrong_method"


def test_a_full_queue_is_told_when_to_come_again(talking: Desk):
    with serving(talking.home, [CHATS], limits=Limits(together=1, waiting=1)) as running:
        engine = running.service.completers[0]._models[CHATS].engine

        async def crowd() -> openai.RateLimitError:
            async with running.async_client() as many:
                held = [asyncio.ensure_future(many.chat.completions.create(**ENDLESS)) for _ in range(2)]
                await asyncio.to_thread(running.until, lambda: engine.unanswered == 2)
                with pytest.raises(openai.RateLimitError) as refused:
                    await many.chat.completions.create(**ASKED)
                for each in held:
                    each.cancel()
                return refused.value

        refused = asyncio.run(crowd())
        assert refused.response.headers["retry-after"] == "1"
        assert "takes 2" in refused.message
        running.until(lambda: engine.unanswered == 0 and running.service.running == 0)
        # There is room again.
        with running.client() as client:
            assert client.chat.completions.create(**ASKED).usage.completion_tokens == 4


def test_who_goes_away_frees_its_place(talking: Desk):
    with serving(talking.home, [CHATS], limits=Limits(together=1, waiting=8)) as running:
        engine = running.service.completers[0]._models[CHATS].engine
        with running.client() as client:
            stream = client.chat.completions.create(**ENDLESS, temperature=1, stream=True)
            next(iter(stream))
            assert engine.unanswered == 1
            stream.close()
            running.until(lambda: engine.unanswered == 0 and running.service.running == 0)
            # One that waits for all of it at once.
            with pytest.raises(openai.APITimeoutError):
                client.with_options(timeout=0.5).chat.completions.create(**ENDLESS)
            running.until(lambda: engine.unanswered == 0 and running.service.running == 0)
            assert client.chat.completions.create(**ASKED).usage.completion_tokens == 4
        counted = running.get("/metrics").text
        assert 'runner_requests_total{endpoint="chat",model="sft/talker",status="499"} 1.0' in counted
        assert "runner_answers_unfinished 0.0" in counted
        assert 'runner_tokens_total{kind="completion",model="sft/talker"} 4.0' in counted


def test_a_page_of_another_site_cannot_ask(talking: Desk):
    rules = Rules(hosts=frozenset({"127.0.0.1", "localhost"}))
    with serving(talking.home, [CHATS], rules=rules) as running:
        assert running.post("/v1/chat/completions", ASKED).status_code == 200
        other = running.post("/v1/chat/completions", ASKED, headers={"host": "evil.example:80"})
        assert other.status_code == 403 and "evil.example" in other.json()["error"]["message"]
        # Whether somebody is there is no business of such a page either, nor what there is.
        for path in ("/health", "/nothing"):
            assert running.get(path, headers={"host": "evil.example"}).status_code == 403
        # What a page may send without asking first is no JSON.
        plain = running.post("/v1/chat/completions", content=json.dumps(ASKED), headers={"content-type": "text/plain"})
        assert plain.status_code == 415
        asked = httpx.options(running.address + "/v1/chat/completions")
        assert asked.status_code == 405 and "access-control-allow-origin" not in asked.headers


def test_requests_a_minute_are_counted_for_each_caller():
    at = [0.0]
    rate = Rate(2, lambda: at[0])
    rate.take("a"), rate.take("a"), rate.take("b")
    with pytest.raises(Refusal) as caught:
        rate.take("a")
    assert caught.value.status == 429 and caught.value.retry_after == 31
    rate.take("b")
    at[0] = 30.0
    rate.take("a")
    with pytest.raises(Refusal):
        rate.take("a")
    Rate(None).take("anybody")


def test_a_rate_is_kept(talking: Desk):
    with serving(talking.home, [CHATS], rules=Rules(rate=Rate(1))) as running, running.client() as client:
        client.chat.completions.create(**ASKED)
        with pytest.raises(openai.RateLimitError, match="1 requests a minute") as caught:
            client.chat.completions.create(**ASKED)
        assert int(caught.value.response.headers["retry-after"]) > 1
        # Looking is free.
        assert client.models.list().data
