"""A forest's arrays answer as scikit-learn's trees do, compiled or not, and lead no walk astray."""

from __future__ import annotations

import numpy as np
import pytest

from runner.builders.tabular._learners import make_learner, tree_arrays
from runner.builders.tabular._learners.tree_arrays import TreeArrays
from tests.builders.tabular._learners.tables import table


@pytest.mark.parametrize("shape", ["binary", "classes", "numbers"])
@pytest.mark.parametrize("name", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("missing", [False, True])
def test_it_is_the_librarys_forest_to_the_bit(name, shape, missing):
    data = table(shape)
    inputs, held = data.train[0].copy(), data.held[0].copy()
    held[::3, 2] = np.nan
    if missing:
        inputs[::7, 1] = np.nan
    learner = make_learner(name, {"n_estimators": 20}, data.task, data.n_classes, 4)
    learner.fit(inputs, data.train[1])
    model = learner.unfitted(20).fit(inputs, data.train[1])
    expected = model.predict_proba(held) if data.n_classes else model.predict(held)
    np.testing.assert_array_equal(learner.predict(held), expected)


def test_the_compiled_walk_gives_the_same_bits(monkeypatch):
    data = table("mixed")
    learner = make_learner("extra_trees", {"n_estimators": 20}, data.task, data.n_classes, 4, threads=2)
    learner.fit(*data.train, categorical=data.categorical)
    plain = learner.predict(data.held[0])
    monkeypatch.setattr(tree_arrays, "COMPILED_FROM", 0)
    np.testing.assert_array_equal(learner.predict(data.held[0]), plain)


@pytest.mark.parametrize(
    ("array", "place", "value"),
    [
        ("children_left", 0, 0),
        ("children_right", 0, 10**6),
        ("feature", 0, 99),
        ("tree_start", 1, 0),
        ("tree_start", -1, 5),
    ],
)
def test_arrays_that_are_no_trees_are_refused(array, place, value):
    data = table("binary")
    learner = make_learner("random_forest", {"n_estimators": 3}, data.task, data.n_classes, 4)
    learner.fit(*data.train)
    tensors = {name: np.array(values) for name, values in learner.trees.tensors().items()}
    tensors[array][place] = value
    with pytest.raises(ValueError, match="no trees"):
        TreeArrays.read(tensors, 30, 2)
