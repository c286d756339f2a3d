"""The measure of regressors against scikit-learn and scipy, and what the bootstrap draws against doing it by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from runner.contract import Table
from runner.errors import RunFailed
from runner.tasks.regression import TASK
from runner.tasks.regression.measuring import measure_regression, point_figures


def measured(predicted, actual, **more):
    """Metrics and tables, by name, of one target."""
    metrics, tables = measure_regression(
        {"price": np.asarray(predicted, float)}, {"price": np.asarray(actual, float)}, seed=3, **more
    )
    return metrics, {table.name: table for table in tables}


NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
#: Sums of squares lose digits where a draw varies by far less than all rows do: the least step is no millionth here.
NEAR = st.integers(-1000, 1000).map(lambda value: value / 10)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_metrics_are_those_of_scikit_learn_and_scipy(pairs):
    predicted, actual = np.array(pairs).T
    metrics, _ = measured(predicted, actual)
    assert metrics["rmse"] == pytest.approx(reference.root_mean_squared_error(actual, predicted))
    assert metrics["mae"] == pytest.approx(reference.mean_absolute_error(actual, predicted))
    if np.ptp(actual):
        assert metrics["r2"] == pytest.approx(reference.r2_score(actual, predicted), rel=1e-6, abs=1e-9)
    else:
        assert metrics["r2"] is None
    if np.ptp(actual) and np.ptp(predicted):
        assert metrics["pearson"] == pytest.approx(stats.pearsonr(predicted, actual).statistic, abs=1e-6)
        assert metrics["spearman"] == pytest.approx(stats.spearmanr(predicted, actual).statistic, abs=1e-9)
    else:
        assert metrics["pearson"] is None and metrics["spearman"] is None
    for name in ("rmse", "mae"):
        assert metrics[f"{name}_low"] <= metrics[f"{name}_high"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(NEAR, NEAR, st.integers(0, 4)), min_size=4, max_size=20))
def test_intervals_are_those_of_scores_of_redrawn_groups(rows):
    predicted, actual, groups = (np.array(part) for part in zip(*rows, strict=True))
    metrics, _ = measured(predicted, actual, groups=groups)
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    found = []
    for drawn in np.random.default_rng([3, 0x62]).integers(len(names), size=(1000, len(names))):
        chosen = np.concatenate([members[at] for at in drawn])
        errors, true = predicted[chosen] - actual[chosen], actual[chosen]
        r2 = 1 - (errors**2).sum() / ((true - true.mean()) ** 2).sum() if np.ptp(true) else np.nan
        found.append([r2, np.sqrt((errors**2).mean()), np.abs(errors).mean()])
    table = np.array(found)
    for column, name in enumerate(("r2", "rmse", "mae")):
        values = table[~np.isnan(table[:, column]), column]
        if len(values) and metrics[f"{name}_low"] is not None and np.abs(values).max() < 1e9:
            expected = np.percentile(values, [2.5, 97.5])
            assert [metrics[f"{name}_low"], metrics[f"{name}_high"]] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_mean_explains_nothing_and_the_truth_everything():
    actual = np.arange(10.0)
    metrics, _ = measured(np.full(10, 4.5), actual)
    assert metrics["r2"] == pytest.approx(0)
    assert metrics["pearson"] is metrics["spearman"] is None
    metrics, _ = measured(actual, actual)
    assert (metrics["r2"], metrics["rmse"], metrics["mae"]) == (1, 0, 0)
    assert metrics["pearson"] == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_very_large_and_very_small_numbers_are_measured_as_others_are(scale):
    rng = np.random.default_rng(4)
    actual = rng.normal(size=40)
    predicted = actual + rng.normal(size=40) / 3
    plain, _ = measured(predicted, actual)
    scaled, tables = measured(predicted * scale, actual * scale)
    for name in ("r2", "r2_low", "r2_high", "pearson", "spearman"):
        assert scaled[name] == pytest.approx(plain[name], rel=1e-9)
    for name in ("rmse", "rmse_low", "rmse_high", "mae"):
        assert scaled[name] == pytest.approx(plain[name] * scale, rel=1e-9)
    assert sum(row[1] for row in tables["residuals"].rows) == 40
    json.dumps([scaled, *(table.as_dict() for table in tables.values())], allow_nan=False)


def test_a_large_offset_hides_no_variance():
    rng = np.random.default_rng(4)
    actual = rng.normal(size=40)
    predicted = actual + rng.normal(size=40) / 3
    assert measured(predicted + 1e9, actual + 1e9)[0]["r2"] == pytest.approx(
        measured(predicted, actual)[0]["r2"], rel=1e-5
    )


@pytest.mark.parametrize("actual", [[0.1, 0.1, 0.1], [5.0]])
def test_one_true_number_has_an_error_and_no_r2(actual):
    metrics, tables = measured(np.array(actual) + 1, actual)
    assert metrics["rmse"] == pytest.approx(1)
    assert metrics["r2"] is metrics["r2_low"] is metrics["r2_high"] is None
    assert sum(row[1] for row in tables["residuals"].rows) == len(actual)


def test_nothing_held_out_is_no_number_and_no_table():
    metrics, tables = measured([], [])
    assert not tables
    assert metrics["n_validation"] == 0
    assert all(metrics[measure.metric] is None for measure in TASK.measures)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.7e308])
def test_a_prediction_that_is_no_number_fails_the_run_naming_target_and_row(value):
    with pytest.raises(RunFailed, match=r"'price' .* 1 of 3 held-out rows, row 3"):
        measured([1, 2, value], [1, 2, 1.7e308])


def test_errors_that_differ_by_the_last_bit_are_one_bar():
    actual = np.zeros(5)
    predicted = np.array([1.0, 1.0, 1.0, 1.0, np.nextafter(1.0, 2.0)])
    _, tables = measured(predicted, actual)
    assert sum(row[1] for row in tables["residuals"].rows) == 5


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_every_row_is_in_one_bar_and_in_the_scatter(pairs):
    predicted, actual = np.array(pairs).T
    _, tables = measured(predicted, actual)
    bars = tables["residuals"]
    assert bars.plot == "histogram" and tables["predictions"].plot == "scatter"
    assert sum(row[1] for row in bars.rows) == len(pairs)
    assert bars.rows[0][0] <= (predicted - actual).min() and (predicted - actual).max() <= bars.rows[-1][2]
    assert tables["predictions"].rows == [[true, said] for said, true in pairs]
    assert "worst_rows" not in tables


def test_a_scatter_is_of_five_hundred_rows_that_the_seed_draws():
    actual = np.arange(2000.0)
    first, again = (measured(actual + 1, actual)[1]["predictions"] for _ in range(2))
    assert first == again
    assert len(first.rows) == 500
    assert len({row[0] for row in first.rows}) == 500
    assert "500 of 2,000" in first.note
    (other,) = (
        table for table in measure_regression({"x": actual}, {"x": actual}, seed=4)[1] if table.plot == "scatter"
    )
    assert [row[0] for row in other.rows] != [row[0] for row in first.rows]


def test_the_worst_rows_are_named():
    actual = np.zeros(40)
    predicted = np.linspace(-1, 1, 40)
    predicted[7] = -9
    table = measured(predicted, actual, ids=[f"row {number}" for number in range(40)])[1]["worst_rows"]
    assert table.rows[0] == ["row 7", 0.0, -9.0, -9.0]
    errors = [abs(row[3]) for row in table.rows]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == 20


def test_several_targets_have_their_means_and_each_its_own():
    rng = np.random.default_rng(8)
    actual = {"length": rng.normal(size=60), "price": rng.normal(size=60) * 1e4, "same": np.ones(60)}
    predicted = {name: values + 0.3 * values.std() * rng.normal(size=60) for name, values in actual.items()}
    metrics, tables = measure_regression(predicted, actual, seed=1)
    for measure in TASK.measures:
        own = [metrics[f"{name}/{measure.metric}"] for name in actual]
        assert metrics[measure.metric] == pytest.approx(np.mean([value for value in own if value is not None]))
        for name in actual:
            alone, _ = measure_regression({name: predicted[name]}, {name: actual[name]}, seed=1)
            assert metrics[f"{name}/{measure.metric}"] == alone[measure.metric]
    assert metrics["same/r2"] is None
    assert metrics["r2_low"] < metrics["r2"] < metrics["r2_high"]
    assert [table.name for table in tables][:3] == ["targets", "residuals/length", "predictions/length"]


def test_what_is_measured_is_json_and_comes_back():
    metrics, tables = measured([1, 2, 4], [1, 2, 3], ids=[1, 2, 3])
    json.dumps(metrics, allow_nan=False)
    for table in tables.values():
        assert Table.read(json.loads(json.dumps(table.as_dict(), allow_nan=False))).rows == table.rows


@pytest.mark.parametrize("targets", [1, 2])
def test_what_is_told_while_it_learns_is_what_is_measured_in_the_end(targets):
    rng = np.random.default_rng(8)
    actual = {f"t{at}": rng.normal(size=40) * 10.0**at for at in range(targets)} | {"flat": np.full(40, 3.0)}
    predicted = {name: values + rng.normal(size=40) for name, values in actual.items()}
    whole, _ = measure_regression(predicted, actual, seed=1)
    found = point_figures(predicted, actual)
    assert not any(name.endswith(("_low", "_high")) for name in found)
    for name, value in found.items():
        assert value == (None if whole[name] is None else pytest.approx(whole[name]))
    assert found["flat/r2"] is None
