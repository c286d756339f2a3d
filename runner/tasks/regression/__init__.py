"""The task ``regression``: a number for a row, for one target or several."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.regression.options import RegressionOptions

# R2 orders the models of one target as RMSE does. Of several it is the one whose mean does not depend on their units.
TASK = Task(
    name="regression",
    package=__name__,
    measures=(
        Measure("r2", "R2, share of the variance explained", "R2", 3, interval=True),
        Measure("rmse", "Root mean squared error", "RMSE", 3, better="lower", interval=True),
        Measure("mae", "Mean absolute error", "MAE", 3, better="lower", interval=True),
        Measure("pearson", "Pearson correlation", "Pearson", 3),
        Measure("spearman", "Spearman rank correlation", "Spearman", 3),
    ),
    options=RegressionOptions,
    models_noun="Regressors",
)
