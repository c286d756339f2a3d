"""Every learner: what it learns, stores and answers, stopped and resumed, with odd rows and with wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from typing import Any

import numpy as np
import pytest

from runner.builders.tabular._learners import LEARNERS, load_learner, make_learner
from runner.builders.tabular._learners.losses import row_losses, score
from runner.errors import DataError, IntegrityError, Stopped
from tests.builders.tabular._learners.tables import quick, table

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

LEARNING = [name for name in LEARNERS if name != "dummy"]
SHAPES = ["binary", "classes", "mixed", "numbers"]


def fitted(name, shape, params=None, *, threads=1, validation=False, **words):
    data = table(shape)
    learner = make_learner(name, params or quick(name), data.task, data.n_classes, 3, "cpu", threads)
    held = data.held if validation else None
    learner.fit(*data.train, categorical=data.categorical, validation=held, **words)
    return learner


class Saved:
    """A checkpoint as a run's folder gives it back: numpy arrays, and a state that went through JSON."""

    def __init__(self, tensors, state):
        plain = {key: value.detach() if hasattr(value, "detach") else value for key, value in tensors.items()}
        self.tensors = {key: np.array(np.asarray(value)) for key, value in plain.items()}
        self.state, self.step = json.loads(json.dumps(state)), state["done"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LEARNING)
def test_it_learns_more_than_the_dummy_and_answers_the_same_once_stored(name, shape, tmp_path):
    data = table(shape)
    params = quick(name) | ({"epochs": 40} if name == "mlp" else {})
    learner = fitted(name, shape, params)
    answers = learner.predict(data.held[0])
    assert answers.dtype == np.float64
    if data.n_classes:
        assert answers.shape == (len(data.held[0]), data.n_classes)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-9)
    else:
        assert answers.shape == (len(data.held[0]),)

    def loss(predictions):
        return score(row_losses(data.held[1], predictions), data.task == "classification")

    assert loss(answers) < 0.9 * loss(fitted("dummy", shape).predict(data.held[0]))
    learner.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".ubj"}
    again = load_learner(tmp_path)
    np.testing.assert_array_equal(again.predict(data.held[0]), answers)
    one = np.concatenate([again.predict(row[None]) for row in data.held[0][:20]])
    np.testing.assert_allclose(one, answers[:20], atol=1e-9 if data.n_classes else 1e-6)


