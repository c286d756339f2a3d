from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._ratings import elo
from runner.builders.routing._ratings.elo import Elo, play, play_plainly, redrawn_ratings
from runner.builders.routing._ratings.elo_games import pack, unpack
from runner.builders.routing._ratings.elo_order import Balanced, Order
from runner.builders.routing.elo_scoring import training
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.errors import Stopped
from runner.tasks.ranking.balancing import pair_weights

kind = registry.load("elo_scoring")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Intervals are most of a small run's work; the tests that look at them ask for more."""
    monkeypatch.setattr(training, "DRAWS", 4)


def spec(**fields):
    return kind.Spec(model_type="elo_scoring", **({"min_model_occurrences": 1} | fields))


def plainly(rows, initial=1500.0, k=32.0, epsilon=100.0, coefficient=0.1):
    """Elo by the book, over (a, b, winner)."""
    rating = {}
    for one in rows:
        rating |= step(rating, one, Elo(initial, k, epsilon, coefficient))
    return rating


def step(rating, one, rule):
    """The two new ratings after one (a, b, winner)."""
    initial, k, epsilon, coefficient = (
        rule.initial_rating, rule.k_factor, rule.tie_both_bad_epsilon, rule.non_ranking_loss_coeff
    )  # fmt: skip
    a, b, w = one
    ra, rb = rating.get(a, initial), rating.get(b, initial)
    expected_a = 1 / (1 + 10 ** ((rb - ra) / 400))
    actual_a, actual_b = {A: (1, 0), B: (0, 1), TIE: (0.5, 0.5), BOTH_BAD: (0.5, 0.5)}[w]
    if w == TIE:
        actual_a += coefficient * 0.5 if ra < initial + epsilon else 0
        actual_b += coefficient * 0.5 if rb < initial + epsilon else 0
    if w == BOTH_BAD:
        actual_a -= coefficient * 0.5 if ra > initial - epsilon else 0
        actual_b -= coefficient * 0.5 if rb > initial - epsilon else 0
    return {a: ra + k * (actual_a - expected_a), b: rb + k * (actual_b - (1 - expected_a))}


def in_order(orders):
    return [one for games in orders for one in zip(*(column.tolist() for column in unpack(games)), strict=True)]


@pytest.mark.parametrize("balanced", [True, False])
def test_it_agrees_with_an_independent_computation(data, context_for, balanced):
    settings = {"initial_rating": 1200.0, "k_factor": 24.0, "tie_both_bad_epsilon": 40.0, "non_ranking_loss_coeff": 0.6}
    context = context_for(data, epochs=3, seed=7)
    result = kind.train(spec(balance_model_samples=balanced, keep="last", **settings), context)
    orders = [Order(data.train, balanced, 7).of_epoch(epoch) for epoch in (1, 2, 3)]
    assert not np.array_equal(orders[0], orders[1])
    expected = plainly(in_order(orders), 1200.0, 24.0, 40.0, 0.6)
    scores = kind.Predictor.load(context.artifact).scores
    np.testing.assert_allclose(scores, [expected[m] - 1200.0 for m in range(6)], rtol=0, atol=1e-9)
    assert (result.epochs, result.best_epoch) == (3, 3)
    assert [row["rating"] - row["score"] for row in result.tables["leaderboard"]] == pytest.approx([1200.0] * 6)


def test_an_epoch_without_balance_plays_every_comparison_once(data):
    games = Order(data.train, False, 3).of_epoch(1)
    assert not np.array_equal(games, pack(data.train))
    assert sorted(games) == sorted(pack(data.train))


def test_balance_favours_the_rarer_llm(toolbox):
    data = toolbox.outcomes(*[("a", "b", A)] * 90, *[("c", "a", A)] * 10)
    games = np.concatenate([Order(data, True, 0).of_epoch(epoch) for epoch in range(1, 30)])
    share = float((unpack(games)[0] == data.models.index("c")).mean())
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
    play_plainly(ratings, [0], [1], [winner], Elo())
    assert ratings == pytest.approx(expected)


@pytest.mark.parametrize("compiled", [False, True])
def test_ratings_worlds_apart_do_not_overflow(toolbox, compiled):
    data = toolbox.outcomes(("a", "b", A), ("b", "a", A))
    ratings = np.array([0.0, 1e6])
    play(ratings, pack(data), Elo(), compiled)
    assert ratings.tolist() == [32.0, 1e6 - 32.0]


