"""The task ``classification``: which class a row is of, for one target or several, as a probability for each class."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.classification.options import ClassificationOptions

TASK = Task(
    name="classification",
    package=__name__,
    measures=(
        Measure("accuracy", "Accuracy", "accuracy", 3, interval=True),
        Measure("balanced_accuracy", "Balanced accuracy", "balanced acc.", 3),
        Measure("f1_macro", "F1, mean of the classes", "F1 macro", 3),
        Measure("f1_weighted", "F1, weighted by class sizes", "F1 weighted", 3),
        Measure("log_loss", "Log loss", "log loss", 3, better="lower"),
        Measure("auc", "Area under the ROC curve", "AUC", 3),
        Measure("calibration_error", "Calibration error", "calibration", 3, better="lower"),
    ),
    options=ClassificationOptions,
    models_noun="Classifiers",
)
