"""An endpoint is read with distrust: what it says, what it does not say, and what it does instead."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from runner.gateway.http_client import HttpClient
from runner.gateway.remote_completer import Failed, RemoteCompleter
from runner.serving.completions import Piece, Refusal, Request, Settings, Usage
from runner.tasks.ranking.backend_sections import Backend
from tests.gateway.stub_backend import DONE, HANG, KILL, Reply, Stub, answer, delta, event, refusal, serving, usage

ASKED = Request("small", ({"role": "user", "content": "Hello there, how are you?"},))
KEY = "sk-very-secret-key"


def ask(reply: Reply | list[Any], request: Request = ASKED, **fields: Any) -> tuple[list[Piece], Any, Stub]:
    """The pieces and the answer of one request, and the stub that gave them."""
    stub = Stub(reply if isinstance(reply, Reply) else Reply(reply))

    async def run() -> tuple[list[Piece], Any]:
        async with serving(stub), HttpClient() as client:
            backend = Backend.model_validate({"url": stub.url, "timeout": 5.0} | fields)
            completer = RemoteCompleter("small", backend, {"Authorization": f"Bearer {KEY}"}, client)
            answering = await completer.start(request)
            try:
                return [piece async for piece in answering.pieces()], answering
            finally:
                await answering.close()

    pieces, answering = asyncio.run(run())
    return pieces, answering, stub


def failing(reply: Reply | list[Any], **fields: Any) -> Failed:
    with pytest.raises(Failed) as caught:
        ask(reply, **fields)
    return caught.value


def test_a_stream_comes_through_piece_by_piece_with_its_usage():
    pieces, answering, stub = ask(answer("Hel", "lo", prompt=12, prompt_tokens_details={"cached_tokens": 4}))
    assert [piece.text for piece in pieces] == ["Hel", "lo", ""]
    assert [piece.finish for piece in pieces] == [None, None, "stop"]
    assert answering.usage == Usage(12, 2, 4)
    (body,) = stub.bodies
    assert body["model"] == "small" and body["stream"] and body["stream_options"] == {"include_usage": True}
    assert body["messages"] == list(ASKED.messages)
    assert stub.heads[0]["authorization"] == f"Bearer {KEY}"


def test_what_is_asked_reaches_the_endpoint_and_goes_before_its_own_parameters():
    settings = Settings(max_tokens=7, temperature=0.5, stop=("x",), n=1, logprobs=True, top_logprobs=2, seed=3)
    tools = [{"type": "function", "function": {"name": "f"}}]
    request = Request("small", ASKED.messages, settings=settings, fields={"tools": tools, "metadata": {"a": "b"}})
    parameters = {"temperature": 1, "service_tier": "flex"}
    _, _, stub = ask(answer("x"), request, model="org/small", parameters=parameters,
                     max_tokens_field="max_completion_tokens")  # fmt: skip
    (body,) = stub.bodies
    assert body["max_completion_tokens"] == 7 and "max_tokens" not in body
    assert body["temperature"] == 0.5 and body["service_tier"] == "flex" and body["model"] == "org/small"
    assert body["stop"] == ["x"] and body["seed"] == 3 and body["logprobs"] and body["top_logprobs"] == 2
    assert body["tools"] == tools and body["metadata"] == {"a": "b"}


def test_calls_of_tools_thoughts_and_log_probabilities_come_through():
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    probs = {"content": [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Ho", "logprob": -1}]}]}
    script = [
        delta(reasoning_content="hm"),
        event({"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": probs}]}),
        delta(tool_calls=[call]),
        delta(finish="tool_calls"),
        DONE,
    ]
    pieces, answering, _ = ask(script)
    assert pieces[0].reasoning == "hm" and pieces[2].tool_calls == (call,) and pieces[3].finish == "tool_calls"
    (token,) = pieces[1].tokens
    assert (token.text, token.log_prob, token.top) == ("Hi", -0.5, (("Ho", -1),))
    assert answering.usage is None and not answering.doubted


def test_an_endpoint_that_does_not_stream_gives_its_answer_as_one_piece():
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 3, "completion_tokens": 1}}  # fmt: skip
    reply = Reply([json.dumps(whole).encode()], headers={"content-type": "application/json"})
    pieces, answering, _ = ask(reply)
    assert [(piece.text, piece.finish) for piece in pieces] == [("Hello", "stop")]
    assert answering.usage == Usage(3, 1)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([b'data: {"choices": [\n\n'], "no chat completion"),
        ([event([1, 2])], "no chat completion"),
        ([event({"choices": 3})], "no chat completion"),
        ([event({"choices": [{"delta": {"content": 5}}]})], "no chat completion"),
        ([event({"error": {"message": "boom"}})], "an error in the stream"),
        ([DONE], "an answer cut short"),
        ([], "an answer cut short"),
        ([KILL], "the connection broke"),
        ([event({"choices": [{"index": 0, "delta": {}, "finish_reason": "abort"}]})], "no chat completion"),
        ([b"data: " + b"x" * (5 * 1024 * 1024)], "an endless answer"),
        ([b"data: " + b"[" * 100_000 + b"\n\n"], "no chat completion"),
    ],
)
def test_what_is_no_answer_fails_before_the_first_piece_and_may_be_asked_elsewhere(script, reason):
    failure = failing(script)
    assert (failure.reason, failure.elsewhere, failure.status) == (reason, True, 502)


@pytest.mark.parametrize(
    ("script", "reason"), [([HANG], "no answer in time"), ([delta("a"), HANG], "no answer in time")]
)
def test_an_endpoint_that_is_silent_is_waited_for_no_longer_than_said(script, reason):
    failure = failing(script, timeout=0.2)
    assert (failure.reason, failure.status) == (reason, 504)


def test_an_endless_answer_ends_after_its_longest_time():
    # Pieces that keep coming, and none of them is the last.
    failure = failing([delta("a")] * 5 + [HANG], timeout=5.0, longest=0.3)
    assert failure.reason == "an endless answer"


def test_an_answer_that_is_whole_needs_neither_usage_nor_an_ending():
    pieces, answering, _ = ask([delta("Hi"), delta(finish="stop"), KILL])
    assert [piece.text for piece in pieces] == ["Hi", ""] and answering.usage is None


def test_an_answer_that_breaks_off_fails_where_it_does():
    stub = Stub(Reply([delta("Hel"), KILL]))

    async def run() -> list[str]:
        got = []
        async with serving(stub), HttpClient() as client:
            completer = RemoteCompleter("small", Backend(url=stub.url), {}, client)
            answering = await completer.start(ASKED)
            with pytest.raises(Failed, match="the connection broke"):
                async for piece in answering.pieces():
                    got.append(piece.text)
            await answering.close()
        return got

    assert asyncio.run(run()) == ["Hel"]


@pytest.mark.parametrize(
    "told",
    [usage(-1, 2), usage("10", 2), usage(10, 0), usage(10, 10**9), usage(10**9, 2), usage(True, 2), usage(None, 2),
     event({"choices": [], "usage": "lots"})],
)  # fmt: skip
def test_a_count_of_tokens_that_cannot_be_is_not_believed(told):
    request = Request("small", ASKED.messages, settings=Settings(max_tokens=50))
    _, answering, _ = ask([delta("Hi"), delta(finish="stop"), told, DONE], request)
    assert answering.usage is None and answering.doubted


@pytest.mark.parametrize(
    ("status", "elsewhere", "reason", "told"),
    [
        (500, True, "HTTP 500", 502), (503, True, "HTTP 503", 502), (401, True, "HTTP 401", 502),
        (404, True, "HTTP 404", 502), (429, True, "HTTP 429", 429), (302, True, "HTTP 302", 502),
        (400, False, "HTTP 400", 400), (422, False, "HTTP 422", 400), (413, True, "too long", 400),
    ],
)  # fmt: skip
def test_a_code_says_whether_another_may_answer(status, elsewhere, reason, told):
    failure = failing(refusal(status))
    assert (failure.elsewhere, failure.reason, failure.status) == (elsewhere, reason, told)


def test_a_prompt_that_is_too_long_is_asked_elsewhere():
    failure = failing(refusal(400, "This model's maximum context length is 4096 tokens"))
    assert failure.elsewhere and failure.code == "context_length_exceeded"


def test_an_error_of_the_request_is_told_with_its_field_and_without_the_key():
    failure = failing(refusal(400, f"tools: bad, said {KEY}", param="tools", code="bad_tools"))
    assert failure.message == "tools: bad, said ***"
    assert (failure.param, failure.code) == ("tools", "bad_tools")


def test_nobody_there_is_no_connection():
    async def run() -> None:
        async with HttpClient() as client:
            # A port that was just given back.
            server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            server.close()
            completer = RemoteCompleter("small", Backend(url=f"http://127.0.0.1:{port}/v1"), {}, client)
            with pytest.raises(Failed) as caught:
                await completer.start(ASKED)
            assert caught.value.reason == "no connection" and str(port) not in caught.value.message
            with pytest.raises(Failed):
                await completer.ready()

    asyncio.run(run())


def test_what_is_not_read_to_its_end_is_given_up():
    stub = Stub(Reply([delta("a"), HANG]))

    async def run() -> None:
        async with serving(stub), HttpClient() as client:
            completer = RemoteCompleter("small", Backend(url=stub.url), {}, client)
            await completer.ready()
            answering = await completer.start(ASKED)
            async with contextlib.aclosing(answering.pieces()) as pieces:
                await anext(pieces)
            await answering.close()
            await asyncio.wait_for(stub.left.wait(), 10)

    asyncio.run(run())


def test_fields_that_are_not_passed_on_are_refused_by_name():
    with pytest.raises(Refusal, match="functions is not passed on") as caught:
        ask(answer("x"), Request("small", ASKED.messages, fields={"functions": [{}]}))
    assert caught.value.status == 400 and caught.value.param == "functions"
    with pytest.raises(Refusal, match="conversations"):
        ask(answer("x"), Request("small", prompt="Once"))
