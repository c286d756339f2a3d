from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from runner.builders.routing._ratings.baselines import COLUMNS, baselines
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.tasks.ranking.calibration import calibrate, fit_temperature, winner_margins
from runner.tasks.ranking.measuring import calibration_table, evaluate, pairwise_accuracy


def test_an_exact_tie_of_scores_counts_as_wrong(toolbox):
    data = toolbox.outcomes(("x", "y", A), ("x", "y", B), ("x", "y", A), ("x", "y", TIE))
    score_a, score_b = np.array([2.0, 2.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])
    assert pairwise_accuracy(score_a, score_b, data) == pytest.approx(1 / 3)


def test_ties_want_both_above_zero_and_both_bad_both_below(toolbox):
    data = toolbox.outcomes(*[("x", "y", w) for w in (TIE, TIE, TIE, BOTH_BAD, BOTH_BAD)])
    score_a, score_b = np.array([1.0, 1.0, 0.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    metrics, table = evaluate(score_a, score_b, data, 1.0, seed=0)
    assert metrics["tie_accuracy"] == pytest.approx(1 / 3)
    assert metrics["both_bad_accuracy"] == pytest.approx(1 / 2)
    assert metrics["accuracy"] is None and table == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([A, B, TIE, BOTH_BAD])), min_size=1, max_size=40
    ),
    st.floats(1, 10),
)
def test_every_metric_agrees_with_a_plain_loop(toolbox, rows, temperature):
    data = toolbox.outcomes(*[("x", "y", w) for _, _, w in rows])
    metrics, table = evaluate(
        np.array([a for a, _, _ in rows]), np.array([b for _, b, _ in rows]), data, temperature, 1
    )
    decided = [(a, b, w) for a, b, w in rows if w in (A, B)]
    assert metrics["n_validation"] == len(rows) and metrics["n_decided"] == len(decided)
    if not decided:
        assert metrics["accuracy"] is None and metrics["log_loss"] is None
        return
    right, loss = 0, 0.0
    bins: dict[int, list[tuple[float, int]]] = {}
    for a, b, w in decided:
        p = 1 / (1 + math.exp(-(a - b) / temperature))
        # At the edge of a bin the last digit decides, which is another's in another way to compute it.
        assume(a == b or abs(10 * p - round(10 * p)) > 1e-9)
        right += (a > b) if w == A else (b > a)
        loss -= math.log(p if w == A else 1 - p)
        bins.setdefault(min(9, int(p * 10)), []).append((p, int(w == A)))
    assert metrics["accuracy"] == pytest.approx(right / len(decided))
    assert metrics["log_loss"] == pytest.approx(loss / len(decided), rel=1e-6, abs=1e-9)
    assert [row["count"] for row in table] == [len(bins[b]) for b in sorted(bins)]
    gap = sum(abs(sum(p for p, _ in rows) - sum(o for _, o in rows)) for rows in bins.values())
    assert metrics["calibration_error"] == pytest.approx(gap / len(decided), rel=1e-6, abs=1e-9)
    prompts = {int(prompt) for prompt, (_, _, w) in zip(data.prompt, rows, strict=True) if w in (A, B)}
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    # Of one prompt there is no interval.
    assert (low is None and high is None) if len(prompts) == 1 else 0 <= low <= high <= 1


def test_nothing_to_validate_on_is_said(toolbox):
    said = []
    empty = toolbox.synthetic(10).take(np.zeros(0, int))
    metrics, table = evaluate(np.zeros(0), np.zeros(0), empty, 1.0, 0, lambda event, **f: said.append((event, f)))
    assert metrics["accuracy"] is None and metrics["accuracy_low"] is None and metrics["n_validation"] == 0
    assert table == []
    assert said[0][0] == "warning" and said[0][1]["pointer"] == "/data/validation_split"


def test_the_last_bin_takes_certainty():
    table = calibration_table(np.array([0.0, 1.0, 1.0]), np.array([False, True, False]))
    assert [(row["low"], row["count"], row["observed"]) for row in table] == [(0.0, 1, 0.0), (0.9, 2, 0.5)]


