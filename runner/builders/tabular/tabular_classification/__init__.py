"""A class for each row of a table, or for each of several columns: boosted trees, forests, linear, a network.

Columns are numbers, categories, dates, truths or texts, found by looking at them or named in the spec; what is found is
stored with the model and checked when it is asked. Each target column has a learner of its own. `auto` tries several
and keeps the best by out-of-fold scores of the training rows. A dummy and a linear model are always measured on the
same held-out rows, and a column's importance is the rise of the log loss when it is shuffled.

Use it when rows have columns of several kinds. Where one column of text decides, a text classifier reads it better;
where the target is a quantity, so that 4 lies between 3 and 5, `tabular_regression` keeps the order.

Source: Chen and Guestrin, XGBoost (2016); Breiman, Random Forests (2001); Geurts et al., Extremely randomized trees
(2006); permutation importance as in Breiman (2001).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.builders.tabular._fields.learner_sections import ClassLearner, default_learner
from runner.builders.tabular._fields.tabular_fields import TabularSpec
from runner.contract import option
from runner.data.table_rows.section import ClassesData
from runner.tasks import classification

TASK = classification.TASK
REQUIRES = ("numpy", "optuna", "pyarrow", "safetensors", "scikit-learn", "torch", "xgboost")


class Spec(TabularSpec):
    """Classes from a table."""

    data = ClassesData

    model_type: Literal["tabular_classification"] = option(description="A class for each row of a table.")
    learner: ClassLearner = option(factory=default_learner, description="What learns, and its parameters.")
    class_weights: Literal["none", "balanced"] | dict[str, Annotated[float, Field(gt=0, le=1e9)]] = option(
        "none",
        description="balanced weighs each row by the inverse frequency of its class; or a weight by class, 1 for those "
        "not named.",
    )
    threshold: Literal["f1"] | Annotated[float, Field(gt=0, lt=1)] = option(
        0.5,
        description="From which probability on a row is of the second of two classes; f1 chooses the one with the best "
        "F1 by out-of-fold probabilities of the training rows. Other targets have none.",
    )
