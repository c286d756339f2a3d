"""Models of every task by ``/infer``, vectors by ``/v1/embeddings``, and an adapter beside its base."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import torch

from runner import Runner
from runner.serving.opened_models import Limits
from runner.serving.own_memory import SMALL, OwnMemory
from tests.bad_inputs.language_materials import language, talks
from tests.conftest import Desk
from tests.serving.running import PATIENCE, Running, serving
from tests.talking_models import CHATS

#: What they ask is made once, and that takes longer than a quick test may.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

HI = [{"role": "user", "content": "Hi"}]
ADAPTER, ROUTER, VECTORS = "sft/talk", "elo_scoring/ratings", "sentence_embedding/near"
LENGTHS, TABLE, CLASSES = (
    "simple_length_prediction/words",
    "tabular_classification/flowers",
    "text_classification/moods",
)
TEXTS = ["The sea is wide.", "Ships go far.", "What is 1 plus 2?"]


@pytest.fixture(scope="module")
def stored(talking: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with models of other tasks too, each trained for a moment."""
    home = tmp_path_factory.mktemp("stored")
    shutil.copytree(talking.home / "models", home / "models")
    desk = Desk(home)
    sample: dict[str, Any] = {"dataset": "sample", "max_samples": 300}
    few = {"min_model_comparisons": 5}
    local = {"executor": "local"}
    own = {"model_type": "elo_scoring", "min_model_occurrences": 5}
    desk.write("elo.json", {"model": {"name": "ratings", "spec": own}, "data": sample, "run": local, "epochs": 1})
    own = {"model_type": "simple_length_prediction"} | few
    desk.write("words.json", {"model": {"name": "words", "spec": own}, "data": sample, "run": local})
    own = {"model_type": "sentence_embedding", "base_model_name": "runner/tiny-bert", "max_length": 16}
    own["optimizer"] = {"optimizer_type": "adamw", "learning_rate": 0.001}
    few_pairs = {"dataset": "sample", "max_samples": 32}
    near = {"model": {"name": "near", "spec": own}, "data": few_pairs, "run": local, "epochs": 1, "batch_size": 16}
    desk.write("near.json", near)
    own = {"model_type": "tabular_classification", "learner": {"learner_type": "linear"}}
    desk.write("flowers.json", {"model": {"name": "flowers", "spec": own}, "data": {"dataset": "iris"}, "run": local})
    own = {"model_type": "text_classification", "base_model_name": "runner/tiny-bert", "max_length": 16}
    moods = {"model": {"name": "moods", "spec": own}, "data": few_pairs, "run": local, "epochs": 1, "batch_size": 16}
    desk.write("moods.json", moods)
    desk.write("rows.jsonl", "\n".join(map(json.dumps, talks())))
    desk.write("talk.json", language(save_as="adapter", finetuning_spec={"method": "lora", "rank": 4}))
    for name in ("elo", "words", "near", "talk", "flowers", "moods"):
        desk("train", "--spec-file", f"{name}.json").ok()
    return desk


