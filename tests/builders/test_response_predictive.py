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
from runner.builders.routing._neural import response_losses
from runner.builders.routing._neural.response_network import ResponseNetwork
from runner.builders.routing._neural.score_matrix import score_table
from runner.builders.routing.response_predictive import training
from runner.contract import LoadedData
from runner.data.comparisons import TIE, A
from runner.errors import DataError
from tests.builders.neural_cases import NAMES, answers, embedded, encoder, files, preferences, resumes_to_the_bit

kind = registry.load("response_predictive")

__all__ = ["encoder"]


def spec(encoder: Path, **fields: Any) -> Any:
    small = {
        "response_repr_dim": 10, "encoder_hidden_dims": [20], "predictor_hidden_dims": [24, 16],
        "scorer_hidden_dims": [16], "predictor_input_proj_dim": 12, "scorer_input_proj_dim": 8,
    }  # fmt: skip
    shared = {name: value for name, value in embedded(encoder).items() if name not in ("hidden_dims", "input_proj_dim")}
    document = {"model_type": "response_predictive"} | shared | small | fields
    return kind.Spec.model_validate_json(json.dumps(document))


def network(skip: bool = True, bounded: bool = False) -> ResponseNetwork:
    torch.manual_seed(0)
    made = ResponseNetwork(
        (16, 5, 8), response_features=32, vector=11, encoder_hidden=[12], predictor_hidden=[20, 7],
        predictor_projection=6, scorer_hidden=[18, 5], scorer_projection=9, dropout=0.2, skip=skip, bounded=bounded,
    )  # fmt: skip
    return made.eval()


@pytest.mark.parametrize(("skip", "bounded"), [(True, False), (False, True)])
def test_a_table_is_what_the_pairs_are_one_by_one(skip, bounded):
    made = network(skip, bounded)
    embeddings, features, llms = torch.randn(9, 16), torch.randn(9, 5), torch.randn(4, 8)
    with torch.no_grad():
        pairs = [made(embeddings, features, llms[[m]].expand(9, 8)) for m in range(4)]
        table = score_table(made, made.prompt_side(embeddings, features), made.llm_side(llms), rows=8)
    torch.testing.assert_close(table, torch.stack(pairs), rtol=1e-5, atol=1e-6)


def test_a_pair_is_scored_by_its_predicted_vector_and_no_other_way():
    made = network()
    embeddings, features = torch.randn(3, 16), torch.randn(3, 5)
    vectors = [made.predict(embeddings, features, torch.randn(3, 8)) for _ in range(2)]
    assert vectors[0].shape == (3, 11) and not torch.allclose(*vectors)
    scores = made.score(embeddings, features, vectors[0])
    with torch.no_grad():
        made.foretell.weight *= 0.0
    one, other = (made(embeddings, features, torch.randn(3, 8)) for _ in range(2))
    torch.testing.assert_close(one, other)
    assert not torch.allclose(one, scores)


@pytest.mark.parametrize(
    ("field", "value", "weight", "shape"),
    [
        ("response_repr_dim", 13, "encoder.output.weight", (13, 20)),
        ("encoder_hidden_dims", [9, 7], "encoder.blocks.1.linear.weight", (7, 9)),
        ("predictor_hidden_dims", [11], "foretell.weight", (10, 11)),
        ("predictor_input_proj_dim", 5, "trunk.first.linear.weight", (24, 15)),
        ("scorer_hidden_dims", [6, 4], "scorer.output.weight", (1, 4)),
        ("scorer_input_proj_dim", 5, "scorer.first.linear.weight", (16, 15)),
    ],
)
def test_the_widths_are_the_networks_own(encoder, field, value, weight, shape):
    made = ResponseNetwork((16, 45, 8), **training.shape_of(spec(encoder, **{field: value})))
    assert tuple(made.state_dict()[weight].shape) == shape


#: Two real and two predicted vectors of two numbers.
REAL = np.array([[1.0, 2.0], [3.0, -2.0]])
PREDICTED = np.array([[0.0, 1.0], [1.0, 4.0]])


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.tensor(some, requires_grad=True) for some in (PREDICTED, REAL))


