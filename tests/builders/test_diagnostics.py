"""What the neural routers tell of themselves from the inside, by the parts of their networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner import registry
from runner.builders.routing._neural.prompt_networks import DenseScorer
from runner.builders.routing._prompts.score_spread import variances
from runner.contract import LoadedData
from runner.training.gradient_training import DiagnosedTraining
from runner.training.network_parts import parts_of
from tests.builders.length_cases import lengths as lengths
from tests.builders.neural_cases import encoder, files, preferences, resumes_to_the_bit
from tests.builders.test_input_importance import LENGTHS, SLOW, spec

__all__ = ["encoder"]

KINDS = [name for name in registry.kinds() if issubclass(registry.load(name).Spec, DiagnosedTraining)]
USUAL = {"prompt", "llm", "interaction"}
PARTS = {"response_predictive": USUAL | {"response", "prediction"}}


def test_every_neural_router_is_one_of_them() -> None:
    assert {
        "dense_network",
        "matrix_factorization",
        "dn_embedding",
        "response_predictive",
        "transformer_embedding",
    } < set(KINDS)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in KINDS]
)
def test_each_epoch_tells_its_gradients_and_its_scores_and_the_model_is_the_same(
    kind: str, encoder: Path, lengths: LoadedData, context_for: Any
) -> None:
    loaded = registry.load(kind)
    data = lengths if kind in LENGTHS else preferences(160)
    plain, asked = context_for(data, epochs=2, name="plain"), context_for(data, epochs=2, name="asked")
    without = loaded.train(spec(kind, encoder), plain)
    assert loaded.train(spec(kind, encoder, diagnostics=True), asked) == without
    assert files(asked.artifact) == files(plain.artifact)
    told = [event["diagnostics"] for event in asked.emit.of("epoch")]
    assert len(told) == 2
    for each in told:
        norms = {name.partition("/")[2]: value for name, value in each.items() if name.startswith("gradient_norm/")}
        assert set(norms) == PARTS.get(kind, USUAL)
        assert all(value > 0 for value in norms.values())
        assert each["score_variance/llms"] >= 0 and each["score_variance/prompts"] > 0
    assert all("diagnostics" not in event for event in plain.emit.of("epoch"))


def test_a_stop_in_the_middle_changes_nothing(encoder: Path, context_for: Any) -> None:
    kind = registry.load("matrix_factorization")
    data = preferences(160)
    resumes_to_the_bit(
        kind,
        spec("matrix_factorization", encoder, diagnostics=True),
        lambda name: context_for(data, name=name, epochs=3),
        "epoch",
        2,
    )


def test_parts_of_a_first_layer_are_its_columns() -> None:
    network = DenseScorer(5, 3, 2, [4])
    parts = parts_of(network)
    first = network.layers[0].weight
    (of_prompt, columns), *_ = parts["prompt"]
    assert of_prompt is first and first[columns].shape == (4, 5)
    assert first[parts["llm"][1][1]].shape == (4, 2)
    counted = sum(weights[index].numel() for own in parts.values() for weights, index in own)
    assert counted == sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("kind", ["factors", "embedding", "response", "length"])
def test_every_weight_is_in_one_part(kind: str) -> None:
    from runner.builders.routing._lengths.length_network import LengthNetwork
    from runner.builders.routing._neural.embedding_networks import EmbeddingScorer
    from runner.builders.routing._neural.factors import Factors
    from runner.builders.routing._neural.response_network import ResponseNetwork

    trunk = {"projection": 4, "hidden": [6, 5], "dropout": 0.0, "skip": True, "bounded": True}
    made: torch.nn.Module = {
        "factors": lambda: Factors(6, 3, 4, True, 0.0),
        "embedding": lambda: EmbeddingScorer((6, 5, 4), **trunk),
        "response": lambda: ResponseNetwork(
            (6, 5, 4), response_features=3, vector=4, encoder_hidden=[5], predictor_hidden=[5], predictor_projection=4,
            scorer_hidden=[5], scorer_projection=4, dropout=0.0, skip=True, bounded=True,
        ),
        "length": lambda: LengthNetwork(6, 5, 4, 3, 4, 2, [6, 5], 0.0),
    }[kind]()  # fmt: skip
    parts = parts_of(made)
    own = [id(weights) for each in parts.values() for weights, _ in each]
    assert sorted(own) == sorted(map(id, made.parameters()))
    assert all(parts.values())


def test_variances_are_among_llms_and_among_prompts() -> None:
    same_for_all_prompts = np.array([[1.0, 1.0], [3.0, 3.0]])
    assert variances(same_for_all_prompts) == {"score_variance/llms": 1.0, "score_variance/prompts": 0.0}
    assert variances(same_for_all_prompts.T) == {"score_variance/llms": 0.0, "score_variance/prompts": 1.0}