@pytest.fixture(scope="module")
def server(stored: Desk) -> Iterator[Running]:
    words = [ADAPTER, "runner/tiny-llama", ROUTER, LENGTHS, VECTORS, CHATS, TABLE, CLASSES]
    with serving(stored.home, words, limits=Limits(rows=4)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[openai.OpenAI]:
    with server.client() as found:
        yield found


# ---- Promise 8: a base and its adapter


@pytest.mark.slow
@pytest.mark.warm
def test_an_adapter_and_its_base_answer_side_by_side(server, client, stored):
    async def both() -> list[Any]:
        async with server.async_client() as many:
            return await asyncio.gather(
                *(
                    many.chat.completions.create(model=name, messages=HI, max_tokens=8, logprobs=True)
                    for name in (ADAPTER, "runner/tiny-llama")
                )
            )

    tuned, base = asyncio.run(both())
    assert (tuned.model, base.model) == (ADAPTER, "runner/tiny-llama")
    first = [each.choices[0].logprobs.content[0].logprob for each in (tuned, base)]
    assert first[0] != pytest.approx(first[1], abs=1e-6)
    wanted = Runner(root=stored.home).infer(ADAPTER, ["Hi"], options={"max_new_tokens": 8}).records[0]
    assert tuned.choices[0].message.content == wanted["completion"]
    cards = {card.id: card for card in client.models.list()}
    assert cards[ADAPTER].root == "sft/talk/v1"
    assert cards["runner/tiny-llama"].does == ["chat", "completions"]


# ---- Rows


def test_rows_are_answered_as_infer_answers_them(server, stored):
    asked = {"model": ROUTER, "rows": ["Hi", {"prompt": "Ho", "id": 7}]}
    said = server.post("/infer", asked).json()
    whole = Runner(root=stored.home).infer(ROUTER, rows=[{"prompt": "Hi"}, {"prompt": "Ho", "id": 7}]).document
    assert said == {"name": ROUTER, "model": "elo_scoring/ratings/v1", "warnings": [], "answers": whole}
    llm = next(iter(whole))
    one = server.post("/infer", asked | {"options": {"models_to_score": [llm]}}).json()["answers"]
    assert list(one) == [llm]


def test_scores_and_lengths_come_in_one_call(server):
    said = server.post("/infer", {"models": [ROUTER, LENGTHS], "rows": ["Hi", "Ho"]}).json()
    assert [result["name"] for result in said["results"]] == [ROUTER, LENGTHS]
    assert all(len(numbers) == 2 for result in said["results"] for numbers in result["answers"].values())


def test_a_language_model_answers_rows_too(server, stored):
    said = server.post("/infer", {"model": CHATS, "rows": ["Hi"], "options": {"max_new_tokens": 4}}).json()
    wanted = Runner(root=stored.home).infer(CHATS, ["Hi"], options={"max_new_tokens": 4}).document
    assert said["answers"] == wanted


def test_a_text_alone_is_a_row_of_what_reads_texts(server, stored):
    said = server.post("/infer", {"model": CLASSES, "rows": ["Fine.", {"text": "Bad.", "id": "b"}]}).json()
    wanted = Runner(root=stored.home).infer(CLASSES, ["Fine.", "Bad."]).records
    assert [answer["label"] for answer in said["answers"]["predictions"]] == [answer["label"] for answer in wanted]
    assert said["answers"]["predictions"][1]["id"] == "b"


def test_rows_are_answered_whatever_becomes_of_the_folder(stored: Desk, tmp_path):
    shutil.copytree(stored.home / "models", tmp_path / "models")
    asked = {"model": ROUTER, "rows": ["Hi"]}
    with serving(tmp_path, [ROUTER]) as running:
        before = running.post("/infer", asked).json()["answers"]
        shutil.rmtree(tmp_path / "models")
        assert running.post("/infer", asked).json()["answers"] == before


@pytest.mark.parametrize(
    ("fields", "status", "param", "said"),
    [
        ({"rows": ["a flower"], "model": TABLE}, 400, "rows[0]", f"rows[0] is a text, and {TABLE} reads objects"),
        ({"rows": []}, 400, "rows", "0 rows"),
        ({"rows": ["a"] * 5}, 413, "rows", "5 rows: a question has 1 to 4"),
        ({"rows": [3]}, 400, "rows[0]", "neither a text nor an object"),
        ({"rows": [{"colour": "red"}]}, 400, "rows:1", "prompt"),
        ({"rows": ["Hi"], "options": {"models_to_scor": ["a"]}}, 400, "options", "did you mean"),
        ({"rows": ["Hi"], "option": {}}, 400, "option", "did you mean 'options'?"),
        ({"rows": ["Hi"], "options": {"models_to_score": 3}}, 400, "models_to_score", "models_to_score is 3"),
        (
            {"rows": ["Hi"], "model": VECTORS, "options": {"corpus": "/no/such/file"}},
            400,
            "options",
            "no request reads",
        ),
        ({"rows": ["Hi"], "models": ["a"]}, 400, "model", "one of model and models"),
        ({"rows": ["Hi"], "model": "runner/tiny-llama"}, 400, "model", "does not do infer"),
        ({"rows": ["Hi"], "batch_size": 0}, 400, "batch_size", "batch_size has to be 1 or more"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_its_name(server, fields, status, param, said):
    answer = server.post("/infer", {"model": ROUTER} | fields)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["param"] == param
    assert said in answer.json()["error"]["message"]


# ---- Vectors


def test_texts_get_their_vectors(client, stored):
    wanted = Runner(root=stored.home).infer(VECTORS, TEXTS).records
    plain = client.embeddings.create(model=VECTORS, input=TEXTS, encoding_format="float")
    # The client asks for base64 by itself where nothing is said.
    coded = client.embeddings.create(model=VECTORS, input=TEXTS)
    for at, record in enumerate(wanted):
        assert plain.data[at].embedding == pytest.approx(record["embedding"], abs=2e-6)
        assert coded.data[at].embedding == pytest.approx(plain.data[at].embedding, abs=1e-6)
    assert plain.usage.prompt_tokens == plain.usage.total_tokens > len(TEXTS)
    one = client.embeddings.create(model=VECTORS, input=TEXTS[0], dimensions=3)
    assert one.data[0].embedding == pytest.approx(plain.data[0].embedding[:3], abs=1e-6)


def test_a_vector_is_written_as_float32(server):
    said = server.post("/v1/embeddings", {"model": VECTORS, "input": "Hi", "encoding_format": "base64"}).json()
    found = np.frombuffer(base64.b64decode(said["data"][0]["embedding"]), "<f4")
    assert found.shape == (64,) and np.isfinite(found).all()


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"input": []}, "input", "0 texts"),
        ({"input": ["a"] * 5}, "input", "1 to 4"),
        ({"input": "word " * 40}, "input[0]", "reads 16"),
        ({"input": "a", "dimensions": 1000}, "dimensions", "64 numbers"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "has to be 'float' or 'base64'"),
        ({"input": [[1, 2]]}, "input", "input has to be a text, or a list of texts"),
        ({"input": "a", "user": "me"}, "user", "not honoured"),
        ({"input": "a", "dimension": None}, "dimension", "did you mean 'dimensions'?"),
        ({"input": "a", "model": ROUTER}, "model", "does not do embeddings"),
    ],
)
def test_what_has_no_vector_is_refused_by_its_name(server, fields, param, said):
    answer = server.post("/v1/embeddings", {"model": VECTORS} | fields)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"].startswith(param)
    assert said in answer.json()["error"]["message"]


