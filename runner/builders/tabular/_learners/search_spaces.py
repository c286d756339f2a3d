"""What the search draws from: bounds around the libraries' defaults, within which a model is sane on any table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runner.builders.tabular._learners.parameters import TabularTask

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

#: The learners that are tried, in the order in which their defaults are: the quick and sure ones first.
CANDIDATES = ("linear", "xgboost", "random_forest", "extra_trees", "mlp")
#: Rounds and epochs that early stopping may end sooner, on rows that are neither learned nor scored.
MOST_ROUNDS, ROUNDS_PATIENCE = 2000, 50
MOST_EPOCHS, EPOCHS_PATIENCE = 200, 15


def _linear(trial: BaseTrial, task: TabularTask) -> dict[str, Any]:
    return {"penalty": trial.suggest_float("linear.penalty", 1e-3, 1e3, log=True)}


def _xgboost(trial: BaseTrial, task: TabularTask) -> dict[str, Any]:
    return {
        "n_estimators": MOST_ROUNDS,
        "early_stopping": {"patience": ROUNDS_PATIENCE},
        "learning_rate": trial.suggest_float("xgboost.learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("xgboost.max_depth", 2, 10),
        "min_child_weight": trial.suggest_float("xgboost.min_child_weight", 0.1, 20, log=True),
        "subsample": trial.suggest_float("xgboost.subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("xgboost.colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("xgboost.reg_lambda", 1e-2, 30, log=True),
    }


def _forest(name: str) -> Callable[[BaseTrial, TabularTask], dict[str, Any]]:
    def draw(trial: BaseTrial, task: TabularTask) -> dict[str, Any]:
        params: dict[str, Any] = {
            "n_estimators": trial.suggest_categorical(f"{name}.n_estimators", [100, 200, 400]),
            "min_samples_leaf": trial.suggest_int(f"{name}.min_samples_leaf", 1, 20, log=True),
            "min_samples_split": trial.suggest_int(f"{name}.min_samples_split", 2, 20, log=True),
            "max_features": trial.suggest_float(f"{name}.max_features", 0.1, 1.0),
        }
        if task == "classification":
            params["criterion"] = trial.suggest_categorical(f"{name}.criterion", ["gini", "entropy"])
        return params

    return draw


def _mlp(trial: BaseTrial, task: TabularTask) -> dict[str, Any]:
    width = trial.suggest_categorical("mlp.width", [32, 64, 128, 256])
    depth = trial.suggest_int("mlp.depth", 1, 3)
    return {
        "hidden_dims": [width] * depth,
        "dropout": trial.suggest_float("mlp.dropout", 0.0, 0.5),
        "epochs": MOST_EPOCHS,
        "early_stopping": {"patience": EPOCHS_PATIENCE},
        "optimizer": {
            "optimizer_type": "adamw",
            "learning_rate": trial.suggest_float("mlp.learning_rate", 3e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("mlp.weight_decay", 1e-5, 1e-1, log=True),
        },
    }


_SPACES: dict[str, Callable[[BaseTrial, TabularTask], dict[str, Any]]] = {
    "linear": _linear,
    "xgboost": _xgboost,
    "random_forest": _forest("random_forest"),
    "extra_trees": _forest("extra_trees"),
    "mlp": _mlp,
}
#: The point that each learner is first tried at.
DEFAULTS: dict[str, dict[str, Any]] = {
    "linear": {"linear.penalty": 1.0},
    "xgboost": {
        "xgboost.learning_rate": 0.1,
        "xgboost.max_depth": 6,
        "xgboost.min_child_weight": 1.0,
        "xgboost.subsample": 1.0,
        "xgboost.colsample_bytree": 1.0,
        "xgboost.reg_lambda": 1.0,
    },
    "random_forest": {
        "random_forest.n_estimators": 200,
        "random_forest.min_samples_leaf": 1,
        "random_forest.min_samples_split": 2,
        "random_forest.max_features": 0.5,
        "random_forest.criterion": "gini",
    },
    "extra_trees": {
        "extra_trees.n_estimators": 200,
        "extra_trees.min_samples_leaf": 1,
        "extra_trees.min_samples_split": 2,
        "extra_trees.max_features": 0.5,
        "extra_trees.criterion": "gini",
    },
    "mlp": {
        "mlp.width": 128,
        "mlp.depth": 2,
        "mlp.dropout": 0.1,
        "mlp.learning_rate": 1e-3,
        "mlp.weight_decay": 1e-2,
    },
}


def draw(trial: BaseTrial, task: TabularTask, candidates: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """A learner and its parameters."""
    name = trial.suggest_categorical("learner", list(candidates))
    return name, _SPACES[name](trial, task)
