"""The router by way of the response: its arithmetic, what it learns of ties too, and what it says of its prediction."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner import registry
from runner.builders.routing._neural.response_network import ResponseScorer
from runner.builders.routing._neural.score_matrix import score_table
from runner.contract import LoadedData
from runner.data.comparisons import TIE
from runner.errors import DataError
from runner.training.encoder import Encoder
from tests.builders.neural_cases import NAMES, answers, embedded, encoder, files, preferences, resumes_to_the_bit

kind = registry.load("response_predictive")

__all__ = ["encoder"]


def spec(encoder: Path, **fields: Any) -> Any:
    document = {"model_type": "response_predictive", "scorer_hidden_dims": [16]} | embedded(encoder, **fields)
    return kind.Spec.model_validate_json(json.dumps(document))


def network(skip: bool = True, bounded: bool = False) -> ResponseScorer:
    torch.manual_seed(0)
    made = ResponseScorer(
        (16, 5, 8), projection=6, hidden=[20, 7], scorer_hidden=[18, 5], dropout=0.2, skip=skip, bounded=bounded
    )  # fmt: skip
    made.start_from(torch.randn(40, 16), torch.randn(40, 16) + 1)
    torch.nn.init.normal_(made.response.weight)
    return made.eval()


@pytest.mark.parametrize(("skip", "bounded"), [(True, False), (False, True)])
def test_a_table_is_what_the_pairs_are_one_by_one(skip, bounded):
    made = network(skip, bounded)
    embeddings, features, llms = torch.randn(9, 16), torch.randn(9, 5), torch.randn(4, 8)
    with torch.no_grad():
        pairs = [made(embeddings, features, llms[[m]].expand(9, 8))[0] for m in range(4)]
        table = score_table(made, made.prompt_side(embeddings, features), made.llm_side(llms), rows=8)
    torch.testing.assert_close(table, torch.stack(pairs), rtol=0, atol=1e-6)


def test_what_is_foretold_starts_as_the_mean_response_and_the_prompts_own_part():
    made = network()
    torch.nn.init.zeros_(made.response.weight)
    prompts, responses = torch.nn.functional.normalize(torch.randn(64, 16), dim=1), torch.randn(64, 16) + 2
    responses = torch.nn.functional.normalize(responses, dim=1)
    made.start_from(prompts, responses)
    foretold = made(prompts, torch.randn(64, 5), torch.randn(64, 8))[1]
    plain = torch.nn.functional.normalize(prompts - prompts.mean(dim=0) + responses.mean(dim=0), dim=1)
    torch.testing.assert_close(foretold, plain)


def test_it_learns_what_no_rating_can_and_what_is_answered(encoder, context_for):
    data = preferences()
    context = context_for(data, epochs=8)
    result = kind.train(spec(encoder, response_loss_weight=5.0), context)
    losses = [event["metrics"]["train_loss"] for event in context.emit.of("epoch")]
    assert losses[-1] < 0.7 * losses[0]
    assert result.metrics["accuracy"] > 0.85
    assert max(row["accuracy"] for row in result.tables["baselines"] if "_" in row["model_type"]) < 0.7
    assert result.metrics["response_cosine"] > result.metrics["response_cosine_of_mean"]
    assert result.metrics["response_cosine"] > result.metrics["response_cosine_of_prompt"]

    held, train = data.validation, data.train
    model = Encoder.load(encoder)

    def unit(texts: Any) -> np.ndarray:
        vectors = model.encode(list(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    real = unit([*held.responses_a, *held.responses_b])
    mean = unit([*train.responses_a, *train.responses_b]).mean(axis=0)
    assert result.metrics["response_cosine_of_mean"] == pytest.approx(
        float((real @ (mean / np.linalg.norm(mean))).mean()), abs=1e-5
    )
    prompts = unit([held.prompts[at] for at in held.prompt])
    expected = float((np.concatenate([prompts, prompts]) * real).sum(axis=1).mean())
    assert result.metrics["response_cosine_of_prompt"] == pytest.approx(expected, abs=1e-5)


def test_a_tie_teaches_what_is_answered_and_not_who_is_better(encoder, context_for):
    data = preferences(160)
    few = data.train.winner.copy()
    few[8:] = TIE
    tied = LoadedData(replace(data.train, winner=few), data.validation, "0" * 64, {})
    context = context_for(tied, epochs=6)
    result = kind.train(spec(encoder, response_loss_weight=5.0), context)
    assert result.metrics["response_cosine"] > result.metrics["response_cosine_of_mean"]
    likenesses = [event["metrics"]["response_cosine"] for event in context.emit.of("epoch")]
    assert likenesses[-1] > likenesses[0]
    with pytest.raises(DataError, match="no comparison with a winner"):
        none = LoadedData(replace(data.train, winner=np.full_like(few, TIE)), data.validation, "0" * 64, {})
        kind.train(spec(encoder), context_for(none, "none", epochs=1))


def test_the_weight_decides_whether_responses_are_learned(encoder, context_for):
    data = preferences(160)
    found = {}
    for weight in (0.0, 5.0):
        context = context_for(data, f"weight-{weight}", epochs=5)
        found[weight] = kind.train(spec(encoder, response_loss_weight=weight), context).metrics["response_cosine"]
    assert found[5.0] > found[0.0] + 0.005


@pytest.mark.parametrize(("event", "after"), [("stage_epoch", 1), ("epoch", 2)])
def test_stopped_in_either_stage_it_ends_the_same(encoder, context_for, event, after):
    data = preferences(80)
    resumes_to_the_bit(kind, spec(encoder), lambda name: context_for(data, name, epochs=3), event, after)


def test_it_goes_on_and_it_scores_an_llm_by_its_answers(encoder, context_for):
    known = tuple(name for name in NAMES if name not in ("greeter-2", "speller-2"))
    data = preferences(names=known)
    first = context_for(data, "first", epochs=6)
    before = kind.train(spec(encoder), first)
    same = context_for(data, "same", epochs=0, start_from=first.artifact)
    assert kind.train(spec(encoder), same).metrics == before.metrics
    assert files(same.artifact)["network.safetensors"] == files(first.artifact)["network.safetensors"]

    predictor = kind.Predictor.load(same.artifact)
    for name in ("greeter-2", "speller-2"):
        predictor.add_llm(name, *answers(name))
    table = predictor.score_llms(["hello world hello", "a b c d", "world world"], ["greeter-2", "speller-2", "nobody"])
    assert np.sign(table[0] - table[1]).tolist() == [1, -1, 1]
    assert np.isnan(table[2]).all()
    one = predictor.score_llms(["a b c d"], ["speller-2"], 1)
    np.testing.assert_allclose(one, table[1:2, 1:2], atol=1e-5)


def test_the_document_is_read_as_it_is_written():
    read = kind.Spec.model_validate_json('{"model_type": "response_predictive"}')
    assert (read.hidden_dims, read.scorer_hidden_dims, read.response_loss_weight) == ([256, 128, 64], [128, 64], 1.0)
    assert (read.ranking_loss_type, read.min_model_comparisons) == ("margin_ranking", 20)
