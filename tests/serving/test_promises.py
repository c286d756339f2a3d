"""What the server promises, asked by OpenAI's own client: one test or a few for each promise of docs/serving.md."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from runner import Runner
from runner.data.dialogues.infer_rows import read_conversation
from runner.errors import IntegrityError
from runner.serving.opened_models import open_models
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.talking_models import CHATS, GOES_ON, keep

HI = [{"role": "user", "content": "Hi"}]
SEA = [{"role": "user", "content": "Tell me all about the sea."}]
SIX: dict[str, Any] = {"model": CHATS, "messages": HI, "max_tokens": 6}


def refused(call: Any, **fields: Any) -> dict[str, Any]:
    with pytest.raises(openai.BadRequestError) as caught:
        call(**fields)
    return dict(caught.value.body)


# ---- 1: a field that is not honoured is a 400 that names it


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"extra_body": {"temprature": 1}}, "temprature", "did you mean 'temperature'?"),
        ({"extra_body": {"no_such_thing": 1}}, "no_such_thing", "the fields are"),
        ({"extra_body": {"no_such_thing": None}}, "no_such_thing", "the fields are"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "not honoured"),
        ({"presence_penalty": -1}, "presence_penalty", "not honoured"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "tools", "not honoured"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", "not honoured"),
        ({"response_format": {"type": "json_object"}}, "response_format", "not honoured"),
        ({"logit_bias": {"5": 1}}, "logit_bias", "not honoured"),
        ({"user": "me"}, "user", "not honoured"),
        ({"store": True}, "store", "not honoured"),
        ({"top_p": 0.5}, "top_p", "no token is drawn at a temperature of 0"),
        ({"n": 2}, "n", "all answers would be the same: no token is drawn at a temperature of 0: give a temperature"),
        ({"top_logprobs": 2}, "top_logprobs", "no effect"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "no effect"),
        ({"max_completion_tokens": 7}, "max_completion_tokens", "they mean the same"),
        ({"temperature": "hot"}, "temperature", "number"),
        ({"temperature": -1}, "temperature", "temperature has to be 0 or more"),
        ({"seed": -1}, "seed", "seed has to be 0 or more"),
        ({"top_p": 0}, "top_p", "top_p has to be more than 0"),
        ({"n": 65}, "n", "n has to be 64 or less"),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens has to be a whole number"),
        ({"deterministic": "yes"}, "deterministic", "has to be true or false"),
        ({"stop": [1]}, "stop", "stop has to be a text, or a list of texts"),
        ({"messages": ["Hi"]}, "messages[0]", "messages[0] has to be an object"),
        ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "there is no field"),
        ({"stream": True, "stream_options": 3}, "stream_options", "stream_options has to be an object"),
        ({"stop": [""]}, "stop", "empty"),
        ({"messages": []}, "messages", "messages is too short: 1 or more have to be in it"),
        ({"messages": [{"role": "nobody", "content": "Hi"}]}, "messages[0].role", "nobody"),
        ({"messages": [{"role": "user", "content": "Hi", "colour": "red"}]}, "messages[0].colour", "not honoured"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "says nothing"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
            "messages[0].content[0].type",
            "reads texts",
        ),
        ({"model": GOES_ON}, "model", "does not do chat"),
    ],
)
def test_a_field_that_is_not_honoured_is_refused_by_its_name(client, fields, param, said):
    body = refused(client.chat.completions.create, **SIX | {"extra_body": fields.get("extra_body", fields)})
    assert body["param"] == param
    assert said in body["message"]
    # A request has fields, and no flags of a command.
    assert "--set" not in body["message"]
    assert body["type"] == "invalid_request_error"


def test_what_asks_for_nothing_may_stand_there(client):
    plain = client.chat.completions.create(**SIX)
    idle = client.chat.completions.create(
        **SIX, frequency_penalty=0, presence_penalty=0, n=1, top_p=1, logprobs=False, tools=[], tool_choice="none",
        response_format={"type": "text"}, logit_bias={}, store=False, stop=[], extra_body={"user": None, "top_k": -1},
    )  # fmt: skip
    assert idle.choices == plain.choices


def test_a_model_that_is_not_there_is_told_with_the_nearest(client):
    with pytest.raises(openai.NotFoundError, match=r"did you mean 'sft/talker'\?"):
        client.chat.completions.create(**SIX | {"model": "sft/taker"})


# ---- 2: settings and seed are each request's own; what is deterministic says so


def test_settings_and_seeds_are_each_requests_own_in_a_shared_batch(server):
    kinds: list[dict[str, Any]] = [
        {},
        {"temperature": 1.0, "seed": 1},
        {"temperature": 1.0, "seed": 2},
        {"temperature": 2.0, "seed": 1, "max_tokens": 3},
        {"temperature": 1.0, "seed": 1, "top_p": 0.5},
        {"max_tokens": 1},
    ]

    async def together() -> list[Any]:
        async with server.async_client() as client:
            return await asyncio.gather(*(client.chat.completions.create(**SIX | kind) for kind in kinds))

    made = asyncio.run(together())
    with server.client() as client:
        alone = [client.chat.completions.create(**SIX | kind) for kind in kinds]
    assert [each.choices for each in made] == [each.choices for each in alone]
    assert len({each.choices[0].message.content for each in made}) >= 5


def test_a_request_without_a_seed_is_drawn_by_one_that_is_told(client):
    asked = SIX | {"temperature": 1.5, "max_tokens": 12}
    raw = [client.chat.completions.with_raw_response.create(**asked) for _ in range(2)]
    seeds = [int(each.headers["x-runner-seed"]) for each in raw]
    texts = [each.parse().choices[0].message.content for each in raw]
    assert seeds[0] != seeds[1] and texts[0] != texts[1]
    again = client.chat.completions.create(**asked, seed=seeds[0])
    assert again.choices[0].message.content == texts[0]


def test_a_deterministic_answer_is_computed_by_itself_and_says_so(server, client):
    asked = SIX | {"logprobs": True, "top_logprobs": 3, "max_tokens": 8}
    quiet = client.chat.completions.with_raw_response.create(**asked, extra_body={"deterministic": True})
    assert quiet.headers["x-runner-mode"] == "deterministic"
    assert quiet.parse().system_fingerprint.endswith(":deterministic")

    async def in_company() -> Any:
        async with server.async_client() as many:
            others = [
                many.chat.completions.create(**SIX | {"messages": SEA, "temperature": 1, "max_tokens": 20})
                for _ in range(3)
            ]
            mine = many.chat.completions.create(**asked, extra_body={"deterministic": True})
            return (await asyncio.gather(*others, mine))[-1]

    # To the last digit: nothing that was computed beside it has a part in it.
    assert asyncio.run(in_company()).choices == quiet.parse().choices
    usual = client.chat.completions.with_raw_response.create(**asked)
    assert usual.headers["x-runner-mode"] == "batched"


# ---- 3: how a stream ends


def streamed(client: openai.OpenAI, **fields: Any) -> list[Any]:
    return list(client.chat.completions.create(**SIX | fields, stream=True))


def text_of(chunks: list[Any], index: int = 0) -> str:
    found = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in found)


def test_a_stream_has_its_shape(server, client):
    usage = {"include_usage": True}
    chunks = streamed(client, stream_options=usage, temperature=1, seed=3)
    first, *middle, last, counted = chunks
    assert first.choices[0].delta.role == "assistant" and first.choices[0].finish_reason is None
    assert all(chunk.choices[0].delta.role is None for chunk in middle)
    assert last.choices[0].finish_reason == "length" and last.choices[0].delta.content is None
    assert counted.choices == [] and counted.usage.total_tokens == counted.usage.prompt_tokens + 6
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    body = SIX | {"stream": True}
    raw = server.post("/v1/chat/completions", body)
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.text.endswith("\n\ndata: [DONE]\n\n")
    assert "usage" not in raw.text
    # Asked by nobody's client, it is the same.
    events = [json.loads(line.removeprefix("data: ")) for line in raw.text.splitlines() if line.startswith("data: {")]
    assert events[-1]["choices"][0]["finish_reason"] == "length"


def test_a_reason_is_true(client):
    plain = client.chat.completions.create(**SIX | {"temperature": 1, "seed": 3, "max_tokens": 12})
    text = plain.choices[0].message.content
    assert plain.choices[0].finish_reason == "length" and plain.usage.completion_tokens == 12
    stop = text[3:5]
    cut = client.chat.completions.create(**SIX | {"temperature": 1, "seed": 3, "max_tokens": 12, "stop": stop})
    assert cut.choices[0].finish_reason == "stop" and cut.choices[0].message.content == text[: text.index(stop)]
    assert cut.usage.completion_tokens < 12


def test_an_error_in_mid_stream_is_an_error_object(server, monkeypatch):
    (model,) = [each for each in server.service.completers[0]._models.values() if each.name == CHATS]
    decoding = model.engine._decoding
    whole = type(decoding).step
    steps: list[int] = []

    def broken(self: Any) -> Any:
        steps.append(1)
        if len(steps) > 3:
            raise RuntimeError("out of something")
        return whole(self)

    monkeypatch.setattr(type(decoding), "step", broken)
    raw = server.post("/v1/chat/completions", SIX | {"stream": True, "max_tokens": 200})
    assert raw.status_code == 200 and raw.text.endswith("data: [DONE]\n\n")
    error = json.loads(raw.text.split("data: ")[-2])["error"]
    assert (error["type"], error["code"]) == ("server_error", "failed")
    steps.clear()
    with server.client() as client:
        with pytest.raises(openai.APIError, match="the answer failed"):
            list(client.chat.completions.create(**SIX | {"max_tokens": 200}, stream=True))
        steps.clear()
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(**SIX | {"max_tokens": 200})
        monkeypatch.undo()
        # What comes later is answered.
        assert client.chat.completions.create(**SIX).usage.completion_tokens == 6


# ---- 4: the same streamed and not


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 3, "temperature": 1, "seed": 5},
        {"stop": ["e", "a"], "temperature": 1, "seed": 1, "max_tokens": 40},
        {"logprobs": True, "top_logprobs": 4, "temperature": 1, "seed": 2},
        {"logprobs": True, "n": 2, "stop": "e", "temperature": 2, "seed": 2, "max_tokens": 30},
        {"max_tokens": openai.omit, "max_completion_tokens": 6},
        {"max_completion_tokens": 6},
        {"extra_body": {"return_token_ids": True}, "temperature": 1, "seed": 8},
    ],
)
def test_a_stream_comes_to_what_is_answered_at_once(client, fields):
    whole = client.chat.completions.create(**SIX | fields)
    chunks = streamed(client, **fields, stream_options={"include_usage": True})
    assert chunks[-1].usage == whole.usage
    assert len(whole.choices) == fields.get("n", 1)
    for choice in whole.choices:
        mine = [each for chunk in chunks for each in chunk.choices if each.index == choice.index]
        assert text_of(chunks, choice.index) == choice.message.content
        assert [each.finish_reason for each in mine if each.finish_reason] == [choice.finish_reason]
        told = [token for each in mine if each.logprobs for token in each.logprobs.content]
        wanted = choice.logprobs.content if choice.logprobs else []
        assert [token.token for token in told] == [token.token for token in wanted]
        # Sums of another batch come in another order.
        assert [token.logprob for token in told] == pytest.approx([token.logprob for token in wanted], abs=1e-4)
        ids = [token for each in mine for token in getattr(each, "token_ids", None) or []]
        assert ids == (getattr(choice, "token_ids", None) or [])
    if "logprobs" in fields:
        for token in whole.choices[0].logprobs.content:
            assert token.logprob <= 0 and len(token.top_logprobs) == fields.get("top_logprobs", 0)
            beside = [other.logprob for other in token.top_logprobs]
            assert beside == sorted(beside, reverse=True)
            assert all(math.isfinite(value) for value in beside)
    assert sum(choice.finish_reason == "length" for choice in whole.choices) or "stop" in fields


def test_token_ids_are_told_where_they_are_asked_for(server, client, talking: Desk):
    made = client.chat.completions.create(**SIX, extra_body={"return_token_ids": True})
    answerer = server.service.completers[0]._models[CHATS].engine.answerer
    assert answerer.tokenizer.decode(made.choices[0].token_ids) == made.choices[0].message.content
    assert len(made.prompt_token_ids) == made.usage.prompt_tokens
    assert len(made.choices[0].token_ids) == made.usage.completion_tokens


def test_texts_are_gone_on_with(client, talking: Desk):
    asked: dict[str, Any] = {"model": GOES_ON, "max_tokens": 6}
    wanted = Runner(root=talking.home).infer(GOES_ON, ["Once"], options={"max_new_tokens": 6}).records[0]
    made = client.completions.create(**asked, prompt="Once", logprobs=2)
    assert made.choices[0].text == wanted["completion"]
    assert made.usage.prompt_tokens == wanted["prompt_tokens"]
    told = made.choices[0].logprobs
    assert "".join(told.tokens) == made.choices[0].text and len(told.text_offset) == 6
    assert all(len(top) == 2 for top in told.top_logprobs)
    ids = client.completions.create(**asked, prompt="Once", extra_body={"return_token_ids": True}).prompt_token_ids
    assert client.completions.create(**asked, prompt=ids).choices[0].text == made.choices[0].text
    several = client.completions.create(**asked, prompt=["Once", "Twice"], n=2, temperature=1, seed=4)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    second = client.completions.create(**asked, prompt="Twice", n=2, temperature=1, seed=4)
    assert [choice.text for choice in several.choices[2:]] == [choice.text for choice in second.choices]
    chunks = list(client.completions.create(**asked, prompt=["Once", "Twice"], n=2, temperature=1, seed=4, stream=True))
    for choice in several.choices:
        parts = [each for chunk in chunks for each in chunk.choices if each.index == choice.index]
        assert "".join(part.text for part in parts) == choice.text
    assert refused(client.completions.create, **asked, prompt="Once", echo=True)["param"] == "echo"
    assert refused(client.completions.create, **asked, prompt="Once", suffix="end")["param"] == "suffix"
    assert refused(client.completions.create, **asked, prompt=[])["param"] == "prompt"
    assert refused(client.completions.create, **asked, prompt=[10**8])["param"] == "prompt"


# ---- 7: the served prompt is the trained one


def test_the_served_prompt_is_the_trained_one(server, client):
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "And <|im_end|> then? \n"},
    ]
    told = {"return_token_ids": True}
    made = client.chat.completions.create(model=CHATS, messages=turns, max_tokens=1, extra_body=told)
    renderer = server.service.completers[0]._models[CHATS].engine.answerer.renderer
    answer = {"role": "assistant", "content": "What follows."}
    trained = renderer.trained(read_conversation([*turns, answer], None, "a row"))
    assert made.prompt_token_ids == trained.ids[: len(made.prompt_token_ids)]
    assert not any(trained.weights[: len(made.prompt_token_ids)][-8:])
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "1 + 1?"}]
    turns[1] = turns[1] | {"content": parts}
    again = client.chat.completions.create(model=CHATS, messages=turns, max_tokens=1, extra_body=told)
    assert again.prompt_token_ids == made.prompt_token_ids


def test_prompts_of_many_requests_are_written_at_once(server):
    renderer = server.service.completers[0]._models[CHATS].engine.answerer.renderer
    asked = read_conversation(SEA, None, "a request")
    wanted = renderer.prompt(asked)
    # Threads take turns at every step, so that one comes in between whenever it can.
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(renderer.prompt, [asked] * 64))
    finally:
        sys.setswitchinterval(before)
    assert found == [wanted] * 64


def test_a_model_whose_template_is_another_is_not_served(talking: Desk, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(talking.home / "made" / CHATS, folder)
    document = json.loads((folder / "language_model.json").read_text())
    document["chat"]["source"] += "{# another #}"
    (folder / "language_model.json").write_text(json.dumps(document))
    keep(tmp_path, "sft/other", folder)
    with pytest.raises(IntegrityError, match="is not the one that the model was trained with"):
        open_models(Workspace.below(tmp_path), ["sft/other"])


# ---- 8: side by side, by name


def test_models_are_side_by_side_by_name(client):
    cards = {card.id: card for card in client.models.list()}
    assert list(cards) == [CHATS, "gpt", GOES_ON]
    assert cards["gpt"].root == cards[CHATS].root == "sft/talker/v1"
    assert client.models.retrieve(CHATS).id == CHATS
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("sft/nobody")
    mine, other = (client.chat.completions.create(**SIX | {"model": name}) for name in (CHATS, "gpt"))
    assert mine.choices == other.choices and (mine.model, other.model) == (CHATS, "gpt")