def test_many_ask_for_rows_at_once(server):
    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE) as many:
            asked = {"model": VECTORS, "rows": TEXTS}
            return await asyncio.gather(*(many.post("/infer", json=asked) for _ in range(6)))

    answers = [answer.json()["answers"] for answer in asyncio.run(crowd())]
    assert all(answer == answers[0] for answer in answers)


# ---- Memory


def test_an_adapter_and_its_base_have_one_copy_of_the_weights(server):
    models = server.service.completers[0]._models
    tuned, base = (list(models[name].engine.answerer.model.parameters()) for name in (ADAPTER, "runner/tiny-llama"))
    places = {weight.data_ptr() for weight in base}
    large = [weight for weight in base if weight.nbytes >= SMALL]
    shared = [weight for weight in tuned if weight.data_ptr() in places]
    assert large and len(shared) == len(large)


def test_weights_of_other_bytes_or_shapes_are_kept_apart():
    first, same, other = (torch.nn.Linear(100, 100, bias=False) for _ in range(3))
    same.weight.data = first.weight.data.clone()
    other.weight.data = first.weight.data.clone()
    other.weight.data[7, 7] += 1
    turned = torch.nn.Linear(50, 200, bias=False)
    turned.weight.data = first.weight.data.clone().reshape(200, 50)
    memory, before = OwnMemory(), first.weight.data
    for module in (first, same, other, turned):
        memory.keep(module)
    places = [module.weight.data_ptr() for module in (first, same, other, turned)]
    assert places[0] == places[1] and len(set(places)) == 3 and before.data_ptr() not in places
    assert torch.equal(first.weight, same.weight) and not torch.equal(first.weight, other.weight)