@pytest.mark.parametrize("shape", ["mixed", "numbers"])
@pytest.mark.parametrize("name", LEARNING)
def test_threads_change_no_number(name, shape):
    params = quick(name) | ({"subsample": 0.7, "colsample_bytree": 0.6} if name == "xgboost" else {})
    held = table(shape).held[0]
    one, two = (fitted(name, shape, params, threads=threads).predict(held) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("shape", ["binary", "mixed", "numbers"])
@pytest.mark.parametrize("name", ["xgboost", "random_forest", "extra_trees", "mlp"])
def test_a_fit_that_was_stopped_goes_on_to_the_same_model(name, shape, tmp_path):
    params = quick(name) | ({"subsample": 0.7, "colsample_bytree": 0.6} if name == "xgboost" else {"dropout": 0.2})
    if "dropout" in params and name != "mlp":
        # More trees than a stop lets grow.
        params = {"n_estimators": 60}
    whole = fitted(name, shape, params, validation=True)

    saved, asked = [], [0]

    def stop():
        asked[0] += 1
        return asked[0] > 2

    with pytest.raises(Stopped):
        fitted(name, shape, params, validation=True, stop=stop, checkpoint=lambda t, s: saved.append(Saved(t, s)))
    assert saved[-1].step > 0
    resumed = fitted(name, shape, params, validation=True, resume=saved[-1])
    assert resumed.length == whole.length
    whole.save(tmp_path / "whole")
    resumed.save(tmp_path / "resumed")
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "resumed" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", LEARNING)
def test_it_is_stopped_before_its_first_unit(name):
    saved = []
    with pytest.raises(Stopped):
        fitted(name, "binary", stop=lambda: True, checkpoint=lambda tensors, state: saved.append(state["done"]))
    assert saved == [0]


@pytest.mark.parametrize("name", LEARNING)
def test_odd_tables_are_learned(name, tmp_path):
    rng = np.random.default_rng(0)
    constant = np.column_stack([rng.normal(size=30), np.full(30, 7.0), np.full(30, np.nan)]).astype(np.float32)
    halves = (np.arange(30) % 2).astype(np.int64)
    missing = np.full((4, 3), np.nan, np.float32)

    def answers(task, classes, inputs, targets, asked, **words):
        learner = make_learner(name, quick(name), task, classes, 1)
        learner.fit(inputs, targets, **words)
        predictions = learner.predict(asked)
        learner.save(tmp_path)
        np.testing.assert_array_equal(load_learner(tmp_path).predict(asked), predictions)
        assert np.isfinite(predictions).all()
        return predictions

    # A constant column and one without values; missing values where there were none.
    assert answers("classification", 2, constant, halves, missing).shape == (4, 2)
    assert answers("regression", None, constant, halves.astype(float), missing).shape == (4,)
    # One class in the training rows, of two and of four.
    for classes in (2, 4):
        only = answers("classification", classes, constant, np.ones(30, np.int64), missing)
        assert (only.argmax(axis=1) == 1).all()
    # One row, and only codes that were not there in training.
    assert answers("classification", 3, constant[:1], np.array([2]), missing).argmax(axis=1).tolist() == [2] * 4
    assert answers("regression", None, constant[:1], np.array([2.5]), missing) == pytest.approx([2.5] * 4, abs=0.6)
    codes = np.column_stack([halves, rng.integers(0, 30, 30)]).astype(np.float32)
    assert answers("classification", 2, codes, halves, codes + 50, categorical=(0, 1)).shape == (30, 2)


@pytest.mark.parametrize("name", LEARNING)
def test_a_thousand_classes(name):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 3)).astype(np.float32)
    targets = rng.integers(0, 1000, 40)
    params = (
        quick(name) | ({"n_estimators": 1} if name == "xgboost" else {}) | ({"max_iter": 5} if name == "linear" else {})
    )
    learner = make_learner(name, params, "classification", 1000, 1)
    learner.fit(inputs, targets)
    assert learner.predict(inputs).shape == (40, 1000)


@pytest.mark.parametrize("name", LEARNING)
def test_weights_count(name):
    data = table("binary")
    heavy = np.where(data.train[1] == 0, 50.0, 1.0)
    params = quick(name) | ({"min_samples_leaf": 20} if name in ("random_forest", "extra_trees") else {})
    usual = fitted(name, "binary", params).predict(data.held[0])
    weighted = fitted(name, "binary", params, weights=heavy).predict(data.held[0])
    assert weighted[:, 0].mean() > usual[:, 0].mean()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y, w: (x[:0], y[:0], None), "no training rows"),
        (lambda x, y, w: (x[:, :0], y, None), "no input columns"),
        (lambda x, y, w: (np.where(x == x.max(), np.inf, x), y, None), "infinite"),
        (lambda x, y, w: (x, np.where(y > 300, np.nan, y), None), "target is no finite number"),
        (lambda x, y, w: (x, y, w * 0), "all weights are 0"),
        (lambda x, y, w: (x, y, -w), "not negative"),
    ],
)
def test_what_cannot_be_learned_is_said(change, words):
    inputs, targets = table("numbers").train
    inputs, targets, weights = change(inputs, targets, np.ones(len(inputs)))
    with pytest.raises(DataError, match=words):
        make_learner("linear", {}, "regression", None).fit(inputs, targets, weights=weights)


def test_one_class_altogether_is_nothing_to_learn():
    inputs, targets = table("binary").train
    with pytest.raises(DataError, match="one class only"):
        make_learner("xgboost", {}, "classification", 1).fit(inputs, targets * 0)


