"""What a length is foretold as: by hand, against the log-normal distribution, and on rows that were not fitted."""

from __future__ import annotations

import numpy as np
import pytest

from runner.tasks.length.length_rows import LengthRows, LengthScale
from runner.tasks.length.point_forecasts import factor, forecast, with_factors

WORDS = ("median", "mean", "relative")


def drawn(size: int = 4000, spread: tuple[float, ...] = (0.3, 0.9), seed: int = 0) -> tuple[LengthRows, np.ndarray]:
    """Lengths of LLMs around medians that a model knows, log-normal, each LLM with a deviation of its own."""
    rng = np.random.default_rng(seed)
    model = np.arange(size) % len(spread)
    medians = np.exp(rng.uniform(3, 6, size))
    tokens = medians * np.exp(rng.normal(size=size) * np.array(spread)[model])
    return LengthRows(np.arange(size) // len(spread), model, tokens), medians


def scale(n_models: int = 2, deviation: float = 0.5) -> LengthScale:
    return LengthScale(np.full(n_models, 4.0), deviation, 4.0, 1e9)


def keys(rows: LengthRows) -> list[str]:
    return [f"prompt {number}" for number in range(int(rows.prompt.max(initial=-1)) + 1)]


def test_the_factors_by_hand():
    medians, tokens = np.array([10.0, 10.0, 10.0]), np.array([5.0, 20.0, 40.0])
    assert factor(medians, tokens, "median") == 2.0
    assert factor(medians, tokens, "mean") == pytest.approx(65 / 30)
    # Errors are counted by 1 / tokens: 4, 1 and 1/2 of 5.5, so that the shortest decides.
    assert factor(medians, tokens, "relative") == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_relative_factor_has_the_least_relative_error(seed):
    rows, medians = drawn(301, seed=seed)
    best = factor(medians, rows.tokens, "relative")
    errors = [np.abs(1 - c * medians / rows.tokens).mean() for c in (best, *(best * np.linspace(0.5, 2, 61)))]
    assert min(errors) == errors[0]


@pytest.mark.parametrize(("predict", "power"), [("median", 0.0), ("mean", 0.5), ("relative", -1.0)])
def test_of_log_normal_lengths_the_factors_are_those_of_the_distribution(predict, power):
    rows, medians = drawn(200_000)
    fitted = with_factors(scale(), medians, rows.tokens, rows.model, predict)
    np.testing.assert_allclose(fitted.shifts, [power * 0.3**2, power * 0.9**2], atol=0.03)


@pytest.mark.parametrize(("predict", "power"), [("median", 0.0), ("mean", 0.5), ("relative", -1.0)])
def test_with_few_held_out_responses_the_deviation_of_the_training_decides(predict, power):
    rows, medians = drawn(60)
    kept, measured = forecast(scale(deviation=0.8), medians, rows, keys(rows), predict)
    np.testing.assert_allclose(kept.shifts, power * 0.8**2)
    np.testing.assert_allclose(measured, medians * np.exp(power * 0.8**2))
    nothing = LengthRows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    assert len(forecast(scale(), np.zeros(0), nothing, [], predict)[1]) == 0


def test_each_is_the_best_at_what_it_is_for():
    rows, medians = drawn()
    measured = {predict: forecast(scale(), medians, rows, keys(rows), predict)[1] for predict in WORDS}
    relative = {name: np.abs(1 - values / rows.tokens).mean() for name, values in measured.items()}
    absolute = {name: np.abs(values - rows.tokens).mean() for name, values in measured.items()}
    total = {name: abs(values.sum() / rows.tokens.sum() - 1) for name, values in measured.items()}
    assert min(relative, key=relative.__getitem__) == "relative"
    assert min(absolute, key=absolute.__getitem__) == "median"
    assert min(total, key=total.__getitem__) == "mean" and total["mean"] < 0.05


def test_no_row_is_measured_with_a_factor_that_has_seen_it():
    rows, medians = drawn(400)
    changed = LengthRows(rows.prompt, rows.model, np.where(rows.prompt == 7, rows.tokens * 1e4, rows.tokens))
    one, other = (forecast(scale(), medians, some, keys(rows), "mean")[1] for some in (rows, changed))
    itself = rows.prompt == 7
    assert np.array_equal(one[itself], other[itself])
    assert not np.array_equal(one[~itself], other[~itself])


def test_an_llm_with_few_responses_has_nearly_the_factor_of_all():
    rows, medians = drawn(400, spread=(0.0,))
    tokens, model = rows.tokens.copy(), rows.model.copy()
    tokens[0], model[0] = medians[0] * 8.0, 1
    fitted = with_factors(scale(3), medians, tokens, model, "median")
    np.testing.assert_allclose(fitted.shifts, [0.0, np.log(8.0) / 21, 0.0], atol=1e-12)


def test_factors_are_kept_and_an_llm_that_is_added_has_that_of_all():
    fitted = LengthScale(np.log([10.0, 20.0]), 0.5, 3.0, 500.0, np.log([2.0, 0.5]), np.log(3.0))
    again = LengthScale.from_json(fitted.as_json()).with_llm(np.array([30.0]))
    np.testing.assert_allclose(again.tokens(0.0, np.arange(3)), [20.0, 10.0, 90.0])
    np.testing.assert_allclose(again.of(np.array([2, 0])).tokens(0.0, np.arange(2)), [90.0, 20.0])
    assert again.tokens(9.0, np.array([0])).tolist() == [500.0]


def test_a_scale_from_before_there_were_factors_has_none():
    document = {"mean": [1.0, 2.0], "deviation": 0.5, "overall": 1.5, "longest": 90.0}
    assert LengthScale.from_json(document).shifts.tolist() == [0.0, 0.0]
