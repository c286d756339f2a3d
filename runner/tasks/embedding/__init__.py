"""The task ``embedding``: how alike two texts are; a text as a vector, where the model has one for it.

What held-out rows are decides what is measured of them. ``agreement`` is the headline of all: Spearman's correlation of
pairs with scores, the area under the ROC curve or the accuracy of pairs with classes, the accuracy of triplets, and the
mean reciprocal rank of pairs that belong together.
"""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.embedding.options import EmbeddingOptions

TASK = Task(
    name="embedding",
    package=__name__,
    measures=(
        Measure("agreement", "Agreement with the held-out pairs", "agreement", 3, interval=True),
        Measure("spearman", "Spearman rank correlation with the scores", "Spearman", 3),
        Measure("pearson", "Pearson correlation with the scores", "Pearson", 3),
        Measure("triplet_accuracy", "Share of triplets whose positive is the nearer", "triplets", 3),
        Measure("mrr_at_10", "Mean reciprocal rank among the first ten", "MRR@10", 3),
        Measure("ndcg_at_10", "nDCG of the first ten", "nDCG@10", 3),
        Measure("recall_at_1", "Share of texts whose own is found first", "recall@1", 3),
        Measure("recall_at_10", "Share of what belongs to a text found in the first ten", "recall@10", 3),
        Measure("roc_auc", "Area under the ROC curve", "AUC", 3),
        Measure("accuracy", "Accuracy of the classes", "accuracy", 3),
    ),
    options=EmbeddingOptions,
    held_out_noun="pairs",
    models_noun="Encoders",
)
