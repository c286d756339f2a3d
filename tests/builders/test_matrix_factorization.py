"""RouteLLM's router: its formula, its noise, what it learns, and where it goes on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from runner import registry
from runner.builders.routing._neural.factors import Factors
from runner.errors import DataError, IntegrityError
from runner.training.sentence_encoder import Encoder
from tests.builders.neural_cases import NAMES, encoder, files, predictions, preferences, resumes_to_the_bit

kind = registry.load("matrix_factorization")

__all__ = ["encoder"]


def spec(encoder: Path, **fields: Any) -> Any:
    document = {
        "model_type": "matrix_factorization",
        "embedding_model_name": str(encoder),
        "embedding_dim": 12,
        "noise": 0.02,
        "optimizer": {"optimizer_type": "adam", "learning_rate": 0.02},
    }
    return kind.Spec.model_validate_json(json.dumps(document | fields))


def test_it_learns_what_no_rating_can(encoder, context_for):
    data = preferences()
    context = context_for(data, epochs=6)
    result = kind.train(spec(encoder), context)
    losses = [event["metrics"]["train_loss"] for event in context.emit.of("epoch")]
    assert losses[-1] < 0.7 * losses[0]
    assert result.metrics["accuracy"] > 0.9
    assert max(row["accuracy"] for row in result.tables["baselines"] if "_" in row["model_type"]) < 0.7
    pairs = predictions(kind.Predictor.load(context.artifact), data)
    assert (pairs[:, 0] > pairs[:, 1]).mean() == result.metrics["accuracy"]


@pytest.mark.parametrize("projected", [True, False])
def test_a_score_is_the_papers_product(encoder, context_for, projected):
    context = context_for(preferences(120), epochs=1)
    fields = {} if projected else {"text_projection": False, "embedding_dim": 16}
    kind.train(spec(encoder, **fields), context)
    stored = load_file(context.artifact / "network.safetensors")
    assert ("projection.weight" in stored) is projected
    prompts = ["hello world", "a b c", "hello"]
    q = Encoder.load(encoder).encode(prompts)
    if projected:
        q = q @ stored["projection.weight"].T + stored["projection.bias"]
    v = stored["model_embedding.weight"]
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    expected = np.einsum("d,md,pd->mp", stored["classifier.weight"][0], v, q)
    predictor = kind.Predictor.load(context.artifact)
    found = predictor.score_llms(prompts, NAMES)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES, 1), found, atol=1e-5)
    assert np.isnan(predictor.score_llms(prompts, ["nobody", NAMES[0]])).tolist() == [[True] * 3, [False] * 3]
    assert predictor.score_llms(prompts, ["nobody"]).shape == (1, 3)


def test_noise_is_for_training_alone():
    torch.manual_seed(0)
    network = Factors(16, 3, 4, True, 0.5)
    prompts, models = torch.randn(5, 16), torch.tensor([0, 1, 2, 0, 1])
    assert not torch.equal(network(prompts, models), network(prompts, models))
    network.eval()
    exact = network(prompts, models)
    table = network.prompt_side(prompts) @ network.llm_side().T
    torch.testing.assert_close(exact, table[torch.arange(5), models])
    torch.testing.assert_close(exact, network(prompts, models), rtol=0, atol=0)


def test_without_a_projection_the_lengths_have_to_agree(encoder, context_for):
    with pytest.raises(DataError, match="16, not 12") as caught:
        kind.train(spec(encoder, text_projection=False), context_for(preferences(40)))
    assert caught.value.where == "/model/spec/embedding_dim"


def test_stopped_in_the_middle_it_ends_the_same(encoder, context_for):
    data = preferences(160)
    resumes_to_the_bit(kind, spec(encoder), lambda name: context_for(data, name, epochs=4), "epoch", 2)


def test_it_goes_on_from_a_stored_model_with_its_optimizer(encoder, context_for):
    names = NAMES[:2] + NAMES[3:]
    first = context_for(preferences(names=names), "first", epochs=4)
    kind.train(spec(encoder), first)
    again = context_for(preferences(names=names), "again", epochs=0, start_from=first.artifact)
    kind.train(spec(encoder), again)
    for name in ("network.safetensors", "optimizer.safetensors", "optimizer.json"):
        assert files(again.artifact)[name] == files(first.artifact)[name]

    more = context_for(preferences(), "more", epochs=1, start_from=first.artifact)
    result = kind.train(spec(encoder), more)
    assert result.metrics["accuracy"] > 0.9
    old, new = (load_file(context.artifact / "optimizer.safetensors") for context in (first, more))
    step = "optimizer/projection.weight/step"
    kept = kind.Predictor.load(first.artifact)
    batches = -(-int(more.data.train.decided.sum()) // 32)
    assert float(new[step]) == float(old[step]) + batches
    assert set(kind.Predictor.load(more.artifact).models) == {*kept.models, NAMES[2]}


def test_an_artifact_that_is_something_else_is_refused(encoder, context_for):
    context = context_for(preferences(40), epochs=1)
    kind.train(spec(encoder), context)
    (context.artifact / "model.json").write_text('{"models": ["x"]}')
    with pytest.raises(IntegrityError):
        kind.Predictor.load(context.artifact)


def test_the_document_is_read_as_it_is_written():
    read = kind.Spec.model_validate_json('{"model_type": "matrix_factorization"}')
    assert (read.embedding_dim, read.text_projection, read.noise, read.min_model_comparisons) == (128, True, 0.1, 20)
    assert read.embedding_model_name == "all-MiniLM-L6-v2" and read.optimizer.optimizer_type == "adam"