def test_early_stopping_keeps_the_best_round_and_settles_its_length():
    params = {"n_estimators": 60, "early_stopping": {"patience": 5}, "learning_rate": 0.9}
    stopped = fitted("xgboost", "numbers", params, validation=True)
    assert stopped.length < 60
    assert stopped.settled()["n_estimators"] == stopped.length
    short = fitted("xgboost", "numbers", params | {"n_estimators": stopped.length})
    held = table("numbers").held[0]
    np.testing.assert_array_equal(stopped.predict(held), short.predict(held))


@pytest.mark.parametrize("name", LEARNING)
def test_a_stored_learner_that_was_changed_is_refused(name, tmp_path):
    fitted(name, "mixed").save(tmp_path)
    document = json.loads((tmp_path / "learner.json").read_text())
    (tmp_path / "learner.json").write_text(json.dumps(document | {"n_features": 4, "categorical": []}))
    with pytest.raises(IntegrityError, match="cannot be read"):
        load_learner(tmp_path)


def test_the_parameters_load_nothing_heavy():
    code = (
        "import runner.builders.tabular._learners.parameters, sys;"
        "print([m for m in ('numpy', 'sklearn', 'torch', 'xgboost', 'optuna', 'pandas') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_large_targets_that_differ_little_keep_their_digits():
    inputs, targets = table("numbers").train
    learner = make_learner("xgboost", quick("xgboost"), "regression", None)
    learner.fit(inputs, targets)
    near = learner.predict(inputs)
    learner.fit(inputs, targets + 1.6e12)
    np.testing.assert_allclose(learner.predict(inputs) - 1.6e12, near, atol=0.01)


@pytest.mark.parametrize("name", ["xgboost", "mlp"])
def test_the_end_that_came_early_is_told_with_its_length(name):
    step = {"optimizer": {"optimizer_type": "adamw", "learning_rate": 0.3}} if name == "mlp" else {"learning_rate": 1.0}
    length = "epochs" if name == "mlp" else "n_estimators"
    told, done = [], []
    learner = fitted(
        name,
        "numbers",
        {length: 60, "early_stopping": {"patience": 3, "min_delta": 0.01}} | step,
        validation=True,
        on_progress=lambda count, *_: done.append(count),
        on_early_stop=told.append,
    )
    unit = "epochs" if name == "mlp" else "rounds"
    assert told == [{"done": done[-1], "total": 60, "unit": unit, "patience": 3, "min_delta": 0.01}]
    assert learner.length <= done[-1] < 60


@pytest.mark.parametrize("name", ["xgboost", "mlp"])
def test_an_improvement_has_to_be_larger_than_the_least(name):
    lengths = []
    for least in (0.0, 1e9):
        done: list[int] = []
        params = quick(name) | {"early_stopping": {"patience": 2, "min_delta": least}}
        fitted(name, "numbers", params, validation=True, on_progress=lambda count, *_, done=done: done.append(count))
        lengths.append(done[-1])
    # The first value is what the others are compared with.
    assert lengths[1] == 3 < lengths[0]


def test_early_stopping_goes_on_from_a_checkpoint_of_trees():
    params = quick("xgboost") | {"n_estimators": 60, "learning_rate": 0.9, "early_stopping": {"patience": 4}}
    whole = fitted("xgboost", "numbers", params, validation=True)
    for stopped_at in (1, whole.length, whole.length + 2):
        points: list[Saved] = []
        asked = count()
        with pytest.raises(Stopped):
            fitted(
                "xgboost", "numbers", params, validation=True,
                stop=lambda asked=asked, at=stopped_at: next(asked) >= at,
                checkpoint=lambda tensors, state, points=points: points.append(Saved(tensors, state)),
            )  # fmt: skip
        told: list[Any] = []
        again = fitted("xgboost", "numbers", params, validation=True, resume=points[-1], on_early_stop=told.append)
        assert again.length == whole.length
        assert [each["done"] for each in told] == [whole.length + 4]
        held = table("numbers").held[0]
        np.testing.assert_array_equal(again.predict(held), whole.predict(held))
