"""Importance: what the target depends on comes first, what it does not comes with an interval around nothing."""

from __future__ import annotations

import numpy as np
import pytest

from runner.builders.tabular._learners import make_learner
from runner.builders.tabular._learners.importance import permutation_importance
from tests.builders.tabular._learners.tables import table


@pytest.mark.parametrize("shape", ["classes", "numbers"])
def test_a_copy_of_the_target_matters_most_and_noise_hardly(shape):
    data = table(shape)
    rng = np.random.default_rng(2)

    def widened(part):
        inputs, targets = part
        noise = rng.normal(size=len(inputs))
        return np.column_stack([noise, inputs[:, 2], targets + rng.normal(size=len(inputs)) * 0.01]), targets

    train, held = widened(data.train), widened(data.held)
    learner = make_learner("linear", {}, data.task, data.n_classes)
    learner.fit(*train)
    features = {"noise": [0], "bmi": [1], "answer": [2]}
    found = permutation_importance(learner.predict, np.float32(held[0]), held[1], features, seed=3)
    assert found.plot == "bars" and list(found.columns) == ["feature", "importance", "low", "high"]
    assert found.rows[0][0] == "answer" and found.rows[0][2] > 0
    noise = next(row for row in found.rows if row[0] == "noise")
    assert noise[2] <= noise[1] <= noise[3] and abs(noise[1]) < 0.02 * found.rows[0][1]
    again = permutation_importance(learner.predict, np.float32(held[0]), held[1], features, seed=3)
    assert again.rows == found.rows


def test_columns_of_one_feature_are_shuffled_together():
    # The model asks whether two columns agree, which they always do: only shuffled apart would they not.
    rng = np.random.default_rng(0)
    column = rng.normal(size=300).astype(np.float32)
    inputs = np.column_stack([column, column])
    targets = np.ones(300)

    def predict(rows):
        return (rows[:, 0] == rows[:, 1]).astype(float)

    together = permutation_importance(predict, inputs, targets, {"both": [0, 1]})
    apart = permutation_importance(predict, inputs, targets, {"one": [0], "other": [1]})
    assert together.rows[0][1] == 0
    assert all(row[1] > 0.9 for row in apart.rows)


def test_it_ends_when_it_is_stopped():
    inputs = np.zeros((10, 2), np.float32)
    found = permutation_importance(
        lambda rows: rows[:, 0].astype(float), inputs, np.zeros(10), {"a": [0], "b": [1]}, stop=lambda: True
    )
    assert list(found.rows) == []
