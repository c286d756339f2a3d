"""The parameters of every learner, as a spec writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from runner.contract import Section, option
from runner.training.early_stopping import EarlyStopping
from runner.training.gradient_training import GradientTraining

TabularTask = Literal["classification", "regression"]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Width = Annotated[int, Field(ge=1, le=65536)]


class DummyParameters(Section):
    """The share of every class, or the mean: what a model has to beat. It has no parameters."""


class XgboostParameters(Section):
    """Gradient-boosted trees (XGBoost, histogram method), with missing values and categories as they are."""

    n_estimators: int = option(300, ge=1, le=100_000, description="Most rounds of boosting.")
    learning_rate: float = option(0.1, gt=0, le=1, description="Share of every round's step that is taken.")
    max_depth: int = option(6, ge=1, le=64, description="Most splits from a tree's root to a leaf.")
    min_child_weight: float = option(
        1.0, ge=0, description="Least curvature in a leaf; with squared error, the least weight of its rows."
    )
    min_split_loss: float = option(0.0, ge=0, description="Least fall of the loss that a split has to bring (gamma).")
    subsample: Share = option(1.0, description="Share of the rows that each round draws.")
    colsample_bytree: Share = option(1.0, description="Share of the columns that each tree draws.")
    reg_lambda: float = option(1.0, ge=0, description="L2 penalty on the leaves' values.")
    reg_alpha: float = option(0.0, ge=0, description="L1 penalty on the leaves' values.")
    max_bin: int = option(256, ge=2, le=65536, description="Bins that a column's numbers are sorted into.")
    max_cat_to_onehot: int = option(
        4,
        ge=1,
        description="Columns with fewer categories are split one category against the rest; others into two sets.",
    )
    early_stopping: EarlyStopping | None = option(
        factory=lambda: EarlyStopping(patience=50),
        resume="warn",
        description="When boosting ends before its last round, by the loss of the rows that early_stopping_split sets "
        "apart; the best round is kept. null goes on to the last and keeps it.",
    )


class ForestParameters(Section):
    """Trees on random parts of the data, averaged: a random forest, or extremely randomised trees."""

    n_estimators: int = option(100, ge=1, le=100_000, description="Number of trees.")
    max_depth: int | None = option(None, ge=1, description="Most splits from a root to a leaf; null has no limit.")
    min_samples_split: int = option(2, ge=2, description="Fewest rows that a node needs to be split.")
    min_samples_leaf: int = option(1, ge=1, description="Fewest rows in a leaf.")
    max_features: Literal["sqrt", "log2"] | Share | None = option(
        None,
        description="Columns that each split draws: a share, or the root or logarithm of their number; null takes "
        "sqrt for classes and all for numbers.",
    )
    bootstrap: bool | None = option(
        None,
        description="Whether each tree draws its rows with replacement; null does for random_forest and does not for "
        "extra_trees.",
    )
    one_hot_max: int = option(
        10,
        ge=0,
        le=1000,
        description="Categorical columns with so many categories or fewer are a column for each; others keep the "
        "order of their codes.",
    )


class ForestClassifierParameters(ForestParameters):
    """A forest for classes."""

    criterion: Literal["gini", "entropy"] = option("gini", description="The impurity that splits lower.")


class ForestRegressorParameters(ForestParameters):
    """A forest for numbers."""

    criterion: Literal["squared_error", "friedman_mse", "poisson"] = option(
        "squared_error", description="The impurity that splits lower; poisson is for targets that are not negative."
    )


class LinearParameters(Section):
    """A linear model with an L2 penalty, on scaled numbers and a column for each category."""

    penalty: float = option(1.0, gt=0, description="L2 penalty: Ridge's alpha, and 1 / C of the logistic regression.")
    fit_intercept: bool = option(True, description="Whether the model has a constant.")
    scale: bool = option(True, description="Whether numeric columns are brought to mean 0 and deviation 1 first.")
    impute: Literal["mean", "median"] = option(
        "mean", description="What stands for a missing number; that it was missing is a column of its own."
    )
    max_categories: int = option(
        100, ge=1, le=10_000, description="Categories of a column that have a column: the most frequent ones."
    )


class LinearClassifierParameters(LinearParameters):
    """Logistic regression."""

    max_iter: int = option(1000, ge=1, description="Most steps of the solver.")


class LinearRegressorParameters(LinearParameters):
    """Ridge regression, solved in one step."""


class MlpParameters(GradientTraining):
    """A small network: scaled numbers and a learned vector for each category, through dense layers."""

    hidden_dims: list[Width] = option(
        factory=lambda: [128, 64], max_length=16, description="Width of every hidden layer, first to last."
    )
    dropout: float = option(0.1, ge=0, lt=1, description="Share of every hidden layer's values dropped in training.")
    embedding_dim: int | None = option(
        None,
        ge=1,
        le=1024,
        description="Length of the vector per category; null takes min(32, half the number of categories, rounded up).",
    )
    epochs: int = option(100, ge=1, description="Most passes over the training rows.")
    batch_size: int | None = option(
        None, ge=1, description="Rows in a step; null takes a 30th of the training rows, but 16 to 1024."
    )
    early_stopping: EarlyStopping | None = option(
        factory=EarlyStopping,
        resume="warn",
        description="When the training ends before its last epoch, by the loss of the rows that early_stopping_split "
        "sets apart; the best epoch is kept. null goes on to the last and keeps it.",
    )


_BOTH: dict[str, tuple[type[Section], type[Section]]] = {
    "dummy": (DummyParameters, DummyParameters),
    "linear": (LinearClassifierParameters, LinearRegressorParameters),
    "xgboost": (XgboostParameters, XgboostParameters),
    "random_forest": (ForestClassifierParameters, ForestRegressorParameters),
    "extra_trees": (ForestClassifierParameters, ForestRegressorParameters),
    "mlp": (MlpParameters, MlpParameters),
}


def parameters_of(name: str, task: TabularTask) -> type[Section]:
    """The section that a learner's parameters are, for one task. Raises ``KeyError`` for a name that is none."""
    return _BOTH[name][0 if task == "classification" else 1]


def read_parameters(name: str, task: TabularTask, params: Mapping[str, Any]) -> Any:
    """The section from plain values, as a stored model has them. Raises ``pydantic.ValidationError``."""
    return parameters_of(name, task).model_validate_json(json.dumps(dict(params)))
