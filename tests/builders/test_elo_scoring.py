from __future__ import annotations

import numpy as np
import pytest

from runner.builders.routing import _agnostic
from runner.builders.routing import elo_scoring as kind
from runner.builders.routing._elo import Elo, _redrawn_rows, play, redrawn_ratings, rows_of_epoch
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.errors import Stopped


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Intervals are most of a small run's work; the tests that look at them ask for more."""
    monkeypatch.setattr(_agnostic, "DRAWS", 4)


def spec(**fields):
    return kind.Spec(model_type="elo_scoring", **({"min_model_occurrences": 1} | fields))


def plainly(rows, initial=1500.0, k=32.0, epsilon=100.0, coefficient=0.1):
    """Elo by the book, over (a, b, winner)."""
    rating = {}
    for a, b, w in rows:
        ra, rb = rating.get(a, initial), rating.get(b, initial)
        expected_a = 1 / (1 + 10 ** ((rb - ra) / 400))
        actual = {A: (1, 0), B: (0, 1), TIE: (0.5, 0.5), BOTH_BAD: (0.5, 0.5)}[w]
        actual_a, actual_b = actual
        if w == TIE:
            actual_a += coefficient * 0.5 if ra < initial + epsilon else 0
            actual_b += coefficient * 0.5 if rb < initial + epsilon else 0
        if w == BOTH_BAD:
            actual_a -= coefficient * 0.5 if ra > initial - epsilon else 0
            actual_b -= coefficient * 0.5 if rb > initial - epsilon else 0
        rating[a] = ra + k * (actual_a - expected_a)
        rating[b] = rb + k * (actual_b - (1 - expected_a))
    return rating


def in_order(data, orders):
    return [
        (int(data.model_a[r]), int(data.model_b[r]), int(data.winner[r])) for order in orders for r in order.tolist()
    ]


@pytest.mark.parametrize("balanced", [True, False])
def test_it_agrees_with_an_independent_computation(data, context_for, balanced):
    settings = {"initial_rating": 1200.0, "k_factor": 24.0, "tie_both_bad_epsilon": 40.0, "non_ranking_loss_coeff": 0.6}
    context = context_for(data, epochs=3, seed=7)
    result = kind.train(spec(balance_model_samples=balanced, **settings), context)
    orders = [rows_of_epoch(data.train, epoch, 7, balanced) for epoch in (1, 2, 3)]
    assert not np.array_equal(orders[0], orders[1])
    expected = plainly(in_order(data.train, orders), 1200.0, 24.0, 40.0, 0.6)
    scores = kind.Predictor.load(context.artifact).scores
    np.testing.assert_allclose(scores, [expected[m] - 1200.0 for m in range(6)], rtol=0, atol=1e-9)
    assert (result.epochs, result.best_epoch) == (3, 3)
    assert [row["rating"] - row["score"] for row in result.tables["leaderboard"]] == pytest.approx([1200.0] * 6)


def test_an_epoch_without_balance_plays_every_comparison_once(data):
    assert sorted(rows_of_epoch(data.train, 1, 3, False).tolist()) == list(range(len(data.train)))


def test_balance_favours_the_rarer_llm(toolbox):
    data = toolbox.outcomes(*[("a", "b", A)] * 90, *[("c", "a", A)] * 10)
    rows = np.concatenate([rows_of_epoch(data, epoch, 0, True) for epoch in range(1, 30)])
    share = float((rows >= 90).mean())
    # 90 pairs of weight 1/90 and 10 of weight 1/10.
    assert share == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("start", "winner", "expected"),
    [
        # (0.5 + 0.05 - 0.5) * 32 to both, both being below 1500 + 100.
        ((1500.0, 1500.0), TIE, (1501.6, 1501.6)),
        ((1500.0, 1500.0), BOTH_BAD, (1498.4, 1498.4)),
        ((1700.0, 1700.0), TIE, (1700.0, 1700.0)),
        ((1300.0, 1300.0), BOTH_BAD, (1300.0, 1300.0)),
        ((1600.0, 1600.0), TIE, (1600.0, 1600.0)),
        ((1400.0, 1400.0), BOTH_BAD, (1400.0, 1400.0)),
        ((1500.0, 1500.0), A, (1516.0, 1484.0)),
        ((1500.0, 1500.0), B, (1484.0, 1516.0)),
    ],
)
def test_one_comparison(start, winner, expected):
    ratings = list(start)
    play(ratings, [0], [1], [winner], Elo())
    assert ratings == pytest.approx(expected)


