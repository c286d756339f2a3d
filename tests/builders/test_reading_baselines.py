"""The two plain readers of the prompt beside every router that embeds prompts."""

from __future__ import annotations

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._prompts.reading_baselines import reading_baselines
from runner.contract import LoadedData
from runner.data.comparisons import TIE
from tests.builders.neural_cases import embedded, encoder, preferences

__all__ = ["encoder"]

PLAIN = {"hidden_dims": [16], "model_id_embedding_dim": 4}
KINDS = {
    "dense_network": PLAIN,
    "matrix_factorization": {"embedding_dim": 8},
    "knn_scoring": {},
    "linear_scoring": {"l2": 0.001, "prompt_features": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_they_stand_beside_a_router_and_it_says_whether_it_beats_them(encoder, context_for, kind):
    context = context_for(preferences(), epochs=1)
    builder = registry.load(kind)
    spec = builder.Spec.model_validate({"model_type": kind, "embedding_model_name": str(encoder)} | KINDS[kind])
    result = builder.train(spec, context)
    accuracy = {row["model_type"]: row["accuracy"] for row in result.tables["baselines"]}
    assert list(accuracy)[3:] == ["k nearest prompts", "linear map"]
    assert min(accuracy["k nearest prompts"], accuracy["linear map"]) > 0.9
    assert all(row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] for row in result.tables["baselines"])
    best, gain, low, high, _ = result.tables["against_best"]["rows"][0]
    assert accuracy[best] == max(accuracy.values())
    assert gain == pytest.approx(result.metrics["accuracy"] - accuracy[best])
    assert low <= gain <= high


def test_boosted_trees_have_them_where_they_read_embeddings(encoder, context_for):
    builder = registry.load("gradient_boosting")
    fields = {name: value for name, value in embedded(encoder).items() if name.startswith("embedding")}
    counts = []
    for number, inputs in enumerate((["prompt_features", "prompt_embedding"], ["prompt_features"])):
        document = {"model_type": "gradient_boosting", "input_features": [*inputs, "model_embedding"]} | fields
        result = builder.train(
            builder.Spec.model_validate(document), context_for(preferences(), f"run-{number}", epochs=1)
        )
        counts.append(len(result.tables["baselines"]))
        assert ("against_best" in result.tables) is (len(inputs) == 2)
    assert counts == [5, 3]


def test_they_are_the_same_twice_and_need_little():
    data = preferences(40)
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    first, again = (reading_baselines(data.train, data.validation, vectors, 3) for _ in range(2))
    assert [each.row(data.validation, 3) for each in first] == [each.row(data.validation, 3) for each in again]
    ties = data.train.take(data.train.winner == TIE)
    assert [each.name for each in reading_baselines(ties, data.validation, vectors, 3)] == [each.name for each in first]
    nothing = data.train.take(np.zeros(0, np.int64))
    assert reading_baselines(nothing, data.validation, vectors, 3) == []
    assert reading_baselines(data.train.take(np.arange(1)), data.validation, vectors, 3)


def test_with_nothing_held_out_there_are_none(encoder, context_for):
    data = preferences(60)
    context = context_for(LoadedData(data.train, data.train.take(np.zeros(0, np.int64)), "0" * 64, {}), epochs=1)
    builder = registry.load("dense_network")
    spec = builder.Spec.model_validate({"model_type": "dense_network", "embedding_model_name": str(encoder)} | PLAIN)
    assert builder.train(spec, context).tables["baselines"] == []
