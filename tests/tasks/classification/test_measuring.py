"""The measure of classifiers against scikit-learn, and against counting by hand."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from runner.contract import Table
from runner.errors import RunFailed
from runner.tasks.classification import TASK
from runner.tasks.classification.decisions import choose_threshold, decide
from runner.tasks.classification.measuring import measure_classification


def measured(probabilities, actual, **more):
    """Metrics and tables, by name, of one target whose classes are letters."""
    classes = tuple("abcdefgh"[: np.shape(probabilities)[1]])
    metrics, tables = measure_classification(
        {"kind": classes}, {"kind": np.asarray(probabilities, float)}, {"kind": np.asarray(actual)}, seed=3, **more
    )
    return metrics, {table.name: table for table in tables}


@st.composite
def answered(draw: st.DrawFn, unseen: bool = False, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and true classes of a few rows; coarse ones, so that ties happen."""
    width = classes or draw(st.integers(2, 4))
    rows = draw(st.integers(1, 25))
    parts = draw(st.lists(st.lists(st.integers(1, 5), min_size=width, max_size=width), min_size=rows, max_size=rows))
    actual = draw(st.lists(st.integers(-1 if unseen else 0, width - 1), min_size=rows, max_size=rows))
    weights = np.array(parts, float)
    return weights / weights.sum(axis=1, keepdims=True), np.array(actual)