def test_ratings_worlds_apart_do_not_overflow():
    ratings = [0.0, 1e6]
    play(ratings, [0, 1], [1, 0], [A, A], Elo())
    assert ratings == [32.0, 1e6 - 32.0]


@pytest.mark.parametrize("balanced", [True, False])
def test_samples_stepped_together_are_played_as_one_by_one(toolbox, balanced):
    data, rule = toolbox.synthetic(90, 5), Elo(non_ranking_loss_coeff=0.8, tie_both_bad_epsilon=20.0)
    start = np.linspace(1450, 1550, 5)
    together = redrawn_ratings(data, start, start * 0, rule, 2, balanced, 6, seed=4)
    orders = _redrawn_rows(data, 180, balanced, 6, seed=4)
    for number in range(6):
        ratings, rows = start.tolist(), orders[:, number]
        play(
            ratings, data.model_a[rows].tolist(), data.model_b[rows].tolist(), data.winner[rows].tolist(), rule
        )  # fmt: skip
        np.testing.assert_allclose(together[number], ratings, atol=1e-9)
    assert len(np.unique(together[:, 0])) == 6


def test_the_seed_is_all_that_the_ratings_depend_on(data, context_for):
    runs = [context_for(data, name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    results = [kind.train(spec(), context) for context in runs]
    one, same, other = [kind.Predictor.load(context.artifact).scores for context in runs]
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert results[0] == results[1]


@pytest.mark.parametrize("asked", [1, 3, 4, 6])
def test_a_stopped_run_resumes_to_the_same_ratings(data, context_for, monkeypatch, asked):
    monkeypatch.setattr(kind, "CHUNK", 500)
    whole = context_for(data, "whole", epochs=4)
    expected = kind.train(spec(), whole)

    looks = iter(range(1, 1000))
    stopped = context_for(data, "stopped", epochs=4, stop_requested=lambda: next(looks) == asked)
    with pytest.raises(Stopped):
        kind.train(spec(), stopped)
    assert not list(stopped.artifact.iterdir())
    # A look before each of an epoch's three chunks, and one after it.
    assert stopped.checkpoints.latest().step == (0 if asked <= 3 else 1)
    resumed = context_for(data, "stopped", epochs=4)
    result = kind.train(spec(), resumed)
    assert [e["epoch"] for e in resumed.emit.of("epoch")] == ([1, 2, 3, 4] if asked <= 3 else [2, 3, 4])
    assert result == expected
    for name in ("scores.safetensors", "model.json"):
        assert (resumed.artifact / name).read_bytes() == (whole.artifact / name).read_bytes()


def test_it_goes_on_from_a_stored_model_by_name(toolbox, data, context_for, monkeypatch):
    monkeypatch.setattr(_agnostic, "DRAWS", 100)
    first = context_for(data, "first", epochs=1)
    kind.train(spec(), first)
    stored = dict(zip(*(lambda p: (p.models, p.scores))(kind.Predictor.load(first.artifact)), strict=True))
    # The new data knows llm-5 and a newcomer; the other five keep their ratings.
    new = toolbox.split(toolbox.outcomes(*[("llm-5", "newcomer", A)] * 10), 0.0)
    second = context_for(new, "second", epochs=1, start_from=first.artifact)
    result = kind.train(spec(), second)
    after = kind.Predictor.load(second.artifact)
    scores = dict(zip(after.models, after.scores, strict=True))
    assert set(scores) == {*stored, "newcomer"}
    assert all(scores[name] == stored[name] for name in stored if name != "llm-5")
    expected = plainly(
        [("llm-5", "newcomer", A)] * 10, initial=0.0
    )  # fmt: skip
    assert scores["llm-5"] > stored["llm-5"] and scores["newcomer"] < 0
    # llm-5 starts above the newcomer, so its wins are worth less than between equals.
    assert scores["llm-5"] - stored["llm-5"] < expected["llm-5"]
    assert [row["model"] for row in result.tables["leaderboard"]] == ["llm-5", "newcomer"]
    assert all(
        row["low"] <= row["score"] + 1e-9 and row["score"] <= row["high"] + 1e-9 for row in result.tables["leaderboard"]
    )


def test_nothing_held_out_is_legitimate(toolbox, comparisons, context_for):
    context = context_for(toolbox.split(comparisons, 0.0))
    result = kind.train(spec(), context)
    assert result.metrics["accuracy"] is None and result.metrics["n_validation"] == 0
    assert any(warning["pointer"] == "/data/validation_split" for warning in context.emit.of("warning"))