@pytest.mark.parametrize("balanced", [True, False])
def test_compiled_it_gives_the_same_bits(toolbox, balanced):
    data = toolbox.synthetic(20_000, 12, seed=5)
    rule = Elo(1200.0, 40.0, 25.0, 0.7)
    plain, compiled = Order(data, balanced, 9), Order(data, balanced, 9, compiled=True)
    ratings, values = np.linspace(900.0, 1500.0, 12), np.linspace(900.0, 1500.0, 12).tolist()
    for epoch in (1, 2):
        games = compiled.of_epoch(epoch)
        assert np.array_equal(games, plain.of_epoch(epoch))
        play(ratings, games, rule, compiled=True)
        play_plainly(values, *(column.tolist() for column in unpack(games)), rule)
    assert ratings.tolist() == values
    assert min(values) < 1175.0 and max(values) > 1225.0, "both sides of both bounds were met"


def test_a_draw_by_the_guide_is_the_draw_by_bisection():
    from runner.builders.routing._ratings.elo_compiled import draw, guide

    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 500):
        count = rng.integers(1, 9, size=n)
        rarity = np.cumsum(rng.integers(1, 9, size=n)).astype(float)
        its = Balanced.__new__(Balanced)
        its.rarity, its.count, its.first = rarity, count, np.cumsum(count) - count
        its.edges, its.by_class = np.cumsum(count / rarity), rng.permutation(count.sum())
        its.lower = np.concatenate([[0.0], its.edges[:-1]])
        # Edges themselves, and the last numbers before 1, are where rounding shows.
        on_edges = np.minimum(its.edges / its.edges[-1], 1 - 2.0**-53)
        uniform = np.concatenate([[0.0, 1 - 2.0**-53], on_edges, np.nextafter(on_edges, 0), rng.random(3000)])
        tables = (its.edges, its.lower, its.rarity, its.first, its.count, its.by_class)
        expected = its.rows(uniform)
        assert np.array_equal(draw(uniform, guide(its.edges, 64), *tables), expected)
        # Bisection in the running sum of every single weight, but for places on an edge.
        everyone = np.cumsum(np.repeat(1 / rarity, count))
        at = np.searchsorted(everyone, uniform[-3000:] * everyone[-1], side="right")
        assert np.array_equal(its.by_class[at], expected[-3000:])


def test_what_is_compiled_is_trained_the_same(data, context_for, monkeypatch):
    plain, compiled = context_for(data, "plain"), context_for(data, "compiled")
    expected = kind.train(spec(), plain)
    monkeypatch.setattr(training, "COMPILED_FROM", 0)
    assert kind.train(spec(), compiled) == expected
    for name in ("scores.safetensors", "model.json"):
        assert (compiled.artifact / name).read_bytes() == (plain.artifact / name).read_bytes()


def test_games_hold_what_the_comparisons_do(toolbox):
    data = toolbox.synthetic(500, 9)
    for column, expected in zip(unpack(pack(data)), (data.model_a, data.model_b, data.winner), strict=True):
        assert np.array_equal(column, expected)


@pytest.mark.parametrize("balanced", [True, False])
def test_a_sample_is_played_from_where_training_began(toolbox, balanced):
    data, rule = toolbox.synthetic(90, 5), Elo(non_ranking_loss_coeff=0.8, tie_both_bad_epsilon=20.0)
    start, order = np.linspace(1450, 1550, 5), Order(data, balanced, 4)
    redrawn = redrawn_ratings(data, order, start, start * 0, rule, 2, 6)
    for number, games in enumerate(order.of_samples(180, 6)):
        assert len(games) == 180
        rating = dict(enumerate(start.tolist()))
        for one in in_order([games]):
            rating |= step(rating, one, rule)
        np.testing.assert_allclose(redrawn[number], [rating[m] for m in range(5)], atol=1e-9)
    assert len(np.unique(redrawn[:, 0])) == 6


def test_a_sample_of_much_data_goes_on_from_the_fitted_ratings(toolbox, monkeypatch):
    monkeypatch.setattr(elo, "MOST_STEPS", 1)
    data = toolbox.synthetic(90, 5)
    fitted = np.full(5, 1700.0)
    redrawn = redrawn_ratings(data, Order(data, True, 0), fitted * 0, fitted, Elo(), 2, 20)
    assert (np.abs(redrawn - 1700.0) <= 32.0).all()