@settings(max_examples=40, deadline=None)
@given(answered(unseen=True))
def test_metrics_are_those_of_scikit_learn(case):
    probabilities, actual = case
    width = probabilities.shape[1]
    metrics, _ = measured(probabilities, actual)
    decided = decide(probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metrics["accuracy"] == pytest.approx(reference.accuracy_score(actual, decided))
        assert metrics["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(actual, decided))
        assert metrics["f1_macro"] == pytest.approx(reference.f1_score(actual, decided, average="macro"))
        assert metrics["f1_weighted"] == pytest.approx(reference.f1_score(actual, decided, average="weighted"))
        # An unseen class is one more, of no probability.
        more = np.column_stack([probabilities, np.zeros(len(actual))])
        true = np.where(actual == -1, width, actual)
        loss = reference.log_loss(true, more, labels=range(width + 1))
    assert metrics["log_loss"] == pytest.approx(loss)
    if len(actual) > 1:
        assert metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"]
    else:
        assert metrics["accuracy_low"] is metrics["accuracy_high"] is None
    assert metrics["n_unseen_class"] == (actual == -1).sum()
    assert metrics["n_validation"] == len(actual)


@settings(max_examples=40, deadline=None)
@given(answered())
def test_the_auc_is_the_share_of_pairs_in_the_right_order(case):
    probabilities, actual = case
    metrics, _ = measured(probabilities, actual)
    areas, sizes = [], []
    for number in np.unique(actual):
        inside, outside = probabilities[actual == number, number], probabilities[actual != number, number]
        if len(outside):
            order = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
            areas.append(np.mean(order))
            sizes.append(len(inside))
    if areas:
        assert metrics["auc"] == pytest.approx(np.average(areas, weights=sizes))
    else:
        assert metrics["auc"] is None


def test_the_auc_of_all_classes_is_scikit_learn_s():
    rng = np.random.default_rng(5)
    probabilities, actual = rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200)
    expected = reference.roc_auc_score(actual, probabilities, multi_class="ovr", average="weighted")
    assert measured(probabilities, actual)[0]["auc"] == pytest.approx(expected)
    two = rng.dirichlet(np.ones(2), 200)
    assert measured(two, actual % 2)[0]["auc"] == pytest.approx(reference.roc_auc_score(actual % 2, two[:, 1]))


def test_one_class_in_the_held_out_rows_has_no_auc_and_says_so():
    metrics, tables = measured([[0.7, 0.3], [0.2, 0.8]], [0, 0])
    assert metrics["auc"] is None
    assert metrics["accuracy"] == 0.5
    assert "AUC is undefined" in tables["classes"].note


@settings(max_examples=40, deadline=None)
@given(answered(unseen=True))
def test_the_calibration_error_is_the_mean_distance_over_ten_bins(case):
    probabilities, actual = case
    metrics, tables = measured(probabilities, actual)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for row, true in zip(probabilities, actual, strict=True):
        said = row[1] if len(row) == 2 else row.max()
        came = true == (1 if len(row) == 2 else row.argmax())
        bins.setdefault(min(int(said * 10), 9), []).append((said, came))
    gaps = [abs(sum(said for said, _ in each) - sum(came for _, came in each)) for each in bins.values()]
    assert metrics["calibration_error"] == pytest.approx(sum(gaps) / len(actual))
    assert tables["calibration"].plot == "calibration"
    assert sum(row[2] for row in tables["calibration"].rows) == len(actual)


@settings(max_examples=40, deadline=None)
@given(answered(unseen=True))
def test_the_tables_count_every_row_once(case):
    probabilities, actual = case
    _, tables = measured(probabilities, actual)
    decided, width = decide(probabilities), probabilities.shape[1]
    cells = np.array([row[1:] for row in tables["confusion"].rows])
    expected = [[((actual == i) & (decided == j)).sum() for j in range(width)] for i in [*range(width), -1]]
    assert cells.tolist() == (expected if any(expected[-1]) else expected[:-1])
    for number, (_, precision, recall, f1, support) in enumerate(tables["classes"].rows):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            true = reference.precision_recall_fscore_support(actual, decided, labels=[number], zero_division=0)
        assert [precision or 0, recall or 0, f1 or 0, support] == pytest.approx([float(part[0]) for part in true])


def test_many_classes_are_lumped_together_in_the_confusion_and_no_row_is_lost():
    rng = np.random.default_rng(2)
    names = tuple(f"class {number}" for number in range(60))
    actual = np.minimum(rng.integers(0, 60, 500), rng.integers(0, 60, 500))
    actual[:9] = -1
    _, tables = measure_classification({"k": names}, {"k": rng.dirichlet(np.ones(60), 500)}, {"k": actual}, seed=0)
    confusion = next(table for table in tables if table.name == "confusion")
    assert len(confusion.columns) == len(confusion.rows) == 32
    assert confusion.columns[-1] == confusion.rows[-2][0] == "(others)"
    assert confusion.rows[-1][0] == "(unseen in training)"
    assert sum(sum(row[1:]) for row in confusion.rows) == 500
    assert sum(confusion.rows[-1][1:]) == 9


def test_nothing_held_out_is_no_number_and_no_table():
    metrics, tables = measured(np.empty((0, 2)), np.empty(0, int))
    assert not tables
    assert metrics["n_validation"] == 0
    assert all(metrics[measure.metric] is None for measure in TASK.measures)


def test_the_same_for_every_row_is_measured():
    metrics, _ = measured(np.full((6, 3), 1 / 3), [0, 1, 2, 0, 1, 2])
    assert metrics["accuracy"] == pytest.approx(1 / 3)
    assert metrics["auc"] == 0.5
    assert metrics["calibration_error"] == pytest.approx(0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_probability_that_is_no_number_fails_the_run_naming_target_and_row(value):
    with pytest.raises(RunFailed, match=r"'kind' .* 1 of 2 held-out rows, row 2"):
        measured([[0.5, 0.5], [0.5, value]], [0, 1])


def test_a_certain_mistake_costs_a_finite_loss():
    metrics, _ = measured([[1.0, 0.0]], [1])
    assert metrics["log_loss"] == pytest.approx(36.04, abs=0.01)


def test_the_interval_is_drawn_over_groups():
    # Rows of a group are copies of one another: ten groups are ten observations, however long they are.
    right = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 1])
    probabilities = np.where(right[:, None] == 1, [0.2, 0.8], [0.8, 0.2])
    alone, _ = measured(probabilities, np.ones(10, int))
    many = np.repeat(probabilities, 30, axis=0)
    grouped, _ = measured(many, np.ones(300, int), groups=np.repeat([f"g{number}" for number in range(10)], 30))
    ungrouped, _ = measured(many, np.ones(300, int))
    ends = ("accuracy_low", "accuracy_high")
    assert [grouped[end] for end in ends] == [alone[end] for end in ends]
    assert ungrouped["accuracy_high"] - ungrouped["accuracy_low"] < 0.5 * (
        alone["accuracy_high"] - alone["accuracy_low"]
    )


