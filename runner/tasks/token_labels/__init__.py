"""The task ``token_labels``: which tokens of a text are entities, and of which type."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.token_labels.options import TokenLabelOptions

TASK = Task(
    name="token_labels",
    package=__name__,
    measures=(
        Measure("f1", "F1 of entities", "F1", 3, interval=True),
        Measure("precision", "Precision of entities", "precision", 3),
        Measure("recall", "Recall of entities", "recall", 3),
        Measure("f1_macro", "F1, mean of the types", "F1 macro", 3),
        Measure("token_accuracy", "Accuracy of tags", "tag acc.", 3),
    ),
    options=TokenLabelOptions,
    models_noun="Taggers",
)