@pytest.mark.parametrize("balanced", [True, False])
def test_a_sample_holds_prompts_as_often_as_they_were_drawn(toolbox, balanced):
    # Four comparisons of each of 50 prompts, one of the four with the rare LLM: as likely, or three times so.
    rows = [("a", "b", A), ("b", "a", A), ("a", "b", TIE), ("a", "rare", B)] * 50
    data = replace(toolbox.outcomes(*rows), prompt=np.arange(200, dtype=np.int32)[::-1] // 4)
    weights = pair_weights(data.model_a, data.model_b) if balanced else np.ones(200)
    met = np.zeros(200)
    for rows in Order(data, balanced, 1).rows_of_samples(199, 600):
        counted = np.bincount(rows, minlength=200)
        absent = counted.reshape(50, 4).sum(axis=1) == 0
        # A sample lacks (1 - 1/50)^50, 36 %, of the prompts, and the whole of them.
        assert 0.15 < absent.mean() < 0.65
        met += counted / 199
    np.testing.assert_allclose(met / 600, weights / weights.sum(), rtol=0.3)


def test_a_sample_that_is_not_balanced_plays_each_of_its_comparisons_once_before_any_again(toolbox):
    data = toolbox.synthetic(60, 5)
    for rows in Order(data, False, 2).rows_of_samples(120, 5):
        first, second = np.sort(rows[:60]), np.sort(rows[60:])
        assert np.array_equal(first, second)
        assert len(set(data.prompt[first])) < 20


def test_the_seed_is_all_that_the_ratings_depend_on(data, context_for):
    runs = [context_for(data, name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    results = [kind.train(spec(), context) for context in runs]
    one, same, other = [kind.Predictor.load(context.artifact).scores for context in runs]
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert results[0] == results[1]


@pytest.mark.parametrize("asked", [1, 2, 4, 5, 7])
def test_a_stopped_run_resumes_to_the_same_ratings(data, context_for, monkeypatch, asked):
    monkeypatch.setattr(training, "CHUNK", 500)
    whole = context_for(data, "whole", epochs=4)
    expected = kind.train(spec(), whole)

    looks = iter(range(1, 1000))
    stopped = context_for(data, "stopped", epochs=4, stop_requested=lambda: next(looks) == asked)
    with pytest.raises(Stopped):
        kind.train(spec(), stopped)
    assert not list(stopped.artifact.iterdir())
    # A look at the beginning, then one before each of an epoch's three chunks, and one after it.
    assert stopped.checkpoints.latest().step == (0 if asked <= 4 else 1)
    resumed = context_for(data, "stopped", epochs=4)
    result = kind.train(spec(), resumed)
    assert [e["epoch"] for e in resumed.emit.of("epoch")] == ([1, 2, 3, 4] if asked <= 4 else [2, 3, 4])
    assert result == expected
    for name in ("scores.safetensors", "model.json"):
        assert (resumed.artifact / name).read_bytes() == (whole.artifact / name).read_bytes()


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_epoch_that_is_kept(data, context_for, keep):
    context = context_for(data, epochs=6, seed=3)
    result = kind.train(spec(keep=keep), context)
    epochs = context.emit.of("epoch")
    accuracies = [epoch["metrics"]["accuracy"] for epoch in epochs]
    best = int(np.argmax(accuracies)) + 1
    assert best < 6 and accuracies[-1] < max(accuracies)
    kept = best if keep == "best" else 6
    assert (result.epochs, result.best_epoch) == (6, kept)
    assert result.metrics["accuracy"] == accuracies[kept - 1]
    improved = [at + 1 for at, value in enumerate(accuracies) if value > max(accuracies[:at], default=-1)]
    assert [epoch["epoch"] for epoch in epochs if epoch["best"]] == (improved if keep == "best" else [])
    expected = plainly(in_order([Order(data.train, True, 3).of_epoch(epoch) for epoch in range(1, kept + 1)]))
    scores = kind.Predictor.load(context.artifact).scores
    np.testing.assert_allclose(scores, [expected[m] - 1500.0 for m in range(6)], rtol=0, atol=1e-9)


def test_without_held_out_comparisons_the_last_epoch_is_the_best(toolbox, comparisons, context_for):
    result = kind.train(spec(), context_for(toolbox.split(comparisons, 0.0), epochs=4))
    assert (result.epochs, result.best_epoch) == (4, 4)


def test_it_goes_on_from_a_stored_model_by_name(toolbox, data, context_for, monkeypatch):
    monkeypatch.setattr(training, "DRAWS", 100)
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