def test_the_error_of_the_prediction_by_hand():
    predicted, real = tensors()
    # Squares of 1, 1, 2 and 6: 42, a mean of 10.5.
    loss = response_losses.prediction(predicted, real, 3.0)
    assert loss.item() == pytest.approx(3.0 * 10.5 + 0.2 * 10.5)
    loss.backward()
    # 2 (predicted - real) / 4, and the other way, a fifth of it.
    np.testing.assert_allclose(predicted.grad, 3.0 * 2 * (PREDICTED - REAL) / 4)
    np.testing.assert_allclose(real.grad, 0.2 * 2 * (REAL - PREDICTED) / 4)


def test_the_divergences_by_hand():
    predicted, real = tensors()
    # Real: means 2 and 0, variances 1 and 4. Predicted: means 0.5 and 2.5, variances 0.25 and 2.25.
    normal = ((4 + 1 - 0 - 1) + (0 + 4 - np.log(4) - 1)) / 4
    assert response_losses.to_standard_normal(real).item() == pytest.approx(normal, abs=1e-5)
    first = np.log(1 / 0.25) + (0.25 + 1.5**2) / 1 - 1
    second = np.log(4 / 2.25) + (2.25 + 2.5**2) / 4 - 1
    assert response_losses.between(predicted, real).item() == pytest.approx((first + second) / 4, abs=1e-5)
    assert response_losses.between(real, real).item() == pytest.approx(0.0, abs=1e-12)
    one = torch.randn(1, 4, requires_grad=True)
    response_losses.between(one, one + 1).backward()
    assert torch.isfinite(one.grad).all()


def test_the_score_of_a_real_vector_is_the_measure_of_the_predicted_ones():
    of_predicted, of_real = (torch.tensor(values, requires_grad=True) for values in ([0.5, -1.0], [1.5, 1.0]))
    loss = response_losses.consistency(of_predicted, of_real)
    assert loss.item() == pytest.approx((1 + 4) / 2)
    loss.backward()
    assert of_predicted.grad.tolist() == [-1.0, -2.0] and of_real.grad is None


def test_the_ranking_by_predicted_vectors_warms_up():
    assert [response_losses.warmth(step, 4) for step in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert response_losses.warmth(0, 0) == 1.0


def by_hand(spec: Any, parts: dict[str, Any], a_won: np.ndarray) -> float:
    """The whole loss of a batch of decided comparisons from its parts, in numpy."""
    real, predicted, of_real, of_predicted = (
        parts[name].detach().double().numpy() for name in ("real", "predicted", "of_real", "of_predicted")
    )

    def rank(scores: np.ndarray) -> float:
        of_a, of_b = np.split(scores, 2)
        lead = np.where(a_won, of_a - of_b, of_b - of_a)
        return float(np.log1p(np.exp(-lead)).mean())

    (m_p, v_p), (m_r, v_r) = ((some.mean(axis=0), some.var(axis=0) + 1e-6) for some in (predicted, real))
    error = ((real - predicted) ** 2).mean()
    return (
        rank(of_real)
        + rank(of_predicted)
        + (spec.prediction_loss_weight + 0.2) * error
        + 0.01 * (m_r**2 + v_r - np.log(v_r) - 1).mean() / 2
        + spec.score_consistency_loss_weight * ((of_predicted - of_real) ** 2).mean()
        + spec.repr_dist_kl_loss_weight * (np.log(v_r / v_p) + (v_p + (m_p - m_r) ** 2) / v_r - 1).mean() / 2
    )


def test_the_first_loss_is_the_sum_of_the_terms(encoder, context_for, monkeypatch):
    """One batch of all comparisons, before any step; what the networks gave is kept on the way."""
    data = preferences(40)
    decided = data.train.take(data.train.decided)
    parts: dict[str, list[torch.Tensor]] = {"real": [], "predicted": [], "scores": []}

    class Watched(ResponseNetwork):
        def encode(self, *given: Any) -> torch.Tensor:
            return keep("real", super().encode(*given))

        def predict(self, *given: Any) -> torch.Tensor:
            return keep("predicted", super().predict(*given))

        def score(self, *given: Any) -> torch.Tensor:
            return keep("scores", super().score(*given))

    def keep(name: str, value: torch.Tensor) -> torch.Tensor:
        parts[name].append(value)
        return value

    monkeypatch.setattr(training, "ResponseNetwork", Watched)
    chosen = spec(
        encoder, dropout=0.0, ranking_loss_type="bradley_terry", balance_model_samples=False,
        prediction_loss_weight=0.7, score_consistency_loss_weight=0.6, repr_dist_kl_loss_weight=0.5,
    )  # fmt: skip
    data = LoadedData(decided, data.validation, "0" * 64, {})
    context = context_for(data, epochs=1, batch_size=len(decided))
    kind.train(chosen, context)
    first = {"real": parts["real"][0], "predicted": parts["predicted"][0]}
    first |= {"of_real": parts["scores"][0], "of_predicted": parts["scores"][1]}
    rows = np.random.default_rng([42, 1]).permutation(len(decided))
    expected = by_hand(chosen, first, decided.winner[rows] == A)
    (epoch,) = context.emit.of("epoch")
    assert epoch["metrics"]["train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"prediction_loss_weight": 0.0},
        {"warmup_epochs": 3},
        {"score_consistency_loss_weight": 2.0},
        {"repr_dist_kl_loss_weight": 2.0},
    ],
)
@pytest.mark.slow
@pytest.mark.warm
def test_every_weight_changes_what_is_learned(encoder, context_for, change):
    data = preferences(80)
    weights = []
    for name, fields in (("plain", {}), ("changed", change)):
        context = context_for(data, name, epochs=2)
        kind.train(spec(encoder, **fields), context)
        weights.append(files(context.artifact)["network.safetensors"])
    assert weights[0] != weights[1]


