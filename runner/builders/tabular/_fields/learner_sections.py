"""What learns a table, as a spec says it: one of several learners with its parameters, or a search among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.builders.tabular._learners.parameters import (
    ForestClassifierParameters,
    ForestRegressorParameters,
    LinearClassifierParameters,
    LinearRegressorParameters,
    MlpParameters,
    XgboostParameters,
)
from runner.contract import Section, option

_SPLIT = (
    "Share of the training rows that decides when to stop, and is not learnt from. The held-out rows never do. "
    "0 trains to the end, and so does early_stopping null, which sets none apart; from a half on, too little would be "
    "left to learn from."
)
#: What a search may choose from.
Candidate = Literal["xgboost", "random_forest", "extra_trees", "linear", "mlp"]


class Xgboost(XgboostParameters):
    """Gradient-boosted trees (Chen and Guestrin, 2016)."""

    learner_type: Literal["xgboost"] = option(
        description="Gradient-boosted trees: the first choice where columns are of several kinds."
    )
    early_stopping_split: float = option(0.1, ge=0, lt=0.5, description=_SPLIT)


class Mlp(MlpParameters):
    """A small network."""

    learner_type: Literal["mlp"] = option(description="A small network, for many rows and smooth targets.")
    early_stopping_split: float = option(0.1, ge=0, lt=0.5, description=_SPLIT)


class LinearClassifier(LinearClassifierParameters):
    """Logistic regression."""

    learner_type: Literal["linear"] = option(description="A linear model: few rows, and weights that can be read.")


class LinearRegressor(LinearRegressorParameters):
    """Ridge regression."""

    learner_type: Literal["linear"] = option(description="A linear model: few rows, and weights that can be read.")


class RandomForestClassifier(ForestClassifierParameters):
    """A random forest (Breiman, 2001)."""

    learner_type: Literal["random_forest"] = option(description="A random forest: hard to get wrong.")


class RandomForestRegressor(ForestRegressorParameters):
    """A random forest (Breiman, 2001)."""

    learner_type: Literal["random_forest"] = option(description="A random forest: hard to get wrong.")


class ExtraTreesClassifier(ForestClassifierParameters):
    """Extremely randomised trees (Geurts et al., 2006)."""

    learner_type: Literal["extra_trees"] = option(description="Extremely randomised trees: smoother than a forest.")


class ExtraTreesRegressor(ForestRegressorParameters):
    """Extremely randomised trees (Geurts et al., 2006)."""

    learner_type: Literal["extra_trees"] = option(description="Extremely randomised trees: smoother than a forest.")


class Auto(Section):
    """A search: every learner with its defaults, then with parameters that are tried by what was good so far."""

    learner_type: Literal["auto"] = option(
        description="The best of several learners and of their parameters, by out-of-fold scores of the training rows."
    )
    candidates: list[Candidate] = option(
        factory=lambda: ["xgboost", "random_forest", "extra_trees", "linear"],
        min_length=1,
        description="The learners to choose from; linear is always among them.",
    )
    trials: int = option(20, ge=1, le=10_000, description="Most settings that are tried.")
    time_limit: float | None = option(
        None, gt=0, description="Try nothing new after so many seconds. A run with it is not the same twice."
    )


ClassLearner = Annotated[
    Xgboost | RandomForestClassifier | ExtraTreesClassifier | LinearClassifier | Mlp | Auto,
    Field(discriminator="learner_type"),
]
NumberLearner = Annotated[
    Xgboost | RandomForestRegressor | ExtraTreesRegressor | LinearRegressor | Mlp | Auto,
    Field(discriminator="learner_type"),
]


def default_learner() -> Xgboost:
    """The learner of a spec that names none."""
    return Xgboost(learner_type="xgboost")


def parameters_of(section: Any) -> dict[str, Any]:
    """What a learner is made with: the section without what is the kind's own matter."""
    return section.model_dump(mode="json", exclude={"learner_type", "early_stopping_split"})
