"""The router on an embedding of the LLMs: its arithmetic, what it learns, new LLMs, and where it goes on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from runner import registry
from runner.builders.routing._neural.embedding_networks import EmbeddingScorer
from runner.builders.routing._neural.score_matrix import score_prompts, score_table
from runner.errors import IntegrityError
from tests.builders.neural_cases import (
    NAMES,
    answers,
    embedded,
    encoder,
    files,
    predictions,
    preferences,
    resumes_to_the_bit,
)

kind = registry.load("dn_embedding")

__all__ = ["encoder"]


def spec(encoder: Path, **fields: Any) -> Any:
    document = {"model_type": "dn_embedding"} | embedded(encoder, **fields)
    return kind.Spec.model_validate_json(json.dumps(document))


def scorer(skip: bool, bounded: bool, hidden: tuple[int, ...] = (20, 20, 7)) -> EmbeddingScorer:
    torch.manual_seed(0)
    network = EmbeddingScorer(
        (16, 5, 8), projection=6, hidden=hidden, dropout=0.2, skip=skip, bounded=bounded
    )  # fmt: skip
    network.trunk.prompt_scale.fit(torch.randn(50, 16) + 1)
    network.trunk.llm_scale.fit(torch.randn(50, 8) - 1)
    return network.eval()


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(("skip", "hidden"), [(True, (20, 20, 7)), (False, (20, 7)), (True, (18,))])
def test_a_table_is_what_the_pairs_are_one_by_one(skip, bounded, hidden):
    network = scorer(skip, bounded, hidden)
    embeddings, features, llms = torch.randn(9, 16), torch.randn(9, 5), torch.randn(4, 8)
    with torch.no_grad():
        pairs = [network(embeddings, features, llms[[m]].expand(9, 8)) for m in range(4)]
        llm_part = network.llm_side(llms)
        table = score_table(network, network.prompt_side(embeddings, features), llm_part)
        again = score_table(network, network.prompt_side(embeddings, features), llm_part, rows=3)
    torch.testing.assert_close(table, torch.stack(pairs), rtol=0, atol=1e-6)
    torch.testing.assert_close(again, table, rtol=0, atol=1e-6)
    numbers = score_prompts(network, embeddings.numpy(), features.numpy(), llm_part)
    np.testing.assert_allclose(numbers, table.numpy(), atol=1e-6)


def test_no_more_pairs_than_were_allowed_are_held_at_once():
    network, held = scorer(True, True), []
    inner = network.trunk.first._inner
    network.trunk.first._inner = lambda linear: held.append(len(linear)) or inner(linear)
    part = network.prompt_side(torch.randn(50, 16), torch.randn(50, 5))
    score_table(network, part, network.llm_side(torch.randn(7, 8)), rows=30)
    assert max(held) <= 30 and sum(held) == 350
    held.clear()
    score_table(network, part, network.llm_side(torch.randn(70, 8)), rows=30)
    assert max(held) <= 30 and sum(held) == 3500


def test_a_block_is_linear_norm_leaky_relu_and_the_input():
    network = scorer(True, False)
    x = torch.randn(3, 18)
    block = network.trunk.first
    inner = torch.nn.functional.layer_norm(block.linear(x), (20,), block.norm.weight, block.norm.bias)
    assert block.skip is not None
    expected = torch.nn.functional.leaky_relu(inner, 0.1) + block.skip(x)
    torch.testing.assert_close(block(x), expected)
    same = network.trunk.later[0]
    assert same.skip is None and same.adds_input


@pytest.mark.parametrize("loss", ["margin_ranking", "bradley_terry"])
def test_it_learns_what_no_rating_can(encoder, context_for, loss):
    data = preferences()
    context = context_for(data, epochs=6)
    result = kind.train(spec(encoder, ranking_loss_type=loss, use_skip_connections=True), context)
    losses = [event["metrics"]["train_loss"] for event in context.emit.of("epoch")]
    assert losses[-1] < 0.7 * losses[0]
    assert result.metrics["accuracy"] > 0.85
    assert max(row["accuracy"] for row in result.tables["baselines"] if "_" in row["model_type"]) < 0.7
    predictor = kind.Predictor.load(context.artifact)
    pairs = predictions(predictor, data)
    assert (pairs[:, 0] > pairs[:, 1]).mean() == pytest.approx(result.metrics["accuracy"], abs=0.02)
    assert (np.abs(pairs) <= 1).all() == (loss == "margin_ranking")


def test_scores_of_one_and_of_many(encoder, context_for):
    context = context_for(preferences(80), epochs=1)
    kind.train(spec(encoder), context)
    predictor = kind.Predictor.load(context.artifact)
    prompts = ["hello world", "a b c", "hello world", "hello"]
    table = predictor.score_llms(prompts, [*NAMES, "nobody"])
    assert table.shape == (7, 4) and table.dtype == np.float64
    assert np.isnan(table[-1]).all() and not np.isnan(table[:-1]).any()
    assert (table[:-1, 0] == table[:-1, 2]).all()
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES, 1), table[:-1], atol=1e-5)
    one = np.array([[predictor.score_llms([prompt], [name])[0, 0] for prompt in prompts] for name in NAMES])
    np.testing.assert_allclose(one, table[:-1], atol=1e-5)
    later = predictor.score_llms(prompts, NAMES, histories=[(), (), ("what is it?",), ()])
    np.testing.assert_allclose(later[:, 0], table[:-1, 0], atol=1e-5)
    assert np.abs(later[:, 2] - table[:-1, 2]).max() > 1e-4
    assert np.isnan(predictor.score_llms(prompts, ["nobody"])).all()


def test_it_scores_an_llm_by_its_answers(encoder, context_for):
    known = tuple(name for name in NAMES if name not in ("greeter-2", "speller-2"))
    context = context_for(preferences(names=known), epochs=6)
    kind.train(spec(encoder), context)
    predictor = kind.Predictor.load(context.artifact)
    assert set(predictor.models) == set(known)
    for name in ("greeter-2", "speller-2"):
        predictor.add_llm(name, *answers(name))
    assert set(predictor.models) == set(NAMES)
    data = preferences(seed=5)
    held = data.validation
    new = [NAMES.index(name) for name in ("greeter-2", "speller-2")]
    rows = (np.isin(held.model_a, new) | np.isin(held.model_b, new)) & held.decided
    table = predictor.score_llms(held.prompts, held.models)
    margin = table[held.model_a, held.prompt] - table[held.model_b, held.prompt]
    right = np.where(held.winner == 0, margin > 0, margin < 0)[rows]
    assert len(right) > 30 and right.mean() > 0.75


@pytest.mark.parametrize(("event", "after"), [("stage_epoch", 1), ("epoch", 2)])
def test_stopped_in_either_stage_it_ends_the_same(encoder, context_for, event, after):
    data = preferences(120)
    small = spec(encoder, ranking_loss_type="bradley_terry")
    resumes_to_the_bit(kind, small, lambda name: context_for(data, name, epochs=4), event, after)


def test_it_goes_on_from_a_stored_model(encoder, context_for):
    known = tuple(name for name in NAMES if name != "speller-2")
    first = context_for(preferences(names=known), "first", epochs=5)
    before = kind.train(spec(encoder), first)
    same = context_for(preferences(names=known), "same", epochs=0, start_from=first.artifact)
    again = kind.train(spec(encoder), same)
    assert again.metrics == before.metrics
    assert not same.emit.of("stage_epoch")
    for name in ("network.safetensors", "optimizer.safetensors", "llm_embedding/vectors.safetensors"):
        assert files(same.artifact)[name] == files(first.artifact)[name]

    more = context_for(preferences(), "more", epochs=1, start_from=first.artifact)
    result = kind.train(spec(encoder), more)
    assert result.metrics["accuracy"] > 0.85
    predictor = kind.Predictor.load(more.artifact)
    assert set(predictor.models) == set(NAMES)
    vectors = [
        load_file(context.artifact / "llm_embedding/vectors.safetensors")["vectors"] for context in (first, more)
    ]
    at = [kind.Predictor.load(context.artifact).models.index(known[0]) for context in (first, more)]
    np.testing.assert_array_equal(vectors[0][at[0]], vectors[1][at[1]])


def test_another_models_embedding_is_used_as_it_is(encoder, context_for):
    data = preferences(120)
    first = context_for(data, "first", epochs=1)
    kind.train(spec(encoder), first)
    second = context_for(data, "second", epochs=1)
    second.stored = {"load_embedding_model_from": first.artifact}
    kind.train(spec(encoder, load_embedding_model_from="dn_embedding/first", hidden_dims=[9]), second)
    assert not second.emit.of("stage_epoch")
    name = "llm_embedding/vectors.safetensors"
    assert files(second.artifact)[name] == files(first.artifact)[name]


def test_gradients_are_clipped(encoder, context_for, monkeypatch):
    norms = []
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda p, most: norms.append(most) or clip(p, most))
    kind.train(spec(encoder, embedding_model_epochs=0), context_for(preferences(40), epochs=1))
    assert set(norms) == {1.0}


@pytest.mark.parametrize("file", ["model.json", "network.safetensors", "llm_embedding/embedding.json"])
def test_an_artifact_that_is_something_else_is_refused(encoder, context_for, file):
    context = context_for(preferences(40), epochs=1)
    kind.train(spec(encoder, embedding_model_epochs=0), context)
    (context.artifact / file).write_text('{"network": {}, "feature_mean": [], "feature_std": []}')
    with pytest.raises(IntegrityError):
        kind.Predictor.load(context.artifact)


def test_the_document_is_read_as_it_is_written():
    read = kind.Spec.model_validate_json('{"model_type": "dn_embedding"}')
    assert (read.hidden_dims, read.dropout, read.input_proj_dim) == ([256, 128, 64], 0.2, 64)
    assert (read.min_model_comparisons, read.embedding_model_epochs, read.seed) == (20, 10, 42)
    assert (read.ranking_loss_type, read.balance_model_samples) == ("margin_ranking", True)
    assert (read.base_model, read.load_embedding_model_from) == (None, None)
    assert read.embedding_spec.embedding_type == "frozen" and read.embedding_model_name == "all-MiniLM-L6-v2"
