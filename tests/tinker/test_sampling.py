"""Answers of weights as they were: seeds, stops, log-probabilities, calls that are decoded together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import runner.tinker as tinker
from runner.errors import DataError, UsageError
from tests.tinker.conftest import ADAM, BASE, rows

PROMPT = tinker.ModelInput.from_ints(list(b"What is 1 plus 1?"))
SHORT = {"max_tokens": 6}


def params(**fields: Any) -> tinker.SamplingParams:
    return tinker.SamplingParams(**(SHORT | fields))


def tokens(response: tinker.SampleResponse) -> list[list[int]]:
    return [each.tokens for each in response.sequences]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service, a client after two steps, and a sampler of before and of after them."""
    service = tinker.ServiceClient(root=tmp_path_factory.mktemp("sampling"))
    training = service.create_lora_training_client(BASE, rank=4, seed=1)
    before = training.save_weights_and_get_sampling_client()
    for _ in range(2):
        training.forward_backward(rows(), "cross_entropy")
        training.optim_step(ADAM)
    yield service, training, before, training.save_weights_and_get_sampling_client(name="two")
    service.close("interrupted")


def test_several_answers_are_drawn_apart_and_a_seed_draws_them_again(trained):
    *_, sampler = trained
    one = sampler.sample(PROMPT, 4, params(seed=3)).result()
    assert len({tuple(each) for each in tokens(one)}) == 4
    assert tokens(one) == tokens(sampler.sample(PROMPT, 4, params(seed=3)).result())
    assert tokens(one)[:2] == tokens(sampler.sample(PROMPT, 2, params(seed=3)).result())
    assert tokens(one) != tokens(sampler.sample(PROMPT, 4, params(seed=4)).result())
    # Without one, every call draws anew.
    assert tokens(sampler.sample(PROMPT, 2, params()).result()) != tokens(sampler.sample(PROMPT, 2, params()).result())
    greedy = sampler.sample(PROMPT, 2, params(temperature=0)).result()
    assert tokens(greedy)[0] == tokens(greedy)[1]
    assert all(each.stop_reason == "length" and len(each.logprobs) == 6 for each in greedy.sequences)


def test_log_probabilities_of_a_sampler_are_those_that_are_trained_on(trained):
    _, training, _, sampler = trained
    (answer,) = sampler.sample(PROMPT, 1, params(max_tokens=24, seed=1, temperature=1.3)).result().sequences
    whole = [*PROMPT.to_ints(), *answer.tokens]
    ahead = [0.0] * (PROMPT.length - 1)
    row = tinker.Datum(
        model_input=tinker.ModelInput.from_ints(whole[:-1]),
        loss_fn_inputs={
            "target_tokens": whole[1:],
            "logprobs": ahead + answer.logprobs,
            "advantages": ahead + [1.0] * len(answer.tokens),
        },
    )
    metrics = training.forward([row], "importance_sampling").result().metrics
    assert 0 <= metrics["logprob_gap:mean"] <= metrics["logprob_gap:max"] < 1e-4
    assert metrics["loss:sum"] == pytest.approx(-len(answer.tokens), abs=1e-3)
    found = sampler.compute_logprobs(tinker.ModelInput.from_ints(whole)).result()
    assert found[0] is None and found[PROMPT.length :] == pytest.approx(answer.logprobs, abs=1e-4)
    told = sampler.sample(PROMPT, 1, params(), include_prompt_logprobs=True, topk_prompt_logprobs=3).result()
    assert told.prompt_logprobs[1:] == pytest.approx(found[1 : PROMPT.length], abs=1e-4)
    assert told.topk_prompt_logprobs[0] is None and [len(each) for each in told.topk_prompt_logprobs[1:]] == [3] * 16


def test_a_sampler_keeps_its_weights_whatever_is_trained_since(trained):
    service, training, before, after = trained
    base = service.create_sampling_client(base_model=BASE)
    asked = tinker.ModelInput.from_ints(list(b"What is 2 plus 2?"))
    plain, first, second = (each.compute_logprobs(asked).result()[1:] for each in (base, before, after))
    assert first == pytest.approx(plain, abs=1e-5) and second != pytest.approx(first, abs=1e-2)
    path = f"tinker://{training.run_id}:train:0/sampler_weights/two"
    for saved in (service.create_sampling_client(model_path=path), training.create_sampling_client(path)):
        assert saved.compute_logprobs(asked).result()[1:] == pytest.approx(second, abs=1e-5)
    training.forward_backward(rows(), "cross_entropy")
    training.optim_step(ADAM)
    assert after.compute_logprobs(asked).result()[1:] == second


def test_what_ends_an_answer(trained):
    *_, sampler = trained
    free = sampler.sample(PROMPT, 1, params(max_tokens=12, temperature=0, stop=[])).result().sequences[0]
    third = free.tokens[2]
    first = free.tokens.index(third)
    by_id = sampler.sample(PROMPT, 1, params(max_tokens=12, temperature=0, stop=[third])).result().sequences[0]
    assert by_id.tokens == free.tokens[: first + 1] and by_id.stop_reason == "stop"
    assert len(by_id.logprobs) == len(by_id.tokens)
    text = sampler.get_tokenizer().decode([third])
    for stop in (text, [text, "never"]):
        by_text = sampler.sample(PROMPT, 1, params(max_tokens=12, temperature=0, stop=stop)).result().sequences[0]
        assert by_text.stop_reason == "stop" and len(by_text.tokens) <= first + 1


def test_calls_that_wait_together_are_answered_as_they_would_be_alone(trained):
    *_, sampler = trained
    prompts = [tinker.ModelInput.from_ints(list(f"Say {'so ' * at}".encode())) for at in range(1, 6)]

    async def together() -> list[Any]:
        calls = (sampler.sample_async(each, 2, params(seed=9, max_tokens=3 + at)) for at, each in enumerate(prompts))
        return await asyncio.gather(*calls)

    alone = [sampler.sample(each, 2, params(seed=9, max_tokens=3 + at)).result() for at, each in enumerate(prompts)]
    assert [tokens(each) for each in asyncio.run(together())] == [tokens(each) for each in alone]


def test_what_cannot_be_answered_is_said(trained):
    service, _, _, sampler = trained
    for prompt in (
        tinker.ModelInput.empty(),
        tinker.ModelInput.from_ints([300]),
        tinker.ModelInput.from_ints([1] * 2048),
    ):
        with pytest.raises(DataError):
            sampler.sample(prompt, 1, params())
    with pytest.raises(UsageError):
        sampler.sample(PROMPT, 0, params())
    for wrong in ({}, {"model_path": "x", "base_model": BASE}, {"model_path": "tinker://x:train:0/weights/1"}):
        with pytest.raises(UsageError):
            service.create_sampling_client(**wrong)
    for wrong in ({"top_k": 0}, {"top_p": 0}, {"min_p": 0.1}, {"max_tokens": 0}):
        with pytest.raises(UsageError):
            params(**wrong)
    assert sampler.sample(PROMPT, 1, params()).result().sequences