def test_it_learns_what_no_rating_can_and_what_is_answered(encoder, context_for):
    data = preferences()
    context = context_for(data, epochs=8)
    result = kind.train(spec(encoder), context)
    losses = [event["metrics"]["train_loss"] for event in context.emit.of("epoch")]
    assert losses[-1] < 0.7 * losses[0]
    assert result.metrics["accuracy"] > 0.85
    assert max(row["accuracy"] for row in result.tables["baselines"] if "_" in row["model_type"]) < 0.7
    assert result.metrics["response_cosine"] > 0.5
    assert result.metrics["accuracy_of_responses"] > 0.85


def test_the_prediction_is_learned_with_its_weight(encoder, context_for):
    data = preferences(160)
    found = {}
    for weight in (0.0, 5.0):
        context = context_for(data, f"weight-{weight}", epochs=5)
        found[weight] = kind.train(spec(encoder, prediction_loss_weight=weight), context).metrics["response_cosine"]
    assert found[5.0] > found[0.0] + 0.05


def test_a_tie_teaches_what_is_answered_and_not_who_is_better(encoder, context_for):
    data = preferences(160)
    few = data.train.winner.copy()
    few[8:] = TIE
    tied = LoadedData(replace(data.train, winner=few), data.validation, "0" * 64, {})
    context = context_for(tied, epochs=6)
    kind.train(spec(encoder), context)
    likenesses = [event["metrics"]["response_cosine"] for event in context.emit.of("epoch")]
    assert likenesses[-1] > likenesses[0]
    with pytest.raises(DataError, match="no comparison with a winner"):
        none = LoadedData(replace(data.train, winner=np.full_like(few, TIE)), data.validation, "0" * 64, {})
        kind.train(spec(encoder), context_for(none, "none", epochs=1))


def test_nothing_held_out_is_legitimate(encoder, context_for):
    data = preferences(60)
    alone = LoadedData(data.train, data.train.take(np.zeros(len(data.train), bool)), "0" * 64, {})
    metrics = kind.train(spec(encoder), context_for(alone, epochs=1)).metrics
    assert metrics["response_cosine"] is None and metrics["accuracy_of_responses"] is None


@pytest.mark.parametrize(("event", "after"), [("stage_epoch", 1), ("epoch", 2)])
@pytest.mark.slow
@pytest.mark.warm
def test_stopped_in_either_stage_it_ends_the_same(encoder, context_for, event, after):
    data = preferences(80)
    resumes_to_the_bit(kind, spec(encoder), lambda name: context_for(data, name, epochs=3), event, after)


@pytest.mark.slow
@pytest.mark.warm
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
    assert (read.response_repr_dim, read.encoder_hidden_dims) == (128, [256])
    assert (read.predictor_hidden_dims, read.scorer_hidden_dims) == ([256, 128, 64], [128, 64])
    assert (read.predictor_input_proj_dim, read.scorer_input_proj_dim) == (64, 64)
    assert (read.prediction_loss_weight, read.warmup_epochs) == (1.0, 0)
    assert (read.score_consistency_loss_weight, read.repr_dist_kl_loss_weight) == (0.1, 0.01)
    assert (read.ranking_loss_type, read.min_model_comparisons) == ("margin_ranking", 20)
