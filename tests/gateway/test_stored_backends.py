"""Stored models behind a router, in the server's own process, asked by OpenAI's client."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from runner import Runner
from tests.conftest import Desk
from tests.examples import example
from tests.holding import wait
from tests.serving.running import PATIENCE
from tests.talking_models import CHATS
from tests.warm import Copy

HI: Any = [{"role": "user", "content": "Hi"}]
#: The first one is what is chosen where only quality counts, or only cost.
BEST, CHEAP = "smollm2-135m-with-examples", "dictionary"


@pytest.fixture(scope="module")
def office(talking: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with a router, and a language model for two of its LLMs."""
    desk = Desk(tmp_path_factory.mktemp("stored-backends"))
    shutil.copytree(talking.home / "models", desk.home / "models")
    document = example("elo_scoring")
    document["model"]["name"] = "it"
    desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local").ok()
    known = desk("infer", "--model", "elo_scoring/it", "--models-to-score", "all", "--prompts", "Hi",
                 "--output-path", "-").ok().json  # fmt: skip
    called = {
        BEST: {"stored": CHATS, "price": {"input": 5, "output": 20, "answer_tokens": 50}},
        CHEAP: {"stored": CHATS, "price": {"input": 1, "output": 4, "answer_tokens": 50}},
    }
    desk.write("backends.json", dict.fromkeys(known) | called)
    return desk


@pytest.fixture(scope="module")
def address(office: Desk) -> Iterator[str]:
    words = ["serve", CHATS, "--router", "elo_scoring/it", "--backends", "backends.json", "--log", "log.jsonl"]
    process = Copy([*words, "--port", "0", "--json"], office.home, office.variables)
    try:
        wait(lambda: process.out.exists() and process.out.read_text().endswith("}\n"), process)
        yield json.loads(process.out.read_text())["address"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, process.err.read_text()
    finally:
        if process.poll() is None:
            process.kill()


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as found:
        yield found


def test_the_router_and_each_llm_are_models_beside_the_stored_one(client):
    assert {card.id for card in client.models.list()} == {"router", BEST, CHEAP, CHATS}


def test_an_llm_that_is_not_called_is_told_so_by_its_name(client):
    with pytest.raises(openai.NotFoundError, match="quoter is not called here: the file of backends has null for it"):
        client.chat.completions.create(model="quoter", messages=HI)


def test_a_router_answers_with_stored_models_of_its_own_process(client, office):
    wanted = Runner(root=office.home).infer(CHATS, ["Hi"], options={"max_new_tokens": 8}).records[0]["completion"]
    for model, llm in (("router", BEST), ("router-1000000", CHEAP), (CHEAP, CHEAP)):
        raw = client.chat.completions.with_raw_response.create(model=model, messages=HI, max_tokens=8)
        said = raw.parse()
        assert (raw.headers["x-runner-model"], said.model) == (llm, llm)
        assert said.choices[0].message.content == wanted and said.usage.completion_tokens == 8
        prices = {BEST: (5, 20), CHEAP: (1, 4)}[llm]
        cost = (said.usage.prompt_tokens * prices[0] + 8 * prices[1]) / 1e6
        assert float(raw.headers["x-runner-cost"]) == pytest.approx(cost)
    raw = client.chat.completions.with_raw_response.create(model=CHATS, messages=HI, max_tokens=8)
    assert raw.headers["x-runner-model"] == f"{CHATS}/v1" and "x-runner-cost" not in raw.headers


def test_a_stream_of_a_stored_backend_ends_with_its_usage(client):
    options: Any = {"include_usage": True}
    asked = client.chat.completions.create(
        model="router", messages=HI, max_tokens=8, stream=True, stream_options=options
    )
    *chunks, last = list(asked)
    assert chunks[-1].choices[0].finish_reason == "length"
    assert last.usage.completion_tokens == 8 and not last.choices


def test_what_a_stored_backend_does_not_honour_is_refused_by_its_name(client):
    schema: Any = {"type": "json_object"}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="router", messages=HI, response_format=schema)
    assert refused.value.param == "response_format"