def test_the_temperature_is_the_one_of_the_greatest_likelihood():
    rng = np.random.default_rng(0)
    margin = rng.normal(size=3000)
    won = rng.random(3000) < 1 / (1 + np.exp(-margin / 0.7))
    margins = np.where(won, margin, -margin)
    best = minimize_scalar(
        lambda log: np.logaddexp(0, -margins / np.exp(log)).mean(), bounds=(-5, 5), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    assert fit_temperature(margins) == pytest.approx(np.exp(best.x), rel=1e-5)
    assert fit_temperature(margins) == pytest.approx(0.7, rel=0.1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), max_size=30), st.sampled_from([1e-3, 7.0, 1e3]))
def test_a_temperature_is_always_finite_and_goes_with_the_scale(margins, factor):
    values = np.array(margins, np.float64)
    values[np.abs(values) < 1e-6] = 0
    temperature = fit_temperature(values)
    assert 0 < temperature < np.inf
    if np.abs(values).any():
        assert fit_temperature(values * factor) == pytest.approx(temperature * factor, rel=1e-6)


def test_temperatures_without_information():
    assert fit_temperature(np.zeros(0)) == 1.0
    assert fit_temperature(np.zeros(5)) == 1.0
    assert fit_temperature(np.array([-1.0, -1.0, 1.0])) == pytest.approx(1e4), "worse than chance: the upper bound"
    assert fit_temperature(np.array([1.0, 1.0])) == pytest.approx(0.1), "never wrong: the lower bound"


def test_margins_are_the_winners(toolbox):
    data = toolbox.outcomes(("x", "y", A), ("x", "y", B), ("x", "y", TIE))
    assert winner_margins(np.array([3.0, 3, 3]), np.array([1.0, 1, 1]), data).tolist() == [2.0, -2.0]


def test_the_baselines_are_measured_like_any_router(data):
    rows = baselines(data.train, data.validation, seed=5)
    assert [row["model_type"] for row in rows] == ["bradley_terry_scoring", "elo_scoring", "least_squares_scoring"]
    assert all(set(row) == {"model_type", *COLUMNS} for row in rows)
    # The strengths behind the data order the LLMs by name; two of the methods find that order here.
    score = np.arange(6.0)
    truth = pairwise_accuracy(score[data.validation.model_a], score[data.validation.model_b], data.validation)
    assert [row["accuracy"] for row in rows if row["model_type"] != "elo_scoring"] == [truth, truth]
    assert rows == baselines(data.train, data.validation, seed=5)


def test_the_baselines_are_fitted_where_the_likelihood_has_no_maximum(toolbox):
    data = toolbox.outcomes(*[("good", "bad", A)] * 8, ("alone", "apart", B))
    rows = baselines(data, data, seed=0)
    assert all(np.isfinite(row["log_loss"]) for row in rows)


def test_a_temperature_comes_from_prompts_that_are_not_measured_with_it(toolbox):
    data = toolbox.synthetic(1200, 5)
    rng = np.random.default_rng(3)
    score = rng.normal(size=(5, len(data.prompts)))
    a, b = score[data.model_a, data.prompt], score[data.model_b, data.prompt]
    each, kept = calibrate(a, b, data, 7.0)
    assert kept == pytest.approx(fit_temperature(winner_margins(a, b, data)))
    sides = {float(value) for value in each}
    assert len(sides) == 2
    for value in sides:
        inside = each == value
        other = data.take(~inside)
        assert set(data.prompt[inside]).isdisjoint(other.prompt)
        assert value == pytest.approx(fit_temperature(winner_margins(a[~inside], b[~inside], other)))
    # Which prompts are together does not depend on the other rows.
    some = np.arange(0, 1200, 2)
    fewer, _ = calibrate(a[some], b[some], data.take(some), 7.0)
    assert {tuple(fewer[each[some] == value] == fewer[each[some] == value][0]) for value in sides} == {
        tuple([True] * int((each[some] == value).sum())) for value in sides
    }


def test_few_held_out_comparisons_keep_the_training_split_s_temperature(toolbox):
    data = toolbox.synthetic(60, 4)
    a = np.arange(60.0)
    each, kept = calibrate(a, -a, data, 7.0)
    assert kept == 7.0 and (each == 7.0).all()
    each, kept = calibrate(a[:0], a[:0], data.take(np.arange(0)), 7.0)
    assert kept == 7.0 and len(each) == 0
