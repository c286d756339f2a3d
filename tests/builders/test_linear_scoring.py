"""Linear maps: the likelihood that they maximise, what every field changes, and what is left under a large penalty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from runner import registry
from runner.builders.routing._prompts.features import features
from runner.builders.routing._ratings.bradley_terry import bradley_terry
from runner.builders.routing._ratings.pair_counts import count_pairs
from runner.contract import LoadedData
from runner.data.comparisons import BOTH_BAD, TIE, A
from runner.errors import DataError, IntegrityError, Stopped
from runner.training.sentence_encoder import Encoder
from tests.builders.neural_cases import NAMES, encoder, files, predictions, preferences

__all__ = ["encoder"]

kind = registry.load("linear_scoring")


def spec(encoder: Path, **fields: Any) -> Any:
    document = {
        "model_type": "linear_scoring",
        "embedding_model_name": str(encoder),
        "prompt_features": False,
        "l2": 0.001,
    }
    return kind.Spec.model_validate_json(json.dumps(document | fields))


def trained(encoder: Path, context: Any, **fields: Any) -> tuple[Any, dict[str, np.ndarray]]:
    result = kind.train(spec(encoder, **fields), context)
    return result, load_file(context.artifact / "map.safetensors")


def test_it_learns_what_no_rating_can(encoder, context_for):
    data = preferences()
    context = context_for(data)
    result, stored = trained(encoder, context)
    assert result.metrics["accuracy"] > 0.9
    assert result.parameters == {"l2": 0.001, "prompt_features": False}
    assert stored["weights"].dtype == np.float64 and stored["weights"].shape == (len(NAMES), 16)
    pairs = predictions(kind.Predictor.load(context.artifact), data)
    assert (pairs[:, 0] > pairs[:, 1]).mean() == result.metrics["accuracy"]


def test_the_maps_are_those_of_the_greatest_penalised_likelihood(encoder, context_for):
    data = preferences(160)
    context = context_for(data)
    _, stored = trained(encoder, context, l2=0.01)
    train = data.train
    embeddings = torch.from_numpy(Encoder.load(encoder).encode(train.prompts)).double()
    weights, bias = (torch.from_numpy(stored[name]).requires_grad_() for name in ("weights", "bias"))
    mean = embeddings[np.unique(train.prompt)].mean(dim=0)
    # An LLM's own term, which is not held back, is its score on the mean prompt.
    own = bias + weights.detach() @ mean
    scores = embeddings[train.prompt] @ weights.T + bias
    rows = torch.arange(len(train))
    margin = scores[rows, torch.from_numpy(train.model_a).long()] - scores[rows, torch.from_numpy(train.model_b).long()]
    won = torch.from_numpy(np.where(train.winner == TIE, 0.5, train.winner == A))
    loss = (torch.nn.functional.softplus(margin) - won * margin).mean()
    loss = loss + 0.005 * (weights**2).sum() + 0.005 / len(train) * (own**2).sum()
    loss.backward()
    assert float(bias.grad.abs().max()) < 1e-4
    assert float((weights.grad - bias.grad[:, None] * mean).abs().max()) < 1e-4


@pytest.mark.parametrize("half_wins", ["none", "ties", "ties_and_both_bad"])
def test_under_a_large_penalty_bradley_terry_is_left(encoder, context_for, toolbox, half_wins):
    data = toolbox.split(toolbox.synthetic(600))
    context = context_for(data)
    trained(encoder, context, l2=1e6, half_wins=half_wins)
    counted = {"none": (), "ties": (TIE,), "ties_and_both_bad": (TIE, BOTH_BAD)}[half_wins]
    expected = bradley_terry(
        count_pairs(data.train.take(data.train.decided | np.isin(data.train.winner, counted))), 0.01
    )
    found = kind.Predictor.load(context.artifact).score_llms(["hello", "a b c"], data.train.models)
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 2, axis=1), atol=2e-3)


def test_a_score_is_the_stored_map_and_features_are_read_as_they_were(encoder, context_for, tmp_path):
    context = context_for(preferences())
    result, stored = trained(encoder, context, prompt_features=True)
    assert result.parameters["prompt_features"] is True
    width = stored["weights"].shape[1]
    assert width > 16
    prompts, histories = ["hello world", "a b c?", "hello world"], [(), (), ("a",)]
    document = json.loads((context.artifact / "model.json").read_text())
    read = (features(prompts, histories) - document["feature_mean"]) / document["feature_std"]
    inputs = np.concatenate([Encoder.load(encoder).encode(prompts), read], axis=1)
    expected = (inputs @ stored["weights"].T + stored["bias"]).T
    predictor = kind.Predictor.load(context.artifact)
    found = predictor.score_llms(prompts, NAMES, histories=histories)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES, 1, histories=histories), found, atol=1e-5)
    predictor.use_cache(tmp_path / "other")
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES, histories=histories), found, atol=1e-5)
    assert np.isnan(predictor.score_llms(prompts, ["nobody", NAMES[0]])).tolist() == [[True] * 3, [False] * 3]

    plain = context_for(preferences(), "plain")
    _, stored = trained(encoder, plain)
    embedded = Encoder.load(encoder).encode(prompts)
    expected = (embedded @ stored["weights"].T + stored["bias"]).T
    np.testing.assert_allclose(kind.Predictor.load(plain.artifact).score_llms(prompts, NAMES), expected, atol=1e-5)


def test_auto_chooses_by_what_foretells_held_out_prompts(encoder, context_for, toolbox):
    context = context_for(preferences())
    result, _ = trained(encoder, context, l2="auto", prompt_features="auto")
    assert 1e-5 <= result.parameters["l2"] < 0.1
    # Of prompts that say nothing, the strongest penalty there is.
    noise = context_for(toolbox.split(toolbox.synthetic(400)), "noise")
    result, _ = trained(encoder, noise, l2="auto")
    assert result.parameters["l2"] >= 0.01


def test_a_weaker_penalty_follows_the_data_further(encoder, context_for):
    sizes = []
    for l2 in (1.0, 0.01, 0.0001):
        _, stored = trained(encoder, context_for(preferences(), f"run-{l2}"), l2=l2)
        sizes.append(float(np.linalg.norm(stored["weights"])))
    assert sizes == sorted(sizes) and sizes[0] < 0.5 * sizes[-1]


def test_the_same_twice_is_the_same_bytes_also_after_a_stop(encoder, context_for):
    fields = {"l2": "auto", "prompt_features": "auto"}
    first = context_for(preferences(160), "first")
    expected, _ = trained(encoder, first, **fields)
    asked = iter(range(10_000))
    stopped = context_for(preferences(160), "again", stop_requested=lambda: next(asked) >= 40)
    with pytest.raises(Stopped):
        trained(encoder, stopped, **fields)
    assert not list(stopped.artifact.iterdir())
    again = context_for(preferences(160), "again")
    assert trained(encoder, again, **fields)[0] == expected
    assert files(again.artifact) == files(first.artifact)


def test_with_nothing_to_learn_from_it_says_which_field_leaves_it_out(encoder, context_for):
    data = preferences(60)
    ties = data.train.take(data.train.winner == TIE)
    context = context_for(LoadedData(ties, data.validation, "0" * 64, {}))
    with pytest.raises(DataError) as caught:
        kind.train(spec(encoder, half_wins="none"), context)
    assert caught.value.where == "/model/spec/half_wins"
    kind.train(spec(encoder), context)


def test_an_artifact_that_is_something_else_is_refused(encoder, context_for):
    context = context_for(preferences(40))
    trained(encoder, context)
    (context.artifact / "model.json").write_text('{"models": ["x"]}')
    with pytest.raises(IntegrityError):
        kind.Predictor.load(context.artifact)


def test_a_start_state_gives_its_encoder_and_says_that_its_maps_do_not_count(encoder, context_for):
    first = context_for(preferences(60), "first")
    trained(encoder, first)
    again = context_for(preferences(60), "again", start_from=first.artifact)
    trained(encoder, again)
    assert files(again.artifact) == files(first.artifact)
    assert "start_state" in again.emit.of("warning")[0]["message"]