def test_a_threshold_decides_two_classes_and_is_in_the_table():
    probabilities, actual = [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]], [0, 1, 1]
    assert measured(probabilities, actual)[0]["accuracy"] == pytest.approx(2 / 3)
    metrics, tables = measured(probabilities, actual, thresholds={"kind": 0.27})
    assert metrics["accuracy"] == 1
    assert tables["thresholds"].plot == "line"
    assert [0.27, 1.0, 1.0, 1.0] in tables["thresholds"].rows
    assert "0.27" in tables["thresholds"].note
    # What the ranks say does not depend on it.
    assert metrics["auc"] == measured(probabilities, actual)[0]["auc"]


@settings(max_examples=60, deadline=None)
@given(answered(classes=2))
def test_the_chosen_threshold_has_the_best_f1_that_any_has(case):
    probabilities, actual = case
    found = choose_threshold(probabilities, actual)
    assert found == choose_threshold(probabilities[:, 1], actual)
    assert 0 <= found <= 1

    def f1(threshold: float) -> float:
        taken = probabilities[:, 1] >= threshold
        return 2 * (taken & (actual == 1)).sum() / max(1, taken.sum() + (actual == 1).sum())

    if (actual == 1).any():
        assert f1(found) == pytest.approx(max(f1(value) for value in probabilities[:, 1]))
    else:
        assert found == 0.5


def test_the_chosen_threshold_lies_between_two_rows():
    assert choose_threshold(np.array([0.1, 0.2, 0.6, 0.9]), np.array([0, 0, 1, 1])) == pytest.approx(0.4)
    close = np.nextafter(0.3, 1)
    assert choose_threshold(np.array([0.3, close]), np.array([0, 1])) == close
    assert choose_threshold(np.array([0.0, 0.0]), np.array([1, 1])) == 0.0


def test_several_targets_have_their_means_and_each_its_own():
    rng = np.random.default_rng(8)
    targets = {"colour": ("red", "green", "blue"), "ripe": ("no", "yes")}
    probabilities = {name: rng.dirichlet(np.ones(len(classes)), 50) for name, classes in targets.items()}
    actual = {name: rng.integers(0, len(classes), 50) for name, classes in targets.items()}
    metrics, tables = measure_classification(targets, probabilities, actual, seed=1)
    for measure in TASK.measures:
        own = [metrics[f"{name}/{measure.metric}"] for name in targets]
        assert metrics[measure.metric] == pytest.approx(np.mean(own))
        for name in targets:
            alone, _ = measure_classification(
                {name: targets[name]}, {name: probabilities[name]}, {name: actual[name]}, seed=1
            )
            assert metrics[f"{name}/{measure.metric}"] == alone[measure.metric]
    right = [decide(probabilities[name]) == actual[name] for name in targets]
    assert metrics["subset_accuracy"] == pytest.approx((right[0] & right[1]).mean())
    assert [table.name for table in tables] == [
        "targets", "classes", "confusion/colour", "calibration/colour", "confusion/ripe", "calibration/ripe",
        "thresholds/ripe",
    ]  # fmt: skip
    assert [row[:2] for row in tables[1].rows][:4] == [
        ["colour", "red"], ["colour", "green"], ["colour", "blue"], ["ripe", "no"]
    ]  # fmt: skip


def test_many_labels_have_one_overview_and_few_tables():
    rng = np.random.default_rng(9)
    targets = {f"label {number}": ("no", "yes") for number in range(12)}
    probabilities = {name: rng.dirichlet(np.ones(2), 20) for name in targets}
    actual = {name: rng.integers(0, 2, 20) for name in targets}
    actual["label 5"][:] = 0
    metrics, tables = measure_classification(targets, probabilities, actual, seed=1)
    assert metrics["label 5/auc"] is None
    assert metrics["auc"] is not None
    assert len(tables[0].rows) == 12
    assert "first 8 targets" in tables[0].note
    assert len(tables) == 2 + 3 * 8


def test_what_is_measured_is_json_and_comes_back():
    metrics, tables = measured([[0.7, 0.3], [0.2, 0.8]], [0, -1])
    json.dumps(metrics, allow_nan=False)
    for table in tables.values():
        assert Table.read(json.loads(json.dumps(table.as_dict(), allow_nan=False))).rows == table.rows
