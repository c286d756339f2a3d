"""The dense network on learned vectors of the LLMs: its table of scores, what it learns, where it goes on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from runner import registry
from runner.builders.routing._neural.prompt_networks import DenseScorer
from runner.builders.routing._neural.score_matrix import score_table
from tests.builders.neural_cases import NAMES, encoder, files, predictions, preferences, resumes_to_the_bit

kind = registry.load("dense_network")

__all__ = ["encoder"]


def spec(encoder: Path, **fields: Any) -> Any:
    document = {
        "model_type": "dense_network",
        "embedding_model_name": str(encoder),
        "hidden_dims": [24, 12],
        "model_id_embedding_dim": 6,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.01, "lr_decay_gamma": 0.9},
    }
    return kind.Spec.model_validate_json(json.dumps(document | fields))


@pytest.mark.parametrize("hidden", [[12, 5], []])
def test_a_table_is_what_the_pairs_are_one_by_one(hidden):
    torch.manual_seed(0)
    network = DenseScorer(21, 4, 6, hidden).eval()
    embeddings, features = torch.randn(9, 16), torch.randn(9, 5)
    whole = torch.cat([embeddings, features], dim=1)
    with torch.no_grad():
        pairs = torch.stack([network(whole, torch.full((9,), llm)) for llm in range(4)])
        table = score_table(network, network.prompt_side(embeddings, features), network.llm_side(), rows=10)
    torch.testing.assert_close(table, pairs, rtol=0, atol=1e-6)


def test_it_learns_what_no_rating_can(encoder, context_for):
    data = preferences()
    context = context_for(data, epochs=6)
    result = kind.train(spec(encoder), context)
    assert result.metrics["accuracy"] > 0.9
    assert max(row["accuracy"] for row in result.tables["baselines"] if "_" in row["model_type"]) < 0.7
    predictor = kind.Predictor.load(context.artifact)
    pairs = predictions(predictor, data)
    assert (pairs[:, 0] > pairs[:, 1]).mean() == pytest.approx(result.metrics["accuracy"], abs=0.02)
    table = predictor.score_llms(["hello", "a b", "hello"], [*NAMES, "nobody"])
    assert np.isnan(table[-1]).all() and (np.abs(table[:-1]) <= 1).all() and (table[:-1, 0] == table[:-1, 2]).all()
    np.testing.assert_allclose(predictor.score_llms(["hello", "a b", "hello"], NAMES, 1), table[:-1], atol=1e-5)


def test_the_cache_spares_the_encoder_and_changes_nothing(encoder, context_for, tmp_path, monkeypatch):
    context = context_for(preferences(40), epochs=1)
    kind.train(spec(encoder), context)
    plain = kind.Predictor.load(context.artifact)
    prompts = ["hello world", "a b c", "hello world"]
    expected = plain.score_llms(prompts, NAMES)
    filling = kind.Predictor.load(context.artifact)
    filling.use_cache(tmp_path / "fresh")
    np.testing.assert_allclose(filling.score_llms(prompts, NAMES), expected, atol=1e-6)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the encoder was loaded")

    cached = kind.Predictor.load(context.artifact)
    cached.use_cache(tmp_path / "fresh")
    monkeypatch.setattr("runner.builders.routing._prompts.prompt_encoder.Encoder.load", refuse)
    assert (cached.score_llms(prompts, NAMES) == filling.score_llms(prompts, NAMES)).all()
    with pytest.raises(AssertionError):
        cached.score_llms(["something new"], NAMES)


def test_stopped_in_the_middle_it_ends_the_same(encoder, context_for):
    data = preferences(120)
    resumes_to_the_bit(kind, spec(encoder), lambda name: context_for(data, name, epochs=4), "epoch", 2)


def test_it_goes_on_from_a_stored_model_with_its_optimizer(encoder, context_for):
    known = NAMES[1:]
    first = context_for(preferences(names=known), "first", epochs=3)
    kind.train(spec(encoder), first)
    rates = json.loads((first.artifact / "optimizer.json").read_text())["learning_rates"]
    more = context_for(preferences(), "more", epochs=0, start_from=first.artifact)
    kind.train(spec(encoder), more)
    assert json.loads((more.artifact / "optimizer.json").read_text())["learning_rates"] == rates
    assert rates[0][0] < 0.01
    old, new = (load_file(context.artifact / "network.safetensors") for context in (first, more))
    names = [kind.Predictor.load(context.artifact).models for context in (first, more)]
    assert names[0] == known and names[1] == NAMES
    np.testing.assert_array_equal(new["model_embedding.weight"][1:], old["model_embedding.weight"])
    moments = load_file(more.artifact / "optimizer.safetensors")
    assert "optimizer/layers.0.weight/exp_avg" in moments
    # Its rows stand for other LLMs now.
    assert "optimizer/model_embedding.weight/exp_avg" not in moments

    same = context_for(preferences(names=known), "same", epochs=0, start_from=first.artifact)
    kind.train(spec(encoder), same)
    for name in ("network.safetensors", "optimizer.safetensors", "optimizer.json"):
        assert files(same.artifact)[name] == files(first.artifact)[name]


def test_the_document_is_read_as_it_is_written():
    read = kind.Spec.model_validate_json('{"model_type": "dense_network"}')
    assert (read.hidden_dims, read.model_id_embedding_dim) == ([256, 128, 64], 32)
    assert read.optimizer.optimizer_type == "adamw" and read.embedding_model_name == "all-MiniLM-L6-v2"


def test_without_an_optimizer_weights_decay_ten_times_as_fast():
    decays = [
        kind.Spec.model_validate({"model_type": "dense_network"} | fields).optimizer.weight_decay
        for fields in ({}, {"optimizer": {"optimizer_type": "adamw"}})
    ]
    assert decays == [0.1, 0.01]
