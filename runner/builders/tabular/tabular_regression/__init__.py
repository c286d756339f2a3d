"""A number for each row of a table, or for each of several columns: boosted trees, forests, linear, a network.

Columns are numbers, categories, dates, truths or texts, found by looking at them or named in the spec; what is found is
stored with the model and checked when it is asked. Each target column has a learner of its own, and answers are in the
target's own unit. `auto` tries several learners and keeps the best by out-of-fold scores of the training rows. A dummy
and a linear model are always measured on the same held-out rows, and a column's importance is the rise of the root mean
squared error when it is shuffled.

Use it when the target is a quantity; where rows follow each other in time, hold out the latest with `time_column`. For
names, or numbers that are names, use `tabular_classification`.

Source: Chen and Guestrin, XGBoost (2016); Breiman, Random Forests (2001); Geurts et al., Extremely randomized trees
(2006); permutation importance as in Breiman (2001).
"""

from __future__ import annotations

from typing import Literal

from runner.builders.tabular._fields.learner_sections import NumberLearner, default_learner
from runner.builders.tabular._fields.tabular_fields import TabularSpec
from runner.contract import option
from runner.data.table_rows.section import NumbersData
from runner.tasks import regression

TASK = regression.TASK
REQUIRES = ("numpy", "optuna", "pyarrow", "safetensors", "scikit-learn", "torch", "xgboost")


class Spec(TabularSpec):
    """Numbers from a table."""

    data = NumbersData

    model_type: Literal["tabular_regression"] = option(description="A number for each row of a table.")
    learner: NumberLearner = option(factory=default_learner, description="What learns, and its parameters.")
