"""An LLM that a model does not know, taken for the mean of those that it knows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.spec.checking import load_object
from tests.builders.neural_cases import NAMES, embedded, preferences
from tests.builders.neural_cases import encoder as encoder

PROMPTS = ["hello world", "a b c"]
SMALL = ("embedding_model_name", "embedding_spec", "embedding_model_epochs")
#: Kind -> the fields that keep it small.
KINDS = {
    "dn_embedding": (*SMALL, "hidden_dims", "input_proj_dim"),
    "gradient_boosting": SMALL,
    "dn_embedding_length_prediction": (*SMALL, "hidden_dims", "input_proj_dim"),
    "gb_length_prediction": SMALL,
    "simple_length_prediction": ("embedding_model_name",),
}


@pytest.fixture
def trained(context_for, encoder):
    def make(kind: str, **fields: Any):
        small = {name: value for name, value in embedded(encoder).items() if name in KINDS[kind]}
        document = {
            "model": {"name": "m", "spec": {"model_type": kind} | small | fields},
            "epochs": 2,
            "batch_size": 32,
        }
        context = context_for(preferences(160), epochs=2)
        registry.load(kind).train(load_object(document).spec.model.spec, context)
        return registry.load(kind).Predictor.load(context.artifact), context.artifact

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_it_gets_a_number_of_its_own_and_the_others_keep_theirs(trained, kind):
    predictor, _ = trained(kind)
    before = predictor.score_llms(PROMPTS, list(NAMES))
    assert np.isnan(predictor.score_llms(PROMPTS, ["stranger"])).all()
    predictor.add_average("stranger")
    predictor.add_average("another")
    after = predictor.score_llms(PROMPTS, [*NAMES, "stranger", "another"])
    np.testing.assert_allclose(after[: len(NAMES)], before, atol=1e-5)
    assert np.isfinite(after).all()
    np.testing.assert_allclose(after[-1], after[-2], atol=1e-5)


def test_its_vector_is_the_mean_direction(trained):
    _, artifact = trained("dn_embedding")
    known = LlmEmbedding.load(artifact / "llm_embedding")
    mean = known.vectors.mean(axis=0)
    known.add_average("stranger")
    np.testing.assert_allclose(known.vectors[-1], mean / np.linalg.norm(mean), rtol=1e-5)


def test_without_features_its_length_is_the_mean_of_all(trained):
    predictor, artifact = trained("simple_length_prediction", input_features=[])
    predictor.add_average("stranger")
    overall = json.loads((artifact / "model.json").read_text())["scale"]["overall"]
    np.testing.assert_allclose(predictor.score_llms(PROMPTS, ["stranger"]), np.exp(overall))


def test_with_features_one_regression_on_all_predicts_it(context_for, encoder):
    # Every LLM answers a greeting in few words, and letters in many.
    data = preferences(160)
    for part in (data.train, data.validation):
        for side in ("responses_a", "responses_b"):
            longer = tuple("the " * (2 if "o" in part.prompts[at] else 12) for at in part.prompt)
            object.__setattr__(part, side, longer)
    fields = {"embedding_model_name": str(encoder), "input_features": ["Average word length"], "l2": 0.0}
    document = {"model": {"name": "m", "spec": {"model_type": "simple_length_prediction"} | fields}}
    context = context_for(data)
    kind = registry.load("simple_length_prediction")
    kind.train(load_object(document).spec.model.spec, context)
    predictor = kind.Predictor.load(context.artifact)
    predictor.add_average("stranger")
    np.testing.assert_allclose(predictor.score_llms(PROMPTS, ["stranger"])[0], [2, 12], rtol=0.05)


def test_types_that_embed_llms_and_lengths_have_a_mean():
    kinds = {name: registry.load(name).Predictor.has_average for name in ("elo_scoring", "dense_network", *KINDS)}
    assert kinds == {"elo_scoring": False, "dense_network": False} | dict.fromkeys(KINDS, True)
