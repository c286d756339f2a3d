"""The gateway as its clients see it: OpenAI's own, sync and async, streaming, with tools; a browser's page; curl."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator

import openai
import pytest

from runner.gateway.request_log import RequestLog
from runner.serving.keys_and_rate_limits import Keys
from runner.serving.service import Rules
from tests.gateway.http_desk import Behind, behind_http
from tests.gateway.stub_backend import KILL, Reply, Stub, answer, delta, refusal

HELLO = [{"role": "user", "content": "small, please"}]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    call = [{"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a":'}},
            {"index": 0, "function": {"arguments": "1}"}}]  # fmt: skip
    tools = [delta(tool_calls=call[:1]), delta(tool_calls=call[1:]), delta(finish="tool_calls")]
    stubs = {"middle": Stub(Reply(tools)), "big": Stub(Reply([delta("half"), KILL]))}
    log = RequestLog(tmp_path_factory.mktemp("log") / "log.jsonl", texts=True)
    with behind_http(stubs=stubs, fields={"middle": {"tools": True}}, log=log) as found:
        yield found


def test_a_whole_answer_with_its_headers(behind):
    raw = behind.client().chat.completions.with_raw_response.create(model="router", messages=HELLO)
    found = raw.parse()
    assert found.choices[0].message.content == "I am small" and found.choices[0].finish_reason == "stop"
    assert found.model == "small" and found.usage.prompt_tokens == 10
    assert raw.headers["x-runner-model"] == "small" and raw.headers["x-runner-why"] in ("chosen", "session")
    assert float(raw.headers["x-runner-cost"]) == pytest.approx(11e-6) and float(raw.headers["x-runner-saved"]) > 0


def test_a_stream_with_its_usage_and_what_it_cost_in_a_comment(behind):
    options = {"include_usage": True}
    chunks = list(
        behind.client().chat.completions.create(model="router-0.5", messages=HELLO, stream=True, stream_options=options)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "I am small"
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-1].usage.completion_tokens == 1
    response = behind.post("/v1/chat/completions", {"model": "router", "messages": HELLO, "stream": True})
    assert response.headers["x-runner-model"] == "small" and "x-runner-cost" not in response.headers
    *_, comment, done, last = response.text.split("\n\n")
    assert comment.startswith(": x-runner-cost: 1.1e-05\n: x-runner-saved: ") and done == "data: [DONE]" and not last
    # Nobody asked for the usage.
    assert '"usage"' not in response.text


def test_the_async_client_and_calls_of_tools(behind):
    async def scenario() -> None:
        async with behind.async_client() as client:
            found = await client.chat.completions.create(model="router", messages=HELLO, tools=TOOLS)
            (call,) = found.choices[0].message.tool_calls
            assert (call.function.name, call.function.arguments) == ("look", '{"a":1}')
            assert found.model == "middle" and found.choices[0].finish_reason == "tool_calls"

    asyncio.run(scenario())
    assert behind.stubs["middle"].bodies[-1]["tools"] == TOOLS


def test_a_stream_that_breaks_off_ends_in_an_error_that_the_client_raises(behind):
    stream = behind.client().chat.completions.create(
        model="router", messages=[{"role": "user", "content": "only big"}], stream=True
    )
    with pytest.raises(openai.APIError, match="the connection broke"):
        list(stream)


def test_a_whole_answer_that_breaks_off_is_begun_again_by_the_next(behind):
    raw = behind.client().chat.completions.with_raw_response.create(
        model="router", messages=[{"role": "user", "content": "big or small, both of you"}]
    )
    assert raw.parse().choices[0].message.content == "I am small"
    assert raw.headers["x-runner-failed"] == "big: the connection broke"


def test_curl_and_the_list_of_models(behind, curl):
    done = subprocess.run([curl, "-s", f"{behind.address}/v1/models"], capture_output=True, check=True)
    assert [model["id"] for model in json.loads(done.stdout)["data"]] == ["router", "small", "middle", "big"]


def test_a_trade_off_is_a_model_of_its_own_that_can_be_looked_up(behind):
    found = behind.get("/v1/models/router-20")
    assert (found.status_code, found.json()["id"], found.json()["does"]) == (200, "router-20", ["chat"])
    assert "did you mean 'router'?" in behind.get("/v1/models/rooter").json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "status", "param", "told"),
    [
        ({"model": "rooter"}, 404, "model", "did you mean 'router'?"),
        ({"model": "router--1"}, 404, "model", "router--1"),
        ({"messages": []}, 400, "messages", "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "messages.0.content.0",
         "text or"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, 400, "messages",
         "small, middle, big do not look at pictures"),
        ({"stream": "yes"}, 400, "stream", "stream"),
        ({"max_tokens": 0}, 400, "max_tokens", "max_tokens"),
        ({"functions": [{"name": "f"}]}, 400, "functions", "use tools"),
        ({"model": "small", "tools": TOOLS}, 400, "tools", "small does not call tools"),
        ({"temprature": 0}, 400, "temprature", "did you mean 'temperature'?"),
        ({"model": "small", "max_token": 5}, 400, "max_token", "did you mean 'max_tokens'?"),
        ({"reponse_format": {"type": "text"}}, 400, "reponse_format", "did you mean 'response_format'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_its_name(behind, change, status, param, told):
    response = behind.post("/v1/chat/completions", {"model": "router", "messages": HELLO} | change)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["param"] == param and told in error["message"]


def test_feedback_is_taken_on_answers_that_were_given(behind):
    raw = behind.client().chat.completions.with_raw_response.create(model="router", messages=HELLO)
    name = raw.headers["x-runner-request"]
    given = behind.post("/v1/feedback", {"request": name, "score": 1})
    assert given.status_code == 200 and given.json()["score"] == 1
    for document, status, param in (
        ({"request": name}, 400, "score"),
        ({"request": name, "score": 2}, 400, "score"),
        ({"request": name, "score": 1, "better_than": name}, 400, "score"),
        ({"request": "req-" + "0" * 24, "score": 1}, 404, "request"),
        ({"request": "x", "score": 1}, 400, "request"),
        ({"request": name, "scores": 1}, 400, "scores"),
        ({"request": name, "better_than": name}, 400, "better_than"),
    ):
        response = behind.post("/v1/feedback", document)
        assert (response.status_code, response.json()["error"]["param"]) == (status, param)


def test_the_page_and_the_metrics_have_the_same_numbers(behind):
    page, metrics = behind.get("/"), behind.get("/metrics").text
    assert page.headers["content-type"].startswith("text/html")
    for word in ("made/router/v1", "small", "the router&#x27;s choice", "Saved", "the connection broke"):
        assert word in page.text
    assert "http://" not in page.text and "<script" not in page.text
    answered = sum(
        float(line.rpartition(" ")[2])
        for line in metrics.splitlines()
        if line.startswith("runner_gateway_requests_total{")
    )
    assert f'<div class="value">{answered:,.0f}</div>' in page.text
    # The client's own names of models are no labels.
    assert "router-0.5" not in metrics


def test_keys_are_asked_for_at_the_page_too_and_never_sent_on():
    with behind_http(Rules(keys=Keys(["a-key-of-ours"]))) as found:
        assert found.get("/").status_code == 401
        assert found.post("/v1/feedback", {}).status_code == 401
        head = {"Authorization": "Bearer a-key-of-ours"}
        assert found.get("/", headers=head).status_code == 200
        found.client(api_key="a-key-of-ours").chat.completions.create(model="router", messages=HELLO)
        assert "a-key-of-ours" not in json.dumps(found.stubs["small"].heads)


def test_where_nobody_answers_the_client_is_told_when_to_come_again():
    stubs = {name: Stub(refusal(503)) for name in ("small", "middle", "big")}
    with behind_http(stubs=stubs) as found:
        with pytest.raises(openai.InternalServerError, match="no backend answered: small: HTTP 503") as caught:
            found.client().chat.completions.create(model="router", messages=HELLO)
        assert caught.value.status_code == 503 and caught.value.response.headers["retry-after"] == "7"
        response = found.post("/v1/feedback", {"request": "req-" + "0" * 24, "score": 1})
        assert "without --log" in response.json()["error"]["message"]


def test_many_streams_at_once_and_a_backend_that_dies_under_them_lose_nothing():
    stubs = {"big": Stub(Reply([KILL]), [Reply(answer("I am big"))] * 20)}

    async def one(client: openai.AsyncOpenAI, at: int) -> str:
        said = []
        messages = [{"role": "user", "content": f"big or middle? {at}"}]
        async for chunk in await client.chat.completions.create(model="router", messages=messages, stream=True):
            said.append(chunk.choices[0].delta.content or "" if chunk.choices else "")
        return "".join(said)

    async def scenario(found: Behind) -> list[str]:
        async with found.async_client() as client:
            return await asyncio.gather(*(one(client, at) for at in range(60)))

    with behind_http(stubs=stubs) as found:
        texts = asyncio.run(scenario(found))
    assert len(texts) == 60 and set(texts) == {"I am big", "I am middle"} and texts.count("I am big") == 20


def test_a_backend_that_does_not_answer_is_named_and_the_page_counts_what_nobody_answered():
    with behind_http(stubs={"small": Stub(Reply([KILL]))}) as found:
        with pytest.raises(openai.InternalServerError, match="small did not answer: the connection broke"):
            found.client().chat.completions.create(model="small", messages=HELLO)
        # Another answers.
        assert found.client().chat.completions.create(model="router", messages=HELLO).model != "small"
        page = found.get("/").text
        assert "of backends; 1 requests that nobody answered" in page and "5e-" not in page
        assert "runner_gateway_unanswered_total 1.0" in found.get("/metrics").text
        tools = found.post("/v1/chat/completions", {"model": "small", "messages": HELLO, "tools": TOOLS})
        assert 'the file of backends says "tools": true' in tools.json()["error"]["message"]
        feedback = found.post("/v1/feedback", {"request": "x", "score": 1})
        assert "the header x-runner-request" in feedback.json()["error"]["message"]
        nowhere = found.get("/nothing").json()["error"]["message"]
        assert "/v1/models/NAME" in nowhere and "/v1/feedback" in nowhere
