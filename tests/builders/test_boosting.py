"""The machinery of the boosted kinds: bins, losses, rounds, and going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from runner.builders.routing._boosting.boosting_inputs import (
    MISSING,
    Inputs,
    Pairs,
    bins,
    find_edges,
    importance,
)
from runner.builders.routing._boosting.boosting_model import score_pairs
from runner.builders.routing._boosting.rounds import (
    MARGIN,
    Boosted,
    Rows,
    balance,
    fit,
    pairwise,
    predict_rows,
    squared,
)
from runner.builders.routing.gradient_boosting import Spec
from runner.data.category_tags import prompt_tags
from runner.errors import Stopped

N, COLUMNS = 240, 6


def spec(**changes: Any) -> Spec:
    return Spec.model_validate({"model_type": "gradient_boosting", "max_depth": 3, **changes})


def table(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 40, (rows, COLUMNS)).astype(np.uint8)


def target(rows: np.ndarray) -> np.ndarray:
    return np.sin(rows[:, 0] / 6) + rows[:, 1] / 20


def boost(context: Any, start: xgb.Booster | None = None, held: int = 60, **changes: Any) -> Boosted:
    """Fit a known function of two columns by squared error; the best round has the least held-out error."""
    train, other = table(N), table(held, seed=1)
    return fit(
        spec(**changes),
        context,
        Rows(train, np.zeros(N, np.float32)),
        Rows(other, np.zeros(held, np.float32)),
        squared(target(train)),
        N,
        lambda scores: {"fit": -float(((scores - target(other)) ** 2).mean()) if held else None},
        "fit",
        start,
    )


def raw(booster: xgb.Booster) -> bytes:
    return bytes(booster.save_raw("json"))


def after(looks: int) -> Any:
    """A stop signal that is raised once it was looked at so many times."""
    left = [looks]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


# --- bins


def test_every_distinct_training_value_has_a_bin_and_the_last_digit_does_not_move_it():
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=200), rng.integers(0, 2, 200), np.full(200, 3.0)]).astype(np.float32)
    edges = find_edges(values)
    found = bins(values, edges)
    assert [len(np.unique(column)) for column in found.T] == [200, 2, 1]
    assert (np.argsort(found[:, 0]) == np.argsort(values[:, 0])).all()
    gap = np.diff(np.sort(values[:, 0])).min()
    assert gap > 1e-6
    for wobble in (-0.4 * gap, 0.4 * gap):
        assert (bins((values + wobble).astype(np.float32), edges) == found).all()


def test_many_values_are_divided_into_255_bins_of_equal_size():
    values = np.random.default_rng(1).permutation(51_000).astype(np.float32)[:, None]
    counts = np.bincount(bins(values, find_edges(values))[:, 0])
    assert len(counts) == 255
    assert counts.min() == counts.max() == 200


def test_the_unknown_and_the_unheard_of_have_bins():
    values = np.array([[0.0], [1.0], [np.nan], [2.0]], np.float32)
    edges = find_edges(values)
    assert bins(values, edges)[:, 0].tolist() == [0, 1, MISSING, 2]
    assert bins(np.array([[-9.0], [9.0]], np.float32), edges)[:, 0].tolist() == [0, 2]
    nothing = find_edges(np.full((3, 1), np.nan, np.float32))
    assert bins(np.array([[5.0], [np.nan]], np.float32), nothing)[:, 0].tolist() == [0, MISSING]


def test_two_neighbouring_floats_are_told_apart():
    low = np.float32(0.1)
    values = np.array([[low], [np.nextafter(low, np.float32(1))]], np.float32)
    assert bins(values, find_edges(values))[:, 0].tolist() == [0, 1]


def test_equal_pairs_are_one_row():
    prompt, llm = np.array([3, 1, 3, 0]), np.array([0, 2, 0, 1])
    pairs, row = Pairs.of(prompt, llm, 4)
    assert len(pairs) == 3 and row[0] == row[2]
    assert (pairs.prompt[row] == prompt).all() and (pairs.llm[row] == llm).all()
    prompts, llms = table(4)[:, :4], table(4, seed=2)[:, :2]
    assert (pairs.rows(prompts, llms)[row] == np.hstack([prompts[prompt], llms[llm]])).all()


def test_a_prompts_tags_are_those_of_its_first_row_that_has_them(toolbox):
    from dataclasses import replace

    data = toolbox.synthetic(n=6, per_prompt=3)
    math = np.array([np.nan, 1, 0, np.nan, np.nan, 4], np.float32)
    tagged = replace(data, tags={"math": math, "complexity": np.zeros(6, np.float32)})
    found = prompt_tags((tagged.take(np.arange(3)), tagged.take(np.arange(3, 6))))
    assert found[:, -1].tolist() == [1, 4]
    assert found.shape == (2, 12) and np.isnan(found).sum() == 2 * 10


# --- losses


@pytest.mark.parametrize("kind", ["margin_ranking", "bradley_terry"])
def test_gradients_are_the_losss_slope(kind):
    rng = np.random.default_rng(3)
    winner, loser, weights = rng.integers(0, 9, 30), rng.integers(9, 15, 30), rng.random(30) + 0.5
    objective = pairwise(kind, winner, loser, 15, weights)
    scores = rng.normal(size=15)
    loss, gradient, curvature = objective(scores)
    step = 1e-6
    for row in range(15):
        up, down = scores.copy(), scores.copy()
        up[row] += step
        down[row] -= step
        assert (objective(up)[0] - objective(down)[0]) / (2 * step) == pytest.approx(gradient[row], abs=1e-5)
        if kind == "bradley_terry":
            slope = (objective(up)[1][row] - objective(down)[1][row]) / (2 * step)
            assert slope == pytest.approx(curvature[row], abs=1e-5)
        else:
            assert curvature[row] == pytest.approx(weights[(winner == row) | (loser == row)].sum())
    lead = scores[winner] - scores[loser]
    by_hand = np.maximum(0, MARGIN - lead) if kind == "margin_ranking" else np.log1p(np.exp(-lead))
    assert loss == pytest.approx((weights * by_hand).sum())
    assert gradient.sum() == pytest.approx(0)


def test_far_scores_are_no_overflow():
    objective = pairwise("bradley_terry", np.array([0, 1]), np.array([1, 0]), 2, np.ones(2))
    loss, gradient, curvature = objective(np.array([1e4, -1e4]))
    assert loss == pytest.approx(2e4)
    assert gradient.tolist() == [1, -1] and curvature.tolist() == [0, 0]


def test_balanced_weights_favour_rare_llms_and_have_mean_one():
    a, b = np.array([0, 0, 0, 0, 0]), np.array([1, 1, 1, 1, 2])
    assert balance(a, b, False).tolist() == [1] * 5
    weights = balance(a, b, True)
    assert weights.mean() == pytest.approx(1)
    assert weights[4] / weights[0] == pytest.approx(4)


# --- rounds


def test_it_learns_and_the_best_round_is_kept(context_for, data):
    context = context_for(data, epochs=80)
    done = boost(context, learning_rate=1.0)
    heard = [record["metrics"]["fit"] for record in context.emit.of("epoch")]
    assert done.rounds == 80 and done.booster.num_boosted_rounds() == done.best_round == int(np.argmax(heard)) + 1
    assert done.best_round < 80
    other = table(60, seed=1)
    assert -((predict_rows(done.booster, other) - target(other)) ** 2).mean() == pytest.approx(max(heard), rel=1e-4)
    assert max(heard) > -0.1 * target(other).var()
    losses = [record["metrics"]["train_loss"] for record in context.emit.of("epoch")]
    assert losses == sorted(losses, reverse=True)


def test_without_held_out_rows_the_last_round_is_kept(context_for, data):
    done = boost(context_for(data, epochs=5), held=0)
    assert done.best_round == done.booster.num_boosted_rounds() == 5


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_stopped_and_resumed_it_is_the_same_to_the_byte(context_for, data, share):
    whole = boost(context_for(data, "whole", epochs=12), colsample_bytree=share)
    for looks in (0, 5):
        with pytest.raises(Stopped):
            boost(context_for(data, "cut", epochs=12, stop_requested=after(looks)), colsample_bytree=share)
    context = context_for(data, "cut", epochs=12)
    resumed = boost(context, colsample_bytree=share)
    assert context.emit.of("epoch")[0]["epoch"] == 6
    assert raw(resumed.booster) == raw(whole.booster) and resumed.best_round == whole.best_round


def test_the_columns_of_a_tree_are_drawn_from_the_seed(context_for, data):
    one, again, other = (
        raw(boost(context_for(data, name, epochs=4, seed=seed), colsample_bytree=0.34).booster)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == again != other


def test_going_on_from_stored_trees_is_as_one_training(context_for, data):
    whole = boost(context_for(data, "whole", epochs=9), held=0)
    first = boost(context_for(data, "first", epochs=4), held=0)
    context = context_for(data, "second", epochs=5)
    second = boost(context, start=first.booster, held=0)
    assert [record["metrics"]["trees"] for record in context.emit.of("epoch")] == [5, 6, 7, 8, 9]
    rows = table(50, seed=4)
    np.testing.assert_allclose(predict_rows(second.booster, rows), predict_rows(whole.booster, rows), atol=1e-5)
    assert (predict_rows(second.booster[:4], rows) == predict_rows(first.booster, rows)).all()


def test_trees_on_a_start_learn_what_it_leaves_over(context_for, data):
    """Rows that start at the target have nothing to learn; without a round the start is the score."""
    train = table(N)
    exact = Rows(train, target(train).astype(np.float32))
    context = context_for(data, epochs=3)
    done = fit(spec(), context, exact, Rows(train[:0], exact.start[:0]), squared(exact.start), N, lambda _: {}, "fit")
    assert (predict_rows(done.booster, train) == 0).all()
    none = fit(
        spec(), context_for(data, "none", epochs=0), exact, exact, squared(target(train)), N, lambda _: {}, "fit"
    )
    assert none.booster.num_boosted_rounds() == 0 and (predict_rows(none.booster, train) == 0).all()


# --- what is stored and told


def test_json_gives_back_every_digit(context_for, data, tmp_path: Path):
    booster = boost(context_for(data, epochs=20), learning_rate=0.3).booster
    (tmp_path / "booster.json").write_bytes(raw(booster))
    again = xgb.Booster()
    again.load_model(tmp_path / "booster.json")
    rows = table(500, seed=5)
    assert (predict_rows(again, rows) == predict_rows(booster, rows)).all()
    assert raw(again) == raw(booster)


def test_pairs_are_scored_in_chunks_as_at_once(context_for, data, monkeypatch):
    booster = boost(context_for(data, epochs=5)).booster
    prompts, llms = table(20)[:, :4], table(7)[:, 4:]
    prompt, llm = np.tile(np.arange(20), 7), np.repeat(np.arange(7), 20)
    whole = score_pairs(booster, prompts, llms, prompt, llm)
    assert (whole == predict_rows(booster, np.hstack([prompts[prompt], llms[llm]]))).all()
    monkeypatch.setattr("runner.builders.routing._boosting.boosting_model.AT_ONCE", 5 * COLUMNS)
    assert (score_pairs(booster, prompts, llms, prompt, llm) == whole).all()


def test_importance_is_shared_out_among_the_groups(context_for, data):
    inputs = Inputs({"prompt_embedding": 1, "prompt_features": 1, "model_embedding": 4}, np.zeros((COLUMNS, 254)))
    rows = importance(inputs, boost(context_for(data, epochs=10)).booster)
    assert sum(row["gain"] for row in rows) == pytest.approx(1)
    gain = {row["input"]: row["gain"] for row in rows}
    assert set(gain) == set(inputs.widths) and gain["prompt_embedding"] > 0.3 and gain["prompt_features"] > 0.3
    assert gain["model_embedding"] < 0.05
    empty = boost(context_for(data, "none", epochs=0)).booster
    assert [row["gain"] for row in importance(inputs, empty)] == [0, 0, 0]
