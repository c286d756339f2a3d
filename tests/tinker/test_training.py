"""Gradients and steps: sums, losses by their formulas, order, weights taken up again, errors that leave the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import runner.tinker as tinker
from runner.errors import ConflictError, DataError, NotFoundError, RunFailed, UsageError
from runner.training import made_models
from tests.tinker.conftest import ADAM, BASE, datum, log_probs, rows


def drawn(at: int) -> tinker.Datum:
    """A row with an advantage and another model's log-probability for every target."""
    text = f"Say {at}: {at * 7}."
    rng = np.random.default_rng(at)
    count = len(text.encode()) - 1
    return datum(text, logprobs=rng.normal(-5.5, 0.4, count), advantages=rng.normal(0, 1, count))


#: Its step goes down the gradient itself: nothing is divided by its size.
STRAIGHT = tinker.AdamParams(learning_rate=1e3, eps=1e4)


def test_two_passes_add_up_to_the_pass_over_both(client):
    parts, whole = client(), client()
    data = rows(5)
    losses = [parts.forward_backward(some, "cross_entropy").result() for some in (data[:2], data[2:])]
    both = whole.forward_backward(data, "cross_entropy").result()
    assert sum(each.metrics["loss:sum"] for each in losses) == pytest.approx(both.metrics["loss:sum"], rel=1e-6)
    steps = [each.optim_step(ADAM).result().metrics["unclipped_grad_l2:mean"] for each in (parts, whole)]
    assert steps[0] == pytest.approx(steps[1], rel=1e-5)
    after = [log_probs(each.forward(data, "cross_entropy").result()) for each in (parts, whole)]
    for one, other in zip(*after, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


REFERENCES: dict[str, Callable[..., torch.Tensor]] = {
    "importance_sampling": lambda p, q, a: -(torch.exp(p - q) * a).sum(),
    "ppo": lambda p, q, a: -torch.min(torch.exp(p - q) * a, torch.exp(p - q).clip(0.9, 1.1) * a).sum(),
    "cispo": lambda p, q, a: -(torch.exp(p - q).clip(0.9, 1.1).detach() * a * p).sum(),
    "dro": lambda p, q, a: -(p * a - 0.05 * (p - q) ** 2).sum(),
}
CONFIGS = {"dro": {"beta": 0.1}, "importance_sampling": None}


@pytest.mark.parametrize("loss", REFERENCES)
def test_a_loss_is_its_formula_and_so_is_its_gradient(client, loss):
    built_in, own = client(), client()
    data = [drawn(at) for at in range(3)]
    config = CONFIGS.get(loss, {"clip_low_threshold": 0.9, "clip_high_threshold": 1.1})

    def formula(given: list[tinker.Datum], found: list[torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        inputs = [[each.loss_fn_inputs[name].to_torch() for each in given] for name in ("logprobs", "advantages")]
        parts = [REFERENCES[loss](p, q, a) for p, q, a in zip(found, *inputs, strict=True)]
        return torch.stack(parts).sum(), {"rows:sum": len(given)}

    one = built_in.forward_backward(data, loss, config).result()
    other = own.forward_backward_custom(data, formula).result()
    assert one.metrics["loss:sum"] == pytest.approx(other.metrics["loss:sum"], rel=1e-5)
    assert other.metrics["rows:sum"] == 3 and "surrogate_loss:sum" in other.metrics
    assert one.metrics["logprob_gap:mean"] > 0
    before = log_probs(built_in.forward(rows(), "cross_entropy").result())
    norms = [each.optim_step(STRAIGHT).result().metrics["unclipped_grad_l2:mean"] for each in (built_in, own)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    after = [log_probs(each.forward(rows(), "cross_entropy").result()) for each in (built_in, own)]
    for was, first, second in zip(before, *after, strict=True):
        assert first == pytest.approx(second, rel=1e-4, abs=1e-4) and first != pytest.approx(was, abs=1e-2)
    if loss in ("ppo", "cispo"):
        # The bounds of the ratio are 0.8 and 1.2 where nothing else is said.
        usual = built_in.forward(data, loss).result().metrics["loss:sum"]
        wide = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}
        assert usual == built_in.forward(data, loss, wide).result().metrics["loss:sum"]


def test_cross_entropy_of_ones_own_is_the_built_in_one(client):
    built_in, own = client(), client()

    def loss(data: list[tinker.Datum], found: list[torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        weights = [each.loss_fn_inputs["weights"].to_torch() for each in data]
        return -sum((w * p).sum() for w, p in zip(weights, found, strict=True)), {}

    outputs = [
        built_in.forward_backward(rows(), "cross_entropy").result(),
        own.forward_backward_custom(rows(), loss).result(),
    ]
    assert outputs[0].metrics["loss:sum"] == pytest.approx(outputs[1].metrics["loss:sum"], rel=1e-6)
    for each in (built_in, own):
        each.optim_step(ADAM).result()
    one, other = (log_probs(each.forward(rows(), "cross_entropy").result()) for each in (built_in, own))
    for first, second in zip(one, other, strict=True):
        assert first == pytest.approx(second, abs=1e-5)


def test_log_probabilities_are_those_of_a_plain_forward_pass(client, tmp_path):
    training = client()
    found = log_probs(training.forward(rows(), "cross_entropy").result())
    # An adapter that has learned nothing adds nothing.
    model = AutoModelForCausalLM.from_pretrained(made_models.made(BASE, tmp_path))
    for each, row in zip(found, rows(), strict=True):
        targets = row.loss_fn_inputs["target_tokens"].to_torch()
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row.model_input.to_ints()])).logits[0]
        wanted = torch.log_softmax(logits, -1).gather(1, targets.unsqueeze(1)).squeeze(1)
        assert each == pytest.approx(wanted.tolist(), abs=1e-5)


def test_a_place_may_have_several_targets(client):
    training = client()
    row = datum("Hello")
    ids, targets = row.model_input.to_ints(), row.loss_fn_inputs["target_tokens"].tolist()
    two = tinker.Datum(
        model_input=tinker.ModelInput.from_ints(ids),
        loss_fn_inputs={"target_tokens": [[each, 97] for each in targets], "weights": [[1.0, 0.0]] * len(ids)},
    )
    one = datum("Hello", weights=[1.0] * len(ids))
    found = [training.forward([each], "cross_entropy").result() for each in (one, two)]
    assert found[0].metrics["loss:sum"] == pytest.approx(found[1].metrics["loss:sum"], rel=1e-6)
    assert [pair[0] for pair in log_probs(found[1])[0]] == pytest.approx(log_probs(found[0])[0], abs=1e-6)


def test_a_training_that_is_taken_up_goes_on_bit_for_bit(service, client, home):
    def go_on(training: tinker.TrainingClient, steps: range) -> list[list[float]]:
        for step in steps:
            training.forward_backward(rows(2 + step), "cross_entropy")
            training.optim_step(tinker.AdamParams(learning_rate=0.01 / (1 + step), weight_decay=0.1, grad_clip_norm=1))
        return log_probs(training.forward(rows(), "cross_entropy").result())

    whole = go_on(client(), range(6))
    half = client()
    go_on(half, range(3))
    path = half.save_state("000003", user_metadata={"loop": 1}).result().path
    assert path == f"tinker://{half.run_id}:train:0/weights/000003"
    again = service.create_training_client_from_state_with_optimizer(path)
    assert again.get_info().step == 3 and again.run_id != half.run_id
    assert go_on(again, range(3, 6)) == whole
    # In the same client, too; and without the optimizer it is another training.
    go_on(half, range(3, 5))
    half.load_state_with_optimizer(path)
    assert go_on(half, range(3, 6)) == whole
    anew = service.create_training_client_from_state(path)
    assert anew.get_info().step == 0 and go_on(anew, range(3, 6)) != whole
    line = json.loads((home / "runs" / half.run_id / "saved_weights.jsonl").read_text())
    assert line["step"] == 3 and line["user_metadata"] == {"loop": 1}


def test_requests_are_done_in_their_order_whether_they_are_read_or_not(client):
    patient, quick = client(), client()
    for _ in range(3):
        patient.forward_backward(rows(), "cross_entropy").result()
        patient.optim_step(ADAM).result()
    futures: list[Any] = []
    for _ in range(3):
        futures += [quick.forward_backward(rows(), "cross_entropy"), quick.optim_step(ADAM)]
    ends = [log_probs(each.forward(rows(), "cross_entropy").result()) for each in (patient, quick)]
    assert ends[0] == ends[1] and all(each.done() for each in futures)
    losses = [each.result().metrics["loss:sum"] for each in futures[::2]]
    assert losses == sorted(losses, reverse=True)


def test_coroutines_train_as_threads_do(client):
    async def loop(training: tinker.TrainingClient) -> Any:
        for _ in range(2):
            learned = await training.forward_backward_async(rows(), "cross_entropy")
            stepped = await training.optim_step_async(ADAM)
            assert (await learned).metrics["loss:sum"] > 0
            assert (await stepped.result_async()).metrics
        return await (await training.forward_async(rows(), "cross_entropy"))

    plain = client()
    for _ in range(2):
        plain.forward_backward(rows(), "cross_entropy")
        plain.optim_step(ADAM)
    assert log_probs(asyncio.run(loop(client()))) == log_probs(plain.forward(rows(), "cross_entropy").result())


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda t: t.forward_backward(rows(), "gspo"), UsageError, "no loss 'gspo'"),
        (lambda t: t.forward_backward(rows(), "cross_entrpy"), UsageError, "cross_entrpy"),
        (lambda t: t.forward_backward([drawn(1)], "ppo", {"clip_high": 1.1}), UsageError, "no setting 'clip_high'"),
        (lambda t: t.forward_backward([drawn(1)], "dro"), UsageError, "needs beta"),
        (lambda t: t.forward_backward([drawn(1)], "ppo", {"clip_low_threshold": 2}), UsageError, "is more than"),
        (lambda t: t.forward_backward([drawn(1)], "dro", {"beta": "much"}), UsageError, "no number"),
        (lambda t: t.forward_backward([], "cross_entropy"), UsageError, "no rows"),
        (lambda t: t.forward_backward([drawn(1)], "cross_entropy"), DataError, "no weights"),
        (lambda t: t.forward_backward(["Hi"], "cross_entropy"), DataError, "no Datum"),
        (lambda t: t.forward_backward([datum("Hello", weights=[1.0])], "cross_entropy"), DataError, "shape"),
        (lambda t: t.forward_backward([datum("x" * 3000)], "cross_entropy"), DataError, "at most 2,048"),
        (lambda t: t.forward_backward([datum("Hi", weights=[float("nan")])], "cross_entropy"), DataError, "finite"),
        (lambda t: t.optim_step(ADAM).result(), UsageError, "no gradient"),
        (lambda t: t.forward_backward_custom(rows(), lambda d, p: (torch.ones(()), {})).result(), UsageError, "loss"),
        (lambda t: t.forward_backward_custom(rows(), lambda d, p: 1 / 0).result(), ZeroDivisionError, "division"),
        (lambda t: t.forward_backward_custom(rows(), lambda d, p: t.forward(d, "cross_entropy").result()).result(),
         UsageError, "wait for ever"),
        (lambda t: t.save_state("no/name"), UsageError, "no name"),
        (lambda t: t.load_state("weights/1"), UsageError, "no path"),
        (lambda t: t.load_state("tinker://nobody:train:0/weights/1"), NotFoundError, "no run"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_the_client_goes_on(request, call, error, said):
    training, wanted = request.getfixturevalue("shared")
    with pytest.raises(error, match=said):
        call(training)
    assert log_probs(training.forward(rows(), "cross_entropy").result()) == wanted


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    service = tinker.ServiceClient(root=tmp_path_factory.mktemp("shared"))
    training = service.create_lora_training_client(BASE, rank=2)
    yield training, log_probs(training.forward(rows(), "cross_entropy").result())
    service.close("interrupted")


def test_a_gradient_that_is_no_number_takes_no_step(client):
    training = client()
    wanted = log_probs(training.forward(rows(), "cross_entropy").result())
    endless = datum("Hello", logprobs=[-300.0] * 4, advantages=[1.0] * 4)
    training.forward_backward([endless], "importance_sampling")
    with pytest.raises(RunFailed, match="not finite"):
        training.optim_step(ADAM).result()
    assert log_probs(training.forward(rows(), "cross_entropy").result()) == wanted
    training.forward_backward(rows(), "cross_entropy")
    assert training.optim_step(ADAM).result().metrics


def test_saving_does_not_overwrite_unless_it_is_asked_to(client):
    training = client()
    training.save_weights_for_sampler("final").result()
    with pytest.raises(ConflictError):
        training.save_weights_for_sampler("final").result()
    assert training.save_weights_for_sampler("final", overwrite=True).result().path.endswith("/sampler_weights/final")
    path = training.save_weights_for_sampler("other", ttl_seconds=60).result().path
    with pytest.raises(UsageError, match="not what is needed"):
        training.load_state(path)


def test_what_is_trained_is_what_was_asked_for(client, service, home):
    def targets(**words: bool) -> list[str]:
        training = client(**words)
        training.save_weights_external("it").result()
        folder = home / "runs" / training.run_id / "external_weights" / "it"
        return json.loads((folder / "adapter_config.json").read_text())["target_modules"]

    sizes = {}
    for name in ("train_attn", "train_mlp"):
        others = dict.fromkeys(("train_attn", "train_mlp", "train_unembed"), False)
        sizes[name] = targets(**(others | {name: True}))
    assert all("self_attn" in name for name in sizes["train_attn"])
    assert all("mlp" in name for name in sizes["train_mlp"])
    assert targets(train_unembed=False) == sorted(sizes["train_attn"] + sizes["train_mlp"])
    assert targets(train_attn=False, train_mlp=False) == ["lm_head"]
    with pytest.raises(DataError):
        client(train_attn=False, train_mlp=False, train_unembed=False)
    assert BASE in [model.model_name for model in service.get_server_capabilities().supported_models]
    info = client().get_info().model_data
    assert (info.model_name, info.lora_rank) == (BASE, 4)
