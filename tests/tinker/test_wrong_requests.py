"""Requests that are none: refused by the argument that is wrong, and the client goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runner.tinker as tinker
from runner.errors import NotFoundError, UsageError
from tests.tinker.conftest import ADAM, BASE, log_probs, rows

PROMPT = tinker.ModelInput.from_ints([1, 2, 3])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    service = tinker.ServiceClient(root=tmp_path_factory.mktemp("wrong"))
    training = service.create_lora_training_client(BASE, rank=2, seed=1)
    yield {"service": service, "training": training, "sampler": training.save_weights_and_get_sampling_client()}
    service.close("interrupted")


@pytest.mark.parametrize(
    ("words", "where", "says"),
    [
        ({"rank": 0}, "rank", "at least 1"),
        ({"rank": "8"}, "rank", "'8'"),
        ({"rank": 2.5}, "rank", "2.5"),
        ({"seed": -1}, "seed", "from 0"),
        ({"seed": 2**70}, "seed", "4,294,967,295"),
        ({"base_model": None}, "base_model", "None"),
        ({"base_model": " "}, "base_model", "' '"),
    ],
)
def test_a_model_that_cannot_be_made(made: dict[str, Any], words: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        made["service"].create_lora_training_client(**{"base_model": BASE, "rank": 2} | words)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("call", "where", "says"),
    [
        (lambda t, s: t.forward_backward(rows(), None), "loss_fn", "no loss's name"),
        (lambda t, s: t.forward_backward(rows(1)[0], "cross_entropy"), "forward_backward", "a list"),
        (lambda t, s: t.forward_backward_custom(rows(), None), "loss_fn", "no function"),
        (lambda t, s: t.forward_backward_custom(rows(), lambda d, p: p[0].sum()).result(),
         "forward_backward_custom", "no number"),
        (lambda t, s: t.optim_step({"learning_rate": 0.1}), "adam_params", "no AdamParams"),
        (lambda t, s: t.load_state(4), "path", "no path"),
        (lambda t, s: s.sample("Hi", 1), "prompt", "no ModelInput"),
        (lambda t, s: s.sample([1, 2], 1), "prompt", "no ModelInput"),
        (lambda t, s: s.sample(PROMPT, 1, {"max_tokens": 2}), "sampling_params", "no SamplingParams"),
        (lambda t, s: s.compute_logprobs("Hi"), "prompt", "no ModelInput"),
    ],
)  # fmt: skip
def test_what_is_asked_of_one(made: dict[str, Any], call: Callable[..., Any], where: str, says: str) -> None:
    training = made["training"]
    before = log_probs(training.forward(rows(), "cross_entropy").result())
    with pytest.raises(UsageError, match=says) as refused:
        call(training, made["sampler"])
    assert refused.value.where == where
    assert log_probs(training.forward(rows(), "cross_entropy").result()) == before


@pytest.mark.parametrize("tokens", ["Hello", ["a"], [1.5], [None], [float("nan")], [[1]], np.array([0.5])])
def test_no_token_is_cut_to_a_whole_number(tokens: Any) -> None:
    with pytest.raises(UsageError, match="tokens: a token is a whole number"):
        tinker.ModelInput.from_ints(tokens)
    assert tinker.ModelInput.from_ints(np.array([1.0, 2.0])).to_ints() == [1, 2]


def test_no_target_is_cut_to_a_whole_number() -> None:
    for targets in ([1.5], [float("nan")], ["a"], "a", np.array([0.5])):
        with pytest.raises(UsageError):
            tinker.Datum(model_input=PROMPT, loss_fn_inputs={"target_tokens": targets})


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: tinker.AdamParams(learning_rate=-1),
            "AdamParams.learning_rate: input should be greater than",
        ),
        (lambda: tinker.AdamParams(lr=1), "AdamParams.lr: extra inputs are not permitted"),
        (lambda: tinker.SamplingParams(max_tokens=0), "SamplingParams.max_tokens: input should be greater than or"),
        (lambda: tinker.SamplingParams(top_k=0), "SamplingParams: top_k is how many tokens are drawn from"),
        (
            lambda: tinker.Datum(model_input=PROMPT, loss_fn_inputs={"weights": ["a"]}),
            "Datum.loss_fn_inputs: could",
        ),
    ],
)
def test_a_setting_that_is_none_is_told_by_its_name(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        make()
    assert str(refused.value).startswith(told), "a traceback has the place and the cause"


def test_what_a_service_is_not_told(made: dict[str, Any], tmp_path: Path) -> None:
    service, training = made["service"], made["training"]
    with pytest.raises(UsageError, match="projct"):
        tinker.ServiceClient(root=tmp_path, wandb={"projct": "loops"})
    with pytest.raises(UsageError, match="no status 'ok'"):
        service.close("ok")
    with pytest.raises(NotFoundError, match=r"\./nowhere"):
        service.create_lora_training_client("./nowhere")
    training.forward_backward(rows(), "cross_entropy").result()
    assert training.optim_step(ADAM).result().metrics, "it was not closed"
