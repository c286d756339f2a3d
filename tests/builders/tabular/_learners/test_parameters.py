"""Every parameter of every learner changes something, and is described."""

from __future__ import annotations

import numpy as np
import pytest

from runner.builders.tabular._learners import LEARNERS, make_learner
from runner.builders.tabular._learners.parameters import parameters_of
from runner.training.optimizers import AdamW
from tests.builders.tabular._learners.tables import quick, table

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

#: Another value of every field, and what it needs beside it to show.
OTHER = {
    "xgboost": {
        "n_estimators": 5,
        "learning_rate": 0.3,
        "max_depth": 1,
        "min_child_weight": 8.0,
        "min_split_loss": 3.0,
        "subsample": 0.5,
        "colsample_bytree": 0.5,
        "reg_lambda": 9.0,
        "reg_alpha": 2.0,
        "max_bin": 4,
        "max_cat_to_onehot": 30,
        "early_stopping": None,
    },
    "forest": {
        "n_estimators": 5,
        "max_depth": 2,
        "min_samples_split": 30,
        "min_samples_leaf": 9,
        "max_features": 0.9,
        "bootstrap": None,
        "one_hot_max": 0,
        "criterion": None,
    },
    "linear": {
        "penalty": 9.0,
        "fit_intercept": False,
        "scale": False,
        "impute": "median",
        "max_categories": 2,
        "max_iter": 2,
    },
    "mlp": {
        "hidden_dims": [8, 8],
        "dropout": 0.5,
        "embedding_dim": 3,
        "epochs": 2,
        "batch_size": 7,
        "early_stopping": {"patience": 1},
        "schedule": {"schedule_type": "cosine", "warmup_steps": 3},
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.05},
    },
}
FAMILY = {"random_forest": "forest", "extra_trees": "forest"}
CASES = [
    (name, task, field)
    for name in LEARNERS
    for task in ("classification", "regression")
    for field in parameters_of(name, task).model_fields
]


@pytest.mark.parametrize(("name", "task", "field"), CASES)
def test_every_parameter_changes_the_answers(name, task, field):
    data = table("mixed")
    targets = data.train[1] if task == "classification" else data.train[1].astype(float)
    held = data.held[1] if task == "classification" else data.held[1].astype(float)
    value = OTHER[FAMILY.get(name, name)][field]
    base = quick(name)
    if field == "bootstrap":
        value = name != "random_forest"
    if field == "criterion":
        value = "entropy" if task == "classification" else "poisson"
    if field == "early_stopping":
        # A step so long that the best is soon behind it.
        base = {"xgboost": {"n_estimators": 40, "learning_rate": 1.0, "early_stopping": {"patience": 1}}}.get(
            name,
            base
            | {"epochs": 12, "early_stopping": None, "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.3}},
        )
    answers, rounds = [], []
    for params in (base, base | {field: value}):
        learner = make_learner(name, params, task, data.n_classes, 3)
        told = []
        learner.fit(
            data.train[0],
            targets,
            categorical=data.categorical,
            validation=(data.held[0], held),
            on_progress=lambda done, *_, told=told: told.append(done),
        )
        answers.append(learner.predict(data.held[0]))
        rounds.append(len(told))
    # How long it goes on is what these two say; the best round may be the same.
    assert rounds[0] != rounds[1] or not np.array_equal(*answers)


@pytest.mark.parametrize(("name", "task", "field"), CASES)
def test_every_parameter_is_described(name, task, field):
    assert parameters_of(name, task).model_fields[field].description


def test_an_optimizer_may_be_given_as_plain_values():
    learner = make_learner("mlp", {"optimizer": {"optimizer_type": "adamw", "betas": [0.8, 0.9]}}, "regression", None)
    assert learner.parameters.optimizer == AdamW(optimizer_type="adamw", betas=(0.8, 0.9))
